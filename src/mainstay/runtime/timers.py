"""Timers: the due times of plans, kept in a projection, fired as commands (KERNEL P5).

One sleeping task, woken by an earlier due time: no polling. A timer that is stale is ignored by the kernel, and
remembered here, so that its row costs nothing more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import msgspec

from mainstay import commands as c
from mainstay.errors import CommandRefusedError
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.ports import Clock

GRACE_S = 15 * 60  # after downtime, expiries wait this long
_BATCH = 500
_LONGEST_SLEEP_S = 3600.0  # wall time may be set meanwhile

TimerKind: TypeAlias = Literal["retry", "due", "remind", "wait", "expiry"]


class Timer(msgspec.Struct, frozen=True):
    """One row of the projection."""

    due_at_us: int
    kind: TimerKind
    plan: str
    path: str
    generation: int


class Submit(Protocol):
    """The engine's way in."""

    def submit(self, plan_id: str, *commands: c.PlanCommand, actor: str = ..., cause: str = ...) -> asyncio.Future[int]:
        """Queue a command."""
        ...


class Timers:
    """Fires what is due."""

    def __init__(
        self,
        engine: Submit,
        clock: Clock,
        due: Callable[[int, int], list[Timer]],
        next_due: Callable[[int], int | None],
    ) -> None:
        """`due(now_us, limit)` gives the rows due by now, earliest first; `next_due(after_us)` the next due time."""
        self._engine = engine
        self._clock = clock
        self._due = due
        self._next_due = next_due
        self._wake = asyncio.Event()
        self._at_us: int | None = None
        self._fired: set[Timer] = set()
        self._started_us = clock.now_us()

    def hint(self, due_at_us: int) -> None:
        """Learn of a new due time."""
        if self._at_us is None or due_at_us < self._at_us:
            self._at_us = due_at_us
            self._wake.set()

    async def run(self) -> None:
        """Fire timers for as long as the owner lives."""
        while True:
            self._wake.clear()
            self._at_us = None  # from here on any hint wakes
            now_us = self._clock.now_us()
            await self._fire(now_us)
            self._at_us = self._soonest(now_us)
            pause_s = _LONGEST_SLEEP_S
            if self._at_us is not None:
                pause_s = min(pause_s, max(0.0, (self._at_us - self._clock.now_us()) / SECOND_US))
            await self._sleep(pause_s)

    def _soonest(self, now_us: int) -> int | None:
        """The next due time, or the end of the grace period while it holds something back."""
        grace_us = self._started_us + GRACE_S * SECOND_US
        later = [at_us for at_us in (self._next_due(now_us), grace_us if now_us < grace_us else None) if at_us]
        return min(later, default=None)

    async def _sleep(self, pause_s: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(pause_s))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    async def _fire(self, now_us: int) -> None:
        waiting: list[asyncio.Future[int]] = []
        for timer in self._due(now_us, _BATCH + len(self._fired)):
            if timer in self._fired or self._in_grace(timer, now_us):
                continue
            self._fired.add(timer)
            command = c.TimerDue(now_us=now_us, kind=timer.kind, path=timer.path, generation=timer.generation)
            try:
                waiting.append(self._engine.submit(timer.plan, command, actor="timer"))
            except CommandRefusedError:
                continue  # its plan is gone: the row is stale
        if waiting:
            await asyncio.wait(waiting)

    def _in_grace(self, timer: Timer, now_us: int) -> bool:
        """After downtime, what would close or end something waits a little: the operator may be on the way."""
        if timer.kind not in ("due", "expiry") or timer.due_at_us >= self._started_us:
            return False
        return now_us < self._started_us + GRACE_S * SECOND_US
