"""What a step may call - operations, agents, other playbooks - as one shape: what it takes, what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mainstay.errors import InactiveError, MainstayError, PlaybookError, UnknownNameError
from mainstay.kernel.graph import Cel, Definition, Literally, Record, Sequence, Template, Text
from mainstay.playbooks.fit import guess_type
from mainstay.playbooks.naming import NAME, record_name
from mainstay.playbooks.secrets import looks_secret
from mainstay.runtime.checking import Checker, WrongExpressionError
from mainstay.runtime.types import ANY, TEXT, Field, Records, Type, Vocabulary, list_of, nearest, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mainstay.contracts import AgentContract, Operation
    from mainstay.playbooks.format import Report, Scalar
    from mainstay.ports import Catalogue
    from mainstay.values import EffectClass, Value

MAX_INSIDE = 5  # playbooks inside each other
MAX_PLAYBOOKS = 50  # all those inside one together


class Opened(NamedTuple):
    """The text of a playbook, and where its templates are: in folders, or in content that was kept of them."""

    source: str
    file: str  # names it in findings
    folders: tuple[Path, ...] = ()  # nearest first
    files: Mapping[str, bytes] | None = None  # by path, such as "playbooks/templates/a.md"; then no folder is looked at
    version: str = ""  # its digest, which a definition keeps
    others: Callable[[str], Opened] | None = None  # opens what its steps run, where that is not for the reader to say


class Argument(NamedTuple):
    """One argument that a call takes. `default` is written into the step when it is left out and not None."""

    type: Type
    required: bool
    default: Value = None


class Call(NamedTuple):
    """What a step calls."""

    name: str
    version: str
    arguments: dict[str, Argument]
    output: Type
    where: Any = "loop"
    effect: EffectClass | None = None
    success: str = ""
    acts: bool = False  # changes the world, itself or through a playbook
    definition: Definition | None = None  # of a playbook


class Calls:
    """What the steps of one playbook call, looked up once, with findings for names that do not exist."""

    def __init__(
        self,
        report: Report,
        vocabulary: Vocabulary,
        catalogue: Catalogue,
        compile_other: Callable[[str], Definition],
    ) -> None:
        """`compile_other` compiles a playbook by `name[@version]`; it raises a MainstayError."""
        self._report = report
        self._vocabulary = vocabulary
        self._catalogue = catalogue
        self._compile = compile_other
        self._playbooks: dict[str, Call | None] = {}

    def of(self, kind: str, target: Scalar) -> Call | None:
        """Give what a step of some kind calls; None after a finding, and where it calls nothing."""
        match kind:
            case "do":
                return self.operation(target)
            case "agent":
                return self.agent(target)
            case "playbook" | "repeat":
                if target.text not in self._playbooks:
                    self._playbooks[target.text] = self._playbook(target)
                return self._playbooks[target.text]
            case _:
                return None

    def operation(self, name: Scalar) -> Call | None:
        """Give an operation, or None after a finding."""
        try:
            found = self._catalogue.operation(name.text)
        except UnknownNameError as error:
            self._report.add(name.place, f"{error.message} {error.remedy}".strip())
            return None
        if why := why_not_in_worker(found):
            self._report.add(name.place, why)
            return None
        effect = found.effect
        return self._call(found, str(found.version))._replace(effect=effect, acts=effect != "read")

    def agent(self, name: Scalar) -> Call | None:
        """Give an agent, or None after a finding."""
        try:
            found = self._catalogue.agent(name.text)
        except UnknownNameError as error:
            self._report.add(name.place, f"{error.message} {error.remedy}".strip())
            return None
        except InactiveError as error:
            self._report.inactive = self._report.inactive or error  # said when nothing else is wrong
            return None
        return self._call(found, found.version)._replace(success=found.success, acts=self._may_act(found, name))

    def _may_act(self, agent: AgentContract, name: Scalar) -> bool:
        """Say whether an operation that an agent may call changes the world; one that is not there is found."""
        acts = False
        for operation in agent.operations:
            try:
                found = self._catalogue.operation(operation)
            except UnknownNameError as error:
                message = f"agent {agent.name!r} may not be run: {error.message} {error.remedy}"
                self._report.add(name.place, message.strip())
                continue
            acts |= found.effect != "read"
            if why := why_not_in_worker(found):
                self._report.add(name.place, f"agent {agent.name!r} may not be run: {why}")
        return acts

    def check_account(self, target: Scalar, account: Scalar) -> None:
        """Find an account that this workspace does not have."""
        connector = target.text.partition(".")[0]
        known = self._catalogue.accounts(connector)
        if known is None or account.text in known or looks_secret(account.text):  # that is a finding of its own
            return
        there = f"it has {', '.join(known)}" if known else "leave 'account' out, and its usual one is used"
        hint = nearest(account.text, known) or f"; {there}"
        self._report.add(account.place, f"{connector} has no account {account.text!r} here{hint}")

    @property
    def definitions(self) -> dict[str, Definition]:
        """The playbooks that were called, by target."""
        found = {target: call.definition for target, call in self._playbooks.items() if call}
        return {target: definition for target, definition in sorted(found.items()) if definition}

    def _call(self, found: Operation | AgentContract, version: str) -> Call:
        fields = self._vocabulary.each(found.input)
        arguments = {field.name: Argument(type_, bool(field.required)) for field, type_ in fields}
        return Call(found.name, version, arguments, self._vocabulary.of(found.output), found.where)

    def _playbook(self, target: Scalar) -> Call | None:
        try:
            found = self._compile(target.text)
        except PlaybookError as error:
            first, *others = error.findings
            more = f" (and {len(others)} more)" if others else ""
            self._report.add(target.place, f"the playbook {target.text!r} has mistakes: {first}{more}")
            return None
        except MainstayError as error:
            self._report.add(target.place, f"{error.message} {error.remedy}".strip())
            return None
        returns, records = returned_types(found)
        adopt = Adoption(self._vocabulary, records)
        arguments = {
            one.name: Argument(adopt.type(parse_type(one.type)), one.required, one.default) for one in found.inputs
        }
        returned = {name: Field(str(adopt.type(type_))) for name, type_ in returns.items()}
        output = self._vocabulary.add(f"{record_name(found.name)}_returns", returned)
        return Call(target.text, "", arguments, output, acts=acts(found), definition=found)


def why_not_in_worker(operation: Operation) -> str:
    """Say why an operation can't be run where it says; empty when it can.

    A worker is given no token, so what became of an action there could never be found out (KERNEL E2, E3).
    """
    if operation.effect == "read" or operation.where == "loop":
        return ""
    return f"{operation.name} acts, and what acts can't run in a worker process: let it run in the loop."


class Adoption:
    """Takes record types of another playbook into this one's vocabulary, under names that are free here."""

    def __init__(self, vocabulary: Vocabulary, records: Records) -> None:
        self._vocabulary = vocabulary
        self._records = records
        self._known: dict[str, Type] = {}

    def type(self, type_: Type) -> Type:
        """Give a type as it is called here. A record inside itself becomes open."""
        if type_.of is not None:
            return list_of(self.type(type_.of))
        if type_.kind != "record":
            return type_
        if type_.name not in self._known:
            self._known[type_.name] = ANY
            fields = {
                name: Field(str(self.type(parse_type(field.type))), field.default)
                for name, field in self._records.get(type_.name, {}).items()
            }
            self._known[type_.name] = self._vocabulary.add(type_.name, fields)
        return self._known[type_.name]


