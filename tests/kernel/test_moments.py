"""From when on something may begin, and where in the history it stands: both are kept, never worked out again (P1)."""

from __future__ import annotations

import pytest
from kernel_scene import (
    ASK,
    NOW_US,
    TRANSIENT,
    UNDO,
    absent,
    agent,
    ask,
    begin,
    cancel,
    carried_out,
    child_ends,
    do,
    each,
    fail,
    finish,
    finish_plan,
    freeze,
    given,
    happen,
    judge,
    loop,
    lose,
    lost,
    pose,
    prepare,
    proposed,
    refuse,
    rule,
    sent,
    start,
    sub,
    timer,
    undo,
    wait,
)

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.graph import Cel, Ending
from mainstay.kernel.plan import pending
from mainstay.kernel.state import END, is_over, is_stopped
from mainstay.values import SECOND_US

ENDS = {"end": (Ending(Cel("true"), "sold"),)}
SKIP = c.SkipStep(now_us=0, path="a", why="no")
CONFIRM = c.ConfirmEffect(now_us=0, path="a", how="it is there")
RECALL = c.RecallEffect(now_us=0, path="a", why="no")
DELAY = c.DelayEffect(now_us=0, path="a", until_us=NOW_US + 1)
SLEEP = c.WaitStep(now_us=0, path="a", until_us=NOW_US)
HEAR = c.HearEvent(now_us=0, path="a", event="outside.1", output=1)
LISTEN = c.WaitStep(now_us=0, path="a", until_us=None, event="mail.received")

# A step, what happens to it, and the command by which it ends.
ENDED = {
    "done": (agent("a"), (), finish("a")),
    "skipped": (agent("a"), (), SKIP),
    "failed": (agent("a", on_failure="step"), (), fail("a")),
    "acted": (do("a"), sent("a"), happen("a")),
    "read back": (do("a"), (*sent("a"), happen("a", UNDO, confirm_by_us=9)), CONFIRM),
    "called back": (do("a"), (prepare("a"), DELAY), RECALL),
    "left out": (do("a"), (fail("a"),), rule(1, "skip")),
    "slept": (wait("a"), (SLEEP,), timer("wait", "a")),
    "heard": (wait("a"), (LISTEN,), HEAR),
    "answered": (ask("a"), (pose("a"),), rule(1, "approve")),
    "unanswered": (ask("a", used=True, due_s=9), (pose("a"),), timer("due", "p.1")),
    "a sub-plan": (sub("a"), (begin("a"),), child_ends("a")),
    "rounds": (loop("a"), (begin("a"), child_ends("a")), judge("a", 1, accepted=True)),
    "a list": (each(agent("a")), (freeze("a", 1),), finish("a/0")),
    "an action of an agent": (
        agent("a"),
        (start("a"), c.CallEffect(now_us=0, path="a!1", operation="demo.say", arguments={}), *carried_out("a!1")),
        finish("a"),
    ),
}


@pytest.mark.parametrize("name", ENDED)
def test_p1_what_waits_for_a_step_may_begin_from_the_moment_that_it_ended(name):
    step, before, last = ENDED[name]
    scene = given(step, agent("b", "a?")).when(*before).later(9).when(last)
    assert (scene.slot("b").status, scene.slot("b").ready_at_us) == ("ready", scene.now_us)
    assert scene.slot("b").since == scene.slot("a").since, "both by the fact that ended the first"
    scene = given(step, **ENDS).when(*before).later(9).when(last)
    assert (scene.slot(END).status, scene.slot(END).ready_at_us) == ("ready", scene.now_us)
    assert scene.slot(END).since == scene.slot("a").since


def test_p1_the_first_steps_may_begin_from_the_start_of_their_plan():
    scene = proposed(agent("a")).later(5).when(c.ApprovePlan(now_us=0, by="operator"))
    assert scene.slot("a").ready_at_us == NOW_US + 5 * SECOND_US
    assert scene.slot("a").since == 3, "by the fact of the start"


def test_p2_the_items_of_a_list_may_begin_from_the_moment_that_it_was_frozen():
    scene = given(each(agent("a"))).later(5).when(freeze("a", 2))
    slot = scene.slot("a/1")
    assert (slot.ready_at_us, slot.since) == (scene.now_us, scene.plan.sequence)


