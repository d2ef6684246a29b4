"""The recorded moves of one effect (KERNEL E1 to E3): prepared, asked where policy wants it, intended, outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.kernel.gate import ask_effect, ask_stuck, fail_plan
from mainstay.kernel.graph import DEFAULT_ATTEMPTS
from mainstay.kernel.retry import held_until_us, retry_at_us
from mainstay.kernel.state import is_item, is_open, step_name
from mainstay.values import Failure

if TYPE_CHECKING:
    from mainstay import commands as c
    from mainstay.kernel.state import Slot
    from mainstay.kernel.turn import Turn
    from mainstay.values import Verdict

FULL_PLAN = 1900  # facts; a history holds 2,000 (KERNEL L8)
FACTS_PER_SLOT = 8  # what one unit of work may still need: outcome, questions, remedies, undo


def prepare(turn: Turn, command: c.PrepareEffect) -> None:
    """Record exactly what would happen, and what policy says of it."""
    slot = turn.work(command.path, ("effect", "undo"), "ready")
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
        ask_stuck(turn, command.path, _denied(verdict), slot.attempt)
    elif verdict.decision == "ask" and not batch:
        ask_effect(turn, command.path, command.card, verdict.rule, verdict.why)


def intend(turn: Turn, command: c.IntendEffect) -> None:
    """Let it leave: the ruling is consumed here, and policy has just been asked again."""
    slot = turn.work(command.path, ("effect", "undo"), "prepared")
    if command.verdict.decision == "deny":
        ask_stuck(turn, command.path, _denied(command.verdict), slot.attempt)
    elif command.operation_version not in (None, slot.operation_version):
        turn.add(e.StepReopened(command.path))  # another version: prepared anew, and a ruling does not cover it
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
    wanted = is_open(turn.plan, command.path)
    again = next_attempt_us(turn, command, slot) if wanted else None
    turn.add(e.EffectRefused(command.path, attempt, command.failure, retry_at_us=again))
    if again is None and wanted:
        give_up(turn, command.path, command.failure, attempt)


def next_attempt_us(turn: Turn, command: c.RefuseEffect | c.FailStep, slot: Slot) -> int | None:
    """Give the time of the next attempt after this failure, or None when it was the last.

    A plan whose history fills up makes no further ones: what is left has to fit its outcomes, questions and undo.
    """
    if turn.plan.sequence + FACTS_PER_SLOT * len(turn.plan.slots) > FULL_PLAN:
        return None
    retry = turn.plan.step(command.path).retry
    if not command.failure.counts:
        return held_until_us(slot.held, command.failure, now_us=turn.now_us, jitter=command.jitter)
    attempt = slot.attempt + 1 - slot.forgiven
    return retry_at_us(retry, attempt, command.failure, now_us=turn.now_us, jitter=command.jitter)


def lose(turn: Turn, command: c.LoseEffect) -> None:
    """Record that it may have happened."""
    slot = turn.slot(command.path, "intended")
    turn.add(e.EffectUncertain(command.path, attempt=slot.attempt + 1, failure=command.failure))


def absent(turn: Turn, command: c.SettleAbsent) -> None:
    """Record that a look-up found that it did not happen: it is sent again under a new generation, not for ever.

    Losing an answer may be our own doing (a crash), so it is forgiven a few times whatever the step's `retry` says.
    """
    slot = turn.slot(command.path, "uncertain")
    turn.add(e.EffectAbsent(command.path, command.how))
    lost = slot.attempt + 1 - slot.forgiven
    if is_open(turn.plan, command.path) and lost >= max(turn.plan.step(command.path).retry.attempts, DEFAULT_ATTEMPTS):
        failure = Failure("permanent", f"Its answer was lost {lost} times", remedy="See whether the other side works.")
        give_up(turn, command.path, failure, slot.attempt + 1)


def give_up(turn: Turn, path: str, failure: Failure, attempt: int) -> None:
    """Do what the step says about failing for good; `attempt` counts what failed."""
    step = turn.plan.step(path)
    if path.startswith("~"):
        ask_stuck(turn, path, failure, attempt)
    elif is_item(path) and _allowed(turn, path):
        turn.add(e.StepFailed(path, failure))
    elif step.on_failure == "skip":
        turn.add(e.StepSkipped(path, f"it failed: {failure.message}"))
    elif step.on_failure == "undo":
        turn.add(e.StepFailed(path, failure))
        fail_plan(turn, path, failure, by="playbook")
    else:
        ask_stuck(turn, path, failure, attempt)


def _allowed(turn: Turn, path: str) -> bool:
    """Whether one more failed item is within the step's allowance."""
    parent = turn.plan.slots[step_name(path)]
    return (parent.failed_items + 1) * 100 <= turn.plan.step(path).allow_failures_pct * parent.count


def _denied(verdict: Verdict) -> Failure:
    return Failure("permanent", f"Policy forbids it: {verdict.why}", remedy="Edit it, or skip the step.")
