"""One life of an owner in a simulated house: the real works over simulated time, disk and world."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from mainstay import events as e
from mainstay.config import Config
from mainstay.connectors.mail import mark_of
from mainstay.errors import CommitFailedError
from mainstay.governance.attention import Rules, summary_at
from mainstay.governance.policy import DefaultPolicy
from mainstay.kernel.graph import Definition
from mainstay.playbooks.activation import activation_of
from mainstay.playbooks.starting import Starting
from mainstay.requests.attention import Teller
from mainstay.requests.desk import Requests
from mainstay.requests.methods import METHODS
from mainstay.requests.notify import Ways
from mainstay.requests.release import STREAM as WORKSPACE
from mainstay.requests.release import reason_of
from mainstay.requests.throttling import Throttling
from mainstay.runtime.bounces import Bounces
from mainstay.runtime.expressions import Program, Programs
from mainstay.runtime.payloads import Payloads
from mainstay.runtime.sealing import Opener, Sealer
from mainstay.testing.disk import SimulatedBlobs, SimulatedLedger, SimulatedPeople
from mainstay.testing.post import Postman
from mainstay.testing.shop import contracts_of
from mainstay.testing.workers import SimulatedWorkers
from mainstay.works import Ground, Works

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mainstay.runtime.parts import Parts
    from mainstay.testing.chance import Chance
    from mainstay.testing.clock import SimulatedClock
    from mainstay.testing.crash import Boundaries
    from mainstay.testing.disk import Disk
    from mainstay.testing.operator import Operator
    from mainstay.testing.plans import Planned
    from mainstay.testing.setting import Setting
    from mainstay.testing.tool import Tool
    from mainstay.testing.world import World

LOOK_S, LOOK_AT_MOST_S = 20.0, 900.0  # between two looks whether all is done: longer the longer nothing moves
GIVE_UP_S = 3 * 86_400.0  # nothing was recorded for so long: nothing will be
MOVED = 0.06  # share of the lives before which the history was put elsewhere
KEPT = 300  # programs of a time zone
TELLS_S, AFTER_US, SUMMARY = 120.0, 60_000_000, "00:30"  # how often it is looked whom to tell, and what of
TOKEN_KEY = bytes(range(32))

# The last position.
LAST = "SELECT coalesce(max(position), 0) FROM event"
# Whether all plans have ended, with nothing left to follow: how much has not.
MOVING = """
SELECT (SELECT count(*) FROM plan WHERE status NOT IN ('completed', 'undone')
        AND (parked = 0 OR status NOT IN ('failed', 'cancelled', 'expired')))
     + (SELECT count(*) FROM decision WHERE status = 'open') + (SELECT count(*) FROM timer)
     + (SELECT count(*) FROM uncertain)"""
# The plans of a playbook, without child plans. (name)
PROPOSED = "SELECT id FROM plan WHERE playbook = ? AND parent = ''"


class _Compiled(Programs):
    """The programs of all lives: what is compiled depends on the types of names alone, and what they stand for."""

    def _of(self, definition: Definition) -> Program:
        types, records, let = definition.types, definition.records, definition.let
        return super()._of(Definition(name="", title="", steps=(), types=types, records=records, let=let))


@cache
def programs_of(timezone: str) -> Programs:
    """Give the programs of all simulated workspaces of a time zone."""
    return _Compiled(timezone, keep=KEPT)


class House(Works):
    """An owner from its start to its end, whichever way that comes."""

    def __init__(
        self,
        disk: Disk,
        boundaries: Boundaries,
        clock: SimulatedClock,
        world: World,
        times: Chance,
        setting: Setting,
        new_id: Callable[[], str],
        root: Path,
    ) -> None:
        """Open what the disk holds, with what the workspace says; `root` is its folder."""
        self._boundaries, self._times = boundaries, times
        self.ledger = SimulatedLedger(disk, boundaries)
        blobs = SimulatedBlobs(disk, boundaries)
        contracts = contracts_of(world)
        self.people = SimulatedPeople(disk, boundaries)
        opener, sealer = Opener(self.people.open), Sealer(self.people)
        sealer.catalogue = contracts
        self._drawn = 0
        super().__init__(
            Ground(
                ledger=self.ledger,
                payloads=Payloads(blobs, opener, sealer),
                clock=clock,
                workers=SimulatedWorkers(times.of("workers"), boundaries, world),
                catalogue=contracts,
                policy=DefaultPolicy(),
                random=self._random,
                new_id=new_id,
                token_key=TOKEN_KEY,
                is_online=world.is_online,
                reopen=self._reopen,
                room_missing=self.ledger.room_missing,
                company={},
                caps=setting.caps,
                limits=setting.limits,
                delays=setting.delays,
                windows=setting.windows,
                timezone=setting.timezone,
            )
        )
        activation = activation_of(root, root, self.ledger, blobs, contracts)
        self.root, self.setting = root, setting
        self.requests = Requests(self.engine, contracts, root, METHODS, activation)
        self.requests.on_released = self.work
        self.requests.throttling = self.throttling = Throttling(self.requests, contracts.roles)
        self.throttling.use(setting.throttles)
        bounces = Bounces(self.ledger, self.engine.load, mark_of)
        bounces.heard = self.throttling.note_bounce
        self._postman = Postman(self.engine, bounces, world, boundaries, times.of("post"))
        self.engine.outside.starting = Starting(activation, root, contracts, self.engine.say).playbooks

    def work(self) -> None:
        """Go on with all plans, after those of a closed throttle were paused; see `Owner.work`."""
        if not self.engine.held:
            self.throttling.begin()
        super().work()

    async def live(self, plans: Sequence[Planned], operator: Operator, tool: Tool) -> bool:
        """Work until all is done, which gives True, or until the owner gives up because of its disk."""
        failed = self.engine.failed = asyncio.get_running_loop().create_future()
        self._boundaries.reach("start")
        try:
            await self._begin()
            operator.sit_down(self)
            self.work()
        except CommitFailedError:
            await self.rest()
            return False  # as the real owner, which ends and is started again
        self._boundaries.reach("resumed")
        done = asyncio.ensure_future(self._see_through(plans, operator, tool))
        self._postman.begin()
        tool.begin(self)
        telling = self._telling()
        await asyncio.wait({done, failed}, return_when=asyncio.FIRST_COMPLETED)
        if done.done():
            done.result()
        if telling is not None and not telling.cancel():
            telling.result()  # it ended, and was to tell for as long as this lives
        await self.rest()
        return done.done()

    async def _begin(self) -> None:
        """Record the first fact of all, and now and then that the history was put elsewhere meanwhile (KERNEL L6)."""
        recorded = self.ledger.read(WORKSPACE)
        found = "" if recorded else e.WorkspaceCreated("Simulated", "0")
        held = reason_of(recorded)
        if recorded and not held and self._times.happens(MOVED, "moved"):
            held = "it was put elsewhere"
            found = e.WorkspaceQuarantined(held)
        if found:
            draft = e.Draft(found, self.clock.now_us(), "mainstay")
            await self.ledger.append([e.Append(WORKSPACE, len(recorded), (draft,))])
        self.engine.held = held

    def _telling(self) -> asyncio.Task[None] | None:
        """Tell the operator what waits, as the service does, but look more rarely."""
        if self.setting.tells is None:
            return None
        rules = Rules(self.setting.tells, summary_at(SUMMARY), AFTER_US, self.setting.timezone)
        teller = Teller(self.requests, rules, Ways(self.requests, Config(), None), lambda _: None)
        self.engine.listeners.append(teller.heard)
        return asyncio.ensure_future(teller.run(TELLS_S))

    async def _see_through(self, plans: Sequence[Planned], operator: Operator, tool: Tool) -> None:
        for number, plan in enumerate(plans):
            await self.clock.sleep(self._times.draw("pause", number) * 5)
            await self._propose(plan, hold=operator.deeds.holds(plan.name))
        last, since_s = 0, self.clock.boot_s()
        while True:
            still_s = self.clock.boot_s() - since_s
            await asyncio.sleep(min(max(LOOK_S, still_s / 4), LOOK_AT_MOST_S))
            if not self.engine.is_whole:
                continue
            operator.let_on(self.engine.waiting)
            try:
                position, moving = self.ledger.rows(LAST)[0][0], self.ledger.rows(MOVING)[0][0]
            except CommitFailedError:
                continue
            idle = operator.is_idle and tool.is_idle and self._postman.is_idle
            if (not moving and idle) or still_s > GIVE_UP_S:
                return
            if position != last:
                last, since_s = position, self.clock.boot_s()

    async def _propose(self, plan: Planned, *, hold: bool) -> None:
        """Propose a plan unless it is there: whoever was not told whether it was taken looks first."""
        until_s = self.clock.boot_s() + GIVE_UP_S
        while self.clock.boot_s() < until_s:
            try:
                await self.engine.whole()
                if self.engine.held:
                    await asyncio.sleep(LOOK_S)
                    continue
                if not self.ledger.rows(PROPOSED, (plan.name,)):
                    await self.requests.propose(plan.definition, plan.inputs, hold=hold)[1]
            except CommitFailedError as error:
                self.engine.fail(error)
                await asyncio.sleep(1.0)
            else:
                return

    def _parts(self, ground: Ground) -> Parts:
        return msgspec.structs.replace(super()._parts(ground), expressions=programs_of(ground.timezone))

    def _reopen(self) -> None:
        self.people.close()
        self.ledger.reopen()
        self.people.reopen()

    def _random(self) -> float:
        self._drawn += 1
        return self._times.draw("jitter", self._drawn)
