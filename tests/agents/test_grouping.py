"""The bounded search for sets that add up, against trying everything."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from mainstay.agents import grouping
from mainstay.agents.grouping import subsets


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


def test_a_search_that_was_cut_short_says_so(monkeypatch):
    monkeypatch.setattr(grouping, "STEPS_MAX", 10)
    assert not subsets([3] * 18, 53, 18).complete
