"""Reruns: a plan that adopts the outcomes of another one up to a step, and goes on from there (KERNEL P6).

What was adopted has a value and nothing else: it is not done again, and taking this plan back does not touch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.slots import conclude
from mainstay.kernel.state import Plan, Slot
from mainstay.kernel.words import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from mainstay.kernel.graph import Graph
    from mainstay.kernel.turn import Turn

ADOPTABLE = frozenset({"done", "rejected"})


def rerun_steps(graph: Graph, start: str) -> set[str]:
    """Name the steps that run again from a step on: it, and all that need it, directly or not."""
    found: set[str] = set()
    waiting = [start] if start else list(graph.steps)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph.dependents[name]
    return found


def adoptable(parent: Plan, graph: Graph, again: Container[str], kept: Container[str] = ()) -> list[str]:
    """Name the steps of `graph` whose outcome in another plan can be taken over, in order.

    That is what ended well there, is the same step here, does not run again, and leans on nothing that does; of those
    in `kept` the outcome is taken over whatever they lean on.
    """
    found: list[str] = []
    for wave in graph.order():
        for name in wave:
            slot, step = parent.slots.get(name), graph.steps[name]
            if slot is None or slot.status not in ADOPTABLE or parent.graph.steps.get(name) != step:
                continue
            needed = [need.step for need in step.needs]
            leans = any(one not in found and (one in again or not _left_out(parent, one)) for one in needed)
            if name in kept or (name not in again and not leans):
                found.append(name)
    return found


def _left_out(parent: Plan, name: str) -> bool:
    slot = parent.slots.get(name)
    return slot is not None and slot.status in ("skipped", "failed")


# --- decided


def _fork(turn: Turn, command: c.ForkPlan) -> None:
    if turn.plan.status != "proposed" or turn.plan.fork_of:
        turn.refuse(f'it stands at "{STATUS[turn.plan.status]}"; a rerun is made before it may run')
    if unknown := [one.path for one in command.adopted if one.path not in turn.plan.graph.steps]:
        turn.refuse(f"it has no step {', '.join(unknown)} to adopt an outcome for")
    turn.add(e.PlanForked(command.of, command.start, command.adopted))


# --- folded


def _forked(plan: Plan, fact: e.PlanForked, at_us: int) -> Plan:
    del at_us
    return replace(plan, fork_of=fact.of, adopted=fact.adopted)


def adopt(plan: Plan, at_us: int) -> Plan:
    """Give the steps their adopted outcomes, when the plan starts: each before what needs it."""
    outcomes = {one.path: one for one in plan.adopted}
    for wave in plan.graph.order() if outcomes else ():
        for name in wave:
            if name in outcomes:
                one = outcomes[name]
                slot = Slot("done", ready_at_us=at_us, output=one.output, labels=one.labels, adopted=True)
                plan = conclude(plan, name, slot, at_us)
    return plan


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {c.ForkPlan: _fork}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {e.PlanForked: _forked}
