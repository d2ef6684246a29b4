"""What a plan returns and how it ends, and what its ending takes back (PLAYBOOKS, `returns` and `end`; KERNEL E5)."""

from __future__ import annotations

import pytest
from kernel_scene import (
    agent,
    ask,
    back,
    cancel,
    carried_out,
    do,
    fail,
    finish,
    finish_plan,
    given,
    pose,
    rule,
    timer,
    undo,
)

from mainstay import events as e
from mainstay.kernel.graph import Cel, Ending
from mainstay.kernel.state import END, is_over

ENDINGS = {"end": (Ending(Cel("true"), "refunded", ("a",)),)}


def ended(*done, **more):
    """A plan whose steps a and b happened, in this order."""
    scene = given(do("a"), do("b", "a"), **(more or ENDINGS))
    return scene.when(*carried_out("a"), *carried_out("b"), *done)


def test_when_all_steps_ended_the_end_is_work_of_its_own_and_costs_no_fact():
    scene = ended().then(e.EffectDone).stands("running", a="done", b="done")
    assert scene.work() == [("finish", END)], "after a crash it is worked out again"


def test_a_plan_without_returns_and_endings_completes_at_once():
    given(agent("a")).when(finish("a")).then(e.StepCompleted, e.PlanCompleted())


def test_a_plan_that_returns_something_completes_with_it():
    scene = ended(finish_plan(output={"x": 1}), returns={"x": Cel("a.x")})
    scene.then(e.PlanCompleted({"x": 1}, labels=("demo.say",))).stands("completed")
    assert (scene.plan.output, scene.plan.out_labels) == ({"x": 1}, ("demo.say",))


def test_an_ending_that_takes_nothing_back_completes_at_once():
    ended(finish_plan("sold")).then(e.PlanCompleted(None, "sold", labels=("demo.say",))).stands("completed")
    ended(finish_plan("sold", "c")).then(e.PlanCompleted).stands("completed")


def test_an_ending_takes_back_exactly_its_steps_and_then_the_plan_is_done_e5():
    scene = ended(finish_plan("refunded", "a", output=1))
    scene.then(e.EndingReached("refunded", ("a",), 1, labels=("demo.say",)), e.UndoStarted(("a",))).stands("undoing")
    assert not is_over(scene.plan), "its parent hears of the end when that has been taken back"
    scene.when(*back("a")).then(e.EffectDone, e.PlanCompleted(1, "refunded", labels=("demo.say",)))
    scene.stands("completed")


def test_a_later_undo_takes_back_the_rest_only_e5():
    scene = ended(finish_plan("refunded", "a"), *back("a"), undo()).then(e.UndoRequested, e.UndoStarted(("b",)))
    scene.when(*back("b")).then(e.EffectDone, e.PlanUndone(())).stands("undone")


def test_an_ending_takes_back_in_reverse_order_of_outcome_e5():
    end = (Ending(Cel("true"), "all", ("a", "b")),)
    ended(finish_plan("all", "a", "b"), end=end).then(e.EndingReached, e.UndoStarted(("b", "a")))


def test_an_undo_asked_for_meanwhile_follows_the_ending_e5():
    scene = ended(finish_plan("refunded", "a"), undo()).then(e.UndoRequested).stands("undoing")
    scene.refuses(undo(), "already").refuses(cancel(), "nothing to cancel")
    scene.when(*back("a")).then(e.EffectDone, e.PlanCompleted, e.UndoStarted(("b",)))
    scene.when(*back("b")).then(e.EffectDone, e.PlanUndone(())).stands("undone")


def test_what_an_ending_cannot_take_back_is_named_and_stays_named_e5():
    scene = given(do("a"), do("b", "a"), **ENDINGS)
    scene.when(*carried_out("a", None, cannot_undo="It was heard."), *carried_out("b"), finish_plan("refunded", "a"))
    scene.then(e.EndingReached, e.UndoStarted(()), e.UndoImpossible("a", "It was heard."), e.PlanCompleted)
    scene.stands("completed").when(undo(), *back("b")).then(e.EffectDone, e.PlanUndone(("a",)))


def test_an_ending_whose_undo_is_stuck_waits_for_a_remedy():
    scene = ended(finish_plan("refunded", "a"), fail("~a")).then(e.StepStuck, e.DecisionAsked, e.PlanParked)
    scene.when(rule(1, "skip")).then(e.DecisionRuled, e.UndoImpossible, e.PlanCompleted).stands("completed")


@pytest.mark.parametrize(("choice", "status"), [("skip", "completed"), ("undo", "undoing")])
def test_a_mistake_in_the_end_asks_with_remedies(choice, status):
    scene = ended(fail(END)).then(e.StepStuck, e.DecisionAsked, e.PlanParked).stands("running")
    assert scene.fact(e.DecisionAsked).options == ("retry", "skip", "undo")
    scene.when(rule(1, choice)).stands(status)


def test_a_mistake_in_the_end_can_be_worked_out_again():
    scene = ended(fail(END), rule(1, "retry"))
    assert scene.work() == [("finish", END)]
    scene.when(finish_plan("refunded", "a")).stands("undoing")


def test_a_plan_that_ended_otherwise_has_no_ending():
    scene = ended(cancel()).stands("cancelled").refuses(finish_plan("refunded"), "no longer counts")
    assert scene.work() == []
    scene = given(ask("a"), do("b"), expires_in_s=9, **ENDINGS).when(*carried_out("b"), pose("a"))
    scene.later(9).when(timer("expiry")).stands("expired")
    scene = given(ask("a"), do("b"), **ENDINGS).when(*carried_out("b"), pose("a"), rule(1, "reject"))
    scene.stands("undoing").when(*back("b")).stands("undone")


def test_the_end_waits_for_all_steps():
    scene = given(do("a"), do("b"), **ENDINGS).when(*carried_out("a"))
    scene.refuses(finish_plan("refunded", "a"), "not begun")
