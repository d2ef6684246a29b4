"""What docs/agents.md shows is run: its agent, its playbook, its commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mainstay.kernel.calls import MOST_ACTIONS
from mainstay.runtime.journal import MOST_CALLS
from mainstay.runtime.worker import MOST_ASKED_BYTES

PAGE = (Path(__file__).parents[1] / "docs/agents.md").read_text()
MARKED = re.compile(r"<!-- executed by tests/test_docs_agents.py: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
BLOCKS = dict(MARKED.findall(PAGE))


@pytest.fixture
def mainstay(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "COLUMNS": "200",
    }

    def run(*words):
        done = subprocess.run(
            [Path(sys.executable).with_name("mainstay"), *words],
            cwd=tmp_path / "acme" if (tmp_path / "acme").exists() else tmp_path,
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 3), done.stdout + done.stderr
        return done.stdout + done.stderr

    run("init", "acme")
    return run


def spaced(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.long
def test_j1_a2_the_agent_of_the_page_does_what_the_page_shows(mainstay, tmp_path):
    for path, content in BLOCKS.items():
        if path != "console":
            (tmp_path / "acme" / path).write_text(content)
    (tmp_path / "acme/inbox/greeting.txt").write_text("Good to have you.")
    plan = ""
    printed = ""
    for line in BLOCKS["console"].splitlines():
        if line.startswith("$ mainstay "):
            printed = mainstay(*shlex.split(line.removeprefix("$ mainstay ").replace("PLAN", plan)))
            plan = plan or (found[1] if (found := re.search(r"mainstay decide (\w+)\.1", printed)) else "")
        else:
            for part in line.split("..."):
                assert spaced(part) in spaced(printed), printed
    assert (tmp_path / "acme/reports/meier.md").read_text().endswith("Meier was greeted.\n")
    assert len(list((tmp_path / "acme/outbox").iterdir())) == 1


def test_the_page_tells_the_limits_as_they_are():
    assert f"| {MOST_CALLS:,} |" in PAGE
    assert f"| {MOST_ACTIONS} |" in PAGE
    assert f"{MOST_ASKED_BYTES // 2**20} MB" in PAGE
