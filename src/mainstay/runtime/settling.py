"""An effect that may have happened and has no answer: sent again, looked up, or asked about (KERNEL E3).

    resend   the same token again, a few times, while the other side surely remembers it; then as below
    lookup   once a did-not-happen would count: `settle_after` after the last sending, the sender being dead, from a
             source that is declared authoritative. Until then it sleeps; where nobody answers it is looked up again
    ask      the operator, with all that is known

The sender is dead when this begins: a call in the loop has ended or its process has, and what runs in a worker is
over only when that process is (runtime/workers.py). That moment is on disk as `EffectUncertain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from mainstay import commands as c
from mainstay.contracts import from_plain, to_plain
from mainstay.errors import OperationError
from mainstay.events import EffectIntended, EffectUncertain
from mainstay.kernel.retry import OFFLINE_S
from mainstay.runtime.attempt import Attempt, card_of, in_time_of_step
from mainstay.runtime.names import local_time
from mainstay.values import SECOND_US, Failure

if TYPE_CHECKING:
    from mainstay.contracts import Operation
    from mainstay.kernel.state import Plan
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.outcomes import Outcomes
    from mainstay.runtime.parts import Parts
    from mainstay.values import Value

RESEND_WITHIN_S = 60.0  # told to wait for longer than this, it is looked up or asked about instead
RESENDS_S = (1.0, 5.0, 15.0)  # waits before an uncertain effect is sent again under its token, then as declared
LOOKS_S = (60.0, 600.0, 3600.0, 6 * 3600.0)  # waits before it is looked up again because nobody answered
LOOK_WITHIN_S = 86_400.0  # told to wait for longer than this, nobody but the operator can find out in time
SHORT_S = 10.0  # a shorter wait is slept through; a longer one holds nothing (requirement K15)
_OVER_AT_MOST = 10_000
_SET_S = 1.0  # by less the wall clock is only kept right
_CRASHED = Failure("transient", "Mainstay stopped before the answer came")


class _Sent(msgspec.Struct, frozen=True):
    """When an effect was sent under its present token, microseconds, and since when nobody sends it."""

    first_us: int
    last_us: int
    times: int
    over_us: int


class Settling:
    """Finds out what became of effects without an answer."""

    def __init__(self, parts: Parts, desk: Desk, outcomes: Outcomes) -> None:
        """Take the parts, the engine's desk, and who records outcomes."""
        self._parts = parts
        self._desk = desk
        self._outcomes = outcomes
        self._over_s: dict[str, float] = {}  # by token: since when nobody sends it, seconds since boot
        self._offset_s = self._offset()

    def settle(self, plan: Plan, path: str) -> None:
        """Find out what became of an effect that has no answer."""
        if plan.slots[path].status == "intended":
            self._desk.report(plan, path, c.LoseEffect(now_us=self._desk.now_us(), path=path, failure=_CRASHED))
        else:
            self._desk.spawn(plan, path, self._settle(plan, path))

    async def _settle(self, plan: Plan, path: str) -> None:
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        if operation.in_ledger:
            self._absent(plan, path, "booking and record are one, and there is no record")
            return
        sent = self._sent(plan, path)
        if operation.settle == "resend" and not slot.looks and self._may_resend(plan, path, operation, sent):
            await self._resend(plan, path, operation, sent)
        else:
            await self._look_up_or_ask(plan, path, operation, sent, "")

    # --- sent again

    def _may_resend(self, plan: Plan, path: str, operation: Operation, sent: _Sent) -> bool:
        """Whether sending again is sure to be the same effect: same operation, and a token that is still known.

        The time of the first sending stands in the plan's facts, because it has to be known after a restart.
        """
        if operation.version != plan.slots[path].operation_version:
            return False
        lifetime_s = operation.token_lifetime_s
        since_s = (self._desk.now_us() - sent.first_us) / SECOND_US  # below 0 where somebody set the clock back
        return lifetime_s is None or 0 <= since_s < lifetime_s

    async def _resend(self, plan: Plan, path: str, operation: Operation, sent: _Sent) -> None:
        """Send again under the same token, while the other side still remembers it.

        Only a result settles: whatever goes wrong with a later sending says nothing about the first one.
        """
        slot = plan.slots[path]
        known, told_s = "", 0.0
        arguments = self._parts.payloads.whole(slot.arguments)
        timed = in_time_of_step(plan, path, operation)
        for wait_s in RESENDS_S:
            if told_s > RESEND_WITHIN_S:
                break
            await self._parts.clock.sleep(max(wait_s, told_s))
            if not self._may_resend(plan, path, operation, sent):
                break
            attempt = Attempt(self._parts, plan.id, slot.token, self._desk.now_us())
            try:
                output = await self._parts.guard.call(timed, attempt, arguments, account=slot.account)
            except OperationError as error:
                failure = self._parts.classify(error)
                await self._desk.whole()
                if failure.waits_for:
                    self._await_network(plan, path, failure)
                    return
                now_us, told_s = self._desk.now_us(), failure.retry_after_s or 0.0
                if failure.counts:  # else our own breaker kept it here: nothing left, and it knows nothing of the first
                    known = failure.message
                    sent = msgspec.structs.replace(sent, last_us=now_us, over_us=now_us, times=sent.times + 1)
            else:
                await self._desk.whole()
                how = "it was sent again in a way that can't count twice"
                self._outcomes.finish(plan, path, slot, operation, arguments, output, how)
                return
        await self._look_up_or_ask(plan, path, operation, sent, known)

    # --- looked up

    async def _look_up_or_ask(self, plan: Plan, path: str, operation: Operation, sent: _Sent, known: str) -> None:
        if operation.settle == "ask" or operation.lookup is None:
            self._ask(plan, path, operation, sent, known)
            return
        now_us = self._desk.now_us()
        wait_us = self._wait_us(plan.slots[path].token, operation, sent, now_us)
        if wait_us > SHORT_S * SECOND_US:
            self._await(plan, path, now_us + wait_us, looks=plan.slots[path].looks + 1)
            return
        await self._parts.clock.sleep(max(wait_us, 0) / SECOND_US)
        await self._look_up(plan, path, operation, sent)

    def _wait_us(self, token: str, operation: Operation, sent: _Sent, now_us: int) -> int:
        """Give how long a did-not-happen would not count yet, by the clock that nobody can set.

        Only of what was over in an earlier process nothing but wall time is known.
        """
        boot_s = self._parts.clock.boot_s()
        if token not in self._over_s:
            if len(self._over_s) >= _OVER_AT_MOST:
                self._over_s.clear()
            set_s = self._offset() - self._offset_s  # forward, since this process began
            passed_s = (now_us - sent.over_us) / SECOND_US - (set_s if set_s > _SET_S else 0.0)
            self._over_s[token] = boot_s - max(0.0, passed_s)
        return round((self._over_s[token] + operation.settle_after_s - boot_s) * SECOND_US)

    def _offset(self) -> float:
        """Wall time less boot time, seconds: it changes only when somebody sets the clock."""
        return self._parts.clock.now_us() / SECOND_US - self._parts.clock.boot_s()

    async def _look_up(self, plan: Plan, path: str, operation: Operation, sent: _Sent) -> None:
        slot = plan.slots[path]
        arguments = self._parts.payloads.whole(slot.arguments)
        relies = self._parts.payloads.load(slot.relies)
        attempt = Attempt(self._parts, plan.id, slot.token, self._desk.now_us(), relies)
        try:
            found = await self._parts.guard.look_up(operation, attempt, arguments, account=slot.account)
        except OperationError as error:
            await self._desk.whole()
            self._look_again(plan, path, operation, sent, self._parts.classify(error))
            return
        await self._desk.whole()
        if found.state == "happened":
            how = found.known or "it was looked up"
            self._outcomes.finish(plan, path, slot, operation, arguments, found.output, how)
        elif found.state == "did_not_happen" and operation.lookup_authoritative:
            self._absent(plan, path, found.known or "it was looked up and is not there")
        elif found.state == "did_not_happen":
            known = found.known or "It was looked up and is not there"
            self._ask(plan, path, operation, sent, f"{known.rstrip('.')}. That place does not always know of all.")
        else:
            self._ask(plan, path, operation, sent, found.known)

    def _look_again(self, plan: Plan, path: str, operation: Operation, sent: _Sent, failure: Failure) -> None:
        """Look it up later where nobody answered; the operator is asked when that won't help, or never did."""
        looks = plan.slots[path].looks
        if failure.waits_for:
            self._await_network(plan, path, failure)
            return
        wait_s = max(LOOKS_S[min(looks, len(LOOKS_S) - 1)], failure.retry_after_s or 0.0)
        hopeless = failure.error_class not in ("transient", "rate_limited") or looks >= len(LOOKS_S)
        if hopeless or wait_s > LOOK_WITHIN_S:
            self._ask(plan, path, operation, sent, f"It could not be looked up: {failure.message}")
        else:
            until_us = self._desk.now_us() + int(wait_s * SECOND_US)
            self._await(plan, path, until_us, looks=looks + 1, failure=failure)

    def _await_network(self, plan: Plan, path: str, failure: Failure) -> None:
        until_us = self._desk.now_us() + int(OFFLINE_S * SECOND_US)
        self._await(plan, path, until_us, looks=plan.slots[path].looks, failure=failure)

    def _await(self, plan: Plan, path: str, until_us: int, *, looks: int, failure: Failure | None = None) -> None:
        now_us = self._desk.now_us()
        command = c.AwaitSettle(now_us=now_us, path=path, until_us=until_us, looks=looks, failure=failure)
        self._desk.report(plan, path, command)

    def _absent(self, plan: Plan, path: str, how: str) -> None:
        beside = self._outcomes.settled(plan, path, plan.slots[path], happened=False)
        self._desk.report(plan, path, c.SettleAbsent(now_us=self._desk.now_us(), path=path, how=how), beside=beside)

    # --- asked about

    def _ask(self, plan: Plan, path: str, operation: Operation, sent: _Sent, known: str) -> None:
        slot = plan.slots[path]
        arguments = self._parts.payloads.load(slot.arguments)
        typed = from_plain(arguments, operation.input)
        card = cast("dict[str, Value]", to_plain(card_of(operation, typed)))
        failure = slot.failure or _CRASHED
        card |= {
            "known": known or failure.message,
            "token": slot.token,
            "headline": f"Did this happen? {card['headline']}",
            "sent": self._say_sent(sent),
        }
        if failure.remedy:  # by what it is found there, such as its Message-ID
            card["remedy"] = failure.remedy
        if slot.account:
            card["account"] = slot.account
        if operation.look_at:
            card["look at"] = operation.look_at
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

    def _say_sent(self, sent: _Sent) -> str:
        first, last = (
            f"{local_time(us, self._parts.timezone):%Y-%m-%d %H:%M:%S}" for us in (sent.first_us, sent.last_us)
        )
        said = f"once, at {first}" if sent.times == 1 else f"{sent.times} times, at {first} and at last {last}"
        return f"{said} ({self._parts.timezone})"

    def _sent(self, plan: Plan, path: str) -> _Sent:
        """Read from the plan's facts when the effect was sent under its present token."""
        token, first_us, over_us = plan.slots[path].token, 0, 0
        for event in self._parts.ledger.read(f"plan:{plan.id}"):
            if isinstance(event.fact, EffectIntended) and event.fact.token == token:
                first_us = over_us = event.recorded_at_us
            elif isinstance(event.fact, EffectUncertain) and event.fact.path == path:
                over_us = event.recorded_at_us
        return _Sent(first_us, first_us, 1, over_us)
