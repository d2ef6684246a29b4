"""Situations that other accounting systems test their matching with, told anew: numbers and amounts.

The list is that of the 33 tests of OCA/account-reconcile (AGPL; account_reconcile_model_oca, version 17): what each
covers is taken from it as a fact; names, numbers, amounts and expectations here are our own. Payers, currencies,
discounts and money that goes back are in `test_scenarios_payers.py`. There, rules are set up by an accountant and a
match is either proposed or made; here there are no rules, and a match is sure (booked) or asked. Its tolerance may be
a percentage; here it is one fixed limit (`write_off`), tried also at what half and one percent come to.

| there | what it is about | here |
| --- | --- | --- |
| 1 matching_fields | a number written with other separators; a sum of all that is owed; money sent | `number_is_found`, `everything_owed`, `money_that_was_sent` |
| 2 match_text_location | three equal invoices; label, reference or note decides | `wherever_the_number_stands` |
| 3 .. location_no_partner | a number or a name in any text, no payer given | `wherever_the_number_stands`, payers: `name_in_the_text` |
| 4 match_journal_ids | a rule for some journals only | none: no rules; lines of all accounts are held together: `two_accounts` |
| 5 match_nature | received or sent | `money_that_was_sent` |
| 6 match_amount | a rule from or up to an amount | none: every amount is judged alike: `size_of_the_amounts` |
| 7 match_label | a rule on words in the text | none; words that are no number prove nothing: `words_in_common` |
| 8 zero_payment_tolerance | exact, less, more | `without_tolerance` |
| 9 .. auto_reconcile | the same by reference, booked at once | `without_tolerance`, with a reference |
| 10 not_enough_payment_tolerance | less by more than the tolerance | `beyond_the_write_off` |
| 11 enough_payment_tolerance | less within the tolerance | `within_the_write_off` |
| 12 .. auto_reconcile_not_full | tolerated, the account's line distorts the sum | none: no accounts; a match adds up: `within_the_write_off` |
| 13 allow_payment_tolerance_lower | more than is open | `more_than_is_open` |
| 14 enough .. auto_reconcile | less within the tolerance, by reference | `within_the_write_off` |
| 15 percentage_st_line | writing a line off to accounts | none: only differences of a match are written off |
| 16 partner_category_ids | a rule for some customers only | none: no rules |
| 17 mixin_rules | the order of rules | a fixed order: `number_goes_before_payer` |
| 18 auto_reconcile | more than asked, tolerated; a sum proposed | `more_than_is_open`, `everything_owed` |
| 19 larger_invoice_auto_reconcile | less than half, by reference | `part_by_number` |
| 20, 21 .. with_tax, tax_fpos | taxes of a write-off | none: no taxes; what goes out is not matched |
| 22 reverted_move_matching | a payment turned back | payers: `taken_back` |
| 23 match_different_currencies | line and invoice in different currencies | payers: `in_another_currency` |
| 24 invoice_matching_rule_no_partner | a reference, no payer, less than asked | `reference_alone` |
| 25 .. no_partner_with_writeoff | the same, within the tolerance | `reference_alone` |
| 26 partner_mapping_rule | a text that stands for a customer | payers: `taught_` |
| 27 partner_name_in_communication | the name in the text, turned round | payers: `name_in_the_text` |
| 28 partner_name_with_regexp_chars | a name full of special signs | payers: `special_signs` |
| 29 match_multi_currencies | one line, invoices in two currencies | payers: `two_currencies` |
| 30 write_off_foreign_currency | writing off in an account's currency | none for accounts; a limit holds in its own currency: `limit_is_in` |
| 31 payment_similar_communications | two entries bear the reference, a third does not | `one_reference_two_invoices` |
| 32 no_amount_check_keep_first | no more invoices than are needed, the oldest first | `no_more_invoices_than` |
| 33 no_amount_check_exact_match | one exact invoice against a sum of others | `exact_one_or_a_sum` |
"""  # noqa: E501 - a row of a table is a line

from __future__ import annotations

import pytest
from hard_numbers import creditor_reference, qr_reference, structured_communication
from scenes import came, matched, owes

from mainstay.values import Money

MILL = "Hollerbach Mühlenbau GmbH"
BEES = "Imkerei Sonnentau"


