"""The owner dies after a few commits of an effect: delay, intent, settling, reading back, undo (E1 to E5, F1)."""

from __future__ import annotations

import asyncio
import os
import random

import msgspec
import pytest
from kit import budget_of, capped, do, facts, operations, owner_of, plan
from seeds import some

from mainstay import commands as c
from mainstay import events as e
from mainstay.contracts import Compensation, Found
from mainstay.runtime import confirming, settling

LIVES = 80  # more than any plan of here has commits


def careful(world):
    """Make an operation with all there is: looked up after a while, read back, undone if unchanged."""

    async def confirm(call, given, gave):
        return Found("happened", known="it is there")

    async def state(call, given):
        return "as said" if (world.folder / given.token).exists() else None

    def back(given, said):
        return Compensation("test.unsay", {"word": said.word, "token": said.token}, expects="as said")

    known = {each.name: each for each in operations(world)}
    more = {"binds": "money", "confirm": confirm, "compensate": back, "settle_after_s": 0.05}
    return (
        msgspec.structs.replace(known["test.say"], **more),
        msgspec.structs.replace(known["test.unsay"], relies=state),
    )


async def live(workspace, world, commits):
    """Live for so many commits, then die; returns when all is over."""
    async with owner_of(workspace, world, *careful(world)) as owner:
        left = [commits]

        def die(moving, told, moved):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), 9)

        owner.engine.listeners.append(die)
        known = owner.ledger.rows("SELECT id FROM plan")
        if known:
            plan_id = known[0][0]
        else:
            plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "lost", delay_s=1)), {})
            await committed
        await owner.requests.follow(plan_id, lambda _: None)
        if owner.engine.load(plan_id).status == "completed":
            await owner.engine.submit(plan_id, c.UndoPlan(now_us=owner.clock.now_us(), by="operator"), actor="operator")
            await owner.requests.follow(plan_id, lambda _: None)
        os._exit(0 if owner.engine.load(plan_id).status == "undone" else 2)


@pytest.mark.parametrize("seed", some(1, [1, 2, 3]))
def test_f1_an_effect_whose_owner_dies_again_and_again_happens_once_and_is_taken_back_once(
    workspace, world, monkeypatch, seed
):
    monkeypatch.setattr(settling, "RESENDS_S", (0.01,))
    monkeypatch.setattr(confirming, "AGAIN_S", (0.05,))
    workspace = capped(workspace, say=3)
    deaths, lengths = 0, random.Random(seed)
    for _ in range(LIVES):
        commits = lengths.randint(1, 4)
        child = os.fork()
        if not child:
            asyncio.run(asyncio.wait_for(live(workspace, world, commits), 20))
            os._exit(3)
        status = os.waitpid(child, 0)[1]
        deaths += status == 9
        if status != 9:
            break
    assert (status, deaths > 2) == (0, True)
    assert world.words() == []

    async def inside():
        async with owner_of(workspace, world, *careful(world)) as owner:
            (row,) = owner.ledger.rows("SELECT id FROM plan")
            return facts(owner, row[0]), budget_of(owner, "test.say"), budget_of(owner, "undo:test.say")

    told, cap, reserve = asyncio.run(inside())
    kinds = [type(fact).__name__ for fact in told]
    intents = [fact for fact in told if isinstance(fact, e.EffectIntended)]
    done = [fact.path for fact in told if isinstance(fact, e.EffectDone)]
    assert done == ["a", "~a"]
    assert kinds.count("EffectConfirmed") == kinds.count("EffectDelayed") == 1
    assert len({fact.token for fact in intents if fact.path == "a"}) == 1 + kinds.count("EffectAbsent")
    assert sum(count for kind, count in cap if kind == "BudgetSettled") == 1
    assert sum(count for kind, count in reserve if kind == "BudgetSettled") == 1
