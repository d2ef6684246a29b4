"""Reports of payment providers: what a line says, what a payout holds, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mainstay.connectors.bank import payouts
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.records import Payout
from mainstay.values import Money

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
