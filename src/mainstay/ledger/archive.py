"""Moving the bodies of plans that ended long ago to segments (KERNEL L8).

First a segment is written, read back and on disk; then its bodies leave the database in one transaction. A crash
before that leaves a segment that no record points to, and the next run removes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.ledger.segments import number_of, stub
from mainstay.ledger.trouble import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstay.ledger.sqlite import SqliteLedger

SEGMENT_BYTES = 16 * 1024 * 1024  # of bodies in one segment, before compression
SEGMENT_EVENTS = 20_000  # so many rows change in one transaction: appends wait for a tenth of a second
KEPT_BYTES = 64  # shorter bodies stay: the stub and its share of a segment would hardly be smaller

# Plans that ended before a time and have nothing left to do, the oldest first; but those of which the same was true
# when the history ended at a position, and the time was another. (time, that time, that position)
OLD_PLANS = """
SELECT id FROM plan WHERE ended_at_us < ?1 AND (parked = 1 OR status IN ('completed', 'undone'))
AND (ended_at_us >= ?2 OR last_position > ?3) ORDER BY last_position"""
# Position and body of what is not archived yet, of one stream, in order. (stream, least length)
BODIES = """
SELECT e.position, e.body FROM stream s JOIN event e ON e.stream = s.id
WHERE s.name = ? AND length(e.body) > ? ORDER BY e.sequence"""
# Put a stub in the place of a body. (stub, position)
DROP_BODY = "UPDATE event SET body = ? WHERE position = ?"
# The stubs' beginnings: which segments are in use.
USED = "SELECT DISTINCT substr(body, 1, 5) FROM event WHERE length(body) = 37 AND substr(body, 1, 1) = x'c1'"


class Archived(msgspec.Struct, frozen=True):
    """What moved."""

    plans: int
    events: int
    body_bytes: int  # in the database before
    segment_bytes: int  # on disk now


class Run(NamedTuple):
    """A run that came to its end: what it found is not looked at again."""

    before_us: int
    position: int  # of the history when it began


NONE_YET = Run(-(2**62), 0)


def archive(
    ledger: SqliteLedger,
    before_us: int,
    progress: Callable[[int, int], None] | None = None,
    last: Run = NONE_YET,
) -> Archived:
    """Move the bodies of plans that ended before a time. Blocks; for a thread beside the owner's loop.

    Safe to be cut off anywhere and to be run again. Raises LedgerError when the disk fails.
    """
    try:
        with ledger.segments.archiving:
            remove_unused(ledger)
            return _move_all(ledger, (before_us, last.before_us, last.position), progress)
    except OSError as error:
        raise refused(ledger.segments.folder.parent, error) from error


def remove_unused(ledger: SqliteLedger) -> None:
    """Remove segments that a crash left without a record that points to them. None may be on its way meanwhile."""
    numbers = ledger.segments.numbers()
    if numbers:
        used = {number_of(row[0]) for row in ledger.rows(USED)}
        for number in numbers:
            if number not in used:
                ledger.segments.remove(number)


def _move_all(
    ledger: SqliteLedger, which: tuple[int, int, int], progress: Callable[[int, int], None] | None
) -> Archived:
    plans = [row[0] for row in ledger.rows(OLD_PLANS, which)]
    moved = events = size = stored = 0
    for looked, with_bodies, rows in _portions(ledger, plans):
        number = ledger.segments.write(rows)
        with ledger.held() as connection, connection:
            connection.executemany(DROP_BODY, [(stub(number, body), position) for position, body in rows])
        moved += with_bodies
        events += len(rows)
        size += sum(len(body) for _, body in rows)
        stored += ledger.segments.path(number).stat().st_size
        if progress is not None:
            progress(looked, len(plans))
    return Archived(moved, events, size, stored)


def _portions(ledger: SqliteLedger, plans: Sequence[str]) -> Iterator[tuple[int, int, list[tuple[int, bytes]]]]:
    """Give what goes into one segment after the other: plans looked at so far, plans in it, and its bodies in order."""
    rows, size, with_bodies = list[tuple[int, bytes]](), 0, 0
    for looked, plan in enumerate(plans, 1):
        found = ledger.rows(BODIES, (f"plan:{plan}", KEPT_BYTES))
        rows += found
        size += sum(len(body) for _, body in found)
        with_bodies += bool(found)
        if rows and (size >= SEGMENT_BYTES or len(rows) >= SEGMENT_EVENTS or looked == len(plans)):
            yield looked, with_bodies, sorted(rows)
            rows, size, with_bodies = [], 0, 0
