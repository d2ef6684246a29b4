"""A cap on what may happen in one period: held before an effect leaves, spent or let go by its outcome (T2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mainstay.events import BudgetKept, BudgetRaised, BudgetReserved, BudgetSettled, BudgetWarned
from mainstay.kernel.budget import (
    Budget,
    Cap,
    Spending,
    counts_of,
    evolve,
    kept,
    lacking,
    micros_of,
    most_of,
    reserve,
    runs_low,
    settle,
    used,
)
from mainstay.values import Money

DAY = "2026-11-21"
UNITS = ("count", "tokens", "EUR", "USD")


def cap(**most):
    return Cap("one", "day", most)


def take(budget, of, holder, **amounts):
    """Reserve where it fits."""
    if lacking(budget, of, holder, amounts):
        return None
    return evolve(budget, reserve(of, DAY, holder, amounts))


FITS = [(cap(), True), (cap(count=2), True), (cap(count=1), False), (cap(EUR=9), False)]


@pytest.mark.parametrize(("of", "fits"), FITS)
def test_what_is_held_counts_against_the_cap_like_what_is_spent_t2(of, fits):
    budget = take(Budget(), of, "p/a", count=1, EUR=5)
    assert (take(budget, of, "p/b", count=1, EUR=5) is not None) == fits
    spent = evolve(budget, settle(budget, DAY, "p/a", happened=True))
    assert (take(spent, of, "p/b", count=1, EUR=5) is not None) == fits


def test_a_hold_is_spent_when_it_happened_and_let_go_when_it_did_not():
    budget = take(Budget(), cap(USD=9, EUR=9), "p/a", count=1, USD=5, EUR=3)
    assert settle(budget, DAY, "p/a", happened=True) == BudgetSettled(DAY, "p/a", 1, 5, {"EUR": 3})
    assert settle(budget, DAY, "p/a", happened=True, spent={"USD": 4}) == BudgetSettled(DAY, "p/a", 1, 4, {"EUR": 3})
    assert settle(budget, DAY, "p/a", happened=False) == BudgetSettled(DAY, "p/a", 0, 0)
    assert settle(budget, DAY, "p/b", happened=True) is None, "nothing is held for it"


def test_who_holds_a_part_already_takes_no_second_one():
    budget = take(Budget(), cap(count=1), "p/a", count=1)
    again = take(budget, cap(count=1), "p/a", count=1)
    assert (again.held, again.holds) == ({"count": 1}, {"p/a": {"count": 1}})


def test_t2_a_hold_of_before_a_cap_counted_something_takes_none_of_it():
    budget = take(Budget(), cap(count=1), "p/a", count=1, tokens=10)
    assert lacking(budget, cap(count=1, tokens=10), "p/a", {"count": 1, "tokens": 10}) == {}
    assert lacking(budget, cap(count=1, tokens=10), "p/a", {"count": 1, "tokens": 11}) == {"tokens": 1}


def test_t2_each_fact_of_a_period_counts_and_an_outcome_leaves_the_holds_of_others():
    """By the count an append is refused that was decided on an older state."""
    of = cap(EUR=99)
    budget = take(take(Budget(), of, "p/a", count=1, EUR=5), of, "p/b", count=2, EUR=7)
    assert budget == Budget(
        2, {}, {"count": 3, "EUR": 12}, {"p/a": {"EUR": 5, "count": 1}, "p/b": {"EUR": 7, "count": 2}}
    )
    budget = evolve(budget, settle(budget, DAY, "p/a", happened=True))
    assert budget == Budget(3, {"count": 1, "EUR": 5}, {"count": 2, "EUR": 7}, {"p/b": {"EUR": 7, "count": 2}})
    budget = evolve(budget, settle(budget, DAY, "p/b", happened=False))
    assert budget == Budget(4, {"count": 1, "EUR": 5}, {"count": 0, "EUR": 0}, {})


@pytest.mark.parametrize("of", [cap(count=2), cap(EUR=10)])
def test_t2_a_cap_may_be_used_up_to_its_last_unit_and_not_beyond(of):
    budget = take(Budget(), of, "p/a", count=1, EUR=5)
    assert lacking(budget, of, "p/b", {"count": 1, "EUR": 5}) == {}
    assert lacking(budget, of, "p/b", {"count": 2, "EUR": 6}) == dict.fromkeys(of.most, 1)


def test_what_a_cap_does_not_name_it_does_not_count():
    budget = take(Budget(), cap(EUR=5), "p/a", count=1, USD=7, EUR=5, tokens=9)
    assert used(budget) == {"count": 1, "EUR": 5}
    assert take(budget, cap(EUR=5), "p/b", count=1, USD=7) is not None, "it spends nothing of what is capped"


def test_g6_a_raise_lets_more_happen_in_its_period_and_no_more_than_that():
    budget = evolve(take(Budget(), cap(count=1), "p/a", count=1), BudgetRaised(DAY, {"count": 1}))
    second = take(budget, cap(count=1), "p/b", count=1)
    assert take(second, cap(count=1), "p/c", count=1) is None


def test_t2_g6_a_period_is_told_once_that_it_runs_low_whatever_follows():
    """Each fact counts: by the count an append is refused that was decided on an older state."""
    of = cap(count=9)
    budget = evolve(take(Budget(), of, "p/a", count=1), BudgetWarned(DAY, {"count": 1}, {"count": 9}))
    assert budget == Budget(2, {}, {"count": 1}, {"p/a": {"count": 1}}, {}, warned=True)
    facts = (
        reserve(of, DAY, "p/b", {"count": 1}),
        settle(budget, DAY, "p/a", happened=True),
        BudgetRaised(DAY, {"count": 2}),
    )
    for at, fact in enumerate(facts, 3):
        budget = evolve(budget, fact)
        assert (budget.sequence, budget.warned) == (at, True)
    assert budget.raised == {"count": 2}
    first = kept(budget, DAY)
    assert first == BudgetKept(DAY, budget.spent, budget.holds, {"count": 2}, warned=True)
    assert evolve(Budget(0), first) == replace(budget, sequence=1)
    assert kept(Budget(), DAY).warned is False


def test_t2_what_left_before_it_was_counted_and_what_is_counted_go_with_a_period_through_all_that_follows():
    of, counts = cap(count=9, EUR=9), "mail.send|||EUR"
    before = Budget(0, {"EUR": 5}, counts=counts, earlier={"EUR": 3})
    budget = take(before, of, "p/a", count=1)
    for fact in (settle(budget, DAY, "p/a", happened=True), BudgetRaised(DAY, {"EUR": 2}), kept(budget, DAY)):
        budget = evolve(budget, fact)
        assert (budget.counts, budget.earlier) == (counts, {"EUR": 3})
    budget = evolve(budget, replace(reserve(of, DAY, "p/b", {"count": 1}), counts="|||"))
    assert budget.counts == "|||", "it begins to count something else"


def test_t2_what_a_cap_counts_is_said_the_same_however_its_units_stand_and_however_much_may_happen():
    of = Cap("one", "day", {"EUR": 9, "count": 3, "USD": 1}, ("mail.*", "bank.pay"), playbook="dunning", agent="clerk")
    assert counts_of(of) == "mail.*,bank.pay|dunning|clerk|EUR,USD"
    assert counts_of(replace(of, most={"USD": 2, "EUR": 1})) == counts_of(of), "how many there were is counted always"
    assert counts_of(cap(count=1)) == "|||"


def test_g6_what_was_raised_counts_to_what_there_is_and_to_what_is_most_of_it():
    budget = evolve(Budget(spent={"count": 4, "EUR": 3}), BudgetRaised(DAY, {"count": 5}))
    assert most_of(budget, cap(count=5, EUR=7)) == {"count": 10, "EUR": 7}
    assert runs_low(Budget(spent={"count": 4}), cap(count=5)), "a cap of five is told of"
    assert not runs_low(budget, cap(count=5, EUR=7)), "4 of 10, 3 of 7"
    assert runs_low(replace(budget, held={"count": 4}), cap(count=5)), "8 of 10"
    assert not runs_low(Budget(spent={"count": 79}), cap(count=100))
    assert not runs_low(Budget(spent={"count": 799}), cap(count=1000))
    assert not runs_low(Budget(), cap(count=100))


def test_g6_what_spends_nothing_of_a_unit_is_not_stopped_by_it_however_much_was_spent():
    """A cap may be lowered under what was spent already."""
    over = Budget(spent={"EUR": 9})
    assert lacking(over, cap(EUR=5, count=3), "p/a", {"count": 1}) == {}
    assert lacking(over, cap(EUR=5), "p/a", {"EUR": 0}) == {}


def test_t2_a_hold_is_of_its_period_and_counts_dollars_only_where_its_cap_does():
    assert reserve(cap(count=9), DAY, "p/a", {"count": 2, "USD": 5}) == BudgetReserved(DAY, "p/a", 2, 0)
    assert reserve(cap(USD=9), DAY, "p/a", {"tokens": 3}) == BudgetReserved(DAY, "p/a", 0, 0)
    assert reserve(cap(USD=9, EUR=1), DAY, "p/a", {"USD": 5, "EUR": 1}) == BudgetReserved(DAY, "p/a", 0, 5, {"EUR": 1})


def test_t2_an_outcome_whose_hold_is_not_known_is_spent_and_nobody_elses_hold_with_it():
    budget = take(Budget(), cap(count=9), "p/a", count=2)
    assert evolve(budget, BudgetSettled(DAY, "p/z", 1, 0)) == replace(budget, sequence=2, spent={"count": 1})


@pytest.mark.parametrize(
    ("pattern", "operation", "counts"),
    [("mail.*", "mail.send", True), ("mail.*", "mai", False), ("mail.*", "maili.send", False), ("*", "bank.pay", True)],
)
def test_g6_a_pattern_fits_what_begins_like_it(pattern, operation, counts):
    assert Cap("one", "day", {}, operations=(pattern,)).counts(operation, (), "") == counts


@pytest.mark.parametrize(("taken", "low"), [(39, False), (40, True), (50, True)])
def test_g6_four_fifths_of_a_cap_are_most_of_it(taken, low):
    assert runs_low(take(Budget(), cap(count=50), "p/a", count=taken), cap(count=50)) == low


def test_g6_a_cap_of_a_few_is_reached_without_running_low_before():
    assert not runs_low(take(Budget(), cap(count=3), "p/a", count=3), cap(count=3))


@pytest.mark.parametrize(
    ("selectors", "counts"),
    [
        ({}, True),
        ({"operations": ("mail.send",)}, True),
        ({"operations": ("mail.*",)}, True),
        ({"operations": ("bank.*", "mail.sen")}, False),
        ({"playbook": "billing"}, True),
        ({"playbook": "other"}, False),
        ({"agent": "draft"}, True),
        ({"operations": ("mail.*",), "agent": "other"}, False),
    ],
)
def test_g6_a_cap_counts_what_fits_all_its_selectors(selectors, counts):
    of = Cap("one", "day", {"count": 1}, **selectors)
    assert of.counts("mail.send", ("part", "billing"), "draft") == counts


def test_a_plan_of_a_family_counts_for_the_one_at_its_top():
    assert Spending("k3v9x2m4qa-book-1/pay/3", "bank.pay").plan == "k3v9x2m4qa"


@pytest.mark.parametrize(("money", "micros"), [("1.50 EUR", 1_500_000), ("7 JPY", 7_000_000), ("0.001 KWD", 1000)])
def test_money_is_counted_in_millionths_of_its_currency(money, micros):
    assert micros_of(Money.parse(money)) == micros


MOVES = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from(["reserve", "happened", "less", "not", "full stream"]),
        st.dictionaries(st.sampled_from(UNITS), st.integers(0, 4)),
    )
)


@given(MOVES, st.dictionaries(st.sampled_from(UNITS), st.integers(0, 9)))
def test_whatever_the_order_the_cap_is_never_overshot_t2(moves, most):
    """Whoever folds again after a crash, or reads a following stream, has the same: the facts are all there is."""
    budget, of, facts = Budget(), Cap("one", "day", most), []
    for holder, move, amounts in moves:
        if move == "reserve":
            fits = not lacking(budget, of, holder, amounts) and holder not in budget.holds
            fact = reserve(of, DAY, holder, amounts) if fits else None
        elif move == "full stream":
            fact, facts, folded = kept(budget, DAY), [], budget
            budget = Budget(0)
            assert evolve(budget, fact) == Budget(
                1, folded.spent, _nonzero(folded.held, fact), folded.holds, folded.raised, folded.warned
            )
        else:
            fewer = dict.fromkeys(UNITS, 0) if move == "less" else None
            fact = settle(budget, DAY, holder, happened=move != "not", spent=fewer)
        if fact is not None:
            budget = evolve(budget, fact)
            facts.append(fact)
        assert all(amount <= most[unit] for unit, amount in used(budget).items() if unit in most)
    again = Budget()
    for fact in facts:
        again = evolve(again, fact)
    assert again == budget


def _nonzero(held, fact):
    """Give what is held as those add up to who hold it."""
    return {unit: amount for unit, amount in held.items() if any(unit in one for one in fact.holds.values())}
