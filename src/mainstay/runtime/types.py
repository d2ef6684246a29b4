"""The types that playbooks speak of: `text int bool date time duration money file record(T) list(T) choice(a, b)`.

A type is written the same way in a playbook, in a stored definition and in a message. `Vocabulary` makes types of
the structs in contracts. Values of these types are plain:

| type | plain value |
| --- | --- |
| date | "2026-11-21" |
| time | "2026-11-21T10:30:00Z", UTC; microseconds when there are any |
| duration | seconds |
| money | {"minor": 150000, "currency": "EUR"} |
| file | {"name": ..., "blob": BlobRef} |
| record | a dict; a field left out holds its default |
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

import msgspec

from mainstay.kernel.graph import Field
from mainstay.records import File
from mainstay.values import BlobRef, Money, Sealed, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Kind: TypeAlias = Literal[
    "text", "int", "bool", "float", "date", "time", "duration", "money", "file", "blob", "record", "list", "choice",
    "map", "any",
]  # fmt: skip
Records: TypeAlias = dict[str, dict[str, Field]]

SIMPLE = frozenset(get_args(Kind)) - {"record", "list", "choice"}
# What others call a type.
SYNONYMS = {
    **dict.fromkeys(("string", "str", "email", "url", "varchar", "html", "markdown"), "text"),
    **dict.fromkeys(("integer", "number", "long"), "int"),
    **dict.fromkeys(("double", "decimal", "real", "percent"), "float"),
    **dict.fromkeys(("boolean", "flag", "yesno"), "bool"),
    **dict.fromkeys(("datetime", "timestamp", "instant"), "time"),
    **dict.fromkeys(("amount", "currency", "price"), "money"),
    **dict.fromkeys(("array", "sequence", "tuple", "set"), "list(text)"),
    **dict.fromkeys(("object", "dict", "struct", "json"), "record(lead)"),
    **dict.fromkeys(("enum", "oneof", "select"), "choice(a, b)"),
    **dict.fromkeys(("path", "attachment", "upload"), "file"),
}
MONEY_FIELDS = {"minor": Field("int"), "currency": Field("text")}
FILE_FIELDS = {"name": Field("text"), "blob": Field("blob")}
BLOB_FIELDS = {"digest": Field("text"), "size": Field("int"), "name": Field("text"), "media": Field("text")}
_EMPTY: dict[str, Value] = {"text": "", "choice": "", "date": "", "time": "", "int": 0, "duration": 0, "bool": False}


class Type(msgspec.Struct, frozen=True):
    """What a value is. `str()` writes it as a playbook does."""

    kind: Kind
    of: Type | None = None  # list: of what
    name: str = ""  # record: which
    options: tuple[str, ...] = ()  # choice: of which

    def __str__(self) -> str:
        if self.kind == "record":
            return f"record({self.name})"
        if self.kind == "list":
            return f"list({self.of})"
        if self.kind == "choice":
            return f"choice({', '.join(self.options)})"
        return self.kind

    def empty(self) -> Value:
        """What a skipped step or an unset field of this type reads as; None for a record, money or a file."""
        if self.kind == "list":
            return []
        if self.kind == "map":
            return {}
        return 0.0 if self.kind == "float" else _EMPTY.get(self.kind)

    def fields(self, records: Records) -> Mapping[str, Field] | None:
        """Give the fields that can be read with a dot; None when there are none."""
        fixed = {"money": MONEY_FIELDS, "file": FILE_FIELDS, "blob": BLOB_FIELDS}
        return records.get(self.name, {}) if self.kind == "record" else fixed.get(self.kind)


ANY = Type("any")
TEXT = Type("text")
INT = Type("int")
BOOL = Type("bool")
FLOAT = Type("float")
DATE = Type("date")
TIME = Type("time")
DURATION = Type("duration")
MONEY = Type("money")


def list_of(item: Type) -> Type:
    """Give the type of a list."""
    return Type("list", of=item)


def record_of(name: str) -> Type:
    """Give the type of a record."""
    return Type("record", name=name)


def parse_type(text: str) -> Type:
    """Read a type as a playbook writes it; raises ValueError that says what is wrong."""
    text = text.strip()
    if text in SIMPLE:
        return Type(text)  # type: ignore[arg-type]
    match = re.fullmatch(r"(record|list|choice)\((.*)\)", text, re.DOTALL)
    if match is None:
        meant = SYNONYMS.get(re.sub(r"\W.*", "", text.lower()))
        hint = f"; did you mean {meant!r}?" if meant else _nearest_type(text)
        msg = f"{text!r} is no type{hint}"
        raise ValueError(msg)
    kind, inner = match[1], match[2].strip()
    if kind == "list":
        return list_of(parse_type(inner))
    if kind == "record":
        return record_of(snake_case(inner))
    return Type("choice", options=_options(text, inner))


def _nearest_type(text: str) -> str:
    if re.match(r"(?:record|list|choice)\([^)]*$", text):
        return '; a type with a comma stands in quotes, such as "choice(new, old)"'
    examples = {"record": "record(lead)", "list": "list(text)", "choice": "choice(new, old)"}
    close = difflib.get_close_matches(text.partition("(")[0], [*sorted(SIMPLE - {"blob"}), *examples], n=1)
    return f"; did you mean {examples.get(close[0], close[0])!r}?" if close else ""


def _options(text: str, inner: str) -> tuple[str, ...]:
    options = tuple(option.strip() for option in inner.split(","))
    if not all(options) or len(set(options)) != len(options):
        msg = f"{text!r} needs options that differ, such as choice(yes, no)"
        raise ValueError(msg)
    return options


def nearest(wrong: str, known: Iterable[str]) -> str:
    """Give "; did you mean 'x'?" for the known name that is nearest to a wrong one, or nothing."""
    close = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def snake_case(name: str) -> str:
    """Write "BankLine" as "bank_line", which is how playbooks name records."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Vocabulary:
    """The record types met so far, by name. Two structs of one name are told apart by a number."""

    def __init__(self, records: Records | None = None) -> None:
        self.records: Records = dict(records or {})
        self._names: dict[type[msgspec.Struct], str] = {}

    def add(self, name: str, fields: dict[str, Field]) -> Type:
        """Name a record type made of given fields; the name gets a number when it is taken by other fields."""
        free, number = name, 1
        while self.records.get(free, fields) != fields:
            number += 1
            free = f"{name}_{number}"
        self.records[free] = fields
        return record_of(free)

    def of(self, struct: type[msgspec.Struct]) -> Type:
        """Give the type of a struct, learning its fields and those of the structs inside it."""
        fixed = _FIXED.get(struct)
        if fixed is not None:
            return fixed
        if struct not in self._names:
            self._learn(struct)
        return record_of(self._names[struct])

    def _learn(self, struct: type[msgspec.Struct]) -> None:
        name, number = snake_case(struct.__name__.lstrip("_")), 1
        while name in self.records:
            number += 1
            name = f"{snake_case(struct.__name__.lstrip('_'))}_{number}"
        self._names[struct] = name
        self.records[name] = {}  # taken, also when the struct holds itself
        self.records[name] = {
            field.name: Field(str(type_), _default(field, type_)) for field, type_ in self.each(struct)
        }

    def each(self, struct: type[msgspec.Struct]) -> list[tuple[Any, Type]]:
        """Give the fields of a struct that expressions may name, as msgspec describes them, with their types."""
        return [(field, self._read(field.type)) for field in _fields(struct) if not _is_unnamed(field.type)]

    def _read(self, node: Any) -> Type:  # noqa: ANN401 - msgspec's descriptions share no base of use
        from msgspec import inspect

        match node:
            case inspect.Metadata():
                extra = cast("dict[str, str]", node.extra or {})
                return parse_type(extra["mainstay"]) if "mainstay" in extra else self._read(node.type)
            case inspect.UnionType(types=types):
                return self._read_union([self._read(each) for each in types if not isinstance(each, inspect.NoneType)])
            case inspect.StructType(cls=struct):
                return self.of(struct)
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
                return list_of(self._read(item))
            case inspect.LiteralType(values=values) if all(isinstance(value, str) for value in values):
                return Type("choice", options=tuple(str(value) for value in values))
            case _:
                return Type(_NODES.get(type(node).__name__, "any"))

    def _read_union(self, types: list[Type]) -> Type:
        return types[0] if types and all(type_ == types[0] for type_ in types) else ANY


