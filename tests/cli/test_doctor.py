"""What an operator is told when something of a workspace is gone, damaged or not to be written to."""

from __future__ import annotations

import os
import shutil
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from as_shown import DEMO_PICK
from cli_desk import Desk, new_desk

from mainstay.cli import doctor

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = (["inbox"], ["plans"], ["history", "verify"], ["run", "slow"], ["history", "tail"])


def history_of(desk: Desk) -> dict[str, str]:
    findings = desk.json("doctor", status=1)
    return next(each for each in findings if each["check"] == "history" and each["state"] == "wrong")


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
    for path in (*state.iterdir(), *(tmp_path / "config/mainstay/keys").glob("*.head")):
        if path.name not in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
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


def test_missing_and_altered_files_are_named_and_other_questions_are_still_shown(asked):
    other = asked.reconcile()["questions"][0]
    before = {item["decision"] for item in asked.json("inbox")}
    assert before == {asked.question, other}
    assert [item["decision"] for item in asked.json("inbox", "--limit", "1")] == [asked.question]
    assert "The 1 oldest of 2 waiting." in asked.run("inbox", "--limit", "1").stdout
    assert "2 waiting." in asked.run("inbox").stdout
    card = next(item for item in asked.json("inbox") if item["decision"] == other)
    assert card["kind"] != "unreadable"
    blobs = sorted(path for path in (asked.folder / ".mainstay" / "blobs").glob("*/*") if path.is_file())
    for path in blobs:
        kept = path.read_bytes()
        path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        assert "was altered" in history_of(asked)["says"] if path == blobs[0] else True
        path.unlink()
        done = asked.run("inbox")
        assert done.returncode == 0, done.stderr
        assert len(asked.json("inbox")) == len(before)
        path.write_bytes(kept)
    blobs[0].unlink()
    found = history_of(asked)
    assert "is missing" in found["says"]
    assert "backup" in found["next"]
    verified = asked.run("history", "verify")
    assert (verified.returncode, "is missing" in " ".join(verified.stdout.split())) == (1, True)


@pytest.mark.parametrize(("size", "state", "says"), [("100m", "note", "100 MiB"), ("4m", "wrong", "4 MiB")])
def test_a_small_disk_is_wrong_only_where_work_can_not_go_on(tmp_path, size, state, says):
    mount = tmp_path / "disk"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", mount], check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a file system")
    try:
        (found,) = doctor._disk(SimpleNamespace(state=mount, ledger=mount / "ledger.db"))
    finally:
        subprocess.run(["umount", "-l", mount], check=True)
    assert (found.state, found.says) == (state, f"{says} are free.")


def test_damage_on_disk_is_told_in_plain_words(asked):
    path = asked.folder / ".mainstay" / "ledger.db"
    for page in range(2, path.stat().st_size // 4096, 12):
        whole = path.read_bytes()
        path.write_bytes(whole[: page * 4096] + bytes(4096) + whole[(page + 1) * 4096 :])
        done = asked.run("history", "verify")
        assert done.returncode == 1, (page, done.stdout)
        said = done.stdout + done.stderr
        assert "backup" in said or "history rebuild" in said, "a list is made anew, a record is not"
        assert "malformed" not in said
        path.write_bytes(whole)


def read_only(folder: Path) -> bool:
    done = [subprocess.run(["mount", *how], check=False, capture_output=True).returncode for how in (
        ["--bind", folder, folder], ["-o", "remount,ro,bind", folder])]  # fmt: skip
    return done == [0, 0]


def test_a_workspace_that_cannot_be_written_to_says_so(asked):
    if os.geteuid() != 0 or not read_only(asked.folder):
        pytest.skip("this machine does not let us mount a folder read-only")
    try:
        for command in (["run", "slow"], ["decide", asked.question, "approve", *DEMO_PICK]):
            done = asked.run(*command)
            assert (done.returncode, "can't be written to" in done.stderr) == (1, True), done.stderr
            assert "Mainstay itself" not in done.stderr
        assert "can't be written to" in asked.run("doctor").stdout
    finally:
        subprocess.run(["umount", "-l", asked.folder], check=True)
