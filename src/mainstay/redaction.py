"""Takes secrets out of what is shown, sent or written down, by their value (SECURITY S55).

A secret is told here before anybody can use it, and for as long as the process lives. What leaves for a record, a
screen or a socket goes through `redacted`: wherever the value stands in it, as it is or in one of the ways programs
write it down (base64, percent signs, JSON, HTML, hex), "[secret]" stands instead. Without secrets nothing is done.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

INSTEAD = "[secret]"
MIN_CHARACTERS = 6  # a shorter one would be found everywhere, and be nowhere safe
_CORE_CHARS = 6  # of base64: a shorter piece of it stands in other words too
_LETTER = re.compile(r"[A-Za-z0-9+/=_-]")
_URL_SAFE = str.maketrans("+/", "-_")

T = TypeVar("T")

_known: set[str] = set()
_pattern: re.Pattern[str] | None = None
_inside: re.Pattern[str] | None = None  # what is common to all base64 that holds one


def remember(secret: str) -> None:
    """Let this value be seen nowhere from now on. One that is too short to be told apart from other words is left."""
    global _pattern, _inside  # noqa: PLW0603 - one for the process: whoever writes something down has to know of all
    if secret in _known or len(secret) < MIN_CHARACTERS:
        return
    if not _known:
        _watch_process()
    _known.add(secret)
    _inside = _any_of({core for one in _known for core in _cores(one) if len(core) >= _CORE_CHARS})
    _pattern = _any_of({form for one in _known for form in _forms(one) if len(form) >= MIN_CHARACTERS})


def _watch_process() -> None:
    """Redact what Python itself writes to stderr: an error that nobody caught, a warning of the loop's."""
    sys.excepthook = _tell_uncaught
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Redacted())


def _tell_uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, where))))


class _Redacted(logging.Formatter):
    """Lines of a log without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def knows_any() -> bool:
    """Say whether there is anything to take out."""
    return _pattern is not None


def redacted(text: str) -> str:
    """Give the text without secrets."""
    if _pattern is None or _inside is None:
        return text
    text = _pattern.sub(INSTEAD, text)
    while found := _inside.search(text):  # the whole word goes: its ends hold parts of the secret too
        start, end = found.span()
        while start and _LETTER.match(text, start - 1):
            start -= 1
        while _LETTER.match(text, end):
            end += 1
        text = f"{text[:start]}{INSTEAD}{text[end:]}"
    return text


def redacted_in(value: T) -> T:
    """Give plain data (texts in lists and mappings, also as keys) without secrets."""
    if _pattern is None:
        return value
    if isinstance(value, str):
        return cast("T", redacted(value))
    if isinstance(value, Mapping):
        given = cast("Mapping[object, object]", value)
        return cast("T", {redacted_in(name): redacted_in(part) for name, part in given.items()})
    if isinstance(value, list | tuple):
        parts = [redacted_in(part) for part in cast("list[object]", value)]
        return cast("T", tuple(parts) if isinstance(value, tuple) else parts)
    return value


def _forms(secret: str) -> Iterator[str]:
    """Give all ways in which a value is written down, but for base64."""
    plain = {secret, secret.strip(), " ".join(secret.split())}
    for one in plain:
        yield from {one, quote(one, safe=""), quote(one), quote_plus(one), html.escape(one), repr(one)[1:-1]}
        yield from (json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1])
    yield secret.encode().hex()
    yield secret.encode().hex().upper()


def _cores(secret: str) -> Iterator[str]:
    """Give what stands in base64 for a value, wherever it begins in what is encoded."""
    data = secret.encode()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        last = -1 if (before + len(data)) % 3 else None  # the last letter also holds what follows
        core = encoded[-(-before * 4 // 3) : last]
        yield core
        yield core.translate(_URL_SAFE)


def _any_of(texts: set[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(one) for one in sorted(texts, key=len, reverse=True)))
