"""What is said of what went wrong, was left out or was answered, word for word: to the operator, and to later steps.

A dead letter says what happened, to what, and what to do next; its class decides about retries (KERNEL P4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    ask,
    ask_batch,
    ask_settle,
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
    happen,
    intend,
    judge,
    loop,
    lose,
    lost,
    pose,
    prepare,
    refuse,
    rule,
    sent,
    sub,
    timer,
    undo,
)
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.asking import CHANGED, STOPPED
from mainstay.kernel.failing import CAP_RULE
from mainstay.kernel.graph import Retry
from mainstay.values import Failure, Verdict

if TYPE_CHECKING:
    from kernel_scene import Scene

CAP = Verdict("deny", CAP_RULE, "Today 20 of 20 were sent.")
CAPPED = (
    "Try again once you raised it: `mainstay budget raise`, or for good under [budgets] in mainstay.toml and"
    " a new start (retry), or leave this out (skip)."
)
FORBIDDEN = (
    "Leave it out (skip), stop the plan and take back what it did (undo),"
    " or change your rule 'never' and try again (retry)."
)
LAST_ROUND = "Accept the last round as it is, or let it try one more."
LOST_OFTEN = Failure("permanent", "Its answer was lost 5 times", remedy="See whether the other side works.")


def ask_confirm(path: str) -> c.AskConfirm:
    return c.AskConfirm(now_us=0, path=path, card={"headline": "Is it there?"}, why="it can't be seen")


def rejected_in(path: str) -> c.FailStep:
    return c.FailStep(now_us=0, path=path, attempt=1, failure=Failure("permanent", "no", cause="Rejected"), jitter=0.5)


def lost_five_times() -> Scene:
    scene = given(do("a")).when(prepare("a"))
    for _ in range(4):
        scene.when(intend("a"), lose("a"), absent("a"))
    return scene.when(intend("a"), lose("a"), absent("a"))


def failed_parts() -> Scene:
    scene = given(each(do("a"))).when(freeze("a", 150), begin("a", "p-1", "p-2", "p-3"))
    scene.when(child_ends("a", plan="p-1"), child_ends("a", "failed", plan="p-2"))
    return scene.when(child_ends("a", "expired", plan="p-3"))


def after_rounds(number: int, **more) -> Scene:
    scene = given(loop("a", most=number, **more))
    for at in range(1, number + 1):
        scene.when(begin("a", f"p-{at}"), child_ends("a", plan=f"p-{at}"), judge("a", at))
    return scene


def taking_back(*commands: c.PlanCommand) -> Scene:
    return given(do("a")).when(*carried_out("a"), undo(), *commands)


STUCK = {
    "lost for good": (lost_five_times, e.StepStuck("a", LOST_OFTEN, 5)),
    "policy": (
        lambda: given(do("a")).when(prepare("a", DENY)),
        e.StepStuck(
            "a", Failure("permanent", "Policy forbids it: It is never allowed.", FORBIDDEN, cause="Forbidden"), 0
        ),
    ),
    "a cap": (
        lambda: given(do("a")).when(prepare("a"), intend("a", CAP)),
        e.StepStuck("a", Failure("permanent", "Today 20 of 20 were sent.", CAPPED, cause="Capped"), 0),
    ),
    "a no to an undo": (
        lambda: taking_back(prepare("~a", ASK), rule(1, "reject")),
        e.StepStuck(
            "~a", Failure("needs_operator", "Not taken back: you said no", "Try again, or leave it as it is."), 0
        ),
    ),
    "a sub-plan": (
        lambda: given(sub("a")).when(begin("a"), child_ends("a", "cancelled")),
        e.StepStuck(
            "a",
            Failure(
                "permanent",
                "The plan p-a behind a did not end well: it is cancelled",
                "Look at it with: mainstay show p-a",
            ),
            1,
        ),
    ),
    "one round": (
        lambda: after_rounds(1),
        e.StepStuck("a", Failure("needs_operator", "a is not good enough after 1 round", LAST_ROUND), 1),
    ),
    "two rounds": (
        lambda: after_rounds(2),
        e.StepStuck("a", Failure("needs_operator", "a is not good enough after 2 rounds", LAST_ROUND), 1),
    ),
    "parts of a list": (
        failed_parts,
        e.StepStuck("a", Failure("permanent", "2 of the 3 parts of 'a' did not end well", "Look at its parts."), 0),
    ),
    "a journal": (
        lambda: given(agent("a")).when(fail("a", replace(PERMANENT, cause="JournalMismatch"))),
        e.StepStuck("a", replace(PERMANENT, cause="JournalMismatch"), 1),
    ),
}


@pytest.mark.parametrize("name", STUCK)
def test_p4_a_dead_letter_says_what_happened_its_class_what_next_and_how_often_it_was_tried(name):
    before, expected = STUCK[name]
    scene = before()
    stuck, asked = scene.fact(e.StepStuck), scene.fact(e.DecisionAsked)
    assert stuck == expected
    failure = stuck.failure
    card = {"headline": failure.message, "remedy": failure.remedy, "class": failure.error_class}
    assert (asked.kind, asked.paths, asked.card, asked.rule) == ("stuck", (stuck.path,), card, "stuck")
    assert scene.slot(stuck.path).attempt == stuck.attempt
    assert scene.slot(stuck.path).failure == failure
    if "round" not in name:
        assert asked.why == STOPPED.get(failure.cause, "It failed and will not be tried again by itself.")


def test_p4_a_dead_letter_is_one_already_before_its_question_is_on_disk():
    scene = given(agent("a")).when(fail("a"))
    at = next(at for at, (fact, _) in enumerate(scene.history, 1) if isinstance(fact, e.StepStuck))
    from kernel_rules import refold

    assert refold("p", scene.plan.graph, scene.history[:at]).slots["a"].status == "stuck"


def test_e3_attempts_before_a_person_opened_it_again_do_not_make_it_lost_for_good():
    scene = lost_five_times().when(rule(1, "retry"), prepare("a"))
    for _ in range(4):
        scene.when(intend("a"), lose("a"), absent("a")).stands("running", a="prepared")
    scene.when(intend("a"), lose("a"), absent("a")).stands("running", a="stuck")
    assert scene.fact(e.StepStuck) == e.StepStuck("a", LOST_OFTEN, 10)


def test_e3_a_step_that_may_try_oftener_may_lose_its_answer_as_often():
    scene = given(do("a", retry=Retry(attempts=6))).when(prepare("a"))
    for _ in range(5):
        scene.when(intend("a"), lose("a"), absent("a")).stands("running", a="prepared")
    scene.when(intend("a"), lose("a"), absent("a")).stands("running", a="stuck")


WAY_OUT = {"on_failure": "step", "way_out": "b"}
SAID = {
    "skipped because it failed": (
        lambda: given(agent("a", on_failure="skip")).when(fail("a")),
        e.StepSkipped("a", "it failed: no such receiver"),
    ),
    "skipped by the operator": (
        lambda: given(agent("a")).when(fail("a"), rule(1, "skip")),
        e.StepSkipped("a", "you skipped it: no such receiver"),
    ),
    "skipped as it did not happen": (
        lambda: given(do("a")).when(*lost("a"), rule(1, "skip")),
        e.StepSkipped("a", "you skipped it"),
    ),
    "skipped after its rounds": (
        lambda: after_rounds(2, then="skip"),
        e.StepSkipped("a", "a is not good enough after 2 rounds"),
    ),
    "skipped with what it needs": (
        lambda: given(agent("a"), agent("b", "a")).when(fail("a"), rule(1, "skip")),
        e.StepSkipped("b", "'a' was skipped"),
    ),
    "not wanted": (
        lambda: given(do("a")).when(prepare("a", ASK), rule(1, "reject")),
        e.StepRejected("a", "you said no", "p.1"),
    ),
    "left out": (
        lambda: given(each(do("a", gate="batch"))).when(
            freeze("a", 2), prepare("a/0", ASK), prepare("a/1", ASK), ask_batch("a"), rule(1, "approve", kept=(1,))
        ),
        e.StepRejected("a/0", "you left it out", "p.1"),
    ),
    "an agent could not do without": (lambda: given(agent("a")).when(rejected_in("a")), e.StepRejected("a", "no")),
    "an agent could not do without, and is skipped": (
        lambda: given(agent("a", on_failure="skip")).when(rejected_in("a")),
        e.StepRejected("a", "no"),
    ),
    "an undo left": (
        lambda: taking_back(prepare("~a", ASK), rule(1, "skip")),
        e.UndoImpossible("a", "you left it: you want it to stay"),
    ),
    "an undo left for a reason": (
        lambda: taking_back(prepare("~a", ASK), rule(1, "skip", reason="it is paid")),
        e.UndoImpossible("a", "you left it: it is paid"),
    ),
    "an undo left because of a change": (
        lambda: taking_back(prepare("~a", replace(ASK, rule=CHANGED)), rule(1, "skip")),
        e.UndoImpossible("a", "you left it: it was changed since"),
    ),
    "an undo left as it did not happen": (
        lambda: taking_back(prepare("~a"), intend("~a"), lose("~a"), ask_settle("~a"), rule(1, "skip")),
        e.UndoImpossible("a", "you left it"),
    ),
    "settled: it did not happen": (
        lambda: given(do("a")).when(*lost("a"), rule(1, "did_not_happen")),
        e.EffectAbsent("a", "you said that it did not happen"),
    ),
    "settled: it happened": (
        lambda: given(do("a")).when(
            replace(prepare("a"), labels=("bank",)), intend("a"), lose("a"), ask_settle("a"), rule(1, "happened")
        ),
        e.EffectDone(
            "a",
            labels=("bank",),
            cannot_undo="its answer was lost, so nothing is known to take it back with",
            operation="demo.say",
            settled="you said that it happened",
        ),
    ),
    "settled: it happened, and never could be undone": (
        lambda: given(do("a")).when(
            prepare("a", cannot_undo="It was heard."), intend("a"), lose("a"), ask_settle("a"), rule(1, "happened")
        ),
        e.EffectDone("a", cannot_undo="It was heard.", operation="demo.say", settled="you said that it happened"),
    ),
    "settled: an undo happened": (
        lambda: taking_back(
            prepare("~a", cannot_undo="never"), intend("~a"), lose("~a"), ask_settle("~a"), rule(1, "happened")
        ),
        e.EffectDone("~a", operation="demo.say", settled="you said that it happened"),
    ),
    "looked at": (
        lambda: given(do("a")).when(
            *sent("a"), happen("a", UNDO, confirm_by_us=9), ask_confirm("a"), rule(1, "confirmed")
        ),
        e.EffectConfirmed("a", "you looked, and it is as it should be"),
    ),
    "looked at, and wrong": (
        lambda: given(do("a")).when(*sent("a"), happen("a", UNDO, confirm_by_us=9), ask_confirm("a"), rule(1, "undo")),
        e.PlanFailed("a", Failure("needs_operator", "a happened, and what was read back is not as it should be")),
    ),
    "a list that failed": (
        lambda: given(each(agent("a", **WAY_OUT)), agent("b", "a!")).when(freeze("a", 2), fail("a/0"), fail("a/1")),
        e.StepFailed("a", Failure("permanent", "2 of the 2 items of 'a' failed")),
    ),
    "a list, some of which failed": (
        lambda: given(each(agent("a"), allow_failures_pct=50)).when(freeze("a", 2), fail("a/0"), finish("a/1")),
        e.StepCompleted("a", rationale="1 of 2 items failed"),
    ),
    "a list, none of which failed": (
        lambda: given(each(agent("a"), allow_failures_pct=50)).when(freeze("a", 1), finish("a/0")),
        e.StepCompleted("a"),
    ),
    "a step that ends its plan": (
        lambda: given(agent("a", on_failure="undo")).when(fail("a")),
        e.UndoRequested("playbook", "no such receiver"),
    ),
    "rounds that end their plan": (
        lambda: after_rounds(1, then="undo"),
        e.UndoRequested("playbook", "a is not good enough after 1 round"),
    ),
    "the step of those rounds": (
        lambda: after_rounds(1, then="undo"),
        e.StepFailed("a", Failure("needs_operator", "a is not good enough after 1 round", LAST_ROUND)),
    ),
    "the plan of those rounds": (
        lambda: after_rounds(1, then="undo"),
        e.PlanFailed("a", Failure("needs_operator", "a is not good enough after 1 round", LAST_ROUND)),
    ),
    "a remedy that ends the plan": (
        lambda: given(agent("a")).when(fail("a"), rule(1, "undo")),
        e.UndoRequested("operator", "no such receiver"),
    ),
    "a no to a question": (
        lambda: given(ask("a")).when(pose("a"), rule(1, "reject")),
        e.PlanCancelled("operator", "'a' was not approved: you said no"),
    ),
    "a question nobody answered": (
        lambda: given(ask("a", due_s=1)).when(pose("a")).later(1).when(timer("due", "p.1")),
        e.PlanCancelled("operator", "'a' was not approved: nobody answered in time"),
    ),
    "an undo of what runs": (
        lambda: given(do("a")).when(replace(undo(), reason="")),
        e.PlanCancelled("operator", "it is being undone"),
    ),
    "a question of a plan that ended": (
        lambda: given(ask("a")).when(pose("a"), cancel()),
        e.DecisionVoided("p.1", "The plan was ended."),
    ),
    "a question of a plan that failed": (
        lambda: given(ask("a"), agent("b", on_failure="undo")).when(pose("a"), fail("b")),
        e.DecisionVoided("p.1", "The plan failed."),
    ),
    "a question of a plan whose time ran out": (
        lambda: given(ask("a"), expires_in_s=1).when(pose("a")).later(1).when(timer("expiry")),
        e.DecisionVoided("p.1", "The plan expired."),
    ),
    "refused": (lambda: given(do("a")).when(*sent("a"), refuse("a")), e.EffectRefused("a", 1, PERMANENT)),
    "refused after its plan ended": (
        lambda: given(do("a")).when(*sent("a"), cancel(), refuse("a", TRANSIENT)),
        e.EffectRefused("a", 1, TRANSIENT),
    ),
    "may have happened": (lambda: given(do("a")).when(*sent("a"), lose("a")), e.EffectUncertain("a", 1, LOST)),
}


@pytest.mark.parametrize("name", SAID)
def test_e6_what_became_of_it_is_said_in_words_that_stay_true(name):
    before, expected = SAID[name]
    assert expected in [fact for fact, _ in before().history]


def test_e6_a_question_nobody_answered_has_a_value_that_says_so():
    scene = given(ask("a", used=True, due_s=1), agent("b", "a?")).when(pose("a")).later(1).when(timer("due", "p.1"))
    assert scene.slot("a").output == {"ruling": "expired", "by": "", "at": scene.now_us, "reason": "", "rows": []}


def test_e6_what_a_person_filled_in_is_part_of_the_answers_value():
    from mainstay.kernel.graph import Input

    scene = given(ask("a", form=(Input("why", "text"),))).when(pose("a"), rule(1, "approve", form={"why": "x"}))
    assert scene.slot("a").output == {
        "ruling": "approved",
        "by": "operator",
        "at": scene.now_us,
        "reason": "",
        "rows": [],
        "form": {"why": "x"},
    }


def test_p4_what_failed_for_a_while_is_tried_again_and_says_when():
    scene = given(agent("a", retry=Retry(base_s=10.0))).when(fail("a", TRANSIENT))
    scene.then(e.AttemptFailed("a", 1, TRANSIENT, scene.now_us + 5_000_000), e.PlanParked)
