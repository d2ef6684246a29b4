"""The life of a plan and of its steps: begun, skipped, fanned out, split, parked, ended, folded again."""

import pytest
from kernel_rules import refold
from kernel_scene import (
    ASK,
    DENY,
    NOW_US,
    PERMANENT,
    TRANSIENT,
    agent,
    ask,
    ask_settle,
    cancel,
    carried_out,
    do,
    each,
    fail,
    finish,
    freeze,
    given,
    happen,
    intend,
    lose,
    pose,
    prepare,
    proposed,
    read,
    refuse,
    rule,
    sent,
    start,
    timer,
    undo,
    wait,
)

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.plan import fold, pending
from mainstay.kernel.rules import KERNEL
from mainstay.values import SECOND_US

# --- the plan as a whole


def test_a_plan_waits_for_its_approval_and_then_runs_under_the_numbered_semantics_l10():
    scene = proposed(agent("think")).then(e.PlanProposed).stands("proposed", think="later")
    assert scene.work() == []
    scene.when(c.ApprovePlan(now_us=0, by="operator")).then(e.PlanApproved("operator"), e.PlanStarted(KERNEL))
    assert scene.work() == [("resolve", "think")]


def test_a_plan_is_proposed_once_and_approved_once():
    scene = given(agent("think"))
    scene.refuses(c.ApprovePlan(now_us=0, by="operator"), "nothing to approve")
    again = c.ProposePlan(now_us=0, definition=scene.fact(e.PlanProposed).definition, playbook="", title="", inputs=0)
    scene.refuses(again, "exists already")


def test_a_plan_without_steps_is_done_at_once():
    given().then(e.PlanApproved, e.PlanStarted, e.PlanCompleted).stands("completed")


def test_a_plan_is_done_when_its_last_step_is():
    scene = given(agent("a"), agent("b")).when(finish("a")).then(e.StepCompleted).stands("running", a="done", b="ready")
    scene.when(finish("b")).then(e.StepCompleted, e.PlanCompleted).stands("completed")
    assert scene.work() == []


def test_what_is_over_is_not_cancelled():
    given(agent("a")).when(finish("a")).refuses(cancel(), "nothing to cancel")


def test_a_proposed_plan_can_be_cancelled():
    proposed(agent("a")).when(cancel()).then(e.PlanCancelled, e.PlanParked).stands("cancelled")


def test_no_answer_of_a_step_counts_after_its_plan_was_cancelled():
    """Late answers arrive: they begin nothing more in a plan that ended."""
    scene = given(agent("a"), agent("b", "a"), do("c"), do("d"), ask("e"), wait("f"), each(agent("g")))
    scene.when(start("a"), prepare("d"), cancel()).then(e.PlanCancelled, e.PlanParked)
    for late in (finish("a"), fail("a"), prepare("c"), intend("d"), pose("e"), freeze("g", 2), start("g")):
        scene.refuses(late, "no longer counts")
    scene.refuses(c.SkipStep(now_us=0, path="c", why=""), "no longer counts")
    scene.refuses(c.WaitStep(now_us=0, path="f", until_us=1), "no longer counts")
    assert scene.work() == []


def test_no_answer_of_a_step_counts_while_its_plan_is_undone():
    scene = given(agent("a"), do("b")).when(start("a"), *carried_out("b"), undo()).stands("undoing")
    scene.refuses(finish("a"), "no longer counts")
    assert scene.work() == [("compensate", "~b")]


@pytest.mark.parametrize(
    "command",
    [
        finish("act"),
        start("act"),
        pose("act"),
        freeze("act", 1),
        prepare("think"),
        pose("think"),
        c.WaitStep(now_us=0, path="think", until_us=1),
        finish("ask"),
        prepare("list"),
        finish("list"),
        start("list"),
        finish("no such step"),
        finish("list/0"),
        freeze("", 1),
    ],
    ids=lambda command: f"{type(command).__name__} {command.path}",
)
def test_a_step_takes_only_what_it_is_there_for(command):
    given(do("act"), agent("think"), ask("ask"), each(do("list"))).refuses(command, "there to|not begun")


# --- readiness and skips


def test_a_step_begins_when_all_it_needs_is_done():
    scene = given(agent("a"), agent("b"), agent("c", "a", "b")).when(finish("a")).stands("running", c="later")
    scene.when(finish("b")).stands("running", c="ready")
    assert scene.work() == [("resolve", "c")]


@pytest.mark.parametrize("end", ["done", "skipped", "rejected"])
def test_an_optional_need_is_met_by_any_end(end):
    scene = given(do("a"), agent("b", "a?"))
    if end == "done":
        scene.when(*carried_out("a"))
    elif end == "skipped":
        scene.when(c.SkipStep(now_us=0, path="a", why="its condition was not met"))
    else:
        scene.when(prepare("a", ASK), rule(1, "reject"))
    scene.stands("running", a=end, b="ready")


