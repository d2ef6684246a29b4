"""Pausing, resuming, waiting for places, and editing what has not started (requirements K4, K16)."""

from __future__ import annotations

import pytest
from kernel_scene import (
    UNDO,
    agent,
    ask,
    ask_settle,
    carried_out,
    do,
    finish,
    given,
    happen,
    intend,
    lose,
    pose,
    prepare,
    proposed,
    rule,
    timer,
    undo,
)

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.state import holds_places

PAUSE = c.PausePlan(now_us=0, by="operator", reason="holidays")
RESUME = c.ResumePlan(now_us=0, by="operator")
HOUR_S = 3600


def test_a_paused_plan_begins_nothing_and_goes_on_where_it_was_k4():
    scene = given(agent("a"), agent("b", "a")).when(PAUSE).then(e.PlanPaused, e.PlanParked)
    assert scene.work() == []
    scene.when(RESUME).then(e.PlanResumed)
    assert scene.work() == [("resolve", "a")]


def test_an_answer_that_was_under_way_counts_and_nothing_follows_it_before_the_plan_is_resumed():
    scene = given(agent("a"), agent("b", "a")).when(PAUSE, finish("a"))
    assert scene.work() == []
    scene.stands("running", a="done", b="ready").when(RESUME)
    assert scene.work() == [("resolve", "b")]


def test_what_is_on_its_way_is_followed_while_the_plan_is_paused_e3():
    scene = given(do("a")).when(prepare("a"), intend("a"), PAUSE)
    assert scene.work() == [("settle", "a")]
    scene.when(lose("a"), ask_settle("a"))
    assert scene.work() == []
    scene.when(rule(1, "did_not_happen"))
    assert scene.work() == [], "it is not sent again before the plan is resumed"
    scene.when(RESUME)
    assert scene.work() == [("intend", "a")]


def test_a_prepared_effect_does_not_leave_while_the_plan_is_paused():
    scene = given(do("a")).when(prepare("a"), PAUSE)
    assert scene.work() == []
    scene.when(RESUME)
    assert scene.work() == [("intend", "a")]


def test_nothing_ends_by_time_while_a_plan_is_paused_and_the_time_is_given_back_p5():
    scene = given(ask("a", due_s=HOUR_S), expires_in_s=2 * HOUR_S).when(pose("a"), PAUSE)
    scene.later(3 * HOUR_S).ignores(timer("due", "p.1")).ignores(timer("expiry"))
    scene.when(RESUME).ignores(timer("due", "p.1")).ignores(timer("expiry"))
    scene.later(HOUR_S).when(timer("due", "p.1"))
    assert scene.fact(e.DecisionExpired)


def test_a_question_can_be_answered_while_the_plan_is_paused():
    scene = given(ask("a", used=True), agent("b", "a")).when(pose("a"), PAUSE, rule(1, "approve"))
    assert scene.work() == []
    scene.stands("running", a="done", b="ready")


def test_the_end_of_a_plan_ends_its_pause_so_that_an_undo_of_it_begins_at_once():
    """One that was paused while its last action was on its way stayed paused, and its undo did nothing."""
    scene = given(do("a")).when(prepare("a"), intend("a"), PAUSE, happen("a", UNDO)).stands("completed")
    assert scene.plan.paused_at_us is None
    scene.when(undo()).stands("undoing")
    scene.when(PAUSE, RESUME, prepare("~a"), intend("~a"), PAUSE, happen("~a")).stands("undone")
    assert scene.plan.paused_at_us is None


def test_a_rollback_can_be_paused_and_goes_on_e5():
    scene = given(do("a"), agent("b", "a")).when(*carried_out("a"), undo(), PAUSE)
    assert scene.work() == []
    scene.when(RESUME)
    assert scene.work() == [("compensate", "~a")]


def test_an_undo_of_a_paused_plan_begins_at_once():
    scene = given(do("a"), agent("b", "a")).when(*carried_out("a"), PAUSE, undo())
    assert scene.work() == [("compensate", "~a")]


def test_only_what_runs_or_will_run_can_be_paused_and_only_once():
    given(agent("a")).when(PAUSE).refuses(PAUSE, "paused already")
    given(agent("a")).refuses(RESUME, "not paused")
    given(agent("a")).when(finish("a")).refuses(PAUSE, "nothing to pause")
    proposed(agent("a")).refuses(PAUSE, "nothing to pause")


def test_what_is_proposed_can_be_edited_and_nothing_else_k4():
    edit = c.EditPlan(now_us=0, by="operator", inputs={"n": 2}, priority=3, labels=("web",))
    scene = proposed(agent("a"), expires_in_s=60).when(edit).then(e.PlanEdited)
    assert scene.plan.inputs == {"n": 2}
    assert scene.plan.priority == 3
    assert scene.plan.labels == ("web",)
    scene.later(60).ignores(timer("expiry"))
    given(agent("a")).refuses(edit, "only what waits for your go-ahead")


@pytest.mark.parametrize("place", ["customer"])
def test_a_plan_with_a_key_waits_for_its_place_after_its_approval_t2(place):
    scene = proposed(agent("a"))
    scene.when(c.EditPlan(now_us=0, by="operator", inputs=None, keys=(place,)))
    scene.when(c.ApprovePlan(now_us=0, by="operator")).then(e.PlanApproved, e.PlanParked).stands("approved")
    assert not holds_places(scene.plan)
    scene.when(c.StartPlan(now_us=0)).then(e.PlanStarted).stands("running", a="ready")
    assert holds_places(scene.plan)
    scene.refuses(c.StartPlan(now_us=0), "can't start")
    scene.when(finish("a"))
    assert not holds_places(scene.plan)


def test_a_plan_that_waits_for_its_place_can_be_paused_and_does_not_start_meanwhile():
    scene = proposed(agent("a")).when(c.EditPlan(now_us=0, by="operator", inputs=None, keys=("k",)))
    scene.when(c.ApprovePlan(now_us=0, by="operator"), PAUSE).refuses(c.StartPlan(now_us=0), "can't start")
    scene.when(RESUME, c.StartPlan(now_us=0)).stands("running")


def test_places_are_held_until_an_undo_is_over():
    scene = given(do("a"), agent("b", "a")).when(*carried_out("a"), undo())
    assert holds_places(scene.plan)
    scene.when(*carried_out("~a", undo=None))
    assert not holds_places(scene.plan)
