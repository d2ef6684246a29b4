"""What must hold when a payment provider collects from customers and pays out in one sum."""

import pytest
from scenes import came, matched, owes

from mainstay.agents.payouts import read_payouts
from mainstay.agents.providers import is_from
from mainstay.records import Payout
from mainstay.values import Money

ANNA, BEA, CLEO = "Anna Lindner", "Bea Sommer", "Cleo Falk"
BILLS = [owes("R-1", "400.00 EUR", ANNA), owes("R-2", "350.00 EUR", BEA), owes("R-3", "250.00 EUR", CLEO)]
CHARGES = [
    came("ch1", "400.00 EUR", ANNA, "R-1", on="2026-02-16"),
    came("ch2", "350.00 EUR", BEA, "R-2", on="2026-02-16"),
    came("ch3", "250.00 EUR", CLEO, "R-3", on="2026-02-17"),
    came("fee", "-30.00 EUR", "Stripe", "Fees", on="2026-02-17"),
]
INSIDE = ("ch1", "ch2", "ch3", "fee")


def payout(id_="po_1Abcdef", amount=97_000, arrives="2026-02-19", line_ids=INSIDE, provider="Stripe"):
    return Payout(
        id=id_,
        provider=provider,
        amount=Money(amount, "EUR"),
        arrives_on=arrives,
        gross=Money(amount + 3_000, "EUR"),
        fees=Money(3_000, "EUR"),
        line_ids=line_ids,
    )


@pytest.mark.parametrize(
    ("party", "text", "on"),
    [
        ("STRIPE PAYMENTS EUROPE", "", "2026-02-19"),
        ("Sammler", "AUSZAHLUNG PO_1ABCDEF", "2026-02-23"),
        ("", "", "2026-02-20"),
    ],
)
def test_the_banks_line_of_a_payout_is_no_payment_and_its_charges_pay_one_by_one(party, text, on):
    said = matched([*CHARGES, came("sum", "970.00 EUR", party, text, on=on)], BILLS, payouts=(payout(),))
    assert said.all_piles() == dict.fromkeys(("ch1", "ch2", "ch3"), "sure") | {"fee": "ignored", "sum": "ignored"}
    why = "The payout po_1Abcdef of Stripe: 3 charges of 1,000.00 EUR less 30.00 EUR fees."
    assert said.match("sum").why == why
    assert said.match("fee").why == "Taken off payout po_1Abcdef by Stripe: a fee or a refund."
    assert (said.output.summary.payouts, said.output.summary.payouts_missing) == (1, 0)


@pytest.mark.parametrize("on", ["2026-02-17", "2026-02-27"])
def test_a_sum_before_a_payout_or_long_after_it_is_another(on):
    said = matched([*CHARGES, came("sum", "970.00 EUR", "Stripe", on=on)], BILLS, payouts=(payout(),))
    assert said.pile("sum") == "unmatched"
    assert "no payout of the report" in said.match("sum").why


def test_a_customers_payment_of_the_same_sum_is_no_payout():
    bills = [*BILLS, owes("R-9", "970.00 EUR", "Dora Winter")]
    line = came("l", "970.00 EUR", "Dora Winter", "R-9", on="2026-02-19")
    said = matched([*CHARGES, line], bills, payouts=(payout(),))
    assert said.pile("l") == "sure"


def test_of_two_lines_that_name_nobody_neither_is_taken_for_the_payout():
    lines = [came("a", "970.00 EUR", on="2026-02-19"), came("b", "970.00 EUR", on="2026-02-20")]
    said = matched([*CHARGES, *lines], BILLS, payouts=(payout(),))
    assert {said.pile("a"), said.pile("b")} == {"unmatched"}
    assert said.output.summary.payouts_missing == 1


def test_two_payouts_of_one_amount_find_a_line_each_and_the_one_that_is_named_its_own():
    both = (payout("po_first01", line_ids=()), payout("po_second2", arrives="2026-02-20", line_ids=()))
    lines = [
        came("x", "970.00 EUR", "Stripe", "po_second2", on="2026-02-20"),
        came("y", "970.00 EUR", "Stripe", "", on="2026-02-21"),
    ]
    said = matched(lines, [], payouts=both)
    assert said.match("x").why.startswith("The payout po_second2")
    assert said.match("y").why.startswith("The payout po_first01")


