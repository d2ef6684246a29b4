"""Sub-plans keep the limits, keys and priority of their own playbook (KERNEL T2, P3)."""

from __future__ import annotations

from families import SAYING, WORD, asking, children_of, parent, say, sub, subs
from families import child as below
from kit import after, facts, rule, run, start, undo
from msgspec.structs import replace

from mainstay import events as e
from mainstay.kernel.limit import Limit, has_place

ASKED = replace(below(asking(), say("a", needs=after("q"))), key=WORD)


def status(owner, *plans):
    return [owner.engine.load(each).status for each in plans]


def test_t2_a_sub_plan_takes_a_place_of_its_key_and_fellow_items_wait_for_it(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, parent(subs("s"), child=ASKED), words=["ada", "bob", "ada"])
        first, second, third = children_of(owner, plan_id)
        before = status(owner, first, second, third)
        await rule(owner, f"{first}.1", "approve")
        between = status(owner, first, second, third)
        for each in (second, third):
            await rule(owner, f"{each}.1", "approve")
        return before, between, status(owner, plan_id), owner.engine.admission.waited_for()

    before, between, after_all, waiting = run(workspace, world, scenario)
    assert before == ["running", "running", "approved"]
    assert between == ["completed", "running", "running"]
    assert after_all == ["completed"]
    assert waiting == set()
    assert world.words() == ["ada", "ada", "bob"]


def test_t2_a_sub_plan_waits_for_another_family_and_starts_after_a_crash(workspace, world):
    async def begin(owner):
        one, _ = await start(owner, parent(sub("s"), child=ASKED))
        other, stands = await start(owner, parent(sub("s"), child=ASKED))
        assert stands["status"] == "running"
        assert status(owner, f"{one}-s", f"{other}-s") == ["running", "approved"]
        return one, other

    one, other = run(workspace, world, begin)

    async def go_on(owner):
        await rule(owner, f"{one}-s.1", "reject")
        assert status(owner, f"{one}-s", f"{other}-s") == ["undone", "running"]
        await rule(owner, f"{other}-s.1", "approve")
        return status(owner, other)

    assert run(workspace, world, go_on) == ["completed"]


def test_t2_a_limit_holds_over_the_sub_plans_of_all_families_and_an_undo_is_never_kept_waiting(workspace, world):
    limited = replace(below(say("a"), asking(needs=after("a"))), limit=2)

    async def scenario(owner):
        plan_id, _ = await start(owner, parent(subs("s"), child=limited), words=["one", "two", "three"])
        first, second, third = children_of(owner, plan_id)
        assert status(owner, first, second, third) == ["running", "running", "approved"]
        await owner.engine.submit(plan_id, _cancel(owner))
        assert status(owner, first, second, third) == ["cancelled"] * 3
        await undo(owner, plan_id)
        return status(owner, plan_id)

    assert run(workspace, world, scenario) == ["undone"]
    assert world.words() == []


def _cancel(owner):
    from mainstay.commands import CancelPlan

    return CancelPlan(now_us=owner.clock.now_us(), by="operator")


def test_p3_a_sub_plan_has_the_higher_priority_of_its_playbook_and_its_parent(workspace, world):
    async def scenario(owner):
        urgent = replace(SAYING, priority=5)
        low, _ = await start(owner, parent(sub("s"), child=urgent))
        high, _ = await start(owner, replace(parent(sub("s"), child=SAYING), priority=3))
        return [facts(owner, f"{each}-s", e.PlanProposed)[0].priority for each in (low, high)]

    assert run(workspace, world, scenario) == [5, 3]


def test_t2_a_plan_never_waits_for_one_it_is_a_part_of():
    held = Limit(1, frozenset({"a", "b-s-1"}))
    assert has_place(held, 2, "a-s")
    assert not has_place(held, 1, "a-s")
    assert has_place(Limit(1, frozenset({"a"})), 1, "a-s-2-x")
    assert not has_place(Limit(1, frozenset({"a-s-1"})), 1, "a-s-2")
    assert not has_place(Limit(1, frozenset({"a"})), 1, "ab")
