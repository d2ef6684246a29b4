"""What may be spent: held in the transaction of an action's intent or before a call, settled in that of its outcome.

One small stream per cap and period (KERNEL T2), which goes on in a following one when it is full (L8). All caps that
count a spending are held at once, in sorted order, or none is. The owner is the only writer, so what it holds in memory
is what the streams add up to; after a failed append it is folded again.

A budget of a day or a month counts all of it, also what left before it was made or counted that: found in the history
(`before.py`) where its stream does not say that this was counted, and recorded with whatever it records next.

No cap stops an undo. Taking back spends a reserve of its own, as many as the cap lets happen: all that happened in a
period always fits, and whatever goes beyond that is asked (KERNEL E5).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from mainstay.errors import CommandRefusedError
from mainstay.events import Append, BudgetKept, BudgetRaised, BudgetReserved, BudgetSettled, BudgetWarned, Draft
from mainstay.governance.before import Left, counted_anew
from mainstay.governance.periods import EVERY_DAY, Calendar, kind_of
from mainstay.governance.raising import cap_to_raise
from mainstay.governance.shortage import Short, say_lets, say_low, stopped, unclear, used_up, ways_on, with_held
from mainstay.kernel.budget import (
    COUNT,
    Budget,
    Cap,
    Spending,
    counts_of,
    evolve,
    kept,
    lacking,
    most_of,
    reserve,
    runs_low,
    settle,
    used,
)
from mainstay.values import Verdict, digest_of, following_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from mainstay.events import BudgetFact
    from mainstay.kernel.budget import Period
    from mainstay.ports import Ledger

STREAM_EVENTS = 2000  # a stream holds no more (KERNEL L8)
KNOWN_AT_MOST = 10_000  # periods in memory; those of plans that nothing is held of are read again
_T = TypeVar("_T")
PREFIX = "budget:"
CALL = "?"  # in the holder of a call of an agent, which nobody settles once its process is gone
AFTER_INTENT = 64  # facts of one transaction behind an intent among which its holds stand


class Reserved(NamedTuple):
    """What became of a reservation: facts to append beside the intent, or why not and how to go on."""

    verdict: Verdict | None = None
    appends: tuple[Append, ...] = ()
    ways: tuple[str, ...] = ()  # to go on, where a cap stopped it
    warnings: tuple[tuple[str, str], ...] = ()  # for the operator, once it is on disk: what it says, and its fact's id


NOTHING = Reserved()


class _Known(NamedTuple):
    """A period as it stands: its present stream, folded; and whether it was counted anew, which nobody recorded yet."""

    stream: str
    budget: Budget
    is_anew: bool = False


class Budgets:
    """The caps of a workspace."""

    def __init__(
        self,
        ledger: Ledger,
        caps: Iterable[Cap],
        timezone: str,
        last_stream: Callable[[str], str],
        left_since: Callable[[int, Sequence[Cap]], list[Left]] | None = None,
    ) -> None:
        """Take the caps; days are those of the company's time zone.

        `last_stream` gives the last of several, `left_since` what left since a time, for a cap that begins to count.
        """
        self._ledger, self._left_since = ledger, left_since
        self._found: dict[int, list[Left]] | None = None  # what left since some times, while several caps begin
        self._caps = sorted(caps, key=lambda cap: (cap.name, cap.period))
        self.any = bool(self._caps)  # whether anything is counted at all
        self._calendar = Calendar(timezone)
        self._last_stream = last_stream
        self._counting: dict[tuple[str, tuple[str, ...], str, bool, bool], tuple[Cap, ...]] = {}
        self._known: dict[str, _Known] = {}  # by "name:period"
        self._held: dict[str, tuple[str, ...]] = {}  # by holder: where it holds a part; nowhere is known too
        self._made: Append | None = None  # the last fact that was given away, to tell whose `_before` it is
        self._before: dict[str, _Known] = {}  # what it moved, by key, as that stood
        self._beside: dict[str, tuple[list[str] | None, dict[str, dict[str, int]] | None]] = {}  # left and promised
        self._freed: tuple[str, tuple[str, ...] | None, Left | None] = "", None, None  # holder, its keys, its call
        self._calls: dict[str, Left] = {}  # under way in this process, by holder, whether or not a cap counts it
        self._left: dict[str, list[str]] = {}  # holders of calls whose process is gone
        self._promised: dict[str, dict[str, dict[str, int]]] = {}  # raised for a holder that does not hold it yet

    def use(self, caps: Iterable[Cap], now_us: int) -> None:
        """Take other caps from now on; what is held stays held where it is. All that is queued is on disk by then."""
        self._caps = sorted(caps, key=lambda cap: (cap.name, cap.period))
        self.any = bool(self._caps)
        self._counting.clear()
        dated = [key for key in self._known if kind_of(_period_of(key)) != "plan"]
        with self._found_once():
            for key in sorted(dated, key=lambda key: self._calendar.begins_us(_period_of(key))):
                known, period = self._known[key], _period_of(key)
                if self._calendar.name(kind_of(period), now_us, "") != period and not known.budget.holds:
                    self._drop(key)
                else:
                    self._known[key] = self._counted(key, known)

    def begin(self, now_us: int) -> list[Append]:
        """Count what left this day and month before their budgets held, or counted it: facts to append, mostly none.

        A month is begun even where nothing left, so that it is looked through once.
        """
        appends: list[Append] = []
        with self._found_once():
            for cap in sorted(self._caps, key=lambda cap: cap.period != "month"):  # a day is found within its month
                if cap.period == "plan":
                    continue
                key = f"{cap.name}:{self._calendar.name(cap.period, now_us, '')}"
                budget = self._budget(key)
                if cap.period == "month" and not budget.counts:
                    anew = msgspec.structs.replace(budget, counts=counts_of(cap))
                    self._known[key] = self._known[key]._replace(budget=anew, is_anew=True)
                if self._known[key].is_anew:
                    self._begin("")
                    appends.append(self._append(key, (), now_us, ""))
        return appends

    @property
    def caps(self) -> tuple[Cap, ...]:
        """What holds now, in the order of their names."""
        return tuple(self._caps)

    def say_warned(self, stream: str, fact: BudgetWarned) -> str:
        """Say again what a warning in a stream of ours said; nothing where that cap is no more."""
        for cap in self._caps:
            key = f"{PREFIX}{cap.name}:{fact.period}"
            if kind_of(fact.period) == cap.period and (stream == key or stream.startswith(f"{key}#")):
                return say_low(cap, fact)
        return ""

    # --- before it leaves

    def look(self, spending: Spending, now_us: int) -> Verdict | None:
        """Give the question that this leads to: a price that is not known, an undo beyond its reserve; else None."""
        caps = self._of(spending)
        if not spending.undo:
            return unclear(caps, spending)
        short = self._short(caps, self._keys(caps, spending, now_us), spending)
        return used_up(short[0].cap, spending) if short else None

    def reserve(self, spending: Spending, now_us: int, cause: str, *, ruled: bool = False) -> Reserved:
        """Hold a part of every cap that counts this, or say why not.

        `ruled`: the operator saw it and said yes. That stands for a price that is not known and for an undo beyond its
        reserve; a cap is a promise to oneself, and stands all the same.
        """
        caps = self._of(spending)
        if not caps:
            self.leave_out(spending.holder)
            self._note_call(spending, now_us)
            return NOTHING
        if not ruled and not spending.undo and (asked := unclear(caps, spending)):
            return Reserved(asked)
        keys = self._keys(caps, spending, now_us)
        if not (spending.undo and ruled) and (short := self._short(caps, keys, spending)):
            if spending.undo:
                return Reserved(used_up(short[0].cap, spending))
            return Reserved(stopped(short[0], spending), ways=ways_on(short))
        return self._hold(caps, keys, spending, now_us, cause)

    def leave_out(self, holder: str) -> None:
        """Know that a holder holds nothing, so that nobody looks for it in the history once it is settled."""
        self._held[holder] = ()

    def withdraw(self, appends: Sequence[Append]) -> None:
        """Take back what was given to be appended just before, because it was refused and never queued."""
        if not appends or all(one is not self._made for one in appends):
            return
        for key, before in self._before.items():
            left, promised = self._beside.get(key, (None, None))
            self._known[key] = before
            _put_back(self._left, key, left)
            _put_back(self._promised, key, promised)
        holder, keys, call = self._freed
        _put_back(self._held, holder, keys)
        _put_back(self._calls, holder, call)
        self._begin("")

    # --- after its outcome

    def settle(
        self, holder: str, now_us: int, cause: str, *, happened: bool, spent: Mapping[str, int] | None = None
    ) -> tuple[Append, ...]:
        """Settle what is held for an action or call, with what it spent really where that is known."""
        self._begin(holder)
        keys = self._held.pop(holder, None)
        self._calls.pop(holder, None)
        found: list[Append] = []
        for key in self._find(holder) if keys is None else keys:
            fact = settle(self._budget(key), _period_of(key), holder, happened=happened, spent=spent)
            if fact is not None:
                found.append(self._append(key, (fact,), now_us, cause))
        return tuple(found)

    def forget(self) -> None:
        """Fold everything again at the next use, because an append failed."""
        self._known.clear()
        self._held.clear()
        self._begin("")
        self._left.clear()
        self._promised.clear()

    # --- when little is left

    def cheaper(self, spending: Spending, now_us: int) -> str:
        """Name what is done in its place once most is spent; empty where nothing is declared, or enough is left."""
        for cap in self._of(spending):
            instead = cap.cheaper.get(spending.operation, "")
            if instead and runs_low(self._budget(self._key(cap, spending, now_us)), cap):
                return instead
        return ""

    def later_us(self, spending: Spending, now_us: int) -> int:
        """Give when this may leave, where most is spent and what is left is kept for certain hours; 0: now."""
        hours = [
            (cap.batch, frozenset(cap.batch_days) or EVERY_DAY)
            for cap in self._of(spending)
            if cap.batch is not None and runs_low(self._budget(self._key(cap, spending, now_us)), cap)
        ]
        return max((self._calendar.opens_us(batch, now_us, days) or 0 for batch, days in hours), default=0)

    # --- ways on

    def resumes_us(self, spending: Spending, now_us: int) -> int | None:
        """Give when the periods that are used up begin anew; now where none is, None where one never does."""
        caps = self._of(spending)
        short = self._short(caps, self._keys(caps, spending, now_us), spending)
        ends = [self._calendar.ends_us(one.cap.period, now_us) for one in short]
        known = [end for end in ends if end is not None]
        return None if len(known) < len(ends) else max(known, default=now_us)

    def fitting(self, spendings: Iterable[Spending], now_us: int) -> list[Spending]:
        """Give those that fit in together, the first of them first; one that does not fit leaves room for the next."""
        found: list[Spending] = []
        taken: dict[str, dict[str, int]] = {}
        for spending in spendings:
            caps = self._of(spending)
            keys = self._keys(caps, spending, now_us)
            short = [
                key
                for cap, key in zip(caps, keys, strict=True)
                if lacking(with_held(self._budget(key), taken.get(key, {})), cap, spending.holder, spending.amounts)
            ]
            if not short:
                found.append(spending)
                for key in keys:
                    so_far = taken.setdefault(key, {})
                    taken[key] = {
                        u: so_far.get(u, 0) + a for u, a in {**dict.fromkeys(so_far, 0), **spending.amounts}.items()
                    }
        return found

    def lets(self, spendings: Iterable[Spending], now_us: int) -> list[str]:
        """Say how much budgets do not let through of what somebody is about to approve together."""
        wanted: dict[str, tuple[Cap, list[Spending]]] = {}
        for spending in spendings:
            for cap in self._of(spending):
                wanted.setdefault(self._key(cap, spending, now_us), (cap, []))[1].append(spending)
        said = (say_lets(cap, self._budget(key), of) for key, (cap, of) in wanted.items())
        return [one for one in said if one]

    def raise_for(self, spending: Spending, now_us: int, decision: str) -> tuple[Append, ...]:
        """Let this go on in its periods: every cap that it does not fit in is raised by what is missing."""
        found: list[Append] = []
        self._begin(spending.holder)
        for cap in self._of(spending):
            key = self._key(cap, spending, now_us)
            self._note(key)
            promised = self._promised.setdefault(key, {})
            promised.pop(spending.holder, None)
            budget = self._budget(key)
            for amounts in promised.values():  # raised for others, which have not left yet
                budget = with_held(budget, amounts)
            if over := lacking(budget, cap, spending.holder, spending.amounts):
                promised[spending.holder] = {u: spending.amounts.get(u, 0) for u in cap.most}
                fact = BudgetRaised(_period_of(key), over, decision)
                found.append(self._append(key, (fact,), now_us, "", "operator"))
        return tuple(found)

    def raised(self, name: str, period: Period, plan: str, now_us: int) -> str:
        """Name the present period of a cap, or of a plan, with all that it was raised by there; empty: no such cap."""
        key = f"{name}:{self._calendar.name(period, now_us, plan)}"
        if not any((cap.name, cap.period) == (name, period) for cap in self._caps):
            return ""
        return digest_of(msgspec.json.encode([key, sorted(self._budget(key).raised.items())]))

    def raise_by(
        self, name: str, period: Period, plan: str, amounts: dict[str, int], now_us: int, *, seen: str | None = None
    ) -> Append:
        """Raise one cap in its present period, or in that of a plan: a fact to append.

        Raises UnknownNameError for a budget there is not, InputError for what it does not count; CommandRefusedError
        where it was raised otherwise since it was `seen`, as `raised` gives it.
        """
        cap_to_raise(self._caps, name, period, amounts)
        if seen is not None and seen != self.raised(name, period, plan, now_us):
            raise CommandRefusedError(
                f"Budget '{name}' was raised, or began anew, since you were asked; nothing more was raised now.",
                remedy="Look at it as it stands: mainstay budget",
            )
        key = f"{name}:{self._calendar.name(period, now_us, plan)}"
        self._begin("")
        return self._append(key, (BudgetRaised(_period_of(key), amounts),), now_us, "", "operator")

    # --- leaves

    def _of(self, spending: Spending) -> tuple[Cap, ...]:
        asked = (spending.operation, spending.playbooks, spending.agent, spending.undo, spending.named)
        found = self._counting.get(asked)
        if found is None:
            caps = [cap for cap in self._caps if cap.counts(*asked[:3])]
            caps = [cap for cap in caps if spending.operation in cap.operations] if spending.named else caps
            found = tuple(_for_undo(cap) for cap in caps) if spending.undo else tuple(caps)
            if len(self._counting) >= KNOWN_AT_MOST:
                self._counting.clear()
            self._counting[asked] = found
        return found

    def _keys(self, caps: Sequence[Cap], spending: Spending, now_us: int) -> tuple[str, ...]:
        plan, name = spending.plan, self._calendar.name
        return tuple([f"{cap.name}:{name(cap.period, now_us, plan)}" for cap in caps])

    def _short(self, caps: Sequence[Cap], keys: Sequence[str], spending: Spending) -> list[Short]:
        found: list[Short] = []
        for cap, key in zip(caps, keys, strict=True):
            budget = self._budget(key)
            left = self._left.get(key, ())  # charged before they are held anew
            own = "" if spending.holder in left else spending.holder
            if over := lacking(budget, cap, own, spending.amounts):
                found.append(Short(cap, budget, over))
        return found

    def _hold(
        self, caps: Sequence[Cap], keys: tuple[str, ...], spending: Spending, now_us: int, cause: str
    ) -> Reserved:
        holder = spending.holder
        appends: list[Append] = []
        warnings: list[tuple[str, str]] = []
        self._begin(holder)
        for cap, key in zip(caps, keys, strict=True):
            self._note(key)
            period = _period_of(key)
            fact = reserve(cap, period, holder, spending.amounts)
            if cap.period != "plan" and not spending.undo and not self._known[key].budget.counts:
                fact = msgspec.structs.replace(fact, counts=counts_of(cap))
            facts = (*self._charge_left(key), fact) if key in self._left else (fact,)
            appends.append(self._append(key, facts, now_us, cause))
            if key in self._promised:
                self._promised[key].pop(holder, None)
            budget = self._known[key].budget
            if not budget.warned and not spending.undo and runs_low(budget, cap):
                warned = BudgetWarned(period, _only(used(budget), cap.most), most_of(budget, cap))
                appends.append(append := self._append(key, (warned,), now_us, cause))
                warnings.append((say_low(cap, warned), append.last_id))
        self._held[holder] = keys
        self._note_call(spending, now_us)
        return Reserved(None, tuple(appends), (), tuple(warnings))

    def _begin(self, holder: str) -> None:
        """Begin what is given away as a whole, and taken back as a whole where it is refused."""
        self._made, self._before, self._beside = None, {}, {}
        self._freed = holder, self._held.get(holder), self._calls.get(holder)

    def _note_call(self, spending: Spending, now_us: int) -> None:
        """Know that a call is under way: the history says so of actions only."""
        if CALL in spending.holder:
            self._calls[spending.holder] = Left(spending, now_us, held=True)

    def _note(self, key: str) -> None:
        if key in self._before:
            return
        self._budget(key)
        self._before[key] = self._known[key]
        if key in self._left or key in self._promised:
            promised = self._promised.get(key)
            self._beside[key] = self._left.get(key), None if promised is None else {**promised}

    def _charge_left(self, key: str) -> list[BudgetFact]:
        """Charge calls whose process is gone: they may have been made, and nobody will ever know better."""
        facts: list[BudgetFact] = []
        for holder in self._left.pop(key, ()):
            fact = settle(self._known[key].budget, _period_of(key), holder, happened=True)
            if fact is not None:
                facts.append(fact)
        return facts

    def _find(self, holder: str) -> list[str]:
        """Find what a hold of before a restart stands in: beside the intent of the action, in the same transaction.

        So it is found whatever mainstay.toml says by now; what counted it since then is known.
        """
        joined = [key for key, known in self._known.items() if holder in known.budget.holds]
        if CALL in holder:  # one that is not here is charged when its budget is read
            return joined
        plan, _, path = holder.partition("/")
        for event in reversed(self._ledger.read(f"plan:{plan}")):
            if event.kind == "EffectIntended" and getattr(event.fact, "path", "") == path:
                beside = self._ledger.tail(event.position, AFTER_INTENT + 4 * len(self._caps))
                held = [
                    each.stream.removeprefix(PREFIX).partition("#")[0]
                    for each in beside
                    if isinstance(each.fact, BudgetReserved) and each.fact.holder == holder
                ]
                return list(dict.fromkeys((*held, *joined)))
        return joined

    def _key(self, cap: Cap, spending: Spending, now_us: int) -> str:
        return f"{cap.name}:{self._calendar.name(cap.period, now_us, spending.plan)}"

    def _budget(self, key: str) -> Budget:
        found = self._known.get(key)
        if found is not None:
            return found.budget
        stream = self._last_stream(f"{PREFIX}{key}")
        budget = fold(event.fact for event in self._ledger.read(stream))
        if left := [holder for holder in budget.holds if CALL in holder and holder not in self._calls]:
            self._left[key] = left
        if len(self._known) >= KNOWN_AT_MOST:
            self._drop_some()
        known = self._known[key] = self._counted(key, _Known(stream, budget))
        return known.budget

    def _counted(self, key: str, known: _Known) -> _Known:
        """Count a day or month anew, from its beginning, where its stream says that something else was counted."""
        name, _, period = key.rpartition(":")
        kind, budget = kind_of(period), known.budget
        cap = next((cap for cap in self._caps if (cap.name, cap.period) == (name, kind)), None)
        if cap is None or kind == "plan" or budget.counts == counts_of(cap):
            return known
        if not budget.counts and (budget.spent or budget.holds):
            return known  # from before that was said
        left = [
            one
            for one in (*self._left_in(self._calendar.begins_us(period)), *self._calls.values())
            if cap.counts(one.spending.operation, one.spending.playbooks, one.spending.agent)
            and (not one.spending.named or one.spending.operation in cap.operations)
            and self._calendar.name(kind, one.at_us, "") == period
        ]
        if not left and not budget.counts:
            return known
        anew = counted_anew(budget, cap, left)
        for holder in anew.holds:
            keys = self._held.get(holder)
            if keys is not None and key not in keys:
                self._held[holder] = (*keys, key)
        return _Known(known.stream, anew, is_anew=True)

    def _left_in(self, since_us: int) -> list[Left]:
        """Give what left since a time, or since one before it."""
        for at_us, left in (self._found or {}).items():
            if at_us <= since_us:
                return left
        left = self._left_since(since_us, self._caps) if self._left_since is not None else []
        if self._found is not None:
            self._found[since_us] = left
        return left

    @contextlib.contextmanager
    def _found_once(self) -> Generator[None]:
        """Let several caps that begin look through the history once; the earliest of them first."""
        self._found = {}
        try:
            yield
        finally:
            self._found = None

    def _drop_some(self) -> None:
        """Drop what moved longest ago and can be read again: what may be on its way to disk moved just now."""
        for key in list(self._known)[: KNOWN_AT_MOST // 2]:
            if not self._known[key].budget.holds:
                self._drop(key)

    def _drop(self, key: str) -> None:
        del self._known[key]
        self._promised.pop(key, None)

    def _append(
        self, key: str, facts: Sequence[BudgetFact], now_us: int, cause: str, actor: str = "mainstay"
    ) -> Append:
        self._note(key)
        stream, budget, is_anew = self._known.pop(key)  # put back as the last of all to be dropped
        is_full = budget.sequence + len(facts) + is_anew > STREAM_EVENTS
        if is_anew or is_full:
            facts = (kept(budget, _period_of(key)), *facts)
        if is_full:
            stream, budget = following_stream(stream), msgspec.structs.replace(budget, sequence=0)
        expected = budget.sequence
        for fact in facts:
            budget = evolve(budget, fact)
        self._known[key] = _Known(stream, budget)
        self._made = Append(stream, expected, tuple([Draft(fact, now_us, actor, cause) for fact in facts]))
        return self._made


def fold(facts: Iterable[object]) -> Budget:
    """Fold the facts of a stream."""
    budget = Budget()
    for fact in facts:
        assert isinstance(fact, (BudgetReserved, BudgetSettled, BudgetRaised, BudgetWarned, BudgetKept))
        budget = evolve(budget, fact)
    return budget


def _put_back(known: dict[str, _T], key: str, before: _T | None) -> None:
    """Let a key stand as it did; None where it was not there."""
    if before is None:
        known.pop(key, None)
    else:
        known[key] = before


def _period_of(key: str) -> str:
    return key.rpartition(":")[2]


def _only(amounts: Mapping[str, int], units: Iterable[str]) -> dict[str, int]:
    return {unit: amounts.get(unit, 0) for unit in units}


def _for_undo(cap: Cap) -> Cap:
    most = {COUNT: cap.most[COUNT]} if COUNT in cap.most else {}
    return msgspec.structs.replace(cap, name=f"undo:{cap.name}", most=most, cheaper={}, batch=None)
