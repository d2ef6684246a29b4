"""Situations that other systems test their matching with, told anew: who paid, in what money, and what went back.

The table of the 33 tests that these were taken from, as facts, is in `test_scenarios.py`.
"""

from __future__ import annotations

import pytest
from scenes import came, matched, owes, taught

from mainstay.records import Discount, Payout
from mainstay.values import Money

DYER = "Färberei Waidblau GmbH"
SMITH = "Torsten Hufschmied"
ACCOUNT = "DE02120300000000202051"
OTHER_ACCOUNT = "DE02500105170137075030"


# --- who paid -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("customer", "payer"),
    [
        (SMITH, "HUFSCHMIED, TORSTEN"),
        (DYER, "FAERBEREI WAIDBLAU"),
        (DYER, "Farberei Waidblau GmbH"),
        ("Þórður Sigurðsson", "Thordur Sigurdsson"),
        ("Общество Лира", "OBSHCHESTVO LIRA"),
        ("Εργαστήριο Θάλασσα", "ERGASTIRIO THALASSA"),
        ("Gesellschaft für angewandte Wolkenkunde mbH", "Gesellschaft für angewandte Wolkenk"),
        ("A + B (Bau) GmbH & Co. KG", "A+B BAU GMBH+CO.KG"),
    ],
)
def test_the_name_and_a_telling_amount_are_enough(customer, payer):
    said = matched(
        [came("l", "1733.21 EUR", payer)], [owes("P-1", "1733.21 EUR", customer), owes("P-2", "64.00 EUR", customer)]
    )
    assert said.pile("l") == "sure"
    assert said.given("l") == {"P-1": "1,733.21 EUR"}


@pytest.mark.parametrize(
    "text", ["0815//HUFSCHMIED-Torsten", "Kunde Torsten Hufschmied danke", "ABWA+Torsten Hufschmied"]
)
def test_the_name_in_the_text_proposes_the_customer(text):
    """No payer is given: the name stands in the text. Enough to propose the right one of two equal invoices."""
    said = matched(
        [came("l", "1733.21 EUR", "", text)], [owes("P-1", "1733.21 EUR", SMITH), owes("P-2", "1733.21 EUR", DYER)]
    )
    assert said.pile("l") in ("sure", "unsure")
    assert said.given("l") == {"P-1": "1,733.21 EUR"}


@pytest.mark.parametrize("name", ["Krüger + Söhne [Bau]", "R*Star (Medien)", "C^2 \\ Partner?", "50% & Mehr."])
def test_special_signs_in_a_name_do_no_harm(name):
    said = matched(
        [came("l", "1733.21 EUR", name.upper(), "1234//")],
        [owes("P-1", "1733.21 EUR", name), owes("P-2", "8.00 EUR", DYER)],
    )
    assert said.pile("l") == "sure"


def test_an_account_known_from_one_invoice_stands_for_the_customer():
    invoices = [owes("P-1", "310.17 EUR", DYER, iban=ACCOUNT), owes("P-2", "99.41 EUR", DYER)]
    said = matched([came("l", "99.41 EUR", "W. B.", iban=ACCOUNT)], invoices)
    assert said.pile("l") == "sure"
    assert said.given("l") == {"P-2": "99.41 EUR"}


def test_an_account_known_from_one_invoice_does_not_choose_that_invoice():
    invoices = [owes("P-1", "49.00 EUR", DYER, iban=ACCOUNT), owes("P-2", "49.00 EUR", DYER)]
    said = matched([came("l", "49.00 EUR", "", iban=ACCOUNT)], invoices)
    assert said.pile("l") == "unsure"


def test_another_customers_account_speaks_against_the_name():
    invoices = [
        owes("P-1", "310.17 EUR", DYER, iban=ACCOUNT),
        owes("P-2", "310.17 EUR", SMITH, iban=OTHER_ACCOUNT),
    ]
    said = matched([came("l", "310.17 EUR", DYER, iban=OTHER_ACCOUNT)], invoices)
    assert said.pile("l") == "unsure"


