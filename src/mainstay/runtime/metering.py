"""Calls of agents, and readings, under the budgets: held before the call, on disk, and charged with what became of it.

Whichever backend answers is capped here, because nothing else of the runtime asks a model. A process that dies
meanwhile leaves its hold; the next one charges it, because the call may have been made. So is one that is given up.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from mainstay.errors import MainstayError, NeedsOperator, NotSent, OverLimit, Permanent, RateLimited
from mainstay.kernel.budget import COUNT, DOLLARS, TOKENS, Spending
from mainstay.kernel.failing import CAP_RULE, LIMITS_RULE
from mainstay.runtime.spending import most_spent, playbooks_of, really

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mainstay.contracts import Operation
    from mainstay.events import Append
    from mainstay.kernel.state import Plan
    from mainstay.ports import Models
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.parts import Parts
    from mainstay.values import Value

T = TypeVar("T")
MODEL = "model."
_NOT_MADE = (NotSent, RateLimited, Permanent, NeedsOperator)  # surely nothing was spent
_NO_PRICE = "its backend names none"
_WAYS = (
    "Let more be spent this time (mainstay budget raise NAME --today AMOUNT) or for good, {}; then try it again. "
    "Or try again once the budget begins anew, skip the step, or undo the plan."
)
_FOR_GOOD = {CAP_RULE: "in mainstay.toml, under [budgets]", LIMITS_RULE: "under 'limits' of your rule"}


class Bill:
    """What one call holds of the budgets, from before it is made until what became of it is recorded."""

    def __init__(self, parts: Parts, desk: Desk) -> None:
        """Hold nothing yet."""
        self._parts, self._desk = parts, desk
        self._holder, self._cause = "", ""
        self._happened = False
        self._spent: dict[str, int] | None = None

    async def make(
        self,
        spending: Spending,
        cause: str,
        make: Callable[[], Awaitable[T]],
        spent: Callable[[T], dict[str, int] | None],
    ) -> T:
        """Make a call once what it may spend is held on disk; raises OverLimit where a budget does not let it."""
        held = self._parts.budgets.reserve(spending, self._desk.now_us(), cause)
        if held.verdict is not None:
            raise OverLimit(held.verdict.why, remedy=_WAYS.format(_FOR_GOOD.get(held.verdict.rule, "in mainstay.toml")))
        self._holder, self._cause = spending.holder, cause
        if held.appends:
            await self._parts.ledger.append(held.appends)
            for warning in held.warnings:
                self._desk.warn(*warning)
        self._happened = True
        try:
            output = await make()
        except _NOT_MADE:
            self._happened = False
            raise
        self._spent = spent(output)
        return output

    async def record(self, *appends: Append) -> None:
        """Bring what became of the call to disk with these facts, all of it or nothing.

        A budget that begins finds the call here until it is in the history: nothing comes between.
        """
        holder, settled = self._holder, self._settled()
        if not appends and not settled:
            return
        try:
            on_disk = self._parts.ledger.append([*appends, *settled])
        except Exception:
            self._parts.budgets.withdraw(settled)
            self._holder = holder
            raise
        await on_disk

    def let_go(self) -> None:
        """Settle a call that nobody waits for any more: its time ran out, or the owner ends. Nothing once it is so.

        What can't be recorded now is charged by whoever reads the budget next, as if the process had died.
        """
        with contextlib.suppress(MainstayError):
            if settled := self._settled():
                self._parts.ledger.queue(settled, _unheard)

    def _settled(self) -> tuple[Append, ...]:
        if not self._holder:
            return ()
        holder, self._holder = self._holder, ""
        given = holder, self._desk.now_us(), self._cause
        return tuple(self._parts.budgets.settle(*given, happened=self._happened, spent=self._spent))


class Meter:
    """Counts the calls of one run of an agent, or the one call of a step that reads."""

    def __init__(self, parts: Parts, desk: Desk, path: str, agent: str, run: str) -> None:
        """Take the step, the name of its agent, empty for none, and what tells this run from others of it."""
        self._parts, self._desk = parts, desk
        self._path, self._agent, self._run = path, agent, run
        self._number = 0

    def bill(self) -> Bill:
        """Give what the next call is counted with."""
        return Bill(self._parts, self._desk)

    async def ask(self, plan: Plan, models: Models, role: str, request: Value, bill: Bill) -> Value:
        """Ask a model, or the cheaper one that is declared once little is left; raises NeedsOperator over a budget.

        The caller records what became of it with the bill.
        """
        now_us = self._desk.now_us()
        role = self._parts.budgets.cheaper(self._spending(plan, f"{MODEL}{role}"), now_us).removeprefix(MODEL) or role
        price = models.price(role, request)
        amounts = {COUNT: 1} if price is None else {COUNT: 1, DOLLARS: price.usd_micros, TOKENS: price.tokens}
        spending = self._spending(plan, f"{MODEL}{role}", amounts, "" if price is not None else _NO_PRICE)
        self._number += 1
        return await bill.make(spending, self._cause(plan), lambda: models.ask(role, request), _told_by)

    async def read(
        self, plan: Plan, operation: Operation, arguments: Value, make: Callable[[], Awaitable[Value]], bill: Bill
    ) -> Value:
        """Make a read of an agent or a step; raises NeedsOperator over a budget. As `ask` for the bill.

        A step's that costs nothing counts only where a budget names it: others are about what is done.
        """
        amounts, unknown = most_spent(operation, lambda: arguments)
        free = operation.cost is None and not operation.cost_usd_micros
        spending = self._spending(plan, operation.name, amounts, unknown, named=free and not self._agent)
        self._number += 1
        return await bill.make(spending, self._cause(plan), make, lambda output: really(operation, arguments, output))

    async def read_by_itself(
        self, plan: Plan, operation: Operation, arguments: Value, make: Callable[[], Awaitable[Value]]
    ) -> Value:
        """Make a read of which no journal tells, and settle what it held; what became of that is on disk then."""
        bill = self.bill()
        try:
            try:
                output = await self.read(plan, operation, arguments, make, bill)
            except Exception:
                await self._desk.whole()
                await bill.record()
                raise
            await self._desk.whole()
            await bill.record()
            return output
        finally:
            bill.let_go()

    def _cause(self, plan: Plan) -> str:
        return f"plan:{plan.id}@{plan.slots[self._path].since}"

    def _spending(
        self,
        plan: Plan,
        operation: str,
        amounts: dict[str, int] | None = None,
        unknown: str = "",
        *,
        named: bool = False,
    ) -> Spending:
        holder = f"{plan.id}/{self._path}?{self._run}.{self._number}"
        playbooks = playbooks_of(self._desk, plan)
        return Spending(holder, operation, playbooks, self._agent, amounts or {COUNT: 1}, unknown, named=named)


def _unheard(position: int, error: MainstayError | None) -> None:
    """Hear what became of an append that nobody waits for."""
    del position, error


def _told_by(answer: Value) -> dict[str, int] | None:
    """Give what a model's answer says that it cost; None where it does not: then the most it could is charged."""
    if not isinstance(answer, dict):
        return None
    cost, tokens = answer.get("cost_usd_micros"), answer.get("tokens")
    told = {DOLLARS: cost, TOKENS: tokens}
    return {unit: amount for unit, amount in told.items() if isinstance(amount, int) and amount >= 0}
