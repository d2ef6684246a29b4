"""One owner per workspace: a lock the operating system lets go when its holder dies (FAULTS F11).

`flock` on `.mainstay/owner.lock`, whose content says who holds it. The content is only for people: the lock is
the truth, and a left-over file means nothing. The lock belongs to the open file, so it outlives the owner in a
child made by a bare `fork`; Mainstay starts its workers with `exec`, which closes the file.
"""

from __future__ import annotations

import fcntl
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import OwnedError
from mainstay.ledger.trouble import refused

if TYPE_CHECKING:
    from pathlib import Path

LOCK_NAME = "owner.lock"
_NAMED_TRIES = 20  # whoever has just taken the lock writes its name into it a moment later
_NAMED_S = 0.005


class Owner(msgspec.Struct, frozen=True):
    """Who holds the lock."""

    pid: int
    command: str
    since_us: int
    socket: str = ""  # where it listens: another environment may look for it elsewhere
    api: str = ""  # where it takes actions of tools in: "http://127.0.0.1:8080"
    inode: int = 0  # of the file this stands in: in a copy of the folder it speaks of the other one's owner


class OwnerLock:
    """The right to write to one workspace, from the constructor until `release` or the end of the process."""

    def __init__(self, folder: Path, command: str, socket: str = "") -> None:
        """Take the lock of a `.mainstay` folder; raises OwnedError, which names the holder, when it is taken.

        Raises LedgerError when the folder can't be written to.
        """
        path = folder / LOCK_NAME
        self._name = str(path)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise refused(folder, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise _owned(path) from None
        inode = os.fstat(self._file).st_ino
        self.owner = Owner(os.getpid(), command, time.time_ns() // 1000, socket, inode=inode)
        try:
            self._write()
        except OSError as error:
            os.close(self._file)
            raise refused(folder, error) from error

    def note_api(self, url: str) -> None:
        """Say for other commands where this owner takes actions of tools in; "" where it no longer does."""
        self.owner = msgspec.structs.replace(self.owner, api=url)
        self._write()

    def _write(self) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, msgspec.json.encode(self.owner), 0)

    def is_lost(self) -> bool:
        """Whether the file that is locked lies there no longer: another process may have locked the one that does."""
        try:
            return os.stat(self._name).st_ino != self.owner.inode  # noqa: PTH116 - before each commit: a path costs more
        except FileNotFoundError:
            return True

    def release(self) -> None:
        """Let go; the next process may write."""
        os.close(self._file)


def holder(folder: Path) -> Owner | None:
    """Say who held the lock last, without asking whether the holder still lives; None when nobody ever did."""
    try:
        with (folder / LOCK_NAME).open("rb") as file:
            found = msgspec.json.decode(file.read(), type=Owner)
            return found if found.inode in (0, os.fstat(file.fileno()).st_ino) else None
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _holder_now(folder: Path) -> Owner | None:
    """Say who holds a lock that is held: not who held it before, whose name may still stand there."""
    for _ in range(_NAMED_TRIES):
        owner = holder(folder)
        if owner is not None and _lives(owner.pid):
            return owner
        time.sleep(_NAMED_S)
    return holder(folder)  # of another environment, where processes have other numbers


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _owned(path: Path) -> OwnedError:
    owner = _holder_now(path.parent)
    who = "Another process"
    if owner is not None:
        since = datetime.fromtimestamp(owner.since_us / 1e6, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        who = f"Process {owner.pid} ({owner.command}), since {since},"
    return OwnedError(
        f"{who} works on this workspace ({path.parent.parent}).",
        remedy="Wait until it has ended, or stop it, and try again.",
    )
