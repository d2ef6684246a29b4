"""The functions that expressions have beside CEL's own. Few, and all of them here.

| function | gives |
| --- | --- |
| `sum(list)` | the sum of whole numbers, decimals or money; nothing to add gives 0 |
| `join(list)`, `join(list, separator)` | texts joined by ", " or the separator |
| `days(n)`, `hours(n)` | a duration |
| `workdays(n)` | the duration from today to the n-th working day (Monday to Friday) after it |
| `date("2026-11-21")` | a date |
| `day(t)` | YYYY-MM-DD: a date as it is, a time in the company's time zone |
| `money(minor, code)`, `money("500.00 EUR")` | money, of minor units or as it is written |
| `add(a, b)` | money and money, or two exact decimals in text |
| `times(a, n)` | money times a whole number, or times a decimal in text (rounded to the minor unit); two decimals |
| `compare(a, b)` | -1, 0 or 1: money, or exact decimals in text |
| `round_money(decimal, code)` | money of a decimal in text, halves rounded away from zero |
| `table(list, ["field", ...])` | a line "| a | b |" for each record, inert Markdown; of any length, as it is no loop |
| `text(x)` | money, dates, times and numbers as a person reads them |
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
import zoneinfo
from contextvars import ContextVar
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from mainstay.runtime.celtypes import Messages, load_cel
from mainstay.runtime.moments import DATE_MARK_US, EPOCH, moment
from mainstay.runtime.types import ANY, DURATION, FLOAT, INT, MONEY, TEXT, TIME, Type, list_of
from mainstay.shown import shown
from mainstay.values import CURRENCY_DIGITS, MAX_MINOR, Money, say_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from cel_expr_python import cel

SATURDAY = 5
MAX_DIGITS = 30
_MARKUP = re.compile(r"[\\`|\[\]]")  # what makes code, cells and links
_ENTITY = re.compile(r"&(?=#?\w+;)")

# name: the overloads a playbook may write, as (parameters, result)
SIGNATURES: dict[str, tuple[tuple[tuple[Type, ...], Type], ...]] = {
    "sum": (((list_of(INT),), INT), ((list_of(FLOAT),), FLOAT), ((list_of(MONEY),), MONEY)),
    "join": (((list_of(TEXT),), TEXT), ((list_of(TEXT), TEXT), TEXT)),
    "days": (((INT,), DURATION),),
    "hours": (((INT,), DURATION),),
    "workdays": (((INT,), DURATION),),
    "date": (((TEXT,), TIME),),
    "day": (((TIME,), TEXT),),
    "money": (((INT, TEXT), MONEY), ((TEXT,), MONEY)),
    "add": (((MONEY, MONEY), MONEY), ((TEXT, TEXT), TEXT)),
    "times": (((MONEY, INT), MONEY), ((MONEY, TEXT), MONEY), ((TEXT, TEXT), TEXT)),
    "compare": (((MONEY, MONEY), INT), ((TEXT, TEXT), INT)),
    "round_money": (((TEXT, TEXT), MONEY),),
    "table": (((list_of(ANY), list_of(TEXT)), TEXT),),
    "text": (((MONEY,), TEXT), ((TIME,), TEXT), ((INT,), TEXT), ((FLOAT,), TEXT), ((DURATION,), TEXT), ((TEXT,), TEXT)),
}

today_now: ContextVar[Callable[[], str]] = ContextVar("today_now")  # set while an expression is worked out


class Functions:
    """The functions over one set of messages, in one time zone."""

    def __init__(self, messages: Messages, zone: str) -> None:
        """Take the company's time zone by its IANA name."""
        self._messages = messages
        self._class = messages.message_class("Money")
        self._zone = zoneinfo.ZoneInfo(zone)

    def checked(self) -> list[cel.FunctionDecl]:
        """Declare every overload, for checking."""
        return [self._declare(name, overloads) for name, overloads in SIGNATURES.items()]

    def run(self) -> list[cel.FunctionDecl]:
        """Declare one overload for each kind CEL tells apart when it runs: a list is a list, a message a message."""
        declarations: list[cel.FunctionDecl] = []
        for name, overloads in SIGNATURES.items():
            results = {result for _, result in overloads}
            result = results.pop() if len(results) == 1 else ANY
            kinds = {kinds: None for parameters, _ in overloads for kinds in _run_kinds(parameters)}
            declarations.append(self._declare_run(name, list(kinds), result))
        return declarations

    def _declare(self, name: str, overloads: tuple[tuple[tuple[Type, ...], Type], ...]) -> cel.FunctionDecl:
        module = load_cel()
        made: list[Any] = [
            module.Overload(
                f"{name}_{number}",
                return_type=self._messages.cel_type(result),
                parameters=[self._messages.cel_type(parameter) for parameter in parameters],
                impl=_guarded(getattr(self, f"_{name}")),
            )
            for number, (parameters, result) in enumerate(overloads)
        ]
        return module.FunctionDecl(name, made)

    def _declare_run(self, name: str, kinds: list[tuple[str, ...]], result: Type) -> cel.FunctionDecl:
        module = load_cel()
        types = {"list": module.Type.LIST, "message": self._messages.cel_type(MONEY)}
        made: list[Any] = [
            module.Overload(
                f"{name}_{number}",
                return_type=self._messages.cel_type(result),
                parameters=[types.get(kind) or getattr(module.Type, kind) for kind in parameters],
                impl=_guarded(getattr(self, f"_{name}")),
            )
            for number, parameters in enumerate(kinds)
        ]
        return module.FunctionDecl(name, made)

    def _sum(self, items: list[Any]) -> object:
        values = [_content(item) for item in items]
        if not values or isinstance(values[0], int | float):
            return sum(values)
        total = _read(values[0])
        for value in values[1:]:
            total = _plus(total, _read(value))
        return self._message(total)

    def _join(self, items: list[Any], separator: str = ", ") -> str:
        return separator.join(_content(item) for item in items)

    def _days(self, count: int) -> dt.timedelta:
        return dt.timedelta(days=count)

    def _hours(self, count: int) -> dt.timedelta:
        return dt.timedelta(hours=count)

    def _workdays(self, count: int) -> dt.timedelta:
        start = dt.date.fromisoformat(today_now.get()())
        day, step, left = start, (1 if count >= 0 else -1), abs(count)
        while left:
            day += dt.timedelta(days=step)
            left -= day.weekday() < SATURDAY
        return day - start

    def _date(self, text: str) -> dt.datetime:
        read = dt.date.fromisoformat(text)
        return dt.datetime(read.year, read.month, read.day, 0, 0, 0, DATE_MARK_US, tzinfo=dt.UTC)

    def _day(self, value: dt.datetime) -> str:
        if value == EPOCH:
            return ""
        local = value if value.microsecond == DATE_MARK_US else value.astimezone(self._zone)
        return local.date().isoformat()

    def _money(self, minor: int | str, currency: str = "") -> object:
        return self._message(Money.parse(minor) if isinstance(minor, str) else Money(minor, _code(currency)))

    def _add(self, a: Any, b: Any) -> object:  # noqa: ANN401
        if isinstance(a, str):
            return f"{_decimal(a) + _decimal(b):f}"
        return self._message(_plus(_read(a), _read(b)))

    def _times(self, a: Any, n: Any) -> object:  # noqa: ANN401
        if isinstance(a, str):
            return f"{_decimal(a) * _decimal(n):f}"
        minor = _read(a).minor * (n if isinstance(n, int) else _decimal(n))
        return self._message(Money(int(Decimal(minor).to_integral_value(ROUND_HALF_UP)), _read(a).currency))

    def _compare(self, a: Any, b: Any) -> int:  # noqa: ANN401
        if isinstance(a, str):
            one, other = _decimal(a), _decimal(b)
        else:
            one, other = Decimal(_plus(_read(a), -_read(b)).minor), Decimal(0)
        return (one > other) - (one < other)

    def _round_money(self, decimal: str, currency: str) -> object:
        minor = _decimal(decimal).scaleb(CURRENCY_DIGITS.get(currency, 2)).to_integral_value(ROUND_HALF_UP)
        return self._message(Money(int(minor), _code(currency)))

    def _table(self, records: list[Any], columns: list[Any]) -> str:
        names = [_content(name) for name in columns]
        rows = ([self._cell(_content(record), name) for name in names] for record in records)
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def _cell(self, record: Any, name: str) -> str:  # noqa: ANN401
        fields = self._messages.fields.get(record.DESCRIPTOR.name, {})
        if name not in fields:
            raise ValueError(f"a record has no field {name!r}")
        plain = self._messages.plain_field(record, name)
        kind = fields[name][0]
        said = ", ".join(str(item) for item in plain) if isinstance(plain, list) else self.say_plain(kind.kind, plain)
        return say_inert(said)

    def _text(self, value: Any) -> str:  # noqa: ANN401
        return self.say(value)

    def _message(self, money: Money) -> object:
        if abs(money.minor) > MAX_MINOR:
            raise ValueError(f"{money} is too large")
        return self._class(minor=money.minor, currency=money.currency)

    def say(self, value: Any) -> str:  # noqa: ANN401
        """Write a value as CEL holds it the way a person reads it."""
        match value:
            case None:
                return ""
            case bool():
                return "yes" if value else "no"
            case float():
                return f"{value:.12g}"
            case dt.datetime():
                return self.say_moment(value)
            case dt.timedelta():
                return say_duration(int(value.total_seconds()))
            case str() | int():
                return str(value)
            case _:
                return say_money(_read(value))

    def say_moment(self, value: dt.datetime) -> str:
        """Write a date as YYYY-MM-DD, a time as YYYY-MM-DD HH:MM in the company's time zone."""
        if value == EPOCH or value.microsecond == DATE_MARK_US:
            return self._day(value)
        return value.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")

    def say_plain(self, kind: str, value: Any) -> str:  # noqa: ANN401
        """Write a plain value of a type the way a person reads it."""
        if value is None:
            return ""
        if kind == "money":
            return say_money(Money(value["minor"], value["currency"]))
        if kind in ("date", "time"):
            read = moment(value)
            return "" if read is None else self.say_moment(read)
        if kind == "duration":
            return say_duration(int(value))
        return self.say(value)


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep what a function raises readable: CEL shows only the text of an exception."""

    def call(*arguments: Any) -> object:  # noqa: ANN401
        try:
            return function(*arguments)
        except ArithmeticError as error:
            raise ValueError("a number is too large") from error

    return call


def _run_kinds(parameters: tuple[Type, ...]) -> list[tuple[str, ...]]:
    """Give the kinds that parameters have when an expression runs. The sum of no money at all is a plain 0."""
    kinds = {"list": ("list",), "money": ("message", "INT"), "int": ("INT",), "float": ("DOUBLE",)}
    more = {"time": ("TIMESTAMP",), "duration": ("DURATION",), "text": ("STRING",)}
    return list(itertools.product(*((kinds | more)[parameter.kind] for parameter in parameters)))


def _content(item: Any) -> Any:  # noqa: ANN401
    """Lists made inside an expression hold CEL's own values; lists from outside hold plain ones."""
    return item.plain_value() if hasattr(item, "plain_value") else item


def _read(message: Any) -> Money:  # noqa: ANN401
    return Money(0, "") if message == 0 else Money(message.minor, message.currency)


def _plus(a: Money, b: Money) -> Money:
    """Add money; nothing at all (0 of no currency) goes with every currency."""
    if Money(0, "") in (a, b):
        return Money(a.minor + b.minor, a.currency or b.currency)
    return a + b


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a number") from error
    if not value.is_finite():
        raise ValueError(f"{text!r} is not a number")
    if value and abs(value.adjusted()) > MAX_DIGITS:
        raise ValueError(f"{text!r} is too large")
    return value


def _code(currency: str) -> str:
    Money.of("0", currency)
    return currency


def say_inert(text: str) -> str:
    """Write text from outside as one line of Markdown that reads as the text and does nothing: no tag, link or cell."""
    line = _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))
    return shown(_ENTITY.sub("&amp;", line).replace("<", "&lt;"))


def say_money(money: Money) -> str:
    """Write money as "1,500.00 EUR"; nothing at all as "0"."""
    return str(money) if money.currency else str(money.minor)
