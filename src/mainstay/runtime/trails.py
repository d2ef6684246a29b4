"""Where each word of an action came from: found in the plan when an action is judged, and kept nowhere before.

A plan holds all it takes: the templates that made the arguments, the outputs they read, the journal of an agent, and
the plan that began this one. So steps that act on nothing outside pay nothing for it, and no label can get lost on the
way: what is not found counts as outside content as soon as anything outside is among what the step read.

    a literal            the playbook's words                 inputs       the operator's, the event's, or the parent's
    a step that reads    by field, as its operation declares  an agent     what it was told, traced by what it says
    a step that asks     the operator's answer                a playbook   by what that returns
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, cast

import msgspec

from mainstay import events as e
from mainstay.contracts import from_plain, stays_here, to_plain
from mainstay.errors import MainstayError
from mainstay.kernel import graph as g
from mainstay.kernel.calls import calls_of
from mainstay.kernel.forking import adopted_part
from mainstay.kernel.state import FINAL, caller_of, is_call, step_name
from mainstay.origins import (
    ALL,
    COMPANY,
    OPERATOR,
    PLAYBOOK,
    Gives,
    Heard,
    Leaf,
    joined,
    leaf_paths,
    leaves_of,
    placed_leaves_of,
    plain,
    trace,
)
from mainstay.ports import Flow
from mainstay.records import EVENT_GIVES, EVENTS
from mainstay.runtime.checking import is_path
from mainstay.runtime.journal import stream_of_journal
from mainstay.runtime.names import Names, last_output
from mainstay.runtime.placed import ANYWHERE, KeptLeaves, all_of, below, fitted, made_of, moved, of_event, said_by_agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstay.contracts import Operation
    from mainstay.kernel.state import Plan
    from mainstay.origins import Placed
    from mainstay.runtime.parts import Parts
    from mainstay.values import Labels, Value

_OWN_LABELS = frozenset({OPERATOR, PLAYBOOK, COMPANY, "plan.ended"})
_MADE = ("agent:", "model.")  # what they say comes from what they were told
_OF_AGENTS = ("ctx.", "model.")
_NAMED = frozenset({"index", "today", "ready_at", "round"})  # made by Mainstay itself


class Trails:
    """Makes `ports.Flow` of an action about to be judged."""

    def __init__(self, parts: Parts, load: Callable[[str], Plan]) -> None:
        """Take the parts, and what gives a plan as it will be."""
        self._parts, self._load = parts, load
        self._kept = KeptLeaves()
        parts.payloads.on_forget.append(self._kept.clear)

    def flow(
        self,
        plan: Plan,
        path: str,
        operation: Operation,
        arguments: Value,
        labels: Labels,
        edited: tuple[str, ...] = (),
    ) -> Callable[[], Flow] | None:
        """Give what says where the arguments of an action came from; looks back when that is asked, and once.

        `edited` are those that the operator is changing now. None where nothing in sight is outside, secret or private,
        and for what does nothing outside or undoes it.
        """
        if path.startswith("~") or stays_here(operation) or not any(map(self._matters, labels)):
            return None
        of = self._of_call if is_call(path) else self._of_step
        return cache(partial(of, plan, path, operation, arguments, edited))

    def of_read(
        self, plan: Plan, path: str, operation: Operation, arguments: Value, labels: Labels
    ) -> Callable[[], Flow] | None:
        """Give the same of a read that sends something out, because an argument has a role; None of any other."""
        if not operation.roles or not any(map(self._matters, labels)):
            return None
        of = self._of_read if plan.step(path).kind == "agent" else self._of_step
        return cache(partial(of, plan, path, operation, arguments))

    def _of_read(self, plan: Plan, path: str, operation: Operation, arguments: Value) -> Flow:
        heard = _Trail(self._parts, self._load, self._kept).heard(plan, path)
        return Flow(said_by_agent(arguments, heard), operation, heard=heard)

    def _of_call(self, plan: Plan, path: str, operation: Operation, arguments: Value, edited: tuple[str, ...]) -> Flow:
        heard = _Trail(self._parts, self._load, self._kept).heard(plan, caller_of(path), before=path)
        if edited or plan.slots[path].edited:
            edited = self._changed(plan, path, arguments)
        return Flow(said_by_agent(arguments, heard), operation, heard=heard, edited=edited)

    def _of_step(
        self, plan: Plan, path: str, operation: Operation, arguments: Value, edited_now: tuple[str, ...] = ()
    ) -> Flow:
        step, trail = plan.step(path), _Trail(self._parts, self._load, self._kept)
        given = cast("dict[str, Value]", arguments)
        made = {name: _worked_out(self._parts, plan, path, one) for name, one in step.arguments.fields.items()}
        edited = _differing(given, made, operation) if edited_now or plan.slots[path].edited else ()
        leaves: list[Placed] = []
        for name, value in given.items():
            template = step.arguments.fields.get(name)
            if name in edited:
                leaves += all_of(name, value, OPERATOR)
            elif template is None:
                leaves += all_of(name, value, PLAYBOOK)
            else:
                leaves += fitted(name, value, trail.template(plan, path, template, value))
        return Flow(tuple(leaves), operation, known=cache(partial(trail.known, plan)), edited=edited)

    def _changed(self, plan: Plan, path: str, arguments: Value) -> tuple[str, ...]:
        """Name the arguments that the operator changed of what an agent asked for."""
        for event in self._parts.ledger.read(stream_of_journal(plan.id, caller_of(path), _journal_of(path))):
            if isinstance(event.fact, e.Journaled) and event.fact.call == path:
                before = cast("dict[str, Value]", self._parts.payloads.load(event.fact.arguments) or {})
                now = cast("dict[str, Value]", arguments)
                return tuple(name for name in now if before.get(name) != now[name])
        return ()

    def _matters(self, label: str) -> bool:
        """Whether a label can stand for outside content, a secret or something private."""
        if label in _OWN_LABELS or label.startswith(_MADE):
            return False
        try:
            gives = self._parts.catalogue.operation(label).gives
        except MainstayError:
            return True
        return gives.trusted != ALL or bool(gives.secret or gives.private)


class _Trail:
    """One look back from an action; what was found is remembered for its length."""

    def __init__(self, parts: Parts, load: Callable[[str], Plan], kept: KeptLeaves) -> None:
        self._parts, self._load, self._kept = parts, load, kept
        self._found: dict[tuple[str, str, str], list[Placed]] = {}

    # --- templates

    def template(self, plan: Plan, path: str, template: g.Template, value: Value) -> list[Placed]:
        """Give the leaves of what a template made."""
        if isinstance(template, g.Literally):
            return all_of("", value, PLAYBOOK)
        if isinstance(template, g.Record):
            fields = cast("dict[str, Value]", value if isinstance(value, dict) else {})
            parts = [(name, inner, fields.get(name)) for name, inner in template.fields.items()]
        elif isinstance(template, g.Sequence):
            items = enumerate(value) if isinstance(value, list) else ()
            parts = [(str(at), template.items[at], item) for at, item in items]
        elif isinstance(template, g.Cel) and is_path(template.source):
            return self.at(plan, path, template.source)
        else:
            read = list(self._read(plan, path, template))
            if value is None:  # it can't be worked out here: all of it counts, wherever in it one looks
                return [(ANYWHERE, leaf) for leaf in read]
            made = made_of(read)
            return [(place, Leaf(one, made.label, heard=made)) for place, one in leaf_paths(value)]
        return [
            (joined(name, place), leaf)
            for name, inner, one in parts
            for place, leaf in self.template(plan, path, inner, one)
        ]

    def _read(self, plan: Plan, path: str, template: g.Cel | g.Text | g.Literally) -> Iterator[Leaf]:
        """Give all leaves that an expression, or a text with expressions inside, read."""
        if isinstance(template, g.Literally):
            yield Leaf(template.value, PLAYBOOK)
        elif isinstance(template, g.Text):
            for part in template.parts:
                yield from self._read(plan, path, part)
        else:
            yield Leaf(template.source, PLAYBOOK)
            for source in template.paths:
                yield from (leaf for _, leaf in self.at(plan, path, source))

    def at(self, plan: Plan, path: str, source: str) -> list[Placed]:
        """Give the leaves of what a dotted path reads."""
        head, _, rest = source.partition(".")
        key = plan.id, path if head in ("item", "index", "last") else "", head
        if key not in self._found:
            self._found[key] = self._named(plan, path, head)
        return below(self._found[key], rest)

    # --- names

    def _named(self, plan: Plan, path: str, name: str) -> list[Placed]:
        given = plan.given
        if isinstance(given, dict) and name in given and name not in ("item", "index"):
            return self._given(plan, name)
        if name in plan.graph.steps:
            return self._ended(plan, name)
        if name in plan.graph.definition.let:
            template = plan.graph.definition.let[name]
            return self.template(plan, path, template, _worked_out(self._parts, plan, path, template))
        if name == "item":
            items = self._items(plan, step_name(path))
            return [*items.get(path.rpartition("/")[2], ()), *items.get(ANYWHERE, ())]
        if name == "inputs":
            return self._inputs(plan)
        if name == "company":
            return all_of("", cast("Value", self._parts.company), COMPANY)
        if name == "last":
            slot = plan.slots[path]
            return self._returned(slot.children, self._parts.payloads.load(last_output(slot)), slot.labels)
        return [(ANYWHERE, Leaf(None, COMPANY) if name in _NAMED else Leaf(None, name, outside=True))]

    def _given(self, plan: Plan, name: str) -> list[Placed]:
        """Give what a part of a long list was given by the plan it belongs to."""
        parent_id, _, path = plan.parent.partition("/")
        parent = self._load(parent_id)
        if name != "items":
            return self.at(parent, path, name)
        given = cast("dict[str, Value]", plan.given)
        start, part = int(str(given.get("index", 0))), self._parts.payloads.load(given["items"])
        count = len(part) if isinstance(part, list) else 0
        whole = self._items(parent, path)
        return [(joined(str(at), place), leaf) for at in range(count) for place, leaf in whole.get(str(start + at), ())]

    def _items(self, plan: Plan, name: str) -> dict[str, list[Placed]]:
        """Give the leaves of the list that a step goes over, by item."""
        slot, each = plan.slots[name], plan.graph.steps[name].each
        kept = self._kept.get((plan.id, "each", name), slot.items)
        if kept is not None:
            return kept
        items = self._parts.payloads.load(slot.items)
        if each is None or adopted_part(plan, name) is not None:
            leaves = self._by_labels(items, slot.labels)
        else:
            leaves = self.template(plan, name, each, items)
        return self._kept.keep((plan.id, "each", name), slot.items, leaves)

    def _inputs(self, plan: Plan) -> list[Placed]:
        value = self._parts.payloads.load(plan.inputs)
        if plan.parent:
            return self._from_parent(plan, value)
        if set(plan.labels) <= {OPERATOR}:
            return all_of("", value, OPERATOR)
        events = [label for label in plan.labels if label in EVENTS]
        triggers = [one for one in plan.graph.definition.on if one.event in events]
        if len(triggers) == 1 and OPERATOR not in plan.labels:
            return of_event(triggers[0], value)
        return self._by_labels(value, plan.labels)

    def _from_parent(self, plan: Plan, value: Value) -> list[Placed]:
        """Give where the inputs of a child plan came from: what its parent's step gave it."""
        parent_id, _, path = plan.parent.partition("/")
        parent = self._load(parent_id)
        if plan.given is not None:  # a part of a list has its parent's inputs
            return self.at(parent, path, "inputs")
        fields = cast("dict[str, Value]", value)
        found: list[Placed] = []
        templates = parent.step(path).arguments.fields
        for name, one in fields.items():
            template = templates.get(name)
            made = None if template is None else _worked_out(self._parts, parent, path, template)
            if parent.slots[path].edited and made != one:
                found += all_of(name, one, OPERATOR)
            elif template is None:
                found += all_of(name, one, PLAYBOOK)
            else:
                found += fitted(name, one, self.template(parent, path, template, one))
        return found

    # --- steps

    def _ended(self, plan: Plan, name: str) -> list[Placed]:
        """Give the leaves of what a step is worth; of one that ended they stay as they are."""
        slot = plan.slots.get(name)
        if slot is None or slot.status not in FINAL:
            return self._step(plan, name)
        kept = self._kept.get((plan.id, "step", name), slot)
        whole = self._kept.keep((plan.id, "step", name), slot, self._step(plan, name)) if kept is None else kept
        return [placed for part in whole.values() for placed in part]

    def _step(self, plan: Plan, name: str) -> list[Placed]:
        slot, step = plan.slots.get(name), plan.graph.steps[name]
        if slot is None:
            return []
        if slot.adopted or adopted_part(plan, name) is not None:
            return self._by_labels(Names(self._parts, plan, name)(name), slot.labels)
        if step.each is None:
            return self._unit(plan, name)
        if not slot.children or step.kind in ("playbook", "repeat"):
            units = (self._unit(plan, f"{name}/{at}") for at in range(slot.count))
            return [(joined(str(at), place), leaf) for at, unit in enumerate(units) for place, leaf in unit]
        found: list[Placed] = []
        start = 0
        for child_id in slot.children:
            child = self._load(child_id)
            found += [(moved(place, start), leaf) for place, leaf in self._step(child, name)]
            start += child.slots[name].count if name in child.slots else 0
        return found

    def _unit(self, plan: Plan, path: str) -> list[Placed]:
        """Give the leaves of what one ended step, or one item of it, is worth."""
        slot, step = plan.slots.get(path), plan.step(path)
        if slot is None:
            return []
        value = self._parts.payloads.load(last_output(slot) if slot.children else slot.output)
        if step.kind == "do":
            return self._done(plan, path, step, value)
        if step.kind == "agent":
            heard = self.heard(plan, path)
            shown = {"rationale": slot.rationale, "confidence": slot.confidence}
            whole = {**shown, **value} if isinstance(value, dict) else value
            return [(place, Leaf(one, heard.label, heard=heard)) for place, one in leaf_paths(cast("Value", whole))]
        if step.kind == "ask":
            return self._answered(plan, path, step, value)
        if step.kind == "wait":
            awaited = step.awaited.event if step.awaited is not None else ""
            return placed_leaves_of(value, awaited, EVENT_GIVES[awaited]) if awaited else []
        return self._returned(slot.children, value, slot.labels)

    def _done(self, plan: Plan, path: str, step: g.Step, value: Value) -> list[Placed]:
        """Give the leaves of what an operation gave: a stranger's words that it only gave back stay a stranger's."""
        leaves = placed_leaves_of(value, step.target, self._parts.catalogue.operation(step.target).gives)
        if all(leaf.outside for _, leaf in leaves):
            return leaves
        made = _worked_out(self._parts, plan, path, step.arguments)
        given = (trace(leaf) for _, leaf in self.template(plan, path, step.arguments, made))
        strange = {plain(leaf.value): leaf for leaf in given if leaf.outside and isinstance(leaf.value, str)}
        return [
            (place, leaf if leaf.outside or not isinstance(leaf.value, str) else strange.get(plain(leaf.value), leaf))
            for place, leaf in leaves
        ]

    def _answered(self, plan: Plan, path: str, step: g.Step, value: Value) -> list[Placed]:
        """Give the leaves of an answer: what was shown keeps where it came from, all else is the operator's own."""
        ask = step.ask
        if ask is None or ask.show is None:
            return all_of("", value, OPERATOR)
        fields = cast("dict[str, Value]", value if isinstance(value, dict) else {})
        rows = self._parts.payloads.load(fields.get("rows"))
        shown = Heard(OPERATOR, self._read(plan, path, ask.show), invents=True)
        kept = [(joined("rows", place), Leaf(one, OPERATOR, heard=shown)) for place, one in leaf_paths(rows)]
        return [*all_of("", {name: one for name, one in fields.items() if name != "rows"}, OPERATOR), *kept]

    def _returned(self, children: tuple[str, ...], value: Value, labels: Labels) -> list[Placed]:
        """Give the leaves of what the last child plan that gave something returned."""
        if value is None:
            return []
        for child_id in reversed(children):
            child = self._load(child_id)
            if self._parts.payloads.load(child.output) == value:
                templates = child.graph.definition.returns
                fields = cast("dict[str, Value]", value)
                parts = [(name, self.template(child, "", one, fields.get(name))) for name, one in templates.items()]
                return [(joined(name, place), leaf) for name, leaves in parts for place, leaf in leaves]
        return self._by_labels(value, labels)

    # --- agents

    def heard(self, plan: Plan, path: str, before: str = "") -> Heard:
        """Give all that the agent of a step was told: its arguments, what it read, and what became of its actions."""
        step = plan.step(path)
        return Heard(f"agent:{step.target}", self._told(plan, path, step, before), chooses=True)

    def _told(self, plan: Plan, path: str, step: g.Step, before: str) -> Iterator[Leaf]:
        slot = plan.slots[path]
        for template in step.arguments.fields.values():
            made = _worked_out(self._parts, plan, path, template)
            yield from (leaf for _, leaf in self.template(plan, path, template, made))
        if slot.edited:
            yield from (leaf for _, leaf in all_of("", self._parts.payloads.load(slot.arguments), OPERATOR))
        yield from (Leaf(said, OPERATOR) for said in slot.feedback)  # why their work was sent back
        yield from self._read_by(plan, path)
        asked = self._asked(plan, path)
        for call in calls_of(plan, path):
            done = plan.slots[call]
            if call != before and done.status == "done":
                yield from self._gave(done.operation, self._parts.payloads.load(done.output), asked.get(call))

    def _asked(self, plan: Plan, path: str) -> dict[str, Value]:
        """Give the arguments that an agent asked for its actions with."""
        load = self._parts.payloads.load
        return {fact.call: load(fact.arguments) for fact in self._entries(plan, path) if fact.call}

    def _entries(self, plan: Plan, path: str) -> Iterator[e.Journaled]:
        """Give what an agent called, as its journals hold it: an earlier one may have taught it what an action did."""
        for number in range(plan.slots[path].journal + 1):
            for event in self._parts.ledger.read(stream_of_journal(plan.id, path, number)):
                if isinstance(event.fact, e.Journaled):
                    yield event.fact

    def _read_by(self, plan: Plan, path: str) -> Iterator[Leaf]:
        """Give what an agent read."""
        load = self._parts.payloads.load
        for fact in self._entries(plan, path):
            if fact.call or fact.operation.startswith(_OF_AGENTS):
                continue
            if fact.failure is not None:
                yield from self._gave(fact.operation, {"failure": fact.failure.message}, None)
            else:
                yield from self._gave(fact.operation, load(fact.output), load(fact.arguments))

    def _gave(self, name: str, output: Value, arguments: Value) -> list[Leaf]:
        """Give what an operation told an agent, less what it had asked with: that is its own word, given back."""
        try:
            gives = self._parts.catalogue.operation(name).gives
        except MainstayError:  # the operation is gone: nobody says who can write what it gave
            gives = Gives()
        own = {plain(one) for _, one in leaf_paths(arguments)}
        return [leaf for leaf in leaves_of(output, name, gives) if leaf.outside or plain(leaf.value) not in own]

    # --- what is known as a whole only

    def known(self, plan: Plan) -> Heard:
        """Give what the operator and their records say in a plan: its inputs, the company, what genuine reads gave."""
        return Heard(OPERATOR, (leaf for leaf in self._known(plan) if not leaf.outside), invents=True)

    def _known(self, plan: Plan) -> Iterator[Leaf]:
        for name in ("inputs", "company"):
            yield from (trace(leaf) for _, leaf in self.at(plan, "", name))
        for name, step in plan.graph.steps.items():
            if step.kind == "do" and step.effect == "read" and step.each is None:
                yield from (leaf for _, leaf in self.at(plan, "", name))
            elif step.kind == "ask" and step.ask is not None and self._said_yes(plan, name):
                shown = (*step.ask.text.parts, *((step.ask.show,) if step.ask.show is not None else ()))
                yield from (Leaf(leaf.value, OPERATOR) for part in shown for leaf in self._read(plan, name, part))

    def _said_yes(self, plan: Plan, name: str) -> bool:
        """Whether the operator said yes to a question: what it named is theirs from there on."""
        slot = plan.slots.get(name)
        answer = None if slot is None or slot.status != "done" else self._parts.payloads.load(slot.output)
        return isinstance(answer, dict) and answer.get("ruling") == "approved"

    def _by_labels(self, value: Value, labels: Labels) -> list[Placed]:
        outside = not set(labels) <= _OWN_LABELS
        label = next((label for label in labels if label not in _OWN_LABELS), OPERATOR)
        return [(place, Leaf(one, label, outside=outside)) for place, one in leaf_paths(value)]


