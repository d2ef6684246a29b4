"""Reruns adopt outcomes up to a step (KERNEL P6)."""

from __future__ import annotations

from kernel_scene import agent, ask, carried_out, do, each, finish, freeze, given, proposed, undo

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.forking import adoptable, rerun_steps
from mainstay.kernel.graph import Definition, Graph

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
