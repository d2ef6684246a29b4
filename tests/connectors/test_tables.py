"""Tables as files hold them: which columns are meant, which language, which sheet, and what long cells cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from workbook_files import APRIL_3, DAY, rows, workbook

from mainstay.connectors import tables
from mainstay.connectors.bank import csv as bank_csv
from mainstay.connectors.bank.columns import VOCABULARY, ColumnMap
from mainstay.connectors.invoices import table as invoice_table
from mainstay.connectors.source import Source
from mainstay.connectors.tables import currency_beside, match_columns
from mainstay.errors import FileError

if TYPE_CHECKING:
    from mainstay.records import Layout

LAYOUT = tables.Layout(VOCABULARY, (("booked_on",), ("amount", "credit", "debit")), "bank.columns")
HEADER = ["Date", "Text", "Amount", "Currency"]
ROW = [(APRIL_3, DAY), "Sale", 12.5, "EUR"]


def read(content: str | bytes, columns: ColumnMap | None = None, layouts: tuple[Layout, ...] = ()):
    given = content if isinstance(content, bytes) else content.encode()
    return bank_csv.read(Source("april.csv", given), columns, layouts)


def refused(content: str | bytes, columns: ColumnMap | None = None, layouts: tuple[Layout, ...] = ()) -> FileError:
    with pytest.raises(FileError) as caught:
        read(content, columns, layouts)
    assert caught.value.remedy
    return caught.value


def lines(content: str | bytes, layouts: tuple[Layout, ...] = ()) -> list[tuple[str, str]]:
    found = read(content, layouts=layouts)
    return [(draft.line.booked_on, str(draft.line.amount)) for part in found.parts for draft in part.drafts]


def confirmed(content: str | bytes) -> Layout:
    (doubt,) = read(content).doubts
    assert doubt.layout is not None
    return doubt.layout


# --- languages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["Date,Description,Amount,Currency,Note", "Date,Description,In,Currency,Detail", "Date,Text,Amount,Currency,Saldo"],
)
def test_one_foreign_word_among_english_headers_says_nothing_of_dates(header):
    error = refused(f"{header}\n04/03/2026,Sale,5.00,USD,\n05/03/2026,Sale,5.00,USD,\n")
    assert "'04/03/2026' may be day and month or month and day" in error.message


@pytest.mark.parametrize(
    "header", ["Datum;Text;Amount;Currency", "Date;Libellé;Débit;Currency", "Date;Omschrijving;Bedrag;Currency"]
)
def test_a_table_in_a_language_that_writes_the_day_first_is_read_so(header):
    (line, _) = lines(f"{header}\n04/03/2026;Sale;5,00;EUR\n05/03/2026;Sale;5,00;EUR\n")
    assert line[0] == "2026-03-04"


# --- which column -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Datum;Text;Betrag (USD);Betrag (EUR)\n03.04.2026;Sale;119,00;100,00\n", ("Betrag (USD)", "Betrag (EUR)")),
        ("Datum;Betrag;Waehrung;Betrag in EUR\n03.04.2026;119,00;USD;100,00\n", ("Betrag", "Betrag in EUR")),
        ("Date,Date,Amount,Currency\n2026-04-03,2026-04-05,1.00,EUR\n", ("Date", "Date")),
    ],
)
def test_two_columns_of_one_name_are_asked_about(text, names):
    error = refused(text)
    assert f"the columns {names[0]!r} and {names[1]!r} may both be the" in error.message
    assert "[bank.columns]" in error.remedy
    assert '= "..."' in error.remedy


def test_two_columns_of_one_name_that_hold_the_same_are_one():
    assert lines("Date,Date,Amount,Currency\n2026-04-03,2026-04-03,1.00,EUR\n") == [("2026-04-03", "1.00 EUR")]


def test_a_column_that_is_named_is_taken_among_two():
    columns = ColumnMap(booked_on="Datum", amount="Betrag (EUR)", decimal=",", currency_code="EUR")
    found = read("Datum;Text;Betrag (USD);Betrag (EUR)\n03.04.2026;Sale;119,00;100,00\n", columns)
    assert [str(draft.line.amount) for part in found.parts for draft in part.drafts] == ["100.00 EUR"]


def test_missing_columns_are_said_in_plain_words():
    error = refused("Alpha;Beta\n1;2\n")
    assert "no header was found with columns for booking date, amount or money in or money out" in error.message
    assert 'booked_on = "..."' in error.remedy


# --- a header again, a second table -------------------------------------------------------------------------------


def test_a_header_that_stands_again_in_other_capitals_is_no_row():
    text = "Date,Amount,Currency\n2026-04-03,1.00,EUR\nDATE, Amount ,CURRENCY\n2026-04-04,2.00,EUR\n"
    assert lines(text) == [("2026-04-03", "1.00 EUR"), ("2026-04-04", "2.00 EUR")]


def test_a_second_table_is_named_by_its_line():
    error = refused("Date,Amount,Currency\n2026-04-03,1.00,EUR\n\nCurrency,Booking date,Amount\nEUR,2026-04-04,2.00\n")
    assert "line 4: a second table begins here" in error.message


# --- decimals and dates that were confirmed -----------------------------------------------------------------------


def test_a_confirmed_mark_never_makes_a_thousand_one_and_a_fraction():
    layout = confirmed("Date;Amount;Currency\n2026-04-03;12,50;EUR\n")
    assert layout.columns["decimal"] == ","
    error = refused("Date;Amount;Currency\n2026-04-03;1,190;EUR\n", layouts=(layout,))
    assert "line 2: '1,190' doesn't tell whether its mark is decimal" in error.message
    assert 'decimal = "," (a decimal comma) or decimal = "." (a decimal point)' in error.remedy
    assert lines("Date;Amount;Currency\n2026-04-03;1.190;EUR\n", (layout,)) == [("2026-04-03", "1,190.00 EUR")]


def test_yen_have_no_decimals_so_nothing_is_asked():
    assert lines("Date;Amount;Currency\n2026-04-03;1,190;JPY\n") == [("2026-04-03", "1,190 JPY")]


def test_what_was_confirmed_of_text_says_nothing_of_a_spreadsheet_and_the_other_way():
    text = "Date;Text;Amount;Currency\n03.04.2026;Sale;12,50;EUR\n"
    sheet = workbook(rows(HEADER, ROW))
    for one, other in ((text, sheet), (sheet, text)):
        layout = confirmed(one)
        assert lines(other, (layout,)) == [("2026-04-03", "12.50 EUR")]
        assert read(other, layouts=(layout,)).doubts == ()


# --- sheets -------------------------------------------------------------------------------------------------------


def test_sheets_of_one_header_are_one_table_for_a_bank():
    second = rows(HEADER, [(APRIL_3 + 28, DAY), "Sale", 7, "EUR"])
    content = workbook(rows(HEADER, ROW), second, rows(["Notes"], ["None"]))
    assert lines(content) == [("2026-04-03", "12.50 EUR"), ("2026-05-01", "7.00 EUR")]
    found = read(content)
    assert "Read from the sheets 'Sheet 1', 'Sheet 2'." in found.doubts[0].body
    assert "Not read, as they hold no such table: 'Sheet 3'." in found.doubts[0].body
    assert any("'Sheet 3'" in note for note in found.notes)


def test_an_error_in_a_later_sheet_names_the_sheet():
    second = rows(HEADER, [(APRIL_3, DAY), "Sale", "much", "EUR"])
    error = refused(workbook(rows(HEADER, ROW), second))
    assert "sheet 2, line 2, column 'Amount': 'much' is not an amount" in error.message


@pytest.mark.parametrize(
    "second",
    [
        rows(["Date", "Amount", "Currency", "Text"], [(APRIL_3, DAY), 1, "EUR", "Sale"]),
        rows(["Account 7"], HEADER, ROW),  # something stands before the header: another account, perhaps
    ],
)
def test_sheets_of_which_either_may_be_meant_are_asked_about(second):
    error = refused(workbook(rows(HEADER, ROW), second))
    assert "the sheets 'Sheet 1', 'Sheet 2' hold a table each, and one can be read" in error.message
    assert "Hide the sheets" in error.remedy
    assert lines(workbook(rows(HEADER, ROW), second, states=("visible", "hidden"))) == [("2026-04-03", "12.50 EUR")]


INVOICES = ["Number", "Customer", "Amount", "Currency", "Issued", "Due"]
INVOICE = ["RE-1", "Acme", 119, "EUR", (APRIL_3, DAY), (APRIL_3 + 28, DAY)]


@pytest.mark.parametrize(("header", "row"), [(INVOICES, INVOICE), ([*INVOICES, "Paid"], [*INVOICE, 119])])
def test_sheets_of_invoices_are_never_mixed_nor_one_chosen_in_silence(header, row):
    content = workbook(rows(INVOICES, INVOICE), rows(header, row))
    with pytest.raises(FileError, match=r"the sheets 'Sheet [12]', 'Sheet [12]' hold a table each"):
        invoice_table.read(Source("list.xlsx", content), invoice_table.Hints())


def test_a_confirmed_list_of_invoices_is_read_as_text_and_as_a_spreadsheet_but_no_thousand_as_one():
    text = "Number;Customer;Amount;Currency;Issued;Due\nRE-1;Acme;{};{};03.04.2026;01.05.2026\n"

    def amounts(content: bytes, *layouts: Layout) -> list[str]:
        found = invoice_table.read(Source("list.csv", content), invoice_table.Hints(layouts=layouts))
        return [str(draft.document.invoice.amount) for draft in found.drafts]

    first = text.format("119,00", "EUR").encode()
    (doubt,) = invoice_table.read(Source("list.csv", first), invoice_table.Hints()).doubts
    assert doubt.layout is not None
    assert amounts(workbook(rows(INVOICES, INVOICE)), doubt.layout) == ["119.00 EUR"]
    with pytest.raises(FileError, match="'1,190' doesn't tell"):
        amounts(text.format("1,190", "EUR").encode(), doubt.layout)
    assert amounts(text.format("1,190", "JPY").encode()) == ["1,190 JPY"]


# --- what long cells cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", list("([)]1a-.,;:/ €$\"'\u00a0\u0142\ufdfa\t"))
def test_a_cell_of_a_hundred_thousand_letters_is_read_in_time(letter):
    long = letter * 100_000
    for text in (long, f"1{long}1", f"{long}EUR", f"EUR {long}1"):
        currency_beside(text)
        tables.currency_in(text)
        match_columns([text, "Date", "Amount"], LAYOUT)
    quoted = long.replace('"', '""')
    with pytest.raises(FileError):
        read(f'Date,Amount,Currency\n2026-04-03,"{quoted}",EUR\n')
    with pytest.raises(FileError):
        read(f'"{quoted}",Amount,Currency\n2026-04-03,1,EUR\n')


def test_many_wide_rows_are_searched_for_a_header_in_time():
    wide = ";".join(f"Column {n}" for n in range(500))
    assert "no header was found" in refused("\n".join([wide] * 100)).message


def test_text_that_is_none_is_refused_in_words_for_any_format():
    with pytest.raises(FileError) as caught:
        tables.decode(Source("april.sta", b"\xff\xfe:20:A"))
    assert "CSV" not in caught.value.remedy
    assert "table" not in caught.value.message
