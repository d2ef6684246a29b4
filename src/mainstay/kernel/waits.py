"""Steps that sleep until a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.slots import conclude, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.state import Plan
    from mainstay.kernel.turn import Turn


# --- decided


def _wait(turn: Turn, command: c.WaitStep) -> None:
    turn.work(command.path, ("wait",), "ready")
    turn.add(e.WaitStarted(command.path, command.until_us))


# --- folded


def _wait_started(plan: Plan, fact: e.WaitStarted, at_us: int) -> Plan:
    del at_us
    return put(plan, fact.path, replace(plan.slots[fact.path], status="waiting"))


def _wait_ended(plan: Plan, fact: e.WaitEnded, at_us: int) -> Plan:
    slot = replace(plan.slots[fact.path], status="done", output={"timed_out": False}, done_at=plan.sequence)
    return conclude(plan, fact.path, slot, at_us)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.WaitStep: _wait,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.WaitStarted: _wait_started,
    e.WaitEnded: _wait_ended,
}
