"""A budget under 200 parallel calls of four client processes, whose owner is killed half way (S68, F20)."""

from __future__ import annotations

import asyncio
import os

import msgspec
from kit import Said, operations, owner_of, run

from mainstay import events as e
from mainstay.errors import MainstayError
from mainstay.kernel.budget import Budget, evolve, used
from mainstay.ledger import keys as ledger_keys
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.artefacts import read_artefact
from mainstay.runtime.intake import Request, call

CLIENTS, CALLS, CAP, DIES_AT = 4, 50, 120, 60
SAY = """\
playbook: say
title: "Say a word"
inputs: {word: {type: text}}
steps:
  say: {do: test.say, with: {word: "{{inputs.word}}", number: 0}}
"""


def words(client):
    return [f"word {client}.{number}" for number in range(CALLS)]


def ask(workspace, client):
    """Be a client process: ask for all of it at once, and end when all was answered or the owner is gone."""

    async def one(word):
        request = Request("run", {"playbook": "say", "inputs": [f"word={word}"]}, session)
        try:
            await call(workspace.socket, request, lambda _: None)
        except (OSError, MainstayError):  # the owner died
            return

    async def all_of_it():
        await asyncio.gather(*(one(word) for word in words(client)))

    session = ledger_keys.load_session(workspace.state)
    asyncio.run(all_of_it())


def forked(work, *given):
    child = os.fork()
    if not child:
        try:
            work(*given)
        finally:
            os._exit(0)
    return child


def capped(workspace):
    """Give the workspace with the budget and the playbook."""
    (workspace.root / "playbooks" / "say.yaml").write_text(SAY)
    path = workspace.root / "mainstay.toml"
    path.write_text(path.read_text() + f'\n[budgets]\n"test.say" = {{per_day = {CAP}, per_month = {2 * CAP}}}\n')
    return type(workspace)(workspace.root)


async def activate(owner):
    shown = read_artefact(owner.workspace.root, "playbook", "say")
    wanted = [Wanted("playbook", "say", shown.digest)]
    await owner.requests.activation.activate(wanted, owner.workers, owner.clock.now_us())


def own(workspace, world, begun):
    """Be the owner, which dies in the middle of a call."""

    async def die(given_call, given):
        world.happen(given_call.token, given.word)
        if len(world.calls()) >= DIES_AT:
            os.kill(os.getpid(), 9)
        await asyncio.sleep(0)
        return Said(given.word, given_call.token)

    async def serve():
        say = {one.name: one for one in operations(world)}["test.say"]
        async with owner_of(workspace, world, msgspec.structs.replace(say, call=die)):
            os.write(begun, b"1")
            await asyncio.sleep(120)

    asyncio.run(serve())


async def go_on(owner):
    """Go on with what was begun, and ask for what nobody took; give what was counted, and how much was stopped."""
    begun = [row[0] for row in owner.ledger.rows("SELECT id FROM plan")]
    for plan in begun:
        await owner.requests.follow(plan, lambda _: None)
    taken = {owner.payloads.load(owner.engine.load(plan).inputs)["word"] for plan in begun}
    left = [word for client in range(CLIENTS) for word in words(client) if word not in taken]
    asked = [Request("run", {"playbook": "say", "inputs": [f"word={word}"]}) for word in left]
    await asyncio.gather(*(owner.requests.answer(one, True, lambda _: None) for one in asked))
    facts = [event for event in owner.ledger.tail(0, 100_000) if event.stream.startswith("budget:test.say:")]
    stuck = owner.ledger.rows("SELECT count(*) FROM decision WHERE status = 'open' AND kind = 'stuck'")
    return facts, stuck[0][0], owner.ledger.differing()


def test_s68_f20_two_hundred_parallel_calls_of_four_processes_never_go_over_a_budget(workspace, world):
    """At no record of the history is more spent and held than the cap, also over the death of the owner."""
    workspace = capped(workspace)
    run(workspace, world, activate)
    ready, begun = os.pipe()
    owner_id = forked(own, workspace, world, begun)
    os.read(ready, 1)
    clients = [forked(ask, workspace, client) for client in range(CLIENTS)]
    assert os.waitpid(owner_id, 0)[1] == 9
    assert [os.waitpid(client, 0)[1] for client in clients] == [0] * CLIENTS

    facts, stuck, differing = run(workspace, world, go_on, seconds=120)
    budgets = dict.fromkeys((event.stream for event in facts), Budget())
    assert len(budgets) == 2
    for event in facts:
        budgets[event.stream] = evolve(budgets[event.stream], event.fact)
        assert used(budgets[event.stream]).get("count", 0) <= CAP
    assert [(budget.spent["count"], budget.holds) for budget in budgets.values()] == [(CAP, {})] * 2
    assert sum(isinstance(event.fact, e.BudgetWarned) for event in facts) == 1
    assert (len(world.calls()), stuck, differing) == (CAP, CLIENTS * CALLS - CAP, [])
    assert all(len(calls) == 1 for calls in world.calls().values())
