"""The books: Mainstay's own record of which bank line paid which invoice. It is no accounting system, and says so.

An outcome recorded in the history *is* the booking (`in_ledger`): there is no moment in which one exists without the
other. A line is booked to an invoice once: doing it again finds it there and books nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.csv_out import csv_text
from mainstay.contracts import Card, Compensation, Operation
from mainstay.errors import Permanent
from mainstay.origins import ALL, Gives
from mainstay.records import Allocation, BankLine, Date, Entry, Invoice, Match, Payment, by_invoice, left_of
from mainstay.values import SECOND_US, Forgotten, Money, PersonalText, digest_of, say_total

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.contracts import Call
    from mainstay.ports import Books
    from mainstay.values import Value

OWN_RECORD = "Mainstay's own record, not an accounting system: give this file to your accountant."
REMIND_AGAIN_DAYS = 7  # what was reminded of since is left alone
# Of what any operation gives: who owes or paid what is between them and the operator.
_OF_CUSTOMERS = tuple(
    "payments already invoices remind owed lines elsewhere matches dropped refused csv earlier".split()
)
_ID_CHARS = 16
_SHORT_ID = 8  # of an id on a card
_MOST_NAMED = 3  # invoices, in a headline
_TELLING_LETTERS = 3  # of a word in a name
_TELLING_DIGITS = 6  # of an account's number


class RecordPayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Book a match: each of its allocations becomes one payment."""

    match: Match


class Booked(msgspec.Struct, frozen=True):
    """What was booked now, and what had been booked before and was left alone."""

    payments: tuple[Payment, ...]
    already: tuple[Payment, ...] = ()


class RemovePayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take bookings back."""

    ids: tuple[str, ...]


class Removed(msgspec.Struct, frozen=True):
    """Which bookings were taken back now; one that was gone already is left out."""

    removed: tuple[str, ...]


class Overdue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask which of these invoices are late on a day."""

    invoices: tuple[Invoice, ...]
    on: Date


class LateInvoices(msgspec.Struct, frozen=True):
    """Invoices past their due date with what is still open after what is booked, the latest first.

    `remind` are those of them that have a mail address and were not reminded of in the last REMIND_AGAIN_DAYS days.
    """

    invoices: tuple[Invoice, ...]
    owed: str  # per currency, such as "4,210.00 EUR"
    count: int
    remind: tuple[Invoice, ...]
    reminded: int  # left out of `remind`, as they were reminded of lately
    no_address: int  # left out of `remind`, as there is nowhere to send it


class Unsettled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask what of these lines and invoices is not booked yet."""

    lines: tuple[BankLine, ...]
    invoices: tuple[Invoice, ...]


class Outstanding(msgspec.Struct, frozen=True):
    """The lines that are not booked, and all the invoices with what is open after what is booked."""

    lines: tuple[BankLine, ...]
    invoices: tuple[Invoice, ...]
    booked: int  # lines left out, as they are booked already
    elsewhere: tuple[BankLine, ...] = ()  # those of them that look booked from a file of another format


class Recheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask which of these matches can still be booked, after a question waited for its answer.

    `asked` are those the operator was asked about. `lines` and `invoices` are those the matches were made of.
    """

    matches: tuple[Match, ...]
    asked: tuple[Match, ...]
    lines: tuple[BankLine, ...]
    invoices: tuple[Invoice, ...]


class Rechecked(msgspec.Struct, frozen=True):
    """What can be booked, and what can't any more: there `why` says what was booked meanwhile."""

    matches: tuple[Match, ...]
    dropped: tuple[Match, ...]
    refused: tuple[Match, ...]  # those the operator said no to


