"""What follows when work fails: another attempt, a dead letter, or the end of the plan (KERNEL P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.asking import STOPPED, ask_stuck
from mainstay.kernel.gate import fail_plan
from mainstay.kernel.retry import held_until_us, retry_at_us
from mainstay.kernel.state import END, Plan, Slot, has_room, is_call, is_item, step_name
from mainstay.values import Failure, Verdict, is_own_rule

if TYPE_CHECKING:
    from mainstay.kernel.turn import Turn


FORBIDDEN = "Policy forbids it: "
CAP_RULE = "budget"  # the rule of a verdict that a cap of mainstay.toml gave
LIMITS_RULE = "limits"  # the same of a cap that the limits of an operator's rule are
CAP_WAYS = ("raise", "wait", "retry", "skip", "undo")  # answers to what a cap stopped
_CAP_WAYS = {
    "raise": "raise it for now by what this takes (raise)",
    "wait": "let it wait until the budget begins anew or is raised (wait)",
    "skip": "leave this out (skip)",
    "undo": "stop the plan and take back what it did (undo)",
}


_FOR_GOOD = {
    CAP_RULE: "try again once you raised it: `mainstay budget raise`, or for good under [budgets] in mainstay.toml and"
    " a new start (retry)",
    LIMITS_RULE: "try again once you raised it: `mainstay budget raise`, or for good under 'limits' of your rule,"
    " activated (retry)",
}


def next_attempt_us(turn: Turn, command: c.RefuseEffect | c.FailStep, slot: Slot) -> int | None:
    """Give the time of the next attempt after this failure, or None when it was the last.

    A plan whose history fills up makes no further ones: what is left has to fit its outcomes, questions and undo.
    Working out how a plan ends touches nothing outside: what went wrong there goes wrong again.
    """
    if command.path == END:
        return None
    if not has_room(turn.plan):
        return None
    retry = turn.plan.step(command.path).retry
    if not command.failure.counts:
        return held_until_us(slot.held, command.failure, now_us=turn.now_us, jitter=command.jitter)
    attempt = slot.attempt + 1 - slot.forgiven
    return retry_at_us(retry, attempt, command.failure, now_us=turn.now_us, jitter=command.jitter)


def give_up(turn: Turn, path: str, failure: Failure, attempt: int) -> None:
    """Do what the step says about failing for good; `attempt` counts what failed."""
    if path == END or path.startswith("~"):
        ask_stuck(turn, path, failure, attempt)
        return
    if is_call(path) and failure.error_class in ("permanent", "bug"):
        turn.add(e.StepFailed(path, failure))  # its agent is told
        return
    step = turn.plan.step(path)
    if is_item(path) and _allowed(turn, path):
        turn.add(e.StepFailed(path, failure))
    elif is_call(path):
        ask_stuck(turn, path, failure, attempt)
    elif step.on_failure == "skip":
        turn.add(e.StepSkipped(path, f"it failed: {failure.message}"))
    elif step.on_failure == "undo":
        turn.add(e.StepFailed(path, failure))
        fail_plan(turn, path, failure, by="playbook")
    elif step.on_failure == "step":
        turn.add(e.StepFailed(path, failure))
    else:
        ask_stuck(turn, path, failure, attempt)


def _allowed(turn: Turn, path: str) -> bool:
    """Whether one more failed item is within the step's allowance."""
    name = step_name(path)
    return turn.plan.slots[name].failed_items < allowance(turn.plan, name)


def allowance(plan: Plan, name: str) -> int:
    """How many items of a list may fail; a part of a long list has what the parts before it left over."""
    if plan.allowed is not None:
        return plan.allowed
    return plan.slots[name].count * plan.graph.steps[name].allow_failures_pct // 100


def was_denied(failure: Failure) -> bool:
    """Whether it did not fail by itself: policy forbids it, or a budget stopped it."""
    return failure.cause in STOPPED


def denied(verdict: Verdict, ways: tuple[str, ...] = ()) -> Failure:
    """Say that policy forbids it, or that its cap is reached, with the ways on from there."""
    if verdict.rule in _FOR_GOOD:
        words = {**_CAP_WAYS, "retry": _FOR_GOOD[verdict.rule]}
        said = [words[way] for way in ways or ("retry", "skip")]
        remedy = f"{', '.join(said[:-1])}, or {said[-1]}."
        return Failure("permanent", verdict.why, f"{remedy[0].upper()}{remedy[1:]}", cause="Capped")
    change = "change the rule and activate it" if is_own_rule(verdict.rule) else f"change your rule '{verdict.rule}'"
    remedy = f"Leave it out (skip), stop the plan and take back what it did (undo), or {change} and try again (retry)."
    return Failure("permanent", f"{FORBIDDEN}{verdict.why}", remedy=remedy, cause="Forbidden")