def test_a_need_of_a_failure_is_met_only_by_one():
    items = each(agent("a"), on_failure="undo", allow_failures_pct=100)
    scene = given(items, agent("mend", "a!"), agent("on", "a")).when(freeze("a", 1), fail("a/0"))
    scene.stands("running", a="done", mend="skipped", on="ready")
    assert scene.fact(e.StepSkipped) == e.StepSkipped("mend", "'a' was done")


def test_skips_propagate_and_name_who_is_to_blame():
    scene = given(agent("a"), agent("b", "a"), agent("c", "b"), agent("d", "c?", "a?"))
    scene.when(c.SkipStep(now_us=0, path="a", why="its condition was not met"))
    scene.then(
        e.StepSkipped("a", "its condition was not met"),
        e.StepSkipped("b", "'a' was skipped"),
        e.StepSkipped("c", "'b' was skipped"),
    ).stands("running", d="ready")


def test_an_optional_need_is_never_to_blame():
    scene = given(agent("a"), agent("b"), agent("c", "a?", "b"))
    scene.when(c.SkipStep(now_us=0, path="a", why=""), c.SkipStep(now_us=0, path="b", why=""))
    scene.then(e.StepSkipped("b", ""), e.StepSkipped("c", "'b' was skipped"), e.PlanCompleted)


def test_a_plan_whose_steps_were_all_skipped_is_done():
    given(agent("a"), agent("b", "a")).when(c.SkipStep(now_us=0, path="a", why="")).stands("completed")


# --- agents, reads, waits


def test_an_agent_in_the_loop_is_begun_and_done_in_one_fact():
    given(agent("a")).when(finish("a", output=7)).then(e.StepCompleted("a", output=7), e.PlanCompleted)


def test_an_attempt_that_a_crash_cut_off_is_run_again():
    scene = given(read("a")).when(start("a")).then(e.StepStarted("a", 1, {}))
    assert scene.work() == [("run", "a")]
    scene.refuses(start("a"), '"working", not at "about to start"')


def test_only_the_present_attempt_can_answer():
    scene = given(agent("a")).when(start("a"), fail("a", TRANSIENT)).later(10).when(timer("retry", "a", 1), start("a"))
    scene.refuses(finish("a", attempt=1), "attempt 1 of a is over").refuses(fail("a", attempt=1), "is over")
    scene.when(finish("a", attempt=2)).stands("completed")


def test_a_wait_parks_the_plan_until_its_time_comes_p3():
    scene = given(wait("a")).when(c.WaitStep(now_us=0, path="a", until_us=NOW_US + 60 * SECOND_US))
    scene.then(e.WaitStarted("a", NOW_US + 60 * SECOND_US), e.PlanParked)
    scene.later(60).when(timer("wait", "a")).then(e.WaitEnded("a"), e.PlanCompleted)


# --- lists


def test_an_empty_list_is_done_at_once_p2():
    given(each(do("a"))).when(freeze("a", 0)).then(e.ItemsFrozen, e.StepCompleted("a"), e.PlanCompleted)


def test_a_list_has_one_unit_of_work_per_item_and_is_done_with_the_last_p2():
    scene = given(each(do("a")), agent("b", "a")).when(freeze("a", 2)).then(e.ItemsFrozen)
    scene.when(*carried_out("a/1")).stands("running", a="fanned", b="later")
    scene.when(*carried_out("a/0")).then(e.EffectDone, e.StepCompleted("a")).stands("running", a="done", b="ready")


@pytest.mark.parametrize(("count", "status"), [(1, "fanned"), (100, "fanned"), (101, "splitting")])
def test_a_list_of_more_than_a_hundred_items_becomes_child_plans_p2(count, status):
    scene = given(each(do("a", at_once=1000))).when(freeze("a", count)).stands("running", a=status)
    assert scene.work() == ([("split", "a")] if count > 100 else [("resolve", f"a/{i}") for i in range(count)])


def children(scene, *ends):
    scene.when(freeze("a", 150), c.StartChildren(now_us=0, path="a", plans=("p-a-1", "p-a-2")))
    for number, end in enumerate(ends, 1):
        scene.when(c.FinishChild(now_us=0, path="a", plan=f"p-a-{number}", status=end, output=[number]))
    return scene


def test_a_split_list_is_done_with_the_last_of_its_child_plans_p2():
    scene = children(given(each(do("a"))), "completed").then(e.ChildFinished, e.PlanParked)
    scene.refuses(c.FinishChild(now_us=0, path="a", plan="p-a-1", status="completed"), "known already")
    scene.refuses(c.FinishChild(now_us=0, path="a", plan="another", status="completed"), "no part of a")
    scene.when(c.FinishChild(now_us=0, path="a", plan="p-a-2", status="completed", output=[2]))
    scene.then(e.ChildFinished, e.StepCompleted("a"), e.PlanCompleted)
    assert scene.slot("a").output == {"p-a-1": [1], "p-a-2": [2]}