def test_a_payout_that_never_came_is_said_and_breaks_nothing():
    from mainstay.agents.reconcile import ReconcileInput, reconcile

    lines = (*CHARGES, came("later", "12.00 EUR", "Somebody", on="2026-03-10"))
    result = reconcile(ReconcileInput(lines, tuple(BILLS), (payout(),)), {})
    assert result.output.summary.payouts_missing == 1
    assert "payout po_1Abcdef of Stripe (970.00 EUR, due 19 February)" in result.rationale


def test_a_payout_that_is_not_due_yet_is_not_missed():
    said = matched([*CHARGES, came("b", "12.00 EUR", on="2026-02-18")], BILLS, payouts=(payout(),))
    assert said.output.summary.payouts_missing == 0


def test_a_charge_and_a_transfer_for_one_invoice_pay_it_twice():
    line = came("again", "400.00 EUR", ANNA, "R-1", on="2026-02-25")
    said = matched([*CHARGES, line], BILLS, payouts=(payout(),))
    assert (said.pile("ch1"), said.pile("again")) == ("sure", "duplicates")


def test_a_collected_sum_without_a_report_says_what_to_give():
    said = matched([came("sum", "970.00 EUR", "PayPal (Europe) S.a.r.l. et Cie", "Abbuchung")], BILLS)
    assert said.pile("sum") == "unmatched"
    assert "A sum that PayPal collected" in said.match("sum").why
    assert "payout report beside the statement" in said.match("sum").why


def test_a_collected_sum_that_names_its_invoices_is_asked_with_the_fees():
    line = came("sum", "731.25 EUR", "SumUp Limited", "R-1, R-2")
    said = matched([line], BILLS)
    assert said.pile("sum") == "unsure"
    assert "SumUp keeps its fees" in said.match("sum").why
    assert said.output.summary.owed_after_review == "250.00 EUR"


def test_the_account_of_a_provider_is_nobodys_even_when_it_was_taught():
    from scenes import taught

    lesson = taught(ANNA, "PAYPAL", "DE89370400440532013000")
    line = came("l", "400.00 EUR", "PayPal", iban="DE89370400440532013000")
    said = matched([line], BILLS, payers=(lesson,))
    assert said.pile("l") != "sure"


def test_whom_a_provider_names_is_the_payer():
    said = matched([came("l", "412.37 EUR", "PAYPAL *ANNA LINDNER")], [owes("R-1", "412.37 EUR", ANNA)])
    assert said.pile("l") == "sure"


def test_a_customer_who_is_a_payment_company_is_a_customer():
    said = matched([came("l", "412.37 EUR", "Mollie B.V.")], [owes("R-1", "412.37 EUR", "Mollie B.V.")])
    assert said.pile("l") == "sure"


def test_a_provider_s_own_lines_are_no_payments_and_never_the_banks():
    lines = [
        came("out", "-970.00 EUR", "Stripe", "Paid out to your bank, po_1Abcdef", on="2026-02-18", account="Stripe"),
        came("topup", "970.00 EUR", "Stripe", "Top-up", on="2026-02-19", account="Stripe"),
        came("sum", "970.00 EUR", "STRIPE", on="2026-02-18", account="DE1"),
    ]
    said = matched([*CHARGES, *lines], BILLS, payouts=(payout(),))
    assert [said.pile(id_) for id_ in ("out", "topup", "sum")] == ["ignored"] * 3
    assert said.match("out").why == "The transfer of payout po_1Abcdef from Stripe to your bank."
    assert said.match("topup").why == "Moved by Stripe itself; no customer's payment."
    assert said.match("sum").why.startswith("The payout po_1Abcdef")


def test_what_a_provider_takes_from_the_bank_is_its_payout_too():
    said = matched(
        [came("l", "-45.00 EUR", "Stripe", on="2026-02-20")], [], payouts=(payout(amount=-4_500, line_ids=()),)
    )
    assert said.match("l").why == "The payout po_1Abcdef of Stripe: Stripe took back 45.00 EUR."


