"""Running a plan again from a step on, with changed inputs or another version of its playbook (KERNEL P6).

What came before the step is taken over. What the plan did from there on is named, and for each the operator says
whether it stays and counts (adopt), is taken back first (undo), or stays and is done again (again).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import InputError
from mainstay.kernel.forking import adoptable, rerun_steps
from mainstay.kernel.graph import Graph
from mainstay.kernel.state import ENDED, Plan, step_name
from mainstay.kernel.words import STATUS
from mainstay.playbooks.shelf import open_to_run
from mainstay.requests.desk import new_plan_id
from mainstay.requests.plans import inputs_of
from mainstay.runtime.admission import places_of
from mainstay.runtime.names import Names
from mainstay.runtime.types import nearest
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit
    from mainstay.values import Value

CHOICES = ("adopt", "undo", "again")
Row: TypeAlias = dict[str, Any]


class Rerun(msgspec.Struct):
    """What a rerun would be: `later` is what the parent did outside in the steps that run again."""

    parent: Plan
    graph: Graph
    start: str
    again: set[str]
    later: list[Row]


def planned(desk: Requests, params: Params) -> Rerun:
    """Work out a rerun; nothing is recorded. Raises InputError when the plan has not ended, or has no such step."""
    parent = desk.engine.load(params["plan"])
    if parent.parent:
        root = parent.parent.partition("-")[0].partition("/")[0]
        raise InputError(f"Plan {parent.id} is a part of another.", remedy=f"Run that one again: mainstay rerun {root}")
    if parent.status not in ENDED and parent.status != "undone":
        raise InputError(
            f'Plan {parent.id} stands at "{STATUS[parent.status]}"; only what has ended runs again.',
            remedy=f"End it first: mainstay cancel {parent.id}",
        )
    graph = parent.graph
    if params.get("playbook"):
        own = desk.activation.playbooks
        graph = Graph(open_to_run(desk.root, params["playbook"], desk.contracts, own, by_hand=True))
    start = params.get("start")
    if start and start not in graph.steps:
        known = ", ".join(graph.steps)
        raise InputError(f"There is no step '{start}'{nearest(start, graph.steps)}.", remedy=f"Its steps: {known}.")
    start = after_checkpoint(parent, graph) if start is None else start
    changed = {name for name, step in graph.steps.items() if parent.graph.steps.get(name) != step}
    again = rerun_steps(graph, start).union(*(rerun_steps(graph, name) for name in changed))
    return Rerun(parent, graph, start, again, _later(parent, again))


def after_checkpoint(parent: Plan, graph: Graph) -> str:
    """Name the step that follows the last checkpoint that was reached; "" where there is none."""
    order = [name for wave in graph.order() for name in wave]
    reached = [name for name in order if graph.steps[name].checkpoint and _stands(parent, name)]
    after = graph.dependents[reached[-1]] if reached else ()
    return after[0] if after else ""


def _stands(parent: Plan, path: str) -> bool:
    """Whether something was done and not taken back."""
    slot = parent.slots.get(path)
    return slot is not None and slot.status == "done" and f"~{path}" not in parent.slots


def _later(parent: Plan, again: set[str]) -> list[Row]:
    """List what the parent did outside in these steps and did not take back, a row per step."""
    rows: dict[str, Row] = {}
    for path, slot in parent.slots.items():
        name = step_name(path)
        acted = slot.undo is not None or slot.cannot_undo != "" or slot.children != ()
        if path.startswith("~") or name not in again or not acted or not _stands(parent, path):
            continue
        row = rows.setdefault(name, {"step": name, "actions": 0, "does": "", "cannot_undo": ""})
        row["actions"] += 1
        row["does"] = slot.operation or parent.graph.steps[name].target
        row["cannot_undo"] = row["cannot_undo"] or ("" if slot.undo is not None or slot.children else slot.cannot_undo)
    return list(rows.values())


def told(rerun: Rerun) -> Row:
    """Say what a rerun would do, in plain data."""
    kept = adoptable(rerun.parent, rerun.graph, rerun.again)
    order = [name for wave in rerun.graph.order() for name in wave]
    return {
        "plan": rerun.parent.id,
        "title": rerun.graph.definition.title,
        "from": rerun.start,
        "taken_over": [name for name in order if name in kept],
        "runs_again": [name for name in order if name not in kept],
        "later": rerun.later,
    }


async def _preview(desk: Requests, params: Params, emit: Emit) -> Params:
    del emit
    return told(planned(desk, params))


async def _rerun(desk: Requests, params: Params, emit: Emit) -> Params:
    rerun = planned(desk, params)
    choices = _choices(rerun, params.get("choices") or {})
    undone = tuple(name for name, choice in choices.items() if choice == "undo")
    if undone:
        standing = await _take_back(desk, rerun.parent, undone, emit)
        if standing is not None:
            return standing
        rerun = planned(desk, params)
    kept = {name for name, choice in choices.items() if choice == "adopt"}
    inputs = _inputs(desk, rerun, params)
    plan_id, commands = _commands(desk, rerun, kept, inputs)
    cause = f"plan:{rerun.parent.id}@{rerun.parent.sequence}"
    await desk.engine.submit(plan_id, *commands, actor="operator", cause=cause)
    return await desk.taken(plan_id, emit)


def _choices(rerun: Rerun, given: Mapping[str, str]) -> dict[str, str]:
    """Give what becomes of each later action; raises InputError that names those nothing was said of."""
    steps = {row["step"]: row for row in rerun.later}
    for name, choice in given.items():
        if name not in steps:
            known = ", ".join(steps) or "none"
            raise InputError(f"'{name}' did nothing that a rerun would do again.", remedy=f"What did: {known}.")
        if choice not in CHOICES:
            raise InputError(f"'{choice}' is no answer for '{name}'.", remedy=f"Say {', '.join(CHOICES)}.")
        if choice == "undo" and steps[name]["cannot_undo"]:
            raise InputError(f"'{name}' can't be undone: {steps[name]['cannot_undo']}", remedy="Say adopt, or again.")
    if missing := [name for name in steps if name not in given]:
        raise InputError(
            f"Plan {rerun.parent.id} acted in {', '.join(missing)}, which would run again.",
            remedy=f"Say what becomes of each: --adopt {missing[0]}, --undo {missing[0]} or --again {missing[0]}",
        )
    return dict(given)


async def _take_back(desk: Requests, parent: Plan, steps: tuple[str, ...], emit: Emit) -> Params | None:
    """Undo some steps of the parent first; gives where it stands when that needs the operator."""
    reason = "it runs again"
    command = c.UndoPlan(now_us=desk.clock.now_us(), by="operator", reason=reason, steps=steps)
    await desk.engine.submit(parent.id, command, actor="operator")
    standing = await desk.taken(parent.id, emit)
    return standing if standing["questions"] or standing["status"] == "undoing" else None


def _inputs(desk: Requests, rerun: Rerun, params: Params) -> dict[str, Value]:
    """Give the parent's inputs with what was changed; raises InputError when one is missing for the new version."""
    definition = rerun.graph.definition
    before = desk.payloads.load(rerun.parent.inputs)
    declared = {one.name for one in definition.inputs}
    same = {name: value for name, value in (before if isinstance(before, dict) else {}).items() if name in declared}
    changed = inputs_of(desk, definition, params, partly=True)
    inputs = {**{one.name: one.default for one in definition.inputs if not one.required}, **same, **changed}
    if missing := [one.name for one in definition.inputs if one.name not in inputs]:
        raise InputError(f"This version needs {', '.join(missing)} as well.", remedy=f"Add {missing[0]}=...")
    return inputs


