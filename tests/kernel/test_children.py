"""Steps that run child plans: once, per item, in rounds; what becomes of them when those end (KERNEL P2, E5)."""

from __future__ import annotations

import pytest
from kernel_scene import (
    agent,
    begin,
    cancel,
    carried_out,
    child_ends,
    do,
    each,
    fail,
    freeze,
    given,
    judge,
    loop,
    rule,
    sub,
    undo,
)

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.graph import Definition, chunk_of

WELL, BADLY = "completed", ("failed", "cancelled", "expired", "undoing", "undone")


def test_a_sub_plan_is_one_fact_at_its_begin_and_two_at_its_end():
    scene = given(sub("a"), agent("b", "a")).when(begin("a")).then(e.ChildrenStarted("a", ("p-a",)), e.PlanParked)
    assert scene.work() == [], "a plan that waits for its child plan is parked (P3)"
    scene.when(child_ends("a", output={"x": 1})).then(e.ChildFinished, e.StepCompleted("a")).stands(
        "running", a="done", b="ready"
    )
    assert scene.slot("a").output == {"p-a": {"x": 1}}


@pytest.mark.parametrize("status", BADLY)
def test_a_sub_plan_that_did_not_end_well_asks_with_remedies(status):
    scene = given(sub("a"), agent("b", "a")).when(begin("a"), child_ends("a", status))
    scene.then(e.ChildFinished, e.StepStuck, e.DecisionAsked, e.PlanParked).stands("running", a="stuck", b="later")
    assert scene.fact(e.DecisionAsked).options == ("retry", "skip", "undo")


def test_tried_again_a_step_has_another_child_plan_and_keeps_the_first():
    scene = given(sub("a")).when(begin("a"), child_ends("a", "failed"), rule(1, "retry"))
    assert scene.work() == [("resolve", "a")]
    scene.refuses(begin("a"), "began p-a before").refuses(c.StartChildren(now_us=0, path="a", plans=()), "nothing")
    scene.when(begin("a", "p-a-r2")).refuses(child_ends("a"), "known already")
    scene.when(child_ends("a", plan="p-a-r2")).stands("completed", a="done")
    assert scene.slot("a").children == ("p-a", "p-a-r2")


@pytest.mark.parametrize(
    ("on_failure", "facts", "status"),
    [
        ("skip", (e.StepSkipped, e.PlanCompleted), "completed"),
        ("undo", (e.StepFailed, e.PlanFailed, e.UndoRequested, e.UndoStarted(("a",))), "undoing"),
        ("step", (e.StepFailed, e.PlanCompleted), "completed"),
    ],
)
def test_a_sub_plan_fails_as_its_step_says(on_failure, facts, status):
    scene = given(sub("a", on_failure=on_failure)).when(begin("a"), child_ends("a", "failed"))
    scene.then(e.ChildFinished, *facts).stands(status)


def test_only_its_own_child_plans_end_a_step_and_only_once():
    scene = given(sub("a"), agent("b")).when(begin("a"))
    scene.refuses(child_ends("a", plan="p-b"), "no part of a").refuses(begin("a", "p-x"), "not at")
    scene.refuses(begin("b"), "not to go through a list or run another playbook")
    scene.when(child_ends("a")).refuses(child_ends("a"), "not at")
    scene.when(cancel()).stands("cancelled")


def test_a_list_is_known_before_it_is_split():
    given(each(do("a"))).refuses(begin("a"), "not known yet")


def test_the_end_of_a_child_plan_no_longer_counts_when_its_parent_ended():
    given(sub("a")).when(begin("a"), cancel()).refuses(child_ends("a"), "no longer counts").stands("cancelled")


# --- one child plan per item


def test_items_with_child_plans_begin_one_by_one_and_their_room_is_the_runtimes():
    scene = given(each(sub("a"), at_once=2)).when(freeze("a", 3))
    assert scene.work() == [("resolve", "a/0")]
    scene.when(begin("a/0", "p-a-1"))
    assert scene.work() == [("resolve", "a/1")]
    scene.when(begin("a/1", "p-a-2"), begin("a/2", "p-a-3")).then(e.ChildrenStarted, e.PlanParked)
    for number in (2, 1, 3):
        scene.when(child_ends(f"a/{number - 1}", plan=f"p-a-{number}"))
    scene.then(e.ChildFinished, e.StepCompleted("a/2"), e.StepCompleted("a"), e.PlanCompleted)
    scene.when(undo()).then(e.UndoRequested, e.UndoStarted(("a/2", "a/0", "a/1")))


def test_items_whose_child_plans_failed_use_up_the_allowance():
    scene = given(each(sub("a"), allow_failures_pct=50)).when(freeze("a", 2), begin("a/0"), begin("a/1"))
    scene.when(child_ends("a/0", "failed")).then(e.ChildFinished, e.StepFailed, e.PlanParked)
    scene.when(child_ends("a/1", "cancelled")).then(e.ChildFinished, e.StepStuck, e.DecisionAsked, e.PlanParked)


def test_a_part_of_a_long_list_has_what_the_parts_before_it_left_of_the_allowance_p2():
    steps = Definition(name="demo", title="Demo", steps=(each(agent("a"), allow_failures_pct=50),))
    part = chunk_of(steps, "a").steps[0]
    scene = given(part).when()
    assert scene.plan.allowed is None
    for allowed, facts in ((1, (e.StepFailed,)), (0, (e.StepStuck, e.DecisionAsked))):
        scene = given_part(part, allowed).when(freeze("a", 4), fail("a/0"))
        scene.then(*facts)


