"""Files that are private from their first moment and on disk when a call returns."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from typing import TYPE_CHECKING

from mainstay.errors import WrongKeyError
from mainstay.ledger.trouble import full

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that must not exist yet; its content is on disk when this returns, its name is not.

    `mode` is narrowed by what the process gives new files. Raises DiskFullError when there is no room, and leaves
    nothing behind then.
    """
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123 - with a mode
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise
    except OSError as error:
        path.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full(path.parent) from error
        raise


def put_new(path: Path, content: bytes) -> None:
    """Write a 0600 file that must not exist yet, whole or not at all; on disk when this returns."""
    if path.exists():
        raise FileExistsError(path)
    replace(path, content)


def read_private(path: Path, what: str, *, missing: str = "", most: int = 4096) -> bytes:
    """Read a small file that only its owner can read; raises WrongKeyError when it is open to others, or missing.

    `missing` says what to do about the latter; `most` is how many bytes are read.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(most)
    except FileNotFoundError:
        raise WrongKeyError(
            f"The {what} file of this workspace is missing: {path}.", remedy=missing or _PUT_BACK
        ) from None
    except PermissionError:
        raise WrongKeyError(f"The {what} file {path} can't be read by you.", remedy=f"Run: chmod 600 {path}") from None
    if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) & 0o077:
        raise WrongKeyError(f"Others on this machine can read the {what} file {path}.", remedy=f"Run: chmod 600 {path}")
    return content


_PUT_BACK = "Put the file back from your backup; without it the history of this workspace can't be read."


def replace(path: Path, content: bytes) -> None:
    """Put a 0600 file in the place of one that may be there, whole or not at all; on disk when this returns."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    write_new(part, content)
    part.replace(path)
    sync_folder(path.parent)


def remove(paths: Iterable[Path]) -> None:
    """Remove files, those that are there; off the disk when this returns."""
    for path in paths:
        if path.exists():
            path.unlink()
            sync_folder(path.parent)


def rewrite(path: Path, content: bytes) -> None:
    """Put a file that is the owner's to write in the place of one that may be there, and keep who may read that.

    Whole or not at all; on disk when this returns. A link is replaced: whoever wants to go through it resolves it.
    """
    mode = path.stat().st_mode & 0o777 if path.is_file() else None
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    write_new(part, content, 0o666 if mode is None else 0o600)
    if mode is not None:
        part.chmod(mode)
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_folder(path: Path) -> None:
    """Make a 0700 folder of Mainstay's own, or make one that stands there private; on disk when this returns."""
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(path.parent)
    path.chmod(0o700)
