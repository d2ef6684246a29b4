"""Timers on clocks that the test sets: due times, grace, jumps; no real time passes."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from mainstay.runtime.timers import _BATCH as BATCH
from mainstay.runtime.timers import GRACE_S, LONGEST_SLEEP_S, Timer, Timers

SECOND_US = 1_000_000
START_US = 1_800_000_000 * SECOND_US
DAY_S = 86_400


class SetClock:
    """Wall and boot time move when somebody sleeps; the wall can also be set."""

    def __init__(self):
        self.wall_s = 0.0
        self.boot = 1000.0

    def now_us(self):
        return START_US + round(self.wall_s * SECOND_US)

    def boot_s(self):
        return self.boot

    async def sleep(self, seconds):
        self.wall_s += seconds
        self.boot += seconds
        await asyncio.sleep(0)


class Desk:
    """The engine's way in and the rows: what is fired is remembered, and its row goes, unless it is stale."""

    def __init__(self, clock, *timers, stale=False):
        self.clock, self.timers, self.stale = clock, list(timers), stale
        self.fired = []

    def submit(self, plan, command, *, actor="", cause=""):
        self.fired.append((round(self.clock.wall_s), command.kind, plan))
        if not self.stale:
            self.timers = [timer for timer in self.timers if (timer.plan, timer.kind) != (plan, command.kind)]
        future = asyncio.get_running_loop().create_future()
        future.set_result(1)
        return future

    def due(self, now_us, held_before_us, early_before_us, limit):
        before = {"due": held_before_us, "expiry": held_before_us}
        before |= {"dispatch": early_before_us, "settle": early_before_us}
        return [
            timer
            for timer in sorted(self.timers, key=lambda timer: timer.due_at_us)
            if timer.due_at_us <= now_us and timer.due_at_us >= before.get(timer.kind, 0)
        ][:limit]

    def next_due(self, after_us):
        return min((timer.due_at_us for timer in self.timers if timer.due_at_us > after_us), default=None)


def timer(at_s, kind="wait", plan="p"):
    return Timer(START_US + at_s * SECOND_US, kind, plan, "a", 0)


def live(desk, clock, until_s, *, jumps=(), on_timers=None, grace_s=GRACE_S):
    """Let the timers run until the boot clock has moved so far."""

    async def inside():
        timers = Timers(desk, clock, desk, grace_s)
        told = []
        timers.on_jump = told.append
        pending = list(jumps)
        running = asyncio.ensure_future(timers.run())
        while clock.boot - 1000.0 < until_s:
            if pending and clock.boot - 1000.0 >= pending[0][0]:
                clock.wall_s += pending.pop(0)[1]
            if on_timers is not None:
                on_timers(timers)
            await asyncio.sleep(0)
        running.cancel()
        return told

    return asyncio.run(inside())


def test_p5_each_fires_at_its_time_in_order():
    clock = SetClock()
    desk = Desk(clock, timer(90, plan="late"), timer(30, plan="soon"), timer(30, kind="retry", plan="again"))
    live(desk, clock, 200)
    assert sorted(desk.fired) == [(30, "retry", "again"), (30, "wait", "soon"), (90, "wait", "late")]


def test_p5_a_timer_that_comes_due_while_others_fire_is_not_slept_past():
    clock = SetClock()
    desk = Desk(clock, timer(30, plan="first"))
    submit = desk.submit

    def slow(plan, command, **more):
        if plan == "first":
            desk.timers.append(timer(31, plan="second"))
            clock.wall_s += 5
            clock.boot += 5
        return submit(plan, command, **more)

    desk.submit = slow
    live(desk, clock, 45)
    assert [(kind, plan) for _, kind, plan in desk.fired] == [("wait", "first"), ("wait", "second")]


def test_p5_a_stale_timer_is_fired_once_and_does_not_spin():
    clock = SetClock()
    desk = Desk(clock, timer(10), stale=True)
    live(desk, clock, 10 * LONGEST_SLEEP_S)
    assert desk.fired == [(10, "wait", "p")]


