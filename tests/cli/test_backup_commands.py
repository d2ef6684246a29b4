"""O7, F5, L8: backup, restore, archive, export and import as the operator runs them, with an owner and without."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from as_shown import DEMO_PICK
from cli_desk import COMMAND, INVOICES, STATEMENT, WAIT_S, Desk, new_desk, stop

from mainstay.ledger import database, keys

if TYPE_CHECKING:
    from pathlib import Path

PASSPHRASE = "correct horse battery"


def plans(desk: Desk) -> list[Any]:
    return [(row["plan"], row["status"], row["questions"]) for row in desk.json("plans")]


def kinds(desk: Desk) -> list[str]:
    return [row["kind"] for row in desk.json("history", "tail", "-n", "1000")]


def restored(desk: Desk, file: Path, name: str = "again") -> Desk:
    other = desk.elsewhere(desk.folder.parent / name)
    done = desk.run("restore", file, other.folder)
    assert done.returncode == 0, done.stderr
    return other


@pytest.mark.long
def test_o7_l6_a_backup_of_a_busy_workspace_brings_all_plans_back_and_dispatches_nothing(asked):
    waiting = asked.standing
    service = asked.service()
    run = ("run", "billing-reconciliation", f"statement={STATEMENT}", f"invoices={INVOICES}")
    busy = [asked.begun(*run) for _ in range(3)]
    deadline = time.monotonic() + 30
    while len(asked.json("plans")) < 4:
        assert time.monotonic() < deadline
    file = asked.folder.parent / "acme.backup"
    made = asked.json("backup", file)
    for process in busy:
        process.communicate(WAIT_S)
        assert process.returncode == 3
    ended = next(row["plan"] for row in asked.json("plans") if row["plan"] != waiting["plan"])
    assert asked.json("cancel", ended)["status"] == "cancelled"
    stop(service)
    there, events = plans(asked), kinds(asked)
    other = restored(asked, file)
    assert made["records"] < len(events), "it went on after the backup"
    assert {plan for plan, _, _ in plans(other)} == {plan for plan, _, _ in there}
    assert other.json("history", "verify")["bad"] is None
    service = other.service()
    stop(service)
    after = kinds(other)
    assert after == [*events[: made["records"]], "WorkspaceQuarantined"]
    assert not list((other.folder / "outbox").rglob("*.*"))
    assert other.json("decide", waiting["questions"][0], status=3)["card"]["headline"]


def test_o7_a_restored_workspace_goes_on_after_its_release(asked):
    file = asked.folder.parent / "acme.backup"
    asked.json("backup", file)
    other = restored(asked, file)
    (question,) = other.json("inbox")
    other.json("history", "release", "--all", "run")
    assert other.json("decide", question["decision"], "approve", *DEMO_PICK, status=3)["questions"]


def test_o7_a_backup_can_be_named_only_once_and_a_workspace_is_never_overwritten(desk):
    file = desk.folder.parent / "acme.backup"
    desk.json("backup", file)
    assert "exists already" in desk.run("backup", file).stderr
    done = desk.run("restore", file, desk.folder)
    assert done.returncode == 2
    assert "is not empty; nothing was changed" in done.stderr
    assert desk.run("restore", desk.folder / "mainstay.toml", desk.folder.parent / "new").returncode == 2


def test_o7_without_the_key_nothing_is_restored(desk, tmp_path):
    file = desk.folder.parent / "acme.backup"
    desk.json("backup", file)
    desk.env = desk.env | {"XDG_CONFIG_HOME": str(tmp_path / "elsewhere" / "config")}
    done = desk.run("restore", file, tmp_path / "new")
    assert done.returncode == 1
    assert "is missing" in done.stderr
    assert not (tmp_path / "new").exists()


def test_o7_a_passphrase_brings_the_workspace_to_another_machine(desk, tmp_path):
    file = desk.folder.parent / "acme.backup"
    desk.reconcile()
    assert "MAINSTAY_BACKUP_PASSPHRASE" in desk.run("backup", file, "--passphrase").stderr
    desk.env["MAINSTAY_BACKUP_PASSPHRASE"] = "short"
    assert "at least 12 characters" in desk.run("backup", file, "--passphrase").stderr
    desk.env["MAINSTAY_BACKUP_PASSPHRASE"] = PASSPHRASE
    desk.json("backup", file, "--passphrase")
    there = plans(desk)
    desk.env["XDG_CONFIG_HOME"] = str(tmp_path / "elsewhere")
    desk.env["MAINSTAY_BACKUP_PASSPHRASE"] = "something else"
    assert "That passphrase does not open" in desk.run("restore", file, tmp_path / "new").stderr
    desk.env["MAINSTAY_BACKUP_PASSPHRASE"] = PASSPHRASE
    assert plans(restored(desk, file)) == there


@pytest.mark.long
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_f5_killed_at_any_moment_nothing_half_is_left_and_it_can_be_run_again(desk, command):
    large = desk.folder / "templates" / "large.bin"
    large.write_bytes(os.urandom(60 * 1024 * 1024))
    base, there = desk.folder.parent, plans(desk)
    if command == "restore":
        desk.json("backup", base / "first.backup")
    for turn in range(6):
        target = base / "acme.backup" if command == "backup" else base / "again"
        arguments = [target] if command == "backup" else [base / "first.backup", target]
        process = subprocess.Popen([*COMMAND, command, *map(str, arguments)], cwd=desk.folder, env=desk.env)
        time.sleep(0.35 + turn * 0.12)
        process.kill()
        process.wait()
        if target.exists():  # it was quicker: then it is whole
            break
    file = base / "second.backup" if command == "backup" else base / "first.backup"
    if command == "backup":
        desk.json("backup", file)
        if target.exists():
            restored(desk, target, "whole")
    elif target.exists():
        assert plans(desk.elsewhere(target)) == there
    other = restored(desk, file, "last")
    assert plans(other) == there
    assert (other.folder / "templates" / "large.bin").read_bytes() == large.read_bytes()
    assert not list(base.glob(".mainstay-*"))


@pytest.mark.long
def test_l8_archived_plans_are_shown_replayed_and_undone_as_before(asked):
    standing = asked.standing
    while standing["questions"]:
        picked = DEMO_PICK if standing["questions"][0] == asked.question else ()
        done = asked.run("decide", standing["questions"][0], "approve", *picked, "--json")
        assert done.returncode in (0, 3), done.stderr
        standing = json.loads(done.stdout)
    plan = standing["plan"]
    shown, sizes = asked.json("show", plan), asked.json("history", "size")
    time.sleep(1.1)  # what ended this very second is not older than a second
    done = asked.json("history", "archive", "--older-than", "1s")
    assert done["plans"] >= 1
    smaller = asked.json("history", "size")
    assert smaller["bodies"] < sizes["bodies"]
    assert smaller["archived_records"] == done["events"]
    assert asked.json("show", plan) == shown
    assert asked.json("replay", plan)["same"]
    assert asked.json("history", "verify")["bad"] is None
    assert asked.json("undo", plan, "--yes")["taken_back"]
    asked.json("history", "rebuild")
    assert asked.json("history", "collect")["removed"] == 0


def test_l8_care_can_be_asked_of_a_running_owner(asked):
    service = asked.service()
    assert asked.json("history", "collect") == {"removed": 0, "stored_bytes": 0}
    assert asked.json("history", "archive")["plans"] == 0
    assert asked.json("history", "rebuild")["records"] > 10
    stop(service)


def test_l8_a_time_that_is_none_is_refused(desk):
    done = desk.run("history", "archive", "--older-than", "soon")
    assert done.returncode == 2
    assert "90d" in done.stderr


def test_o7_a_history_goes_out_and_comes_in_elsewhere(asked, tmp_path):
    lines = asked.run("history", "export").stdout
    (tmp_path / "acme.jsonl").write_text(lines)
    (tmp_path / "other").mkdir()
    other = new_desk(tmp_path / "other", unused=True)
    done = other.json("history", "import", tmp_path / "acme.jsonl")
    assert done["records"] == len([line for line in lines.splitlines() if '"mainstay.event.' in line])
    assert plans(other) == plans(asked)
    assert other.json("inbox")[0]["card"] == asked.json("inbox")[0]["card"]
    assert kinds(other)[-1] == "WorkspaceQuarantined"
    assert other.json("history", "verify")["bad"] is None
    again = other.run("history", "import", tmp_path / "acme.jsonl")
    assert again.returncode == 2
    assert "happened in this workspace already" in again.stderr


def test_o7_an_altered_export_is_refused_by_its_line(desk, tmp_path):
    lines = desk.run("history", "export").stdout.splitlines()
    event = json.loads(lines[-2])
    lines[-2] = json.dumps(event | {"actor": "somebody"})
    (tmp_path / "acme.jsonl").write_text("\n".join(lines))
    (tmp_path / "other").mkdir()
    other = new_desk(tmp_path / "other", unused=True)
    before = kinds(other)
    done = other.run("history", "import", tmp_path / "acme.jsonl")
    assert done.returncode == 2
    assert re.search(rf"acme.jsonl, line {len(lines) - 1} \(record \d+, \w+.*\): it was altered", done.stderr)
    assert kinds(other) == before


def test_l9_damaged_lists_are_told_from_damaged_records_and_made_anew(asked, monkeypatch):
    there = plans(asked)
    monkeypatch.setenv("XDG_CONFIG_HOME", asked.env["XDG_CONFIG_HOME"])
    ledger = asked.folder / ".mainstay" / "ledger.db"
    connection = database.connect_writer(ledger, keys.load(asked.folder / ".mainstay").database)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'plan'").fetchone()
    connection.close()
    with ledger.open("r+b") as file:
        file.seek((page - 1) * 4096 + 99)
        file.write(b"damaged!")
    assert asked.run("plans").returncode == 1
    done = asked.run("history", "verify")
    assert done.returncode == 1
    assert "damaged on disk: plan." in done.stdout
    assert "mainstay history rebuild" in done.stdout
    asked.json("history", "rebuild")
    assert plans(asked) == there
    assert asked.run("history", "verify").returncode == 0


def test_o7_files_and_single_plans_go_out_too(asked, tmp_path):
    plan = asked.standing["plan"]
    whole = asked.run("history", "export", "--blobs", tmp_path / "files")
    assert "Anybody can read them" in whole.stderr
    assert "data_base64" not in whole.stdout
    assert list((tmp_path / "files").iterdir())
    (tmp_path / "acme.jsonl").write_text(whole.stdout)
    (tmp_path / "other").mkdir()
    other = new_desk(tmp_path / "other", unused=True)
    without = other.run("history", "import", tmp_path / "acme.jsonl")
    assert without.returncode == 2
    assert "--blobs" in without.stderr
    other.json("history", "import", tmp_path / "acme.jsonl", "--blobs", tmp_path / "files")
    assert plans(other) == plans(asked)
    lines = [json.loads(line) for line in asked.run("history", "export", "--plan", plan[:5]).stdout.splitlines()]
    subjects = {line["subject"] for line in lines if line["type"].startswith("mainstay.event.")}
    assert subjects == {f"plan:{plan}"}


def test_o7_an_export_that_can_not_be_written_says_that_it_is_not_whole(desk):
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*COMMAND, "history", "export"],
            cwd=desk.folder,
            env=desk.env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device. What was written of it is not whole" in done.stderr
