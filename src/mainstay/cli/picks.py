"""Which rows of a question an answer keeps: "1,3-5" or "1 3-5", counted from 1 as the screen counts them.

And how a row is read that can be read in several ways: "1=2, 3=0", or "2" where there is one row; 0 is none of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.errors import InputError
from mainstay.requests.picking import NONE, ways_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 5  # rows, in an example
_BETWEEN = re.compile(r"\s*,\s*|\s+")
_SPAN = re.compile(r"\s*-\s*")
_READ = re.compile(r"(?:(\d{1,6})\s*=\s*)?(\d{1,3})", re.ASCII)
_PART = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)


def named_rows(given: Sequence[str] | None) -> str:
    """Give all that --keep or --drop names, "" when it was not given; raises InputError where one names nothing."""
    if not all(one.strip() for one in given or ()):
        raise InputError("--keep or --drop was given, but names no row.", remedy="Write rows as in 1,3-5.")
    return ",".join(given or ())


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


def read_ways(text: str, rows: Sequence[object]) -> dict[str, str]:
    """Give how rows are to be read, by the row, both as forms write them. Raises InputError on anything unclear."""
    found: dict[str, str] = {}
    for part in re.split(r"\s*,\s*|\s+", re.sub(r"\s*=\s*", "=", text.strip())):
        read = _READ.fullmatch(part)
        if read is None or (read[1] is None and len(rows) > 1):
            raise InputError(f"'{text}' does not say how rows are read.", remedy="Write row=number, as in 1=2, 3=0.")
        row, number = int(read[1] or 1), int(read[2])
        ways = ways_of(rows[row - 1]) if 1 <= row <= len(rows) else []
        if number > len(ways) or not ways:
            hint = "Write row=number, as the question numbers them." if ways else f"Leave it out: --drop {row}"
            raise InputError(_no_such(row, number, len(ways)), remedy=hint)
        way = ways[number - 1].pick if number else NONE
        if found.setdefault(str(row - 1), way) != way:
            raise InputError(f"Row {row} can't be read in two ways at once.", remedy="Say for each row which is right.")
    return found


def say_how(rows: Sequence[object], unsaid: Sequence[int]) -> str:
    """Say by which words a yes says how these rows, from 0, are read."""
    if len(rows) == 1:
        return "Add --pick 1 for the first, --pick 2 for the second, or --pick 0 for none of these."
    row = unsaid[0] + 1
    more = f" Several at once: --pick {','.join(f'{at + 1}=1' for at in unsaid[:_SHOWN])}" if len(unsaid) > 1 else ""
    return f"Add --pick: {row}=1 takes the first, {row}=2 the second, {row}=0 none of these.{more}"


def _no_such(row: int, number: int, count: int) -> str:
    if not count:
        return f"There is nothing to pick in row {row}."
    return f"Row {row} can be read in {count} ways, and {number} is none of them."


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
