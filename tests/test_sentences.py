"""Every fact is told in the operator's words."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from mainstay import events as e
from mainstay.app import contracts_to_read
from mainstay.errors import CommandRefusedError
from mainstay.kernel.graph import Definition, Graph
from mainstay.kernel.state import Duty, Plan, PlanStatus, Slot, SlotStatus
from mainstay.kernel.turn import Turn
from mainstay.kernel.words import DUTY, SLOT, STATUS
from mainstay.sentences import DOES, EFFECT, say, say_does, say_many, say_offline
from mainstay.values import EffectClass

ENGINE_ROOM = re.compile(r"\b(projection|digest|fold\w*|fanned|stream|slot|token|compensat\w+|dead letter|splitting)\b")


def test_every_state_has_a_word_and_none_is_of_the_engine_room():
    assert (set(STATUS), set(SLOT), set(DUTY)) == (
        set(get_args(PlanStatus)),
        set(get_args(SlotStatus)),
        set(get_args(Duty)),
    )
    assert not [word for word in (*STATUS.values(), *SLOT.values(), *DUTY.values()) if ENGINE_ROOM.search(word)]


def test_every_kind_of_action_has_words_and_one_that_waits_is_said_in_the_singular():
    assert set(EFFECT) == set(get_args(EffectClass))
    assert say_offline(1) == "1 action waits, and goes on by itself"
    assert say_offline(2) == "2 actions wait, and go on by themselves"


def test_a_part_of_a_budget_names_whose_action_it_is_for():
    told = say(e.BudgetReserved("2026-11-21", "abc/~book/4", 1, 0))
    assert told == "Held 1 of the budget for undo of book, item 5 (plan abc)"
    assert say(e.BudgetSettled("2026-11-21", "abc/pay", 0, 0)) == "Charged 0 to the budget for pay (plan abc)"


@pytest.mark.parametrize("status", get_args(SlotStatus))
def test_what_a_step_is_not_there_for_is_refused_in_plain_words(status):
    plan = Plan(
        "abc", Graph(Definition(name="p", title="P", steps=())), slots={"book": Slot("fanned"), "~book/4": Slot(status)}
    )
    with pytest.raises(CommandRefusedError) as refused:
        Turn(plan, 0).slot("book", "splitting", "ready")
    assert refused.value.message.endswith(
        'book stands at "working on its parts", not at "being split up" or "about to start".'
    )
    with pytest.raises(CommandRefusedError, match="undo of book, item 5 stands at") as refused:
        Turn(plan, 0).slot("~book/4")
    assert not ENGINE_ROOM.search(refused.value.message)


def test_child_plans_are_told_by_their_ids_and_those_of_items_by_their_items():
    assert say(e.ChildrenStarted("s", ("abc-s",))) == "s: plan abc-s began"
    assert say(e.ChildrenStarted("s", ("abc-s-1", "abc-s-2"))) == "s: split into 2 parts"
    assert say(e.ChildrenStarted("s/1", ("abc-s-2",))) == "s, item 2: plan begun"
    assert say(e.ChildFinished("s", "abc-s", "completed")) == "s: plan abc-s is done"
    assert say(e.ChildFinished("s/1", "abc-s-2", "cancelled")) == "s, item 2: plan cancelled"
    assert say(e.RoundJudged("r", 2, accepted=False)) == "r: round 2 is not good enough"
    assert say(e.StepUndone("s", ("s/1.pay/0", "r#2.pay"))) == (
        "s: taken back, except s, item 2: pay, item 1, r, run 2: pay"
    )


def test_all_that_mainstay_itself_does_has_words():
    assert set(DOES) == set(contracts_to_read(None).operations)
    assert (say_many("files.write", 3), say_many("files.write", 1)) == ("3 files to write", "write a file")
    assert (say_does("shop.refund"), say_many("shop.refund", 2)) == ("shop.refund", "2 x shop.refund")
