"""Schedules start what is active, each time once, also after a crash or a night without power (KERNEL T1, P5)."""

import asyncio
from datetime import datetime

import msgspec
from kit import do, plan, run

from mainstay.kernel.graph import Trigger
from mainstay.runtime.schedules import Schedules
from mainstay.runtime.timers import GRACE_S
from mainstay.values import SECOND_US

MONDAY = "0 8 * * MON"
LAST, DUE, BEFORE = "2026-11-16T08:00+00:00", "2026-11-23T08:00+00:00", "2026-11-20T12:00+00:00"


def us(text):
    return round(datetime.fromisoformat(text).timestamp()) * SECOND_US


class Hands:
    """`ports.Clock`, set by hand."""

    def __init__(self, at):
        self.now, self.boot = us(at), 0.0

    def set(self, at):
        """Let time go on, as a machine that runs."""
        self.boot += (us(at) - self.now) / SECOND_US
        self.now = us(at)

    def now_us(self):
        return self.now

    def boot_s(self):
        return self.boot

    async def sleep(self, seconds):
        await asyncio.sleep(0.001)


def weekly(owner, clock, since=BEFORE):
    """Let a playbook be active that is due each Monday; gives what looks after it."""
    definition = msgspec.structs.replace(plan(do("said", "test.say", "hello")), on=(Trigger(cron=MONDAY),))
    owner.engine.outside.starting = lambda: [definition]
    return Schedules(owner.engine.outside, clock, "UTC", lambda _: us(since))


async def settled(owner):
    for plan_id in [row[0] for row in owner.ledger.rows("SELECT id FROM plan")]:
        await owner.requests.follow(plan_id, lambda _: None)


def played(workspace, world, *looks, since=BEFORE):
    """Look at these times, each with a memory of its own, as after a crash; gives how often it was started so far."""
    counts = []

    async def scenario(owner):
        clock = Hands(BEFORE)
        for at in looks:
            clock.set(at)
            await weekly(owner, clock, since).look()
            await settled(owner)
            counts.append(len(world.words()))

    run(workspace, world, scenario)
    return counts


def test_t1_a_schedule_starts_its_playbook_once_for_each_time_it_is_due(workspace, world):
    assert played(workspace, world, "2026-11-23T07:59+00:00", DUE, DUE, "2026-11-23T09:00+00:00") == [0, 1, 1, 1]


def test_t1_what_was_missed_while_nothing_ran_starts_once(workspace, world):
    assert played(workspace, world, BEFORE, "2026-12-17T12:00+00:00", "2026-12-21T08:00+00:00") == [0, 1, 2]


def test_t1_what_was_due_before_the_playbook_was_active_starts_nothing(workspace, world):
    assert played(workspace, world, DUE, since=DUE) == [0]


def test_t1_two_that_look_at_once_start_one(workspace, world):
    async def scenario(owner):
        clock = Hands(DUE)
        await asyncio.gather(weekly(owner, clock).look(), weekly(owner, clock).look())
        await settled(owner)

    run(workspace, world, scenario)
    assert world.words() == ["hello"]


def test_p5_nothing_is_started_for_a_while_after_somebody_set_the_clock(workspace, world):
    async def scenario(owner):
        clock = Hands(BEFORE)
        looking = asyncio.create_task(weekly(owner, clock).run())
        await asyncio.sleep(0.02)
        clock.now = us(DUE)  # and no time went by
        await asyncio.sleep(0.05)
        early = len(world.words())
        clock.boot += GRACE_S + 1
        clock.now += (GRACE_S + 1) * SECOND_US
        while not world.words():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        looking.cancel()
        return early

    assert run(workspace, world, scenario) == 0
