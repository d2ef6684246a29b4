"""Simulated time, and the process that dies in the middle of it."""

import asyncio

import pytest

from mainstay.testing.clock import EPOCH_US, SimulatedClock
from mainstay.testing.crash import Boundaries
from mainstay.testing.loop import Crash, FrozenError, SimulatedLoop


def test_time_moves_to_the_next_timer_without_waiting():
    async def main():
        await asyncio.sleep(86_400 * 400)
        return asyncio.get_running_loop().time()

    assert SimulatedLoop(5.0).run(main()) == pytest.approx(86_400 * 400 + 5)


def test_what_can_never_come_is_an_error_and_no_endless_wait():
    async def main():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(FrozenError):
        SimulatedLoop().run(main())


def test_a_crash_ends_all_at_once_and_nothing_that_a_finally_does_counts():
    boundaries, done = Boundaries({2}), []

    async def work():
        try:
            await asyncio.sleep(10)
        finally:
            boundaries.alive()
            done.append("written after its death")

    async def main():
        task = asyncio.ensure_future(work())
        boundaries.reach("first")
        await asyncio.sleep(1)
        boundaries.reach("second")
        await task

    with pytest.raises(Crash):
        SimulatedLoop().run(main())
    assert done == []
    assert boundaries.deaths == ["second (boundary 2)"]


def test_work_of_a_thread_is_run_inline_after_its_time():
    async def main():
        began = asyncio.get_running_loop().time()
        return await asyncio.to_thread(lambda: 7), asyncio.get_running_loop().time() - began

    assert SimulatedLoop(thread_s=lambda: 2.5).run(main()) == (7, 2.5)


def test_f10_the_wall_clock_is_set_and_the_machine_sleeps():
    clock = SimulatedClock(Boundaries(), jumps=[(10.0, -86_400.0)], naps=[(20.0, 3600.0)])
    seen = []

    async def main():
        for _ in range(3):
            seen.append((clock.now_us(), clock.boot_s()))
            await clock.sleep(10)

    loop = SimulatedLoop()
    clock.follow(loop)
    loop.run(main())
    day_us = 86_400_000_000
    assert seen == [
        (EPOCH_US, 0.0),
        (EPOCH_US + 10_000_000 - day_us, 10.0),
        (EPOCH_US + 3_620_000_000 - day_us, 3620.0),
    ]
