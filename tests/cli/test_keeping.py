"""A workspace's key, its anchors, and its release after it was copied, from the command line (KERNEL L4, L6, L7)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from as_shown import DEMO_PICK
from cli_desk import Desk, new_desk, stop

from mainstay.ledger import passphrase

WORD = "correct horse battery"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


@pytest.fixture
def locked(tmp_path: Path) -> Desk:
    """A workspace whose key opens with a passphrase only; nobody gives it."""
    desk = Desk(tmp_path)
    word = tmp_path / "word"
    word.touch(mode=0o600)
    word.write_text(WORD)
    desk.env[passphrase.FILE_ENV] = str(word)
    made = desk.run("init", desk.folder, "--key", "passphrase", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    del desk.env[passphrase.FILE_ENV]
    return desk


def findings(desk: Desk, status: int = 0) -> dict[str, dict[str, str]]:
    return {each["check"]: each for each in desk.json("doctor", status=status)}


def copied(desk: Desk, base: Path) -> Desk:
    """Another desk on a copy of the workspace, by the same user."""
    base.mkdir()
    copy = Desk(base)
    copy.env |= {"XDG_CONFIG_HOME": desk.env["XDG_CONFIG_HOME"]}
    shutil.copytree(desk.folder, copy.folder)
    copy.question = desk.question
    return copy


# --- L4


def test_l4_every_command_on_a_locked_workspace_says_so_and_what_to_do(locked):
    for command in (["plans"], ["run", "billing-reconciliation"], ["start"], ["history", "verify"], ["doctor"]):
        done = locked.run(*command)
        assert done.returncode in (1, 2), command
        if command[0] in ("plans", "start", "history"):
            assert "The key of this workspace is locked" in done.stderr
            assert passphrase.FILE_ENV in done.stderr
    assert "locked" in findings(locked, 1)["keys"]["says"]


def test_l4_a_passphrase_is_typed_at_a_terminal_and_not_shown(locked):
    terminal = locked.terminal("plans")
    terminal.until("Passphrase of this workspace: ")
    terminal.type("wrong one, sorry\n")
    terminal.until("Try again.")
    terminal.until("Passphrase of this workspace: ")
    terminal.type(WORD + "\n")
    assert terminal.status() == 0
    assert WORD not in terminal.text


def test_l4_a_service_takes_the_passphrase_from_a_private_file(locked, tmp_path):
    locked.env[passphrase.FILE_ENV] = str(tmp_path / "word")
    service = locked.service()
    assert stop(service)[0] == 0
    locked.env[passphrase.FILE_ENV] = str(tmp_path / "nowhere")
    assert "missing" in locked.run("plans").stderr


def test_l4_the_key_is_moved_and_exported_from_the_command_line(locked, tmp_path):
    locked.env[passphrase.FILE_ENV] = str(tmp_path / "word")
    assert locked.json("key", "show")["key"] == "passphrase"
    inside = locked.run("key", "export", locked.folder / "k.key")
    assert (inside.returncode, "must not carry its key along" in inside.stderr) == (2, True)
    exported = Path(locked.json("key", "export", tmp_path / "k.key")["file"])
    assert (exported.stat().st_mode & 0o777, exported.stat().st_size) == (0o600, 32)
    assert locked.run("key", "export", exported).returncode == 2
    assert locked.json("key", "move", "file")["key"] == "file"
    del locked.env[passphrase.FILE_ENV]
    assert locked.run("plans").returncode == 0
    assert Path(locked.json("key", "show")["file"]).read_bytes() == exported.read_bytes()
    for way, says in (("file", "kept so already"), ("usb", "is not kept in 'usb'"), ("keyring", "no keyring")):
        done = locked.run("key", "move", way)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert locked.run("plans").returncode == 0


def test_l4_a_key_inside_the_workspace_is_refused(tmp_path):
    desk = Desk(tmp_path)
    desk.env["XDG_CONFIG_HOME"] = str(desk.folder / "config")
    done = desk.run("init", desk.folder, folder=tmp_path)
    assert (done.returncode, "would lie inside it" in done.stderr) == (1, True)


def test_l4_a_key_that_is_gone_is_not_said_to_be_there(desk, tmp_path):
    desk.env["XDG_CONFIG_HOME"] = str(tmp_path / "elsewhere")
    done = desk.run("key", "show")
    assert done.returncode == 1
    assert "key file of this workspace is missing" in " ".join(done.stderr.split())


# --- L6


@pytest.mark.long
def test_l6_a_copied_workspace_says_what_stopped_it_and_goes_on_after_its_release(asked, tmp_path):
    copy = copied(asked, tmp_path / "copy")
    assert "The next start will stop all work" in findings(copy, 1)["work"]["says"]
    for command in (["decide", copy.question, "approve", *DEMO_PICK, "--yes"], ["run", "slow"]):
        done = copy.run(*command)
        assert (done.returncode, "All work in this workspace is stopped" in done.stderr) == (1, True), done.stderr
        assert "mainstay history release" in done.stderr
    assert "All work is stopped" in findings(copy, 1)["work"]["says"]
    assert copy.run("plans").returncode == copy.run("show", copy.question.partition(".")[0]).returncode == 0
    shown = copy.run("history", "release")
    assert (shown.returncode, "Still to come, unless it came since: learn, book" in shown.stdout) == (3, True)
    assert any("All work was stopped" in event["what"] for event in copy.json("history", "tail"))
    assert copy.run("history", "release", "nonsense").returncode == 2
    assert copy.run("history", "release", "--all", "maybe").returncode == 2
    assert copy.run("history", "release", "--yes").returncode == 0
    assert findings(copy)["work"]["state"] == "ok"
    for one, other in ((copy, asked), (asked, copy)):
        assert f"Another copy of this workspace is in {other.folder}" in findings(one)["copies"]["says"]
        assert re.search(r"last worked on at [-0-9]{10} [0-9:]{5} \(\S+\)\.", findings(one)["copies"]["says"])
    service = asked.service()
    assert f"Another copy of this workspace is in {copy.folder}" in " ".join(stop(service)[2].split())
    assert "Nothing is held" in copy.run("history", "release").stdout
    assert copy.run("decide", copy.question, "approve", *DEMO_PICK, "--yes").returncode in (0, 3)
    assert asked.json("doctor")  # and the original is as it was


def test_l6_a_release_is_answered_at_a_terminal(asked, tmp_path):
    copy = copied(asked, tmp_path / "copy")
    terminal = copy.terminal("history", "release")
    terminal.until("Let work go on in this workspace (yes, no): ")
    terminal.type("no\n")
    assert terminal.status() == 3
    terminal = copy.terminal("history", "release")
    terminal.until("Let work go on in this workspace (yes, no): ")
    terminal.type("yes\n")
    assert terminal.status() == 0
    assert "Work goes on" in terminal.text


def test_l6_a_service_on_a_copied_workspace_serves_but_begins_nothing(asked, tmp_path):
    copy = copied(asked, tmp_path / "copy")
    service = copy.service()
    assert "All work in this workspace is stopped" in copy.run("run", "slow").stderr
    assert copy.run("history", "release", "--all", "run").returncode == 0
    done = copy.run("decide", copy.question, "approve", *DEMO_PICK, "--yes")
    assert done.returncode in (0, 3), done.stderr
    assert stop(service)[0] == 0


# --- L7


def test_l7_an_anchor_kept_outside_finds_a_history_that_was_put_back(desk, tmp_path):
    """Head and witness are taken along by whoever puts it back: only what is kept outside knows."""
    keys = Path(desk.env["XDG_CONFIG_HOME"]) / "mainstay" / "keys"
    assert "not anchored outside" in desk.run("history", "verify").stdout
    assert findings(desk)["anchor"]["state"] == "note"
    old = shutil.copytree(desk.folder / ".mainstay", tmp_path / "old")
    witness = next(keys.glob("*.head")).read_bytes()
    kept = tmp_path / "anchors.txt"
    for _ in range(2):
        assert desk.json("history", "anchor", kept)["file"] == str(kept)
    assert len(kept.read_text().splitlines()) == 2
    whole = desk.run("history", "verify", "--anchor", kept)
    assert (whole.returncode, "2 anchors hold, up to record 4" in whole.stdout) == (0, True), whole.stdout
    assert findings(desk)["anchor"]["state"] == "ok"
    for path in old.iterdir():
        if path.is_file():
            (desk.folder / ".mainstay" / path.name).write_bytes(path.read_bytes())
    next(keys.glob("*.head")).write_bytes(witness)
    assert desk.run("history", "verify").returncode == 0
    found = desk.run("history", "verify", "--anchor", kept.read_text().splitlines()[-1])
    assert (found.returncode, "an older copy was put back" in found.stdout.replace("\n", " ")) == (1, True)


def test_l7_an_anchor_inside_the_workspace_is_refused(desk):
    done = desk.run("history", "anchor", desk.folder / "anchors.txt")
    assert (done.returncode, "lies in the workspace" in done.stderr) == (2, True)
    for kept in ("nowhere", "mainstay-anchor 1 2 3"):
        assert desk.run("history", "verify", "--anchor", kept).returncode == 2


# --- lists of another release


def test_l9_a_history_whose_lists_another_release_made_says_how_to_make_them_anew(desk, tmp_path):
    script = (
        "import sys; from pathlib import Path; from mainstay.ledger import database, keys; "
        "state = Path(sys.argv[1]); c = database.connect_writer(state / 'ledger.db', keys.load(state).database); "
        "c.execute('DROP TABLE plan'); c.execute(\"DELETE FROM projection WHERE name = 'views'\"); c.close()"
    )
    subprocess.run([sys.executable, "-c", script, desk.folder / ".mainstay"], env=desk.env, check=True)
    done = desk.run("plans")
    assert (done.returncode, "made by another release" in done.stderr) == (1, True), done.stderr
    assert "mainstay history rebuild" in done.stderr
    assert desk.run("history", "rebuild").returncode == 0
    assert desk.run("plans").returncode == 0
