"""Opening the encrypted database file: the right key, the right durability, the right permissions (KERNEL L4).

Pages are encrypted and authenticated by SQLite3 Multiple Ciphers with AEGIS-256 (draft-irtf-cfrg-aegis-aead) under
a raw 32-byte key: measured here it costs a tenth of a commit, ChaCha20-Poly1305 a third, SQLCipher's AES two thirds.
A wrong key and a damaged first page look alike to the cipher, so a fingerprint of the key lies beside the file.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import apsw

from mainstay.errors import LedgerError, WrongKeyError
from mainstay.ledger.codec import CODEC_VERSION
from mainstay.ledger.disk import make_folder, sync_folder, write_new
from mainstay.ledger.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA_VERSION = 1
SCHEMA = Path(__file__).with_name("schema.sql").read_text()
BUSY_MS = 10_000
CACHE_KIB = 16 * 1024  # of decrypted pages, per connection
JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024  # the WAL is cut back to this once it was checkpointed
WRITER_PRAGMAS: dict[str, str | int] = {
    "journal_mode": "wal",
    "synchronous": "full",
    "secure_delete": "on",
    "wal_autocheckpoint": 0,
    "journal_size_limit": JOURNAL_LIMIT_BYTES,
}
PLAIN_HEADER = b"SQLite format 3\0"
_NO_INDEX = (apsw.CantOpenError, apsw.FullError, apsw.IOError)  # what SQLite says where it can't write a WAL index

# Whether this database was set up.
HAS_SCHEMA = "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'"
# What kind of ledger this is.
META = "SELECT name, value FROM meta"
# Written once, with the schema.
SET_META = "INSERT INTO meta (name, value) VALUES (?, ?)"


def create_if_missing(path: Path, key: bytes) -> None:
    """Make an empty file that only its owner reads, and the key's fingerprint beside it; on disk when this returns."""
    make_folder(path.parent)
    if not path.exists():  # the fingerprint comes first: where it stands alone, a crash cut this short
        _fingerprint_path(path).unlink(missing_ok=True)
        write_new(_fingerprint_path(path), _fingerprint(key))
        write_new(path, b"")
        sync_folder(path.parent)


def create(path: Path, key: bytes, workspace: str) -> None:
    """Begin the history of a new workspace: set up, empty, and on disk when this returns. One that is there stays."""
    create_if_missing(path, key)
    connection = connect_writer(path, key)
    try:
        prepare(connection, workspace)
    finally:
        connection.close()


def refuse_missing(path: Path) -> None:
    """Raise LedgerError where a history should be and is not: a new one is begun by `create` only."""
    try:
        gone = path.stat().st_size == 0
    except FileNotFoundError:
        gone = True
    except OSError as error:
        raise LedgerError(
            f"The history {path} can't be read: {error.strerror}.", remedy=f"See who may enter {path.parent}."
        ) from None
    if gone:
        raise LedgerError(
            f"The history is missing: there is nothing in {path}."
            if path.exists()
            else f"The history is missing: {path}.",
            remedy=f"Restore it from a backup, together with the files beside it in {path.parent}.",
        )


def connect_writer(path: Path, key: bytes) -> apsw.Connection:
    """Open for writing: every COMMIT is on disk when it returns. Checkpoints are somebody else's work."""
    connection = _connect(path, key, apsw.SQLITE_OPEN_READWRITE)
    try:
        for name, value in WRITER_PRAGMAS.items():
            connection.pragma(name, value)
    except apsw.Error as error:
        connection.close()
        why, remedy = trouble(path, error)
        raise LedgerError(f"{path} can't be opened for writing: {why}.", remedy=remedy) from error
    return connection


def connect_reader(path: Path, key: bytes) -> apsw.Connection:
    """Open for reading only: neither the database nor the WAL is ever changed through it.

    Where an owner runs, its WAL index is shared. Where none runs and a WAL was left behind, SQLite builds a WAL
    index (`-shm`) anew, under its own locks, and the committed state is seen; nothing is checkpointed at the end.
    Where not even that can be written, on a disk that is full or can only be read, no owner can be working either: what
    is in the database itself is read then; where a WAL holds more, its index is built in memory, under a lock that
    only one process gets and no owner leaves free.
    """
    refuse_missing(path)
    try:
        connection = _connect(path, key, apsw.SQLITE_OPEN_READONLY)
    except LedgerError as error:
        if not isinstance(error.__cause__, _NO_INDEX):
            raise
        if _has_wal(path):
            connection = _connect_alone(path, key, error)
        else:
            connection = _connect(path, key, apsw.SQLITE_OPEN_READONLY, unchanging=True)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.pragma("query_only", "on")
    return connection


