"""Schedules as `on: {cron: "0 8 * * MON"}` says them: when one is due next, and when it was last. No clock is read.

They are in local wall time. Where the clocks skip an hour, what was due in it is due an hour later by the clock, 02:30
at 03:30; where they repeat one, what is due every hour is due in both, and everything else in the first.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_DAYS = 366 * 8  # the 29th of February comes once in eight years at the least
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SPANS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


_at_us = attrgetter("at_us")


class Slot(NamedTuple):
    """One time at which a schedule is due: when, and what names it whatever the clocks do."""

    at_us: int
    name: str  # local wall time, and which of two where the clocks repeat an hour


class Cron(NamedTuple):
    """A schedule, read."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    any_day: bool
    any_weekday: bool
    hourly: bool  # due in every hour of a day

    def falls_on(self, day: date) -> bool:
        """Whether it is due on this day; where both day and weekday are named, either will do."""
        if day.month not in self.months:
            return False
        in_days, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (in_days or in_week) if not self.any_day and not self.any_weekday else in_days and in_week


@lru_cache(maxsize=256)
def read_cron(text: str) -> Cron:
    """Read a schedule that was checked when its playbook was (playbooks/triggers.py)."""
    minutes, hours, days, months, weekdays = (
        _numbers(field, *span) for field, span in zip(text.split(), _SPANS, strict=True)
    )
    fields = text.split()
    return Cron(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        frozenset(number % 7 for number in weekdays),
        any_day=fields[2].startswith("*"),
        any_weekday=fields[4].startswith("*"),
        hourly=len(hours) == 24,  # noqa: PLR2004 - a day's
    )


def last_due(text: str, now_us: int, timezone: str) -> Slot | None:
    """Give when it was due last, at or before a time; None when that is longer ago than anybody looks."""
    today = _local(now_us, timezone).date()
    for day in (today - timedelta(days=back) for back in range(-1, MOST_DAYS)):
        slots = _slots_on(text, day, timezone)
        if passed := bisect_right(slots, now_us, key=_at_us):
            return slots[passed - 1]
    return None


def next_due(text: str, now_us: int, timezone: str) -> Slot | None:
    """Give when it is due next, after a time; None for a day that never comes."""
    today = _local(now_us, timezone).date()
    for day in (today + timedelta(days=ahead) for ahead in range(-1, MOST_DAYS)):
        slots = _slots_on(text, day, timezone)
        if (passed := bisect_right(slots, now_us, key=_at_us)) < len(slots):
            return slots[passed]
    return None


def say_schedule(text: str) -> str:
    """Say a schedule: "every Monday at 08:00"; one that is not so simple as it is written."""
    minute, hour, day, month, weekday = text.split()
    if not (minute.isdecimal() and hour.isdecimal() and month == "*"):
        return f"by the schedule `{text}` (minute, hour, day, month, weekday in your time)"
    at = f"at {int(hour):02}:{int(minute):02}"
    if day == "*" and weekday == "*":
        return f"every day {at}"
    if day == "*" and re.fullmatch(r"[A-Za-z]{3}|\d", weekday):
        return f"every {_NAMES[_number(weekday) % 7]} {at}"
    if day == "*" and weekday.upper() in ("MON-FRI", "1-5"):
        return f"from Monday to Friday {at}"
    if weekday == "*" and day.isdecimal():
        return f"on day {int(day)} of each month {at}"
    return f"by the schedule `{text}` (minute, hour, day, month, weekday in your time)"


def _slots_on(text: str, day: date, timezone: str) -> Sequence[Slot]:
    """Give the times of a day at which it is due, the first one first."""
    return _slots_of(text, day, timezone) if read_cron(text).falls_on(day) else ()


@lru_cache(maxsize=64)
def _slots_of(text: str, day: date, timezone: str) -> tuple[Slot, ...]:
    """Work them out once: of `* * * * *` there are many, and they are asked for every minute."""
    return tuple(sorted(_slots(read_cron(text), day, timezone)))


def _slots(cron: Cron, day: date, timezone: str) -> Iterator[Slot]:
    zone = ZoneInfo(timezone)
    for hour in cron.hours:
        for minute in cron.minutes:
            wall = datetime.combine(day, time(hour, minute), zone)
            twice = cron.hourly and wall.utcoffset() != wall.replace(fold=1).utcoffset() and not _skipped(wall)
            for fold in (0, 1) if twice else (0,):
                at = wall.replace(fold=fold)
                yield Slot(round(at.timestamp()) * SECOND_US, f"{wall:%Y-%m-%dT%H:%M}/{fold}")


def _skipped(wall: datetime) -> bool:
    """Whether the clocks never show this time."""
    there = datetime.fromtimestamp(wall.timestamp(), wall.tzinfo)
    return there.replace(tzinfo=None, fold=0) != wall.replace(tzinfo=None, fold=0)


def _local(at_us: int, timezone: str) -> datetime:
    return datetime.fromtimestamp(at_us / SECOND_US, ZoneInfo(timezone))


def _numbers(field: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        begin, end = (least, most) if span == "*" else (_number(first), _number(last) if dash else _number(first))
        end = most if step and not dash and span != "*" else end  # "5/10" is from 5 on, in steps of ten
        found.update(range(begin, end + 1, int(step or 1)))
    return found


def _number(text: str) -> int:
    name = text.upper()
    return _MONTHS.index(name) + 1 if name in _MONTHS else _DAYS.index(name) if name in _DAYS else int(text)
