"""Where people stand in the history: which plans hold values under whose keys, found by reading all of it (M7).

It is asked for when somebody is to be forgotten, which is rare, and stored nowhere: it can be derived. Names are not
needed for it: what is about a person is known by the id of the key it is sealed under.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from mainstay.contracts import marks_in
from mainstay.encoding import decode_value, key_of_file
from mainstay.events import VALUE_MEDIA
from mainstay.ledger.people import JOIN
from mainstay.values import BlobRef, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mainstay.events import Recorded
    from mainstay.ports import Blobs

SAMPLES = 4  # short values shown of a key, so that the operator knows who it is
SAMPLE_CHARS = 60


class Traces(msgspec.Struct, frozen=True):
    """What there is about some people: values by plan, and which keys go with theirs.

    What came from outside stands under the name of its stream. `texts` are the keys of texts about several people in
    those plans, `files` those of files given to them.
    """

    values: dict[str, int]
    texts: tuple[str, ...]
    files: tuple[str, ...]
    samples: dict[str, tuple[Sealed, ...]]  # by key

    @property
    def plans(self) -> dict[str, int]:
        """How many values there are in each plan."""
        return {name: count for name, count in self.values.items() if ":" not in name}

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self.values.values())


class _Found(msgspec.Struct):
    """All keys that were met, by plan."""

    marks: defaultdict[str, Counter[str]]
    samples: defaultdict[str, dict[Sealed, None]]


def trace(
    events: Iterable[Recorded],
    blobs: Blobs,
    keys: Sequence[str],
    kinds: Callable[[Sequence[str]], dict[str, str]],
) -> Traces:
    """Read the history for what is under these keys; `kinds` says what other keys are for.

    A plan counts with its child plans. Raises LedgerError when a part of the history can't be read.
    """
    wanted, found, seen = set(keys), _Found(defaultdict(Counter), defaultdict(dict)), _Blobs(blobs)
    for event in events:
        plan = (event.plan or event.stream.removeprefix("plan:")).partition("-")[0]
        for mark in seen.all_in(event.fact):
            for key in mark.key_id.split(JOIN):
                found.marks[plan][key] += 1
                if key in wanted and mark.key_id == key and len(found.samples[key]) < SAMPLES:
                    found.samples[key][mark] = None
    met = {plan: counts for plan, counts in found.marks.items() if wanted & counts.keys()}
    beside = sorted({key for counts in met.values() for key in counts} - wanted)
    there = kinds(beside)
    return Traces(
        values={plan: sum(count for key, count in counts.items() if key in wanted) for plan, counts in met.items()},
        texts=tuple(key for key in beside if there.get(key) == "text"),
        files=tuple(key for key in beside if there.get(key) == "file"),
        samples={key: tuple(marks) for key, marks in found.samples.items()},
    )


class _Blobs:
    """Looks into stored values, into each once."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._known: dict[str, tuple[Sealed, ...]] = {}

    def all_in(self, value: object) -> Iterable[Sealed]:
        """Give every mark in a value, those behind references too; of a file the mark it is sealed as, empty."""
        for mark in marks_in(value):
            if isinstance(mark, Sealed):
                yield mark
            else:
                yield from self._inside(mark)

    def _inside(self, ref: BlobRef) -> tuple[Sealed, ...]:
        known = self._known.get(ref.digest)
        if known is None:
            content = self._blobs.get(ref)
            if ref.media == VALUE_MEDIA:
                known = tuple(self.all_in(decode_value(content)))
            else:
                key = key_of_file(content)
                known = (Sealed(key, b"", b""),) if key else ()
            self._known[ref.digest] = known
        return known
