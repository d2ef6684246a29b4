"""OFX as single banks write it: what their files leave out or do otherwise, and still says what it says."""

from __future__ import annotations

import pytest

from mainstay.connectors.bank import ofx, ofx_tree
from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.values import Money

ENTRY = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-836.30<FITID>A-1<MEMO>Shop</STMTTRN>"
LIST = f"<BANKTRANLIST><DTSTART>20260101<DTEND>20260131{ENTRY}</BANKTRANLIST>"
BALANCE = "<LEDGERBAL><BALAMT>5.00<DTASOF>20260131</LEDGERBAL>"


def read(listed: str, *, currency: str = "<CURDEF>BRL", balance: str = BALANCE):
    account = "<BANKACCTFROM><BANKID>1<ACCTID>77</BANKACCTFROM>"
    body = f"<STMTTRNRS><STMTRS>{currency}{account}{listed}{balance}</STMTRS></STMTTRNRS>"
    content = f"OFXHEADER:100\n\n<OFX>\n<BANKMSGSRSV1>{body}</BANKMSGSRSV1></OFX>"
    return assemble([("january.ofx", ofx.read(Source("january.ofx", content.encode()), ColumnMap()))])


def test_a_payee_that_is_a_value_is_the_counterparty():
    assert read(LIST.replace("<MEMO>", "<PAYEE>Oi Telefone</PAYEE><MEMO>")).lines[0].counterparty == "Oi Telefone"
    inside = "<PAYEE><NAME>Oi Telefone<ADDR1>Rua 1<CITY>Rio</PAYEE><MEMO>"
    assert read(LIST.replace("<MEMO>", inside)).lines[0].counterparty == "Oi Telefone"


def test_balances_may_have_another_decimal_mark_than_entries():
    result = read(LIST, balance=BALANCE.replace("5.00", "1.234,50").replace("20260131", "00000000"))
    assert (result.lines[0].amount, result.statements[0].closing) == (Money(-83630, "BRL"), Money(123450, "BRL"))
    assert "The file says a balance of 1,234.50 BRL; without an opening one" in result.note


def test_a_balance_that_could_be_read_both_ways_is_read_as_the_entries_are():
    assert read(LIST, balance=BALANCE.replace("5.00", "1,234")).statements[0].closing == Money(123400, "BRL")
    with pytest.raises(FileError, match="doesn't tell whether"):
        read("", balance=BALANCE.replace("5.00", "1,234"))


@pytest.mark.parametrize("name", ["LEDGERBAL", "AVAILBAL"])
def test_a_list_that_is_left_open_ends_at_the_balance_and_is_told(name):
    balance = BALANCE.replace("LEDGERBAL", name)
    result = read(LIST.removesuffix("</BANKTRANLIST>"), balance=balance)
    assert result.lines == read(LIST, balance=balance).lines
    assert "Lists of entries that are not closed, as some banks leave them: 1." in result.note
    with pytest.raises(FileError, match="before BANKTRANLIST of line 4 is closed"):
        read(LIST.removesuffix("</STMTTRN></BANKTRANLIST>"))


def test_a_currency_that_all_entries_name_is_that_of_the_statement():
    said = LIST.replace("<MEMO>", "<CURRENCY><CURSYM>MXN<CURRATE>1</CURRENCY><MEMO>")
    result = read(said, currency="")
    assert (result.currency, result.statements[0].closing) == ("MXN", Money(500, "MXN"))
    with pytest.raises(FileError, match="nothing says the currency"):
        read(said.replace("</BANKTRANLIST>", f"{ENTRY}</BANKTRANLIST>"), currency="")


def test_an_entry_that_shows_a_balance_without_an_amount_is_refused():
    with pytest.raises(FileError, match=r"line 4, entry 1: '\.' is not .* with the decimal mark '\.' \(TRNAMT\)"):
        read(LIST.replace("-836.30", "            .  "))


def test_each_balance_is_told_once():
    assert read(LIST + BALANCE).note.count("5.00 BRL") == 1


def test_more_elements_than_memory_has_room_for_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ofx_tree, "MAX_ELEMENTS", 20)
    assert len(read(LIST).lines) == 1
    with pytest.raises(FileError, match="there are more than 20 elements"):
        read(LIST.replace("<MEMO>Shop", "<A>x" * 20))


def test_an_id_that_several_entries_have_is_no_reason_to_leave_one_out():
    twice = ENTRY + ENTRY.replace("-836.30", "-1.00")
    correction = ENTRY.replace("<FITID>A-1", "<FITID>A-9<CORRECTFITID>A-1<CORRECTACTION>REPLACE")
    result = read(f"<BANKTRANLIST>{twice}{correction}</BANKTRANLIST>")
    assert result.count == 3
    assert "corrects or deletes entry A-1, of which this file holds 2: see to it by hand." in result.note


def test_a_copy_of_a_statement_or_an_entry_in_two_of_them_counts_once():
    def statements(*lists: str):
        account = "<CURDEF>BRL<BANKACCTFROM><ACCTID>77</BANKACCTFROM>"
        body = "".join(f"<STMTTRNRS><STMTRS>{account}{one}</STMTRS></STMTTRNRS>\n" for one in lists)
        content = f"<OFX>\n<BANKMSGSRSV1>{body}</BANKMSGSRSV1></OFX>"
        return assemble([("january.ofx", ofx.read(Source("january.ofx", content.encode()), ColumnMap()))])

    copied = statements(LIST, LIST)
    assert (copied.count, len(copied.statements)) == (1, 1)
    assert "Copies of a statement in the same file, left out: 1." in copied.note
    later = ENTRY.replace("20260105", "20260106").replace("A-1", "A-2")
    overlapping = statements(LIST, f"<BANKTRANLIST>{ENTRY}{later}</BANKTRANLIST>")
    assert [line.bank_id for line in overlapping.lines] == ["A-1", "A-2"]
    assert "Entries that stood in two statements of one account, kept once: 1." in overlapping.note
    assert statements(LIST, f"<BANKTRANLIST>{ENTRY.replace('Shop', 'Bar')}</BANKTRANLIST>").count == 2


def test_utf_16_of_either_order_is_read():
    content = f"<OFX>\n<BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>BRL{LIST}</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    for marked in (b"\xff\xfe" + content.encode("utf-16-le"), b"\xfe\xff" + content.encode("utf-16-be")):
        assert ofx.looks_like(marked)
        assert len(ofx.read(Source("january.ofx", marked), ColumnMap()).parts[0].drafts) == 1
