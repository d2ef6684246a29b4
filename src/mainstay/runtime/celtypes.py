"""Between plain values and CEL: message classes made of record types, values bound into them and taken out again.

Dates and times are in moments.py.
"""

from __future__ import annotations

import datetime as dt
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from mainstay.errors import ExpressionError
from mainstay.runtime.moments import EPOCH, moment, plain_moment, plain_seconds, seconds, text_of
from mainstay.runtime.types import ANY, Records, Type, parse_type
from mainstay.values import BlobRef, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from cel_expr_python import cel

PACKAGE = "mainstay"
MAX_LOOPED = 500  # KERNEL P1
_FIXED: dict[str, dict[str, str]] = {
    "money": {"minor": "int", "currency": "text"},
    "blob": {"digest": "text", "size": "int", "name": "text", "media": "text"},
    "file": {"name": "text", "blob": "blob"},
}
_KNOWN = {
    "date": ".google.protobuf.Timestamp",
    "time": ".google.protobuf.Timestamp",
    "duration": ".google.protobuf.Duration",
    "map": ".google.protobuf.Struct",
    "any": ".google.protobuf.Value",
}

Tree: TypeAlias = "dict[str, Tree] | None"  # the fields that are read; None: all of them


@cache
def load_cel() -> Any:  # noqa: ANN401 - a module
    """Import CEL. Before Python 3.12 the package loses one reference to None with every null it returns.

    Enough such losses end the process ("deallocating None"), so None is given more than can ever be lost.
    """
    from cel_expr_python import cel

    if sys.version_info < (3, 12):
        import ctypes

        ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40
    return cel


def tree_of(paths: tuple[str, ...], name: str) -> Tree:
    """Give the fields of one name that some paths read."""
    tree: dict[str, Any] = {}
    for path in paths:
        first, *rest = path.split(".")
        if first != name:
            continue
        if not rest:
            return None
        _grow(tree, rest)
    return tree


def _grow(tree: dict[str, Any], keys: list[str]) -> None:
    for key in keys[:-1]:
        inner = tree.setdefault(key, {})
        if inner is None:
            return
        tree = inner
    tree[keys[-1]] = None


