"""The canonical records: what every connector turns outside data into, and every agent takes (requirement C4).

Dates are ISO 8601 text (YYYY-MM-DD), as all values inside events are plain. Amounts are `Money`. A record that
came from outside keeps its raw form beside it (`raw`), so that nothing a bank said is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

from mainstay.origins import ALL, Gives
from mainstay.values import (
    LATER,
    BlobRef,
    Money,
    PersonalText,
    PersonIban,
    PersonId,
    PersonMail,
    PersonName,
    personal,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

PaymentKind: TypeAlias = Literal["payment", "write_off", "fee", "discount", "exchange"]
# Of a discount, on the day of the payment: the invoice grants it (""), it did until a day before, or it never did.
Grant: TypeAlias = Literal["", "ended", "never"]
Date = Annotated[str, msgspec.Meta(extra={"mainstay": "date"})]  # YYYY-MM-DD; expressions read it as a date
# Of a record about who pays and for whom.
CustomerName: TypeAlias = Annotated[str, personal("name", "customer")]
CustomerId: TypeAlias = Annotated[str, personal("id", "customer")]
BothText: TypeAlias = Annotated[str, personal("text", "*")]
Time = Annotated[str, msgspec.Meta(extra={"mainstay": "time"})]  # 2026-11-21T10:30:00Z; expressions read it as a time


class BankLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a bank statement. Amounts are signed: what came in is positive.

    `id` is stable: reading the same entry again, also from an overlapping statement, gives the same id, and two
    equal entries of one day stay two.
    """

    id: str
    booked_on: Date
    amount: Money
    value_on: Date = ""
    counterparty: PersonName = ""
    iban: PersonIban = ""  # of the counterparty; any account number where there is no IBAN
    references: tuple[PersonalText, ...] = ()  # structured ones: ISO 11649, end-to-end ids, mandate ids
    text: PersonalText = ""  # what the payer wrote
    bank_id: str = ""  # the bank's own id of the entry
    pending: bool = False
    reversal: bool = False
    account: str = ""  # whose entry it is: IBAN or the bank's number, "" when the file does not name it
    original: Money | None = None  # what the payer sent, where that was in another currency; signed as `amount`
    raw: PersonalText = ""  # the entry as the bank sent it


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