def test_p1_a_further_round_may_begin_from_the_moment_that_the_last_was_judged():
    scene = given(loop("a")).later(5).when(begin("a"), child_ends("a")).later(5).when(judge("a", 1))
    assert (scene.slot("a").status, scene.slot("a").ready_at_us) == ("ready", NOW_US + 10 * SECOND_US)
    scene = given(loop("a", most=1, then="ask")).later(5).when(begin("a"), child_ends("a")).later(5).when(judge("a", 1))
    assert scene.slot("a").ready_at_us == NOW_US, "there is none"


def test_p1_rounds_carry_where_each_of_them_came_from():
    scene = given(loop("a")).when(begin("a"), child_ends("a", labels=("mail",)))
    scene.when(c.JudgeRound(now_us=0, path="a", round=1, accepted=False, labels=("bank",)))
    assert (scene.slot("a").labels, scene.slot("a").judged) == (("bank", "mail"), 1)


@pytest.mark.parametrize(
    "outcome", [(happen("b", UNDO),), (lose("b"), absent("b")), (refuse("b"),)], ids=["happened", "not", "refused"]
)
def test_e5_each_action_is_taken_back_from_the_moment_that_it_is_its_turn(outcome):
    scene = given(do("a"), do("b")).when(*carried_out("a"), *sent("b"), undo()).later(5).when(*outcome)
    first = "~b" if isinstance(outcome[0], c.FinishEffect) else "~a"
    assert scene.slot(first).ready_at_us == scene.now_us
    if first == "~b":
        scene.later(5).when(*sent("~b"), happen("~b"))
        assert scene.slot("~a").ready_at_us == scene.now_us


def test_e5_the_next_is_taken_back_from_the_moment_that_the_last_was_left_or_its_parts_were_undone():
    scene = given(do("a"), sub("b", "a"), do("d", "b")).when(*carried_out("a"), begin("b"), child_ends("b"))
    scene.when(*carried_out("d"), undo()).later(5).when(fail("~d"), rule(1, "skip"))
    assert scene.slot("~b").ready_at_us == scene.now_us
    scene.later(5).when(c.UndoStep(now_us=0, path="b", left=("b/1",)))
    assert scene.slot("~a").ready_at_us == scene.now_us
    assert scene.plan.not_undone == ("d", "b/1")
    scene.when(*sent("~a"), happen("~a")).then(e.EffectDone, e.PlanUndone(("d", "b/1")))


def test_l1_every_slot_knows_the_fact_by_which_it_came_to_stand_there():
    scene = given(do("a")).when(prepare("a"))
    assert scene.slot("a").since == scene.plan.sequence
    scene.when(c.IntendEffect(now_us=0, path="a", token="t", verdict=scene.fact(e.EffectPrepared).verdict))
    assert scene.slot("a").since == scene.plan.sequence


# --- what begins at all


def test_p3_what_still_waits_for_something_holds_up_nothing_that_does_not():
    scene = given(agent("a"), agent("z"), agent("b", "a", "z"), agent("d", "a")).when(finish("a"))
    assert scene.work() == [("resolve", "z"), ("resolve", "d")]


def test_p3_a_list_with_no_room_for_more_holds_up_no_other_step():
    scene = given(each(agent("a", where="worker"), at_once=1), agent("b")).when(freeze("a", 2), start("a/0"))
    assert scene.work() == [("resolve", "b"), ("run", "a/0")]


def test_p3_all_actions_of_a_list_are_prepared_and_asked_about_however_few_may_leave_at_once():
    scene = given(each(do("a"), at_once=1)).when(freeze("a", 2))
    assert scene.work() == [("resolve", "a/0"), ("resolve", "a/1")]
    scene.when(prepare("a/0"), prepare("a/1"))
    assert scene.work() == [("intend", "a/0")]


def test_k4_what_is_on_its_way_is_followed_in_a_paused_plan_whatever_stands_before_it():
    scene = given(agent("a"), do("b")).when(*sent("b"), c.PausePlan(now_us=0, by="operator"))
    assert scene.work() == [("settle", "b")]


def test_k4_a_paused_plan_asks_about_no_list():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0", ASK), prepare("a/1", ASK))
    assert scene.work() == [("batch", "a")]
    assert scene.when(c.PausePlan(now_us=0, by="operator")).work() == []


def test_p3_all_that_needed_what_was_skipped_is_skipped_with_it():
    scene = given(agent("a"), agent("b", "a"), agent("d", "a"), agent("f", "b")).when(SKIP)
    skipped = [e.StepSkipped(name, f"'{blamed}' was skipped") for name, blamed in ("ba", "da", "fb")]
    scene.then(e.StepSkipped("a", "no"), *skipped, e.PlanCompleted())


