"""A wrong sure is the worst there is: payers who are somebody else, words that turn a number around, others' groups."""

from __future__ import annotations

import pytest
from scenes import came, matched, owes, taught

from mainstay.agents.sums import subsets
from mainstay.records import Discount, Payer
from mainstay.values import Money

ANNA, CARLA = "Anna Berg", "Carla Dorn"
ACCOUNT = "DE02120300000000202051"


def asked(line, invoices, **more):
    """Say that a line is not booked without asking, and not lost either."""
    return matched([line], invoices, **more).pile(line.id) in ("unsure", "unmatched")


# --- who paid -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("payer", "customer"),
    [
        ("WEG Hauptstrasse 12", "WEG Hauptstrasse 14"),
        ("Solarpark 2 GmbH & Co. KG", "Solarpark 1 GmbH & Co. KG"),
        ("Christian Hoffmann", "Christiane Hoffmann"),
        ("Johann Obermeier", "Johanna Obermeier"),
        ("Nordwind AG", "Nordwind GmbH"),
        ("Gemeinde Oberdorf", "Gemeinde Oberndorf"),
        ("Backhaus Sonnenschein Filiale 2", "Backhaus Sonnenschein Filiale 1"),
        ("A. Schneider", "Andreas Schneider"),
        ("Park II", "Park III"),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("amounts", [("1234.56 EUR",), ("1000.00 EUR", "234.56 EUR")])
def test_a_namesake_is_somebody_else(payer, customer, listed, amounts):
    invoices = [owes(f"R-10{at}", amount, customer) for at, amount in enumerate(amounts, 14)]
    invoices += [owes("R-1090", "99.10 EUR", payer)] if listed else []
    assert asked(came("l", "1234.56 EUR", payer, "danke"), invoices)


def test_a_person_and_the_company_of_that_name_are_told_apart():
    invoices = [owes("R-1014", "1234.56 EUR", "Max Huber GmbH"), owes("R-1015", "99.10 EUR", "Max Huber")]
    assert asked(came("l", "1234.56 EUR", "Max Huber"), invoices)
    assert matched([came("l", "1234.56 EUR", "MAX HUBER GMBH")], invoices).pile("l") == "sure"


def test_two_customers_of_one_name_are_asked():
    invoices = [
        owes("R-1014", "1234.56 EUR", ANNA, customer_id="7"),
        owes("R-1015", "99.10 EUR", ANNA, customer_id="8"),
    ]
    assert asked(came("l", "1234.56 EUR", ANNA), invoices)


def test_the_name_of_one_and_the_account_of_another_are_asked():
    invoices = [owes("R-1014", "1234.56 EUR", ANNA), owes("R-1015", "99.10 EUR", CARLA, iban=ACCOUNT)]
    assert asked(came("l", "1234.56 EUR", ANNA, iban=ACCOUNT), invoices)


# --- what was taught ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["Agentur Hell", "Bargeldeinzahlung", "LOGPAY FINANCIAL", "Amazon EU"])
def test_a_lesson_does_not_outweigh_the_text(name):
    invoices = [owes("R-1014", "49.90 EUR", ANNA), owes("R-1015", "49.90 EUR", CARLA)]
    line = came("l", "49.90 EUR", name, "fuer Carla Dorn", iban=ACCOUNT)
    assert asked(line, invoices, payers=(taught(ANNA, name, ACCOUNT),))
    assert asked(line, [invoices[0], owes("R-1015", "59.90 EUR", CARLA)], payers=(taught(ANNA, name, ACCOUNT),))


def test_a_lesson_about_another_customers_name_or_account_is_shared():
    invoices = [owes("R-1014", "49.93 EUR", ANNA), owes("R-1015", "59.90 EUR", CARLA, iban=ACCOUNT)]
    assert asked(came("l", "49.93 EUR", CARLA), invoices, payers=(taught(ANNA, CARLA),))
    assert asked(came("l", "49.93 EUR", "C D", iban=ACCOUNT), invoices, payers=(taught(ANNA, "C D", ACCOUNT),))


@pytest.mark.parametrize("account", ["", ACCOUNT])
def test_a_payer_taught_for_two_is_shared_when_one_of_them_owes_nothing(account):
    lessons = (taught(ANNA, "Agentur Hell", account), taught(CARLA, "Agentur Hell", account))
    line = came("l", "49.93 EUR", "Agentur Hell", "Honorar", iban=account)
    assert matched([line], [owes("R-1014", "49.93 EUR", ANNA)], payers=lessons[:1]).pile("l") == "sure"
    assert asked(line, [owes("R-1014", "49.93 EUR", ANNA)], payers=lessons)


def test_a_lesson_about_a_customer_number_is_not_about_a_namesake():
    lesson = Payer("x", "Lumen Optik GmbH", "Erika Sommer", "", "s", "2026-01-05", customer_id="7")
    line = came("l", "123.45 EUR", "Erika Sommer")
    assert asked(line, [owes("R-1014", "123.45 EUR", "Lumen Optik GmbH", customer_id="9")], payers=(lesson,))
    assert matched([line], [owes("R-1014", "123.45 EUR", "Lumen Optik GmbH")], payers=(lesson,)).pile("l") == "sure"


# --- what the text says -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Rechnung AB-2603", "AB-2602"),
        ("Rechnung 2026-03-017", "2026-02-017"),
        ("Rechnung 2025-14", "2026-14"),
        ("R-1015 (R-1014 wurde bereits bezahlt)", "R-1014"),
        ("Mahnung zu R-1014 erhalten, ist bezahlt", "R-1014"),
        ("Gutschrift zu R-1014", "R-1014"),
        ("Erstattung R-1014", "R-1014"),
        ("Rücklastschrift R-1014", "R-1014"),
        ("Refund of R-1014", "R-1014"),
        ("Credit note for R-1014", "R-1014"),
        ("Remboursement facture R-1014", "R-1014"),
        ("Kaution / Spende, keine Rechnung", "R-1014"),
        ("Abo Maerz 2026", "R-1014"),
        ("Beitrag 03/2026", "R-1014"),
        ("Rechnung vom 01.03.2026", "R-1014"),
        ("fuer meinen Sohn Timo Berg", "R-1014"),
    ],
)
def test_words_and_numbers_that_mean_something_else_are_asked(text, number):
    invoices = [owes(number, "123.45 EUR", ANNA), owes("Z-7", "77.10 EUR", "Timo Berg")]
    assert asked(came("l", "123.45 EUR", ANNA, text, on="2026-03-10"), invoices)


