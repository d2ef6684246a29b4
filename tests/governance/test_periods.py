"""Days and months of the company's time zone, over daylight saving, ends of months, and a clock that is set (F10)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.governance.amounts import read_amount, say_amount
from mainstay.governance.periods import Calendar
from mainstay.governance.windows import hours_of, read_window
from mainstay.values import SECOND_US

HOUR_US = 3600 * SECOND_US
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "Pacific/Auckland", "America/Sao_Paulo", "Asia/Beirut", "Asia/Kathmandu"]
)


def us(text, zone="Europe/Berlin"):
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND_US


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-21", 24)])
def test_f10_a_day_is_as_long_as_daylight_saving_makes_it(day, hours):
    calendar, begins = Calendar("Europe/Berlin"), us(f"{day}T00:00")
    assert calendar.ends_us("day", begins) - begins == hours * HOUR_US
    assert calendar.name("day", begins + hours * HOUR_US - 1, "p") == day
    assert calendar.name("day", begins - 1, "p") < day


@pytest.mark.parametrize(
    ("at", "ends"), [("2026-02-28T23:59", "2026-03-01T00:00"), ("2026-12-31T12:00", "2027-01-01T00:00")]
)
def test_a_month_ends_with_its_last_day(at, ends):
    assert Calendar("Europe/Berlin").ends_us("month", us(at)) == us(ends)


def test_f10_a_clock_that_is_set_back_comes_to_the_day_it_had():
    """And finds there what was spent on it: the name is all that tells days apart."""
    calendar = Calendar("Europe/Berlin")
    times = ["2026-11-21T12:00", "2026-11-20T23:59", "2026-12-24T12:00", "2026-11-21T00:00"]
    assert [calendar.name("day", us(one), "p") for one in times] == [one[:10] for one in times]
    assert calendar.name("plan", us(times[0]), "k3v9") == "plan k3v9"
    assert calendar.ends_us("plan", us(times[0])) is None


@given(ZONES, st.integers(us("2020-01-01T00:00"), us("2035-01-01T00:00")), st.sampled_from(["day", "month"]))
def test_f10_each_moment_is_in_one_period_that_ends_after_it(zone, at_us, period):
    calendar = Calendar(zone)
    name, ends_us = calendar.name(period, at_us, ""), calendar.ends_us(period, at_us)
    assert ends_us > at_us
    assert calendar.name(period, ends_us - 1, "") == name
    assert calendar.name(period, ends_us, "") > name


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-21T12:00", "2026-11-21T22:00"),
        ("2026-11-21T23:00", None),
        ("2026-11-22T05:59", None),
        ("2026-11-22T06:00", "2026-11-22T22:00"),
    ],
)
def test_g9_hours_over_midnight_are_open_on_both_sides_of_it(at, opens):
    found = Calendar("Europe/Berlin").opens_us((22 * 60, 6 * 60), us(at))
    assert found == (None if opens is None else us(opens))


@pytest.mark.parametrize(("used", "out"), [(5, None), (10, None), (20, "2026-11-21T18:00"), (0, None)])
def test_a_budget_runs_out_when_it_goes_on_as_so_far(used, out):
    found = Calendar("Europe/Berlin").runs_out_us("day", us("2026-11-21T12:00"), used, 30)
    assert found == (None if out is None else us(out))


@pytest.mark.parametrize(
    ("text", "unit", "amount", "said"),
    [
        ("50", "count", 50, "50"),
        ("20000 tokens", "tokens", 20_000, "20,000 tokens"),
        ("500.00 EUR", "EUR", 500_000_000, "500.00 EUR"),
        ("7 JPY", "JPY", 7_000_000, "7 JPY"),
    ],
)
def test_an_amount_is_read_as_it_is_said(text, unit, amount, said):
    assert read_amount(text) == (unit, amount)
    assert say_amount(unit, amount) == said


def test_parts_of_a_cent_are_written_out():
    assert say_amount("USD", 1_234_567) == "1.234567 USD"


@pytest.mark.parametrize(
    ("hours", "at", "leaves"),
    [
        ("22:00-06:00", "2026-11-21T12:00", "2026-11-21T22:00"),
        ("22:00-06:00", "2026-11-21T05:59", "2026-11-21T05:59"),
        ("22:00-06:00", "2026-11-21T06:00", "2026-11-21T22:00"),
        ("09:00-17:00", "2026-11-21T17:00", "2026-11-22T09:00"),
        ("18:00-24:00", "2026-11-21T23:59", "2026-11-21T23:59"),
        ("mon-fri 09:00-17:00", "2026-11-21T12:00", "2026-11-23T09:00"),  # a Saturday
        ("fri 22:00-06:00", "2026-11-21T05:00", "2026-11-21T05:00"),  # the night of Friday goes on
        ("sat 22:00-06:00", "2026-11-21T05:00", "2026-11-21T22:00"),
        ("sat-mon,wed 08:00-09:00", "2026-11-24T08:30", "2026-11-25T08:00"),
        ("sat 22:00-06:00", "2026-11-22T07:00", "2026-11-28T22:00"),
        ("22:00-06:00", "2026-03-28T12:00", "2026-03-28T22:00"),
        ("02:30-02:45", "2026-03-29T01:00", "2026-03-29T03:30"),  # there is no 02:30 that night: then at its end
        ("02:30-02:45", "2026-03-29T03:30", "2026-03-30T02:30"),
    ],
)
def test_f10_what_can_wait_leaves_in_its_hours_over_midnight_weekdays_and_daylight_saving(hours, at, leaves):
    of = hours_of({"mail.send": read_window("night", hours)}, "Europe/Berlin")["mail.send"]
    assert of(us(at)) == us(leaves)


@given(
    ZONES,
    st.integers(us("2020-01-01T00:00"), us("2035-01-01T00:00")),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.frozensets(st.integers(0, 6), min_size=1),
)
def test_f10_hours_are_always_to_come_and_what_waits_for_them_never_waits_in_a_circle(zone, at_us, opens, closes, days):
    calendar, steps = Calendar(zone), 0
    while closes != opens and (opens_us := calendar.opens_us((opens, closes), at_us, days)) is not None:
        assert at_us < opens_us <= at_us + 8 * 25 * HOUR_US
        at_us, steps = opens_us, steps + 1
    assert steps <= 3, "only a change of the clocks makes it wait again"


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("night", "22-6"), ("night", "25:00-06:00"), ("night", "22:00-22:00"), ("night", "00:00-24:00"),
        ("night", "someday 22:00-06:00"), ("night", "mon- 22:00-06:00"), ("night", ""), ("10m", "22:00-06:00"),
        ("night", "22:00 - 06:00"),
    ],
)  # fmt: skip
def test_hours_with_a_mistake_are_refused_in_a_sentence(name, hours):
    with pytest.raises(ValueError, match=r"write|same time"):
        read_window(name, hours)
