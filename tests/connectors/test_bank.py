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


# --- what several statements share --------------------------------------------------------------------------------


def balanced(opening: str, rows: str) -> bytes:
    """Write a table with a running balance of rows such as "1 100 A": day of April, amount, who."""
    balance, lines = int(opening), ""
    for row in rows.split("; "):
        day, amount, who = row.split()
        balance += int(amount)
        lines += f"2026-04-{day:>02};{who};{amount},00;EUR;{balance},00;{IBAN}\n"
    return f"Date;Text;Amount;Currency;Balance;Own account\n{lines}".encode()


def swift(opening: int, rows: str, *, marked: bool) -> bytes:
    total = sum(int(row.split()[1]) for row in rows.split("; "))
    lines = ""
    for row in rows.split("; "):
        day, amount, who = row.split()
        sign = "D" if amount.startswith("-") else "C"
        mark = f"//{day}{who}" if marked else ""
        lines += f":61:2604{day:>02}04{day:>02}{sign}{amount.lstrip('-')},00NTRFNONREF{mark}\r\n:86:{who}\r\n"
    ends = [f"{'D' if end < 0 else 'C'}260401EUR{abs(end)},00" for end in (opening, opening + total)]
    return f":20:X\r\n:25:{IBAN}\r\n:28C:{opening}\r\n:60F:{ends[0]}\r\n{lines}:62F:{ends[1]}\r\n-\r\n".encode()


# Two exports of one account, what the second opens with, and the lines there are.
SHARED = {
    "balances meet by chance": (0, "1 100 A; 2 -50 B; 3 50 C", 100, "2 -50 B; 3 50 C; 4 20 D", 4),
    "balances meet by chance on one day": (0, "1 100 A; 2 -50 B; 2 50 C", 100, "2 -50 B; 2 50 C; 3 20 D", 4),
    "nothing moved, and one more": (100, "1 10 A; 2 -10 B", 100, "1 10 A; 2 -10 B; 2 5 C", 3),
    "nothing moved in a day, and one more": (100, "1 10 A; 1 -10 B", 100, "1 10 A; 1 -10 B; 1 5 C", 3),
    "the next goes on in the same day": (100, "1 -4 A; 2 -4 A", 92, "2 -4 A; 3 -4 A", 4),
    "the next goes on with another": (100, "1 -4 A; 2 -4 A", 92, "2 -5 B; 3 -4 A", 4),
}


@pytest.mark.parametrize(("opening", "rows", "opens", "others", "count"), SHARED.values(), ids=SHARED)
@pytest.mark.parametrize("write", ["table", "swift", "marked swift"])
@pytest.mark.parametrize("turned", [False, True])
def test_what_two_exports_share_counts_once_also_where_their_balances_meet(
    opening, rows, opens, others, count, write, turned
):
    def written(begin: int, held: str) -> bytes:
        return balanced(str(begin), held) if write == "table" else swift(begin, held, marked=write == "marked swift")

    if write == "marked swift" and opens == 92:  # the bank's reference would be the same in both, and is believed
        others = others.replace("2 -4 A", "2 -4 C")
    both = [written(opening, rows), written(opens, others)]
    found = together(*(both[::-1] if turned else both))
    assert found.count == count
    assert len({line.id for line in found.lines}) == count


def test_a_banks_reference_is_believed_before_balances_that_meet():
    rows = (100, "3 -4 B; 4 5 C; 4 -5 D"), (96, "4 5 C")  # both close, or open, with 96.00 on the 4th
    assert together(*(swift(*row, marked=True) for row in rows)).count == 3


def test_statements_of_one_day_that_go_on_one_from_another_share_nothing():
    found = together(*(swift(opening, "2 -4 A", marked=False) for opening in (100, 96, 92)))
    assert (found.count, [str(one) for one in found.sums]) == (3, ["-12.00 EUR"])
    whole = swift(100, "2 -4 A; 2 -4 A; 2 -4 A", marked=False)
    assert {line.id for line in together(whole).lines} == {line.id for line in found.lines}


