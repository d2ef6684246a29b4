"""Wording: one plain sentence for each reading, for the person who decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.agents.names import NEAR
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.agents.evidence import Debt, Evidence, Receipt

MONTHS = "January February March April May June July August September October November December".split()
SPELLED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
LISTED_MAX = 3
NO_INVOICE = "Otherwise it pays no open invoice."


def say_pair(evidence: Evidence) -> str:
    """Name what decided that this line pays this invoice, and what is odd about it."""
    number = evidence.debt.number
    sentence = f"{_reference(evidence, number)}{_and_payer(evidence)}, and {_amount(evidence)}"
    return f"{sentence}{''.join(f'; but {doubt}' for doubt in doubts(evidence))}."


def doubts(evidence: Evidence) -> list[str]:
    """Give what speaks against a pair, each as half a sentence."""
    found: list[str] = []
    named = evidence.receipt.named
    if evidence.names_other:
        found.append(f"the payment names {listed(named.hinted[:LISTED_MAX])}")
    if evidence.names_unknown:
        found.append(f"the payment names {listed(named.unknown)}, which is no open invoice")
    if evidence.early:
        found.append(f"it came before the invoice was issued on {day(evidence.debt.invoice.issued_on)}")
    return found


def say_rival(evidence: Evidence | None) -> str:
    """Say what the second best reading is."""
    if evidence is None:
        return NO_INVOICE
    amount = {
        "exact": "it has the same amount",
        "tiny": "the amount is nearly the same",
        "discount": "the amount fits with a discount taken",
        "fee": "the amount fits with a bank fee taken off",
        "part": "this would be a part of it",
        "over": "this would be too much",
    }[evidence.amount]
    return f"Otherwise invoice {evidence.debt.number} of {evidence.debt.invoice.customer}: {amount}."


def say_together(debts: Sequence[Debt], *, named: bool, unique: bool, gap: str) -> str:
    """Say why one line pays several invoices."""
    numbers = listed([debt.number for debt in debts])
    who = f"The payment names invoices {numbers}" if named else f"{debts[0].invoice.customer} owes invoices {numbers}"
    total = f"together they come to {gap or 'exactly this amount'}"
    return f"{who}, and {total}{'' if unique else '; but other invoices add up to it as well'}."


def say_instalments(receipts: Sequence[Receipt], debt: Debt, *, named: bool, unique: bool) -> str:
    """Say why several lines pay one invoice."""
    days = listed([day(receipt.line.booked_on) for receipt in receipts])
    how = f"all name invoice {debt.number}" if named else f"come from the payer of invoice {debt.number}"
    doubt = "" if unique else "; but other payments add up to it as well"
    return f"{_count(len(receipts))} payments ({days}) {how} and add up to exactly what is open{doubt}."


def say_second(debt: Debt, first: Receipt | None, second: Receipt) -> str:
    """Say that an invoice was paid twice; `first` is None when it was settled before these lines came."""
    paid = "was paid before" if first is None else f"is already paid by the payment of {day(first.line.booked_on)}"
    return (
        f"Invoice {debt.number} {paid}; "
        f"this looks like a second payment of it by {second.line.counterparty or debt.invoice.customer}."
    )


def say_stranger(receipt: Receipt) -> str:
    """Say why an incoming line fits no open invoice."""
    named = receipt.named
    if named.unknown and not named.full:
        return f"It names {listed(named.unknown)}, which is no open invoice."
    if named.full:
        return f"It names {listed(sorted(named.full))}, but nothing is open there any more that it could pay."
    return "Neither its text nor its payer and amount fit an open invoice."


def money(minor: int, currency: str) -> str:
    """Write an amount of minor units: "1,500.00 EUR"."""
    return str(Money(minor, currency))


def day(date: str) -> str:
    """Write 2026-10-03 as "3 October"; anything else as it is."""
    parts = date.split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):  # noqa: PLR2004 - year, month, day
        return date
    return f"{int(parts[2])} {MONTHS[(int(parts[1]) - 1) % 12]}"


def listed(words: Sequence[str]) -> str:
    """Join words as one says them: "A, B and C"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _count(number: int) -> str:
    return (SPELLED[number] if number < len(SPELLED) else str(number)).capitalize()


def _reference(evidence: Evidence, number: str) -> str:
    match evidence.reference:
        case "structured":
            return f"The payment carries the reference of invoice {number}"
        case "number":
            return f"The payment names invoice {number}"
        case "cut":
            return f"The payment names a number that is cut and may be invoice {number}"
        case "near":
            return f"The payment names {evidence.receipt.named.unknown[0]}, which is nearly invoice {number}"
        case "none":
            return "The payment names no invoice" if not evidence.names_other else "The payment names another invoice"


def _and_payer(evidence: Evidence) -> str:
    customer = evidence.debt.invoice.customer
    if evidence.iban:
        return f", it comes from the bank account of {customer}"
    if evidence.payer_known:
        return f", the payer is {customer}"
    if evidence.mentioned:
        return f", its text names {customer}"
    if evidence.name is None:
        return ", the payer can't be compared"
    if evidence.name >= NEAR:
        return f", the payer {evidence.receipt.line.counterparty} is nearly {customer}"
    return f", the payer is {evidence.receipt.line.counterparty}, not {customer}"


def _amount(evidence: Evidence) -> str:
    currency = evidence.debt.invoice.open.currency
    gap = money(abs(evidence.difference), currency)
    match evidence.amount:
        case "exact" if evidence.referenced:
            return "the amount is exactly what is open"
        case "exact":
            return f"the amount is exactly what is open on {evidence.debt.number}"
        case "tiny":
            return f"the amount is only {gap} {'short' if evidence.difference > 0 else 'too much'}"
        case "discount":
            return f"the amount is short by {gap}, a usual discount"
        case "fee":
            return f"the amount is short by {gap}, as when a bank keeps a fee"
        case "part":
            return f"{gap} of {money(evidence.debt.open, currency)} would stay open"
        case "over":
            return f"it is {gap} more than the {money(evidence.debt.open, currency)} that is open"