def prepare(connection: apsw.Connection, workspace: str) -> None:
    """Set an empty database up, or make sure that this release can read it."""
    if not connection.execute(HAS_SCHEMA).get:
        with connection:
            connection.execute(SCHEMA)
            values = {"schema": str(SCHEMA_VERSION), "codec": str(CODEC_VERSION), "workspace": workspace, "head": "1"}
            connection.executemany(SET_META, values.items())
    meta: dict[str, str] = dict(rows(connection, META))
    for name, known in (("schema", SCHEMA_VERSION), ("codec", CODEC_VERSION)):
        if int(meta[name]) > known:
            raise LedgerError(
                f"This history was written by a newer Mainstay ({name} version {meta[name]}, known is {known}).",
                remedy="Use that release or a newer one; nothing was changed.",
            )
    if workspace and meta["workspace"] not in {"", workspace}:
        raise LedgerError(f"This history belongs to workspace {meta['workspace']}, not to {workspace}.")


def rows(connection: apsw.Connection, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Run one statement and give all its rows."""
    return cast("list[tuple[Any, ...]]", connection.execute(sql, cast("Any", parameters)).fetchall())


def _has_wal(path: Path) -> bool:
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def _connect_alone(path: Path, key: bytes, otherwise: LedgerError) -> apsw.Connection:
    """Read a database and its WAL with an index in memory; raises `otherwise` where that can't be done either."""
    try:
        return _connect(path, key, apsw.SQLITE_OPEN_READWRITE, alone=True)  # the lock needs a file open for writing
    except LedgerError:
        raise otherwise from otherwise.__cause__


def _connect(path: Path, key: bytes, flags: int, *, unchanging: bool = False, alone: bool = False) -> apsw.Connection:
    assert len(key) == 32, "a database key has 32 bytes"  # noqa: PLR2004
    _refuse_foreign(path, key)
    name = f"file:{quote(str(path.absolute()))}?immutable=1" if unchanging else str(path)
    connection: apsw.Connection | None = None
    try:
        connection = apsw.Connection(name, flags=flags | (apsw.SQLITE_OPEN_URI if unchanging else 0))
        connection.set_busy_timeout(0 if alone else BUSY_MS)
        if alone:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.pragma("locking_mode", "exclusive")  # no index beside the file
        connection.pragma("cipher", "aegis")
        connection.pragma("key", "raw:" + key.hex())
        connection.pragma("cache_size", -CACHE_KIB)
        connection.execute(HAS_SCHEMA).get  # noqa: B018 - the first read is where a wrong key shows
    except apsw.NotADBError:
        raise LedgerError(
            f"{path} is damaged, or no history at all: its first page can't be read with the right key.",
            remedy="Restore the workspace from a backup.",
        ) from None
    except apsw.Error as error:
        if connection is not None:
            connection.close()  # or its lock stands in the way of another try
        why, remedy = trouble(path, error)
        raise LedgerError(f"{path} can't be opened: {why}.", remedy=remedy) from error
    return connection


def _refuse_foreign(path: Path, key: bytes) -> None:
    """Tell a wrong key and a file of another kind from damage, before the cipher is asked."""
    try:
        with path.open("rb") as file:
            if file.read(len(PLAIN_HEADER)) == PLAIN_HEADER:
                raise LedgerError(f"{path} is a database, but not an encrypted one: not a history of ours.")
        known = _fingerprint_path(path).read_bytes()
    except FileNotFoundError:
        return
    if not hmac.compare_digest(known, _fingerprint(key)):
        raise WrongKeyError(
            f"The key of this workspace does not open {path}; nothing was changed.",
            remedy="Put the key file that belongs to it back into your config folder.",
        )


def _fingerprint_path(path: Path) -> Path:
    return path.with_suffix(".fingerprint")


def _fingerprint(key: bytes) -> bytes:
    """Tell one key from another, without saying anything about either: an HMAC under the key itself."""
    return hmac.digest(key, b"mainstay/fingerprint/1", "sha256")[:16]
