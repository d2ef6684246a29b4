"""Running a plan again from a step on, with changed inputs or another version of its playbook (KERNEL P6).

What came before the step is taken over. What the plan did from there on is named, and for each the operator says
whether it stays and counts (adopt), is taken back first (undo), or stays and is done again (again). Of a list may be
done again only what failed of it (failed): the items that are done stay and count, and the list is the one it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import InputError
from mainstay.kernel.forking import adoptable, adopted_part, is_same, may_count, rerun_steps
from mainstay.kernel.graph import Graph
from mainstay.kernel.state import ENDED, Plan, in_flight, step_name
from mainstay.kernel.words import STATUS
from mainstay.playbooks.shelf import open_to_run
from mainstay.requests.acts import acts
from mainstay.requests.leaning import leaning
from mainstay.requests.once import id_for, is_there, turn_of
from mainstay.requests.plans import inputs_of
from mainstay.requests.rest import adopted_rest, left_of
from mainstay.runtime.admission import places_of
from mainstay.runtime.children import children_of
from mainstay.runtime.names import Names
from mainstay.runtime.payloads import Payloads
from mainstay.runtime.types import nearest
from mainstay.values import SECOND_US, merge_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit
    from mainstay.values import Value

CHOICES = ("adopt", "failed", "undo", "again")
Row: TypeAlias = dict[str, Any]
Ended: TypeAlias = Literal["done", "skipped", "rejected", "failed"]


class Rerun(msgspec.Struct):
    """What a rerun would be: `later` is what was done outside, and stands, in steps that are not taken over."""

    parent: Plan
    graph: Graph
    start: tuple[str, ...]  # empty for all
    again: set[str]
    later: list[Row]
    partly: set[str] = set()  # lists of which only what failed runs again


def planned(desk: Requests, params: Params) -> Rerun:
    """Work out a rerun; nothing is recorded.

    Raises InputError when the plan has not ended, when it is not known what became of an action of it, or when it has
    no such step.
    """
    parent = desk.engine.load(params["plan"])
    _check(desk, parent)
    graph = _graph_of(desk, parent, params.get("playbook") or "")
    begins = _begins(parent, graph, params)
    changed = [name for name in graph.steps if not is_same(parent.graph, graph, name)]
    work = Work(desk)
    back = [name for name in graph.steps if work.taken_back(parent, name)]
    again = set[str]().union(*(rerun_steps(graph, name) for name in (*(begins or ("",)), *changed, *back)))
    return Rerun(parent, graph, begins, again, _later(desk, parent, graph, again, work))


def _begins(parent: Plan, graph: Graph, params: Params) -> tuple[str, ...]:
    """Name the steps it begins with; none for all of them. Where nothing is said it is after the last checkpoint."""
    start = params.get("start")
    named: tuple[str, ...] = tuple(name for name in ([start] if isinstance(start, str) else start or ()) if name)
    for name in named:
        if name not in graph.steps:
            known = ", ".join(graph.steps)
            meant = nearest(name, graph.steps) or "."
            raise InputError(f"There is no step '{name}'{meant}", remedy=f"Its steps: {known}.")
    return named or (after_checkpoint(parent, graph) if start is None else ())


def _check(desk: Requests, parent: Plan) -> None:
    if parent.parent:
        root = parent.id.partition("-")[0]
        raise InputError(f"Plan {parent.id} is a part of another.", remedy=f"Run that one again: mainstay rerun {root}")
    if parent.status not in ENDED and parent.status != "undone":
        raise InputError(
            f'Plan {parent.id} stands at "{STATUS[parent.status]}"; only what has ended runs again.',
            remedy=f"End it first: mainstay cancel {parent.id}" if parent.status != "undoing" else "Wait for that.",
        )
    if any(in_flight(plan) for plan in _family(desk, parent)):
        raise InputError(
            f"It is not known yet what became of an action of plan {parent.id}: it may have happened.",
            remedy=f"See what is known, and settle it first: mainstay show {parent.id}",
        )


def _graph_of(desk: Requests, parent: Plan, playbook: str) -> Graph:
    if not playbook:
        return parent.graph
    own = desk.activation.playbooks
    definition = open_to_run(desk.root, playbook, desk.contracts, own, by_hand=True)
    if definition.name != parent.playbook:
        raise InputError(
            f"Plan {parent.id} is of the playbook {parent.playbook}, and {playbook} is another one.",
            remedy=f"Name a version of it: --playbook {parent.playbook}@VERSION",
        )
    return Graph(definition)


def after_checkpoint(parent: Plan, graph: Graph) -> tuple[str, ...]:
    """Name the steps that follow the last checkpoint that was reached; none where there is no such."""
    order = [name for wave in graph.order() for name in wave]
    reached = [name for name in order if graph.steps[name].checkpoint and _is_done(parent, name)]
    return graph.dependents[reached[-1]] if reached else ()


def _is_done(plan: Plan, name: str) -> bool:
    slot = plan.slots.get(name)
    return slot is not None and slot.status == "done"


# --- what the plan did


def doers_of(desk: Requests, plan: Plan, name: str) -> Iterator[Plan]:
    """Give the plans that did what a step stands for.

    Of an adopted outcome it is the one that it came from, of a list that ran again in part also the one before.
    """
    while (slot := plan.slots.get(name)) is not None:
        part = adopted_part(plan, name)
        if not slot.adopted:
            yield plan
        if not slot.adopted and part is None:
            return
        plan = desk.engine.load(plan.fork_of)


class Work:
    """What plans did, by the steps of which it is: plans of a thousand steps are gone through once."""

    def __init__(self, desk: Requests) -> None:
        """Look at none yet."""
        self._desk = desk
        self._paths: dict[str, dict[str, list[str]]] = {}  # by plan and step

    def paths(self, plan: Plan, name: str) -> list[str]:
        """Give the paths of a plan that are of a step, its undo among them."""
        if plan.id not in self._paths:
            found = self._paths[plan.id] = {}
            for path in plan.slots:
                found.setdefault(step_name(path), []).append(path)
        return self._paths[plan.id].get(name, [])

    def acts(self, plan: Plan, name: str) -> list[tuple[str, str]]:
        """Give what a step of a plan did, as `acts`."""
        return list(acts(self._desk, plan, self.paths(plan, name)))

    def taken_back(self, plan: Plan, name: str) -> bool:
        """Whether something that a step did was undone since."""
        return any(
            path.startswith("~") and doer.slots[path].status == "done"
            for doer in doers_of(self._desk, plan, name)
            for path in self.paths(doer, name)
        )


def _later(desk: Requests, parent: Plan, graph: Graph, again: set[str], work: Work) -> list[Row]:
    """List what the parent did outside, and did not take back, in steps that are not taken over: a row per step.

    There is one more for a plan before it that did a part of that; a list of which a part failed has one in any case.
    """
    kept = set(adoptable(parent, graph, again))
    rows: list[Row] = []
    for name in parent.graph.steps:
        if name in kept or name not in parent.slots:
            continue
        done = [(doer, did) for doer in doers_of(desk, parent, name) if (did := work.acts(doer, name))]
        partly = left_of(desk, parent, graph, name) is not None
        if not done and not partly:
            continue
        undoable = bool(done) and all(len([why for _, why in did if why]) < len(did) for _, did in done)
        may = {
            "adopt": bool(done) and may_count(parent, graph, name) and not work.taken_back(parent, name),
            "failed": partly,
            "undo": undoable,
            "again": True,
        }
        choices = [choice for choice in CHOICES if may[choice]]
        rows += [_row(desk, name, choices, doer, did) for doer, did in done or [(parent, [])]]
    return rows


def _row(desk: Requests, name: str, choices: list[str], doer: Plan, did: list[tuple[str, str]]) -> Row:
    final = [why for _, why in did if why]
    return {
        "step": name,
        "plan": doer.id,
        "actions": len(did),
        "does": did[0][0] if did else "",
        "cannot_undo": final[0] if final else "",
        "choices": choices,
        "leaning": leaning(desk.engine.parts.ledger.rows, desk.engine.load, doer, [name]),
    }


def _family(desk: Requests, plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in children_of(plan):
        yield from _family(desk, desk.engine.load(child))


# --- what is asked


def told(rerun: Rerun) -> Row:
    """Say what a rerun would do, in plain data."""
    kept = adoptable(rerun.parent, rerun.graph, rerun.again)
    order = [name for wave in rerun.graph.order() for name in wave]
    return {
        "plan": rerun.parent.id,
        "title": rerun.graph.definition.title,
        "from": ", ".join(rerun.start),
        "taken_over": [name for name in order if name in kept],
        "runs_again": [name for name in order if name not in kept],
        "later": rerun.later,
    }


async def _preview(desk: Requests, params: Params, emit: Emit) -> Params:
    del emit
    return told(planned(desk, params))


async def _rerun(desk: Requests, params: Params, emit: Emit) -> Params:
    plan_id = id_for(desk, params)
    async with turn_of(desk, plan_id):
        standing = None if await is_there(desk, plan_id) else await _make(desk, plan_id, params, emit)
    return await desk.taken(plan_id, emit) if standing is None else standing


async def _make(desk: Requests, plan_id: str, params: Params, emit: Emit) -> Params | None:
    """Make the plan, after what is taken back first; gives where that stands when it needs the operator."""
    rerun = planned(desk, params)
    choices = _choices(rerun, params.get("choices") or {})
    undone = [name for name, choice in choices.items() if choice == "undo"]
    if undone:
        standing = await _take_back(desk, rerun, undone, emit)
        if standing is not None:
            return standing
        rerun = planned(desk, params)
        _choices(rerun, {name: choice for name, choice in choices.items() if name not in undone})
    kept = {name for name, choice in choices.items() if choice == "adopt"}
    rerun.partly = {name for name, choice in choices.items() if choice == "failed"}
    inputs = _inputs(desk, rerun, params)
    commands = _commands(desk, rerun, plan_id, kept, inputs, changed=bool(params.get("inputs")))
    cause = f"plan:{rerun.parent.id}@{rerun.parent.sequence}"
    await desk.engine.submit(plan_id, *commands, actor="operator", cause=cause)
    return None


def _choices(rerun: Rerun, given: Mapping[str, str]) -> dict[str, str]:
    """Give what becomes of each later action; raises InputError that names those nothing was said of."""
    steps = {row["step"]: row for row in rerun.later}
    for name, choice in given.items():
        if name not in steps:
            known = ", ".join(steps) or "none"
            raise InputError(f"'{name}' did nothing that a rerun would do again.", remedy=f"What did: {known}.")
        if choice not in CHOICES:
            raise InputError(f"'{choice}' is no answer for '{name}'.", remedy=f"Say {', '.join(CHOICES)}.")
        if choice not in steps[name]["choices"]:
            instead = " or ".join(steps[name]["choices"])
            raise InputError(_why_not(rerun, choice, steps[name]), remedy=f"Say {instead}.")
    if missing := [name for name, row in steps.items() if name not in given and row["actions"]]:
        ways = " or ".join(f"--{choice} {missing[0]}" for choice in steps[missing[0]]["choices"])
        raise InputError(
            f"Plan {rerun.parent.id} acted in {', '.join(missing)}, which would not be taken over.",
            remedy=f"Say what becomes of each: {ways}",
        )
    return dict(given)


def _why_not(rerun: Rerun, choice: str, row: Row) -> str:
    name = row["step"]
    if choice == "failed":
        return f"'{name}' is no list of which something is done and something failed, and nothing else was done in it"
    if choice == "undo":
        return f"'{name}' can't be undone: {row['cannot_undo']}"
    if name not in rerun.graph.steps:
        return f"'{name}' can't count as it is: this version has no such step"
    if not _is_done(rerun.parent, name):
        return f"'{name}' can't count as it is: it did not come to its end"
    return f"'{name}' can't count as it is: a part of it was undone, or this version makes something else of it"


async def _take_back(desk: Requests, rerun: Rerun, steps: list[str], emit: Emit) -> Params | None:
    """Undo some steps first, where they were done; gives where that plan stands when it needs the operator."""
    doers: dict[str, list[str]] = {}
    for row in rerun.later:
        if row["step"] in steps:
            doers.setdefault(row["plan"], []).append(row["step"])
    for plan_id, names in doers.items():
        command = c.UndoPlan(now_us=desk.clock.now_us(), by="operator", reason="it runs again", steps=tuple(names))
        await desk.engine.submit(plan_id, command, actor="operator")
        standing = await desk.taken(plan_id, emit)
        if standing["questions"] or standing["status"] == "undoing":
            return standing
    return None


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
    desk: Requests, rerun: Rerun, plan_id: str, kept: set[str], inputs: dict[str, Value], *, changed: bool
) -> tuple[c.PlanCommand, ...]:
    parent, definition, now_us = rerun.parent, rerun.graph.definition, desk.clock.now_us()
    ref = desk.engine.keep_definition(definition)
    plan = Plan(plan_id, rerun.graph, proposed_at_us=now_us)
    propose = c.ProposePlan(
        now_us=now_us,
        definition=ref,
        playbook=definition.name,
        title=definition.title,
        inputs=desk.payloads.keep(inputs, plan=plan),
        labels=merge_labels(parent.labels, ("operator",)) if changed or not parent.labels else parent.labels,
        expires_at_us=None if definition.expires_s is None else now_us + definition.expires_s * SECOND_US,
        keys=places_of(desk.engine.parts, rerun.graph, inputs, now_us),
        priority=parent.priority,
    )
    adopted = _adopted(desk, rerun, plan, adoptable(parent, rerun.graph, rerun.again, kept))
    adopted += tuple(adopted_rest(desk, parent, rerun.graph, plan, name) for name in sorted(rerun.partly))
    fork = c.ForkPlan(now_us=now_us, of=parent.id, start=", ".join(rerun.start), adopted=adopted)
    return (propose, fork, c.ApprovePlan(now_us=now_us, by="operator"))


def _adopted(desk: Requests, rerun: Rerun, plan: Plan, steps: Sequence[str]) -> tuple[e.Adopted, ...]:
    """Take outcomes over as they are recorded: what is sealed in them stays sealed under the keys that it has."""
    recorded = Payloads(desk.payloads.raw)
    parts = msgspec.structs.replace(desk.engine.parts, payloads=recorded)
    found: list[e.Adopted] = []
    for name in steps:
        names, status = Names(parts, rerun.parent, ""), rerun.parent.slots[name].status
        value = recorded.keep(desk.payloads.seal(names(name), plan=plan))
        found.append(e.Adopted(name, value, names.labels, status=cast("Ended", status)))
    return tuple(found)


METHODS: Mapping[str, Method] = {"rerun": _rerun, "rerun_preview": _preview}
