"""Disks that are full, that fail, and that give back something else than was written."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from hashlib import blake2b
from typing import TYPE_CHECKING

import apsw
import starter
from deaths import SOURCE
from rig import END_S, Rig, opened

from mainstay.errors import LedgerError
from mainstay.ledger import database, head, keys
from mainstay.ledger.reader import SqliteReader
from mainstay.runtime.mending import GOES_ON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rig import Life

    from mainstay.workspace import Workspace

DISK_BYTES = 40 * 1024 * 1024
MOST = 10**6


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Put a small file system there."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


# --- F6


def full(rig: Rig) -> None:
    """F6: the disk fills up under load: nothing is done that can't be recorded; it goes on, or is killed, and ends."""
    ballast = rig.workspace.root.parent / "ballast"
    for turn in range(rig.size.faults):
        life = rig.up()
        rig.moment(life)
        fill(ballast)
        stopped = life.until("notice The disk") if not life.said("ended") else False
        if stopped:
            stand_still(rig)
        rig.struck += stopped
        if turn % 2:
            life.kill()
        ballast.unlink()
        if stopped and not turn % 2:
            assert life.until(f"notice {GOES_ON}"), f"it did not go on: {life.lines[-5:]}"
        life.kill()
        rig.check()
    rig.finish()


def stand_still(rig: Rig) -> None:
    """Wait until what was on its way when the owner stopped has arrived: nothing more is charged."""
    end, before = time.monotonic() + END_S, -1
    while before != (count := rig.books.count()):
        assert time.monotonic() < end, "it goes on charging what can't be recorded"
        before = count
        time.sleep(0.3)


def fill(ballast: Path) -> None:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))


# --- F7


def failing(rig: Rig) -> None:
    """F7: writing or syncing fails at any call: it reads the history again and goes on, or ends with its reason."""
    for when in ("3", "3+", *(at_random(rig) for _ in range(2, rig.size.faults))):
        life = rig.up()
        with injected(rig, life, when):
            life.end()
        if when == "3+":
            assert life.said("gave up:") or life.said("ended"), f"it went on with a disk that fails: {life.lines[-5:]}"
        spoke = life.said(f"notice {GOES_ON}") or life.said("gave up:") or life.said("ended")
        assert spoke, f"it ended without a word: {life.lines[-5:]}"
        rig.struck += len(life.said(f"notice {GOES_ON}")) + len(life.said("gave up:"))
        rig.check()
    rig.finish()


def at_random(rig: Rig) -> str:
    return f"{rig.pick.randint(1, 12)}{rig.pick.choice(('', '+', '+9'))}"


@contextlib.contextmanager
def injected(rig: Rig, life: Life, when: str) -> Iterator[None]:
    """Let calls on the history's files fail in a process that runs, the nth of each thread, or all from the nth on."""
    calls = rig.pick.choice(("fdatasync,fsync", "pwrite64"))
    ledger = rig.workspace.ledger
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(ledger), "-P", f"{ledger}-wal"]
    faults = ["-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO:when={when}"]
    with subprocess.Popen([*strace, *faults, "-p", str(life.pid)], stderr=subprocess.DEVNULL) as tracer:
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGTERM)
            tracer.wait(END_S)


# --- F8


def damaged(rig: Rig) -> None:
    """F8: bits flip, records go, the log is cut: it is found, and nothing is repaired in silence."""
    life = rig.up(stays=True)
    assert life.until("ended")
    ended, _ = records(rig.workspace)
    while ended > head_of(rig).position:
        time.sleep(0.05)
    life.kill()
    cut_log(rig)
    rig.finish()
    before = records(rig.workspace)
    for _ in range(4 * rig.size.faults):
        flipped_bit(rig, before)
    for where in (rig.pick.randint(2, before[0] - 1), before[0]):
        without_record(rig, where, tail=where == before[0])
    assert records(rig.workspace) == before


def head_of(rig: Rig) -> head.Head:
    found = head.read(rig.workspace.state / head.HEAD_NAME)
    assert found is not None
    return found


