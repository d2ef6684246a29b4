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
        self.looks = 0

    def set(self, at):
        """Let time go on, as a machine that runs."""
        self.boot += (us(at) - self.now) / SECOND_US
        self.now = us(at)

    def now_us(self):
        return self.now

    def boot_s(self):
        return self.boot

    async def sleep(self, seconds):
        self.looks += 1
        await asyncio.sleep(0.001)

    async def looked(self, times=3):
        """Wait until whoever looks slept so often from here on."""
        until = self.looks + times
        await asyncio.wait_for(self._looked(until), 60)

    async def _looked(self, until):
        while self.looks < until:  # noqa: ASYNC110
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
        await clock.looked()
        clock.now = us(DUE)  # and no time went by
        await clock.looked()
        await settled(owner)  # a plan that began too soon has spoken by now
        early = len(world.words())
        clock.boot += GRACE_S + 1
        clock.now += (GRACE_S + 1) * SECOND_US
        await clock.looked()
        await settled(owner)
        looking.cancel()
        return early, world.words()

    assert run(workspace, world, scenario) == (0, ["hello"])


def test_t1_what_can_not_be_started_is_said_once_and_the_others_start(workspace, world):
    said, asked = [], []

    async def scenario(owner):
        schedules = weekly(owner, Hands(DUE))
        (good,) = owner.engine.outside.starting()
        owner.engine.outside.starting = lambda: [msgspec.structs.replace(good, name="bad"), good]
        receive = owner.engine.outside.receive

        def breaks(kind, source, name, body, labels):
            asked.append(body["playbook"])
            if body["playbook"] == "bad":
                raise OSError(28, "No space left on device")
            return receive(kind, source, name, body, labels)

        owner.engine.outside.receive = breaks
        schedules._say = said.append
        await schedules.look()
        await schedules.look()
        await settled(owner)

    run(workspace, world, scenario)
    assert asked == ["bad", "test"] * 2
    assert world.words() == ["hello"]
    assert [line.split(" and could not")[0] for line in said] == ["bad is due (every Monday at 08:00)"]
