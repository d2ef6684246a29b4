"""What is owed of the invoices of a table: which column is the total, what tax makes of it, and what is still open."""

from __future__ import annotations

import tomllib
from contextlib import suppress

import msgspec
import pytest
from invoice_lists import FOOT, read, refused

from mainstay.connectors.invoices import table
from mainstay.connectors.invoices.columns import InvoiceColumns
from mainstay.connectors.invoices.table import Hints
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.values import Money

# --- totals -------------------------------------------------------------------------------------------------------

SUMS = "Number,Customer,Net,VAT,Total,Currency,Issued,Due{}\n1,A,{},{},{},EUR,2026-03-01,2026-03-31{}\n"


def test_net_and_tax_that_do_not_make_the_total_are_refused_with_the_line():
    message = refused(SUMS.format("", "100.00", "19.00", "119.01", "")).message
    assert "line 2, column 'Total': net 100.00 EUR and tax 19.00 EUR make 119.00 EUR, not 119.01 EUR" in message


def test_with_a_retention_net_and_tax_may_make_another_total():
    result = read(SUMS.format(",Retention", "100.00", "21.00", "106.00", ",15.00"))
    assert result.invoices[0].amount == Money(10600, "EUR")


@pytest.mark.parametrize("rate", ["19", "19.0", "19.000", "19 %", "DE123456789"])
def test_a_tax_column_without_amounts_of_tax_is_told_by_that(rate):
    assert read(SUMS.format("", "200.00", rate, "238.00", "")).invoices[0].amount == Money(23800, "EUR")


def test_amounts_without_tax_alone_are_refused_as_customers_pay_them_with_tax():
    text = "Number,Customer,Total excl. VAT,Currency,Issued,Due\n1,A,100.00,EUR,2026-03-01,2026-03-31\n"
    error = refused(text)
    assert "column 'Total excl. VAT'" in error.message
    assert (
        read(
            text,
            InvoiceColumns(
                **dict.fromkeys(("number",), "Number"),
                customer="Customer",
                amount="Total excl. VAT",
                issued_on="Issued",
                due_on="Due",
                currency="Currency",
            ),
        ).count
        == 1
    )


@pytest.mark.parametrize(("tax", "total"), [("19.00", 11900), ("", 10000)])
@pytest.mark.parametrize("header", ["Net", "Amount (excl. VAT)"])
def test_a_total_is_made_of_net_and_tax_where_no_column_has_it(header, tax, total):
    rows = f"1,A,100.00,{tax},EUR,2026-03-01,2026-03-31\n2,A,100.00,19.00,EUR,2026-03-01,2026-03-31\n"
    result = read(f"Number,Customer,{header},VAT,Currency,Issued,Due\n{rows}")
    assert result.invoices[0].amount == Money(total, "EUR")


@pytest.mark.parametrize("row", ["Total,,15.00,,,", ",Total:,15.00,,,", ",,,,,", ",,,,Total,"])
def test_a_row_of_totals_is_left_out(row):
    assert read(f"{FOOT}{row}\n").total == "15.00 EUR"


def test_remarks_around_a_table_are_left_out():
    text = f"Open invoices\n\n{FOOT}\nTotal,,15.00,,,\nPage 1\n* overdue\n"
    assert read(text).total == "15.00 EUR"


def test_a_number_alone_at_the_end_is_refused_as_the_file_may_be_cut_off():
    assert "line 4: there is only '2026-3' in this row" in refused(f"{FOOT}2026-3").message


def test_a_row_of_totals_that_is_not_the_sum_is_refused():
    assert (
        "line 4, column 'Total': the total is 16.00 EUR, but the invoices above it add up to 15.00 EUR"
        in refused(f"{FOOT}Total,,16.00,,,\n").message
    )


def test_an_invoice_to_a_customer_called_total_is_an_invoice():
    assert read(f"{FOOT}3,Total,15.00,EUR,2026-03-01,2026-03-31\n").count == 3


TWO = "{};Währung;Datum;Fällig\n1;A;100,00;19,00;119,00;EUR;01.03.2026;31.03.2026\n"
TWO += "2;B;200,00;0,00;200,00;EUR;01.03.2026;31.03.2026\n"


@pytest.mark.parametrize(
    "header",
    [
        "Rechnungsnr;Kunde;Betrag;MwSt;Gesamt",
        "Fakturanr;Kund;Belopp;Moms;Summa",
        "Fakturanr;Kunde;Beløp;Mva;Sum",
        "Numer faktury;Nabywca;Kwota;VAT;Suma",
        "Number,Customer,Amount,VAT,Grand total".replace(",", ";"),
        "Rechnungsnr;Kunde;Rechnungsbetrag;MwSt;Zahlbar",  # known by its numbers alone
        "Rechnungsnr;Kunde;Betrag;MwSt;Zu zahlen",
    ],
)
def test_an_amount_beside_its_tax_and_their_sum_is_not_the_total(header):
    result = read(TWO.format(header))
    assert [str(one.amount) for one in result.invoices] == ["119.00 EUR", "200.00 EUR"]