class Messages:
    """The message classes of some record types, with the way into them and out again."""

    def __init__(self, records: Records) -> None:
        """Describe the record types to CEL; `records` as a definition holds them."""
        self.fields = {
            name: {field_name: (parse_type(field.type), field.default) for field_name, field in fields.items()}
            for name, fields in records.items()
        }
        self.pool: Any = _pool(self.fields)
        self._classes: dict[str, Any] = {}

    def cel_type(self, type_: Type) -> cel.Type:
        """Give CEL's name for a type."""
        types = load_cel().Type
        if type_.kind == "list":
            return types.List(self.cel_type(type_.of or ANY))
        if type_.kind in ("money", "file", "blob", "record"):
            return types(f"{PACKAGE}.{_message_name(type_)}")
        return {
            "int": types.INT,
            "bool": types.BOOL,
            "float": types.DOUBLE,
            "date": types.TIMESTAMP,
            "time": types.TIMESTAMP,
            "duration": types.DURATION,
            "map": types.Map(types.STRING, types.DYN),
            "any": types.DYN,
        }.get(type_.kind, types.STRING)

    def message_class(self, name: str) -> Any:  # noqa: ANN401 - a generated class
        """Give the class of a message of ours."""
        if name not in self._classes:
            from google.protobuf import message_factory

            descriptor = self.pool.FindMessageTypeByName(f"{PACKAGE}.{name}")
            self._classes[name] = message_factory.GetMessageClass(descriptor)
        return self._classes[name]

    def bind(self, type_: Type, value: Value, tree: Tree, limit: int | None) -> object:
        """Turn a plain value into what CEL takes for a variable; raises ValueError on what it can't hold."""
        if type_.kind in ("money", "file", "blob", "record"):
            return self.message_class(_message_name(type_))(**(self._inner(type_, value, tree, limit) or {}))
        if type_.kind == "list":
            _measure(value, limit)
            return [self.bind(type_.of or ANY, item, None, limit) for item in _as_list(value)]
        if type_.kind in ("any", "map"):
            return _open(value, limit) if value is not None or type_.kind == "any" else {}
        return _SCALARS[type_.kind](type_.empty() if value is None else value) or _unset(type_)

    def _inner(self, type_: Type, value: Value, tree: Tree, limit: int | None) -> Any:  # noqa: ANN401
        """Turn a plain value into what a message's constructor takes for a field."""
        if value is None:
            return None
        if type_.kind in ("money", "file", "blob", "record"):
            return self._record(type_, value, tree, limit)
        if type_.kind == "list":
            _measure(value, limit)
            item = type_.of or ANY
            return [self._inner(item, each, None, limit) or self._hole(item) for each in _as_list(value)]
        if type_.kind == "any":
            return _open_message(_open(value, limit))
        if type_.kind == "map":
            return _open(value, limit)
        return _SCALARS[type_.kind](value)

    def _record(self, type_: Type, value: Value, tree: Tree, limit: int | None) -> dict[str, Any]:
        content = msgspec.structs.asdict(value) if isinstance(value, BlobRef) else value
        if not isinstance(content, dict):
            raise ValueError(f"{type_} expected, got {type(value).__name__}")  # noqa: TRY004 - bad data, not bad code
        found: dict[str, Any] = {}
        for name, (inner, default) in self._fields_of(type_).items():
            if tree is not None and name not in tree:
                continue
            given = content.get(name, default)
            if given is not None:
                found[name] = self._inner(inner, given, tree[name] if tree else None, limit)
        return found

    def _fields_of(self, type_: Type) -> dict[str, tuple[Type, Value]]:
        if type_.kind == "record":
            return self.fields[type_.name]
        return {name: (parse_type(kind), None) for name, kind in _FIXED[type_.kind].items()}

    def _hole(self, item: Type) -> object:
        """What stands in a list for a failed item, or an empty one."""
        return {} if item.kind in ("money", "file", "blob", "record") else _SCALARS.get(item.kind, str)(item.empty())

    def plain(self, value: Any, originals: Callable[[object], Value]) -> Value:  # noqa: ANN401
        """Turn what CEL gave (`plain_value()`) into a plain value.

        `originals` gives the plain record that a message was bound from, or None when CEL made it anew.
        """
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, dt.datetime):
            return plain_moment(value)
        if isinstance(value, dt.timedelta):
            return plain_seconds(value)
        if isinstance(value, list):
            return [self.plain(item, originals) for item in cast("list[Any]", value)]
        if isinstance(value, dict):
            return {str(key): self.plain(item, originals) for key, item in cast("dict[Any, Any]", value).items()}
        if hasattr(value, "DESCRIPTOR"):
            found = originals(value)
            return self._plain_message(value, originals) if found is None else found
        raise ExpressionError(f"An expression gave a value that can't be kept: {type(value).__name__}.")

    def _plain_message(self, message: Any, originals: Callable[[object], Value]) -> Value:  # noqa: ANN401
        name = message.DESCRIPTOR.name
        if message.DESCRIPTOR.full_name.startswith("google.protobuf."):
            from google.protobuf import json_format

            return self.plain(json_format.MessageToDict(message), originals)
        if name in _RESERVED:
            return _plain_fixed(_RESERVED[name], message)
        plain: dict[str, Value] = {}
        for descriptor, content in message.ListFields():
            kind = self.fields[name][descriptor.name][0]
            plain[descriptor.name] = self._plain_field(kind, content, originals)
        return plain

    def plain_field(self, message: Any, name: str) -> Value:  # noqa: ANN401
        """Give one field of a record as a plain value."""
        kind = self.fields[message.DESCRIPTOR.name][name][0]
        if kind.kind in ("money", "file", "blob", "record", "any") and not message.HasField(name):
            return None
        return self._plain_field(kind, getattr(message, name), lambda _: None)

    def _plain_field(self, kind: Type, content: Any, originals: Callable[[object], Value]) -> Value:  # noqa: ANN401
        if kind.kind in ("date", "time"):
            return plain_moment(content.ToDatetime(tzinfo=dt.UTC))
        if kind.kind == "duration":
            return plain_seconds(content.ToTimedelta())
        if kind.kind == "list":
            return [self._plain_field(kind.of or ANY, item, originals) for item in content]
        return self.plain(content, originals)


