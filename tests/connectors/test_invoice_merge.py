"""Many files become one set of open invoices: copies, corrections, credit notes, sellers, strangers, broken files."""

from __future__ import annotations

import hashlib
import itertools
import os
from pathlib import Path

import pytest
from small_ubl import ubl

from mainstay.connectors.invoices import read as reading
from mainstay.connectors.invoices.read import InvoicesRead, ReadOpen, read_open
from mainstay.errors import FileError
from mainstay.records import Discount, File, Invoice, Layout
from mainstay.values import BlobRef, Money

HEADER = "Number,Customer,Email,Total,Open,Currency,Issued,Due\n"
ROW = "2026-117,ACME,pay@acme.example,100.00,40.00,EUR,2026-03-01,2026-04-15\n"


def read(files: dict[str, str | bytes], seller: str = "", layouts: tuple[Layout, ...] = ()) -> InvoicesRead:
    """Read files by their names, after trying that their order changes nothing, and their names no invoice."""
    blobs: dict[str, bytes] = {}
    given: list[File] = []
    for name, text in files.items():
        content = text.encode() if isinstance(text, str) else text
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        given.append(File(name, BlobRef(digest, len(content))))
    result = read_open(ReadOpen(files=tuple(given), seller=seller, layouts=layouts), blobs)
    for order in itertools.islice(itertools.permutations(given), 1, 7):
        assert read_open(ReadOpen(files=order, seller=seller, layouts=layouts), blobs) == result
        renamed = tuple(File(file.name, other.blob) for file, other in zip(given, order, strict=True))
        again = read_open(ReadOpen(files=renamed, seller=seller, layouts=layouts), blobs)
        assert sorted(again.invoices, key=_by_number) == sorted(result.invoices, key=_by_number)
        assert len(again.doubts) == len(result.doubts)
    return result


def _by_number(invoice: Invoice) -> str:
    return invoice.number


def opens(result: InvoicesRead) -> dict[str, str]:
    return {invoice.number: str(invoice.open) for invoice in result.invoices}


def asked(result: InvoicesRead, kind: str = "guess") -> str:
    """Give what is asked of a kind beside who the seller is: one doubt, or none."""
    doubts = [doubt for doubt in result.doubts if doubt.kind == kind]
    assert len(doubts) <= 1
    assert all(doubt.remedy for doubt in doubts)
    return "".join(f"{doubt.headline}\n{doubt.body}" for doubt in doubts)


# --- copies -------------------------------------------------------------------------------------------------------


def test_a_list_says_what_is_open_and_where_mail_goes_and_the_e_invoice_the_rest():
    result = read({"a.xml": ubl(terms="2 % Skonto bei Zahlung bis 11.03.2026"), "list.csv": HEADER + ROW})
    (invoice,) = result.invoices
    assert (invoice.open, invoice.email, invoice.due_on) == (Money(4000, "EUR"), "pay@acme.example", "2026-04-15")
    assert (invoice.customer, invoice.discounts) == ("Acme GmbH", (Discount(200, "2026-03-11"),))
    assert "Found more than once, kept once: 1 (2026-117)." in result.note


def test_an_invoice_the_list_says_is_paid_is_not_open_for_its_e_invoice():
    result = read({"a.xml": ubl(), "list.csv": HEADER + ROW.replace("40.00", "0.00")})
    assert (result.count, result.left_out) == (0, 1)


def test_a_copy_of_a_file_is_not_read_again():
    result = read({"a.xml": ubl(), "b.xml": ubl()})
    assert result.count == 1
    assert [(file.name, file.format, file.note) for file in result.files][1] == (
        "b.xml",
        "copy",
        "A copy of a.xml, not read again.",
    )


def test_numbers_that_differ_in_case_and_spaces_are_one_invoice():
    assert read({"a.xml": ubl("RE 2026-1"), "b.xml": ubl("re2026-1")}).count == 1


