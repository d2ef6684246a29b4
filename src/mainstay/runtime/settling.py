"""An effect that may have happened and has no answer: sent again, looked up, or asked about (KERNEL E3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mainstay import commands as c
from mainstay.contracts import Found, from_plain, to_plain
from mainstay.errors import OperationError
from mainstay.events import EffectIntended
from mainstay.runtime.attempt import Attempt, card_of, in_time_of_step
from mainstay.values import SECOND_US, Failure

if TYPE_CHECKING:
    from mainstay.contracts import Operation
    from mainstay.kernel.state import Plan
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.outcomes import Outcomes
    from mainstay.runtime.parts import Parts
    from mainstay.values import Value

RESENDS_S = (1.0, 5.0, 15.0)  # waits before an uncertain effect is sent again under its token, then the operator
_CRASHED = Failure("transient", "Mainstay stopped before the answer came")


class Settling:
    """Finds out what became of effects without an answer."""

    def __init__(self, parts: Parts, desk: Desk, outcomes: Outcomes) -> None:
        """Take the parts, the engine's desk, and who records outcomes."""
        self._parts = parts
        self._desk = desk
        self._outcomes = outcomes

    def settle(self, plan: Plan, path: str) -> None:
        """Find out what became of an effect that has no answer (KERNEL E3)."""
        if plan.slots[path].status == "intended":
            self._desk.report(plan, path, c.LoseEffect(now_us=self._desk.now_us(), path=path, failure=_CRASHED))
        else:
            self._desk.spawn(plan, path, self._settle(plan, path))

    async def _settle(self, plan: Plan, path: str) -> None:
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        if operation.in_ledger:
            how = "booking and record are one, and there is no record"
            self._absent(plan, path, how)
        elif operation.settle == "resend" and self._may_resend(plan, path, operation):
            await self._resend(plan, path, operation)
        elif operation.settle in ("resend", "lookup") and operation.lookup is not None:
            await self._look_up(plan, path, operation)
        else:
            self._ask(plan, path, operation, "")

    async def _look_up(self, plan: Plan, path: str, operation: Operation) -> None:
        slot = plan.slots[path]
        await self._parts.clock.sleep(operation.settle_after_s)
        arguments = self._parts.payloads.whole(slot.arguments)
        attempt = Attempt(self._parts, plan.id, slot.token, self._desk.now_us())
        try:
            found = await self._parts.guard.look_up(operation, attempt, arguments, account=slot.account)
        except OperationError as error:
            found = Found(
                "unknown", known=self._parts.classify(error).message
            )  # we still don't know: the operator is asked
        await self._desk.whole()
        if found.state == "happened":
            self._outcomes.finish(
                plan, path, slot, operation, arguments, found.output, found.known or "it was looked up"
            )
        elif found.state == "did_not_happen":
            how = found.known or "it was looked up and is not there"
            self._absent(plan, path, how)
        else:
            self._ask(plan, path, operation, found.known)

    def _absent(self, plan: Plan, path: str, how: str) -> None:
        beside = self._outcomes.settled(plan, path, plan.slots[path], happened=False)
        self._desk.report(plan, path, c.SettleAbsent(now_us=self._desk.now_us(), path=path, how=how), beside=beside)

    def _may_resend(self, plan: Plan, path: str, operation: Operation) -> bool:
        """Whether sending again is sure to be the same effect: same operation, and a token that is still known.

        The time of the intent stands in the plan's facts, because it has to be known after a restart.
        """
        slot = plan.slots[path]
        if operation.version != slot.operation_version:
            return False
        if operation.token_lifetime_s is None:
            return True
        intended_us = next(
            event.recorded_at_us
            for event in self._parts.ledger.read(f"plan:{plan.id}")
            if isinstance(event.fact, EffectIntended) and event.fact.token == slot.token
        )
        return self._desk.now_us() < intended_us + operation.token_lifetime_s * SECOND_US

    async def _resend(self, plan: Plan, path: str, operation: Operation) -> None:
        """Send again under the same token, while the other side still remembers it.

        Only a result settles: whatever goes wrong with a later sending says nothing about the first one.
        """
        slot = plan.slots[path]
        known = ""
        arguments = self._parts.payloads.whole(slot.arguments)
        timed = in_time_of_step(plan, path, operation)
        for wait_s in RESENDS_S:
            await self._parts.clock.sleep(wait_s)
            if not self._may_resend(plan, path, operation):
                await self._settle(plan, path)  # by its other way
                return
            attempt = Attempt(self._parts, plan.id, slot.token, self._desk.now_us())
            try:
                output = await self._parts.guard.call(timed, attempt, arguments, account=slot.account)
            except OperationError as error:
                failure = self._parts.classify(error)
                known = failure.message if failure.counts else known  # our own breaker knows nothing of it
                await self._desk.whole()
            else:
                await self._desk.whole()
                how = "it was sent again in a way that can't count twice"
                self._outcomes.finish(plan, path, slot, operation, arguments, output, how)
                return
        self._ask(plan, path, operation, known)

    def _ask(self, plan: Plan, path: str, operation: Operation, known: str) -> None:
        slot = plan.slots[path]
        arguments = self._parts.payloads.load(slot.arguments)
        typed = from_plain(arguments, operation.input)
        card = cast("dict[str, Value]", to_plain(card_of(operation, typed)))
        failure = slot.failure or _CRASHED
        card |= {
            "known": known or failure.message,
            "token": slot.token,
            "headline": f"Did this happen? {card['headline']}",
        }
        self._desk.report(
            plan,
            path,
            c.AskSettle(
                now_us=self._desk.now_us(),
                path=path,
                card=self._parts.payloads.keep(card, plan=plan, about=(arguments, operation.input)),
                why="It may have happened: no answer came, and nobody but you can look.",
            ),
        )
