"""Compiles a playbook to a definition: start reading here.

The same text, templates and contracts give the same bytes. Everything that is wrong is found in one go and raised
as one PlaybookError; nothing is looked up when a plan runs. The playbooks that its steps run are compiled with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mainstay.errors import PlaybookError
from mainstay.kernel.graph import Definition
from mainstay.playbooks.building import StepBuilder
from mainstay.playbooks.calls import MAX_PLAYBOOKS, Calls, Opened, count_inside, no_playbook, refuse_inside
from mainstay.playbooks.declared import NO_FIELDS, Declarations
from mainstay.playbooks.fit import Fitter
from mainstay.playbooks.format import Mapping, Report, Scalar, read_yaml
from mainstay.playbooks.heading import Heading, build_endings, build_key, build_refusals
from mainstay.playbooks.keys import Keys
from mainstay.playbooks.naming import NAME
from mainstay.playbooks.order import Order
from mainstay.playbooks.revising import with_revisions
from mainstay.playbooks.secrets import refuse_secrets
from mainstay.playbooks.steps import KINDS, StepReader
from mainstay.playbooks.templates import Draft, Drafts
from mainstay.playbooks.triggers import Triggers
from mainstay.playbooks.values import NameTypes, canonical_records, used_records
from mainstay.runtime.types import ANY, Vocabulary, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mainstay.playbooks.calls import Call
    from mainstay.playbooks.drafts import StepDraft
    from mainstay.ports import Catalogue

    Others: TypeAlias = Callable[[str], Opened]  # opens `name[@version]`; raises UnknownNameError or FileError

TOP_KEYS = (
    *("playbook", "title", "inputs", "refuse", "key", "limit", "priority", "expires", "on", "let", "steps", "end"),
    "returns",
)


def compile_playbook(
    source: str, catalogue: Catalogue, *, file: str, folders: Sequence[Path] = (), others: Others | None = None
) -> Definition:
    """Compile a playbook's YAML; raises PlaybookError with every finding as `file:line:column: text`.

    `file` names it in findings; `folders` are searched for `file:templates/...`, nearest first; `others` opens the
    playbooks that its steps run.
    """
    return compile_opened(Opened(source, file, tuple(folders)), catalogue, others=others)


def compile_opened(opened: Opened, catalogue: Catalogue, *, others: Others | None = None) -> Definition:
    """Compile a playbook that was opened, perhaps out of kept content; raises PlaybookError."""
    return _Session(catalogue, others).compile(opened, ())


class _Session:
    """One compilation, with all playbooks inside it: each is compiled once."""

    def __init__(self, catalogue: Catalogue, others: Others | None) -> None:
        self.catalogue = catalogue
        self._others = others
        self._known: dict[tuple[str, bool], Definition] = {}

    def compile(self, opened: Opened, inside: tuple[str, ...]) -> Definition:
        tree = read_yaml(opened.source, opened.file)
        report = Report()
        if not isinstance(tree, Mapping):
            raise PlaybookError((f"{tree.place}: a playbook is a list of keys, beginning with 'playbook: its-name'",))
        definition = _Compiler(report, self, opened, tree, inside).compile()
        report.stop()
        return definition

    def other(self, by: Opened, name: str, inside: tuple[str, ...]) -> Definition:
        """Compile a playbook that another one runs: `by` may say itself where its steps' playbooks come from."""
        refuse_inside(name, inside)
        others, key = by.others or self._others, (name, by.others is not None)
        if key not in self._known:
            if others is None:
                raise no_playbook(name)
            self._known[key] = self.compile(others(name), inside)
        return self._known[key]


