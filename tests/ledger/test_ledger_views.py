from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

import pytest
from ledger_samples import FAILURE, NOW_US, append, append_all, appended, proposed
from msgspec.structs import replace

from mainstay import events as e
from mainstay.ledger import queries
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.ledger.sqlite import SqliteLedger

LATER_US = NOW_US + 60 * SECOND_US
FAR_US = NOW_US + 3600 * SECOND_US
STUCK = "SELECT plan, path, attempt, error_class, message, remedy, at_us FROM stuck"
UNCERTAIN = "SELECT plan, path, attempt, error_class, message, remedy, at_us FROM uncertain"

APPROVED = (proposed(expires_at_us=FAR_US), e.PlanApproved("you"), e.PlanStarted(1))
ASKED = e.DecisionAsked(
    "p.1", "ask", ("confirm",), {"headline": "Pay?"}, ("approve", "reject"),
    due_at_us=FAR_US, remind_at_us=(LATER_US, LATER_US + 1), rule="playbook", why="It asks.",
)  # fmt: skip
RULED = e.DecisionRuled("p.1", "approve", "you")

Record = "Callable[..., None]"


@pytest.fixture(params=["in one append", "one by one"])
def record(ledger: SqliteLedger, request: pytest.FixtureRequest) -> Callable[..., None]:
    """What facts mean must not depend on how many of them share a transaction."""
    sequence = count()

    def one_by_one(*facts: e.AnyFact) -> None:
        for fact in facts:
            append(ledger, appended("plan:p", next(sequence), fact))

    def together(*facts: e.AnyFact) -> None:
        append_all(ledger, *(appended("plan:p", next(sequence), fact) for fact in facts))

    return one_by_one if request.param == "one by one" else together


def timers(ledger: SqliteLedger) -> list[tuple[str, str, int]]:
    return sorted(row[1:] for row in ledger.rows(queries.TIMERS_OF_FAMILY, ("p",)))


def status(ledger: SqliteLedger) -> str:
    return ledger.rows(queries.PLAN, ("p",))[0][3]


def live(ledger: SqliteLedger) -> list[str]:
    return [row[0] for row in ledger.rows(queries.LIVE_PLANS)]


def test_a_plan_is_listed_with_its_status_and_times(ledger, record):
    record(*APPROVED)
    row = ledger.rows(queries.PLANS, (10, 0))[0]
    assert row[:5] == ("p", "reconcile", "A plan", "running", "")
    assert row[5:10] == (NOW_US, NOW_US, None, FAR_US, 0)
    record(e.PlanCompleted())
    assert ledger.rows(queries.PLANS, (10, 0))[0][3:8] == ("completed", "", NOW_US, NOW_US, NOW_US)
    assert ledger.rows(queries.OPEN_PLANS, (10, 0)) == []


def test_a_plan_is_found_by_the_beginning_of_its_id(ledger):
    append(ledger, appended("plan:p1", 0, proposed()), appended("plan:p2", 0, proposed()))
    assert [row[0] for row in ledger.rows(queries.PLANS_BY_PREFIX, ("p1", "p1"))] == ["p1"]
    assert len(ledger.rows(queries.PLANS_BY_PREFIX, ("p", "p"))) == 2


def test_a_parked_plan_is_not_resumed_until_something_arrives(ledger, record):
    record(*APPROVED)
    assert live(ledger) == ["p"]
    record(ASKED, e.PlanParked())
    assert live(ledger) == []
    record(RULED)
    assert live(ledger) == ["p"]
    record(e.StepCompleted("confirm"), e.PlanCompleted())
    assert live(ledger) == []


def test_a_reminded_plan_that_parks_again_stays_parked(ledger, record):
    record(*APPROVED, ASKED, e.PlanParked(), e.DecisionReminded("p.1", 0), e.PlanParked())
    assert live(ledger) == []


def test_a_cancelled_plan_is_resumed_while_effects_are_followed(ledger, record):
    record(*APPROVED, e.PlanCancelled("you", ""))
    assert live(ledger) == ["p"]
    record(e.PlanParked())
    assert live(ledger) == []


