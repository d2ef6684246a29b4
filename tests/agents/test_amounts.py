"""How an amount fits what is owed, and how it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes import came, matched, owes, taught

from mainstay.agents.amounts import fit_amount, instalments, is_forgiven, without
from mainstay.contracts import to_plain
from mainstay.records import Discount
from mainstay.requests.picking import as_picked, forgives
from mainstay.values import Money

NORD = "Nordwind Logistik GmbH"
TERMS = (Discount(200, "2026-02-20"),)


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_every_amount_fits_in_one_way_and_the_difference_is_right(paid, owed):
    invoice = owes("X-1", "1.00 EUR", NORD, discounts=TERMS)
    fit = fit_amount(paid, owed, invoice, paid_on="2026-02-20")
    assert fit.difference == owed - paid
    assert (fit.kind == "exact") == (paid == owed)
    assert (fit.kind == "over") <= (paid > owed)


@given(st.integers(1, 10**15), st.integers(1, 10_000))
def test_a_discount_is_rounded_either_way_and_no_further(owed, points):
    low, high = without(owed, points)
    assert low * 10_000 <= owed * (10_000 - points) <= high * 10_000
    assert high - low <= 1


@pytest.mark.parametrize(
    ("gap", "owed", "currency", "limit", "forgiven"),
    [
        (5, 10_000, "EUR", None, True),
        (6, 10_000, "EUR", None, False),
        (-5, 10_000, "EUR", None, True),
        (5, 400, "EUR", None, False),
        (499, 49_900, "EUR", 500, True),
        (499, 10_000, "EUR", 500, False),
        (490, 4_990, "EUR", 500, False),
        (1, 10_000, "EUR", 0, False),
        (40, 100_040, "SEK", None, True),
        (60, 100_060, "SEK", None, False),
        (-40, 99_960, "SEK", None, True),
    ],
)
def test_what_is_forgiven(gap, owed, currency, limit, forgiven):
    write_off = None if limit is None else Money(limit, currency)
    assert is_forgiven(gap, owed, currency, write_off) is forgiven


def test_equal_instalments_are_known_with_their_rounding():
    assert [instalments(paid, 10_000) for paid in (5_000, 3_333, 3_334, 2_500, 4_000, 10_000, 9_999)] == [
        2, 3, 3, 4, 0, 0, 0,
    ]  # fmt: skip


def test_a_discount_taken_late_says_by_how_much():
    line = came("l", "980.00 EUR", NORD, "AB-771", on="2026-02-22")
    said = matched([line], [owes("AB-771", "1000.00 EUR", NORD, discounts=TERMS)])
    assert said.pile("l") == "unsure"
    assert "two days after the discount ended" in said.match("l").why


def test_a_discount_on_a_part_of_the_invoice_is_asked():
    line = came("l", "985.00 EUR", NORD, "AB-771", on="2026-02-12")
    said = matched([line], [owes("AB-771", "1000.00 EUR", NORD, discounts=TERMS)])
    assert said.pile("l") == "unsure"
    assert "less than the 2 % discount it grants" in said.match("l").why
    assert said.given("l") == {"AB-771": "985.00 EUR + 15.00 EUR discount"}


@pytest.mark.parametrize(
    ("paid", "text", "terms", "said"),
    [
        ("980.00 EUR", "AB-771", (), "20.00 EUR (a discount that the invoice does not grant)"),
        ("980.00 EUR", "AB-771", TERMS, "20.00 EUR (a discount)"),
        ("1470.00 EUR", "AB-771 + AB-772", (), "30.00 EUR (a discount that the invoices do not grant)"),
        ("1480.00 EUR", "AB-771 + AB-772", TERMS, "20.00 EUR (a discount)"),
    ],
)
def test_a_discount_that_nobody_granted_is_said_to_be_none_however_many_invoices_are_paid(paid, text, terms, said):
    bills = [owes("AB-771", "1000.00 EUR", NORD, discounts=terms), owes("AB-772", "500.00 EUR", NORD)]
    match = matched([came("l", paid, NORD, text, on="2026-02-12")], bills).match("l")
    assert forgives(to_plain(match)) == said
    for one in match.others:  # what is left open writes nothing off
        assert one.says.startswith("leave") <= (forgives(as_picked(to_plain(match), 1)) == "")


@pytest.mark.parametrize(
    ("paid", "off"), [("2.99", [1]), ("2.97", [1, 1, 1]), ("2.95", [1, 2, 2]), ("2.94", [2, 2, 2])]
)
def test_a_discount_of_a_coin_on_each_of_several_is_rounded_by_a_coin_each(paid, off):
    bills = [owes(f"AB-77{at}", "1.00 EUR", NORD, discounts=(Discount(100, "2026-02-20"),)) for at in (1, 2, 3)]
    line = came("l", f"{paid} EUR", NORD, "AB-771 + AB-772 + AB-773", on="2026-02-12")
    match = matched([line], bills).match("l")
    assert [one.amount.minor for one in match.allocations if one.kind == "discount"] == off


def test_everything_owed_less_every_discount_in_time_is_one_payment():
    bills = [
        owes("AB-771", "1234.50 EUR", NORD, discounts=TERMS),
        owes("AB-772", "333.33 EUR", NORD, discounts=(Discount(300, "2026-02-25"),)),
    ]
    said = matched([came("l", "1533.14 EUR", NORD, on="2026-02-15")], bills)
    assert said.pile("l") == "sure"
    assert said.given("l") == {
        "AB-771": "1,209.81 EUR + 24.69 EUR discount",
        "AB-772": "323.33 EUR + 10.00 EUR discount",
    }


def test_what_a_bank_lost_in_exchange_is_asked_and_settles():
    line = came("l", "989.10 EUR", NORD, "AB-771", original=Money(102_000, "USD"))
    said = matched([line], [owes("AB-771", "1000.00 EUR", NORD)])
    assert said.pile("l") == "unsure"
    assert said.given("l") == {"AB-771": "989.10 EUR + 10.90 EUR exchange"}


def test_what_was_sent_is_allocated_in_the_invoices_currency_and_paid_in_the_lines():
    line = came("l", "915.20 EUR", NORD, "AB-771", original=Money(100_000, "USD"))
    said = matched([line], [owes("AB-771", "1000.00 USD", NORD)])
    assert said.pile("l") == "sure"
    (part,) = said.match("l").allocations
    assert (part.amount, part.paid) == (Money(100_000, "USD"), Money(91_520, "EUR"))
    assert said.output.summary.matched_amount == "915.20 EUR"
    assert said.output.summary.owed == "nothing"


def test_one_sum_in_another_currency_is_shared_out_to_the_last_coin():
    bills = [owes("AB-771", "100.01 USD", NORD), owes("AB-772", "200.02 USD", NORD)]
    line = came("l", "274.63 EUR", NORD, "AB-771 AB-772", original=Money(30_003, "USD"))
    parts = matched([line], bills).match("l").allocations
    assert [part.amount.minor for part in parts] == [10_001, 20_002]
    assert sum(part.paid.minor for part in parts) == 27_463


def test_the_rate_is_said_where_the_currency_differs():
    said = matched([came("l", "915.20 EUR", NORD, "AB-771")], [owes("AB-771", "1000.00 USD", NORD)])
    assert said.pile("l") == "unsure"
    assert "1,000.00 USD for 915.20 EUR, a rate of 0.9152" in said.match("l").why


def test_a_taught_account_is_said_with_the_day():
    account = "DE02120300000000202051"
    line = came("l", "812.40 EUR", "Petra Privat", iban=account)
    said = matched([line], [owes("AB-771", "812.40 EUR", NORD)], payers=(taught(NORD, iban=account),))
    assert said.pile("l") == "sure"
    assert f"an account that you matched to {NORD} on 5 January" in said.match("l").why


def test_an_account_taught_for_two_customers_makes_neither_sure():
    account = "DE02120300000000202051"
    line = came("l", "812.40 EUR", "Muster Holding", iban=account)
    bills = [owes("AB-771", "812.40 EUR", NORD), owes("AB-772", "55.00 EUR", "Orbis Verlag")]
    both = (taught(NORD, iban=account), taught("Orbis Verlag", iban=account))
    said = matched([line], bills, payers=both)
    assert said.pile("l") == "unsure"
    assert "and for other customers" in said.match("l").why
