"""A history decided again: what comes out otherwise is named at its place, and what came from outside is not (P6)."""

from __future__ import annotations

import pytest
from kernel_scene import (
    ASK,
    DENY,
    NOW_US,
    PERMANENT,
    TRANSIENT,
    UNDO,
    Scene,
    agent,
    ask,
    ask_batch,
    back,
    begin,
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
    intend,
    lose,
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
from mainstay.kernel.failing import CAP_RULE
from mainstay.kernel.graph import Cel, Definition, Ending, Graph, Input, Retry
from mainstay.kernel.replay import Replayed, replay
from mainstay.values import Failure, Verdict

CAP = Verdict("deny", CAP_RULE, "Today 20 of 20 were sent.")
OFFLINE = Failure("transient", "there is no network", counts=False, waits_for="network")
PATIENCE = c.Patience(remind_s=(20, 10), escalate_s=40, due_s=60)
REJECTED = Failure("permanent", "no", cause="Rejected")


def place(scene: Scene, kind: type[e.Fact]) -> int:
    """Where the latest fact of a kind stands, from 1."""
    return max(at for at, (fact, _) in enumerate(scene.history, 1) if isinstance(fact, kind))


def altered(scene: Scene, kind: type[e.Fact], **changes) -> Replayed:
    """What comes of the history when its latest fact of a kind had said something else."""
    recorded, at = scene.recorded(), place(scene, kind) - 1
    recorded[at] = replace(recorded[at], fact=replace(recorded[at].fact, **changes))
    return replay("p", scene.plan.graph, recorded)


def cut(scene: Scene, kind: type[e.Fact]) -> Replayed:
    """What comes of the history up to its latest fact of a kind."""
    return replay("p", scene.plan.graph, scene.recorded()[: place(scene, kind)])


# --- histories that are decided the same again

SAME = {
    "a condition": given(agent("a")).when(c.SkipStep(now_us=0, path="a", why="no", labels=("bank",))),
    "a worker that fails": given(agent("a", where="worker", on_failure="skip")).when(start("a"), fail("a")),
    "a step that fails at last": given(agent("a", on_failure="skip", retry=Retry(attempts=2))).when(
        fail("a", TRANSIENT), timer("retry", "a", 1), fail("a", TRANSIENT, 2)
    ),
    "an agent that was refused": given(agent("a", where="worker")).when(start("a"), fail("a", REJECTED)),
    "a cap": given(do("a")).when(prepare("a"), intend("a", CAP)),
    "a cap that was asked about, and other work": given(do("a"), agent("b")).when(
        prepare("a"), replace(intend("a", CAP), ways=("raise", "skip"))
    ),
    "a denial": given(do("a")).when(prepare("a"), intend("a", DENY)),
    "another version after a yes": given(do("a")).when(
        prepare("a", ASK),
        rule(1, "approve"),
        c.IntendEffect(now_us=0, path="a", token="t", verdict=ASK, operation_version=2),
    ),
    "where a question came from": given(ask("a")).when(
        c.AskStep(now_us=0, path="a", card={"headline": "?"}, labels=("bank",), covers=("b",), covered=1, binds=("d",))
    ),
    "a patient question, and other work": given(do("a"), agent("b")).when(
        replace(prepare("a", ASK), patience=PATIENCE)
    ),
    "a patient question about a list": given(each(do("a", gate="batch"))).when(
        freeze("a", 2), prepare("a/0", ASK), prepare("a/1", ASK), replace(ask_batch("a"), patience=PATIENCE)
    ),
    "a form": given(ask("a", form=(Input("why", "text"),))).when(
        pose("a"), rule(1, "approve", form={"why": "x"}, session="s-1", rows=[1])
    ),
    "a part of what runs is taken back": given(do("a"), do("b")).when(
        *sent("a"), happen("a"), c.UndoPlan(now_us=0, by="operator", steps=("a",))
    ),
    "the network came back": given(do("a")).when(
        *sent("a"),
        lose("a"),
        c.AwaitSettle(now_us=0, path="a", until_us=NOW_US + 9, looks=2, failure=OFFLINE),
        timer("settle_online", "a", 2),
    ),
    "nothing but its proposal": Scene(Graph(Definition(name="demo", title="Demo", steps=()))).when(
        c.ProposePlan(now_us=0, definition=given().fact(e.PlanProposed).definition, playbook="d", title="D", inputs=0)
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_p6_a_history_is_decided_the_same_again(name):
    scene = SAME[name]
    assert replay("p", scene.plan.graph, scene.recorded()) == Replayed(len(scene.history), same=True)


# --- a pause outlived the end of its plan once

PAUSE = c.PausePlan(now_us=0, by="operator", reason="holidays")
WAITED_US = 5_000_000
RESUMED = e.PlanResumed("operator", WAITED_US)


def over() -> Scene:
    """A plan that was paused while its last action was on its way."""
    return given(do("a")).when(prepare("a"), intend("a"), PAUSE, happen("a", UNDO)).stands("completed")


def undone() -> Scene:
    """The same, taken back; a part of the undo's pause is over with it."""
    return given(do("a")).when(*carried_out("a"), undo(), prepare("~a"), intend("~a"), PAUSE, happen("~a"))


def after(scene: Scene, *facts: e.PlanFact) -> Replayed:
    """What comes of a history that went on so, some seconds after its last fact."""
    scene.history += [(fact, scene.now_us + WAITED_US) for fact in facts]
    return replay("p", scene.plan.graph, scene.recorded())


@pytest.mark.parametrize("before", [over, undone])
def test_p6_a_plan_that_was_resumed_after_its_end_is_decided_as_it_was(before):
    assert after(before(), RESUMED).same
    assert after(before(), replace(RESUMED, paused_us=1)).difference == "PlanResumed would differ today in paused_us"
    twice = after(before(), RESUMED, RESUMED)
    assert (twice.position, "it is not paused" in twice.difference) == (twice.facts, True)


def begun() -> tuple[e.PlanFact, ...]:
    """An undo that began in such a pause, and did nothing."""
    return e.UndoRequested("operator", ""), e.UndoStarted(("a",)), e.PlanParked()


def test_p6_an_undo_that_waited_for_that_pause_to_end_is_decided_as_it_was():
    on = over().when(undo(), *back("a")).stands("undone")
    assert replay("p", on.plan.graph, on.recorded()).same
    carried = tuple(fact for fact, _ in on.history[place(on, e.UndoStarted) :])
    assert isinstance(carried[-1], e.PlanUndone)
    assert after(over(), *begun(), RESUMED, *carried).same
    assert after(over(), *begun()).same
    assert after(over(), *begun(), *carried).same, "this release let it go on"


def test_p6_an_undo_asked_for_in_a_pause_that_began_as_an_ending_was_reached_is_decided_as_it_was():
    ends = Ending(Cel("true"), "refunded", ("a",))
    way = (finish_plan("refunded", "a"), prepare("~a"), intend("~a"), PAUSE, undo(), happen("~a"))
    scene = given(do("a"), do("b", "a"), end=(ends,)).when(*carried_out("a"), *carried_out("b"), *way)
    assert isinstance(scene.history[-1][0], e.UndoStarted)
    assert replay("p", scene.plan.graph, scene.recorded()).same
    scene.history.append((e.PlanParked(), scene.now_us))
    assert replay("p", scene.plan.graph, scene.recorded()).same
    wrong = replace(RESUMED, paused_us=1)
    assert after(scene, wrong).difference == "PlanResumed would differ today in paused_us"
    scene.history.pop()
    assert after(scene, RESUMED).same


def test_p6_what_ends_in_a_pause_that_goes_on_is_decided_as_it_was():
    scene = given(do("a"), do("b"), agent("c", "a")).when(*sent("a"), *sent("b"), PAUSE, happen("a"), happen("b"))
    assert isinstance(scene.history[-1][0], e.PlanParked)
    assert replay("p", scene.plan.graph, scene.recorded()).same


def test_p6_no_other_pause_outlived_its_plan():
    scene = given(do("a"), agent("b", "a")).when(*carried_out("a"), PAUSE, c.CancelPlan(now_us=0, by="operator"))
    assert "it is not paused" in after(scene, RESUMED).difference
    assert "it is not paused" in after(given(do("a")).when(*carried_out("a")), RESUMED).difference
    later = given(do("a")).when(*carried_out("a"))
    assert "PlanParked follows from nothing before it" in after(later, *begun()).difference


# --- what came from outside is taken as it was


def test_p6_the_chance_in_a_delay_the_words_of_a_list_and_of_a_card_make_no_difference():
    tried = given(agent("a")).when(fail("a", TRANSIENT))
    assert altered(tried, e.AttemptFailed, retry_at_us=7).same
    refused = given(do("a")).when(*sent("a"), refuse("a", TRANSIENT))
    assert altered(refused, e.EffectRefused, retry_at_us=7).same
    listed = given(each(agent("a"), allow_failures_pct=50)).when(freeze("a", 2), fail("a/0"), finish("a/1"))
    assert altered(listed, e.StepCompleted, rationale="1 went wrong").same
    stuck = given(agent("a")).when(fail("a"))
    assert altered(stuck, e.DecisionAsked, card={"headline": "other words"}).same


@pytest.mark.parametrize("way", [(prepare("a", DENY),), (prepare("a"), intend("a", DENY))], ids=["prepared", "leaving"])
def test_p6_what_an_older_release_said_of_what_is_forbidden_makes_no_difference_and_what_it_offered_does(way):
    scene = given(do("a")).when(*way)
    failure = next(fact.failure for fact, _ in scene.history if isinstance(fact, e.StepStuck))
    assert altered(scene, e.StepStuck, failure=replace(failure, remedy="Change your mind.")).same
    assert "differ today in options" in altered(scene, e.DecisionAsked, options=("retry",)).difference


# --- what would come out otherwise


def test_p6_the_first_fact_that_would_differ_is_named_with_its_place_and_what_differs():
    scene = given(agent("a"), agent("b")).when(fail("a"), finish("b"))
    at = place(scene, e.DecisionAsked)
    was = altered(scene, e.DecisionAsked, options=("retry",), why="because")
    assert was == Replayed(len(scene.history), False, at, "DecisionAsked would differ today in options, why")


def test_p6_another_fact_than_was_recorded_is_named():
    scene = given(agent("a", on_failure="skip")).when(fail("a"))
    asks = Graph(Definition(name="demo", title="Demo", steps=(agent("a"),)))
    was = replay("p", asks, scene.recorded())
    at = place(scene, e.StepSkipped)
    assert was == Replayed(len(scene.history), False, at, "it was StepSkipped, and would be StepStuck today")


def test_p6_a_retry_that_would_be_made_or_not_is_a_difference():
    scene = given(do("a")).when(*sent("a"), refuse("a", TRANSIENT))
    at = place(scene, e.EffectRefused)
    was = altered(scene, e.EffectRefused, retry_at_us=None)
    assert was == Replayed(len(scene.history), False, at, "EffectRefused would differ today in retry_at_us")


def test_p6_a_history_that_ends_too_early_says_what_would_follow():
    scene = given(agent("a")).when(fail("a"))
    was = cut(scene, e.StepStuck)
    count = place(scene, e.StepStuck)
    assert was == Replayed(count, False, count + 1, "DecisionAsked would follow today, and the history ends")


def test_p6_what_a_cap_stopped_without_a_question_is_told_as_well():
    scene = given(do("a")).when(prepare("a"), intend("a", CAP))
    at = place(scene, e.StepStuck)
    ends = Replayed(at, False, at + 1, "DecisionAsked would follow today, and the history ends")
    assert cut(scene, e.StepStuck) == ends
    recorded = [*scene.recorded()[:at], replace(scene.recorded()[-1], position=at + 1)]
    other = Replayed(at + 1, False, at + 1, "it was PlanParked, and would be DecisionAsked today")
    assert replay("p", scene.plan.graph, recorded) == other


def test_p6_an_end_of_a_plan_that_is_cut_short_is_told_as_well():
    scene = given(ask("a")).when(pose("a"), undo())
    voided = cut(scene, e.DecisionVoided)
    at = place(scene, e.DecisionVoided)
    assert voided == Replayed(at, False, at, "DecisionVoided follows from nothing before it")
    ended = cut(scene, e.PlanCancelled)
    at = place(scene, e.PlanCancelled)
    assert ended == Replayed(at, False, at + 1, "PlanParked would follow today, and the history ends")
    assert cut(given(ask("a"), agent("b", "a")).when(pose("a")), e.DecisionAsked).same is False


def test_p6_a_fact_that_nothing_leads_to_is_named():
    scene = given(agent("a"), agent("b"))
    stray = scene.recorded()[0]
    recorded = [*scene.recorded(), replace(stray, kind="PlanParked", fact=e.PlanParked())]
    was = replay("p", scene.plan.graph, recorded)
    assert was == Replayed(4, False, 4, "PlanParked follows from nothing before it")


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (e.StepSkipped("b", "no"), 'b stands at "not begun", not at '),
        (e.StepStuck("b", PERMANENT, 1), 'b stands at "not begun", not at '),
        (e.StepRejected("b", "no"), 'b stands at "not begun", not at '),
        (e.PlanApproved("operator"), 'it stands at "running", so there is nothing to approve'),
    ],
)
def test_p6_a_fact_that_would_be_refused_today_is_named_with_the_reason(fact, why):
    scene = given(agent("a"), agent("b", "a"))
    recorded = [*scene.recorded(), replace(scene.recorded()[0], kind=type(fact).__name__, fact=fact)]
    was = replay("p", scene.plan.graph, [*recorded, recorded[0]])
    begins = f"{type(fact).__name__} would be refused today: Plan p (Demo): {why}"
    assert (was.facts, was.same, was.position) == (5, False, 4)
    assert was.difference.startswith(begins)


def test_p6_a_timer_that_would_be_stale_today_is_named():
    scene = given(wait("a"), agent("b")).when(c.WaitStep(now_us=0, path="a", until_us=NOW_US))
    stale = e.RetryDue("a", 1)
    recorded = [*scene.recorded(), replace(scene.recorded()[0], kind="RetryDue", fact=stale)]
    was = replay("p", scene.plan.graph, [*recorded, recorded[0]])
    assert was == Replayed(6, False, 5, "RetryDue would not come about today")


def test_p6_a_part_that_ended_otherwise_is_named_by_its_place_in_the_whole_history():
    scene = given(each(agent("a"))).when(freeze("a", 150), begin("a", "p-1", "p-2"), child_ends("a", plan="p-1"))
    scene.when(child_ends("a", "failed", plan="p-2"))
    at = place(scene, e.StepStuck)
    was = altered(scene, e.StepStuck, attempt=9)
    assert was == Replayed(len(scene.history), False, at, "StepStuck would differ today in attempt")
