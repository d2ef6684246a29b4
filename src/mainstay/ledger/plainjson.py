"""Bodies of facts as JSON that anybody can read, and back to the very same bytes.

What JSON has no word for stands in an object whose one key begins with "$":

    {"$blob": {...}}    a reference to a blob        {"$int": "9007199254740993"}   an integer beyond 2^53
    {"$sealed": [...]}  a sealed value               {"$float": "nan"}              nan, inf or -inf
    {"$bytes": "..."}   bytes, in base64             {"$map": [[key, value], ...]}  a map that looks like one of these
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.msgpack import Ext

from mainstay.encoding import BLOB_EXT, SEALED_EXT

if TYPE_CHECKING:
    from collections.abc import Callable

SAFE_INT = 2**53 - 1  # what every reader of JSON gives back exactly (RFC 8259, section 6)
_EXTS = {BLOB_EXT: "$blob", SEALED_EXT: "$sealed"}
_CODES = {name: code for code, name in _EXTS.items()}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def to_json(body: bytes) -> Any | None:  # noqa: ANN401 - what JSON can hold
    """Give a body as plain data for JSON; None when `from_json` could not give the same bytes back."""
    try:
        told = msgspec.json.decode(msgspec.json.encode(_told(_decode(body))))
        return told if from_json(told) == body else None
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError):
        return None


def from_json(told: Any) -> bytes:  # noqa: ANN401 - as above
    """Give the body back. Raises ValueError, TypeError or KeyError on what `to_json` never gives."""
    return _encode(_meant(told))


def _told(value: Any) -> Any:  # noqa: ANN401 - any MessagePack
    kind = cast("type[object]", type(value))
    if kind is dict:
        return _told_map(value)
    if kind is list:
        return [_told(item) for item in value]
    if kind is int and abs(value) > SAFE_INT:
        return {"$int": str(value)}
    if kind is float and not math.isfinite(value):
        return {"$float": str(value)}
    if kind is bytes:
        return {"$bytes": b64encode(value).decode()}
    if kind is Ext:
        return {_EXTS[value.code]: _told(_decode(value.data))}
    if value is None or kind in (bool, int, float, str):
        return value
    raise TypeError(f"a {kind.__name__} has no JSON")


def _told_map(value: dict[Any, Any]) -> dict[str, Any]:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: _told(item) for key, item in value.items()}
    return {"$map": [[_told(key), _told(item)] for key, item in value.items()]}


def _meant(told: Any) -> Any:  # noqa: ANN401 - any MessagePack
    if type(told) is list:
        return [_meant(item) for item in cast("list[Any]", told)]
    if type(told) is not dict:
        return told
    content = cast("dict[str, Any]", told)
    name = next(iter(content), "")
    if not name.startswith("$"):
        return {key: _meant(item) for key, item in content.items()}
    if len(content) != 1:
        raise ValueError(f"{name} stands alone")
    return _MEANT[name](content[name])


def _ext(name: str) -> Callable[[Any], Ext]:
    return lambda told: Ext(_CODES[name], _encode(_meant(told)))


_MEANT: dict[str, Callable[[Any], Any]] = {
    "$blob": _ext("$blob"),
    "$sealed": _ext("$sealed"),
    "$int": int,
    "$float": float,
    "$bytes": b64decode,
    "$map": lambda told: {_meant(key): _meant(item) for key, item in told},
}
