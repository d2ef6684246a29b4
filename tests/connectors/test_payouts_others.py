"""Reports of PayPal, Shopify, Mollie, and of Stripe's API; and all of them with bad input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.connectors.bank import payouts
from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.records import Payout
from mainstay.values import Money

PAYPAL = """\
"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","From Email Address",\
"To Email Address","Transaction ID","Reference Txn ID","Invoice Number","Balance","Subject","Note","Balance Impact"
"""
GERMAN = """\
"Datum","Uhrzeit","Zeitzone","Name","Typ","Status","W\u00e4hrung","Brutto","Geb\u00fchr","Netto",\
"Absender E-Mail-Adresse","Empf\u00e4nger E-Mail-Adresse","Transaktionscode","Zugeh\u00f6riger Transaktionscode",\
"Rechnungsnummer","Guthaben","Betreff","Hinweis","Auswirkung auf Guthaben"
"04.04.2026","11:00:00","CEST","","Allgemeine Abbuchung","Abgeschlossen","EUR","-1.219,67","0,00","-1.219,67","",\
"","T4","","","0,00","","","Soll"
"03.04.2026","10:00:00","CEST","Max Muster","Allgemeine Zahlung","Abgeschlossen","EUR","1.234,56","-14,89",\
"1.219,67","max@example.com","me@example.com","T1","","2026-117","1.219,67","Rechnung 2026-117","","Haben"
"""
SHOPIFY = """\
Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,Payout Date,Available On,Amount,Fee,Net,Checkout,\
Payment Method Name,Presentment Amount,Presentment Currency,Currency,VAT
2026-03-15 14:23:45 -0500,charge,#1001,visa,online,paid,2026-03-17,2026-03-17,49.99,1.75,48.24,abc,card,55.00,CAD,USD,0
2026-03-15 16:10:00 -0500,charge,#1002,mastercard,online,paid,2026-03-17,2026-03-17,129.99,4.07,125.92,g,card,,,USD,0
2026-03-16 11:45:00 -0500,refund,#1001,visa,,paid,2026-03-18,2026-03-18,-49.99,0.00,-49.99,,card,-55.00,CAD,USD,
2026-03-18 10:00:00 -0500,dispute,#1002,mastercard,,pending,,,\u2212129.99,15.00,\u2212144.99,,card,,,USD,
"""
MOLLIE = """\
Date,Payment method,Currency,Amount,Status,ID,Description,Consumer name,Consumer bank account,Consumer BIC,\
Settlement currency,Settlement amount,Settlement reference,Amount refunded
2026-10-01 10:12:00,ideal,EUR,100.00,paidout,tr_a,Order 1001,Jan Novak,NL02 ABNA 0123456789,ABNANL2A,EUR,100.00,\
1234567.2610.01,
2026-10-02 11:00:00,creditcard,USD,58.00,paidout,tr_b,Order 1002,Eva Mala,,,EUR,50.00,1234567.2610.01,
2026-10-03 09:00:00,refund,EUR,-20.00,refunded,re_c,Refund Order 1001,,,,EUR,-20.00,1234567.2610.01,20.00
2026-10-04 00:00:00,,EUR,-2.88,paidout,,Withheld fees MOL-2026-0001,,,,EUR,-2.88,1234567.2610.01,
"""


def paypal(*rows: str) -> str:
    """Write an activity of rows "Day,Time,Name,Type,Status,Currency,Gross,Fee,Net,ID,Reference,Invoice,Balance"."""
    written: list[str] = []
    for row in rows:
        day, time, name, kind, status, currency, gross, fee, net, ident, reference, invoice, balance = row.split(",")
        memo = "Memo" if kind == "General Authorization" else "Credit"
        cells = (day, time, "PDT", name, kind, status, currency, gross, fee, net, f"{name}@example.com", "me@x.com")
        written.append(",".join(f'"{cell}"' for cell in (*cells, ident, reference, invoice, balance, "", "", memo)))
    return PAYPAL + "\n".join(written) + "\n"


JANE = "13/04/2026,10:00,Jane,Website Payment,Completed,EUR,500.00,-14.80,485.20,T1,,INV-117,485.20"
REFUND = "14/04/2026,10:00,Jane,Payment Refund,Completed,EUR,-20.00,0.59,-19.41,T2,T1,INV-117,465.79"
SWEEP = "15/04/2026,10:00,,General Withdrawal,Completed,EUR,-465.79,0.00,-465.79,T3,,,0.00"
BOB = "16/04/2026,10:00,Bob,Website Payment,Completed,EUR,100.00,-3.50,96.50,T4,,INV-118,96.50"
PART = "17/04/2026,10:00,,General Withdrawal,Completed,EUR,-50.00,0.00,-50.00,T5,,,46.50"


def read(text: str | bytes, columns: ColumnMap | None = None):
    content = text.encode() if isinstance(text, str) else text
    assert payouts.looks_like(content[:4096])
    return assemble([("report", payouts.read(Source("report", content), columns))])


def refused(text: str | bytes) -> FileError:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(FileError) as caught:
        payouts.read(Source("report", content))
    assert caught.value.message.startswith("report")
    assert caught.value.remedy
    return caught.value


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def assert_adds_up(result) -> None:
    amounts = {line.id: line.amount for line in result.lines}
    for payout in result.payouts:
        held = sum(amounts[ident].minor for ident in payout.line_ids)
        assert held == payout.amount.minor or not payout.line_ids


def test_paypal_tells_who_paid_which_invoice():
    jane = read(paypal(JANE, REFUND, SWEEP)).lines[0]
    assert (jane.counterparty, jane.amount, jane.booked_on) == ("Jane", eur(50000), "2026-04-13")
    assert (jane.references, jane.bank_id) == (("INV-117", "T1"), "T1")


@pytest.mark.parametrize("turned", [False, True])
def test_a_withdrawal_that_empties_the_account_holds_what_came_since_it_was_empty(turned):
    rows = [JANE, REFUND, SWEEP, BOB, PART]
    result = read(paypal(*(rows[::-1] if turned else rows)))
    assert result.balance == "checked"
    assert {payout.id: (payout.amount.minor, len(payout.line_ids)) for payout in result.payouts} == {
        "T3": (46579, 3),
        "T5": (5000, 0),
    }
    assert_adds_up(result)
    assert "does not say which charges are in payout T5" in result.note
    assert "46.50 EUR was left at PayPal" in result.note


def test_rows_sorted_by_name_are_put_in_order():
    assert read(paypal(BOB, JANE, REFUND, SWEEP, PART)).balance == "checked"


def test_entries_of_one_second_may_stand_in_any_order():
    now = "16/04/2026,10:00,,General Withdrawal,Completed,EUR,-96.50,0.00,-96.50,T5,,,0.00"
    result = read(paypal(JANE, REFUND, SWEEP, now, BOB))
    assert {payout.id: len(payout.line_ids) for payout in result.payouts} == {"T3": 3, "T5": 2}


def test_a_broken_running_balance_is_refused():
    error = refused(paypal(JANE, SWEEP, BOB, PART))
    assert "the running balance is off by -19.41 EUR here" in error.message
    assert "line 3" in error.message


def test_paypal_in_german():
    result = read(GERMAN)
    assert result.payouts[0].amount == eur(121967)
    assert [(line.counterparty, line.amount.minor, line.references) for line in result.lines] == [
        ("Max Muster", 123456, ("2026-117", "T1")),
        ("PayPal", -121967, ("T4",)),
        ("PayPal", -1489, ("T4",)),
    ]
    assert read(GERMAN.encode("cp1252")).lines == result.lines


def test_what_has_not_moved_and_holds_are_left_out_and_told():
    result = read(
        paypal(
            JANE,
            "13/04/2026,11:00,Eve,Website Payment,Pending,EUR,50.00,-1.80,48.20,P1,,,485.20",
            "13/04/2026,11:00,Eve,Website Payment,Denied,EUR,50.00,-1.80,48.20,P2,,,485.20",
            "13/04/2026,11:00,Shop,General Authorization,Completed,EUR,-5.00,0.00,-5.00,P3,,,485.20",
            "13/04/2026,12:00,,Account Hold for Open Authorization,Completed,EUR,-5.00,0.00,-5.00,P4,,,480.20",
            "13/04/2026,13:00,,Reversal of General Account Hold,Completed,EUR,5.00,0.00,5.00,P5,,,485.20",
            REFUND,
            SWEEP,
        )
    )
    assert {line.bank_id for line in result.lines if line.bank_id} == {"T1", "T2", "T3"}
    assert "Rows with the status 'Pending' are left out (1)" in result.note
    assert "Rows that hold money back or release it are left out (2)" in result.note
    assert_adds_up(result)
    assert result.balance == "checked"


def test_a_conversion_names_both_sides_and_is_no_customers_payment():
    result = read(
        paypal(
            "13/04/2026,10:00,Bob,Website Payment,Completed,USD,100.00,-3.50,96.50,T5,,INV-118,96.50",
            "13/04/2026,10:01,,General Currency Conversion,Completed,USD,-96.50,0.00,-96.50,T6,T5,,0.00",
            "13/04/2026,10:01,,General Currency Conversion,Completed,EUR,89.00,0.00,89.00,T7,T5,,89.00",
            "14/04/2026,10:01,,Bank Deposit to PP Account,Completed,EUR,9.00,0.00,9.00,T8,,,98.00",
        )
    )
    sides = [line for line in result.lines if "Exchanged" in line.text]
    assert {line.text for line in sides} == {"Exchanged 96.50 USD into 89.00 EUR"}
    assert {line.counterparty for line in result.lines if line.bank_id in {"T6", "T7", "T8"}} == {"PayPal"}


def test_a_withdrawal_the_bank_refused_is_no_payout():
    back = "16/04/2026,10:00,,Reversal of General Withdrawal,Completed,EUR,465.79,0.00,465.79,T9,T3,,465.79"
    result = read(paypal(JANE, REFUND, SWEEP, back))
    assert result.payouts == ()
    assert "Payout T3 failed or was cancelled" in result.note


def test_a_chargeback_is_a_reversal_and_a_purchase_names_the_shop():
    result = read(
        paypal(
            JANE,
            "14/04/2026,10:00,Jane,Chargeback,Completed,EUR,-400.00,0.00,-400.00,T2,T1,,85.20",
            "14/04/2026,10:01,,Chargeback Fee,Completed,EUR,-16.00,0.00,-16.00,T3,T1,,69.20",
            "14/04/2026,10:02,Shop,Express Checkout Payment,Completed,EUR,-9.20,0.00,-9.20,T4,,,60.00",
        )
    )
    assert [(line.counterparty, line.reversal) for line in result.lines[1:4]] == [
        ("Jane", True),
        ("PayPal", False),
        ("Shop", False),
    ]


def test_days_that_could_be_months_are_read_by_their_order_or_as_told():
    rising = paypal(JANE, REFUND, SWEEP).replace("13/04", "03/04").replace("14/04", "01/05").replace("15/04", "02/05")
    assert [line.booked_on for line in read(rising).lines][:3] == ["2026-04-03", "2026-05-01", "2026-05-02"]
    one_day = paypal(JANE).replace("13/04", "03/04")
    assert "may be day and month or month and day" in refused(one_day).message
    assert read(one_day, ColumnMap(date_format="%m/%d/%Y")).lines[0].booked_on == "2026-03-04"


def test_a_fee_of_paypal_with_the_wrong_sign_is_refused():
    assert "is not the net 485.20 EUR" in refused(paypal(JANE.replace("-14.80", "14.80"))).message


def test_old_downloads_without_fees_say_what_is_missing():
    text = '"Date","Time","TimeZone","Name","Type","Status","Currency","Amount","Receipt ID","Balance"\n'
    text += "1,2,3,4,5,6,7,8,9,0\n"
    error = refused(text)
    assert "it has no column 'gross', 'fee', 'net', 'transaction id'" in error.message
    assert "PayPal > Activity > Download" in error.remedy


def test_shopify_pays_out_what_its_rows_say_per_day():
    result = read(SHOPIFY)
    assert_adds_up(result)
    assert [(payout.id, payout.amount.minor) for payout in result.payouts] == [
        ("Shopify 2026-03-17", 17416),
        ("Shopify 2026-03-18", -4999),
    ]
    charge, _, _, dispute = result.lines[:4]
    assert (charge.references, charge.original) == (("#1001", "1001", "abc"), Money(5500, "CAD"))
    assert dispute.reversal
    assert "still at Shopify" in result.note


def test_mollie_pays_out_a_settlement_less_withheld_fees():
    result = read(MOLLIE)
    assert_adds_up(result)
    ids = tuple(line.id for line in result.lines[:4])
    assert result.payouts == (Payout("1234567.2610.01", "Mollie", eur(12712), "2026-10-04", eur(15000), eur(288), ids),)
    assert (result.lines[0].iban, result.lines[1].original) == ("NL02ABNA0123456789", Money(5800, "USD"))


def transaction(ident: str, kind: str, amount: int, fee: int = 0, **more: Any) -> dict[str, Any]:
    common = {"object": "balance_transaction", "id": ident, "type": kind, "currency": "eur", "created": 1775044800}
    return {**common, "amount": amount, "fee": fee, "net": amount - fee, "description": ident, **more}


def listed(*data: dict[str, Any], **more: Any) -> str:
    return json.dumps({"object": "list", "data": data, "has_more": False, **more})


def test_the_list_of_one_payout_is_its_lines():
    source = {
        "object": "charge",
        "id": "ch_1",
        "billing_details": {"name": "Ada Byron", "address": {}},
        "payment_intent": "pi_1",
        "metadata": {"order": "A-17"},
        "currency": "usd",
        "amount": 13000,
    }
    result = read(
        listed(
            transaction("txn_p", "payout", -11700, source="po_1", available_on=1775131200),
            transaction("txn_1", "charge", 11900, 200, source=source),
        )
    )
    assert result.balance == "checked"
    ada = next(line for line in result.lines if line.bank_id == "txn_1")
    assert (ada.counterparty, ada.amount, ada.original) == ("Ada Byron", eur(11900), Money(13000, "USD"))
    assert ada.references == ("ch_1", "pi_1", "A-17")
    (payout,) = result.payouts
    assert (payout.id, payout.amount, payout.arrives_on, len(payout.line_ids)) == ("po_1", eur(11700), "2026-04-02", 2)
    assert_adds_up(result)


def test_minor_units_of_the_api_are_not_those_of_iso_for_all_currencies():
    data = [transaction(code, "charge", 1000, currency=code) for code in ("jpy", "isk", "kwd", "mga")]
    assert {str(line.amount) for line in read(listed(*data)).lines} == {
        "1,000 JPY",
        "10 ISK",
        "1.000 KWD",
        "1,000.00 MGA",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (listed(transaction("t", "charge", 1), has_more=True), "more pages"),
        (listed(transaction("t", "charge", 1, currency="eux")), "entry 1: 'eux' is not a currency"),
        (listed(transaction("t", "charge", 10**30)), "too many digits"),
        (listed(transaction("t", "charge", 1, created=10**18)), "is not a time"),
        (listed({**transaction("t", "charge", 1), "net": 7}), "is not the net"),
        (listed(transaction("t", "charge", 1))[:-5], "no list"),
        ('{"a": "balance_transaction", "data": ' + "[" * 100_000, "no list"),
        ('{"a": "balance_transaction", "data": []}', "no transactions"),
    ],
)
def test_a_list_that_is_cut_or_wrong_is_refused(text, says):
    assert says in refused(text).message


ALL = (
    PAYPAL + paypal(JANE, REFUND, SWEEP).split("\n", 1)[1],
    GERMAN,
    SHOPIFY,
    MOLLIE,
    listed(transaction("t", "charge", 1)),
)


@settings(max_examples=300)
@given(
    st.sampled_from(ALL),
    st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=4), st.integers(0, 3)), min_size=1, max_size=4),
)
def test_altered_reports_are_read_or_refused_with_a_remedy(text, changes):
    content = text.encode()
    for at, new, left_out in changes:
        content = content[:at] + new + content[at + left_out :]
    try:
        assert_adds_up(assemble([("a", payouts.read(Source("a", content)))]))
    except FileError as error:
        assert error.remedy  # noqa: PT017 - either is right
    payouts.looks_like(content)


def test_entries_of_one_second_prove_no_balance():
    rows = [f"13/04/2026,10:00,Jane,Website Payment,Completed,EUR,1.00,0.00,1.00,T{n},,,7.00" for n in range(3)]
    assert read(paypal(*rows)).balance == "absent"


def test_many_entries_of_one_second_are_followed_at_once():
    payment = "Jane,Website Payment,Completed,EUR,1.00,0.00,1.00"
    times = ["09:00", *(f"{10 + n // 2000}:00" for n in range(1, 6000))]
    rows = [f"13/04/2026,{time},{payment},T{n},,,{n + 1}.00" for n, time in enumerate(times)]
    assert read(paypal(*rows)).balance == "checked"
    rows[-1] = rows[-1].replace("1.00,0.00,1.00", "2.00,0.00,2.00")
    assert "the running balance is off by" in refused(paypal(*rows)).message


@pytest.mark.parametrize("mark", [".", ","])
def test_a_mark_in_a_currency_without_decimals_parts_thousands(mark):
    rows = (
        "13/04/2026,10:00,J,Website Payment,Completed,JPY,1_000,0,1_000,T1,,,1_000",
        "14/04/2026,10:00,J,Website Payment,Completed,JPY,2_000,0,2_000,T2,,,3_000",
    )
    text = paypal(*rows).replace("_", mark)
    assert [line.amount for line in read(text).lines] == [Money(1000, "JPY"), Money(2000, "JPY")]
    assert "doesn't tell whether its mark is decimal" in refused(text.replace("JPY", "EUR")).message


@pytest.mark.parametrize(
    "header",
    [
        "Date,Heure,Fuseau horaire,Nom,Type,Etat,Devise,Brut,Frais,Net",
        "Data,Orario,Fuso orario,Nome,Tipo,Stato,Valuta,Lordo,Tariffa,Netto",
        "Datum,Tijd,Tijdzone,Naam,Type,Status,Valuta,Bruto,Kosten,Net",
    ],
)
def test_an_activity_in_a_language_that_is_not_read_says_which_are(header):
    text = f'{header}\n13/04/2026,10:00:00,CEST,Klient,X,X,EUR,"1 100,00","-3,00","1 097,00"\n'
    assert payouts.looks_like(text.encode())
    error = refused(text)
    assert "looks like PayPal activity" in error.message
    assert "in English or German" in error.remedy
