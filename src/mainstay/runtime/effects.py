"""One effect under its token: prepared, judged, intended, called, settled (KERNEL E1 to E5).

This is the choke point: nothing else in the process calls an operation that changes the world.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import defaultdict
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

from mainstay import commands as c
from mainstay.contracts import Card, Found, from_plain, to_plain
from mainstay.encoding import encode_value
from mainstay.errors import (
    CommandRefusedError,
    MainstayError,
    OperationError,
    Permanent,
    Uncertain,
)
from mainstay.events import EffectIntended, Undo
from mainstay.kernel.state import is_item, step_name
from mainstay.ports import Proposal
from mainstay.runtime.names import Names
from mainstay.values import SECOND_US, Failure, Verdict, digest_of, merge_labels

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from mainstay.contracts import Operation
    from mainstay.events import Append
    from mainstay.kernel.state import Plan, Slot
    from mainstay.runtime.parts import Parts
    from mainstay.values import BlobRef, Labels, Value

RESENDS_S = (1.0, 5.0, 15.0)  # waits before an uncertain effect is sent again under its token, then the operator
_CRASHED = Failure("transient", "Mainstay stopped before the answer came")


class Desk(Protocol):
    """What effects and steps need of the engine."""

    def load(self, plan_id: str) -> Plan:
        """Give the plan as it will be."""
        ...

    def now_us(self) -> int:
        """Give the time."""
        ...

    def submit(
        self,
        plan_id: str,
        *commands: c.PlanCommand,
        actor: str = "mainstay",
        cause: str = "",
        beside: Sequence[Append] = (),
    ) -> asyncio.Future[int]:
        """Queue the facts that commands lead to, with facts of other streams beside them."""
        ...

    def submit_all(
        self, requests: list[tuple[str, c.PlanCommand]], *, actor: str = "mainstay", cause: str = ""
    ) -> asyncio.Future[int]:
        """Do so for several plans at once."""
        ...

    def report(
        self,
        plan: Plan,
        path: str,
        *commands: c.PlanCommand,
        actor: str = "mainstay",
        beside: Sequence[Append] = (),
    ) -> None:
        """Hand in a result."""
        ...

    def release(self, plan_id: str, path: str) -> None:
        """Let work begin again later."""
        ...

    def advance(self, plan_id: str) -> None:
        """Begin what there is to do."""
        ...

    def spawn(self, plan: Plan, path: str, work: Coroutine[Any, Any, None]) -> None:
        """Run work that waits."""
        ...

    async def whole(self) -> None:
        """Wait while the history is being read again after a commit that failed."""
        ...

    def keep_definition(self, definition: Any) -> BlobRef:  # noqa: ANN401 - kernel's Definition, avoiding a name
        """Store a definition."""
        ...


class Attempt:
    """What an operation is given of the runtime: contracts.Call."""

    __slots__ = ("_parts", "now_us", "plan", "token")

    def __init__(self, parts: Parts, plan: str, token: str, now_us: int) -> None:
        """Stand for one attempt."""
        self._parts, self.plan, self.token, self.now_us = parts, plan, token, now_us

    def read(self, blob: BlobRef) -> bytes:
        """Give the content of a pinned file."""
        return self._parts.payloads.blobs.get(blob)

    def store(self, content: bytes, name: str = "", media: str = "application/octet-stream") -> BlobRef:
        """Keep bytes as a blob."""
        return self._parts.payloads.blobs.put(content, name=name, media=media)


class Effects:
    """Carries out effects."""

    def __init__(self, parts: Parts, desk: Desk) -> None:
        """Take the parts and the engine's desk."""
        self._parts = parts
        self._desk = desk
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # in-ledger connectors, one at a time

    # --- prepared

    def prepare(self, plan: Plan, path: str, arguments: Value, labels: Labels) -> None:
        """Record what would happen with these arguments; send it at once where policy allows."""
        step = plan.step(path)
        self._prepare(plan, path, step.target, arguments, labels, step.account)

    def compensate(self, plan: Plan, path: str) -> None:
        """Prepare the compensation of an outcome, with the arguments recorded beside it."""
        undone = plan.slots[path.removeprefix("~")]
        assert undone.undo is not None
        arguments = plan.slots[path].arguments if plan.slots[path].edited else undone.undo.arguments
        loaded = self._parts.payloads.load(arguments)
        self._prepare(plan, path, undone.undo.operation, loaded, undone.labels, undone.account)

    def _prepare(self, plan: Plan, path: str, name: str, arguments: Value, labels: Labels, account: str) -> None:
        try:
            operation = self._parts.catalogue.operation(name)
            typed = from_plain(arguments, operation.input)
        except (MainstayError, msgspec.ValidationError) as error:
            self._fail(plan, path, self._parts.classify(Permanent(f"'{path}' can't be prepared: {error}")))
            return
        plain = to_plain(typed)
        verdict = self._judge(plan, path, operation, plain, labels, account)
        kept = self._parts.payloads.keep(plain)
        command = c.PrepareEffect(
            now_us=self._desk.now_us(),
            path=path,
            operation=operation.name,
            operation_version=operation.version,
            effect=operation.effect,
            arguments=kept,
            digest=effect_digest(operation, account, plain),
            verdict=verdict,
            card=self._parts.payloads.keep(to_plain(_card(operation, typed))) if verdict.decision == "ask" else None,
            account=account,
            labels=labels,
            cannot_undo=_no_way_back(operation),
        )
        if verdict.decision == "allow" and not is_item(path):
            self._desk.spawn(plan, path, self._send(plan, path, verdict, command))
        else:
            self._desk.report(plan, path, command)

    def _judge(
        self, plan: Plan, path: str, operation: Operation, arguments: Value, labels: Labels, account: str
    ) -> Verdict:
        return judged(
            self._parts,
            Proposal(
                plan=plan.id,
                playbook=plan.playbook,
                path=path,
                operation=operation.name,
                effect=operation.effect,
                arguments=arguments,
                account=account,
                labels=labels,
                gate="" if path.startswith("~") else plan.step(path).gate,
                undo_by=plan.undo_by if path.startswith("~") else "",
            ),
        )

    def ask_batch(self, plan: Plan, name: str) -> None:
        """Ask once about all items of a step that wait for a question."""
        rows: list[Value] = []
        cannot_undo = summary = ""
        for path, slot in plan.slots.items():
            if is_item(path) and step_name(path) == name and slot.status == "gated":
                operation = self._parts.catalogue.operation(slot.operation)
                shown = _card(operation, from_plain(self._parts.payloads.load(slot.arguments), operation.input))
                cannot_undo, summary = shown.cannot_undo or cannot_undo, operation.summary
                rows.append({"path": path, "headline": shown.headline, "body": shown.body})
        card: Value = {"headline": f"{summary}: {len(rows)} in one go", "rows": rows, "cannot_undo": cannot_undo}
        why = f"The playbook asks once for all of '{name}'."
        self._desk.report(
            plan,
            name,
            c.AskBatch(
                now_us=self._desk.now_us(), path=name, card=self._parts.payloads.keep(card), rule="batch", why=why
            ),
        )

    # --- sent

    def send(self, plan: Plan, path: str) -> None:
        """Let a prepared effect happen: policy is asked again, in the transaction of the intent."""
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        arguments = self._parts.payloads.load(slot.arguments)
        verdict = self._judge(plan, path, operation, arguments, slot.labels, slot.account)
        self._desk.spawn(plan, path, self._send(plan, path, verdict))

    async def _send(self, plan: Plan, path: str, verdict: Verdict, *before: c.PlanCommand) -> None:
        slot = plan.slots[path]
        token = self.token(plan.id, path, slot.generation)
        cause = f"plan:{plan.id}@{slot.since}"
        now_us = self._desk.now_us()
        held: Append | None = None
        name = slot.operation or next((each.operation for each in before if isinstance(each, c.PrepareEffect)), "")
        operation = self._parts.catalogue.operation(name)
        as_prepared = bool(before) or operation.version == slot.operation_version
        if as_prepared and _may_leave(path, slot, verdict):
            reserved = self._parts.budgets.reserve(operation, f"{plan.id}/{path}", now_us, cause)
            verdict, held = (reserved, None) if isinstance(reserved, Verdict) else (verdict, reserved)
        intend = c.IntendEffect(
            now_us=now_us, path=path, token=token, verdict=verdict, operation_version=operation.version
        )
        try:
            await self._desk.submit(plan.id, *before, intend, cause=cause, beside=(held,) if held else ())
        except CommandRefusedError:
            if held is not None:
                self._parts.budgets.withdraw(held)
            self._desk.release(plan.id, path)
            self._desk.advance(plan.id)
            return
        plan = self._desk.load(plan.id)
        if plan.slots[path].status != "intended":
            self._desk.release(plan.id, path)
            self._desk.advance(plan.id)
            return
        await self._carry_out(plan, path)

    async def _carry_out(self, plan: Plan, path: str) -> None:
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        connector = operation.name.partition(".")[0]
        await self._desk.whole()
        if operation.in_ledger:
            async with self._locks[connector]:
                await self._desk.whole()
                committed = await self._call(plan, path, slot, operation)
                if committed is not None:
                    await committed
        else:
            await self._call(plan, path, slot, operation)

    async def _call(self, plan: Plan, path: str, slot: Slot, operation: Operation) -> asyncio.Future[int] | None:
        arguments = self._parts.payloads.load(slot.arguments)
        attempt = Attempt(self._parts, plan.id, slot.token, self._desk.now_us())
        actor = f"connector:{operation.name}@{operation.version}"
        try:
            timed = in_time_of_step(plan, path, operation)
            output = await self._parts.guard.call(timed, attempt, arguments, account=slot.account)
        except OperationError as error:
            await self._desk.whole()
            failure = self._parts.classify(error)
            if isinstance(error, Uncertain):
                outcome: c.PlanCommand = c.LoseEffect(now_us=self._desk.now_us(), path=path, failure=failure)
            else:
                outcome = self._refused(path, failure)
            beside = () if isinstance(error, Uncertain) else self._settled_budget(plan, path, slot, happened=False)
            self._desk.report(plan, path, outcome, actor=actor, beside=beside)
            return None
        await self._desk.whole()
        return self._finish(plan, path, slot, operation, arguments, output, settled="")

    def _finish(
        self, plan: Plan, path: str, slot: Slot, operation: Operation, arguments: Value, output: Value, settled: str
    ) -> asyncio.Future[int]:
        """Record that it happened, with how to take it back."""
        labels = merge_labels(slot.labels, (operation.name,))
        undo, cannot = self._way_back(plan, path, operation, arguments, output)
        command = c.FinishEffect(
            now_us=self._desk.now_us(),
            path=path,
            output=self._parts.payloads.keep(output),
            labels=labels,
            undo=undo,
            cannot_undo=cannot,
            cost_usd_micros=operation.cost_usd_micros,
            settled=settled,
        )
        self._desk.release(plan.id, path)
        actor = f"connector:{operation.name}@{operation.version}"
        beside = self._settled_budget(plan, path, slot, happened=True)
        return self._desk.submit(plan.id, command, actor=actor, cause=f"plan:{plan.id}@{slot.since}", beside=beside)

    def _settled_budget(self, plan: Plan, path: str, slot: Slot, *, happened: bool) -> Sequence[Append]:
        cause = f"plan:{plan.id}@{slot.since}"
        now_us = self._desk.now_us()
        fact = self._parts.budgets.settle(slot.operation, f"{plan.id}/{path}", now_us, cause, happened=happened)
        return () if fact is None else (fact,)

    def settled_beside(self, plan: Plan, command: c.FinishEffect | c.RefuseEffect | c.LoseEffect) -> Sequence[Append]:
        """Give the facts that go beside an outcome that is recorded anew."""
        if isinstance(command, c.LoseEffect):
            return ()
        happened = isinstance(command, c.FinishEffect)
        return self._settled_budget(plan, command.path, plan.slots[command.path], happened=happened)

    def settle_by_ruling(self, plan: Plan, decision: str, choice: str) -> Sequence[Append]:
        """Give the facts that go beside the operator's word on whether an uncertain effect happened."""
        question = plan.questions.get(decision)
        if question is None or question.kind != "settle":
            return ()
        path = question.paths[0]
        return self._settled_budget(plan, path, plan.slots[path], happened=choice == "happened")

    def _way_back(
        self, plan: Plan, path: str, operation: Operation, arguments: Value, output: Value
    ) -> tuple[Undo | None, str]:
        """Give how to take an outcome back, or why that can't be done. What happened is recorded in any case."""
        if path.startswith("~"):
            return None, ""
        try:
            undo = self._undo(plan, path, operation, arguments, output)
        except Exception as error:  # noqa: BLE001 - it happened: an undo that can't be worked out must not hide that
            return None, f"its undo can't be worked out: {self._parts.classify(error).message}"
        return undo, "" if undo is not None else _no_way_back(operation)

    def _undo(self, plan: Plan, path: str, operation: Operation, arguments: Value, output: Value) -> Undo | None:
        own = plan.step(path).undo
        if own is not None:
            names = Names(self._parts, plan, path, {"this": output})
            return Undo(own.operation, self._parts.payloads.keep(names.value(own.arguments)))
        if operation.compensate is None:
            return None
        way = operation.compensate(from_plain(arguments, operation.input), from_plain(output, operation.output))
        return None if way is None else Undo(way.operation, self._parts.payloads.keep(cast("Value", way.arguments)))

    def _refused(self, path: str, failure: Failure) -> c.RefuseEffect:
        return c.RefuseEffect(now_us=self._desk.now_us(), path=path, failure=failure, jitter=self._parts.random())

    def give_up(self, plan: Plan, path: str, error: BaseException) -> None:
        """Record that the work at a path broke: before it was sent it failed, after that it is in doubt."""
        failure = self._parts.classify(error)
        status = plan.slots[path].status if path in plan.slots else ""
        now_us = self._desk.now_us()
        if status == "intended":
            self._desk.report(plan, path, c.LoseEffect(now_us=now_us, path=path, failure=failure))
        elif status == "uncertain":
            card: Value = {"headline": f"Did this happen? {plan.slots[path].operation}", "known": failure.message}
            why = "It may have happened, and looking it up failed."
            self._desk.report(plan, path, c.AskSettle(now_us=now_us, path=path, card=card, why=why))
        else:
            self._fail(plan, path, failure)

    def _fail(self, plan: Plan, path: str, failure: Failure) -> None:
        attempt = plan.slots[path].attempt + 1
        self._desk.report(
            plan,
            path,
            c.FailStep(now_us=self._desk.now_us(), path=path, attempt=attempt, failure=failure, jitter=0.0),
        )

    # --- settled

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
        arguments = self._parts.payloads.load(slot.arguments)
        attempt = Attempt(self._parts, plan.id, slot.token, self._desk.now_us())
        try:
            found = await self._parts.guard.look_up(operation, attempt, arguments, account=slot.account)
        except OperationError as error:
            found = Found(
                "unknown", known=self._parts.classify(error).message
            )  # we still don't know: the operator is asked
        await self._desk.whole()
        if found.state == "happened":
            self._finish(plan, path, slot, operation, arguments, found.output, found.known or "it was looked up")
        elif found.state == "did_not_happen":
            how = found.known or "it was looked up and is not there"
            self._absent(plan, path, how)
        else:
            self._ask(plan, path, operation, found.known)

    def _absent(self, plan: Plan, path: str, how: str) -> None:
        beside = self._settled_budget(plan, path, plan.slots[path], happened=False)
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
        arguments = self._parts.payloads.load(slot.arguments)
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
                self._finish(plan, path, slot, operation, arguments, output, how)
                return
        self._ask(plan, path, operation, known)

    def _ask(self, plan: Plan, path: str, operation: Operation, known: str) -> None:
        slot = plan.slots[path]
        typed = from_plain(self._parts.payloads.load(slot.arguments), operation.input)
        card = cast("dict[str, Value]", to_plain(_card(operation, typed)))
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
                card=self._parts.payloads.keep(card),
                why="It may have happened: no answer came, and nobody but you can look.",
            ),
        )

    # --- leaves

    def token(self, plan_id: str, path: str, generation: int) -> str:
        """The idempotency token of an effect: opaque, the same at every attempt of one generation (KERNEL E2)."""
        message = f"{plan_id}/{path}/{generation}".encode()
        return hmac.digest(self._parts.token_key, message, "sha256").hex()[:40]


