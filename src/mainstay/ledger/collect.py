"""Removing blobs that no fact names (KERNEL L8): a file that was pinned for a plan which then was not begun.

A blob is stored before the fact that names it, so one that is young is left alone; storing the same bytes again
makes it young again. What is looked for is the name itself, 64 hex digits, wherever it stands in a body or in a
value that is kept as a blob: whatever only looks like a name keeps its blob too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mainstay.contracts import marks_in
from mainstay.encoding import unmark
from mainstay.events import VALUE_MEDIA
from mainstay.values import DAY_S, BlobRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.ledger.blobs import FileBlobs
    from mainstay.ledger.reader import SqliteReader

MIN_AGE_S = DAY_S
PAGE_ROWS = 1000

# Positions and bodies past a position, a page at a time. (position, limit)
BODIES = "SELECT position, body FROM event WHERE position > ? ORDER BY position LIMIT ?"

_NAME = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_VALUE = VALUE_MEDIA.encode()

_decode = msgspec.msgpack.Decoder(ext_hook=unmark).decode


class Collected(msgspec.Struct, frozen=True):
    """What was removed."""

    blobs: int
    stored_bytes: int


def collect(reader: SqliteReader, blobs: FileBlobs, now_s: float) -> Collected:
    """Remove blobs that no fact names and that are older than a day. Blocks; for a thread beside the owner's loop.

    The process must be the owner, because an owner stores blobs through the same `blobs`. Raises LedgerError when a
    fact or a kept value can't be read: then nothing is removed, as it may name what would go.
    """
    blobs.remove_parts(now_s - MIN_AGE_S)
    old = [digest for digest, stored_s, _ in blobs.digests() if stored_s < now_s - MIN_AGE_S]
    if not old:
        return Collected(0, 0)
    named = marks(reader, blobs)
    rooms = [blobs.remove_old(digest, now_s - MIN_AGE_S) for digest in old if digest not in named]
    return Collected(sum(room > 0 for room in rooms), sum(rooms))


def marks(reader: SqliteReader, blobs: FileBlobs) -> set[str]:
    """Give the names of all blobs that facts speak of, also from within values that are blobs themselves.

    Raises LedgerError when a fact or a kept value can't be read.
    """
    named: set[str] = set()
    waiting: list[BlobRef] = []
    for _, body in bodies(reader):
        named |= names_in(body)
        waiting += values_in(body)
    seen: set[str] = set()
    while waiting:
        ref = waiting.pop()
        if ref.digest not in seen:
            seen.add(ref.digest)
            content = blobs.get(ref)
            named |= names_in(content)
            waiting += values_in(content)
    return named


def names_in(content: bytes) -> set[str]:
    """Give whatever looks like the name of a blob."""
    return {name.decode() for name in _NAME.findall(content)}


def values_in(content: bytes) -> list[BlobRef]:
    """Give the values kept as blobs that a body, or another such value, refers to."""
    if _VALUE not in content:
        return []
    marks = marks_in(_decode(content))
    return [mark for mark in marks if isinstance(mark, BlobRef) and mark.media == VALUE_MEDIA]


def bodies(reader: SqliteReader) -> Iterator[tuple[int, bytes]]:
    """Give position and body of every fact in order, those in segments too. Raises LedgerError."""
    after = 0
    while page := reader.rows(BODIES, (after, PAGE_ROWS)):
        for position, body in page:
            yield position, reader.segments.whole(position, body)
        after = page[-1][0]
