"""Reruns: a plan that adopts the outcomes of another one up to a step, and goes on from there (KERNEL P6).

What was adopted has a value and nothing else: it is not done again, and taking this plan back does not touch it. Of a
list that runs again only in part, those items are adopted that are done; it is ready like any other, with the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.graph import names_in
from mainstay.kernel.slots import conclude
from mainstay.kernel.state import Plan, Slot
from mainstay.kernel.words import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from mainstay.kernel.graph import Definition, Graph, Step, Template
    from mainstay.kernel.turn import Turn

WITH_VALUE = frozenset({"done", "rejected"})  # an outcome that somebody can say is to count
ADOPTABLE = WITH_VALUE | {"skipped", "failed"}


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
    """Name the steps of `graph` whose outcome in another plan is taken over, in order.

    That is what ended there, is the same step here, does not run again, and leans on nothing that does; of those in
    `kept` the outcome is taken over whatever they lean on, and whatever became of the step since.
    """
    found: list[str] = []
    for wave in graph.order():
        for name in wave:
            needs = graph.steps[name].needs
            stays = name not in again and all(need.step in found for need in needs)
            if (name in kept and may_count(parent, graph, name)) or (stays and _is_outcome(parent, graph, name)):
                found.append(name)
    return found


def may_count(parent: Plan, graph: Graph, name: str) -> bool:
    """Whether a step's outcome in another plan can stand for it here, if somebody says so: it has the same type."""
    slot = parent.slots.get(name)
    if slot is None or slot.status not in WITH_VALUE or name not in graph.steps or name not in parent.graph.steps:
        return False
    was, now = parent.graph.definition, graph.definition
    return was.types.get(name) == now.types.get(name) and parent.graph.steps[name].kind == graph.steps[name].kind


def may_count_list(parent: Plan, graph: Graph, name: str) -> bool:
    """Whether a list that ran in another plan can run again in part: it is the same step here, on items it had."""
    slot = parent.slots.get(name)
    if slot is None or not slot.count or name not in graph.fan_outs:
        return False
    return is_same(parent.graph, graph, name)


def _is_outcome(parent: Plan, graph: Graph, name: str) -> bool:
    """Whether a step ended, in a way that the playbook goes on from."""
    slot, step = parent.slots.get(name), graph.steps[name]
    if slot is None or slot.status not in ADOPTABLE or not is_same(parent.graph, graph, name):
        return False
    if slot.status == "rejected":
        return step.ask is None or step.ask.rejection_used
    return slot.status != "failed" or step.way_out != ""


def is_same(was: Graph, now: Graph, name: str) -> bool:
    """Whether a step means the same in two versions: also the names under `let` and the playbook that it uses."""
    step = now.steps.get(name)
    if step is None or was.steps.get(name) != step:
        return False
    old, new = was.definition, now.definition
    return old is new or (
        old.playbooks.get(step.target) == new.playbooks.get(step.target) and lets_of(old, step) == lets_of(new, step)
    )


def lets_of(definition: Definition, step: Step) -> dict[str, Template]:
    """Give what stands under `let` that a step uses, directly or not."""
    found: dict[str, Template] = {}
    waiting = names_in(step)
    while waiting:
        name = waiting.pop()
        if name in definition.let and name not in found:
            found[name] = definition.let[name]
            waiting |= names_in(found[name])
    return found


# --- decided


def _fork(turn: Turn, command: c.ForkPlan) -> None:
    if turn.plan.status != "proposed" or turn.plan.fork_of:
        turn.refuse(f'it stands at "{STATUS[turn.plan.status]}"; a rerun is made before it may run')
    if unknown := [one.path for one in command.adopted if one.path not in turn.plan.graph.steps]:
        turn.refuse(f"it has no step {', '.join(unknown)} to adopt an outcome for")
    if strays := [
        one.path for one in command.adopted if one.status == "partly" and one.path not in turn.plan.graph.fan_outs
    ]:
        turn.refuse(f"{', '.join(strays)} is no list to adopt a part of")
    turn.add(e.PlanForked(command.of, command.start, command.adopted))


# --- folded


def _forked(plan: Plan, fact: e.PlanForked, at_us: int) -> Plan:
    del at_us
    return replace(plan, fork_of=fact.of, adopted=fact.adopted)


def adopted_part(plan: Plan, name: str) -> e.Adopted | None:
    """Give what a plan adopted of a list that runs again in part."""
    return next((one for one in plan.adopted if one.path == name and one.status == "partly"), None)


def adopt(plan: Plan, at_us: int) -> Plan:
    """Give the steps their adopted outcomes, when the plan starts: each before what needs it."""
    outcomes = {one.path: one for one in plan.adopted}
    for wave in plan.graph.order() if outcomes else ():
        for name in wave:
            one = outcomes.get(name)
            if one is not None and one.status != "partly":
                slot = Slot(one.status, ready_at_us=at_us, output=one.output, labels=one.labels, adopted=True)
                doomed = tuple(other for other in plan.doomed if other != name)
                plan = conclude(replace(plan, doomed=doomed), name, slot, at_us)
    return plan


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {c.ForkPlan: _fork}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {e.PlanForked: _forked}