@pytest.mark.parametrize("other", [{"amount": "90.00"}, {"day": "2025-03-01"}, {"currency": "CHF"}, {"seller": "You"}])
def test_one_number_with_other_content_is_left_out_with_a_doubt_that_names_both_files(other):
    result = read({"a.xml": ubl(), "b.xml": ubl(**other), "c.xml": ubl("8")}, "")
    assert opens(result) == {"8": "100.00 EUR"}
    (doubt,) = [doubt for doubt in result.doubts if doubt.kind == "conflict"]
    assert "a.xml" in doubt.body
    assert "b.xml" in doubt.body
    assert "2026-117" in doubt.headline


def test_a_list_without_sellers_does_not_hide_that_two_sellers_use_one_number():
    result = read({"a.xml": ubl(), "b.xml": ubl(seller="You"), "list.csv": HEADER + ROW})
    assert result.count == 0


def test_of_two_lists_the_one_with_less_open_is_believed_and_both_are_named():
    result = read({"april.csv": HEADER + ROW.replace("40.00", "90.00"), "may.csv": HEADER + ROW})
    assert opens(result) == {"2026-117": "40.00 EUR"}
    assert "the least is taken: 2026-117 (may.csv 40.00 EUR; april.csv 90.00 EUR)." in result.note


@pytest.mark.parametrize(("one", "other"), [("1 12", "11 2"), ("RE 1 1", "RE 11")])
def test_digits_never_grow_together(one, other):
    assert read({"a.xml": ubl(one), "b.xml": ubl(other, customer="Beta")}).count == 2


def test_e_invoices_of_one_number_to_two_customers_are_two():
    result = read({"a.xml": ubl("7"), "b.xml": ubl("7", customer="Beta")})
    assert opens(result) == {}
    assert "to Acme GmbH, by Me (a.xml)" in asked(result, "conflict")
    assert "to Beta, by Me (b.xml)" in asked(result, "conflict")


@pytest.mark.parametrize(
    ("number", "other"), [("00117", "117"), ("RE-2026-117", "RE2026-117"), ("RE-2026-0117", "117"), ("7/26", "007-26")]
)
def test_two_numbers_that_may_be_one_invoice_are_asked_about(number, other):
    files = {"a.xml": ubl(number), "list.csv": HEADER + ROW.replace("2026-117", other)}
    assert read(files).count == 2
    assert "Two numbers may be one invoice: are they two?" in asked(read(files), "conflict")
    paid = {**files, "list.csv": files["list.csv"].replace("40.00", "0.00")}
    assert f"{number} (a.xml)" in asked(read(paid), "conflict")


@pytest.mark.parametrize("given", [{"customer": "Beta"}, {"day": "2026-03-02"}, {"amount": "99.00"}, {"seller": "You"}])
def test_two_numbers_that_differ_in_more_are_two_invoices(given):
    files = {"a.xml": ubl("RE-117"), "b.xml": ubl("117", **given), "c.xml": ubl("17"), "d.xml": ubl("217")}
    assert asked(read(files), "conflict") == ""


def test_an_e_invoice_says_the_amount_that_a_list_of_what_is_open_does_not():
    header = "Number,Customer,Open,Currency,Issued,Due\n"
    result = read({"a.xml": ubl(), "list.csv": header + "2026-117,ACME,40.00,EUR,2026-03-01,2026-04-15\n"})
    (invoice,) = result.invoices
    assert (invoice.amount, invoice.open) == (Money(10000, "EUR"), Money(4000, "EUR"))
    more = read({"a.xml": ubl(), "list.csv": header + "2026-117,ACME,140.00,EUR,2026-03-01,2026-04-15\n"})
    assert more.count == 0
    credit = ubl("S1", "60.00", type="381", of="2026-117")
    alone = read({"list.csv": header + "2026-117,ACME,40.00,EUR,2026-03-01,2026-04-15\n", "b.xml": credit})
    assert opens(alone) == {"2026-117": "40.00 EUR"}
    assert "list.csv says only that 40.00 EUR of 2026-117 is open" in asked(alone)


