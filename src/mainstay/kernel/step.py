"""The work of one step: skipped, begun, done, failed, opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.asking import ask_stuck
from mainstay.kernel.failing import give_up, next_attempt_us
from mainstay.kernel.slots import conclude, put
from mainstay.kernel.state import Duty, Plan, Slot, SlotStatus, is_call
from mainstay.kernel.words import say_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn
    from mainstay.values import Failure


PARKED = frozenset({"JournalMismatch", "MissingVersion"})  # whatever the step says about failing
STEPS: tuple[Duty, ...] = ("list", "run", "effect", "child", "ask", "wait")


# --- decided


def _skip(turn: Turn, command: c.SkipStep) -> None:
    turn.work(command.path, "ready", duties=STEPS)
    turn.add(e.StepSkipped(command.path, command.why, labels=command.labels))


def _start(turn: Turn, command: c.StartStep) -> None:
    slot = turn.work(command.path, "ready", duties=("run",))
    turn.add(e.StepStarted(command.path, slot.attempt + 1, command.arguments, labels=command.labels))


def _finish(turn: Turn, command: c.FinishStep) -> None:
    slot = turn.work(command.path, "ready", "running", duties=("run",))
    if command.attempt != slot.attempt + 1:
        turn.refuse(f"attempt {command.attempt} of {say_path(command.path)} is over")
    turn.add(
        e.StepCompleted(
            command.path,
            command.output,
            labels=command.labels,
            arguments=command.arguments,
            rationale=command.rationale,
            confidence=command.confidence,
            provenance=command.provenance,
        )
    )


def _fail(turn: Turn, command: c.FailStep) -> None:
    slot = turn.work(command.path, "ready", "running", "splitting", "judging", "prepared")
    attempt = slot.attempt + 1
    if command.attempt != attempt:
        turn.refuse(f"attempt {command.attempt} of {say_path(command.path)} is over")
    again = next_attempt_us(turn, command, slot)
    if command.failure.cause in PARKED:
        ask_stuck(turn, command.path, command.failure, attempt)
    elif command.failure.cause == "Rejected" and turn.plan.step(command.path).on_failure in ("ask", "skip"):
        turn.add(e.StepRejected(command.path, command.failure.message))
    elif again is None:
        give_up(turn, command.path, command.failure, attempt)
    else:
        turn.add(e.AttemptFailed(command.path, attempt, command.failure, again))


# --- folded


def _skipped(plan: Plan, fact: e.StepSkipped, at_us: int) -> Plan:
    slot = plan.slots.get(fact.path, Slot("skipped"))
    doomed = tuple(name for name in plan.doomed if name != fact.path)
    slot = replace(slot, status="skipped", arguments=None, labels=fact.labels or slot.labels)
    return conclude(replace(plan, doomed=doomed), fact.path, slot, at_us)


def _rejected(plan: Plan, fact: e.StepRejected, at_us: int) -> Plan:
    slot = replace(plan.slots[fact.path], status="rejected", arguments=None)
    return conclude(plan, fact.path, slot, at_us)


def _step_started(plan: Plan, fact: e.StepStarted, at_us: int) -> Plan:
    del at_us
    slot = replace(plan.slots[fact.path], status="running", arguments=fact.arguments, labels=fact.labels)
    return put(plan, fact.path, slot)


def _step_completed(plan: Plan, fact: e.StepCompleted, at_us: int) -> Plan:
    slot = plan.slots[fact.path]
    if slot.status == "fanned" or slot.children:  # the value is derived from its items or child plans
        slot = replace(slot, status="done", done_at=slot.done_at if slot.children else plan.sequence)
    else:
        slot = replace(
            slot,
            status="done",
            output=fact.output,
            rationale=fact.rationale,
            confidence=fact.confidence,
            labels=fact.labels,
            arguments=slot.arguments if slot.edited else None,  # a revision begins with them again
            done_at=plan.sequence,
        )
    return conclude(plan, fact.path, slot, at_us)


def _attempt_failed(plan: Plan, fact: e.AttemptFailed, at_us: int) -> Plan:
    del at_us
    slot = counted(plan.slots[fact.path], fact.failure)
    slot = replace(slot, status="backoff", attempt=fact.attempt, failure=fact.failure)
    return put(plan, fact.path, slot)


def counted(slot: Slot, failure: Failure) -> Slot:
    """Forgive an attempt that never left because of our own pace or breaker."""
    if failure.counts:
        return replace(slot, held=0)
    return replace(slot, forgiven=slot.forgiven + 1, held=slot.held + (failure.waits_for == ""))


def _retry_due(plan: Plan, fact: e.RetryDue, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    return put(plan, fact.path, replace(slot, status="prepared" if slot.digest else _anew(slot)))


def _anew(slot: Slot) -> SlotStatus:
    """Where a step begins again: a list that was frozen stays as it is (KERNEL P1)."""
    if slot.rounds > slot.judged:
        return "judging"
    return "splitting" if slot.count else "ready"


def _stuck(plan: Plan, fact: e.StepStuck, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    return put(plan, fact.path, replace(slot, status="stuck", failure=fact.failure, attempt=fact.attempt))


def _step_failed(plan: Plan, fact: e.StepFailed, at_us: int) -> Plan:
    slot = replace(plan.slots[fact.path], status="failed", failure=fact.failure, arguments=None)
    return conclude(plan, fact.path, slot, at_us)


def _reopened(plan: Plan, fact: e.StepReopened, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    kept = slot.edited or is_call(fact.path)
    arguments = fact.arguments if fact.edited else (slot.arguments if kept else None)
    slot = replace(
        slot,
        status=_anew(slot),
        forgiven=slot.attempt,
        held=0,
        arguments=arguments,
        edited=fact.edited or slot.edited,
        digest="",
        ruling="",
        failure=None,
        delayed=False,
        journal=slot.journal + (fact.anew or fact.edited),
    )
    return put(plan, fact.path, slot)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.SkipStep: _skip,
    c.StartStep: _start,
    c.FinishStep: _finish,
    c.FailStep: _fail,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.StepSkipped: _skipped,
    e.StepRejected: _rejected,
    e.StepStarted: _step_started,
    e.StepCompleted: _step_completed,
    e.AttemptFailed: _attempt_failed,
    e.RetryDue: _retry_due,
    e.StepStuck: _stuck,
    e.StepFailed: _step_failed,
    e.StepReopened: _reopened,
}
