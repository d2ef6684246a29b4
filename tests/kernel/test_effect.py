"""The recorded moves of an effect: on disk before it leaves, sent once, settled when its answer is lost."""

import pytest
from kernel_scene import (
    ASK,
    DENY,
    LOST,
    PERMANENT,
    TRANSIENT,
    UNDO,
    absent,
    agent,
    ask_batch,
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
    lost,
    once,
    prepare,
    read,
    refuse,
    rule,
    sent,
    start,
    timer,
    undo,
)
from msgspec.structs import replace

from mainstay import events as e
from mainstay.kernel.asking import CHANGED
from mainstay.kernel.graph import Retry
from mainstay.kernel.retry import HELD_AT_MOST
from mainstay.values import Failure


def test_an_effect_is_prepared_intended_and_done_e1():
    scene = given(do("a"), agent("b", "a")).when(prepare("a")).then(e.EffectPrepared)
    assert scene.work() == [("intend", "a")]
    scene.when(intend("a")).then(e.EffectIntended)
    assert scene.fact(e.EffectIntended).token == "token of a"
    scene.when(happen("a", UNDO)).then(e.EffectDone).stands("running", a="done", b="ready")
    assert (scene.slot("a").undo, scene.fact(e.EffectDone).operation) == (UNDO, "demo.say")


def test_what_only_reads_takes_no_recorded_moves_and_what_acts_takes_no_other_way_e4():
    given(read("a")).refuses(prepare("a"), "there to work something out, not to act").when(finish("a")).stands(
        "completed", a="done"
    )
    given(do("a")).refuses(finish("a"), "there to act, not to work something out").refuses(start("a"), "there to act")


def test_an_intent_without_an_outcome_is_settled_after_a_crash_e3():
    scene = given(do("a")).when(*sent("a"))
    assert scene.work() == [("settle", "a")]
    scene.when(lose("a")).then(e.EffectUncertain("a", 1, LOST))
    assert scene.work() == [("settle", "a")]
    scene.refuses(intend("a"), '"may have happened", not at "approved, about to happen"').refuses(
        prepare("a"), '"may have happened", not at "about to start"'
    )
    scene.refuses(lose("a"), '"may have happened", not at "happening"')


def test_an_uncertain_effect_that_was_found_is_done_e3():
    scene = given(do("a")).when(*sent("a"), lose("a"), happen("a", settled="it is there")).stands("completed", a="done")
    assert scene.fact(e.EffectDone).settled == "it is there"


def test_an_uncertain_effect_that_is_not_there_is_sent_again_under_a_new_generation_e2():
    scene = given(do("a")).when(*sent("a"), lose("a"), absent("a")).then(e.EffectAbsent)
    assert scene.work() == [("intend", "a")]
    scene.when(intend("a"))
    assert (scene.fact(e.EffectIntended).generation, scene.fact(e.EffectIntended).attempt) == (1, 2)


def test_an_effect_that_is_lost_again_and_again_becomes_a_dead_letter_p4():
    scene = given(once(do("a"))).when(prepare("a"))
    for _ in range(4):
        scene.when(intend("a"), lose("a"), absent("a")).then(e.EffectAbsent)
    scene.when(intend("a"), lose("a"), absent("a")).then(e.EffectAbsent, e.StepStuck, e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.StepStuck).failure.message == "Its answer was lost 5 times"


def test_the_generation_rises_only_after_a_recorded_did_not_happen_e2():
    scene = given(do("a")).when(*sent("a"), lose("a"))
    assert scene.slot("a").generation == 0, "unknown: it stays"
    scene.when(refuse("a", TRANSIENT))
    assert scene.slot("a").generation == 1, "refused: it did not happen"
    scene.later(1).when(timer("retry", "a", 1), intend("a", ASK)).then(e.StepReopened)
    assert scene.slot("a").generation == 1, "nothing was sent meanwhile"
    scene.when(*sent("a"), lose("a"), ask_settle("a"), rule(1, "did_not_happen"))
    assert scene.slot("a").generation == 2


# --- refused


def test_a_refused_effect_is_tried_again_by_class_p4():
    scene = given(do("a")).when(*sent("a"), refuse("a", TRANSIENT)).then(e.EffectRefused, e.PlanParked)
    assert scene.fact(e.EffectRefused).retry_at_us == scene.now_us + 500_000
    scene.later(1).when(timer("retry", "a", 1)).then(e.RetryDue)
    assert scene.work() == [("intend", "a")]


def test_a_refused_effect_whose_attempts_are_used_up_is_a_dead_letter_p4():
    scene = given(once(do("a"))).when(*sent("a"), refuse("a", TRANSIENT))
    scene.then(e.EffectRefused("a", 1, TRANSIENT), e.StepStuck("a", TRANSIENT, 1), e.DecisionAsked, e.PlanParked)


