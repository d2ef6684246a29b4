"""Reading the ledger: streams, the whole in order, projections, and the walk along the chain.

A reader sees what is committed and takes no lock of ours. It may be used from several threads; a query of
another thread waits for its turn.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol, Self

import apsw
import msgspec

from mainstay.errors import LedgerError
from mainstay.events import Recorded
from mainstay.ledger import chain, database
from mainstay.ledger.codec import decode_fact
from mainstay.ledger.segments import Segments, is_stub
from mainstay.ledger.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

PAGE_ROWS = 1000
STRIDE = 1000  # positions between the records that are first looked at for a time
SET_BACK = 10_000  # records in a row that a clock set back may have dated before a time which came before them

# The facts of one stream past a sequence.
READ_STREAM = """
SELECT e.position, s.name, e.sequence, e.kind, e.version, e.recorded_at_us, e.actor, e.cause, e.plan, e.body
FROM stream s JOIN event e ON e.stream = s.id WHERE s.name = ? AND e.sequence > ? ORDER BY e.sequence"""
# The first fact of one stream.
READ_FIRST = """
SELECT e.position, s.name, e.sequence, e.kind, e.version, e.recorded_at_us, e.actor, e.cause, e.plan, e.body
FROM stream s JOIN event e ON e.stream = s.id WHERE s.name = ? AND e.sequence = 1"""
# The last fact of a kind in one stream.
READ_LAST = """
SELECT e.position, s.name, e.sequence, e.kind, e.version, e.recorded_at_us, e.actor, e.cause, e.plan, e.body
FROM stream s JOIN event e ON e.stream = s.id WHERE s.name = ? AND e.kind = ? ORDER BY e.sequence DESC LIMIT 1"""
# All facts past a position, a page at a time.
READ_TAIL = """
SELECT e.position, s.name, e.sequence, e.kind, e.version, e.recorded_at_us, e.actor, e.cause, e.plan, e.body
FROM event e JOIN stream s ON s.id = e.stream WHERE e.position > ? ORDER BY e.position LIMIT ?"""
# Facts of some kinds past a position, a page at a time. (position, JSON list of kinds, limit)
READ_KINDS = """
SELECT e.position, s.name, e.sequence, e.kind, e.version, e.recorded_at_us, e.actor, e.cause, e.plan, e.body
FROM event e JOIN stream s ON s.id = e.stream
WHERE e.position > ? AND e.kind IN (SELECT value FROM json_each(?)) ORDER BY e.position LIMIT ?"""
# All records with their digests, for the walk along the chain. A stream whose name is gone counts as altered.
READ_CHAIN = """
SELECT e.position, coalesce(s.name, ''), e.sequence, e.kind, e.version, e.recorded_at_us, e.actor, e.cause, e.plan,
       e.body, e.digest
FROM event e LEFT JOIN stream s ON s.id = e.stream ORDER BY e.position"""
# The newest of every so many records, counted back from the last, that is of before a time. (time, how many, last)
MARK_BEFORE = """
WITH RECURSIVE mark (at) AS (SELECT ?3 UNION ALL SELECT at - ?2 FROM mark WHERE at > ?2)
SELECT e.position FROM mark CROSS JOIN event AS e ON e.position = mark.at WHERE e.recorded_at_us < ?1 LIMIT 1"""
# The first record between two positions that is of a time, or later: NULL where none is. (from, before, time)
FIRST_BETWEEN = "SELECT min(position) FROM event WHERE position >= ? AND position < ? AND recorded_at_us >= ?"
# Every page, and whether tables and indexes fit each other; the first fault is enough.
CHECK_ALL = "PRAGMA integrity_check(1)"
CHECK_USED = "PRAGMA integrity_check(100000)"
CHECK_TABLE = 'PRAGMA integrity_check("{}")'
# All tables.
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid"
# The last position and its digest.
HEAD = "SELECT position, digest FROM event ORDER BY position DESC LIMIT 1"
# The digest of one record.
DIGEST_AT = "SELECT digest FROM event WHERE position = ?"


class Reading(Protocol):
    """Reading a history by rows, whichever connection they come through."""

    segments: Segments

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Query a projection; `sql` is a named constant of ours."""
        ...

    def read(self, stream: str, after: int = 0) -> list[Recorded]:
        """Give the committed facts of a stream past a sequence, in order."""
        return [recorded(row, self.segments) for row in self.rows(READ_STREAM, (stream, after))]

    def tail(self, after: int = 0, limit: int = 1000) -> Iterator[Recorded]:
        """Give at most `limit` committed facts past a position, in order."""
        while limit > 0 and (page := self.rows(READ_TAIL, (after, min(limit, PAGE_ROWS)))):
            yield from (recorded(row, self.segments) for row in page)
            after, limit = page[-1][0], limit - len(page)

    def first(self, stream: str) -> Recorded | None:
        """Give the first committed fact of a stream; None where there is none."""
        found = self.rows(READ_FIRST, (stream,))
        return recorded(found[0], self.segments) if found else None

    def last(self, stream: str, kind: str) -> Recorded | None:
        """Give the last committed fact of a kind in a stream; None where there is none."""
        found = self.rows(READ_LAST, (stream, kind))
        return recorded(found[0], self.segments) if found else None

    def of_kinds(self, kinds: str, after: int, limit: int) -> list[Recorded]:
        """Give at most `limit` committed facts of some kinds past a position, in order; `kinds` is a list as JSON."""
        return [recorded(row, self.segments) for row in self.rows(READ_KINDS, (after, kinds, limit))]

    def first_since(self, at_us: int) -> int:
        """Give the position of the first fact recorded at a time or later; the one past the last where none was.

        Positions lie in the order of time, but for a clock that was set. Few records are looked at, however many there
        are: earlier ones behind more than SET_BACK in a row that are of before that time are not found.
        """
        last = self.head()[0]
        if not last:
            return 1
        before = self.rows(MARK_BEFORE, (at_us, STRIDE, last))
        first = min(before[0][0] + STRIDE, last + 1) if before else (last - 1) % STRIDE + 1  # the first that was asked
        found: int | None = first
        while found is not None:
            first, found = found, self.rows(FIRST_BETWEEN, (found - SET_BACK - 1, found, at_us))[0][0]
        return first

    def head(self) -> tuple[int, str]:
        """Give the last position and its digest in hex; (0, zeros) of an empty ledger."""
        found = self.rows(HEAD)
        return (found[0][0], found[0][1].hex()) if found else (0, chain.GENESIS.hex())

    def digest_at(self, position: int) -> str:
        """Give the digest of one record in hex; empty when there is none."""
        found = self.rows(DIGEST_AT, (position,))
        return found[0][0].hex() if found else ""


