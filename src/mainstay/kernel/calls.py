"""Actions that an agent asks for inside its step (KERNEL J1, E2).

    running --EffectCalled--> calling             and for each action: ready -> prepared -> intended -> done ...
    calling --the last has its outcome--> running  the agent runs again, from its journal up to there

The path of an action is that of its step, and its number: "draft!3", "draft/4!3" of an item. It goes all the way of
an effect. What a person does not want, or what can't happen, ends the action alone: the agent is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.slots import put
from mainstay.kernel.state import Plan, Slot, caller_of, is_call
from mainstay.kernel.words import say_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn

MOST_ACTIONS = 100  # of one step, as of a list


def call_path(path: str, journal: int, number: int) -> str:
    """Name the place of an action: the step's path, and the number of its entry in the step's journal."""
    return f"{path}!{number}" if not journal else f"{path}!{journal}-{number}"


def calls_of(plan: Plan, path: str) -> list[str]:
    """Give the places of the actions that a step's agent asked for, in order."""
    return [each for each in plan.slots if is_call(each) and caller_of(each) == path]


# --- decided


def _call(turn: Turn, command: c.CallEffect) -> None:
    caller = caller_of(command.path)
    if not is_call(command.path) or command.path in turn.plan.slots:
        turn.refuse(f"{say_path(command.path)} is no new action of a step")
    turn.work(caller, "running", "calling")
    turn.add(e.EffectCalled(command.path, command.operation, command.arguments, labels=command.labels))


# --- folded


def _called(plan: Plan, fact: e.EffectCalled, at_us: int) -> Plan:
    caller = caller_of(fact.path)
    slot = plan.slots[caller]
    plan = put(plan, caller, replace(slot, status="calling", open=slot.open + 1))
    asked = Slot(
        "ready",
        ready_at_us=at_us,
        arguments=fact.arguments,
        operation=fact.operation,
        labels=fact.labels,
    )
    return put(plan, fact.path, asked)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.CallEffect: _call,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.EffectCalled: _called,
}
