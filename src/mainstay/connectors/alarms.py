"""When calls have to end: one timer of the loop for all of them, because hardly any takes its time.

A time runs out by the loop's clock, and by the machine's, which goes on while the machine sleeps (KERNEL P5). The
loop's own timer does not, so that one is looked at every few seconds as long as there are calls.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainstay.ports import Clock

LOOK_EVERY_S = 5.0  # whether a time ran out while the machine slept


class Alarms:
    """The times of the calls that are under way."""

    def __init__(self, clock: Clock) -> None:
        """Take the machine's clock."""
        self._clock = clock
        self._due: dict[asyncio.Timeout, tuple[float, float]] = {}  # by the loop's clock, and by the machine's
        self._loop: asyncio.AbstractEventLoop | None = None  # whose timer it is
        self._timer: asyncio.TimerHandle | None = None
        self._looks_s = math.inf  # by the loop's clock: when it looks next

    def set(self, late: asyncio.Timeout, within_s: float) -> None:
        """Let a call, which has just entered `late`, end within so many seconds."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._timer, self._looks_s = loop, None, math.inf
            self._due.clear()
        due_s = loop.time() + within_s
        self._due[late] = due_s, self._clock.boot_s() + within_s
        if due_s < self._looks_s:
            self._look_at(min(due_s, loop.time() + LOOK_EVERY_S))

    def take_back(self, late: asyncio.Timeout) -> None:
        """Forget a call that has ended."""
        self._due.pop(late, None)

    def _look_at(self, at_s: float) -> None:
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
        self._looks_s, self._timer = at_s, self._loop.call_at(at_s, self._look)

    def _look(self) -> None:
        """End the calls whose time is over, and look again while there are others."""
        assert self._loop is not None
        self._timer, self._looks_s = None, math.inf
        loop_s, boot_s = self._loop.time(), self._clock.boot_s()
        for late, (due_s, due_boot_s) in list(self._due.items()):
            if due_s <= loop_s or due_boot_s <= boot_s:
                del self._due[late]
                late.reschedule(loop_s)
        if self._due:
            self._look_at(min(loop_s + LOOK_EVERY_S, *(due_s for due_s, _ in self._due.values())))