def test_a_list_one_of_whose_child_plans_failed_has_no_value_to_go_on_with():
    scene = children(given(each(do("a")), agent("b", "a")), "failed", "completed")
    scene.then(e.ChildFinished, e.StepStuck, e.DecisionAsked, e.PlanParked).stands("running", a="stuck", b="later")
    assert scene.fact(e.DecisionAsked).options == ("skip", "undo"), "child plans are not started again"
    scene.when(rule(1, "skip")).stands("completed", a="skipped", b="skipped")


def test_a_failed_child_plan_is_left_out_where_the_step_says_so():
    scene = children(given(each(do("a", on_failure="skip")), agent("b", "a?")), "completed", "cancelled")
    scene.then(e.ChildFinished, e.StepSkipped).stands("running", b="ready")


def test_a_list_that_could_not_be_split_is_split_again_and_never_listed_again_p1():
    scene = given(each(do("a"))).when(freeze("a", 101), fail("a", TRANSIENT)).then(e.AttemptFailed, e.PlanParked)
    scene.later(1).when(timer("retry", "a", 1)).stands("running", a="splitting")
    scene.when(fail("a", attempt=2), rule(1, "retry")).then(e.DecisionRuled, e.StepReopened)
    assert scene.work() == [("split", "a")]


@pytest.mark.parametrize("step", [agent, read, do], ids=["agents", "reads", "effects"])
def test_at_most_so_many_items_are_under_way_at_once(step):
    scene = given(each(step("a"), at_once=2)).when(freeze("a", 5))
    if step is do:
        scene.when(*(prepare(f"a/{i}") for i in range(5)))
        assert scene.work() == [("intend", "a/0"), ("intend", "a/1")]
        scene.when(intend("a/0"), intend("a/1"))
        assert scene.work() == [("settle", "a/0"), ("settle", "a/1")], "after a crash no more either"
        scene.when(happen("a/0"))
        assert scene.work() == [("settle", "a/1"), ("intend", "a/2")]
    else:
        assert scene.work() == [("resolve", "a/0"), ("resolve", "a/1")]
        scene.when(start("a/0"), start("a/1"))
        assert scene.work() == [("run", "a/0"), ("run", "a/1")], "after a crash no more either"
        scene.when(finish("a/0"))
        assert scene.work() == [("run", "a/1"), ("resolve", "a/2")]


def test_items_that_wait_for_a_person_do_not_hold_up_the_others():
    scene = given(each(do("a"), at_once=1)).when(
        freeze("a", 2), prepare("a/0"), prepare("a/1"), intend("a/0"), lose("a/0")
    )
    assert scene.work() == [("settle", "a/0")]
    scene.when(ask_settle("a/0"))
    assert scene.work() == [("intend", "a/1")]


def test_some_items_may_fail_and_one_more_asks():
    scene = given(each(agent("a"), allow_failures_pct=50)).when(freeze("a", 3), fail("a/0")).then(e.StepFailed)
    scene.when(fail("a/1")).then(e.StepStuck, e.DecisionAsked)
    scene.when(finish("a/2"), rule(1, "skip")).stands("completed", a="done")
    assert (scene.slot("a").failed_items, scene.slot("a").open) == (1, 0)


def test_items_are_left_out_or_end_the_plan_where_the_step_says_so():
    given(each(agent("a", on_failure="skip"))).when(freeze("a", 1), fail("a/0")).then(
        e.StepSkipped("a/0", "it failed: no such receiver"), e.StepCompleted("a"), e.PlanCompleted
    )
    given(each(agent("a", on_failure="undo"))).when(freeze("a", 2), fail("a/0")).then(
        e.StepFailed, e.PlanFailed, e.UndoRequested, e.UndoStarted, e.PlanUndone
    )


def test_a_list_that_ends_while_its_plan_is_undone_completes_nothing():
    """The undo waits for the effect on its way; its outcome ends the list, not the step."""
    scene = given(each(do("a")), agent("b", "a")).when(freeze("a", 1), *sent("a/0"), undo())
    scene.then(e.PlanCancelled, e.UndoRequested)
    scene.when(happen("a/0")).then(e.EffectDone, e.UndoStarted(()), e.PlanUndone).stands(
        "undone", a="fanned", b="later"
    )


# --- failing for good


def test_a_step_that_fails_for_good_is_left_out_where_it_says_so():
    given(agent("a", on_failure="skip"), agent("b", "a?")).when(fail("a")).then(e.StepSkipped).stands(
        "running", b="ready"
    )


