"""Which fields of which structs are personal, and about whom (KERNEL L3): read once from the types of contracts.

A field says so itself (`values.PersonName` and its like). A type that can hold nothing personal has no shape at all,
so that its values are never looked at. A value whose type is not known (a list that an expression gave, a card) is
known by the names of its fields: every field of a struct is written, so a dict with just these fields is one of it.
"""

from __future__ import annotations

import types
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from mainstay.values import LATER, PERSONAL, BlobRef, Sealed

Kind: TypeAlias = Literal["", "id", "mail", "iban", "name", "text"]
IDENTITY: tuple[Kind, ...] = ("id", "mail", "iban", "name")  # the telling ones first
ALL = "*"  # a text about all people of a record


class Field(NamedTuple):
    """A field of a struct that is personal, or holds a struct with such fields."""

    name: str  # as it is written
    kind: Kind  # "" is not personal itself
    about: str  # whom of those its struct is about; "*" is all of them
    inner: Shape | None


class Shape(NamedTuple):
    """The fields of a struct that matter; an open one stands for a type that says nothing."""

    fields: tuple[Field, ...] = ()
    is_open: bool = False


OPEN = Shape(is_open=True)
SHAPES: dict[frozenset[str], Shape] = {}  # of all structs met so far, by the names of all fields that are written

# What a field is called in records that playbooks make up.
_CALLED: dict[str, Kind] = {
    "customer_id": "id",
    "email": "mail",
    "mail": "mail",
    "to": "mail",
    "iban": "iban",
    "name": "name",
    "customer": "name",
    "counterparty": "name",
    "payer": "name",
}


@cache
def shape_of(hint: object) -> Shape | None:
    """Give what is personal in values of a type; None when nothing can be."""
    origin = get_origin(hint)
    if hint is Any or hint is object:
        return OPEN
    if hint is BlobRef or hint is Sealed:
        return None
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _shape_of_struct(hint)
    if origin is Annotated:
        return shape_of(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        found = {shape for each in get_args(hint) if (shape := shape_of(each)) is not None}
        return next(iter(found), None) if len(found) < 2 else OPEN  # noqa: PLR2004 - one kind of struct, or none
    if origin is dict:
        return None if shape_of(get_args(hint)[1]) is None else OPEN
    return next((shape for each in get_args(hint) if (shape := shape_of(each)) is not None), None)


_UNDER_WAY: set[type] = set()  # a struct that holds itself is looked at by its fields' names


def _shape_of_struct(struct: type[msgspec.Struct]) -> Shape | None:
    if struct in _UNDER_WAY:
        return OPEN
    _UNDER_WAY.add(struct)
    try:
        hints = get_type_hints(struct, include_extras=True)
        given = {
            name: hints[own]
            for name, own in zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True)
        }
        fields = tuple(field for name, hint in given.items() if (field := _field(name, hint)) is not None)
    finally:
        _UNDER_WAY.discard(struct)
    if not fields:
        return None
    config = struct.__struct_config__
    tag = () if config.tag_field is None else (config.tag_field,)
    names, later = frozenset((*tag, *given)), {name for name, hint in given.items() if _is_later(hint)}
    SHAPES.setdefault(names, Shape(fields))
    SHAPES.setdefault(names - later, Shape(tuple(field for field in fields if field.name not in later)))
    return Shape(fields)


def _is_later(hint: object) -> bool:
    """Whether a field's type says that records of earlier releases lack it."""
    metas: tuple[object, ...] = getattr(hint, "__metadata__", ())
    return any(isinstance(meta, msgspec.Meta) and meta.extra is not None and LATER in meta.extra for meta in metas)


def _field(name: str, hint: object) -> Field | None:
    said = _said(hint)
    if said is not None:
        return Field(name, said[0], said[1], None)
    inner = shape_of(hint)
    return None if inner is None else Field(name, "", "", inner)


def _said(hint: object) -> tuple[Kind, str] | None:
    """Give what a field's type says of it, also inside a list or beside None."""
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.extra and PERSONAL in meta.extra:
            return cast("tuple[Kind, str]", meta.extra[PERSONAL])
    return next((said for each in get_args(hint) if (said := _said(each)) is not None), None)


def shape_of_dict(value: dict[str, Any]) -> Shape | None:
    """Give the shape of a dict whose type is not known; None when neither its fields nor their names tell."""
    known = SHAPES.get(frozenset(value))
    if known is not None:
        return known
    if not any(name in _CALLED for name in value):
        return None
    return Shape(tuple(Field(name, _CALLED.get(name, ""), "", OPEN) for name in value))
