"""Effects that sleep: before they leave, before they are looked up, before they are read back again."""

import pytest
from kernel_scene import (
    ASK,
    DENY,
    LOST,
    UNDO,
    absent,
    agent,
    cancel,
    carried_out,
    do,
    each,
    freeze,
    given,
    happen,
    intend,
    lose,
    prepare,
    rule,
    sent,
    timer,
    undo,
)

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.retry import OFFLINE_S
from mainstay.kernel.state import holds_places
from mainstay.values import SECOND_US, Failure

OFFLINE = Failure("transient", "there is no network", counts=False, waits_for="network")


def at(scene, seconds):
    return scene.now_us + int(seconds * SECOND_US)


def delay(scene, path, seconds=600):
    return c.DelayEffect(now_us=0, path=path, until_us=at(scene, seconds))


def recall(path, why="you called it back"):
    return c.RecallEffect(now_us=0, path=path, why=why)


def look_later(scene, path, seconds=600, looks=1, failure=None):
    return c.AwaitSettle(now_us=0, path=path, until_us=at(scene, seconds), looks=looks, failure=failure)


def unseen(scene, path, seconds=5):
    return c.MissEffect(now_us=0, path=path, again_at_us=at(scene, seconds), known="not there yet")


def confirm(path):
    return c.ConfirmEffect(now_us=0, path=path, how="it is there")


def ask_confirm(path):
    return c.AskConfirm(now_us=0, path=path, card={"headline": "Is it?"}, why="it is not there")


def bound(scene, path, undo=UNDO):
    """An effect that has to be read back."""
    return *sent(path), happen(path, undo, confirm_by_us=at(scene, 600))


# --- before it leaves


def test_e1_a_delayed_effect_costs_nothing_until_its_time_and_then_policy_is_asked_again():
    scene = given(do("a"))
    scene.when(prepare("a"), delay(scene, "a")).then(e.EffectDelayed, e.PlanParked)
    assert scene.work() == []
    scene.ignores(timer("dispatch", "a"))
    scene.later(600).when(timer("dispatch", "a")).then(e.DispatchDue)
    assert scene.work() == [("intend", "a")]
    scene.refuses(delay(scene, "a"), "waited for its time already")
    scene.when(intend("a", DENY)).then(e.StepStuck, e.DecisionAsked, e.PlanParked)


def test_e6_a_ruling_outlasts_the_delay_and_is_used_once():
    scene = given(do("a")).when(prepare("a", ASK), rule(1, "approve"))
    scene.when(delay(scene, "a")).later(600).when(timer("dispatch", "a"), intend("a", ASK)).then(e.EffectIntended)
    assert scene.fact(e.EffectIntended).ruling == "p.1"


def test_e1_what_was_called_back_is_as_if_it_had_been_rejected():
    scene = given(do("a"), agent("b", "a"))
    scene.when(prepare("a"), delay(scene, "a")).when(recall("a", "you called it back: wrong address"))
    scene.then(e.StepRejected("a", "you called it back: wrong address"), e.StepSkipped, e.PlanCompleted)
    scene.stands("completed", a="rejected", b="skipped").ignores(timer("dispatch", "a"))


def test_one_item_of_a_list_is_called_back_and_the_others_leave():
    scene = given(each(do("a"))).when(freeze("a", 2), prepare("a/0"), prepare("a/1"))
    scene.when(delay(scene, "a/0"), delay(scene, "a/1"), recall("a/0"))
    scene.later(600).when(timer("dispatch", "a/1"), intend("a/1"), happen("a/1"))
    scene.stands("completed", **{"a/0": "rejected", "a/1": "done", "a": "done"})


def test_what_has_left_or_never_was_delayed_can_not_be_called_back():
    given(do("a")).when(*sent("a")).refuses(recall("a"), '"happening", not at "leaves at its time"')


@pytest.mark.parametrize("ends", [cancel(), undo()])
def test_a_delayed_effect_of_a_plan_that_ended_never_leaves(ends):
    scene = given(do("a"))
    scene.when(prepare("a"), delay(scene, "a"), ends).later(600).ignores(timer("dispatch", "a"))
    assert scene.work() == []


def test_what_is_tried_again_by_hand_waits_anew():
    scene = given(do("a"))
    scene.when(prepare("a"), delay(scene, "a")).later(600).when(timer("dispatch", "a"), intend("a", DENY))
    scene.when(rule(1, "retry"), prepare("a"), delay(scene, "a")).then(e.EffectDelayed, e.PlanParked)


def test_what_comes_to_its_time_outside_its_hours_waits_for_the_next_ones():
    scene = given(do("a"))
    scene.when(prepare("a"), delay(scene, "a")).later(600).when(timer("dispatch", "a"))
    again = c.DelayEffect(now_us=0, path="a", until_us=at(scene, 60), again=True)
    scene.when(again).then(e.EffectDelayed, e.PlanParked).ignores(timer("dispatch", "a"))
    scene.later(60).when(timer("dispatch", "a"), intend("a")).then(e.EffectIntended)


