"""When schedules are due, in local time, whatever the clocks do (KERNEL T1)."""

from datetime import UTC, datetime

import pytest

from mainstay.runtime.cron import last_due, next_due, say_schedule
from mainstay.values import SECOND_US

BERLIN = "Europe/Berlin"


def us(text):
    return round(datetime.fromisoformat(text).timestamp()) * SECOND_US


def iso(slot):
    return datetime.fromtimestamp(slot.at_us / SECOND_US, UTC).isoformat(timespec="minutes").removesuffix("+00:00")


@pytest.mark.parametrize(
    ("cron", "now", "last", "then"),
    [
        ("0 8 * * MON", "2026-11-21T12:00+01:00", "2026-11-16T07:00", "2026-11-23T07:00"),
        ("0 8 * * MON", "2026-11-23T08:00+01:00", "2026-11-23T07:00", "2026-11-30T07:00"),
        ("*/15 9-17 * * 1-5", "2026-11-20T17:50+01:00", "2026-11-20T16:45", "2026-11-23T08:00"),
        ("30 6 1 * *", "2026-11-21T12:00+01:00", "2026-11-01T05:30", "2026-12-01T05:30"),
        ("0 0 29 FEB *", "2026-11-21T12:00+01:00", "2024-02-28T23:00", "2028-02-28T23:00"),
        ("0 12 13 * FRI", "2026-11-21T12:00+01:00", "2026-11-20T11:00", "2026-11-27T11:00"),  # either will do
        ("5/20 0 * * 7", "2026-11-22T00:26+01:00", "2026-11-21T23:25", "2026-11-21T23:45"),
    ],
)
def test_t1_a_schedule_is_due_when_it_says_in_the_companys_time(cron, now, last, then):
    assert iso(last_due(cron, us(now), BERLIN)) == last
    assert iso(next_due(cron, us(now), BERLIN)) == then


def test_t1_an_hour_that_the_clocks_skip_or_repeat_makes_a_daily_time_due_once():
    """In Berlin 2026-03-29 02:30 is never shown, and 2026-10-25 02:30 twice."""
    skipped = next_due("30 2 * * *", us("2026-03-29T00:00+01:00"), BERLIN)
    assert iso(skipped) == "2026-03-29T01:30"
    assert iso(next_due("30 2 * * *", skipped.at_us, BERLIN)) == "2026-03-30T00:30"
    repeated = next_due("30 2 * * *", us("2026-10-25T00:00+02:00"), BERLIN)
    assert iso(repeated) == "2026-10-25T00:30"
    assert iso(next_due("30 2 * * *", repeated.at_us, BERLIN)) == "2026-10-26T01:30"


def test_t1_what_is_due_every_hour_is_due_in_both_hours_that_the_clocks_repeat():
    first = next_due("30 * * * *", us("2026-10-25T02:00+02:00"), BERLIN)
    second = next_due("30 * * * *", first.at_us, BERLIN)
    assert (iso(first), iso(second)) == ("2026-10-25T00:30", "2026-10-25T01:30")
    assert first.name != second.name


def test_a_day_that_never_comes_is_never_due():
    assert next_due("0 0 31 FEB *", us("2026-11-21T12:00+01:00"), BERLIN) is None


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("0 8 * * MON", "every Monday at 08:00"),
        ("5 17 * * 0", "every Sunday at 17:05"),
        ("0 7 * * *", "every day at 07:00"),
        ("0 7 * * MON-FRI", "from Monday to Friday at 07:00"),
        ("0 7 15 * *", "on day 15 of each month at 07:00"),
        ("*/5 * * * *", "by the schedule `*/5 * * * *` (minute, hour, day, month, weekday in your time)"),
    ],
)
def test_a_schedule_reads_aloud(cron, says):
    assert say_schedule(cron) == says