def test_an_ended_plan_that_is_undone_is_open_meanwhile(ledger, record):
    record(*APPROVED, e.PlanCompleted(), e.UndoRequested("you", ""), e.UndoStarted(("book",)))
    assert status(ledger) == "undoing"
    assert len(ledger.rows(queries.OPEN_PLANS, (10, 0))) == 1
    record(e.PlanUndone())
    assert status(ledger) == "undone"
    assert ledger.rows(queries.OPEN_PLANS, (10, 0)) == []


def test_a_question_is_open_until_it_is_answered(ledger, record):
    record(*APPROVED, ASKED)
    row = ledger.rows(queries.OPEN_DECISIONS, (10, 0))[0]
    assert row[:11] == (
        "p.1", "p", "ask", NOW_US, FAR_US, "playbook", "It asks.", "Pay?", '["confirm"]', "operator", "open",
    )  # fmt: skip
    record(RULED)
    assert ledger.rows(queries.OPEN_DECISIONS, (10, 0)) == []
    assert ledger.rows(queries.DECISIONS_OF_PLAN, ("p",))[0][10:] == ("ruled", "approve", "you", NOW_US, None, None)


@pytest.mark.parametrize(
    ("fact", "ends"), [(e.DecisionExpired("p.1"), "expired"), (e.DecisionVoided("p.1", "It ended."), "voided")]
)
def test_a_question_nobody_answered_says_how_it_ended(ledger, record, fact, ends):
    record(*APPROVED, ASKED, fact)
    assert ledger.rows(queries.DECISIONS_OF_PLAN, ("p",))[0][10:] == (ends, "", "", None, None, None)
    assert timers(ledger) == [("expiry", "", 0)]


def test_a_question_sets_its_times_and_the_answer_clears_them(ledger, record):
    record(*APPROVED, ASKED)
    assert timers(ledger) == [("due", "p.1", 0), ("expiry", "", 0), ("remind", "p.1", 0), ("remind", "p.1", 1)]
    record(e.DecisionReminded("p.1", 0))
    assert timers(ledger) == [("due", "p.1", 0), ("expiry", "", 0), ("remind", "p.1", 1)]
    record(RULED)
    assert timers(ledger) == [("expiry", "", 0)]


def test_a_retry_is_due_once(ledger, record):
    record(*APPROVED, e.AttemptFailed("a", 1, FAILURE, LATER_US))
    assert timers(ledger) == [("expiry", "", 0), ("retry", "a", 1)]
    record(e.RetryDue("a", 1), e.AttemptFailed("a", 2, FAILURE, LATER_US))
    assert timers(ledger) == [("expiry", "", 0), ("retry", "a", 2)]
    record(e.RetryDue("a", 2))
    assert timers(ledger) == [("expiry", "", 0)]


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("happened", [True, False])
def test_what_is_known_otherwise_is_no_longer_looked_up(ledger, record, offline, happened):
    """After a release nobody waits for the time of its look-up: a command would wait with it for ever."""
    failure = replace(FAILURE, waits_for="online") if offline else FAILURE
    record(*APPROVED, e.EffectUncertain("a", 1, FAILURE), e.EffectAwaited("a", LATER_US, 1, failure))
    assert [kind for kind, *_ in timers(ledger)] == ["expiry", "settle_online" if offline else "settle"]
    record(e.EffectDone("a", None, settled="you said so") if happened else e.EffectAbsent("a", "you said so"))
    assert [kind for kind, *_ in timers(ledger)] == ["expiry"]


def test_a_wait_ends(ledger, record):
    record(*APPROVED, e.WaitStarted("a", LATER_US))
    assert ledger.rows(queries.NEXT_DUE_AFTER, (0,)) == [(LATER_US,)]
    assert ledger.rows(queries.TIMERS_DUE, (LATER_US - 1, 0, 0, 10)) == []
    assert ledger.rows(queries.TIMERS_DUE, (LATER_US, 0, 0, 10)) == [(LATER_US, "wait", "p", "a", 0)]
    record(e.WaitEnded("a"))
    assert ledger.rows(queries.NEXT_DUE_AFTER, (0,)) == [(FAR_US,)]


