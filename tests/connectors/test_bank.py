"""The operation that reads bank statements: formats are told by content, and importing it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.read import ReadStatement, operations, read_statement
from mainstay.connectors.bank.statement import StatementRead
from mainstay.contracts import from_plain, to_plain
from mainstay.errors import FileError
from mainstay.records import File
from mainstay.values import BlobRef, Money

CAMT = b"""<Document><BkToCstmrStmt><Stmt><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>
<Ntry><Amt Ccy="EUR">12.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-04-10</Dt></BookgDt></Ntry>
</Stmt></BkToCstmrStmt></Document>"""
CSV = b"Date,Amount,Currency\n2026-04-10,12.50,EUR\n"


def read(content: bytes, columns: ColumnMap | None = None, name: str = "april.xml") -> StatementRead:
    file = File(name, BlobRef("digest", len(content)))
    return read_statement(ReadStatement(file, columns=columns), {"digest": content})


@pytest.mark.parametrize(
    "content", [CAMT, b"\xef\xbb\xbf\n" + CAMT, CSV, b"\xef\xbb\xbf" + CSV, CSV.decode().encode("utf-16")]
)
def test_the_format_is_told_by_the_content_whatever_the_name(content):
    result = read(content, name="statement.bin")
    assert result.lines[0].amount == Money(1250, "EUR")
    assert (result.currency, result.count, result.balance) == ("EUR", 1, "absent")


@pytest.mark.parametrize("content", [b"", b"  \n\t\r\n"])
def test_an_empty_file_is_refused_as_empty(content):
    with pytest.raises(FileError, match=r"april\.xml: the file is empty"):
        read(content)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"\x1f\x8brest", "a compressed file"),
        (b"\xd0\xcf\x11\xe0rest", "an old Excel file"),
        (b"%PDF-1.7", "a PDF"),
        (b"<!doctype html><html>", "a web page"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(content, what):
    with pytest.raises(FileError, match=what) as caught:
        read(content)
    assert caught.value.remedy


def test_a_time_in_a_table_is_no_sign_of_another_format():
    assert read(CSV.replace(b"2026-04-10", b"2026-04-10 10:20:30")).count == 1


def test_amounts_that_fit_but_whose_sum_does_not_are_refused():
    rows = b"Date,Amount,Currency\n" + b"2026-04-10,92233720368547758.07,EUR\n" * 2
    with pytest.raises(FileError, match="the sum of the amounts in EUR is too large"):
        read(rows)


@pytest.mark.parametrize("content", [bytes(range(256)), b"\x00" * 100, b"\x89PNG\r\n\x1a\n" + bytes(50), b"just words"])
def test_what_is_no_statement_is_refused_with_what_to_do(content):
    with pytest.raises(FileError) as caught:
        read(content)
    assert caught.value.message.startswith("april.xml")
    assert caught.value.remedy


def test_columns_of_the_workspace_do_not_keep_xml_from_being_read():
    assert read(CAMT, ColumnMap(amount="Amount")) == read(CAMT)


def test_columns_of_the_workspace_become_an_argument_that_playbooks_may_leave_out():
    assert operations(ColumnMap())[0].defaults == {}
    (operation,) = operations(ColumnMap(currency_code="EUR"))
    plain = {"file": to_plain(File("a", BlobRef("d", 1))), **operation.defaults}
    assert from_plain(plain, ReadStatement).columns == ColumnMap(currency_code="EUR")


def test_input_and_output_travel_between_processes():
    result = read(CAMT)
    assert msgspec.json.decode(msgspec.json.encode(result), type=StatementRead) == result
    arguments = ReadStatement(File("a", BlobRef("d", 1)), columns=ColumnMap(decimal=","))
    assert msgspec.json.decode(msgspec.json.encode(arguments), type=ReadStatement) == arguments


def test_the_operation_names_a_function_that_is_there():
    (operation,) = operations()
    assert (operation.name, operation.effect, operation.where) == ("bank.read_statement", "read", "worker")
    assert operation.entry == f"{read_statement.__module__}:{read_statement.__name__}"


def test_importing_the_connector_loads_no_xml_library():
    program = (
        "import sys, mainstay.connectors.bank.read, mainstay.connectors.invoices.read; print('lxml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_line_says_whose_account_it_is_of():
    found = read(b"Date;Amount;Currency;Own account\n2026-04-01;12,50;EUR;DE02 1203 0000 0000 2020 51\n")
    assert [line.account for line in found.lines] == ["DE02120300000000202051"]


# --- several files ------------------------------------------------------------------------------------------------

HEADER = "Date,Text,Amount,Currency,Balance\n"
APRIL = [
    "2026-04-01,Coffee,-4.50,EUR,95.50\n",
    "2026-04-02,Coffee,-4.50,EUR,91.00\n",
    "2026-04-02,Coffee,-4.50,EUR,86.50\n",
    "2026-04-03,Invoice 7,13.50,EUR,100.00\n",
    "2026-04-04,Invoice 8,20.00,EUR,120.00\n",
]


def read_all(*contents: str | bytes) -> StatementRead:
    blobs = {
        f"digest of {content!r}": content if isinstance(content, bytes) else content.encode() for content in contents
    }
    given = tuple(
        File(f"{n}.csv", BlobRef(f"digest of {content!r}", len(content))) for n, content in enumerate(contents, 1)
    )
    return read_statement(ReadStatement(files=given), blobs)


def test_a_file_given_twice_counts_once_also_when_it_closes_with_what_it_opens_with():
    circle = HEADER + "".join(APRIL[:4])  # opens with 100.00, closes with it
    result = read_all(circle, circle)
    assert result.lines == read_all(circle).lines
    assert [(one.count, one.note.startswith("This is the same file as 1.csv")) for one in result.files] == [
        (4, False),
        (0, True),
    ]
    assert len(result.doubts) == 1


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_overlapping_tables_count_once_and_equal_rows_of_one_stay_two(cut):
    early, late = HEADER + "".join(APRIL[:cut]), HEADER + "".join(APRIL[cut - 1 :])
    result = read_all(early, late)
    whole = read_all(HEADER + "".join(APRIL))
    assert sorted(line.id for line in result.lines) == sorted(line.id for line in whole.lines)


def test_tables_that_overlap_by_whole_days_are_one():
    early, late = HEADER + "".join(APRIL[:3]), HEADER + "".join(APRIL[1:])
    assert {line.id for line in read_all(early, late).lines} == {
        line.id for line in read_all(HEADER + "".join(APRIL)).lines
    }


def test_files_larger_together_than_can_be_read_are_refused_with_the_limit():
    large = b"x" * (33 * 1024 * 1024)
    with pytest.raises(FileError, match="have 132 MB together, and may have 128 MB"):
        read_all(*(large + bytes([n]) for n in b"abcd"))


def test_a_file_that_cannot_be_read_is_told_all_formats_that_can():
    with pytest.raises(FileError) as caught:
        read(b"%PDF-1.7")
    assert all(name in caught.value.remedy for name in ("camt.053", "MT940", "OFX", "QIF", "CSV", "XLSX"))


IBAN = "DE02120300000000202051"


def mt940(*amounts: str) -> bytes:
    total = sum(int(amount.replace(",", "")) for amount in amounts)
    lines = "".join(f":61:2604010401C{amount}NTRFNONREF//{n}\r\n" for n, amount in enumerate(amounts))
    closing = f"{total // 100},{total % 100:02}"
    return (
        f":20:X\r\n:25:{IBAN}\r\n:28C:1/1\r\n:60F:C260331EUR0,\r\n{lines}:62F:C260401EUR{closing}\r\n-\r\n"
    ).encode()


def table(*amounts: str) -> bytes:
    rows = "".join(f"2026-04-01;{amount};EUR;{IBAN}\n" for amount in amounts)
    return f"Date;Amount;Currency;Own account\n{rows}".encode()


def together(*contents: bytes) -> StatementRead:
    files = tuple(File(f"{n}", BlobRef(f"d{n}", len(content))) for n, content in enumerate(contents))
    return read_statement(ReadStatement(files=files), {f"d{n}": content for n, content in enumerate(contents)})


def test_a_line_that_stands_in_files_of_two_formats_counts_once():
    found = together(mt940("12,50", "30,00"), table("12,50", "30,00", "7,10"))
    assert [line.amount.minor for line in found.lines] == [1250, 3000, 710]
    assert "kept once" in found.files[1].note
    turned = together(table("12,50", "30,00", "7,10"), mt940("12,50", "30,00"))
    assert [line.amount.minor for line in turned.lines] == [1250, 3000, 710]


def test_more_equal_lines_than_the_other_format_has_are_all_kept():
    assert together(mt940("12,50"), table("12,50", "12,50")).count == 3
    assert together(mt940("12,50", "12,50"), table("12,50")).count == 2
