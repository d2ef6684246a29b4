"""One transaction's worth of appends: which of them may go in, and the rows they become.

Sequences are checked against the heads of the streams, for every request by itself: one that conflicts fails
alone, before anything of it was written, and the rest of the batch goes on as if it had not been there.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from mainstay.errors import CommandRefusedError, ConflictError
from mainstay.events import Recorded
from mainstay.ledger import chain, database
from mainstay.ledger.codec import encode_fact
from mainstay.ports import Acknowledge

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from mainstay.events import Append, Draft

STREAM_EVENTS = 2000  # KERNEL L8
BODY_BYTES = 64 * 1024  # larger values are blobs long before this
HEADS_CACHED = 8192

# How many rows one INSERT carries. A statement releases the interpreter lock at every step and has to win it
# back from a busy loop, so a batch is written in as few steps as possible.
CHUNKS = (64, 32, 16, 8, 4, 2, 1)  # powers of two: a row's place in a batch says in which it goes
EVENT_COLUMNS = 11
# One event, or several, with all columns.
INSERT_EVENTS = {
    count: f"INSERT INTO event VALUES {','.join(['(?,?,?,?,?,?,?,?,?,?,?)'] * count)}"  # noqa: S608 - no data in it
    for count in CHUNKS
}
# New streams, given as a JSON object of name and id.
INSERT_STREAMS = "INSERT INTO stream (id, name) SELECT value, key FROM json_each(?)"
# Id and last sequence of the streams named in a JSON list.
READ_HEADS = """
SELECT s.name, s.id, (SELECT coalesce(max(sequence), 0) FROM event WHERE stream = s.id)
FROM stream s WHERE s.name IN (SELECT value FROM json_each(?))"""
# The last position and its digest.
READ_LAST = "SELECT position, digest FROM event ORDER BY position DESC LIMIT 1"
# The last stream id that was given out.
READ_LAST_STREAM = "SELECT coalesce(max(id), 0) FROM stream"

Head: TypeAlias = tuple[int, int]  # id of the stream, its last sequence
_NEW: Head = (0, 0)  # of a stream that there is not yet


Entry: TypeAlias = "tuple[Draft, str, int, bytes]"  # one draft, encoded: with its kind, version and body
Part: TypeAlias = tuple[str, int, list[Entry]]  # stream, expected sequence, entries


class Request(msgspec.Struct, frozen=True, gc=False):
    """What one caller wants to append, encoded, and whom to tell what became of it, in which loop."""

    parts: list[Part]
    events: int
    size: int  # bytes of the bodies
    told: Acknowledge
    loop: asyncio.AbstractEventLoop
    awaited: bool  # whether a task goes on once it is told


News: TypeAlias = tuple[Request, int, ConflictError | None]  # its last position, or why it is not in the history


class Batch(NamedTuple):
    """What one transaction will write, and what it will mean once it is on disk."""

    rows: list[object]  # flat: EVENT_COLUMNS values for each event
    events: list[Recorded]  # those that a projection wants
    new_streams: dict[str, int]
    heads: dict[str, Head]
    news: list[News]  # what those who wait are told
    position: int
    digest: bytes

    @property
    def is_one_statement(self) -> bool:
        """Whether a single INSERT is all there is to write: it is a transaction of its own."""
        return not self.new_streams and not self.events and len(self.rows) // EVENT_COLUMNS in INSERT_EVENTS


def encode_request(appends: Sequence[Append], told: Acknowledge, *, awaited: bool) -> Request:
    """Encode what one caller wants to append, from the loop that is to tell them.

    Raises CommandRefusedError when a stream would grow too long, TypeError or ValueError when a value is not plain.
    """
    parts: list[Part] = []
    events = size = 0
    for append in appends:
        if append.expected + len(append.drafts) > STREAM_EVENTS:
            what = chain.say_stream(append.stream)
            raise CommandRefusedError(
                f"The history of {what} is full: it holds {STREAM_EVENTS} entries.",
                remedy="Begin a new one for what is left to do.",
            )
        entries: list[Entry] = []
        for draft in append.drafts:
            body, kind = encode_fact(draft.fact), type(draft.fact)
            assert len(body) <= BODY_BYTES, f"a {kind.__name__} of {len(body)} bytes: large values are kept as blobs"
            entries.append((draft, kind.__name__, kind.version, body))
            size += len(body)
        events += len(entries)
        parts.append((append.stream, append.expected, entries))
    return Request(parts, events, size, told, asyncio.get_running_loop(), awaited)


class Heads:
    """Where streams and chain stand on disk: a bounded cache over the database."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Read the end of the chain."""
        self._connection = connection
        self._cache: OrderedDict[str, Head] = OrderedDict()
        last = database.rows(connection, READ_LAST)
        self.position, self.digest = last[0] if last else (0, chain.GENESIS)
        self.streams: int = connection.execute(READ_LAST_STREAM).get

    def of(self, names: set[str]) -> dict[str, Head]:
        """Give the heads of streams; one that does not exist is left out."""
        found = {name: self._cache[name] for name in names if name in self._cache}
        if len(found) < len(names):
            missing = msgspec.json.encode(list(names - found.keys())).decode()
            found.update(
                {name: (id_, last) for name, id_, last in database.rows(self._connection, READ_HEADS, (missing,))}
            )
        return found

    def advance(self, batch: Batch) -> None:
        """Take over what a commit brought to disk."""
        self.position, self.digest = batch.position, batch.digest
        self.streams += len(batch.new_streams)
        for name, head in batch.heads.items():
            self._cache[name] = head
            self._cache.move_to_end(name)
        while len(self._cache) > HEADS_CACHED:
            self._cache.popitem(last=False)


