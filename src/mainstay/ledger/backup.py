"""A whole workspace in one encrypted file, and back (requirement O7, FAULTS F5).

The file is a tar stream inside `chunks`: the operator's own files, `.mainstay` with a snapshot of the database, all
blobs and segments, and at its end a manifest with the digest of each. The snapshot is made by SQLite in one read
transaction, while an owner may be writing; blobs and segments are never changed, and were on disk before the facts
that name them, so whatever the snapshot speaks of is there when they are copied.

Neither the owner's lock nor the head is in it: a restored history must not look like the one that goes on.
"""

from __future__ import annotations

import errno
import fcntl
import os
import tarfile
from contextlib import closing, contextmanager
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias, cast

import apsw
import msgspec

from mainstay.errors import FileError, InputError, LedgerError, MainstayError, OwnedError
from mainstay.ledger import chunks, database
from mainstay.ledger.disk import sync_folder
from mainstay.ledger.reader import SqliteReader
from mainstay.ledger.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from mainstay.ledger.chunks import Head

Progress: TypeAlias = "Callable[[int, int], None]"  # bytes done, bytes to do

LEDGER = "ledger.db"
MANIFEST = "manifest.json"
PART = ".mainstay-{}.part"  # of a backup that is being written, by workspace: the next one removes what a kill left
# What stays behind: what belongs to this machine and this very file, and what is on its way.
LEFT_OUT = frozenset({"ledger.db", "ledger.db-wal", "ledger.db-shm", "head", "owner.lock"})

# A consistent copy of the database under the same key. (path)
SNAPSHOT = "VACUUM INTO ?"


class Source(msgspec.Struct, frozen=True):
    """What is backed up."""

    root: Path  # the operator's folder
    state: Path  # its `.mainstay`
    own: tuple[str, ...]  # files and folders of the operator's own, by their names in `root`
    workspace: str  # id of the key
    database_key: bytes
    mainstay: str  # this release
    master: str = ""  # the workspace's master key in hex, where a passphrase guards it