class Export(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for the bookings of this plan. `booked` is what its booking step gave, None where it gave nothing."""

    booked: tuple[Booked | None, ...] = ()


class Exported(msgspec.Struct, frozen=True):
    """The bookings as CSV for the accountant; `note` says what it is.

    `earlier` are those that this plan found booked already, each with the plan that booked it: they are not in the CSV.
    """

    csv: PersonalText
    count: int
    note: str
    earlier: tuple[Payment, ...] = ()


def operations(books: Books) -> tuple[Operation, ...]:
    """Make the operations on these books. What they give is our own, but for what they only give back."""
    gives = Gives(trusted=ALL, private=_OF_CUSTOMERS, what="your books")
    return tuple(msgspec.structs.replace(each, gives=gives) for each in _operations(books))


def _operations(books: Books) -> tuple[Operation, ...]:
    desk = _Desk(books)
    return (
        Operation(
            name="books.record_payment",
            summary="Book a payment",
            input=RecordPayment,
            output=Booked,
            effect="reversible",
            settle="lookup",
            call=desk.record,
            compensation="books.remove_payment",
            compensate=_take_back,
            card=desk.booking_card,
            roles={"match": "amount"},
            in_ledger=True,
            relies=desk.booked_elsewhere,
        ),
        Operation(
            name="books.remove_payment",
            summary="Take a booking back",
            input=RemovePayment,
            output=Removed,
            effect="reversible",
            settle="lookup",
            call=desk.remove,
            relies=desk.standing,
            cannot_undo="A booking that was taken back is booked anew by running the reconciliation again.",
            roles={"ids": "deletion_target"},
            in_ledger=True,
        ),
        Operation(
            name="books.overdue",
            summary="List late invoices",
            input=Overdue,
            output=LateInvoices,
            effect="read",
            call=desk.overdue,
        ),
        Operation(
            name="books.outstanding",
            summary="Leave out what is booked already",
            input=Unsettled,
            output=Outstanding,
            effect="read",
            call=desk.outstanding,
        ),
        Operation(
            name="books.recheck",
            summary="Look again at what was booked meanwhile",
            input=Recheck,
            output=Rechecked,
            effect="read",
            call=desk.recheck,
        ),
        Operation(
            name="books.export",
            summary="Export the bookings for the accountant",
            input=Export,
            output=Exported,
            effect="read",
            call=desk.export,
        ),
    )


class _Desk:
    """The operations, on the books they read."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def booking_card(self, arguments: RecordPayment) -> Card:
        """Say what would be booked, and what of it is booked already."""
        match = arguments.match
        by = {(p.line_id, p.invoice, p.kind): p.plan for p in self._books.of_lines(match.line_ids)}
        lines: list[str] = []
        for a in match.allocations:
            plan = by.get((a.line_id, a.invoice, a.kind))
            before = f"; it was booked already by plan {plan}" if plan else ""
            lines.append(f"{a.kind}: {a.amount} to invoice {a.invoice}{before}")
        headline = f"Book {match.amount} from {match.counterparty or 'unknown'}{_to(match.invoice_numbers)}"
        return Card(headline, "\n".join([*lines, match.why]))

    async def record(self, call: Call, arguments: RecordPayment) -> Booked:
        """Book what is not booked yet; parts of one line for one invoice and of one kind are one payment."""
        match = arguments.match
        self._refuse_twice(match)
        known = {(p.line_id, p.invoice, p.kind): p for p in self._books.of_lines(match.line_ids)}
        payments: list[Payment] = []
        already: list[Payment] = []
        for allocation in _added_up(match.allocations):
            before = known.get((allocation.line_id, allocation.invoice, allocation.kind))
            if before is None:
                payments.append(_payment(call, match, allocation))
            else:
                already.append(before)
        return Booked(tuple(payments), tuple(already))

    async def booked_elsewhere(self, call: Call, arguments: RecordPayment) -> Value:
        """Say what other plans booked of these lines and to these invoices: a match was made of what was open."""
        match, entries = arguments.match, {entry.line_id: entry for entry in arguments.match.entries}
        said: dict[str, Value] = {}
        for line in match.line_ids:
            booked = _of_others(self._books.of_lines([line]), call.plan)
            told = ", ".join(f"{one.amount} to {one.invoice} (plan {one.plan})" for one in booked)
            said[_say_line(line, entries.get(line))] = f"booked: {told}" if told else "not booked"
        for number in match.invoice_numbers:
            booked = _of_others(self._books.of_invoices([number]), call.plan)
            told = say_total(one.amount for one in booked)
            said[f"invoice {number}"] = f"{told} booked" if booked else "nothing booked"
        return said

    def _refuse_twice(self, match: Match) -> None:
        """Refuse to book more of a line than it holds: no answer makes that right, and two plans may book at once."""
        booked = [payment for payment in self._books.of_lines(match.line_ids) if payment.kind == "payment"]
        parts = [(one.line_id, one.paid or one.amount) for one in match.allocations if _is_paid(one)]
        parts += [(one.line_id, one.amount) for one in booked if one.invoice not in match.invoice_numbers]
        for entry in match.entries:
            look = (entry.line_id, entry.amount.currency)
            total = sum(part.minor for line, part in parts if (line, part.currency) == look)
            if total > entry.amount.minor:
                others = [f"{one.amount} to {one.invoice} (plan {one.plan})" for one in booked]
                why = f"is booked already: {', '.join(others)}" if others else "holds less than is to be booked of it"
                raise Permanent(
                    f"The payment of {entry.amount} of {entry.booked_on} {why}.",
                    remedy="Leave this one out, or undo the other booking first.",
                )

    async def remove(self, call: Call, arguments: RemovePayment) -> Removed:
        del call
        return Removed(tuple(payment.id for payment in self._books.by_ids(arguments.ids)))

    async def standing(self, call: Call, arguments: RemovePayment) -> Value:
        """Give what of these bookings stands now."""
        del call
        return _standing(self._books.by_ids(arguments.ids))

    async def overdue(self, call: Call, arguments: Overdue) -> LateInvoices:
        del call
        on = date.fromisoformat(arguments.on)
        paid = by_invoice(self._books.of_invoices([invoice.number for invoice in arguments.invoices]))
        late = [
            msgspec.structs.replace(
                invoice, open=left, listed=invoice.open, days_late=(on - date.fromisoformat(invoice.due_on)).days
            )
            for invoice in arguments.invoices
            if date.fromisoformat(invoice.due_on) < on and (left := left_of(invoice, paid)).minor > 0
        ]
        late.sort(key=lambda invoice: (-invoice.days_late, invoice.number))
        reminders = self._books.last_reminders([invoice.number for invoice in late])
        recent = {number for number, at_us in reminders.items() if (on - _day(at_us)).days < REMIND_AGAIN_DAYS}
        remind = tuple(invoice for invoice in late if invoice.email.strip() and invoice.number not in recent)
        return LateInvoices(
            invoices=tuple(late),
            owed=say_total(invoice.open for invoice in late),
            count=len(late),
            remind=remind,
            reminded=len(recent),
            no_address=len(late) - len(recent) - len(remind),
        )

    async def outstanding(self, call: Call, arguments: Unsettled) -> Outstanding:
        del call
        booked = {payment.line_id for payment in self._books.of_lines([line.id for line in arguments.lines])}
        unbooked = [line for line in arguments.lines if line.id not in booked]
        days = sorted({line.booked_on for line in unbooked})
        elsewhere = _elsewhere(arguments.lines, unbooked, self._books.of_days(days))
        known = {line.id for line in elsewhere}
        lines = tuple(line for line in unbooked if line.id not in known)
        paid = by_invoice(self._books.of_invoices([invoice.number for invoice in arguments.invoices]))
        invoices = tuple(
            msgspec.structs.replace(
                invoice, open=max(left_of(invoice, paid), Money(0, invoice.open.currency)), listed=invoice.open
            )
            for invoice in arguments.invoices
        )
        return Outstanding(lines, invoices, len(arguments.lines) - len(lines), tuple(elsewhere))

    async def recheck(self, call: Call, arguments: Recheck) -> Rechecked:
        now = await self.outstanding(call, Unsettled(arguments.lines, arguments.invoices))
        lines = {line.id for line in now.lines}
        left = {invoice.number: invoice.open.minor for invoice in now.invoices}
        before = dict(left)
        kept: list[Match] = []
        dropped: list[Match] = []
        for match in arguments.matches:
            wanted = Counter[str]()
            for one in match.allocations:
                wanted[one.invoice] += one.amount.minor
            short = [number for number, minor in wanted.items() if left.get(number, 0) < minor]
            if not lines.issuperset(match.line_ids):
                dropped.append(msgspec.structs.replace(match, why="It was booked by another run meanwhile."))
            elif short:
                named, here = ", ".join(short), all(wanted[one] <= before.get(one, 0) for one in short)
                who = (
                    f"Another payment here pays {named}"
                    if here
                    else f"Another run booked payments of {named} meanwhile"
                )
                why = f"{who}; this much is not open any more."
                dropped.append(msgspec.structs.replace(match, why=why))
            else:
                kept.append(match)
                for number, minor in wanted.items():
                    left[number] -= minor
        approved = {match.id for match in arguments.matches}
        refused = tuple(match for match in arguments.asked if match.id not in approved)
        return Rechecked(tuple(kept), tuple(dropped), refused)

    async def export(self, call: Call, arguments: Export) -> Exported:
        payments = self._books.of_plan(call.plan)
        own = {payment.id for payment in payments}
        found = {p.id: p for done in arguments.booked if done is not None for p in done.already if p.id not in own}
        rows = [
            (
                p.booked_on,
                p.invoice,
                p.kind,
                str(p.amount.decimal),
                p.amount.currency,
                *_of_entry(p.entry),
                p.line_id,
                p.id,
            )
            for p in payments
        ]
        head = ("date", "invoice", "kind", "amount", "currency", "payer", "your account", "bank line", "booking")
        return Exported(csv_text([head, *rows]), len(rows), OWN_RECORD, tuple(found.values()))


def _to(numbers: Sequence[str]) -> str:
    """Name the invoices that a payment pays: what tells two payments of one customer apart."""
    named, more = ", ".join(numbers[:_MOST_NAMED]), len(numbers) - _MOST_NAMED
    return f" to {named}" * bool(numbers) + f" and {more} more" * (more > 0)


def reminding(books: Books, invoice: str, owed: Money | None, listed: Money | None, now_us: int) -> dict[str, Value]:
    """Say how an invoice stands as far as a reminder relies on it.

    `owed` is what the reminder asks for, `listed` what the invoice's file says is open. More may be open than it says.
    """
    said = as_reminded(invoice, owed, listed)
    reminded_us = books.last_reminders([invoice]).get(invoice)
    if reminded_us is not None and (_day(now_us) - _day(reminded_us)).days < REMIND_AGAIN_DAYS:
        said[_last_reminder(invoice)] = f"one of {_day(reminded_us)}"
    if owed is not None and listed is not None:
        left = left_of(Invoice(invoice, "", listed, listed, "", ""), by_invoice(books.of_invoices([invoice])))
        if left < owed:
            said[_open_of(invoice)] = str(left) if left.minor > 0 else "nothing, it is paid"
    return said


def as_reminded(invoice: str, owed: Money | None, listed: Money | None) -> dict[str, Value]:
    """Say how an invoice has to stand for a reminder of it to be right."""
    said: dict[str, Value] = {_last_reminder(invoice): f"none in the last {REMIND_AGAIN_DAYS} days"}
    if owed is not None and listed is not None:
        said[_open_of(invoice)] = str(owed)
    return said


def _last_reminder(invoice: str) -> str:
    return f"last reminder of {invoice}"


def _open_of(invoice: str) -> str:
    return f"open of {invoice}"


def _elsewhere(lines: Sequence[BankLine], unbooked: Sequence[BankLine], payments: Iterable[Payment]) -> list[BankLine]:
    """Find the lines that are booked under another id, because they were read from a file of another format.

    Line and entry agree in day, amount, account and payer. Where more lines look like that than are booked, nothing
    tells which of them is new, so all stay.
    """
    ids = {line.id for line in lines}
    entries = {p.line_id: p.entry for p in payments if p.entry is not None and p.line_id not in ids}
    rivals = Counter((line.booked_on, line.amount) for line in lines)
    booked: dict[tuple[str, Money], list[Entry]] = {}
    for entry in entries.values():
        booked.setdefault((entry.booked_on, entry.amount), []).append(entry)
    found: list[BankLine] = []
    for line in unbooked:
        look = (line.booked_on, line.amount)
        alike = [entry for entry in booked.get(look, ()) if _is_same(entry, line)]
        if alike and rivals[look] <= len(alike):
            found.append(line)
    return found


def _is_same(entry: Entry, line: BankLine) -> bool:
    """Tell whether account and payer agree; where a file does not name the account, the payer has to be named.

    Who was forgotten agrees with everybody: rather a payment is left out, and said, than booked twice.
    """
    ours, theirs = _words(entry.counterparty), _words(line.counterparty)
    if entry.account and line.account:
        return _is_same_account(entry.account, line.account) and _agree(ours, theirs)
    return isinstance(entry.counterparty, Forgotten) or (bool(ours and theirs) and _agree(ours, theirs))


def _is_same_account(one: str, other: str) -> bool:
    """Tell whether two files mean one account: some give the IBAN, some the number at its end."""
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) >= _TELLING_DIGITS and long.endswith(short))


