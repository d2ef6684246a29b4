"""An owner's engine with all that keeps it going: the same over a workspace's files and over a simulated disk.

`app.Owner` brings what lies on a real machine, `testing.House` what is only simulated; nothing in here touches either.
"""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstay import events as e
from mainstay.commands import PATIENT, Patience
from mainstay.connectors.guard import Guard, classify
from mainstay.errors import CommitFailedError
from mainstay.governance.before import Before, Sources
from mainstay.governance.budgets import Budgets
from mainstay.governance.flow import InformationFlow
from mainstay.governance.judge import Judges
from mainstay.governance.outages import Outages
from mainstay.governance.windows import Window, hours_of
from mainstay.ledger import queries
from mainstay.ledger.batch import STREAM_EVENTS
from mainstay.ledger.outside import LedgerOutside
from mainstay.ledger.places import LedgerPlaces
from mainstay.runtime.engine import Engine
from mainstay.runtime.expressions import Programs
from mainstay.runtime.mending import Mending
from mainstay.runtime.online import Network
from mainstay.runtime.parts import Parts
from mainstay.runtime.spending import most_spent
from mainstay.runtime.timers import GRACE_S, Timer, Timers
from mainstay.sentences import say

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from mainstay.kernel.budget import Cap
    from mainstay.ports import Catalogue, Clock, Judge, Ledger, Policy, Workers
    from mainstay.runtime.payloads import Payloads
    from mainstay.runtime.timers import TimerKind

STOP_GRACE_S = 10.0


class Ground(NamedTuple):
    """What works stand on: the machine's parts, and what the workspace says."""

    ledger: Ledger
    payloads: Payloads
    clock: Clock
    workers: Workers
    catalogue: Catalogue
    policy: Policy
    random: Callable[[], float]  # in [0, 1)
    new_id: Callable[[], str]  # of a plan
    token_key: bytes
    is_online: Callable[[], Awaitable[bool]]
    reopen: Callable[[], None]  # the history, after a commit that failed; blocks, raises LedgerError
    room_missing: Callable[[], int]  # bytes
    company: dict[str, Any]
    where: str = ""  # the disk, as the operator knows it
    caps: Sequence[Cap] = ()
    limits: Mapping[str, int] = MappingProxyType({})
    delays: Mapping[str, int] = MappingProxyType({})
    windows: Mapping[str, Window] = MappingProxyType({})  # the hours in which they leave, by operation
    patience: Patience = PATIENT
    timezone: str = "UTC"
    grace_s: float = GRACE_S
    judges: Mapping[str, Judge] = MappingProxyType({})  # beside the policy, by what cards call them: "secrets"


