"""Reports of payment providers: what a line says, what a payout holds, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mainstay.connectors.bank import payouts
from mainstay.connectors.bank.read import ReadStatement, read_statement
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.records import File, Payout
from mainstay.values import BlobRef, Money

if TYPE_CHECKING:
    from mainstay.connectors.bank.columns import ColumnMap

RECONCILIATION = """\
automatic_payout_id,automatic_payout_effective_at,balance_transaction_id,created_utc,available_on_utc,currency,\
gross,fee,net,reporting_category,source_id,description,customer_facing_amount,customer_facing_currency,customer_id,\
customer_email,customer_name,charge_id,payment_intent_id,invoice_id,invoice_number,payment_metadata[order]
po_1,2026-04-07 00:00:00,txn_1,2026-04-01 10:12:33,2026-04-06 00:00:00,eur,119.00,2.04,116.96,charge,ch_1,\
Subscription,119.00,eur,cus_1,ada@example.com,Ada Byron,ch_1,pi_1,in_1,2026-117,A-17
po_1,2026-04-07 00:00:00,txn_2,2026-04-01 11:12:33,2026-04-06 00:00:00,eur,92.00,3.00,89.00,charge,ch_2,\
Invoice 2026-118,100.00,usd,cus_2,bob@example.com,,ch_2,pi_2,,,
po_1,2026-04-07 00:00:00,txn_3,2026-04-02 11:12:33,2026-04-06 00:00:00,eur,-19.00,0.00,-19.00,refund,re_1,\
,-19.00,eur,cus_1,ada@example.com,Ada Byron,ch_1,pi_1,in_1,2026-117,A-17
,,txn_4,2026-04-05 11:12:33,2026-04-16 00:00:00,eur,50.00,1.00,49.00,charge,ch_4,,50.00,eur,,,,ch_4,,,,
"""
PAID_OUT = "po_1,2026-04-07 00:00:00,txn_p,2026-04-06 01:00:00,,eur,{0},0.00,{0},payout,po_1,STRIPE PAYOUT,,,,,,,,,,\n"
HISTORY = """\
id,Type,Source,Amount,Fee,Destination Platform Fee,Net,Currency,Created (UTC),Available On (UTC),Description,\
Customer Facing Amount,Customer Facing Currency,Transfer,Transfer Date (UTC),Transfer Group,order_id (metadata)
"""


def read(text: str | bytes, columns: ColumnMap | None = None):
    content = text.encode() if isinstance(text, str) else text
    assert payouts.looks_like(content[:4096])
    return assemble([("report.csv", payouts.read(Source("report.csv", content), columns))])


def refused(text: str | bytes) -> FileError:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(FileError) as caught:
        payouts.read(Source("report.csv", content))
    assert caught.value.message.startswith("report.csv")
    assert caught.value.remedy
    return caught.value


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def assert_adds_up(result) -> None:
    amounts = {line.id: line.amount for line in result.lines}
    for payout in result.payouts:
        held = sum(amounts[ident].minor for ident in payout.line_ids)
        assert held == payout.amount.minor or not payout.line_ids


def test_a_charge_tells_who_paid_what_and_every_reference():
    result = read(RECONCILIATION)
    ada, bob = result.lines[:2]
    assert (ada.counterparty, ada.amount, ada.booked_on, ada.bank_id) == (
        "Ada Byron",
        eur(11900),
        "2026-04-01",
        "txn_1",
    )
    assert ada.references == ("2026-117", "ch_1", "pi_1", "in_1", "cus_1", "A-17")
    assert (ada.text, ada.original) == ("Subscription", None)
    assert (bob.counterparty, bob.amount, bob.original) == ("bob@example.com", eur(9200), Money(10000, "USD"))


def test_a_payout_is_the_sum_of_its_lines():
    result = read(RECONCILIATION)
    assert_adds_up(result)
    (payout,) = result.payouts
    line_ids = tuple(line.id for line in result.lines if line.amount.minor in {11900, 9200, -1900, -504})
    assert payout == Payout("po_1", "Stripe", eur(18696), "2026-04-07", eur(21100), eur(504), line_ids)


def test_the_fees_of_a_payout_are_one_line():
    fees = [line for line in read(RECONCILIATION).lines if "Fees" in line.text]
    assert [(line.text, line.amount.minor, line.counterparty) for line in fees] == [
        ("Fees of payout po_1, 2 charges", -504, "Stripe"),
        ("Fees of 2026-04-05, 1 charge", -100, "Stripe"),
    ]


def test_a_payout_stated_by_the_report_is_checked():
    result = read(RECONCILIATION + PAID_OUT.format("-186.96"))
    assert result.balance == "checked"
    assert read(RECONCILIATION).balance == "absent"
    assert [line.amount for line in result.lines if line.text == "Paid out to your bank, po_1"] == [eur(-18696)]
    error = refused(RECONCILIATION + PAID_OUT.format("-188.18"))
    assert "the payout po_1 does not add up" in error.message
    assert "a difference of 1.22 EUR" in error.message
    assert "Payout reconciliation" in error.remedy


def test_files_that_overlap_give_each_payout_once_and_whole():
    waiting, paid = (
        RECONCILIATION.replace("po_1,2026-04-07 00:00:00,txn_1", ",,txn_1").splitlines(keepends=True)[:2],
        RECONCILIATION + PAID_OUT.format("-186.96"),
    )
    files = [payouts.read(Source(name, "".join(text).encode())) for name, text in (("a", waiting), ("b", paid))]
    for order in (files, files[::-1], [files[1], files[1]]):
        result = assemble([(str(number), file) for number, file in enumerate(order)])
        assert [payout.id for payout in result.payouts] == ["po_1"]
        assert len(result.payouts[0].line_ids) == 4
        assert_adds_up(result)
        assert len([line for line in result.lines if line.bank_id == "txn_1"]) == 1


def history(*rows: str) -> str:
    """Write a balance history of rows "id,Type,Source,Amount,Fee,Net,Created,Transfer"."""
    written: list[str] = []
    for row in rows:
        ident, kind, source, amount, fee, net, created, transfer = row.split(",")
        arrives = "2026-04-09 00:00" if transfer else ""
        written.append(
            f"{ident},{kind},{source},{amount},{fee},,{net},eur,{created} 10:00,2026-04-09 00:00,"
            f"about {ident},,,{transfer},{arrives},,\n"
        )
    return HISTORY + "".join(written)


CHARGE = "txn_1,charge,ch_1,119.00,2.00,117.00,2026-04-01,po_1"
PAYOUT = "txn_p,payout,po_1,-117.00,0.00,-117.00,2026-04-07,po_1"


def test_rows_stand_in_any_order():
    one, other = read(history(CHARGE, PAYOUT)), read(history(PAYOUT, CHARGE))
    assert {line.id for line in one.lines} == {line.id for line in other.lines}
    assert one.payouts[0].line_ids == other.payouts[0].line_ids
    assert one.balance == other.balance == "checked"


def test_a_charge_has_one_id_in_every_report():
    columns = "po_1,2026-04-09 00:00:00,txn_1,2026-04-01 10:12:33,,eur,119.00,2.00,117.00,charge,ch_1,,,,,,,ch_1,,,,\n"
    itemised = read(RECONCILIATION.splitlines(keepends=True)[0] + columns)
    known = {line.id for line in read(history(CHARGE, PAYOUT)).lines}
    assert {line.id for line in itemised.lines} == known


def test_a_payout_that_took_money_from_the_bank_is_negative():
    refund = "txn_1,refund,re_1,-30.00,0.00,-30.00,2026-04-01,po_1"
    result = read(history(refund, "txn_p,payout,po_1,30.00,0.00,30.00,2026-04-07,po_1"))
    assert result.payouts[0].amount == eur(-3000)
    assert "Taken from your bank, po_1" in [line.text for line in result.lines]
    assert_adds_up(result)


def test_an_instant_payout_costs_its_own_fee():
    result = read(history(CHARGE, "txn_p,payout,po_1,-116.00,1.00,-117.00,2026-04-07,po_1"))
    assert (result.payouts[0].amount, result.payouts[0].fees) == (eur(11600), eur(300))
    assert len(result.payouts[0].line_ids) == 2
    assert_adds_up(result)


def test_nothing_of_a_failed_payout_arrives():
    back = "txn_b,payout_failure,po_1,117.00,0.00,117.00,2026-04-08,"
    result = read(history(CHARGE, PAYOUT, back))
    assert result.payouts == ()
    assert "Payout po_1 failed or was cancelled" in result.note
    assert [line.amount for line in result.lines if line.reversal] == [eur(11700)]


def test_money_taken_back_by_a_bank_is_a_reversal_and_a_refund_is_none():
    result = read(
        history(
            "txn_1,charge,ch_1,119.00,2.00,117.00,2026-04-01,po_1",
            "txn_2,adjustment,dp_1,-119.00,15.00,-134.00,2026-04-02,po_1",
            "txn_3,adjustment,dp_1,119.00,-15.00,134.00,2026-04-03,po_1",
            "txn_4,refund,re_1,-19.00,0.00,-19.00,2026-04-03,po_1",
            "txn_5,payment_failure_refund,pyr_1,-50.00,0.00,-50.00,2026-04-03,po_1",
            "txn_6,stripe_fee,,-3.00,0.00,-3.00,2026-04-03,po_1",
            "txn_7,transfer,tr_1,-5.00,0.00,-5.00,2026-04-03,po_1",
            "txn_8,topup,tu_1,100.00,0.00,100.00,2026-04-03,po_1",
            "txn_p,payout,po_1,-140.00,0.00,-140.00,2026-04-07,po_1",
        )
    )
    by_id = {line.bank_id: line for line in result.lines}
    assert [ident for ident, line in by_id.items() if line.reversal] == ["txn_2", "txn_3", "txn_5"]
    assert (by_id["txn_6"].counterparty, by_id["txn_7"].counterparty) == ("Stripe", "Stripe")
    assert by_id["txn_8"].counterparty == "Stripe"
    assert by_id["txn_4"].text == "Refund (re_1): about txn_4"
    payout = result.payouts[0]
    assert (payout.gross, payout.fees, payout.amount) == (eur(11900), eur(500), eur(14000))
    assert_adds_up(result)


def test_the_first_payouts_may_have_begun_before_the_report():
    result = read(
        history(
            "txn_0,payout,po_0,-400.00,0.00,-400.00,2026-04-01,po_0",
            "txn_9,charge,ch_9,10.00,1.00,9.00,2026-04-01,po_1",
            "txn_p,payout,po_1,-117.00,0.00,-117.00,2026-04-02,po_1",
            "txn_3,charge,ch_3,50.00,1.00,49.00,2026-04-03,po_3",
            "txn_q,payout,po_3,-49.00,0.00,-49.00,2026-04-05,po_3",
        )
    )
    assert [(payout.id, bool(payout.line_ids)) for payout in result.payouts] == [
        ("po_3", True),
        ("po_0", False),
        ("po_1", False),
    ]
    assert result.payouts[2].amount == eur(11700)
    assert result.balance == "absent"
    assert "Payout po_1 began before this report does" in result.note
    assert_adds_up(result)


def test_later_payouts_must_add_up():
    error = refused(
        history(
            CHARGE,
            PAYOUT,
            "txn_3,charge,ch_3,50.00,1.00,49.00,2026-04-07,po_3",
            "txn_q,payout,po_3,-50.00,0.00,-50.00,2026-04-08,po_3",
        )
    )
    assert error.message == (
        "report.csv, line 5: the payout po_3 does not add up: 50.00 EUR were paid, its transactions make 49.00 EUR, "
        "a difference of 1.00 EUR."
    )


def test_what_is_not_paid_out_is_told():
    result = read(history(CHARGE, PAYOUT, "txn_3,charge,ch_3,50.00,1.00,49.00,2026-04-07,"))
    assert "1 transaction of 49.00 EUR after fees is in no payout of this report: still at Stripe." in result.note
    assert result.balance == "checked"


def test_a_payout_by_hand_stands_without_lines():
    result = read(
        history(
            "txn_1,charge,ch_1,119.00,2.00,117.00,2026-04-01,", "txn_p,payout,po_1,-100.00,0.00,-100.00,2026-04-07,"
        )
    )
    assert result.payouts == (Payout("po_1", "Stripe", eur(10000), "2026-04-07", eur(10000), eur(0)),)
    assert "does not say which charges are in payout po_1" in result.note


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("txn_1,charge,ch_1,119.00,-2.00,117.00,2026-04-01,", "less fee -2.00 EUR is not the net 117.00 EUR"),
        ("txn_1,charge,ch_1,119.00,2.00,116.00,2026-04-01,", "it is off by 1.00 EUR"),
        ("txn_1,charge,ch_1,,0.00,0.00,2026-04-01,", "the row has no amount"),
        ("txn_1,charge,ch_1,=1+1,2.00,117.00,2026-04-01,", "'=1+1' is not an amount"),
        ("txn_1,charge,ch_1,99999999999999999999.00,0,99999999999999999999.00,2026-04-01,", "too large"),
        ("txn_1,charge,ch_1,119.00,2.00,117.00,2026-02-31,", "is not a date"),
        ("txn_1,charge,ch_1,119.00,2.00,117.00,2026-04-01,\nx", "cells"),
        ("txn_1,charge,ch_1,1\x0019.00,2.00,117.00,2026-04-01,", "control characters"),
    ],
)
def test_a_row_that_can_not_be_right_is_refused(row, says):
    message = refused(history(*row.splitlines()[:1]) + ("x,y\n" if "\n" in row else "")).message
    assert says in message
    assert "line " in message


def test_a_currency_that_does_not_exist_is_refused():
    assert "'EUX' is not a currency" in refused(history(CHARGE).replace(",eur,", ",EUX,")).message


def test_a_transaction_that_stands_twice_is_kept_once():
    result = read(history(CHARGE, CHARGE, PAYOUT))
    assert "What stood twice is kept once (1)." in result.note
    assert result.balance == "checked"
    error = refused(history(CHARGE, CHARGE.replace("ch_1", "ch_2"), PAYOUT))
    assert "the transaction txn_1 stands here again, but not as before in line 2" in error.message


def test_each_currency_is_an_account():
    dollars = history("txn_7,charge,ch_7,10.00,1.00,9.00,2026-04-01,").splitlines(keepends=True)[-1]
    result = read(history(CHARGE, PAYOUT) + dollars.replace(",eur,", ",usd,"))
    assert [(one.currency, one.count, one.balance) for one in result.statements] == [
        ("EUR", 3, "checked"),
        ("USD", 2, "absent"),
    ]


def test_currencies_without_decimals_are_read_as_written():
    yen = history("txn_7,charge,ch_7,1500,54,1446,2026-04-01,").replace(",eur,", ",jpy,")
    assert [line.amount for line in read(yen).lines] == [Money(1500, "JPY"), Money(-54, "JPY")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_line_ends_and_encodings_change_nothing(end, encoding):
    text = history(CHARGE, PAYOUT).replace("about txn_1", "B\u00fcro")
    result = read(text.replace("\n", end).encode(encoding))
    assert result.lines[0].text == "B\u00fcro"
    assert result.balance == "checked"


def test_semicolons_and_decimal_commas_are_read():
    text = history(CHARGE, PAYOUT).replace(".00", ";00").replace(",", "\t").replace(";", ",")
    assert read(text).payouts[0].amount == eur(11700)


def test_a_report_that_lacks_columns_says_which_export_has_them():
    text = "\n".join(",".join(line.split(",")[:7]) for line in RECONCILIATION.splitlines())
    error = refused(text)
    assert "it has no column 'fee', 'net', 'reporting_category'" in error.message
    assert "Reports > Payout reconciliation > Itemized" in error.remedy
    summary = "reporting_category,currency,count,gross,fee,net\ncharge,eur,2,10.00,1.00,9.00\n"
    assert "it has no column 'balance_transaction_id'" in refused(summary).message


def test_other_tables_are_no_reports():
    for text in (
        "Date,Description,Amount,Balance\n2026-04-01,Rent,-1.00,1.00\n",
        "id,Type,Amount\n1,a,2\n",
        "Datum;Name;Betrag\n01.04.2026;x;1,00\n",
        "",
        "\x00\x00",
        "{}",
        "<a/>",
    ):
        assert not payouts.looks_like(text.encode())
        assert "no report of a payment provider" in refused(text or " ").message or "control" in refused(text).message


@pytest.mark.parametrize("text", [RECONCILIATION + PAID_OUT.format("-186.96"), history(CHARGE, PAYOUT)])
def test_a_report_cut_anywhere_is_read_or_refused(text):
    for end in range(len(text)):
        try:
            assert_adds_up(assemble([("a", payouts.read(Source("a", text[:end].encode())))]))
        except FileError as error:
            assert error.remedy  # noqa: PT017 - either is right


PAYMENTS = """\
id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,\
Converted Currency,Description,Fee,Refunded date (UTC),Status,Taxes On Fee,Customer Email,Invoice ID,Transfer,\
Disputed Amount,Dispute Status,Dispute Date (UTC)
ch_1,2026-04-01 10:12:33,119.00,19.00,eur,true,119.00,19.00,eur,Subscription,2.04,2026-04-02 11:12,Paid,0.10,\
ada@example.com,in_1,po_1,,,
ch_2,2026-04-01 11:12:33,100.00,0.00,usd,true,92.00,0.00,eur,Invoice 2026-118,3.00,,Paid,0.00,bob@example.com,,po_1,,,
ch_3,2026-04-01 11:12:33,100.00,0.00,usd,false,,,,Invoice 2026-118,,,Failed,,bob@example.com,,,,,
ch_5,2026-04-01 11:12:33,80.00,0.00,eur,true,80.00,0.00,eur,Invoice 2026-119,1.00,,Paid,0.00,bob@example.com,,po_1,\
80.00,lost,2026-05-01 10:00
"""


def test_the_dashboards_payments_are_charges_refunds_and_disputes_without_payouts():
    result = read(PAYMENTS)
    assert [(line.bank_id, line.amount.minor, line.booked_on, line.reversal) for line in result.lines] == [
        ("ch_1", 11900, "2026-04-01", False),
        ("refund ch_1", -1900, "2026-04-02", False),
        ("ch_2", 9200, "2026-04-01", False),
        ("ch_5", 8000, "2026-04-01", False),
        ("taken back ch_5", -8000, "2026-05-01", True),
        ("", -614, "2026-04-01", False),
    ]
    assert result.lines[2].original == Money(10000, "USD")
    assert result.payouts == ()
    assert "does not say what a payout holds" in result.note
    assert "Payments that failed or were not captured are left out (1)" in result.note


def test_a_million_lines_are_refused_with_the_limit():
    error = refused(HISTORY + "txn\n" * 1_000_000)
    assert "300,000 can be read at once" in error.message
    assert "shorter periods" in error.remedy


PAYOUTS = """\
id,Amount,Created (UTC),Currency,Livemode,Arrival Date (UTC),Source Type,Destination,Status,Type,Method,Description,\
Balance Transaction,Failure Balance Transaction,Statement Descriptor,Trace ID,Trace ID Status
po_1,186.96,2026-04-06 01:00,eur,true,2026-04-07 00:00,card,ba_1,paid,bank_account,standard,STRIPE PAYOUT,txn_p,,\
MAINSTAY,0910000102,supported
po_2,10.00,2026-04-07 01:00,eur,true,2026-04-08 00:00,card,ba_1,failed,bank_account,standard,STRIPE PAYOUT,\
txn_q,txn_r,,,
"""


def test_a_list_of_payouts_gives_their_sums_and_no_customers_payment():
    result = read(PAYOUTS)
    assert result.payouts == (Payout("po_1", "Stripe", eur(18696), "2026-04-07", eur(18696), eur(0)),)
    assert [line.amount.minor for line in result.lines] == [-18696]
    assert result.lines[0].references == ("po_1", "0910000102", "MAINSTAY")
    assert "Payouts that failed or were cancelled are left out (1)" in result.note


def test_a_list_of_payouts_beside_what_they_hold_adds_nothing_twice():
    files = [("list", PAYOUTS), ("itemised", RECONCILIATION)]
    for order in (files, files[::-1]):
        result = assemble([(name, payouts.read(Source(name, text.encode()))) for name, text in order])
        assert [(payout.id, len(payout.line_ids)) for payout in result.payouts] == [("po_1", 4)]
        assert len([line for line in result.lines if "Paid out" in line.text]) == 1
        assert_adds_up(result)


def test_a_failure_alone_is_no_payout():
    result = read(history(CHARGE.replace("po_1", ""), "txn_b,payout_failure,po_0,40.00,0.00,40.00,2026-04-08,"))
    assert result.payouts == ()
    assert "Payout po_0 failed or was cancelled" in result.note


def test_a_report_is_known_among_bank_files_and_its_payout_is_not_counted_as_income_twice():
    bank = "Buchungstag;Auftraggeber;Verwendungszweck;Betrag;W\u00e4hrung\n07.04.2026;STRIPE;po_1;186,96;EUR\n"
    contents = {"a": bank.encode(), "b": RECONCILIATION.encode()}
    given = tuple(File(f"{name}.csv", BlobRef(name, len(content))) for name, content in contents.items())
    result = read_statement(ReadStatement(files=given), contents)
    assert result.format == "CSV and Stripe payout reconciliation"
    assert [line.amount for line in result.lines if line.amount == eur(18696)] == [result.payouts[0].amount]
    assert {line.account for line in result.lines} == {"", "Stripe"}


@pytest.mark.parametrize("state", ["Requires action", "Expired", "requires_confirmation", "Processing"])
def test_a_payment_that_was_not_made_is_no_line(state):
    paid = (
        "id,Created (UTC),Amount,Amount Refunded,Currency,Captured,Fee,Status\nch_1,2026-04-01,50.00,0,eur,TRUE,1.00,"
    )
    other = f"ch_2,2026-04-01,70.00,0,eur,TRUE,0,{state}\n"
    assert [line.amount for line in read(f"{paid}Paid\n{other}").lines] == [eur(5000), eur(-100)]


def test_a_payment_in_a_state_of_unknown_name_is_asked_for_in_another_export():
    head = "id,Created (UTC),Amount,Amount Refunded,Currency,Captured,Fee,Status\n"
    error = refused(f"{head}ch_1,2026-04-01,50.00,0,eur,TRUE,1.00,In review\n")
    assert "line 2: the status 'In review' does not tell whether this was paid" in error.message
    assert "Payout reconciliation" in error.remedy