class SqliteReader(Reading):
    """The reading half of `ports.Ledger`, on a connection of its own."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Open read-only; raises WrongKeyError or LedgerError. See `database.connect_reader` for what it touches."""
        self._path, self._key = path, key
        self.segments = Segments(path.parent, key)
        self._connection = database.connect_reader(path, key)
        self._lock = RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close; reading afterwards raises LedgerError."""
        with self._lock:
            self._connection.close()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Query a projection; `sql` is a named constant of ours."""
        with self._lock:
            try:
                return database.rows(self._connection, sql, parameters)
            except apsw.ConnectionClosedError:
                raise LedgerError("The history is closed.") from None
            except apsw.Error as error:
                why, remedy = trouble(self._path, error)
                raise LedgerError(f"The history can't be read: {why}.", remedy=remedy) from error

    def verify(
        self, progress: Callable[[int], None] | None = None, marks: Sequence[chain.Mark] = ()
    ) -> chain.Verification:
        """Walk the chain, and read every page beside it, on connections of their own: it may run beside everything."""
        with self._beside() as connection:
            found = chain.verify(records(self._path, connection, self.segments), progress, marks)
        return msgspec.structs.replace(found, damaged=self._damaged())

    @contextmanager
    def _beside(self) -> Generator[apsw.Connection]:
        """Give a new connection; where only one can be had (`database.connect_reader`), in the place of our own."""
        with self._lock:
            is_alone = self._connection.pragma("locking_mode") == "exclusive"
            if is_alone:
                self._connection.close()
        try:
            with closing(database.connect_reader(self._path, self._key)) as connection:
                yield connection
        finally:
            if is_alone:
                self._connection = database.connect_reader(self._path, self._key)

    def _damaged(self) -> tuple[str, ...]:
        """Name the tables of which a page can't be read or does not fit the others, indexes among them."""
        if self._is_sound(CHECK_ALL):
            return ()
        try:
            names = [row[0] for row in self.rows(TABLES)]
        except LedgerError:
            names = []
        # one damaged page makes the whole connection fail: each table is looked at through one of its own
        found = tuple(name for name in names if not self._is_sound(CHECK_TABLE.format(name)))
        return found or (() if self._is_sound(CHECK_USED) else ("its own lists",))

    def _is_sound(self, check: str) -> bool:
        try:
            with self._beside() as connection:
                found = [line for row in database.rows(connection, check) for line in row[0].splitlines()]
        except (apsw.CorruptError, apsw.NotADBError):
            return False
        except apsw.Error as error:
            why, remedy = trouble(self._path, error)
            raise LedgerError(f"The history can't be read: {why}.", remedy=remedy) from error
        if check == CHECK_USED:  # where a damaged list was made anew (`repair`), its pages are used by nothing
            return all(line.startswith("***") or line.endswith(": never used") for line in found)
        return found == ["ok"]


def recorded(row: tuple[Any, ...], segments: Segments) -> Recorded:
    """Make a fact with its envelope of a row of ten columns, the body last; an archived body comes from its segment."""
    position, stream, sequence, kind, version, at_us, actor, cause, plan, body = row
    fact = decode_fact(kind, version, segments.whole(position, body) if is_stub(body) else body)
    return Recorded(position, stream, sequence, kind, version, at_us, actor, cause, plan, fact)


def records(
    path: Path, connection: apsw.Connection, segments: Segments
) -> Iterator[chain.StoredRecord | chain.Unreadable]:
    """Give the records as they are stored. A page or an archived body that can't be read ends them with the reason."""
    try:
        for row in connection.execute(READ_CHAIN):
            record = chain.StoredRecord._make(row)
            yield record._replace(body=segments.whole(record.position, record.body)) if is_stub(record.body) else record
    except LedgerError as error:
        yield chain.Unreadable(error.message)
    except apsw.Error as error:
        yield chain.Unreadable(trouble(path, error)[0])
