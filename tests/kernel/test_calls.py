"""Actions that an agent asks for inside its step (KERNEL J1, E2, E5, K15)."""

from __future__ import annotations

import pytest
from kernel_scene import (
    ASK,
    DENY,
    PERMANENT,
    TRANSIENT,
    agent,
    back,
    cancel,
    carried_out,
    do,
    each,
    fail,
    finish,
    freeze,
    given,
    happen,
    lose,
    once,
    prepare,
    refuse,
    rule,
    sent,
    start,
    undo,
)

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.calls import call_path, calls_of
from mainstay.kernel.state import has_room
from mainstay.kernel.words import say_path
from mainstay.values import Failure

MISMATCH = Failure("bug", "it does something else", cause="JournalMismatch")
REJECTED = Failure("permanent", "it did not happen", cause="Rejected")


def call(path: str) -> c.CallEffect:
    return c.CallEffect(now_us=0, path=path, operation="demo.say", arguments={"word": "x"}, labels=("books",))


def calling(*paths: str, **more):
    return given(agent("draft", **more), do("next", "draft")).when(start("draft"), *map(call, paths))


def test_j1_an_agent_that_asks_for_actions_waits_and_has_no_work_of_its_own():
    scene = calling("draft!1", "draft!2")
    scene.then(e.EffectCalled).stands("running", draft="calling", next="later")
    assert scene.work() == [("resolve", "draft!1"), ("resolve", "draft!2")]
    assert scene.slot("draft!1").labels == ("books",)


def test_j1_it_runs_again_when_the_last_of_its_actions_has_an_outcome():
    scene = calling("draft!1", "draft!2").when(*carried_out("draft!2")).stands("running", draft="calling")
    scene.when(*carried_out("draft!1")).stands("running", draft="running")
    assert scene.work() == [("run", "draft")]
    scene.when(finish("draft")).stands("running", draft="done", next="ready")


def test_j1_it_may_ask_again_after_that():
    scene = calling("draft!1").when(*carried_out("draft!1"), call("draft!2"))
    scene.stands("running", draft="calling").when(*carried_out("draft!2"), finish("draft"))
    assert calls_of(scene.plan, "draft") == ["draft!1", "draft!2"]


def test_k15_while_a_person_decides_the_plan_is_parked():
    scene = calling("draft!1").when(prepare("draft!1", ASK))
    scene.then(e.EffectPrepared, e.DecisionAsked, e.PlanParked)
    assert scene.plan.live == {}


def test_j1_what_is_not_wanted_ends_the_action_alone_and_the_agent_is_told():
    scene = calling("draft!1").when(prepare("draft!1", ASK), rule(1, "reject"))
    scene.stands("running", **{"draft!1": "rejected", "draft": "running"})
    scene.when(fail("draft", REJECTED)).stands("completed", draft="rejected", next="skipped")


def test_j1_a_rejection_that_an_agent_does_not_handle_goes_by_on_failure_where_that_is_more():
    scene = calling("draft!1", on_failure="undo").when(prepare("draft!1", ASK), rule(1, "reject"))
    scene.when(fail("draft", REJECTED)).stands("undone", draft="failed")


def test_j1_what_can_not_happen_is_told_to_the_agent_and_what_a_person_can_mend_is_asked():
    scene = calling("draft!1").when(*sent("draft!1"), refuse("draft!1"))
    scene.then(e.EffectRefused, e.StepFailed).stands("running", **{"draft!1": "failed", "draft": "running"})
    scene = given(once(agent("draft"))).when(start("draft"), call("draft!1"), *sent("draft!1"))
    scene.when(refuse("draft!1", TRANSIENT)).stands("running", **{"draft!1": "stuck", "draft": "calling"})
    scene.when(rule(1, "retry"), *carried_out("draft!1")).stands("running", draft="running")


def test_e1_an_action_that_policy_forbids_is_stuck_with_its_arguments_kept():
    scene = calling("draft!1").when(prepare("draft!1", DENY)).stands("running", **{"draft!1": "stuck"})
    scene.when(rule(1, "retry"))
    assert (scene.slot("draft!1").status, scene.slot("draft!1").arguments) == ("ready", {"word": "x"})


def test_j1_skipping_an_action_lets_its_agent_go_on():
    scene = calling("draft!1").when(prepare("draft!1", DENY), rule(1, "skip"))
    scene.stands("running", **{"draft!1": "skipped", "draft": "running"})


@pytest.mark.parametrize("on_failure", ["ask", "skip", "undo"])
def test_j1_a_mismatch_parks_the_step_whatever_it_says_about_failing(on_failure):
    scene = calling(on_failure=on_failure).when(fail("draft", MISMATCH))
    scene.then(e.StepStuck, e.DecisionAsked, e.PlanParked)
    scene.when(rule(1, "retry"))
    assert (scene.slot("draft").status, scene.slot("draft").journal) == ("ready", 1)


def test_j1_a_retry_goes_on_from_the_journal_unless_its_input_was_edited():
    scene = calling().when(fail("draft", PERMANENT), rule(1, "retry"))
    assert scene.slot("draft").journal == 0
    scene.when(start("draft"), fail("draft", PERMANENT, attempt=2), rule(2, "retry", arguments={"word": "y"}))
    assert scene.slot("draft").journal == 1
    assert call_path("draft", 1, 3) == "draft!1-3"


def test_e5_the_actions_of_an_agent_are_taken_back_in_reverse_order():
    scene = calling("draft!1", "draft!2").when(*carried_out("draft!2"), *carried_out("draft!1"), finish("draft"))
    scene.when(*carried_out("next"), undo())
    assert scene.fact(e.UndoStarted).paths == ("next", "draft!1", "draft!2")
    scene.when(*back("next"), *back("draft!1"), *back("draft!2")).stands("undone")


def test_e3_a_plan_that_ends_follows_an_action_that_is_on_its_way():
    scene = calling("draft!1").when(*sent("draft!1"), cancel(), lose("draft!1"))
    assert scene.work() == [("settle", "draft!1")]
    scene.when(happen("draft!1")).stands("cancelled", **{"draft!1": "done", "draft": "calling"})
    assert scene.work() == []


def test_j1_an_item_of_a_list_calls_like_a_step():
    scene = given(each(agent("draft"), at_once=1)).when(freeze("draft", 2), start("draft/0"), call("draft/0!1"))
    assert ("resolve", "draft/0!1") in scene.work()
    scene.when(*carried_out("draft/0!1")).stands("running", **{"draft/0": "running"})
    scene.when(finish("draft/0"), start("draft/1"), finish("draft/1")).stands("completed", draft="done")
    assert say_path("draft/0!1") == "draft, item 1, call 1"


def test_j1_only_a_running_agent_calls_and_each_action_once():
    scene = given(agent("draft")).refuses(call("draft!1"), "stands at")
    scene.when(start("draft"), call("draft!1")).refuses(call("draft!1"), "no new action")
    scene.refuses(finish("draft"), "waiting for its actions").refuses(fail("draft"), "waiting for its actions")


def test_l8_a_plan_has_room_for_so_many_actions():
    scene = calling("draft!1")
    assert has_room(scene.plan, 100)
    assert not has_room(scene.plan, 240)
