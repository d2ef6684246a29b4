"""The history as lines of JSON that any program can read (requirement O7): see `cloudevents`.

An export is open: it holds what the history holds, blobs and the keys of people among it. It is made of what was
committed when it began, while an owner may be working.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.contracts import marks_in
from mainstay.encoding import decode_value
from mainstay.errors import LedgerError
from mainstay.events import VALUE_MEDIA
from mainstay.ledger import chain, cloudevents, database
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.codec import CODEC_VERSION, decode_fact
from mainstay.ledger.disk import make_folder, replace
from mainstay.ledger.people import HAS_TABLES, NAMES, PersonKeys
from mainstay.ledger.segments import Segments
from mainstay.ledger.trouble import trouble
from mainstay.values import BlobRef, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import apsw

    from mainstay.ledger.cloudevents import Line

FORMAT = 1

# How far it goes, and the first record's digest.
BOUNDS = "SELECT max(position), (SELECT digest FROM event WHERE position = 1) FROM event"
# Records in order, of all streams or of those of one plan and its parts. (plan, plan, plan)
RECORDS = """
SELECT e.position, s.name, e.sequence, e.kind, e.version, e.recorded_at_us, e.actor, e.cause, e.plan, e.body, e.digest
FROM event e JOIN stream s ON s.id = e.stream
WHERE ?1 = '' OR s.name = 'plan:' || ?1 OR s.name GLOB 'plan:' || ?1 || '-*' ORDER BY e.position"""
# Keys of people, with the names they go by; not the one that names are told by.
PEOPLE = """
SELECT id, kind, destroyed_at_us, (SELECT json_group_array(json_array(hex(name), made)) FROM
    (SELECT name, made FROM person_name WHERE key_id = k.id ORDER BY name)) FROM person_key k
WHERE id <> 'names' ORDER BY id"""


class Exported(msgspec.Struct, frozen=True):
    """What went out; `missing` are blobs that were not there."""

    records: int
    blobs: int
    people: int
    missing: int


class Opened(msgspec.Struct, frozen=True):
    """Where an export comes from."""

    ledger: Path
    database_key: bytes
    people_key: bytes
    blobs: FileBlobs
    mainstay: str  # this release


def export(
    opened: Opened,
    write: Callable[[bytes], object],
    *,
    plan: str = "",
    beside: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Give every line to `write`, of the whole history or of one plan and its parts.

    Blobs stand in lines of their own before the first record that names them, or as files in the folder `beside`.
    Raises LedgerError when the history can't be read.
    """
    with closing(database.connect_reader(opened.ledger, opened.database_key)) as connection:
        connection.execute("BEGIN")  # all of it sees one state
        try:
            return _Export(opened, connection, write, beside).run(plan, progress)
        except _database_errors() as error:
            why, remedy = trouble(opened.ledger, error)
            raise LedgerError(f"The history can't be read: {why}.", remedy=remedy) from error


def _database_errors() -> type[Exception]:
    import apsw

    return apsw.Error


class _Export:
    """One export on its way."""

    def __init__(
        self, opened: Opened, connection: apsw.Connection, write: Callable[[bytes], object], beside: Path | None
    ) -> None:
        self._opened, self._connection, self._write, self._beside = opened, connection, write, beside
        self._segments = Segments(opened.ledger.parent, opened.database_key)
        self._seen: set[str] = set()
        self._missing = self._people = 0
        self._source = ""
        self._digest = blake2b(digest_size=32)

    def run(self, plan: str, progress: Callable[[int, int], None] | None) -> Exported:
        last, first = database.rows(self._connection, BOUNDS)[0]
        self._source = cloudevents.source_of(first or chain.GENESIS)
        told = {"format": FORMAT, "mainstay": self._opened.mainstay, "codec": CODEC_VERSION, "plan": plan}
        self._put(cloudevents.other(cloudevents.BEGIN, "begin", self._source, told))
        self._put_people()
        count, position, digest = 0, 0, chain.GENESIS
        for record in self._records(plan):
            self._put_blobs(record)
            self._put(cloudevents.line_of(record, self._source))
            count, position, digest = count + 1, record.position, record.digest
            if progress is not None and count % chain.REPORT_EVERY == 0:
                progress(position, last)
        end = {"records": count, "position": position, "digest": digest.hex(), "lines": self._digest.hexdigest()}
        self._put(cloudevents.other(cloudevents.END, "end", self._source, end))
        return Exported(count, len(self._seen) - self._missing, self._people, self._missing)

    def _put(self, line: Line) -> None:
        data = cloudevents.as_json(line) + b"\n"
        self._digest.update(data)
        self._write(data)

    def _records(self, plan: str) -> Iterator[chain.StoredRecord]:
        for row in self._connection.execute(RECORDS, (plan,)):
            record = chain.StoredRecord._make(row)
            yield record._replace(body=self._segments.whole(record.position, record.body))

    # --- blobs

    def _put_blobs(self, record: chain.StoredRecord) -> None:
        """Put the blobs a record names, and those named by values that are blobs, the inner ones first."""
        for mark in marks_in(decode_fact(record.kind, record.version, record.body)):
            if isinstance(mark, BlobRef):
                self._put_blob(mark)

    def _put_blob(self, ref: BlobRef) -> None:
        if ref.digest in self._seen:
            return
        self._seen.add(ref.digest)
        try:
            content = self._opened.blobs.get(ref)
        except LedgerError:
            self._missing += 1
            return
        for mark in marks_in(decode_value(content)) if ref.media == VALUE_MEDIA else ():
            if isinstance(mark, BlobRef):
                self._put_blob(mark)
        more: dict[str, Any] = {"subject": ref.digest, "contentdigest": digest_of(content)}
        if self._beside is None:
            more["data_base64"] = b64encode(content).decode()
        else:
            _keep(self._beside, ref.digest, content)
            more["dataref"] = ref.digest
        self._put(cloudevents.other(cloudevents.BLOB, f"blob:{ref.digest}", self._source, None, **more))

    # --- people

    def _put_people(self) -> None:
        """Put the keys of people, and the one their names are told by: without them nothing personal can be read."""
        if not self._connection.execute(HAS_TABLES).get:
            return
        keys = PersonKeys(
            lambda sql, parameters: database.rows(self._connection, sql, parameters), self._opened.people_key
        )
        people = database.rows(self._connection, PEOPLE)
        for ident, kind, destroyed, names in [(NAMES, NAMES, None, "[]"), *people] if people else ():
            key = keys.key(ident)
            told = {
                "kind": kind,
                "key": None if key is None else b64encode(key).decode(),
                "destroyed_at_us": destroyed,
                "names": msgspec.json.decode(names),
            }
            self._put(cloudevents.other(cloudevents.PERSON, f"person:{ident}", self._source, told))
            self._people += ident != NAMES


def _keep(folder: Path, digest: str, content: bytes) -> None:
    """Bring a blob to a folder of the operator's, whole or not at all; what an export before brought stays."""
    if not folder.is_dir():
        make_folder(folder)
    if not (folder / digest).exists():
        replace(folder / digest, content)
