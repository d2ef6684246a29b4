"""Certainty: the one rule of what may be booked without asking. Every road to a match asks `objection`.

A reading is sure when nothing speaks against it. It is asked about unless all of this holds:

- the best reading of everything that is left is far better than the best one without it;
- the amounts agree beyond doubt: to the cent, or less a discount that the invoice grants and that was taken in time, or
  with a difference that is forgiven, and then number and payer both agree;
- each invoice is either named by its own number, or owed by the one customer who is the payer beyond doubt; a number of
  a few figures alone, that could be a postcode or a year, counts only from somebody who may be the customer;
- without a number, the text names no other customer, no other month, and no other purpose;
- the text does not turn the sense around ("credit note", "already paid"), nothing went back or out before to the same
  party, and the payment is not older than the invoice;
- no other invoice of the payer could be meant as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.agents import wording
from mainstay.agents.amounts import days_between
from mainstay.agents.evidence import SURE_CONFIDENCE, Debt, Receipt, confidence
from mainstay.agents.names import NEAR

if TYPE_CHECKING:
    from mainstay.agents.candidates import Case

OTHER_INVOICE = "the payer has an invoice that this amount fits as well"
OLD_DAYS = 366  # an invoice this old is asked about where no number names it


class Reading(msgspec.Struct, frozen=True):
    """Which lines pay which invoices, and what is known of the reading as a whole."""

    receipts: tuple[Receipt, ...]
    debts: tuple[Debt, ...]
    margin: float  # bits over the next best reading
    settles: bool  # the amounts agree beyond doubt
    forgiven: bool = False  # they differ by what is forgiven
    rivals: str = ""  # what else could be meant, as the end of a sentence that begins with "because"


def objection(case: Case, reading: Reading) -> str:
    """Say why a reading has to be asked about, as the end of "because ..."; "" when it is sure."""
    for receipt in reading.receipts:
        if said := _against_line(case, receipt):
            return said
    for receipt in reading.receipts:
        for debt in reading.debts:
            if said := _against_pair(case, receipt, debt, reading):
                return said
        if said := _against_payer(case, receipt, reading):
            return said
    if reading.rivals:
        return reading.rivals
    if not (reading.settles or reading.forgiven):
        return "the amount is another one than what is open"
    if confidence(reading.margin) < SURE_CONFIDENCE:
        return "another reading is nearly as good"
    return ""


def is_likely(case: Case, receipt: Receipt, debt: Debt) -> bool:
    """Say whether nothing but the amount could keep a line from paying an invoice for sure."""
    reading = Reading((receipt,), (debt,), 0.0, settles=True)
    return not (_against_line(case, receipt) or _against_pair(case, receipt, debt, reading))


def is_named(receipt: Receipt, debt: Debt) -> bool:
    """Say whether a line names an invoice by a number that can't be anything else."""
    return debt.number in receipt.named.full and debt.number not in receipt.named.weak


def _against_line(case: Case, receipt: Receipt) -> str:
    if receipt.id in case.taken_back:
        return f"the same amount went back to the payer on {wording.day(case.taken_back[receipt.id].booked_on)}"
    if receipt.id in case.sent_before:
        return f"you sent the same amount there on {wording.day(case.sent_before[receipt.id].booked_on)}"
    if receipt.remarks.turned:
        return f"the text says {receipt.remarks.turned.capitalize()}"
    return ""


def _against_pair(case: Case, receipt: Receipt, debt: Debt, reading: Reading) -> str:
    if debt.invoice.issued_on and receipt.line.booked_on < debt.invoice.issued_on:
        return "the payment is older than the invoice"
    payer = debt.customer in case.certain(receipt)
    if not is_named(receipt, debt):
        return _against_unnamed(case, receipt, debt, reading, payer=payer)
    if receipt.named.unknown and len(reading.debts) + len(reading.receipts) > 2:  # noqa: PLR2004 - a group
        return f"the text names {wording.listed(receipt.named.written)} as well"
    if reading.forgiven and not payer and case.likeness(receipt, debt) is not None:
        return "the amount is not exact and the payer is not certainly the customer"
    return ""


def _against_payer(case: Case, receipt: Receipt, reading: Reading) -> str:
    """Say that somebody else's invoice is paid by a customer who has one of this very amount."""
    theirs = {debt.customer for debt in reading.debts}
    numbers = {debt.number for debt in reading.debts}
    likeness = [case.likeness(receipt, debt) for debt in reading.debts]
    if theirs & case.certain(receipt) or any(each is not None and each >= NEAR for each in likeness):
        return ""
    others = [customer for customer in case.sure_payers(receipt) if customer not in theirs]
    if any(case.has_twin(receipt, customer, numbers) for customer in others):
        return OTHER_INVOICE
    return ""


def _against_unnamed(  # noqa: PLR0911 - one return for each objection
    case: Case, receipt: Receipt, debt: Debt, reading: Reading, *, payer: bool
) -> str:
    """Say what speaks against an invoice that no full number names."""
    weak = debt.number in receipt.named.weak
    likeness = case.likeness(receipt, debt)
    if not payer and weak and likeness is not None and likeness >= NEAR:
        return ""
    if not payer:
        said = "a number of a few figures may be something else" if weak else "no full invoice number is named"
        return f"{said} and the payer is not certainly {debt.invoice.customer}"
    if receipt.named.unknown:
        return f"the text names {wording.listed(receipt.named.written)}"
    hinted = receipt.named.hinted
    if hinted and not any(each.number in hinted for each in reading.debts):
        return f"the text names {wording.listed(receipt.named.hinted[: wording.LISTED_MAX])}"
    if reading.forgiven:
        return "neither number nor amount is exact"
    if weak:
        return ""
    if others := case.others_mentioned(receipt, debt.customer):
        return f"the text names {case.people.called[others[0]]}"
    if receipt.remarks.purpose:
        return f"the text says {receipt.remarks.purpose.capitalize()}"
    if receipt.remarks.contradict(debt.invoice):
        return "the text speaks of another month or date than the invoice's"
    if days_between(debt.invoice.issued_on, receipt.line.booked_on) > OLD_DAYS:
        return "the invoice is more than a year old"
    return ""