def flipped_bit(rig: Rig, before: tuple[int, bytes]) -> None:
    path = rig.workspace.ledger
    with changed(rig.workspace):
        at, bit = rig.pick.randrange(path.stat().st_size), 1 << rig.pick.randrange(8)
        with path.open("r+b") as file:
            file.seek(at)
            (byte,) = file.read(1)
            file.seek(at)
            file.write(bytes([byte ^ bit]))
        found = verify_finds(rig.workspace)
        rig.struck += found
        if not found:
            assert records(rig.workspace) == before, f"a flipped bit at {at} was not found"


def without_record(rig: Rig, position: int, *, tail: bool) -> None:
    """Take a record out as somebody with the key can: inside it breaks the chain, at the end head or anchor tell."""
    with changed(rig.workspace):
        connection = database.connect_writer(rig.workspace.ledger, keys.load(rig.workspace.state).database)
        connection.execute("DELETE FROM event WHERE position = ?", (position,))
        connection.close()
        assert verify_finds(rig.workspace), f"nobody misses record {position}"
        if tail:
            with opened(rig.workspace) as owner:
                assert "its end was cut off" in owner.heads.judge()


def cut_log(rig: Rig) -> None:
    """Cut the write-ahead log of a killed owner anywhere: what its head knew of is missed."""
    workspace = rig.workspace
    known = head_of(rig)
    for _ in range(rig.size.faults):
        with changed(workspace):
            log = workspace.ledger.with_name(f"{workspace.ledger.name}-wal")
            os.truncate(log, rig.pick.randint(0, log.stat().st_size))
            left, _ = records(workspace)
            found = verify_finds(workspace)
            with opened(workspace) as owner:
                assert (owner.ledger.head()[0], owner.ledger.verify().whole) == (left, True), "half a batch is there"
                assert bool(owner.heads.judge()) == found == (left < known.position)


@contextlib.contextmanager
def changed(workspace: Workspace) -> Iterator[None]:
    """Let files of the history be changed in place, and put them back as they were."""
    kept = {path: path.read_bytes() for path in workspace.state.iterdir() if path.is_file()}
    try:
        yield
    finally:
        for path in [path for path in workspace.state.iterdir() if path.is_file() and path not in kept]:
            path.unlink()
        for path, content in kept.items():
            path.write_bytes(content)


def verify_finds(workspace: Workspace) -> bool:
    """Whether `mainstay history verify` says that something is wrong; it changes nothing."""
    before = contents(workspace)
    env = os.environ | {"PYTHONPATH": SOURCE}
    done = starter.run(["mainstay", "history", "verify", "--json"], folder=workspace.root, env=env)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert contents(workspace) == before, "looking changed something"
    return done.returncode == 1


def contents(workspace: Workspace) -> dict[str, bytes]:
    """Give what the history consists of; an empty log is none."""
    files = (workspace.ledger, workspace.ledger.with_name("ledger.db-wal"))
    return {path.name: path.read_bytes() for path in files if path.exists() and path.stat().st_size}


def records(workspace: Workspace) -> tuple[int, bytes]:
    """Give how many records can be read, and a digest of them all."""
    key = keys.load(workspace.state).database
    digest, count = blake2b(), 0
    with contextlib.suppress(LedgerError, apsw.Error), SqliteReader(workspace.ledger, key) as reader:
        for event in reader.tail(0, MOST):
            digest.update(repr(event).encode())
            count = event.position
    return count, digest.digest()


def put_back(rig: Rig) -> None:
    """F8: an old copy is put back: all is held, and after the operator's word nothing is charged a second time."""
    life = rig.up()
    while life.alive and len({line.split()[0] for line in life.said("") if line[-1:].isdigit()}) < rig.size.plans:
        life.until_lines(len(life.lines) + 1)
    rig.strike(life)
    old = rig.folder / "old"
    shutil.copytree(rig.workspace.state, old, ignore=shutil.ignore_patterns("*-shm", "owner.lock"))
    rig.finish()
    rig.check(ended=True)
    before = rig.books.count()
    for path in rig.workspace.state.glob("ledger.db-*"):
        path.unlink()
    for path in old.iterdir():
        if path.is_file():
            (rig.workspace.state / path.name).write_bytes(
                path.read_bytes()
            )  # as `cp` does, into the file that is there
    for _ in range(2):
        life = rig.start()
        life.end()
        assert life.said("held"), f"an old copy is worked on: {life.lines}"
    assert rig.books.count() == before
    rig.finish(releases=True)