@pytest.mark.parametrize(
    ("payer", "line"),
    [
        (taught(DYER, "Bettina Krapp"), {"payer": "Bettina Krapp"}),
        (taught(DYER, "Bettina Krapp"), {"payer": "KRAPP, BETTINA"}),
        (taught(DYER, iban=OTHER_ACCOUNT), {"payer": "B K", "iban": OTHER_ACCOUNT}),
        (taught(DYER, iban=OTHER_ACCOUNT), {"payer": "", "iban": "DE02 5001 0517 0137 0750 30"}),
    ],
)
def test_a_taught_payer_stands_for_the_customer(payer, line):
    invoices = [owes("P-1", "1733.21 EUR", DYER), owes("P-2", "1733.21 EUR", SMITH)]
    line = came("l", "1733.21 EUR", line["payer"], "toto42", iban=line.get("iban", ""))
    before, after = matched([line], invoices), matched([line], invoices, payers=(payer,))
    assert before.pile("l") == "unsure"
    assert after.pile("l") == "sure"
    assert after.given("l") == {"P-1": "1,733.21 EUR"}


def test_a_name_taught_for_two_customers_stands_for_neither():
    invoices = [owes("P-1", "1733.21 EUR", DYER), owes("P-2", "1733.21 EUR", SMITH)]
    for name in ("Klarna Bank AB", "Agentur Hellkamp"):  # a provider, whose lessons count for nothing, and another
        payers = (taught(DYER, name), taught(SMITH, name))
        assert matched([came("l", "1733.21 EUR", name)], invoices, payers=payers).pile("l") == "unsure"
    one = [owes("P-1", "1733.21 EUR", DYER), owes("P-2", "64.00 EUR", SMITH)]
    line = came("l", "1733.21 EUR", "Agentur Hellkamp")
    shared = (taught(DYER, "Agentur Hellkamp"), taught(SMITH, "Agentur Hellkamp"))
    assert matched([line], one, payers=shared).pile("l") == "unsure"
    assert matched([line], one, payers=shared[:1]).pile("l") == "sure"


def test_a_taught_payer_does_not_outweigh_a_number():
    invoices = [owes("P-1001", "1733.21 EUR", DYER), owes("P-1002", "1733.21 EUR", SMITH)]
    line = came("l", "1733.21 EUR", "Bettina Krapp", "Rechnung P-1002")
    said = matched([line], invoices, payers=(taught(DYER, "Bettina Krapp"),))
    assert said.given("l") == {"P-1002": "1,733.21 EUR"}
    assert said.pile("l") == "unsure"


def test_a_taught_payer_pays_several_by_their_sum():
    invoices = [owes("P-1", "310.17 EUR", DYER), owes("P-2", "99.41 EUR", DYER), owes("P-3", "12.00 EUR", SMITH)]
    said = matched([came("l", "409.58 EUR", "Bettina Krapp")], invoices, payers=(taught(DYER, "Bettina Krapp"),))
    assert said.pile("l") == "sure"
    assert set(said.given("l")) == {"P-1", "P-2"}


def test_another_companys_invoice_is_not_touched_by_an_equal_amount():
    """The amount is that of somebody else's invoice; the payer's own asks for another one."""
    invoices = [owes("P-1", "310.17 EUR", DYER), owes("P-2", "512.00 EUR", SMITH)]
    said = matched([came("l", "310.17 EUR", SMITH)], invoices)
    assert said.pile("l") in ("unsure", "unmatched")


def test_the_number_of_another_customers_invoice_of_the_same_amount_is_asked():
    """Both owe the same; the number is one slip away from the payer's own."""
    invoices = [owes("P-2042", "49.00 EUR", DYER), owes("P-2049", "49.00 EUR", SMITH)]
    said = matched([came("l", "49.00 EUR", DYER, "Rechnung P-2049")], invoices)
    assert said.pile("l") == "unsure"


