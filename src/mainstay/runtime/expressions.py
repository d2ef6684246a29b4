"""The port to CEL: expressions are checked against typed names, and templates filled from plain values.

Checking belongs to the compiler of playbooks, filling to the engine. Both see the same names and types, because a
`Definition` carries them: a `Program` needs nothing else, so that a plan means the same after a restart.

A plain path ("item.email") is read without CEL. Everything else binds only the paths it reads. Whatever goes wrong
is an ExpressionError: a step fails as a bug, a policy asks (KERNEL P1). Results are plain values and are never
looked at for expressions again.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never, cast

import msgspec

from mainstay.errors import ExpressionError, InputError
from mainstay.kernel.graph import Cel, Definition, Literally, Record, Sequence, Template, Text
from mainstay.runtime.types import ANY, BOOL, DURATION, FLOAT, INT, TEXT, TIME, Records, Type, list_of, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mainstay.runtime.celtypes import Messages, Tree
    from mainstay.runtime.functions import Functions
    from mainstay.runtime.reads import Reads
    from mainstay.values import Value

Resolve: TypeAlias = "Callable[[str], Value]"  # gives the plain value of a name; asked only for names that are used

MAX_PROGRAMS = 256
NO_MONEY = {"minor": 0, "currency": ""}  # the sum of nothing
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
            check = _environment(self._messages, variables, self._functions.checked())
            run = _environment(self._messages, variables, self._functions.run())
            run.compile("true")  # or it can't deserialise
            self._environments = check, run
        return self._environments


def _environment(messages: Messages, variables: dict[str, Any], functions: list[Any]) -> Any:  # noqa: ANN401
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


_Worked: TypeAlias = "Callable[[Resolve], Value]"
Own: TypeAlias = tuple[tuple[str, str], ...]  # the scope of an expression, as `Cel` holds it


class Program:
    """The expressions of one definition, ready to be worked out. Cheap to make: each is compiled when first used."""

    def __init__(self, definition: Definition, zone: str = "UTC") -> None:
        """Take a definition, and the company's time zone by its IANA name."""
        self._definition = definition
        self._zone = zone
        self._names = {name: parse_type(text) for name, text in definition.types.items()}
        self._ready: dict[tuple[str, Own], tuple[Type, _Worked]] = {}
        self._scopes: dict[Own, Scope] = {}
        self._parts: tuple[Messages, Functions] | None = None

    def value(self, template: Template, names: Resolve) -> Value:
        """Fill a template; raises ExpressionError.

        `names` gives the plain value of a name that stands in the definition's types or an expression's scope, None
        for a skipped step. It is asked only for names that are used, and never for those under `let`.
        """
        match template:
            case Literally(value=value):
                return value
            case Cel():
                return self._worked(template)[1](names)
            case Text(parts=parts):
                return "".join(self._say(part, names) for part in parts)
            case Record(fields=fields):
                return {name: self.value(inner, names) for name, inner in fields.items()}
            case Sequence(items=items):
                return [self.value(inner, names) for inner in items]
            case _:
                assert_never(template)

    def type_of(self, cel: Cel) -> Type:
        """Give the type of an expression's result."""
        return self._worked(cel)[0]

    def _say(self, part: Literally | Cel, names: Resolve) -> str:
        if isinstance(part, Literally):
            return str(part.value)
        type_, work = self._worked(part)
        value = work(names)
        if isinstance(value, str) and type_.kind in ("text", "choice"):
            return value
        try:
            return self._engine()[1].say_plain(type_.kind, value)
        except (ValueError, TypeError, KeyError) as error:
            raise ExpressionError(f"'{part.source}' can't be written as text: {error}.") from error

    def _worked(self, cel: Cel) -> tuple[Type, _Worked]:
        key = (cel.source, cel.scope)
        if key not in self._ready:
            self._ready[key] = self._path(*key) or self._joined(*key) or self._compiled(*key)
        return self._ready[key]

    def _joined(self, source: str, own: Own) -> tuple[Type, _Worked] | None:
        """Put lists together without CEL, which would make every element anew."""
        parts = [self._path(part.strip(), own) for part in source.split("+")]
        if any(part is None or part[0].kind != "list" or part[0] != (parts[0] or part)[0] for part in parts):
            return None
        works = [part[1] for part in parts if part]
        return parts[0] and (
            parts[0][0],
            lambda resolve: [item for work in works for item in _list_from(work(resolve), source)],
        )

    def _path(self, source: str, own: Own) -> tuple[Type, _Worked] | None:
        walked = walk_path(source, self._all(own), self._definition.records) if is_path(source) else None
        if walked is None:
            return None
        first, *rest = source.split(".")
        return walked[0], _path_reader(source, rest, walked[1], self._name_reader(first))

    def _name_reader(self, name: str) -> _Worked:
        if name not in self._definition.let:
            return lambda resolve: resolve(name)
        template = self._definition.let[name]
        return lambda resolve: self.value(template, resolve)

    def _compiled(self, source: str, own: Own) -> tuple[Type, _Worked]:
        from mainstay.runtime.reads import reads_of

        scope = self._scope(own)
        try:
            checked, run = scope.compile(source)
        except WrongExpressionError as error:
            raise ExpressionError(f"'{source}' can't be used: {error.message}.") from error
        work = _Work(source, run, reads_of(checked.serialize()), scope, self._engine()[0])
        work.read = {name: self._name_reader(name) for name in work.types}
        type_ = type_of(checked.return_type().name())
        return type_, work if type_.kind != "money" else lambda resolve: work(resolve) or dict(NO_MONEY)

    def _scope(self, own: Own) -> Scope:
        if own not in self._scopes:
            self._scopes[own] = Scope(self._all(own), *self._engine())
        return self._scopes[own]

    def _all(self, own: Own) -> dict[str, Type]:
        return {**self._names, **{name: parse_type(text) for name, text in own}}

    def _engine(self) -> tuple[Messages, Functions]:
        if self._parts is None:
            from mainstay.runtime.celtypes import Messages
            from mainstay.runtime.functions import Functions

            messages = Messages(self._definition.records)
            self._parts = messages, Functions(messages, self._zone)
        return self._parts


