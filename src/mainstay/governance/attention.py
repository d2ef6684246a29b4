"""When the operator is told something unasked, and what waits for the summary of the day (requirements G5, G10).

    asked        a message about what came, so many a day at most
    reminded     the same about what a reminder is due of
    escalated    what nobody answered for too long, what a no by silence is near for, and what is stuck for a reason
    due          that was not told of for a day: told beyond the day's number too, each once
    stuck
    warned       that a budget runs low, or that a throttle paused a playbook: each once, beyond the day's number too
    summary      what waits, counted, once a day; it counts for nothing
    again        what waits, by a way that did not take the last message; it counts for nothing either

Moments are compared with a mark: what came up to it was told, or left for the summary. Each message is a fact that
carries the mark, in a stream of the company's day. It is told first and recorded afterwards: a process that dies
between tells it once more, which is a nuisance; the other way round it would never be told, which may be a loss.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from mainstay import events as e
from mainstay.values import DAY_S, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstay.events import Recorded

SOON_US = 2 * 3600 * SECOND_US  # so long before silence means no the operator is told
FRESH_US = 3600 * SECOND_US  # what came longer ago, while nobody was there to tell it, waits for the summary
PREFIX = "attention:"
UNCOUNTED = frozenset({"summary", "again"})


def summary_at(text: str) -> time | None:
    """Read "17:00"; None where it is empty. Raises ValueError for anything else."""
    found = re.fullmatch(r"(\d\d):(\d\d)", text, re.ASCII)
    if not text:
        return None
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:  # noqa: PLR2004 - hours and minutes
        msg = f"'{text}' is no time of day"
        raise ValueError(msg)
    return time(int(found[1]), int(found[2]))


class Rules(NamedTuple):
    """What mainstay.toml says about the operator's attention."""

    per_day: int
    summary: time | None
    after_us: int  # what is answered within this is told nobody
    timezone: str


class Days:
    """What was told lately, as the streams of the last two days say."""

    def __init__(self, rules: Rules, read: Callable[[str], list[Recorded]], now_us: int) -> None:
        """Read what was told today and yesterday, in the company's time."""
        self._rules, self._zone, self._now_us = rules, ZoneInfo(rules.timezone), now_us
        self._today = datetime.fromtimestamp(now_us / SECOND_US, UTC).astimezone(self._zone).date()
        self.stream = f"{PREFIX}{self._today.isoformat()}"
        before = read(f"{PREFIX}{(self._today - timedelta(days=1)).isoformat()}")
        today = read(self.stream)
        self.length = len(today)
        self._told = [_told(event) for event in (*before, *today)]
        self._counts = {day: _counted(events) for day, events in ((-1, before), (0, today))}

    def left(self) -> int:
        """Give how many messages about what came may still be told today."""
        return max(0, self._rules.per_day - self._counts[0])

    def since_us(self, mark_us: int) -> int:
        """Give since when what came is told now: not what came long ago, or on a day that had its messages."""
        since_us, begins_us = max(mark_us, self._now_us - FRESH_US), self._us(self._today, time())
        return max(since_us, begins_us) if self._counts[-1] >= self._rules.per_day else since_us

    def known(self, cause: str) -> bool:
        """Whether a cause was told of within a day."""
        earliest_us = self._now_us - DAY_S * SECOND_US
        return any(cause in fact.causes and at_us > earliest_us for at_us, fact in self._told)

    def owed(self, ways: Iterable[str]) -> tuple[str, ...]:
        """Name those ways that did not take the last message that was to go by them."""
        named = [(way, fact) for _, fact in self._told for way in ways if way in (*fact.ways, *fact.missed)]
        last = dict(named)
        return tuple(way for way, fact in last.items() if way in fact.missed)

    def is_summary_due(self, mark_us: int) -> bool:
        """Whether the time of a summary has passed since the mark, and none was given for it."""
        if self._rules.summary is None:
            return False
        days = (self._today, self._today - timedelta(days=1))
        last_us = next(at for day in days if (at := self._us(day, self._rules.summary)) <= self._now_us)
        given = any(fact.sort == "summary" and at_us >= last_us for at_us, fact in self._told)
        return mark_us < last_us and not given

    def _us(self, day: date, at: time) -> int:
        return round(datetime.combine(day, at, self._zone).timestamp()) * SECOND_US


def _told(event: Recorded) -> tuple[int, e.OperatorTold]:
    assert isinstance(event.fact, e.OperatorTold)
    return event.recorded_at_us, event.fact


def _counted(events: list[Recorded]) -> int:
    return sum(1 for event in events if _told(event)[1].sort not in UNCOUNTED)
