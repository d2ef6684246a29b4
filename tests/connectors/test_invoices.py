"""Open invoices from tables: what counts as open, and what is refused."""

from __future__ import annotations

import tomllib

import msgspec
import pytest

from mainstay.connectors.invoices.columns import InvoiceColumns
from mainstay.connectors.invoices.read import InvoicesRead, ReadOpen, operations, read_open, totals_of
from mainstay.contracts import from_plain, to_plain
from mainstay.errors import FileError
from mainstay.records import File, Invoice
from mainstay.values import BlobRef, Money

HEADER = "Number,Customer,Email,Total,Open,Currency,Issued,Due,IBAN,Reference\n"
ROW = (
    "2026-117,Acme GmbH,pay@acme.example,1250.50,1250.50,EUR,2026-03-01,2026-03-31,"
    "de02 1203 0000 0000 2020 51,RF18539007547034\n"
)
GERMAN = """Rechnungsnummer;Kunde;E-Mail;Rechnungsbetrag;Offener Betrag;W\u00e4hrung;Rechnungsdatum;F\u00e4llig am
2026-117;Acme GmbH;pay@acme.example;1.250,50;1.250,50;EUR;01.03.2026;31.03.2026
"""
FRENCH = """Num\u00e9ro de facture;Client;Courriel;Montant TTC;Restant d\u00fb;Devise;Date facture;\u00c9ch\u00e9ance
2026-117;Acme GmbH;pay@acme.example;1 250,50;1 250,50;EUR;01/03/2026;31/03/2026
"""
DUTCH = """Factuurnummer;Klant;E-mail;Factuurbedrag;Openstaand;Valuta;Factuurdatum;Vervaldatum
2026-117;Acme GmbH;pay@acme.example;1.250,50;1.250,50;EUR;01-03-2026;31-03-2026
"""


def read(text: str | bytes, columns: InvoiceColumns | None = None) -> InvoicesRead:
    content = text.encode() if isinstance(text, str) else text
    file = File("open.csv", BlobRef("digest", len(content)))
    return read_open(ReadOpen(file, columns=columns), {"digest": content})


def refused(text: str | bytes, columns: InvoiceColumns | None = None) -> str:
    with pytest.raises(FileError) as caught:
        read(text, columns)
    assert caught.value.message.startswith("open.csv")
    assert caught.value.remedy
    return caught.value.message


def test_an_invoice_has_all_its_fields():
    (invoice,) = read(HEADER + ROW).invoices
    assert invoice == Invoice(
        number="2026-117",
        customer="Acme GmbH",
        amount=Money(125050, "EUR"),
        open=Money(125050, "EUR"),
        issued_on="2026-03-01",
        due_on="2026-03-31",
        email="pay@acme.example",
        iban="DE02120300000000202051",
        reference="RF18539007547034",
    )


@pytest.mark.parametrize("text", [GERMAN, FRENCH, DUTCH])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_headers_are_known_in_four_languages(text, encoding):
    (invoice,) = read(text.encode(encoding)).invoices
    expected = read(HEADER + ROW).invoices[0]
    assert invoice == msgspec.structs.replace(expected, iban="", reference="")


def test_paid_invoices_and_credit_notes_are_left_out_and_counted():
    rows = ROW + ROW.replace("117", "118").replace("1250.50,1250.50", "80.00,0.00")
    rows += ROW.replace("117", "119").replace("1250.50,1250.50", "-20.00,-20.00")
    result = read(HEADER + rows)
    assert (result.count, result.left_out) == (1, 2)
    assert "Left out as paid: 1. Left out as credit note: 1." in result.note


def test_totals_are_of_what_is_open_per_currency():
    rows = ROW.replace("1250.50,1250.50", "1250.50,250.50") + ROW.replace("117", "118").replace("EUR", "USD")
    result = read(HEADER + rows + ROW.replace("117", "119"))
    assert result.totals == (Money(150100, "EUR"), Money(125050, "USD")) == totals_of(result.invoices)
    assert result.total == "1,501.00 EUR, 1,250.50 USD"


STATES = "Number,Customer,Total,Currency,Issued,Due,Status\n1,A,10.00,EUR,2026-03-01,2026-03-31,{}\n"


@pytest.mark.parametrize(("state", "count"), [("Unpaid", 1), ("overdue", 1), ("PAID", 0), ("bezahlt", 0), ("Draft", 0)])
def test_without_open_amounts_the_state_tells_what_is_open(state, count):
    assert read(STATES.format(state)).count == count


def test_a_state_that_is_not_understood_is_refused_rather_than_reminded():
    assert "line 2, column 'Status': 'partly' says neither paid nor unpaid" in refused(STATES.format("partly"))


def test_with_neither_every_invoice_counts_as_open_and_the_note_says_so():
    result = read("Number,Customer,Total,Currency,Issued,Due\n1,A,10.00,EUR,2026-03-01,2026-03-31\n")
    assert result.invoices[0].open == Money(1000, "EUR")
    assert "every invoice counts as open" in result.note


