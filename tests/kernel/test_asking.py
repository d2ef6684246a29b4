"""Questions: who asks, by which rule and why, of what, and what is kept while one is open (KERNEL E6)."""

from __future__ import annotations

import pytest
from kernel_scene import (
    ASK,
    NOW_US,
    UNDO,
    ask,
    ask_batch,
    ask_settle,
    do,
    each,
    freeze,
    given,
    happen,
    intend,
    lose,
    pose,
    prepare,
    rule,
    sent,
)
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.values import SECOND_US

LATER = c.AwaitSettle(now_us=0, path="a", until_us=NOW_US + 9, looks=1)
ASK_CONFIRM = c.AskConfirm(now_us=0, path="a", card={"headline": "Is it there?"}, why="it can't be seen")


def test_e6_a_question_of_the_playbook_says_so_and_goes_to_whom_it_names():
    scene = given(ask("a", to="accountant", due_s=60, remind_s=(20, 10), options=("approve", "later"))).when(pose("a"))
    assert scene.last[0] == e.DecisionAsked(
        "p.1",
        "ask",
        ("a",),
        {"headline": "Shall we?"},
        ("approve", "later"),
        due_at_us=NOW_US + 60 * SECOND_US,
        remind_at_us=(NOW_US + 10 * SECOND_US, NOW_US + 20 * SECOND_US),
        rule="playbook",
        why="The playbook asks.",
        to="accountant",
    )


PATIENCE = c.Patience(remind_s=(20, 10), escalate_s=40, due_s=60)


def test_e6_a_question_of_policy_is_as_patient_as_its_rule_says():
    times = {
        "remind_at_us": (NOW_US + 10 * SECOND_US, NOW_US + 20 * SECOND_US),
        "escalate_at_us": NOW_US + 40 * SECOND_US,
        "due_at_us": NOW_US + 60 * SECOND_US,
    }
    alone = given(do("a")).when(replace(prepare("a", ASK), patience=PATIENCE)).fact(e.DecisionAsked)
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0", ASK), prepare("a/1", ASK))
    together = scene.when(replace(ask_batch("a"), patience=PATIENCE)).fact(e.DecisionAsked)
    for asked in (alone, together):
        assert {name: getattr(asked, name) for name in times} == times


def test_e6_a_question_about_an_action_binds_it_and_says_which_rule_asks():
    assert given(do("a")).when(prepare("a", ASK)).last[1] == e.DecisionAsked(
        "p.1",
        "effect",
        ("a",),
        {"headline": "Say x"},
        ("approve", "reject"),
        binds=("digest of a",),
        rule="first time",
        why="It is the first time.",
    )


def test_e6_a_question_about_a_list_binds_each_of_it_and_says_which_rule_asks():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0", ASK), prepare("a/1", ASK))
    assert scene.when(ask_batch("a")).last[0] == e.DecisionAsked(
        "p.1",
        "batch",
        ("a/0", "a/1"),
        {"headline": "All of these?"},
        ("approve", "reject"),
        binds=("digest of a/0", "digest of a/1"),
        rule="batch",
        why="The playbook asks once.",
    )


@pytest.mark.parametrize("before", [(), (LATER,)], ids=["at once", "while it waits to be looked up"])
def test_e3_a_question_whether_it_happened_says_what_is_known(before):
    scene = given(do("a")).when(*sent("a"), lose("a"), *before, ask_settle("a"))
    assert scene.last[0] == e.DecisionAsked(
        "p.1",
        "settle",
        ("a",),
        {"headline": "Did it?"},
        ("happened", "did_not_happen", "skip"),
        rule="uncertain",
        why="no answer came",
    )


def test_e4_a_question_about_what_was_read_back_says_what_is_known():
    scene = given(do("a")).when(*sent("a"), happen("a", UNDO, confirm_by_us=NOW_US + 9), ASK_CONFIRM)
    assert scene.last[0] == e.DecisionAsked(
        "p.1",
        "confirm",
        ("a",),
        {"headline": "Is it there?"},
        ("confirmed", "again", "undo"),
        rule="confirm",
        why="it can't be seen",
    )


def test_l3_an_action_keeps_where_it_came_from_while_it_is_asked_about():
    scene = given(do("a")).when(replace(prepare("a", ASK), labels=("bank",)))
    assert (scene.slot("a").labels, scene.slot("a").decision) == (("bank",), "p.1")
    scene.when(rule(1, "approve"))
    assert (scene.slot("a").labels, scene.slot("a").decision) == (("bank",), "")


def batch():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0", ASK), prepare("a/1", ASK))
    return scene.when(ask_batch("a"))


def test_e6_all_of_a_list_can_be_kept_by_name():
    scene = batch().when(rule(1, "approve", kept=(0, 1))).then(e.DecisionRuled)
    assert scene.work() == [("intend", "a/0"), ("intend", "a/1")]


def test_e6_what_was_not_approved_holds_no_answer_that_could_let_it_happen():
    scene = batch().when(rule(1, "approve", kept=(1,)))
    assert (scene.slot("a/0").ruling, scene.slot("a/1").ruling) == ("", "p.1")
    scene = batch().when(rule(1, "reject"))
    assert (scene.slot("a/0").ruling, scene.slot("a/1").ruling) == ("", "")
    scene = given(do("a")).when(prepare("a", ASK), rule(1, "reject")).stands("completed", a="rejected")
    assert scene.slot("a").ruling == ""
    scene.refuses(intend("a", ASK), '"not approved", not at')