def _is_unnamed(node: Any) -> bool:  # noqa: ANN401 - as above
    """Whether a field goes with its record and is named by no expression, so that playbooks mean what they meant."""
    return bool(getattr(node, "extra", None)) and node.extra.get("mainstay") == "unnamed"


@lru_cache(maxsize=1000)
def _fields(struct: type[msgspec.Struct]) -> tuple[Any, ...]:
    """Let msgspec describe a struct once: that takes milliseconds, and every playbook names the same ones."""
    from msgspec import inspect

    return inspect.type_info(struct).fields  # type: ignore[union-attr]


_FIXED: dict[type[msgspec.Struct], Type] = {Money: MONEY, File: Type("file"), BlobRef: Type("blob"), Sealed: TEXT}
_NODES: dict[str, Kind] = {
    "StrType": "text",
    "IntType": "int",
    "BoolType": "bool",
    "FloatType": "float",
    "DecimalType": "text",
    "DateType": "date",
    "DateTimeType": "time",
    "TimeDeltaType": "duration",
    "DictType": "map",
}


def _default(field: Any, type_: Type) -> Value:  # noqa: ANN401 - a field as msgspec describes it
    """Give what a field holds when it is left out, unless that is the empty value of its type anyway."""
    if field.default_factory is not msgspec.NODEFAULT:
        value = msgspec.to_builtins(field.default_factory())
    elif field.default is not msgspec.NODEFAULT:
        value = msgspec.to_builtins(field.default)
    else:
        return None
    return None if value in (type_.empty(), (), {}) else value