@pytest.mark.parametrize(
    "text", ["Abo Februar 2026", "Rechnung vom 03.02.2026", "SEPA Gutschrift danke", "R-1014 vom 1.3."]
)
def test_words_that_agree_are_no_doubt(text):
    line = came("l", "123.45 EUR", ANNA, text, on="2026-03-10")
    assert matched([line], [owes("R-1014", "123.45 EUR", ANNA)]).pile("l") == "sure"


def test_an_invoice_of_years_ago_is_asked_unless_it_is_named():
    invoices = [owes("RE-2019-14", "123.45 EUR", ANNA, issued_on="2019-02-01", due_on="2019-03-01")]
    assert asked(came("l", "123.45 EUR", ANNA), invoices)
    assert matched([came("l", "123.45 EUR", ANNA, "RE-2019-14")], invoices).pile("l") == "sure"


def test_money_that_was_sent_out_before_may_be_coming_back():
    lines = [came("out", "-123.45 EUR", "Zed", on="2026-02-10"), came("l", "123.45 EUR", "Zed", "R-1014")]
    assert matched(lines, [owes("R-1014", "123.45 EUR", ANNA)]).pile("l") == "unsure"


def test_only_what_goes_back_soon_and_from_the_same_account_takes_a_payment_back():
    invoices = [owes("R-1014", "123.45 EUR", ANNA)]
    paid = came("l", "123.45 EUR", ANNA, "R-1014", account="A")
    soon = came("b", "-123.45 EUR", ANNA, on="2026-03-01", account="A")
    assert matched([paid, soon], invoices).pile("l") == "unsure"
    for late in (
        came("b", "-123.45 EUR", ANNA, on="2026-08-01", account="A"),
        came("b", "-123.45 EUR", ANNA, on="2026-03-01", account="B"),
    ):
        assert matched([paid, late], invoices).pile("l") == "sure"


# --- groups -------------------------------------------------------------------------------------------------------
def test_a_group_of_anothers_invoices_is_asked_where_the_payer_owes_this_sum():
    invoices = [owes("R-1014", "49.90 EUR", ANNA), owes("R-1015", "49.90 EUR", ANNA)]
    line = came("l", "99.80 EUR", CARLA, "R-1014 R-1015")
    assert matched([line], invoices).pile("l") == "sure"
    assert asked(line, [*invoices, owes("R-1016", "99.80 EUR", CARLA)])


