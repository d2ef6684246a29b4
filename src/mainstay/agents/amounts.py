"""Amounts: how what was paid fits what is owed. No weights here: those stand in `evidence.py`.

An exact amount comes first, then a discount that the invoice grants, then what is forgiven, and so on to a mere part.
All amounts are minor units of the invoice's currency; `wide` ones are scaled by what about one euro is.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from mainstay.records import Discount, Grant, Invoice
    from mainstay.values import Money

TINY_MINOR = 5  # forgiven without being told to, of invoices a hundred times that
FORGIVEN_SHARE = 100  # never more than a hundredth of what is owed is forgiven
FEE_MINOR = 2_500  # a bank on the way keeps at most this much
FEE_SHARE = 0.1
EXCHANGE_SHARE = 0.03  # rates move, and banks take their part of them
USUAL = (200, 300)  # basis points of discounts people take without being asked
RARE = (100, 150, 250, 400, 500)
LARGEST_SHARE = 0.06  # what a discount or a fee takes off at most, for looking around
INSTALMENTS = range(2, 13)
BASIS = 10_000

# Where no small coin is left, totals are rounded to the next whole one of these: minor units.
COINS = {"CHF": 5, "SEK": 100, "NOK": 100, "DKK": 50, "CZK": 100, "HUF": 500, "AUD": 5, "CAD": 5, "NZD": 10}
# About how many units one euro is, where that is far from one; for fees, which banks take in steps of their own.
PER_EURO = {"SEK": 11, "NOK": 11, "DKK": 7, "CZK": 25, "HUF": 400, "PLN": 4, "RON": 5, "TRY": 40, "JPY": 1.6, "INR": 90}

AmountFit: TypeAlias = Literal["exact", "tiny", "discount", "fee", "exchange", "converted", "part", "over"]


class Fit(msgspec.Struct, frozen=True):
    """How an amount fits what is owed."""

    kind: AmountFit
    difference: int  # owed minus paid, minor units
    basis_points: int = 0  # of a discount
    granted: bool = False  # by the invoice, and not only usual
    days_late: int = 0  # after a granted discount ended
    partly: bool = False  # less than what is granted
    parts: int = 0  # the payment is one of so many equal instalments

    @property
    def settles(self) -> bool:
        """Whether the invoice is settled by it, beyond doubt: exactly, or with a discount granted and in time."""
        in_time = self.kind == "discount" and self.granted and not self.days_late and not self.partly
        return self.kind == "exact" or in_time


def fit_amount(  # noqa: PLR0911 - one return for each way to fit
    paid: int,
    owed: int,
    invoice: Invoice,
    *,
    paid_on: str = "",
    write_off: Money | None = None,
    exchanged: bool = False,
) -> Fit:
    """Say how an amount fits what is owed. `exchanged` says that it was turned into this currency on the way."""
    gap = owed - paid
    if gap == 0:
        return Fit("exact", 0)
    if invoice.discounts and gap > 0 and (granted := _granted(paid, owed, invoice, paid_on)):
        return granted
    if is_forgiven(gap, owed, invoice.open.currency, write_off):
        return Fit("tiny", gap)
    if gap < 0:
        return Fit("over", gap)
    if gap > owed * EXCHANGE_SHARE * 4:
        return Fit("part", gap, parts=instalments(paid, invoice.amount.minor))
    most = max((one.basis_points for one in invoice.discounts if days_after(one, paid_on) == 0), default=0)
    if gap * BASIS < owed * most:
        return Fit("discount", gap, most, granted=True, partly=True)
    for points in (*USUAL, *RARE):
        if paid in without(owed, points):
            return Fit("discount", gap, points)
    if exchanged and gap <= owed * EXCHANGE_SHARE:
        return Fit("exchange", gap)
    if gap <= min(fee_minor(invoice.open.currency), owed * FEE_SHARE):
        return Fit("fee", gap)
    return Fit("part", gap)


def without(owed: int, basis_points: int) -> tuple[int, ...]:
    """Give what is paid of an amount with a discount taken, rounded either way."""
    exact = owed * (BASIS - basis_points)
    return (exact // BASIS, -(-exact // BASIS))


def is_forgiven(gap: int, owed: int, currency: str, write_off: Money | None) -> bool:
    """Say whether a difference, either way, is too small to be asked about."""
    size = abs(gap)
    if write_off is not None and write_off.currency == currency:
        return size <= write_off.minor and size * FORGIVEN_SHARE <= owed
    if size <= TINY_MINOR and owed > TINY_MINOR * 100:
        return True
    coin = COINS.get(currency)
    return coin is not None and size * 2 <= coin and (owed - gap) % coin == 0 and owed > coin * 100


def fee_minor(currency: str) -> int:
    """Give what a bank on the way keeps at most."""
    return int(FEE_MINOR * PER_EURO.get(currency, 1))


def granted_on(invoice: Invoice, owed: int, paid_on: str) -> int:
    """Give what may be taken off on that day: the largest discount that has not ended, minor units; 0 without one.

    Half a coin is rounded up.
    """
    alive = [discount for discount in invoice.discounts if days_after(discount, paid_on) == 0]
    return max(((owed * discount.basis_points + BASIS // 2) // BASIS for discount in alive), default=0)


def grant_of(off: int, owed: int, invoice: Invoice, paid_on: str) -> Grant:
    """Say whether an invoice grants that so much of what is owed is taken off, or a coin less, as payers round.

    Less than a discount is granted as well. What a discount takes off the whole amount is granted also where a part of
    that is paid already.
    """
    late = [
        days_after(discount, paid_on)
        for discount in invoice.discounts
        for base in _bases(invoice, owed)
        if base - off in (left := without(base, discount.basis_points)) or (base == owed and owed - off >= left[0] - 1)
    ]
    if not late:
        return "never"
    return "ended" if min(late) else ""


def days_after(discount: Discount, paid_on: str) -> int:
    """Count the days from the end of a discount to a payment; 0 when it came in time."""
    if not discount.until_on or not paid_on or paid_on <= discount.until_on:
        return 0
    return days_between(discount.until_on, paid_on) or 1


def days_between(first: str, last: str) -> int:
    """Count the days from one date to another; 0 when either is no date."""
    try:
        return (date.fromisoformat(last) - date.fromisoformat(first)).days
    except ValueError:
        return 0


def instalments(paid: int, amount: int) -> int:
    """Say of how many equal instalments a payment is one; 0 when of none. The last may take the rounding."""
    if paid <= 0 or amount <= paid:
        return 0
    parts = round(amount / paid)
    return parts if parts in INSTALMENTS and abs(paid * parts - amount) <= parts else 0


def _granted(paid: int, owed: int, invoice: Invoice, paid_on: str) -> Fit | None:
    """Find the discount of the invoice that was taken, one in time before one that had ended."""
    found = [
        (days_after(discount, paid_on), discount.basis_points)
        for discount in invoice.discounts
        for base in _bases(invoice, owed)
        if owed - paid in {base - left for left in without(base, discount.basis_points)}
    ]
    if not found:
        return None
    late, points = min(found)
    return Fit("discount", owed - paid, points, granted=True, days_late=late)


def _bases(invoice: Invoice, owed: int) -> tuple[int, ...]:
    """Give what a discount may be a share of: what is owed, and the whole amount where up to half of it is paid."""
    whole = min(invoice.amount.minor, owed * 2)
    return (owed, whole) if whole > owed else (owed,)
