"""[windows] of mainstay.toml: the hours in which what can wait leaves.

[windows]
night = "22:00-06:00"
office = "mon-fri 09:00-17:00"

The hours are those of the company's time zone. Hours over midnight belong to the day on which they begin.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from mainstay.governance.periods import EVERY_DAY, Calendar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(DAYS)
_DAYS = re.compile(rf"(?:{_DAY})(?:-(?:{_DAY}))?(?:,(?:{_DAY})(?:-(?:{_DAY}))?)*")
_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-(?:([01]?\d|2[0-3]):([0-5]\d)|24:00)")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)


class Window(NamedTuple):
    """Hours of some days, as minutes of the day; Monday is 0."""

    opens: int
    closes: int
    days: frozenset[int] = EVERY_DAY


def read_window(name: str, text: str) -> Window:
    """Read "22:00-06:00" or "mon-fri,sun 09:00-17:00"; raises ValueError with a sentence."""
    if not _NAME.fullmatch(name):
        msg = f"'{name}' is no name for hours; write it like night or office-hours"
        raise ValueError(msg)
    days, _, hours = text.strip().lower().rpartition(" ")
    match = _HOURS.fullmatch(hours)
    if match is None or (days.strip() and not _DAYS.fullmatch(days.strip())):
        msg = f"'{text}' are no hours; write '22:00-06:00' or 'mon-fri 09:00-17:00'"
        raise ValueError(msg)
    opens = int(match[1]) * 60 + int(match[2])
    closes = 0 if match[3] is None else int(match[3]) * 60 + int(match[4])
    if opens == closes:
        msg = f"'{text}' begins and ends at the same time"
        raise ValueError(msg)
    return Window(opens, closes, _days(days.strip()) or EVERY_DAY)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        begins, ends = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(begins, ends + (7 if ends < begins else 0) + 1)}
    return frozenset(found)


def hours_of(windows: Mapping[str, Window], timezone: str) -> dict[str, Callable[[int], int]]:
    """Give by operation what says when it may leave from a moment on, both microseconds UTC: that moment, or later."""
    calendar = Calendar(timezone)

    def of(window: Window) -> Callable[[int], int]:
        return lambda at_us: calendar.opens_us(window[:2], at_us, window.days) or at_us

    return {operation: of(window) for operation, window in windows.items()}