def _path_reader(source: str, keys: list[str], left_out: Value, read: _Worked) -> _Worked:
    """Read a dotted path; what is missing on the way reads as empty."""

    def work(resolve: Resolve) -> Value:
        value: Any = read(resolve)
        try:
            for key in keys:
                if value is None:
                    return left_out
                value = value.get(key)
        except AttributeError as error:
            raise ExpressionError(f"'{source}' can't be read: the value before the dot has no fields.") from error
        return left_out if value is None else value

    return work


def _list_from(value: Value, source: str) -> list[Value]:
    if not isinstance(value, list | tuple):
        raise ExpressionError(f"'{source}' can't be worked out: one part is no list.")
    return list(value)


class _Work:
    """One compiled expression: binds what it reads, runs it, gives a plain value."""

    def __init__(self, source: str, run: Any, reads: Reads, scope: Scope, messages: Messages) -> None:  # noqa: ANN401
        from mainstay.runtime.celtypes import MAX_LOOPED, tree_of

        self.read: dict[str, _Worked] = {}
        self.types = {name: scope.names[name] for name in reads.names if name in scope.names}
        self._trees: dict[str, Tree] = {name: tree_of(reads.paths, name) for name in self.types}
        self._limit = MAX_LOOPED if reads.loops else None
        self._source = source
        self._run = run
        self._messages = messages

    def __call__(self, resolve: Resolve) -> Value:
        from mainstay.runtime.functions import today_now

        plain = {name: read(resolve) for name, read in self.read.items()}
        token = today_now.set(lambda: str(resolve("today")))
        try:
            bound = {name: self._bind(name, value) for name, value in plain.items()}
            result = self._run.eval(data=bound)
            kind = result.type().name()
            value = result.plain_value()
            if kind == "ERROR":
                raise self._error(str(value))
            return self._messages.plain(value, _Originals(self._messages, self.types, plain, bound))
        except (RuntimeError, ValueError, TypeError, KeyError, OverflowError) as error:
            raise self._error(str(error)) from error
        finally:
            today_now.reset(token)

    def _bind(self, name: str, value: Value) -> object:
        return self._messages.bind(self.types[name], value, self._trees[name], self._limit)

    def _error(self, why: str) -> ExpressionError:
        reason = re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", why)
        return ExpressionError(f"The expression '{self._source}' can't be worked out: {reason}.")


