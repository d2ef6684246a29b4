"""Child plans: sub-plans, the rounds of feedback loops, and the parts of lists over 100 items (KERNEL P2, E5).

A child plan is proposed, approved and noted in its parent in one append, and its end is told to its parent in the
append that ends it: neither is ever known without the other. Its name says whose it is:

    plan-step     plan-step-4 (of the fourth item)     plan-step-r2 (the second round, or tried again)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from mainstay import commands as c
from mainstay.errors import MainstayError, Permanent
from mainstay.kernel.failing import allowance
from mainstay.kernel.forking import adopted_part
from mainstay.kernel.graph import MAX_ITEMS, chunk_of, names_used
from mainstay.kernel.state import END, GOING, duty_of, is_item
from mainstay.kernel.undo import is_idle, undo_order
from mainstay.kernel.words import say_path
from mainstay.runtime.admission import places_of
from mainstay.runtime.names import PLACES, Names, fan_out_value, last_output
from mainstay.values import SECOND_US, merge_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstay.kernel.graph import Definition, Step
    from mainstay.kernel.state import Plan, Slot
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.parts import Parts
    from mainstay.values import Labels, Value


_PAUSED = "the plan it belongs to is paused"


class Family(Protocol):
    """Facts decided for one append, over a plan and those above and below it."""

    def plan(self, plan_id: str) -> Plan:
        """Give a plan as it will be."""
        ...

    def decide(self, plan_id: str, command: c.PlanCommand, because: str = "") -> None:
        """Decide one more command, because of an event."""
        ...


class Children:
    """Begins, judges and takes back child plans, and works out how a plan ends."""

    def __init__(self, parts: Parts, desk: Desk, fail: Callable[[Plan, str, BaseException], None]) -> None:
        """Take the parts, the engine's desk, and what records that an attempt failed."""
        self._parts = parts
        self._desk = desk
        self._fail = fail

    # --- sub-plans and rounds

    def begin(self, plan: Plan, path: str, step: Step, seen: Labels) -> None:
        """Propose and start the child plan of a step or item; `seen` are the labels of what led to it."""
        slot, now_us = plan.slots[path], self._desk.now_us()
        if is_item(path) and not self._has_room(plan, step):
            self._desk.release(plan.id, path)  # looked at again when one of its fellows comes to rest
            return
        definition = plan.graph.definition.playbooks[step.target]
        names = Names(self._parts, plan, path, self._round_names(slot, slot.rounds + 1) if step.repeat else None)
        inputs = self._inputs(definition, names.value(step.arguments), slot)
        labels = merge_labels(names.labels, seen, slot.labels, ("operator",) if slot.edited else ())
        child_id = child_name(plan.id, path, len(slot.children) + 1)
        kept = self._desk.keep_definition(definition)
        propose = c.ProposePlan(
            now_us=now_us,
            definition=kept,
            playbook=definition.name,
            title=f"{plan.title}: {say_path(path)}" + (f", round {slot.rounds + 1}" if step.repeat else ""),
            inputs=self._parts.payloads.keep(inputs, plan=plan),
            labels=labels,
            parent=f"{plan.id}/{path}",
            expires_at_us=_expires_at_us(definition, plan, now_us),
            keys=places_of(self._parts, self._desk.graph(kept), inputs, now_us),
            priority=max(plan.priority, definition.priority),
        )
        approve = c.ApprovePlan(now_us=now_us, by="mainstay")
        begun = c.StartChildren(now_us=now_us, path=path, plans=(child_id,))
        self._desk.release(plan.id, path)
        requests: list[tuple[str, c.PlanCommand]] = [(child_id, propose), (child_id, approve), (plan.id, begun)]
        self._desk.submit_all(requests, cause=f"plan:{plan.id}@{slot.since}")

    def _has_room(self, plan: Plan, step: Step) -> bool:
        """Whether fewer than `at_once` items have a child plan that works; one that only waits holds no place."""
        prefix = f"{plan.id}-{step.name}-"
        working = {child[len(prefix) :].partition("-")[0] for child in self._desk.live_under(prefix)}
        return len(working) < step.at_once

    def _inputs(self, definition: Definition, arguments: Value, slot: Slot) -> dict[str, Value]:
        inputs = {each.name: each.default for each in definition.inputs if each.default is not None}
        inputs |= cast("dict[str, Value]", arguments)
        if slot.edited:
            inputs |= cast("dict[str, Value]", self._parts.payloads.load(slot.arguments) or {})
        missing = [each.name for each in definition.inputs if each.required and each.name not in inputs]
        if missing:
            raise Permanent(f"The playbook {definition.name} needs {', '.join(missing)}")
        return inputs

    def _round_names(self, slot: Slot, number: int) -> dict[str, Value]:
        return {"last": self._parts.payloads.load(last_output(slot)), "round": number}

    def judge(self, plan: Plan, path: str) -> None:
        """Hold the round that ended against `until`."""
        step, slot = plan.step(path), plan.slots[path]
        assert step.repeat is not None
        try:
            names = Names(self._parts, plan, path, self._round_names(slot, slot.rounds))
            accepted = names.value(step.repeat.until) is True
        except MainstayError as error:
            self._fail(plan, path, error)
            return
        command = c.JudgeRound(
            now_us=self._desk.now_us(), path=path, round=slot.rounds, accepted=accepted, labels=names.labels
        )
        self._desk.report(plan, path, command)

    # --- the end of a plan

    def finish(self, plan: Plan, path: str) -> None:
        """Work out which ending a plan has whose steps all ended, and what it returns."""
        assert path == END
        definition = plan.graph.definition
        names = Names(self._parts, plan, path)
        try:
            ending = next((each for each in definition.end if names.value(each.when) is True), None)
            returned = {name: names.value(template) for name, template in definition.returns.items()}
        except MainstayError as error:
            self._fail(plan, END, error)
            return
        command = c.FinishPlan(
            now_us=self._desk.now_us(),
            output=self._parts.payloads.keep(returned, plan=plan) if returned else None,
            ending=ending.name if ending is not None else "",
            undo=ending.undo if ending is not None else (),
            labels=names.labels,
        )
        self._desk.report(plan, END, command)

    # --- long lists

    def split(self, plan: Plan, path: str) -> None:
        """Propose child plans of at most 100 items each, in the transaction of the parent's fact (KERNEL P2)."""
        slot, definition, now_us = plan.slots[path], plan.graph.definition, self._desk.now_us()
        items = self._parts.payloads.load(slot.items)
        assert isinstance(items, list)
        child = chunk_of(definition, path)
        names = Names(self._parts, plan, path)
        given = {name: self._parts.payloads.keep(names(name), plan=plan) for name in names_used(child.steps[0])}
        kept = self._desk.keep_definition(child)
        again = adopted_part(plan, path)
        requests: list[tuple[str, c.PlanCommand]] = []
        plans: list[str] = []
        for number, start in enumerate(range(0, len(items), MAX_ITEMS)):
            child_id = f"{plan.id}-{path}-{number + 1}"
            listed = self._parts.payloads.keep(items[start : start + MAX_ITEMS], plan=plan)
            part: dict[str, Value] = {**given, "items": listed, "index": start}
            if again is not None:
                part[PLACES] = list(again.places[start : start + MAX_ITEMS])
            propose = c.ProposePlan(
                now_us=now_us,
                definition=kept,
                playbook=plan.playbook,
                title=f"{plan.title}: {path}, part {number + 1}",
                inputs=plan.inputs,
                given=part,
                labels=merge_labels(slot.labels, names.labels),
                parent=f"{plan.id}/{path}",
                expires_at_us=plan.expires_at_us,
                priority=plan.priority,
            )
            requests.append((child_id, propose))
            plans.append(child_id)
        # the others one after another, see `_begin_next_part`
        requests.append((plans[0], c.ApprovePlan(now_us=now_us, by="mainstay", allowed=_allowed(plan, path))))
        requests.append((plan.id, c.StartChildren(now_us=now_us, path=path, plans=tuple(plans))))
        self._desk.release(plan.id, path)
        self._desk.submit_all(requests, cause=f"plan:{plan.id}@{slot.since}")

    # --- undo

    def undo(self, plan: Plan, path: str) -> None:
        """Take back the child plans behind a path, last one first; go on when all are."""
        name = path.removeprefix("~")
        now_us = self._desk.now_us()
        left: list[str] = []
        for child_id in reversed(plan.slots[name].children):
            child, steps = self._desk.load(child_id), _wanted_of(plan, child_id)
            if steps is None:
                continue
            if child.status == "undone" or (steps and undo_order(child, steps) == ((), ()) and not child.undo_by):
                left = [*_left_of(child, plan, name), *left]
                continue
            if not child.undo_by:
                by, reason = plan.undo_by or "playbook", "the plan it belongs to is being undone"
                undo = c.UndoPlan(now_us=now_us, by=by, reason=reason, steps=steps)
                self._desk.submit(child_id, undo, cause=f"plan:{plan.id}@{plan.slots[path].since}")
            self._desk.release(plan.id, path)
            return
        self._desk.report(plan, path, c.UndoStep(now_us=now_us, path=name, left=tuple(left)))


