"""Places of a limit across plans: at most so many plans at a time, a plan's own parts never in its way (T2)."""

from __future__ import annotations

import pytest

from mainstay.events import PlaceLeft, PlacesKept, PlaceTaken
from mainstay.kernel.limit import Limit, evolve, has_place


def holding(*plans: str) -> Limit:
    limit = Limit()
    for plan in plans:
        limit = evolve(limit, PlaceTaken(plan))
    return limit


def test_t2_a_place_is_held_from_when_it_is_taken_until_it_is_left_each_a_fact_of_its_stream():
    assert holding("a", "b") == Limit(2, frozenset({"a", "b"}))
    assert evolve(holding("a", "b"), PlaceLeft("a")) == Limit(3, frozenset({"b"}))


def test_t2_a_place_that_is_taken_or_left_twice_is_one_place():
    assert holding("a", "a") == Limit(2, frozenset({"a"}))
    assert evolve(evolve(holding("a"), PlaceLeft("a")), PlaceLeft("a")) == Limit(3, frozenset())


def test_t2_a_further_stream_begins_with_those_who_hold_a_place_and_with_nobody_else():
    assert evolve(Limit(0, frozenset({"gone"})), PlacesKept(("a", "b"))) == Limit(1, frozenset({"a", "b"}))
    assert evolve(Limit(4), PlacesKept(())).sequence == 5


@pytest.mark.parametrize(
    ("plans", "most", "fits"),
    [((), 1, True), ((), 0, False), (("a",), 1, False), (("a",), 2, True), (("a", "b"), 2, False)],
)
def test_t2_a_plan_starts_only_while_fewer_than_the_most_hold_a_place(plans, most, fits):
    assert has_place(holding(*plans), most, "new") == fits


def test_t2_who_holds_a_place_already_has_it_also_when_there_are_too_many():
    assert has_place(holding("a", "b", "c"), 1, "a")


@pytest.mark.parametrize(
    ("holder", "plan"), [("a", "a-book-1"), ("a-book-1", "a"), ("a", "a-book-1-pay-2"), ("a-book-1-pay-2", "a-book-1")]
)
def test_t2_a_plan_and_its_parts_are_never_in_each_others_way(holder, plan):
    assert has_place(holding(holder), 1, plan)
    assert not has_place(holding(holder, "other"), 1, plan), "others are as before"


@pytest.mark.parametrize(("holder", "plan"), [("a-book-1", "a-book-2"), ("ab", "a"), ("a", "ab"), ("a", "b-a-1")])
def test_t2_fellow_parts_and_plans_with_a_like_name_are_in_each_others_way(holder, plan):
    assert not has_place(holding(holder), 1, plan)
