"""The books as a projection of their own outcomes (`books.sql`): an `EffectDone` of a books operation is the booking.

Rows hold what is personal as it is recorded, sealed: a rebuild gives the same rows after somebody was forgotten, and
their names can't be read from them any more.

`books.record_payment` gives {"payments": [a records.Payment as plain data, ...]}, `books.remove_payment` gives
{"removed": [id, ...]}. The operation looks for doubles before it books; should one come all the same, the
first booking stands, so that a line is never counted twice for the same invoice. An `EffectDone` of `mail.send` whose
output says `reminds_of` is a reminder of that invoice. `invoices.issue` and `invoices.credit` give the number of a
document: an `EffectDone` of theirs is what takes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from mainstay import events as e
from mainstay.encoding import decode_value, encode_value
from mainstay.ledger import queries
from mainstay.ports import Document, Projection
from mainstay.records import Entry, Payment
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.events import Recorded
    from mainstay.ports import Transaction
    from mainstay.values import Value

RECORD = "books.record_payment"
REMOVE = "books.remove_payment"
SEND = "mail.send"
ISSUE = "invoices.issue"
CREDIT = "invoices.credit"

# A booking.
ADD_PAYMENT = "INSERT INTO book_payment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?) ON CONFLICT DO NOTHING"
# A reminder.
ADD_REMINDER = "INSERT INTO book_reminder VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
# A document of the operator's own.
ADD_DOCUMENT = "INSERT INTO book_document VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
# A booking that was taken back.
REMOVE_PAYMENT = "UPDATE book_payment SET removed = 1 WHERE id = ?"


class Rows(Protocol):
    """What the reader needs of a ledger."""

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Query a projection."""
        ...


class _Recorded(msgspec.Struct, frozen=True):
    payments: tuple[dict[str, Any], ...]


class _Removed(msgspec.Struct, frozen=True):
    removed: tuple[str, ...]


class _Sent(msgspec.Struct, frozen=True):
    at_us: int = 0
    reminds_of: str = ""


class _Document(msgspec.Struct, frozen=True):
    series: str
    serial: int
    number: str
    issued_on: str
    invoice: str = ""


def books(stored: Callable[[Value], Value]) -> Projection:
    """Make the projection. `stored` gives the value behind a reference as it is recorded: long lists are blobs."""

    def apply(transaction: Transaction, events: Sequence[Recorded]) -> None:
        for event in events:
            if isinstance(event.fact, e.EffectDone):
                _book(transaction, event, event.fact, stored)

    return Projection(
        name="books",
        version=6,
        schema=Path(__file__).with_name("books.sql").read_text(),
        tables=("book_payment", "book_reminder", "book_document"),
        kinds=frozenset({"EffectDone"}),
        apply=apply,
    )