class _Originals:
    """Finds the plain record that a message in a result was bound from, so that nothing of it is lost."""

    def __init__(
        self, messages: Messages, types: Mapping[str, Type], plain: Mapping[str, Value], bound: Mapping[str, object]
    ) -> None:
        self._messages = messages
        self._given = [(types[name], plain[name], bound[name]) for name in types]
        self._known: dict[tuple[str, bytes], Value] | None = None

    def __call__(self, message: Any) -> Value:  # noqa: ANN401 - a generated message
        if message.DESCRIPTOR.name not in self._messages.fields:
            return None
        if self._known is None:
            self._known = {}
            for type_, plain, bound in self._given:
                for key, value in self._pairs(type_, plain, bound):
                    self._known.setdefault(key, value)
        return self._known.get(_key(message))

    def _pairs(self, type_: Type, plain: Any, bound: Any) -> Iterator[tuple[tuple[str, bytes], Value]]:  # noqa: ANN401
        if type_.kind == "list" and plain:
            for item, message in zip(plain, bound, strict=True):
                yield from self._pairs(type_.of or ANY, item, message)
        elif type_.kind == "record" and isinstance(plain, dict):
            fields = cast("dict[str, Any]", plain)
            yield _key(bound), fields
            for name, (inner, _) in self._messages.fields[type_.name].items():
                if inner.kind == "record" or (inner.kind == "list" and (inner.of or ANY).kind == "record"):
                    content: Any = fields.get(name)
                    if content is not None and (inner.kind == "list" or bound.HasField(name)):
                        yield from self._part(inner, content, getattr(bound, name))

    def _part(self, inner: Type, content: Any, message: Any) -> Iterator[tuple[tuple[str, bytes], Value]]:  # noqa: ANN401
        if inner.kind == "list" and len(message) != len(content):
            return  # this part was not read
        yield from self._pairs(inner, content, message)


def _key(message: Any) -> tuple[str, bytes]:  # noqa: ANN401
    return message.DESCRIPTOR.name, message.SerializeToString(deterministic=True)


class Programs:
    """The programs in use; the least used are forgotten. Equal definitions share one."""

    def __init__(self, zone: str = "UTC", *, keep: int = MAX_PROGRAMS) -> None:
        """Take the company's time zone by its IANA name."""
        self._zone = zone
        self._keep = keep
        self._by_content: OrderedDict[bytes, Program] = OrderedDict()
        self._by_object: OrderedDict[int, tuple[Definition, Program]] = OrderedDict()  # holds it, so the id is its own

    def __call__(self, definition: Definition) -> Program:
        """Give the program of a definition."""
        known = self._by_object.get(id(definition))
        if known is None:
            known = self._by_object[id(definition)] = definition, self._of(definition)
            if len(self._by_object) > self._keep:
                self._by_object.popitem(last=False)
        return known[1]

    def _of(self, definition: Definition) -> Program:
        content = msgspec.msgpack.encode(definition)
        if content not in self._by_content:
            self._by_content[content] = Program(definition, self._zone)
            if len(self._by_content) > self._keep:
                self._by_content.popitem(last=False)
        self._by_content.move_to_end(content)
        return self._by_content[content]


def expressions_in(template: Template) -> Iterator[Cel]:
    """Give every expression of a template."""
    match template:
        case Literally():
            return
        case Cel():
            yield template
        case Text(parts=parts) | Sequence(items=parts):
            for part in parts:
                yield from expressions_in(part)
        case Record(fields=fields):
            for inner in fields.values():
                yield from expressions_in(inner)
        case _:
            assert_never(template)


def reads_in(definition: Definition, template: Template) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the names and dotted paths a template reads, names under `let` followed to what they are made of."""
    names: set[str] = set()
    paths: set[str] = set()
    waiting, seen = [template], set[str]()
    while waiting:
        for cel in expressions_in(waiting.pop()):
            paths |= {path for path in cel.paths if path.split(".", 1)[0] not in definition.let}
            names |= {name for name in cel.names if name not in definition.let}
            follow = {name for name in cel.names if name in definition.let} - seen
            seen |= follow
            waiting += [definition.let[name] for name in sorted(follow)]
    return tuple(sorted(names)), tuple(sorted(paths))
