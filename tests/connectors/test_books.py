"""What is left to match once something is booked."""

import asyncio

import msgspec
import pytest
from memory_call import NOW_US, MemoryCall

from mainstay.connectors import books
from mainstay.errors import Permanent
from mainstay.records import Allocation, BankLine, Entry, Invoice, Match, Payment
from mainstay.values import Money


class Records:
    """The bookings there are."""

    def __init__(self, *payments, reminders=()):
        self.payments = payments
        self.reminders = dict(reminders)

    def last_reminders(self, numbers):
        return {number: at_us for number, at_us in self.reminders.items() if number in numbers}

    def of_plan(self, plan):
        return [payment for payment in self.payments if payment.plan == plan]

    def of_lines(self, line_ids):
        return [payment for payment in self.payments if payment.line_id in line_ids]

    def of_days(self, days):
        return [payment for payment in self.payments if payment.booked_on in days]

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


def entry(line="camt-1", account="DE1", day="2026-10-01", minor=500, name="Muster GmbH"):
    return Entry(line, account, day, Money(minor, "EUR"), name)


def line(name="csv-1", account="DE1", counterparty="MUSTER GMBH BERLIN"):
    return BankLine(name, "2026-10-01", Money(500, "EUR"), account=account, counterparty=counterparty)


def read_again(lines, *entries):
    """Give the lines that look booked from a file of another format."""
    known = [Payment(e.line_id, "R1", e.line_id, e.amount, "payment", e.booked_on, entry=e) for e in entries]
    (operation,) = (one for one in books.operations(Records(*known)) if one.name == "books.outstanding")
    left = asyncio.run(operation.call(None, books.Unsettled(tuple(lines), ())))
    assert len(left.lines) + left.booked == len(lines)
    return [line.id for line in left.elsewhere]


def test_a_line_that_was_booked_from_a_file_of_another_format_is_left_out():
    assert read_again([line()], entry()) == ["csv-1"]
    assert read_again([line(account="")], entry()) == ["csv-1"], "one file does not name its account"
    assert read_again([line(account="202051")], entry(account="DE02120300000000202051")) == ["csv-1"]
    assert read_again([line(counterparty="MUSTER GMB")], entry()) == ["csv-1"], "banks cut names"


@pytest.mark.parametrize(
    ("one", "booked"),
    [
        (line(), entry(minor=501)),
        (line(), entry(day="2026-10-02")),
        (line(account="DE2"), entry()),
        (line(account="", counterparty="Beispiel GmbH"), entry()),
        (line(account="", counterparty=""), entry()),
        (line(counterparty="Carla Dorn"), entry()),
    ],
    ids=["amount", "day", "account", "name", "no name", "another payer on the same account"],
)
def test_a_line_that_differs_from_what_is_booked_is_kept(one, booked):
    assert read_again([one], booked) == []


def test_two_equal_lines_of_which_one_is_booked_are_both_kept_as_nothing_tells_them_apart():
    assert read_again([line("csv-1"), line("csv-2")], entry()) == []
    assert read_again([line("csv-1"), line("csv-2")], entry(), entry("camt-2")) == ["csv-1", "csv-2"]


def test_a_second_equal_line_of_the_same_format_is_new():
    assert read_again([line("camt-1"), line("camt-2")], entry("camt-1")) == []


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


def test_two_parts_of_one_line_for_one_invoice_are_booked_as_one_payment():
    amounts = (("l1", "R1", 400, "payment"), ("l1", "R1", 5, "fee"), ("l1", "R1", 600, "payment"))
    parts = tuple(Allocation(line, invoice, Money(minor, "EUR"), kind) for line, invoice, minor, kind in amounts)
    match = Match("m", "full", ("l1",), ("R1",), Money(1000, "EUR"), 1.0, "said so", allocations=parts)

    def book(*before):
        (operation,) = (one for one in books.operations(Records(*before)) if one.name == "books.record_payment")
        return asyncio.run(operation.call(MemoryCall(), books.RecordPayment(match)))

    first = book().payments
    assert [(payment.kind, payment.amount.minor) for payment in first] == [("payment", 1000), ("fee", 5)]
    assert len({payment.id for payment in first}) == 2
    assert book().payments == first
    assert book(*first) == books.Booked((), first)

    def card(*before):
        (operation,) = (one for one in books.operations(Records(*before)) if one.name == "books.record_payment")
        return operation.card(books.RecordPayment(match)).body

    assert "already" not in card()
    assert card(*first).count("it was booked already by plan plan-1") == 3


