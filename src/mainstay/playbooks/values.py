"""The types of all names of a playbook: its inputs, what stands under `let`, what each step's value is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.kernel.graph import Field
from mainstay.playbooks.fit import guess_type, read_literal
from mainstay.playbooks.format import Scalar
from mainstay.playbooks.naming import record_name
from mainstay.records import EVENTS
from mainstay.runtime.checking import Checker, WrongExpressionError, is_path, walk_path
from mainstay.runtime.types import ANY, DATE, TEXT, TIME, Type, Vocabulary, list_of, nearest, parse_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.playbooks.calls import Call
    from mainstay.playbooks.drafts import StepDraft
    from mainstay.playbooks.templates import Draft

COMPANY = {
    name: Field("text") for name in ("name", "email", "country", "currency", "timezone", "iban", "vat_id", "address")
}
RULINGS = {"approve": "approved", "reject": "rejected"}  # of the answers that every question has by itself
EXPIRED = "expired"


class NameTypes:
    """Works out the types of names, each when it is first asked for, because questions and lets lean on others."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        inputs: Mapping[str, Type],
        steps: Mapping[str, StepDraft],
        lets: Mapping[str, Draft],
        calls: Mapping[str, Call | None],
    ) -> None:
        """Take everything that has a name; `calls` by step."""
        self._vocabulary = vocabulary
        self._steps = steps
        self._lets = lets
        self._calls = calls
        self._busy: set[str] = set()
        self.circular: set[str] = set()  # names under `let` that lean on themselves
        fields = {name: Field(str(type_)) for name, type_ in inputs.items()}
        self._types: dict[str, Type] = {
            "inputs": vocabulary.add("inputs", fields),
            "company": vocabulary.add("company", COMPANY),
            "today": DATE,
            "ready_at": TIME,
        }

    def all(self) -> dict[str, Type]:
        """Give the types of all names."""
        for name in (*self._lets, *self._steps):
            self.of(name)
        return self._types

    def of(self, name: str) -> Type:
        """Give the type of one name; `any` for one that does not exist or leans on itself."""
        if name in self._types:
            return self._types[name]
        if name in self._busy or (name not in self._steps and name not in self._lets):
            self.circular |= {name} & self._lets.keys()
            return ANY
        self._busy.add(name)
        type_ = self._let(self._lets[name]) if name in self._lets else self._step(self._steps[name])
        self._types[name] = type_
        return type_

    def output(self, step: StepDraft) -> Type:
        """Give what one call of a step's operation or agent gives."""
        call = self._calls.get(step.name)
        return ANY if call is None else call.output

    def event(self, step: StepDraft) -> Type:
        """Give what `event` is where a step waits for one; `any` for a kind that does not exist."""
        struct = EVENTS.get(step.event.text) if step.event else None
        return ANY if struct is None else self._vocabulary.of(struct)

    def _step(self, step: StepDraft) -> Type:
        if step.kind == "ask":
            return self._answer(step)
        if step.kind == "wait":
            return self._waited(step)
        value = self.output(step)
        if step.kind == "agent" and value.kind == "record":
            value = self._with_reasons(value)
        return list_of(value) if "each" in step.templates else value

    def _waited(self, step: StepDraft) -> Type:
        event = self.event(step)
        if step.event is None or event == ANY:
            return ANY if step.event else self._vocabulary.add("waited", {})
        fields = {**self._vocabulary.records[event.name], "timed_out": Field("bool")}
        return self._vocabulary.add(f"{event.name}_or_not", fields)

    def _with_reasons(self, value: Type) -> Type:
        own = {"rationale": Field("text"), "confidence": Field("float")}
        return self._vocabulary.add(f"{value.name}_with_reasons", {**own, **self._vocabulary.records[value.name]})

    def _answer(self, step: StepDraft) -> Type:
        options = step.asked.get("options")
        rulings = tuple(RULINGS.get(option, option) for option in options or RULINGS)
        ruling = Type("choice", options=(*rulings, EXPIRED))
        fields = {"ruling": Field(str(ruling)), "by": Field("text"), "at": Field("time"), "reason": Field("text")}
        show = step.templates.get("show")
        shown = ANY if show is None else self._draft(show)
        if shown.kind == "list" and "approved" in rulings:
            fields["rows"] = Field(str(shown))
        if step.form:
            form = {field.name: Field(field.type) for field in step.form}
            fields["form"] = Field(str(self._vocabulary.add(f"{record_name(step.name)}_form", form)))
        return self._vocabulary.add(f"{record_name(step.name)}_answer", fields)

    def _let(self, draft: Draft) -> Type:
        if draft.kind == "literal" and isinstance(draft.node, Scalar):
            return guess_type(read_literal(draft.node.text, ANY, plain=draft.node.plain))
        return TEXT if draft.kind == "text" else self._draft(draft)

    def _draft(self, draft: Draft) -> Type:
        expression = draft.expression
        if expression is None:
            return ANY
        names = {name: self.of(name) for name in expression.names}
        if is_path(expression.source):
            walked = walk_path(expression.source, names, self._vocabulary.records)
            return ANY if walked is None else walked[0]
        try:
            return Checker(names, self._vocabulary.records).check(expression.source).type
        except WrongExpressionError:
            return ANY  # reported when everything is checked


def input_type(text: str, known: Mapping[str, Type]) -> Type:
    """Read the type of an input; `known` are the records a playbook may name. Raises ValueError."""
    type_ = parse_type(text)
    inner = type_
    while inner.of is not None:
        inner = inner.of
    if inner.kind == "record" and inner.name not in known:
        raise ValueError(f"there is no record {inner.name!r}{nearest(inner.name, known)}")
    return type_


def canonical_records(vocabulary: Vocabulary) -> dict[str, Type]:
    """Give the records that every playbook may name in its inputs, learning their fields."""
    from mainstay import records

    structs = (
        records.BankLine,
        records.Statement,
        records.Invoice,
        records.Match,
        records.Payment,
        records.Lead,
        *records.EVENTS.values(),
    )
    return {vocabulary.of(struct).name: vocabulary.of(struct) for struct in structs}


def used_records(vocabulary: Vocabulary, types: Mapping[str, Type], scopes: set[str]) -> dict[str, dict[str, Field]]:
    """Give the record types that names and scopes reach, sorted: what a definition has to hold."""
    found: dict[str, dict[str, Field]] = {}
    waiting = [*types.values(), *(parse_type(text) for text in sorted(scopes))]
    while waiting:
        type_ = waiting.pop()
        if type_.of is not None:
            waiting.append(type_.of)
        elif type_.kind == "record" and type_.name not in found:
            found[type_.name] = vocabulary.records[type_.name]
            waiting += [parse_type(field.type) for field in found[type_.name].values()]
    return dict(sorted(found.items()))
