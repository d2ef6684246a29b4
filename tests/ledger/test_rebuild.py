"""What a rebuild of the projections leaves behind, in however many parts it is made, and wherever it is broken off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from ledger_samples import FAILURE, NOW_US, PROJECTIONS, append, appended, completed, proposed

from mainstay import events as e
from mainstay.ledger import projections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.ledger.sqlite import SqliteLedger

PLANS = 30
TABLES = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
# A life in which much is put off, taken back and shifted by a pause, so that where a part ends could make a difference.
LIFE: tuple[e.AnyFact, ...] = (
    proposed(expires_at_us=NOW_US),
    e.PlanEdited("you", {}, expires_at_us=NOW_US + 10),
    e.PlanPaused("you"),
    e.PlanResumed("you", 3),
    e.PlanApproved("you"),
    e.PlanStarted(1),
    completed("a"),
    e.StepStuck("s", FAILURE, 1),
    e.StepReopened("s", "operator"),
    e.StepStuck("s", FAILURE, 2),
    e.EffectUncertain("u", 1, FAILURE),
    e.WaitStarted("w", NOW_US, "mail.received"),
    e.DecisionAsked("1", "ask", ("a",), {"headline": "?"}, ("approve",), due_at_us=NOW_US, remind_at_us=(1, 2)),
    e.DecisionReminded("1", 0),
    e.PlanPaused("you"),
    e.PlanResumed("you", 5),
    e.WaitEnded("w", "due"),
    e.DecisionExpired("1"),
    e.PlanParked(),
)
EVENTS = PLANS * len(LIFE) + PLANS // 3
TAKEN = EVENTS - PLANS  # an outcome of a step is of no projection's interest


@pytest.fixture
def filled(ledger: SqliteLedger) -> SqliteLedger:
    """A history in which half of the plans took turns, so that every part of it holds a little of each."""
    append(ledger, *(appended(f"plan:p{index}", 0, LIFE[0]) for index in range(PLANS)))
    for index in range(1, PLANS, 2):
        append(ledger, appended(f"plan:p{index}", 1, *(of_plan(f"p{index}", fact) for fact in LIFE[1:])))
    for at, fact in enumerate(LIFE[1:], 1):
        append(ledger, *(appended(f"plan:p{index}", at, of_plan(f"p{index}", fact)) for index in range(0, PLANS, 2)))
    append(ledger, *(appended(f"plan:p{index}", len(LIFE), e.PlanCompleted()) for index in range(0, PLANS, 3)))
    return ledger


def of_plan(plan: str, fact: e.AnyFact) -> e.AnyFact:
    decision = getattr(fact, "decision", "")
    return msgspec.structs.replace(fact, decision=f"{plan}.{decision}") if decision else fact


def all_rows(ledger: SqliteLedger) -> dict[str, list[tuple[object, ...]]]:
    names = [table for each in PROJECTIONS for table in each.tables]
    return {name: sorted(ledger.rows(f'SELECT * FROM "{name}"'), key=repr) for name in names}


@pytest.mark.parametrize("size", [1, 7, 40, TAKEN - 1, TAKEN, TAKEN + 1])
def test_l9_a_rebuild_in_parts_of_any_size_leaves_the_same_rows_and_indexes(filled, monkeypatch, size):
    tables, rows = filled.rows(TABLES), all_rows(filled)
    monkeypatch.setattr(projections, "BATCH_EVENTS", size)
    seen: list[int] = []
    assert filled.rebuild(lambda at, _: seen.append(at)).events == EVENTS
    assert seen == sorted(set(seen))
    assert seen[-1] == EVENTS
    assert filled.differing() == []
    assert filled.rows(TABLES) == tables
    assert all_rows(filled) == rows


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_l9_a_rebuild_that_is_broken_off_anywhere_leaves_everything_as_it_was(filled, monkeypatch, parts):
    tables, rows = filled.rows(TABLES), all_rows(filled)
    monkeypatch.setattr(projections, "BATCH_EVENTS", TAKEN // 3)
    left: Iterator[int] = iter(range(1, parts))

    def broken_off(*_: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.rebuild(broken_off)
    assert filled.rows(TABLES) == tables
    assert all_rows(filled) == rows
    assert filled.differing() == []
