"""A yes to an undo is a yes to the list that was shown (KERNEL E5)."""

from __future__ import annotations

import asyncio

import pytest
from kit import after, do, plan, rule, run, start

from mainstay.errors import CommandRefusedError
from mainstay.kernel.graph import Literally, Record, Step
from mainstay.kernel.undo import outcomes, seen_of
from mainstay.runtime.intake import Request
from mainstay.views import Views


async def ask_undo(owner, plan_id, listed):
    return await owner.requests.answer(Request("undo", {"plan": plan_id, "listed": listed}, ""), True, lambda _: None)


def shown(owner, plan_id):
    return outcomes(owner.engine.load, owner.engine.load(plan_id))


def test_e5_what_happened_after_the_list_was_shown_is_not_taken_back_by_the_yes_to_it(workspace, world):
    loud = do("b", "test.shout", "b"), do("c", "test.say", "c", needs=after("b"))

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "a"), *loud))
        before = shown(owner, plan_id)
        await rule(owner, standing["questions"][0], "approve")
        with pytest.raises(CommandRefusedError, match="went on since you were shown the list"):
            await ask_undo(owner, plan_id, seen_of(before))
        stood = owner.engine.load(plan_id).status, world.words()
        await ask_undo(owner, plan_id, seen_of(reversed(shown(owner, plan_id))))
        return before, plan_id, stood, owner.engine.load(plan_id).status

    before, plan_id, stood, ended = run(workspace, world, scenario)
    assert before == [f"{plan_id}/a"]
    assert (stood, ended, world.words()) == (("completed", ["a", "b", "c"]), "undone", ["b"])


def test_e5_what_happens_as_the_list_is_made_is_not_taken_back_by_the_yes_to_it(workspace, world):
    class Going:
        """The contracts, which are asked as soon as there is an action to list: then the plan goes on."""

        def __init__(self, contracts, go_on):
            self._contracts, self._go_on = contracts, go_on

        def __getattr__(self, name):
            go_on, self._go_on = self._go_on, None
            if go_on is not None:
                go_on()
            return getattr(self._contracts, name)

    async def scenario(owner):
        loop = asyncio.get_running_loop()
        plan_id, standing = await start(owner, plan(do("a", "test.say", "a"), do("b", "test.shout", "b")))

        def approve():
            asyncio.run_coroutine_threadsafe(rule(owner, standing["questions"][0], "approve"), loop).result(10)

        def look():
            with Views(workspace) as views:
                return views.undo_list(plan_id, Going(owner.contracts, approve))

        listed = await asyncio.to_thread(look)
        with pytest.raises(CommandRefusedError, match="went on since you were shown the list"):
            await ask_undo(owner, plan_id, listed["seen"])
        return listed

    listed = run(workspace, world, scenario)
    assert listed["count"] == {"possible": 1, "impossible": 0}
    assert world.words() == ["a", "b"]


def test_e5_the_list_of_an_undo_names_what_child_plans_did(workspace, world):
    inner = plan(do("x", "test.say", "x"), do("y", "test.say", "y"))
    step = Step(name="part", kind="playbook", target="inner", arguments=Record({"words": Literally([])}))

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(step, playbooks={"inner": inner}))
        assert standing["status"] == "completed", standing
        return plan_id, shown(owner, plan_id)

    plan_id, listed = run(workspace, world, scenario)
    (child,) = {name.partition("/")[0] for name in listed} - {plan_id}
    assert sorted(listed) == sorted([f"{plan_id}/part", f"{child}/x", f"{child}/y"])
