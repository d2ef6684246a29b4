"""What an operator is told when something of a workspace is gone, damaged or not to be written to."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from cli_desk import Desk, new_desk

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = (["inbox"], ["plans"], ["history", "verify"], ["run", "slow"], ["history", "tail"])


def history_of(desk: Desk) -> dict[str, str]:
    findings = desk.json("doctor", status=1)
    return next(each for each in findings if each["check"] == "history" and each["state"] == "wrong")


@pytest.fixture
def asked(shared: Desk, tmp_path: Path) -> Desk:
    """A workspace of one's own with a question that waits: a copy, of which nothing else is ever asked."""
    desk = Desk(tmp_path)
    shutil.rmtree(tmp_path / "run")
    shutil.copytree(shared.folder.parent, tmp_path, dirs_exist_ok=True)
    desk.question = shared.question
    return desk


def test_a_history_that_is_gone_is_an_error_everywhere_and_nothing_is_begun(asked):
    state = asked.folder / ".mainstay"
    for path in state.glob("ledger.db*"):
        path.unlink()
    for command in COMMANDS:
        done = asked.run(*command)
        assert (done.returncode, "The history is missing" in done.stderr) == (1, True), done.stderr
        assert "backup" in done.stderr
        assert "init" not in done.stderr
    assert "missing" in history_of(asked)["says"]
    (asked.folder / "mainstay.toml").unlink()
    again = asked.run("init", asked.folder)
    assert (again.returncode, "The history is missing" in again.stderr) == (1, True)
    assert not (state / "ledger.db").exists()


@pytest.mark.parametrize("left", [["id"], ["id", "ledger.fingerprint"], ["id", "ledger.fingerprint", "ledger.db"], []])
def test_an_init_that_was_cut_off_is_finished_by_the_next(tmp_path, left):
    desk = new_desk(tmp_path)
    (desk.folder / "mainstay.toml").unlink()
    state = desk.folder / ".mainstay"
    for path in state.iterdir():
        if path.name not in left:
            path.unlink()
    if "ledger.db" in left:
        (state / "ledger.db").write_bytes(b"")
    done = desk.run("init", desk.folder)
    assert done.returncode == 0, done.stderr
    assert desk.run("history", "verify").returncode == 0


def test_a_missing_id_file_is_named(asked):
    (asked.folder / ".mainstay" / "id").unlink()
    for command in (["inbox"], ["run", "slow"], ["doctor"]):
        done = asked.run(*command)
        assert done.returncode == 1
        assert "The id file of this workspace is missing" in done.stdout + done.stderr
        assert "mainstay init" not in done.stdout + done.stderr