# --- numbers ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("AR/2026/0713", "Rechnung 2026-0713"),
        ("AR/2026/0713", "ar 2026 713"),
        ("AR/2026/0713", "Zahlung AR20260713 Danke"),
        ("7-2026-113", "inv. 7/2026/113"),
        ("M.26.118", "Rg M26118"),
        ("SO#118+B", "Rechnung SO#118+B"),
        ("BX-7(2)", "bx-7(2)"),
        ("TANNENHOF", "Rechnung Tannenhof"),
    ],
)
def test_a_number_is_found_with_other_separators_and_special_signs(number, text):
    said = matched(
        [came("l", "318.70 EUR", "", text)],
        [owes(number, "318.70 EUR", MILL), owes("AR/2026/0799", "318.70 EUR", BEES)],
    )
    assert said.pile("l") == "sure"
    assert said.given("l") == {number: "318.70 EUR"}


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("wg. Lieferung AR-5520, Los 3", ()),
        ("", ("AR-5520",)),
        ("Stück 12", ("NOTPROVIDED", "ar5520")),
        ("Vielen Dank\nfür die Lieferung\nNr. AR-5520", ()),
        ("Vielen Dank für die Lieferung Nr. AR-55\n20", ()),
    ],
)
def test_wherever_the_number_stands_it_chooses_among_three_equal_invoices(text, references):
    numbers = ("AR-5519", "AR-5520", "AR-5521")
    said = matched(
        [came("l", "1000.00 EUR", MILL, text, references=references)],
        [owes(number, "1000.00 EUR", MILL) for number in numbers],
    )
    assert said.pile("l") == "sure"
    assert said.given("l") == {"AR-5520": "1,000.00 EUR"}


def test_digits_of_another_number_choose_none_of_three_equal_invoices():
    numbers = ("AR-5519", "AR-5520", "AR-5521")
    said = matched(
        [came("l", "1000.00 EUR", MILL, "Kontrakt 5520 91, Los 3")],
        [owes(number, "1000.00 EUR", MILL) for number in numbers],
    )
    assert said.pile("l") == "unsure"


@pytest.mark.parametrize("make", [creditor_reference, qr_reference, structured_communication])
@pytest.mark.parametrize("where", ["references", "text"])
def test_a_structured_reference_chooses_among_equal_invoices(make, where):
    invoices = [owes(f"{at}", "88.00 EUR", MILL, reference=make(at)) for at in (61, 62, 63)]
    place = {"references": (make(62),)} if where == "references" else {"text": f"/{make(62)}/"}
    said = matched([came("l", "88.00 EUR", **place)], invoices)
    assert said.pile("l") == "sure"
    assert said.given("l") == {"62": "88.00 EUR"}


@pytest.mark.parametrize("text", ["Honorar", "Honorar Maerz fuer Beratung", "2", "xxxxx", "Mühle", "vom 03.02.2026"])
def test_words_in_common_prove_nothing(text):
    """Somebody unknown pays what two customers owe: the text is neither a number nor a name."""
    said = matched(
        [came("l", "640.00 EUR", "Jemand Anderes", text)],
        [owes("Z-1002", "640.00 EUR", MILL), owes("Z-1003", "640.00 EUR", BEES)],
    )
    assert said.pile("l") in ("unsure", "unmatched")


@pytest.mark.parametrize("text", ["factuur 585", "Rechnung 585", "inv no. 585 / thank you"])
def test_a_running_number_that_is_not_listed_speaks_against_another_invoice(text):
    """Our numbers are plain running numbers; 585 was settled long ago, and the amount is that of 834."""
    invoices = [owes(number, amount, MILL) for number, amount in (("830", "66.93 EUR"), ("834", "59.22 EUR"))]
    said = matched([came("l", "59.22 EUR", MILL, text)], invoices)
    assert said.pile("l") == "unsure"


def test_one_reference_two_invoices_bear_it_and_the_line_pays_both():
    reference = creditor_reference(900_118)
    invoices = [
        owes("E-1", "505.00 EUR", MILL, reference=reference),
        owes("E-2", "505.00 EUR", MILL, reference=reference),
        owes("E-3", "505.00 EUR", MILL, reference=creditor_reference(77)),
    ]
    said = matched([came("l", "1010.00 EUR", MILL, references=(reference,))], invoices)
    assert said.pile("l") == "sure"
    assert said.given("l") == {"E-1": "505.00 EUR", "E-2": "505.00 EUR"}


def test_one_reference_two_invoices_bear_it_and_the_line_pays_one_of_them():
    reference = creditor_reference(900_118)
    invoices = [owes(number, "505.00 EUR", MILL, reference=reference) for number in ("E-1", "E-2")]
    said = matched([came("l", "505.00 EUR", MILL, references=(reference,))], invoices)
    assert said.pile("l") == "unsure"
    other = ({"E-1", "E-2"} - said.given("l").keys()).pop()
    assert other in said.match("l").runner_up


