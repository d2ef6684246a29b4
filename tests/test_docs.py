"""What the documents show is run: each marked block, on the demo's files, and every command they name exists."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "src/mainstay/playbooks/library/demo"
MARKED = re.compile(r"<!-- executed by tests/test_docs.py[^>]*-->\n```console\n(.*?)```", re.DOTALL)
BLOCKS = MARKED.findall((ROOT / "README.md").read_text())


def turns(block):
    """Split a block into commands with the lines they are shown to print."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def shown_in_order(expected, printed):
    rest = iter(printed)
    return all(line == "..." or any(line == got.rstrip() for got in rest) for line in expected)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_the_readme_does_what_it_shows(block, tmp_path):
    for name in ("statement.xml", "invoices.csv"):
        shutil.copy(DEMO / name, tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    where = tmp_path
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    for command, expected in turns(block):
        words = shlex.split(command)
        if words[0] == "cd":
            where = where / words[1]
            continue
        assert words[0] == "mainstay"
        done = subprocess.run(
            [Path(sys.executable).with_name("mainstay"), *words[1:]],
            cwd=where, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 3), done.stderr
        assert shown_in_order(expected, done.stdout.splitlines()), done.stdout


def test_the_readme_has_blocks_that_are_run():
    assert len(BLOCKS) == 2
    assert not shown_in_order(["a", "b"], ["b", "a"])


def test_every_command_that_the_documents_name_exists():
    texts = [path.read_text() for path in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md")]
    named = {name for text in texts for name in re.findall(r"mainstay ([a-z]+)\b", text)} - {"as"}
    shown = subprocess.run(
        [Path(sys.executable).with_name("mainstay"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    known = set(re.findall(r"^  ([a-z]+) ", shown, re.MULTILINE))
    assert known
    assert named - known == set()


def test_contributing_names_every_target_and_what_clean_removes():
    makefile, told = (ROOT / "Makefile").read_text(), (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):[^#\n]*## ", makefile, re.MULTILINE)) - {"help"}
    assert targets - set(re.findall(r"`make ([a-z-]+)", told)) == set()
    cleaned = makefile.partition("\nclean:")[2].partition("\n\n")[0]
    removed = re.findall(r"\.venv[a-z-]*", cleaned.partition("rm -rf")[2])
    clean = next(line for line in told.splitlines() if line.startswith("| `make clean`"))
    assert removed
    assert set(removed) == set(re.findall(r"`(\.venv[a-z-]*)`", clean))
