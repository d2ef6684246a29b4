"""Makes compiled steps of drafts: expressions checked against types, arguments held against what is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.kernel.graph import Cel, Compensate, Literally, Record, Repeat, Step, Template
from mainstay.playbooks.asking import build_ask
from mainstay.playbooks.awaiting import build_awaited
from mainstay.playbooks.fit import in_words
from mainstay.playbooks.format import Mapping
from mainstay.runtime.expressions import expressions_in
from mainstay.runtime.types import ANY, BOOL, INT, TIME, Type

if TYPE_CHECKING:
    from collections.abc import Mapping as AnyMapping

    from mainstay.playbooks.calls import Call, Calls
    from mainstay.playbooks.drafts import StepDraft
    from mainstay.playbooks.fit import Fitter
    from mainstay.playbooks.format import Place, Report
    from mainstay.playbooks.keys import Keys
    from mainstay.playbooks.order import Order
    from mainstay.playbooks.templates import Draft
    from mainstay.playbooks.values import NameTypes

# Keys that only make sense where a step acts.
EFFECT_KEYS = {"undo": "there is nothing to undo", "gate": "there is nothing to allow", "delay": "nothing leaves",
               "parallel": "nothing of it could act beside an open question"}  # fmt: skip


class StepBuilder:
    """Makes compiled steps of drafts."""

    def __init__(self, keys: Keys, fitter: Fitter, types: NameTypes, calls: Calls, order: Order) -> None:
        self._keys = keys
        self._report: Report = keys.report
        self._fitter = fitter
        self._types = types
        self._calls = calls
        self._order = order
        self.scopes: set[str] = set()  # types of names that only some expressions know

    def step(self, draft: StepDraft, called: AnyMapping[str, Call | None]) -> Step:
        """Make one step; `called` says what each step calls."""
        call = called[draft.name]
        own, item = self._item(draft)
        rounds = self._rounds(draft)
        self._refuse_for_reads(draft, call)
        settings = {key: value for key, value in draft.settings.items() if value is not None}
        step = Step(
            name=draft.name,
            kind=draft.kind,  # type: ignore[arg-type]
            target=draft.target.text if draft.kind not in ("ask", "wait") else "",
            version=call.version if call is not None else "",
            effect=call.effect if call is not None else None,
            where=call.where if call is not None else "loop",
            needs=self._order.needs[draft.name],
            when=self._expression(draft, "when", BOOL, {}),
            each=self._expression(draft, "each", ANY, {}),
            arguments=self._arguments(draft, "with", call, {**own, **rounds}, draft.target.place),
            undo=self._undo(draft, own),
            check=self._check(draft, call, own),
            until=self._expression(draft, "until", TIME, {}) if draft.kind == "wait" else None,
            item=item,
            way_out=draft.way_out.text if draft.way_out else "",
            **({"on_failure": "step"} if draft.way_out else {}),
            **settings,
        )
        step = msgspec.structs.replace(step, **self._particulars(draft, rounds, called))
        self.scopes |= {text for cel in _scoped(step) for _, text in cel.scope}
        return step

    def _particulars(
        self, draft: StepDraft, rounds: dict[str, Type], called: AnyMapping[str, Call | None]
    ) -> dict[str, object]:
        """Give the fields that only one kind of step has."""
        if draft.kind == "ask":
            return {"ask": build_ask(draft, self._report, self._fitter, self._order, called)}
        if draft.kind == "repeat":
            until = self._expression(draft, "until", BOOL, rounds) or Cel("true")
            return {"repeat": Repeat(until, draft.max_rounds, draft.then)}  # type: ignore[arg-type]
        if draft.event is not None:
            event = self._types.event(draft)
            return {"awaited": build_awaited(draft, self._report, self._fitter, self._order, event)}
        return {}

    def _item(self, draft: StepDraft) -> tuple[dict[str, Type], str]:
        """Give the names that the items of a list bring, and the type of one item."""
        if "each" not in draft.templates:
            return {}, ""
        each = draft.templates["each"].expression
        checked = self._fitter.check(each, {}) if each else None
        item = ANY
        if checked is not None and checked.type.kind == "list":
            item = checked.type.of or ANY
        elif each and checked is not None and checked.type.kind != "any":
            self._report.add(each.place(), f"'each' must be a list, not {in_words(checked.type)}")
        return {"item": item, "index": INT}, str(item)

    def _rounds(self, draft: StepDraft) -> dict[str, Type]:
        """Give the names that the rounds of a loop bring."""
        return {"last": self._types.output(draft), "round": INT} if draft.kind == "repeat" else {}

    def _refuse_for_reads(self, draft: StepDraft, call: Call | None) -> None:
        for key, why in EFFECT_KEYS.items() if call is not None and not call.acts else ():
            if key in draft.keys and draft.kind in ("do", "playbook", "repeat"):
                self._report.add(draft.keys[key].place, f"{draft.target.text} changes nothing, so {why}")

    def _expression(self, draft: StepDraft, role: str, wanted: Type, own: dict[str, Type]) -> Cel | None:
        template = draft.templates.get(role)
        return None if template is None else self._fitter.cel(template, wanted, own, f"'{role}'")

    def _arguments(self, draft: StepDraft, role: str, call: Call | None, own: dict[str, Type], place: Place) -> Record:
        given = draft.templates.get(role)
        if call is None:
            return Record({})
        made: dict[str, Template] = {}
        for name, inner in given.fields.items() if given else ():
            if name in call.arguments:
                made[name] = self._fitter.fit(inner, call.arguments[name].type, own, f"{name!r}")
            else:
                self._unknown(given, name, call)
        for name, argument in call.arguments.items():
            if name in (given.fields if given else ()):
                continue
            if argument.required:
                where = given.node.place if given else place
                self._report.add(where, f"{call.name} needs {name!r} ({argument.type})")
            elif argument.default is not None:
                made[name] = Literally(argument.default)
        return Record(made)

    def _unknown(self, given: Draft | None, name: str, call: Call) -> None:
        assert given is not None
        assert isinstance(given.node, Mapping)
        one = Mapping({name: given.node.keys[name]}, {}, given.node.place)
        self._keys.known(one, call.arguments, f"of {call.name}")

    def _undo(self, draft: StepDraft, own: dict[str, Type]) -> Compensate | None:
        if draft.undo is None:
            return None
        call = self._calls.operation(draft.undo)
        if call is not None and not call.acts:
            self._report.add(draft.undo.place, f"{call.name} only reads; it can't undo anything")
        own = {**own, "this": self._types.output(draft)}
        return Compensate(draft.undo.text, self._arguments(draft, "undo", call, own, draft.undo.place))

    def _check(self, draft: StepDraft, call: Call | None, own: dict[str, Type]) -> Cel | None:
        own = {**own, "out": self._types.output(draft)}
        check = self._expression(draft, "check", BOOL, own)
        promise = call.success if call is not None else ""
        if not promise:
            return check
        scope = (("out", str(own["out"])),)
        if check is None:
            return Cel(promise, ("out",), ("out",), scope)
        names = tuple(sorted({*check.names, "out"}))
        both = f"({promise}) && ({check.source})"
        return Cel(both, names, (*check.paths, "out"), tuple(sorted({*check.scope, *scope})))


def _scoped(step: Step) -> list[Cel]:
    """Give the expressions that may use names which only they know."""
    templates: list[Template] = [step.arguments, *([step.undo.arguments] if step.undo else [])]
    found = [cel for template in templates for cel in expressions_in(template)]
    where = step.awaited.where if step.awaited else None
    until = step.repeat.until if step.repeat else None
    return [*found, *(cel for cel in (step.check, where, until) if cel)]