# --- one append for a whole family


def tell_family(family: Family, parts: Parts, plan: Plan, now_us: int) -> None:
    """Tell the parent that a child plan ended, and the children that their parent did, in the same append."""
    if plan.parent:
        _tell_parent(family, parts, plan, now_us)
    if plan.status != "completed":
        ended = c.CancelPlan(now_us=now_us, by="mainstay", reason="the plan it belongs to ended")
        tell_children(family, plan, ended, lambda child: child.status in GOING)


def tell_pause(family: Family, plan: Plan, now_us: int) -> None:
    """Let child plans pause with their parent and go on with it, in the same append."""
    if plan.paused_at_us is None:
        tell_children(family, plan, c.ResumePlan(now_us=now_us, by="mainstay"), _is_paused)
    else:
        tell_children(family, plan, c.PausePlan(now_us=now_us, by="mainstay", reason=_PAUSED), _can_pause)


def tell_children(family: Family, plan: Plan, command: c.PlanCommand, wanted: Callable[[Plan], bool]) -> None:
    """Let a command reach those child plans that it is wanted for; they tell theirs."""
    for child_id in children_of(plan):
        if wanted(family.plan(child_id)):
            family.decide(child_id, command, f"plan:{plan.id}@{plan.sequence}")


def _is_paused(plan: Plan) -> bool:
    return plan.paused_at_us is not None