@pytest.mark.parametrize(("still", "left"), [("84.03", "100.00 EUR"), ("40.00", "40.00 EUR"), ("0.00", "")])
def test_a_list_of_amounts_without_tax_is_joined_with_its_e_invoices(still, left):
    tax = '<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">15.97</cbc:TaxAmount></cac:TaxTotal>'
    net = '<cbc:TaxExclusiveAmount currencyID="EUR">84.03</cbc:TaxExclusiveAmount>'
    total = "<cac:LegalMonetaryTotal>"
    invoice = ubl().replace(total, tax + total + net)
    rows = ROW.replace("100.00,40.00", f"84.03,{still}")
    result = read({"a.xml": invoice, "list.csv": HEADER + rows})
    assert opens(result) == ({"2026-117": left} if left else {})
    assert [str(invoice.amount) for invoice in result.invoices] == ["100.00 EUR"] * bool(left)
    unknown = HEADER.replace(",Open", "") + ROW.replace("100.00,40.00", "84.03")
    assert opens(read({"a.xml": invoice, "list.csv": unknown})) == {"2026-117": "100.00 EUR"}


def test_where_copies_differ_in_the_due_date_the_later_is_taken_and_both_are_named():
    result = read({"a.xml": ubl(due="2026-03-20"), "b.xml": ubl(due="2026-04-20")})
    assert result.invoices[0].due_on == "2026-04-20"
    assert "when these are due: 2026-117 (" in result.note
    earlier = HEADER + ROW.replace("2026-04-15", "2026-03-10")
    assert read({"a.xml": ubl(), "list.csv": earlier}).invoices[0].due_on == "2026-03-10"


def test_what_may_be_paid_is_asked_about_unless_a_list_says_what_is_open():
    paid = ubl(terms="Bezahlt per PayPal")
    question = asked(read({"a.xml": paid, "b.xml": ubl("8")}))
    assert question.startswith(
        "One invoice may be paid already, or is collected: is it still open?\n2026-117 (100.00 EUR"
    )
    assert asked(read({"a.xml": paid, "list.csv": HEADER + ROW})) == ""


def test_due_dates_that_no_file_names_are_asked_about_in_one_question():
    files = {f"{number}.xml": ubl(number).replace("<cbc:DueDate>2026-03-31</cbc:DueDate>", "") for number in "12"}
    assert asked(read(files)).splitlines() == [
        "Are these 2 due 30 days after the invoice? No date is named that is understood",
        "1 (100.00 EUR to Acme GmbH): of 2026-03-01, due on 2026-03-31",
        "2 (100.00 EUR to Acme GmbH): of 2026-03-01, due on 2026-03-31",
    ]
    listed = HEADER + ROW.replace("2026-117", "1") + ROW.replace("2026-117", "2")
    assert asked(read({**files, "list.csv": listed})) == ""
    assert asked(read({"1.xml": files["1.xml"], "copy.xml": ubl("1", due="2026-03-20")})) == ""


# --- credit notes and corrections ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credit", "left", "says"),
    [
        ("30.00", {"2026-117": "70.00 EUR"}, "GS-7 takes 30.00 EUR off 2026-117; 70.00 EUR stays open."),
        ("100.00", {}, "2026-117 is credited by GS-7."),
        ("120.00", {}, "GS-7 is more than was open: you owe Acme GmbH 20.00 EUR."),
    ],
)
def test_a_credit_note_takes_off_the_invoice_it_names(credit, left, says):
    result = read({"a.xml": ubl(), "b.xml": ubl("GS-7", credit, type="381", of="2026-117")})
    assert opens(result) == left
    assert says in result.note
    assert result.left_out == 2 - len(left)


def test_a_credit_note_to_two_invoices_is_used_up_in_their_order():
    credit = ubl("GS-7", "150.00", type="381", of="1 2")
    assert opens(read({"a.xml": ubl("1"), "b.xml": ubl("2"), "c.xml": credit})) == {"2": "50.00 EUR"}


def test_what_a_list_shows_as_credited_is_not_taken_off_twice():
    credit = ubl("GS-7", "60.00", type="381", of="2026-117")
    result = read({"list.csv": HEADER + ROW, "gs.xml": credit})
    assert opens(result) == {"2026-117": "40.00 EUR"}
    assert "of which list.csv shows 60.00 EUR as paid or credited already" in asked(result)