def test_a_reminder_goes_to_an_address_and_not_again_within_a_week():
    amount, day_us = Money(1000, "EUR"), 86_400_000_000
    addresses = {"R1": "a@acme.example", "R2": " ", "R3": "a@acme.example", "R4": "a@acme.example"}
    invoices = tuple(
        Invoice(number, "Acme", amount, amount, "2026-01-01", "2026-02-01", email)
        for number, email in addresses.items()
    )
    reminders = {"R3": NOW_US - 6 * day_us, "R4": NOW_US - 7 * day_us}
    (operation,) = (o for o in books.operations(Records(reminders=reminders)) if o.name == "books.overdue")
    late = asyncio.run(operation.call(MemoryCall(), books.Overdue(invoices, "2026-05-28")))
    assert [invoice.number for invoice in late.remind] == ["R1", "R4"]
    assert (late.count, late.reminded, late.no_address) == (4, 1, 1)


def test_the_export_tells_what_another_plan_booked_from_its_own():
    own, other = (msgspec.structs.replace(booked(line, "R1", 5), plan=p) for line, p in (("l1", "mine"), ("l2", "q")))
    (operation,) = (one for one in books.operations(Records(own, other)) if one.name == "books.export")
    given = books.Export((books.Booked((), (own,)), None, books.Booked((), (other,))))
    exported = asyncio.run(operation.call(MemoryCall(plan="mine"), given))
    assert (exported.count, exported.earlier) == (1, (other,))


def open_after(listed_now, *bookings, amount=1000):
    """Give what is open of an invoice whose file says `listed_now`, after bookings of (amount, what it said then)."""
    made = [
        Payment(
            f"b{n}", "R1", f"l{n}", Money(minor, "EUR"), "payment", "2026-10-01", listed=then and Money(then, "EUR")
        )
        for n, (minor, then) in enumerate(bookings)
    ]
    (operation,) = (one for one in books.operations(Records(*made)) if one.name == "books.outstanding")
    invoice = Invoice("R1", "Acme", Money(amount, "EUR"), Money(listed_now, "EUR"), "2026-09-01", "2026-09-20")
    (left,) = asyncio.run(operation.call(None, books.Unsettled((), (invoice,)))).invoices
    assert left.listed == invoice.open
    return left.open.minor


@pytest.mark.parametrize(
    ("listed", "bookings", "left"),
    [
        (1000, [(400, 1000)], 600),  # the file is as it was
        (600, [(400, 1000)], 600),  # the file knows of it by now
        (600, [(400, 1000), (100, 1000)], 500),  # of the first only
        (500, [(400, 1000), (100, 600)], 500),  # of both
        (600, [(400, 1000), (100, 600)], 500),
        (1000, [(400, None)], 600),  # booked before this was kept
        (0, [(1000, 1000)], 0),
    ],
)
def test_a_file_that_was_exported_anew_is_not_reduced_by_what_it_knows_of(listed, bookings, left):
    assert open_after(listed, *bookings) == left


def two_matches():
    entry = Entry("l1", "DE1", "2026-10-01", Money(500, "EUR"), "Muster GmbH")
    return [
        Match(
            id=invoice, kind="full", line_ids=("l1",), invoice_numbers=(invoice,), amount=entry.amount, confidence=1.0,
            why="", allocations=(Allocation("l1", invoice, entry.amount),), entries=(entry,),
        )
        for invoice in ("R1", "R2")
    ]  # fmt: skip


def test_a_line_is_never_booked_for_more_than_it_holds():
    first, second = two_matches()
    done = Payment("p1", "R1", "l1", Money(500, "EUR"), "payment", "2026-10-01", "plan-9")
    (operation,) = (one for one in books.operations(Records(done)) if one.name == "books.record_payment")
    again = asyncio.run(operation.call(MemoryCall(), books.RecordPayment(first)))
    assert (again.payments, again.already) == ((), (done,))
    with pytest.raises(Permanent, match=r"is booked already: 5.00 EUR to R1 \(plan plan-9\)"):
        asyncio.run(operation.call(MemoryCall(), books.RecordPayment(second)))


