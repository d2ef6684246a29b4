"""Steps that sleep until a time, or until something comes from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.slots import conclude, put
from mainstay.kernel.words import say_path
from mainstay.values import merge_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.state import Plan
    from mainstay.kernel.turn import Turn
    from mainstay.values import Value


# --- decided


def _wait(turn: Turn, command: c.WaitStep) -> None:
    turn.work(command.path, "ready", duties=("wait",))
    turn.add(
        e.WaitStarted(
            command.path,
            command.until_us,
            event=command.event,
            field=command.field,
            value=command.value,
            labels=command.labels,
        )
    )


def _hear(turn: Turn, command: c.HearEvent) -> None:
    slot = turn.work(command.path, "waiting")
    if not slot.awaits:
        turn.refuse(f"{say_path(command.path)} waits for a time, not for an event")
    turn.add(e.WaitEnded(command.path, event=command.event, output=command.output, labels=command.labels))


# --- folded


def _wait_started(plan: Plan, fact: e.WaitStarted, at_us: int) -> Plan:
    del at_us
    return put(plan, fact.path, replace(plan.slots[fact.path], status="waiting", awaits=fact.event, labels=fact.labels))


def _wait_ended(plan: Plan, fact: e.WaitEnded, at_us: int) -> Plan:
    slot = plan.slots[fact.path]
    value: Value = {"timed_out": slot.awaits != ""}
    if fact.event:
        value = fact.output
    slot = replace(
        slot, status="done", output=value, labels=merge_labels(slot.labels, fact.labels), done_at=plan.sequence
    )
    return conclude(plan, fact.path, slot, at_us)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.WaitStep: _wait,
    c.HearEvent: _hear,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.WaitStarted: _wait_started,
    e.WaitEnded: _wait_ended,
}