def test_every_subscriber_pays_their_own_of_thirty_equal_invoices():
    names = [
        f"{first} {last}"
        for first in ("Ada", "Bea", "Cem", "Dov", "Eva", "Fee")
        for last in ("Nagy", "Ott", "Pohl", "Raab", "Sy")
    ]
    invoices = [owes(f"A-{at:03d}", "49.00 EUR", name) for at, name in enumerate(names)]
    lines = [came(f"l{at:02d}", "49.00 EUR", name.upper(), f"Rechnung A-{at:03d}") for at, name in enumerate(names)]
    said = matched(lines, invoices)
    assert set(said.all_piles().values()) == {"sure"}
    assert all(said.match(f"l{at:02d}").invoice_numbers == (f"A-{at:03d}",) for at in range(30))


@pytest.mark.parametrize("text", ["factures B-380, B-385", "RG B-380 + B-38"])
def test_what_an_unsure_group_leaves_over_is_not_sure(text):
    """A payment for three names two of four equal invoices: which one is left can't be known."""
    invoices = [owes(number, "49.00 EUR", DYER) for number in ("B-317", "B-380", "B-384", "B-385")]
    lines = [came("group", "147.00 EUR", DYER, text, on="2026-03-06"), came("l", "49.00 EUR", DYER, on="2026-03-01")]
    said = matched(lines, invoices)
    assert said.pile("l") == "unsure"
    assert said.pile("group") == "unsure"


def test_a_branch_without_a_number_is_not_taken_for_its_sister():
    invoices = [owes("P-1", "812.40 EUR", "Waidblau Textil GmbH"), owes("P-2", "812.40 EUR", "Waidblau Handel GmbH")]
    said = matched([came("l", "812.40 EUR", "Waidblau")], invoices)
    assert said.pile("l") == "unsure"
    sister = matched([came("l", "812.40 EUR", "WAIDBLAU HANDEL")], invoices)
    assert sister.given("l") == {"P-2": "812.40 EUR"}


# --- in what money ------------------------------------------------------------------------------------------------
def test_in_another_currency_what_the_payer_sent_decides():
    line = came("l", "921.37 EUR", DYER, "Rechnung X-1", original=Money(100_000, "USD"))
    said = matched([line], [owes("X-1", "1000.00 USD", DYER), owes("X-2", "1000.00 USD", DYER)])
    assert said.pile("l") == "sure"
    (part,) = said.match("l").allocations
    assert (part.amount, part.paid) == (Money(100_000, "USD"), Money(92_137, "EUR"))


def test_in_another_currency_without_what_was_sent_is_asked():
    said = matched([came("l", "921.37 EUR", DYER, "Rechnung X-1")], [owes("X-1", "1000.00 USD", DYER)])
    assert said.pile("l") in ("unsure", "unmatched")


def test_in_another_currency_than_what_was_sent_is_never_sure():
    """The invoice is in euros, the payer sent yen: a hundred of one are not a hundred of the other."""
    line = came("l", "0.62 EUR", DYER, "Rechnung X-1", original=Money(100, "JPY"))
    assert matched([line], [owes("X-1", "100.00 EUR", DYER)]).pile("l") != "sure"


def test_what_was_sent_with_a_part_missing_is_asked():
    line = came("l", "905.00 EUR", DYER, "Rechnung X-1", original=Money(98_000, "USD"))
    assert matched([line], [owes("X-1", "1000.00 USD", DYER)]).pile("l") == "unsure"


def test_an_equal_figure_in_another_currency_is_no_match():
    said = matched([came("l", "1000.00 EUR", DYER, "Rechnung X-1")], [owes("X-1", "1000.00 USD", DYER)])
    assert said.pile("l") != "sure"


def test_two_currencies_in_one_sum_are_never_sure():
    invoices = [owes("X-1", "100.00 USD", DYER), owes("X-2", "14.00 EUR", DYER)]
    line = came("l", "114.00 EUR", DYER, "X-1, X-2", original=Money(11_400, "USD"))
    assert matched([line], invoices).pile("l") != "sure"


def test_several_invoices_in_another_currency_by_what_was_sent():
    invoices = [owes("X-11", "100.00 USD", DYER), owes("X-12", "250.00 USD", DYER)]
    line = came("l", "322.50 EUR", DYER, "Invoices X-11, X-12", original=Money(35_000, "USD"))
    said = matched([line], invoices)
    assert said.pile("l") == "sure"
    assert said.given("l") == {"X-11": "100.00 USD", "X-12": "250.00 USD"}
    assert sum(part.paid.minor for part in said.match("l").allocations if part.paid) == 32_250


