"""Workbooks: cells as a CSV file would hold them, and nothing that bursts."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbook_files import APRIL_3, DAY, MAIN, TIME, rows, workbook

from mainstay.connectors import sheets
from mainstay.connectors.bank import csv as bank_csv
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.sheets import rows_of
from mainstay.connectors.source import Source
from mainstay.errors import FileError


def read(content: bytes):
    return rows_of(Source("april.xlsx", content))


def refused(content: bytes) -> str:
    with pytest.raises(FileError) as caught:
        read(content)
    assert caught.value.message.startswith("april.xlsx")
    assert caught.value.remedy
    return caught.value.message


def one(value: object) -> str:
    (sheet,) = read(workbook(rows([value])))
    return sheet.rows[0][1][0]


# --- cells --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("19.989999999999998", "19.99"),
        ("0.30000000000000004", "0.3"),
        ("1234.5", "1234.5"),
        ("-1234.5600000000001", "-1234.56"),
        ("5", "5"),
        ("100", "100"),
        ("0", "0"),
        ("-0", "0"),
        ("1E-3", "0.001"),
        ("123456789012.34", "123456789012.34"),
        ("1e20", "100000000000000000000"),
    ],
)
def test_a_number_comes_out_as_excel_shows_it(stored, text):
    (sheet,) = read(workbook(f'<row r="1"><c r="A1"><v>{stored}</v></c></row>'))
    assert sheet.rows[0][1] == [text]


@settings(max_examples=200)
@given(st.integers(-(10**12), 10**12))
def test_any_amount_in_cents_survives_the_way_through_a_binary_fraction(minor):
    assert round(float(one(minor / 100)) * 100) == minor
    whole, _, cents = one(minor / 100).lstrip("-").partition(".")
    assert int(whole) * 100 + int(cents.ljust(2, "0")) == abs(minor)


def test_days_are_days_and_times_stand_behind():
    (sheet,) = read(workbook(rows([(APRIL_3, DAY), (APRIL_3 + 0.5, TIME), (APRIL_3, TIME)])))
    assert sheet.rows == ((1, ["2026-04-03", "2026-04-03 12:00:00", "2026-04-03"]),)


def test_a_workbook_that_counts_from_1904_does():
    (sheet,) = read(workbook(rows([(APRIL_3 - 1462, DAY)]), flag='<workbookPr date1904="1"/>'))
    assert sheet.rows[0][1] == ["2026-04-03"]


def test_text_that_looks_like_a_formula_is_text_and_truths_are_words():
    (sheet,) = read(workbook('<row r="1"><c r="A1" t="b"><v>1</v></c></row>' + rows(["=cmd|' /C calc'!A0"], first=2)))
    assert sheet.rows == ((1, ["true"]), (2, ["=cmd|' /C calc'!A0"]))


def test_a_formula_is_its_stored_value_and_what_has_none_is_told_with_its_place():
    body = '<row r="2"><c r="A2"><f>1+1</f><v>2</v></c><c r="B2"><f>1+1</f></c><c r="C2" t="e"><v>#REF!</v></c></row>'
    (sheet,) = read(workbook(body))
    assert sheet.rows[0][1][0] == "2"
    assert sheet.faults == {
        (2, 2): "the cell holds a formula without its result",
        (2, 3): "the cell holds the error #REF!",
    }


def test_shared_texts_are_read_and_a_missing_one_is_refused():
    shared = {"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>Muster</t></si></sst>'.encode()}
    body = '<row r="1"><c r="A1" t="s"><v>{}</v></c></row>'
    assert read(workbook(body.format(0), extra=shared))[0].rows == ((1, ["Muster"]),)
    assert "whose text is missing" in refused(workbook(body.format(1), extra=shared))


def test_hidden_sheets_are_not_read():
    found = read(workbook(rows(["a"]), rows(["b"]), rows(["c"]), states=("hidden", "visible", "veryHidden")))
    assert [(sheet.name, sheet.rows) for sheet in found] == [("Sheet 2", ((1, ["b"]),))]
    assert "no visible sheet" in refused(workbook(rows(["a"]), states=("hidden",)))


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "what"),
    [
        ("XFD1", "more than 512 columns"),
        ("A200001", "more than 200,000 rows"),
        ("SR199999", "more than 4,000,000 cells"),
    ],
)
def test_a_cell_in_the_last_corner_is_refused_before_room_is_made_for_it(place, what):
    assert what in refused(workbook(f'<row><c r="A1"><v>1</v></c><c r="{place}"><v>1</v></c></row>'))


def test_empty_styled_cells_in_the_last_corner_do_no_harm():
    (sheet,) = read(workbook(rows(["a"]) + '<row r="1048576"><c r="XFD1048576" s="1"/></row>'))
    assert sheet.rows == ((1, ["a"]),)


def test_one_long_text_shared_by_many_cells_is_refused():
    shared = {"xl/sharedStrings.xml": f"<sst xmlns='{MAIN}'><si><t>{'x' * 30_000}</t></si></sst>".encode()}
    body = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 1200))
    assert "more than 33,554,432 characters" in refused(workbook(body, extra=shared))
    longer = {"xl/sharedStrings.xml": f"<sst xmlns='{MAIN}'><si><t>{'x' * 40_000}</t></si></sst>".encode()}
    assert "more than 32,767 characters in a cell" in refused(
        workbook('<row r="1"><c r="A1" t="s"><v>0</v></c></row>', extra=longer)
    )


def test_a_zip_bomb_is_refused_by_its_directory():
    assert "300 times its packed size" in refused(workbook(" " * 20_000_000))
    assert "it may hold 2000, each once" in refused(workbook("", extra={f"xl/{n}": b"" for n in range(2000)}))


def test_a_directory_that_lies_about_sizes_is_refused():
    content = bytearray(workbook(" " * 1_000_000))
    at = content.find(b"PK\x01\x02")
    while at >= 0:  # every entry of the directory says ten bytes
        content[at + 24 : at + 28] = struct.pack("<I", 10)
        at = content.find(b"PK\x01\x02", at + 4)
    assert "cut off or damaged" in refused(bytes(content))


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["march.csv", "april.csv"], "a ZIP archive"),
        (["inner.zip"], "a ZIP archive"),
        (["xl/workbook.bin"], "a binary Excel file"),
        (["mimetype", "content.xml"], "an OpenDocument file"),
        (["Index/Document.iwa"], "a Numbers file"),
        (["word/document.xml"], "a Word document"),
        (["xl/workbook.xml", "xl/vbaProject.bin"], "holds macros"),
    ],
)
def test_another_thing_in_a_zip_is_called_by_its_name(names, what):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, b"<x/>")
    assert what in refused(packed.getvalue())


def test_a_password_is_said():
    content = bytearray(workbook(rows(["a"])))
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    assert "protected by a password" in refused(bytes(content))


@pytest.mark.parametrize(
    "body",
    [
        '<row r="1">',
        '<row r="0"><c><v>1</v></c></row>',
        '<row r="1"><c r="A0"><v>1</v></c></row>',
        '<row r="1"><c r="ZZZZZ9"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c>&bomb;</row>',
        "\x00",
    ],
)
def test_a_damaged_sheet_is_refused(body):
    refused(workbook(body))


def test_a_document_type_in_any_part_is_refused():
    content = workbook(rows(["a"]))
    for name in ("xl/workbook.xml", "xl/worksheets/sheet1.xml"):
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
            for part in old.namelist():
                dtd = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' if part == name else b""
                new.writestr(part, dtd + old.read(part))
        refused(packed.getvalue())


@settings(max_examples=150)
@given(st.data())
def test_a_workbook_cut_anywhere_or_with_any_byte_changed_is_read_or_refused(data):
    content = bytearray(workbook(rows(["Date", "Amount"], [(APRIL_3, DAY), 12.5])))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(4, len(content) - 1))]
    else:
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(FileError):  # and nothing else
        assert len(read(bytes(content))) == 1


# --- as a statement -----------------------------------------------------------------------------------------------


def statement(*bodies: str, **more: tuple[str, ...]):
    source = Source("april.xlsx", workbook(*bodies, **more))
    return assemble([("april.xlsx", bank_csv.read(source))])


TITLED = rows(
    ["Account statement", None, None],
    ["IBAN DE89370400440532013000", None, None],
    [],
    ["Date", "Text", "Amount", "Currency", "Balance"],
    [(APRIL_3, DAY), "Rent", -1234.5, "EUR", 765.5],
    [(APRIL_3 + 1, DAY), "=HYPERLINK(evil)", 19.99, "EUR", 785.49],
)


def test_a_statement_is_read_from_a_sheet_with_titles_before_its_header():
    result = statement(TITLED)
    assert [(line.booked_on, str(line.amount), line.text) for line in result.lines] == [
        ("2026-04-03", "-1,234.50 EUR", "Rent"),
        ("2026-04-04", "19.99 EUR", "=HYPERLINK(evil)"),
    ]
    assert (result.format, result.balance) == ("XLSX", "checked")
    assert result.statements[0].account == "DE89370400440532013000"
    (doubt,) = result.doubts
    assert "2026-04-03  -1,234.50 EUR  'Rent'" in doubt.body


def test_the_sheet_whose_header_fits_is_taken():
    result = statement(rows(["Notes"], ["nothing here"]), TITLED)
    assert result.count == 2
    assert "from the sheet 'Sheet 2'" in result.note


def test_an_error_in_a_cell_that_is_read_is_refused_with_row_and_column():
    body = '<row r="2"><c r="A2" s="1"><v>46115</v></c><c r="B2" t="e"><v>#REF!</v></c><c r="C2"><v>1</v></c></row>'
    head = rows(["Date", "Amount", "Remark"])
    with pytest.raises(FileError, match=r"april\.xlsx, line 2, column 'Amount': the cell holds the error #REF!"):
        statement(head + body)
    unread = body.replace('t="e"><v>#REF!', "><v>5").replace('<c r="C2"><v>1', '<c r="C2" t="e"><v>#N/A')
    assert statement(head.replace("Amount", "Amount (EUR)") + unread).count == 1


def test_limits_are_those_the_messages_name():
    assert (sheets.MAX_ROWS, sheets.MAX_COLUMNS, sheets.MAX_AREA) == (200_000, 512, 4_000_000)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("12345678901234567", "12345678901234567"),
        ("12345678901234568", "12345678901234568"),
        ("-1234567890123456", "-1234567890123456"),
        ("123456789012345678901234567", "123456789012345678901234567"),
        ("1.2345678901234567E+16", "12345678901234567"),
        ("123456789012345", "123456789012345"),
        ("0.30000000000000004", "0.3"),
        ("1234.5600000000001", "1234.56"),
    ],
)
def test_a_long_number_keeps_every_digit_and_a_fraction_sheds_its_noise(written, text):
    (sheet,) = read(workbook(f'<row r="1"><c r="A1"><v>{written}</v></c><c r="B1"><v>1</v></c></row>'))
    assert sheet.rows[0][1] == [text, "1"]


def test_two_long_references_stay_two():
    body = rows(
        ["Date", "Amount", "Currency", "Reference"],
        [(APRIL_3, DAY), 10, "EUR", 12345678901234567],
        [(APRIL_3, DAY), 10, "EUR", 12345678901234568],
    )
    found = bank_csv.read(Source("april.xlsx", workbook(body)))
    last = [draft.line.raw.split(" | ")[-1] for part in found.parts for draft in part.drafts]
    assert last == ["12345678901234567", "12345678901234568"]
