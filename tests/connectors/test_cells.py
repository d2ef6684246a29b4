"""Numbers and dates in tables: read exactly, or asked about."""

from __future__ import annotations

import pytest

from mainstay.connectors.cells import (
    begins_date,
    guess_date_format,
    guess_decimal,
    iso_day,
    plain_number,
    tells_date_format,
    tells_decimal,
)
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
        ("12,50-", ",", "-12.50"),
        ("-1\u2009234,56", ",", "-1234.56"),
        ("-1\u2019234.50", ".", "-1234.50"),
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
        (["30.12.25", "02.01.26"], "2025-12-30"),
        (["25.04.26"], "2026-04-25"),
        (["25/04/26"], "2026-04-25"),
        (["12.04.26", "13.04.26"], "2026-04-12"),
        (["04/03/26", "04/13/26"], "2026-04-03"),
    ],
)
def test_a_column_of_dates_is_read_by_what_decides(texts, day):
    assert iso_day(texts[0], guess_date_format(texts, day_first=False)) == day


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12,50 S", "-12.50"),
        ("12,50 H", "12.50"),
        ("1.234,00DR", "-1234.00"),
        ("1.234,00 CR", "1234.00"),
        ("5 D", "-5"),
    ],
)
def test_letters_after_a_number_give_its_sign(text, number):
    assert plain_number(text, ",") == number


def test_a_sign_that_is_said_twice_is_one():
    assert plain_number("-12,50 S", ",") == "-12.50"


@pytest.mark.parametrize(
    "text",
    [
        *("03 Apr 2026", "3-avr-26", "3. April 2026", "3 avril 2026", "Apr 3, 2026", "April 3, 2026 10:20 AM"),
        *("03-abr-2026", "3 aprile 2026", "03 kwi 2026", "2026-04-03T10:00:00Z", "2026-04-03T10:00:00.000+02:00"),
        *("3. 4. 2026", "2026.04.03.", "03.04.2026, 10:20", "20260403", "2026 Apr 03"),
    ],
)
def test_one_day_in_many_dresses(text):
    assert iso_day(text, guess_date_format([text], day_first=False)) == "2026-04-03"


@pytest.mark.parametrize(
    ("name", "month"),
    [
        *(("Januar", 1), ("ene", 1), ("gennaio", 1), ("sty", 1), ("f\u00e9vr.", 2), ("lut", 2), ("M\u00e4rz", 3)),
        *(("mrt", 3), ("mars", 3), ("mai", 5), ("mei", 5), ("maggio", 5), ("maj", 5), ("juin", 6), ("giu", 6)),
        *(("cze", 6), ("juillet", 7), ("Juli", 7), ("lug", 7), ("ao\u00fbt", 8), ("ago", 8), ("sie", 8), ("set", 9)),
        *(
            ("Okt", 10),
            ("out", 10),
            ("ottobre", 10),
            ("lis", 11),
            ("D\u00e9c", 12),
            ("Dez", 12),
            ("dic", 12),
            ("gru", 12),
        ),
    ],
)
def test_months_are_known_in_many_languages(name, month):
    assert iso_day(f"13 {name} 2026", "%d %b %Y") == f"2026-{month:02}-13"


@pytest.mark.parametrize("text", ["03.04.2026", "Apr 3, 2026", "3 avr. 2026", "20260403", "2026-04-03 10:00"])
def test_a_date_is_told_from_words(text):
    assert begins_date(text)


@pytest.mark.parametrize(
    "text", ["", "Kontostand am 30.04.2026", "Total 30", "Saldo", "Summe 12,50", "Solde au 3 avril"]
)
def test_words_are_told_from_a_date(text):
    assert not begins_date(text)


@pytest.mark.parametrize("text", ["31 Feb 2026", "3 Foo 2026", "Apr 2026", "3 4 Apr 2026", "3 Apr", "Apr Apr Apr"])
def test_a_named_date_that_is_none_is_refused(text):
    with pytest.raises(UnreadableError):
        iso_day(text, guess_date_format([text], day_first=True))


@pytest.mark.parametrize(("texts", "told"), [(["1.50"], True), (["1.234"], False), (["5"], False), (["1.234,5"], True)])
def test_a_column_tells_its_decimal_mark_or_not(texts, told):
    assert tells_decimal(texts) is told


@pytest.mark.parametrize(
    ("text", "told"), [("13/04/2026", True), ("03/04/2026", False), ("03.04.2026", True), ("", False)]
)
def test_a_column_tells_its_dates_or_not(text, told):
    assert tells_date_format([text]) is told


@pytest.mark.parametrize(
    "texts", [["03/04/2026"], ["soon"], ["2026-04-03", "03.04.2026"], [], ["04/03/2026", ""], ["26-02-13", "26-02-14"]]
)
def test_a_column_of_dates_that_decides_nothing_is_asked_about(texts):
    with pytest.raises(UnreadableError):
        guess_date_format(texts, day_first=False)


@pytest.mark.parametrize("text", ["2026-02-30", "2026-13-01", "0000-01-01", "\u0662026-04-03", "2026-04-03x", ""])
def test_an_impossible_date_is_refused(text):
    with pytest.raises(UnreadableError):
        iso_day(text, "%Y-%m-%d")


@pytest.mark.parametrize(
    "texts",
    [
        ["25-12-30", "26-01-02"],  # the year's end, the year first: not 2030 and 2002
        ["25-12-30", "25-12-31", "26-01-15"],
        ["25.12.30", "26.01.02"],
        ["26/01/02", "26/01/05"],
        ["25-12-30"],
        ["26/04/03"],  # not 2003
    ],
)
def test_a_year_of_two_digits_that_may_stand_first_is_asked_about(texts):
    with pytest.raises(UnreadableError, match=f"'{texts[0]}' may begin or end with the year"):
        guess_date_format(texts, day_first=True)
    assert not tells_date_format(texts)


@pytest.mark.parametrize(
    ("texts", "digits", "confirmed", "decimal"),
    [
        (["1,190"], 0, "", "."),  # yen have no decimals
        (["1.190"], 0, "", ","),
        (["1,190.000"], 3, "", "."),
        (["1,190"], 3, ",", ","),  # dinars have three
        (["1,190"], 2, ".", "."),
        (["1.190"], 2, ",", ","),
        (["12,500", "1190,000"], 2, "", ","),  # a column with three digits after its mark
        (["12", "13"], 2, ",", ","),
    ],
)
def test_digits_of_a_currency_tell_thousands_from_decimals(texts, digits, confirmed, decimal):
    assert guess_decimal(texts, digits, confirmed) == decimal


@pytest.mark.parametrize(
    ("texts", "confirmed"), [(["1,190"], ","), (["12,50", "1,190 EUR"], ","), (["12,50", "1,190"], ""), (["1,190"], "")]
)
def test_a_thousand_is_never_read_as_one_and_a_fraction(texts, confirmed):
    with pytest.raises(UnreadableError, match=r"'1,190.*' doesn't tell whether its mark is decimal"):
        guess_decimal(texts, 2, confirmed)


def test_a_date_of_any_length_is_told_from_words_in_time():
    for letter in "1-/. T:a,(\u00df\ufdfa":
        text = letter * 100_000
        with pytest.raises(UnreadableError):
            iso_day(text, guess_date_format([text], day_first=True))
        with pytest.raises(UnreadableError):
            plain_number(text + "x", ".", "EUR")


def test_a_format_of_dates_is_said_in_words():
    with pytest.raises(UnreadableError, match=r"written day\.month\.year$"):
        iso_day("3 April", "%d.%m.%Y")
