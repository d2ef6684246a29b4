"""What stands behind a question (requirement G3): counted as it was, and a yes suggested only where it was earned."""

from __future__ import annotations

import pytest

from mainstay import events as e
from mainstay.views.bundle import ENOUGH, answered, recommended
from mainstay.views.cards import _behind

ASKED = e.DecisionAsked("p.1", "effect", ("a",), {}, ("approve", "reject"))


def past(*choices: str):
    return answered([(choice, "2026-01-01") for choice in choices])


def maker(confidence: float | None):
    return {"step": "a", "agent": "match", "rationale": "", "confidence": confidence, "feedback": []}


@pytest.mark.parametrize(
    ("choices", "confidence", "suggested"),
    [
        ((), None, "look"),
        (("approve",) * ENOUGH, None, "approve"),
        (("approve",) * (ENOUGH - 1), None, "look"),
        (("approve",) * ENOUGH, 0.9, "approve"),
        (("approve",) * ENOUGH, 0.89, "look"),
        (("reject", *("approve",) * 20), None, "look"),
        (("approve", "reject", *("approve",) * 20), None, "look"),
        (("revise", *("approve",) * 20), None, "look"),
    ],
)
def test_g3_a_yes_is_suggested_only_after_a_row_of_them_and_where_nobody_is_unsure(choices, confidence, suggested):
    told = recommended(ASKED, past(*choices), [maker(confidence)])
    assert (told["choice"], bool(told["why"])) == (suggested, True)


def test_g3_nothing_is_suggested_for_what_is_stuck_or_has_no_yes():
    stuck = e.DecisionAsked("p.1", "stuck", ("a",), {}, ("retry", "skip"))
    own = e.DecisionAsked("p.1", "ask", ("a",), {}, ("good", "bad"))
    assert [recommended(each, past(*("approve",) * 9), [])["choice"] for each in (stuck, own)] == ["", ""]


def test_g3_answers_are_counted_by_what_they_were():
    told = past("approve", "approve", "reject")
    assert (told["counts"], told["in_a_row"], told["last"]) == (
        {"approve": 2, "reject": 1},
        2,
        {"choice": "approve", "at": "2026-01-01"},
    )
    assert past() == {"counts": {}, "in_a_row": 0, "last": None}


@pytest.mark.parametrize(("confidence", "sure"), [(1.0, "99% sure"), (0.999, "99% sure"), (0.5, "50% sure")])
def test_g3_no_card_says_that_anybody_is_wholly_sure(confidence, sure):
    question = {"worked_out": [maker(confidence)], "past": past(), "recommended": recommended(ASKED, past(), [])}
    assert ("worked out by", f"match, {sure}") in _behind(question | {"card": {}}, "")
    rows = [{"confidence": 0.5}]  # of which each says it of itself
    assert ("worked out by", "match") in _behind(question | {"card": {"rows": rows}}, "")