# --- early payment ------------------------------------------------------------------------------------------------
TERMS = (Discount(200, "2026-02-13"),)


@pytest.mark.parametrize(
    ("day", "paid", "pile"),
    [
        ("2026-02-05", "1166.20", "sure"),
        ("2026-02-13", "1166.20", "sure"),  # the last day
        ("2026-02-13", "1190.00", "sure"),  # not taken
        ("2026-03-04", "1166.20", "unsure"),  # late
        ("2026-02-13", "1154.30", "unsure"),  # 3 % where 2 % were agreed
    ],
)
def test_a_discount_is_booked_when_agreed_and_in_time(day, paid, pile):
    invoices = [owes("R-77", "1190.00 EUR", DYER, discounts=TERMS)]
    said = matched([came("l", f"{paid} EUR", DYER, "Rechnung R-77", on=day)], invoices)
    assert said.pile("l") == pile
    if pile == "sure":
        kinds = {"1166.20": "1,166.20 EUR + 23.80 EUR discount", "1190.00": "1,190.00 EUR"}
        assert said.given("l") == {"R-77": kinds[paid]}


def test_a_discount_that_nobody_agreed_on_is_asked():
    said = matched([came("l", "1166.20 EUR", DYER, "Rechnung R-77")], [owes("R-77", "1190.00 EUR", DYER)])
    assert said.pile("l") == "unsure"


@pytest.mark.parametrize("day", ["2026-02-08", "2026-02-13"])
def test_the_step_of_the_terms_that_holds_that_day_counts(day):
    terms = (Discount(300, "2026-02-08"), Discount(200, "2026-02-18"))
    invoices = [owes("R-77", "1190.00 EUR", DYER, discounts=terms)]
    said = matched([came("l", "1154.30 EUR", DYER, "Rechnung R-77", on=day)], invoices)
    assert said.pile("l") == ("sure" if day == "2026-02-08" else "unsure")


def test_a_discount_on_two_named_invoices_in_time():
    invoices = [owes(f"R-7{at}", "595.05 EUR", DYER, discounts=TERMS) for at in (1, 2)]
    said = matched([came("l", "1166.30 EUR", DYER, "R-71 + R-72", on="2026-02-10")], invoices)
    assert said.pile("l") == "sure"
    assert said.given("l") == dict.fromkeys(("R-71", "R-72"), "583.15 EUR + 11.90 EUR discount")


# --- back, and round about ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("payer", [DYER, ""])
@pytest.mark.parametrize("flag", [True, False])
def test_what_was_taken_back_does_not_settle_the_invoice(payer, flag):
    lines = [
        came("paid", "310.17 EUR", payer, "Rechnung P-1"),
        came("back", "-310.17 EUR", payer, "RUECKLASTSCHRIFT Rechnung P-1", on="2026-02-24", reversal=flag),
    ]
    said = matched(lines, [owes("P-1", "310.17 EUR", DYER)])
    assert said.pile("paid") == "unsure"
    assert said.pile("back") in ("unsure", "ignored")
    assert not said.match("back").allocations


def test_what_was_taken_back_and_paid_again_is_paid_by_the_second():
    lines = [
        came("paid", "310.17 EUR", DYER, "Rechnung P-1"),
        came("back", "-310.17 EUR", DYER, "RUECKLASTSCHRIFT Rechnung P-1", on="2026-02-24", reversal=True),
        came("again", "310.17 EUR", DYER, "Rechnung P-1", on="2026-03-03"),
    ]
    said = matched(lines, [owes("P-1", "310.17 EUR", DYER)])
    assert said.pile("paid") == "unsure"
    assert said.given("paid") == {}
    assert said.pile("again") == "sure"


