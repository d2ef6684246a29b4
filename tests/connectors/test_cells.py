"""Numbers and dates in tables: read exactly, or asked about."""

from __future__ import annotations

import pytest

from mainstay.connectors.cells import guess_date_format, guess_decimal, iso_day, plain_number
from mainstay.connectors.source import UnreadableError


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("-1.234,56", ",", "-1234.56"),
        ("1,234.56-", ".", "-1234.56"),
        ("(1 234,56)", ",", "-1234.56"),
        ("\u2212 1'234.56", ".", "-1234.56"),
        ("-\u20ac 1.234,56", ",", "-1234.56"),
        ("-1\u202f234,56 EUR", ",", "-1234.56"),
        ("-,5", ",", "-0.5"),
        ("-12", ".", "-12"),
    ],
)
def test_a_negative_number_is_read_in_every_dress(text, decimal, number):
    assert plain_number(text, decimal, "EUR") == number
    assert not plain_number(text.strip("()").replace("-", "").replace("\u2212", ""), decimal, "EUR").startswith("-")


@pytest.mark.parametrize(
    "text",
    ["", "-", ".", "1.", "12.34,5", "1,23,456.00", "12,3456", "1.2.3", "--1", "-1-", "1e3", "\u0661", "1.0 USD", "NaN"],
)
def test_what_is_no_number_with_a_decimal_point_is_refused(text):
    with pytest.raises(UnreadableError):
        plain_number(text, ".", "EUR")


@pytest.mark.parametrize(
    ("texts", "decimal"),
    [
        (["1.234", "1.234,50"], ","),
        (["1.234", "5,5"], ","),
        (["1.234.567"], ","),
        (["1,234", "0.500"], "."),
        (["1234", "12"], "."),
        (["1234.567"], "."),
    ],
)
def test_one_cell_that_decides_decides_for_the_column(texts, decimal):
    assert guess_decimal(texts) == decimal


@pytest.mark.parametrize("texts", [["1.234"], ["1,234", "999"], ["1.5", "1,5"]])
def test_a_column_that_can_be_read_both_ways_is_asked_about(texts):
    with pytest.raises(UnreadableError):
        guess_decimal(texts)


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        (["2026-04-03"], "2026-04-03"),
        (["2026-04-03 10:20:30"], "2026-04-03"),
        (["2026-04-03T10:20:30Z"], "2026-04-03"),
        (["20260403"], "2026-04-03"),
        (["2026/4/3"], "2026-04-03"),
        (["03.04.2026"], "2026-04-03"),
        (["3.4.26"], "2026-04-03"),
        (["03/04/2026", "13/04/2026"], "2026-04-03"),
        (["04/03/2026", "04/13/2026"], "2026-04-03"),
        (["03-04-26", "31-12-26"], "2026-04-03"),
    ],
)
def test_a_column_of_dates_is_read_by_what_decides(texts, day):
    assert iso_day(texts[0], guess_date_format(texts, day_first=False)) == day


@pytest.mark.parametrize("texts", [["03/04/2026"], ["soon"], ["2026-04-03", "03.04.2026"], [], ["04/03/2026", ""]])
def test_a_column_of_dates_that_decides_nothing_is_asked_about(texts):
    with pytest.raises(UnreadableError):
        guess_date_format(texts, day_first=False)


@pytest.mark.parametrize("text", ["2026-02-30", "2026-13-01", "0000-01-01", "\u0662026-04-03", "2026-04-03x", ""])
def test_an_impossible_date_is_refused(text):
    with pytest.raises(UnreadableError):
        iso_day(text, "%Y-%m-%d")