def test_a_number_given_twice_with_other_content_is_refused_with_both_lines():
    message = refused(HEADER + ROW + ROW.replace("1250.50,1250.50", "1250.50,50.00"))
    assert "line 3, column 'Number': the invoice number '2026-117' stands already in line 2" in message


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1250.50,", "12..50,", "column 'Total': '12..50' is not an amount"),
        (",1250.50,EUR", ",1250.51,EUR", "column 'Open': 1,250.51 EUR is open of an invoice of 1,250.50 EUR"),
        (",1250.50,EUR", ",,EUR", "column 'Open': the cell is empty"),
        ("EUR", "EURX", "column 'Currency': 'EURX' is not a currency"),
        ("EUR", "", "nothing says the currency"),
        ("2026-03-31", "2026-02-31", "column 'Due': '2026-02-31' is not a date"),
        ("2026-03-31", "", "column 'Due': the cell is empty"),
        ("Acme GmbH", "", "column 'Customer': the cell is empty"),
        ("2026-117", "", "column 'Number': the cell is empty"),
    ],
)
def test_what_cannot_be_read_is_named_by_line_and_column(old, new, says):
    rows = ROW.replace("117", "116") + ROW.replace(old, new, 1)
    message = refused(HEADER + rows)
    assert "line 3" in message
    assert says in message


def test_a_table_without_a_needed_column_says_which():
    message = refused(HEADER.replace("Due", "Later") + ROW)
    assert "line 1: this looks like the header, but there is no column for due date" in message


def test_named_columns_and_a_currency_read_what_no_guess_could():
    columns = InvoiceColumns(
        number="A", customer="B", amount="C", issued_on="D", due_on="E", currency_code="CHF", date_format="%d.%m.%y"
    )
    (invoice,) = read("A;B;C;D;E\n7;Acme;12.50;01.03.26;31.03.26\n", columns).invoices
    assert (invoice.amount, invoice.due_on) == (Money(1250, "CHF"), "2026-03-31")


def test_a_table_with_a_header_alone_has_no_open_invoices():
    assert read(HEADER).count == 0


def test_a_mail_field_that_looks_like_an_expression_stays_text():
    (invoice,) = read(HEADER + ROW.replace("Acme GmbH", "{{7*7}} =cmd()")).invoices
    assert invoice.customer == "{{7*7}} =cmd()"


def test_the_operation_names_a_function_that_is_there():
    (operation,) = operations()
    assert (operation.name, operation.effect, operation.where) == ("invoices.read_open", "read", "worker")
    assert operation.entry == f"{read_open.__module__}:{read_open.__name__}"


def test_the_workspaces_columns_and_seller_are_arguments_that_playbooks_may_leave_out():
    assert operations(InvoiceColumns())[0].defaults == {}
    (operation,) = operations(InvoiceColumns(currency_code="EUR"), "Me")
    plain = {"file": to_plain(File("a", BlobRef("d", 1))), **operation.defaults}
    assert from_plain(plain, ReadOpen) == ReadOpen(
        File("a", BlobRef("d", 1)), columns=InvoiceColumns(currency_code="EUR"), seller="Me"
    )


def test_input_and_output_travel_between_processes():
    result = read(HEADER + ROW)
    assert msgspec.json.decode(msgspec.json.encode(result), type=InvoicesRead) == result


def test_what_to_write_in_mainstay_toml_for_an_unknown_header_is_said_line_by_line_and_works():
    text = "Vorgang,Customer,Worth,Issued,Due\n7,Acme,12.50,2026-03-01,2026-03-31\n"
    with pytest.raises(FileError) as caught:
        read(text)
    lines = caught.value.remedy.splitlines()
    section = "\n".join(lines[2:-1])
    assert lines[2] == "[invoices.columns]"
    assert lines[0] == 'The file has these columns too: "Vorgang", "Worth".'
    filled = section.replace('number = "..."', 'number = "Vorgang"').replace('amount = "..."', 'amount = "Worth"')
    columns = msgspec.convert(tomllib.loads(filled)["invoices"]["columns"], InvoiceColumns)
    assert read(text, msgspec.structs.replace(columns, currency_code="EUR")).count == 1


@pytest.mark.parametrize("cell", ["acme", "a@b.example; c@d.example"])
def test_an_invoice_without_a_usable_address_is_kept_and_gets_no_mail(cell):
    result = read(HEADER + ROW.replace("pay@acme.example", cell))
    assert result.invoices[0].email == ""
    assert f"Line 2: '{cell}' is not one e-mail address, so no mail goes there." in result.note


def test_the_mistakes_of_all_rows_are_told_at_once():
    bad = "".join(ROW.replace("117", f"{number}").replace("03-31", "02-31") for number in range(200, 212))
    message = refused(HEADER + ROW + ROW.replace("117", "118").replace("1250.50,", "x,", 1) + bad)
    assert "line 3, column 'Total': 'x' is not an amount. line 4, column 'Due'" in message
    assert message.endswith("And 3 more.")
    assert message.count("open.csv") == 1


PLAIN = "Rechnung;Kunde;{};Datum;faellig\n7;Acme;{};2026-03-01;2026-03-31\n"


@pytest.mark.parametrize(
    ("header", "cell"),
    [("Betrag", "12,50 \u20ac"), ("Betrag in Euro", "12,50"), ("Betrag (\u20ac)", "12,50"), ("Betrag", "EUR 12,50")],
)
def test_the_euro_is_known_by_its_names_and_its_sign(header, cell):
    assert read(PLAIN.format(header, cell)).invoices[0].amount == Money(1250, "EUR")


def test_without_any_currency_the_line_for_mainstay_toml_is_given():
    with pytest.raises(FileError, match="nothing says the currency") as caught:
        read(PLAIN.format("Betrag", "12,50"))
    assert 'under [company]: currency = "EUR"' in caught.value.remedy


def test_a_mark_that_may_be_either_is_named_with_its_line():
    assert "line 2: '1.250' doesn't tell whether its mark is decimal" in refused(PLAIN.format("Betrag (EUR)", "1.250"))


def test_a_table_that_is_too_large_is_refused_with_size_and_limit():
    message = refused(HEADER + ROW * (17 * 2**20 // len(ROW)))
    assert "open.csv: the file has 17.0 MB, and" in message