def assemble(requests: Sequence[Request], heads: Heads, kinds: frozenset[str]) -> Batch:
    """Check every request, and make rows and digests of those that may go in."""
    known = heads.of({part[0] for request in requests for part in request.parts})
    maker = _Maker(heads, known, kinds)
    news: list[News] = []
    for request in requests:
        conflict = maker.add(request)
        news.append((request, maker.position if conflict is None else 0, conflict))
    return Batch(maker.rows, maker.events, maker.new_streams, known, news, maker.position, maker.digest)


class _Maker:
    """Gives positions, stream ids and digests in order."""

    def __init__(self, heads: Heads, known: dict[str, Head], kinds: frozenset[str]) -> None:
        self.position, self.digest = heads.position, heads.digest
        self.rows: list[object] = []
        self.events: list[Recorded] = []
        self.new_streams: dict[str, int] = {}
        self._known, self._kinds = known, kinds
        self._next_stream = heads.streams + 1

    def add(self, request: Request) -> ConflictError | None:
        """Take a request in, whole; give why not, where one of its streams is not where it expects it to be."""
        ahead: dict[str, int] = {}  # a request may name a stream twice
        for stream, expected, entries in request.parts:
            known = self._known.get(stream, _NEW)
            last = ahead.get(stream, known[1])
            if last != expected:
                return _conflict(stream, last, expected)
            ahead[stream] = expected + len(entries)
        position, digest = self.position, self.digest
        for stream, sequence, entries in request.parts:
            stream_id = self._known.get(stream, _NEW)[0] or self._begin(stream)
            for draft, kind, version, body in entries:
                sequence += 1  # noqa: PLW2901 - counts on from what was expected
                position += 1
                at_us, actor, cause, plan = draft.recorded_at_us, draft.actor, draft.cause, draft.plan
                envelope = (stream, sequence, kind, version, at_us, actor, cause, plan)
                digest = chain.link(digest, position, envelope, body)
                self.rows += (position, stream_id, sequence, kind, version, at_us, actor, cause, plan, body, digest)
                if kind in self._kinds:
                    self.events.append(Recorded(position, *envelope, draft.fact))
            self._known[stream] = (stream_id, sequence)
        self.position, self.digest = position, digest
        return None

    def _begin(self, stream: str) -> int:
        """Give a new stream its id."""
        id_ = self.new_streams[stream] = self._next_stream
        self._next_stream += 1
        return id_


def _conflict(stream: str, last: int, expected: int) -> ConflictError:
    what = chain.say_stream(stream)
    return ConflictError(
        f"Somebody else wrote to the history of {what} first: it has {last} entries, not {expected}.",
        remedy="Look again, then try once more.",
    )


def write(connection: apsw.Connection, batch: Batch) -> None:
    """Insert streams and events, inside the open transaction."""
    if batch.new_streams:
        connection.execute(INSERT_STREAMS, (msgspec.json.encode(batch.new_streams).decode(),))
    start = 0
    while left := (len(batch.rows) - start) // EVENT_COLUMNS:
        count = 1 << min(left, CHUNKS[0]).bit_length() - 1  # the largest of them that fits
        end = start + count * EVENT_COLUMNS
        connection.execute(INSERT_EVENTS[count], batch.rows[start:end])  # pyright: ignore[reportArgumentType]
        start = end
