"""Files below one folder, and nowhere else.

A path is opened component by component, each through the folder before it and never through a link, so that nothing
that happens beside us can lead outside. A write is a new file put in the place of the old one: readers see the old
content or the new, whole, also after a power cut.

Errors tell what is on disk: Permanent and NotSent leave it as it was; after Uncertain the new content may be lost
in a power cut. All functions block on the disk; `run_to_end` takes them off the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import stat
import unicodedata
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from mainstay.errors import NeedsOperator, NotSent, Permanent, Uncertain
from mainstay.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_NAME_BYTES = 200  # leaves room below the 255 of common file systems
MAX_DEPTH = 16

T = TypeVar("T")
Parts: TypeAlias = tuple[str, ...]

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not make us wait
_OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_A_LINK = (errno.ELOOP, errno.ENOTDIR)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


def parts_of(path: str, *, writing: bool) -> Parts:
    """Split a relative path into its names; raises Permanent for one that could mean something else.

    Refused: absolute paths, `.` and `..`, hidden names, backslashes, controls and invisible characters; when
    writing, also names in a form other than Unicode's NFC, which look like another name.
    """
    parts = tuple(path.split("/"))
    if len(parts) > MAX_DEPTH:
        raise Permanent(f"The path {shown(path)} has too many folders in it.")
    for part in parts:
        if flaw := _flaw_in(part, writing=writing):
            raise Permanent(f"The path {shown(path)!r} can't be used: {flaw}.")
    return parts


def read_file(root: str, parts: Parts) -> bytes | None:
    """Give a file's content, None when there is no such file.

    Raises Permanent for a link, a folder, anything that is no plain file, and one over MAX_FILE_BYTES.
    """
    try:
        with _folder(root, parts[:-1], make=False) as here:
            return _content_at(here, parts)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_done(parts, "read", error) from error


def write_file(root: str, parts: Parts, content: bytes, *, mark: str) -> None:
    """Put content in place of what was there; on disk when this returns. Missing folders are made.

    `mark` names the temporary file: the same for one effect, so that an attempt that died leaves nothing behind for
    good. Raises Permanent for a link or folder in its place, NotSent or NeedsOperator when nothing was changed,
    Uncertain when the disk failed after the change.
    """
    try:
        with _folder(root, parts[:-1], make=True) as here:
            mode = _mode_at(here, parts)
            _put(here, parts[-1], content, temporary=f".{mark}.tmp", mode=mode)
            _settle_folder(here, parts)
    except OSError as error:
        raise _not_done(parts, "written", error) from error


def sweep_file(root: str, parts: Parts, *, mark: str) -> None:
    """Remove what a write under this mark left unfinished when it died; the file itself is left as it is."""
    with contextlib.suppress(OSError), _folder(root, parts[:-1], make=False) as here:
        _drop(here, f".{mark}.tmp")


def remove_file(root: str, parts: Parts) -> None:
    """Remove a file if it is there; gone for good when this returns. Raises as `write_file` does."""
    try:
        with contextlib.suppress(FileNotFoundError), _folder(root, parts[:-1], make=False) as here:
            _mode_at(here, parts)
            os.unlink(parts[-1], dir_fd=here)
            _settle_folder(here, parts)
    except OSError as error:
        raise _not_done(parts, "removed", error) from error


def settle_file(root: str, parts: Parts) -> None:
    """Make sure that a file that was found is still there after a power cut. Raises Uncertain when it can't."""
    try:
        with _folder(root, parts[:-1], make=False) as here:
            _settle_folder(here, parts)
    except OSError as error:
        raise Uncertain(f"{'/'.join(parts)} may not outlast a power cut: {error.strerror}.") from error


async def run_to_end(work: Callable[[], T]) -> T:
    """Run blocking work in a thread. A caller that is cancelled still waits: nothing is written after its answer."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # taken note of: the caller was told to stop
        raise


def _flaw_in(part: str, *, writing: bool) -> str:
    if part == "":
        return "it has an empty name in it; it has to be relative, such as 'reports/june.csv'"
    if part.startswith("."):
        return "a name in it starts with a dot"
    if "\\" in part or shown(part) != part:
        return "it holds a backslash or an invisible character"
    if part != part.strip() or len(part.encode()) > MAX_NAME_BYTES:
        return "a name in it is too long or has a space at its end"
    if writing and unicodedata.normalize("NFC", part) != part:
        return "it is written in an unusual form of Unicode"
    return ""


@contextlib.contextmanager
def _folder(root: str, parts: Parts, *, make: bool) -> Generator[int]:
    """Open a folder below the root, held open while in use. Raises FileNotFoundError; Permanent for a link."""
    here = os.open(root, _OPEN_FOLDER)
    try:
        for part in parts:
            if make:
                _make_folder(here, part)
            below = _step_down(here, part)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def _make_folder(here: int, part: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, dir_fd=here)
        os.fsync(here)


def _step_down(here: int, part: str) -> int:
    try:
        return os.open(part, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=here)
    except OSError as error:
        if error.errno in _A_LINK:
            raise Permanent(f"{part} is a link or no folder; it is not followed.") from error
        raise


def _content_at(here: int, parts: Parts) -> bytes:
    try:
        file = os.open(parts[-1], _OPEN_FILE, dir_fd=here)
    except OSError as error:
        if error.errno in _A_LINK:
            raise Permanent(f"{'/'.join(parts)} is a link; it is not followed.") from error
        raise
    try:
        _check_plain(os.fstat(file), parts)
        with open(file, "rb", closefd=False) as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(file)
    if len(content) > MAX_FILE_BYTES:
        raise Permanent(f"{'/'.join(parts)} is larger than {MAX_FILE_BYTES // 2**20} MiB.")
    return content


def _check_plain(status: os.stat_result, parts: Parts) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Permanent(f"{'/'.join(parts)} is no plain file.")


def _mode_at(here: int, parts: Parts) -> int | None:
    """Give the permissions of the file that will be replaced, None when there is none."""
    try:
        status = os.stat(parts[-1], dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return None
    _check_plain(status, parts)
    return stat.S_IMODE(status.st_mode) & 0o777


def _put(here: int, name: str, content: bytes, *, temporary: str, mode: int | None) -> None:
    _drop(here, temporary)
    try:
        file = os.open(temporary, _OPEN_NEW, 0o666, dir_fd=here)
        with open(file, "wb") as opened:  # noqa: PTH123 - an open descriptor, not a path
            if mode is not None:
                os.fchmod(file, mode)
            opened.write(content)
            opened.flush()
            os.fsync(file)
        os.rename(temporary, name, src_dir_fd=here, dst_dir_fd=here)
    except OSError:
        _drop(here, temporary)
        raise


def _drop(here: int, name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=here)


def _settle_folder(here: int, parts: Parts) -> None:
    try:
        os.fsync(here)
    except OSError as error:
        raise Uncertain(f"The disk failed after {'/'.join(parts)} was changed: {error.strerror}.") from error


def _not_done(parts: Parts, what: str, error: OSError) -> NotSent | NeedsOperator:
    message = f"{'/'.join(parts)} could not be {what}: {error.strerror}."
    if error.errno in _NOT_ALLOWED:
        return NeedsOperator(message, remedy="Give Mainstay permission to this folder.")
    return NotSent(message, remedy="Check the disk and its free space.")
