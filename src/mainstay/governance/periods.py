"""Days and months of the company's time zone, and the hours in which what can wait is done.

A period is named by what the calendar there says: "2026-11-21", "2026-11", or "plan k3v9x2m4qa". A clock that is set
back comes to a day that has been counted already, and goes on with what was spent on it: nothing begins anew.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from mainstay.kernel.budget import Period

OF_PLAN = "plan "
EVERY_DAY = frozenset(range(7))


def kind_of(name: str) -> Period:
    """Tell a day from a month, and both from a plan, by the name of a period."""
    if name.startswith(OF_PLAN):
        return "plan"
    return "day" if name.count("-") > 1 else "month"


class Calendar:
    """The periods of one time zone."""

    def __init__(self, timezone: str) -> None:
        """Take the company's time zone."""
        self._zone = ZoneInfo(timezone)
        self._today = (0, 0, "")  # from, until, name: asked for at every action

    def name(self, period: Period, now_us: int, plan: str) -> str:
        """Name the period that a moment is in; `plan` is the one at the top of its family."""
        if period == "plan":
            return f"{OF_PLAN}{plan}"
        day = self._day(now_us)
        return day if period == "day" else day[:7]

    def begins_us(self, name: str) -> int:
        """Give when a day or a month began, by its name."""
        return self._us(date.fromisoformat(name if name.count("-") > 1 else f"{name}-01"))

    def ends_us(self, period: Period, now_us: int) -> int | None:
        """Give when the next period of a kind begins; None for that of a plan, which has no next."""
        if period == "plan":
            return None
        return self._bounds(period, now_us)[1]

    def runs_out_us(self, period: Period, now_us: int, used: int, most: int) -> int | None:
        """Give when a day's or month's amount is used up if it goes on as so far; None where it lasts."""
        if period == "plan" or used <= 0:
            return None
        begins, ends = self._bounds(period, now_us)
        at_us = begins + (now_us - begins) * most // used
        return at_us if at_us < ends else None

    def opens_us(self, batch: tuple[int, int], now_us: int, days: frozenset[int] = EVERY_DAY) -> int | None:
        """Give when these hours begin, as minutes of the day; None while they last.

        `days` are those they begin on, Monday 0; what goes on after midnight belongs to the day before.
        """
        local = self._local(now_us)
        minute, (opens, closes) = local.hour * 60 + local.minute, batch
        inside = opens <= minute < closes if opens < closes else minute >= opens or minute < closes
        began = local.date() - timedelta(days=0 if minute >= opens else 1)
        if inside and began.weekday() in days:
            return None
        day = local.date() + timedelta(days=1 if minute >= opens else 0)
        while day.weekday() not in days:
            day += timedelta(days=1)
        return self._us(day, time(*divmod(opens, 60)))

    def _day(self, now_us: int) -> str:
        begins, ends, name = self._today
        if not begins <= now_us < ends:
            begins, ends = self._bounds("day", now_us)
            name = self._local(now_us).date().isoformat()
            self._today = begins, ends, name
        return name

    def _bounds(self, period: Period, now_us: int) -> tuple[int, int]:
        first = self._local(now_us).date()
        after = first + timedelta(days=1)
        if period == "month":
            first = first.replace(day=1)
            after = (first + timedelta(days=32)).replace(day=1)
        return self._us(first), self._us(after)

    def _local(self, at_us: int) -> datetime:
        return datetime.fromtimestamp(at_us / SECOND_US, UTC).astimezone(self._zone)

    def _us(self, day: date, at: time = time()) -> int:
        return round(datetime.combine(day, at, self._zone).timestamp()) * SECOND_US
