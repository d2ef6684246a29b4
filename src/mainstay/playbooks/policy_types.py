"""Holds the conditions of rules against what each operation takes: what fits is compiled, the rest is a finding.

A rule that names its operation must fit it. One that is about many, by "mail.*" or by effect, speaks only of those
that have the arguments and roles it reads; that none has is a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mainstay.governance.case import NAMES, RECORDS
from mainstay.governance.rules import Fitting, Rule, fits
from mainstay.kernel.graph import Field
from mainstay.runtime.checking import WrongExpressionError, read_names, walk_path
from mainstay.runtime.conditions import Condition, Conditions
from mainstay.runtime.faults import say_fault
from mainstay.runtime.types import Vocabulary, nearest, parse_type, snake_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstay.contracts import Operation
    from mainstay.runtime.checking import Fault
    from mainstay.runtime.reads import Reads

ARGUMENTS = "arguments"
ROLES = "roles"


class Wrong(NamedTuple):
    """One mistake in a condition: line and column count from 1 inside it."""

    line: int
    column: int
    message: str


class Fit:
    """The rules about each operation of a catalogue, with their conditions compiled over its types."""

    def __init__(self, operations: Mapping[str, Operation], timezone: str = "UTC") -> None:
        """Take the operations, and the company's time zone by its IANA name."""
        self._operations, self._timezone = operations, timezone
        self._over: dict[str, Conditions] = {}  # by operation; "" over what all of them have

    def fitting(self, rules: Iterable[Rule], operation: str) -> tuple[Fitting, ...]:
        """Give the rules about one operation, in their order; one whose condition fits no more asks."""
        known = self._operations.get(operation)
        found = [self._fitting(rule, operation, known) for rule in rules if _is_about(rule, operation, known)]
        return tuple(each for each in found if each is not None)

    def covered(self, rule: Rule) -> list[str]:
        """Name the operations that a rule is about, as far as names and effects say."""
        return [name for name, operation in self._operations.items() if _is_about(rule, name, operation)]

    def wrong(self, rule: Rule) -> list[Wrong]:
        """Find what is wrong with a rule's condition."""
        try:
            reads = read_names(rule.when)
        except WrongExpressionError as error:
            return [self._said(fault, rule.when, self._conditions("")) for fault in error.faults]
        names = [name for name in self.covered(rule) if name in rule.do or self._has(reads, name)]
        if not names:
            missing = ", ".join(path for path in reads.paths if path.partition(".")[0] in (ARGUMENTS, ROLES))
            return [Wrong(1, 1, f"no operation that this rule is about has {missing or 'this'}")]
        found: dict[Wrong, None] = {}
        for name in names:
            found |= dict.fromkeys(self._wrong_for(rule, reads, name))
            if found:
                break  # what is wrong with one is wrong with the others
        return list(found)

    # --- one rule and one operation

    def _fitting(self, rule: Rule, name: str, operation: Operation | None) -> Fitting | None:
        if not rule.when:
            return Fitting(rule)
        if operation is None:
            return Fitting(rule, broken=f"There is no operation {name}, which it is about.")
        try:
            reads = read_names(rule.when)
            if name not in rule.do and not self._has(reads, name):
                return None
            return Fitting(rule, self._compiled(rule.when, reads, name))
        except WrongExpressionError as error:
            return Fitting(rule, broken=f"Its condition does not fit {name} any more: {error.faults[0].message}.")

    def _compiled(self, source: str, reads: Reads, name: str) -> Condition:
        return self._conditions(name if ARGUMENTS in reads.names else "").condition(source)

    def _has(self, reads: Reads, name: str) -> bool:
        """Whether an operation has the arguments and the roles that are read."""
        operation = self._operations.get(name)
        if operation is None:
            return False
        arguments, roles = set(operation.input.__struct_encode_fields__), set(operation.roles.values())
        return all(
            {ARGUMENTS: field in arguments, ROLES: field in roles}.get(first, True)
            for first, field in (path.split(".")[:2] for path in reads.paths if "." in path)
        )

    def _wrong_for(self, rule: Rule, reads: Reads, name: str) -> list[Wrong]:
        over = self._conditions(name)
        try:
            over.condition(rule.when)
        except WrongExpressionError as error:
            said = [self._said(fault, rule.when, over) for fault in error.faults if "*error*" not in fault.message]
            return [self._about_operation(one, name) for one in said]
        missing = [path for path in reads.paths if path.startswith(f"{ROLES}.") and not self._has_role(path, name)]
        roles = self._roles_of(name)
        found = [at_text(rule.when, path, f"{name} has no {path.split('.')[1]}{roles}") for path in missing]
        return [*found, *self._wrong_texts(rule.when, reads, over)]

    def _has_role(self, path: str, name: str) -> bool:
        return path.split(".")[1] in self._operations[name].roles.values()

    def _roles_of(self, name: str) -> str:
        roles = sorted(set(self._operations[name].roles.values()))
        return f"; it has {', '.join(roles)}" if roles else ""

    def _wrong_texts(self, source: str, reads: Reads, over: Conditions) -> list[Wrong]:
        """Find texts that a choice, or the name of an operation, can never be."""
        found: list[Wrong] = []
        for path, text in reads.choices:
            walked = walk_path(path, over.names, over.records)
            known = walked[0].options if walked else ()
            known = tuple(self._operations) if path == "operation" else known
            if known and text not in known:
                found.append(at_text(source, text, f"{path} is never {text!r}{nearest(text, known)}"))
        return found

    # --- types

    def _conditions(self, name: str) -> Conditions:
        if name not in self._over:
            vocabulary = Vocabulary()
            names = {each: parse_type(kind) for each, (kind, _) in NAMES.items()}
            for record, fields in RECORDS.items():
                names[record] = vocabulary.add(record, {field: Field(kind) for field, (kind, _) in fields.items()})
            if name:
                names[ARGUMENTS] = vocabulary.of(self._operations[name].input)
            self._over[name] = Conditions(names, vocabulary.records, self._timezone)
        return self._over[name]

    def _said(self, fault: Fault, source: str, over: Conditions) -> Wrong:
        plain = fault.message.replace("uint", "mainstay.Money")
        column, message = say_fault(type(fault)(fault.line, fault.column, plain), source, over.names, over.records)
        if "money" in message and "no fields to read" in message:
            message = 'compare whole amounts, such as roles.amount > money("500.00 EUR"), or currency(x) == "EUR"'
        elif "money" in message and "does not go with" in message:
            message = message.partition(";")[0] + '; write the amount as money("500.00 EUR")'
        for record in RECORDS:  # ours is named as it is written
            message = message.replace(f"record({record})", record)
        return Wrong(fault.line, column, message)

    def _about_operation(self, wrong: Wrong, name: str) -> Wrong:
        record = f"record({snake_case(self._operations[name].input.__name__.lstrip('_'))})"
        return wrong._replace(message=wrong.message.replace(record, name))


def _is_about(rule: Rule, name: str, operation: Operation | None) -> bool:
    return rule.names(name) and (not rule.effects or operation is None or operation.effect in rule.effects)


def unknown_operation(pattern: str, known: Sequence[str]) -> str:
    """Say why a name in `do` means no operation; empty where it means one."""
    if any(fits(pattern, name) for name in known):
        return ""
    if pattern.endswith("*"):
        hint = nearest(pattern[:-2], sorted({name.partition(".")[0] for name in known}))
        return f"no operation is called {pattern}{hint}"
    return f"there is no operation {pattern!r}{nearest(pattern, known)}"


def at_text(source: str, text: str, message: str) -> Wrong:
    """Name the place where a text stands in a condition."""
    ahead = source[: max(source.find(text), 0)]
    return Wrong(ahead.count("\n") + 1, len(ahead) - ahead.rfind("\n"), message)
