"""What budgets still let through of what a question asks about, and when it leaves: said before the answer to it."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from msgspec import ValidationError

from mainstay import events as e
from mainstay.errors import MainstayError
from mainstay.governance.amounts import say_amount
from mainstay.governance.budgets import PREFIX, fold
from mainstay.governance.periods import Calendar
from mainstay.governance.roles import AMOUNT
from mainstay.governance.shortage import say_lets, say_none_left
from mainstay.governance.throttles import moved_by
from mainstay.kernel.budget import COUNT, Budget, Cap, Spending, runs_low
from mainstay.kernel.state import is_call
from mainstay.ledger import queries
from mainstay.requests.asked import actions_of, what_follows
from mainstay.runtime.spending import most_spent
from mainstay.values import parse_duration_s, say_duration
from mainstay.views.opening import Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from mainstay.config import Config
    from mainstay.contracts import Operation
    from mainstay.governance.rules import Rule
    from mainstay.kernel.state import Plan
    from mainstay.values import Value
    from mainstay.workspace import Workspace

KEPT = 1000  # questions whose wishes are kept


class Bounds(NamedTuple):
    """What bounds actions beside their approval, as mainstay.toml and the rules in force say."""

    caps: Sequence[Cap] = ()
    operation: Callable[[str], Operation | None] = lambda _: None  # None for one that is not known
    config: Config | None = None
    throttles: Sequence[Rule] = ()


class _Wishes(NamedTuple):
    """What a yes would spend, what of that is money that it moves (micro-units by currency), and what it leads to."""

    spends: Sequence[Spending] = ()
    moves: Mapping[str, int] = {}
    leads_to: Sequence[Spending] = ()


class Letting(Opened):
    """What becomes of a yes."""

    bounds: Callable[[], Bounds] = Bounds  # asked for once a question wants to know

    def __init__(self, workspace: Workspace) -> None:
        """Open read-only; raises WrongKeyError or LedgerError."""
        super().__init__(workspace)
        self._wanted: dict[str, tuple[Hashable, _Wishes]] = {}
        self._budgets: tuple[int, dict[str, Budget]] = 0, {}  # as of a position

    def lets(self, decision: str, as_of: Hashable) -> tuple[str, ...]:
        """Say what budgets do not let through of an open question; `as_of` is what its card depends on."""
        bounds = self.bounds()
        if not (bounds.caps or bounds.throttles):
            return ()
        key = as_of, tuple(bounds.caps), tuple(bounds.throttles)  # they say what is looked at
        known = self._wanted.get(decision)
        if known is None or known[0] != key:
            if len(self._wanted) >= KEPT:
                self._wanted.clear()
            plan_id = decision.rpartition(".")[0]
            asked = self._asked(plan_id, decision)
            wishes = _Wishes() if asked is None else self._wishes(self.plan(plan_id), asked)
            known = self._wanted[decision] = key, wishes
        return tuple(self._say(known[1]))

    def lets_of(self, plan: Plan, asked: e.DecisionAsked) -> list[str]:
        """Say what budgets do not let through of a question of a plan."""
        bounds = self.bounds()
        if not (bounds.caps or bounds.throttles):
            return []
        return list(self._say(self._wishes(plan, asked)))

    def leaves(self, plan: Plan, asked: e.DecisionAsked) -> str:
        """Say when what a question asks about leaves after a yes; empty where it does at once."""
        config, path = self.bounds().config, asked.paths[0]
        if asked.kind not in ("effect", "batch") or path.startswith("~") or config is None:
            return ""
        name, own = plan.slots[path].operation, plan.step(path).delay_s
        recall = "; until then you can call it back."
        if own is None and name in config.hours:
            return f"In its hours ({config.hours[name]}){recall}"
        if own is None and (hours := self._kept_hours(plan, path, name)):
            return f"{hours}{recall}"
        delay_s = parse_duration_s(config.delays[name]) if own is None and name in config.delays else own
        return f"{say_duration(round(delay_s))} after your yes{recall}" if delay_s else ""

    # --- leaves

    def _asked(self, plan_id: str, decision: str) -> e.DecisionAsked | None:
        facts = (event.fact for event in self.recorded(plan_id))
        return next((one for one in facts if isinstance(one, e.DecisionAsked) and one.decision == decision), None)

    def _wishes(self, plan: Plan, asked: e.DecisionAsked) -> _Wishes:
        return _Wishes(self._wants(plan, asked), self._moves(plan, asked), self._leads_to(plan, asked))

    def _say(self, wishes: _Wishes) -> Iterator[str]:
        yield from self._say_lets(wishes.spends)
        yield from self._say_throttles(wishes)
        yield from self._say_none_left(wishes.spends, wishes.leads_to)

    def _wants(self, plan: Plan, asked: e.DecisionAsked) -> list[Spending]:
        """Give what a yes would spend; an undo spends a reserve of its own."""
        playbooks, found, bounds = self._playbooks(plan), list[Spending](), self.bounds()
        for path, operation, arguments in self._actions(plan, asked):
            agent = plan.step(path).target if is_call(path) else ""
            counted = [cap for cap in bounds.caps if cap.counts(operation, playbooks, agent)]
            known = bounds.operation(operation) if any(set(cap.most) - {COUNT} for cap in counted) else None
            amounts = {COUNT: 1} if known is None else self._amounts(known, arguments)
            found.append(Spending(f"{plan.id}/{path}", operation, playbooks, agent, amounts))
        return found

    def _moves(self, plan: Plan, asked: e.DecisionAsked) -> Counter[str]:
        """Give what a yes would move where a throttle counts that, as far as it is known."""
        bounds, moved = self.bounds(), Counter[str]()
        if any(rule.throttle and rule.throttle.spent for rule in bounds.throttles):
            for _, name, arguments in self._actions(plan, asked):
                if (operation := bounds.operation(name)) is not None and AMOUNT in operation.roles.values():
                    with suppress(MainstayError):
                        moved += moved_by(self._payloads.load(arguments), operation.roles)
        return moved

    def _leads_to(self, plan: Plan, asked: e.DecisionAsked) -> list[Spending]:
        """Give what may happen after an answer; how much of it there is, is not known yet."""
        rows = what_follows(plan, asked) if asked.kind == "ask" else []
        playbooks, graph = self._playbooks(plan) if rows else (), plan.graph
        return [
            Spending(f"{plan.id}/{row['step']}", operation, (*below, *playbooks), "", {})
            for row in rows
            for operation, below in actions_of(graph.definition, graph.steps[row["step"]])
        ]

    def _actions(self, plan: Plan, asked: e.DecisionAsked) -> Iterator[tuple[str, str, Value]]:
        """Give the actions of a question: path, operation, arguments as they are kept."""
        if asked.kind in ("effect", "batch"):
            for path in asked.paths:
                if not path.startswith("~"):
                    yield path, plan.slots[path].operation, plan.slots[path].arguments
        covered = self._payloads.load(asked.covered) if asked.covers else None
        for path, one in (covered if isinstance(covered, dict) else {}).items():
            if isinstance(one, dict):
                yield path, str(one.get("operation", "")), one.get("arguments")

    def _amounts(self, operation: Operation, arguments: Value) -> dict[str, int]:
        """Give what an action would spend as far as that is known; what is not asks by itself, after the yes."""
        try:
            return most_spent(operation, lambda: self._payloads.load(arguments))[0]
        except (MainstayError, ValidationError):
            return {COUNT: 1}

    def _playbooks(self, plan: Plan) -> tuple[str, ...]:
        """Name a plan's playbook, and those of the plans that it is a part of."""
        found, parent = [plan.playbook], plan.parent
        while parent and (rows := self._reader.rows(queries.PLAN, (parent.partition("/")[0],))):
            found.append(rows[0][1])
            parent = rows[0][4]
        return tuple(dict.fromkeys(found))

    def _say_lets(self, wanted: Sequence[Spending]) -> Iterator[str]:
        calendar, now_us = Calendar(self.timezone), time.time_ns() // 1000
        for cap in self.bounds().caps if wanted else ():
            counted = [one for one in wanted if cap.counts(one.operation, one.playbooks, one.agent)]
            if counted:
                period = calendar.name(cap.period, now_us, counted[0].plan)
                if says := say_lets(cap, self._standing(f"{PREFIX}{cap.name}:{period}"), counted):
                    yield says

    def _say_none_left(self, wanted: Sequence[Spending], led_to: Sequence[Spending]) -> Iterator[str]:
        """Say which budgets have nothing left for what an answer leads to; those of what it is about are said."""
        calendar, now_us = Calendar(self.timezone), time.time_ns() // 1000
        for cap in self.bounds().caps if led_to else ():
            counted = [one for one in led_to if cap.counts(one.operation, one.playbooks, one.agent)]
            if counted and not any(cap.counts(one.operation, one.playbooks, one.agent) for one in wanted):
                period = calendar.name(cap.period, now_us, counted[0].plan)
                if says := say_none_left(cap, self._standing(f"{PREFIX}{cap.name}:{period}")):
                    yield says

    def _say_throttles(self, wishes: _Wishes) -> Iterator[str]:
        """Say where what is asked about is by itself more than a rule lets its playbook move."""
        for rule in self.bounds().throttles if wishes.moves else ():
            throttle, playbook = rule.throttle, wishes.spends[0].playbooks[-1]
            for unit, most in throttle.spent.items() if throttle and throttle.playbook == playbook else ():
                moved = wishes.moves.get(unit, 0)
                if throttle and moved > most:
                    within = f"more than {say_amount(unit, most)} moved within {say_duration(throttle.within_s)}"
                    this = say_amount(unit, moved)
                    yield f"Your rule '{rule.id}' pauses this playbook at {within}, and this is {this}."

    def _kept_hours(self, plan: Plan, path: str, operation: str) -> str:
        """Say in which hours it leaves, because a budget runs low and keeps the rest for them."""
        calendar, now_us = Calendar(self.timezone), time.time_ns() // 1000
        agent, root = plan.step(path).target if is_call(path) else "", plan.id.partition("-")[0]
        for cap in self.bounds().caps:
            if cap.batch is not None and cap.counts(operation, self._playbooks(plan), agent):
                period = calendar.name(cap.period, now_us, root)
                if runs_low(self._standing(f"{PREFIX}{cap.name}:{period}"), cap):
                    opens, closes = (f"{minute // 60:02}:{minute % 60:02}" for minute in cap.batch)
                    return f"Between {opens} and {closes}, because budget '{cap.name}' runs low"
        return ""

    def _standing(self, first: str) -> Budget:
        """Give how a budget stands in a period; read once as long as nothing happens."""
        position = self._reader.head()[0]
        if self._budgets[0] != position:
            self._budgets = position, {}
        known = self._budgets[1]
        if first not in known:
            last = self._reader.rows(queries.LAST_STREAM, (first,))
            known[first] = fold(event.fact for event in self._reader.read(last[0][0] if last else first))
        return known[first]