class BookReader:
    """`ports.Books` over a ledger's rows."""

    def __init__(self, ledger: Rows, opened: Callable[[Value], Value] = lambda value: value) -> None:
        """Read from a ledger or its reader; `opened` opens what is sealed in a row."""
        self._ledger = ledger
        self._opened = opened

    def of_lines(self, line_ids: Sequence[str]) -> list[Payment]:
        """Give what is booked of these bank lines."""
        return self._payments(queries.PAYMENTS_OF_LINES, _json(line_ids))

    def of_invoices(self, numbers: Sequence[str]) -> list[Payment]:
        """Give what is booked to these invoices."""
        return self._payments(queries.PAYMENTS_OF_INVOICES, _json(numbers))

    def amounts_of(self, numbers: Sequence[str]) -> list[Payment]:
        """Give what is booked to these invoices, without whose payment it was: nothing that is sealed is opened."""
        rows = self._ledger.rows(queries.PAYMENTS_OF_INVOICES, (_json(numbers),))
        return [self._payment((*row[:-2], b"", row[-1])) for row in rows]

    def of_days(self, days: Sequence[str]) -> list[Payment]:
        """Give what is booked of entries of these days, YYYY-MM-DD."""
        return self._payments(queries.PAYMENTS_OF_DAYS, _json(days))

    def of_plan(self, plan: str) -> list[Payment]:
        """Give what a plan and its child plans booked, in order."""
        return self._payments(queries.PAYMENTS_OF_PLAN, plan)

    def count_of_plan(self, plan: str) -> int:
        """Count what a plan and its child plans booked."""
        return self._ledger.rows(queries.COUNT_OF_PLAN, (plan,))[0][0]

    def by_ids(self, ids: Sequence[str]) -> list[Payment]:
        """Give bookings by their ids; those taken back are not there."""
        rows = self._ledger.rows(queries.PAYMENTS_BY_ID, (_json(ids),))
        return [self._payment(row[:-1]) for row in rows if not row[-1]]

    def last_reminders(self, numbers: Sequence[str]) -> dict[str, int]:
        """Give when the last reminder of each of these invoices was sent, in microseconds UTC."""
        return dict(self._ledger.rows(queries.LAST_REMINDERS, (_json(numbers),)))

    def last_serial(self, series: str) -> int | None:
        """Give the last number of a series of documents, None when it has none."""
        return self._ledger.rows(queries.LAST_SERIAL, (series,))[0][0]

    def has_series(self, prefix: str) -> bool:
        """Whether there is any document of a prefix, in whatever year."""
        return bool(self._ledger.rows(queries.SERIES_OF_PREFIX, (f"{prefix}[0-9][0-9][0-9][0-9]",)))

    def credit_of(self, invoice: str) -> Document | None:
        """Give the credit note that takes an invoice back, None when there is none."""
        rows = self._ledger.rows(queries.CREDIT_OF, (invoice,))
        return Document(*rows[0]) if rows else None

    def _payments(self, query: str, *parameters: str) -> list[Payment]:
        return [self._payment(row) for row in self._ledger.rows(query, parameters)]

    def _payment(self, row: tuple[Any, ...]) -> Payment:
        ident, invoice, line_id, minor, currency, kind, booked_on, plan, _, stored, listed = row
        entry = msgspec.convert(self._opened(decode_value(stored)), Entry) if stored else None
        open_then = None if listed is None else Money(listed, currency)
        return Payment(ident, invoice, line_id, Money(minor, currency), kind, booked_on, plan, entry, open_then)


def _json(texts: Sequence[str]) -> str:
    return msgspec.json.encode(list(texts)).decode()


def _book(transaction: Transaction, event: Recorded, fact: e.EffectDone, stored: Callable[[Value], Value]) -> None:
    if fact.operation == RECORD:
        payments = msgspec.convert(stored(fact.output), _Recorded).payments
        transaction.execute_many(ADD_PAYMENT, [_row(payment, event, fact.path) for payment in payments])
    elif fact.operation == REMOVE:
        removed = msgspec.convert(stored(fact.output), _Removed).removed
        transaction.execute_many(REMOVE_PAYMENT, [(payment,) for payment in removed])
    elif fact.operation in (ISSUE, CREDIT) and fact.output is not None:
        document = msgspec.convert(stored(fact.output), _Document)
        numbered = (document.series, document.serial, document.number, document.invoice, document.issued_on)
        transaction.execute_many(ADD_DOCUMENT, [(*numbered, event.plan, fact.path)])
    elif fact.operation == SEND and fact.output is not None:  # None: the operator said that it was sent
        sent = msgspec.convert(stored(fact.output), _Sent)
        if sent.reminds_of:
            transaction.execute_many(ADD_REMINDER, [(sent.reminds_of, sent.at_us, event.plan, fact.path)])


def _row(recorded: dict[str, Any], event: Recorded, path: str) -> tuple[object, ...]:
    payment = msgspec.convert(recorded | {"entry": None}, Payment)
    amount = payment.amount
    booked = (amount.minor, amount.currency, payment.kind, payment.booked_on)
    entry = encode_value(recorded["entry"]) if recorded.get("entry") else b""
    listed = payment.listed.minor if payment.listed else None
    return (payment.id, payment.invoice, payment.line_id, *booked, event.plan, path, entry, listed)
