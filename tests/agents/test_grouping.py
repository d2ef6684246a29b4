"""The bounded search for sets that add up, against trying everything."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from mainstay.agents import sums as searched
from mainstay.agents.sums import runs, subsets


def every_set(values, target, most):
    for size in range(2, most + 1):
        yield from (c for c in combinations(range(len(values)), size) if sum(values[at] for at in c) == target)


@given(st.lists(st.integers(1, 30), max_size=8), st.integers(1, 80), st.integers(2, 5))
def test_what_adds_up_is_found_up_to_three_times(values, target, most):
    expected = set(every_set(values, target, most))
    sums = subsets(values, target, most)
    assert set(sums.found) <= expected
    assert len(sums.found) == min(len(expected), 3)
    assert sums.complete or len(expected) >= 3


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 80))
def test_neighbours_that_add_up_are_found_up_to_three_times(values, target):
    every = [
        (first, end)
        for first in range(len(values))
        for end in range(first + 2, len(values) + 1)
        if sum(values[first:end]) == target
    ]
    assert list(runs(values, target)) == every[:3]


def test_a_search_that_was_cut_short_says_so(monkeypatch):
    assert subsets([3] * 22, 9, 8).complete
    assert not subsets([3] * 23, 9, 8).complete
    monkeypatch.setattr(searched, "PAIRS_MAX", 10)
    assert not subsets([3] * 18, 27, 18).complete


def test_amounts_beyond_what_can_be_added_are_not_tried():
    assert not subsets([2**62, 2**62, 1], 2**63 - 1, 8).complete
    assert runs([2**62, 2**62], 2**63 - 1) == ()
