"""What an expression can see: the names of a plan, loaded when they are used, and the labels they carry.

`inputs`, the names under `let`, finished steps, `today`, `ready_at`, `company`, and where they apply `item`, `index`,
`this`, `out`. A step that has no value (skipped, rejected, failed) gives None, which expressions read as the empty
value of its type.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mainstay.errors import ForgottenError, MainstayError
from mainstay.kernel import graph as g
from mainstay.kernel.forking import adopted_part
from mainstay.kernel.state import is_item, step_name
from mainstay.runtime.sealing import AGAIN, forgotten_in
from mainstay.values import SECOND_US, merge_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.kernel.state import Plan, Slot
    from mainstay.runtime.parts import Expressions, Parts
    from mainstay.values import Labels, Value

PLACES = "#places"  # among what a part of a long list is given: where its items stand in the whole; no name is so


class Names:
    """The names one unit of work sees. Evaluates templates with them, and collects the labels of what was read."""

    def __init__(self, parts: Parts, plan: Plan, path: str, extra: dict[str, Value] | None = None) -> None:
        """See the plan from `path`; `extra` adds names such as `this`."""
        self._parts = parts
        self._plan = plan
        self._path = path.removeprefix("~")
        self._extra = extra or {}
        # an item is there because of its list, whatever its own expressions read
        listed = plan.slots.get(step_name(path)) if is_item(path) else None
        self._read: set[str] = set(listed.labels) if listed is not None else set()
        self._expressions: Expressions = parts.expressions(plan.graph.definition)

    def value(self, template: g.Template) -> Value:
        """Evaluate a template; raises ExpressionError."""
        return self._expressions.value(template, self)

    @property
    def labels(self) -> Labels:
        """Where everything read so far came from."""
        return tuple(sorted(self._read))

    def refuse_forgotten(self, template: g.Template) -> None:
        """Raise ForgottenError when a template reads a value, or a whole record, of which a part was forgotten.

        Lists are left alone: what is about the others in them still counts.
        """
        for path in _paths_in(template):
            head, *rest = path.split(".")
            value = self(head) if head in self._plan.graph.steps or head in ("item", "inputs") else None
            for part in rest:
                value = value.get(part) if isinstance(value, dict) else None
            if not isinstance(value, list) and forgotten_in(value):
                raise ForgottenError(f"It needs {path}, and that was forgotten with a person.", remedy=AGAIN)

    def __call__(self, name: str) -> Value:
        """Give the value of a name."""
        if name in self._extra:
            return self._extra[name]
        given = self._plan.given
        if isinstance(given, dict) and name in given and name not in ("item", "index"):
            self._read.update(self._plan.labels)
            return self._parts.payloads.load(given[name])
        if name in self._plan.graph.steps:
            return self._step(name)
        if name in self._plan.graph.definition.let:
            return self.value(self._plan.graph.definition.let[name])
        return self._special(name)

    def _special(self, name: str) -> Value:
        plan, slot = self._plan, self._plan.slots.get(self._path)
        ready_us = slot.ready_at_us if slot is not None else plan.proposed_at_us
        if name == "inputs":
            self._read.update(plan.labels or ("operator",))
            return self._parts.payloads.load(plan.inputs)
        if name == "item":
            return self._item()
        if name == "index":
            return self._index()
        if name == "today":
            return local_time(ready_us, self._parts.timezone).date().isoformat()
        if name == "ready_at":
            return rfc3339(ready_us)
        assert name == "company", name
        return self._parts.company

    def _index(self) -> int:
        """Give the place of an item in the whole list, of which this may be a part, or the rest that runs again."""
        at, given = int(self._path.rpartition("/")[2]), self._plan.given
        if isinstance(given, dict) and "index" in given:
            places = self._parts.payloads.load(given.get(PLACES))
            return int(str(places[at] if isinstance(places, list) else int(str(given["index"])) + at))
        part = adopted_part(self._plan, step_name(self._path))
        return at if part is None else part.places[at]

    def _item(self) -> Value:
        assert is_item(self._path)
        slot = self._plan.slots[step_name(self._path)]
        items = self._parts.payloads.load(slot.items)
        assert isinstance(items, list)
        self._read.update(slot.labels)
        return items[int(self._path.rpartition("/")[2])]

    def _step(self, name: str) -> Value:
        slot = self._plan.slots.get(name)
        if slot is None:
            return None
        self._read.update(slot.labels)
        if slot.adopted:
            return self._parts.payloads.load(slot.output)
        if self._plan.graph.steps[name].each is not None:
            value, labels = fan_out_value(self._parts, self._plan, name, slot)
            self._read.update(labels)
            return value
        return value_of(self._parts, self._plan.graph.steps[name], slot)


def _paths_in(template: g.Template) -> Iterator[str]:
    """Give the dotted paths that a template reads."""
    if isinstance(template, g.Cel):
        yield from template.paths
    elif isinstance(template, g.Text):
        for part in template.parts:
            yield from _paths_in(part)
    elif not isinstance(template, g.Literally):
        inner = template.fields.values() if isinstance(template, g.Record) else template.items
        for part in inner:
            yield from _paths_in(part)


def value_of(parts: Parts, step: g.Step, slot: Slot) -> Value:
    """Give what an ended step is worth: an agent's output with its reasons, an answer with its time; else None."""
    if slot.status != "done" and not (slot.status == "rejected" and step.kind == "ask"):
        return None
    value = parts.payloads.load(last_output(slot) if slot.children else slot.output)
    if step.kind == "agent" and isinstance(value, dict):
        return {"rationale": slot.rationale, "confidence": slot.confidence, **value}
    if step.kind == "ask" and isinstance(value, dict):
        rows = parts.payloads.load(value.get("rows", []))  # many of them stand as a reference of their own
        return {**value, "at": rfc3339(int(str(value["at"]))), "rows": rows}
    return value