def test_an_amount_beside_a_rate_of_tax_and_the_sum_of_both_is_not_the_total():
    head = "Rechnungsnr;Kunde;Rechnungsbetrag;MwSt;Zahlbar;Währung;Datum;Fällig\n"
    rows = "1;A;100,00;19 %;119,00;EUR;01.03.2026;31.03.2026\n2;B;50,00;7 %;53,50;EUR;01.03.2026;31.03.2026\n"
    assert read(head + rows).total == "172.50 EUR"


def test_an_amount_beside_a_tax_without_their_sum_is_asked_about():
    result = read("Number,Customer,Amount,VAT,Currency,Issued,Due\n1,A,119.00,19.00,EUR,2026-03-01,2026-03-31\n")
    assert result.invoices[0].amount == Money(11900, "EUR")
    assert "'Amount' is taken to include the tax in 'VAT'" in result.doubts[0].body


NET = "Number,Customer,{},VAT,Currency,Issued,Due\n"


@pytest.mark.parametrize("header", ["Net", "Amount (excl. VAT)"])
@pytest.mark.parametrize(
    "rows", [[("200.00", "19")], [("200.00", "0.19")], [("200.00", "20.0"), ("300.00", "20.0"), ("150.00", "7")]]
)
def test_no_total_is_made_of_net_and_a_rate_of_tax(header, rows):
    lines = [f"{n},A,{net},{tax},EUR,2026-03-01,2026-03-31\n" for n, (net, tax) in enumerate(rows)]
    assert "column 'VAT'" in refused(NET.format(header) + "".join(lines)).message


@pytest.mark.parametrize(
    "rows",
    [
        [("50.00", "9.50"), ("100.00", "19.00"), ("20.00", "1.40")],
        [("50.00", "9.50")],
        [("200.00", "38.00")],
        [("12.35", "2.35")],
    ],
)
def test_small_amounts_of_tax_are_no_rates(rows):
    lines = [f"{n},A,{net},{tax},EUR,2026-03-01,2026-03-31\n" for n, (net, tax) in enumerate(rows)]
    result = read(NET.format("Net") + "".join(lines))
    assert [one.amount.minor for one in result.invoices] == [
        round(100 * (float(net) + float(tax))) for net, tax in rows
    ]


SIGNED = "Number,Partner,Invoice Date,Due Date,Total Signed,Total in Currency Signed,Amount Due Signed,Currency\n"


def test_amounts_in_the_companys_currency_are_not_taken_for_those_of_the_invoice():
    (invoice,) = read(SIGNED + "1,A,2026-03-01,2026-03-31,108.18,119.00,108.18,USD\n").invoices
    assert (invoice.amount, invoice.open) == (Money(11900, "USD"), Money(11900, "USD"))
    (invoice,) = read(SIGNED + "1,A,2026-03-01,2026-03-31,119.00,119.00,19.00,EUR\n").invoices
    assert (invoice.amount, invoice.open) == (Money(11900, "EUR"), Money(1900, "EUR"))
    alone = "Number,Partner,Invoice Date,Due Date,Total Signed,Currency\n"
    rows = "1,A,2026-03-01,2026-03-31,108.18,USD\n2,A,2026-03-01,2026-03-31,119.00,EUR\n"
    assert "column 'Total Signed'" in refused(alone + rows).message


def test_headers_of_two_currencies_are_refused():
    assert (
        "EUR, USD"
        in refused("Number,Customer,Total (USD),Open (EUR),Issued,Due\n1,A,9,8,2026-03-01,2026-03-31\n").message
    )


@pytest.mark.parametrize("header", ["Net", "Total excl. VAT"])
def test_the_lines_to_write_for_amounts_without_tax_work_as_they_stand(header):
    text = f"Number,Customer,{header},Currency,Issued,Due\n1,A,100.00,EUR,2026-03-01,2026-03-31\n"
    assert read(text, _written(refused(text))).invoices[0].amount == Money(10000, "EUR")


@pytest.mark.parametrize("day", ["03/04/2026", "2026-03-04"])
def test_the_lines_to_write_for_what_a_column_leaves_open_work_as_they_stand(day):
    text = f"Number;Customer;Total;Currency;Issued;Due\n1;A;{'1,50' if '/' in day else '1.500'};EUR;{day};{day}\n"
    columns = _written(refused(text))
    assert columns.decimal or columns.date_format
    assert read(text, columns).count == 1


def _written(error: FileError) -> InvoiceColumns:
    """Take what a remedy says to write in mainstay.toml."""
    section = error.remedy[error.remedy.index("[invoices.columns]") :]
    return msgspec.convert(tomllib.loads(section)["invoices"]["columns"], InvoiceColumns)


# --- what is open -------------------------------------------------------------------------------------------------

STATED = "Number,Customer,Total,Currency,Issued,Due{}\n1,A,10.00,EUR,2026-03-01,2026-03-31{}\n"