def test_a_payment_asked_about_makes_no_second_payment_of_the_true_one():
    invoices = [owes("R-1014", "49.90 EUR", ANNA)]
    lines = [came("a", "49.90 EUR", ANNA, on="2026-02-10"), came("b", "49.90 EUR", ANNA, on="2026-02-20")]
    said = matched(lines, invoices)
    assert said.all_piles() == {"a": "unsure", "b": "unsure"}
    assert "second payment" in said.match("b").why
    assert said.match("b").runner_up == "If that payment is for something else, this one pays R-1014."


def test_the_earlier_of_two_does_not_get_the_invoice_for_being_earlier():
    invoices = [owes("R-1014", "49.90 EUR", "Christiane Hoffmann")]
    lines = [
        came("a", "49.90 EUR", "Christian Hoffmann", "Beitrag", on="2026-02-10"),
        came("b", "49.90 EUR", "Christiane Hoffmann", "Beitrag", on="2026-02-25"),
    ]
    said = matched(lines, invoices)
    assert said.given("b") == {"R-1014": "49.90 EUR"}
    assert said.pile("a") in ("unsure", "unmatched")


# --- figures that are no invoice's number -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Kd-Nr 10115 Beitrag", "10115"),
        ("Kundennummer: 10115", "10115"),
        ("Beitrag Musterweg 5 10115 Berlin", "10115"),
        ("Tel 550126", "550126"),
        ("Tel. 0431/550126", "550126"),
        ("Kto 202051 BLZ 12030000", "202051"),
        ("2026-02-19T10:15:20 TAN 814773", "814773"),
        ("Mitgliedsbeitrag 2025", "2025"),
        ("Kurs vom 12022026", "12022026"),
        ("1014 Euro", "1014"),
        ("Beitrag 2026-02", "2026-02"),
        ("Miete 02/2026", "2026-02"),
    ],
)
def test_figures_from_a_stranger_are_asked(text, number):
    assert asked(came("l", "49.00 EUR", CARLA, text), [owes(number, "49.00 EUR", ANNA)])


@pytest.mark.parametrize("text", ["Rechnung 10115", "Invoice no. 10115", "RE 10115"])
def test_figures_behind_a_word_for_invoice_are_its_number(text):
    assert matched([came("l", "49.00 EUR", CARLA, text)], [owes("10115", "49.00 EUR", ANNA)]).pile("l") == "sure"


@pytest.mark.parametrize("reference", ["7", "1014", "2026"])
def test_a_short_figure_given_as_a_reference_by_a_stranger_is_asked(reference):
    line = came("l", "49.00 EUR", "Zed Ltd", references=("NOTPROVIDED", reference))
    assert asked(line, [owes(reference, "49.00 EUR", ANNA)])


@pytest.mark.parametrize("text", ["Rechnung 15", "Rechnung Nr. 15", "Rechnung 14/2025", "Rechnung 33 und 34", "RE 77"])
def test_a_short_number_after_invoice_that_is_nobodys_is_another_invoice(text):
    assert asked(came("l", "123.45 EUR", ANNA, text), [owes("RE-2026-14", "123.45 EUR", ANNA)])
    pair = [owes("RE-2026-14", "49.90 EUR", ANNA), owes("RE-2026-16", "49.91 EUR", ANNA)]
    assert asked(came("l", "99.81 EUR", ANNA, text), pair)


@pytest.mark.parametrize("others", [[owes("2026-1", "49.00 EUR", ANNA)], []])
def test_a_count_in_the_next_line_is_no_part_of_a_number(others):
    line = came("l", "49.00 EUR", "", "Rechnung 2026-1\n5 Stueck")
    said = matched([line], [*others, owes("2026-15", "49.00 EUR", CARLA)])
    assert said.pile("l") == "sure" or not others
    assert said.given("l").keys() <= {"2026-1"} or said.pile("l") == "unsure"


# --- sums, differences and words ----------------------------------------------------------------------------------
def test_no_more_than_a_hundredth_is_written_off():
    invoices = [owes("R-1014", "49.90 EUR", ANNA), owes("R-1015", "4990.00 EUR", ANNA)]
    lines = [came("a", "45.00 EUR", ANNA, "R-1014"), came("b", "4985.10 EUR", ANNA, "R-1015")]
    said = matched(lines, invoices, write_off=Money.parse("5.00 EUR"))
    assert said.all_piles() == {"a": "unsure", "b": "sure"}


