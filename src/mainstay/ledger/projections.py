"""Views of the ledger, written in the same transaction as the events they are made of (DESIGN rule 1, KERNEL L9).

A projection whose version or schema changed, or that this ledger has not seen, is dropped and made anew when the
ledger is opened. One that was left out when the ledger was open is forgotten then, because it missed events.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, TypeAlias

import apsw
import msgspec

from mainstay.ledger import database
from mainstay.ledger.reader import recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstay.events import Recorded
    from mainstay.ledger.segments import Segments
    from mainstay.ports import Projection

BATCH_EVENTS = 5000  # that a projection wants: the whole life of most plans lies in one batch, and is one row then

Progress: TypeAlias = "Callable[[int, int], None]"  # events replayed, events to replay

# What the projections in this database were made by.
KNOWN = "SELECT name, version, schema, tables FROM projection"
# Remember a projection that is up to date from here on.
REMEMBER = "INSERT OR REPLACE INTO projection (name, version, schema, tables) VALUES (?, ?, ?, ?)"
# A projection that is not kept any longer.
FORGET = "DELETE FROM projection WHERE name = ?"
# How far a replay has to go.
LAST_POSITION = "SELECT coalesce(max(position), 0) FROM event"
# Facts of some kinds past a position, in order; so many at most.
REPLAY = """
SELECT e.position, s.name, e.sequence, e.kind, e.version, e.recorded_at_us, e.actor, e.cause, e.plan, e.body
FROM event e JOIN stream s ON s.id = e.stream
WHERE e.position > ? AND e.kind IN (SELECT value FROM json_each(?)) ORDER BY e.position LIMIT ?"""


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild did."""

    events: int
    seconds: float


class OpenTransaction:
    """`ports.Transaction` on the connection of the writer."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Pass statements on to a connection whose transaction is open."""
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give all its rows."""
        return database.rows(self._connection, sql, parameters)

    def execute_many(self, sql: str, parameters: Sequence[Sequence[object]]) -> None:
        """Run one statement for many rows."""
        self._connection.executemany(sql, parameters)  # pyright: ignore[reportArgumentType] - any SQLite value


def apply(connection: apsw.Connection, projections: Sequence[Projection], events: Sequence[Recorded]) -> None:
    """Write what the events mean to each projection that wants one of them."""
    transaction = OpenTransaction(connection)
    for projection in projections:
        wanted = [event for event in events if event.kind in projection.kinds]
        if wanted:
            projection.apply(transaction, wanted)


def install(
    connection: apsw.Connection, projections: Sequence[Projection], progress: Progress | None, segments: Segments
) -> None:
    """Bring the database's projections up to the given ones; on disk when this returns."""
    known = {row[0]: row[1:] for row in database.rows(connection, KNOWN)}
    stale = [each for each in projections if known.get(each.name) != _mark(each)[1:]]
    gone = known.keys() - {each.name for each in projections}
    if stale or gone:
        with connection:
            connection.executemany(FORGET, [(name,) for name in gone])
            for each in stale:
                _drop(connection, known[each.name][2].split() if each.name in known else ())
            replay(connection, stale, progress, segments)


def rebuild(
    connection: apsw.Connection, projections: Sequence[Projection], progress: Progress | None, segments: Segments
) -> Rebuilt:
    """Replay in a transaction of its own; on disk when this returns, as before when it is broken off."""
    start = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    try:
        last = replay(connection, projections, progress, segments)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return Rebuilt(last, time.perf_counter() - start)


def replay(
    connection: apsw.Connection, projections: Sequence[Projection], progress: Progress | None, segments: Segments
) -> int:
    """Drop and make projections anew from the events, inside the open transaction; gives the last position."""
    last: int = connection.execute(LAST_POSITION).get
    for each in projections:
        _drop(connection, each.tables)
        connection.execute(each.schema)
        connection.execute(REMEMBER, _mark(each))
    for until, events in _batches(connection, projections, last, segments):
        apply(connection, projections, events)
        if progress is not None:
            progress(until, last)
    return last


def differing(connection: apsw.Connection, projections: Sequence[Projection], segments: Segments) -> list[str]:
    """Name the tables whose sorted rows are not those that a replay gives; the replay is made in memory."""
    copy = blank(projections)
    try:
        return differing_from(copy, connection, projections, segments)
    finally:
        copy.close()


def blank(projections: Sequence[Projection]) -> apsw.Connection:
    """Give a database in memory with their tables, which are empty."""
    made = apsw.Connection(":memory:")
    for each in projections:
        made.execute(each.schema)
    return made


def differing_from(
    copy: apsw.Connection, connection: apsw.Connection, projections: Sequence[Projection], segments: Segments
) -> list[str]:
    """Name the tables whose sorted rows are not those that a replay into a blank database gives."""
    for _, events in _batches(connection, projections, connection.execute(LAST_POSITION).get, segments):
        apply(copy, projections, events)
    tables = [table for each in projections for table in each.tables]
    return [table for table in tables if _sorted_rows(connection, table) != _sorted_rows(copy, table)]


def _batches(
    connection: apsw.Connection, projections: Sequence[Projection], last: int, segments: Segments
) -> Iterator[tuple[int, list[Recorded]]]:
    kinds = json.dumps(sorted({kind for each in projections for kind in each.kinds}))
    after = 0
    while after < last:
        found = database.rows(connection, REPLAY, (after, kinds, BATCH_EVENTS))
        after = found[-1][0] if len(found) == BATCH_EVENTS else last
        yield after, [recorded(row, segments) for row in found]


def _mark(projection: Projection) -> tuple[str, int, str, str]:
    return (projection.name, projection.version, projection.schema, " ".join(projection.tables))


def _drop(connection: apsw.Connection, tables: Sequence[str]) -> None:
    for table in tables:
        connection.execute(f"DROP TABLE IF EXISTS {_quoted(table)}")


def _sorted_rows(connection: apsw.Connection, table: str) -> list[str]:
    return sorted(map(repr, database.rows(connection, f"SELECT * FROM {_quoted(table)}")))  # noqa: S608 - quoted


def _quoted(table: str) -> str:
    assert table.replace("_", "").isalnum(), table
    return f'"{table}"'