@pytest.mark.parametrize(("way", "end"), [("skip", "skipped"), ("undo", "failed")])
def test_a_refused_effect_ends_as_its_step_says(way, end):
    scene = given(do("a", on_failure=way)).when(*sent("a"), refuse("a", PERMANENT))
    scene.stands("completed" if way == "skip" else "undone", a=end)


def test_a_refused_item_within_the_allowance_fails_alone():
    scene = given(each(do("a", allow_failures_pct=50))).when(freeze("a", 2), *sent("a/0"), refuse("a/0", PERMANENT))
    scene.then(e.EffectRefused, e.StepFailed)
    scene.when(*sent("a/1"), happen("a/1")).stands("completed", a="done")


# --- settled by the operator


def test_only_the_operator_can_say_of_some_effects_whether_they_happened_e3():
    scene = given(do("a"), agent("b", "a")).when(*lost("a")).then(e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.DecisionAsked).options == ("happened", "did_not_happen", "skip")
    scene.refuses(happen("a"), '"needs your decision", not at "happening" or "may have happened"').refuses(
        ask_settle("a"), '"needs your decision", not at "may have happened"'
    )
    scene.when(rule(1, "happened")).then(e.DecisionRuled, e.EffectDone).stands("running", a="done", b="ready")
    assert scene.fact(e.EffectDone).cannot_undo == "its answer was lost, so nothing is known to take it back with"


def test_an_effect_that_the_operator_says_did_not_happen_is_sent_again():
    scene = given(once(do("a"))).when(*lost("a"), rule(1, "did_not_happen")).then(e.DecisionRuled, e.EffectAbsent)
    scene.when(intend("a"))
    assert scene.fact(e.EffectIntended).generation == 1


def test_an_uncertain_effect_that_did_not_happen_can_be_skipped():
    scene = given(do("a"), agent("b", "a?")).when(*lost("a"), rule(1, "skip"))
    scene.then(e.DecisionRuled, e.EffectAbsent, e.StepSkipped).stands("running", a="skipped", b="ready")


def test_an_item_that_did_not_happen_is_skipped_once():
    scene = given(each(do("a"))).when(freeze("a", 2), *lost("a/0"), rule(1, "skip"))
    assert scene.slot("a").open == 1


# --- after the plan ended


@pytest.mark.parametrize("end", [cancel(), timer("expiry")], ids=["cancelled", "expired"])
def test_an_effect_on_its_way_is_followed_whatever_became_of_its_plan(end):
    scene = given(do("a"), agent("b", "a"), expires_in_s=1).when(*sent("a")).later(1).when(end)
    assert scene.work() == [("settle", "a")]
    scene.when(happen("a", UNDO)).then(e.EffectDone, e.PlanParked).stands(scene.plan.status, a="done", b="later")


def test_what_did_not_happen_before_the_plan_ended_never_happens():
    for outcome in ((refuse("a", TRANSIENT),), (lose("a"), absent("a")), (lose("a"), refuse("a", PERMANENT))):
        scene = (
            given(do("a"), agent("b", "a?"))
            .when(*sent("a"), cancel(), *outcome)
            .stands("cancelled", a="failed", b="later")
        )
        assert isinstance(scene.last[-1], e.PlanParked)
        assert scene.work() == []
        scene.refuses(intend("a"), '"failed", not at "approved, about to happen"')


@pytest.mark.parametrize("answer", ["happened", "did_not_happen", "skip"])
def test_whether_it_happened_is_still_answered_after_the_plan_ended(answer):
    scene = given(do("a"), agent("b", "a?")).when(*lost("a"), cancel()).then(e.PlanCancelled, e.PlanParked)
    scene.when(rule(1, answer)).stands("cancelled", a="done" if answer == "happened" else "failed", b="later")
    assert scene.work() == []


def test_an_uncertain_effect_of_a_plan_that_ended_can_still_be_asked_about():
    scene = given(do("a")).when(*sent("a"), cancel(), lose("a"), ask_settle("a")).then(e.DecisionAsked, e.PlanParked)
    scene.when(rule(1, "did_not_happen")).then(e.DecisionRuled, e.EffectAbsent, e.PlanParked)


def test_an_approved_effect_does_not_leave_once_its_plan_ended():
    scene = given(do("a"), do("b")).when(prepare("a", ASK), rule(1, "approve"), prepare("b"), cancel())
    scene.refuses(intend("a", ASK), "no longer counts").refuses(intend("b"), "no longer counts")


def test_a_batch_item_that_ends_after_its_plan_begins_no_question():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0"), intend("a/0"), prepare("a/1", ASK))
    scene.when(cancel(), happen("a/0")).then(e.EffectDone, e.PlanParked)


