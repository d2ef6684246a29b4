"""A history out of the lines of an export, with the same positions and the same digests (requirement O7).

Only into a workspace in which nothing has happened yet. All records go in with one transaction, and every line is
held against the chain first: what was altered is refused by the number of its line, and then nothing was changed.
Blobs come before the records that name them; they keep their names, and are encrypted under this workspace's key.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.errors import FileError, InputError
from mainstay.ledger import chain, cloudevents, database
from mainstay.ledger.batch import INSERT_EVENTS, INSERT_STREAMS
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.cloudevents import BEGIN, BLOB, END, EVENT, PERSON
from mainstay.ledger.codec import CODEC_VERSION
from mainstay.ledger.disk import remove
from mainstay.ledger.exporting import FORMAT
from mainstay.ledger.people import ADD_NAME, NAMES, SCHEMA, PersonKeys
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.shown import shown
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import apsw

    from mainstay.ledger.chain import StoredRecord
    from mainstay.ledger.cloudevents import Line

# What happened in a workspace first.
BEGUN = "SELECT e.kind, s.name FROM event e JOIN stream s ON s.id = e.stream ORDER BY e.position LIMIT 3"
# What `mainstay init` records: that there is a workspace, and the policy that ships.
BY_INIT = (("WorkspaceCreated", "workspace"), ("VersionActivated", "version:policy:house"))
# All of that, and which views were made of it: they are made anew.
CLEAR = (
    "DELETE FROM event",
    "DELETE FROM stream",
    "DELETE FROM person_key",
    "DELETE FROM person_name",
    "DELETE FROM projection",
)
# A key of a person, perhaps destroyed.
ADD_PERSON = "INSERT INTO person_key VALUES (?, ?, ?, ?)"
PAGE_RECORDS = 64


class Imported(msgspec.Struct, frozen=True):
    """What came in."""

    records: int
    blobs: int
    people: int
    digest: str  # of the last record, hex


class Target(msgspec.Struct, frozen=True):
    """Where an import goes. The caller holds the owner's lock, and closes the ledger afterwards.

    `heads` are files that say where its history stood (`head.files_of`): they would speak of another one afterwards,
    and accuse this one. They go before it comes, so that it has none however this ends, and the next owner holds it.
    """

    ledger: SqliteLedger
    blobs: FileBlobs
    people_key: bytes
    heads: tuple[Path, ...] = ()


def import_lines(
    target: Target,
    lines: Iterable[bytes],
    name: str,
    *,
    beside: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Imported:
    """Take a whole history in; on disk when this returns, and as before when it fails.

    Raises InputError when something has happened in the workspace, FileError, which names the line, when a line is
    not as it was written, or the file is cut short.
    """
    with target.ledger.held() as connection:
        arriving = _Import(target, connection, beside)
        with connection:
            _clear(connection)
            arriving.run(lines, name, progress)
            remove(target.heads)
    target.ledger.rebuild()
    return arriving.done()


def _clear(connection: apsw.Connection) -> None:
    """Take out what `mainstay init` recorded; raises InputError when more has happened."""
    begun = tuple(database.rows(connection, BEGUN))
    if begun != BY_INIT[: len(begun)]:
        raise InputError(
            "Something has happened in this workspace already; nothing was imported.",
            remedy="An import comes in whole or not at all: `mainstay history tail` shows whether it is here already. "
            "Another one goes into a new workspace: `mainstay init`.",
        )
    connection.execute(SCHEMA)
    for statement in CLEAR:
        connection.execute(statement)


class _Import:
    """One import on its way, inside the open transaction."""

    def __init__(self, target: Target, connection: apsw.Connection, beside: Path | None) -> None:
        self._target, self._connection, self._beside = target, connection, beside
        self._people = PersonKeys(self._rows, target.people_key)
        self._streams: dict[str, int] = {}
        self._waiting: list[StoredRecord] = []
        self._position: int = 0
        self._digest = chain.GENESIS
        self._blobs = self._persons = 0
        self._source = ""
        self._ended = False
        self._number = 0
        self._seen = blake2b(digest_size=32)
        self._takers: dict[str, Callable[[Line], None]] = {
            BEGIN: self._begin,
            BLOB: self._take_blob,
            PERSON: self._take_person,
            END: self._end,
        }

    def run(self, lines: Iterable[bytes], name: str, progress: Callable[[int], None] | None) -> None:
        for number, data in enumerate(lines, 1):
            line: Line | None = None
            try:
                line = cloudevents.parse(data)
                self._take(line, number)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                why = str(error) if isinstance(error, ValueError) else "it lacks something"
                raise FileError(
                    f"{name}, line {number}{_named(line)}: {why}; nothing was imported.", remedy=_ANOTHER
                ) from None
            self._number = number
            self._seen.update(data if data.endswith(b"\n") else data + b"\n")
            if progress is not None and number % chain.REPORT_EVERY == 0:
                progress(number)
        if not self._ended:
            raise FileError(f"{name} is cut short after line {self._number}; nothing was imported.", remedy=_ANOTHER)
        self._flush()

    def done(self) -> Imported:
        """Say what came in."""
        return Imported(self._position, self._blobs, self._persons, self._digest.hex())

    def _rows(self, sql: str, parameters: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - any SQLite values
        return database.rows(self._connection, sql, parameters)

    def _take(self, line: Line, number: int) -> None:
        if self._ended:
            raise ValueError("it stands behind the end")
        if (line["type"] == BEGIN) != (number == 1) or (number > 1 and line["source"] != self._source):
            raise ValueError("it is not of this history" if number > 1 else "an export begins otherwise")
        if line["type"].startswith(EVENT):
            self._take_record(line)
        elif line["type"] in self._takers:
            self._takers[line["type"]](line)
        else:
            raise ValueError(f"'{line['type']}' is not known")

    def _begin(self, line: Line) -> None:
        told = line["data"]
        if told["format"] > FORMAT or told["codec"] > CODEC_VERSION:
            raise ValueError("it was written by a newer Mainstay")
        if told["plan"]:
            raise ValueError("only one plan was exported, and a whole history is needed")
        self._source = line["source"]

    def _take_record(self, line: Line) -> None:
        record = cloudevents.record_of(line)
        if record.position != self._position + 1:
            raise ValueError(f"record {self._position + 1} is missing")
        if not cloudevents.is_link(record, self._digest):
            raise ValueError("it was altered, or is not in its place")
        self._position, self._digest = record.position, record.digest
        self._waiting.append(record)
        if len(self._waiting) >= PAGE_RECORDS:
            self._flush()

    def _flush(self) -> None:
        records, self._waiting = self._waiting, []
        new: dict[str, int] = {record.stream: 0 for record in records if record.stream not in self._streams}
        for stream in new:
            new[stream] = self._streams[stream] = len(self._streams) + 1
        self._connection.execute(INSERT_STREAMS, (msgspec.json.encode(new).decode(),))
        for record in records:
            row = (record.position, self._streams[record.stream], *record[2:])
            self._connection.execute(INSERT_EVENTS[1], row)

    def _take_blob(self, line: Line) -> None:
        if "data_base64" in line:
            content = b64decode(line["data_base64"], validate=True)
        elif self._beside is None:
            raise ValueError("its content is in a folder of its own: name that with --blobs")
        else:
            content = _content(self._beside, line["subject"])
        if digest_of(content) != line["contentdigest"] or line["id"] != f"blob:{line['subject']}":
            raise ValueError("its content was altered")
        self._target.blobs.adopt(line["subject"], content)
        self._blobs += 1

    def _take_person(self, line: Line) -> None:
        told, ident = line["data"], line["id"].removeprefix("person:")
        wrapped = None if told["key"] is None else self._people.wrapped(ident, b64decode(told["key"], validate=True))
        self._connection.execute(ADD_PERSON, (ident, told["kind"], wrapped, told["destroyed_at_us"]))
        self._connection.executemany(ADD_NAME, [(bytes.fromhex(name), ident, made) for name, made in told["names"]])
        self._persons += ident != NAMES

    def _end(self, line: Line) -> None:
        told = line["data"]
        if told["position"] != self._position or told["digest"] != self._digest.hex():
            raise ValueError("the history ends elsewhere")
        if not hmac.compare_digest(told["lines"], self._seen.hexdigest()):
            raise ValueError("a line before it was altered")
        self._ended = True


_ANOTHER = "Export it anew where it came from, or use another copy of it: a line can't be put right by hand."


def _named(line: Line | None) -> str:
    """Say which record a line holds: " (record 10, DecisionRuled, of plan abc)"; empty where it holds none."""
    if line is None or not str(line.get("type", "")).startswith(EVENT):
        return ""
    of = f", of plan {line['plan']}" if line.get("plan") else ""
    return shown(f" (record {line.get('position')}, {line['type'].removeprefix(EVENT)}{of})")


def _content(folder: Path, digest: str) -> bytes:
    if not digest.isalnum():
        raise ValueError("it names no blob")
    try:
        return (folder / digest).read_bytes()
    except OSError as error:
        raise ValueError(f"{folder / digest} can't be read ({error.strerror})") from None