class Works:
    """Engine, guard, timers and mending over one ground, begun by `work` in a running loop."""

    def __init__(self, ground: Ground) -> None:
        """Put them together; nothing is begun."""
        self._ground = ground
        self.clock = ground.clock
        self.guard = Guard(ground.clock, memory=Outages(ground.ledger, ground.clock), is_online=ground.is_online)
        self.network = Network(ground.ledger, ground.clock, ground.is_online, self._waiting_online)
        self.guard.on_offline = self.network.lost
        self.places = LedgerPlaces(ground.ledger)
        self._limits = dict(ground.limits)  # it changes with the rules in force
        operation, load = ground.catalogue.operation, ground.payloads.load
        before = Before(Sources(ground.ledger, operation, load, self.places.playbook, most_spent))
        self.budgets = Budgets(ground.ledger, ground.caps, ground.timezone, self.places.last_stream, before.since)
        self.engine = Engine(self._parts(ground))
        self.engine.live_under = self._live_under
        self.engine.on_waits_online = self.network.waits
        self.network.engine, self.network.say = self.engine, self.engine.say
        self.mending = Mending(self.engine, ground.clock, ground.reopen, ground.room_missing, ground.where)
        self.mending.on_mended = self.work
        self.engine.mend = self.mending.begin
        self._sleeping: asyncio.Task[None] | None = None

    def _parts(self, ground: Ground) -> Parts:
        return Parts(
            ledger=ground.ledger,
            payloads=ground.payloads,
            clock=ground.clock,
            random=ground.random,
            token_key=ground.token_key,
            catalogue=ground.catalogue,
            policy=Judges({"policy": ground.policy, "information flow": InformationFlow(), **ground.judges}),
            budgets=self.budgets,
            places=self.places,
            outside=LedgerOutside(ground.ledger),
            new_id=ground.new_id,
            workers=ground.workers,
            guard=self.guard,
            classify=classify,
            expressions=Programs(ground.timezone),
            company=ground.company,
            timezone=ground.timezone,
            delays=ground.delays,
            hours=hours_of(ground.windows, ground.timezone),
            patience=ground.patience,
            limits=self._limits,
        )

    def use_limits(self, more: Sequence[Cap], at_once: Mapping[str, int]) -> None:
        """Let these caps and limits hold from now on beside those of the ground; of two for one name the smaller."""
        self._limits.clear()
        self._limits.update(self._ground.limits)
        for name, most in at_once.items():
            self._limits[name] = min(most, self._limits.get(name, most))
        self.engine.turns.use(self._limits)
        try:
            self._ground.ledger.flush()  # what is under way is counted by what the history says of it
            self.budgets.use([*self._ground.caps, *more], self.clock.now_us())
            if self._sleeping is not None:
                self._begin_budgets()
        except CommitFailedError:  # what failed is told, and mended: then budgets are begun anew
            self.budgets.forget()

    def work(self) -> None:
        """Keep times and go on with all plans: at the start, and after the history was read again or released."""
        if self.engine.held:
            return
        if self._sleeping is not None:
            self._sleeping.cancel()
        self.timers = Timers(self.engine, self.clock, self, self._ground.grace_s)
        self.timers.on_jump = self._note_jump
        self.engine.on_timer = self.timers.hint
        self._sleeping = asyncio.create_task(self.timers.run())
        self._sleeping.add_done_callback(self.must_live)
        self._begin_budgets()
        self.engine.resume([row[0] for row in self._ground.ledger.rows(queries.LIVE_PLANS)])
        self.network.start()

    async def rest(self) -> None:
        """Begin nothing more, and see what is under way through for a while."""
        if self._sleeping is not None:
            self._sleeping.cancel()
        await self.mending.close()
        await self.network.stop()
        await self.engine.stop(STOP_GRACE_S)

    def must_live(self, task: asyncio.Task[None]) -> None:
        """End the owner with the error of a task that should have gone on."""
        error = None if task.cancelled() else task.exception()
        if error is not None:  # without timers nothing would be retried, reminded or expired
            self.engine.fail(error)

    # --- what timers ask: runtime.timers.Rows

    def due(self, now_us: int, held_before_us: int, early_before_us: int, limit: int) -> list[Timer]:
        """Give the timers that are due."""
        bounds = (now_us, held_before_us, early_before_us, limit)
        return [Timer(*row) for row in self._ground.ledger.rows(queries.TIMERS_DUE, bounds)]

    def next_due(self, after_us: int) -> int | None:
        """Give the next due time after one."""
        rows = self._ground.ledger.rows(queries.NEXT_DUE_AFTER, (after_us,))
        return rows[0][0] if rows else None

    # --- leaves

    def _begin_budgets(self) -> None:
        """Record what left before the budgets of this day and month held; what fails is found again."""
        if self.engine.held:
            return
        self._ground.ledger.flush()
        for append in self.budgets.begin(self.clock.now_us()):
            begun = asyncio.ensure_future(self._ground.ledger.append([append]))
            begun.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _live_under(self, prefix: str) -> list[str]:
        return [row[0] for row in self._ground.ledger.rows(queries.LIVE_UNDER, (prefix, prefix))]

    def _waiting_online(self) -> list[tuple[TimerKind, str, str, int]]:
        return [(row[0], row[1], row[2], row[3]) for row in self._ground.ledger.rows(queries.TIMERS_ONLINE)]

    def _note_jump(self, by_s: int) -> None:
        """Record that the clock was set; who watches the owner is told."""
        ledger, fact = self._ground.ledger, e.ClockJumped(by_s, round(self._ground.grace_s))
        self.engine.say(f"{say(fact)}.")
        before = len(ledger.read("clock"))
        if before == STREAM_EVENTS:  # years of jumps are enough: it is said, and times are kept all the same
            return
        draft = e.Draft(fact, self.clock.now_us(), "timer")
        noted = asyncio.ensure_future(ledger.append([e.Append("clock", before, (draft,))]))
        noted.add_done_callback(lambda done: done.cancelled() or done.exception())