def test_a_difference_of_a_group_is_forgiven_only_to_the_customer():
    invoices = [owes("R-1014", "1000.00 EUR", ANNA), owes("R-1015", "134.50 EUR", ANNA)]
    assert asked(came("l", "1134.46 EUR", "Zed", "R-1014 R-1015"), invoices)
    assert matched([came("l", "1134.46 EUR", ANNA, "R-1014 R-1015")], invoices).pile("l") == "sure"


def test_of_equal_sets_the_earliest_values_are_first():
    assert subsets([40, 30, 60, 70], 100, 8).found[0] == (0, 2)
    assert subsets([50, 50, 50, 50], 100, 8).found[0] == (0, 1)


def test_the_sum_less_discounts_is_said_in_full():
    invoices = [
        owes(f"R-{at}", "1000.00 EUR", ANNA, discounts=(Discount(points, "2026-02-13"),))
        for at, points in ((1, 200), (2, 150))
    ]
    said = matched([came("l", "1965.00 EUR", ANNA, on="2026-02-10")], invoices)
    assert "together they come to 2,000.00 EUR, which is this amount with the discounts" in said.match("l").why
    assert "35.00 EUR, taken." in said.match("l").why


def test_a_payer_who_is_only_alike_is_called_by_the_name_at_the_bank():
    said = matched(
        [came("l", "123.45 EUR", "Christian Hoffmann")], [owes("R-1014", "123.45 EUR", "Christiane Hoffmann")]
    )
    assert "the payer Christian Hoffmann is very like Christiane Hoffmann" in said.match("l").why
    assert "It is asked because" in said.match("l").why


def test_an_invoices_own_number_is_never_called_unknown():
    said = matched([came("l", "49.00 EUR", ANNA, "Tel 0431 55012")], [owes("55012", "49.00 EUR", ANNA)])
    assert "no open invoice" not in said.match("l").why
    assert "nearly" not in said.match("l").why


def test_an_unknown_number_is_shown_as_it_is_written():
    said = matched([came("l", "49.90 EUR", ANNA, "Rechnung AB-2603")], [owes("AB-2602", "49.90 EUR", ANNA)])
    assert "names AB-2603, which is nearly invoice AB-2602" in said.match("l").why


def test_that_many_others_ask_the_same_amount_is_said():
    others = [owes(f"R-20{at}", "49.90 EUR", f"Firma {at} Nord") for at in range(10, 50)]
    said = matched([came("l", "49.90 EUR", ANNA, "R-1014")], [owes("R-1014", "49.90 EUR", ANNA), *others])
    assert said.match("l").runner_up == "Next best: any of 40 other open invoices of the same amount."


@pytest.mark.parametrize(
    ("payer", "text", "customer", "amount"),
    [
        ("Zelle payment from JOHN SMITH 22212345678", "", "John Smith Consulting", "500.00 EUR"),
        ("", "Zelle payment from JOHN SMITH 22212345678", "John Smith Consulting", "500.00 EUR"),
        ("Sabine Lindner", "Yoga", "Yoga Loft", "357.00 EUR"),
    ],
)
def test_a_part_of_the_name_and_the_exact_amount_are_a_proposal(payer, text, customer, amount):
    said = matched([came("l", amount, payer, text)], [owes("R-1", amount, customer), owes("R-2", "8.11 EUR", ANNA)])
    assert said.pile("l") == "unsure"
    assert said.given("l").keys() == {"R-1"}


def test_that_only_the_amount_fits_is_said():
    said = matched([came("l", "500.00 EUR", "Zed")], [owes("R-1", "500.00 EUR", ANNA)])
    assert said.match("l").why == "The amount is what is open on R-1, but neither its text nor its payer says so."


def test_a_number_that_is_not_open_is_said_first():
    said = matched([came("l", "123.45 EUR", ANNA, "RE-2025-0101")], [owes("RE-2026-0214", "123.45 EUR", ANNA)])
    assert said.match("l").why.startswith("The payment names RE-2025-0101, which is no open invoice, and not RE-2026-")


def test_behind_a_taught_payer_a_family_name_in_the_text_is_enough_to_ask():
    invoices = [owes("R-1014", "49.90 EUR", ANNA), owes("R-1015", "49.90 EUR", CARLA)]
    line = came("l", "49.90 EUR", "Agentur Hell", "C. Dorn Feb", iban=ACCOUNT)
    assert asked(line, invoices, payers=(taught(ANNA, "Agentur Hell", ACCOUNT),))
