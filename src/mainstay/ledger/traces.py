"""Where people stand in the history: which plans hold values under whose keys, found by reading all of it (M7).

It is asked for when somebody is to be forgotten, which is rare, and stored nowhere: it can be derived. Who forgets one
after the other keeps `Met` between them, so that each time only what came since is read. Names are not needed for it:
what is about a person is known by the id of the key it is sealed under.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from threading import Lock
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
KEPT_KEYS = 200_000  # of all plans together, about 100 bytes each; of more all is read anew the next time


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


class Met:
    """All keys that were met in a history so far, by plan. May be used from several threads, one after the other."""

    def __init__(self) -> None:
        """Begin before the first fact."""
        self._lock = Lock()
        self._begin()

    def trace(
        self,
        tail: Callable[[int], Iterable[Recorded]],
        blobs: Blobs,
        keys: Sequence[str],
        kinds: Callable[[Sequence[str]], dict[str, str]],
    ) -> Traces:
        """Read the history for what is under these keys; `kinds` says what other keys are for.

        `tail` gives the facts past a position. A plan counts with its child plans. Of what was read before no samples
        are given. Raises LedgerError when a part of the history can't be read.
        """
        with self._lock:
            samples = self._read(tail, _Blobs(blobs), frozenset(keys))
            found = self._found(frozenset(keys), kinds)
            if sum(map(len, self._counts.values())) > KEPT_KEYS:
                self._begin()
        return msgspec.structs.replace(found, samples={key: tuple(marks) for key, marks in samples.items()})

    def _begin(self) -> None:
        self._position = 0
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._others: set[str] = set()  # neither of a text nor of a file, or gone, which they stay

    def _read(
        self, tail: Callable[[int], Iterable[Recorded]], seen: _Blobs, wanted: frozenset[str]
    ) -> defaultdict[str, dict[Sealed, None]]:
        samples: defaultdict[str, dict[Sealed, None]] = defaultdict(dict)
        for event in tail(self._position):
            plan = (event.plan or event.stream.removeprefix("plan:")).partition("-")[0]
            marks = list(seen.all_in(event.fact))  # all or none of a fact: a blob may be missing
            self._position = event.position
            for mark in marks:
                self._counts[plan].update(mark.key_id.split(JOIN))
                if mark.key_id in wanted and len(samples[mark.key_id]) < SAMPLES:
                    samples[mark.key_id][mark] = None
        return samples

    def _found(self, wanted: frozenset[str], kinds: Callable[[Sequence[str]], dict[str, str]]) -> Traces:
        counts = {plan: counts for plan, counts in self._counts.items() if any(key in counts for key in wanted)}
        beside = sorted({key for keys in counts.values() for key in keys} - wanted - self._others)
        there = kinds(beside)
        texts, files = (tuple(key for key in beside if there.get(key) == kind) for kind in ("text", "file"))
        self._others.update(set(beside).difference(texts, files))
        values = {plan: sum(keys[key] for key in wanted) for plan, keys in counts.items()}
        return Traces(values=values, texts=texts, files=files, samples={})


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