def _can_pause(plan: Plan) -> bool:
    return plan.status in ("approved", "running", "undoing") and plan.paused_at_us is None


def children_of(plan: Plan) -> Iterator[str]:
    """Give the ids of a plan's own child plans."""
    return (child for slot in plan.slots.values() for child in slot.children)


def waits_for_children(plan: Plan) -> bool:
    """Whether all that is left to do for a plan is done by child plans that are being taken back."""
    return bool(plan.live) and all(path[0] == "~" and bool(plan.slots[path[1:]].children) for path in plan.live)


def child_name(plan_id: str, path: str, run: int) -> str:
    """Give the id of a child plan: the same when it is decided again."""
    name, _, index = path.partition("/")
    return f"{plan_id}-{name}" + (f"-{int(index) + 1}" if index else "") + (f"-r{run}" if run > 1 else "")


def _tell_parent(family: Family, parts: Parts, plan: Plan, now_us: int) -> None:
    parent_id, _, path = plan.parent.partition("/")
    parent = family.plan(parent_id)
    if parent.status != "running":
        return
    part = duty_of(parent, path) == "list"
    output, labels, failed = None, merge_labels(plan.out_labels, plan.labels), 0
    if part:
        step = next(iter(plan.graph.steps))
        failed = plan.slots[step].failed_items
        if plan.status == "completed":
            output, labels = fan_out_value(parts, plan, step, plan.slots[step])
    elif plan.status == "completed":
        output = {} if plan.output is None else plan.output
    kept = parts.payloads.keep(output, plan=plan) if part else output
    finish = c.FinishChild(
        now_us=now_us,
        path=path,
        plan=plan.id,
        status=plan.status,
        output=kept,
        labels=labels,
        failed=failed,
        idle=is_idle(plan),
    )
    family.decide(parent_id, finish, f"plan:{plan.id}@{plan.sequence}")
    if part:
        _begin_next_part(family, parent_id, path, now_us)