def to_be_edited(names: Names, step: g.Step) -> dict[str, Value]:
    """Give the arguments of a step that an operator's edit changes: those of them that can be worked out.

    Of an action what is forgotten is left out: it has to be given anew.
    """
    found: dict[str, Value] = {}
    for name, template in step.arguments.fields.items():
        with suppress(MainstayError):
            if step.effect not in (None, "read"):
                names.refuse_forgotten(template)
            found[name] = names.value(template)
    return found


def last_output(slot: Slot) -> Value:
    """Give what the last child plan that ended well returned, as it is recorded."""
    outputs = slot.output if isinstance(slot.output, dict) else {}
    return next((outputs[child] for child in reversed(slot.children) if outputs.get(child) is not None), None)


def fan_out_value(parts: Parts, plan: Plan, name: str, slot: Slot) -> tuple[list[Value], Labels]:
    """Give the list a fan-out is worth, in order, failed items null, with its labels."""
    values, labels = _own_values(parts, plan, name, slot)
    part = adopted_part(plan, name)
    if part is None:
        return values, labels
    whole = parts.payloads.load(part.output)
    assert isinstance(whole, list)
    ran = dict(zip(part.places, values, strict=False))
    return [ran.get(at, value) for at, value in enumerate(whole)], merge_labels(labels, part.labels)


def _own_values(parts: Parts, plan: Plan, name: str, slot: Slot) -> tuple[list[Value], Labels]:
    values: list[Value] = []
    labels: Labels = slot.labels
    if slot.children:
        outputs = slot.output if isinstance(slot.output, dict) else {}
        for child in slot.children:
            part = parts.payloads.load(outputs.get(child))
            values.extend(part if isinstance(part, list) else [])
        return values, labels
    for index in range(slot.count):
        item = plan.slots[f"{name}/{index}"]
        values.append(value_of(parts, plan.graph.steps[name], item))
        labels = merge_labels(labels, item.labels)
    return values, labels


def local_time(at_us: int, timezone: str) -> datetime:
    """Give a time in the company's time zone."""
    return datetime.fromtimestamp(at_us / SECOND_US, UTC).astimezone(ZoneInfo(timezone))


def rfc3339(at_us: int) -> str:
    """Give a time as text, UTC, as expressions take it."""
    return datetime.fromtimestamp(at_us / SECOND_US, UTC).isoformat().replace("+00:00", "Z")
