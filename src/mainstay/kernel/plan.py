"""The life of a plan, pure: `decide(plan, command) -> facts`, `evolve(plan, fact) -> plan`, `pending(plan) -> work`.

No I/O, clock, randomness or evaluation: all that arrives in the command (DESIGN rule 2). Recovery after a crash is:
fold the facts, ask `pending` again.

    proposed -> approved -> running -> completed | failed | cancelled | expired      (paused and resumed on the way)
                                    any of these -> undoing -> undone

`handle` is `decide` that also gives the plan afterwards, because the runtime needs both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel import children, ending, gate, life, sleeping
from mainstay.kernel.evolve import FAMILIES, evolve
from mainstay.kernel.rules import KERNEL, is_gone, is_newer, refusal
from mainstay.kernel.state import (
    END,
    IN_FLIGHT,
    RESTING,
    Plan,
    duty_of,
    has_work,
    is_at_rest,
    is_item,
    is_open,
    satisfied,
    step_name,
)
from mainstay.kernel.turn import Turn
from mainstay.kernel.undo import begin_undo, finish_undo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstay.kernel.graph import Graph

WorkKind: TypeAlias = Literal[
    "resolve", "run", "split", "batch", "intend", "settle", "confirm", "compensate", "judge", "finish"
]

_KINDS: dict[str, WorkKind] = {
    "ready": "resolve",
    "running": "run",
    "splitting": "split",
    "judging": "judge",
    "prepared": "intend",
    "intended": "settle",
    "uncertain": "settle",
    "confirming": "confirm",
}


_MARKED: dict[str, WorkKind] = {"~": "compensate", END: "finish"}  # by the first sign of a path


class Work(msgspec.Struct, frozen=True):
    """Something the runtime must do for a plan now."""

    kind: WorkKind
    path: str


def decide(plan: Plan, command: c.PlanCommand) -> tuple[e.PlanFact, ...]:
    """Give the facts a command leads to. Raises CommandRefusedError when the plan is not in a state for it."""
    return tuple(handle(plan, command).facts)


def handle(plan: Plan, command: c.PlanCommand) -> Turn:
    """Decide, and give the plan afterwards as well. Raises LedgerError where the plan's semantics are gone."""
    if plan.kernel != KERNEL and is_gone(plan.kernel):
        raise refusal(plan.id, plan.kernel)
    turn = Turn(plan, command.now_us)
    _DECIDERS[type(command)](turn, command)
    if turn.facts:
        _follow(turn)
    return turn


def fold(plan_id: str, graph: Graph, recorded: Iterable[e.Recorded]) -> Plan:
    """Fold a plan's history into its state.

    Raises LedgerError for a plan that started under semantics this release does not have (KERNEL L10): newer ones, or
    ones that are gone while the plan still goes on. What came to rest under those can be looked at for ever.
    """
    plan = Plan(plan_id, graph)
    for event in recorded:
        if isinstance(event.fact, e.PlanStarted) and is_newer(event.fact.kernel):
            raise refusal(plan_id, event.fact.kernel)
        plan = evolve(plan, event.fact, event.recorded_at_us)  # pyright: ignore[reportArgumentType]
    if is_gone(plan.kernel) and not is_at_rest(plan):
        raise refusal(plan_id, plan.kernel)
    return plan


def pending(plan: Plan) -> list[Work]:
    """Give the work there is, in the order it came up; at most `at_once` items of a step are on their way."""
    under_way = _under_way(plan) if plan.graph.fan_outs else {}
    work: list[Work] = []
    for path in plan.live:
        slot = plan.slots[path]
        kind = _KINDS[slot.status]
        if plan.paused_at_us is not None and slot.status not in IN_FLIGHT:
            continue
        if plan.graph.fan_outs and is_item(path) and (at_once := _at_once(plan, path, kind)):
            name = step_name(path)
            if under_way.get(name, 0) >= at_once:
                continue
            under_way[name] = under_way.get(name, 0) + 1
        work.append(Work(_MARKED.get(path[0], kind) if kind == "resolve" else kind, path))
    if plan.batches and plan.paused_at_us is None:
        work.extend(Work("batch", name) for name in plan.batches)
    return work


