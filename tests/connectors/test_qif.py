"""QIF: what the format leaves open is found over the whole file or asked for, and no record is lost in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.connectors.bank import qif
from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.read import ReadStatement, read_statement, recognise
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.records import BankLine, File
from mainstay.values import BlobRef, Money

if TYPE_CHECKING:
    from mainstay.connectors.bank.statement import StatementRead

EURO = ColumnMap(currency_code="EUR")
GOOD = """!Type:Bank
D13/01/2026
T119.00
PMuster GmbH
MInvoice 2026-001
N17
LIncome:Services
^
D14/01/2026
T-1,020.50
PRent
C*
^
"""


def records(*records: str, header: str = "!Type:Bank") -> str:
    """Write records whose fields are parted by |."""
    return "\n".join([header, *(f"{record}|^".replace("|", "\n") for record in records)]) + "\n"


def read(content: str | bytes, columns: ColumnMap | None = EURO) -> StatementRead:
    content = content.encode() if isinstance(content, str) else content
    given = ReadStatement(File("january.qif", BlobRef("digest", len(content))), columns=columns)
    return read_statement(given, {"digest": content})


def only(content: str | bytes, columns: ColumnMap | None = EURO) -> BankLine:
    (line,) = read(content, columns).lines
    return line


def days(*dates: str, columns: ColumnMap = EURO) -> list[str]:
    return [line.booked_on for line in read(records(*(f"D{date}|T1.00" for date in dates)), columns).lines]


def minors(*amounts: str, columns: ColumnMap = EURO) -> list[int]:
    return [line.amount.minor for line in read(records(*(f"D2026-01-05|T{one}" for one in amounts)), columns).lines]


def refused(content: str | bytes, says: str, columns: ColumnMap | None = EURO) -> FileError:
    with pytest.raises(FileError) as caught:
        read(content, columns)
    assert caught.value.message.startswith("january.qif")
    assert says in caught.value.message
    assert caught.value.remedy
    return caught.value


# --- what is read ---------------------------------------------------------------------------------------------------


def test_records_become_lines_with_all_they_say():
    result = read(GOOD)
    (first, second) = result.lines
    assert (first.booked_on, first.amount, first.counterparty) == ("2026-01-13", Money(11900, "EUR"), "Muster GmbH")
    assert (first.text, first.references, first.bank_id) == ("Invoice 2026-001", ("17",), "")
    assert first.raw == "D13/01/2026 | T119.00 | PMuster GmbH | MInvoice 2026-001 | N17 | LIncome:Services"
    assert (second.amount, second.text, second.references) == (Money(-102050, "EUR"), "", ())
    assert (result.format, result.balance, result.sums) == ("QIF", "absent", (Money(-90150, "EUR"),))
    (head,) = result.statements
    assert (head.account, head.from_on, head.to_on, head.opening, head.closing) == (
        "",
        "2026-01-13",
        "2026-01-14",
        None,
        None,
    )


def test_what_was_guessed_and_what_nothing_proves_is_told():
    note = read(GOOD).note
    assert "Read as utf-8-sig, in EUR, which QIF does not say; dates as day/month/year, decimal mark '.'." in note
    assert "neither balances nor an end, so nothing shows that the file is complete" in note
    assert "does not name its account" in note


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n", " \n", "\r\r\n"])
def test_line_ends_do_not_matter(end):
    assert read(GOOD.replace("\n", end)).lines == read(GOOD).lines
    assert read(GOOD.replace("\n", end, 4) + "\x1a").lines == read(GOOD).lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_found(encoding):
    text = GOOD.replace("Muster", "M\u00fcller \u20ac")
    assert read(text.encode(encoding)).lines[0].counterparty == "M\u00fcller \u20ac GmbH"
    assert read(b"\xfe\xff" + text.encode("utf-16-be")).lines == read(text.encode(encoding)).lines


@pytest.mark.parametrize("kind", ["Bank", "Cash", "CCard", "Oth A", "Oth L", "bank ", "BANK"])
def test_every_kind_of_account_is_read(kind):
    assert read(GOOD.replace("!Type:Bank", f"!Type:{kind}")).count == 2


def test_accounts_are_named_by_their_block_and_stay_apart():
    text = "!Option:AutoSwitch\n!Account\nNGiro\nTBank\n^\nNCard\nTCCard\n^\n!Clear:AutoSwitch\n"
    text += "!Account\nNGiro\nTBank\n^\n" + GOOD + "!Account\nNCard\nTCCard\n$5.00\n^\n" + GOOD.replace("Bank", "CCard")
    result = read(text)
    assert [(head.account, head.count) for head in result.statements] == [("Giro", 2), ("Card", 2)]
    assert len({line.id for line in result.lines}) == 4


def test_the_operators_account_name_counts_where_the_file_has_none():
    named = read(GOOD, ColumnMap(currency_code="EUR", own_account="DE89370400440532013000"))
    assert named.statements[0].account == "DE89370400440532013000"


def test_equal_records_stay_two_and_an_overlapping_file_gives_the_same_ids():
    twice = read(records("D2026-01-05|T1.00|PA", "D2026-01-05|T1.00|PA"))
    assert len({line.id for line in twice.lines}) == 2
    later = read(records("D2026-01-05|T1.00|PA", "D2026-01-06|T1.00|PA"))
    assert later.lines[0].id == twice.lines[0].id


def test_an_opening_balance_is_no_payment_and_told():
    for name in ("Opening Balance", "OPENING BALANCE", "Solde initial", "Er\u00f6ffnungssaldo"):
        result = read(records(f"D2026-01-01|T500.00|CX|P{name}|L[Giro]", "D2026-01-05|T1.00|PA"))
        assert [line.amount.minor for line in result.lines] == [100]
        assert "The opening balance of 500.00 EUR on 2026-01-01 is no payment, and left out." in result.note
        assert result.statements[0].account == "Giro"
    alone = read(records("D2026-01-01|T500.00|POpening Balance|L[Giro]"))
    assert (alone.count, alone.statements[0].account) == (0, "Giro")
    assert only(records("D2026-01-01|T5.00|POpening Balance|LIncome")).amount == Money(500, "EUR")


def test_lists_and_securities_are_left_out_and_counted():
    text = "!Type:Cat\nNFood\nE\n^\nNRent\n^\n" + GOOD + "!Type:Memorized\nKC\nT5.00\nPRent\n^\n"
    text += "!Type:Security\nNFund\n^\n!Type:Invst\nD1/ 5'26\nNBuy\nT7.00\n^\n"
    result = read(text)
    assert result.count == 2
    assert "Records of lists, left out: 3. Records of securities, left out: 2." in result.note
    refused(text.replace("!Type:Bank", "!Type:Invst"), "no entries of a bank account in the file, only securities")
    refused("!Type:Cat\nNFood\n^\n", "no entries of a bank account in the file.")


def test_the_two_end_marks_of_old_versions_are_one():
    assert read(GOOD.replace("^", "^^")).lines == read(GOOD).lines


def test_remarks_and_empty_records_are_passed_over():
    assert read("### made by hand\n\n" + GOOD.replace("!Type:Bank\n", "!Type:Bank\n^\n\n^\n")).lines == read(GOOD).lines


def test_a_file_without_a_header_is_read_and_told():
    bare = GOOD.removeprefix("!Type:Bank\n")
    assert recognise(Source("x", bare.encode())).name == "QIF"
    assert read(bare).lines == read(GOOD).lines
    assert "has no header" in read(bare).note


def test_a_letter_that_qif_does_not_know_is_told():
    assert "Lines that begin with Z, which QIF does not know, left out: 1." in read(GOOD.replace("C*", "Zx")).note


# --- dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "day"),
    [
        (("1/ 5'26", "1/25'26"), "2026-01-05"),
        (("01/05/2026", "01/25/2026"), "2026-01-05"),
        (("05/01/2026", "25/01/2026"), "2026-01-05"),
        (("5/1/26", "25/1/26"), "2026-01-05"),
        (("05-01-26", "25-01-26"), "2026-01-05"),
        (("5.1.26",), "2026-01-05"),
        (("05.01'2026",), "2026-01-05"),
        ((" 5.01.2026",), "2026-01-05"),
        (("2026-01-05",), "2026-01-05"),
        (("2026/1/5",), "2026-01-05"),
        (("20260105",), "2026-01-05"),
        (("5 Jan 2026",), "2026-01-05"),
        (("05-JAN-26",), "2026-01-05"),
        (("3/31'98", "3/ 1'98"), "1998-03-31"),
        (("3/31' 2",), "2002-03-31"),
        (("12/31/69", "1/1/70"), "2069-12-31"),
    ],
)
def test_dates_are_read_as_quicken_and_banks_write_them(written, day):
    assert days(*written)[0] == day


def test_days_and_months_that_can_not_be_told_apart_are_asked_for():
    text = records("D01/02/2026|T1.00", "D03/04/2026|T1.00")
    error = refused(text, "line 2: '01/02/2026' may be day and month or month and day")
    assert 'under [bank.columns]: date_format = "%d/%m/%Y"' in error.remedy
    for told, day in (("%d/%m/%Y", "2026-02-01"), ("%m/%d/%Y", "2026-01-02"), ("%d.%m.%y", "2026-02-01")):
        assert read(text, ColumnMap(currency_code="EUR", date_format=told)).lines[0].booked_on == day
    refused(text, "may be day and month", ColumnMap(currency_code="EUR", date_format="%x"))


def test_the_order_of_days_is_that_of_the_whole_file_whatever_mainstay_toml_says_of_tables():
    told = ColumnMap(currency_code="EUR", date_format="%d.%m.%Y")
    assert days("01/05/2026", "01/25/2026", columns=told) == ["2026-01-05", "2026-01-25"]
    refused(records("D13/01/2026|T1.00", "D01/13/2026|T1.00"), "line 2, entry 1: '13/01/2026' is not a date")


@pytest.mark.parametrize("written", [("26/04/13", "26/04/14"), ("26-04-13", "26-04-14"), ("25-12-30", "26-01-02")])
def test_a_short_year_that_may_stand_first_is_asked_for(written):
    text = records(*(f"D{date}|T1.00" for date in written))
    error = refused(text, f"line 2: '{written[0]}' may begin or end with the year")
    assert "%y/%m/%d if a year in two digits stands first" in error.remedy
    first = days(*written, columns=ColumnMap(currency_code="EUR", date_format="%y/%m/%d"))
    assert first == ["20" + date.replace("/", "-") for date in written]


def test_a_short_year_that_is_told_to_stand_last_does():
    told = ColumnMap(currency_code="EUR", date_format="%d/%m/%y")
    assert days("26/04/13", "26/04/14", columns=told) == ["2013-04-26", "2014-04-26"]


def test_amounts_in_a_currency_without_decimals_need_no_word_about_their_mark():
    (line,) = read(records("D13/01/2026|T1,190"), ColumnMap(currency_code="JPY")).lines
    assert line.amount == Money(1190, "JPY")


@pytest.mark.parametrize("written", ["31/02/2026", "2026-02-31", "13/13/2026", "soon", "1/2", "5 Xyz 2026", "0/0/2026"])
def test_an_impossible_date_is_refused(written):
    refused(records(f"D{written}|T1.00", "D20/01/2026|T1.00"), "is not a date")


# --- amounts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("119", 11900),
        ("-1,234.56", -123456),
        ("-1.234,56", -123456),
        ("1 234,56", 123456),
        ("12,5", 1250),
        ("5.", 500),
        ("\u20ac12.50", 1250),
        ("-\u20ac12.50", -1250),
        ("+12.50", 1250),
        ("0.00", 0),
    ],
)
def test_amounts_are_read_with_point_or_comma(written, minor):
    assert minors(written) == [minor]


def test_the_decimal_mark_is_that_of_the_whole_file_or_asked_for():
    assert minors("1,234", "1.50") == [123400, 150]
    assert minors("1.234", "1,50") == [123400, 150]
    error = refused(records("D2026-01-05|T1,234"), "line 2: '1,234' doesn't tell whether")
    assert 'decimal = ","' in error.remedy
    assert minors("1,234", columns=ColumnMap(currency_code="EUR", decimal=".")) == [123400]
    refused(records("D2026-01-05|T1,50", "D2026-01-05|T1.50"), "another decimal mark")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("abc", "is not an amount"),
        ("12..34", "is not an amount"),
        ("=1+1", "is not an amount"),
        ("0.001", "more decimals"),
        ("99999999999999999999.00", "too large"),
        ("9" * 40, "too many digits"),
        ("\u0661\u0662", "is not an amount"),
    ],
)
def test_an_amount_that_can_be_misread_is_refused(written, says):
    refused(records("D2026-01-04|T1.00", f"D2026-01-05|T{written}"), says)


def test_the_larger_field_for_amounts_stands_in_and_may_not_contradict():
    assert only(records("D2026-01-05|U7.00")).amount == Money(700, "EUR")
    assert only(records("D2026-01-05|U7.00|T7.00")).amount == Money(700, "EUR")
    refused(records("D2026-01-05|U7.00|T8.00"), "line 2, entry 1: the record says two amounts")


def test_the_parts_of_a_split_add_up_or_the_file_is_refused():
    split = "D2026-01-05|T-10.00|PShop|SFood|Elunch|$-6.00|SOffice|D2026-01-05|$-4.00"
    assert only(records(split)).amount == Money(-1000, "EUR")
    refused(records(split.replace("$-4.00", "$-3.00")), "the parts of the split make -9.00 EUR, the record says -10.00")
    assert only(records("D2026-01-05|T-10.00|SFood|%60|SOffice|%40")).amount == Money(-1000, "EUR")


def test_the_currency_is_always_asked_for():
    error = refused(GOOD, "QIF does not say its currency", None)
    assert 'under [company]: currency = "EUR"' in error.remedy
    refused(GOOD, "'XQQ' is not a currency", ColumnMap(currency_code="XQQ"))
    assert read(GOOD, ColumnMap(currency_code="chf")).currency == "CHF"


# --- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("D14/01/2026\n", "", "line 9, entry 2: the record has no date (D)"),
        ("T119.00\n", "", "line 2, entry 1: the record has no amount (T)"),
        ("T119.00\n", "T\n", "has no amount (T)"),
        ("LIncome:Services\n^\n", "", "stands twice in one record"),
        ("C*\n^\n", "C*\n", "line 12: the last record has no end (^)"),
        ("^\nD14", "!Type:Bank\nD14", "line 8: there is a header inside the record of line 2"),
        ("!Type:Bank", "!Type:Boat", "line 1: '!Type:Boat' is no kind of account"),
        ("!Type:Bank", "!Type:Bank\n!Bogus", "line 2: '!Bogus' is no header"),
        ("MInvoice", "MInv\0oice", "control characters"),
        ("MInvoice", "Mx\n" * 2000, "more than 1000 lines"),
    ],
)
def test_a_damaged_file_is_refused_whole(old, new, says):
    assert old in GOOD
    refused(GOOD.replace(old, new, 1), says)


def test_a_file_is_recognised_by_its_content():
    for content in (GOOD.encode(), b"\xef\xbb\xbf\r\n" + GOOD.encode(), GOOD.encode("utf-16"), b"!type:bank\r^"):
        assert recognise(Source("x", content)).name == "QIF"
    for other in (b"Date,Amount\n", b"<OFX>", b"Description;Amount\nD;5\n", b":20:X\n"):
        assert not qif.looks_like(other)


@pytest.mark.long
def test_a_long_file_and_long_fields_are_read_in_one_pass():
    many = records(*(f"D2026-01-{1 + number % 28:02}|T{number}.50|PCustomer {number}" for number in range(20_000)))
    assert read(many).count == 20_000
    assert only(records(f"D2026-01-05|T1.00|P{'x ' * 50_000}|M{'y ' * 50_000}")).text.startswith("y y")
    for field in ("D", "T"):
        refused(records(f"D2026-01-05|T1.00|{field}{' ' * 50_000}x"), "")
    refused("!Type:Bank\n" + "x" * (17 * 2**20), "17.0 MB")
    refused("!Type:Bank\n" + "D1\n^\n" * 300_001, "line 600002: there are more than 300,000 records")


WHOLE = read(GOOD).lines


@settings(max_examples=200)
@given(st.integers(0, len(GOOD)))
def test_a_file_cut_inside_a_record_is_refused(at):
    try:
        result = read(GOOD[:at])
    except FileError:
        return
    assert GOOD[:at].rstrip().endswith("^")
    assert [line.raw for line in result.lines] == [line.raw for line in WHOLE[: len(result.lines)]]


@settings(max_examples=500)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_changed_byte_never_loses_a_record(at, byte):
    content = GOOD.encode()
    try:
        result = read(content[:at] + bytes([byte]) + content[at + 1 :])
    except FileError:
        return
    assert result.format != "QIF" or result.count == 2
