"""A cap on what may happen in one period: held before an effect leaves, spent or let go by its outcome (T2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.events import BudgetReserved, BudgetSettled
from mainstay.kernel.budget import Budget, Cap, evolve, reserve, settle

DAY = "2026-11-21"
MOVES = st.tuples(st.sampled_from("abcdef"), st.sampled_from(["reserve", "happened", "not"]))


def hold(holder, count=1, cost=0):
    return BudgetReserved(DAY, holder, count, cost)


def holding(*holds):
    budget = Budget()
    for each in holds:
        budget = evolve(budget, each)
    return budget


@pytest.mark.parametrize(("cap", "fits"), [(Cap(), True), (Cap(2), True), (Cap(1), False), (Cap(None, 9), False)])
def test_what_is_held_counts_against_the_cap_like_what_is_spent_t2(cap, fits):
    budget = holding(hold("p/a", cost=5))
    assert (reserve(budget, cap, hold("p/b", cost=5)) is not None) == fits
    spent = evolve(budget, settle(budget, DAY, "p/a", happened=True))
    assert (reserve(spent, cap, hold("p/b", cost=5)) is not None) == fits


def test_a_hold_is_spent_when_it_happened_and_let_go_when_it_did_not():
    budget = holding(hold("p/a", cost=5))
    assert settle(budget, DAY, "p/a", happened=True) == BudgetSettled(DAY, "p/a", 1, 5)
    assert settle(budget, DAY, "p/a", happened=False) == BudgetSettled(DAY, "p/a", 0, 0)
    assert settle(budget, DAY, "p/b", happened=True) is None, "nothing is held for it"


def test_who_holds_a_part_already_takes_no_second_one():
    assert reserve(holding(hold("p/a")), Cap(1), hold("p/a")) == hold("p/a")
    assert holding(hold("p/a"), hold("p/a")).holds == {"p/a": (1, 0)}


def test_t2_each_fact_of_a_period_counts_and_an_outcome_leaves_the_holds_of_others():
    """By the count an append is refused that was decided on an older state."""
    budget = holding(hold("p/a", cost=5), hold("p/b", count=2, cost=7))
    assert budget == Budget(2, 0, 0, {"p/a": (1, 5), "p/b": (2, 7)})
    budget = evolve(budget, settle(budget, DAY, "p/a", happened=True))
    assert budget == Budget(3, 1, 5, {"p/b": (2, 7)})
    budget = evolve(budget, settle(budget, DAY, "p/b", happened=False))
    assert budget == Budget(4, 1, 5, {})


@pytest.mark.parametrize("cap", [Cap(count=2), Cap(cost_usd_micros=10)])
def test_t2_a_cap_may_be_used_up_to_its_last_unit_and_not_beyond(cap):
    assert reserve(holding(hold("p/a", cost=5)), cap, hold("p/b", cost=5)) == hold("p/b", cost=5)
    assert reserve(holding(hold("p/a", cost=5)), cap, hold("p/b", count=2, cost=6)) is None


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["reserve", "happened", "not"]))), st.integers(0, 4)
)
def test_whatever_the_order_the_cap_is_never_overshot_t2(moves, most):
    budget, cap = Budget(), Cap(most, most * 10)
    for holder, move in moves:
        if move == "reserve":
            fact = reserve(budget, cap, hold(holder, cost=10))
        else:
            fact = settle(budget, DAY, holder, happened=move == "happened")
        if fact is not None:
            budget = evolve(budget, fact)
        assert budget.count + sum(count for count, _ in budget.holds.values()) <= most
        assert budget.cost_usd_micros + sum(cost for _, cost in budget.holds.values()) <= most * 10