def _agree(some: Sequence[str], others: Sequence[str]) -> bool:
    """Tell whether two names can be one; banks cut them and leave words out."""
    fewer, more = sorted((some, others), key=len)
    return all(any(one.startswith(word) or word.startswith(one) for one in more) for word in fewer)


def _words(name: str) -> list[str]:
    return [word for word in re.findall(r"\w+", name.casefold()) if len(word) >= _TELLING_LETTERS]


def _of_entry(entry: Entry | None) -> tuple[str, str]:
    return (entry.counterparty, entry.account) if entry else ("", "")


def _is_paid(allocation: Allocation) -> bool:
    return allocation.kind == "payment"


def _added_up(allocations: Iterable[Allocation]) -> list[Allocation]:
    """Make one allocation of those that a booking could not tell apart."""
    totals: dict[tuple[str, str, str], Allocation] = {}
    for one in allocations:
        key = (one.line_id, one.invoice, one.kind)
        before = totals.get(key)
        totals[key] = one if before is None else msgspec.structs.replace(one, amount=before.amount + one.amount)
    return list(totals.values())


def _payment(call: Call, match: Match, allocation: Allocation) -> Payment:
    """Make a booking; its id follows from what it books and the plan, so that a second attempt makes the same."""
    parts = (call.plan, allocation.line_id, allocation.invoice, allocation.kind)
    entry = next((one for one in match.entries if one.line_id == allocation.line_id), None)
    name = digest_of(b"payment", *(part.encode() for part in parts))[:_ID_CHARS]
    return Payment(
        id=name,
        invoice=allocation.invoice,
        line_id=allocation.line_id,
        amount=allocation.amount,
        kind=allocation.kind,
        booked_on=entry.booked_on if entry else match.booked_on,
        plan=call.plan,
        entry=entry,
        listed=allocation.listed,
    )


def _day(at_us: int) -> date:
    return datetime.fromtimestamp(at_us // SECOND_US, UTC).date()


def _take_back(arguments: RecordPayment, output: Booked) -> Compensation | None:
    del arguments
    ids = [payment.id for payment in output.payments]
    return Compensation("books.remove_payment", {"ids": list(ids)}, _standing(output.payments)) if ids else None


def _standing(payments: Iterable[Payment]) -> Value:
    """Say which bookings stand, with invoice and amount; None when there is none, so that nothing is to be done."""
    return {f"booking {one.id[:_SHORT_ID]}": f"{one.amount} to {one.invoice}" for one in payments} or None


def _of_others(payments: Iterable[Payment], plan: str) -> list[Payment]:
    """Leave out what a plan booked itself, with its parent and its child plans."""
    own = plan.partition("-")[0]
    return [payment for payment in payments if payment.plan.partition("-")[0] != own]


def _say_line(line: str, entry: Entry | None) -> str:
    return f"payment of {entry.amount} of {entry.booked_on} (line {line})" if entry else f"bank line {line}"


__all__ = ["operations"]
