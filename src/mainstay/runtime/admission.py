"""Which approved plans may start: limits across plans, first come first served within a priority (KERNEL T2, P3).

A playbook's `key` is a limit of one plan per value, its `limit` one of so many plans of the playbook. Places are taken
and left in the transaction of the plan's start and end, in a small stream per limit; whoever waits is started in the
transaction that makes room. Several places are taken at once, in sorted order, or not at all.

An hour of waiting counts as much as one step of priority: what is urgent goes first, and nothing waits for ever.
"""

from __future__ import annotations

import heapq
import hmac
import itertools
from typing import TYPE_CHECKING, Protocol, TypeAlias

from mainstay import commands as c
from mainstay.encoding import encode_value
from mainstay.errors import InputError
from mainstay.events import Append, Draft, PlaceLeft, PlacesKept, PlaceTaken
from mainstay.kernel.limit import Limit, evolve, has_place
from mainstay.kernel.state import Plan, holds_places
from mainstay.runtime.names import Names
from mainstay.values import SECOND_US, following_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstay.events import AnyFact, LimitFact
    from mainstay.kernel.graph import Graph
    from mainstay.ports import Ledger, PlaceRows
    from mainstay.runtime.parts import Parts
    from mainstay.values import Value

FULL_STREAM = 1900  # facts, of the 2,000 a stream holds
STEP_OF_PRIORITY_US = 3600 * SECOND_US
LIMITS_KEPT = 5000  # in memory; a key may have another value for each plan
_ONE_AT_A_TIME = "key:"
_SOME_AT_A_TIME = "playbook:"
_InLine: TypeAlias = "tuple[int, str]"  # order, and plan


class Stage(Protocol):
    """Facts decided for one append: what the engine collects before it queues them."""

    @property
    def plans(self) -> Mapping[str, Plan]:
        """The plans as they will be."""
        ...

    @property
    def now_us(self) -> int:
        """The time of the commands."""
        ...

    @property
    def facts(self) -> Mapping[str, Sequence[AnyFact]]:
        """What was decided, by plan."""
        ...

    def plan(self, plan_id: str) -> Plan:
        """Give any plan as it will be."""
        ...

    def decide(self, plan_id: str, command: c.PlanCommand, because: str = "") -> None:
        """Decide one more command, because of an event."""
        ...


