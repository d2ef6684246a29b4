"""A budget that begins while actions are under way: what is decided and not on disk yet counts too (KERNEL T2, G6)."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest
from kit import do, each, noon, operations, plan, rule, run, start

from mainstay import events as e
from mainstay.contracts import Cost
from mainstay.governance.before import Before, Sources
from mainstay.governance.budgets import Budgets
from mainstay.kernel.budget import Cap, Spending
from mainstay.runtime.spending import most_spent
from mainstay.views import Views

SEVEN = Cap("few", "day", {"count": 7}, ("test.say",))
WORDS = [f"w{number}" for number in range(7)]


async def caught(owner, fact, status):
    """Go through a plan of seven words until all are so in memory, and the disk takes no more from that fact on.

    Give what lets the disk go on, a little later: whoever does not wait for it reads a history without that.
    """
    turn, told, held = owner.ledger._turn, [], asyncio.Event()

    def hear(_plan_id, facts, _plan):
        told.extend(one for one in facts if isinstance(one, fact))
        if len(told) == len(WORDS) and not held.is_set():
            turn.acquire()
            held.set()

    owner.engine.listeners.append(hear)
    plan_id, _ = owner.requests.propose(plan(each(do("a", "test.say", "x"))), {"words": WORDS})
    await held.wait()
    while any(slot_of(owner, plan_id, at).status != status for at in range(len(WORDS))):  # noqa: ASYNC110 - not told
        await asyncio.sleep(0.001)
    return plan_id, threading.Timer(0.2, turn.release)


def slot_of(owner, plan_id, at):
    return owner.engine.load(plan_id).slots[f"a/{at}"]


def row(owner):
    (one,) = Views(owner.workspace).budgets(owner.budgets.caps, owner.clock.now_us())
    (limit,) = one["limits"]
    return one["earlier"], limit["spent"], limit["held"]


@pytest.mark.parametrize(("fact", "status"), [(e.EffectPrepared, "intended"), (e.EffectIntended, "done")])
def test_t2_a_budget_that_begins_while_actions_are_under_way_counts_each_of_them_once(workspace, world, fact, status):
    clock = noon()

    async def midway(owner):
        plan_id, disk_goes_on = await caught(owner, fact, status)
        before = [type(one.fact) for one in owner.ledger.read(f"plan:{plan_id}")]
        disk_goes_on.start()
        owner.use_limits([SEVEN], {})
        await owner.requests.follow(plan_id, lambda _: None)
        _, standing = await start(owner, plan(each(do("a", "test.say", "x"))), words=[f"m{n}" for n in range(8)])
        return before, len(standing["questions"]), row(owner)

    async def again(owner):
        owner.use_limits([SEVEN], {})
        return row(owner)

    before, asked, stands = run(workspace, world, midway, clock=clock())
    assert before.count(e.EffectIntended if status == "intended" else e.EffectDone) < len(WORDS)
    assert (asked, world.words()) == (8, sorted(WORDS))
    assert stands == ("7", 7, 0)
    assert run(workspace, world, again, clock=clock()) == stands


def test_g6_other_caps_look_through_the_history_once_and_not_for_days_that_are_over(workspace, world):
    days = [round(datetime(2026, 3, day, 12, tzinfo=UTC).timestamp() * 1_000_000) for day in range(10, 16)]
    looked = []

    def since(at_us, caps):
        looked.append((at_us, len(caps)))
        return []

    def caps(*operations):
        return [Cap("few", period, {"count": 90}, operations) for period in ("day", "month")]

    async def scenario(owner):
        budgets = Budgets(owner.ledger, caps("test.say"), "UTC", owner.places.last_stream, since)
        for day, now_us in enumerate(days):
            await owner.ledger.append(budgets.reserve(Spending(f"p{day}/a", "test.say"), now_us, "").appends)
            if day:  # the first stays held
                await owner.ledger.append(budgets.settle(f"p{day}/a", now_us, "", happened=True))
        looked.clear()
        budgets.use(caps("test.say", "test.shout"), days[-1])
        return budgets.settle("p0/a", days[-1], "", happened=True)

    settled = run(workspace, world, scenario)
    march = round(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1_000_000)
    assert looked == [(march, 2)]
    assert [one.stream for one in settled] == ["budget:few:2026-03-10", "budget:few:2026-03"]


class Counting:
    """A history that knows how often each stream of it was read."""

    def __init__(self, ledger):
        self._ledger, self.reads = ledger, Counter()

    def __getattr__(self, name):
        return getattr(self._ledger, name)

    def read(self, stream, after=0):
        self.reads[stream] += 1
        return self._ledger.read(stream, after)


def test_g6_what_was_prepared_before_a_budget_of_today_is_found_with_one_reading_of_its_plan(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(each(do("a", "test.shout", "x"))), words=WORDS)
        since_us = owner.clock.now_us()
        for decision in standing["questions"]:
            await rule(owner, decision, "approve")
        ledger = Counting(owner.ledger)
        operation, load = owner.contracts.operation, owner.engine.parts.payloads.load
        before = Before(Sources(ledger, operation, load, owner.places.playbook, most_spent))
        left = before.since(since_us, [Cap("few", "day", {"count": 7}, ("test.shout",))])
        return sorted(one.spending.holder for one in left), ledger.reads, plan_id

    holders, reads, plan_id = run(workspace, world, scenario)
    assert holders == [f"{plan_id}/a/{at}" for at in range(len(WORDS))]
    assert reads == {f"plan:{plan_id}": 1}


def test_g6_a_price_that_depends_on_what_is_given_counts_also_for_what_left_before_the_budget(workspace, world):
    """It was counted as if it had cost nothing, where its outcome does not say more."""
    say = next(one for one in operations(world) if one.name == "test.say")
    priced = msgspec.structs.replace(say, cost=lambda given: Cost(given.number * 1_000_000, 0))
    money = Cap("few", "day", {"USD": 9_000_000}, ("test.say",))

    async def scenario(owner):
        await start(owner, plan(do("a", "test.say", "one", number=3)))
        owner.use_limits([money], {})
        owner.ledger.flush()
        return row(owner)

    assert run(workspace, world, scenario, priced, clock=noon()()) == ("3.00 USD", 3_000_000, 0)