def test_a_statement_whose_balances_meet_one_and_that_overlaps_another_counts_once():
    files = (balanced("0", "1 100 Z"), balanced("100", "1 7 A; 2 5 B"), balanced("100", "1 7 A; 2 5 B; 3 1 C"))
    assert [line.text for line in together(*files).lines] == ["Z", "A", "B", "C"]


def test_one_line_left_out_is_one_line():
    found = together(mt940("12,50"), table("12,50", "7,10"))
    assert "1 line stood in two statements of one account, kept once." in found.files[1].note


def test_a_pending_line_of_one_format_stands_for_no_booked_line_of_another():
    pending = f"Date;Amount;Currency;Own account;Status\n2026-04-01;12,50;EUR;{IBAN};pending\n".encode()
    for files in ((pending, mt940("12,50")), (mt940("12,50"), pending)):
        found = together(*files)
        assert [(line.amount.minor, line.pending) for line in found.lines if not line.pending] == [(1250, False)]
        assert (found.pending, [str(one) for one in found.sums]) == (1, ["12.50 EUR"])


def ofx_of(*entries: tuple[str, str, str]) -> bytes:
    """Write an OFX file of entries: day of April, FITID, name."""
    lines = "".join(
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>202604{day:>02}<TRNAMT>10.00<FITID>{fitid}<NAME>{name}</STMTTRN>"
        for day, fitid, name in entries
    )
    account = f"<CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>{IBAN}</BANKACCTFROM>"
    statement = f"<STMTRS>{account}<BANKTRANLIST>{lines}</BANKTRANLIST></STMTRS>"
    return f"OFXHEADER:100\n\n<OFX><BANKMSGSRSV1><STMTTRNRS>{statement}</STMTTRNRS></BANKMSGSRSV1></OFX>".encode()


@pytest.mark.parametrize("names", ["AB", "BA"])
def test_an_id_stays_when_a_second_entry_with_the_same_reference_appears(names):
    first = ofx_of(("3", "F1", "A"))
    found = together(first, ofx_of(*(("3", "F1", name) for name in names)))
    assert sorted(line.counterparty for line in found.lines) == ["A", "B"]
    assert together(first).lines[0] == found.lines[0]


def test_ids_of_entries_with_one_reference_do_not_depend_on_their_order():
    one, other = (together(ofx_of(*(("3", "F1", name) for name in names))).lines for names in ("ABC", "CAB"))
    assert sorted(one, key=lambda line: line.id) == sorted(other, key=lambda line: line.id)
    assert len({line.id for line in one}) == 3


@pytest.mark.parametrize("numbers", [(0, 1, 2), (1001, 1002, 1003), (7, 8, 9)])
def test_ids_that_only_count_the_entries_of_a_file_double_no_line(numbers):
    names = "ABCD"
    first, second = (
        ofx_of(*(("3", str(number), name) for number, name in zip(numbers, names[start:], strict=False)))
        for start in (0, 1)
    )
    assert [line.counterparty for line in together(first, second).lines] == [*names]


def test_files_that_seem_to_hold_the_same_payments_under_two_accounts_are_asked_about():
    amounts = ("12,50", "30,00", "7,10")
    found = together(mt940(*amounts), table(*amounts).replace(IBAN.encode(), b"DE89370400440532013000"))
    assert found.count == 6
    (doubt,) = [one for one in found.doubts if one.kind == "conflict"]
    assert doubt.headline == "0 and 1 seem to hold the same payments"
    assert "3 lines of 3 have the same day and amount" in doubt.body
    few = together(mt940("12,50", "30,00"), table("12,50", "30,00").replace(IBAN.encode(), b"DE89370400440532013000"))
    assert [one for one in few.doubts if one.kind == "conflict"] == []


def test_a_german_account_by_bank_and_number_is_the_same_as_its_iban():
    found = together(mt940("12,50").replace(IBAN.encode(), b"12030000/202051"), table("12,50"))
    assert (found.count, found.lines[0].account) == (1, IBAN)
