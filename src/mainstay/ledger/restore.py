"""Making a workspace of a backup (requirement O7, FAULTS F5).

Everything is unpacked and checked in a folder beside the new one, which gets its name last, in one step: a restore
that was cut off leaves no workspace, and the next one begins anew.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tarfile
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, cast

import msgspec

from mainstay.errors import FileError, InputError, LedgerError, OwnedError
from mainstay.ledger import chunks
from mainstay.ledger.backup import LEDGER, MANIFEST, FileEntry, Manifest
from mainstay.ledger.disk import sync_folder
from mainstay.ledger.reader import SqliteReader
from mainstay.ledger.trouble import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from mainstay.ledger.backup import Progress
    from mainstay.ledger.chunks import Head

COPY_BYTES = 1024 * 1024
MAX_MANIFEST_BYTES = 1024 * 1024 * 1024


class Place(msgspec.Struct, frozen=True):
    """Where a backup goes, and what it may bring."""

    folder: Path
    state: str  # name of the folder that only Mainstay touches
    own: tuple[str, ...]  # names of the operator's files and folders
    folders: tuple[str, ...] = ()  # to be there, also where the backup holds none


def open_backup(file: Path) -> tuple[IO[bytes], Head, bytes]:
    """Open a backup and read its head; raises FileError when it is none. The caller closes the file."""
    try:
        opened = file.open("rb")
    except OSError as error:
        raise FileError(f"{file} can't be read: {error.strerror}.", remedy="Check its name and folder.") from None
    try:
        return opened, *chunks.read_head(opened, file.name)
    except BaseException:
        opened.close()
        raise


def refuse_used(folder: Path) -> None:
    """Raise InputError unless a folder is empty, or not there at all."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder} is no folder.", remedy="Name a new folder.")
    if folder.is_mount():
        raise InputError(f"{folder} is a disk itself.", remedy=f"Name a new folder on it: {folder / 'acme'}")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; nothing was changed.", remedy="Name a new folder.")
    if folder.is_dir() and folder.samefile(Path.cwd()):  # it is put in its place whole, and who stands in it loses it
        raise InputError(f"{folder} is the folder you are in.", remedy="Name a new folder.")
    if not folder.parent.is_dir():
        raise InputError(f"There is no folder {folder.parent}.", remedy="Make it, or name another place.")


def restore(
    source: chunks.Reader,
    size: int,
    place: Place,
    unlock: Callable[[Path, Manifest], bytes],
    progress: Progress | None = None,
) -> Manifest:
    """Unpack, check all of it, and only then make it a workspace; on disk when this returns.

    `size` is that of the backup's file, for progress; `unlock` gives the database's key of what was unpacked, after
    which `progress` counts the records that were checked.
    Raises FileError when the backup is damaged, LedgerError when the history in it is, InputError when the folder is
    in use; nothing of it is left then.
    """
    refuse_used(place.folder)
    try:
        with _staging(place.folder) as staging:
            manifest = _unpack(source, staging, place, size, progress)
            _check(staging / place.state, manifest, unlock(staging / place.state, manifest), progress)
            for name in place.folders:
                (staging / name).mkdir(exist_ok=True)
            os.sync()
            staging.rename(place.folder)
            sync_folder(place.folder.parent)
    except OSError as error:
        raise refused(place.folder.parent, error) from error
    return manifest


@contextmanager
def _staging(folder: Path) -> Generator[Path]:
    """Give an empty folder that only this restore uses; it is gone afterwards, unless it got its name."""
    staging = folder.with_name(f".{folder.name}.restoring")
    staging.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(staging, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in staging.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        try:
            yield staging
        finally:
            with suppress(FileNotFoundError):
                shutil.rmtree(staging)
    except BlockingIOError:
        raise OwnedError(f"Another restore into {folder} is running.", remedy="Wait until it is done.") from None
    finally:
        os.close(lock)


def _unpack(source: chunks.Reader, staging: Path, place: Place, size: int, progress: Progress | None) -> Manifest:
    found: list[FileEntry] = []
    names: set[str] = set()
    manifest = b""
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", source), mode="r|", format=tarfile.PAX_FORMAT) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
                if content is None or manifest or member.name in names:
                    raise _strange(member.name)
                names.add(member.name)
                if member.name == MANIFEST:
                    manifest = content.read(MAX_MANIFEST_BYTES)
                    continue
                found.append(_extract(content, member.name, staging, place))
                if progress is not None:
                    progress(min(tar.offset, size), size)
        source.finish()
        told = msgspec.json.decode(manifest, type=Manifest)
    except (tarfile.TarError, msgspec.DecodeError) as error:
        raise _strange(str(error)) from None
    if told.files != tuple(found):
        raise _strange("its list of files")
    return told


def _extract(content: IO[bytes], name: str, staging: Path, place: Place) -> FileEntry:
    """Write one file, under a name that stays inside; its digest is held against the manifest later."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or parts[0] not in (place.state, *place.own):
        raise _strange(name)
    path = staging.joinpath(*parts)
    for depth in range(1, len(parts)):  # `parents=True` would not give the mode to all of them
        staging.joinpath(*parts[:depth]).mkdir(mode=0o700 if parts[0] == place.state else 0o755, exist_ok=True)
    digest, size = blake2b(digest_size=32), 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _mode(parts, place)), "wb") as file:  # noqa: PTH123
        while data := content.read(COPY_BYTES):
            digest.update(data)
            file.write(data)
            size += len(data)
    return FileEntry(name, size, digest.hexdigest())


def _mode(parts: tuple[str, ...], place: Place) -> int:
    if parts[0] != place.state:
        return 0o644
    return 0o400 if parts[-1].endswith(".seg") else 0o600


def _check(state: Path, manifest: Manifest, database_key: bytes, progress: Progress | None) -> None:
    with SqliteReader(state / LEDGER, database_key) as reader:

        def tell(done: int) -> None:
            if progress is not None:
                progress(done, manifest.position)

        found = reader.verify(tell)
        head = reader.head()
    if not found.whole or head != (manifest.position, manifest.digest):
        why = found.why or ", ".join(found.damaged) or "its end is not the one that was backed up"
        raise LedgerError(f"The history in the backup is damaged: {why}.", remedy="Use another backup.")


def _strange(what: str) -> FileError:
    return FileError(f"The backup holds what it should not: {what}.", remedy="Use another copy of it.")
