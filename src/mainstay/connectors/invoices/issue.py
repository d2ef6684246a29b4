"""Invoices of the operator's own, as documents: numbered without gaps, taken back only by a credit note (C13).

The outcome recorded in the history *is* the number (`in_ledger`): the next one is worked out from the history, one
issue at a time, and is taken in the same commit as its document. So a crash neither skips a number nor gives one twice.
The document is put into `outbox/invoices` before that. If the process dies in between, its number is free: whoever
gets it next, mostly the same plan, puts the right document in its place.

No document is ever deleted. What an invoice is worth ends with a credit note, which has a number of its own.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import msgspec

from mainstay.connectors.folder import Parts, read_file, run_to_end, write_file
from mainstay.connectors.invoices.sheet import Sheet, html_of
from mainstay.contracts import Card, Compensation, Found, Operation, to_plain
from mainstay.errors import InputError, NeedsOperator, NotSent, Permanent
from mainstay.origins import ALL, Gives
from mainstay.records import Date, File
from mainstay.shown import shown
from mainstay.values import SECOND_US, Money, PersonalText, PersonId, PersonMail, PersonName, digest_of, say_total

if TYPE_CHECKING:
    from mainstay.contracts import Call
    from mainstay.ports import Books
    from mainstay.values import Value

FOLDER = "outbox/invoices"
MAX_LINES = 200
ONLY_CREDIT = "It can be taken back only by a credit note, which is written by itself when this is undone."
_PREFIX = re.compile(r"[A-Za-z0-9-]{0,12}", re.ASCII)
_MAX_PERCENT = 100
_UNPAID = "nothing paid"


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who issues the invoices, and how they are numbered: prefix, year, and a number from `first` on."""

    workspace: str  # absolute path
    notes: str  # absolute path of a folder of our own, inside .mainstay
    timezone: str = "UTC"
    name: str = ""
    address: str = ""
    vat_id: str = ""
    iban: str = ""
    email: str = ""
    prefix: str = ""  # of invoices: "" gives 2026-0001
    credit_prefix: str = "CN-"
    first: int = 1  # in the first year


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is charged, without value added tax. A negative amount is taken off."""

    text: PersonalText
    amount: Money


class IssueInvoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to charge, what for, until when."""

    customer: PersonName
    lines: tuple[Line, ...]
    customer_id: PersonId = ""
    email: PersonMail = ""
    address: PersonalText = ""
    due: Date = ""
    vat: str = "0"  # percent, such as "19"
    note: PersonalText = ""
    title: str = "Invoice"  # "Deposit invoice"


class Issued(msgspec.Struct, frozen=True):
    """An invoice as it was issued."""

    number: str
    series: str
    serial: int
    issued_on: Date
    total: Money  # with value added tax
    path: str
    file: File
    digest: PersonalText  # of the document


class CreditInvoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which invoice to take back as a whole, with what stands on it."""

    invoice: str
    issued_on: Date
    what: IssueInvoice
    reason: PersonalText = ""


class Credited(msgspec.Struct, frozen=True):
    """A credit note. `already`: the invoice had been taken back by this one before, and nothing was written now."""

    number: str
    series: str
    serial: int
    issued_on: Date
    total: Money
    path: str
    invoice: str
    already: bool = False


class _Numbered(msgspec.Struct, frozen=True):
    """The number that is next, and the day it is given on."""

    series: str
    serial: int
    day: str

    @property
    def number(self) -> str:
        return f"{self.series}-{self.serial:04}"

    @property
    def parts(self) -> Parts:
        return (*FOLDER.split("/"), f"{self.number}.html")


def operations(books: Books, issuer: Issuer) -> tuple[Operation, ...]:
    """Build invoices.issue and its undo, invoices.credit. Raises InputError for a prefix that can't be in a name."""
    prefixes = (issuer.prefix, issuer.credit_prefix)
    if any(_PREFIX.fullmatch(one) is None for one in prefixes) or prefixes[0] == prefixes[1]:
        raise InputError(
            "[invoices]: prefix and credit_prefix have to be two different words of letters, digits and '-'.",
            remedy='Correct them in mainstay.toml, such as prefix = "R-" and credit_prefix = "CN-".',
        )
    desk = _Desk(books, issuer)
    return (
        Operation(
            name="invoices.issue",
            summary="Issue an invoice",
            input=IssueInvoice,
            output=Issued,
            effect="reversible",
            settle="lookup",
            call=desk.issue,
            compensation="invoices.credit",
            compensate=_credit,
            card=_issue_card,
            refuse=_sums,
            roles={"customer": "receiver"},
            gives=Gives(trusted=ALL),
            in_ledger=True,
            binds="legal",
            confirm=desk.confirm,
        ),
        Operation(
            name="invoices.credit",
            summary="Write a credit note",
            input=CreditInvoice,
            output=Credited,
            effect="reversible",
            gives=Gives(trusted=ALL),
            settle="lookup",
            call=desk.credit,
            cannot_undo="A credit note stays. If the invoice was right, issue it anew.",
            card=_credit_card,
            in_ledger=True,
            relies=desk.payments,
        ),
    )