def in_time_of_step(plan: Plan, path: str, operation: Operation) -> Operation:
    """Give the operation with the time its step allows; a compensation has its own."""
    timeout_s = None if path.startswith("~") else plan.step(path).timeout_s
    return operation if timeout_s is None else msgspec.structs.replace(operation, timeout_s=timeout_s)


def _may_leave(path: str, slot: Slot, verdict: Verdict) -> bool:
    """Whether an effect is about to leave that caps count: what takes something back is never stopped by one."""
    ruled = verdict.decision == "ask" and slot.ruling != ""
    return (verdict.decision == "allow" or ruled) and not path.startswith("~")


def judged(parts: Parts, proposal: Proposal) -> Verdict:
    """Ask the policy; one that breaks lets nothing through by itself: the operator is asked."""
    try:
        return parts.policy.judge(proposal)
    except Exception as error:  # noqa: BLE001 - whatever broke, it did not allow this
        return Verdict("ask", "policy", f"The policy could not decide: {parts.classify(error).message}")


def effect_digest(operation: Operation, account: str, arguments: Value) -> str:
    """Name exactly what would happen: the thing a ruling binds."""
    return digest_of(
        b"effect", operation.name.encode(), str(operation.version).encode(), account.encode(), encode_value(arguments)
    )


def _no_way_back(operation: Operation) -> str:
    """Why an effect of this operation can't be taken back; empty when it can."""
    return "" if operation.compensation else operation.cannot_undo or f"{operation.name} has no way back"


def _card(operation: Operation, typed: object) -> Card:
    if operation.card is not None:
        return operation.card(typed)
    return Card(headline=operation.summary, body="", cannot_undo=operation.cannot_undo)