def test_the_number_goes_before_payer_and_amount():
    """A strong reading takes its invoice first, in whatever order the lines come; the weaker one gets what is left."""
    invoices = [owes("K-31", "750.00 EUR", BEES), owes("K-32", "750.00 EUR", BEES)]
    lines = [came("weak", "750.00 EUR", BEES, on="2026-02-10"), came("strong", "750.00 EUR", "", "Rechnung K-31")]
    for order in (lines, lines[::-1]):
        said = matched(order, invoices)
        assert said.given("strong") == {"K-31": "750.00 EUR"}
        assert said.given("weak") == {"K-32": "750.00 EUR"}
        assert said.pile("strong") == "sure"


def test_two_accounts_are_held_against_the_same_invoices():
    lines = [came("giro", "411.20 EUR", MILL, "K-40"), came("paypal", "93.10 EUR", BEES, "K-41", raw="another account")]
    said = matched(lines, [owes("K-40", "411.20 EUR", MILL), owes("K-41", "93.10 EUR", BEES)])
    assert said.all_piles() == {"giro": "sure", "paypal": "sure"}


# --- how much -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("amount", ["0.01 EUR", "0.37 EUR", "149.00 EUR", "98765432.10 EUR", "5000 JPY", "12.345 KWD"])
def test_the_size_of_the_amounts_plays_no_role(amount):
    said = matched(
        [came("l", amount, MILL, "Rechnung 2026-311")],
        [owes("2026-311", amount, MILL), owes("2026-312", amount, MILL)],
    )
    assert said.pile("l") == "sure"
    assert said.match("l").invoice_numbers == ("2026-311",)


@pytest.mark.parametrize("text", ["", "Rechnung H-2044"])
@pytest.mark.parametrize(("paid", "pile"), [("2310.45", "sure"), ("2287.35", "unsure"), ("2333.55", "unsure")])
def test_without_tolerance_only_the_exact_amount_is_booked(text, paid, pile):
    said = matched(
        [came("l", f"{paid} EUR", MILL, text)], [owes("H-2044", "2310.45 EUR", MILL)], write_off=Money(0, "EUR")
    )
    assert said.pile("l") in ((pile, "unmatched") if not text and pile == "unsure" else (pile,))


@pytest.mark.parametrize("short", [1, 2, 5])
def test_without_tolerance_even_a_cent_is_asked(short):
    line = came("l", f"{2310.45 - short / 100:.2f} EUR", MILL, "Rechnung H-2044")
    said = matched([line], [owes("H-2044", "2310.45 EUR", MILL)], write_off=Money(0, "EUR"))
    assert said.pile("l") == "unsure"


@pytest.mark.parametrize(("limit", "short"), [(None, 3), (None, 5), (500, 5), (500, 499), (500, 500), (2311, 2310)])
def test_within_the_write_off_the_rest_is_forgiven(limit, short):
    line = came("l", f"{2310.45 - short / 100:.2f} EUR", MILL, "Rechnung H-2044")
    more = {} if limit is None else {"write_off": Money(limit, "EUR")}
    said = matched([line], [owes("H-2044", "2310.45 EUR", MILL)], **more)
    assert said.pile("l") == "sure"
    assert [(part.kind, part.amount.minor) for part in said.match("l").allocations] == [
        ("payment", 231_045 - short),
        ("write_off", short),
    ]
    assert said.output.summary.owed == "nothing"


@pytest.mark.parametrize(("limit", "short"), [(None, 6), (500, 501), (500, 2310), (1155, 2310), (1, 2)])
def test_beyond_the_write_off_is_asked(limit, short):
    line = came("l", f"{2310.45 - short / 100:.2f} EUR", MILL, "Rechnung H-2044")
    more = {} if limit is None else {"write_off": Money(limit, "EUR")}
    said = matched([line], [owes("H-2044", "2310.45 EUR", MILL)], **more)
    assert said.pile("l") == "unsure"


def test_the_limit_is_in_its_own_currency_and_others_keep_five_coins():
    lines = [came("usd", "99.00 USD", MILL, "Rechnung U-1"), came("jpy", "9997 JPY", MILL, "Rechnung J-1")]
    invoices = [owes("U-1", "100.00 USD", MILL), owes("J-1", "10000 JPY", MILL)]
    said = matched(lines, invoices, write_off=Money(500, "EUR"))
    assert said.all_piles() == {"usd": "unsure", "jpy": "sure"}


