"""Files among the arguments of what a tool asks for: given by their content, inside the request (docs/gateway.md).

    {"name": "invoice.pdf", "content": "JVBERi0xLjcK...", "media": "application/pdf", "sha256": "9f86d0..."}

`content` is base64; `media` and `sha256` may be left out. Where an operation takes a file is told by its contract: the
same words anywhere else are data. Until a file is kept, a mark of its plain content stands in its place; so two
requests are the same when their files are, however those are stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    NamedTuple,
    TypeAlias,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from mainstay.contracts import to_plain
from mainstay.errors import InputError
from mainstay.records import File
from mainstay.values import BlobRef, digest_of

if TYPE_CHECKING:
    from mainstay.requests.desk import Requests
    from mainstay.values import Value

MOST_NAME = 200
_UNKNOWN = "application/octet-stream"
_SHAPE = 'A file is given by its content: {"name": "invoice.pdf", "content": "<base64>"}.'

_LISTS = (list, tuple)

Turn: TypeAlias = Callable[[BlobRef], BlobRef]


class GivenFile(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A file as a tool gives it; `content` is base64."""

    name: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MOST_NAME})]
    content: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "contentEncoding": "base64"})]
    media: str = ""
    sha256: str = ""


class AttachedError(InputError):
    """A file can't be taken; `field` says which."""

    field: str

    def __init__(self, message: str, field: str) -> None:
        """Keep what the answer needs."""
        super().__init__(message, remedy=_SHAPE)
        self.field = field


class Attached(NamedTuple):
    """Arguments with a mark for each file, and the contents by the digest in the mark."""

    arguments: Value
    contents: dict[str, bytes]


def attached(arguments: Mapping[str, Any], kind: type[msgspec.Struct]) -> Attached:
    """Take the files out of arguments, wherever `kind` has one. Raises AttachedError."""
    contents: dict[str, bytes] = {}
    return Attached(_taken(arguments, kind, "arguments", contents), contents)


def kept(desk: Requests, found: Attached) -> Value:
    """Keep the files; gives the arguments that name them, on disk when this returns."""
    if not found.contents:
        return found.arguments
    return _turned(found.arguments, lambda mark: desk.payloads.pin(found.contents[mark.digest], media=mark.media))


def as_given(desk: Requests, value: Value) -> Value:
    """Give a kept value with the marks of its files' contents. Raises ForgottenError, LedgerError."""
    return _turned(value, lambda ref: _mark(desk.payloads.blobs.get(ref), ref.media))


def _taken(value: Any, kind: Any, place: str, contents: dict[str, bytes]) -> Value:  # noqa: ANN401 - of any contract
    kind = _meant(value, kind)
    if kind is File:
        return _file(value, place, contents)
    inner = get_args(kind)
    if isinstance(value, Mapping) and _is_struct(kind):
        hints = _hints_of(kind)
        given = cast("Mapping[str, Any]", value)
        return {name: _taken(each, hints.get(name), f"{place}.{name}", contents) for name, each in given.items()}
    if isinstance(value, Mapping) and get_origin(kind) is dict:
        named = cast("Mapping[str, Any]", value)
        return {name: _taken(each, inner[1], f"{place}.{name}", contents) for name, each in named.items()}
    if isinstance(value, list) and get_origin(kind) in _LISTS:
        items = cast("list[Any]", value)
        return [_taken(each, inner[0], f"{place}[{at}]", contents) for at, each in enumerate(items)]
    return cast("Value", value)


@lru_cache(maxsize=1000)
def _hints_of(kind: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as above
    return get_type_hints(kind)


def _meant(value: object, kind: Any) -> Any:  # noqa: ANN401 - as above
    """Of a type that is one thing or another, such as a list or nothing, give the one that a value can be."""
    if get_origin(kind) not in (Union, UnionType):
        return kind
    for each in get_args(kind):
        if isinstance(value, Mapping) and (each is File or _is_struct(each) or get_origin(each) is dict):
            return each
        if isinstance(value, list) and get_origin(each) in _LISTS:
            return each
    return kind


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _file(value: object, place: str, contents: dict[str, bytes]) -> Value:
    if not isinstance(value, Mapping):
        raise AttachedError(f"'{place}' is no file.", place)
    given = cast("Mapping[str, Any]", value)
    if wrong := next((name for name in given if name not in GivenFile.__struct_fields__), None):
        raise AttachedError(f"A file has no '{wrong}'.", f"{place}.{wrong}")
    for name in ("name", "content"):
        if not isinstance(given.get(name), str) or not given[name]:
            raise AttachedError(f"'{place}.{name}' is missing, or no text.", f"{place}.{name}")
    name: str = given["name"]
    if len(name) > MOST_NAME or not name.isprintable() or "/" in name or "\\" in name or name != name.strip():
        raise AttachedError(f"'{place}.name' is no name of a file.", f"{place}.name")
    content = _decoded(given, place)
    media = given.get("media") or mimetypes.guess_type(name, strict=False)[0] or _UNKNOWN
    if not isinstance(media, str):
        raise AttachedError(f"'{place}.media' is no text.", f"{place}.media")
    mark = _mark(content, media)
    contents[mark.digest] = content
    return to_plain(File(name, mark))


def _decoded(given: Mapping[str, Any], place: str) -> bytes:
    try:
        content = base64.b64decode("".join(given["content"].split()), validate=True)
    except (binascii.Error, ValueError):
        raise AttachedError(f"'{place}.content' is no base64.", f"{place}.content") from None
    if not content:
        raise AttachedError(f"'{place}.content' is empty.", f"{place}.content")
    found, wanted = hashlib.sha256(content).hexdigest(), given.get("sha256")
    if wanted is not None and not hmac.compare_digest(found.encode(), str(wanted).strip().lower().encode()):
        raise AttachedError(f"The file did not arrive as it was sent: its SHA-256 is {found}.", f"{place}.sha256")
    return content


def _mark(content: bytes, media: str) -> BlobRef:
    return BlobRef(digest_of(content), len(content), media=media)


def _turned(value: Value, turn: Turn) -> Value:
    if isinstance(value, BlobRef):
        return turn(value)
    if isinstance(value, dict):
        return {name: _turned(each, turn) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_turned(each, turn) for each in value]
    return value