def given_part(step, allowed):
    from kernel_scene import proposed

    return proposed(step).when(c.ApprovePlan(now_us=0, by="mainstay", allowed=allowed))


def test_failures_in_the_parts_of_a_long_list_are_counted_together_p2():
    step = each(agent("a", on_failure="step", way_out="b"), allow_failures_pct=10)
    scene = given(step, agent("b", "a!")).when(freeze("a", 150), begin("a", "p-a-1", "p-a-2"))
    scene.when(child_ends("a", plan="p-a-1", failed=9), child_ends("a", plan="p-a-2", failed=7))
    scene.then(e.ChildFinished, e.StepFailed).stands("running", a="failed", b="ready")
    assert scene.slot("a").failure.message == "16 of the 150 items of 'a' failed"


def test_a_list_within_its_allowance_does_not_take_its_way_out():
    step = each(agent("a", on_failure="step", way_out="b"), allow_failures_pct=50)
    scene = given(step, agent("b", "a!")).when(freeze("a", 2), fail("a/0"))
    scene.when(fail("a/1")).then(e.StepFailed, e.StepFailed).stands("running", a="failed", b="ready")
    scene = given(step, agent("b", "a!")).when(freeze("a", 2), fail("a/0"), c.FinishStep(
        now_us=0, path="a/1", attempt=1, output=1))  # fmt: skip
    scene.stands("completed", a="done", b="skipped")


# --- rounds


def test_each_round_is_judged_and_the_next_one_begins_when_it_is_not_good_enough():
    scene = given(loop("a"), agent("b", "a")).when(begin("a"), child_ends("a", output=1)).then(e.ChildFinished)
    assert scene.work() == [("judge", "a")], "after a crash it is judged too"
    scene.refuses(judge("a", 2), "round 2 of a is over").when(judge("a", 1)).then(e.RoundJudged("a", 1, accepted=False))
    assert scene.work() == [("resolve", "a")]
    scene.when(begin("a", "p-a-r2"), child_ends("a", plan="p-a-r2"), judge("a", 2, accepted=True))
    scene.then(e.RoundJudged, e.StepCompleted("a")).stands("running", a="done", b="ready")
    scene.when(undo()).then(e.PlanCancelled, e.UndoRequested, e.UndoStarted(("a",)))


@pytest.mark.parametrize(
    ("then", "facts", "status"),
    [
        ("accept", (e.StepCompleted, e.PlanCompleted), "completed"),
        ("skip", (e.StepSkipped("a", "a is not good enough after 1 round"), e.PlanCompleted), "completed"),
        ("undo", (e.StepFailed, e.PlanFailed, e.UndoRequested, e.UndoStarted), "undoing"),
        ("ask", (e.StepStuck, e.DecisionAsked, e.PlanParked), "running"),
    ],
)
def test_after_the_last_round_it_goes_as_then_says(then, facts, status):
    scene = given(loop("a", most=1, then=then)).when(begin("a"), child_ends("a"), judge("a", 1))
    scene.then(e.RoundJudged, *facts).stands(status)


def test_the_last_round_can_be_accepted_or_followed_by_one_more():
    scene = given(loop("a", most=1)).when(begin("a"), child_ends("a"), judge("a", 1))
    assert scene.fact(e.DecisionAsked).options == ("accept", "retry", "skip", "undo")
    scene.when(rule(1, "retry"), begin("a", "p-a-r2"), child_ends("a", plan="p-a-r2"), judge("a", 2))
    scene.then(e.RoundJudged, e.StepStuck, e.DecisionAsked, e.PlanParked)
    scene.when(rule(2, "accept")).then(e.DecisionRuled, e.StepCompleted("a"), e.PlanCompleted)


def test_a_mistake_in_until_opens_the_judging_again_and_not_the_round():
    scene = (
        given(loop("a")).when(begin("a"), child_ends("a"), fail("a")).then(e.StepStuck, e.DecisionAsked, e.PlanParked)
    )
    assert scene.fact(e.DecisionAsked).options == ("retry", "skip", "undo")
    scene.when(rule(1, "retry"))
    assert scene.work() == [("judge", "a")]


def test_a_round_that_fails_is_a_stuck_step_and_no_round():
    scene = given(loop("a")).when(begin("a"), child_ends("a", "failed")).stands("running", a="stuck")
    scene.when(rule(1, "retry"))
    assert scene.work() == [("resolve", "a")]
    assert (scene.slot("a").rounds, scene.slot("a").children) == (0, ("p-a",))


# --- order of undo


def test_a_child_plan_is_taken_back_at_the_place_of_its_end_e5():
    scene = given(sub("a"), do("b"), sub("z")).when(begin("a"), begin("z"), *carried_out("b"), child_ends("a"))
    scene.when(undo()).then(e.PlanCancelled, e.UndoRequested, e.UndoStarted(("z", "a", "b")))


def test_the_question_after_the_last_round_says_why_it_is_asked():
    scene = given(loop("a", most=1)).when(begin("a"), child_ends("a"), judge("a", 1))
    asked = scene.fact(e.DecisionAsked)
    assert asked.why == "The playbook lets it try so often, and asks you then."
    assert asked.card["headline"] == "a is not good enough after 1 round"
