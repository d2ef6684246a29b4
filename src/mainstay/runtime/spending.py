"""What an action would spend, and what it spent: money that it moves and that it costs, tokens, one of its kind.

`governance/budgets.py` counts it; here it is only worked out, and only where something is counted at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.contracts import from_plain, moved_in
from mainstay.errors import ExpressionError
from mainstay.kernel.budget import COUNT, DOLLARS, TOKENS, Spending, micros_of
from mainstay.kernel.state import is_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mainstay.contracts import Cost, Operation
    from mainstay.events import Append
    from mainstay.kernel.state import Plan, Slot
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.parts import Parts, Reserved
    from mainstay.values import Money, Value, Verdict

_NO_PRICE = "its price depends on what it is given, and could not be worked out"
_NO_AMOUNT = "its amount is not given as money"


class _Free(NamedTuple):
    """Nothing is counted."""

    verdict: Verdict | None = None
    appends: tuple[Append, ...] = ()
    ways: tuple[str, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()


FREE = _Free()


class Purse:
    """Works out spendings, and takes them to the budgets."""

    def __init__(self, parts: Parts, desk: Desk) -> None:
        """Take the parts and the engine's desk."""
        self._parts = parts
        self._desk = desk

    def of(self, plan: Plan, path: str, operation: Operation, arguments: Callable[[], Value]) -> Spending:
        """Say what an action would spend at most; `arguments` are plain, and asked for only where they matter."""
        holder, playbooks = f"{plan.id}/{path}", playbooks_of(self._desk, plan)
        if path.startswith("~"):
            undone = plan.slots[path[1:]].operation
            return Spending(holder, undone, playbooks, undo=True)
        agent = plan.step(path).target if is_call(path) else ""
        amounts, unknown = most_spent(operation, arguments)
        return Spending(holder, operation.name, playbooks, agent, amounts, unknown)

    def prepared(self, plan: Plan, path: str) -> Spending:
        """Say the same of an action as it is prepared."""
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        return self.of(plan, path, operation, lambda: self._parts.payloads.whole(slot.arguments))

    def look(self, plan: Plan, path: str, operation: Operation, arguments: Value) -> Verdict | None:
        """Give the question that a spending leads to, before it is asked about."""
        if not self._parts.budgets.any:
            return None
        return self._parts.budgets.look(self.of(plan, path, operation, lambda: arguments), self._desk.now_us())

    def cheaper(self, plan: Plan, path: str, operation: str) -> str:
        """Name the operation that stands in for another while little is left."""
        if not self._parts.budgets.any or path.startswith("~"):
            return operation
        agent = plan.step(path).target if is_call(path) else ""
        spending = Spending(f"{plan.id}/{path}", operation, playbooks_of(self._desk, plan), agent)
        return self._parts.budgets.cheaper(spending, self._desk.now_us()) or operation

    def later_us(self, plan: Plan, path: str, operation: Operation) -> int:
        """Give when an action may leave, where what is left is kept for certain hours; 0: now."""
        if not self._parts.budgets.any or path.startswith("~"):
            return 0
        agent = plan.step(path).target if is_call(path) else ""
        spending = Spending(f"{plan.id}/{path}", operation.name, playbooks_of(self._desk, plan), agent)
        return self._parts.budgets.later_us(spending, self._desk.now_us())

    def reserve(self, plan: Plan, path: str, slot: Slot, operation: Operation, arguments: Value) -> Reserved:
        """Hold a part of all that counts this; what takes something back spends a reserve of its own."""
        if not self._parts.budgets.any:
            self._parts.budgets.leave_out(f"{plan.id}/{path}")
            return FREE
        spending = self.of(plan, path, operation, lambda: self._parts.payloads.whole(arguments))
        now_us, cause = self._desk.now_us(), f"plan:{plan.id}@{slot.since}"
        return self._parts.budgets.reserve(spending, now_us, cause, ruled=slot.ruling != "")

    def settle(
        self, plan: Plan, path: str, slot: Slot, *, happened: bool, spent: Mapping[str, int] | None = None
    ) -> Sequence[Append]:
        """Settle what an action holds; `spent` is what it spent really, by unit, where that is known."""
        cause = f"plan:{plan.id}@{slot.since}"
        now_us = self._desk.now_us()
        return self._parts.budgets.settle(f"{plan.id}/{path}", now_us, cause, happened=happened, spent=spent)

    def answer(self, plan: Plan, path: str, decision: str, choice: str) -> tuple[Sequence[Append], int | None]:
        """Take the operator's answer to what a cap stopped: facts that raise it, or when it begins anew."""
        spending = self.prepared(plan, path)
        now_us, budgets = self._desk.now_us(), self._parts.budgets
        if choice == "raise":
            return budgets.raise_for(spending, now_us, decision), None
        return (), budgets.resumes_us(spending, now_us)


