"""Numbers and dates as people write them in tables.

What a column leaves open is asked, not assumed: "1.234" in every row may be one or a thousand, "03/04/2026" two
different days. A column in which one cell decides is read by that cell.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING

from mainstay.connectors.source import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable

SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "PLN": "zł", "CZK": "Kč", "HUF": "Ft"}

_SPACES = re.compile("[\\s\u00a0\u2009\u202f'\u2019]")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{3})+")
_SIGNED = re.compile(r"([+-]?)([0-9.,]+)([+-]?)")
_EURO = re.compile("euros?|eur", re.IGNORECASE)
_DATES = (
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"), "%Y-%m-%d"),
    (re.compile(r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}"), "%Y/%m/%d"),
    (re.compile(r"[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}\.?"), "%Y.%m.%d"),
    (re.compile(r"[0-9]{8}"), "%Y%m%d"),
    (re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}"), "%d.%m.%Y"),
    (re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2}"), "%d.%m.%y"),
)
_SHORT = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{2})")  # a year in two digits
_YEARS = range(10, 40)  # what a year in two digits can be, in papers that are read today
_OPEN_DATE = re.compile(r"([0-9]{1,2})([/-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
_DATE_LENGTH = 60  # characters; what is longer is no date
_TIME = re.compile(r"(.+?),?[T ] ?[0-9]{1,2}:[0-9]{2}.*")
# Dates with the name of a month, after what stands between has become "-".
_NAMED_DATES = (
    (re.compile(r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}"), re.compile(r"[0-9]+-[^0-9-]+-[0-9]+"), "%d %b %Y"),
    (re.compile(r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{2}"), re.compile(r"[0-9]+-[^0-9-]+-[0-9]+"), "%d %b %y"),
    (re.compile(r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}"), re.compile(r"[^0-9-]+-[0-9]+-[0-9]+"), "%b %d %Y"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"), re.compile(r"[0-9]+-[^0-9-]+-[0-9]+"), "%Y %b %d"),
)
_BETWEEN = re.compile(r"[-\s.,/]+")
# What the names of the months begin with, without accents: en, de, fr, nl, es, it, pt, pl, sv, da, no.
_MONTHS = (
    "jan ene gen sty".split(),
    "feb fev fevr lut".split(),
    "mar mrz mrt maa maer".split(),
    "apr avr abr kwi".split(),
    "may mai mei mag maj".split(),
    "jun juin giu cze".split(),
    "jul juil lug lip".split(),
    "aug aou ago sie".split(),
    "sep set wrz".split(),
    "oct okt out ott paz".split(),
    "nov lis".split(),
    "dec dez dic des gru".split(),
)
_WAY = re.compile(r"(.*[0-9])(S|H|D|C|CR|DR|DB|DT|CT)", re.IGNORECASE)  # after the number
_DEBITS = frozenset({"S", "D", "DR", "DB", "DT"})
_PARTS = (("%d", "day"), ("%m", "month"), ("%b", "month's name"), ("%Y", "year"), ("%y", "year in two digits"))
_THOUSANDTHS = 3  # digits of a group of thousands, or after the mark of the few currencies that have as many


def guess_decimal(texts: Iterable[str], digits: int = 2, confirmed: str = "") -> str:
    """Find the decimal mark of a column of numbers, "." or ",".

    `digits` is the most that a currency of the column has after the mark; `confirmed` is the mark such columns had
    before: it is given back whatever the numbers say, but never makes a thousandth of what may be a thousand.
    Raises UnreadableError when every number with a mark could be read both ways, or two numbers contradict.
    """
    first: dict[str, str] = {}  # mark -> the first number that has it
    whole: dict[str, str] = {}  # mark -> the first number in which it may be decimal, or part thousands
    longest: dict[str, int] = {}  # mark -> the most digits after it, where it is surely decimal
    for text in texts:
        mark = _mark(text)
        if mark == "?" and digits == 0:
            mark = "," if "." in text else "."
        elif mark == "?":
            if re.sub("[^0-9]", "", text).endswith("0"):  # other thousandths are more than the currency has
                whole.setdefault("." if "." in text else ",", text)
        elif mark and digits:
            longest[mark] = max(longest.get(mark, 0), len(re.sub("[^0-9]", "", text.rpartition(mark)[2])))
        first.setdefault(mark, text)
    sure = [mark for mark in first if mark in {".", ","}]
    if len(sure) > 1:
        one, other = first[sure[0]][:40], first[sure[1]]
        raise UnreadableError(f"{other[:40]!r} has another decimal mark than {one!r}", other)
    found = confirmed or (sure[0] if sure else "" if "?" in first else ".")
    if not found or (found in whole and digits < _THOUSANDTHS > longest.get(found, 0)):
        text = whole.get(found) or first["?"]
        what = f"{text[:40]!r} doesn't tell whether its mark is decimal or parts thousands"
        raise UnreadableError(what if sure or confirmed else f"{what}, and no other amount does", text)
    return found


def plain_number(text: str, decimal: str, currency: str = "") -> str:
    """Turn "1.234,56-", "(1,234.56)" or "€ 1 234,56" into "-1234.56".

    `decimal` is the decimal mark; the other mark, spaces and apostrophes part thousands, and must do so in threes.
    Raises UnreadableError.
    """
    bare = _bare(text, currency)
    found = _SIGNED.fullmatch(bare)
    if found is None or (found[1] and found[3]):
        raise UnreadableError(f"{text[:40]!r} is not an amount")
    whole, mark, fraction = found[2].partition(decimal)
    groups = whole.split("," if decimal == "." else ".")
    threes = len(groups) == 1 or (1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:]))  # noqa: PLR2004
    number = "".join(groups)
    if not threes or not (number or fraction) or not (number + fraction).isdigit() or (mark and not fraction):
        raise UnreadableError(f"{text[:40]!r} is not an amount with the decimal mark {decimal!r}")
    return f"{'-' if '-' in found[1] + found[3] else ''}{number or '0'}{mark and '.'}{fraction}"


def tells_decimal(texts: Iterable[str]) -> bool:
    """Tell whether a column of numbers proves its decimal mark."""
    return any(_mark(text) in {".", ","} for text in texts)


def guess_date_format(texts: Iterable[str], *, day_first: bool, month_first: bool = False) -> str:
    """Find the strptime format of a column of dates; `day_first` or `month_first` decide where the column does not.

    "%b" stands for the name of a month in any of the languages known here. Raises UnreadableError when the dates are
    in no known format, or days and months can't be told apart.
    """
    dates = [_day(text) for text in texts if text]
    if dates and all(map(_SHORT.fullmatch, dates)) and (open_date := _begins_with_year(dates)):
        raise UnreadableError(f"{open_date!r} may begin or end with the year", open_date)
    for pattern, found in _DATES:
        if dates and all(pattern.fullmatch(date) for date in dates):
            return found
    for numbers, names, found in _NAMED_DATES:
        if dates and all(names.fullmatch(_joined(date)) and numbers.fullmatch(_numbered(date)) for date in dates):
            return found
    parts = [_OPEN_DATE.fullmatch(date) for date in dates]
    strange = next((date for date, part in zip(dates, parts, strict=True) if part is None), "")
    if strange or not dates:
        raise UnreadableError(
            f"{strange[:40]!r} is not a date in the format of the column" if dates else "there are no dates", strange
        )
    opened = [part for part in parts if part is not None]
    first, second = max(int(part[1]) for part in opened), max(int(part[3]) for part in opened)
    months = 12
    is_open = first <= months and second <= months
    if is_open and not day_first and not month_first:
        raise UnreadableError(f"{dates[0]!r} may be day and month or month and day", dates[0])
    order = ("%m", "%d") if second > months or (is_open and not day_first) else ("%d", "%m")
    year = "%Y" if len(opened[0][4]) == 4 else "%y"  # noqa: PLR2004 - digits of a year
    return opened[0][2].join((*order, year))


def _begins_with_year(dates: Iterable[str]) -> str:
    """Give a date with a year in two digits that may stand first as well as last, "" where it surely stands last.

    Papers of one file lie near each other, so the reading that spans less time is the likelier; where both span the
    same, points and strokes are taken for day, month and year, as long as that gives a year of our time.
    """
    parts = [(date, [int(part) for part in re.split("[./-]", date)]) for date in dates]
    at_end = [(third, second, first) for _, (first, second, third) in parts]
    at_start = [(first, second, third) for _, (first, second, third) in parts]
    months, days = range(1, 13), range(1, 32)
    if not all(year in _YEARS and month in months and day in days for year, month, day in at_start):
        return ""
    if all(first in months for _, (first, _, _) in parts) and any(month not in months for _, month, _ in at_end):
        at_end = [(year, first, second) for year, second, first in at_end]
    last, start = _span(at_end), _span(at_start)
    plain = all("-" not in date for date, _ in parts) and all(year in _YEARS for year, _, _ in at_end)
    return parts[0][0] if start < last or (start == last and not plain) else ""


def _span(days: list[tuple[int, int, int]]) -> int:
    """Count the days between the first and the last, about."""
    counted = [372 * year + 31 * month + day for year, month, day in days]
    return max(counted) - min(counted)


def format_shown(date_format: str) -> str:
    """Say a strptime format in words: "day.month.year"."""
    return reduce(lambda text, part: text.replace(*part), _PARTS, date_format)


def tells_date_format(texts: Iterable[str]) -> bool:
    """Tell whether a column of dates proves its format by itself, whatever the language."""
    try:
        guess_date_format(texts, day_first=False)
    except UnreadableError:
        return False
    return True


def begins_date(text: str) -> bool:
    """Tell whether a text begins as a date does: with digits and what parts them, or with the name of a month."""
    if re.match(r"[0-9]{1,4}[-./ ]|[0-9]{6,8}$", text):
        return True
    word = re.match(r"[^\W\d_]+", text)
    return word is not None and re.match(r"[0-9]{1,2}-[0-9]", _numbered(text[:40])) is not None


def iso_day(text: str, date_format: str) -> str:
    """Read a date, with or without a time after it, as YYYY-MM-DD; raises UnreadableError."""
    named = "%b" in date_format
    written = _BETWEEN.sub("-", date_format).replace("%b", "%m") if named else date_format
    day = _numbered(_day(text)) if named else _day(text)
    try:
        found = datetime.strptime(day, written)  # noqa: DTZ007 - a date has no zone
    except ValueError as error:
        raise UnreadableError(f"{text[:40]!r} is not a date written {format_shown(date_format)}") from error
    if not day.isascii():
        raise UnreadableError(f"{text[:40]!r} is not a date")
    return found.date().isoformat()


def _day(text: str) -> str:
    """Take the time away, and spaces after points: "3. 4. 2026 10:20" is "3.4.2026"."""
    if len(text) > _DATE_LENGTH:
        return text
    found = _TIME.fullmatch(text)
    day = found[1] if found else text
    return re.sub(r"(?<=[0-9])\. (?=[0-9])", ".", day).removesuffix(".") if day[:1].isdigit() else day


def _joined(date: str) -> str:
    return _BETWEEN.sub("-", date).strip("-")


def _numbered(date: str) -> str:
    """Write the name of a month as its number: "3-avr-26" is "3-04-26"."""
    letters = unicodedata.normalize("NFKD", _joined(date).casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^\W\d_]+", lambda word: _month(word[0]), plain)


def _month(word: str) -> str:
    if word.startswith(("juil", "jul")):
        return "07"
    number = next((n for n, names in enumerate(_MONTHS, 1) if any(word.startswith(name) for name in names)), 0)
    return f"{number:02}" if number else word


def _bare(text: str, currency: str) -> str:
    """Take away spaces, currency and the brackets of a negative amount."""
    bare = _SPACES.sub("", text).replace("\u2212", "-")
    if currency:
        bare = bare.replace(currency, "").replace(SYMBOLS.get(currency, currency), "")
        bare = _EURO.sub("", bare) if currency == "EUR" else bare
    way = _WAY.fullmatch(bare)
    if way:  # "12,50 S"
        bare = ("-" if way[2].upper() in _DEBITS and "-" not in way[1] else "") + way[1]
    return f"-{bare[1:-1]}" if bare.startswith("(") and bare.endswith(")") and "-" not in bare else bare


def _mark(text: str) -> str:
    """Tell the decimal mark of one number: ".", ",", "" when it has none, "?" when it may be either."""
    digits = re.sub(r"[^0-9.,]", "", text)
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        return max(".,", key=digits.rfind)
    mark = "." if points else ","
    if points + commas > 1 and _GROUPED.fullmatch(digits):
        return "," if points else "."
    if points + commas != 1:
        return ""
    before, _, after = digits.partition(mark)
    thousands = len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0")  # noqa: PLR2004 - digits of a group
    return "?" if thousands else mark


def decimal_or_told(texts: Iterable[str], digits: int, told: str) -> str:
    """Find the decimal mark of a file that mainstay.toml was not written for: what it leaves open is as `told`.

    Raises UnreadableError as `guess_decimal` does, when nothing is told.
    """
    every = list(texts)
    try:
        return guess_decimal(every, digits)
    except UnreadableError:
        if told in {".", ","}:
            return guess_decimal(every, digits, told)
        raise