def test_a_credit_note_without_a_reference_is_named_beside_the_one_it_may_mean_and_takes_nothing_off():
    result = read({"a.xml": ubl(), "b.xml": ubl("8", "70.00"), "gs.xml": ubl("GS-7", type="381")})
    assert opens(result) == {"2026-117": "100.00 EUR", "8": "70.00 EUR"}
    assert "GS-7 (100.00 EUR to Acme GmbH) names no invoice: nothing is taken off, and there stays open" in asked(
        result
    )
    assert "stays open 2026-117 (100.00 EUR)." in asked(result)


def test_a_credit_note_that_may_mean_two_or_none_is_named():
    result = read({"a.xml": ubl("1"), "b.xml": ubl("2"), "gs.xml": ubl("GS-7", type="381")})
    assert result.count == 2
    assert "there stays open 1 (100.00 EUR), 2 (100.00 EUR)." in asked(result)
    elsewhere = read({"a.xml": ubl("1"), "gs.xml": ubl("GS-7", type="381", customer="Beta")})
    assert "Credit notes that name no invoice, taken off none: GS-7." in elsewhere.note
    assert asked(elsewhere) == ""


def test_a_credit_note_to_an_invoice_elsewhere_or_in_another_currency_takes_nothing_off():
    other = ubl("GS-8", type="381", of="2026-117", currency="CHF")
    result = read({"a.xml": ubl(), "b.xml": ubl("GS-7", "7.00", type="381", of="2025-9"), "c.xml": other})
    assert opens(result) == {"2026-117": "100.00 EUR"}
    assert "not among those read: GS-7 (to 2025-9)." in result.note
    assert "GS-8 is in CHF, 2026-117 is not: nothing is taken off." in asked(result)


def test_a_correction_replaces_what_it_names_also_twice_and_credit_follows_it():
    files = {
        "a.xml": ubl("1"),
        "b.xml": ubl("2", "90.00", type="384", of="1", day="2026-03-02"),
        "c.xml": ubl("3", "80.00", type="384", of="2", day="2026-03-03"),
        "d.xml": ubl("GS-7", "5.00", type="381", of="1", day="2026-03-04"),
    }
    result = read(files)
    assert opens(result) == {"3": "75.00 EUR"}
    assert "Replaced by corrections, left out: 1 by 2, 2 by 3." in result.note


def test_corrections_that_name_each_other_leave_one_debt_and_end():
    files = {"a.xml": ubl("1", type="384", of="2 1"), "b.xml": ubl("2", type="384", of="1")}
    assert read(files).count == 1


def test_a_final_invoice_that_names_its_parts_replaces_none():
    assert read({"a.xml": ubl("1"), "b.xml": ubl("2", of="1")}).count == 2


def test_a_credit_note_with_the_number_of_an_invoice_is_not_taken_off_it():
    result = read({"a.xml": ubl("7"), "b.xml": ubl("7", "40.00", type="381", customer="Beta")})
    assert opens(result) == {"7": "100.00 EUR"}


def test_credit_notes_and_corrections_of_another_customer_or_seller_change_nothing_and_are_asked_about():
    files = {"a.xml": ubl("7"), "b.xml": ubl("GS-1", "40.00", type="381", of="7", customer="Beta")}
    result = read({**files, "c.xml": ubl("8", "90.00", type="384", of="7", customer="Beta", day="2026-03-02")})
    assert opens(result) == {"7": "100.00 EUR", "8": "90.00 EUR"}
    assert "GS-1 to Beta names 7, which is an invoice to Acme GmbH: nothing is taken off." in asked(result)
    assert "8 to Beta corrects 7, which is an invoice to Acme GmbH: it is not replaced" in asked(result)
    assert opens(read({"a.xml": ubl("7"), "b.xml": ubl("GS-1", type="381", of="7", seller="You")})) == {
        "7": "100.00 EUR"
    }


@pytest.mark.parametrize("day", ["2026-03-05", "2026-03-06"])
def test_what_cancels_an_invoice_takes_nothing_off_the_one_in_its_place(day):
    files = {"a.xml": ubl("1"), "b.xml": ubl("S1", type="381", of="1", day=day)}
    result = read({**files, "c.xml": ubl("2", "90.00", type="384", of="1", day="2026-03-06")})
    assert opens(result) == {"2": "90.00 EUR"}
    assert "S1 cancels 1, in whose place is 2." in result.note
    assert asked(result) == ""


