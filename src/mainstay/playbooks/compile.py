"""Compiles a playbook to a definition: start reading here.

The same text, templates and contracts give the same bytes. Everything that is wrong is found in one go and raised
as one PlaybookError; nothing is looked up when a plan runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.contracts import AgentContract, Operation
from mainstay.errors import PlaybookError
from mainstay.kernel.graph import Ask, Cel, Compensate, Definition, Input, Need, Record, Step, Template
from mainstay.playbooks.fit import Fitter, in_words, read_literal
from mainstay.playbooks.format import Mapping, Node, Place, Report, Scalar, read_yaml
from mainstay.playbooks.order import check_questions, circle, needs_of, paths_used, rejection_used
from mainstay.playbooks.steps import STEP_NAME, StepDraft, StepReader, check_keys, check_name
from mainstay.playbooks.templates import Draft, Drafts
from mainstay.playbooks.values import Contracts, NameTypes, canonical_records, input_type, used_records
from mainstay.runtime.types import ANY, BOOL, INT, TIME, Type, Vocabulary, parse_type
from mainstay.values import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mainstay.ports import Catalogue

TOP_KEYS = ("playbook", "title", "inputs", "expires", "let", "steps", "returns")
LATER_KEYS = ("key", "limit", "priority", "end", "on")
INPUT_KEYS = ("type", "label", "default")


def compile_playbook(source: str, catalogue: Catalogue, *, file: str, folders: Sequence[Path] = ()) -> Definition:
    """Compile a playbook's YAML; raises PlaybookError with every finding as `file:line:column: text`.

    `file` names it in findings; `folders` are searched for `file:templates/...`, nearest first.
    """
    tree = read_yaml(source, file)
    report = Report()
    if not isinstance(tree, Mapping):
        raise PlaybookError((f"{tree.place}: a playbook is a list of keys, beginning with 'playbook: its-name'",))
    definition = _Compiler(report, catalogue, Drafts(report, folders), source).compile(tree)
    report.stop()
    assert definition is not None
    return definition


class _Compiler:
    def __init__(self, report: Report, catalogue: Catalogue, drafts: Drafts, source: str) -> None:
        self._report = report
        self._drafts = drafts
        self._reader = StepReader(report, drafts)
        self._contracts = Contracts(report, catalogue)
        self._source = source
        self._vocabulary = Vocabulary()

    def compile(self, tree: Mapping) -> Definition | None:
        """Read, order, type and fit; None when findings make the rest meaningless."""
        check_keys(self._report, tree, TOP_KEYS, "of a playbook", LATER_KEYS)
        inputs = self._inputs(tree)
        steps = self._reader.read(tree.values.get("steps"), tree.place)
        lets = self._named(tree, "let")
        returns = self._named(tree, "returns")
        self._refuse_shared_names(tree, steps)
        needs = {name: needs_of(step, steps, lets, self._report) for name, step in steps.items()}
        if around := circle(needs):
            first = steps[around[0]]
            self._report.add(first.place, f"these steps wait for each other: {', '.join((*around, around[0]))}")
        calls = {name: self._contract(step) for name, step in steps.items()}
        effects = [n for n, call in calls.items() if isinstance(call, Operation) and call.effect != "read"]
        check_questions(steps, needs, effects, self._report)
        types = NameTypes(self._vocabulary, {i.name: parse_type(i.type) for i in inputs}, steps, lets, calls)
        named = types.all()
        for name in sorted(types.circular):
            self._report.add(lets[name].node.place, f"{name!r} leans on itself")
        fitter = Fitter(self._report, named, self._vocabulary)
        builder = StepBuilder(self._report, fitter, types, self._contracts, self._vocabulary)
        paths = paths_used([d for s in steps.values() for d in s.drafts()] + list(returns.values()), lets)
        built = tuple(
            builder.step(step, calls[name], needs[name], rejection=rejection_used(name, needs, paths))
            for name, step in steps.items()
        )
        return Definition(
            name=self._name(tree),
            title=self._title(tree),
            steps=built,
            inputs=inputs,
            let={name: fitter.fit(draft, ANY, {}, f"'{name}'") for name, draft in lets.items()},
            returns={name: fitter.fit(draft, ANY, {}, f"'{name}'") for name, draft in returns.items()},
            expires_s=self._expires(tree),
            source=self._source,
            types={name: str(type_) for name, type_ in sorted(named.items())},
            records=used_records(self._vocabulary, named, builder.scopes),
        )

    def _name(self, tree: Mapping) -> str:
        name = self._reader.scalar(tree, "playbook")
        if name is None:
            self._report.add(tree.place, "the playbook has no name: begin with 'playbook: its-name'")
            return ""
        return name.text

    def _title(self, tree: Mapping) -> str:
        title = self._reader.scalar(tree, "title")
        if title is not None and title.cut:
            self._report.add(title.place, f"YAML ended this text at {title.cut!r}; put it in quotes")
        return title.text if title is not None else self._name(tree)

    def _expires(self, tree: Mapping) -> int | None:
        scalar = self._reader.scalar(tree, "expires")
        if scalar is None:
            return None
        try:
            return parse_duration_s(scalar.text)
        except ValueError as error:
            self._report.add(scalar.place, str(error))
            return None

    def _inputs(self, tree: Mapping) -> tuple[Input, ...]:
        node = tree.values.get("inputs")
        if node is None:
            return ()
        if not isinstance(node, Mapping):
            self._report.add(node.place, "'inputs' needs names with types, such as {lead: {type: text}}")
            return ()
        known = canonical_records(self._vocabulary)
        found = [self._input(key, node.values[name], known) for name, key in node.keys.items()]
        return tuple(each for each in found if each is not None)

    def _input(self, key: Scalar, node: Node, known: dict[str, Type]) -> Input | None:
        if STEP_NAME.fullmatch(key.text) is None or key.text == "in":
            self._report.add(key.place, f"{key.text!r} is no name for an input: small letters, digits and _")
        if not isinstance(node, Mapping) or "type" not in node.keys:
            self._report.add(node.place, f"the input {key.text!r} needs a type, such as {{type: text}}")
            return None
        check_keys(self._report, node, INPUT_KEYS, "of an input")
        type_ = self._reader.scalar(node, "type")
        label = self._reader.scalar(node, "label")
        if type_ is None:
            return None
        try:
            read = input_type(type_.text, known)
        except ValueError as error:
            self._report.add(type_.place, str(error))
            return None
        default = self._default(node, read)
        return Input(key.text, str(read), label.text if label else "", default, "default" not in node.keys)

    def _default(self, node: Mapping, type_: Type) -> Any:  # noqa: ANN401 - a plain value
        scalar = self._reader.scalar(node, "default") if "default" in node.keys else None
        if scalar is None:
            return None
        try:
            return read_literal(scalar.text, type_, plain=scalar.plain)
        except ValueError as error:
            self._report.add(scalar.place, f"the default: {error}")
            return None

    def _named(self, tree: Mapping, key: str) -> dict[str, Draft]:
        node = tree.values.get(key)
        if node is None:
            return {}
        if not isinstance(node, Mapping):
            self._report.add(node.place, f"{key!r} needs names with values")
            return {}
        for name, scalar in node.keys.items():
            if key == "let":
                check_name(self._report, scalar, "value under 'let'")
                if not isinstance(node.values[name], Scalar):
                    self._report.add(node.values[name].place, "a value under 'let' is one expression or text")
        return {name: self._drafts.template(value) for name, value in node.values.items()}

    def _refuse_shared_names(self, tree: Mapping, steps: dict[str, StepDraft]) -> None:
        lets = tree.values.get("let")
        for name, key in lets.keys.items() if isinstance(lets, Mapping) else ():
            if name in steps:
                self._report.add(key.place, f"{name!r} names a step as well; rename one of them")

    def _contract(self, step: StepDraft) -> Operation | AgentContract | None:
        if step.kind == "do":
            return self._contracts.operation(step.target)
        return self._contracts.agent(step.target) if step.kind == "agent" else None


class StepBuilder:
    """Makes compiled steps of drafts."""

    def __init__(
        self, report: Report, fitter: Fitter, types: NameTypes, contracts: Contracts, vocabulary: Vocabulary
    ) -> None:
        self._report = report
        self._fitter = fitter
        self._types = types
        self._contracts = contracts
        self._vocabulary = vocabulary
        self.scopes: set[str] = set()  # types of names that only some expressions know

    def step(
        self, draft: StepDraft, call: Operation | AgentContract | None, needs: tuple[Need, ...], *, rejection: bool
    ) -> Step:
        """Make one step; `rejection` says whether a no is provided for."""
        own, item = self._item(draft)
        settings = {key: value for key, value in draft.settings.items() if value is not None}
        asked = {key: settings.pop(key) for key in ("options", "to", "due_s", "remind_s") if key in settings}
        step = Step(
            name=draft.name,
            kind=draft.kind,  # type: ignore[arg-type]
            target=draft.target.text if draft.kind in ("do", "agent") else "",
            version=str(call.version) if call is not None else "",
            effect=call.effect if isinstance(call, Operation) else None,
            where=call.where if call is not None else "loop",
            needs=needs,
            when=self._expression(draft, "when", BOOL, {}),
            each=self._expression(draft, "each", ANY, {}),
            arguments=self._arguments(draft, "with", call, own, draft.target.place),
            undo=self._undo(draft, own),
            check=self._check(draft, call, own),
            until=self._expression(draft, "until", TIME, {}),
            item=item,
            **settings,
        )
        self.scopes |= {text for cel in _scoped(step) for _, text in cel.scope}
        if draft.kind != "ask":
            return step
        return msgspec.structs.replace(step, ask=self._ask(draft, asked, rejection=rejection))

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

    def _expression(self, draft: StepDraft, role: str, wanted: Type, own: dict[str, Type]) -> Cel | None:
        template = draft.templates.get(role)
        return None if template is None else self._fitter.cel(template, wanted, own, f"'{role}'")

    def _arguments(
        self,
        draft: StepDraft,
        role: str,
        call: Operation | AgentContract | None,
        own: dict[str, Type],
        place: Place,
    ) -> Record:
        given = draft.templates.get(role)
        if call is None:
            return Record({})
        fields = {field.name: (type_, field) for field, type_ in self._vocabulary.each(call.input)}
        made: dict[str, Template] = {}
        for name, inner in given.fields.items() if given else ():
            if name in fields:
                made[name] = self._fitter.fit(inner, fields[name][0], own, f"{name!r}")
            else:
                self._unknown(given, name, call, list(fields))
        for name, (type_, field) in fields.items():
            if field.required and name not in (given.fields if given else ()):
                where = given.node.place if given else place
                self._report.add(where, f"{call.name} needs {name!r} ({type_})")
        return Record(made)

    def _unknown(self, given: Draft | None, name: str, call: Operation | AgentContract, known: list[str]) -> None:
        assert given is not None
        assert isinstance(given.node, Mapping)
        one = Mapping({name: given.node.keys[name]}, {}, given.node.place)
        check_keys(self._report, one, known, f"of {call.name}")

    def _undo(self, draft: StepDraft, own: dict[str, Type]) -> Compensate | None:
        if draft.undo is None:
            return None
        call = self._contracts.operation(draft.undo)
        if call is not None and call.effect == "read":
            self._report.add(draft.undo.place, f"{call.name} only reads; it can't undo anything")
        own = {**own, "this": self._types.output(draft)}
        return Compensate(draft.undo.text, self._arguments(draft, "undo", call, own, draft.undo.place))

    def _check(self, draft: StepDraft, call: Operation | AgentContract | None, own: dict[str, Type]) -> Cel | None:
        own = {**own, "out": self._types.output(draft)}
        check = self._expression(draft, "check", BOOL, own)
        promise = call.success if isinstance(call, AgentContract) else ""
        if not promise:
            return check
        scope = (("out", str(own["out"])),)
        if check is None:
            return Cel(promise, ("out",), ("out",), scope)
        names = tuple(sorted({*check.names, "out"}))
        both = f"({promise}) && ({check.source})"
        return Cel(both, names, (*check.paths, "out"), tuple(sorted({*check.scope, *scope})))

    def _ask(self, draft: StepDraft, asked: dict[str, Any], *, rejection: bool) -> Ask:
        text = self._fitter.text(draft.templates["text"], {})
        return Ask(text=text, show=self._expression(draft, "show", ANY, {}), rejection_used=rejection, **asked)


def _scoped(step: Step) -> list[Cel]:
    from mainstay.runtime.expressions import expressions_in

    templates: list[Template] = [step.arguments, *([step.undo.arguments] if step.undo else [])]
    return [cel for template in templates for cel in expressions_in(template)] + ([step.check] if step.check else [])
