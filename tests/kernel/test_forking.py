"""Reruns adopt outcomes up to a step (KERNEL P6)."""

from __future__ import annotations

import pytest
from kernel_scene import (
    agent,
    ask,
    carried_out,
    do,
    each,
    fail,
    finish,
    freeze,
    given,
    pose,
    proposed,
    rule,
    undo,
)

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.forking import adoptable, adopted_part, is_same, lets_of, may_count, may_count_list, rerun_steps
from mainstay.kernel.graph import Cel, Definition, Graph, Literally, Record
from mainstay.values import Failure

APPROVE = c.ApprovePlan(now_us=0, by="operator")


def fork(*names: str, start: str = "") -> c.ForkPlan:
    return c.ForkPlan(
        now_us=0, of="old", start=start, adopted=tuple(e.Adopted(name, f"value of {name}") for name in names)
    )


def test_p6_what_was_adopted_has_a_value_and_is_not_done_again():
    scene = proposed(do("a"), agent("b", "a"), do("c", "b")).when(fork("a", "b", start="c"), APPROVE)
    scene.stands("running", a="done", b="done", c="ready")
    assert scene.slot("b").output == "value of b"
    assert scene.work() == [("resolve", "c")]


def test_p6_a_plan_all_of_which_was_adopted_is_done_when_it_starts():
    proposed(agent("a"), agent("b", "a")).when(fork("a", "b"), APPROVE).stands("completed", a="done", b="done")


def test_p6_an_outcome_is_adopted_whatever_it_leans_on_runs_again():
    scene = proposed(agent("a"), do("b", "a"), agent("c", "b")).when(fork("b", start="a"), APPROVE)
    assert scene.work() == [("resolve", "a"), ("resolve", "c")]
    scene.when(finish("a"), finish("c")).stands("completed")


def test_p6_taking_the_rerun_back_does_not_touch_what_it_adopted():
    scene = proposed(do("a"), do("b", "a")).when(fork("a", start="b"), APPROVE, *carried_out("b"), undo())
    assert scene.work() == [("compensate", "~b")]
    scene.when(*carried_out("~b", undo=None)).stands("undone")
    assert scene.fact(e.PlanUndone).left == ()


def test_p6_a_list_adopted_in_part_is_ready_and_only_a_list_can_be():
    part = c.ForkPlan(now_us=0, of="old", start="a", adopted=(e.Adopted("a", [1, None], status="partly", places=(1,)),))
    scene = proposed(each(do("a")), agent("b", "a")).when(part, APPROVE).stands("running", a="ready")
    scene.when(freeze("a", 1)).stands("running", a="fanned", **{"a/0": "ready"})
    proposed(do("a")).refuses(part, "no list to adopt a part of")


def test_only_what_is_proposed_becomes_a_rerun_and_only_of_its_own_steps():
    given(agent("a")).refuses(fork("a"), "before it may run")
    proposed(agent("a")).when(fork("a")).refuses(fork("a"), "before it may run")
    proposed(agent("a")).refuses(fork("z"), "no step z")


def test_p6_a_part_of_a_plan_is_taken_back_and_the_plan_stands_as_it_stood():
    scene = given(do("a"), do("b", "a")).when(*carried_out("a"), *carried_out("b")).stands("completed")
    scene.when(c.UndoPlan(now_us=0, by="operator", steps=("b",)))
    assert scene.work() == [("compensate", "~b")]
    scene.when(*carried_out("~b", undo=None)).stands("completed")
    assert scene.fact(e.PlanUndone).stands == "completed"
    scene.when(undo())
    assert scene.work() == [("compensate", "~a")], "what was taken back is not taken back again (E5)"
    given(do("a")).refuses(c.UndoPlan(now_us=0, by="operator", steps=("z",)), "no step z")


def graph(*steps):
    return Graph(Definition(name="p", title="P", steps=steps))


