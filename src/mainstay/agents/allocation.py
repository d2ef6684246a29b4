"""Allocation: how much of which line goes to which invoice, and the match that says so.

What holds for every match is asserted here: no line gives more than it has, no invoice gets more than is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from mainstay.agents.amounts import grant_of
from mainstay.agents.evidence import confidence
from mainstay.records import Allocation, Entry, Match
from mainstay.values import Money, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.agents.amounts import Fit
    from mainstay.agents.evidence import Debt, Receipt
    from mainstay.records import BankLine

Gap: TypeAlias = Literal["write_off", "fee", "discount", "exchange"]
Kind: TypeAlias = Literal["full", "part", "several_invoices", "several_lines", "difference", "none"]

ID_DIGITS = 32
# By how an amount fits: what fills the gap to what is open, and what kind of match it makes.
GAPS: dict[str, Gap] = {"tiny": "write_off", "discount": "discount", "fee": "fee", "exchange": "exchange"}
KINDS: dict[str, Kind] = {"exact": "full", "converted": "full", "part": "part"}


class Shortfall(msgspec.Struct, frozen=True):
    """What fills the gap between what lines pay and what is open.

    `spared` says, minor units, how much of each invoice is not paid; without it a discount is spread over the invoices
    in proportion, any other gap stays with the last ones.
    """

    gap: Gap
    spared: tuple[int, ...] = ()


def shortfall_of(fit: Fit) -> Shortfall | None:
    """Give what fills the gap where one line is held against one invoice; None where there is none to fill."""
    gap = GAPS.get(fit.kind)
    return Shortfall(gap) if gap else None


def allocate(
    receipts: Sequence[Receipt], debts: Sequence[Debt], shortfall: Shortfall | None = None
) -> tuple[Allocation, ...]:
    """Pay the invoices in order with the lines in order; a `shortfall` settles what the lines are short of.

    The invoices are in one currency. A line in another currency that says nothing of what it was in theirs is taken to
    pay all of them, whole.
    """
    opens = [debt.open for debt in debts]
    purses = [_worth(receipt, debts) for receipt in receipts]
    wanted = _targets(opens, sum(purses), shortfall)
    allocations: list[Allocation] = []
    at = 0
    for receipt, worth in zip(receipts, purses, strict=True):
        purse = worth
        parts: list[tuple[Debt, int]] = []
        while purse and at < len(debts):
            part = min(purse, wanted[at])
            if part:
                parts.append((debts[at], part))
            purse -= part
            wanted[at] -= part
            at += not wanted[at]
        allocations += _payments(receipt, worth, parts)
    if shortfall:
        allocations += _written_off(receipts[-1], shortfall.gap, debts, allocations)
    _check(receipts, debts, allocations)
    return tuple(allocations)


def match_of(
    kind: Kind,
    receipts: Sequence[Receipt],
    debts: Sequence[Debt],
    *,
    margin: float,
    why: str,
    runner_up: str = "",
    shortfall: Shortfall | None = None,
) -> Match:
    """Make the match of some lines and some invoices. `margin` is in bits."""
    first = receipts[0].line
    return Match(
        id=id_of([receipt.id for receipt in receipts], [debt.number for debt in debts]),
        kind=kind,
        line_ids=tuple(receipt.id for receipt in receipts),
        invoice_numbers=tuple(debt.number for debt in debts),
        amount=Money(sum(receipt.minor for receipt in receipts), first.amount.currency),
        confidence=confidence(margin),
        why=why,
        allocations=allocate(receipts, debts, shortfall),
        runner_up=runner_up,
        booked_on=max(receipt.line.booked_on for receipt in receipts),
        counterparty=first.counterparty,
        iban=_of_all(receipt.line.iban for receipt in receipts),
        text=first.text,
        customer=_of_all(debt.invoice.customer for debt in debts),
        customer_id=_of_all(debt.invoice.customer_id for debt in debts),
        entries=tuple(_entry(receipt.line) for receipt in receipts),
    )


def _entry(line: BankLine) -> Entry:
    return Entry(line.id, line.account, line.booked_on, line.amount, line.counterparty, line.iban)


def lone(line: BankLine, why: str, *, invoices: tuple[str, ...] = (), sure: float = 1.0, runner_up: str = "") -> Match:
    """Make the match of a line that pays nothing; `invoices` are those it has to do with."""
    return Match(
        id=id_of([line.id], list(invoices)),
        kind="none",
        line_ids=(line.id,),
        invoice_numbers=invoices,
        amount=line.amount,
        confidence=sure,
        why=why,
        runner_up=runner_up,
        booked_on=line.booked_on,
        counterparty=line.counterparty,
        iban=line.iban,
        text=line.text,
    )


def id_of(line_ids: Sequence[str], numbers: Sequence[str]) -> str:
    """Name a match by its lines and invoices, whatever their order."""
    lines = [line.encode() for line in sorted(line_ids)]
    return digest_of(b"lines", *lines, b"invoices", *[number.encode() for number in sorted(numbers)])[:ID_DIGITS]


def _of_all(values: Iterable[str]) -> str:
    """Give what all have in common, empty when they differ: the operator's answer teaches only what is clear."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""


