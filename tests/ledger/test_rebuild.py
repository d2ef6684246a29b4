"""What a rebuild of the projections leaves behind, in however many parts it is made, and wherever it is broken off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger_samples import FAILURE, NOW_US, append, appended, completed, proposed

from mainstay import events as e
from mainstay.ledger import projections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.ledger.sqlite import SqliteLedger

PLANS = 30
EVENTS_OF_EACH = 9
EVENTS = PLANS * EVENTS_OF_EACH
TAKEN = PLANS * (EVENTS_OF_EACH - 1)  # an outcome of a step is of no projection's interest
TABLES = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
ROWS = "SELECT * FROM plan ORDER BY id"


@pytest.fixture
def filled(ledger: SqliteLedger) -> SqliteLedger:
    """A history in which plans took turns, so that every part of it holds a little of each."""
    facts = [
        proposed(expires_at_us=NOW_US), e.PlanApproved("you"), e.PlanStarted(1), completed("a"),
        e.StepStuck("s", FAILURE, 1), e.EffectUncertain("u", 1, FAILURE), e.WaitStarted("w", NOW_US),
    ]  # fmt: skip
    for at, fact in enumerate(facts):
        append(ledger, *(appended(f"plan:p{index}", at, fact) for index in range(PLANS)))
    for index in range(PLANS):
        asked = e.DecisionAsked(f"p{index}.1", "ask", ("a",), {"headline": "?"}, ("approve",), due_at_us=NOW_US)
        last = e.PlanParked() if index % 3 else e.PlanCompleted()
        append(ledger, appended(f"plan:p{index}", len(facts), asked, last))
    return ledger


@pytest.mark.parametrize("size", [1, 7, TAKEN - 1, TAKEN, TAKEN + 1])
def test_l9_a_rebuild_in_parts_of_any_size_leaves_the_same_rows_and_indexes(filled, monkeypatch, size):
    tables, rows = filled.rows(TABLES), filled.rows(ROWS)
    monkeypatch.setattr(projections, "BATCH_EVENTS", size)
    seen: list[int] = []
    assert filled.rebuild(lambda at, _: seen.append(at)).events == EVENTS
    assert seen == sorted(set(seen))
    assert seen[-1] == EVENTS
    assert filled.differing() == []
    assert filled.rows(TABLES) == tables
    assert filled.rows(ROWS) == rows


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_l9_a_rebuild_that_is_broken_off_anywhere_leaves_everything_as_it_was(filled, monkeypatch, parts):
    tables, rows = filled.rows(TABLES), filled.rows(ROWS)
    monkeypatch.setattr(projections, "BATCH_EVENTS", TAKEN // 3)
    left: Iterator[int] = iter(range(1, parts))

    def broken_off(*_: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.rebuild(broken_off)
    assert filled.rows(TABLES) == tables
    assert filled.rows(ROWS) == rows
    assert filled.differing() == []
