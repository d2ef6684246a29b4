"""When calls have to end: each by its own time, by the loop's clock or the machine's, and nothing left behind."""

from __future__ import annotations

import asyncio

import pytest

from mainstay.connectors.alarms import LOOK_EVERY_S, Alarms
from mainstay.testing.loop import FrozenError, SimulatedLoop


class Machine:
    """A clock that goes with a loop's, and on while the machine sleeps."""

    def __init__(self, loop):
        self.loop, self.slept_s = loop, 0.0

    def boot_s(self):
        return self.loop.time() + self.slept_s


@pytest.fixture
def loop():
    made = SimulatedLoop(100.0)
    yield made
    made.close()


@pytest.fixture
def machine(loop):
    return Machine(loop)


@pytest.fixture
def alarms(machine):
    return Alarms(machine)


async def ended_s(alarms, within_s, takes_s=None):
    """Give when a call ends that has so much time, and takes as long or never ends; None where it was in time."""
    loop, late = asyncio.get_running_loop(), asyncio.Timeout(None)
    try:
        async with late:
            alarms.set(late, within_s)
            try:
                await (asyncio.Event().wait() if takes_s is None else asyncio.sleep(takes_s))
            finally:
                alarms.take_back(late)
    except TimeoutError:
        return round(loop.time() - 100.0, 3)
    return None


def test_each_call_ends_when_its_own_time_is_over(loop, alarms):
    times = [30.0, 7.0, 0.5, 12.0, 5.0, 0.25]

    async def all_of_them():
        return await asyncio.gather(*(ended_s(alarms, within_s) for within_s in times))

    assert loop.run(all_of_them()) == times


def test_a_call_that_answers_in_time_is_not_ended_and_leaves_no_timer(loop, alarms):
    async def one_after_the_other():
        assert [await ended_s(alarms, 60.0, takes_s) for takes_s in (0.0, 3.0, 59.0)] == [None] * 3
        await asyncio.Event().wait()

    with pytest.raises(FrozenError):
        loop.run(one_after_the_other())
    assert loop.time() <= 100.0 + 62.0 + LOOK_EVERY_S


def test_p5_a_time_runs_out_while_the_machine_sleeps(loop, alarms, machine):
    async def asleep():
        call = asyncio.create_task(ended_s(alarms, 3600.0))
        await asyncio.sleep(1.0)
        machine.slept_s = 3600.0
        return await call

    assert loop.run(asleep()) == LOOK_EVERY_S


def test_calls_of_another_loop_are_ended_as_well(alarms, machine):
    for _ in range(2):
        machine.loop = SimulatedLoop(100.0)
        assert machine.loop.run(ended_s(alarms, 2.0)) == 2.0