def test_a_step_that_fails_for_good_ends_and_undoes_the_plan_where_it_says_so():
    scene = given(do("a"), agent("b", "a", on_failure="undo"), agent("c", "b")).when(*carried_out("a"), fail("b"))
    scene.then(
        e.StepFailed("b", PERMANENT),
        e.PlanFailed("b", PERMANENT),
        e.UndoRequested("playbook", "no such receiver"),
        e.UndoStarted(("a",)),
    ).stands("undoing", c="later")


def test_other_questions_are_closed_when_a_plan_ends():
    scene = given(ask("a"), agent("b", on_failure="undo")).when(pose("a"), fail("b"))
    assert scene.fact(e.DecisionVoided) == e.DecisionVoided("p.1", "The plan failed.")
    scene.refuses(rule(1, "approve"), "not open")


# --- time


def test_a_plan_expires_at_its_time_and_not_before_p5():
    scene = given(ask("a"), expires_in_s=60).when(pose("a")).ignores(timer("expiry")).later(60).when(timer("expiry"))
    scene.then(e.DecisionVoided, e.PlanExpired, e.PlanParked).stands("expired").ignores(timer("expiry"))
    given(agent("a")).later(1e9).ignores(timer("expiry"))


def test_a_proposed_plan_expires_too():
    proposed(agent("a"), expires_in_s=60).later(60).when(timer("expiry")).then(e.PlanExpired, e.PlanParked)


def test_a_plan_that_ended_does_not_expire():
    given(agent("a"), expires_in_s=60).when(finish("a")).later(60).ignores(timer("expiry"))


def test_stale_timers_are_ignored_p5():
    scene = given(agent("a"), ask("b")).when(fail("a", TRANSIENT), pose("b"))
    for stale in (timer("retry", "a", 2), timer("wait", "a"), timer("retry", "b", 0), timer("retry", "nobody", 1)):
        scene.ignores(stale)
    for stale in (timer("due", "p.1"), timer("due", "p.9"), timer("remind", "p.1", 1), timer("remind", "p.9")):
        scene.ignores(stale)
    scene.later(1).when(timer("retry", "a", 1)).ignores(timer("retry", "a", 1))
    scene.when(cancel()).ignores(timer("retry", "a", 1))


def test_a_timer_of_a_step_wakes_nothing_while_its_plan_is_undone():
    scene = given(do("a"), agent("b"), wait("c")).when(
        *carried_out("a"), fail("b", TRANSIENT), c.WaitStep(now_us=0, path="c", until_us=1), undo()
    )
    scene.later(100).ignores(timer("retry", "b", 1)).ignores(timer("wait", "c")).stands("undoing")


# --- what is recorded is enough


STORY = (
    freeze("a", 3),
    prepare("a/0"),
    intend("a/0"),
    lose("a/0"),
    prepare("a/1"),
    intend("a/1"),
    refuse("a/1", TRANSIENT),
    prepare("a/2", verdict=DENY),
    timer("retry", "a/1", 1),
    ask_settle("a/0"),
    intend("a/1"),
    happen("a/1", e.Undo("demo.unsay", 1)),
    rule(2, "did_not_happen"),
    intend("a/0"),
    happen("a/0", e.Undo("demo.unsay", 0)),
    rule(1, "undo"),
    prepare("~a/0"),
    intend("~a/0"),
    refuse("~a/0"),
    rule(3, "skip"),
    prepare("~a/1"),
    intend("~a/1"),
    lose("~a/1"),
    ask_settle("~a/1"),
    rule(4, "happened"),
)


def test_any_part_of_a_history_folds_to_the_plan_of_that_moment_and_tells_its_work():
    """A crash between two appends loses nothing: fold, ask `pending` again (DESIGN rule 2)."""
    scene = given(each(do("a")), agent("b", "a"))
    plans, work = {len(scene.history): scene.plan}, {len(scene.history): scene.work()}
    for command in STORY:
        scene.later(1).when(command)
        plans[len(scene.history)], work[len(scene.history)] = scene.plan, scene.work()
    scene.stands("undone", a="fanned", b="later")
    for length, plan in plans.items():
        folded = fold("p", scene.plan.graph, scene.recorded()[:length])
        assert folded == plan
        assert [(each.kind, each.path) for each in pending(folded)] == work[length]


def test_folding_one_more_fact_is_the_same_as_folding_all_of_them():
    scene = given(each(do("a")), agent("b", "a"))
    for command in STORY:
        scene.later(1).when(command)
    for length in range(1, len(scene.history) + 1):
        plan = refold("p", scene.plan.graph, scene.history[:length])
        assert plan.sequence == length
        pending(plan)  # also in the middle of an append