class Admission:
    """Keeps the limits. Like the engine it decides on what will be on disk; `forget` when it is not."""

    def __init__(self, ledger: Ledger, rows: PlaceRows) -> None:
        """Read the limits from this ledger when they are first asked for."""
        self._ledger = ledger
        self._rows = rows
        self._limits: dict[str, tuple[str, Limit]] = {}  # by name: the present stream, and what it adds up to
        self._queues: dict[str, list[_InLine]] | None = None  # heaps, by limit
        self._last: Stage | None = None  # what was settled last, with what that moved:
        self._before: dict[str, tuple[str, Limit]] = {}  # limits as they stood
        self._moves: list[tuple[str, _InLine, bool]] = []  # of lines: who came in, or else left

    def forget(self) -> None:
        """Read everything again at the next use, because an append failed."""
        self._limits.clear()
        self._queues = None
        self._last = None

    def withdraw(self, stage: Stage) -> None:
        """Take back what was settled for a stage just now, because its append was refused and never queued.

        The rest stays: on disk it may not be yet.
        """
        if self._last is not stage:
            return
        self._limits |= self._before
        for name, entry, came in reversed(self._moves):
            line = self._waiting().setdefault(name, [])
            if came:
                line.remove(entry)
                heapq.heapify(line)
            else:
                heapq.heappush(line, entry)
            if not line:
                del self._waiting()[name]
        self._last = None

    def settle(self, stage: Stage, names: Iterable[str] = ()) -> list[Append]:
        """Let plans start that have a place now; give the facts about places that go into the same append.

        `names` are limits to look at beside those that the stage's plans take or leave.
        """
        self._last, self._before, self._moves = stage, {}, []
        drafts: dict[str, list[LimitFact]] = {}
        seen: dict[str, Plan] = {}
        touched = set(names) if self._queues is not None else {*names, *self.waited_for()}
        while touched or any(seen.get(plan_id) is not plan for plan_id, plan in stage.plans.items()):
            for plan_id, plan in list(stage.plans.items()):
                if seen.get(plan_id) is not plan:
                    seen[plan_id] = plan
                    touched |= self._look_at(plan, stage, drafts)
            self._start(stage, touched, drafts)
            touched.clear()
        return [append for name, facts in drafts.items() for append in self._append(name, facts, stage.now_us)]

    def waited_for(self) -> set[str]:
        """Name the limits that somebody waits for."""
        return {name for name, queue in self._waiting().items() if queue}

    def _look_at(self, plan: Plan, stage: Stage, drafts: dict[str, list[LimitFact]]) -> set[str]:
        """Take or leave a plan's places, or let it wait for them; give the limits that may have room now."""
        holds = holds_places(plan)
        other = [name for name in plan.keys if (plan.id in self._limit(name)[1].plans) != holds]
        if other:
            self._note(drafts, other, PlaceTaken(plan.id) if holds else PlaceLeft(plan.id))
        if plan.status == "approved" and plan.paused_at_us is None:
            if plan.parent and self._lacking(plan) is None:  # whoever is in line may wait for its parent's place
                self._let_start(plan, stage, drafts)
                return set()
            self._wait(plan, stage.now_us)
            return set(plan.keys)
        return set() if holds else set(other)

    # --- who is next

    def _start(self, stage: Stage, names: Iterable[str], drafts: dict[str, list[LimitFact]]) -> None:
        """Start whoever has all places, the first in each line first; who lacks another place waits in that line."""
        for name in sorted(names):
            queue = self._waiting().get(name, [])
            while queue:
                plan = stage.plan(queue[0][1])
                if plan.status != "approved" or plan.paused_at_us is not None:
                    self._leave(name)  # it started, ended, or was paused meanwhile
                    continue
                if not self._fits(plan, name):
                    break
                entry, lacking = self._leave(name), self._lacking(plan)
                if lacking is None:
                    self._let_start(plan, stage, drafts)
                else:
                    self._come(lacking, entry)
            if not queue:
                self._waiting().pop(name, None)

    def _let_start(self, plan: Plan, stage: Stage, drafts: dict[str, list[LimitFact]]) -> None:
        stage.decide(plan.id, c.StartPlan(now_us=stage.now_us))
        self._note(drafts, plan.keys, PlaceTaken(plan.id))

    def _lacking(self, plan: Plan) -> str | None:
        """Name the first limit that has no place for a plan."""
        return next((name for name in plan.keys if not self._fits(plan, name)), None)

    def _fits(self, plan: Plan, name: str) -> bool:
        most = 1 if name.startswith(_ONE_AT_A_TIME) else plan.graph.definition.limit or 1
        return has_place(self._limit(name)[1], most, plan.id)

    def _wait(self, plan: Plan, now_us: int) -> None:
        """Let a plan wait in one line: of the first limit that has no place for it."""
        order = now_us - plan.priority * STEP_OF_PRIORITY_US
        name = self._lacking(plan) or plan.keys[0]
        self._come(name, (order, plan.id))

    def _come(self, name: str, entry: _InLine) -> None:
        heapq.heappush(self._waiting().setdefault(name, []), entry)
        self._moves.append((name, entry, True))

    def _leave(self, name: str) -> _InLine:
        entry = heapq.heappop(self._waiting()[name])
        self._moves.append((name, entry, False))
        return entry

    def _waiting(self) -> dict[str, list[_InLine]]:
        if self._queues is None:
            self._queues = {}
            for each in self._rows.waiting():
                order = each.approved_at_us - each.priority * STEP_OF_PRIORITY_US
                heapq.heappush(self._queues.setdefault(each.keys[0], []), (order, each.plan))
        return self._queues

    # --- the streams

    def _note(self, drafts: dict[str, list[LimitFact]], names: Iterable[str], fact: LimitFact) -> None:
        for name in sorted(names):
            stream, limit = self._limit(name)
            self._before.setdefault(name, (stream, limit))
            drafts.setdefault(name, []).append(fact)
            self._limits[name] = stream, evolve(limit, fact)

    def _limit(self, name: str) -> tuple[str, Limit]:
        if name not in self._limits:
            self._make_room()
            stream = self._rows.last_stream(f"limit:{name}")
            limit = Limit()
            for event in self._ledger.read(stream):
                assert isinstance(event.fact, (PlaceTaken, PlaceLeft, PlacesKept))
                limit = evolve(limit, event.fact)
            self._limits[name] = stream, limit
        return self._limits[name]

    def _make_room(self) -> None:
        """Drop the two oldest of too many limits; those with facts that are not on disk yet stay, as the youngest."""
        for name in list(itertools.islice(self._limits, 2)) if len(self._limits) >= LIMITS_KEPT else ():
            stream, limit = self._limits.pop(name)
            if self._rows.length(stream) != limit.sequence:
                self._limits[name] = stream, limit

    def _append(self, name: str, facts: list[LimitFact], now_us: int) -> list[Append]:
        """Give the facts as an append; a stream that is nearly full is left, and the next begins with who holds."""
        stream, limit = self._limits[name]
        drafts = tuple(Draft(fact, now_us, "mainstay") for fact in facts)
        appends = [Append(stream, limit.sequence - len(facts), drafts)]
        if limit.sequence >= FULL_STREAM:
            following = following_stream(stream)
            kept = PlacesKept(tuple(sorted(limit.plans)))
            appends.append(Append(following, 0, (Draft(kept, now_us, "mainstay"),)))
            self._limits[name] = following, Limit(1, limit.plans)
        return appends


def places_of(parts: Parts, graph: Graph, inputs: Value, now_us: int) -> tuple[str, ...]:
    """Name the limits that a plan of this playbook takes a place of.

    Raises InputError for inputs that the playbook refuses, ExpressionError where that or its key can't be worked out.
    What the key's value is does not show in the name: it may be a person, and names of streams are for ever.
    """
    definition = graph.definition
    names: list[str] = []
    seen = Plan("", graph, inputs=inputs, proposed_at_us=now_us)
    for refusal in definition.refuse:
        if Names(parts, seen, "").value(refusal.when) is True:
            raise InputError(refusal.says, remedy=f"{definition.name} does not begin so; give other inputs.")
    if definition.key is not None:
        value = encode_value(Names(parts, seen, "").value(definition.key))
        code = hmac.digest(parts.token_key, b"key/" + definition.name.encode() + b"/" + value, "sha256").hex()[:20]
        names.append(f"{_ONE_AT_A_TIME}{definition.name}:{code}")
    if definition.limit is not None:
        names.append(f"{_SOME_AT_A_TIME}{definition.name}")
    return tuple(sorted(names))
