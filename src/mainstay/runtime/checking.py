"""Checks CEL expressions against names with types: what the compiler of playbooks uses."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.errors import InputError
from mainstay.runtime.types import ANY, BOOL, DURATION, FLOAT, INT, TEXT, TIME, Records, Type, list_of, parse_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.runtime.celtypes import Messages
    from mainstay.runtime.functions import Functions
    from mainstay.runtime.reads import Reads
    from mainstay.values import Value

MAX_SOURCE = 4_000  # characters
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_FAULT = re.compile(
    r"^(?:INVALID_ARGUMENT: )?ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?: \[INVALID_ARGUMENT\])?$", re.MULTILINE
)
_WORDS = frozenset({"true", "false", "null", "in"})


class Fault(msgspec.Struct, frozen=True):
    """One mistake in an expression. Line and column count from 1 inside it; `message` is CEL's own."""

    line: int
    column: int
    message: str


class WrongExpressionError(InputError):
    """An expression does not parse or does not fit the types of its names."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Keep every fault with its place."""
        super().__init__("\n".join(f"{fault.line}:{fault.column}: {fault.message}" for fault in faults))
        self.faults = faults


class Checked(msgspec.Struct, frozen=True):
    """What checking learned of an expression."""

    type: Type
    names: tuple[str, ...]
    paths: tuple[str, ...]
    choices: tuple[tuple[str, str], ...] = ()  # (path, text it is compared with)
    columns: tuple[tuple[str, str], ...] = ()  # (path of a list, field that `table` is asked for)


def is_path(source: str) -> bool:
    """Say whether an expression is only a dotted path, which is read without CEL."""
    return _PATH.fullmatch(source) is not None and source not in _WORDS


def walk_path(source: str, names: Mapping[str, Type], records: Records) -> tuple[Type, Value] | None:
    """Give the type of a dotted path and what it holds when it is left out; None when it does not exist."""
    first, *rest = source.split(".")
    found: Type | None = names.get(first)
    default: Value = None
    for name in rest:
        field = (found.fields(records) or {}).get(name) if found else None
        if found and found.kind in ("any", "map"):
            found, default = ANY, None
        elif field is None:
            return None
        else:
            found, default = parse_type(field.type), field.default
    return None if found is None else (found, found.empty() if default is None else default)


class Scope:
    """Names with their types, and CEL's environment over them, made when the first expression needs it."""

    def __init__(self, names: Mapping[str, Type], messages: Messages, functions: Functions) -> None:
        """Take the types of all names, and the record types they speak of."""
        self.names = names
        self._messages = messages
        self._functions = functions
        self._environments: tuple[Any, Any] | None = None

    def compile(self, source: str) -> tuple[Any, Any]:
        """Give the checked expression and the one to run; raises WrongExpressionError."""
        if len(source) > MAX_SOURCE:
            raise WrongExpressionError((Fault(1, 1, f"longer than {MAX_SOURCE:,} characters"),))
        check, run = self._make()
        try:
            checked = check.compile(source)
        except (RuntimeError, ValueError) as error:
            raise WrongExpressionError(faults_of(str(error))) from error
        return checked, run.deserialize(checked.serialize())

    def _make(self) -> tuple[Any, Any]:
        if self._environments is None:
            variables = {name: self._messages.cel_type(type_) for name, type_ in self.names.items()}
            check = environment(self._messages, variables, self._functions.checked())
            run = environment(self._messages, variables, self._functions.run())
            run.compile("true")  # or it can't deserialise
            self._environments = check, run
        return self._environments


def environment(messages: Messages, variables: dict[str, Any], functions: list[Any]) -> Any:  # noqa: ANN401
    """Make CEL over names and functions."""
    from cel_expr_python.ext import ext_optional

    from mainstay.runtime.celtypes import load_cel

    return load_cel().NewEnv(
        descriptor_pool=messages.pool, variables=variables, functions=functions, extensions=[ext_optional.ExtOptional()]
    )


def faults_of(message: str) -> tuple[Fault, ...]:
    """Read CEL's report."""
    found = tuple(Fault(int(line), int(column), text) for line, column, text in _FAULT.findall(message))
    return found or (Fault(1, 1, message.splitlines()[0]),)


def read_names(source: str) -> Reads:
    """Say what an expression reads, without knowing any types; raises WrongExpressionError when it does not parse."""
    from mainstay.runtime.reads import reads_of

    try:
        return reads_of(_bare().compile(source, disable_check=True).serialize())
    except (RuntimeError, ValueError) as error:
        raise WrongExpressionError(faults_of(str(error))) from error


@cache
def _bare() -> Any:  # noqa: ANN401 - CEL's environment without any names
    from cel_expr_python.ext import ext_optional

    from mainstay.runtime.celtypes import load_cel

    return load_cel().NewEnv(extensions=[ext_optional.ExtOptional()])


class Checker:
    """Checks expressions against names with types: what the compiler of playbooks uses."""

    def __init__(self, names: Mapping[str, Type], records: Records) -> None:
        """Take the names that every expression may use."""
        from mainstay.runtime.celtypes import Messages
        from mainstay.runtime.functions import Functions

        self._names = dict(names)
        self._records = records
        self._messages = Messages(records)
        self._functions = Functions(self._messages, "UTC")
        self._scopes: dict[tuple[tuple[str, Type], ...], Scope] = {}

    def check(self, source: str, more: Mapping[str, Type] | None = None) -> Checked:
        """Check one expression; `more` are names that only it knows. Raises WrongExpressionError."""
        from mainstay.runtime.reads import reads_of

        names = {**self._names, **(more or {})}
        checked, _ = self._scope(names, more or {}).compile(source)
        reads = reads_of(checked.serialize())
        walked = walk_path(source, names, self._records) if is_path(source) else None
        type_ = walked[0] if walked else type_of(checked.return_type().name())
        return Checked(type_, reads.names, reads.paths, reads.choices, reads.columns)

    def path_type(self, path: str, more: Mapping[str, Type] | None = None) -> Type | None:
        """Give the type of a dotted path; None when it does not exist."""
        walked = walk_path(path, {**self._names, **(more or {})}, self._records)
        return walked[0] if walked else None

    def _scope(self, names: Mapping[str, Type], more: Mapping[str, Type]) -> Scope:
        key = tuple(sorted(more.items(), key=lambda item: item[0]))
        if key not in self._scopes:
            self._scopes[key] = Scope(names, self._messages, self._functions)
        return self._scopes[key]


def type_of(name: str) -> Type:
    """Read CEL's name of a result type. CEL does not tell dates from times: both are times here."""
    from mainstay.runtime.celtypes import PACKAGE, type_of_message

    if name.startswith(f"{PACKAGE}."):
        return type_of_message(name)
    if name.startswith("LIST<"):
        return list_of(type_of(name[len("LIST<") : -1]))
    if name.startswith(("MAP<", "google.protobuf.Struct")):
        return Type("map")
    simple = {"STRING": TEXT, "INT": INT, "BOOL": BOOL, "DOUBLE": FLOAT, "TIMESTAMP": TIME, "DURATION": DURATION}
    return simple.get(name, ANY)
