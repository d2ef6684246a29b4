"""What is left to match once something is booked."""

import asyncio

from mainstay.connectors import books
from mainstay.records import BankLine, Invoice, Payment
from mainstay.values import Money


class Records:
    """The bookings there are."""

    def __init__(self, *payments):
        self.payments = payments

    def of_lines(self, line_ids):
        return [payment for payment in self.payments if payment.line_id in line_ids]

    def of_invoices(self, numbers):
        return [payment for payment in self.payments if payment.invoice in numbers]


def booked(line, invoice, minor, kind="payment"):
    return Payment(f"{line}{invoice}{kind}", invoice, line, Money(minor, "EUR"), kind, "2026-10-01")


def outstanding(*payments):
    (operation,) = (one for one in books.operations(Records(*payments)) if one.name == "books.outstanding")
    lines = tuple(BankLine(name, "2026-10-01", Money(500, "EUR")) for name in ("l1", "l2"))
    amount = Money(1000, "EUR")
    invoices = tuple(Invoice(n, "Acme", amount, amount, "2026-09-01", "2026-09-20") for n in ("R1", "R2"))
    return asyncio.run(operation.call(None, books.Unsettled(lines, invoices)))


def test_nothing_booked_leaves_everything():
    left = outstanding()
    assert ([line.id for line in left.lines], left.booked) == (["l1", "l2"], 0)
    assert [invoice.open.minor for invoice in left.invoices] == [1000, 1000]


def test_a_booked_line_is_left_out_and_its_invoice_owes_less():
    left = outstanding(booked("l1", "R1", 400), booked("l1", "R1", 100, "discount"))
    assert ([line.id for line in left.lines], left.booked) == (["l2"], 1)
    assert [invoice.open.minor for invoice in left.invoices] == [500, 1000]


def test_an_invoice_never_owes_less_than_nothing():
    left = outstanding(booked("l1", "R1", 1000), booked("l0", "R1", 1000))
    assert [invoice.open.minor for invoice in left.invoices] == [0, 1000]
