"""Invoices as documents: numbers without gaps, corrections only by credit note (C13)."""

from __future__ import annotations

import asyncio

import pytest
from memory_call import NOW_US, MemoryCall

from mainstay.connectors.invoices.issue import CreditInvoice, IssueInvoice, Issuer, Line, operations
from mainstay.errors import InputError, NeedsOperator, Permanent
from mainstay.ports import Document
from mainstay.values import Money

SPRINT = (Line("One sprint", Money(150000, "EUR")),)
YEAR_US = 365 * 86_400 * 1_000_000


class Book:
    """What the history would say: filled by hand, as the outcomes are recorded."""

    def __init__(self):
        self.documents = {}
        self.credits = {}

    def record(self, issued):
        self.documents[issued.series, issued.serial] = issued
        if getattr(issued, "invoice", ""):
            self.credits[issued.invoice] = Document(issued.number, issued.series, issued.serial, issued.issued_on)
        return issued

    def last_serial(self, series):
        return max((serial for one, serial in self.documents if one == series), default=None)

    def has_series(self, prefix):
        return any(one[:-4] == prefix for one, _ in self.documents)

    def credit_of(self, invoice):
        return self.credits.get(invoice)


class Shop:
    """The two operations on one folder."""

    def __init__(self, root, **issuer):
        self.root, self.book = root, Book()
        self.does = {
            one.name: one
            for one in operations(self.book, Issuer(str(root), str(root / ".notes"), name="Acme", **issuer))
        }

    def issue(self, customer="Ada", lines=SPRINT, now_us=NOW_US, **more):
        call = MemoryCall(now_us=now_us)
        return asyncio.run(self.does["invoices.issue"].call(call, IssueInvoice(customer, lines, **more)))

    def issued(self, *given, **more):
        return self.book.record(self.issue(*given, **more))

    def credit(self, issued, customer="Ada"):
        back = CreditInvoice(issued.number, issued.issued_on, IssueInvoice(customer, SPRINT))
        return self.book.record(asyncio.run(self.does["invoices.credit"].call(MemoryCall(), back)))

    def text(self, number):
        return (self.root / f"outbox/invoices/{number}.html").read_text()


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


def test_c13_numbers_follow_each_other_and_begin_anew_each_year(shop):
    numbers = [shop.issued().number for _ in range(3)] + [shop.issued(now_us=NOW_US + YEAR_US).number]
    assert numbers == ["2026-0001", "2026-0002", "2026-0003", "2027-0001"]


def test_c13_a_number_that_was_never_recorded_goes_to_whoever_is_next(shop):
    assert shop.issue("Ada").number == "2026-0001", "and then the process died"
    assert shop.issued("Berta").number == "2026-0001"
    assert shop.issued("Ada").number == "2026-0002"
    assert "Berta" in shop.text("2026-0001")
    assert "Ada" in shop.text("2026-0002")


def test_c13_a_credit_note_has_a_number_of_its_own_and_comes_once(shop):
    first = shop.issued()
    note = shop.credit(first)
    assert (note.number, note.already) == ("CN-2026-0001", False)
    again = shop.credit(first)
    assert (again.number, again.already) == ("CN-2026-0001", True)
    assert "Takes back: invoice 2026-0001" in shop.text("CN-2026-0001")
    assert "-1,500.00 EUR" in shop.text("CN-2026-0001")
    assert "Ada" in shop.text("2026-0001"), "the invoice stays"


def test_a_file_of_somebody_else_is_never_written_over(shop):
    (shop.root / "outbox/invoices").mkdir(parents=True)
    (shop.root / "outbox/invoices/2026-0001.html").write_text("from another tool")
    with pytest.raises(NeedsOperator, match="is there already") as caught:
        shop.issue()
    assert "mainstay.toml" in caught.value.remedy
    assert shop.text("2026-0001") == "from another tool"


def test_numbers_go_on_from_another_tool_in_the_first_year_only(tmp_path):
    shop = Shop(tmp_path, prefix="R-", first=43)
    numbers = [shop.issued().number, shop.issued().number, shop.issued(now_us=NOW_US + YEAR_US).number]
    assert numbers == ["R-2026-0043", "R-2026-0044", "R-2027-0001"]


def test_tax_is_rounded_half_up_and_shown_apart(shop):
    issued = shop.issued(lines=(Line("Hour", Money(5, "EUR")), Line("Hour", Money(5, "EUR"))), vat="25")
    assert issued.total == Money(13, "EUR")
    assert "VAT 25 %" in shop.text(issued.number)


def test_texts_from_outside_stay_texts(shop):
    issued = shop.issued("<script>alert(1)</script>", lines=(Line("a & b\n<b>", Money(1, "EUR")),))
    assert "<script>" not in shop.text(issued.number)
    assert "a &amp; b<br>&lt;b&gt;" in shop.text(issued.number)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lines": ()}, "1 to 200 lines"),
        ({"customer": "  "}, "name of a customer"),
        ({"lines": (*SPRINT, Line("x", Money(1, "USD")))}, "one currency"),
        ({"lines": (Line("x", Money(-1, "EUR")),)}, "credit note"),
        ({"vat": "a lot"}, "no rate"),
        ({"vat": "-1"}, "no rate"),
        ({"vat": "NaN"}, "no rate"),
    ],
)
def test_what_is_no_invoice_is_refused_before_anything_is_written(shop, given, said):
    with pytest.raises(Permanent, match=said):
        shop.issue(**given)
    assert not (shop.root / "outbox").exists()
    asked = IssueInvoice(**{"customer": "Ada", "lines": SPRINT} | given)
    with pytest.raises(Permanent, match=said):
        shop.does["invoices.issue"].refuse(asked)  # before anybody is asked about it
    assert "can't be issued" in shop.does["invoices.issue"].card(asked).headline


@pytest.mark.parametrize("prefix", ["../", "a b", "CN-", "x" * 13])
def test_a_prefix_that_can_be_no_name_or_mixes_series_is_refused(tmp_path, prefix):
    with pytest.raises(InputError, match="prefix"):
        Shop(tmp_path, prefix=prefix)


def test_e4_the_document_is_read_back(shop):
    issued = shop.issued()
    confirm = shop.does["invoices.issue"].confirm
    assert asyncio.run(confirm(MemoryCall(), None, issued)).state == "happened"
    (shop.root / issued.path).write_text("something else")
    found = asyncio.run(confirm(MemoryCall(), None, issued))
    assert (found.state, "not as it was issued" in found.known) == ("did_not_happen", True)