def recheck(booked, *matches):
    (operation,) = (one for one in books.operations(Records(*booked)) if one.name == "books.recheck")
    lines = tuple(BankLine(f"l{n}", "2026-10-01", Money(500, "EUR"), account="DE1") for n in (1, 2))
    invoice = Invoice("R1", "Acme", Money(500, "EUR"), Money(500, "EUR"), "2026-09-01", "2026-09-20")
    return asyncio.run(operation.call(None, books.Recheck(matches, matches, lines, (invoice,))))


def pays(line, invoice="R1", minor=500):
    allocation = Allocation(line, invoice, Money(minor, "EUR"))
    return Match(f"m-{line}", "full", (line,), (invoice,), Money(minor, "EUR"), 0.7, "fits", allocations=(allocation,))


def test_a_match_whose_line_was_booked_while_the_question_waited_is_dropped():
    found = recheck([booked("l1", "R1", 500)], pays("l1"))
    assert (found.matches, [one.why for one in found.dropped]) == ((), ["It was booked by another run meanwhile."])


def test_a_match_whose_invoice_was_paid_meanwhile_is_dropped():
    found = recheck([booked("l9", "R1", 500)], pays("l1"))
    assert found.matches == ()
    assert "Another run booked payments of R1 meanwhile" in found.dropped[0].why


def test_two_matches_never_take_more_of_an_invoice_than_is_open():
    found = recheck([], pays("l1"), pays("l2"))
    assert [match.id for match in found.matches] == ["m-l1"]
    assert [match.id for match in found.dropped] == ["m-l2"]


def test_what_the_operator_said_no_to_is_named():
    (operation,) = (one for one in books.operations(Records()) if one.name == "books.recheck")
    found = asyncio.run(operation.call(None, books.Recheck((), (pays("l1"),), (), ())))
    assert [match.id for match in found.refused] == ["m-l1"]


OWED, LISTED = Money(900, "EUR"), Money(1000, "EUR")
DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("payments", "reminders", "changed"),
    [
        ([booked("l1", "R1", 100)], {}, {}),
        ([], {}, {}),
        ([booked("l1", "R1", 100)], {"R1": NOW_US - 8 * DAY_US}, {}),
        ([booked("l1", "R1", 100)], {"R1": NOW_US - DAY_US}, {"last reminder of R1": "one of 2026-05-27"}),
        ([booked("l1", "R1", 100), booked("l2", "R1", 900)], {}, {"open of R1": "nothing, it is paid"}),
        ([booked("l1", "R1", 100), booked("l2", "R1", 300)], {}, {"open of R1": "6.00 EUR"}),
    ],
)
def test_k20_a_reminder_that_was_overtaken_says_what_is_otherwise(payments, reminders, changed):
    right = books.as_reminded("R1", OWED, LISTED)
    found = books.reminding(Records(*payments, reminders=reminders), "R1", OWED, LISTED, NOW_US)
    assert found == right | changed


@pytest.mark.parametrize(
    ("plan", "said"),
    [("other", "booked: 5.00 EUR to R1 (plan other)"), ("plan", "not booked"), ("plan-7", "not booked")],
)
def test_k20_a_booking_relies_on_what_other_plans_booked_and_not_on_its_own(plan, said):
    before = msgspec.structs.replace(booked("l1", "R1", 500), plan=plan)
    operation = next(one for one in books.operations(Records(before)) if one.name == "books.record_payment")
    found = asyncio.run(operation.relies(MemoryCall(plan="plan-1"), books.RecordPayment(pays("l1"))))
    invoice = "nothing booked" if said == "not booked" else "5.00 EUR booked"
    assert found == {"bank line l1": said, "invoice R1": invoice}


def test_two_parts_of_a_line_for_one_invoice_count_together():
    whole, _ = two_matches()
    halves = tuple(Allocation("l1", "R1", Money(300, "EUR")) for _ in range(2))
    (operation,) = (one for one in books.operations(Records()) if one.name == "books.record_payment")
    with pytest.raises(Permanent, match="holds less than is to be booked of it"):
        asyncio.run(
            operation.call(MemoryCall(), books.RecordPayment(msgspec.structs.replace(whole, allocations=halves)))
        )