def test_retry_after_is_obeyed_p4():
    slow = Failure("rate_limited", "slow down", retry_after_s=77.0)
    scene = given(do("a")).when(*sent("a"), refuse("a", slow))
    assert scene.fact(e.EffectRefused).retry_at_us == scene.now_us + 77_000_000


def test_an_undo_waits_for_the_effect_on_its_way_e5():
    scene = given(do("a")).when(*sent("a"), undo()).then(e.PlanCancelled, e.UndoRequested)
    assert scene.work() == [("settle", "a")]
    scene.when(happen("a", UNDO)).then(e.EffectDone, e.UndoStarted(("a",))).stands("undoing")


HELD = Failure("transient", "the breaker is open", retry_after_s=30.0, counts=False)


def test_what_never_left_because_of_our_own_limits_spends_no_attempt_k21():
    scene = given(replace(do("a"), retry=Retry(attempts=2))).when(prepare("a"))
    for attempt in range(1, 9):
        scene.when(intend("a"), refuse("a", HELD)).then(e.EffectRefused, e.PlanParked)
        scene.later(30).when(timer("retry", "a", attempt)).then(e.RetryDue)
    scene.when(intend("a"), refuse("a", TRANSIENT)).then(e.EffectRefused, e.PlanParked)
    scene.later(30).when(timer("retry", "a", 9), intend("a"), refuse("a", TRANSIENT))
    scene.stands("running", a="stuck")


def test_a_read_that_was_kept_here_spends_no_attempt_k21():
    scene = given(once(read("a"))).when(fail("a", HELD)).then(e.AttemptFailed, e.PlanParked)
    scene.later(30).when(timer("retry", "a", 1), fail("a", TRANSIENT, attempt=2)).stands("running", a="stuck")


def test_what_our_own_limits_keep_here_too_often_is_a_dead_letter_k21():
    scene = given(do("a")).when(prepare("a"))
    for attempt in range(1, HELD_AT_MOST + 1):
        scene.when(intend("a"), refuse("a", HELD)).later(30).when(timer("retry", "a", attempt))
    scene.when(intend("a"), refuse("a", HELD)).stands("running", a="stuck")
    scene.when(rule(1, "retry")).when(*sent("a"), refuse("a", HELD)).then(e.EffectRefused, e.PlanParked)


# --- what it relies on was changed since


@pytest.mark.parametrize("path", ["a", "~a"])
def test_k20_e5_what_is_prepared_is_prepared_anew_where_its_ground_was_changed_and_asks(path):
    scene = given(do("a"))
    if path == "~a":
        scene.when(*carried_out("a"), undo())
    scene.when(prepare(path, relies="as it was"), prepare(path, ASK, "another digest", relies="changed"))
    scene.then(e.EffectPrepared, e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.DecisionAsked).binds == ("another digest",)
    scene.when(rule(1, "approve")).stands("undoing" if path == "~a" else "running", **{path: "prepared"})
    assert scene.slot(path).relies == "changed"


def test_k20_e5_what_would_be_taken_back_and_was_changed_can_be_left_as_it_is():
    changed = replace(ASK, rule=CHANGED)
    scene = given(do("a")).when(*carried_out("a"), undo(), prepare("~a", relies=1), prepare("~a", changed, relies=2))
    scene.when(rule(1, "skip")).stands("undone", **{"~a": "skipped"})
    assert scene.plan.not_undone == ("a",)


def test_k20_e6_a_yes_to_what_was_there_before_does_not_cover_what_is_there_now():
    scene = given(do("a")).when(prepare("a", ASK, relies=1), rule(1, "approve"))
    scene.when(prepare("a", ASK, relies=2)).stands("running", a="asked")
    assert scene.slot("a").ruling == ""
    scene.refuses(intend("a"), "stands at")


def test_k20_one_of_a_list_that_is_asked_about_together_asks_by_itself_once_its_ground_was_changed():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2))
    scene.when(prepare("a/0", ASK, relies=1), prepare("a/1", ASK, relies=1), ask_batch("a"), rule(1, "approve"))
    scene.when(prepare("a/0", ASK, relies=2)).stands("running", **{"a/0": "asked", "a/1": "prepared"})
    assert scene.plan.batches == ()


@pytest.mark.parametrize("command", [prepare("a", relies=2), prepare("a", ASK, relies=1)])
def test_k20_what_is_prepared_stays_so_where_nothing_was_changed_or_nobody_is_asked(command):
    given(do("a")).when(prepare("a", relies=1)).refuses(command, "stands at")


def test_k20_what_policy_forbids_by_then_is_stuck_and_not_asked_about():
    scene = given(do("a")).when(prepare("a", relies=1), prepare("a", DENY, relies=2))
    scene.stands("running", a="stuck")
