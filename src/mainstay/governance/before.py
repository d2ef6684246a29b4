"""What left before a budget counted it: an owner who allows fifty a day at noon, after forty, expects ten more.

It is found in the history, once, where a day's or month's budget begins to count, or counts something else than before:
actions from their intent on, unless it is known that they did not happen, and what agents asked models for and read.
What a step of a playbook reads is not among it. The caller holds it against what each budget counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from mainstay import events as e
from mainstay.errors import MainstayError
from mainstay.governance.preparations import Preparations, Records
from mainstay.kernel.budget import COUNT, DOLLARS, TOKENS, Spending, counts_of
from mainstay.kernel.state import caller_of, is_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mainstay.contracts import Operation
    from mainstay.events import Recorded
    from mainstay.kernel.budget import Budget, Cap
    from mainstay.values import Value

PAGE = 5000
_KINDS = msgspec.json.encode(
    [
        kind.__name__
        for kind in (
            e.EffectPrepared,
            e.EffectIntended,
            e.EffectRefused,
            e.EffectAbsent,
            e.EffectDone,
            e.JournalOpened,
            e.Journaled,
        )
    ]
).decode()
_MODEL = "model."
_JOURNAL = "journal:"


class Kinds(Records, Protocol):
    """What is read of a ledger: facts of some kinds as well."""

    def of_kinds(self, kinds: str, after: int, limit: int) -> list[Recorded]:
        """Give facts of some kinds past a position, in order."""
        ...


class Left(NamedTuple):
    """One action or call that left at a time; `held` while nobody knows yet what became of it."""

    spending: Spending
    at_us: int
    held: bool = False


def counted_anew(budget: Budget, cap: Cap, left: Iterable[Left]) -> Budget:
    """Give a period as all that left since it began makes it; what is held, and nobody recorded yet, stays held."""
    spent, holds, held = dict[str, int](), {**budget.holds}, dict[str, int]()
    for one in left:
        amounts = {unit: one.spending.amounts.get(unit, 0) for unit in (COUNT, *cap.most)}
        holds.pop(one.spending.holder, None)
        if one.held:
            holds[one.spending.holder] = amounts
        else:
            _add(spent, amounts)
    for amounts in holds.values():
        _add(held, amounts)
    earlier = {**spent}
    _add(earlier, held)
    return msgspec.structs.replace(budget, spent=spent, held=held, holds=holds, counts=counts_of(cap), earlier=earlier)


class Sources(NamedTuple):
    """Where it is found what left."""

    ledger: Kinds
    operation: Callable[[str], Operation]  # raises UnknownNameError
    load: Callable[[Value], Value]  # opens recorded arguments
    playbook: Callable[[str], tuple[str, str]]  # of a plan, and its parent: "plan/path", or empty
    spends: Callable[[Operation, Callable[[], Value]], tuple[dict[str, int], str]]  # the most, by unit: spending.py


class Before:
    """Finds what left since a time."""

    def __init__(self, sources: Sources) -> None:
        """Take where it is found."""
        self._sources = sources

    def since(self, at_us: int, caps: Sequence[Cap]) -> list[Left]:
        """Give what left since a time that these caps may count, in no order; blocks while that is read, once."""
        ledger, reading = self._sources.ledger, _Reading(self._sources, caps)
        position = ledger.first_since(at_us) - 1
        while page := ledger.of_kinds(_KINDS, position, PAGE):
            for recorded in page:
                reading.feed(recorded, is_within=recorded.recorded_at_us >= at_us)
            position = page[-1].position
        return [*reading.open.values(), *reading.ended]


class _Reading:
    """One walk along the history."""

    def __init__(self, sources: Sources, caps: Sequence[Cap]) -> None:
        self._ledger, self._operation, self._load, self._playbook, self._spends = sources
        # whose it was is looked up only where somebody asks for that
        self._caps = [msgspec.structs.replace(cap, playbook="", agent="") for cap in caps]
        self._by_playbook = any(cap.playbook for cap in caps)
        self._by_agent = any(cap.agent for cap in caps)
        self._counted: dict[str, bool] = {}  # by operation
        self._preparations = Preparations(sources.ledger)
        self._agents: dict[str, str] = {}  # by journal
        self._playbooks: dict[str, tuple[str, ...]] = {}  # by plan
        self.open: dict[tuple[str, str], Left] = {}
        self.ended: list[Left] = []

    def feed(self, recorded: Recorded, *, is_within: bool) -> None:
        """Take the next fact; of what came before the time in question only what it says of later ones counts."""
        fact, plan = recorded.fact, recorded.stream.partition(":")[2].partition("/")[0]
        self._preparations.note(recorded)
        if isinstance(fact, e.JournalOpened):
            self._agents[recorded.stream] = fact.agent
        elif isinstance(fact, e.EffectIntended):
            if is_within and not fact.path.startswith("~"):
                for spending in self._acted(recorded, plan, fact.path):
                    self.open[plan, fact.path] = Left(spending, recorded.recorded_at_us, held=True)
        elif isinstance(fact, (e.EffectRefused, e.EffectAbsent)):
            self.open.pop((plan, fact.path), None)
        elif isinstance(fact, e.EffectDone):
            left = self.open.pop((plan, fact.path), None)
            if left is not None:
                self.ended.append(Left(_costing(left.spending, fact.cost_usd_micros), left.at_us))
        elif isinstance(fact, e.Journaled) and is_within and fact.failure is None and not fact.call:
            self.ended += [Left(spending, recorded.recorded_at_us) for spending in self._called(recorded, plan, fact)]

    def _is_counted(self, operation: str) -> bool:
        found = self._counted.get(operation)
        if found is None:
            found = self._counted[operation] = any(cap.counts(operation, (), "") for cap in self._caps)
        return found

    def _acted(self, recorded: Recorded, plan: str, path: str) -> Iterator[Spending]:
        """Give what an action takes, where anything counts it."""
        prepared = self._preparations.of(recorded, path)
        if prepared is not None and self._is_counted(prepared.operation):
            agent = self._agent(f"{_JOURNAL}{plan}/{caller_of(path)}") if is_call(path) else ""
            amounts, playbooks = self._amounts(prepared), self._playbooks_of(plan)
            yield Spending(f"{plan}/{path}", prepared.operation, playbooks, agent, amounts)

    def _amounts(self, prepared: e.EffectPrepared) -> dict[str, int]:
        """Give what an action moves and costs; what can't be read any more counts as one of its kind."""
        try:
            operation = self._operation(prepared.operation)
            return self._spends(operation, lambda: self._load(prepared.arguments))[0]
        except MainstayError:
            return {COUNT: 1}

    def _called(self, recorded: Recorded, plan: str, fact: e.Journaled) -> Iterator[Spending]:
        """Give what an agent's call of a model spent, or one that reads; the clock and chance are none."""
        amounts = {COUNT: 1}
        if not self._is_counted(fact.operation):
            return
        if fact.operation.startswith(_MODEL):
            said = self._said(fact.output)
            told = {DOLLARS: said.get("cost_usd_micros"), TOKENS: said.get("tokens")}
            amounts |= {unit: amount for unit, amount in told.items() if isinstance(amount, int) and amount > 0}
        else:
            try:
                self._operation(fact.operation)
            except MainstayError:
                return
            amounts |= {DOLLARS: fact.cost_usd_micros} if fact.cost_usd_micros else {}
        holder = f"{plan}/{fact.path}?{recorded.sequence}"
        yield Spending(holder, fact.operation, self._playbooks_of(plan), self._agent(recorded.stream), amounts)

    def _said(self, output: Value) -> Mapping[str, object]:
        try:
            found = self._load(output)
        except MainstayError:
            return {}
        return found if isinstance(found, dict) else {}

    def _agent(self, journal: str) -> str:
        found = self._agents.get(journal) if self._by_agent else ""
        if found is None:
            first = next(iter(self._ledger.read(journal)), None)
            found = first.fact.agent if first is not None and isinstance(first.fact, e.JournalOpened) else ""
            self._agents[journal] = found
        return found

    def _playbooks_of(self, plan: str) -> tuple[str, ...]:
        """Name a plan's playbook, and those of the plans that it is a part of."""
        found = self._playbooks.get(plan) if self._by_playbook else ()
        if found is None:
            playbook, parent = self._playbook(plan)
            above = self._playbooks_of(parent.partition("/")[0]) if parent else ()
            found = self._playbooks[plan] = tuple(dict.fromkeys((playbook, *above)))
        return found


def _add(amounts: dict[str, int], more: Mapping[str, int]) -> None:
    for unit, amount in more.items():
        amounts[unit] = amounts.get(unit, 0) + amount


def _costing(spending: Spending, cost_usd_micros: int) -> Spending:
    if not cost_usd_micros:
        return spending
    return msgspec.structs.replace(spending, amounts={**spending.amounts, DOLLARS: cost_usd_micros})
