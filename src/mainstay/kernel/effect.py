"""The recorded moves of one effect (KERNEL E1 to E3): prepared, asked where policy wants it, intended, outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.kernel.gate import ask_effect, ask_stuck, fail_plan
from mainstay.kernel.retry import retry_at_us
from mainstay.kernel.state import is_item, step_name
from mainstay.values import Failure

if TYPE_CHECKING:
    from mainstay import commands as c
    from mainstay.kernel.turn import Turn
    from mainstay.values import Verdict


def prepare(turn: Turn, command: c.PrepareEffect) -> None:
    """Record exactly what would happen, and what policy says of it."""
    turn.slot(command.path, "ready")
    turn.add(
        e.EffectPrepared(
            command.path,
            command.operation,
            command.operation_version,
            command.effect,
            command.arguments,
            command.digest,
            command.verdict,
            account=command.account,
            labels=command.labels,
            cannot_undo=command.cannot_undo,
        )
    )
    verdict = command.verdict
    batch = is_item(command.path) and turn.plan.step(command.path).gate == "batch"
    if verdict.decision == "deny":
        ask_stuck(turn, command.path, _denied(verdict))
    elif verdict.decision == "ask" and not batch:
        ask_effect(turn, command.path, command.card, verdict.rule, verdict.why)


def intend(turn: Turn, command: c.IntendEffect) -> None:
    """Let it leave: the ruling is consumed here, and policy has just been asked again."""
    slot = turn.slot(command.path, "prepared")
    if command.verdict.decision == "deny":
        ask_stuck(turn, command.path, _denied(command.verdict))
    elif command.verdict.decision == "ask" and not slot.ruling:
        turn.add(e.StepReopened(command.path))  # policy changed since: prepared anew, and asked about
    else:
        turn.add(
            e.EffectIntended(
                command.path,
                command.token,
                attempt=slot.attempt + 1,
                generation=slot.generation,
                verdict=command.verdict,
                ruling=slot.ruling,
            )
        )


def finish(turn: Turn, command: c.FinishEffect) -> None:
    """Record that it happened: also when its plan ended meanwhile, because it did."""
    slot = turn.slot(command.path, "intended", "uncertain")
    turn.add(
        e.EffectDone(
            command.path,
            command.output,
            labels=command.labels,
            undo=command.undo,
            cannot_undo=command.cannot_undo,
            operation=slot.operation,
            cost_usd_micros=command.cost_usd_micros,
            settled=command.settled,
        )
    )


def refuse(turn: Turn, command: c.RefuseEffect) -> None:
    """Record that it did not happen; try again by class, else give up."""
    slot = turn.slot(command.path, "intended", "uncertain")
    attempt = slot.attempt + 1
    again = retry_at_us(
        turn.plan.step(command.path).retry, attempt, command.failure, now_us=turn.now_us, jitter=command.jitter
    )
    if turn.plan.status not in ("running", "undoing"):
        again = None
    turn.add(e.EffectRefused(command.path, attempt, command.failure, retry_at_us=again))
    if again is None and turn.plan.status in ("running", "undoing"):
        give_up(turn, command.path, command.failure)


def lose(turn: Turn, command: c.LoseEffect) -> None:
    """Record that it may have happened."""
    slot = turn.slot(command.path, "intended")
    turn.add(e.EffectUncertain(command.path, attempt=slot.attempt, failure=command.failure))


def absent(turn: Turn, command: c.SettleAbsent) -> None:
    """Record that a look-up found that it did not happen: it will be sent again under a new generation."""
    turn.slot(command.path, "uncertain")
    turn.add(e.EffectAbsent(command.path, command.how))


def give_up(turn: Turn, path: str, failure: Failure) -> None:
    """Do what the step says about failing for good."""
    step = turn.plan.step(path)
    if path.startswith("~"):
        ask_stuck(turn, path, failure)
    elif is_item(path) and _allowed(turn, path):
        turn.add(e.StepFailed(path, failure))
    elif step.on_failure == "skip":
        turn.add(e.StepSkipped(path, f"it failed: {failure.message}"))
    elif step.on_failure == "undo":
        turn.add(e.StepFailed(path, failure))
        fail_plan(turn, path, failure, by="playbook")
    else:
        ask_stuck(turn, path, failure)


def _allowed(turn: Turn, path: str) -> bool:
    """Whether one more failed item is within the step's allowance."""
    parent = turn.plan.slots[step_name(path)]
    return (parent.failed_items + 1) * 100 <= turn.plan.step(path).allow_failures_pct * parent.count


def _denied(verdict: Verdict) -> Failure:
    return Failure("permanent", f"Policy forbids it: {verdict.why}", remedy="Edit it, or skip the step.")
