"""What the database's errors mean to the operator, and what to do about each: never SQLite's own words alone."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import apsw

from mainstay.errors import DiskFullError, LedgerError

if TYPE_CHECKING:
    from pathlib import Path

_FULL_BYTES = 256 * 1024  # with less than this free the disk is full: SQLite then names other errors too
ROOM_BYTES = 16 * 1024 * 1024  # after the disk was full, work goes on when so much is free
RESTORE = "Restore the workspace from a backup. Where it opens, `mainstay history verify` says how far it is whole."
_ROOM = "Make room on the disk of {folder} and try again; what was recorded is safe."
_ANEW = (
    "Make them anew, which changes nothing that was recorded: mainstay history rebuild. "
    "Where the service runs, start it again first."
)
_WRITABLE = "Mainstay needs to write to {folder}: see who may write there, and whether its disk is mounted read-only."


def trouble(path: Path, error: Exception) -> tuple[str, str]:
    """Say what is wrong with the database, as half a sentence, and what to do next."""
    folder = path.parent
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return "a part of it is damaged on disk", RESTORE
    if is_full(path, error):
        return "the disk is full", _ROOM.format(folder=folder)
    if _is_closed(path) and isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError)):
        return "the workspace can't be written to", _WRITABLE.format(folder=folder)
    if isinstance(error, apsw.IOError):
        return f"the disk reports an error: {error}", "See whether the disk is in order, then try again."
    if isinstance(error, apsw.SQLError) and str(error).startswith("no such"):
        return "its lists were made by another release of Mainstay", _ANEW
    if isinstance(error, apsw.BusyError):
        return "another process holds it", "Wait until that has ended, and try again."
    return str(error), "Look closer with: mainstay doctor"


def refused(folder: Path, error: OSError) -> LedgerError:
    """Make words of a file in `.mainstay` that can't be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return full(folder)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return LedgerError(
            f"The workspace can't be written to: {error.strerror}.", remedy=_WRITABLE.format(folder=folder)
        )
    return LedgerError(f"The workspace can't be used: {error.strerror}.", remedy="Look closer with: mainstay doctor")


def full(folder: Path) -> DiskFullError:
    """Make words of a disk without room, met before anything was recorded."""
    return DiskFullError(f"The disk of {folder} is full.", remedy=_ROOM.format(folder=folder))


def is_full(path: Path, error: Exception) -> bool:
    """Whether an error of the database, or of a file beside it, means that there is no room."""
    no_room = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, apsw.FullError) or no_room or _is_full(path.parent)


def room_missing(folder: Path) -> int:
    """Say how many bytes have to be freed before work goes on; 0 where nobody knows."""
    try:
        return max(0, ROOM_BYTES - shutil.disk_usage(folder).free)
    except OSError:
        return 0


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL_BYTES
    except OSError:
        return False


def _is_closed(path: Path) -> bool:
    return not os.access(path.parent, os.W_OK) or not os.access(path, os.W_OK)
