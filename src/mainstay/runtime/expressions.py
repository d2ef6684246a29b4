"""The port to CEL: expressions are checked against typed names, and templates filled from plain values.

Checking (checking.py) belongs to the compiler of playbooks, filling to the engine. Both see the same names and types,
because a `Definition` carries them: a `Program` needs nothing else, so that a plan means the same after a restart.

A plain path ("item.email") is read without CEL. Everything else binds only the paths it reads. Whatever goes wrong
is an ExpressionError: a step fails as a bug, a policy asks (KERNEL P1). Results are plain values and are never
looked at for expressions again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

import msgspec

from mainstay.errors import ExpressionError
from mainstay.kernel.graph import Cel, Definition, Literally, Record, Sequence, Template, Text
from mainstay.runtime.checking import Scope, WrongExpressionError, is_path, type_of, walk_path
from mainstay.runtime.types import Type, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstay.runtime.celtypes import Messages
    from mainstay.runtime.functions import Functions
    from mainstay.values import Value

Resolve: TypeAlias = "Callable[[str], Value]"  # gives the plain value of a name; asked only for names that are used

MAX_PROGRAMS = 64  # about half a megabyte each
NO_MONEY = {"minor": 0, "currency": ""}  # the sum of nothing


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
            case Record():  # first of all: what a step is given is one
                made: dict[str, Value] = {}
                for name, inner in template.fields.items():
                    made[name] = inner.value if type(inner) is Literally else self.value(inner, names)
                return made
            case Cel():
                return self._worked(template)[1](names)
            case Literally(value=value):
                return value
            case Text(parts=parts):
                return "".join(self._say(part, names) for part in parts)
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
        from mainstay.runtime.work import Work

        scope = self._scope(own)
        try:
            checked, run = scope.compile(source)
        except WrongExpressionError as error:
            raise ExpressionError(f"'{source}' can't be used: {error.message}.") from error
        work = Work(source, run, reads_of(checked.serialize()), scope, self._engine()[0])
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
