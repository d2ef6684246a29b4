"""The work of one step: what is kept of it and what is forgotten as it ends, fails, or is opened again (P1, P4)."""

from __future__ import annotations

import pytest
from kernel_rules import refold
from kernel_scene import (
    ASK,
    DENY,
    PERMANENT,
    TRANSIENT,
    Scene,
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
    freeze,
    given,
    intend,
    judge,
    loop,
    lose,
    once,
    pose,
    prepare,
    refuse,
    rule,
    sent,
    start,
    timer,
    undo,
    wait,
)
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.calls import call_path, calls_of
from mainstay.kernel.plan import decide
from mainstay.kernel.state import FACTS_PER_SLOT, FULL_PLAN, has_room, is_call, is_item
from mainstay.values import Failure

BUG = Failure("bug", "it can't be worked out")
HELD = Failure("transient", "the breaker is open", retry_after_s=1.0, counts=False)


def call(path: str) -> c.CallEffect:
    return c.CallEffect(now_us=0, path=path, operation="demo.say", arguments={"word": "x"})


def begun(scene: Scene, kind: type[e.Fact]) -> int:
    """Where the latest fact of a kind stands in the history."""
    return max(at for at, (fact, _) in enumerate(scene.history, 1) if isinstance(fact, kind))


def until(scene: Scene, kind: type[e.Fact]) -> Scene:
    """The plan as it is right after the latest fact of a kind."""
    scene.plan = refold("p", scene.plan.graph, scene.history[: begun(scene, kind)])
    return scene


# --- as it ends


@pytest.mark.parametrize(
    "ends",
    [
        (rule(2, "skip"),),
        (rule(2, "retry"), c.SkipStep(now_us=0, path="a", why="no")),
        (rule(2, "retry"), prepare("a", ASK), rule(3, "reject")),
        (rule(2, "retry"), *sent("a"), cancel(), refuse("a")),
    ],
    ids=["skipped when stuck", "skipped", "rejected", "failed with its plan"],
)
def test_p3_what_ended_holds_its_arguments_no_more(ends):
    scene = given(do("a")).when(fail("a"), rule(1, "retry", arguments={"word": "y"}), fail("a", attempt=2))
    assert scene.slot("a").arguments == {"word": "y"}
    scene.when(*ends)
    assert scene.slot("a").arguments is None


def test_l3_what_was_skipped_keeps_where_it_came_from_unless_its_condition_says_more():
    scene = given(agent("a", where="worker")).when(c.StartStep(now_us=0, path="a", arguments={}, labels=("bank",)))
    scene.when(fail("a"), rule(1, "skip"))
    assert scene.slot("a").labels == ("bank",)


def test_l3_a_list_keeps_its_labels_and_what_it_went_over_when_it_is_done():
    scene = given(each(agent("a"))).when(c.FreezeItems(now_us=0, path="a", items=[7], count=1, labels=("bank",)))
    scene.when(finish("a/0"))
    slot = scene.slot("a")
    assert (slot.status, slot.labels, slot.items, slot.output) == ("done", ("bank",), [7], None)
    assert slot.done_at == begun(scene, e.StepCompleted)


@pytest.mark.parametrize(("choice", "status"), [("approve", "done"), ("reject", "rejected")])
def test_e5_an_answer_has_its_place_in_the_order_of_outcomes(choice, status):
    scene = given(ask("a", used=True)).when(pose("a"), rule(1, choice)).stands("completed", a=status)
    assert (scene.slot("a").done_at, scene.slot("a").decision) == (begun(scene, e.DecisionRuled), "")


@pytest.mark.parametrize(("event", "value"), [("", {"timed_out": False}), ("mail.received", {"timed_out": True})])
def test_p5_a_wait_says_whether_it_was_over_because_nothing_came(event, value):
    scene = given(wait("a")).when(c.WaitStep(now_us=0, path="a", until_us=0, event=event), timer("wait", "a"))
    assert scene.slot("a").output == value


# --- as it fails


def test_p4_what_is_prepared_and_can_not_leave_is_stuck():
    given(do("a")).when(prepare("a"), fail("a", PERMANENT)).stands("running", a="stuck")


@pytest.mark.parametrize("on_failure", ["skip", "undo", "step"])
def test_e5_a_compensation_that_fails_stays_with_the_operator_whatever_its_step_says_about_failing(on_failure):
    scene = given(do("a", on_failure=on_failure)).when(*carried_out("a"), undo(), fail("~a"))
    scene.then(e.StepStuck("~a", PERMANENT, 1), e.DecisionAsked, e.PlanParked).stands("undoing", **{"~a": "stuck"})