def test_a_payment_rounded_to_five_coins_as_cash_is_settles_the_invoice():
    said = matched([came("l", "86.35 CHF", BEES, "Rechnung C-9")], [owes("C-9", "86.37 CHF", BEES)])
    assert said.pile("l") == "sure"
    assert said.given("l") == {"C-9": "86.35 CHF + 0.02 CHF write_off"}


def test_a_payment_rounded_up_by_coins_settles_the_invoice_and_gives_it_no_more():
    said = matched([came("l", "86.40 CHF", BEES, "Rechnung C-9")], [owes("C-9", "86.37 CHF", BEES)])
    assert said.pile("l") == "sure"
    assert said.given("l") == {"C-9": "86.37 CHF"}


def test_more_than_is_open_gives_the_invoice_what_it_needs_and_is_asked():
    said = matched([came("l", "1050.00 EUR", MILL, "Rechnung H-9")], [owes("H-9", "990.00 EUR", MILL)])
    assert said.pile("l") == "unsure"
    assert said.given("l") == {"H-9": "990.00 EUR"}
    assert "60.00 EUR" in said.match("l").why


def test_a_part_by_number_is_asked_and_the_rest_stays_open():
    said = matched([came("l", "311.00 EUR", MILL, "H-9")], [owes("H-9", "990.00 EUR", MILL)])
    assert said.pile("l") == "unsure"
    assert said.given("l") == {"H-9": "311.00 EUR"}
    assert said.output.summary.owed_after_review == "679.00 EUR"


def test_the_rest_of_an_invoice_that_was_paid_in_part_before_is_all_that_is_open():
    said = matched([came("l", "679.00 EUR", MILL, "Rest H-9")], [owes("H-9", "990.00 EUR", MILL, still="679.00 EUR")])
    assert said.pile("l") == "sure"
    assert said.given("l") == {"H-9": "679.00 EUR"}


def test_the_full_amount_of_an_invoice_that_was_paid_in_part_before_is_too_much():
    said = matched([came("l", "990.00 EUR", MILL, "H-9")], [owes("H-9", "990.00 EUR", MILL, still="679.00 EUR")])
    assert said.pile("l") == "unsure"
    assert said.given("l") == {"H-9": "679.00 EUR"}


@pytest.mark.parametrize(("paid", "pile"), [("207.40", "sure"), ("207.36", "sure"), ("197.40", "unsure")])
def test_a_reference_alone_without_a_payer(paid, pile):
    invoices = [owes("doc4471", "207.40 EUR", MILL), owes("doc4472", "207.40 EUR", BEES)]
    said = matched([came("l", f"{paid} EUR", "", "doc4471")], invoices)
    assert said.pile("l") == pile
    assert said.match("l").invoice_numbers == ("doc4471",)


def test_a_line_of_nothing_and_an_invoice_of_nothing_meet_nobody():
    lines = [came("zero", "0.00 EUR", MILL, "Rechnung N-1"), came("l", "20.00 EUR", MILL, "Rechnung N-1")]
    said = matched(lines, [owes("N-1", "0.00 EUR", MILL), owes("N-2", "0.00 EUR", BEES)])
    assert said.output.sure == ()
    assert all(not match.allocations for match in said.output.unsure)
    assert said.pile("zero") in ("ignored", "unmatched")


# --- several ------------------------------------------------------------------------------------------------------
def test_everything_owed_in_one_sum():
    invoices = [owes("S-1", "113.10 EUR", MILL), owes("S-2", "208.45 EUR", MILL), owes("S-3", "77.77 EUR", BEES)]
    said = matched([came("l", "321.55 EUR", MILL, "xxxxx")], invoices)
    assert said.pile("l") == "sure"
    assert said.given("l") == {"S-1": "113.10 EUR", "S-2": "208.45 EUR"}


def test_no_more_invoices_than_the_money_reaches_for():
    """250 against 100, 200 and 300 fits no choice: nothing is sure, and no invoice gets what did not come."""
    invoices = [owes(f"S-{at}", f"{at}00.00 EUR", MILL, issued_on=f"2026-01-0{at}") for at in (1, 2, 3)]
    said = matched([came("l", "250.00 EUR", MILL, "xxxxx")], invoices)
    assert said.pile("l") in ("unsure", "unmatched")
    assert sum(part.amount.minor for part in said.match("l").allocations) <= 25_000


def test_an_exact_one_or_a_sum_of_two_is_asked_and_the_one_goes_first():
    invoices = [owes(f"S-{at}", f"{at}00.00 EUR", MILL) for at in (1, 2, 3)]
    said = matched([came("l", "300.00 EUR", MILL, "xxxxx")], invoices)
    assert said.pile("l") == "unsure"
    assert said.given("l") == {"S-3": "300.00 EUR"}


