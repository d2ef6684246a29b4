"""What docs/secrets.md and docs/anchoring.md show is run: their settings are read, their commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mainstay.app import create_workspace
from mainstay.workspace import Workspace

DOCS = Path(__file__).parents[1] / "docs"
NAMES = ("secrets.md", "anchoring.md")
MAIL = '[mail.smtp]\nhost = "smtp.example.com"\nusername = "you@example.com"\n'


def blocks(name: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_that_are_shown_are_read(name, tmp_path):
    (block,) = blocks(name)
    create_workspace(tmp_path / "acme", name="Acme", timezone="UTC")
    config = tmp_path / "acme/mainstay.toml"
    config.write_text(f"{config.read_text()}\n{block if 'mail.smtp' in block else MAIL + block}")
    read = Workspace(tmp_path / "acme").config
    assert read.mail.smtp is not None
    assert read.mail.smtp.password == "secret:smtp"
    assert read.anchor.named == (("file", "git", "mail") if "[anchor]" in block else ())


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_and_options_that_are_shown_exist(name):
    text = (DOCS / name).read_text()
    shown = set(re.findall(r"mainstay (secret|history) ([a-z]+)", text))
    assert shown
    for group, command in shown:
        given = [Path(sys.executable).with_name("mainstay"), group, command, "--help"]
        helped = subprocess.run(given, capture_output=True, text=True, check=False)
        assert helped.returncode == 0, (group, command)
        for option in re.findall(rf"mainstay {group} {command}[^`|\n]*?(--[a-z]+)", text):
            assert option in helped.stdout, (group, command, option)
