"""The generator of hard worlds itself: the same for a seed, true to itself, and honest about what can be known."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hard import make_hard
from hard_numbers import compact, creditor_reference, qr_reference, serial_of, slip, structured_communication
from hard_people import Customer, same_name
from hard_world import Truth, World, mark_matchable
from scenes import came, owes, taught

from mainstay.records import Discount
from mainstay.values import Money

SEEDS = range(25)
SOME = (3, 11, 24, 42)
QUARRY = "Steinbruch Kalkspat GmbH"


# --- the generator ------------------------------------------------------------------------------------------------
def test_a_seed_gives_the_same_world():
    one, two = make_hard(5, 60), make_hard(5, 60)
    assert (one.lines, one.invoices, one.payouts, one.payers) == (two.lines, two.invoices, two.payouts, two.payers)
    assert one.truth == two.truth


@pytest.mark.parametrize("seed", SOME)
def test_the_truth_gives_no_invoice_more_than_is_open_and_takes_no_more_than_came(seed):
    world = make_hard(seed)
    opened = {invoice.number: invoice.open.minor for invoice in world.invoices}
    lines = {line.id: line for line in world.lines}
    assert lines.keys() == world.truth.keys()
    got = Counter()
    for line_id, truth in world.truth.items():
        line, paid = lines[line_id], sum(minor for _, minor, kind in truth.pays if kind == "payment")
        got.update(dict.fromkeys(truth.numbers, 0))
        for number, minor, _ in truth.pays:
            got[number] += minor
        if line.original is None and {i.open.currency for i in world.invoices} == {line.amount.currency}:
            assert paid <= max(line.amount.minor, 0)
        assert not (truth.pays and line.pending)
        assert truth.pays or not truth.matchable
    assert all(minor <= opened[number] for number, minor in got.items())


def test_the_lines_of_a_payout_add_up_to_it():
    payouts = 0
    for seed in range(12):
        world = make_hard(seed)
        amounts = {line.id: line.amount.minor for line in world.lines}
        for payout in world.payouts:
            payouts += 1
            assert sum(amounts[line_id] for line_id in payout.line_ids) == payout.amount.minor
    assert payouts


@pytest.mark.long
def test_every_difficulty_is_there():
    tags = Counter(tag for seed in SEEDS for truth in make_hard(seed).truth.values() for tag in truth.tags)
    ways = (
        "merged|split|part|instalments|discount|discount late|discount without terms|fee|small change|rounded|too much"
        "|twice|second payment|before the invoice|returned|return|paid after a return|pending|card charge"
        "|deduction|merged, one named too many|merged, one not named"
    )
    wanted = {f"way: {way}" for way in ways.split("|")}
    wanted |= {"way: other currency, told", "way: other currency, not told", "payout: the bank's sum", "number: range"}
    wanted |= {f"number: {how}" for how in ("slip", "cut", "serial", "glued", "another invoice's", "last year's")}
    traps = (
        "near name|the text names another|a figure|turned words|said to be paid|another month|an old invoice"
        "|own transfer"
    )
    wanted |= {f"trap: {trap}" for trap in traps.split("|")}
    wanted |= {f"honest: {what}" for what in ("near name", "an agency", "a figure", "a month")}
    assert not {tag for tag in wanted if tags[tag] < 3}


def test_references_have_the_check_digits_of_their_standards():
    assert creditor_reference(539_007_547)[:2] == "RF"
    assert int(f"{creditor_reference(41)[4:]}2715{creditor_reference(41)[2:4]}") % 97 == 1
    assert qr_reference(99_999_999_999_999_999_999) != qr_reference(41)
    communication = structured_communication(41).replace("/", "").strip("+")
    assert int(communication[:10]) % 97 == int(communication[10:])


def test_a_slip_is_always_another_number():
    pick = random.Random(1)
    for number in ("RE-2026-0041", "41", "INV0000041", "F-7-B"):
        assert all(slip(pick, number) != number for _ in range(50))
    assert (compact("re 2026/41"), serial_of("RE-2026-0041")) == (compact("RE-2026-0041"), "41")


@pytest.mark.parametrize(
    ("name", "bank", "same"),
    [
        ("Köhler & Söhne OHG", "KOEHLER UND SOEHNE", True),
        ("Dagmar Lüders", "Luders, Dagmar", True),
        ("Moorgarten Hausverwaltung GmbH", "Moorgarten Hausverw", True),
        ("Moorgarten Hausverwaltung GmbH", "Moorgarten Optik GmbH", False),
        ("Dagmar Lüders", "Nils Lüders", False),
    ],
)
def test_a_careful_reader_tells_names_apart(name, bank, same):
    assert same_name(name, bank) is same


# --- what a careful human could know ------------------------------------------------------------------------------
def known(lines, invoices, pays, *, named=None, legible="full", payers=(), bank_name=QUARRY):
    """Which lines are matchable; `pays` gives the invoice of each line, `named` what its text names (else the same)."""
    customer = Customer(QUARRY, bank_name, "DE00", "", invoices=list(invoices))
    world = World(list(lines), list(invoices), payers=list(payers), customers=[customer])
    named = pays if named is None else named
    by_number = {invoice.number: invoice for invoice in invoices}
    for line in lines:
        mine = pays.get(line.id, ())
        full = len(mine) == 1 and line.amount.minor < by_number[mine[0]].open.minor
        parts = {(n, line.amount.minor if full else by_number[n].open.minor, "payment") for n in mine}
        names = tuple(named.get(line.id, ()))
        world.truth[line.id] = Truth(
            pays=frozenset(parts), named=names, legible=legible if names else "none", payer=customer
        )
    mark_matchable(world)
    return {line_id for line_id, truth in world.truth.items() if truth.matchable}


BILLS = [owes("Q-501", "310.17 EUR", QUARRY), owes("Q-502", "99.41 EUR", QUARRY)]


@pytest.mark.parametrize(
    ("paid", "is_known"), [("310.17", True), ("310.12", True), ("310.11", False), ("310.18", False)]
)
def test_by_the_number_the_amount_must_fit_but_for_small_change(paid, is_known):
    assert known([came("l", f"{paid} EUR")], BILLS, {"l": ("Q-501",)}) == ({"l"} if is_known else set())


@pytest.mark.parametrize(("legible", "is_known"), [("full", True), ("serial", True), ("hint", False), ("wrong", False)])
def test_by_the_number_it_must_be_legible(legible, is_known):
    lines = [came("l", "310.17 EUR", "Somebody")]
    assert known(lines, BILLS, {"l": ("Q-501",)}, legible=legible) == ({"l"} if is_known else set())


def test_by_the_payer_one_choice_of_invoices_must_fit_to_the_cent():
    assert known([came("l", "310.17 EUR", QUARRY)], BILLS, {"l": ("Q-501",)}, named={}) == {"l"}
    assert known([came("l", "409.58 EUR", QUARRY)], BILLS, {"l": ("Q-501", "Q-502")}, named={}) == {"l"}
    assert known([came("l", "310.15 EUR", QUARRY)], BILLS, {"l": ("Q-501",)}, named={}) == set()
    twin = [*BILLS, owes("Q-503", "310.17 EUR", QUARRY)]
    assert known([came("l", "310.17 EUR", QUARRY)], twin, {"l": ("Q-501",)}, named={}) == set()
    sum_too = [*BILLS, owes("Q-503", "210.76 EUR", QUARRY)]
    assert known([came("l", "310.17 EUR", QUARRY)], sum_too, {"l": ("Q-501",)}, named={}) == set()


def test_by_the_payer_the_other_line_of_that_amount_must_be_explained():
    lines = [came("a", "310.17 EUR", QUARRY), came("b", "310.17 EUR", QUARRY, on="2026-03-03")]
    assert known(lines, BILLS, {"a": ("Q-501",)}, named={}) == set()
    twin = [*BILLS, owes("Q-503", "310.17 EUR", QUARRY)]
    both = {"a": ("Q-501",), "b": ("Q-503",)}
    assert known(lines, twin, both, named={"a": ("Q-501",)}) == {"a", "b"}


def test_an_unknown_payer_without_a_number_is_not_known_until_taught():
    lines = [came("l", "310.17 EUR", "Gudrun Feld")]
    assert known(lines, BILLS, {"l": ("Q-501",)}, named={}) == set()
    assert known(lines, BILLS, {"l": ("Q-501",)}, named={}, payers=[taught(QUARRY, "Gudrun Feld")]) == {"l"}
    service = [came("l", "310.17 EUR", "Klarna Bank AB")]
    assert known(service, BILLS, {"l": ("Q-501",)}, named={}, payers=[taught(QUARRY, "Klarna Bank AB")]) == set()


def test_parts_are_known_together_or_not_at_all():
    lines = [came("a", "300.00 EUR"), came("b", "10.17 EUR", on="2026-03-01")]
    assert known(lines, BILLS, {"a": ("Q-501",), "b": ("Q-501",)}) == {"a", "b"}
    assert known(lines[:1], BILLS, {"a": ("Q-501",)}) == set()


@pytest.mark.parametrize(("day", "is_known"), [("2026-02-13", True), ("2026-02-14", False)])
def test_a_discount_is_known_until_its_last_day(day, is_known):
    bills = [owes("Q-501", "1190.00 EUR", QUARRY, discounts=(Discount(200, "2026-02-13"),))]
    found = known([came("l", "1166.20 EUR", on=day)], bills, {"l": ("Q-501",)})
    assert found == ({"l"} if is_known else set())


def test_another_currency_is_known_by_what_was_sent():
    bills = [owes("Q-501", "100.00 USD", QUARRY)]
    told = came("l", "92.00 EUR", original=Money(10_000, "USD"))
    assert known([told], bills, {"l": ("Q-501",)}) == {"l"}
    assert known([came("l", "92.00 EUR")], bills, {"l": ("Q-501",)}) == set()


def test_what_is_pending_is_never_known():
    assert known([came("l", "310.17 EUR", pending=True)], BILLS, {"l": ("Q-501",)}) == set()
