"""The life of a plan, pure: `decide(plan, command) -> facts`, `evolve(plan, fact) -> plan`, `pending(plan) -> work`.

No I/O, clock, randomness or evaluation: all that arrives in the command (DESIGN rule 2). Recovery after a crash is:
fold the facts, ask `pending` again.

    proposed -> approved -> running -> completed | failed | cancelled | expired
                                    any of these -> undoing -> undone

`handle` is `decide` that also gives the plan afterwards, because the runtime needs both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel import effect, gate
from mainstay.kernel.evolve import evolve
from mainstay.kernel.state import KERNEL, RESTING, Plan, duty_of, is_item, is_open, satisfied, step_name
from mainstay.kernel.turn import Turn
from mainstay.kernel.undo import begin_undo, finish_undo, request_undo
from mainstay.kernel.words import STATUS, say_path
from mainstay.values import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstay.kernel.graph import Graph
    from mainstay.kernel.state import Duty

WorkKind: TypeAlias = Literal["resolve", "run", "split", "batch", "intend", "settle", "compensate"]

_KINDS: dict[str, WorkKind] = {
    "ready": "resolve",
    "running": "run",
    "splitting": "split",
    "prepared": "intend",
    "intended": "settle",
    "uncertain": "settle",
}


UNDOING = "it is being undone"
_STEPS: tuple[Duty, ...] = ("list", "run", "effect", "ask", "wait")


class Work(msgspec.Struct, frozen=True):
    """Something the runtime must do for a plan now."""

    kind: WorkKind
    path: str


def decide(plan: Plan, command: c.PlanCommand) -> tuple[e.PlanFact, ...]:
    """Give the facts a command leads to. Raises CommandRefusedError when the plan is not in a state for it."""
    return tuple(handle(plan, command).facts)


def handle(plan: Plan, command: c.PlanCommand) -> Turn:
    """Decide, and give the plan afterwards as well."""
    turn = Turn(plan, command.now_us)
    _DECIDERS[type(command)](turn, command)
    if turn.facts:
        _follow(turn)
    return turn


def fold(plan_id: str, graph: Graph, recorded: Iterable[e.Recorded]) -> Plan:
    """Fold a plan's history into its state."""
    plan = Plan(plan_id, graph)
    for event in recorded:
        plan = evolve(plan, event.fact, event.recorded_at_us)  # pyright: ignore[reportArgumentType]
    return plan


def pending(plan: Plan) -> list[Work]:
    """Give the work there is, in the order it came up; at most `at_once` items of a step are on their way."""
    if plan.status in ("new", "proposed", "approved"):
        return []
    under_way: dict[str, int] = {}
    for path in plan.live:
        if is_item(path) and plan.slots[path].status in ("running", "intended", "uncertain"):
            under_way[step_name(path)] = under_way.get(step_name(path), 0) + 1
    work: list[Work] = []
    for path in plan.live:
        slot = plan.slots[path]
        kind = _KINDS[slot.status]
        if is_item(path) and _starts(plan, path, kind):
            name = step_name(path)
            if under_way.get(name, 0) >= plan.graph.steps[name].at_once:
                continue
            under_way[name] = under_way.get(name, 0) + 1
        work.append(Work("compensate" if path.startswith("~") and kind == "resolve" else kind, path))
    work.extend(Work("batch", name) for name in plan.batches)
    return work


def _starts(plan: Plan, path: str, kind: WorkKind) -> bool:
    """Whether doing this work puts one more item on its way."""
    return kind == "intend" or (kind == "resolve" and duty_of(plan, path) == "run")


# --- what each command leads to


def _propose(turn: Turn, command: c.ProposePlan) -> None:
    if turn.plan.status != "new":
        turn.refuse("it exists already")
    turn.add(
        e.PlanProposed(
            command.definition,
            command.playbook,
            command.title,
            command.inputs,
            given=command.given,
            labels=command.labels,
            parent=command.parent,
            expires_at_us=command.expires_at_us,
        )
    )


def _approve(turn: Turn, command: c.ApprovePlan) -> None:
    if turn.plan.status != "proposed":
        turn.refuse(f'it stands at "{STATUS[turn.plan.status]}", so there is nothing to approve')
    turn.add(e.PlanApproved(command.by))
    turn.add(e.PlanStarted(KERNEL))


def _cancel(turn: Turn, command: c.CancelPlan) -> None:
    if turn.plan.status not in ("proposed", "approved", "running"):
        turn.refuse(f'it stands at "{STATUS[turn.plan.status]}", so there is nothing to cancel')
    gate.cancel(turn, command.by, command.reason)


def _undo(turn: Turn, command: c.UndoPlan) -> None:
    if turn.plan.status in ("undoing", "undone") or turn.plan.undo_by:
        turn.refuse("it is being undone, or was undone, already")
    if turn.plan.status in ("new", "proposed", "approved"):
        turn.refuse("it has not done anything yet; cancel it instead")
    if turn.plan.status == "running":
        gate.cancel(turn, command.by, command.reason or UNDOING)
    request_undo(turn, command.by, command.reason)


def _timer(turn: Turn, command: c.TimerDue) -> None:
    """Do what a timer is for, unless it is stale (KERNEL P5)."""
    if command.kind == "due":
        gate.expire(turn, command.path)
    elif command.kind == "remind":
        question = turn.plan.questions.get(command.path)
        if question is not None and question.reminded == command.generation:
            turn.add(e.DecisionReminded(command.path, command.generation))
    elif command.kind == "expiry":
        _expiry(turn)
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


