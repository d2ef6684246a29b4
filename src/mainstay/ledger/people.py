"""The keys of people (KERNEL L3): made when somebody is first met, destroyed when they are forgotten.

A key is 32 random bytes under a random id, wrapped with AES-256-GCM under a key of the workspace. Who it belongs to is
found by HMAC(key of the workspace, kind and normalised name): the table holds no names. A value is sealed with
AES-256-GCM under the person's key and a synthetic nonce, as blobs are (`blobs.py` names the source). So the same value
of the same person is always the same mark, and a digest over sealed values is a keyed one: it dies with the key.

What is about several people is sealed under a key made of all of theirs; it can't be read once one of them is
destroyed. New keys are on disk when `flush` returns, which has to be before the fact that needs them is.

What somebody did, such as a payment, has an id that is made under their key. It counts as one of their names from then
on: it keeps its id whatever else becomes known of them, and once their key is gone nobody can tell it by its content.

A destroyed key is gone from the table and its pages (`secure_delete`), and from the WAL after `truncate`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import secrets
import unicodedata
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import apsw

from mainstay.errors import CommitFailedError, DiskFullError, LedgerError
from mainstay.ledger import database
from mainstay.ledger.trouble import is_full, trouble
from mainstay.values import Sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from mainstay.ledger.forgotten import Forgotten

SCHEMA = Path(__file__).with_suffix(".sql").read_text()
KEY_BYTES = 32
NONCE_BYTES = 12
ID_BYTES = 8
THING_BYTES = 10  # of an id made under a key: no two of a lifetime's bank lines meet by chance
NAMES = "names"  # id of the key that names are told by, where the history was imported: it comes along with it
JOIN = "+"  # between the ids of several people's keys
FORMAT = b"mainstay/sealed/1"  # authenticated with every value
STRONG = frozenset({"id", "mail", "iban", "text", "file"})  # one of these is the same person wherever it is met
KINDS = ("id", "mail", "iban", "name")

# Whether the tables are there: a workspace of an older release has none before its first owner.
HAS_TABLES = "SELECT count(*) FROM sqlite_schema WHERE name = 'person_key'"
# A key by its id. (id)
READ_KEY = "SELECT wrapped FROM person_key WHERE id = ?"
# The keys a name belongs to, those made for it first. (name)
READ_NAME = "SELECT key_id, made FROM person_name WHERE name = ? ORDER BY made DESC, key_id"
# A new key.
ADD_KEY = "INSERT INTO person_key VALUES (?, ?, ?, NULL)"
# A name met with a key.
ADD_NAME = "INSERT INTO person_name VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
# Destroy a key: when, which.
DESTROY_KEY = "UPDATE person_key SET wrapped = NULL, destroyed_at_us = ? WHERE id = ? AND wrapped IS NOT NULL"
# The names of a destroyed key.
READ_NAMES_OF = "SELECT name FROM person_name WHERE key_id = ?"
DROP_NAMES = "DELETE FROM person_name WHERE key_id = ?"
# Which of some keys are there, and what each is for. (JSON list)
READ_KINDS = """
SELECT id, kind FROM person_key WHERE wrapped IS NOT NULL AND id IN (SELECT value FROM json_each(?))"""
# When a key was destroyed. (id)
READ_DESTROYED = "SELECT destroyed_at_us FROM person_key WHERE id = ? AND wrapped IS NULL"
ADD_RECEIPT = "INSERT INTO person_receipt VALUES (?, ?)"
READ_RECEIPTS = "SELECT id, receipt FROM person_receipt ORDER BY id"
DROP_RECEIPT = "DELETE FROM person_receipt WHERE id = ?"


class _Ciphers(NamedTuple):
    """A key at work: it seals, and makes nonces."""

    key: bytes
    cipher: AESGCM
    nonce: bytes


class PersonKeys:
    """`ports.People` over rows of the ledger: reads only. May be used from several threads."""

    _entropy: Callable[[int], bytes] = staticmethod(secrets.token_bytes)

    def __init__(self, rows: Callable[[str, Sequence[object]], list[tuple[Any, ...]]], key: bytes) -> None:
        """Read keys through `rows`; `key` is the workspace's own for this."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._rows = rows
        self._wrap = AESGCM(hmac.digest(key, b"wrap", "sha256"))
        self._name_key = hmac.digest(key, b"name", "sha256")
        self._ciphers: dict[str, _Ciphers | None] = {}
        self._lock = RLock()
        self._is_there = bool(rows(HAS_TABLES, ())[0][0])
        imported = self._single(NAMES)
        if imported is not None:
            self._name_key = imported.key

    # --- sealing

    def seal(self, key_id: str, content: bytes) -> Sealed:
        """Seal under a key, or the keys of several people. Under a destroyed one it is forgotten at once."""
        ciphers = self._of(key_id)
        if ciphers is None:
            return Sealed(key_id, b"", b"")
        nonce = blake2b(content, key=ciphers.nonce, digest_size=NONCE_BYTES).digest()
        return Sealed(key_id, nonce, ciphers.cipher.encrypt(nonce, content, FORMAT))

    def open(self, sealed: Sealed) -> bytes | None:
        """Give what was sealed; None when a key of it is destroyed. Raises LedgerError when it was altered."""
        from cryptography.exceptions import InvalidTag

        ciphers = self._of(sealed.key_id)
        if ciphers is None or not sealed.nonce:
            return None
        try:
            return ciphers.cipher.decrypt(sealed.nonce, sealed.ciphertext, FORMAT)
        except InvalidTag:
            raise LedgerError("A personal value in the history was altered.", remedy=_VERIFY) from None

    def _of(self, key_id: str) -> _Ciphers | None:
        with self._lock:
            if key_id in self._ciphers:
                return self._ciphers[key_id]
            found = self._joined(key_id.split(JOIN)) if JOIN in key_id else self._single(key_id)
            self._ciphers[key_id] = found
            return found

    def _single(self, key_id: str) -> _Ciphers | None:
        from cryptography.exceptions import InvalidTag

        rows = self._rows(READ_KEY, (key_id,)) if self._is_there else []
        wrapped = rows[0][0] if rows else None
        if wrapped is None:
            return None
        try:
            return _at_work(self._wrap.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], key_id.encode()))
        except InvalidTag:
            raise LedgerError("The key of a person was altered.", remedy=_VERIFY) from None

    def _joined(self, key_ids: list[str]) -> _Ciphers | None:
        parts = [self._of(key_id) for key_id in key_ids]
        keys = [part.key for part in parts if part is not None]
        if len(keys) < len(parts):
            return None
        return _at_work(hmac.digest(b"".join(keys), b"joined", "sha256"))

    # --- for an export

    def key(self, key_id: str) -> bytes | None:
        """Give a key itself, or the one that names are told by (`NAMES`); None when it is destroyed."""
        ciphers = None if key_id == NAMES else self._of(key_id)
        return self._name_key if key_id == NAMES else None if ciphers is None else ciphers.key

    def wrapped(self, key_id: str, key: bytes) -> bytes:
        """Give a key as the table holds it."""
        nonce = self._entropy(NONCE_BYTES)
        return nonce + self._wrap.encrypt(nonce, key, key_id.encode())

    # --- who is who

    def known_as(self, text: str) -> tuple[str, ...]:
        """Give the ids of the keys of all who go by a name, an account, a mail address or a customer's number."""
        if not self._is_there:
            return ()
        found = {row[0] for kind in KINDS for row in self._rows(READ_NAME, (self.name_of(kind, text),))}
        return tuple(sorted(found))

    def kinds(self, key_ids: Sequence[str]) -> dict[str, str]:
        """Say of keys that are there what each is for: "person", "text" or "file"."""
        return dict(self._rows(READ_KINDS, (json.dumps(list(key_ids)),))) if self._is_there else {}

    def destroyed_at_us(self, key_id: str) -> int | None:
        """Say when a key was destroyed; None when it is there, or never was. Of several people's: the first time."""
        ids = key_id.split(JOIN) if self._is_there else []
        return min((row[0] for one in ids for row in self._rows(READ_DESTROYED, (one,))), default=None)

    def name_of(self, kind: str, text: str) -> bytes:
        """Name somebody without saying who it is."""
        return blake2b(f"{kind}\0{_normal(kind, text)}".encode(), key=self._name_key, digest_size=16).digest()


