"""How plain values become bytes, for the ledger and for worker processes alike (KERNEL L3).

MessagePack by msgspec. The two marks of `values` have extension types of their own: outside data is made of None,
bool, int, float, str, list and dict only, everything else is refused, so nothing that came from outside can decode
as a `BlobRef` or a `Sealed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.msgpack import Decoder, Encoder, Ext

from mainstay.errors import LedgerError
from mainstay.values import BlobRef, Forgotten, Sealed

if TYPE_CHECKING:
    from mainstay.values import Value

BLOB_EXT = 1
SEALED_EXT = 2

SEALED_FILE = b"mainstay/sealed/1\n"  # before a file that is sealed; all that come from outside are

SCALARS = frozenset({type(None), bool, int, float, str})
_encoder = Encoder()


def encode_value(value: Value) -> bytes:
    """Give the bytes of a plain value; raises TypeError or ValueError when it is not plain."""
    return _encoder.encode(mark(value))


def fits(value: Value, size: int) -> bool:
    """Say whether a value takes at most about so many bytes; marks are counted as the records they are."""
    return len(_encoder.encode(value)) <= size


def decode_value(data: bytes) -> Value:
    """Give the value back; raises LedgerError on bytes that were not made by `encode_value`."""
    try:
        return _value_decoder.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        raise LedgerError(f"A recorded value can't be read: {error}.") from error


def encode_file(sealed: Sealed) -> bytes:
    """Give a sealed file as it is stored."""
    return SEALED_FILE + encode_value(sealed)


def decode_file(content: bytes) -> Sealed | None:
    """Give the mark a stored file is sealed as; None when it is not sealed."""
    found = decode_value(content[len(SEALED_FILE) :]) if content.startswith(SEALED_FILE) else None
    return found if isinstance(found, Sealed) else None


def key_of_file(content: bytes) -> str:
    """Name the key that a stored file is sealed under; "" when it is not sealed."""
    sealed = decode_file(content)
    return "" if sealed is None else sealed.key_id


def mark(value: Value) -> Any:  # noqa: ANN401 - Ext is not a Value
    """Put marks into their extension types. The very same object comes back when there is none inside."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is dict:
        fields: Any = value
        marked: dict[str, Any] | None = None
        for key, item in fields.items():
            if type(key) is not str:
                raise TypeError(f"{key!r} can't be recorded as a key: keys are text")
            if type(item) not in SCALARS and (now := mark(item)) is not item:
                marked = dict(fields) if marked is None else marked
                marked[key] = now
        return fields if marked is None else marked
    if kind is list:
        return _mark_list(value)  # pyright: ignore[reportArgumentType] - narrowed by `kind`
    if kind is BlobRef:
        return Ext(BLOB_EXT, _encoder.encode(value))
    if kind is Sealed:
        sealed: Any = value
        return Ext(SEALED_EXT, _encoder.encode((sealed.key_id, sealed.nonce, sealed.ciphertext)))
    if kind is Forgotten:
        return ""
    raise TypeError(f"a {kind.__name__} is not a plain value and can't be recorded")


def _mark_list(value: list[Value]) -> list[Any]:
    marked: list[Any] | None = None
    for index, item in enumerate(value):
        if type(item) not in SCALARS and (now := mark(item)) is not item:
            marked = list(value) if marked is None else marked
            marked[index] = now
    return value if marked is None else marked


def unmark(code: int, data: memoryview) -> BlobRef | Sealed:
    """Give a mark back from its extension type; raises ValueError on any other."""
    if code == BLOB_EXT:
        return _blob_decoder.decode(data)
    if code == SEALED_EXT:
        return Sealed(*_sealed_decoder.decode(data))
    raise ValueError(f"extension type {code} is unknown")


_blob_decoder = Decoder(BlobRef)
_sealed_decoder = Decoder(tuple[str, bytes, bytes])
_value_decoder: Decoder[Value] = Decoder(ext_hook=unmark)