def test_p6_what_runs_again_is_the_step_and_all_that_lean_on_it():
    steps = (agent("a"), agent("b", "a"), agent("c", "b?"), agent("d", "a"), ask("x"))
    assert rerun_steps(graph(*steps), "b") == {"b", "c"}
    assert rerun_steps(graph(*steps), "") == {"a", "b", "c", "d", "x"}


def test_p6_a_changed_step_is_not_adopted_nor_is_what_leans_on_it():
    parent = given(agent("a"), agent("b", "a"), agent("c")).when(finish("a"), finish("b"), finish("c")).plan
    changed = graph(agent("a", checkpoint=True), agent("b", "a"), agent("c"))
    assert adoptable(parent, changed, {"a", "b"}) == ["c"]
    assert adoptable(parent, parent.graph, {"b"}) == ["a", "c"]
    assert set(adoptable(parent, parent.graph, {"a", "b"}, kept={"b"})) == {"b", "c"}


# --- which outcomes are taken over


def test_p6_what_leans_on_something_that_is_not_adopted_is_not_adopted_either():
    parent = given(agent("a"), agent("b", "a"), agent("c", "b")).when(finish("a"), finish("b"), finish("c")).plan
    assert adoptable(parent, parent.graph, ()) == ["a", "b", "c"]
    assert adoptable(parent, parent.graph, {"a"}) == []
    assert adoptable(parent, parent.graph, {"a"}, kept={"c"}) == ["c"]


NOT_WANTED = Failure("permanent", "no", cause="Rejected")
ENDS = {
    "done": (agent("a"), (finish("a"),)),
    "skipped": (agent("a"), (c.SkipStep(now_us=0, path="a", why="no"),)),
    "failed, with a way out": (agent("a", on_failure="step", way_out="w"), (fail("a"),)),
    "rejected, and used": (ask("a", used=True), (pose("a"), rule(1, "reject"))),
    "an action that was not wanted": (
        do("a"),
        (c.FailStep(now_us=0, path="a", attempt=1, failure=NOT_WANTED, jitter=0),),
    ),
    "not begun": (agent("a", "z"), ()),
    "on its way": (agent("a"), ()),
    "failed, and the plan with it": (agent("a", on_failure="undo"), (fail("a"),)),
    "rejected, and the plan ended": (ask("a"), (pose("a"), rule(1, "reject"))),
}


@pytest.mark.parametrize("name", ENDS)
def test_p6_an_outcome_is_adopted_that_the_playbook_goes_on_from_and_no_other(name):
    step, commands = ENDS[name]
    others = (agent("z"), agent("w", "a!"))
    parent = given(step, *others).when(*commands).plan
    well = list(ENDS).index(name) < 5
    assert ("a" in adoptable(parent, parent.graph, {"z", "w"})) == well
    if well:
        assert parent.slots["a"].status == name.split()[0].rstrip(",") or name.startswith("an action")


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ({}, {}, True),
        ({"steps": (agent("a"),)}, {"steps": (agent("a", checkpoint=True),)}, False),
        ({"steps": (agent("a"),)}, {"steps": (agent("b"),)}, False),
        ({"let": {"n": Literally(1)}}, {"let": {"n": Literally(2)}}, False),
        ({"let": {"n": Literally(1), "m": Literally(1)}}, {"let": {"n": Literally(1), "m": Literally(2)}}, True),
        (
            {"let": {"n": Cel("m", names=("m",)), "m": Literally(1)}},
            {"let": {"n": Cel("m", names=("m",)), "m": Literally(2)}},
            False,
        ),
        ({"playbooks": {"think": Definition(name="k", title="K", steps=())}}, {}, False),
        ({"playbooks": {"other": Definition(name="k", title="K", steps=())}}, {}, True),
    ],
)
def test_p6_a_step_means_the_same_only_where_its_names_and_its_playbook_do(was, now, same):
    step = agent("a", arguments=Record({"n": Cel("n", names=("n",))}))
    first, second = (
        Graph(Definition(**{"name": "p", "title": "P", "steps": (step,), **given_})) for given_ in (was, now)
    )
    assert is_same(first, second, "a") == same
    assert is_same(second, first, "a") == same


