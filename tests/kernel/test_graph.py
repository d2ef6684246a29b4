"""The shape of a plan: edges both ways, the order that follows, the part of a list that a child plan runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_scene import agent, do, each, needs
from msgspec.structs import replace

from mainstay.kernel.graph import Cel, Definition, Graph, Literally, chunk_of


def graph(*steps) -> Graph:
    return Graph(Definition(name="demo", title="Demo", steps=steps))


def test_edges_are_known_both_ways():
    made = graph(agent("a"), agent("b", "a"), agent("c", "a", "b?"))
    assert made.roots == ("a",)
    assert made.dependents == {"a": ("b", "c"), "b": ("c",), "c": ()}
    assert made.unmet == {"b": 1, "c": 2}


def test_steps_that_go_over_lists_are_known():
    assert graph(agent("a"), each(do("b")), each(agent("c"))).fan_outs == ("b", "c")


def test_a_need_of_no_step_is_a_programmers_mistake():
    with pytest.raises(AssertionError):
        graph(agent("a", "nobody"))


def test_the_order_is_in_waves():
    assert graph(agent("c", "a", "b"), agent("a"), agent("b", "a"), agent("d")).order() == [["a", "d"], ["b"], ["c"]]


def test_steps_that_wait_for_each_other_have_no_order():
    with pytest.raises(ValueError, match="a, b wait for each other"):
        graph(agent("a", "b"), agent("b", "a"), agent("c")).order()


@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.sets(st.integers(0, n)), min_size=n, max_size=n)))
def test_every_step_comes_after_all_it_needs(edges):
    steps = [agent(f"s{i}", *(f"s{j}" for j in sorted(need) if j < i)) for i, need in enumerate(edges)]
    waves = graph(*steps).order()
    at = {name: number for number, wave in enumerate(waves) for name in wave}
    assert set(at) == {step.name for step in steps}
    assert all(at[need.step] < at[step.name] for step in steps for need in step.needs)


def test_a_child_plan_runs_one_step_over_its_part_of_the_list_p2():
    step = replace(each(do("b", "a", at_once=3, checkpoint=True)), when=Cel("x"), item="record(invoice)")
    whole = Definition(
        name="demo", title="Demo", steps=(agent("a"), step), let={"x": Literally(1)}, types={"x": "int"}, expires_s=60
    )
    part = chunk_of(whole, "b")
    assert part.title == "Demo: a part of b"
    assert [made.name for made in part.steps] == ["b"]
    alone = part.steps[0]
    assert (alone.needs, alone.when, alone.checkpoint, alone.at_once) == ((), None, False, 3)
    assert alone.each == Cel("items", names=("items",), paths=("items",))
    assert part.types == {"x": "int", "items": "list(record(invoice))"}
    assert part.let == whole.let
    assert needs("a", "b?") != needs("a", "b")
