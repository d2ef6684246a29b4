"""The canonical records: what every connector turns outside data into, and every agent takes (requirement C4).

Dates are ISO 8601 text (YYYY-MM-DD), as all values inside events are plain. Amounts are `Money`. A record that
came from outside keeps its raw form beside it (`raw`), so that nothing a bank said is lost.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from mainstay.values import BlobRef, Money

Date = Annotated[str, msgspec.Meta(extra={"mainstay": "date"})]  # YYYY-MM-DD; expressions read it as a date


class BankLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a bank statement. Amounts are signed: what came in is positive.

    `id` is stable: reading the same entry again, also from an overlapping statement, gives the same id, and two
    equal entries of one day stay two.
    """

    id: str
    booked_on: Date
    amount: Money
    value_on: Date = ""
    counterparty: str = ""
    iban: str = ""  # of the counterparty; any account number where there is no IBAN
    references: tuple[str, ...] = ()  # structured ones: ISO 11649, end-to-end ids, mandate ids
    text: str = ""  # what the payer wrote
    bank_id: str = ""  # the bank's own id of the entry
    pending: bool = False
    reversal: bool = False
    raw: str = ""  # the entry as the bank sent it


class Statement(msgspec.Struct, frozen=True, omit_defaults=True):
    """The lines of one account over one period; `balance` says whether the balances were checked."""

    account: str
    currency: str
    lines: tuple[BankLine, ...]
    balance: Literal["checked", "absent"]
    opening: Money | None = None
    closing: Money | None = None
    from_on: Date = ""
    to_on: Date = ""
    id: str = ""


class Invoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One invoice as far as it is open. `open` is what is still owed."""

    number: str
    customer: str
    amount: Money
    open: Money
    issued_on: Date
    due_on: Date
    email: str = ""
    iban: str = ""
    reference: str = ""  # structured reference asked of the payer, such as RF18...
    customer_id: str = ""
    days_late: int = 0


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """One or several bank lines held against one or several invoices, with the reason.

    `allocations` says how much of which line goes to which invoice, and as what.
    """

    id: str
    kind: Literal["full", "part", "several_invoices", "several_lines", "difference", "none"]
    line_ids: tuple[str, ...]
    invoice_numbers: tuple[str, ...]
    amount: Money
    confidence: float
    why: str  # the deciding evidence, one sentence
    allocations: tuple[Allocation, ...] = ()
    runner_up: str = ""  # the second best reading, one sentence
    booked_on: Date = ""
    counterparty: str = ""
    text: str = ""


class Allocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of one bank line booked to one invoice. `as_` payment unless it settles a small difference."""

    line_id: str
    invoice: str
    amount: Money
    kind: Literal["payment", "write_off", "fee", "discount"] = "payment"


class Payment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A booking in the books: Mainstay's own record that a line paid an invoice."""

    id: str
    invoice: str
    line_id: str
    amount: Money
    kind: Literal["payment", "write_off", "fee", "discount"]
    booked_on: Date
    plan: str = ""


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file as a playbook holds it: its content is pinned as a blob when it enters a plan."""

    name: str
    blob: BlobRef
