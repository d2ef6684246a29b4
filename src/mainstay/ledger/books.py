"""The books as a projection of their own outcomes (`books.sql`): an `EffectDone` of a books operation is the booking.

`books.record_payment` gives {"payments": [a records.Payment as plain data, ...]}, `books.remove_payment` gives
{"removed": [id, ...]}. The operation looks for doubles before it books; should one come all the same, the
first booking stands, so that a line is never counted twice for the same invoice.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay import events as e
from mainstay.ports import Projection
from mainstay.records import Payment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.events import Recorded
    from mainstay.ports import Transaction
    from mainstay.values import Value

RECORD = "books.record_payment"
REMOVE = "books.remove_payment"

# A booking.
ADD_PAYMENT = "INSERT INTO book_payment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING"
# A booking that was taken back.
REMOVE_PAYMENT = "UPDATE book_payment SET removed = 1 WHERE id = ?"


class _Recorded(msgspec.Struct, frozen=True):
    payments: tuple[Payment, ...]


class _Removed(msgspec.Struct, frozen=True):
    removed: tuple[str, ...]


def books(load: Callable[[Value], Value]) -> Projection:
    """Make the projection. `load` gives the value behind a reference, because long lists are kept as blobs."""

    def apply(transaction: Transaction, events: Sequence[Recorded]) -> None:
        for event in events:
            if isinstance(event.fact, e.EffectDone):
                _book(transaction, event, event.fact, load)

    return Projection(
        name="books",
        version=1,
        schema=Path(__file__).with_name("books.sql").read_text(),
        tables=("book_payment",),
        kinds=frozenset({"EffectDone"}),
        apply=apply,
    )


def _book(transaction: Transaction, event: Recorded, fact: e.EffectDone, load: Callable[[Value], Value]) -> None:
    if fact.operation == RECORD:
        payments = msgspec.convert(load(fact.output), _Recorded).payments
        transaction.execute_many(ADD_PAYMENT, [_row(payment, event, fact.path) for payment in payments])
    elif fact.operation == REMOVE:
        removed = msgspec.convert(load(fact.output), _Removed).removed
        transaction.execute_many(REMOVE_PAYMENT, [(payment,) for payment in removed])


def _row(payment: Payment, event: Recorded, path: str) -> tuple[object, ...]:
    amount = payment.amount
    booked = (amount.minor, amount.currency, payment.kind, payment.booked_on)
    return (payment.id, payment.invoice, payment.line_id, *booked, event.plan, path)