class Payout(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a payment provider sent to the bank in one sum: many charges, less refunds and fees.

    Its lines are those of the provider's account that add up to `amount`; the bank shows only that sum.
    """

    id: str  # the provider's own, such as po_1N...
    provider: str  # "Stripe"
    amount: Money  # what arrives at the bank
    arrives_on: Date
    gross: Money  # charges, before refunds and fees
    fees: Money  # what the provider kept; not negative
    line_ids: tuple[str, ...] = ()


class Discount(msgspec.Struct, frozen=True):
    """What a customer who pays early may take off: basis points (1/100 %) of the amount, until that day inclusive."""

    basis_points: int
    until_on: Date


class Invoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One invoice as far as it is open. `open` is what is still owed."""

    number: str
    customer: PersonName
    amount: Money
    open: Money
    issued_on: Date
    due_on: Date
    email: PersonMail = ""
    iban: PersonIban = ""
    reference: PersonalText = ""  # structured reference asked of the payer, such as RF18...
    customer_id: PersonId = ""
    discounts: tuple[Discount, ...] = ()
    listed: Money | None = None  # what its file says is open; `open` is then less what is booked here
    days_late: int = 0


class Entry(msgspec.Struct, frozen=True):
    """What an entry looks like in any format. Its line's id is only the same in files of one format."""

    line_id: str
    account: str
    booked_on: Date
    amount: Money
    counterparty: PersonName
    iban: PersonIban = ""  # of the counterparty


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """One or several bank lines held against one or several invoices, with the reason.

    `allocations` says how much of which line goes to which invoice, and as what. A reading of `others` that the
    operator picks keeps the `id`: it is still the answer to this one.
    """

    id: str
    kind: Literal["full", "part", "several_invoices", "several_lines", "difference", "none"]
    line_ids: tuple[str, ...]
    invoice_numbers: tuple[str, ...]
    amount: Money
    confidence: float
    why: BothText  # the deciding evidence, one sentence
    allocations: tuple[Allocation, ...] = ()
    runner_up: BothText = ""  # the second best reading, one sentence
    booked_on: Date = ""
    counterparty: PersonName = ""
    iban: PersonIban = ""  # of the counterparty
    text: PersonalText = ""
    customer: CustomerName = ""  # of the invoices, "" when they have several
    customer_id: CustomerId = ""
    entries: tuple[Entry, ...] = ()  # of its lines
    # Of one that is asked about: what can be picked in its place.
    others: Annotated[tuple[OtherReading, ...], msgspec.Meta(extra={"mainstay": "unnamed", LATER: True})] = ()


class OtherReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """What else the payment of a match could pay: what stands here takes the place of what the match says."""

    says: BothText  # what it would pay, and how the amount fits; this stays here
    kind: Literal["full", "part", "several_invoices", "several_lines", "difference", "none"]
    line_ids: tuple[str, ...]
    invoice_numbers: tuple[str, ...]
    amount: Money
    confidence: float  # of the operator, who picked it
    why: BothText
    allocations: tuple[Allocation, ...] = ()
    runner_up: BothText = ""
    customer: CustomerName = ""
    customer_id: CustomerId = ""
    entries: tuple[Entry, ...] = ()


class Allocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of one bank line booked to one invoice: a payment, or a small difference and how it is explained.

    `amount` is in the invoice's currency. `paid` is what of the line that took, where the line is in another one.
    """

    line_id: str
    invoice: str
    amount: Money
    kind: PaymentKind = "payment"
    paid: Money | None = None
    listed: Money | None = None  # what the invoice's file said was open
    # Of a discount; earlier releases recorded nothing of it.
    grant: Annotated[Grant, msgspec.Meta(extra={"mainstay": "unnamed", LATER: True})] = ""


class Payment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A booking in the books: Mainstay's own record that a line paid an invoice."""

    id: str
    invoice: str
    line_id: str
    amount: Money
    kind: PaymentKind
    booked_on: Date
    plan: str = ""
    entry: Entry | None = None
    listed: Money | None = None  # what the invoice's file said was open when this was booked


Paid: TypeAlias = dict[tuple[str, str], list[Payment]]  # bookings by invoice and currency


def by_invoice(booked: Iterable[Payment]) -> Paid:
    """Gather bookings by invoice and currency."""
    paid: Paid = {}
    for payment in booked:
        paid.setdefault((payment.invoice, payment.amount.currency), []).append(payment)
    return paid


def left_of(invoice: Invoice, paid: Paid) -> Money:
    """Give what is open of an invoice after what is booked to it; negative where more was booked.

    A file that was exported anew may know of payments that are booked here: what it says is open has gone down since
    they were booked. As far as it has, they are not taken off again.
    """
    by_listed: dict[int | None, int] = {}
    for payment in paid.get((invoice.number, invoice.open.currency), ()):
        listed = payment.listed.minor if payment.listed else None
        by_listed[listed] = by_listed.get(listed, 0) + payment.amount.minor
    left = invoice.open.minor
    for listed, booked in by_listed.items():
        known = 0 if listed is None else max(0, listed - invoice.open.minor)
        left -= max(0, booked - known)
    return Money(left, invoice.open.currency)


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file as a playbook holds it: its content is pinned as a blob when it enters a plan."""

    name: PersonalText
    blob: BlobRef


class Payer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name or an account that a customer pays from, learned from an answer of the operator; `source` says which."""

    id: str
    customer: CustomerName
    name: PersonName  # as the bank wrote it, "" when only the account is new
    iban: PersonIban
    source: BothText  # one sentence: which payment was matched to which invoice, by whom and when
    learned_on: Date
    customer_id: CustomerId = ""
    plan: str = ""


class Layout(msgspec.Struct, frozen=True, omit_defaults=True):
    """How files are to be read, confirmed once by the operator. `id` is made of the section and what it is about.

    Of a table that is its header row; of "invoices.seller" it is a seller whose invoices are the operator's own.
    """

    id: str
    section: Literal["bank.columns", "invoices.columns", "invoices.seller"]  # of mainstay.toml, which can say the same
    columns: dict[str, str]  # what that section takes: field -> header, and delimiter, decimal, date_format ...
    plan: str = ""
    seller: PersonName = ""  # earlier releases had both in `columns`
    seller_id: PersonId = ""


class Doubt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the operator is asked before files are believed: a guess, or a file that is left out."""

    id: PersonalText  # a digest of what it says
    kind: Literal["layout", "unread", "seller", "conflict", "guess"]
    file: PersonalText  # its name
    headline: PersonalText
    body: PersonalText  # what was understood, or what is wrong, in lines
    remedy: PersonalText = ""  # what to do when it is not so
    layout: Layout | None = None  # remembered after a yes


class Lead(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who may become a customer, and what they asked for."""

    id: PersonId
    name: PersonName
    email: PersonMail = ""
    brief: PersonalText = ""  # what they want, in their own words
    company: PersonalText = ""
    source: str = ""  # where it came from: a mail, a form


class Topic(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to write about, and what is to be said of it."""

    title: PersonalText
    text: PersonalText = ""


class MailReceived(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a plan sees of a mail that arrived. Ids as `mail.send` gives them, `<...@acme.example>`."""

    message_id: str
    from_address: PersonMail
    in_reply_to: str = ""
    to: tuple[PersonalText, ...] = ()
    subject: PersonalText = ""
    text: PersonalText = ""
    received_at: Time = ""
    files: tuple[File, ...] = ()
    automatic: bool = False  # a program answered, such as somebody's absence note: it starts no plan


class FileReceived(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a plan sees of a file that appeared in a watched folder; its paths are relative to the workspace."""

    path: PersonalText
    folder: str
    name: PersonalText
    file: File


class PlanEnded(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a plan sees of another one that ended. `ending` is the business ending its playbook named, "" for none."""

    plan: str
    playbook: str
    status: str
    ending: str = ""


# The kinds of events from outside that a playbook may wait for, and what `event` is in each.
EVENTS: dict[str, type[msgspec.Struct]] = {
    "mail.received": MailReceived,
    "file.received": FileReceived,
    "plan.ended": PlanEnded,
}


class ScheduleDue(msgspec.Struct, frozen=True):
    """That the time of a playbook's schedule came."""

    playbook: str
    schedule: str  # as `on: {cron: ...}` says it
    at: Time  # when it was due


# What comes from outside that is recorded, and that no playbook may wait for: a mail server's word answers nobody, and
# a schedule starts the playbook that names it.
UNHEARD: dict[str, type[msgspec.Struct]] = {"mail.bounced": MailReceived, "schedule.due": ScheduleDue}

# Who can write what such an event holds: a mail is a stranger's altogether, its sender's name and address too. What
# somebody wrote to the operator is between the two: it goes back to them, and asks on its way to anybody else.
EVENT_GIVES: dict[str, Gives] = {
    "mail.received": Gives(
        trusted=("message_id", "received_at", "automatic", "timed_out"),
        private=("from_address", "to", "subject", "text", "files"),
        author="from_address",
        at="received_at",
        what="the mail",
    ),
    "file.received": Gives(trusted=("folder", "timed_out"), private=("file",), author="name", what="the file"),
    "plan.ended": Gives(trusted=ALL),
}
