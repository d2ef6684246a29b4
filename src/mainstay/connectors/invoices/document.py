"""One invoice as its file tells it: what every reader of invoices returns."""

from __future__ import annotations

from typing import Literal

import msgspec

from mainstay.records import Invoice
from mainstay.values import Money


class Document(msgspec.Struct, frozen=True, omit_defaults=True):
    """One invoice or credit note as its file tells it, before it is held against the others.

    Amounts are never negative; `kind` says which way the money goes. `invoice.amount` is the total with tax,
    `invoice.open` what is due now: the total after what was paid before.
    """

    invoice: Invoice
    kind: Literal["invoice", "credit_note"]
    file: str  # its name
    format: str  # "UBL", "CII EN 16931", "Factur-X BASIC", "CSV", "XLSX"
    of: tuple[str, ...] = ()  # numbers of the invoices that a credit note takes back, or a correction replaces
    seller: str = ""
    seller_id: str = ""  # VAT number, else tax number or another id
    pay_to: tuple[str, ...] = ()  # the seller's accounts named for payment, IBANs where they are
    net: Money | None = None
    tax: Money | None = None
    line: int = 0  # of a table
    notes: tuple[str, ...] = ()  # what was guessed, not checked or is out of the ordinary, in sentences
    maybe_paid: str = ""  # why it may be paid already, or is collected: a sentence
    due_guessed: bool = False  # no due date is told or understood; `invoice.due_on` is then 30 days after the invoice
