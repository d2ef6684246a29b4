"""One effect under its token: prepared, judged, intended, called, settled (KERNEL E1 to E5).

This is the choke point: nothing else in the process calls an operation that changes the world.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections import defaultdict
from typing import TYPE_CHECKING, cast

import msgspec

from mainstay import commands as c
from mainstay.contracts import from_plain, to_plain
from mainstay.errors import (
    CommandRefusedError,
    InputError,
    MainstayError,
    OperationError,
    Permanent,
    Uncertain,
)
from mainstay.events import EffectPrepared
from mainstay.kernel.asking import CHANGED
from mainstay.kernel.sleeping import NOW
from mainstay.kernel.state import caller_of, is_call, is_item, is_open, step_name
from mainstay.kernel.words import say_path
from mainstay.runtime.attempt import (
    Attempt,
    as_changed,
    asks_newly,
    card_of,
    effect_digest,
    in_time_of_step,
    judged,
    known,
    moved_by,
    no_way_back,
    over,
    rules_asking,
    stricter,
)
from mainstay.runtime.confirming import Confirming
from mainstay.runtime.cover import fitting
from mainstay.runtime.journal import done_before
from mainstay.runtime.outcomes import Outcomes
from mainstay.runtime.proposing import place_in, proposed
from mainstay.runtime.relying import NOTHING, WHY, Ground, Relying, changes, said_by, with_changes
from mainstay.runtime.sealing import FORGOTTEN_UNDO, forgotten_in
from mainstay.runtime.settling import Settling
from mainstay.runtime.spending import FREE
from mainstay.runtime.trails import Trails
from mainstay.runtime.wording import origins_of, sentence, words_of
from mainstay.values import SECOND_US, STANDING_RULES, Failure, Verdict, is_own_rule, merge_labels, say_total

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.contracts import Operation
    from mainstay.kernel.state import Plan, Slot
    from mainstay.ports import Flow
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.parts import Parts, Reserved
    from mainstay.values import Labels, Money, Value


BEYOND = "You approved this plan as a whole, and this was not part of that."


class Effects:
    """Carries out effects."""

    def __init__(self, parts: Parts, desk: Desk) -> None:
        """Take the parts and the engine's desk."""
        self._parts = parts
        self._desk = desk
        self._keyed = hmac.new(parts.token_key, digestmod="sha256")  # `hmac.digest` gives other threads Python's lock
        self.outcomes = Outcomes(parts, desk)
        self._purse = self.outcomes.purse
        self._settling = Settling(parts, desk, self.outcomes)
        self._confirming = Confirming(parts, desk)
        self._relying = Relying(parts, desk)
        self._trails = Trails(parts, desk.load)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # in-ledger connectors, one at a time

    # --- prepared

    def prepare(self, plan: Plan, path: str, arguments: Value, labels: Labels) -> None:
        """Record what would happen with these arguments; send it at once where policy allows."""
        step = plan.step(path)
        self._prepare(plan, path, step.target, arguments, labels, step.account)

    def prepare_call(self, plan: Plan, path: str) -> None:
        """Do the same for an action that an agent asked for, on the arguments recorded with that."""
        slot = plan.slots[path]
        arguments = self._parts.payloads.load(slot.arguments)
        labels = merge_labels(slot.labels, ("operator",)) if slot.edited else slot.labels
        self._prepare(plan, path, slot.operation, arguments, labels, plan.step(path).account)

    def compensate(self, plan: Plan, path: str) -> None:
        """Prepare the compensation of an outcome, with the arguments recorded beside it."""
        undone = plan.slots[path.removeprefix("~")]
        assert undone.undo is not None
        edited = plan.slots[path].edited
        arguments = self._parts.payloads.load(plan.slots[path].arguments if edited else undone.undo.arguments)
        if forgotten_in(arguments):
            name, why = path.removeprefix("~"), FORGOTTEN_UNDO
            self._desk.report(plan, path, c.UndoStep(now_us=self._desk.now_us(), path=name, why=why))
        else:
            self._prepare(plan, path, undone.undo.operation, arguments, undone.labels, undone.account)

    def _prepare(self, plan: Plan, path: str, name: str, arguments: Value, labels: Labels, account: str) -> None:
        try:
            operation = self._parts.catalogue.operation(self._purse.cheaper(plan, path, name))
            if operation.call is None:  # a worker is given no token, so nothing could ever be settled
                raise Permanent(f"{operation.name} acts, and what acts can't run in a worker process")
            typed = from_plain(arguments, operation.input)
        except (MainstayError, msgspec.ValidationError) as error:
            self._fail(plan, path, self._parts.classify(Permanent(f"'{path}' can't be prepared: {error}")))
            return
        try:
            if operation.refuse is not None:
                operation.refuse(typed)
        except Permanent as error:  # nobody is asked about what can't work
            self._fail(plan, path, self._parts.classify(error))
            return
        if operation.relies is None:
            self._prepared(plan, path, self._preparation(plan, path, operation, typed, labels, account))
        else:
            self._desk.spawn(plan, path, self._prepare_relying(plan, path, operation, typed, labels, account))

    def _prepared(self, plan: Plan, path: str, command: c.PrepareEffect) -> None:
        if command.verdict.decision == "allow" and not is_item(path):
            self._desk.spawn(plan, path, self._send(plan, path, command.verdict, command))
        else:
            self._desk.report(plan, path, command)

    async def _prepare_relying(
        self, plan: Plan, path: str, operation: Operation, typed: object, labels: Labels, account: str
    ) -> None:
        """Prepare what relies on something, beside how that was found."""
        try:
            found = await self._relying.read(plan.id, operation, typed, account)
        except OperationError as error:
            self._fail(plan, path, self._parts.classify(error))
            return
        if self._goes_on(plan, path, "ready"):
            plan = self._desk.load(plan.id)
            ground = Ground(self._relying.expected(plan, path, operation, typed), found)
            self._prepared(plan, path, self._preparation(plan, path, operation, typed, labels, account, ground))

    def _goes_on(self, plan: Plan, path: str, status: str) -> bool:
        """Whether work that waited for a reading still stands where it stood, and its plan was not paused meanwhile."""
        plan = self._desk.load(plan.id)
        if plan.paused_at_us is None and plan.slots[path].status == status and is_open(plan, path):
            return True
        self._desk.release(plan.id, path)
        self._desk.advance(plan.id)
        return False

    def _preparation(
        self,
        plan: Plan,
        path: str,
        operation: Operation,
        typed: object,
        labels: Labels,
        account: str,
        ground: Ground = NOTHING,
    ) -> c.PrepareEffect:
        """Say exactly what would happen, on what ground, judged, with its card; what was changed asks."""
        plain = to_plain(typed)
        changed = [] if ground is NOTHING else changes(*ground, edited=plan.slots[path].edited)
        flow = self._trails.flow(plan, path, operation, plain, labels)
        verdict = self._judge(plan, path, operation, plain, labels, account, flow)
        asked = self._purse.look(plan, path, operation, plain)
        verdict = verdict if asked is None else stricter(verdict, asked)
        verdict = self._once_more(plan, path, verdict)
        anew = asked is not None or plan.slots[path].status == "prepared"  # no answer to something else covers it
        covered = (verdict, "", "", None) if anew else self._covered(plan, path, operation, plain, account, verdict)
        verdict, ruling, shown, then = covered
        changed = changed or ([] if then is None else changes(then, ground.found))
        if changed and verdict.decision != "deny":
            verdict, ruling = over(verdict, CHANGED, WHY), ""
        kept = self._parts.payloads.keep(plain, operation.input, plan=plan)
        about = (plain, operation.input)
        relies = None if ground is NOTHING else self._parts.payloads.keep(ground.now, plan=plan, about=about)
        asks = verdict.decision == "ask" and not ruling
        return c.PrepareEffect(
            now_us=self._desk.now_us(),
            path=path,
            operation=operation.name,
            operation_version=operation.version,
            effect=operation.effect,
            arguments=kept,
            digest=effect_digest(operation, account, kept, relies),
            verdict=verdict,
            card=self._kept_card(plan, operation, typed, plain, changed, flow) if asks else None,
            account=account,
            labels=labels,
            cannot_undo=no_way_back(operation, plan, path),
            ruling=ruling,
            covered=shown,
            relies=relies,
            patience=self._parts.patience if asks else c.PATIENT,
            origins=() if flow is None else known(flow, origins_of) or (),
        )

    def _once_more(self, plan: Plan, path: str, verdict: Verdict) -> Verdict:
        """Ask about what the agent of a step that began anew wants, while something that it did before may be that."""
        if verdict.decision != "allow" or not is_call(path) or not plan.slots[caller_of(path)].journal:
            return verdict
        done = done_before(self._parts.ledger.read, plan, caller_of(path))
        said = ", ".join(f"{say_path(fact.call)} ({fact.operation})" for fact in done)
        return Verdict("ask", "anew", f"Its agent began anew, and did this before: {said}.") if said else verdict

    def _covered(
        self, plan: Plan, path: str, operation: Operation, arguments: Value, account: str, verdict: Verdict
    ) -> tuple[Verdict, str, str | None, Value]:
        """Give the answer that covers this action, where it was shown and on what ground; or say what departs."""
        first = plan.graph.definition.ask_first and not path.startswith("~")
        unasked = first and (verdict.decision == "allow" or verdict.rule == "playbook")
        if not plan.covered:
            return over(verdict, "cover", BEYOND) if unasked else verdict, "", None, None
        plan = self._desk.load(plan.id)  # its fellow items may have used up what was shown
        found = fitting(self._parts, plan, path, operation, arguments, account)
        if found is None and unasked:
            return over(verdict, "cover", BEYOND), "", None, None
        if found is None or not (verdict.decision == "ask" or (first and verdict.decision == "allow")):
            return verdict, "", found and found.shown, found and found.relies
        newly = sorted(rules_asking(verdict) - found.rules)
        if newly and not found.departs:
            why = f"Since you approved it, this asks as well: {', '.join(newly)}. {verdict.why}"
            return over(verdict, "cover", why), "", found.shown, None
        if not found.departs:
            return verdict, plan.covered[found.shown], found.shown, found.relies
        why = f"It departs from what you approved: {found.departs}."
        return over(verdict, "cover", why), "", found.shown, None

    def as_edited(self, plan: Plan, path: str, wanted: dict[str, Value]) -> tuple[c.PrepareEffect, Value]:
        """Prepare an action anew as the operator edits it, and give it with its card; null takes an argument back.

        Only what is named changes, and that is labelled the operator's (KERNEL E1). Raises InputError.
        """
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        before = self._parts.payloads.load(slot.arguments)
        merged = {**(before if isinstance(before, dict) else {}), **wanted}
        left: dict[str, Value] = {name: value for name, value in merged.items() if value is not None}
        typed = as_changed(operation.name, left, wanted, operation.input)
        try:
            if operation.refuse is not None:
                operation.refuse(typed)
        except Permanent as error:
            raise InputError(error.message, remedy=error.remedy) from error
        plain = to_plain(typed)
        labels = merge_labels(slot.labels, ("operator",))
        kept = self._parts.payloads.keep(plain, operation.input, plan=plan)
        said = said_by(operation, typed)
        about = (plain, operation.input)
        relies = slot.relies if said is None else self._parts.payloads.keep(said, plan=plan, about=about)
        flow = self._trails.flow(plan, path, operation, plain, labels, edited=tuple(sorted(wanted)))
        command = c.PrepareEffect(
            now_us=self._desk.now_us(),
            path=path,
            operation=operation.name,
            operation_version=operation.version,
            effect=operation.effect,
            arguments=kept,
            digest=effect_digest(operation, slot.account, kept, relies),
            verdict=self._judge(plan, path, operation, plain, labels, slot.account, flow),
            account=slot.account,
            labels=labels,
            cannot_undo=no_way_back(operation, plan, path),
            edited=tuple(sorted(wanted)),
            relies=relies,
            origins=known(flow, origins_of) or (),
        )
        return command, to_plain(card_of(operation, typed))

    def _kept_card(
        self,
        plan: Plan,
        operation: Operation,
        typed: object,
        arguments: Value,
        changed: list[str],
        flow: Callable[[], Flow] | None,
    ) -> Value:
        shown = with_changes(cast("dict[str, Value]", to_plain(card_of(operation, typed))), changed)
        if words := known(flow, words_of):
            shown["words"] = words
        return self._parts.payloads.keep(shown, plan=plan, about=(arguments, operation.input))

    def _judge(
        self,
        plan: Plan,
        path: str,
        operation: Operation,
        arguments: Value,
        labels: Labels,
        account: str,
        flow: Callable[[], Flow] | None,
    ) -> Verdict:
        place, now_us = place_in(plan, path, account), self._desk.now_us()
        return judged(self._parts, proposed(place, operation.name, operation.effect, arguments, labels, now_us, flow))

    def ask_batch(self, plan: Plan, name: str) -> None:
        """Ask once about all items of a step that wait for a question."""
        rows: list[Value] = []
        amounts: list[Money] = []
        cannot_undo = summary = ""
        judged, own = self._judged(plan), dict[str, int]()
        for path, slot in plan.slots.items():
            if is_item(path) and step_name(path) == name and slot.status == "gated":
                operation = self._parts.catalogue.operation(slot.operation)
                arguments = self._parts.payloads.load(slot.arguments)
                typed = from_plain(arguments, operation.input)
                shown = card_of(operation, typed)
                cannot_undo, summary = shown.cannot_undo or cannot_undo, operation.summary
                changed = changes(said_by(operation, typed), self._parts.payloads.load(slot.relies))
                asks = _own_rule(judged[path])
                own |= {asks: own.get(asks, 0) + 1} if asks else {}
                flow = self._trails.flow(plan, path, operation, arguments, slot.labels)
                words = [sentence(cast("dict[str, Value]", row)) for row in known(flow, words_of) or ()]
                amounts += moved_by(operation, arguments)
                body = "\n".join(part for part in (asks, *changed, *words, shown.body) if part)
                row: Value = {"path": path, "headline": shown.headline, "body": body}
                rows.append(self._parts.payloads.seal(row, plan=plan, about=(arguments, operation.input)))
        card: Value = {"headline": f"{summary}: {len(rows)} in one go", "rows": rows, "cannot_undo": cannot_undo}
        if amounts:
            card["total"] = say_total(amounts)
        why = " ".join([f"The playbook asks once for all of '{name}'.", *(_counted(*each) for each in own.items())])
        self._desk.report(
            plan,
            name,
            c.AskBatch(
                now_us=self._desk.now_us(),
                path=name,
                card=self._parts.payloads.keep(card, plan=plan),
                rule="batch",
                why=why,
                patience=self._parts.patience,
            ),
        )

    def _judged(self, plan: Plan) -> dict[str, Verdict]:
        """Give by path what policy said of each action when it was prepared last."""
        recorded = self._parts.ledger.read(f"plan:{plan.id}")
        return {event.fact.path: event.fact.verdict for event in recorded if isinstance(event.fact, EffectPrepared)}

    # --- sent

    def send(self, plan: Plan, path: str) -> None:
        """Let a prepared effect happen: policy is asked again, in the transaction of the intent."""
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        arguments = self._parts.payloads.whole(slot.arguments)
        flow = self._trails.flow(plan, path, operation, arguments, slot.labels)
        verdict = self._judge(plan, path, operation, arguments, slot.labels, slot.account, flow)
        looks = operation.relies is not None and slot.relies is not None and _may_leave(slot, verdict)
        if looks and operation.version == slot.operation_version:
            self._desk.spawn(plan, path, self._send_if_unchanged(plan, path, operation, arguments))
        else:
            self._desk.spawn(plan, path, self._send(plan, path, verdict))

    async def _send_if_unchanged(self, plan: Plan, path: str, operation: Operation, arguments: Value) -> None:
        """Let an effect leave that was prepared before, if what it relies on is as it was; else ask anew."""
        slot, typed = plan.slots[path], from_plain(arguments, operation.input)
        try:
            found = await self._relying.read(plan.id, operation, typed, slot.account)
        except OperationError as error:
            self._fail(plan, path, self._parts.classify(error))
            return
        if not self._goes_on(plan, path, "prepared"):
            return
        plan, expected = self._desk.load(plan.id), self._parts.payloads.load(slot.relies)
        if changes(expected, found, edited=slot.edited):
            ground = Ground(expected, found)
            anew = self._preparation(plan, path, operation, typed, slot.labels, slot.account, ground)
            self._desk.report(plan, path, anew)
        else:
            flow = self._trails.flow(plan, path, operation, arguments, slot.labels)
            verdict = self._judge(plan, path, operation, arguments, slot.labels, slot.account, flow)
            await self._send(plan, path, verdict)

    async def _send(self, plan: Plan, path: str, verdict: Verdict, anew: c.PrepareEffect | None = None) -> None:
        """Let it leave, as it was prepared or as it is prepared `anew` in the append of its intent."""
        slot = plan.slots[path]
        token = self.token(plan.id, path, slot.generation)
        cause = f"plan:{plan.id}@{slot.since}"
        now_us = self._desk.now_us()
        held: Reserved = FREE
        before = () if anew is None else (anew,)
        name, arguments = (slot.operation, slot.arguments) if anew is None else (anew.operation, anew.arguments)
        operation = self._parts.catalogue.operation(name)
        as_prepared = bool(before) or operation.version == slot.operation_version
        if slot.ruling and not before and not path.startswith("~"):  # a budget may have come since it was approved
            asked = self._purse.look(plan, path, operation, self._parts.payloads.whole(arguments))
            verdict = verdict if asked is None else stricter(verdict, asked)
        uncovered = not before and asks_newly(self._parts, plan, path, verdict)
        if as_prepared and not uncovered and _may_leave(slot, verdict):
            if (until_us := self._leaves_us(plan, path, slot, operation, now_us)) > now_us:
                delay = c.DelayEffect(now_us=now_us, path=path, until_us=until_us, again=slot.delayed)
                await self._delay(plan, path, *before, delay)
                return
            held = self._purse.reserve(plan, path, slot, operation, arguments)
            verdict = held.verdict or verdict
        intend = c.IntendEffect(
            now_us=now_us,
            path=path,
            token=token,
            verdict=verdict,
            operation_version=operation.version,
            uncovered=uncovered,
            ways=held.ways,
        )
        try:
            on_disk = self._desk.submit(plan.id, *before, intend, cause=cause, beside=held.appends)
        except CommandRefusedError:
            self._desk.release(plan.id, path)
            self._desk.advance(plan.id)
            return
        await on_disk
        for warning in held.warnings:
            self._desk.warn(*warning)
        plan = self._desk.load(plan.id)
        if plan.slots[path].status != "intended":
            self._desk.release(plan.id, path)
            self._desk.advance(plan.id)
            return
        await self._carry_out(plan, path)

    def _leaves_us(self, plan: Plan, path: str, slot: Slot, operation: Operation, now_us: int) -> int:
        """Give when an effect leaves, that waits first and can be called back until then; 0 for now."""
        if path.startswith("~"):
            return 0
        hours = self._parts.hours.get(operation.name)
        if slot.delayed:  # once; only its hours may have passed meanwhile, and no hours hold what was let leave now
            return 0 if hours is None or slot.wakes_at_us == NOW else hours(now_us)
        own = plan.step(path).delay_s
        delay_s = self._parts.delays.get(operation.name, 0) if own is None else own
        delayed_us = now_us + delay_s * SECOND_US if delay_s else 0
        may_us = max(delayed_us, self._purse.later_us(plan, path, operation))
        return may_us if hours is None else hours(max(may_us, now_us))

    async def _delay(self, plan: Plan, path: str, *commands: c.PlanCommand) -> None:
        with contextlib.suppress(CommandRefusedError):  # the plan ended meanwhile
            await self._desk.submit(plan.id, *commands, cause=f"plan:{plan.id}@{plan.slots[path].since}")
        self._desk.release(plan.id, path)
        self._desk.advance(plan.id)

    async def _carry_out(self, plan: Plan, path: str) -> None:
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        if not self._desk.is_whole:
            await self._desk.whole()
        if operation.in_ledger:
            async with self._locks[operation.name.partition(".")[0]]:
                await self._desk.whole()
                committed = await self._call(plan, path, slot, operation)
                if committed is not None:
                    await committed
        else:
            await self._call(plan, path, slot, operation)

    async def _call(self, plan: Plan, path: str, slot: Slot, operation: Operation) -> asyncio.Future[int] | None:
        arguments = self._parts.payloads.whole(slot.arguments)
        relies = self._parts.payloads.load(slot.relies)
        attempt = Attempt(self._parts, plan.id, slot.token, self._desk.now_us(), relies)
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
            beside = () if isinstance(error, Uncertain) else self.outcomes.settled(plan, path, slot, happened=False)
            self._desk.report(plan, path, outcome, actor=actor, beside=beside)
            return None
        if not self._desk.is_whole:
            await self._desk.whole()
        return self.outcomes.finish(plan, path, slot, operation, arguments, output, settled="")

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
            kept = self._parts.payloads.keep(card, plan=plan)
            self._desk.report(plan, path, c.AskSettle(now_us=now_us, path=path, card=kept, why=why))
        elif status == "confirming":
            self._confirming.ask_blindly(plan, path, failure)
        else:
            self._fail(plan, path, failure)

    def _fail(self, plan: Plan, path: str, failure: Failure) -> None:
        attempt = plan.slots[path].attempt + 1
        self._desk.report(
            plan,
            path,
            c.FailStep(
                now_us=self._desk.now_us(), path=path, attempt=attempt, failure=failure, jitter=self._parts.random()
            ),
        )

    def settle(self, plan: Plan, path: str) -> None:
        """Find out what became of an effect that has no answer (KERNEL E3)."""
        self._settling.settle(plan, path)

    def confirm(self, plan: Plan, path: str) -> None:
        """Read back what happened, before anything goes on (KERNEL E4)."""
        self._confirming.confirm(plan, path)

    # --- leaves

    def token(self, plan_id: str, path: str, generation: int) -> str:
        """The idempotency token of an effect: opaque, the same at every attempt of one generation (KERNEL E2)."""
        keyed = self._keyed.copy()
        keyed.update(f"{plan_id}/{path}/{generation}".encode())
        return keyed.hexdigest()[:40]


def _may_leave(slot: Slot, verdict: Verdict) -> bool:
    """Whether an effect is about to leave."""
    return verdict.decision == "allow" or (verdict.decision == "ask" and slot.ruling != "")


def _own_rule(verdict: Verdict) -> str:
    """Say why an action of a list asks by itself: what it departs from, or a rule of the operator's."""
    if verdict.decision != "ask" or verdict.rule in STANDING_RULES:
        return ""
    return verdict.why if is_own_rule(verdict.rule) else f"Your rule '{verdict.rule}': {verdict.why}"


def _counted(said: str, count: int) -> str:
    return said if count == 1 else f"{count} times: {said}"
