"""How facts become bytes, and come back for ever (KERNEL L3, L10). Plain values inside them: `mainstay.encoding`.

A fact is a MessagePack map tagged with its kind. Old ones: `UPCASTERS[kind, version]` of `events.fact` lifts the
plain map of one version to the next, until it is the present one.
"""

from __future__ import annotations

import operator
from functools import cache
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

import msgspec
from msgspec.msgpack import Decoder, Encoder

from mainstay import events
from mainstay.encoding import SCALARS, mark, unmark
from mainstay.errors import LedgerError
from mainstay.events.fact import UPCASTERS

if TYPE_CHECKING:
    from mainstay.events import AnyFact

CODEC_VERSION = 1

KINDS: dict[str, type[AnyFact]] = {kind.__name__: kind for kind in get_args(events.AnyFact)}

_encoder = Encoder()


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
        try:
            content = lift(content)
            kind, version = content["type"], version + 1
        except Exception as error:
            raise LedgerError(
                f"A recorded {kind} of version {version} can't be lifted to version {version + 1}: {error!r}.",
                remedy="The history is as it was. Open it with the release that wrote it, and report this.",
            ) from error
    cls = KINDS.get(kind)
    if cls is None or version != cls.version:
        raise LedgerError(
            f"This release does not know {kind} version {version}.",
            remedy="The history was written by another release of Mainstay; use that one or a newer one.",
        )
    return msgspec.convert(content, cls)


def _marked_struct(struct: msgspec.Struct) -> msgspec.Struct:
    """Mark the fields that hold plain values. The very same struct comes back when there is nothing to mark."""
    changed: dict[str, object] | None = None
    plain, nested = _value_fields(type(struct))
    for name in plain:
        item = getattr(struct, name)
        if type(item) not in SCALARS and (now := mark(item)) is not item:
            changed = {**(changed or {}), name: now}
    for name in nested:
        item = getattr(struct, name)
        if item is not None and (now := _marked_in(item)) is not item:
            changed = {**(changed or {}), name: now}
    return struct if changed is None else msgspec.structs.replace(struct, **changed)


def _marked_in(item: Any) -> object:  # noqa: ANN401 - a struct, or a tuple of structs
    if not isinstance(item, tuple):
        return _marked_struct(item)
    structs = cast("tuple[msgspec.Struct, ...]", item)
    marked = tuple(map(_marked_struct, structs))
    return structs if all(map(operator.is_, marked, structs)) else marked


@cache
def _value_fields(cls: type[msgspec.Struct]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the fields of a struct that are plain values, and those that are structs with such fields."""
    hints = {field.name: get_type_hints(cls)[field.name] for field in msgspec.structs.fields(cls)}
    plain = tuple(name for name, hint in hints.items() if hint is Any)
    return plain, tuple(name for name, hint in hints.items() if any(map(_holds_values, (hint, *get_args(hint)))))


def _holds_values(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct) and any(_value_fields(hint))


@cache
def _fact_decoder(cls: type[AnyFact]) -> Decoder[AnyFact]:
    return Decoder(cls, ext_hook=unmark)


_map_decoder: Decoder[dict[str, Any]] = Decoder(dict[str, Any], ext_hook=unmark)
