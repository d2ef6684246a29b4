"""The chain of digests that makes the history tamper-evident (KERNEL L2, L7).

    digest_n = BLAKE2b-256(digest_{n-1} || envelope_n)
    envelope_n = [position, codec, stream, sequence, kind, version, recorded_at_us, actor, cause, plan, body digest]

The envelope is a MessagePack array: every part carries its own length, so no two envelopes have the same bytes.
The body stands in it by its digest only, over the bytes as stored, so that bodies can move to segments later.
`digest_0` is 32 zero bytes. Inside the chain nothing can be altered, removed or reordered unseen; a cut tail or a
history computed anew from the start needs something outside to be held against.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from mainstay.ledger.codec import CODEC_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

GENESIS = bytes(32)
REPORT_EVERY = 10_000  # records between two calls of `progress`

_encode = msgspec.msgpack.Encoder().encode


class StoredRecord(NamedTuple):
    """A record as the database holds it: `digest` is the one that was written beside it."""

    position: int
    stream: str
    sequence: int
    kind: str
    version: int
    recorded_at_us: int
    actor: str
    cause: str
    plan: str
    body: bytes
    digest: bytes


class Unreadable(NamedTuple):
    """What stands in for a record, and all after it, that the database itself can't give."""

    why: str


class Mark(NamedTuple):
    """A place of the chain that is known from elsewhere: its head, or an anchor the operator kept."""

    name: str  # who says so, for the operator
    position: int
    digest: str  # in hex


class Marked(msgspec.Struct, frozen=True):
    """What became of a mark: it stands in the chain, the chain ends before it, or something else stands there."""

    name: str
    position: int
    found: Literal["there", "cut", "other"]


class Verification(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a walk along the chain found. `head` is the digest of the last good record, in hex."""

    records: int  # good ones, from the first on
    head: str
    bad: int | None = None  # position of the first record that is not as it was written
    why: str = ""
    damaged: tuple[str, ...] = ()  # tables of the database that can't be read whole, or are not in order
    marks: tuple[Marked, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every record is as it was written, and all that lies beside them is in order."""
        return self.bad is None and not self.damaged and all(mark.found == "there" for mark in self.marks)


def link(previous: bytes, position: int, envelope: tuple[str, int, str, int, int, str, str, str], body: bytes) -> bytes:
    """Give the digest of one record. `envelope` is (stream, sequence, kind, version, time, actor, cause, plan)."""
    content = (position, CODEC_VERSION, *envelope, blake2b(body, digest_size=32).digest())
    return blake2b(previous + _encode(content), digest_size=32).digest()


def verify(
    records: Iterable[StoredRecord | Unreadable],
    progress: Callable[[int], None] | None = None,
    marks: Sequence[Mark] = (),
) -> Verification:
    """Walk the chain in order and name the first record that is not as it was written.

    `progress` is called with the number of good records now and then. `marks` are held against the chain as far as it
    is whole: a cut tail, an old copy and a rehash are found by them alone. Nothing is repaired.
    """
    seen: dict[int, str] = dict.fromkeys({mark.position for mark in marks}, "")
    found = _walk(records, progress, seen)
    judged = tuple(Marked(mark.name, mark.position, _judged(mark, seen, found)) for mark in marks)
    return msgspec.structs.replace(found, marks=judged)


def _judged(mark: Mark, seen: dict[int, str], found: Verification) -> Literal["there", "cut", "other"]:
    """Say what became of a mark. Behind damage nothing is known of it, and the damage is what is told."""
    if mark.position == 0 or seen[mark.position] == mark.digest or (not seen[mark.position] and found.bad is not None):
        return "there"
    return "other" if seen[mark.position] else "cut"


def _walk(
    records: Iterable[StoredRecord | Unreadable], progress: Callable[[int], None] | None, seen: dict[int, str]
) -> Verification:
    count, digest = 0, GENESIS
    for record in records:
        if isinstance(record, Unreadable):
            why = f"record {count + 1} can't be read: {record.why}"
            return Verification(count, digest.hex(), bad=count + 1, why=why)
        why = _fault(count + 1, digest, record)
        if why:
            return Verification(count, digest.hex(), bad=count + 1, why=why)
        count, digest = count + 1, record.digest
        if count in seen:
            seen[count] = digest.hex()
        if progress is not None and count % REPORT_EVERY == 0:
            progress(count)
    return Verification(count, digest.hex())


def _fault(position: int, previous: bytes, record: StoredRecord) -> str:
    if record.position != position:
        return f"record {position} is missing: record {record.position} follows record {position - 1}"
    if link(previous, position, record[1:9], record.body) != record.digest:
        name = f"entry {record.sequence} of {say_stream(record.stream)}"
        return f"record {position} ({name}) was altered, or is not in its place"
    return ""


def say_stream(stream: str) -> str:
    """Name in plain words what a stream is about: "plan:abc" is "plan abc"."""
    return stream.replace(":", " ")
