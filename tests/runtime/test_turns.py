"""So many of one thing at once, fair between plans (KERNEL P3, requirement K16)."""

from __future__ import annotations

import asyncio

import pytest
from kit import Said, Word, agent, each, facts, plan, run

from mainstay import events as e
from mainstay.contracts import Operation
from mainstay.errors import UnknownNameError
from mainstay.kernel.graph import Literally, Record, Step
from mainstay.runtime.turns import Turns
from mainstay.workspace import Workspace


def turns(most=2):
    woken, soon = [], []
    line = Turns({"x": most}, woken.append, lambda call, name: soon.append((call, name)))
    return line, woken, soon


def go(soon):
    while soon:
        call, name = soon.pop(0)
        call(name)


def test_p3_only_so_many_have_a_turn_and_who_waits_is_woken_when_one_ends():
    line, woken, soon = turns()
    assert [line.take("a", "1", ["x"], 0), line.take("a", "2", ["x"], 0), line.take("b", "1", ["x"], 0)] == [
        True,
        True,
        False,
    ]
    go(soon)
    assert woken == []
    line.leave("a", "1")
    go(soon)
    assert woken == ["b"]
    line.leave("a", "1")
    assert soon == [], "a turn ends once"


def test_p3_what_has_no_limit_is_never_in_line():
    line, _, _ = turns()
    assert all(line.take("a", str(number), ["y"], 0) for number in range(1000))


def test_k16_the_urgent_go_first_and_then_the_plan_that_had_the_fewest_turns():
    order = []
    soon = []
    paths = {"long": 6, "short": 2, "urgent": 2}

    def wake(name):
        for path in range(paths[name]):
            if (name, path) not in done and line.take(name, str(path), ["x"], 5 if name == "urgent" else 0):
                done.add((name, path))
                order.append(name)

    done: set[tuple[str, int]] = set()
    line = Turns({"x": 1}, wake, lambda call, name: soon.append((call, name)))
    for name in ("long", "short", "urgent"):
        wake(name)
    for _ in range(10):
        name, path = order[-1], max(path for who, path in done if who == order[-1])
        line.leave(name, str(path))
        go(soon)
    assert order == ["long", "urgent", "urgent", "short", "long", "short", "long", "long", "long", "long"]


def test_k16_two_limits_are_taken_together_or_not_at_all():
    woken, soon = [], []
    line = Turns({"x": 1, "y": 1}, woken.append, lambda call, name: soon.append((call, name)))
    assert line.take("a", "1", ["x"], 0)
    assert not line.take("b", "1", ["y", "x"], 0)
    assert line.take("c", "1", ["y"], 0), "b holds nothing while it waits"


@pytest.fixture
def counted():
    """An operation that notes how many of it run at once."""
    seen = {"now": 0, "most": 0, "order": []}

    async def count(call, given):
        seen["now"] += 1
        seen["most"] = max(seen["most"], seen["now"])
        seen["order"].append(call.plan)
        await asyncio.sleep(0.01)
        seen["now"] -= 1
        return Said(given.word)

    operation = Operation(name="test.count", summary="Count", effect="read", input=Word, output=Said, call=count)
    return seen, operation


def count(**more):
    word = Record({"word": Literally("x")})
    return Step(name="n", kind="do", target="test.count", effect="read", arguments=word, **more)


def limited(workspace, text):
    path = workspace.root / "mainstay.toml"
    path.write_text(path.read_text() + f"\n[limits]\n{text}\n")
    return Workspace(workspace.root)


async def long_and_short(owner):
    long, first = owner.requests.propose(plan(each(count(at_once=20))), {"words": ["x"] * 30})
    await first
    short, second = owner.requests.propose(plan(count()), {"words": []})
    await second
    for plan_id in (long, short):
        await owner.requests.follow(plan_id, lambda _: None)
    return short, [owner.engine.load(plan_id).status for plan_id in (long, short)]


def test_k16_a_limit_holds_over_all_plans_and_a_long_list_keeps_nobody_out(workspace, world, counted):
    seen, operation = counted
    short, ended = run(limited(workspace, '"test.count" = 2'), world, long_and_short, operation)
    assert ended == ["completed", "completed"]
    assert seen["most"] == 2
    assert seen["order"].index(short) <= 4, "it is next, although 28 stand before it"


def test_k16_without_a_limit_all_begin_at_once(workspace, world, counted):
    seen, operation = counted
    run(limited(workspace, '"echo" = 1'), world, long_and_short, operation)
    assert seen["most"] > 2, "the limit of another holds nobody"


def test_a_limit_of_what_does_not_exist_is_refused_by_name(workspace, world, counted):
    with pytest.raises(UnknownNameError, match="cuont"):
        run(limited(workspace, '"test.cuont" = 2'), world, long_and_short, counted[1])


def test_p3_workers_are_shared_fairly_too(workspace, world):
    async def scenario(owner):
        listed = each(agent("n", "work", at_once=100))
        long, first = owner.requests.propose(plan(listed), {"words": ["x"] * 90})
        await first
        short, second = owner.requests.propose(plan(agent("n", "work")), {"words": []})
        await second
        await owner.requests.follow(short, lambda _: None)
        done = len(facts(owner, long, e.StepCompleted))
        await owner.requests.follow(long, lambda _: None)
        return done, owner.engine.load(long).status

    done, ended = run(workspace, world, scenario, seconds=60)
    assert ended == "completed"
    assert done < 80, "the short plan did not wait for the whole list"