def test_an_exact_one_or_a_sum_of_two_is_sure_when_the_text_names_them():
    invoices = [owes(f"S-{at}", f"{at}00.00 EUR", MILL) for at in (101, 102, 203)]
    one = matched([came("l", "20300.00 EUR", MILL, "Rechnung S-203")], invoices)
    two = matched([came("l", "20300.00 EUR", MILL, "Rechnungen S-101, S-102")], invoices)
    assert (one.pile("l"), one.given("l")) == ("sure", {"S-203": "20,300.00 EUR"})
    assert (two.pile("l"), set(two.given("l"))) == ("sure", {"S-101", "S-102"})


def test_of_two_equal_invoices_the_older_one_is_proposed():
    invoices = [
        owes("S-9", "430.00 EUR", MILL, issued_on="2026-01-10"),
        owes("S-8", "430.00 EUR", MILL, issued_on="2026-02-10"),
    ]
    for order in (invoices, invoices[::-1]):
        said = matched([came("l", "430.00 EUR", MILL)], order)
        assert said.pile("l") == "unsure"
        assert said.given("l") == {"S-9": "430.00 EUR"}
        assert "S-8" in said.match("l").runner_up


@pytest.mark.parametrize(
    "text", ["Rechnungen T-20 bis T-23", "T-20, T-21, T-22 u. T-23", "T-20/21/22/23", "RG T-20-23"]
)
def test_a_range_or_a_list_pays_all_that_it_names(text):
    invoices = [owes(f"T-{at}", f"{at}.50 EUR", MILL) for at in range(18, 26)]
    said = matched([came("l", "88.00 EUR", "", text)], invoices)
    assert said.pile("l") == "sure"
    assert set(said.given("l")) == {"T-20", "T-21", "T-22", "T-23"}


def test_a_list_whose_sum_does_not_fit_is_asked():
    invoices = [owes(f"T-{at}", f"{at}.50 EUR", MILL) for at in range(18, 26)]
    said = matched([came("l", "60.00 EUR", MILL, "T-20, T-21 und T-22")], invoices)
    assert said.pile("l") == "unsure"


def test_three_payments_that_name_one_invoice_and_add_up():
    lines = [came(f"l{at}", "400.00 EUR", MILL, f"V-7 Rate {at}", on=f"2026-03-0{at}") for at in (1, 2, 3)]
    said = matched(lines, [owes("V-7", "1200.00 EUR", MILL)])
    assert set(said.all_piles().values()) == {"sure"}
    assert said.given("l2") == {"V-7": "400.00 EUR"}


def test_two_of_three_instalments_are_asked_and_leave_the_third_open():
    lines = [came(f"l{at}", "400.00 EUR", MILL, f"V-7 Rate {at}", on=f"2026-03-0{at}") for at in (1, 2)]
    said = matched(lines, [owes("V-7", "1200.00 EUR", MILL)])
    assert set(said.all_piles().values()) == {"unsure"}
    assert said.output.summary.owed_after_review == "400.00 EUR"


# --- twice, and not at all ----------------------------------------------------------------------------------------
def test_the_same_payment_again_is_a_second_one():
    lines = [came("one", "59.90 EUR", BEES, "D-5"), came("two", "59.90 EUR", BEES, "D-5", on="2026-03-11")]
    said = matched(lines, [owes("D-5", "59.90 EUR", BEES)])
    assert said.all_piles() == {"one": "sure", "two": "duplicates"}
    assert said.match("two").invoice_numbers == ("D-5",)


def test_a_payment_of_an_invoice_settled_before_is_a_second_one():
    said = matched([came("l", "59.90 EUR", BEES, "D-5")], [owes("D-5", "59.90 EUR", BEES, still="0.00 EUR")])
    assert said.pile("l") == "duplicates"


def test_the_entry_of_two_statements_is_one():
    line = came("l", "59.90 EUR", BEES, "D-5")
    said = matched([line, line], [owes("D-5", "59.90 EUR", BEES)])
    assert said.all_piles() == {"l": "sure"}
    assert said.output.duplicates == ()


@pytest.mark.parametrize("text", ["Rechnung H-9", "", "Gutschrift H-9"])
def test_money_that_was_sent_is_never_a_customers_payment(text):
    said = matched([came("l", "-990.00 EUR", MILL, text)], [owes("H-9", "990.00 EUR", MILL)])
    assert said.pile("l") == "ignored"
    assert said.output.summary.owed == "990.00 EUR"
