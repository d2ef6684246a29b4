"""Breakers outlast the process, with a fact for each change and none for a call (KERNEL T2, FAULTS F13)."""

from __future__ import annotations

import asyncio

import msgspec
from kit import Said, do, facts, operations, owner_of, plan, start

from mainstay import events as e
from mainstay.connectors import breaker
from mainstay.errors import Transient
from mainstay.kernel.graph import Retry

FEW = Retry(attempts=3, base_s=0.001, cap_s=0.001)


def flaky(world, calls, *, down):
    slow = next(each for each in operations(world) if each.name == "test.slow")

    async def call(call, given):
        calls.append(given.word)
        if down:
            raise Transient("the server is down")
        return Said(given.word)

    return msgspec.structs.replace(slow, call=call)


def of_breaker(owner):
    return [event.fact for event in owner.ledger.tail() if event.stream.startswith("breaker:")]


async def rested(owner, plan_id):
    for _ in range(500):
        if owner.engine.is_settled(plan_id):
            return
        await asyncio.sleep(0.01)


def test_t2_a_breaker_that_opened_is_open_after_a_restart_and_closes_by_a_fact(workspace, world, monkeypatch):
    monkeypatch.setattr(breaker, "OPEN_S", 2.0)
    calls = []

    async def first():
        async with owner_of(workspace, world, flaky(world, calls, down=True)) as owner:
            _, standing = await start(owner, plan(do("a", "test.slow", "one", retry=FEW)))
            return len(standing["questions"]), [type(fact) for fact in of_breaker(owner)]

    assert asyncio.run(first()) == (1, [e.BreakerOpened])
    assert len(calls) == 3

    async def second():
        async with owner_of(workspace, world, flaky(world, calls, down=False)) as owner:
            plan_id, committed = owner.requests.propose(plan(do("a", "test.slow", "two", retry=FEW)), {})
            await committed
            await rested(owner, plan_id)
            held = facts(owner, plan_id, e.AttemptFailed)
            before = list(calls)
            standing = await owner.requests.follow(plan_id, lambda _: None)
            await asyncio.sleep(0.05)
            return before, held[0].failure, standing["status"], [type(fact) for fact in of_breaker(owner)]

    before, held, status, kinds = asyncio.run(second())
    assert before == ["one"] * 3, "nothing knocked there again at once"
    assert (held.counts, held.message.startswith("test has failed 3 times in a row")) == (False, True)
    assert (status, calls[3:]) == ("completed", ["two"])
    assert kinds == [e.BreakerOpened, e.BreakerClosed]


def test_t2_calls_that_work_leave_no_fact_of_a_breaker(workspace, world):
    async def scenario():
        async with owner_of(workspace, world, flaky(world, [], down=False)) as owner:
            await start(owner, plan(do("a", "test.slow", "one"), do("b", "test.slow", "two")))
            return of_breaker(owner)

    assert asyncio.run(scenario()) == []
