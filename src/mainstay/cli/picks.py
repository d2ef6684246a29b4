"""Which rows of a question an answer keeps: "1,3-5" or "1 3-5", counted from 1 as the screen counts them."""

from __future__ import annotations

import re

from mainstay.errors import InputError

_BETWEEN = re.compile(r"\s*,\s*|\s+")
_SPAN = re.compile(r"\s*-\s*")
_PART = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)


def named_rows(given: str | None) -> str:
    """Give what --keep or --drop names, "" when it was not given. Raises InputError where it was, and names nothing."""
    if given is not None and not given.strip():
        raise InputError("--keep or --drop was given, but names no row.", remedy="Write rows as in 1,3-5.")
    return given or ""


def kept_rows(count: int, *, keep: str = "", drop: str = "") -> list[int] | None:
    """Give the kept rows, counted from 0; None when neither was given. Raises InputError on anything unclear."""
    if keep and drop:
        raise InputError("Both --keep and --drop were given.", remedy="Name the rows to keep, or those to leave out.")
    if not keep and not drop:
        return None
    named = _numbers(keep or drop, count)
    kept = sorted(named) if keep else [number for number in range(count) if number not in named]
    if not kept:
        raise InputError("No row would be kept.", remedy="That is a no: answer `reject` with a reason.")
    return kept


def _numbers(text: str, count: int) -> set[int]:
    found: set[int] = set()
    for part in _BETWEEN.split(_SPAN.sub("-", text.strip())):
        match = _PART.fullmatch(part)
        if match is None:
            raise InputError(f"'{text}' does not name rows.", remedy="Write them as in 1,3-5.")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= count:
            raise InputError(f"There is no row {part}: the question lists {count}.", remedy="Write rows as in 1,3-5.")
        found.update(range(first - 1, last))
    return found
