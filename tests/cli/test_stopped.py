"""F5: a command that is asked to end (SIGTERM) leaves nothing half done, and can be run again at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli_desk import Desk

COMMAND = [sys.executable, "-m", "mainstay.cli"]
BYTES = 30 * 1024 * 1024
DONE, STOPPED = 0, 130
AT_ONCE = -signal.SIGTERM  # it wrote no file of its own, not yet, or no longer


def stopped(desk: Desk, after_s: float, *arguments: object) -> int:
    """Begin a command and ask it to end; give its exit status."""
    env = {name: value for name, value in desk.env.items() if name != "PYTHONWARNINGS"}
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=desk.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(after_s)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode in (DONE, STOPPED, AT_ONCE), said
    assert b"Traceback" not in said
    return process.returncode


def delays() -> list[float]:
    """Give moments from before a command begins its work to after it ended, on most machines."""
    return [0.6, 0.9, 1.2, 1.5]


def large(desk: Desk) -> None:
    (desk.folder / "templates" / "large.bin").write_bytes(os.urandom(BYTES))


def test_f5_a_backup_that_is_asked_to_end_leaves_no_file_or_a_whole_one(desk):
    large(desk)
    base = desk.folder.parent
    for turn, delay_s in enumerate(delays()):
        status, file = stopped(desk, delay_s, "backup", base / f"{turn}.backup"), base / f"{turn}.backup"
        assert not list(base.glob(".mainstay-*"))
        assert status != DONE or file.exists()
        if file.exists():
            desk.json("restore", file, base / f"whole{turn}")
    desk.json("backup", base / "last.backup")


@pytest.mark.long
def test_f5_a_restore_that_is_asked_to_end_leaves_no_folder_or_a_whole_one(desk):
    large(desk)
    base = desk.folder.parent
    desk.json("backup", base / "acme.backup")
    for turn, delay_s in enumerate(delays()):
        other = desk.elsewhere(base / f"again{turn}")
        stopped(desk, delay_s, "restore", base / "acme.backup", other.folder)
        assert not list(base.glob(".*restoring"))
        if other.folder.exists():
            assert other.json("history", "verify")["bad"] is None
    desk.json("restore", base / "acme.backup", base / "last")


@pytest.mark.long
def test_f5_archiving_that_is_asked_to_end_is_whole_or_goes_on_later(desk):
    before: dict[str, object] = {}
    for delay_s in delays():
        plan = desk.reconcile()["plan"]
        desk.json("cancel", plan)
        stopped(desk, delay_s, "history", "archive", "--older-than", "0s")
        found = desk.json("history", "verify")
        assert (found["bad"], found["damaged"], found["files"]) == (None, [], [])
        before[plan] = desk.json("show", plan, "--all")
    desk.json("history", "archive", "--older-than", "0s")
    assert {plan: desk.json("show", plan, "--all") for plan in before} == before
    assert not list((desk.folder / ".mainstay" / "segments").glob("*.part"))


@pytest.mark.long
def test_f5_an_import_that_is_asked_to_end_can_be_made_again(asked):
    base = asked.folder.parent
    (base / "acme.jsonl").write_text(asked.run("history", "export").stdout)
    records = asked.json("history", "verify")["records"]
    for turn, delay_s in enumerate(delays()):
        other = asked.elsewhere(base / f"new{turn}")
        assert asked.run("init", other.folder, folder=base).returncode == DONE
        if stopped(other, delay_s, "history", "import", base / "acme.jsonl") != DONE:
            again = other.run("history", "import", base / "acme.jsonl")
            assert again.returncode == DONE or "whether it is here already" in again.stderr, again.stderr
        found = other.json("history", "verify")
        assert (found["bad"], found["records"] >= records) == (None, True)