def test_p3_nothing_is_to_be_done_before_a_plan_runs():
    waits = proposed(agent("a")).when(c.EditPlan(now_us=0, by="operator", inputs=None, keys=("k",)))
    assert pending(waits.plan) == []
    assert pending(waits.when(c.ApprovePlan(now_us=0, by="operator")).plan) == []
    waits.stands("approved").when(cancel()).then(e.PlanCancelled, e.PlanParked)


def test_p2_lists_that_are_short_alone_and_long_together_are_split():
    """A history holds 2,000 facts: all items that stand in one plan count together."""
    lists = [each(agent(name)) for name in "abd"]
    scene = given(*lists).when(freeze("a", 60), freeze("b", 40)).stands("running", a="fanned", b="fanned")
    scene.when(freeze("d", 1)).stands("running", d="splitting")
    scene = given(*lists).when(freeze("a", 101), freeze("b", 100)).stands("running", a="splitting", b="fanned")
    scene = given(*lists).when(freeze("a", 101), begin("a"), freeze("b", 100))
    scene.stands("running", a="fanned", b="fanned")


def test_p1_a_plan_that_returns_nothing_has_no_end_to_work_out():
    assert END not in given(agent("a")).when(finish("a")).stands("completed").plan.slots


def test_p1_a_plan_that_was_ended_has_no_end_to_work_out_however_its_last_action_ends():
    scene = given(do("a"), **ENDS).when(*sent("a"), cancel(), happen("a")).stands("cancelled", a="done")
    assert END not in scene.plan.slots


def test_p1_the_end_is_done_once_it_was_worked_out():
    scene = given(do("a"), **ENDS).when(*carried_out("a"), finish_plan("sold", "a"))
    assert (scene.slot(END).status, scene.plan.status, is_over(scene.plan)) == ("done", "undoing", False)
    assert (scene.plan.ending, scene.plan.closing) == ("sold", True)
    scene = given(agent("a"), **ENDS).when(finish("a"), finish_plan("sold"))
    assert (scene.slot(END).status, scene.plan.ending, is_over(scene.plan)) == ("done", "sold", True)
    assert not is_over(given(agent("a")).plan)


STOPPED = {
    "ready": (agent("a"), ()),
    "splitting": (each(agent("a")), (freeze("a", 101),)),
    "fanned": (each(agent("a")), (freeze("a", 1),)),
    "waiting": (wait("a"), (SLEEP,)),
    "backoff": (agent("a"), (fail("a", TRANSIENT),)),
    "gated": (each(do("a", gate="batch")), (freeze("a", 2), prepare("a/0", ASK))),
}
GOES_ON = {
    "intended": (do("a"), sent("a")),
    "done": (do("a"), carried_out("a")),
    "uncertain": (do("a"), lost("a")[:-1]),
}


@pytest.mark.parametrize("status", [*STOPPED, *GOES_ON])
def test_k4_what_had_begun_and_did_nothing_stops_with_its_plan_and_what_acted_does_not(status):
    step, before = {**STOPPED, **GOES_ON}[status]
    scene = given(step, agent("z")).when(*before)
    path = "a/0" if status == "gated" else "a"
    assert scene.slot(path).status == status
    assert not is_stopped(scene.plan, scene.slot(path)), "its plan goes on"
    scene.when(cancel())
    assert is_stopped(scene.plan, scene.slot(path)) == (status in STOPPED)


# --- what ends by time, after a pause


@pytest.mark.parametrize("paused_s", [0, 3600])
def test_p5_a_plan_gets_the_time_back_that_it_was_paused_for_and_not_more(paused_s):
    scene = given(agent("a"), expires_in_s=60).when(c.PausePlan(now_us=0, by="operator")).later(paused_s)
    scene.when(c.ResumePlan(now_us=0, by="operator"))
    assert scene.last[0] == e.PlanResumed("operator", paused_s * SECOND_US)
    assert scene.plan.expires_at_us == NOW_US + (60 + paused_s) * SECOND_US
    scene.later(59).ignores(timer("expiry")).later(1).when(timer("expiry")).stands("expired")


def test_p5_a_plan_that_waits_for_its_place_ends_by_time_too():
    scene = proposed(agent("a"), expires_in_s=60)
    edit = c.EditPlan(now_us=0, by="operator", inputs=None, keys=("k",), expires_at_us=NOW_US + 60 * SECOND_US)
    scene.when(edit, c.ApprovePlan(now_us=0, by="operator")).later(60).when(timer("expiry")).stands("expired")