def _commands(
    desk: Requests, rerun: Rerun, kept: set[str], inputs: dict[str, Value]
) -> tuple[str, tuple[c.PlanCommand, ...]]:
    parent, definition, now_us = rerun.parent, rerun.graph.definition, desk.clock.now_us()
    ref = desk.engine.keep_definition(definition)
    plan = Plan(new_plan_id(), rerun.graph, proposed_at_us=now_us)
    adopted: list[e.Adopted] = []
    for name in adoptable(parent, rerun.graph, rerun.again, kept):
        names = Names(desk.engine.parts, parent, "")
        value = desk.payloads.keep(names(name), plan=plan)
        adopted.append(e.Adopted(name, value, names.labels))
    propose = c.ProposePlan(
        now_us=now_us,
        definition=ref,
        playbook=definition.name,
        title=definition.title,
        inputs=desk.payloads.keep(inputs, plan=plan),
        labels=("operator",),
        expires_at_us=None if definition.expires_s is None else now_us + definition.expires_s * SECOND_US,
        keys=places_of(desk.engine.parts, rerun.graph, inputs, now_us),
        priority=parent.priority,
    )
    fork = c.ForkPlan(now_us=now_us, of=parent.id, start=rerun.start, adopted=tuple(adopted))
    return plan.id, (propose, fork, c.ApprovePlan(now_us=now_us, by="operator"))


METHODS: Mapping[str, Method] = {"rerun": _rerun, "rerun_preview": _preview}