@pytest.mark.parametrize("stale", [False, True])
def test_p5_however_many_are_due_at_once_the_loop_is_given_back_after_each_few_hundred(stale):
    clock = SetClock()
    desk = Desk(clock, *(timer(1, plan=f"p{number}") for number in range(3 * BATCH + 7)), stale=stale)
    bursts = []
    due = desk.due

    def counted(*bounds):
        bursts.append(len(desk.fired))
        return due(*bounds)

    desk.due = counted
    live(desk, clock, 2)
    bursts.append(len(desk.fired))
    assert max(after - before for before, after in pairwise(bursts)) <= BATCH
    assert sorted(plan for _, _, plan in desk.fired) == sorted(f"p{number}" for number in range(3 * BATCH + 7))


def test_p5_after_downtime_expiries_wait_out_a_grace_period_and_the_rest_does_not():
    clock = SetClock()
    overdue = timer(-5, "expiry", "plan"), timer(-5, "due", "question"), timer(-5, "retry", "step")
    desk = Desk(clock, *overdue, timer(60, "expiry", "later"))
    live(desk, clock, GRACE_S + 2 * LONGEST_SLEEP_S)
    times = {plan: at_s for at_s, _, plan in desk.fired}
    assert times["step"] == 0
    assert times["later"] == 60
    assert GRACE_S <= times["plan"] <= GRACE_S + 1
    assert GRACE_S <= times["question"] <= GRACE_S + 1


def test_p5_the_grace_period_is_as_long_as_it_was_set():
    clock = SetClock()
    desk = Desk(clock, timer(-5, "expiry", "plan"))
    live(desk, clock, 300 + LONGEST_SLEEP_S, grace_s=120)
    assert 120 <= desk.fired[0][0] <= 120 + LONGEST_SLEEP_S


def test_p5_a_clock_set_ahead_expires_nothing_before_the_operator_was_told():
    clock = SetClock()
    desk = Desk(clock, timer(DAY_S // 2, "expiry", "plan"), timer(DAY_S // 2, "wait", "step"))
    told = live(desk, clock, 2000 + GRACE_S + 3 * LONGEST_SLEEP_S, jumps=[(1000, DAY_S)])
    assert told == [DAY_S]
    booted = {plan: at_s - DAY_S for at_s, _, plan in desk.fired}
    assert 1000 <= booted["step"] <= 1000 + LONGEST_SLEEP_S
    assert 1000 + GRACE_S <= booted["plan"] <= 1000 + GRACE_S + 2 * LONGEST_SLEEP_S


@pytest.mark.parametrize("kind", ["dispatch", "settle"])
def test_p5_a_clock_set_ahead_lets_no_action_leave_or_be_given_up_before_the_operator_was_told(kind):
    clock = SetClock()
    desk = Desk(clock, timer(DAY_S // 2, kind, "early"), timer(500, kind, "in time"))
    live(desk, clock, 2000 + GRACE_S, jumps=[(1000, DAY_S)])
    times = {plan: at_s for at_s, _, plan in desk.fired}
    assert times["in time"] == 500
    assert times["early"] - DAY_S >= 1000 + GRACE_S


@pytest.mark.parametrize("kind", ["dispatch", "settle"])
def test_e1_after_downtime_what_should_have_left_leaves(kind):
    clock = SetClock()
    desk = Desk(clock, timer(-5, kind, "overdue"))
    live(desk, clock, 60)
    assert desk.fired == [(0, kind, "overdue")]


def test_p5_a_clock_set_back_is_told_and_fires_nothing_twice():
    clock = SetClock()
    desk = Desk(clock, timer(100, plan="before"), timer(3000, plan="after"))
    told = live(desk, clock, DAY_S + 5000, jumps=[(1000, -DAY_S)])
    assert told == [-DAY_S]
    assert [plan for _, _, plan in desk.fired] == ["before", "after"]


def test_a_few_seconds_of_adjustment_are_nothing():
    clock = SetClock()
    assert live(Desk(clock), clock, 1000, jumps=[(200, 100), (400, -100)]) == []


def test_a_hint_wakes_the_sleeper_early():
    clock = SetClock()
    desk = Desk(clock)
    hinted = []

    def add(timers):
        if not hinted and clock.boot >= 1000.0:
            hinted.append(True)
            desk.timers.append(timer(3))
            timers.hint(START_US + 3 * SECOND_US)

    live(desk, clock, 500, on_timers=add)
    assert len(desk.fired) == 1
