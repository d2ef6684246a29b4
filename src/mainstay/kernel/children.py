"""Lists and child plans: a step that is many units of work, or a playbook of its own (KERNEL P2).

    a list       ready -> fanned (its items) -> done          over 100 items: ready -> splitting -> fanned (its parts)
    a sub-plan   ready -> fanned -> done
    rounds       ready -> fanned -> judging -> ready ...      until a round is accepted, or was the last one

A child plan that does not end well fails its step, which goes by what the step says about failing. Tried again, the
step begins another child plan; the earlier one stays, to be looked at and taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.asking import ask_stuck
from mainstay.kernel.failing import allowance, give_up
from mainstay.kernel.gate import fail_plan
from mainstay.kernel.graph import MAX_ITEMS, MAX_ITEMS_OF_PLAN
from mainstay.kernel.slots import put
from mainstay.kernel.state import Plan, Slot, duty_of
from mainstay.kernel.words import STATUS, say_path
from mainstay.values import Failure, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.graph import Repeat
    from mainstay.kernel.state import PlanStatus
    from mainstay.kernel.turn import Turn

ROUND_REMEDIES = ("accept", "retry", "skip", "undo")
_NO_MORE_ROUNDS = "The playbook lets it try so often, and asks you then."

# --- decided


def _freeze(turn: Turn, command: c.FreezeItems) -> None:
    turn.work(command.path, "ready", duties=("list",))
    turn.add(e.ItemsFrozen(command.path, command.items, command.count, labels=command.labels))


def _children(turn: Turn, command: c.StartChildren) -> None:
    slot = turn.work(command.path, "splitting", "ready", duties=("list", "child"))
    if slot.status == "ready" and duty_of(turn.plan, command.path) == "list":
        turn.refuse(f"the list of {say_path(command.path)} is not known yet")
    if not command.plans or set(command.plans) & set(slot.children):
        turn.refuse(f"{say_path(command.path)} began {' and '.join(command.plans) or 'nothing'} before")
    turn.add(e.ChildrenStarted(command.path, command.plans))


def _child(turn: Turn, command: c.FinishChild) -> None:
    slot = turn.work(command.path, "fanned")
    if command.plan not in slot.children:
        turn.refuse(f"{command.plan} is no part of {say_path(command.path)}")
    if isinstance(slot.output, dict) and command.plan in slot.output:
        turn.refuse(f"the end of {command.plan} is known already")
    turn.add(
        e.ChildFinished(
            command.path,
            command.plan,
            command.status,
            command.output,
            labels=command.labels,
            failed=command.failed,
            idle=command.idle,
        )
    )
    if duty_of(turn.plan, command.path) == "child":
        _after_child(turn, command)


def _after_child(turn: Turn, command: c.FinishChild) -> None:
    """Go by how a sub-plan ended; a round that ended well is judged first."""
    slot, path = turn.plan.slots[command.path], command.path
    if command.status != "completed":
        ended = STATUS[cast("PlanStatus", command.status)]
        message = f"The plan {command.plan} behind {say_path(path)} did not end well: it is {ended}"
        remedy = f"Look at it with: mainstay show {command.plan}"
        give_up(turn, path, Failure("permanent", message, remedy=remedy), slot.attempt + 1)
    elif slot.status == "fanned":
        turn.add(e.StepCompleted(path))


def _judge(turn: Turn, command: c.JudgeRound) -> None:
    slot, path = turn.work(command.path, "judging"), command.path
    if command.round != slot.rounds:
        turn.refuse(f"round {command.round} of {say_path(path)} is over")
    turn.add(e.RoundJudged(path, command.round, command.accepted, labels=command.labels))
    repeat = turn.plan.step(path).repeat
    assert repeat is not None
    if command.accepted:
        turn.add(e.StepCompleted(path))
    elif slot.rounds >= repeat.max:
        _after_last_round(turn, path, repeat, slot)


def _after_last_round(turn: Turn, path: str, repeat: Repeat, slot: Slot) -> None:
    why = f"{say_path(path)} is not good enough after {slot.rounds} round{'s' if slot.rounds > 1 else ''}"
    failure = Failure("needs_operator", why, remedy="Accept the last round as it is, or let it try one more.")
    if repeat.then == "accept":
        turn.add(e.StepCompleted(path))
    elif repeat.then == "skip":
        turn.add(e.StepSkipped(path, why))
    elif repeat.then == "undo":
        turn.add(e.StepFailed(path, failure))
        fail_plan(turn, path, failure, by="playbook")
    else:
        ask_stuck(turn, path, failure, slot.attempt + 1, ROUND_REMEDIES, _NO_MORE_ROUNDS)


# --- what follows by itself


def end_fan_out(turn: Turn, name: str) -> None:
    """Complete a fan-out; one of whose parts did not end well has no value to go on with."""
    slot = turn.plan.slots[name]
    failed = slot.lost if slot.children else slot.failed_items
    if slot.children and slot.failed_items:
        message = f"{slot.failed_items} of the {len(slot.children)} parts of '{name}' did not end well"
        give_up(turn, name, Failure("permanent", message, remedy="Look at its parts."), slot.attempt)
    elif turn.plan.graph.steps[name].way_out and failed > allowance(turn.plan, name):
        turn.add(e.StepFailed(name, Failure("permanent", f"{failed} of the {slot.count} items of '{name}' failed")))
    else:
        turn.add(e.StepCompleted(name, rationale=f"{failed} of {slot.count} items failed" if failed else ""))


def ended_fan_out(plan: Plan) -> str:
    """The first fan-out none of whose items is open."""
    for name in plan.graph.fan_outs:
        slot = plan.slots.get(name)
        if slot is not None and slot.status == "fanned" and slot.open == 0:
            return name
    return ""


# --- folded


def _items_frozen(plan: Plan, fact: e.ItemsFrozen, at_us: int) -> Plan:
    slot = replace(plan.slots[fact.path], items=fact.items, count=fact.count, open=fact.count, labels=fact.labels)
    if fact.count > MAX_ITEMS or _items(plan) + fact.count > MAX_ITEMS_OF_PLAN:
        return put(plan, fact.path, replace(slot, status="splitting"))
    plan = put(plan, fact.path, replace(slot, status="fanned"))
    fresh = {f"{fact.path}/{i}": Slot("ready", ready_at_us=at_us, since=plan.sequence) for i in range(fact.count)}
    return replace(plan, slots=plan.slots | fresh, live=plan.live | dict.fromkeys(fresh))


def _items(plan: Plan) -> int:
    """The items that stand in this plan itself, over all its lists."""
    lists = (plan.slots[name] for name in plan.graph.fan_outs if name in plan.slots)
    return sum(slot.count for slot in lists if not slot.children and slot.status != "splitting")


def _children_started(plan: Plan, fact: e.ChildrenStarted, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    children = (*slot.children, *fact.plans)
    return put(plan, fact.path, replace(slot, status="fanned", children=children, open=len(fact.plans)))


def _child_finished(plan: Plan, fact: e.ChildFinished, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    outputs: dict[str, Value] = slot.output if isinstance(slot.output, dict) else {}
    well, part = fact.status == "completed", duty_of(plan, fact.path) == "list"
    judged = well and not part and plan.step(fact.path).repeat is not None
    slot = replace(
        slot,
        status="judging" if judged else slot.status,
        rounds=slot.rounds + judged,
        open=slot.open - 1,
        failed_items=slot.failed_items + (part and not well),
        lost=slot.lost + fact.failed,
        idle=slot.idle + fact.idle,
        output={**outputs, fact.plan: fact.output},
        labels=tuple(sorted({*slot.labels, *fact.labels})),
        done_at=plan.sequence,
    )
    return put(plan, fact.path, slot)


def _round_judged(plan: Plan, fact: e.RoundJudged, at_us: int) -> Plan:
    """Make the next round ready, unless this one was accepted or was the last."""
    slot, repeat = plan.slots[fact.path], plan.step(fact.path).repeat
    assert repeat is not None
    again = not fact.accepted and slot.rounds < repeat.max
    slot = replace(
        slot,
        status="ready" if again else "fanned",
        ready_at_us=at_us if again else slot.ready_at_us,
        judged=fact.round,
        labels=tuple(sorted({*slot.labels, *fact.labels})),
    )
    return put(plan, fact.path, slot)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.FreezeItems: _freeze,
    c.StartChildren: _children,
    c.FinishChild: _child,
    c.JudgeRound: _judge,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.ItemsFrozen: _items_frozen,
    e.ChildrenStarted: _children_started,
    e.ChildFinished: _child_finished,
    e.RoundJudged: _round_judged,
}