def test_a_credit_note_gets_nothing_and_no_invoice_is_forgiven_for_it():
    invoices = [owes("P-1", "300.00 EUR", DYER), owes("G-1", "-50.00 EUR", DYER)]
    said = matched([came("l", "250.00 EUR", DYER, "P-1 abzgl. Gutschrift G-1")], invoices)
    assert said.pile("l") in ("unsure", "unmatched")
    assert "G-1" not in said.given("l")


def test_a_refund_of_a_credit_note_is_no_customers_payment():
    said = matched([came("l", "-50.00 EUR", DYER, "Gutschrift G-1")], [owes("G-1", "-50.00 EUR", DYER)])
    assert said.pile("l") == "ignored"


@pytest.mark.parametrize("word", ["Gutschrift", "Erstattung", "Refund", "Avoir"])
@pytest.mark.parametrize("amount", ["42.00", "310.17"])
def test_a_suppliers_refund_that_bears_our_number_by_chance_is_not_booked(amount, word):
    invoices = [owes("P-1", "310.17 EUR", DYER)]
    said = matched([came("l", f"{amount} EUR", "Grosshandel Ost", f"{word} Rechnung P-1")], invoices)
    assert said.pile("l") in ("unsure", "unmatched")


def test_a_pending_payment_waits():
    said = matched([came("l", "310.17 EUR", DYER, "Rechnung P-1", pending=True)], [owes("P-1", "310.17 EUR", DYER)])
    assert said.pile("l") == "unmatched"


def test_a_payout_is_the_providers_sum_and_its_charges_pay():
    """Three charges, their fees and a refund; the bank shows one sum, which an open invoice asks for as well."""
    lines = [
        came("c1", "120.00 EUR", SMITH, "Payment for invoice P-31", on="2026-02-16"),
        came("c2", "75.50 EUR", "Bettina Krapp", "Invoice P-32", on="2026-02-16"),
        came("c3", "18.00 EUR", "Someone", "mug", on="2026-02-17"),
        came("f", "-6.05 EUR", "Stripe", "fees", on="2026-02-17"),
        came("r", "-18.00 EUR", "", "REFUND mug", on="2026-02-17"),
        came("sum", "189.45 EUR", "STRIPE TECHNOLOGY EUROPE LTD", "STRIPE X7K2", on="2026-02-19"),
    ]
    payout = Payout(
        id="po_1XYZ",
        provider="Stripe",
        amount=Money(18_945, "EUR"),
        arrives_on="2026-02-19",
        gross=Money(21_350, "EUR"),
        fees=Money(605, "EUR"),
        line_ids=("c1", "c2", "c3", "f", "r"),
    )
    invoices = [owes("P-31", "120.00 EUR", SMITH), owes("P-32", "75.50 EUR", DYER), owes("P-33", "189.45 EUR", DYER)]
    said = matched(lines, invoices, payouts=(payout,))
    assert said.pile("c1") == "sure"
    assert said.pile("c2") == "sure"
    assert said.pile("sum") == "ignored"
    assert "Stripe" in said.match("sum").why
    assert not said.match("sum").allocations
    assert said.pile("c3") == "unmatched"
    assert {said.pile("f"), said.pile("r")} == {"ignored"}
    assert said.output.summary.owed == "189.45 EUR"


def test_a_payment_of_the_same_sum_as_a_payout_by_a_customer_still_pays():
    payout = Payout(
        id="po_1",
        provider="Stripe",
        amount=Money(9_000, "EUR"),
        arrives_on="2026-02-19",
        gross=Money(9_100, "EUR"),
        fees=Money(100, "EUR"),
        line_ids=("c", "f"),
    )
    lines = [
        came("c", "91.00 EUR", "Someone", "mug", on="2026-02-16"),
        came("f", "-1.00 EUR", "Stripe", "fees", on="2026-02-16"),
        came("sum", "90.00 EUR", "STRIPE TECHNOLOGY EUROPE LTD", "po_1", on="2026-02-19"),
        came("l", "90.00 EUR", SMITH, "Rechnung P-90", on="2026-02-19"),
    ]
    said = matched(lines, [owes("P-90", "90.00 EUR", SMITH)], payouts=(payout,))
    assert (said.pile("l"), said.pile("sum")) == ("sure", "ignored")