def test_p6_the_names_that_a_step_leans_on_are_found_through_one_another():
    n, m = Cel("m + 1", names=("m",)), Cel("n", names=("n",))
    let = {"n": n, "m": m, "k": Literally(1), "left": Literally(2)}
    step = agent("a", arguments=Record({"x": n, "y": Cel("k + inputs.k", names=("k", "inputs"))}))
    definition = Definition(name="p", title="P", steps=(step,), let=let)
    assert lets_of(definition, step) == {"n": n, "m": m, "k": let["k"]}


def typed(kind: str, *steps) -> Graph:
    return Graph(Definition(name="p", title="P", steps=steps, types={"a": kind}))


def test_p6_an_outcome_can_be_said_to_count_where_the_step_has_its_type_and_kind_and_a_value():
    parent = given(agent("a"), agent("b"), agent("n"), types={"a": "text"}).when(finish("a")).plan
    assert may_count(parent, typed("text", agent("a", checkpoint=True)), "a"), "also of a step that was changed"
    assert not may_count(parent, typed("number", agent("a")), "a")
    assert not may_count(parent, typed("text", do("a")), "a")
    assert not may_count(parent, typed("text", agent("b")), "a"), "there is no such step here"
    assert not may_count(parent, typed("text", agent("b")), "b"), "it has no value"
    assert not may_count(parent, typed("text", agent("z")), "z"), "there was none"
    skipped = given(agent("a"), types={"a": "text"}).when(c.SkipStep(now_us=0, path="a", why="no")).plan
    assert not may_count(skipped, typed("text", agent("a")), "a")


def test_p6_a_list_can_run_again_in_part_where_it_is_the_same_and_had_items_of_its_own():
    parent = given(each(do("a")), do("b"), each(do("e"), at_once=1)).when(freeze("a", 2), freeze("e", 0)).plan
    graph_ = parent.graph
    assert may_count_list(parent, graph_, "a")
    assert not may_count_list(parent, graph_, "b"), "no list"
    assert not may_count_list(parent, graph_, "e"), "no items"
    assert not may_count_list(parent, graph(each(do("a"), at_once=1)), "a"), "another step by now"
    assert not may_count_list(parent, graph(do("a")), "a"), "no list any more"
    assert not may_count_list(given(each(do("a"))).plan, graph_, "z"), "no such step"
    part = e.Adopted("a", [1, None], status="partly", places=(1,))
    again = proposed(each(do("a"))).when(c.ForkPlan(now_us=0, of="old", start="a", adopted=(part,)), APPROVE)
    assert may_count_list(again.when(freeze("a", 1)).plan, graph(each(do("a"))), "a")


def test_p6_the_part_of_a_list_that_was_adopted_is_found_by_its_name():
    whole, part = e.Adopted("a", 1), e.Adopted("b", [1, None], status="partly", places=(1,))
    plan = proposed(do("a"), each(do("b"))).when(c.ForkPlan(now_us=0, of="old", start="", adopted=(whole, part))).plan
    assert adopted_part(plan, "b") == part
    assert adopted_part(plan, "a") is None, "that was adopted as a whole"
    assert adopted_part(plan, "z") is None
    assert adopted_part(given(do("a")).plan, "a") is None


def test_p6_what_is_adopted_carries_where_it_came_from_and_lets_others_begin_at_that_time():
    adopted = (e.Adopted("a", 1, ("bank",)), e.Adopted("b", status="failed"))
    scene = proposed(agent("a"), agent("b", "a!"), agent("d", "a"), agent("f", "b!"))
    scene.when(c.ForkPlan(now_us=0, of="old", start="d", adopted=adopted)).later(9).when(APPROVE)
    slot = scene.slot("a")
    assert (slot.status, slot.output, slot.labels, slot.adopted) == ("done", 1, ("bank",), True)
    assert slot.ready_at_us == scene.slot("d").ready_at_us == scene.slot("f").ready_at_us == scene.now_us
    scene.stands("running", b="failed", d="ready", f="ready")
