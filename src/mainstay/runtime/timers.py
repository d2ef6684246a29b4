"""Timers: the due times of plans, kept in a projection, fired as commands (KERNEL P5).

One sleeping task, woken by an earlier due time, and once a minute to see whether the clock was set. A timer that is
stale is ignored by the kernel, and remembered here, so that its row costs nothing more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError, CommitFailedError, LedgerError
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.ports import Clock

GRACE_S = 15 * 60  # after downtime, expiries wait this long, unless mainstay.toml says otherwise
JUMP_S = 5 * 60  # the wall clock departs from boot time by more: somebody set it
LONGEST_SLEEP_S = 60.0  # the clock may be set, or the machine put to sleep, meanwhile
_BATCH = 500

TimerKind: TypeAlias = Literal[
    "retry", "due", "remind", "wait", "expiry", "settle", "dispatch", "confirm", "retry_online", "settle_online"
]


class Timer(msgspec.Struct, frozen=True):
    """One row of the projection."""

    due_at_us: int
    kind: TimerKind
    plan: str
    path: str
    generation: int


class Rows(Protocol):
    """The projection's rows."""

    def due(self, now_us: int, held_before_us: int, early_before_us: int, limit: int) -> list[Timer]:
        """Give what is due by now, earliest first.

        Of what closes or ends something only what was due later than `held_before_us`; of what lets an action leave,
        or be looked up, only what was due later than `early_before_us`.
        """
        ...

    def next_due(self, after_us: int) -> int | None:
        """Give the next due time after one."""
        ...


class Submit(Protocol):
    """The engine's way in."""

    def submit(self, plan_id: str, *commands: c.PlanCommand, actor: str = ..., cause: str = ...) -> asyncio.Future[int]:
        """Queue a command."""
        ...


class Timers:
    """Fires what is due."""

    def __init__(self, engine: Submit, clock: Clock, rows: Rows, grace_s: float = GRACE_S) -> None:
        """Take the engine's way in, the clocks, the rows of the projection, and how long nothing overdue expires."""
        self._grace_s = grace_s
        self._engine = engine
        self._clock = clock
        self._rows = rows
        self.on_jump: Callable[[int], None] | None = None  # told of seconds the wall clock was set by
        self._wake = asyncio.Event()
        self._at_us: int | None = None
        self._fired: set[Timer] = set()
        self._offset_s = self._offset()
        self._early_before_us = 0  # after the clock was set: what seems due since may have time left
        self._hold()

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
            self._notice_jump()
            now_us = self._clock.now_us()
            await self._fire(now_us)
            self._at_us = self._rows.next_due(now_us)
            pause_s = LONGEST_SLEEP_S
            if self._at_us is not None:
                pause_s = min(pause_s, max(0.0, (self._at_us - self._clock.now_us()) / SECOND_US))
            if (held_s := self._held_until_s - self._clock.boot_s()) > 0:
                pause_s = min(pause_s, held_s)  # what was held back is due when the grace period ends
            await self._sleep(pause_s)

    async def _sleep(self, pause_s: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(pause_s))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    async def _fire(self, now_us: int) -> None:
        """Fire all that is due, a batch at a time."""
        holds = self._clock.boot_s() < self._held_until_s
        held_before_us, early_before_us = (self._held_before_us, self._early_before_us) if holds else (0, 0)
        while True:
            limit = _BATCH + len(self._fired)
            due = self._rows.due(now_us, held_before_us, early_before_us, limit)
            self._fired.intersection_update(due)  # rows that are gone need not be remembered
            fresh = [timer for timer in due if timer not in self._fired][:_BATCH]
            waiting = [future for timer in fresh if (future := self._fire_one(timer, now_us)) is not None]
            if waiting:
                await asyncio.wait(waiting)
            if len(fresh) < _BATCH:
                return

    def _fire_one(self, timer: Timer, now_us: int) -> asyncio.Future[int] | None:
        """Fire one; None when its plan is gone or can't be read: that keeps no other from firing."""
        self._fired.add(timer)
        command = c.TimerDue(now_us=now_us, kind=timer.kind, path=timer.path, generation=timer.generation)
        try:
            return self._engine.submit(timer.plan, command, actor="timer")
        except (CommandRefusedError, LedgerError) as error:
            if isinstance(error, CommitFailedError):
                raise
            return None

    # --- after downtime, and when the clock is set

    def _hold(self) -> None:
        """From now on for a grace period, end nothing whose time has passed: the operator may be on the way."""
        self._held_before_us = self._clock.now_us()
        self._held_until_s = self._clock.boot_s() + self._grace_s

    def _notice_jump(self) -> None:
        jump_s = self._offset() - self._offset_s
        if abs(jump_s) <= JUMP_S:
            return
        self._offset_s += jump_s
        self._hold()
        self._early_before_us = self._held_before_us
        if self.on_jump is not None:
            self.on_jump(round(jump_s))

    def _offset(self) -> float:
        """Wall time less boot time, seconds: it changes only when somebody sets the clock."""
        return self._clock.now_us() / SECOND_US - self._clock.boot_s()


def due_times(fact: e.AnyFact) -> list[int]:
    """Give the times at which a fact wants to be looked at again."""
    times = DUE_TIMES.get(type(fact))
    return [] if times is None else [at_us for at_us in times(fact) if at_us is not None]


def waits_online(fact: e.AnyFact) -> bool:
    """Say whether a fact with a due time goes on earlier, when the network is back."""
    failed = fact.failure if isinstance(fact, (e.AttemptFailed, e.EffectRefused, e.EffectAwaited)) else None
    return failed is not None and failed.waits_for != ""


DUE_TIMES: dict[type[e.Fact], Callable[[Any], tuple[int | None, ...]]] = {
    e.AttemptFailed: lambda fact: (fact.retry_at_us,),
    e.EffectRefused: lambda fact: (fact.retry_at_us,),
    e.WaitStarted: lambda fact: (fact.until_us,),
    e.EffectAwaited: lambda fact: (fact.until_us,),
    e.EffectDelayed: lambda fact: (fact.until_us,),
    e.EffectUnseen: lambda fact: (fact.again_at_us,),
    e.DecisionAsked: lambda fact: (*fact.remind_at_us, fact.due_at_us),
    e.PlanProposed: lambda fact: (fact.expires_at_us,),
}