def test_what_cancels_an_invoice_after_it_was_corrected_is_asked_about():
    files = {"a.xml": ubl("1"), "b.xml": ubl("S1", type="381", of="1", day="2026-03-07")}
    result = read({**files, "c.xml": ubl("2", "90.00", type="384", of="1", day="2026-03-06")})
    assert opens(result) == {"2": "90.00 EUR"}
    assert "S1 credits 100.00 EUR of 1, which 2 of 2026-03-06 corrects: nothing is taken off 2" in asked(result)


LIST = "Number,Customer,Total,Open,Currency,Issued,Due\n"


@pytest.mark.parametrize(("still", "left"), [("100.00", "50.00"), ("70.00", "50.00"), ("50.00", "50.00")])
def test_what_a_list_shows_as_gone_is_used_up_credit_note_by_credit_note(still, left):
    result = read(
        {
            "list.csv": f"{LIST}1,Acme,100.00,{still},EUR,2026-03-01,2026-03-31\n",
            "b.xml": ubl("S1", "30.00", type="381", of="1"),
            "c.xml": ubl("S2", "20.00", type="381", of="1", day="2026-03-02"),
        }
    )
    assert opens(result) == {"1": f"{left} EUR"}
    assert bool(asked(result)) == (still != "100.00")


def test_what_a_list_shows_of_one_invoice_leaves_the_others_of_a_credit_note_to_it():
    rows = "1,Acme,100.00,40.00,EUR,2026-03-01,2026-03-31\n"
    files = {"list.csv": LIST + rows, "a.xml": ubl("2"), "c.xml": ubl("S1", "130.00", type="381", of="1 2")}
    result = read(files)
    assert opens(result) == {"2": "10.00 EUR"}
    assert "60.00 EUR is shown as paid or credited already" in asked(result)


def test_a_credit_note_that_says_nothing_is_due_is_still_taken_off():
    prepaid = '<cbc:PrepaidAmount currencyID="EUR">100.00</cbc:PrepaidAmount><cbc:PayableAmount currencyID="EUR">0.00'
    total = '<cbc:TaxInclusiveAmount currencyID="EUR">100.00</cbc:TaxInclusiveAmount>'
    credit = ubl("S1", type="381", of="1").replace('<cbc:PayableAmount currencyID="EUR">100.00', total + prepaid)
    assert opens(read({"a.xml": ubl("1", "119.00"), "b.xml": credit})) == {"1": "19.00 EUR"}


def test_a_list_that_knows_both_says_what_is_left_of_a_credit_note():
    rows = "1,Acme,100.00,70.00,EUR,2026-03-01,2026-03-31,Invoice,\nS1,Acme,30.00,{},EUR,2026-03-02,,Credit note,1\n"
    header = LIST[:-1] + ",Type,Original invoice\n"
    for still, left in (("0.00", "70.00 EUR"), ("30.00", "40.00 EUR")):
        result = read({"list.csv": header + rows.format(still)})
        assert opens(result) == {"1": left}
        assert bool(asked(result)) == (still != "0.00")


def test_a_correction_of_what_was_paid_is_asked_about():
    rows = "1,Acme,100.00,0.00,EUR,2026-03-01,2026-03-31\n"
    result = read({"list.csv": LIST + rows, "b.xml": ubl("2", "110.00", type="384", of="1", day="2026-03-06")})
    assert opens(result) == {"2": "110.00 EUR"}
    assert "Of 1 100.00 EUR was paid or credited before 2 corrected it: 110.00 EUR of 2 stay open" in asked(result)


def test_a_credit_note_that_names_a_number_in_short_is_asked_about():
    result = read({"a.xml": ubl("RE-2026-00117"), "b.xml": ubl("S1", "30.00", type="381", of="117")})
    assert opens(result) == {"RE-2026-00117": "100.00 EUR"}
    assert "names 117, not among those read" in asked(result)