def test_e1_the_operator_lets_a_delayed_effect_leave_before_its_time_once():
    scene = given(do("a"))
    hasten = c.DispatchEffect(now_us=0, path="a", by="operator")
    scene.refuses(hasten, "not at").when(prepare("a")).refuses(hasten, "waits for no time")
    scene.when(delay(scene, "a"), hasten).then(e.DispatchDue("a", "operator"))
    assert (scene.work(), scene.slot("a").wakes_at_us) == ([("intend", "a")], 0)
    scene.refuses(hasten, "waits for no time").when(intend("a")).then(e.EffectIntended)
    given(do("a")).when(*sent("a")).refuses(hasten, '"happening"')


def test_e1_what_came_to_its_time_keeps_that_and_the_operator_lets_it_leave_all_the_same():
    scene = given(do("a")).when(prepare("a"))
    scene.when(delay(scene, "a"))
    due_at_us = scene.slot("a").wakes_at_us
    scene.later(600).when(timer("dispatch", "a"))
    assert scene.slot("a").wakes_at_us == due_at_us == scene.now_us
    scene.when(c.DispatchEffect(now_us=0, path="a", by="operator")).then(e.DispatchDue("a", "operator"))


# --- before it is looked up


def test_e3_an_uncertain_effect_that_is_looked_up_later_holds_nothing_and_is_looked_up_once():
    scene = given(do("a")).when(*sent("a"), lose("a"))
    scene.when(look_later(scene, "a")).then(e.EffectAwaited, e.PlanParked).stands("running", a="settling")
    scene.refuses(absent("a"), "to be looked up")
    scene.later(599).ignores(timer("settle", "a")).later(1).when(timer("settle", "a")).then(e.SettleDue)
    assert scene.work() == [("settle", "a")]
    scene.ignores(timer("settle", "a")).when(absent("a"), intend("a"))
    assert (scene.fact(e.EffectIntended).generation, scene.slot("a").looks) == (1, 1)


def test_e2_the_generation_stays_while_an_effect_waits_to_be_looked_up():
    scene = given(do("a")).when(*sent("a"), lose("a"))
    scene.when(look_later(scene, "a")).later(600).when(timer("settle", "a"))
    assert scene.slot("a").generation == 0


@pytest.mark.parametrize("ends", [cancel(), undo()])
def test_e5_an_undo_waits_for_what_is_still_to_be_looked_up(ends):
    scene = given(do("a"), do("b")).when(*carried_out("a"), *sent("b"), lose("b"))
    scene.when(look_later(scene, "b"), ends).stands("cancelled", b="settling")
    scene.later(600).when(timer("settle", "b"), absent("b"))
    scene.stands("undoing" if isinstance(ends, c.UndoPlan) else "cancelled", b="failed")


def test_a_plan_that_ended_holds_its_places_until_what_may_have_happened_is_looked_up():
    scene = given(do("a")).when(*sent("a"), lose("a"))
    scene.when(look_later(scene, "a"), cancel())
    assert holds_places(scene.plan)
    scene.later(600).when(timer("settle", "a"), absent("a"))
    assert not holds_places(scene.plan)


def test_k21_what_waits_for_a_network_goes_on_as_soon_as_it_is_back():
    scene = given(do("a")).when(*sent("a"), lose("a"))
    scene.when(look_later(scene, "a", round(OFFLINE_S), looks=0, failure=OFFLINE))
    scene.ignores(timer("settle", "a")).ignores(timer("settle_online", "a", 1)).ignores(timer("retry_online", "a", 0))
    scene.when(timer("settle_online", "a", 0)).then(e.SettleDue)
    assert scene.slot("a").looks == 0, "no look was spent"


def test_k21_without_a_network_no_attempt_is_counted_however_often_and_it_goes_on_at_once():
    scene = given(do("a")).when(prepare("a"))
    for attempt in range(1, 31):
        scene.when(intend("a"), c.RefuseEffect(now_us=0, path="a", failure=OFFLINE, jitter=0.5))
        assert scene.fact(e.EffectRefused).retry_at_us == scene.now_us + round(OFFLINE_S) * SECOND_US
        scene.when(timer("retry_online", "a", attempt)).then(e.RetryDue)
    assert (scene.slot("a").forgiven, scene.slot("a").held) == (30, 0)
    scene.when(intend("a"), happen("a")).stands("completed", a="done")


def test_p5_a_network_that_is_back_wakes_nothing_that_waits_for_something_else():
    scene = given(do("a")).when(*sent("a"), c.RefuseEffect(now_us=0, path="a", failure=LOST, jitter=0.5))
    scene.ignores(timer("retry_online", "a", 1))