_RESERVED = {"Money": "money", "File": "file", "Blob": "blob"}


def _message_name(type_: Type) -> str:
    return type_.name if type_.kind == "record" else type_.kind.capitalize()


def type_of_message(name: str) -> Type:
    """Give the type of a message of ours by its full CEL name."""
    bare = name.removeprefix(f"{PACKAGE}.")
    return Type(_RESERVED[bare]) if bare in _RESERVED else Type("record", name=bare)  # type: ignore[arg-type]


def _pool(records: dict[str, dict[str, tuple[Type, Value]]]) -> Any:  # noqa: ANN401 - protobuf has no types
    from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2

    known: tuple[Any, ...] = (timestamp_pb2, duration_pb2, struct_pb2)
    pool: Any = descriptor_pool.DescriptorPool()
    for module in known:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    file: Any = descriptor_pb2.FileDescriptorProto(
        name=f"{PACKAGE}/records.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=[module.DESCRIPTOR.name for module in known],
    )
    for name, fields in _FIXED.items():
        _describe(file, name.capitalize(), {field: parse_type(kind) for field, kind in fields.items()})
    for name, fields in records.items():
        _describe(file, name, {field: kind for field, (kind, _) in fields.items()})
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _describe(file: Any, name: str, fields: dict[str, Type]) -> None:  # noqa: ANN401
    message = file.message_type.add(name=name)
    for number, (field_name, type_) in enumerate(fields.items(), 1):
        field = message.field.add(name=field_name, number=number, label=3 if type_.kind == "list" else 1)
        item = (type_.of or ANY) if type_.kind == "list" else type_
        item = ANY if item.kind == "list" else item  # a list of lists is open: proto3 has none
        scalar = {"text": 9, "choice": 9, "int": 3, "bool": 8, "float": 1}.get(item.kind)
        field.type = scalar or 11
        if scalar is None:
            field.type_name = _KNOWN.get(item.kind) or f".{PACKAGE}.{_message_name(item)}"


def _measure(value: Value, limit: int | None) -> None:
    if limit is not None and isinstance(value, list | tuple) and len(value) > limit:
        raise ExpressionError(
            f"An expression loops over lists of up to {limit} elements, and one it reads has {len(value):,}.",
            remedy="Filter or join long lists in an agent.",
        )


def _as_list(value: Value) -> list[Value]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise ValueError(f"a list expected, got {type(value).__name__}")  # noqa: TRY004 - bad data, not bad code
    return list(value)


def _unset(type_: Type) -> object:
    """What a scalar variable without a value is bound to."""
    return EPOCH if type_.kind in ("date", "time") else _SCALARS[type_.kind](type_.empty())


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "text": text_of,
    "choice": text_of,
    "int": int,
    "bool": bool,
    "float": float,
    "date": moment,
    "time": moment,
    "duration": seconds,
}


def _open(value: Value, limit: int | None) -> Any:  # noqa: ANN401
    """Check a value of no known shape; what only Mainstay makes (a file's reference) can't be inside."""
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, list | tuple):
        _measure(list(value), limit)
        return [_open(item, limit) for item in value]
    if isinstance(value, dict):
        return {text_of(key): _open(item, limit) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError(f"a {type(value).__name__} inside data of no known type")


def _open_message(value: Any) -> Any:  # noqa: ANN401
    from google.protobuf import json_format, struct_pb2

    return json_format.ParseDict(value, struct_pb2.Value())


def _plain_fixed(kind: str, message: Any) -> Value:  # noqa: ANN401
    if kind == "money":
        return {"minor": message.minor, "currency": message.currency}
    if kind == "file":
        return {"name": message.name, "blob": _plain_fixed("blob", message.blob)}
    return BlobRef(message.digest, message.size, message.name, message.media)