# --- leaves


def _worked_out(parts: Parts, plan: Plan, path: str, template: g.Template) -> Value:
    """Give what a template makes, as it did before; None where it no longer can, as of what was forgotten."""
    slot = plan.slots.get(path)
    extra = None
    if slot is not None and path in plan.graph.steps and plan.graph.steps[path].repeat is not None:
        extra = {"last": parts.payloads.load(last_output(slot)), "round": slot.rounds + 1}
    try:
        return Names(parts, plan, path, extra).value(template)
    except MainstayError:
        return None


def _differing(given: dict[str, Value], made: dict[str, Value], operation: Operation) -> tuple[str, ...]:
    """Name the arguments that are not as the playbook makes them, each read as the operation takes it."""
    try:
        read = to_plain(from_plain({name: one for name, one in made.items() if one is not None}, operation.input))
    except msgspec.ValidationError:  # one that is required could not be made: that one the operator put in
        return tuple(name for name in given if made.get(name) is None and name in made)
    before = cast("dict[str, Value]", read)
    return tuple(name for name in given if name not in before or before[name] != given[name])


def _journal_of(call: str) -> int:
    """Give the number of the journal that an action was asked for in: "draft!2-7" is of the second."""
    return int(call.rpartition("!")[2].partition("-")[0]) if "-" in call.rpartition("!")[2] else 0