def test_a_credit_note_of_a_credit_note_is_asked_about():
    files = {"a.xml": ubl("1"), "b.xml": ubl("S1", "30.00", type="381", of="1")}
    result = read({**files, "c.xml": ubl("S2", "30.00", type="381", of="S1")})
    assert opens(result) == {"1": "70.00 EUR"}
    assert "S2 (30.00 EUR to Acme GmbH) takes back S1, a credit note, which is taken off all the same." in asked(result)


def test_many_credit_notes_are_told_in_few_words():
    header = LIST.replace("Due", "Due,Original invoice")
    rows = [f"S{n},Acme,-1.00,-1.00,EUR,2026-03-01,2026-03-31,1\n" for n in range(300)]
    result = read({"list.csv": header + "1,Acme,1000.00,1000.00,EUR,2026-03-01,2026-03-31,\n" + "".join(rows)})
    assert opens(result) == {"1": "700.00 EUR"}
    assert len(result.note) < 3_000
    assert "And 280 more notes on credit notes." in result.note


@pytest.mark.long
def test_thousands_of_credit_notes_without_a_reference_are_held_against_thousands_of_invoices():
    rows = [f"{n},Acme,100.00,100.00,EUR,2026-03-01,2026-03-31" for n in range(3_000)]
    rows += [f"S{n},Acme,-7.00,-7.00,EUR,2026-03-01,2026-03-31" for n in range(3_000)]
    result = read({"list.csv": LIST + "\n".join(rows) + "\n"})
    assert result.count == 3_000
    assert len(asked(result)) < 3_000


# --- sellers ------------------------------------------------------------------------------------------------------

BOUGHT = {"a.xml": ubl("1"), "b.xml": ubl("2"), "c.xml": ubl("77", seller="Telco AG", vat="DE811115368")}


def test_each_seller_is_asked_about_with_its_invoices_and_a_yes_is_remembered():
    mine, telco = read(BOUGHT).doubts
    assert (mine.kind, mine.headline) == ("seller", "2 invoices are issued by Me: is that you?")
    assert telco.headline == "1 invoice is issued by Telco AG (DE811115368): is that you?"
    assert telco.body.splitlines()[:2] == ["The numbers: 77.", "Made out to: Acme GmbH."]
    assert "take their files away (c.xml)" in telco.remedy
    assert mine.layout is not None
    assert (mine.layout.section, mine.layout.seller, mine.layout.seller_id) == ("invoices.seller", "Me", "")
    assert read(BOUGHT, layouts=(mine.layout,)).doubts == (telco,)
    assert read(BOUGHT, layouts=(mine.layout, telco.layout)).doubts == ()


def test_one_bill_beside_the_owners_own_list_is_asked_about():
    result = read({"list.csv": HEADER + ROW, "bill.xml": ubl("T-9", seller="Telco AG", customer="Me")})
    (doubt,) = [doubt for doubt in result.doubts if doubt.kind == "seller"]
    assert doubt.headline == "1 invoice is issued by Telco AG: is that you?"


def test_a_list_of_what_was_bought_is_asked_about_by_its_suppliers():
    text = "Rechnungsnr;Kunde;Lieferant;Betrag;W\u00e4hrung;Datum;F\u00e4llig\n"
    text += "9;Me;Telco;50,00;EUR;01.03.2026;31.03.2026\n8;Me;Power;50,00;EUR;01.03.2026;31.03.2026\n"
    asked_of = [doubt.headline for doubt in read({"list.csv": text}).doubts if doubt.kind == "seller"]
    assert asked_of == [f"1 invoice is issued by {name}: is that you?" for name in ("Power", "Telco")]


def test_invoices_made_out_to_the_owner_are_asked_about():
    bill = HEADER + ROW.replace("ACME", "Muster")
    (_, doubt) = read({"list.csv": bill}, "Muster GmbH").doubts
    assert (doubt.kind, doubt.headline) == ("seller", "1 invoice is made out to you: did you issue it?")
    assert "take their files away: list.csv" in doubt.remedy
    confirmed = Layout("1", "invoices.seller", {"name": "Muster", "id": ""})
    assert doubt in read({"list.csv": bill}, layouts=(confirmed,)).doubts
    assert len(read({"list.csv": bill}).doubts) == 1