class _Desk:
    """The operations, on the books they read."""

    def __init__(self, books: Books, issuer: Issuer) -> None:
        self._books = books
        self._issuer = issuer
        self._zone = ZoneInfo(issuer.timezone)

    async def issue(self, call: Call, arguments: IssueInvoice) -> Issued:
        """Write the document under the next number; the number is taken when this outcome is recorded."""
        net, vat = _sums(arguments)
        next_one = self._next(call, self._issuer.prefix)
        content = self._document(arguments, next_one, net, vat)
        await self._put(next_one, content)
        path = "/".join(next_one.parts)
        blob = call.store(content, next_one.parts[-1], "text/html")
        return Issued(
            number=next_one.number,
            series=next_one.series,
            serial=next_one.serial,
            issued_on=next_one.day,
            total=net + vat,
            path=path,
            file=File(next_one.parts[-1], blob),
            digest=digest_of(content),
        )

    async def credit(self, call: Call, arguments: CreditInvoice) -> Credited:
        """Write a credit note over the whole invoice; one that has a credit note already is left alone."""
        net, vat = _sums(arguments.what)
        if (before := self._books.credit_of(arguments.invoice)) is not None:
            path = f"{FOLDER}/{before.number}.html"
            return Credited(
                number=before.number,
                series=before.series,
                serial=before.serial,
                issued_on=before.issued_on,
                total=net + vat,
                path=path,
                invoice=arguments.invoice,
                already=True,
            )
        next_one = self._next(call, self._issuer.credit_prefix)
        content = self._document(arguments.what, next_one, net, vat, arguments)
        await self._put(next_one, content)
        return Credited(
            number=next_one.number,
            series=next_one.series,
            serial=next_one.serial,
            issued_on=next_one.day,
            total=net + vat,
            path="/".join(next_one.parts),
            invoice=arguments.invoice,
        )

    async def payments(self, call: Call, arguments: CreditInvoice) -> Value:
        """Say what was paid of an invoice that is to be taken back; None where it was taken back before."""
        del call
        if self._books.credit_of(arguments.invoice) is not None:
            return None
        paid = [one for one in self._books.of_invoices([arguments.invoice]) if one.kind == "payment"]
        total = say_total(one.amount for one in paid)
        return _paid_of(arguments.invoice, f"{total} paid" if paid else _UNPAID)

    async def confirm(self, call: Call, arguments: IssueInvoice, output: Issued) -> Found:
        """Read the document back: it has to lie there as it was issued."""
        del call, arguments
        content = await run_to_end(partial(read_file, self._issuer.workspace, tuple(output.path.split("/"))))
        if content is not None and digest_of(content) == output.digest:
            return Found("happened", known=f"{output.path} was read back")
        what = "is not there" if content is None else "is not as it was issued"
        return Found("did_not_happen", known=f"{output.path} {what}; the history holds the document.")

    def _next(self, call: Call, prefix: str) -> _Numbered:
        """Work out the number that is next: one more than the last of its year in the history."""
        day = datetime.fromtimestamp(call.now_us // SECOND_US, self._zone).date().isoformat()
        series = f"{prefix}{day[:4]}"
        last = self._books.last_serial(series)
        begins = self._issuer.first if prefix == self._issuer.prefix and not self._books.has_series(prefix) else 1
        return _Numbered(series, begins if last is None else last + 1, day)

    def _document(
        self, what: IssueInvoice, numbered: _Numbered, net: Money, vat: Money, back: CreditInvoice | None = None
    ) -> bytes:
        own, sign = self._issuer, -1 if back else 1
        facts = [("Number", numbered.number), ("Date", numbered.day)]
        if back is not None:
            facts.append(("Takes back", f"invoice {back.invoice} of {back.issued_on}"))
            facts += [("Reason", back.reason)] if back.reason else []
        elif what.due:
            facts.append(("Payable until", what.due))
        signed = [(line.text, Money(sign * line.amount.minor, line.amount.currency)) for line in what.lines]
        sums = [("Net", sign * net.minor), (f"VAT {what.vat} %", sign * vat.minor)] if vat.minor else []
        totals = [*sums, ("Total", sign * (net + vat).minor)]
        return html_of(
            Sheet(
                title=f"{'Credit note' if back else what.title} {numbered.number}",
                issuer=tuple(one for one in (own.name, own.address, own.vat_id, own.email) if one),
                customer=tuple(one for one in (what.customer, what.address, what.email) if one),
                facts=tuple(facts),
                lines=tuple((text, str(amount)) for text, amount in signed),
                totals=tuple((name, str(Money(minor, net.currency))) for name, minor in totals),
                notes=tuple(one for one in (what.note, f"Pay to {own.iban}" if own.iban and not back else "") if one),
            )
        )

    async def _put(self, numbered: _Numbered, content: bytes) -> None:
        """Put the document in its place. Raises NeedsOperator when a file that is not ours lies there."""
        parts = numbered.parts
        there = await run_to_end(partial(read_file, self._issuer.workspace, parts))
        noted = await run_to_end(partial(self._noted, parts))
        if there is not None and digest_of(there) not in (noted, digest_of(content)):
            raise NeedsOperator(
                f"{'/'.join(parts)} is there already, and the number {numbered.number} is the next one.",
                remedy="Move that file away, or say in mainstay.toml under [invoices] which number is the first.",
            )
        mark = _mark(parts)
        await run_to_end(partial(self._note, parts, digest_of(content)))
        await run_to_end(partial(write_file, self._issuer.workspace, parts, content, mark=mark))

    def _noted(self, parts: Parts) -> str:
        notes = self._issuer.notes
        content = read_file(notes, (_mark(parts),)) if Path(notes).is_dir() else None
        return "" if content is None else content.decode()

    def _note(self, parts: Parts, digest: str) -> None:
        try:
            Path(self._issuer.notes).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise NotSent(f"The document can't be noted: {error.strerror}.") from error
        write_file(self._issuer.notes, (_mark(parts),), digest.encode(), mark=_mark(parts))


def _mark(parts: Parts) -> str:
    return digest_of(b"document", "/".join(parts).encode())[:32]


def _sums(arguments: IssueInvoice) -> tuple[Money, Money]:
    """Give net and tax. Raises Permanent for what is no invoice."""
    if not arguments.customer.strip():
        raise Permanent("An invoice needs the name of a customer.")
    if not 0 < len(arguments.lines) <= MAX_LINES:
        raise Permanent(f"An invoice needs 1 to {MAX_LINES} lines, and this one has {len(arguments.lines)}.")
    try:
        net = sum((line.amount for line in arguments.lines[1:]), arguments.lines[0].amount)
    except ValueError as error:
        raise Permanent(f"The lines of an invoice have to be of one currency: {error}.") from error
    percent = _percent(arguments.vat)
    minor = int((Decimal(net.minor) * percent / 100).to_integral_value(ROUND_HALF_UP))
    if net.minor < 0:
        raise Permanent(f"This invoice would be over {net}: what is owed to a customer needs a credit note.")
    return net, Money(minor, net.currency)


def _percent(text: str) -> Decimal:
    try:
        percent = Decimal(text)
    except InvalidOperation:
        percent = Decimal(-1)
    if not percent.is_finite() or not 0 <= percent < _MAX_PERCENT:
        raise Permanent(f"{shown(text)!r} is no rate of value added tax.", remedy='Give the percent, such as "19".')
    return percent


def _credit(arguments: IssueInvoice, output: Issued) -> Compensation:
    plain = to_plain(CreditInvoice(output.number, output.issued_on, arguments))
    assert isinstance(plain, dict)
    return Compensation("invoices.credit", plain, _paid_of(output.number, _UNPAID))


def _paid_of(number: str, said: str) -> Value:
    return {f"invoice {number}": said}


def _lines_of(arguments: IssueInvoice) -> list[str]:
    return [f"{shown(line.text)}: {line.amount}" for line in arguments.lines]


def _issue_card(arguments: IssueInvoice) -> Card:
    try:
        net, vat = _sums(arguments)
    except Permanent as error:
        return Card("Issue an invoice that can't be issued", error.message)
    tax = [f"VAT {arguments.vat} %: {vat}"] if vat.minor else []
    due = [f"Payable until {arguments.due}"] if arguments.due else []
    body = "\n".join([*_lines_of(arguments), *tax, *due, ONLY_CREDIT])
    return Card(f"{shown(arguments.title)} over {net + vat} to {shown(arguments.customer)}", body)


def _credit_card(arguments: CreditInvoice) -> Card:
    what: Literal["", "; "] = "; " if arguments.reason else ""
    body = "\n".join([*_lines_of(arguments.what), f"It is a document with a number of its own{what}{arguments.reason}"])
    return Card(f"Take invoice {arguments.invoice} back by a credit note", body)