def _targets(opens: list[int], paid: int, shortfall: Shortfall | None) -> list[int]:
    """Give what each invoice is to get in payments; with a discount in proportion, the last takes the rounding."""
    total = sum(opens)
    if shortfall and shortfall.spared:
        return [minor - less for minor, less in zip(opens, shortfall.spared, strict=True)]
    if shortfall is None or shortfall.gap != "discount" or paid >= total:
        return list(opens)
    shares = [minor * paid // total for minor in opens]
    rest = paid - sum(shares)
    return [share + (at < rest) for at, share in enumerate(shares)]


def _worth(receipt: Receipt, debts: Sequence[Debt]) -> int:
    worth = receipt.worth(debts[0].invoice.open.currency)
    return sum(debt.open for debt in debts) if worth is None else worth


def _payments(receipt: Receipt, worth: int, parts: Sequence[tuple[Debt, int]]) -> list[Allocation]:
    """Give what a line pays of each invoice; in another currency with its share of the line, the last the rounding."""
    currency = receipt.line.amount.currency
    allocations: list[Allocation] = []
    done = taken = 0
    for debt, part in parts:
        done += part
        share = receipt.minor * done // worth - taken
        taken += share
        foreign = debt.invoice.open.currency != currency
        paid = Money(share, currency) if foreign else None
        allocations.append(
            Allocation(receipt.id, debt.number, _owed(debt, part), paid=paid, listed=debt.invoice.listed)
        )
    return allocations


def _written_off(receipt: Receipt, gap: Gap, debts: Sequence[Debt], payments: Sequence[Allocation]) -> list[Allocation]:
    """Give what payments leave open of each invoice as a gap that the last line fills."""
    paid = dict.fromkeys((debt.number for debt in debts), 0)
    for payment in payments:
        paid[payment.invoice] += payment.amount.minor
    short = [(debt, debt.open - paid[debt.number]) for debt in debts if debt.open > paid[debt.number]]
    return [
        Allocation(
            line_id=receipt.id,
            invoice=debt.number,
            amount=_owed(debt, off),
            kind=gap,
            listed=debt.invoice.listed,
            grant=grant_of(off, debt.open, debt.invoice, receipt.paid_on) if gap == "discount" else "",
        )
        for debt, off in short
    ]


def _owed(debt: Debt, minor: int) -> Money:
    return Money(minor, debt.invoice.open.currency)


def _check(receipts: Sequence[Receipt], debts: Sequence[Debt], allocations: Sequence[Allocation]) -> None:
    for receipt in receipts:
        payments = [a for a in allocations if a.line_id == receipt.id and a.kind == "payment"]
        given = sum((a.paid or a.amount).minor for a in payments)
        assert given <= receipt.minor, "a line gives more than it has"
    for debt in debts:
        got = sum(a.amount.minor for a in allocations if a.invoice == debt.number)
        assert got <= debt.open, "an invoice gets more than is open"
    assert all(a.amount.minor > 0 for a in allocations), "an allocation is empty"