def test_many_sellers_are_asked_about_in_few_questions():
    doubts = read({f"{number}.xml": ubl(str(number), seller=f"Shop {number}") for number in range(30)}).doubts
    assert len(doubts) == 21
    assert doubts[-1].headline == "10 more sellers issued 10 invoices: are they all you?"
    assert doubts[-1].layout is None


def test_two_companies_of_one_name_are_two_by_their_vat_numbers():
    files = {
        "a.xml": ubl("1", seller="Muster GmbH", vat="DE136695976"),
        "b.xml": ubl("2", seller="Muster UG", vat="DE811115368"),
        "c.xml": ubl("3", seller="Muster"),
    }
    assert opens(read(files, "Muster GmbH")) == {"1": "100.00 EUR"}
    assert len(read(files, "MUSTER KG").doubts) == 3
    names = ("Muster", "Muster GmbH (DE136695976)", "Muster UG (DE811115368)")
    assert [doubt.headline for doubt in read(files).doubts] == [
        f"1 invoice is issued by {name}: is that you?" for name in names
    ]
    same = {"a.xml": files["a.xml"], "b.xml": ubl("1", seller="Muster UG", vat="DE811115368")}
    assert "stands for different invoices" in asked(read(same), "conflict")


@pytest.mark.parametrize("seller", ["Me", "me", "ME GmbH"])
def test_with_the_owner_known_invoices_of_others_are_left_out(seller):
    result = read(BOUGHT, seller)
    assert (result.count, result.left_out, result.doubts) == (2, 1, ())
    assert "Issued by others, left out: Telco AG (DE811115368) 1." in result.note


def test_the_owner_is_known_by_vat_number_under_any_name():
    files = {"a.xml": ubl("1", vat="DE 811115368"), "b.xml": ubl("2", seller="Me again", vat="DE811115368")}
    (doubt,) = read(files).doubts
    assert doubt.headline.startswith("2 invoices are issued by Me (DE 811115368)")
    assert read({**files, "c.xml": ubl("3", seller="Else", vat="DE136695976")}, "de811115368").count == 2


def test_an_owner_that_no_file_names_is_asked_about_rather_than_left_with_nothing():
    result = read(BOUGHT, "Somebody")
    assert result.count == 3
    assert len(result.doubts) == 2
    assert "Your mainstay.toml says that you are Somebody." in result.doubts[0].body


def test_lists_without_a_seller_are_the_owners():
    assert read({"list.csv": HEADER + ROW, "a.xml": ubl("1")}, "Me").count == 2


def test_a_seller_whose_account_changes_is_noted_also_where_one_file_lacks_its_vat_number():
    files = {"a.xml": ubl("1", vat="DE136695976", account="DE02120300000000202051")}
    result = read({**files, "b.xml": ubl("2", account="NL91ABNA0417164300"), "c.xml": ubl("3", seller="You")})
    assert "Invoices of Me name different accounts to pay to: DE02120300000000202051 in a.xml; NL91" in result.note


SAMPLES = Path(os.environ.get("MAINSTAY_SAMPLES") or Path(__file__).parents[3] / "shared/samples") / "einvoice"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the public samples of e-invoices are not here")
def test_the_same_invoices_in_two_syntaxes_are_one_each():
    folder = SAMPLES / "ZUGFeRD__corpus" / "XML-Rechnung"
    given = {f"{path.name}": path.read_bytes() for path in folder.rglob("EN16931_[IOR]*.xml")}
    result = read(given, "Lieferant GmbH")
    assert len(given) == 6
    assert {file.count for file in result.files} == {1}
    assert sorted(opens(result)) == ["280081", "E2018092011804"]
    assert "kept once: 2" in result.note
    assert "E2018092011804" in asked(result)  # whose terms say that it is paid


# --- strangers, broken files, many files --------------------------------------------------------------------------

