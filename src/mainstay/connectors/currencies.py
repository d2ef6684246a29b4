"""Currencies by ISO 4217, and amounts as files write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.connectors.source import UnreadableError
from mainstay.values import CURRENCIES, CURRENCY_DIGITS, MAX_MINOR, Money

if TYPE_CHECKING:
    from collections.abc import Iterable

CODES = CURRENCIES
MAX_DIGITS = 27  # Decimal rounds beyond 28 without a word

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


NO_CURRENCY = "nothing says the currency"


def code_of(text: str) -> str:
    """Take an ISO 4217 code, also in small letters; raises UnreadableError when there is none or it does not exist."""
    if not text:
        raise UnreadableError(NO_CURRENCY)
    if text.upper() not in CODES:
        raise UnreadableError(f"{text[:12]!r} is not a currency (ISO 4217)")
    return text.upper()


def money_of(number: str, currency: str) -> Money:
    """Make money of a plain number ("-1234.5") and a code.

    Raises UnreadableError when the code does not exist, the number is none, is beyond 64 bits in minor units, or has
    more decimals than the currency. Nothing is rounded.
    """
    code = code_of(currency)
    if _NUMBER.fullmatch(number) is None:
        raise UnreadableError(f"{number[:40]!r} is not an amount")
    if sum(map(str.isdigit, number)) > MAX_DIGITS:
        raise UnreadableError(f"{number[:40]!r} has too many digits for an amount")
    try:
        return Money.of(number, code)
    except ValueError as error:
        raise UnreadableError(str(error)) from error


def most_digits(codes: Iterable[str]) -> int:
    """Give the most digits any of these currencies has after the decimal mark; 2 where none is known."""
    return max((CURRENCY_DIGITS.get(code, 2) for code in codes if code in CODES), default=2)


def sums_of(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Add up per currency, in the order of the codes; raises UnreadableError when a sum is beyond 64 bits."""
    sums: dict[str, int] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, 0) + amount.minor
    too_large = [currency for currency, minor in sums.items() if abs(minor) > MAX_MINOR]
    if too_large:
        raise UnreadableError(f"the sum of the amounts in {too_large[0]} is too large")
    return tuple(Money(minor, currency) for currency, minor in sorted(sums.items()))
