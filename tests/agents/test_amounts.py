"""How an amount fits what is owed, and how it is said."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scenes import came, matched, owes, taught

from mainstay.agents.amounts import fit_amount, grant_of, granted_on, instalments, is_forgiven, without
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


ONE, BOTH = "AB-771", "AB-771 + AB-772"
MORE = (Discount(300, "2026-02-20"),)
STEPS = (Discount(300, "2026-02-10"), Discount(200, "2026-02-20"))


@pytest.mark.parametrize(
    ("paid", "text", "terms", "on", "forgiven", "why"),
    [
        # one invoice
        ("980.00", ONE, ((), ()), "2026-02-12", "20.00 EUR (a discount that the invoice does not grant)",
         "a usual discount of 2 % that the invoice does not grant"),
        ("970.00", ONE, (TERMS, ()), "2026-02-12", "30.00 EUR (a discount that the invoice does not grant)",
         "a usual discount of 3 % that the invoice does not grant"),
        ("980.00", ONE, (TERMS, ()), "2026-02-12", "20.00 EUR (a discount)", "less the 2 % discount it grants"),
        ("985.00", ONE, (TERMS, ()), "2026-02-12", "15.00 EUR (a discount)", "less than the 2 % discount it grants"),
        ("980.00", ONE, (TERMS, ()), "2026-02-22",
         "20.00 EUR (a discount that the invoice no longer granted on that day)", "two days after the discount ended"),
        ("980.00", ONE, (TERMS, ()), "2026-04-25",
         "20.00 EUR (a discount that the invoice no longer granted on that day)", "64 days after the discount ended"),
        ("980.00", ONE, (MORE, ()), "2026-02-25",
         "20.00 EUR (a discount that the invoice no longer granted on that day)",
         "a usual discount of 2 % that the invoice no longer granted on the day of the payment"),
        ("975.00", ONE, (STEPS, ()), "2026-02-15",
         "25.00 EUR (a discount that the invoice no longer granted on that day)",
         "a usual discount of 2.5 % that the invoice no longer granted on the day of the payment"),
        # two, of which one grants it
        ("1480.00", BOTH, (TERMS, ()), "2026-02-12", "20.00 EUR (a discount)", "the discount they grant"),
        ("1470.00", BOTH, (TERMS, ()), "2026-02-12",
         "30.00 EUR (20.00 EUR as a discount, 10.00 EUR as a discount that AB-772 does not grant)",
         "a usual discount of 2 % that they do not all grant on the day of the payment"),
        ("1470.00", BOTH, (TERMS, ()), "2026-02-25",
         ("30.00 EUR (20.00 EUR as a discount that AB-771 no longer granted on that day, "
          "10.00 EUR as a discount that AB-772 does not grant)"),
         "a usual discount of 2 % that they do not grant on the day of the payment"),
        # two, of which both grant it, or none does
        ("1470.00", BOTH, (TERMS, TERMS), "2026-02-12", "30.00 EUR (a discount)", "the discount they grant"),
        ("1477.50", BOTH, (MORE, MORE), "2026-02-12", "22.50 EUR (a discount)",
         "a usual discount of 1.5 %, less than they grant"),
        ("1470.00", BOTH, (TERMS, TERMS), "2026-02-25",
         "30.00 EUR (a discount that the invoices no longer granted on that day)",
         "a usual discount of 2 % that they no longer granted on the day of the payment"),
        ("1470.00", BOTH, ((), ()), "2026-02-12", "30.00 EUR (a discount that the invoices do not grant)",
         "a usual discount of 2 % that they do not grant"),
    ],
)  # fmt: skip
def test_a_discount_is_said_to_be_granted_no_longer_or_never_as_each_invoice_grants_it(
    paid, text, terms, on, forgiven, why
):
    bills = [
        owes(number, amount, NORD, discounts=granted)
        for number, amount, granted in zip(("AB-771", "AB-772"), ("1000.00 EUR", "500.00 EUR"), terms, strict=True)
    ]
    match = matched([came("l", f"{paid} EUR", NORD, text, on=on)], bills).match("l")
    assert forgives(to_plain(match)) == forgiven
    assert why in match.why
    for at, one in enumerate(match.others, 1):  # what is left open writes nothing off
        assert one.says.startswith("leave") <= (forgives(as_picked(to_plain(match), at)) == "")


DAYS = st.sampled_from(["2026-02-08", "2026-02-12", "2026-02-20", "2026-02-25"])
RATES = st.sampled_from([100, 150, 200, 250, 300])
OFFERS = st.lists(st.builds(Discount, RATES, DAYS), max_size=3).map(tuple)


@example(20_000, 13_400, (Discount(150, "2026-02-08"),), "2026-02-08", 250, False)  # a coin beside 1.5 % of the whole
@given(st.integers(20_000, 10**7), st.integers(0, 10**5), OFFERS, DAYS, RATES, st.booleans())
def test_what_is_granted_is_what_fits_a_discount_of_the_invoice_in_time(owed, paid_before, offers, day, rate, of_whole):
    whole = owed + paid_before
    invoice = owes("X-1", f"{whole / 100:.2f} EUR", NORD, still=f"{owed / 100:.2f} EUR", discounts=offers)
    off = (whole if of_whole else owed) * rate // 10_000
    fit = fit_amount(owed - off, owed, invoice, paid_on=day)
    if fit.kind == "discount":
        in_time = fit.granted and not fit.days_late
        best = max((offer.basis_points for offer in offers if day <= offer.until_on), default=0)
        grant = grant_of(off, owed, invoice, day)
        assert (grant == "") == (in_time or off * 10_000 < owed * best + 20_000)  # a coin more is rounding
        assert (grant == "never") <= (not fit.granted)


@given(st.lists(st.tuples(st.integers(100, 10**6), OFFERS), min_size=2, max_size=4), st.integers(-4, 4), RATES, DAYS)
def test_what_several_invoices_grant_is_granted_by_each_also_where_the_payer_rounded(bills, coins, rate, day):
    named = [owes(f"AB-77{at}", f"{minor / 100:.2f} EUR", NORD, discounts=own) for at, (minor, own) in enumerate(bills)]
    least = (
        sum(granted_on(bill, bill.open.minor, day) for bill in named)
        or sum(minor for minor, _ in bills) * rate // 10_000
    )
    paid = f"{(sum(minor for minor, _ in bills) - least + coins) / 100:.2f} EUR"
    match = matched([came("l", paid, NORD, " + ".join(bill.number for bill in named), on=day)], named).match("l")
    off = [one for one in match.allocations if one.kind == "discount"]
    if "the discount they grant" in match.why:
        assert {one.grant for one in off} == {""}
    for one in off:
        offers = next(bill.discounts for bill in named if bill.number == one.invoice)
        assert (one.grant == "never") >= (not offers)
        assert (one.grant == "") <= any(day <= offer.until_on for offer in offers)


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
