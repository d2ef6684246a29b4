"""What the database's errors mean to the operator, and what to do about each: never SQLite's own words alone."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

import apsw

from mainstay.errors import LedgerError

if TYPE_CHECKING:
    from pathlib import Path

_FULL_BYTES = 256 * 1024  # with less than this free the disk is full: SQLite then names other errors too
RESTORE = "`mainstay history verify` says how far the history is whole. Restore the workspace from a backup."
_ROOM = "Make room on the disk of {folder} and try again; what was recorded is safe."
_WRITABLE = "Mainstay needs to write to {folder}: see who may write there, and whether its disk is mounted read-only."


def trouble(path: Path, error: Exception) -> tuple[str, str]:
    """Say what is wrong with the database, as half a sentence, and what to do next."""
    folder = path.parent
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return "a part of it is damaged on disk", RESTORE
    if isinstance(error, apsw.FullError) or _is_full(folder):
        return "the disk is full", _ROOM.format(folder=folder)
    if _is_closed(path) and isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError)):
        return "the workspace can't be written to", _WRITABLE.format(folder=folder)
    if isinstance(error, apsw.IOError):
        return f"the disk reports an error: {error}", "See whether the disk is in order, then try again."
    if isinstance(error, apsw.BusyError):
        return "another process holds it", "Wait until that has ended, and try again."
    return str(error), "Look closer with: mainstay doctor"


def refused(folder: Path, error: OSError) -> LedgerError:
    """Make words of a file in `.mainstay` that can't be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LedgerError(f"The disk of {folder} is full.", remedy=_ROOM.format(folder=folder))
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return LedgerError(
            f"The workspace can't be written to: {error.strerror}.", remedy=_WRITABLE.format(folder=folder)
        )
    return LedgerError(f"The workspace can't be used: {error.strerror}.", remedy="Look closer with: mainstay doctor")


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL_BYTES
    except OSError:
        return False


def _is_closed(path: Path) -> bool:
    return not os.access(path.parent, os.W_OK) or not os.access(path, os.W_OK)
