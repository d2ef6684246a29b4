"""How units of work are named to the operator (DESIGN, Words)."""

from __future__ import annotations

from typing import get_args

import pytest

from mainstay.kernel.state import Duty, PlanStatus, SlotStatus
from mainstay.kernel.words import DUTY, SLOT, STATUS, say_path

SAID = {
    "book": "book",
    "book/4": "book, item 5",
    "~book": "undo of book",
    "~book/4": "undo of book, item 5",
    "draft!3": "draft, call 3",
    "draft!2-3": "draft, call 2-3",
    "draft/0!3": "draft, item 1, call 3",
    "~draft!3": "undo of draft, call 3",
    "=": "its end",
    "each/4#2.pay": "each, item 5, run 2: pay",
    "each#2.pay/1": "each, run 2: pay, item 2",
    "each.pay.=": "each: pay: its end",
    "book~": "book~",
}


@pytest.mark.parametrize(("path", "said"), SAID.items())
def test_e6_every_unit_of_work_has_a_name_that_a_person_can_read(path, said):
    assert say_path(path) == said


def test_k4_every_place_where_work_can_stand_has_words():
    assert set(STATUS) == set(get_args(PlanStatus))
    assert set(SLOT) == set(get_args(SlotStatus))
    assert set(DUTY) == set(get_args(Duty))
    words = [*STATUS.values(), *SLOT.values(), *DUTY.values()]
    assert not [word for word in words if word != word.strip() or not word or "_" in word]
