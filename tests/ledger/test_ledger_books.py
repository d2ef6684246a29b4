from __future__ import annotations

from ledger_samples import append, appended

from mainstay import events as e
from mainstay.ledger import queries
from mainstay.ledger.books import RECORD, REMOVE, BookReader

STANDING = "SELECT id FROM book_payment WHERE removed = 0"


def payment(name: str, line: str = "l1", kind: str = "payment", minor: int = 1500) -> dict[str, object]:
    amount = {"minor": minor, "currency": "EUR"}
    return {"id": name, "invoice": "R-1", "line_id": line, "amount": amount, "kind": kind, "booked_on": "2026-11-21"}


def booked(*payments: dict[str, object]) -> e.EffectDone:
    return e.EffectDone("book/0", {"payments": list(payments)}, operation=RECORD)


def test_a_booking_stands_in_the_books(ledger):
    append(ledger, appended("plan:p", 0, booked(payment("b1"), payment("b2", kind="fee", minor=-20))))
    rows = ledger.rows(queries.PAYMENTS_OF_INVOICES, ('["R-1"]',))
    assert rows[0] == ("b1", "R-1", "l1", 1500, "EUR", "payment", "2026-11-21", "p", "book/0", b"", None)
    assert [row[0] for row in rows] == ["b1", "b2"]


def test_one_line_pays_one_invoice_once(ledger):
    append(ledger, appended("plan:p", 0, booked(payment("b1"))))
    append(ledger, appended("plan:q", 0, booked(payment("b2"))))
    assert [row[0] for row in ledger.rows(queries.PAYMENTS_OF_LINES, ('["l1"]',))] == ["b1"]


def test_what_was_taken_back_can_be_booked_again(ledger):
    undone = e.EffectDone("~book/0", {"removed": ["b1"]}, operation=REMOVE)
    append(ledger, appended("plan:p", 0, booked(payment("b1")), undone, booked(payment("b2"))))
    assert [row[0] for row in ledger.rows(STANDING)] == ["b2"]
    assert ledger.rows(queries.PAYMENTS_BY_ID, ('["b1"]',))[0][-1] == 1


def test_outcomes_of_other_operations_are_no_bookings(ledger):
    append(ledger, appended("plan:p", 0, e.EffectDone("a", {"payments": [payment("b1")]}, operation="mail.send")))
    assert ledger.rows(STANDING) == []


def test_a_mail_that_reminds_of_an_invoice_is_known_by_its_last_day(ledger):
    sent = [{"at_us": at, "reminds_of": number} for at, number in ((5, "R-1"), (9, "R-1"), (7, ""))]
    mails = [e.EffectDone(f"remind/{n}", output, operation="mail.send") for n, output in enumerate([*sent, None])]
    append(ledger, appended("plan:p", 0, *mails))
    assert BookReader(ledger).last_reminders(["R-1", "R-2"]) == {"R-1": 9}