def returned_types(definition: Definition) -> tuple[dict[str, Type], Records]:
    """Give the types of what a playbook returns, with the records they speak of."""
    names = {name: parse_type(text) for name, text in definition.types.items()}
    vocabulary = Vocabulary(definition.records)
    checker = Checker(names, definition.records)
    found = {name: _type_of(template, checker, vocabulary, name) for name, template in definition.returns.items()}
    return found, vocabulary.records


def _type_of(template: Template, checker: Checker, vocabulary: Vocabulary, name: str) -> Type:
    match template:
        case Cel(source=source):
            try:
                return checker.check(source).type
            except WrongExpressionError:
                return ANY  # has a finding of its own
        case Text():
            return TEXT
        case Literally(value=value):
            return guess_type(value)
        case Record(fields=fields) if not all(map(NAME.fullmatch, fields)):
            return Type("map")
        case Record(fields=fields):
            types = {key: Field(str(_type_of(inner, checker, vocabulary, key))) for key, inner in fields.items()}
            return vocabulary.add(f"{record_name(name)}_returned", types)
        case Sequence(items=items):
            kinds = {_type_of(item, checker, vocabulary, name) for item in items}
            return list_of(kinds.pop() if len(kinds) == 1 else ANY)


def acts(definition: Definition) -> bool:
    """Say whether a playbook changes the world, itself or through another one."""
    own = any(step.effect not in (None, "read") for step in definition.steps)
    return own or any(acts(inner) for inner in definition.playbooks.values())


def refuse_inside(name: str, inside: tuple[str, ...]) -> None:
    """Refuse a playbook that runs itself, or stands too deep; `inside` are those around it, outermost first."""
    bare = name.partition("@")[0]
    if bare in inside:
        path = " -> ".join((*inside[inside.index(bare) :], bare))
        raise UnknownNameError(f"the playbook {bare!r} would run itself without end: {path}")
    if len(inside) > MAX_INSIDE:
        raise UnknownNameError(f"playbooks stand more than {MAX_INSIDE} deep in each other: {' -> '.join(inside)}")


def count_inside(definition: Definition) -> int:
    """Count the playbooks inside one."""
    return sum(1 + count_inside(inner) for inner in definition.playbooks.values())


def no_playbook(name: str, known: tuple[str, ...] = ()) -> UnknownNameError:
    """Make the error for a playbook that does not exist."""
    return UnknownNameError(f"there is no playbook {name!r}{nearest(name, known)}")