def _expiry(turn: Turn) -> None:
    expires_at_us = turn.plan.expires_at_us
    if expires_at_us is None or turn.now_us < expires_at_us:
        return
    if turn.plan.status in ("proposed", "approved", "running"):
        gate.void_questions(turn, "The plan expired.")
        turn.add(e.PlanExpired())


def _skip(turn: Turn, command: c.SkipStep) -> None:
    turn.work(command.path, _STEPS, "ready")
    turn.add(e.StepSkipped(command.path, command.why))


def _freeze(turn: Turn, command: c.FreezeItems) -> None:
    turn.work(command.path, ("list",), "ready")
    turn.add(e.ItemsFrozen(command.path, command.items, command.count, labels=command.labels))


def _children(turn: Turn, command: c.StartChildren) -> None:
    turn.work(command.path, ("list",), "splitting")
    turn.add(e.ChildrenStarted(command.path, command.plans))


def _child(turn: Turn, command: c.FinishChild) -> None:
    slot = turn.work(command.path, ("list",), "fanned")
    if command.plan not in slot.children:
        turn.refuse(f"{command.plan} is no part of {say_path(command.path)}")
    if isinstance(slot.output, dict) and command.plan in slot.output:
        turn.refuse(f"the end of {command.plan} is known already")
    turn.add(e.ChildFinished(command.path, command.plan, command.status, command.output, labels=command.labels))


def _start(turn: Turn, command: c.StartStep) -> None:
    slot = turn.work(command.path, ("run",), "ready")
    turn.add(e.StepStarted(command.path, slot.attempt + 1, command.arguments, labels=command.labels))


def _finish(turn: Turn, command: c.FinishStep) -> None:
    slot = turn.work(command.path, ("run",), "ready", "running")
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
    slot = turn.work(command.path, (), "ready", "running", "splitting", "prepared")
    attempt = slot.attempt + 1
    if command.attempt != attempt:
        turn.refuse(f"attempt {command.attempt} of {say_path(command.path)} is over")
    again = effect.next_attempt_us(turn, command, slot)
    if again is None:
        effect.give_up(turn, command.path, command.failure, attempt)
    else:
        turn.add(e.AttemptFailed(command.path, attempt, command.failure, again))


def _wait(turn: Turn, command: c.WaitStep) -> None:
    turn.work(command.path, ("wait",), "ready")
    turn.add(e.WaitStarted(command.path, command.until_us))


def _undo_step(turn: Turn, command: c.UndoStep) -> None:
    turn.work("~" + command.path, ("undo",), "ready")
    if not command.why and not turn.plan.slots[command.path].children:
        turn.refuse(f"{say_path(command.path)} has no parts of its own: it is taken back by an action")
    turn.add(e.UndoImpossible(command.path, command.why) if command.why else e.StepUndone(command.path, command.left))


# --- what follows by itself


def _follow(turn: Turn) -> None:
    """Add what the facts so far entail: skips, ends of fan-outs, the end of the plan, its parking."""
    _skip_doomed(turn)
    while turn.plan.status == "running" and (ended := _ended_fan_out(turn.plan)):
        _end_fan_out(turn, ended)
        _skip_doomed(turn)
    if turn.plan.status == "running" and turn.plan.left == 0:
        turn.add(e.PlanCompleted())
    begin_undo(turn)
    finish_undo(turn)
    plan = turn.plan
    if plan.status not in RESTING and not plan.live and not plan.batches:
        turn.add(e.PlanParked())


def _skip_doomed(turn: Turn) -> None:
    while turn.plan.status == "running" and turn.plan.doomed:
        name = turn.plan.doomed[0]
        needs = turn.plan.graph.steps[name].needs
        blamed = next(need.step for need in needs if not satisfied(turn.plan, need))
        turn.add(e.StepSkipped(name, f"'{blamed}' was {turn.plan.slots[blamed].status}"))


def _end_fan_out(turn: Turn, name: str) -> None:
    """Complete a fan-out; one of whose child plans did not end well has no value to go on with."""
    slot = turn.plan.slots[name]
    if slot.children and slot.failed_items:
        message = f"{slot.failed_items} of the {len(slot.children)} parts of '{name}' did not end well"
        effect.give_up(turn, name, Failure("permanent", message, remedy="Look at its parts."), slot.attempt)
    else:
        turn.add(e.StepCompleted(name))


def _ended_fan_out(plan: Plan) -> str:
    """The first fan-out none of whose items is open."""
    for name in plan.graph.fan_outs:
        slot = plan.slots.get(name)
        if slot is not None and slot.status == "fanned" and slot.open == 0:
            return name
    return ""


_DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.ProposePlan: _propose,
    c.ApprovePlan: _approve,
    c.CancelPlan: _cancel,
    c.UndoPlan: _undo,
    c.TimerDue: _timer,
    c.SkipStep: _skip,
    c.FreezeItems: _freeze,
    c.StartChildren: _children,
    c.FinishChild: _child,
    c.StartStep: _start,
    c.FinishStep: _finish,
    c.FailStep: _fail,
    c.AskStep: gate.ask_step,
    c.WaitStep: _wait,
    c.PrepareEffect: effect.prepare,
    c.AskBatch: gate.ask_batch,
    c.IntendEffect: effect.intend,
    c.FinishEffect: effect.finish,
    c.RefuseEffect: effect.refuse,
    c.LoseEffect: effect.lose,
    c.SettleAbsent: effect.absent,
    c.AskSettle: gate.ask_settle,
    c.UndoStep: _undo_step,
    c.Rule: gate.rule,
}
