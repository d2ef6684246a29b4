"""Whoever follows a plan is told when it rests, however the loop's turns fall (requirement O11)."""

from __future__ import annotations

import asyncio

from kit import capped, do, plan, run, start

from mainstay import events as e


def test_o11_who_follows_a_plan_hears_that_it_rests_also_when_woken_in_the_turn_in_which_its_work_ends(
    workspace, world
):
    """Its facts are told at their commit, and the work that led to them ends a turn later: both are heard of."""

    async def disturbed(owner, pauses):
        stuck = asyncio.Event()

        def listen(plan_id, facts, of):
            if any(isinstance(fact, e.StepStuck) for fact in facts):
                stuck.set()

        async def disturb():
            while not stuck.is_set():
                owner.engine.say("Look again.")
                for _ in range(1 + pauses):
                    await asyncio.sleep(0)

        owner.engine.listeners.append(listen)
        disturbing = asyncio.create_task(disturb())
        _, standing = await start(owner, plan(do("a", "test.say", "two")))
        await disturbing
        owner.engine.listeners.remove(listen)
        return len(standing["questions"])

    async def scenario(owner):
        await start(owner, plan(do("a", "test.say", "one")))
        return [await disturbed(owner, number % 6) for number in range(24)]

    assert run(capped(workspace, say=1), world, scenario) == [1] * 24