class PersonKeyring(PersonKeys):
    """The same with a connection that writes: the owner's. Used from the loop's thread, and one at a time."""

    def __init__(
        self,
        path: Path,
        database_key: bytes,
        key: bytes,
        forgotten: Forgotten | None = None,
        *,
        connect: Callable[[Path, bytes], apsw.Connection] = database.connect_writer,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Open the table, or make it; raises LedgerError when the database can't be written to.

        `forgotten` is what the machine remembers outside the workspace. A simulated disk brings its own way to open it,
        and its own chance.
        """
        self._connect, self._entropy = connect, entropy
        self.forgotten = forgotten
        self.recording = asyncio.Lock()  # held by who brings receipts into the history
        self._path, self._database_key = path, database_key
        self._lock = RLock()
        self._writer = connect(path, database_key)
        self._guarded(lambda: self._writer.execute(SCHEMA))
        super().__init__(self._read, key)
        self._names: dict[bytes, list[tuple[str, int]]] = {}
        self._met: dict[tuple[tuple[str, str], ...], str] = {}
        self._gone: dict[bytes, tuple[str, int]] = {}  # forgotten while this process runs: key, when
        self._new_keys: list[tuple[str, str, bytes]] = []
        self._new_names: list[tuple[bytes, str, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close."""
        self._writer.close()

    def reopen(self) -> None:
        """Close and open again after the disk failed: what is on disk is read anew. Raises LedgerError."""
        with self._lock:
            self._writer.close()
            self._writer = self._connect(self._path, self._database_key)
            self._lose()

    def find(self, names: Sequence[tuple[str, str]], since_us: int = 0) -> str:
        """Give the key of the person with these names, as (kind, text), the telling ones first; make one if needed.

        A number, an account or a mail address is the same person wherever it is met; a name is so only where nothing
        else was known of them. `since_us` is when the plan began that speaks of them: who was forgotten after that, by
        this process, stays forgotten.
        """
        look = tuple(names)
        if not self._gone and (known := self._met.get(look)) is not None:
            return known
        with self._lock:
            found = self._find([(kind, self.name_of(kind, text)) for kind, text in look], since_us)
        if len(self._met) > _MET_AT_MOST:
            self._met.clear()
        self._met[look] = found
        return found

    def _find(self, names: list[tuple[str, bytes]], since_us: int) -> str:
        (kind, first), *others = names
        if first in self._gone and self._gone[first][1] > since_us:
            return self._gone[first][0]
        known = [(key, made) for key, made in self._named(first) if made or kind in STRONG]
        chosen = [key for key, made in known if made] or [key for key, _ in known]
        found = JOIN.join(sorted(chosen)) or self._make(first, kind if kind in ("text", "file") else "person")
        for _, name in others:
            for key in found.split(JOIN):
                if key not in {one for one, _ in self._named(name)}:
                    self._names[name].append((key, 0))
                    self._new_names.append((name, key, 0))
        return found

    def _named(self, name: bytes) -> list[tuple[str, int]]:
        if name not in self._names:
            self._names[name] = [(row[0], row[1]) for row in self._rows(READ_NAME, (name,))]
        return self._names[name]

    def _make(self, name: bytes, kind: str) -> str:
        key_id, key = self._entropy(ID_BYTES).hex(), self._entropy(KEY_BYTES)
        self._new_keys.append((key_id, kind, self.wrapped(key_id, key)))
        self._new_names.append((name, key_id, 1))
        self._names[name].append((key_id, 1))
        self._ciphers[key_id] = _at_work(key)
        return key_id

    def id_of(self, content: str, names: Sequence[tuple[str, str]], since_us: int = 0) -> str:
        """Give the id of a thing about the person with these names; `content` tells it from all others.

        The same content has the same id until the person is forgotten. Who is being forgotten just now gets one that is
        never met again. About nobody, it is made under the key that names are told by.
        """
        name = self.name_of("thing", content)
        with self._lock:
            known = JOIN.join(sorted(row[0] for row in self._rows(READ_NAME, (name,))))
            if not known and not names:
                return _id_under(self._name_key, content)
            key_id = known or self.find(names, since_us)
            ciphers = self._of(key_id)
            if ciphers is None:
                return secrets.token_hex(THING_BYTES)
            if not known:
                self._new_names += [(name, one, 0) for one in key_id.split(JOIN)]
        return _id_under(ciphers.nonce, content)

    def random_id(self, count: int) -> str:
        """Give so many random bytes in hex."""
        return self._entropy(count).hex()

    def flush(self) -> None:
        """Bring new keys to disk. Raises CommitFailedError when the disk is full or fails: then none is known."""
        if not self._new_names and not self._new_keys:
            return
        keys, names = self._new_keys, self._new_names
        self._new_keys, self._new_names = [], []

        def write() -> None:
            with self._writer:
                self._writer.executemany(ADD_KEY, keys)
                self._writer.executemany(ADD_NAME, names)

        try:
            self._guarded(write)
        except LedgerError:
            self._lose()
            raise

    def _lose(self) -> None:
        """Forget what this process holds in memory; what is on disk is read again."""
        with self._lock:
            self._names.clear()
            self._met.clear()
            self._ciphers.clear()

    # --- forgetting

    def destroy(self, key_ids: Sequence[str], at_us: int, name: str, receipt: str) -> None:
        """Destroy keys and all names they go by, and keep the receipt until the history holds it: in one transaction.

        On disk when this returns; `truncate` takes them out of the WAL. Without a name there is no receipt.
        """
        gone = {row[0]: (key_id, at_us) for key_id in key_ids for row in self._read(READ_NAMES_OF, (key_id,))}

        def write() -> None:
            with self._writer:  # begins with a write: what only reads first is refused where others write meanwhile
                for key_id in key_ids:
                    self._writer.execute(DESTROY_KEY, (at_us, key_id))
                    self._writer.execute(DROP_NAMES, (key_id,))
                if name:
                    self._writer.execute(ADD_RECEIPT, (name, receipt))

        self._guarded(write)
        self._lose()
        self._gone.update(gone)

    def receipts(self) -> list[tuple[str, str]]:
        """Give the receipts that the history may not hold yet, as (id, JSON)."""
        return [(row[0], row[1]) for row in self._read(READ_RECEIPTS, ())]

    def recorded(self, name: str) -> None:
        """Drop a receipt that the history holds."""
        self._guarded(lambda: self._writer.execute(DROP_RECEIPT, (name,)))

    def truncate(self) -> bool:
        """Bring the WAL into the database and cut it off; False while somebody reads an older state of it.

        May run in any thread: it takes a connection of its own, as the other one may be at work meanwhile.
        """
        try:
            with closing(self._connect(self._path, self._database_key)) as connection:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            return False
        except apsw.Error as error:
            raise self._failed(error) from error
        return True

    # --- leaves

    def _read(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        return self._guarded(lambda: database.rows(self._writer, sql, parameters))

    def _guarded(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work gives
        try:
            with self._lock:
                return work()
        except apsw.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: apsw.Error) -> LedgerError:
        why, remedy = trouble(self._path, error)
        kind = DiskFullError if is_full(self._path, error) else CommitFailedError
        return kind(f"The keys of people can't be written: {why}.", remedy=remedy)


_MET_AT_MOST = 100_000
_VERIFY = "See how far the history is whole: mainstay history verify"
_ACCOUNT = re.compile(r"[^0-9A-Za-z]")
_ADDRESS = re.compile(r"<([^<>\s]+@[^<>\s]+)>\s*$")


def _at_work(key: bytes) -> _Ciphers:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return _Ciphers(key, AESGCM(hmac.digest(key, b"cipher", "sha256")), hmac.digest(key, b"nonce", "sha256"))


def _id_under(key: bytes, content: str) -> str:
    return blake2b(content.encode(), key=key, digest_size=THING_BYTES, person=b"mainstay/thing").hexdigest()


def _normal(kind: str, text: str) -> str:
    """Write a name the way it is compared: in small letters, accounts without gaps, the words of a name in order."""
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    if kind == "iban":
        return _ACCOUNT.sub("", folded)
    if kind == "mail":
        inside = _ADDRESS.search(folded)
        return inside[1] if inside else folded
    if kind == "name":
        return " ".join(sorted(re.findall(r"\w+", folded))) or folded
    return "".join(folded.split())
