"""What a command says stands in its fact, and what a fact says stands in the plan: word for word (KERNEL E1, L3, P1).

Each case is a command all of whose fields say something, so that one that gets lost on the way is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from kernel_scene import (
    ALLOW,
    ASK,
    DEFINITION,
    LOST,
    NOW_US,
    PERMANENT,
    TRANSIENT,
    Scene,
    agent,
    ask,
    carried_out,
    child_ends,
    do,
    each,
    finish,
    finish_plan,
    freeze,
    given,
    happen,
    intend,
    loop,
    lose,
    pose,
    prepare,
    proposed,
    refuse,
    rule,
    sent,
    start,
    sub,
    undo,
    wait,
)
from kernel_scene import begin as begin_child

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.evolve import evolve
from mainstay.kernel.graph import Cel, Definition, Ending, Graph, Input

if TYPE_CHECKING:
    from mainstay.kernel.state import Slot

LABELS = ("bank", "mail")
DELAY = c.DelayEffect(now_us=0, path="a", until_us=NOW_US + 5)
UNDO = e.Undo("demo.unsay", {"word": "y"}, version=2, expects="said")
PREPARED = c.PrepareEffect(
    now_us=0,
    path="a",
    operation="demo.say",
    operation_version=3,
    effect="reversible",
    arguments={"word": "y"},
    digest="digest",
    verdict=ASK,
    card={"headline": "Say y"},
    account="acme",
    labels=LABELS,
    cannot_undo="It was heard.",
    ruling="p.1",
    edited=("word",),
    covered="a/1",
    relies={"was": 1},
    origins=(("word", "mail.read#body"),),
)


def no_plan() -> Scene:
    return Scene(Graph(Definition(name="demo", title="Demo", steps=(do("a"),))))


def covered() -> Scene:
    """A list, one action of which a yes covers already; it stands at another place by now."""
    scene = given(ask("q", covers=("a",)), each(do("a", "q")))
    question = c.AskStep(now_us=0, path="q", card={}, covers=("a/1",), binds=("digest",))
    return scene.when(question, rule(1, "approve"), freeze("a", 2))


def calling() -> Scene:
    return given(agent("a", where="worker")).when(start("a"))


def confirming() -> Scene:
    return given(do("a")).when(*sent("a"), happen("a", UNDO, confirm_by_us=NOW_US + 9))


def uncertain() -> Scene:
    return given(do("a")).when(*sent("a"), lose("a"))


# --- from the command into the fact

CARRIED = [
    (
        no_plan,
        c.ProposePlan(
            now_us=0,
            definition=DEFINITION,
            playbook="demo",
            title="Demo",
            inputs={"n": 1},
            given={"m": 2},
            labels=LABELS,
            parent="k/book",
            expires_at_us=NOW_US + 1,
            keys=("one",),
            priority=3,
        ),
    ),
    (lambda: proposed(do("a")), c.ApprovePlan(now_us=0, by="operator", allowed=2)),
    (
        lambda: proposed(do("a")),
        c.EditPlan(
            now_us=0,
            by="operator",
            inputs={"n": 2},
            labels=LABELS,
            expires_at_us=NOW_US + 2,
            keys=("two",),
            priority=4,
        ),
    ),
    (
        lambda: proposed(do("a"), do("b")),
        c.ForkPlan(now_us=0, of="old", start="b", adopted=(e.Adopted("a", 1, LABELS),)),
    ),
    (lambda: given(do("a")), c.PausePlan(now_us=0, by="operator", reason="lunch")),
    (
        lambda: given(agent("a")).when(finish("a")),
        c.UndoPlan(now_us=0, by="operator", reason="a mistake", steps=("a",)),
    ),
    (lambda: given(do("a")), c.CancelPlan(now_us=0, by="operator", reason="no longer wanted")),
    (lambda: given(do("a")), c.SkipStep(now_us=0, path="a", why="its `when` was false", labels=LABELS)),
    (lambda: given(each(do("a"))), c.FreezeItems(now_us=0, path="a", items=[1, 2], count=2, labels=LABELS)),
    (lambda: given(sub("a")), c.StartChildren(now_us=0, path="a", plans=("p-a",))),
    (
        lambda: given(each(do("a"))).when(freeze("a", 101), begin_child("a")),
        c.FinishChild(
            now_us=0, path="a", plan="p-a", status="completed", output=[1], labels=LABELS, failed=2, idle=True
        ),
    ),
    (
        lambda: given(loop("a")).when(begin_child("a"), child_ends("a")),
        c.JudgeRound(now_us=0, path="a", round=1, accepted=True, labels=LABELS),
    ),
    (calling, c.CallEffect(now_us=0, path="a!1", operation="demo.say", arguments={"word": "y"}, labels=LABELS)),
    (
        lambda: given(agent("a", where="worker")),
        c.StartStep(now_us=0, path="a", arguments={"word": "y"}, labels=LABELS),
    ),
    (
        lambda: given(agent("a")),
        c.FinishStep(
            now_us=0,
            path="a",
            attempt=1,
            output={"said": "y"},
            labels=LABELS,
            arguments={"word": "y"},
            rationale="It was asked for.",
            confidence=0.75,
            provenance=("mail 7",),
        ),
    ),
    (lambda: given(agent("a")), c.FailStep(now_us=0, path="a", attempt=1, failure=TRANSIENT, jitter=0.5)),
    (
        lambda: given(ask("a")),
        c.AskStep(
            now_us=0,
            path="a",
            card={"headline": "Shall we?"},
            labels=LABELS,
            covers=("b",),
            covered={"b": {"word": "y"}},
            binds=("digest",),
        ),
    ),
    (
        lambda: given(wait("a")),
        c.WaitStep(
            now_us=0, path="a", until_us=NOW_US + 5, event="mail.received", field="from", value="mark", labels=LABELS
        ),
    ),
    (
        lambda: given(wait("a")).when(c.WaitStep(now_us=0, path="a", until_us=None, event="mail.received")),
        c.HearEvent(now_us=0, path="a", event="outside.7", output={"from": "x"}, labels=LABELS),
    ),
    (covered, msgspec.structs.replace(PREPARED, path="a/0")),
    (lambda: given(do("a")).when(prepare("a")), c.IntendEffect(now_us=0, path="a", token="t", verdict=ALLOW)),
    (
        lambda: given(do("a")).when(*sent("a")),
        c.FinishEffect(
            now_us=0,
            path="a",
            output={"said": "y"},
            labels=LABELS,
            undo=UNDO,
            cannot_undo="It was heard.",
            cost_usd_micros=7,
            settled="it was looked up",
            confirm_by_us=NOW_US + 9,
        ),
    ),
    (lambda: given(do("a")).when(*sent("a")), c.RefuseEffect(now_us=0, path="a", failure=PERMANENT, jitter=0.5)),
    (lambda: given(do("a")).when(*sent("a")), c.LoseEffect(now_us=0, path="a", failure=LOST)),
    (uncertain, c.SettleAbsent(now_us=0, path="a", how="it is not there")),
    (uncertain, c.AskSettle(now_us=0, path="a", card={"headline": "Did it?"}, why="no answer came")),
    (uncertain, c.AwaitSettle(now_us=0, path="a", until_us=NOW_US + 5, looks=3, failure=TRANSIENT)),
    (lambda: given(do("a")).when(prepare("a")), msgspec.structs.replace(DELAY, again=True)),
    (lambda: given(do("a")).when(prepare("a"), DELAY), c.DispatchEffect(now_us=0, path="a", by="operator")),
    (confirming, c.ConfirmEffect(now_us=0, path="a", how="it stands in the account")),
    (confirming, c.MissEffect(now_us=0, path="a", again_at_us=NOW_US + 5, known="not yet")),
    (confirming, c.AskConfirm(now_us=0, path="a", card={"headline": "Is it there?"}, why="it can't be seen")),
]
# Not of the fact: which attempt is meant, what the next time is worked out from, what an intent is held to, what only a
# question has.
KEPT_BACK = {
    c.FinishStep: {"attempt"},
    c.FailStep: {"jitter"},
    c.RefuseEffect: {"jitter"},
    c.PrepareEffect: {"card", "patience", "failure"},
    c.IntendEffect: {"operation_version", "uncovered", "ways", "failure"},
    c.DelayEffect: {"again"},
}
OTHERWISE_NAMED = {
    c.AskStep: {"path": "paths"},
    c.AskSettle: {"path": "paths"},
    c.AskConfirm: {"path": "paths"},
}


@pytest.mark.parametrize(("before", "command"), CARRIED, ids=[type(command).__name__ for _, command in CARRIED])
def test_e1_what_a_command_says_stands_in_its_fact(before, command):
    fact = before().when(command).last[0]
    names = set(command.__struct_fields__) - {"now_us"} - KEPT_BACK.get(type(command), set())
    for name in names:
        said = getattr(command, name)
        assert said not in (None, "", (), 0, False), f"{name} says nothing here: give it a value"
        there = OTHERWISE_NAMED.get(type(command), {}).get(name, name)
        assert getattr(fact, there) == ((said,) if there != name else said), name


def test_e6_the_question_about_an_action_shows_its_card_and_why_it_is_asked():
    asked = given(do("a")).when(prepare("a", ASK)).fact(e.DecisionAsked)
    assert (asked.card, asked.rule, asked.why) == ({"headline": "Say x"}, "first time", "It is the first time.")


def test_p1_the_end_of_a_plan_carries_what_it_returns_its_ending_and_where_that_came_from():
    ends: dict[str, Any] = {"end": (Ending(Cel("true"), "sold"),)}
    scene = given(agent("a"), **ends).when(finish("a"), finish_plan("sold", output={"x": 1}))
    assert scene.last == (e.PlanCompleted({"x": 1}, "sold", ("demo.say",)),)


def test_p1_an_answer_carries_all_that_the_person_said():
    form = (Input("reason", "text"),)
    scene = given(ask("a", form=form)).when(pose("a"))
    answer = rule(
        1, "approve", binds=(), reason="good", kept=(0,), rows=[5], session="s-1", form={"reason": "so"}, prepared=()
    )
    scene.later(1).when(answer)
    assert scene.last[0] == e.DecisionRuled(
        "p.1",
        "approve",
        "operator",
        reason="good",
        kept=(0,),
        rows=[5],
        at_us=scene.now_us,
        session="s-1",
        form={"reason": "so"},
    )


# --- from the fact into the plan


def place(scene: Scene, kind: type[e.Fact]) -> int:
    """Where the latest fact of a kind stands in the history."""
    return max(at for at, (fact, _) in enumerate(scene.history, 1) if isinstance(fact, kind))


def same(slot: Slot, fact: e.Fact, *names: str) -> None:
    assert {name: getattr(slot, name) for name in names} == {name: getattr(fact, name) for name in names}
    assert all(getattr(fact, name) not in (None, "", (), 0) for name in names), "say something in each"


def test_p1_a_plan_stands_as_it_was_proposed_and_then_as_it_was_edited():
    propose, edit = CARRIED[0][1], CARRIED[2][1]
    scene = no_plan().when(propose)
    names = ("playbook", "title", "inputs", "given", "labels", "parent", "expires_at_us", "keys", "priority")
    same(scene.plan, scene.last[0], *names)  # pyright: ignore[reportArgumentType]
    assert (scene.plan.status, scene.plan.proposed_at_us, scene.plan.left) == ("proposed", NOW_US, 1)
    scene.later(1).when(edit)
    same(scene.plan, scene.last[0], "inputs", "labels", "expires_at_us", "keys", "priority")  # pyright: ignore[reportArgumentType]
    assert (scene.plan.given, scene.plan.proposed_at_us) == ({"m": 2}, NOW_US), "the rest is as it was"


def test_e1_what_was_prepared_is_kept_until_it_has_its_outcome():
    scene = covered().when(msgspec.structs.replace(PREPARED, path="a/0"))
    names = "arguments labels digest operation operation_version effect account cannot_undo ruling relies".split()
    same(scene.slot("a/0"), scene.last[0], *names)
    assert scene.slot("a/0").edited
    scene.when(c.IntendEffect(now_us=0, path="a/0", token="t", verdict=ASK))
    same(scene.slot("a/0"), scene.last[0], "token")
    scene.when(c.FinishEffect(now_us=0, path="a/0", output=5, labels=("more",), undo=UNDO, cannot_undo="In part."))
    same(scene.slot("a/0"), scene.last[0], "output", "labels", "undo", "cannot_undo")
    assert (scene.slot("a/0").arguments, scene.slot("a/0").done_at) == (None, scene.plan.sequence)


def test_e2_a_token_keeps_the_generation_it_was_made_for():
    scene = uncertain().when(c.SettleAbsent(now_us=0, path="a", how="it is not there"), intend("a"))
    same(scene.slot("a"), scene.last[0], "generation", "token")
    assert scene.slot("a").generation == 1


def test_e3_what_may_have_happened_keeps_why_its_looks_and_when_it_is_looked_up():
    scene = uncertain()
    assert (scene.slot("a").failure, scene.slot("a").looks) == (LOST, 0)
    scene.when(c.AwaitSettle(now_us=0, path="a", until_us=NOW_US + 5, looks=3, failure=TRANSIENT))
    assert (scene.slot("a").wakes_at_us, scene.slot("a").looks) == (NOW_US + 5, 3)
    assert scene.slot("a").failure == TRANSIENT
    again = uncertain().when(c.AwaitSettle(now_us=0, path="a", until_us=NOW_US + 5, looks=1))
    assert again.slot("a").failure == LOST, "what is known of it stays where nothing new is"


def test_e3_whoever_may_have_happened_again_is_looked_up_from_the_first_look_on():
    scene = uncertain().when(c.AwaitSettle(now_us=0, path="a", until_us=NOW_US, looks=3))
    scene.when(c.TimerDue(now_us=0, kind="settle", path="a"), c.SettleAbsent(now_us=0, path="a", how="no"))
    scene.when(intend("a"), lose("a"))
    assert (scene.slot("a").status, scene.slot("a").looks) == ("uncertain", 0)


def test_e2_the_generation_on_disk_is_the_one_that_counts():
    scene = given(do("a")).when(prepare("a"))
    fact = e.EffectIntended("a", "t", attempt=1, generation=4, verdict=ALLOW)
    assert evolve(scene.plan, fact, NOW_US).slots["a"].generation == 4


def test_e4_what_is_read_back_is_held_against_its_arguments_until_it_was_seen():
    scene = confirming()
    slot = scene.slot("a")
    assert (slot.arguments, slot.looks, slot.confirm_by_us) == ({"word": "x"}, 0, NOW_US + 9)
    assert (slot.output, slot.undo) == ({"word": "x"}, UNDO)
    scene.when(c.MissEffect(now_us=0, path="a", again_at_us=NOW_US + 5, known="not yet"))
    assert (scene.slot("a").looks, scene.slot("a").wakes_at_us) == (1, NOW_US + 5)
    scene.later(5).when(c.TimerDue(now_us=0, kind="confirm", path="a"))
    scene.when(c.ConfirmEffect(now_us=0, path="a", how="it is there"))
    assert (scene.slot("a").status, scene.slot("a").arguments) == ("done", None)


def test_e4_the_looks_for_what_may_have_happened_do_not_count_for_its_reading_back():
    scene = uncertain().when(c.AwaitSettle(now_us=0, path="a", until_us=NOW_US, looks=3))
    scene.when(c.TimerDue(now_us=0, kind="settle", path="a"), happen("a", confirm_by_us=NOW_US + 9))
    assert scene.slot("a").looks == 0


def test_p1_what_an_attempt_began_on_and_what_an_agent_said_stand_in_the_plan():
    begin, end = msgspec.structs.replace(CARRIED[13][1], labels=("web",)), CARRIED[14][1]
    scene = given(agent("a", where="worker")).when(begin)
    same(scene.slot("a"), scene.last[0], "arguments", "labels")
    scene.when(end)
    same(scene.slot("a"), scene.last[0], "output", "labels", "rationale", "confidence")
    assert (scene.slot("a").arguments, scene.slot("a").done_at) == (None, place(scene, e.StepCompleted))


def test_j1_an_action_of_an_agent_begins_with_what_it_was_asked_for():
    scene = calling().later(1).when(CARRIED[12][1])
    same(scene.slot("a!1"), scene.last[0], "arguments", "operation", "labels")
    assert scene.slot("a!1").ready_at_us == scene.now_us


def test_l3_what_was_skipped_waited_for_or_asked_about_carries_where_that_came_from():
    scene = given(agent("a"), wait("b"), ask("d")).when(
        c.SkipStep(now_us=0, path="a", why="no", labels=LABELS),
        c.WaitStep(now_us=0, path="b", until_us=None, event="mail.received", labels=("bank",)),
        c.AskStep(now_us=0, path="d", card={}, labels=LABELS),
    )
    assert (scene.slot("a").labels, scene.slot("b").labels, scene.slot("d").labels) == (LABELS, ("bank",), LABELS)
    assert scene.slot("b").awaits == "mail.received"
    scene.when(c.HearEvent(now_us=0, path="b", event="outside.7", output={"from": "x"}, labels=("mail",)))
    slot = scene.slot("b")
    assert (slot.labels, slot.output, slot.done_at) == (LABELS, {"from": "x"}, place(scene, e.WaitEnded))


def test_p2_a_list_and_its_parts_keep_what_they_are_of():
    scene = given(each(do("a"))).when(c.FreezeItems(now_us=0, path="a", items=[7, 8], count=2, labels=("bank",)))
    slot = scene.slot("a")
    assert (slot.items, slot.count, slot.open, slot.labels) == ([7, 8], 2, 2, ("bank",))
    scene = given(each(do("a"))).when(freeze("a", 150), begin_child("a", "p-1", "p-2"))
    scene.when(child_ends("a", plan="p-1", output=[1], labels=("mail",), failed=2, idle=True))
    scene.when(child_ends("a", plan="p-2", output=[2], labels=("bank",), failed=1))
    slot = scene.slot("a")
    assert (slot.children, slot.output) == (("p-1", "p-2"), {"p-1": [1], "p-2": [2]})
    assert (slot.labels, slot.lost, slot.idle, slot.open) == (("bank", "mail"), 3, 1, 0)
    assert slot.done_at == place(scene, e.ChildFinished), "at the end of its latest part"


def test_p4_what_failed_keeps_why_and_how_often():
    scene = given(agent("a")).when(c.FailStep(now_us=0, path="a", attempt=1, failure=TRANSIENT, jitter=0.5))
    same(scene.slot("a"), scene.last[0], "attempt", "failure")
    scene = given(do("a")).when(*sent("a"), refuse("a", TRANSIENT))
    same(scene.slot("a"), scene.last[0], "attempt", "failure")
    scene = given(do("a", on_failure="undo")).when(*sent("a"), refuse("a", PERMANENT))
    same(scene.slot("a"), scene.fact(e.StepFailed), "failure")
    assert scene.slot("a").arguments is None


@pytest.mark.parametrize("part", [(), ("a",)])
def test_e5_who_asked_for_an_undo_and_of_what_is_known_until_it_is_over(part):
    scene = given(do("a"), do("b")).when(*carried_out("a"), *carried_out("b"))
    scene.when(c.UndoPlan(now_us=0, by="operator", reason="r", steps=part))
    assert (scene.plan.undo_by, scene.plan.undo_steps, scene.plan.stood) == ("operator", part, "completed")
    scene = given(do("a")).when(*carried_out("a"), undo())
    assert scene.slot("~a").ready_at_us == scene.now_us
