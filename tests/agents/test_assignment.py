"""The assignment against trying everything."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.agents import assignment
from mainstay.agents.assignment import assign

EDGES = st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(1, 12).map(float), max_size=12)


def every_reading(edges):
    """Give each way to place rows on columns, with its weight."""
    rows = sorted({row for row, _ in edges})
    columns = sorted({column for _, column in edges})
    for chosen in product([None, *columns], repeat=len(rows)):
        pairs = {(row, column) for row, column in zip(rows, chosen, strict=True) if column is not None}
        taken = [column for _, column in pairs]
        if pairs <= edges.keys() and len(set(taken)) == len(taken):
            yield pairs, sum(edges[pair] for pair in pairs)


@settings(max_examples=300)
@given(EDGES)
def test_the_best_reading_and_its_margins_are_those_of_trying_everything(edges):
    readings = list(every_reading(edges))
    best = max(weight for _, weight in readings)
    placements = assign(edges)
    assert sum(edges[p.row, p.column] for p in placements) == best
    for p in placements:
        without = max(weight for pairs, weight in readings if (p.row, p.column) not in pairs)
        assert p.margin == pytest.approx(best - without)


@given(EDGES)
def test_the_rival_is_what_the_row_takes_in_some_second_best_reading(edges):
    readings = list(every_reading(edges))
    for p in assign(edges):
        others = [(pairs, weight) for pairs, weight in readings if (p.row, p.column) not in pairs]
        second = max(weight for _, weight in others)
        taken = [
            {column for row, column in pairs if row == p.row} or {None} for pairs, weight in others if weight == second
        ]
        assert any(p.rival in columns for columns in taken)


def test_entangled_lines_are_placed_and_never_too_certain(monkeypatch):
    edges = {(row, column): 5.0 + (row == column) for row in range(6) for column in range(6)}
    exact = assign(edges)
    monkeypatch.setattr(assignment, "EXACT_ROWS", 2)
    bounded = assign(edges)
    assert [(p.row, p.column) for p in bounded] == [(p.row, p.column) for p in exact]
    assert all(b.margin <= e.margin for b, e in zip(bounded, exact, strict=True))


@settings(max_examples=300)
@given(EDGES)
def test_a_bound_is_never_above_what_trying_everything_gives(edges):
    readings = list(every_reading(edges))
    best = max(weight for _, weight in readings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "EXACT_ROWS", 0)
        placements = assign(edges)
    assert sum(edges[p.row, p.column] for p in placements) == best
    for p in placements:
        without = max(weight for pairs, weight in readings if (p.row, p.column) not in pairs)
        assert p.margin <= best - without + 1e-9