@pytest.mark.parametrize("failure", [PERMANENT, BUG])
def test_j1_an_agent_is_told_why_its_action_can_not_happen(failure):
    scene = given(agent("a")).when(start("a"), call("a!1"), fail("a!1", failure))
    scene.then(e.StepFailed("a!1", failure)).stands("running", **{"a!1": "failed", "a": "running"})
    assert scene.slot("a!1").failure == failure


@pytest.mark.parametrize(
    ("facts", "again"), [(FULL_PLAN - 2 * FACTS_PER_SLOT, True), (FULL_PLAN - 2 * FACTS_PER_SLOT + 1, False)]
)
def test_l8_a_plan_whose_history_fills_up_tries_nothing_again_and_calls_nothing_more(facts, again):
    """Each unit of work may still need eight facts: its outcome, questions, remedies, undo."""
    scene = given(agent("a"), agent("b")).when(start("a"))
    full = replace(scene.plan, sequence=facts)
    facts_of = decide(full, replace(fail("a", TRANSIENT), now_us=scene.now_us))
    assert [type(fact) for fact in facts_of[:1]] == [e.AttemptFailed if again else e.StepStuck]
    assert has_room(full, 0) == again
    assert has_room(full, 1) is False
    assert has_room(replace(full, sequence=facts - FACTS_PER_SLOT), 1) == again


def test_k21_an_attempt_that_was_made_ends_the_row_of_those_that_were_held_here():
    scene = given(do("a")).when(prepare("a"))
    for attempt in (1, 2):
        scene.when(intend("a"), refuse("a", HELD)).later(500).when(timer("retry", "a", attempt))
    assert (scene.slot("a").held, scene.slot("a").forgiven) == (2, 2)
    scene.when(intend("a"), refuse("a", TRANSIENT))
    assert (scene.slot("a").held, scene.slot("a").forgiven) == (0, 2)


def test_p4_what_is_opened_again_is_as_new_but_for_its_tries_and_its_edit():
    scene = given(do("a")).when(prepare("a", ASK), rule(1, "approve"), intend("a", ASK), refuse("a", HELD))
    scene.later(500).when(timer("retry", "a", 1), c.DelayEffect(now_us=0, path="a", until_us=0))
    scene.when(timer("dispatch", "a"), intend("a", DENY), rule(2, "retry"))
    slot = scene.slot("a")
    assert (slot.status, slot.digest, slot.ruling, slot.failure, slot.delayed) == ("ready", "", "", None, False)
    assert (slot.held, slot.forgiven, slot.attempt, slot.generation) == (0, 1, 1, 1)
    assert (slot.arguments, slot.edited) == (None, False), "they are resolved anew"


# --- in the middle of a turn, as whoever reads the history finds it


def test_l5_every_fact_alone_leaves_the_step_where_it_says():
    stuck = until(given(agent("a")).when(fail("a")), e.StepStuck)
    assert stuck.slot("a").status == "stuck"
    judged = until(given(loop("a")).when(begin("a"), child_ends("a"), judge("a", 1, accepted=True)), e.RoundJudged)
    assert judged.slot("a").status == "fanned"
    last = given(loop("a", most=1)).when(begin("a"), child_ends("a"), judge("a", 1))
    assert until(last, e.RoundJudged).slot("a").status == "fanned"


# --- paths


def test_j1_only_an_action_of_an_agent_is_a_call_and_only_a_place_of_a_list_an_item():
    assert [path for path in ("a", "a/0", "a!1", "a/0!1", "~a", "~a/0", "~a!1") if is_call(path)] == ["a!1", "a/0!1"]
    assert [path for path in ("a", "a/0", "a!1", "a/0!1", "~a", "~a/0", "~a!1") if is_item(path)] == ["a/0"]
    assert (call_path("a", 0, 3), call_path("a/4", 2, 3)) == ("a!3", "a/4!2-3")


def test_j1_a_plain_step_asks_for_no_actions():
    scene = given(each(agent("a"))).when(freeze("a", 1), start("a/0"), call("a/0!1"))
    assert calls_of(scene.plan, "a/0") == ["a/0!1"]
    assert calls_of(scene.plan, "a") == []
    waiting = given(once(do("a"))).when(prepare("a"), intend("a"), lose("a"), absent("a"))
    waiting.refuses(call("a!1"), '"approved, about to happen", not at "working"')