class FileEntry(msgspec.Struct, frozen=True):
    """One file of a backup."""

    path: str
    size: int
    digest: str  # BLAKE2b-256 of the content, hex


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds. `position` and `digest` are those of its newest record."""

    workspace: str
    position: int
    digest: str
    files: tuple[FileEntry, ...]
    master: str = ""  # in a backup under a passphrase: the workspace's key, in hex

    def __repr__(self) -> str:
        """Keep the key out of logs and tracebacks."""
        return f"Manifest({self.workspace}@{self.position})"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files)


# --- writing


def write(source: Source, file: Path, head: Head, root: bytes, progress: Progress | None = None) -> Manifest:
    """Write a backup; it is whole and on disk when this returns, and not there at all when this fails.

    Raises InputError when the file exists, LedgerError when the history can't be read, OwnedError when another
    backup of this workspace is being written there, MainstayError when there is no room or no right to write.
    """
    if file.exists() or file.is_symlink():
        raise InputError(f"{file} exists already.", remedy="Name a new file; a backup never replaces another.")
    if not file.parent.is_dir():
        raise InputError(f"There is no folder {file.parent}.", remedy="Make it, or name another place.")
    inside = [source.state, *(source.root / own for own in source.own)]
    if any(file.resolve().is_relative_to(folder.resolve()) for folder in inside):
        raise InputError(f"{file} would be a part of itself.", remedy="Name a place outside the workspace.")
    try:
        with _part_of(file, source) as part, _snapshot(source, part.with_suffix(".copy")) as snapshot:
            with part.open("wb") as opened:
                manifest = _write_all(source, snapshot, opened, head, root, progress)
                opened.flush()
                os.fsync(opened.fileno())
            part.rename(file)
            sync_folder(file.parent)
    except OSError as error:
        raise _unwritten(file, error) from error
    return manifest


@contextmanager
def _part_of(file: Path, source: Source) -> Generator[Path]:
    """Give a private file beside a backup that only this one writes to; afterwards it is gone, or has the last name.

    Nothing is written in the workspace: its disk may be full, or read-only because it is about to fail.
    """
    part = file.with_name(PART.format(source.workspace[:12]))
    lock = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not _is_locked(lock) or not _is_at(lock, part):
            raise OwnedError(
                f"Another backup of this workspace is being written to {file.parent}.", remedy="Wait until it is done."
            )
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network folders know no locks
        return True
    return True


def _is_at(file: int, path: Path) -> bool:
    """Whether an open file is still the one of this name: who held it before may have given it its last name."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _unwritten(file: Path, error: OSError) -> MainstayError:
    """Make words of a backup that can't be written where it was asked for."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _no_room(file)
    return MainstayError(
        f"{file} can't be written: {error.strerror}; no backup was written.",
        remedy=f"See who may write to {file.parent}, or name another place.",
    )


def _no_room(file: Path) -> MainstayError:
    return MainstayError(
        f"There is no room in {file.parent}; no backup was written.",
        remedy="Make room there, or name another disk. It takes twice the history's size while it is written.",
    )


@contextmanager
def _snapshot(source: Source, path: Path) -> Generator[Path]:
    """Copy the database, as encrypted as it is, to a file that is gone afterwards."""
    _remove_copy(path)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        with closing(database.connect_reader(source.state / LEDGER, source.database_key)) as connection:
            connection.pragma("query_only", "off")
            connection.execute(SNAPSHOT, (str(path),))
        yield path
    except apsw.FullError as error:
        raise _no_room(path) from error
    except apsw.Error as error:
        why, remedy = trouble(source.state / LEDGER, error)
        raise LedgerError(f"The history can't be copied: {why}.", remedy=remedy) from error
    finally:
        _remove_copy(path)


def _remove_copy(path: Path) -> None:
    for beside in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + beside).unlink(missing_ok=True)


def _write_all(
    source: Source, snapshot: Path, file: IO[bytes], head: Head, root: bytes, progress: Progress | None
) -> Manifest:
    with SqliteReader(snapshot, source.database_key) as reader:
        position, digest = reader.head()
    members = list(_members(source, snapshot))
    total, done = sum(path.stat().st_size for _, path in members if path.exists()), 0
    entries: list[FileEntry] = []
    sealed = chunks.Writer(file, head, root)
    with tarfile.open(fileobj=cast("IO[bytes]", sealed), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name, path in members:
            entry = _add(tar, name, path)
            if entry is not None:
                entries.append(entry)
                done += entry.size
                if progress is not None:
                    progress(done, total)
        manifest = Manifest(source.workspace, position, digest, tuple(entries), source.master)
        _add_bytes(tar, MANIFEST, msgspec.json.encode(manifest))
    sealed.close()
    return manifest


def _members(source: Source, snapshot: Path) -> Iterator[tuple[str, Path]]:
    """Give name in the backup and place on disk of every file."""
    name = source.state.name
    yield f"{name}/{LEDGER}", snapshot
    for path in _files(source.state):
        told = path.relative_to(source.state).as_posix()
        if told not in LEFT_OUT and path.suffix != ".part":
            yield f"{name}/{told}", path
    for own in source.own:
        path = source.root / own
        for each in (path,) if _is_plain(path) else _files(path):
            yield each.relative_to(source.root).as_posix(), each


def _files(folder: Path) -> Iterator[Path]:
    """Give the plain files in a folder and below; links are not followed, and not copied."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ("__pycache__", ".git"))
        yield from (path for name in sorted(names) if _is_plain(path := Path(place) / name))


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _add(tar: tarfile.TarFile, name: str, path: Path) -> FileEntry | None:
    """Copy one file. One that is gone by now was a blob that no fact names, or is no longer the operator's."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(f"{path} can't be read: {error.strerror}.", remedy="Check who may read it.") from None
    with file:
        counted = _Counted(file, os.fstat(file.fileno()).st_size)
        info = tarfile.TarInfo(name)
        info.size, info.mode = counted.left, 0o600
        size = counted.left
        tar.addfile(info, cast("IO[bytes]", counted))
    return FileEntry(name, size, counted.digest.hexdigest())


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    tar.addfile(info, BytesIO(content))


class _Counted:
    """A file that is read once, up to the size it had, with the digest of what was read."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self.left = file, size
        self.digest = blake2b(digest_size=32)

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self.left))
        if not data and self.left:
            raise LedgerError("A file became shorter while it was copied.", remedy="Try the backup again.")
        self.left -= len(data)
        self.digest.update(data)
        return data
