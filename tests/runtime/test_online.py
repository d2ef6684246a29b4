"""A network that goes and comes back while plans run (K21); without one at all: connectors/test_network.py."""

from __future__ import annotations

import asyncio
import errno

import msgspec
import pytest
from kit import Said, do, facts, operations, owner_of, plan

from mainstay import events as e
from mainstay.errors import NotSent
from mainstay.runtime import online
from mainstay.values import DAY_S, SECOND_US


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(online, "AGAIN_S", 0.2)


async def until(condition):
    for _ in range(1000):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


def wavering(world, name, calls, times):
    """Make an operation whose first calls find no network."""

    async def call(call, given):
        calls.append(given.word)
        if len(calls) <= times:
            raise NotSent("the server can't be reached") from OSError(errno.ENETUNREACH, "Network is unreachable")
        return Said(given.word)

    return msgspec.structs.replace(next(one for one in operations(world) if one.name == name), call=call)


@pytest.mark.parametrize("name", ["test.say", "test.slow"])
def test_k21_a_network_that_is_back_before_the_failure_is_on_disk_leaves_nobody_waiting(workspace, world, name):
    """An action and a reading alike: each failed while there was none, and there is one ever since."""
    calls, told = [], []

    async def gone():
        return False

    async def back():
        return True

    async def scenario():
        async with owner_of(workspace, world, wavering(world, name, calls, 2)) as owner:
            owner.guard._is_online, owner.network._is_online = gone, back
            owner.engine.hearers.append(told.append)
            plan_id, committed = owner.requests.propose(plan(do("a", name, "one")), {})
            await committed
            done = await until(lambda: owner.engine.load(plan_id).status == "completed")
            slot = owner.engine.load(plan_id).slots["a"]
            waited = [fact for fact in facts(owner, plan_id) if isinstance(fact, e.AttemptFailed | e.EffectRefused)]
            return done, slot.attempt - slot.forgiven, [fact.failure.waits_for for fact in waited]

    assert asyncio.run(scenario()) == (True, 0, ["network", "network"])
    assert [line[:20] for line in told] == ["There is no network.", "The network is back;"] * 2


def test_k21_one_action_that_waited_is_said_to_go_on_in_the_singular(workspace, world):
    calls, told = [], []

    async def scenario():
        async with owner_of(workspace, world, wavering(world, "test.say", calls, 1)) as owner:

            async def gone():
                return False

            async def once_it_waits():
                return bool(owner.network._waiting())

            owner.guard._is_online, owner.network._is_online = gone, once_it_waits
            owner.engine.hearers.append(told.append)
            plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "one")), {})
            await committed
            return await until(lambda: owner.engine.load(plan_id).status == "completed")

    assert asyncio.run(scenario())
    assert told[-1] == "The network is back; 1 waiting action goes on."


def test_k21_l8_a_network_that_came_and_went_all_day_leaves_nobody_waiting(workspace, world):
    """The stream of the day holds no more: what waits goes on all the same."""
    calls = []

    async def gone():
        return False

    async def back():
        return True

    async def scenario():
        async with owner_of(workspace, world, wavering(world, "test.say", calls, 2)) as owner:
            owner.guard._is_online, owner.network._is_online = gone, back
            now_us = owner.clock.now_us()
            drafts = [e.Draft(fact, now_us, "mainstay") for fact in (e.NetworkLost(), e.NetworkBack(1)) * 1000]
            for day_us in (now_us, now_us + DAY_S * SECOND_US):  # it may be midnight
                await owner.ledger.append([e.Append(online.network_stream(day_us), 0, tuple(drafts))])
            plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "one")), {})
            await committed
            done = await until(lambda: owner.engine.load(plan_id).status == "completed")
            refused = facts(owner, plan_id, e.EffectRefused)
            return done, [fact.failure.waits_for for fact in refused]

    assert asyncio.run(scenario()) == (True, ["network", "network"])


def test_k21_what_comes_to_wait_when_the_network_is_back_already_goes_on(workspace, world):
    """The failure is recorded only after the disk was mended; the network came back meanwhile."""
    calls = []

    async def gone():
        return False

    async def back():
        return True

    async def scenario():
        async with owner_of(workspace, world) as owner:
            wavers = wavering(world, "test.say", calls, 1)

            async def call(call, given):
                if not calls:
                    owner.engine._whole.clear()
                return await wavers.call(call, given)

            owner.contracts.operations["test.say"] = msgspec.structs.replace(wavers, call=call)
            owner.guard._is_online, owner.network._is_online = gone, back
            plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "one")), {})
            await committed
            assert await until(lambda: owner.network._watching is not None and owner.network._watching.done())
            owner.engine._whole.set()
            return await until(lambda: owner.engine.load(plan_id).status == "completed")

    assert asyncio.run(scenario())