def test_it_is_asked_where_no_column_tells_what_is_open():
    assert "so every invoice counts as open" in read(STATED.format("", "")).doubts[0].body
    assert "every invoice" not in read(STATED.format(",Open", ",5.00")).doubts[0].body


@pytest.mark.parametrize("header", ["Paid on", "Bezahlt am", "Date de paiement", "Paid", "Bezahlt"])
def test_a_day_it_was_paid_on_tells_that_it_is(header):
    assert read(STATED.format(f",{header}", ",2026-03-09")).count == 0
    assert read(STATED.format(f",{header}", ",")).count == 1


@pytest.mark.parametrize(
    ("header", "cell"), [("Bezahlt", "x"), ("Paid", "\u2713"), ("Paid", "yes"), ("Status", "Paid")]
)
def test_a_mark_below_a_header_that_says_paid_tells_that_it_is(header, cell):
    assert read(STATED.format(f",{header}", f",{cell}")).count == 0
    assert "column 'Status'" in refused(STATED.format(",Status", ",x")).message


def test_a_credit_note_paid_back_is_none():
    text = "Number,Customer,Total,Currency,Issued,Due,Paid on,Original invoice\n1,A,10.00,EUR,2026-03-01,2026-03-31,,\n"
    credit = "G,A,-4.00,EUR,2026-03-05,,{},1\n"
    assert read(text + credit.format("2026-03-09")).total == "10.00 EUR"
    assert read(text + credit.format("")).total == "6.00 EUR"


@pytest.mark.parametrize("cell", ["-", "0000-00-00", "00.00.0000"])
def test_what_stands_for_no_day_of_payment_is_none(cell):
    assert read(STATED.format(",Paid on", f",{cell}")).count == 1


def test_a_day_of_payment_that_the_state_denies_is_refused():
    error = refused(STATED.format(",Paid on,Status", ",2026-03-09,open"))
    assert "column 'Paid on': it was paid on 2026-03-09, but by its state it is 'open'" in error.message


@pytest.mark.parametrize("title", ["Paid invoices", "Bezahlte Rechnungen (2)", "Factures réglées", "Storniert"])
def test_a_title_that_parts_paid_from_open_is_refused_where_no_column_tells(title):
    rows = "2,B,5.00,EUR,2026-03-01,2026-03-31"
    error = refused(f"{STATED.format('', '')}{title},,,,,\n{rows}\n")
    assert f"line 3: below {title!r} stand invoices" in error.message
    open_too = f"{STATED.format(',Open', ',5.00')}{title},,,,,,\n{rows},0.00\n"
    assert read(open_too).count == 1 if "2" not in title else refused(open_too)


def test_other_titles_between_invoices_are_remarks():
    rows = "2,B,5.00,EUR,2026-03-01,2026-03-31"
    assert read(f"{STATED.format('', '')}Not paid yet,,,,,\n{rows}\n").count == 2


@pytest.mark.parametrize("state", ["Strange", "In Klärung"])
def test_a_state_that_is_not_known_beside_an_open_amount_is_asked_about_each_time(state):
    text = STATED.format(",Open,Status", f",10.00,{state}")
    (doubt,) = read(text).doubts
    assert f"taken for open as their amounts say: {state!r}" in doubt.body
    (again,) = read(text, None, doubt.layout).doubts
    assert (again.kind, again.layout) == ("guess", None)
    assert state in again.body


def test_what_was_refunded_is_no_debt():
    assert read(STATED.format(",Open,Status", ",10.00,Refunded")).count == 0


@pytest.mark.parametrize("header", ["Open", "Amount excl. VAT,Open"])
def test_what_tells_no_total_with_tax_says_so(header):
    amounts = "100.00,40.00" if "," in header else "40.00"
    text = f"Number,Customer,{header},Currency,Issued,Due\n1,A,{amounts},EUR,2026-03-01,2026-03-31\n"
    (draft,) = table.read(Source("open.csv", text.encode()), Hints()).drafts
    assert (draft.tells_amount, draft.tells_open, draft.document.invoice.open) == (False, True, Money(4000, "EUR"))
    (draft,) = table.read(Source("open.csv", STATED.format("", "").encode()), Hints()).drafts
    assert draft.tells_amount


@pytest.mark.parametrize("cell", ["9" * 40, "9" * 26, "9" * 14 + ".99", "0." + "0" * 40 + "1"])
@pytest.mark.parametrize("place", [2, 3, 4])
def test_numbers_beyond_all_bounds_beside_a_tax_are_read_exactly_or_refused(cell, place):
    cells = ["1", "A", "100.00", "19.00", "119.00", "EUR", "2026-03-01", "2026-03-31"]
    cells[place] = cell
    for header in ("Amount,VAT,Other", "Net,VAT,Other", "Net,VAT,Open"):
        with suppress(FileError):
            result = read(f"Number,Customer,{header},Currency,Issued,Due\n{','.join(cells)}\n")
            assert all(one.open.minor <= one.amount.minor < 2**63 for one in result.invoices)
