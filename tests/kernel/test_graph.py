"""The shape of a plan: edges both ways, the order that follows, the part of a list that a child plan runs."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_scene import agent, do, each, needs
from msgspec.structs import replace

from mainstay.kernel.graph import (
    Cel,
    Compensate,
    Definition,
    Field,
    Graph,
    Literally,
    Record,
    Repeat,
    Sequence,
    Text,
    chunk_of,
    names_in,
    names_used,
)


def graph(*steps) -> Graph:
    return Graph(Definition(name="demo", title="Demo", steps=steps))


def test_edges_are_known_both_ways():
    made = graph(agent("a"), agent("b", "a"), agent("c", "a", "b?"))
    assert made.roots == ("a",)
    assert made.dependents == {"a": ("b", "c"), "b": ("c",), "c": ()}


def test_steps_that_go_over_lists_are_known():
    assert graph(agent("a"), each(do("b")), each(agent("c"))).fan_outs == ("b", "c")


def test_whether_any_step_runs_in_a_worker_is_known():
    assert graph(agent("a"), agent("b", where="worker")).in_workers is True
    assert graph(agent("a"), agent("b")).in_workers is False


def test_a_need_of_no_step_is_a_programmers_mistake():
    with pytest.raises(AssertionError):
        graph(agent("a", "nobody"))


def test_the_order_is_in_waves():
    assert graph(agent("c", "a", "b"), agent("a"), agent("b", "a"), agent("d")).order() == [["a", "d"], ["b"], ["c"]]


def seconds_for(steps: int) -> float:
    """Time a chain of so many steps: its edges and its order."""
    chain = [agent("s0"), *(agent(f"s{at}", f"s{at - 1}") for at in range(1, steps))]
    began_s = time.process_time()
    assert len(graph(*chain).order()) == steps
    return time.process_time() - began_s


def test_the_edges_and_the_order_of_a_long_plan_take_as_long_as_it_is_and_not_its_square():
    short_s, long_s = (min(seconds_for(steps) for _ in range(5)) for steps in (250, 2000))
    assert long_s < 24 * short_s


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


def test_l10_a_child_plan_keeps_all_that_its_playbook_means_by_its_words_p2():
    """Types, records, names and versions are those of the whole: else its expressions would mean something else."""
    other = Definition(name="other", title="Other", steps=())
    whole = Definition(
        name="demo",
        title="Demo",
        steps=(each(do("b", way_out="a", on_failure="step")), agent("a", "b!")),
        let={"x": Literally(1)},
        types={"x": "int"},
        records={"invoice": {"total": Field("money")}},
        playbooks={"other": other},
        version="digest",
    )
    part = chunk_of(whole, "b")
    kept = ("name", "let", "records", "playbooks", "version")
    assert {name: getattr(part, name) for name in kept} == {name: getattr(whole, name) for name in kept}
    assert part.types == {"x": "int", "items": "list(any)"}
    assert part.steps[0].way_out == "", "the whole list takes it, not a part"


def cel(*names: str) -> Cel:
    return Cel(" + ".join(names), names=names)


def test_p1_the_names_that_expressions_use_are_found_wherever_they_stand():
    nodes = (
        Record({"one": cel("a"), "two": Text((Literally("x"), cel("b", "d")))}),
        Sequence((cel("e"), Record({"three": cel("f")}))),
        None,
        {"four": cel("g")},
        [cel("h")],
    )
    assert names_in(*nodes) == set("abdefgh")
    assert names_in() == names_in(None, Literally("a")) == set()


def test_p1_a_step_uses_the_names_of_all_its_parts_but_what_its_own_items_and_rounds_bring():
    brought = ("item", "index", "inputs", "today", "ready_at", "company", "this", "out", "last", "round")
    parts = {
        "arguments": Record({"x": cel("a", *brought)}),
        "when": cel("b"),
        "check": cel("c", "out"),
        "undo": Compensate("demo.unsay", Record({"x": cel("d")})),
        "repeat": Repeat(until=cel("e", "last", "s"), max=3),
    }
    assert names_used(agent("s", **parts)) == set("abcde")
    for name, part in parts.items():
        assert len(names_used(agent("s", **{name: part}))) == 1, name