def test_a_payout_of_which_only_the_sum_is_known_is_still_one():
    said = matched([came("l", "970.00 EUR", "Stripe", on="2026-02-20")], [], payouts=(payout(line_ids=()),))
    assert said.match("l").why == "The payout po_1Abcdef of Stripe: charges of 1,000.00 EUR less 30.00 EUR fees."


def test_a_bank_statement_alone_is_no_provider_s_account():
    said = matched([came("l", "412.37 EUR", "Stripe", "R-1", account="DE1")], [owes("R-1", "412.37 EUR", ANNA)])
    assert said.pile("l") == "sure"


@pytest.mark.parametrize(
    ("party", "text", "number"),
    [
        (ANNA, "Rechnung 2026-011 statt Stripe", "2026-011"),
        (ANNA, "po_1Abcdef zurueck, Rechnung 2026-011", "2026-011"),
        ("Oma Gerda", "fuer Anna danke", "2026-011"),
        ("Oma Gerda", "hat bei Stripe nicht geklappt", "2026-011"),
        ("", "Oma Gerda, fuer Anna danke", "2026-011"),
        ("Mollie Jensen", "Rechnung 2026-012", "2026-012"),
        ("Stripe Bau Meyer", "", "2026-011"),
        ("", "2026-011 lieber nicht ueber Stripe", "2026-011"),
    ],
)
@pytest.mark.parametrize("provider", ["Stripe", "Mollie"])
def test_a_customers_payment_is_never_called_a_payout(provider, party, text, number):
    """A payout of the same sum is due, and its own line isn't there: somebody's payment must not be taken for it."""
    bills = [owes("2026-011", "123.40 EUR", ANNA), owes("2026-012", "123.40 EUR", "Mollie Jensen")]
    line = came("l", "123.40 EUR", party, text, on="2026-02-20")
    said = matched([line], bills, payouts=(payout(amount=12_340, line_ids=(), provider=provider),))
    assert said.pile("l") in ("sure", "unsure", "unmatched")
    assert said.output.summary.payouts == 0
    if number in text:
        assert said.match("l").invoice_numbers == (number,)


def test_the_payout_is_found_beside_a_customers_payment_of_the_same_sum():
    lines = [
        came("a", "123.40 EUR", ANNA, "Rechnung 2026-011 statt Stripe", on="2026-02-19"),
        came("s", "123.40 EUR", "STRIPE", "PAYOUT 2026-011", on="2026-02-20"),
    ]
    one = payout(id_="po_2026011", amount=12_340, line_ids=())
    said = matched(lines, [owes("2026-011", "123.40 EUR", ANNA)], payouts=(one,))
    assert (said.pile("a"), said.match("a").invoice_numbers) == ("sure", ("2026-011",))
    assert said.output.summary.payouts <= 1
    assert said.pile("s") != "sure"


@pytest.mark.parametrize(
    ("name", "provider", "is_it"),
    [
        ("PAYPAL (EUROPE) S.A R.L. ET CIE, S.C.A.", "PayPal", True),
        ("SHOPIFY", "Shopify", True),
        ("STICHTING MOLLIE PAYMENTS", "Mollie", True),
        ("STRIPE X7K2", "Stripe", True),
        ("Mollie Lee", "Mollie", False),
        ("PAYPAL *ANNA LINDNER", "PayPal", False),
        ("Stripe", "PayPal", False),
        ("", "Stripe", False),
    ],
)
def test_a_provider_is_told_from_somebody_who_is_called_so(name, provider, is_it):
    assert is_from(name, provider) is is_it


def test_thousands_of_equal_payouts_are_found_one_by_one():
    """Each payout looks at the lines around its day only, and no line is made ready twice."""
    asked = []

    def pays_invoice(line):
        asked.append(line.id)
        return False

    count = 1_500
    payouts = [payout(id_=f"po_{at:06d}", amount=5_000, line_ids=()) for at in range(count)]
    lines = [came(f"l{at:06d}", "50.00 EUR", "", f"po_{at:06d}", on="2026-02-19") for at in range(count)]
    found = read_payouts(lines, payouts, pays_invoice)
    assert found.found == count
    assert all(f"po_{line.id[1:]} " in found.explained[line.id] for line in lines)
    assert len(asked) <= 3 * count