class _Compiler:
    def __init__(
        self, report: Report, session: _Session, opened: Opened, tree: Mapping, inside: tuple[str, ...]
    ) -> None:
        self._report = report
        self._opened = opened
        self._tree = tree
        self._keys = Keys(report)
        self._drafts = Drafts(report, opened.folders, opened.files)
        self._vocabulary = Vocabulary()
        self._heading = Heading(self._keys, self._drafts, tree)
        around = (*inside, self._heading.name)
        self._calls = Calls(
            report, self._vocabulary, session.catalogue, lambda name: session.other(opened, name, around)
        )

    def compile(self) -> Definition:
        """Read, order, type and fit; meaningless when there are findings."""
        tree = self._tree
        self._refuse_strays()
        refuse_secrets(tree, self._report)
        declarations = Declarations(self._keys, canonical_records(self._vocabulary))
        inputs = declarations.read(tree.values.get("inputs"), "inputs")
        steps = StepReader(self._keys, self._drafts, declarations).read(tree.values.get("steps"), tree.place)
        lets, returns = self._named("let"), self._named("returns")
        key, endings, refusals = self._heading.key(), self._heading.endings(), self._heading.refusals()
        triggers = Triggers(self._keys, self._drafts, self._vocabulary)
        started_by = triggers.read(tree.values.get("on"))
        self._refuse_shared_names(steps)
        order = Order(steps, lets, [*returns.values(), *(ending.when for ending in endings)], self._report)
        calls: dict[str, Call | None] = {}
        types = NameTypes(self._vocabulary, {i.name: parse_type(i.type) for i in inputs}, steps, lets, calls)
        calls |= {name: self._calls.of(step.kind, step.target) for name, step in steps.items()}
        for step in steps.values():
            if step.account is not None:
                self._calls.check_account(step.target, step.account)
        order.check([name for name, call in calls.items() if call is not None and call.acts])
        events = [triggers.event(trigger) for trigger in started_by]
        named = types.all()
        for name in sorted(types.circular):
            self._report.add(lets[name].node.place, f"{name!r} leans on itself")
        fitter = Fitter(self._report, named, self._vocabulary)
        builder = StepBuilder(self._keys, fitter, types, self._calls, order)
        expires_s = self._heading.expires_s
        self._refuse_endless(steps, expires_s)
        on = tuple(
            triggers.build(trigger, fitter, order, inputs, event)
            for trigger, event in zip(started_by, events, strict=True)
        )
        built = with_revisions([builder.step(step, calls) for step in steps.values()], calls)
        definition = Definition(
            name=self._heading.name,
            title=self._heading.title,
            steps=built,
            inputs=inputs,
            let={name: fitter.fit(draft, ANY, {}, f"'{name}'") for name, draft in lets.items()},
            returns={name: fitter.fit(draft, ANY, {}, f"'{name}'") for name, draft in returns.items()},
            expires_s=expires_s,
            source=self._opened.source,
            version=self._opened.version,
            types={name: str(type_) for name, type_ in sorted(named.items())},
            records=used_records(self._vocabulary, named, builder.scopes | {str(event) for event in events}),
            key=build_key(key, fitter, self._keys, order),
            limit=self._heading.limit,
            priority=self._heading.priority,
            end=build_endings(endings, fitter, self._keys, order, calls),
            playbooks=self._calls.definitions,
            on=on,
            refuse=build_refusals(refusals, fitter, self._keys, order),
        )
        if count_inside(definition) > MAX_PLAYBOOKS:
            self._report.add(tree.place, f"it runs more than {MAX_PLAYBOOKS} playbooks inside each other")
        return definition

    def _refuse_strays(self) -> None:
        """Refuse keys that a playbook does not have; say of a step that it stands under `steps`."""
        for name, node in self._tree.values.items():
            if name not in TOP_KEYS and isinstance(node, Mapping) and set(KINDS) & node.keys.keys():
                place = self._tree.keys[name].place
                self._report.add(place, f"{name!r} looks like a step: indent it under 'steps'")
                self._tree.keys.pop(name)
        self._keys.known(self._tree, TOP_KEYS, "of a playbook")

    def _named(self, key: str) -> dict[str, Draft]:
        node = self._keys.fields(self._tree, key, '{invoice: "= invoice.number"}')
        if node is None:
            return {}
        for name, scalar in node.keys.items():
            if key == "let":
                self._keys.name(scalar, "value under 'let'")
                if not isinstance(node.values[name], Scalar):
                    self._report.add(node.values[name].place, "a value under 'let' is one expression or text")
            elif NAME.fullmatch(name) is None or name in NO_FIELDS:
                self._report.add(scalar.place, f"{name!r} is no name for a result: small letters, digits and _")
        return {name: self._drafts.template(value) for name, value in node.values.items() if NAME.fullmatch(name)}

    def _refuse_shared_names(self, steps: dict[str, StepDraft]) -> None:
        lets = self._tree.values.get("let")
        for name, key in lets.keys.items() if isinstance(lets, Mapping) else ():
            if name in steps:
                self._report.add(key.place, f"{name!r} names a step as well; rename one of them")

    def _refuse_endless(self, steps: dict[str, StepDraft], expires_s: int | None) -> None:
        for step in steps.values():
            if step.event is not None and step.endless and expires_s is None and "expires" not in self._tree.keys:
                message = f"{step.name!r} could wait for ever: add until: 10d, or 'expires' to the playbook"
                self._report.add(step.place, message)
