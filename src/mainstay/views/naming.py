"""Putting names back into sentences of the history, for the operator's eyes.

Such a sentence names nobody (`runtime/telling.py`): "There is no file outbox/blog/[name].md." What it is about stands
sealed beside it, in what the step was given. There it is looked up each time somebody looks, so that it is gone with
the person's key. Where more than one thing can be meant the sentence stays as it was recorded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from mainstay.contracts import marks_in
from mainstay.runtime.telling import FILE, SOMEBODY, TEXT_CHARS
from mainstay.values import Sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstay.values import Value

_MARKED = re.compile(rf"[^\s'\"]*(?:{re.escape(SOMEBODY)}|{re.escape(FILE)})[^\s'\"]*")
_POINTS = ".,:;!?()"  # around a word


def with_names(said: str, stored: Callable[[], Value], opened: Callable[[Value], Value]) -> str:
    """Give a sentence with the names that stand in what its step was given: `stored` gives that, `opened` unseals."""
    if SOMEBODY not in said and FILE not in said:
        return said
    given = stored()
    plain = opened(given)

    def instead(found: re.Match[str]) -> str:
        word = found[0].lstrip(_POINTS)
        core = word.rstrip(_POINTS)
        meant = set(_meant(core, given, plain, opened))
        return found[0].replace(core, meant.pop()) if len(meant) == 1 else found[0]

    return _MARKED.sub(instead, said)


def _meant(word: str, given: Value, plain: Value, opened: Callable[[Value], Value]) -> Iterator[str]:
    """Give what a word with a mark in it can mean."""
    if word == FILE:
        yield from _file_names(plain)
    elif word == SOMEBODY:
        least, most = TEXT_CHARS
        files = set(_file_names(plain))
        sealed = (str(opened(mark)) for mark in marks_in(given) if isinstance(mark, Sealed))
        yield from (one for one in sealed if least <= len(one) <= most and "\n" not in one and one not in files)
    else:
        parts = re.split(f"({re.escape(SOMEBODY)}|{re.escape(FILE)})", word)
        pattern = re.compile("".join(".+" if part in (SOMEBODY, FILE) else re.escape(part) for part in parts))
        yield from (one for one in _texts(plain) if pattern.fullmatch(one))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in cast("list[object]", value):
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from _texts(list(cast("dict[str, object]", value).values()))


def _file_names(value: object) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for item in cast("list[object]", value):
            yield from _file_names(item)
    elif isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        if fields.keys() == {"name", "blob"} and isinstance(name := fields["name"], str) and name:
            yield name
        yield from _file_names(list(fields.values()))
