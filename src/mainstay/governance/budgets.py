"""Caps per operation and day: reserved in the transaction of an effect's intent, settled in that of its outcome.

No cap stops an undo. Taking back spends a reserve of its own, as large as the cap of what it takes back: all that
happened in a day always fits, and whatever goes beyond that is asked (KERNEL E5).

One small stream per operation and day (KERNEL T2). Only operations with a cap have one. The owner is the only
writer, so what it holds in memory is what the streams add up to; after a failed append it is folded again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from mainstay.events import Append, BudgetReserved, BudgetSettled, Draft
from mainstay.kernel.budget import Budget, Cap, evolve, reserve, settle
from mainstay.values import SECOND_US, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.contracts import Operation
    from mainstay.events import BudgetFact
    from mainstay.ports import Ledger

STREAM_EVENTS = 2000  # a stream holds no more (KERNEL L8); each try of an effect takes two


class Budgets:
    """The caps of a workspace."""

    def __init__(self, ledger: Ledger, caps: Mapping[str, Cap], timezone: str) -> None:
        """Take the caps by operation name; days are those of the company's time zone."""
        self._ledger = ledger
        self._caps = caps
        self._zone = ZoneInfo(timezone)
        self._known: dict[str, Budget] = {}
        self._held: dict[str, str] = {}  # holder -> its stream

    def reserve(self, operation: Operation, holder: str, now_us: int, cause: str) -> Append | Verdict | None:
        """Hold a part of the operation's cap: facts to append beside the intent, a refusal, or None without a cap."""
        cap = self._caps.get(operation.name)
        if cap is None:
            return None
        period = self._day(now_us)
        stream = f"budget:{operation.name}:{period}"
        if self._is_full(stream):
            why = f"{operation.name} was tried {STREAM_EVENTS // 2} times today, and that is as many as a cap counts."
            return Verdict("deny", "budget", why)
        wanted = BudgetReserved(period, holder, 1, operation.cost_usd_micros)
        hold = reserve(self._budget(stream), cap, wanted)
        if hold is None:
            why = f"The cap of {_say(cap)} a day for {operation.name} is reached; nothing more is done today."
            return Verdict("deny", "budget", why)
        self._held[holder] = stream
        return self._append(stream, hold, now_us, cause)

    def reserve_undo(
        self, undone: str, holder: str, now_us: int, cause: str, *, beyond: bool
    ) -> Append | Verdict | None:
        """Hold a part of the reserve for taking back; `beyond` it by the operator's leave."""
        cap = self._caps.get(undone)
        if cap is None:
            return None
        period = self._day(now_us)
        stream = f"budget:undo:{undone}:{period}"
        if self._is_full(stream):  # nothing stops an undo: it goes uncounted
            return None
        wanted = BudgetReserved(period, holder, 1, 0)
        hold = reserve(self._budget(stream), Cap() if beyond else Cap(cap.count), wanted)
        if hold is None:
            return _used_up(undone, cap)
        self._held[holder] = stream
        return self._append(stream, hold, now_us, cause)

    def may_undo(self, undone: str, now_us: int) -> Verdict | None:
        """Give the question where the reserve for taking this operation back is used up; None while it is not."""
        cap = self._caps.get(undone)
        if cap is None:
            return None
        period = self._day(now_us)
        wanted = BudgetReserved(period, "", 1, 0)
        free = reserve(self._budget(f"budget:undo:{undone}:{period}"), Cap(cap.count), wanted)
        return _used_up(undone, cap) if free is None else None

    def settle(
        self, operation: str, holder: str, now_us: int, cause: str, *, happened: bool, undo: bool = False
    ) -> Append | None:
        """Settle what an effect holds, if anything: facts to append beside its outcome."""
        if operation not in self._caps:
            return None
        key = f"undo:{operation}" if undo else operation
        stream = self._held.pop(holder, None) or self._find(key, holder)
        fact = settle(self._budget(stream), stream.rpartition(":")[2], holder, happened=happened) if stream else None
        return None if fact is None else self._append(stream, fact, now_us, cause)

    def withdraw(self, held: Append) -> None:
        """Take back a reservation whose append was never queued: the last thing that was asked here."""
        fact = held.drafts[0].fact
        assert isinstance(fact, BudgetReserved)
        budget = self._known[held.stream]
        holds = {holder: parts for holder, parts in budget.holds.items() if holder != fact.holder}
        self._known[held.stream] = msgspec.structs.replace(budget, sequence=budget.sequence - 1, holds=holds)
        self._held.pop(fact.holder, None)

    def forget(self) -> None:
        """Fold everything again at the next use, because an append failed."""
        self._known.clear()
        self._held.clear()

    def _find(self, operation: str, holder: str) -> str:
        """Find the stream a hold of before a restart stands in: the plan's own facts say when it was intended."""
        plan, _, path = holder.partition("/")
        for event in reversed(self._ledger.read(f"plan:{plan}")):
            if event.kind == "EffectIntended" and getattr(event.fact, "path", "") == path:
                return f"budget:{operation}:{self._day(event.recorded_at_us)}"
        return ""

    def _day(self, at_us: int) -> str:
        return datetime.fromtimestamp(at_us / SECOND_US, UTC).astimezone(self._zone).date().isoformat()

    def _is_full(self, stream: str) -> bool:
        """Whether one more hold would leave no room for the outcomes of those under way."""
        budget = self._budget(stream)
        return budget.sequence + len(budget.holds) + 2 > STREAM_EVENTS

    def _budget(self, stream: str) -> Budget:
        budget = self._known.get(stream)
        if budget is None:
            budget = Budget()
            for event in self._ledger.read(stream):
                assert isinstance(event.fact, (BudgetReserved, BudgetSettled))
                budget = evolve(budget, event.fact)
            self._known[stream] = budget
        return budget

    def _append(self, stream: str, fact: BudgetFact, now_us: int, cause: str) -> Append:
        before = self._budget(stream)
        self._known[stream] = evolve(before, fact)
        return Append(stream, before.sequence, (Draft(fact, now_us, "mainstay", cause),))


def _used_up(undone: str, cap: Cap) -> Verdict:
    why = f"The reserve of {cap.count} a day for taking back {undone} is used up: this would be one more."
    return Verdict("ask", "undo reserve", why)


def _say(cap: Cap) -> str:
    parts = [] if cap.count is None else [str(cap.count)]
    if cap.cost_usd_micros is not None:
        parts.append(f"{cap.cost_usd_micros / 1_000_000:.2f} USD")
    return " or ".join(parts)
