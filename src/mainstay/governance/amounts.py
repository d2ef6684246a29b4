"""Amounts of what budgets count, as the operator writes and reads them: "50", "500.00 EUR", "20000 tokens"."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from mainstay.kernel.budget import COUNT, MICRO_DIGITS, TOKENS, micros_of
from mainstay.values import CURRENCY_DIGITS, Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def read_amount(given: int | str) -> tuple[str, int]:
    """Read one amount as (unit, amount); raises ValueError with a sentence for anything else, and below nothing."""
    text = str(given).strip()
    if match := re.fullmatch(r"(\d{1,15})(?: (tokens))?", text, re.ASCII):
        return (TOKENS if match[2] else COUNT), int(match[1])
    try:
        money = Money.parse(text)
    except ValueError:
        example = "a number such as 50, an amount such as '500.00 EUR', or '20000 tokens'"
        msg = f"'{given}' is nothing that is counted; write {example}"
        raise ValueError(msg) from None
    if money.minor < 0:
        msg = f"'{given}' is below nothing"
        raise ValueError(msg)
    return money.currency, micros_of(money)


def read_amounts(given: Iterable[int | str]) -> dict[str, int]:
    """Read several, each of another unit; raises ValueError."""
    found: dict[str, int] = {}
    for one in given:
        unit, amount = read_amount(one)
        if unit in found:
            msg = f"'{one}' is a second amount of the same kind"
            raise ValueError(msg)
        found[unit] = amount
    return found


def say_amount(unit: str, amount: int) -> str:
    """Say one amount: "1,500.00 EUR", "20,000 tokens", "50"; parts of a cent are written out."""
    if unit == COUNT:
        return f"{amount:,}"
    if unit == TOKENS:
        return f"{amount:,} tokens"
    size = 10 ** (MICRO_DIGITS - CURRENCY_DIGITS.get(unit, 2))
    if amount % size == 0:
        return str(Money(amount // size, unit))
    return f"{Decimal(amount).scaleb(-MICRO_DIGITS):,f} {unit}"


def say_amounts(amounts: Mapping[str, int], units: Iterable[str] | None = None) -> str:
    """Say several: "50 and 500.00 EUR"; of `units` also what is nothing."""
    chosen = [unit for unit, amount in amounts.items() if amount] if units is None else list(units)
    return " and ".join(say_amount(unit, amounts.get(unit, 0)) for unit in chosen) or "nothing"
