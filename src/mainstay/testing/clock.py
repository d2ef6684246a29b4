"""Simulated time: `ports.Clock` over the loop's, with a wall clock that is set and a machine that sleeps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.testing.crash import Boundaries

EPOCH_US = 1_767_571_200 * SECOND_US  # 5 January 2026, a Monday


class SimulatedClock:
    """Wall time and boot time of a machine over all lives of its owner.

    `jumps` and `naps` are (when, by how much) in seconds of the loop: somebody sets the wall clock; the machine sleeps,
    so that boot time and wall time go on while the loop's stands still.
    """

    def __init__(
        self,
        boundaries: Boundaries,
        jumps: Sequence[tuple[float, float]] = (),
        naps: Sequence[tuple[float, float]] = (),
    ) -> None:
        """Take where the process may die, and what befalls the clocks."""
        self._boundaries = boundaries
        self._jumps, self._naps = jumps, naps
        self._down_s = 0.0  # when no loop runs: the time of the last one's end
        self._loop: asyncio.AbstractEventLoop | None = None

    def follow(self, loop: asyncio.AbstractEventLoop | None, down_s: float = 0.0) -> None:
        """Take time from a loop, or stand still at a time while there is none."""
        self._loop, self._down_s = loop, down_s

    def now_us(self) -> int:
        """Wall time, microseconds UTC."""
        now_s = self.time()
        return EPOCH_US + round((now_s + _passed(self._naps, now_s) + _passed(self._jumps, now_s)) * SECOND_US)

    def boot_s(self) -> float:
        """Seconds since boot, never jumping."""
        now_s = self.time()
        return now_s + _passed(self._naps, now_s)

    async def sleep(self, seconds: float) -> None:
        """Wait; the process may die when it wakes."""
        await asyncio.sleep(seconds)
        self._boundaries.reach("awake")

    def time(self) -> float:
        """The loop's seconds, which stand still while the machine sleeps; also between two lives."""
        return self._down_s if self._loop is None else self._loop.time()


def _passed(changes: Sequence[tuple[float, float]], now_s: float) -> float:
    return sum(by_s for at_s, by_s in changes if at_s <= now_s) if changes else 0.0
