"""Dates, times and durations between their plain form and CEL's.

A date is midnight UTC plus one microsecond. The mark tells it from an instant, so that adding days keeps it a date
in every time zone, and comparing two dates is exact. An unset date or time is the epoch itself and reads as "".
"""

from __future__ import annotations

import datetime as dt
from typing import Any

DATE_MARK_US = 1
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DATE_LENGTH = len("2026-11-21")


def text_of(value: Any) -> str:  # noqa: ANN401
    """Give a text as CEL can hold it; raises ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError(f"text expected, got {type(value).__name__}")  # noqa: TRY004 - bad data, not bad code
    if "\0" in value:
        raise ValueError("a text with a NUL character in it")
    return value


def moment(value: Any) -> dt.datetime | None:  # noqa: ANN401
    """Read a plain date or time (text, or microseconds UTC) as CEL holds it; None when it is empty."""
    if isinstance(value, int):
        return _unmarked(EPOCH + dt.timedelta(microseconds=value))
    text = text_of(value)
    if not text:
        return None
    if len(text) == _DATE_LENGTH:
        return dt.datetime.fromisoformat(text).replace(microsecond=DATE_MARK_US, tzinfo=dt.UTC)
    read = dt.datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(f"the time {text!r} does not say its time zone")
    return _unmarked(read.astimezone(dt.UTC))


def _unmarked(value: dt.datetime) -> dt.datetime:
    return value.replace(microsecond=DATE_MARK_US + 1) if value.microsecond == DATE_MARK_US else value


def plain_moment(value: dt.datetime) -> str:
    """Write what CEL holds as a plain date or time."""
    if value == EPOCH:
        return ""
    if value.microsecond == DATE_MARK_US:
        return value.date().isoformat()
    return value.isoformat().replace("+00:00", "Z")


def plain_seconds(value: dt.timedelta) -> int | float:
    """Write a duration as its plain value: seconds."""
    total = value.total_seconds()
    return int(total) if total.is_integer() else total


def seconds(value: Any) -> dt.timedelta:  # noqa: ANN401
    """Read a plain duration."""
    return dt.timedelta(seconds=value)
