"""F18: an owner that dies while an answer is given. It was given or it was not, and what it allows happens once."""

from __future__ import annotations

import os

import pytest
from kit import do, facts, plan, rule, run, start

from mainstay import events as e
from mainstay.errors import CommandRefusedError


def die(*_: object) -> None:
    os.kill(os.getpid(), 9)


async def on_its_way(owner, decision):
    """The answer is taken, and nothing of it need be on disk."""
    owner.requests.rule(decision, {"choice": "approve"})
    die()


async def just_recorded(owner, decision):
    """The answer is on disk, and nothing follows from it yet."""

    def listen(plan_id, told, _):
        if any(isinstance(fact, e.DecisionRuled) for fact in told):
            die()

    owner.engine.listeners.insert(0, listen)
    await owner.requests.rule(decision, {"choice": "approve"})


async def under_way(owner, decision):
    """What it allows has happened, and is not recorded: test.shout dies with the word that begins so."""
    await rule(owner, decision, "approve")


@pytest.mark.parametrize("act", [on_its_way, just_recorded, under_way])
def test_f18_an_answer_whose_owner_dies_is_applied_once(workspace, world, act):
    word = "die" if act is under_way else "hello"
    child = os.fork()
    if not child:

        async def scenario(owner):
            _, standing = await start(owner, plan(do("a", "test.shout", word)))
            await act(owner, standing["questions"][0])

        run(workspace, world, scenario)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 9

    async def again(owner):
        plan_id = owner.ledger.rows("SELECT id FROM plan")[0][0]
        refused = 0
        for _ in range(2):  # a double click
            try:
                await owner.requests.rule(f"{plan_id}.1", {"choice": "approve"})
            except CommandRefusedError:
                refused += 1
        standing = await owner.requests.follow(plan_id, lambda _: None)
        return standing["status"], len(facts(owner, plan_id, e.DecisionRuled)), refused

    status, rulings, refused = run(workspace, world, again)
    assert (status, rulings) == ("completed", 1)
    assert refused == 2 or act is on_its_way
    assert world.words() == [word]
    assert all(len(calls) == 1 for calls in world.calls().values())
