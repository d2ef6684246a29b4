"""Tables of invoices as people and programs write them: languages, totals, terms, kinds, items, and what is refused."""

from __future__ import annotations

import io
import tomllib
import zipfile

import msgspec
import pytest

from mainstay.connectors.invoices import table
from mainstay.connectors.invoices.columns import InvoiceColumns
from mainstay.connectors.invoices.read import InvoicesRead, ReadOpen, read_open
from mainstay.connectors.invoices.table import Hints
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.records import Discount, File, Layout
from mainstay.values import BlobRef, Money

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


def read(text: str | bytes, columns: InvoiceColumns | None = None, *layouts: Layout | None) -> InvoicesRead:
    content = text.encode() if isinstance(text, str) else text
    file = File("open.csv", BlobRef("digest", len(content)))
    known = tuple(filter(None, layouts))
    return read_open(ReadOpen(file, columns=columns, layouts=known), {"digest": content})


def refused(text: str | bytes, columns: InvoiceColumns | None = None) -> FileError:
    with pytest.raises(FileError) as caught:
        read(text, columns)
    assert caught.value.message.startswith("open.csv")
    assert caught.value.remedy
    return caught.value


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


FOOT = "Number,Customer,Total,Currency,Issued,Due\n"
FOOT += "1,A,10.00,EUR,2026-03-01,2026-03-31\n2,B,5.00,EUR,2026-03-01,2026-03-31\n"


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
