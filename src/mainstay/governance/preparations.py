"""What intents were prepared as: the history says that in a fact of its own, which may lie long before."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mainstay import events as e

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.events import Recorded

PLANS_READ = 16  # whose preparations are kept at once


class Records(Protocol):
    """What is read of a ledger: the ledger itself, or its reader."""

    def read(self, stream: str, after: int = 0) -> list[Recorded]:
        """Give the facts of a stream."""
        ...

    def tail(self, after: int = 0, limit: int = 1000) -> Iterator[Recorded]:
        """Give facts past a position, in order."""
        ...

    def first_since(self, at_us: int) -> int:
        """Give the position of the first fact recorded at a time or later."""
        ...


class Preparations:
    """Finds what intents were prepared as: among what a walk passed, else in their plan, which is read once.

    A walk along the history notes all that it passes, in order, and asks about an intent as it comes by it.
    """

    def __init__(self, ledger: Records) -> None:
        """Take the history."""
        self._ledger = ledger
        self._passed: dict[tuple[str, str], e.EffectPrepared] = {}  # by stream and path: not done yet
        self._plans: OrderedDict[str, _Prepared] = OrderedDict()  # by stream

    def note(self, recorded: Recorded) -> None:
        """Know of a record that a walk passes: a preparation, or what says that it is needed no more."""
        fact = recorded.fact
        if isinstance(fact, e.EffectPrepared):
            self._passed[recorded.stream, fact.path] = fact
        elif isinstance(fact, e.EffectDone):
            self._passed.pop((recorded.stream, fact.path), None)

    def of(self, intended: Recorded, path: str) -> e.EffectPrepared | None:
        """Give the newest before an intent, for one that is tried again, too; None where the history has none."""
        passed = self._passed.get((intended.stream, path))
        if passed is not None:
            return passed
        plan = self._plans.pop(intended.stream, None) or _Prepared(0, {})
        if plan.until < intended.sequence:
            plan = self._read(intended.stream, plan)
        self._plans[intended.stream] = plan
        if len(self._plans) > PLANS_READ:
            self._plans.popitem(last=False)
        earlier = (fact for sequence, fact in reversed(plan.by_path.get(path, ())) if sequence < intended.sequence)
        return next(earlier, None)

    def _read(self, stream: str, plan: _Prepared) -> _Prepared:
        """Read on from where it was read up to."""
        until = plan.until
        for event in self._ledger.read(stream, until):
            until = event.sequence
            if isinstance(event.fact, e.EffectPrepared):
                plan.by_path.setdefault(event.fact.path, []).append((until, event.fact))
        return _Prepared(until, plan.by_path)


class _Prepared(NamedTuple):
    """What a plan prepared, up to a sequence of its stream."""

    until: int
    by_path: dict[str, list[tuple[int, e.EffectPrepared]]]  # with its sequence; longest ago first