STRANGERS = {
    "camt.xml": '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt/></Document>',
    "bank.csv": "Buchungstag;Valuta;Empfänger;Verwendungszweck;Betrag;IBAN\n01.03.2026;01.03.2026;A;B;1,00;DE1\n",
    "mt940.sta": ":20:START\n:25:1/2\n",
    "mail.eml": "From: a@b.example\nTo: c@d.example\nSubject: invoice\n\nHello\n",
    "photo.jpg": b"\xff\xd8\xff\xe0" + bytes(range(200)),
    "page.html": "<!DOCTYPE html><html></html>",
    "data.json": '{"invoices": []}',
    "old.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "packed.zip": b"PK\x03\x04" + bytes(40),
    "empty.csv": "",
    "cut.xml": ubl()[:-30],
    "cut.pdf": b"%PDF-1.7\n1 0 obj",
    "noise.bin": bytes(range(256)) * 4,
    "letter.txt": "Dear customer,\nplease pay.\n",
}
SAYS = {
    "camt.xml": "this is a bank statement (camt.053)",
    "bank.csv": "this is a bank statement (a table of payments)",
    "mt940.sta": "this is a bank statement (MT940)",
    "mail.eml": "this is an e-mail",
    "photo.jpg": "this is a picture",
    "page.html": "this is a web page",
    "data.json": "this is a JSON file",
    "old.xls": "this is an old Excel",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_invoice_is_refused_with_what_it_is_and_what_to_do(name):
    with pytest.raises(FileError) as caught:
        read({name: STRANGERS[name]})
    assert caught.value.message.startswith(name)
    assert SAYS.get(name, "") in caught.value.message
    assert caught.value.remedy


def test_a_list_with_a_mistake_is_not_taken_for_a_bank_statement():
    with pytest.raises(FileError, match="line 2: nothing says the currency"):
        read({"a.csv": "Date,Number,Name,Amount,Balance,IBAN,Due date\n2026-03-01,1,A,1.00,1.00,,2026-03-31\n"})


def test_swapped_files_are_told_so():
    with pytest.raises(FileError) as caught:
        read({"camt.xml": STRANGERS["camt.xml"]})
    assert "may be swapped" in caught.value.remedy


def test_in_a_folder_with_one_broken_of_each_kind_the_rest_is_read_and_each_is_named():
    result = read({**STRANGERS, "good.xml": ubl(), "list.csv": HEADER + ROW.replace("117", "118")})
    assert opens(result) == {"2026-117": "100.00 EUR", "2026-118": "40.00 EUR"}
    unread = [doubt for doubt in result.doubts if doubt.kind == "unread"]
    assert {doubt.file for doubt in unread} == set(STRANGERS)
    assert all(doubt.remedy for doubt in unread)


def test_a_folder_of_broken_files_alone_is_an_error():
    with pytest.raises(FileError, match="None of the 2 files can be read"):
        read({"empty.csv": "", "data.json": "{}"})


@pytest.mark.long
def test_three_hundred_files_are_told_in_few_words():
    result = read({f"{number}.xml": ubl(str(number), account="DE02120300000000202052") for number in range(300)})
    assert result.count == 300
    assert len(result.note) < 3000
    assert result.note.startswith("300 files: 300 UBL.")


def test_more_files_or_bytes_than_can_be_read_together_are_refused_by_number(monkeypatch):
    monkeypatch.setattr(reading, "MAX_FILES", 2)
    with pytest.raises(FileError, match="3 files were given, and 2 can be read together"):
        read({"a": "1", "b": "2", "c": "3"})
    large = File("a", BlobRef("d", reading.MAX_BYTES + 1))
    with pytest.raises(FileError, match="256 MB can be read together"):
        read_open(ReadOpen(large), {})


def test_tables_of_one_layout_are_asked_about_once():
    result = read({"april.csv": HEADER + ROW, "may.csv": HEADER + ROW.replace("117", "118")})
    (doubt,) = result.doubts
    assert doubt.body.endswith("Written in the same way: may.csv.")


def test_invoices_that_add_up_beyond_all_bounds_are_refused():
    with pytest.raises(FileError, match="can't be added up"):
        read({f"{number}.xml": ubl(number, "92233720368547758.07") for number in "12"})
