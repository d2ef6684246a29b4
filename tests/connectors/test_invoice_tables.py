"""Tables of invoices as people and programs write them: languages, terms, kinds, items, and what is refused."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from invoice_lists import FOOT, read, refused

from mainstay.connectors.invoices.columns import InvoiceColumns
from mainstay.errors import FileError
from mainstay.records import Discount
from mainstay.values import Money

if TYPE_CHECKING:
    from mainstay.connectors.invoices.read import InvoicesRead

XLSX_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Target="xl/workbook.xml" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="Open" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Target="worksheets/sheet1.xml" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>'
    ),
}


def workbook(rows: str, filler: str = "") -> bytes:
    """Write a workbook of one sheet, each cell a text."""
    cells = [[f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row.split(",")] for row in rows.splitlines()]
    lines = "".join(f"<row>{''.join(row)}</row>" for row in cells)
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{lines}</sheetData>{filler}</worksheet>"
    )
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**XLSX_PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            archive.writestr(name, text)
    return held.getvalue()


# --- languages and programs ---------------------------------------------------------------------------------------

LANGUAGES = {
    "es": "Número de factura;Cliente;Fecha de emisión;Vencimiento;Base imponible;IVA;Total;Pendiente;Moneda",
    "it": "Numero fattura;Cliente;Data fattura;Scadenza;Imponibile;Imposta;Totale;Residuo;Valuta",
    "pt": "Número da fatura;Cliente;Data de emissão;Vencimento;Valor líquido;Valor IVA;Valor total;Em aberto;Moeda",
    "pl": "Numer faktury;Nabywca;Data wystawienia;Termin płatności;Netto;Kwota VAT;Brutto;Do zapłaty;Waluta",
    "sv": "Fakturanr;Kundnamn;Fakturadatum;Förfallodatum;Netto;Moms;Totalt;Kvar att betala;Valuta",
    "da": "Fakturanummer;Kunde;Fakturadato;Forfaldsdato;Netto;Momsbeløb;Beløb inkl. moms;Restbeløb;Valuta",
    "no": "Fakturanummer;Kunde;Fakturadato;Forfallsdato;Eks. mva;Mva;Beløp;Utestående;Valuta",
    "fi": "Laskun numero;Asiakas;Laskun päiväys;Eräpäivä;Veroton;Alv;Yhteensä;Avoinna;Valuutta",
    "cs": "Číslo faktury;Odběratel;Vystaveno;Splatnost;Základ daně;DPH;Celkem;K úhradě;Měna",
    "de": "Belegnummer;Kontakt;Belegdatum;Fälligkeit;Nettobetrag;MwSt;Bruttobetrag;Offen;Währung",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_is_read_in_each_language(language):
    row = "F-1;Acme;02/03/2026;31/03/2026;1.000,00;190,00;1.190,00;190,00;EUR\n"
    (invoice,) = read(f"{LANGUAGES[language]}\n{row}").invoices
    assert (invoice.number, invoice.customer, invoice.issued_on, invoice.due_on) == (
        "F-1",
        "Acme",
        "2026-03-02",
        "2026-03-31",
    )
    assert (invoice.amount, invoice.open) == (Money(119000, "EUR"), Money(19000, "EUR"))


PROGRAMS = {
    "lines repeat the invoice": (
        "*ContactName,EmailAddress,*InvoiceNumber,*InvoiceDate,*DueDate,Total,TaxTotal,InvoiceAmountPaid,"
        "InvoiceAmountDue,*Description,LineAmount,Currency,Type,Status\n"
        "Acme,a@b.example,INV-7,2026-03-01,2026-03-31,120.00,20.00,20.00,100.00,Work,50.00,GBP,Sales invoice,Approved\n"
        "Acme,a@b.example,INV-7,2026-03-01,2026-03-31,120.00,20.00,20.00,100.00,More,50.00,GBP,Sales invoice,Approved\n"
    ),
    "small currency, remaining": (
        "id,Amount Due,Currency,Customer,Date (UTC),Due Date (UTC),Number,Subtotal,Tax,Total,Amount Paid,"
        "Amount Remaining,Status,Customer Name,Customer Email\n"
        "in_1,120.00,gbp,cus_1,2026-03-01 10:11,2026-03-31 10:11,INV-7,100.00,20.00,120.00,20.00,100.00,open,Acme,"
        "a@b.example\n"
    ),
    "net first": (
        "Invoice ref.,Date,Due date,Third-party name,Email,Amount (net of tax),Amount (inc. tax),Open amount,Currency\n"
        "INV-7,2026-03-01,2026-03-31,Acme,a@b.example,100.00,120.00,100.00,GBP\n"
    ),
    "paid in amounts": (
        "Number,Customer,Email,Issued,Due,Total,Paid,Currency\n"
        "INV-7,Acme,a@b.example,2026-03-01,2026-03-31,120.00,20.00,GBP\n"
    ),
    "terms for a due date": (
        "Number,Customer,Email,Issued,Terms,Total,Balance,Currency\n"
        "INV-7,Acme,a@b.example,2026-03-01,Net 30,120.00,100.00,GBP\n"
    ),
    "net and tax alone": (
        "Number,Customer,Email,Issued,Due,Net,VAT,Amount paid,Currency\n"
        "INV-7,Acme,a@b.example,2026-03-01,2026-03-31,100.00,20.00,20.00,GBP\n"
    ),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_same_invoice_is_read_from_what_programs_export(program):
    (invoice,) = read(PROGRAMS[program]).invoices
    assert (invoice.number, invoice.customer, invoice.email) == ("INV-7", "Acme", "a@b.example")
    assert (invoice.amount, invoice.open) == (Money(12000, "GBP"), Money(10000, "GBP"))
    assert (invoice.issued_on, invoice.due_on) == ("2026-03-01", "2026-03-31")


UNPAID = ("Vencida", "Da pagare", "nieopłacona", "förfallen", "po splatnosti", "Awaiting Payment", "Not Paid")
GONE = ("Cobrada", "Pagata", "opłacona", "betald", "uhrazeno", "uncollectible", "Borrador")


@pytest.mark.parametrize(("state", "count"), [*((word, 1) for word in UNPAID), *((word, 0) for word in GONE)])
def test_states_are_known_in_these_languages(state, count):
    text = f"Number,Customer,Total,Currency,Issued,Due,Status\n1,A,9.00,EUR,2026-03-01,2026-03-31,{state}\n"
    assert read(text).count == count


# --- credit notes, kinds, items, terms ----------------------------------------------------------------------------

KINDS = "Number,Customer,Total,Currency,Issued,Due,Type\n1,A,10.00,EUR,2026-03-01,2026-03-31,Invoice\n"


@pytest.mark.parametrize(
    "kind", ["Gutschrift", "credit note", "Avoir", "Creditnota", "381", "nota di credito", "dobropis"]
)
def test_a_kind_makes_a_credit_note_of_a_positive_amount(kind):
    result = read(KINDS + f"2,B,4.00,EUR,2026-03-01,,{kind}\n")
    assert ([one.number for one in result.invoices], result.left_out) == (["1"], 1)
    assert "Left out as credit note: 1." in result.note


def test_a_quote_or_a_payment_among_invoices_is_no_debt():
    result = read(KINDS + "2,B,4.00,EUR,2026-03-01,2026-03-31,Estimate\n3,B,4.00,EUR,2026-03-01,2026-03-31,Payment\n")
    assert (result.count, result.left_out) == (1, 2)
    assert read(KINDS + ",B,-4.00,EUR,2026-03-01,,Payment\n").count == 1


def test_a_draft_without_number_and_days_is_left_out_as_void():
    result = read(
        "Number,Customer,Total,Currency,Issued,Due,Status\n"
        "1,A,9.00,EUR,2026-03-01,2026-03-31,open\n,B,5.00,EUR,,,Entwurf\n"
    )
    assert (result.count, result.left_out) == (1, 1)


def test_an_unknown_kind_is_taken_for_an_invoice_and_asked_about_each_time():
    text = KINDS + "2,B,4.00,EUR,2026-03-01,2026-03-31,Hosting\n"
    result = read(text)
    assert result.count == 2
    assert "taken for invoices: 'Hosting'" in result.doubts[0].body
    assert "taken for invoices: 'Hosting'" in read(text, None, result.doubts[0].layout).doubts[0].body


@pytest.mark.parametrize("kind", ["ACCPAY", "Sales Receipt", "Accounts payable", "Eingang", "Eingangsrechnung"])
def test_what_is_no_sale_on_account_is_no_debt(kind):
    assert read(KINDS + f"2,B,4.00,EUR,2026-03-01,2026-03-31,{kind}\n").count == 1


@pytest.mark.parametrize("title", ["Eingangsrechnungen 2026", "Bills to pay", "Factures fournisseurs"])
def test_a_title_of_invoices_received_is_asked_about(title):
    assert f"Above the table stands {title!r}" in read(f"{title},,,,,\n{FOOT}").doubts[0].body


def test_debit_and_credit_of_the_customers_account_are_told_apart():
    head = "Rechnungsnr;Name;Betrag;{}Belegdatum;Fälligkeit\n"
    aside = "1;A;100,00;S;01.03.2026;31.03.2026\n2;A;40,00;H;02.03.2026;02.03.2026\n"
    columns = InvoiceColumns(currency_code="EUR")
    for text in (head.format("S/H;") + aside, (head.format("") + aside).replace(";S", " S").replace(";H", " H")):
        result = read(text, columns)
        assert [(one.number, one.amount.minor) for one in result.invoices] == [("1", 10000)]
        assert "Left out as credit note: 1." in result.note
    assert "neither debit nor credit" in refused(head.format("S/H;") + aside.replace(";H", ";X"), columns).message


def test_a_credit_note_in_a_list_takes_off_the_invoice_a_column_names():
    result = read(
        "Number,Customer,Total,Currency,Issued,Due,Original invoice\n"
        "1,A,10.00,EUR,2026-03-01,2026-03-31,\nGS-1,A,-4.00,EUR,2026-03-05,,1\n"
    )
    assert [(one.number, one.open) for one in result.invoices] == [("1", Money(600, "EUR"))]
    assert "GS-1 takes 4.00 EUR off 1; 6.00 EUR stays open." in result.note
    assert "-4.00 EUR  'GS-1', A, a credit note" in result.doubts[0].body


def test_rows_of_one_invoice_with_the_same_total_are_one_and_with_others_are_refused():
    rows = "Number,Customer,Total,Currency,Issued,Due,Item name\n1,A,10.00,EUR,2026-03-01,2026-03-31,Work\n"
    result = read(rows + "1,A,10.00,EUR,2026-03-01,2026-03-31,Travel\n")
    assert (result.count, result.total) == (1, "10.00 EUR")
    assert "Invoices in several rows with the same total, taken once: 1 (1)." in result.note
    assert read(rows.replace("\n1,", "\nRE-1,") + "re -1,A,10.00,EUR,2026-03-01,2026-03-31,More\n").count == 1
    error = refused(rows + "1,A,5.00,EUR,2026-03-01,2026-03-31,Travel\n")
    assert error.remedy == "Export the list of invoices, not of items."


def test_rows_of_items_with_one_amount_each_are_not_one_invoice():
    rows = "".join(f"1,A,50.00,EUR,2026-03-01,2026-03-31,{item}\n" for item in ("Work", "Travel"))
    error = refused(f"Invoice,Customer,Amount,Currency,Date,Due date,Item\n{rows}")
    assert "'Amount' may be of its items" in error.message
    assert read(f"Invoice,Customer,Invoice total,Currency,Date,Due date,Item\n{rows}").total == "50.00 EUR"


@pytest.mark.parametrize("header", ["No,Invoice ID", "No,Rechnungsnummer", "Nr,Invoice number"])
def test_a_running_number_is_not_the_invoices(header):
    (invoice,) = read(
        f"{header},Customer,Total,Currency,Date,Due date\n1,R-7,A,9.00,EUR,2026-03-01,2026-03-31\n"
    ).invoices
    assert invoice.number == "R-7"


@pytest.mark.parametrize(("issued_on", "due_on"), [("0026-03-01", "0026-03-31"), ("2026-03-01", "2062-03-31")])
def test_dates_outside_reason_are_refused(issued_on, due_on):
    assert (
        "line 2" in refused(f"Number,Customer,Total,Currency,Issued,Due\n1,A,9.00,EUR,{issued_on},{due_on}\n").message
    )


def test_an_invoice_due_before_it_was_issued_is_asked_about_each_time():
    text = "Number,Customer,Total,Currency,Issued,Due\n1,A,9.00,EUR,2026-03-31,2026-03-01\n"
    (doubt,) = read(text).doubts
    assert "Due before they were issued: 1." in doubt.body
    assert "Due before they were issued: 1." in read(text, None, doubt.layout).doubts[0].body


TERMS = "Number,Customer,Total,Currency,Issued,Zahlungsziel,Skonto,Skontotage,Skonto bis\n"
TERMS += "1,A,10.00,EUR,2026-03-01,{},{},{},{}\n"


@pytest.mark.parametrize(
    ("terms", "due_on"),
    [
        ("14", "2026-03-15"),
        ("30 Tage netto", "2026-03-31"),
        ("sofort", "2026-03-01"),
        ("2026-04-02", "2026-04-02"),
        ("net 10", "2026-03-11"),
        ("2/10 net 30", "2026-03-31"),
    ],
)
def test_terms_of_payment_stand_for_a_due_date(terms, due_on):
    assert read(TERMS.format(terms, "", "", "")).invoices[0].due_on == due_on


@pytest.mark.parametrize(
    "terms",
    [
        "",
        "as agreed",
        "99999",
        "10/20/30",
        "15th of next month",
        "10 Werktage",
        "Net 30 EOM",
        "14 Tage nach Lieferung",
        "8 Tage 2 % Skonto",
        "#14",
    ],
)
def test_terms_that_say_no_day_are_refused(terms):
    assert "column 'Zahlungsziel'" in refused(TERMS.format(terms, "", "", "")).message


@pytest.mark.parametrize(
    ("percent", "days", "until", "discounts"),
    [
        ("2", "10", "", (Discount(200, "2026-03-11"),)),
        ("2.5 %", "", "2026-03-09", (Discount(250, "2026-03-09"),)),
        ("0.02", "10", "", (Discount(200, "2026-03-11"),)),
        ("0.5", "10", "", (Discount(50, "2026-03-11"),)),
        ("0", "10", "", ()),
        ("2", "", "", ()),
    ],
)
def test_a_discount_needs_a_rate_and_a_day(percent, days, until, discounts):
    assert read(TERMS.format("30", percent, days, until)).invoices[0].discounts == discounts


def test_discounts_in_terms_are_taken_and_shown():
    result = read(TERMS.format("30 Tage netto; 10 Tage 2 % Skonto", "", "", ""))
    assert result.invoices[0].discounts == (Discount(200, "2026-03-11"),)
    assert "due 2026-03-31, 2 % less until 2026-03-11" in result.doubts[0].body


@pytest.mark.parametrize(("percent", "days"), [("150", "10"), ("x", "10"), ("2", "ten"), ("2", "99999")])
def test_a_discount_that_can_not_be_is_refused(percent, days):
    assert "line 2, column 'Skonto" in refused(TERMS.format("30", percent, days, "")).message


def test_paid_by_its_state_goes_before_an_open_amount_and_is_said():
    result = read(
        "Number,Customer,Total,Open,Currency,Issued,Due,Status\n1,A,9.00,9.00,EUR,2026-03-01,2026-03-31,Paid\n"
    )
    assert (result.count, result.left_out) == (0, 1)
    assert "paid by its state" in result.note


# --- guesses are confirmed once -----------------------------------------------------------------------------------


def test_guessed_columns_are_asked_about_once_and_named_ones_never():
    (doubt,) = read(FOOT).doubts
    assert (doubt.kind, doubt.file) == ("layout", "open.csv")
    assert "due date 'Due'" in doubt.body
    assert doubt.layout is not None
    assert read(FOOT, None, doubt.layout).doubts == ()
    assert read(FOOT, None, doubt.layout).invoices == read(FOOT).invoices
    named = InvoiceColumns(
        number="Number", customer="Customer", amount="Total", currency="Currency", issued_on="Issued", due_on="Due"
    )
    assert read(FOOT, named).doubts == ()


def test_what_was_confirmed_of_dates_holds_where_the_next_file_leaves_it_open():
    first = "Number;Customer;Total;Currency;Issued;Due\n1;A;1,50;EUR;01/03/2026;31/03/2026\n"
    (doubt,) = read(first).doubts
    assert doubt.layout is not None
    later = "Number;Customer;Total;Currency;Issued;Due\n2;A;1.500;EUR;01/03/2026;02/03/2026\n"
    (invoice,) = read(later, None, doubt.layout).invoices
    assert (invoice.amount, invoice.due_on) == (Money(150000, "EUR"), "2026-03-02")


# --- workbooks and bad input --------------------------------------------------------------------------------------


def test_a_workbook_is_read_as_a_table_is():
    result = read(workbook(FOOT))
    assert result.invoices == read(FOOT).invoices
    assert result.files[0].format == "XLSX"


def test_a_workbook_that_bursts_is_refused():
    assert refused(workbook(FOOT, " " * (80 * 2**20)))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_line_ends_and_encodings_change_nothing(ending, encoding):
    assert read(FOOT.replace("\n", ending).encode(encoding)).invoices == read(FOOT).invoices


LAST = "Number,Customer,Currency,Issued,Due,Total\n1,A,EUR,2026-03-01,2026-03-31,10.00\n"
LAST += "2,B,EUR,2026-03-01,2026-03-31,1250.50"


@pytest.mark.parametrize("text", [PROGRAMS["lines repeat the invoice"], FOOT, LAST])
def test_a_table_cut_at_any_byte_gives_what_the_whole_gives_or_says_that_it_may_be_cut(text):
    whole = read(text).invoices
    results = [_cut(text.encode()[:end]) for end in range(len(text))]
    assert sum(isinstance(one, FileError) for one in results) > len(text) // 3
    for result in results:
        if isinstance(result, FileError) or result.invoices == whole[: result.count]:
            continue
        assert result.invoices[:-1] == whole[: result.count - 1]
        assert "if the file was cut off, export it again" in result.doubts[0].body


def _cut(content: bytes) -> InvoicesRead | FileError:
    try:
        return read(content)
    except FileError as error:
        return error


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("10.00", "9" * 30),
        ("10.00", "92233720368547758.08"),
        ("10.00", "=SUM(A1:A9)"),
        ("10.00", "1e5"),
        ("EUR", "XXQ"),
        ("2026-03-31", "2026-02-30"),
        ("2026-03-31", "0000-00-00"),
        ("A,", "A\0,"),
    ],
)
def test_what_can_not_be_an_invoice_is_refused_with_its_line(old, new):
    assert "line 2" in refused(FOOT.replace(old, new, 1)).message


def test_amounts_that_add_up_beyond_all_bounds_are_refused():
    assert refused(FOOT.replace("10.00", "92233720368547758.07"))
