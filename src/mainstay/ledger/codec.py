"""How facts and values become bytes, and come back for ever (KERNEL L3, L10).

MessagePack by msgspec. A fact is a map tagged with its kind. Inside a plain value the two marks of `values` have
extension types of their own: outside data is made of None, bool, int, float, str, list and dict only, everything
else is refused, so nothing that came from outside can decode as a `BlobRef` or a `Sealed`.

Old facts: `UPCASTERS[kind, version]` lifts the plain map of one version to the next, until it is the present one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, get_type_hints

import msgspec
from msgspec.msgpack import Decoder, Encoder, Ext

from mainstay import events
from mainstay.errors import LedgerError
from mainstay.values import BlobRef, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.events import AnyFact
    from mainstay.values import Value

CODEC_VERSION = 1
BLOB_EXT = 1
SEALED_EXT = 2

Upcaster: TypeAlias = "Callable[[dict[str, Any]], dict[str, Any]]"
KINDS: dict[str, type[AnyFact]] = {kind.__name__: kind for kind in get_args(events.AnyFact)}
UPCASTERS: dict[tuple[str, int], Upcaster] = {}

_SCALARS = frozenset({type(None), bool, int, float, str})
_encoder = Encoder()


def encode_value(value: Value) -> bytes:
    """Give the bytes of a plain value; raises TypeError or ValueError when it is not plain."""
    return _encoder.encode(_marked(value))


def decode_value(data: bytes) -> Value:
    """Give the value back; raises LedgerError on bytes that were not made by `encode_value`."""
    try:
        return _value_decoder.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        raise LedgerError(f"A recorded value can't be read: {error}.") from error


def encode_fact(fact: AnyFact) -> bytes:
    """Give the bytes of a fact; raises TypeError or ValueError when a value in it is not plain."""
    return _encoder.encode(_marked_struct(fact))


def decode_fact(kind: str, version: int, body: bytes) -> AnyFact:
    """Give the fact back in its present version; raises LedgerError when this release can't read it."""
    cls = KINDS.get(kind)
    try:
        if cls is not None and version == cls.version:
            return _fact_decoder(cls).decode(body)
        return _lifted(kind, version, body)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
        raise LedgerError(f"A recorded {kind} (version {version}) can't be read: {error}.") from error


def _lifted(kind: str, version: int, body: bytes) -> AnyFact:
    """Lift an old version step by step. A renamed kind is lifted under its old name and tagged with the new one."""
    content = _map_decoder.decode(body)
    while (lift := UPCASTERS.get((kind, version))) is not None:
        content = lift(content)
        kind, version = content["type"], version + 1
    cls = KINDS.get(kind)
    if cls is None or version != cls.version:
        raise LedgerError(
            f"This release does not know {kind} version {version}.",
            remedy="The history was written by another release of Mainstay; use that one or a newer one.",
        )
    return msgspec.convert(content, cls)


def _marked(value: Value) -> Any:  # noqa: ANN401 - Ext is not a Value
    """Put marks into their extension types. The very same object comes back when there is none inside."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return _marked_dict(value)  # pyright: ignore[reportArgumentType] - narrowed by `kind`
    if kind is list:
        return _marked_list(value)  # pyright: ignore[reportArgumentType] - narrowed by `kind`
    if kind is BlobRef:
        return Ext(BLOB_EXT, _encoder.encode(value))
    if kind is Sealed:
        return Ext(SEALED_EXT, _encoder.encode(value))
    raise TypeError(f"a {kind.__name__} is not a plain value and can't be recorded")


def _marked_dict(value: dict[str, Value]) -> dict[str, Any]:
    marked: dict[str, Any] | None = None
    for key, item in value.items():
        if type(key) is not str:
            raise TypeError(f"{key!r} can't be recorded as a key: keys are text")
        if type(item) not in _SCALARS and (now := _marked(item)) is not item:
            marked = dict(value) if marked is None else marked
            marked[key] = now
    return value if marked is None else marked


def _marked_list(value: list[Value]) -> list[Any]:
    marked: list[Any] | None = None
    for index, item in enumerate(value):
        if type(item) not in _SCALARS and (now := _marked(item)) is not item:
            marked = list(value) if marked is None else marked
            marked[index] = now
    return value if marked is None else marked


def _marked_struct(struct: msgspec.Struct) -> msgspec.Struct:
    """Do the same for the fields of a struct that hold plain values."""
    changed: dict[str, object] | None = None
    plain, nested = _value_fields(type(struct))
    for name in plain:
        item = getattr(struct, name)
        if type(item) not in _SCALARS and (now := _marked(item)) is not item:
            changed = {**(changed or {}), name: now}
    for name in nested:
        item = getattr(struct, name)
        if item is not None and (now := _marked_struct(item)) is not item:
            changed = {**(changed or {}), name: now}
    return struct if changed is None else msgspec.structs.replace(struct, **changed)


@cache
def _value_fields(cls: type[msgspec.Struct]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the fields of a struct that are plain values, and those that are structs with such fields."""
    hints = {field.name: get_type_hints(cls)[field.encode_name] for field in msgspec.structs.fields(cls)}
    plain = tuple(name for name, hint in hints.items() if hint is Any)
    return plain, tuple(name for name, hint in hints.items() if any(map(_holds_values, (hint, *get_args(hint)))))


def _holds_values(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct) and any(_value_fields(hint))


def _unmark(code: int, data: memoryview) -> BlobRef | Sealed:
    if code == BLOB_EXT:
        return _blob_decoder.decode(data)
    if code == SEALED_EXT:
        return _sealed_decoder.decode(data)
    raise ValueError(f"extension type {code} is unknown")


@cache
def _fact_decoder(cls: type[AnyFact]) -> Decoder[AnyFact]:
    return Decoder(cls, ext_hook=_unmark)


_blob_decoder = Decoder(BlobRef)
_sealed_decoder = Decoder(Sealed)
_value_decoder: Decoder[Value] = Decoder(ext_hook=_unmark)
_map_decoder: Decoder[dict[str, Any]] = Decoder(dict[str, Any], ext_hook=_unmark)