def tell_rest(family: Family, plan: Plan, now_us: int) -> None:
    """Let the next part of a long list begin in the append in which one above `plan`, or it itself, came to rest."""
    while plan.parent and plan.status == "running" and plan.parked:
        parent_id, _, path = plan.parent.partition("/")
        parent = family.plan(parent_id)
        if parent.paused_at_us is None and duty_of(parent, path) == "list":
            _begin_next_part(family, parent_id, path, now_us)
        plan = parent


def _begin_next_part(family: Family, parent_id: str, path: str, now_us: int) -> None:
    """Let the next part of a long list begin once none that began works: so `at_once` holds for all of the list.

    One that waits for an answer, a time or an event holds no place; one that will be tried again by itself does.
    """
    parent = family.plan(parent_id)
    kept = 0  # failures that parts which only wait may still have
    for child in _not_ended(parent.slots[path]) if parent.status == "running" else ():
        part = family.plan(child)
        if part.status == "proposed":
            allowed = _allowed(parent, path, kept)
            approve = c.ApprovePlan(now_us=now_us, by="mainstay", allowed=allowed)
            family.decide(child, approve, f"plan:{parent_id}@{parent.sequence}")
            if parent.paused_at_us is not None:
                family.decide(child, c.PausePlan(now_us=now_us, by="mainstay", reason=_PAUSED))
            return
        if not _rests(family, part):
            return
        kept += part.allowed or 0


def _rests(family: Family, plan: Plan) -> bool:
    """Whether neither a plan nor one below it does anything, or is about to try again."""
    if plan.live or plan.batches or any(slot.status == "backoff" for slot in plan.slots.values()):
        return False
    under_way = (child for slot in plan.slots.values() if slot.status == "fanned" for child in _not_ended(slot))
    return all(_rests(family, family.plan(child)) for child in under_way)


def _not_ended(slot: Slot) -> Iterator[str]:
    ended = cast("dict[str, Value]", slot.output or {})
    return (child for child in slot.children if child not in ended)


def _allowed(plan: Plan, name: str, kept: int = 0) -> int | None:
    """How many items of the next part may fail: the allowance counts over the whole list."""
    if not plan.graph.steps[name].allow_failures_pct:
        return None
    return max(0, allowance(plan, name) - plan.slots[name].lost - kept)


# --- leaves


def _expires_at_us(definition: Definition, parent: Plan, now_us: int) -> int | None:
    """Give when a child plan expires: by its own playbook, and not after its parent."""
    own = None if definition.expires_s is None else now_us + definition.expires_s * SECOND_US
    times = [at_us for at_us in (own, parent.expires_at_us) if at_us is not None]
    return min(times, default=None)


def _wanted_of(plan: Plan, child_id: str) -> tuple[str, ...] | None:
    """Give what of a child plan is to be taken back: all of it, some of its paths, or None for nothing."""
    named = [name for name in plan.undo_steps if name.startswith(f"{plan.id}-")]
    own = [name for name in named if name.startswith((f"{child_id}/", f"{child_id}-"))]
    if named and not own:
        return None
    return () if f"{child_id}/" in own else tuple(name.removeprefix(f"{child_id}/") for name in own)


def _left_of(child: Plan, plan: Plan, path: str) -> Sequence[str]:
    """Name what a child plan could not take back, as its parent names it.

    "book/104" is an item of a long list, "rework#2.pay" the step `pay` of the second run of `rework`.
    """
    if duty_of(plan, path) == "list":
        first = int(str(child.given.get("index", 0))) if isinstance(child.given, dict) else 0
        return [_in_whole_list(left, first) for left in child.not_undone]
    run = plan.slots[path].children.index(child.id) + 1
    own = path if run == 1 else f"{path}#{run}"
    return [f"{own}.{left}" for left in child.not_undone]


def _in_whole_list(left: str, first: int) -> str:
    head, dot, rest = left.partition(".")
    head, run, number = head.partition("#")
    name, _, index = head.partition("/")
    return f"{name}/{first + int(index)}{run}{number}{dot}{rest}"