# --- before anything goes on


def test_e4_dependents_wait_until_what_binds_was_read_back():
    scene = given(do("a"), agent("b", "a"))
    scene.when(*bound(scene, "a")).then(e.EffectDone).stands("running", a="confirming", b="later")
    assert scene.work() == [("confirm", "a")], "after a crash as well"
    scene.when(unseen(scene, "a")).then(e.EffectUnseen, e.PlanParked).ignores(timer("confirm", "a"))
    scene.later(5).when(timer("confirm", "a")).then(e.ConfirmDue)
    scene.when(confirm("a")).then(e.EffectConfirmed).stands("running", a="done", b="ready")


def test_e4_items_of_a_list_are_confirmed_one_by_one():
    scene = given(each(do("a", at_once=1)), agent("b", "a")).when(freeze("a", 2))
    scene.when(*bound(scene, "a/0"))
    assert ("resolve", "a/1") in scene.work(), "the next one does not wait"
    scene.when(*bound(scene, "a/1"), confirm("a/0"), confirm("a/1")).stands("running", a="done", b="ready")


@pytest.mark.parametrize(
    ("choice", "stands"), [("confirmed", ("completed", "done")), ("again", ("running", "confirming"))]
)
def test_e4_what_reads_back_otherwise_is_asked_about(choice, stands):
    scene = given(do("a"))
    scene.when(*bound(scene, "a"), ask_confirm("a")).then(e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.DecisionAsked).options == ("confirmed", "again", "undo")
    scene.when(rule(1, choice)).stands(stands[0], a=stands[1])


def test_e5_an_effect_that_was_not_confirmed_is_taken_back():
    scene = given(do("a")).when()
    scene.when(*bound(scene, "a"), ask_confirm("a"), rule(1, "undo")).stands("undoing", **{"~a": "ready"})
    scene.when(*sent("~a"), happen("~a")).stands("undone")


@pytest.mark.parametrize("way", [(), ("unseen",), ("ask",)])
def test_e5_a_plan_is_undone_while_something_is_being_confirmed(way):
    scene = given(do("a"))
    scene.when(*bound(scene, "a"))
    scene.when(*[unseen(scene, "a") if each_way == "unseen" else ask_confirm("a") for each_way in way])
    scene.when(undo()).stands("undoing", **{"~a": "ready"})
    scene.refuses(confirm("a"), "no longer counts|not at")


def test_e5_what_was_not_confirmed_and_can_not_be_undone_is_named():
    scene = given(do("a"))
    scene.when(*sent("a"), happen("a", cannot_undo="It was paid.", confirm_by_us=at(scene, 600)), undo())
    assert scene.fact(e.PlanUndone).left == ("a",)


def test_e4_what_happened_after_its_plan_ended_is_not_waited_for():
    scene = given(do("a")).when(*sent("a"), cancel(), happen("a", confirm_by_us=1))
    scene.stands("cancelled", a="done")


# --- what is not there to sleep


def test_e5_a_compensation_has_no_delay_and_is_not_read_back():
    scene = given(do("a")).when(*carried_out("a"), undo(), prepare("~a"))
    scene.refuses(delay(scene, "~a"), "is there to take an action back, not to act")
    scene.refuses(recall("~a"), "is there to take an action back, not to act")
    scene.when(intend("~a"), happen("~a", confirm_by_us=at(scene, 600)))
    for command in (confirm("~a"), unseen(scene, "~a"), ask_confirm("~a")):
        scene.refuses(command, "is there to take an action back, not to act")


def test_e1_an_effect_whose_time_came_can_still_be_called_back_before_it_leaves():
    scene = given(do("a"))
    scene.when(prepare("a"), delay(scene, "a")).later(600).when(timer("dispatch", "a"), recall("a"))
    scene.then(e.StepRejected("a", "you called it back"), e.PlanCompleted)


def test_p5_a_timer_for_something_that_does_not_sleep_is_ignored():
    scene = given(do("a"))
    scene.when(*bound(scene, "a"))
    for kind in ("settle", "dispatch", "confirm", "retry_online", "settle_online", "retry", "wait"):
        scene.ignores(timer(kind, "a")).ignores(timer(kind, "z"))
    scene.when(unseen(scene, "a")).later(5).ignores(timer("settle", "a")).ignores(timer("dispatch", "a"))
    scene.when(timer("confirm", "a")).then(e.ConfirmDue)


def test_e4_each_look_is_counted_and_says_what_is_known():
    scene = given(do("a"))
    scene.when(*bound(scene, "a"), unseen(scene, "a"))
    assert scene.last[0] == e.EffectUnseen("a", at(scene, 5), 1, "not there yet")
    scene.later(5).when(timer("confirm", "a"), unseen(scene, "a"))
    assert scene.last[0] == e.EffectUnseen("a", at(scene, 5), 2, "not there yet")