@pytest.mark.parametrize(
    "end", [e.PlanCompleted(), e.PlanFailed("a", FAILURE), e.PlanCancelled("you", ""), e.PlanExpired()]
)
def test_the_end_of_a_plan_stops_its_clocks_but_not_its_open_questions(ledger, record, end):
    record(*APPROVED, e.WaitStarted("a", LATER_US), e.AttemptFailed("b", 1, FAILURE, LATER_US), ASKED, end)
    assert timers(ledger) == [("due", "p.1", 0), ("remind", "p.1", 0), ("remind", "p.1", 1)]


@pytest.mark.parametrize(
    "remedy",
    [e.StepReopened("a"), e.StepSkipped("a", "you did"), e.StepFailed("a", FAILURE), e.PlanFailed("a", FAILURE)],
)
def test_a_stuck_step_is_listed_until_it_has_a_remedy(ledger, record, remedy):
    record(*APPROVED, e.StepStuck("a", FAILURE, 5))
    assert ledger.rows(STUCK) == [("p", "a", 5, "permanent", "It can't work.", "Mend it.", NOW_US)]
    record(remedy)
    assert ledger.rows(STUCK) == []


def test_a_stuck_undo_is_listed_until_it_is_left(ledger, record):
    record(*APPROVED, e.StepStuck("~a", FAILURE, 5))
    assert len(ledger.rows(STUCK)) == 1
    record(e.UndoImpossible("a", "you left it"))
    assert ledger.rows(STUCK) == []


@pytest.mark.parametrize("outcome", [e.EffectDone("a"), e.EffectAbsent("a", "asked"), e.EffectRefused("a", 1, FAILURE)])
def test_an_uncertain_effect_is_listed_until_it_is_settled(ledger, record, outcome):
    record(*APPROVED, e.EffectUncertain("a", 1, FAILURE))
    assert ledger.rows(UNCERTAIN) == [("p", "a", 1, "permanent", "It can't work.", "Mend it.", NOW_US)]
    record(outcome)
    assert ledger.rows(UNCERTAIN) == []


def test_every_query_runs(ledger):
    for name, sql in vars(queries).items():
        if name.isupper() and not name.startswith("_"):  # those are only the beginning of one
            marks = sorted(set(re.findall(r"\?\d", sql))) or ["?"] * sql.count("?")
            ledger.rows(sql, ["[]" if f"json_each({mark})" in sql else 1 for mark in marks])


def test_g2_a_question_put_off_is_shown_again_from_its_time_on(ledger, record):
    record(*APPROVED, ASKED, e.DecisionSnoozed("p.1", NOW_US + 10, "operator"))

    def shown(now_us: int) -> list[str]:
        return [row[0] for row in ledger.rows(queries.SHOWN_DECISIONS, (now_us, 9))]

    assert (shown(NOW_US + 9), shown(NOW_US + 10)) == ([], ["p.1"])
    assert ledger.rows(queries.SNOOZED, (NOW_US + 9,)) == [(1, NOW_US + 10)]
    assert ledger.rows(queries.SNOOZED, (NOW_US + 10,)) == [(0, None)]
    record(e.DecisionSnoozed("p.1", NOW_US + 20, "operator"))
    assert shown(NOW_US + 19) == []
    record(RULED)
    assert shown(NOW_US + 20) == []


def test_g5_what_nobody_answered_for_too_long_comes_before_all_others(ledger, record):
    late = replace(ASKED, escalate_at_us=NOW_US + 5)
    record(*APPROVED, late)

    def first(query: str, now_us: int) -> list[str]:
        return [row[0] for row in ledger.rows(query, (now_us, 9))]

    assert first(queries.ESCALATED_DECISIONS, NOW_US + 4) == [] == first(queries.SHOWN_DECISIONS, NOW_US + 5)
    assert first(queries.ESCALATED_DECISIONS, NOW_US + 5) == ["p.1"] == first(queries.SHOWN_DECISIONS, NOW_US + 4)
    record(e.DecisionSnoozed("p.1", NOW_US + 9, "operator"))
    assert first(queries.ESCALATED_DECISIONS, NOW_US + 8) == []