def playbooks_of(desk: Desk, plan: Plan) -> tuple[str, ...]:
    """Name a plan's playbook, and those of the plans that it is a part of."""
    found = [plan.playbook]
    while plan.parent:
        plan = desk.load(plan.parent.partition("/")[0])
        found.append(plan.playbook)
    return tuple(dict.fromkeys(found))


def most_spent(operation: Operation, arguments: Callable[[], Value]) -> tuple[dict[str, int], str]:
    """Give the most that a call spends, by unit, and why its price is not known; empty when it is."""
    amounts, unknown = {COUNT: 1}, ""
    if operation.cost_usd_micros:
        amounts[DOLLARS] = operation.cost_usd_micros
    acts = operation.effect != "read"
    roles = [name for name, role in operation.roles.items() if role == "amount" and acts]
    if operation.cost is None and not roles:
        return amounts, unknown
    given = arguments()
    if operation.cost is not None:
        cost = _worked_out(operation, operation.cost, given)
        unknown = _NO_PRICE if cost is None else ""
        if cost is not None:
            _add(amounts, {DOLLARS: cost.usd_micros, TOKENS: cost.tokens})
    for name in roles:
        moved = _moved(given.get(name) if isinstance(given, dict) else None)
        unknown = unknown or ("" if moved else _NO_AMOUNT)
        for money in moved:
            _add(amounts, {money.currency: abs(micros_of(money))})
    return amounts, unknown


def really(operation: Operation, arguments: Value, output: Value) -> dict[str, int] | None:
    """Give what a call spent, by unit, where its operation says what it cost; None where it does not."""
    return by_unit(operation, arguments, spent_really(operation, arguments, output))


def by_unit(operation: Operation, arguments: Value, spent: Cost | None) -> dict[str, int] | None:
    """Give what a call spent that cost so much, by unit; None where that is not known."""
    if spent is None:
        return None
    free = msgspec.structs.replace(operation, cost_usd_micros=0, cost=None)  # what it moves is as it was held
    amounts = {DOLLARS: 0, TOKENS: 0} | most_spent(free, lambda: arguments)[0]
    _add(amounts, {DOLLARS: spent.usd_micros, TOKENS: spent.tokens})
    return amounts


def spent_really(operation: Operation, arguments: Value, output: Value) -> Cost | None:
    """Give what a call did cost, where its operation says so; None where it does not, or can't."""
    if operation.spent is None:
        return None
    try:
        return operation.spent(from_plain(arguments, operation.input), from_plain(output, operation.output))
    except Exception:  # noqa: BLE001 - it happened: what is held is charged, which is the most it can have been
        return None


def _worked_out(operation: Operation, cost: Callable[[object], Cost | None], given: Value) -> Cost | None:
    try:
        return cost(from_plain(given, operation.input))
    except Exception:  # noqa: BLE001 - a price that can't be worked out is one that is not known: it asks
        return None


def _moved(value: Value) -> list[Money]:
    try:
        return list(moved_in(value))
    except ExpressionError:
        return []


def _add(amounts: dict[str, int], more: Mapping[str, int]) -> None:
    for unit, amount in more.items():
        if amount:
            amounts[unit] = amounts.get(unit, 0) + amount
