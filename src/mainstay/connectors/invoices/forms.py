"""Forms that addresses, account numbers and dates of invoices have, in e-invoices and in tables alike."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,40}")  # without spaces, in capitals
YEARS = range(1950, 2200)  # outside of them a date is a slip


def account_of(text: str) -> str:
    """Write an IBAN without spaces, any other account as it stands."""
    bare = text.replace(" ", "").upper()
    return bare if IBAN.fullmatch(bare) else text


def first_of(texts: Iterable[str]) -> str:
    """Give the first text that is not empty, "" where all are."""
    return next((text for text in texts if text), "")


def day_after(day: str, days: int, months: int = 0) -> str:
    """Add months, then days to a date in ISO 8601; "" when that is beyond the calendar.

    A month after the 31st is the last day of a shorter month.
    """
    try:
        begun = date.fromisoformat(day)
        years, month = divmod(begun.month - 1 + months, 12)
        last = monthrange(begun.year + years, month + 1)[1]
        moved = begun.replace(begun.year + years, month + 1, min(begun.day, last))
        return (moved + timedelta(days=days)).isoformat()
    except (OverflowError, ValueError):
        return ""
