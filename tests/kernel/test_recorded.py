"""What was worked out once is recorded, and never worked out again (KERNEL P1)."""

from __future__ import annotations

import pytest
from kernel_scene import agent, do, each, fail, freeze, given, intend, prepare, refuse, start, timer

from mainstay import events as e
from mainstay.values import Failure

AGAIN = Failure("transient", "not now")


@pytest.mark.parametrize("step", [agent("a"), do("a")])
def test_p1_the_time_of_a_step_stays_what_it_was_when_it_is_tried_again(step):
    scene = given(step)
    ready_us = scene.slot("a").ready_at_us
    scene.later(50).when(fail("a", AGAIN)).later(500).when(timer("retry", "a", 1)).then(e.RetryDue)
    assert scene.slot("a").status == "ready"
    assert scene.slot("a").ready_at_us == ready_us


def test_p1_an_action_that_was_prepared_is_sent_again_as_it_was_prepared():
    scene = given(do("a")).when(prepare("a"), intend("a"), refuse("a", AGAIN))
    was = scene.slot("a").arguments
    scene.later(500).when(timer("retry", "a", 1))
    assert (scene.slot("a").status, scene.slot("a").arguments) == ("prepared", was)
    scene.refuses(prepare("a"), "stands at")


def test_p1_a_list_that_was_frozen_is_not_frozen_again():
    scene = given(each(do("a"))).when(freeze("a", 2))
    scene.refuses(freeze("a", 3), "stands at")
    assert scene.slot("a").count == 2


def test_p1_an_attempt_in_a_worker_runs_again_after_a_crash_on_what_was_recorded():
    scene = given(agent("a", where="worker")).when(start("a"))
    assert scene.work() == [("run", "a")]
    scene.refuses(start("a"), "stands at")
