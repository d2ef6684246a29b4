"""OFX and QFX: what banks write is read as meant, and a file that was cut or altered is never read in part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ofx_files import ACCOUNT, CLOSED, ENTRY, HEADER, SECOND, SIGN_ON, XML

from mainstay.connectors.bank import ofx, ofx_tree
from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.read import ReadStatement, read_statement, recognise
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.records import BankLine, File
from mainstay.values import BlobRef, Money

if TYPE_CHECKING:
    from mainstay.connectors.bank.statement import StatementRead


def statement(entries: str, *, account: str = ACCOUNT, currency: str = "<CURDEF>EUR", more: str = "") -> str:
    listed = f"<BANKTRANLIST><DTSTART>20260101<DTEND>20260131{entries}</BANKTRANLIST>"
    return f"<STMTTRNRS><TRNUID>1<STMTRS>{currency}{account}{listed}{more}</STMTRS></STMTTRNRS>"


def document(*statements: str, header: str = HEADER) -> str:
    return f"{header}<OFX>{SIGN_ON}\n<BANKMSGSRSV1>{''.join(statements)}</BANKMSGSRSV1></OFX>\n"


def entry(**fields: str) -> str:
    """Write an entry; a field replaces the usual one, or is left out when it is empty."""
    usual = {"TRNTYPE": "CREDIT", "DTPOSTED": "20260105", "TRNAMT": "119.00", "FITID": "A-1", "NAME": "Muster"}
    written = "".join(f"<{name}>{value}\n" for name, value in {**usual, **fields}.items() if value)
    return f"<STMTTRN>{written}</STMTTRN>"


def read(content: str | bytes, columns: ColumnMap | None = None) -> StatementRead:
    content = content.encode() if isinstance(content, str) else content
    given = ReadStatement(File("january.ofx", BlobRef("digest", len(content))), columns=columns)
    return read_statement(given, {"digest": content})


def only(content: str | bytes) -> BankLine:
    (line,) = read(content).lines
    return line


def refused(content: str | bytes, says: str, columns: ColumnMap | None = None) -> FileError:
    with pytest.raises(FileError) as caught:
        read(content, columns)
    assert caught.value.message.startswith("january.ofx")
    assert says in caught.value.message
    assert caught.value.remedy
    return caught.value


GOOD = document(statement(ENTRY + SECOND, more="<LEDGERBAL><BALAMT>1500.00<DTASOF>20260131</LEDGERBAL>"))


# --- what is read ---------------------------------------------------------------------------------------------------


def test_entries_become_lines_with_all_they_say():
    result = read(GOOD)
    (first, second) = result.lines
    assert (first.booked_on, first.amount, first.counterparty) == ("2026-01-05", Money(11900, "EUR"), "Muster GmbH")
    assert (first.text, first.bank_id, first.pending) == ("Invoice 2026-001", "A-1", False)
    assert first.raw.startswith("<STMTTRN> <TRNTYPE>CREDIT <DTPOSTED>2026010512")
    assert first.raw.endswith("</STMTTRN>")
    assert (second.amount, second.counterparty, second.text) == (Money(-2050, "EUR"), "Rent", "")
    assert (result.format, result.currency, result.sums) == ("OFX 1", "EUR", (Money(9850, "EUR"),))


def test_the_head_names_account_period_and_closing_balance_which_proves_nothing():
    result = read(GOOD)
    (head,) = result.statements
    assert (head.account, head.currency, head.count) == ("0532013000", "EUR", 2)
    assert (head.from_on, head.to_on) == ("2026-01-01", "2026-01-31")
    assert (head.balance, head.opening, head.closing) == ("absent", None, Money(150000, "EUR"))
    assert "a balance of 1,500.00 EUR on 2026-01-31; without an opening one that proves nothing" in result.note


def test_xml_says_the_same_as_sgml():
    sgml, xml = only(document(statement(ENTRY))), only(document(statement(CLOSED), header=XML))
    assert (sgml.id, sgml.booked_on, sgml.text) == (xml.id, xml.booked_on, xml.text)
    assert read(document(statement(CLOSED), header=XML)).format == "OFX 2"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "\n\n\n" + HEADER,
        HEADER.strip(),
        HEADER.replace("\n", ""),  # all on one line, and <OFX> behind it
        HEADER.replace("\n", " "),
        HEADER.replace(":", ": "),
        XML,
        XML.replace("\n", ""),
        XML.removesuffix("?>\n") + "?",  # a header that is not closed
        "<!-- made by a program -->" + XML,
        "\ufeff" + HEADER,
    ],
)
@pytest.mark.parametrize("entries", [ENTRY, CLOSED, ENTRY.replace("\n", ""), ENTRY.replace("\n", "  \n\t")])
def test_any_header_goes_with_any_way_to_close_elements(header, entries):
    assert only(document(statement(entries), header=header)).amount == Money(11900, "EUR")
    assert only(document(statement(entries), header=header)).text == "Invoice 2026-001"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\r\r\n", "\n\n"])
def test_line_ends_do_not_matter(end):
    plain, other = read(GOOD), read(GOOD.replace("\n", end))
    assert [line.id for line in plain.lines] == [line.id for line in other.lines]
    assert plain.lines[0].raw == other.lines[0].raw


def test_mixed_line_ends_and_the_end_mark_of_dos_do_not_matter():
    mixed = GOOD.replace("\n", "\r\n", 9).replace("</STMTTRN>\n", "</STMTTRN>\r") + "\x1a"
    assert read(mixed).lines == read(GOOD).lines


def test_small_letters_spaces_attributes_and_prefixes_in_tags_do_not_matter():
    body = GOOD.removeprefix(HEADER)
    for name in ("OFX", "STMTTRN", "TRNAMT", "BANKTRANLIST"):
        body = body.replace(f"<{name}>", f"<{name.lower()}>").replace(f"</{name}>", f"</{name.lower()}>")
    assert read(HEADER + body).lines[1].amount == Money(-2050, "EUR")
    spaced = GOOD.replace("<OFX>", '<OFX xmlns="http://ofx.net/types">').replace("<STMTTRN>", "<STMTTRN >")
    assert [line.id for line in read(spaced).lines] == [line.id for line in read(GOOD).lines]
    prefixed = document(statement(CLOSED), header=XML).replace("<OFX>", "<o:OFX>").replace("</OFX>", "</o:OFX>")
    assert only(prefixed).amount == Money(11900, "EUR")


def test_cards_are_read_even_when_closed_by_the_name_of_accounts():
    card = document(statement(ENTRY, account="<CCACCTFROM><ACCTID>4111</CCACCTFROM>"))
    card = card.replace("BANKMSGSRSV1>", "CREDITCARDMSGSRSV1>").replace("<STMTRS>", "<CCSTMTRS>")
    assert read(card).statements[0].account == "4111"
    assert only(card.replace("</STMTRS>", "</CCSTMTRS>")).amount == Money(11900, "EUR")


def test_several_accounts_of_one_file_stay_apart():
    other = statement(ENTRY, account=ACCOUNT.replace("0532", "0533"), currency="<CURDEF>USD")
    result = read(document(statement(ENTRY), other))
    assert [(head.account, head.currency) for head in result.statements] == [
        ("0532013000", "EUR"),
        ("0533013000", "USD"),
    ]
    assert result.sums == (Money(11900, "EUR"), Money(11900, "USD"))
    assert len({line.id for line in result.lines}) == 2


def test_empty_values_are_empty_closed_or_not():
    for empty in ("<MEMO>\n", "<MEMO></MEMO>", "<MEMO/>", "<MEMO> </MEMO>\n", "<MEMO>&nbsp;\n", ""):
        changed = ENTRY.replace("<MEMO>Invoice 2026-001\n", empty + "<CHECKNUM>\n")
        line = only(document(statement(changed)))
        assert (line.text, line.references, line.counterparty) == ("", (), "Muster GmbH")


def test_an_empty_value_before_an_aggregate_does_not_swallow_it():
    payee = "<NAME>\n<PAYEE><NAME>Muster GmbH<ADDR1>Road 1<CITY>Town</PAYEE>"
    line = only(document(statement(ENTRY.replace("<NAME>Muster GmbH\n", payee))))
    assert (line.counterparty, line.text) == ("Muster GmbH", "Invoice 2026-001")


def test_ampersands_entities_and_literal_text_are_what_was_meant():
    written = {
        "Fish & Chips": "Fish & Chips",
        "Fish &amp; Chips": "Fish & Chips",
        "A &lt;B&gt; &quot;C&quot; &apos;D&apos;": "A <B> \"C\" 'D'",
        "a&nbsp;b": "a b",
        "caf&#233; &#xE9;": "caf\u00e9 \u00e9",
        "&amp;lt;": "&lt;",
        "&copy; &bogus; &": "&copy; &bogus; &",
        "&#0;&#xD800;&#1114112;": "&#0;&#xD800;&#1114112;",
        "<![CDATA[Fish & <Chips> &amp; Peas]]>": "Fish & <Chips> &amp; Peas",
        "3 < 4 > 2": "3 < 4 > 2",
        "R&D;": "R&D;",
        "=SUM(A1)": "=SUM(A1)",
    }
    for memo, meant in written.items():
        assert only(document(statement(ENTRY.replace("Invoice 2026-001", memo)))).text == meant


def test_two_memos_are_both_kept():
    assert only(document(statement(entry(MEMO="one\n<MEMO>two")))).text == "one | two"


def test_a_longer_name_completes_a_cut_one_and_else_stands_in_the_text():
    whole = only(document(statement(entry(NAME="Muster Maschinen", EXTDNAME="Muster Maschinenbau GmbH"))))
    assert (whole.counterparty, whole.text) == ("Muster Maschinenbau GmbH", "")
    other = only(document(statement(entry(NAME="Muster", EXTDNAME="Transfer of May"))))
    assert (other.counterparty, other.text) == ("Muster", "Transfer of May")


def test_account_and_numbers_of_the_other_side_are_kept_and_fillers_are_not():
    account = "1\n<BANKACCTTO><BANKID>1<ACCTID>DE89 3704 0044 0532 0130 00<ACCTTYPE>CHECKING</BANKACCTTO>"
    line = only(document(statement(entry(REFNUM="RF18539007547034", CHECKNUM=account))))
    assert (line.iban, line.references) == ("DE89370400440532013000", ("RF18539007547034", "1"))
    assert only(document(statement(entry(REFNUM="0", CHECKNUM="000")))).references == ()


@pytest.mark.parametrize(
    "written",
    [
        "20260105",
        "202601050930",
        "20260105093000",
        "20260105093000.000",
        "20260105093000123",
        "20260105235959.999[-5:EST]",
        "20260105000000[0:GMT]",
        "20260105120000.000[-:EST]",
        "20260105[+1:CET]",
        "20260105120000[-3:BRT",
        "2026-01-05",
        "2026-01-05T09:30:00",
        "2026-01-05T09:30:00.000+01:00",
        "20260105 093000",
    ],
)
def test_a_date_is_the_day_as_written_in_the_banks_own_zone(written):
    assert only(document(statement(entry(DTPOSTED=written)))).booked_on == "2026-01-05"


@pytest.mark.parametrize(
    "written", ["20260231", "20261301", "2026010", "01/05/2026", "260105", "2026-0105", "now", "20260105x"]
)
def test_an_impossible_date_is_refused_with_its_line(written):
    refused(document(statement(ENTRY, account=ACCOUNT) + statement(entry(DTPOSTED=written))), "is not a date")


def test_the_value_date_is_when_the_money_is_there_or_else_when_it_was_moved():
    both = only(document(statement(entry(DTUSER="20260103", DTAVAIL="20260106"))))
    assert (both.booked_on, both.value_on) == ("2026-01-05", "2026-01-06")
    assert only(document(statement(entry(DTUSER="20260103")))).value_on == "2026-01-03"
    assert only(document(statement(entry(DTUSER="00000000", DTAVAIL="")))).value_on == ""


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("119", 11900),
        ("+119.00", 11900),
        ("-119,5", -11950),
        ("-1.234,56", -123456),
        ("1,234.56", 123456),
        ("+00000000000000.2400", 24),
        (".5", 50),
        ("1 234,56", 123456),
        ("119.00-", -11900),
        ("0", 0),
    ],
)
def test_amounts_are_read_with_point_or_comma(written, minor):
    assert only(document(statement(entry(TRNAMT=written)))).amount == Money(minor, "EUR")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("12..34", "is not an amount"),
        ("$119", "is not an amount"),
        ("abc", "is not an amount"),
        ("NaN", "is not an amount"),
        ("1e5", "is not an amount"),
        ("\u0661\u0662", "is not an amount"),
        ("1.05,1", "is not an amount with the decimal mark"),
        ("0.001", "more decimals"),
        ("99999999999999999999.00", "too large"),
        ("9" * 40, "too many digits"),
        ("1,234", "doesn't tell whether"),
    ],
)
def test_an_amount_that_can_be_misread_is_refused(written, says):
    refused(document(statement(entry(TRNAMT=written))), says)


def test_amounts_add_up_within_64_bits_or_the_file_is_refused():
    large = entry(TRNAMT="90000000000000000.00")
    refused(document(statement(large + large.replace("A-1", "A-2"))), "too large")


def test_an_open_decimal_mark_is_decided_by_another_amount_or_by_the_operator():
    thousand = entry(TRNAMT="1,234")
    assert read(document(statement(thousand + SECOND))).lines[0].amount == Money(123400, "EUR")
    assert read(document(statement(thousand)), ColumnMap(decimal=".")).lines[0].amount == Money(123400, "EUR")
    dinar = read(document(statement(entry(TRNAMT="1.250"), currency="<CURDEF>KWD")))
    assert dinar.lines[0].amount == Money(1250, "KWD")
    assert read(document(statement(SECOND)), ColumnMap(decimal=",")).lines[0].amount == Money(-2050, "EUR")


def test_the_sign_is_believed_against_the_type_and_told():
    taken = entry(TRNTYPE="DEP", TRNAMT="-5.00", FITID="A-2")
    result = read(document(statement(entry(TRNTYPE="DEBIT") + taken)))
    assert [line.amount.minor for line in result.lines] == [11900, -500]
    assert "type contradicts the sign of their amount, which was believed: 2." in result.note
    assert "contradicts" not in read(GOOD).note


# --- currencies -----------------------------------------------------------------------------------------------------


def test_an_amount_the_bank_converted_keeps_its_original_where_the_rate_tells_it():
    exact = entry(TRNAMT="-106.38", ORIGCURRENCY="<CURRATE>1.0638297<CURSYM>USD</ORIGCURRENCY>")
    line = only(document(statement(exact)))
    assert (line.amount, line.original) == (Money(-10638, "EUR"), Money(-10000, "USD"))
    assert line.text == "converted from USD at 1.0638297"
    rough = only(document(statement(exact.replace("1.0638297", "1.06"))))
    assert (rough.original, rough.text) == (None, "converted from USD at 1.06")
    for rate in ("0", "x", "1e400", ""):
        assert only(document(statement(exact.replace("1.0638297", rate)))).original is None
    assert only(document(statement(exact.replace("USD", "EUR")))).original is None


def test_an_amount_in_another_currency_is_in_that_currency_and_told():
    result = read(document(statement(ENTRY + entry(FITID="A-3", CURRENCY="<CURRATE>1.06<CURSYM>usd</CURRENCY>"))))
    assert result.sums == (Money(11900, "EUR"), Money(11900, "USD"))
    assert [(head.currency, head.count) for head in result.statements] == [("EUR", 1), ("USD", 1)]
    assert "Entries in USD, as the file says, and not in EUR: 1." in result.note


def test_a_currency_that_is_missing_or_does_not_exist_is_refused_unless_the_operator_says_it():
    error = refused(document(statement(ENTRY, currency="")), "nothing says the currency")
    assert 'under [company]: currency = "EUR"' in error.remedy
    assert read(document(statement(ENTRY, currency="")), ColumnMap(currency_code="CHF")).currency == "CHF"
    refused(document(statement(ENTRY, currency="<CURDEF>XQQ")), "'XQQ' is not a currency")
    unknown = entry(ORIGCURRENCY="<CURRATE>1.5000<CURSYM>QQQ</ORIGCURRENCY>")
    refused(document(statement(unknown)), "'QQQ' is not a currency")


# --- ids ------------------------------------------------------------------------------------------------------------


def test_an_overlapping_file_gives_the_same_ids():
    first, second = read(GOOD), read(document(statement(SECOND + entry(FITID="A-9", DTPOSTED="20260201"))))
    assert first.lines[1].id == second.lines[0].id
    assert not {line.id for line in first.lines} & {second.lines[1].id}


def test_a_repeated_id_loses_no_entry_and_is_told():
    different = read(document(statement(ENTRY + entry(NAME="Other") + entry(TRNAMT="5.00"))))
    assert len({line.id for line in different.lines}) == 3
    assert "id (FITID) others have too; all are kept: 3." in different.note
    same = read(document(statement(ENTRY + ENTRY)))
    assert len({line.id for line in same.lines}) == 2


def test_ids_that_only_count_the_entries_of_a_file_are_not_believed():
    one = read(document(statement(entry(FITID="1") + entry(FITID="2", DTPOSTED="20260108"))))
    two = read(document(statement(entry(FITID="1", DTPOSTED="20260108") + entry(FITID="2", DTPOSTED="20260109"))))
    assert one.lines[1].id == two.lines[0].id
    assert one.lines[1].bank_id == "2"


def test_an_entry_without_an_id_is_read():
    assert only(document(statement(entry(FITID="")))).bank_id == ""


def test_a_correction_takes_the_place_of_its_entry_and_a_deletion_takes_it_away():
    replaced = entry(TRNAMT="118.00", FITID="A-3", CORRECTFITID="A-1", CORRECTACTION="REPLACE")
    result = read(document(statement(ENTRY + SECOND + replaced)))
    assert [line.amount.minor for line in result.lines] == [-2050, 11800]
    assert "corrects or deletes in the same file, left out: 1." in result.note
    deleted = read(document(statement(ENTRY + SECOND + replaced.replace("REPLACE", "DELETE"))))
    assert [line.amount.minor for line in deleted.lines] == [-2050]
    elsewhere = read(document(statement(SECOND + replaced)))
    assert [line.amount.minor for line in elsewhere.lines] == [-2050, 11800]
    assert "corrects or deletes entry A-1, of which this file holds 0: see to it by hand." in elsewhere.note


def test_pending_entries_are_marked_and_in_no_sum():
    made = "<STMTTRNP><TRNTYPE>DEBIT<DTTRAN>20260130<TRNAMT>-7.00<NAME>Shop</STMTTRNP>"
    listed = f"<BANKTRANLISTP><DTASOF>20260131{made}</BANKTRANLISTP>"
    result = read(document(statement(ENTRY, more=listed)))
    assert (result.count, result.pending, result.sums) == (2, 1, (Money(11900, "EUR"),))
    assert (result.lines[1].pending, result.lines[1].booked_on) == (True, "2026-01-30")


# --- files without statements, and investments ----------------------------------------------------------------------


def test_an_error_of_the_bank_is_told_in_its_own_words():
    status = "<STATUS><CODE>2000<SEVERITY>ERROR<MESSAGE>General Server Error</STATUS>"
    refused(document(statement(ENTRY), f"<STMTTRNRS><TRNUID>2{status}</STMTTRNRS>"), "General Server Error (code 2000)")
    bare = refused(document("<STMTTRNRS><STATUS><CODE>15500<SEVERITY>ERROR</STATUS></STMTTRNRS>"), "without a message")
    assert "ask the bank" in bare.remedy
    warned = read(GOOD.replace("<STMTRS>", "<STATUS><CODE>1<SEVERITY>WARN<MESSAGE>Late</STATUS><STMTRS>"))
    assert "The bank warns: Late (code 1)." in warned.note


def test_a_file_without_a_statement_says_what_it_holds():
    refused(f"{HEADER}<OFX>{SIGN_ON}</OFX>", "there is no statement in the file, only a sign-on")
    refused(f"{HEADER}<OFX></OFX>", "an empty <OFX>")
    refused(HEADER, "there is no <OFX>")


def test_a_statement_without_entries_is_read_and_told():
    empty = read(document(statement("")))
    assert (empty.count, empty.statements[0].account, empty.balance) == (0, "0532013000", "absent")
    balance = "<LEDGERBAL><BALAMT>5.00<DTASOF>20260131</LEDGERBAL>"
    bare = f"<STMTTRNRS><STMTRS><CURDEF>EUR{ACCOUNT}{balance}</STMTRS></STMTTRNRS>"
    result = read(document(bare))
    assert (result.count, result.statements[0].closing) == (0, Money(500, "EUR"))
    assert "Statements with balances alone, without a list of entries: 1." in result.note


def test_a_balance_that_is_empty_or_no_number_is_none_and_told():
    empty = GOOD.replace("<BALAMT>1500.00", "<BALAMT> </BALAMT>")
    assert read(empty).statements[0].closing is None
    assert "gives no balances" in read(empty).note
    strange = read(GOOD.replace("1500.00", "R$ 5.326,43"))
    assert (strange.lines, strange.statements[0].closing) == (read(GOOD).lines, None)
    assert "can't be read and is left out: 'R$ 5.326,43' is not an amount (BALAMT)." in strange.note


INVESTMENT = """<INVSTMTMSGSRSV1><INVSTMTTRNRS><TRNUID>0<INVSTMTRS><DTASOF>20260131<CURDEF>EUR
<INVACCTFROM><BROKERID>b<ACCTID>77</INVACCTFROM><INVTRANLIST><DTSTART>20260101<DTEND>20260131
{cash}<BUYMF><INVBUY><INVTRAN><FITID>9<DTTRADE>20260109</INVTRAN><UNITS>1<TOTAL>-5.00</INVBUY></BUYMF>
</INVTRANLIST></INVSTMTRS></INVSTMTTRNRS></INVSTMTMSGSRSV1>"""


def test_of_an_investment_account_the_cash_is_read_and_trades_are_counted():
    cash = f"<INVBANKTRAN>{ENTRY}<SUBACCTFUND>CASH</INVBANKTRAN>"
    result = read(f"{HEADER}<OFX>{SIGN_ON}{INVESTMENT.format(cash=cash)}</OFX>")
    assert (result.count, result.statements[0].account) == (1, "77")
    assert "Trades and income of securities, left out: 1." in result.note


def test_a_file_with_nothing_but_securities_is_refused():
    refused(f"{HEADER}<OFX>{SIGN_ON}{INVESTMENT.format(cash='')}</OFX>", "only securities")
    beside = read(document(statement(ENTRY)).replace("</OFX>", INVESTMENT.format(cash="") + "</OFX>"))
    assert beside.count == 1


# --- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<DTPOSTED>20260107\n", "", "has no booking date (DTPOSTED)"),
        ("<TRNAMT>-20.50\n", "", "the entry has no amount (TRNAMT)"),
        ("</STMTTRN>\n<STMTTRN>", "", "the amount of one entry stands twice (TRNAMT)"),
        ("</STMTTRN>\n<STMTTRN>", "<STMTTRN>", "before STMTTRN of line"),
        ("</STMTTRN>\n<STMTTRN>", "</STMTTRN>\n", "closes nothing"),
        ("</STMTTRN>\n</BANKTRANLIST>", "", "before BANKTRANLIST of line"),
        ("<STMTTRN>\n<TRNTYPE>DEBIT", "<STMTTRNX>\n<TRNTYPE>DEBIT", "closes nothing"),
        ("</OFX>", "", "it was cut off"),
        ("</OFX>", "</OFX><OFX></OFX>", "there is more after </OFX>"),
        ("</OFX>", "</OFX> and so on", "there is text after </OFX>"),
        ("<BANKTRANLIST>", "<BANKTRANLIST>junk", "there is text in BANKTRANLIST"),
        ("<MEMO>Invoice 2026-001\n", "<![CDATA[", "is not closed"),
        ("<MEMO>Invoice 2026-001\n", "<!-- ", "is not closed"),
        ("<OFX>", '<!DOCTYPE x [<!ENTITY a "b">]><OFX>', "document type"),
        ("<MEMO>", "<!ENTITY a><MEMO>", "document type"),
        ("<MEMO>", "<?php x ?><MEMO>", "processing instruction"),
        ("<MEMO>", "<A>" * 70, "more than 60 deep"),
        ("2026-001", "x" * 30_000, "more than 20000 characters"),
        ("2026-001", "a\0b", "control characters"),
    ],
)
def test_a_damaged_file_is_refused_whole(old, new, says):
    assert old in GOOD
    refused(GOOD.replace(old, new, 1), says)


def test_an_error_names_line_and_entry():
    error = refused(GOOD.replace("-20.50", "x"), "line 20, entry 2: 'x' is not an amount (TRNAMT)")
    assert GOOD.splitlines()[19].endswith("<STMTTRN>")
    assert "Export" in error.remedy


def test_entries_outside_of_any_list_are_not_dropped_in_silence():
    refused(document(statement(ENTRY), SECOND), "of 2 entries in the file only 1 stand in lists")
    refused(document(statement(ENTRY, more=SECOND)), "of 2 entries in the file only 1")
    refused(document(statement(f"<BATCH>{ENTRY}</BATCH>")), "BATCH")


def test_encodings_are_found_and_a_wrong_header_is_told():
    named = GOOD.replace("Muster GmbH", "M\u00fcller \u20ac")
    for encoding in ("utf-8", "cp1252", "utf-16"):
        assert read(named.encode(encoding)).lines[0].counterparty == "M\u00fcller \u20ac"
    greek = named.replace("CHARSET:1252", "CHARSET:1253").replace(
        "M\u00fcller \u20ac", "\u0391\u03b8\u03ae\u03bd\u03b1"
    )
    assert read(greek.encode("cp1253")).lines[0].counterparty == "\u0391\u03b8\u03ae\u03bd\u03b1"
    latin = named.replace("\u20ac", "x").replace("CHARSET:1252", "CHARSET:8859-15")
    assert read(latin.encode("iso8859-15")).lines[0].counterparty == "M\u00fcller x"
    lying = document(statement(CLOSED), header=XML).replace("Muster", "M\u00fcller").encode("latin-1")
    assert read(lying).lines[0].counterparty == "M\u00fcller GmbH"
    assert "read as Windows-1252" in read(lying).note
    refused(named.encode() + b"\x81\xff", "the text is not in cp1252")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "cp1250"])
def test_what_no_header_names_is_decoded_as_a_table_is(encoding):
    text = document(statement(CLOSED), header="").replace("Muster", "Us\u0142ugi Za\u017c\u00f3\u0142\u0107")
    found = read(text.encode(encoding))
    assert found.lines[0].counterparty == "Us\u0142ugi Za\u017c\u00f3\u0142\u0107 GmbH"
    assert ("read as Windows-1250" in found.note) == (encoding == "cp1250")


@pytest.mark.parametrize("content", [b"<OFX>", b"OFXHEADER:100\r\n" + b"\xff" * 50, b"<OFX>" * 5000, b"<OFX><" * 9000])
def test_garbage_is_refused(content):
    refused(content, "")


def test_a_file_is_recognised_by_its_content():
    for text in (GOOD, GOOD.removeprefix(HEADER), document(statement(CLOSED), header=XML)):
        for content in (text.encode(), text.encode("utf-16"), b"\xef\xbb\xbf\r\n" + text.encode()):
            assert recognise(Source("x", content)).name == "OFX"
    for other in (b"<Document><BkToCstmrStmt/></Document>", b"Date,Amount\n", b"!Type:Bank\n", b"<OFXX>", b":20:OFX"):
        assert not ofx.looks_like(other)


def test_files_beyond_the_limits_are_refused_with_the_limit():
    refused(GOOD + " " * ofx_tree.MAX_OFX_BYTES, "the file has 32.0 MB, and may have 32.0 MB")


def test_long_runs_of_marks_are_read_in_one_pass():
    for mark in ("<", "</", "<A", "&", "<![CDATA[]]>", "\r"):
        changed = ENTRY.replace("2026-001", "x" + mark * 2000)
        assert read(document(statement(changed))).count == 1


@settings(max_examples=300)
@given(st.integers(0, len(GOOD)))
def test_a_file_cut_anywhere_is_refused_or_says_the_same(at):
    whole = len(GOOD.rstrip())
    if at >= whole:
        assert read(GOOD[:at]).lines == read(GOOD).lines
    else:
        with pytest.raises(FileError):
            read(GOOD[:at])


LISTED = document(statement(ENTRY.replace("\n", "") + SECOND), header=XML).encode()


@settings(max_examples=600)
@given(st.sampled_from([GOOD.encode(), LISTED]), st.data())
def test_a_changed_byte_never_loses_an_entry(content, data):
    at = data.draw(st.integers(0, len(content) - 1))
    changed = content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at + 1 :]
    try:
        result = read(changed)
    except FileError:
        return
    if result.format.startswith("OFX"):
        assert result.count == 2


@settings(max_examples=300)
@given(st.integers(0, len(GOOD)), st.integers(0, 60))
def test_a_missing_stretch_shorter_than_an_entry_never_loses_one(begin, length):
    try:
        result = read(GOOD[:begin] + GOOD[begin + length :])
    except FileError:
        return
    assert result.count == 2
