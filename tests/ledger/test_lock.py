from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mainstay.errors import OwnedError
from mainstay.ledger import lock
from mainstay.ledger.lock import OwnerLock, holder

HOLD = """
import sys
from pathlib import Path
from mainstay.ledger.lock import OwnerLock
lock = OwnerLock(Path(sys.argv[1]), "mainstay start")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """A process of its own that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_f11_the_second_owner_is_told_who_the_first_is(tmp_path, other):
    with pytest.raises(OwnedError, match=rf"Process {other.pid} \(mainstay start\), since 20\d\d-"):
        OwnerLock(tmp_path, "mainstay run")
    assert holder(tmp_path).pid == other.pid


def test_f11_who_has_just_taken_the_lock_is_named_and_not_who_held_it_before(tmp_path, other, monkeypatch):
    """Between taking the lock and writing its name there is a moment."""
    path = tmp_path / "owner.lock"
    named = path.read_bytes()
    gone = subprocess.Popen(["true"])
    gone.wait()
    path.write_bytes(named.replace(b"%d" % other.pid, b"%d" % gone.pid))
    monkeypatch.setattr(lock.time, "sleep", lambda _: path.write_bytes(named))
    with pytest.raises(OwnedError, match=f"Process {other.pid} "):
        OwnerLock(tmp_path, "mainstay run")


def test_the_lock_ends_with_its_holder(tmp_path, other):
    other.kill()
    other.wait()
    held = OwnerLock(tmp_path, "mainstay run")
    assert holder(tmp_path) == held.owner
    assert held.owner.pid == os.getpid()
    held.release()


def test_a_released_lock_can_be_taken_again(tmp_path):
    OwnerLock(tmp_path, "one").release()
    OwnerLock(tmp_path, "two").release()
    assert holder(tmp_path).command == "two"


def test_nobody_held_it(tmp_path):
    assert holder(tmp_path) is None


def test_a_lock_file_that_says_nothing_still_locks(tmp_path):
    held = OwnerLock(tmp_path, "one")
    os.truncate(tmp_path / "owner.lock", 0)
    with pytest.raises(OwnedError, match="Another process"):
        OwnerLock(tmp_path, "two")
    held.release()
