"""Lists and child plans: a step that is many units of work (KERNEL P2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.failing import give_up
from mainstay.kernel.graph import MAX_ITEMS, MAX_ITEMS_OF_PLAN
from mainstay.kernel.slots import put
from mainstay.kernel.state import Plan, Slot
from mainstay.kernel.words import say_path
from mainstay.values import Failure, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn


# --- decided


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


# --- what follows by itself


def end_fan_out(turn: Turn, name: str) -> None:
    """Complete a fan-out; one of whose child plans did not end well has no value to go on with."""
    slot = turn.plan.slots[name]
    if slot.children and slot.failed_items:
        message = f"{slot.failed_items} of the {len(slot.children)} parts of '{name}' did not end well"
        give_up(turn, name, Failure("permanent", message, remedy="Look at its parts."), slot.attempt)
    else:
        turn.add(e.StepCompleted(name))


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
    slot = replace(plan.slots[fact.path], status="fanned", children=fact.plans, open=len(fact.plans))
    return put(plan, fact.path, slot)


def _child_finished(plan: Plan, fact: e.ChildFinished, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    outputs: dict[str, Value] = slot.output if isinstance(slot.output, dict) else {}
    failed = slot.failed_items + (fact.status != "completed")
    slot = replace(
        slot,
        open=slot.open - 1,
        failed_items=failed,
        output={**outputs, fact.plan: fact.output},
        labels=tuple(sorted({*slot.labels, *fact.labels})),
        done_at=plan.sequence,
    )
    return put(plan, fact.path, slot)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.FreezeItems: _freeze,
    c.StartChildren: _children,
    c.FinishChild: _child,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.ItemsFrozen: _items_frozen,
    e.ChildrenStarted: _children_started,
    e.ChildFinished: _child_finished,
}