def _under_way(plan: Plan) -> dict[str, int]:
    """Count the items that are, per step."""
    under_way: dict[str, int] = {}
    for path in plan.live:
        if is_item(path) and plan.slots[path].status in ("running", "intended", "uncertain"):
            under_way[step_name(path)] = under_way.get(step_name(path), 0) + 1
    return under_way


def _at_once(plan: Plan, path: str, kind: WorkKind) -> int:
    """Give how many items may be under way where this work puts one more there; else 0.

    Items with child plans are given one by one: whether those that began have come to rest, the runtime knows.
    """
    if kind == "intend":
        return plan.graph.steps[step_name(path)].at_once
    if kind != "resolve":
        return 0
    duty = duty_of(plan, path)
    if duty == "child":
        return 1
    return plan.graph.steps[step_name(path)].at_once if duty == "run" else 0


# --- what each command leads to


def _timer(turn: Turn, command: c.TimerDue) -> None:
    """Do what a timer is for, unless it is stale (KERNEL P5)."""
    if command.kind == "due":
        gate.expire(turn, command.path)
    elif command.kind == "remind":
        question = turn.plan.questions.get(command.path)
        if question is not None and question.reminded == command.generation:
            turn.add(e.DecisionReminded(command.path, command.generation))
    elif command.kind == "expiry":
        life.expire(turn)
    elif command.kind in ("settle", "dispatch", "confirm"):
        sleeping.wake(turn, command)
    elif command.kind in ("retry_online", "settle_online"):
        sleeping.wake_online(turn, command)
    else:
        _wake(turn, command)


def _wake(turn: Turn, command: c.TimerDue) -> None:
    slot = turn.plan.slots.get(command.path)
    if slot is None or not is_open(turn.plan, command.path):
        return
    if command.kind == "retry" and slot.status == "backoff" and slot.attempt == command.generation:
        turn.add(e.RetryDue(command.path, command.generation))
    elif command.kind == "wait" and slot.status == "waiting":
        turn.add(e.WaitEnded(command.path))


# --- what follows by itself


def _follow(turn: Turn) -> None:
    """Add what the facts so far entail: skips, ends of fan-outs, the end of the plan, its parking."""
    plan = turn.plan
    if plan.status == "running" and (plan.doomed or plan.graph.fan_outs or not plan.left):
        _go_on(turn)
    if turn.plan.status != "running":
        ending.close(turn)
        begin_undo(turn)
        finish_undo(turn)
    plan = turn.plan
    if plan.status not in RESTING and not plan.parked and not has_work(plan):
        turn.add(e.PlanParked())


def _go_on(turn: Turn) -> None:
    if turn.plan.doomed:
        _skip_doomed(turn)
    while turn.plan.graph.fan_outs and turn.plan.status == "running" and (ended := children.ended_fan_out(turn.plan)):
        children.end_fan_out(turn, ended)
        _skip_doomed(turn)
    if turn.plan.left == 0 and turn.plan.status == "running" and not turn.plan.graph.ends:
        turn.add(e.PlanCompleted())


def _skip_doomed(turn: Turn) -> None:
    while turn.plan.status == "running" and turn.plan.doomed:
        name = turn.plan.doomed[0]
        needs = turn.plan.graph.steps[name].needs
        blamed = next(need.step for need in needs if not satisfied(turn.plan.slots, need))
        turn.add(e.StepSkipped(name, f"'{blamed}' was {turn.plan.slots[blamed].status}"))


_DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.TimerDue: _timer,
    **{kind: decider for family in FAMILIES for kind, decider in family.DECIDERS.items()},
}
