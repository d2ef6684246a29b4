"""One seed, one run: the same plans, world and operator, first left alone and then with crashes; what was found.

seed -> plans, scripts of the world, answers -> a run without a crash -> a run with crashes -> judged
                                                     `-- how it may end --------------------------^
"""

from __future__ import annotations

from contextlib import nullcontext
from operator import index
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from mainstay import events as e
from mainstay.ledger import database
from mainstay.ledger.reader import READ_STREAM, recorded
from mainstay.ledger.views import VIEWS
from mainstay.testing.chance import Chance
from mainstay.testing.clock import SimulatedClock
from mainstay.testing.crash import Boundaries
from mainstay.testing.disk import NOWHERE, Disk
from mainstay.testing.house import House
from mainstay.testing.judge import judge, outcome_of, read, unseen
from mainstay.testing.loop import Crash, SimulatedLoop
from mainstay.testing.operator import Operator
from mainstay.testing.plans import plans_of
from mainstay.testing.setting import machine_of, outages_of, setting_of
from mainstay.testing.tool import Tool
from mainstay.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from mainstay.testing.judge import Outcome
    from mainstay.testing.plans import Planned

MOST_LIVES = 60
NEVER = 10**9  # a boundary that no run comes to
SOON = 25  # boundaries after a death at which another is as likely as not
SCHEDULES = 40  # other timings tried before an end counts as one that no run without a crash has
# The digest of the last record, in hex.
_HEAD = "SELECT coalesce((SELECT hex(digest) FROM event ORDER BY position DESC LIMIT 1), '')"
# Whether the intent of a token is on disk. (token)
_INTENDED = "SELECT count(*) FROM event WHERE kind = 'EffectIntended' AND instr(body, CAST(? AS BLOB))"


class Played(NamedTuple):
    """One run that is over, as `Simulation.play` gives it."""

    findings: list[str]  # a sentence each; empty where all held
    outcome: Outcome  # how each plan ended, by its playbook
    passed: int  # boundaries
    deaths: list[str]  # where it died, in order: "after commit (boundary 41)"
    head: str  # digest of the last record: two runs with the same one had the same history
    firm: frozenset[str]  # the plans whose ends a crash must not change

    def ends(self) -> Outcome:
        """Give how plans ended where a crash must not change it."""
        return {name: end for name, end in self.outcome.items() if name in self.firm}


def run(seed: int, keep: Callable[[Simulation], object] | None = None) -> list[str]:
    """Give what one seed finds, a sentence each; nothing where all is well. `keep` is given every run of it.

    It is played without a crash and then with up to five, and judged after both. Some hundredths of a second up to
    seconds; nothing is left on disk. Raises TypeError and ValueError as `Simulation` does for the seed.
    """

    def play(deadly: Collection[int] = (), schedule: int = 0) -> Played:
        simulation = Simulation(seed, deadly, schedule, must_die=False)
        if keep is not None:
            keep(simulation)
            return simulation.play()
        played = simulation.play()
        simulation.disk.throw_away()
        return played

    alone = play()
    if alone.findings:
        return [f"without a crash: {finding}" for finding in alone.findings]
    crashed = play(deadly_of(seed, alone.passed), 1)
    died = f"died {', '.join(crashed.deaths) or 'nowhere'}"
    if crashed.findings:
        return [f"{died}: {finding}" for finding in crashed.findings]
    strange = {name: end for name, end in crashed.ends().items() if end != alone.outcome.get(name)}
    for other in range(2, SCHEDULES):
        if not strange:
            return []
        ends = play((), other).outcome
        strange = {name: end for name, end in strange.items() if end != ends.get(name)}
    return [
        f"{died}: {name} ends as without a crash it never does: {end}, not {alone.outcome.get(name)}"
        for name, end in strange.items()
    ]


def every(seed: int) -> list[str]:
    """Let one seed die at each of its boundaries in turn, once each, and give what that finds, a sentence each.

    That is some hundred runs. Raises TypeError and ValueError as `Simulation` does for the seed.
    """
    passed, found = Simulation(seed, {NEVER}).play().passed, list[str]()
    for boundary in range(1, passed + 1):
        played = Simulation(seed, {boundary}).play()
        found += [f"died {', '.join(played.deaths) or 'nowhere'}: {finding}" for finding in played.findings]
    return found


def deadly_of(seed: int, boundaries: int) -> frozenset[int]:
    """Choose where a seed's second run dies, of so many boundaries."""
    chance = Chance(seed)
    deaths = chance.pick((1, 1, 1, 2, 2, 3, 5), "deaths")
    chosen: list[int] = []
    for number in range(deaths):
        soon = bool(chosen) and chance.happens(0.4, "soon", number)  # while it recovers
        again = chosen[-1] + chance.whole(1, SOON, "death", number) if soon else 0
        chosen.append(again or chance.whole(1, boundaries, "death", number))
    return frozenset(chosen)


class Simulation:
    """One run over all its lives, dying at these boundaries; `schedule` says how long things take, nothing else.

    Boundaries are numbered from 1 as they are passed (`Played.passed` says how many there were); `{NEVER}` is a run
    that dies nowhere, under the timing of those that die.
    """

    def __init__(self, seed: int, deadly: Collection[int] = (), schedule: int = 0, *, must_die: bool = True) -> None:
        """Set it up; it can be played once. With `must_die` a boundary that it does not come to is a finding.

        Raises TypeError where a seed or boundary is no whole number, ValueError where no seed or boundary has it.
        """
        seed, deadly = _number("seed", seed, 0), frozenset(_number("boundary", one, 1) for one in deadly)
        self._deadly = deadly if must_die else frozenset[int]()
        chance, self._times = Chance(seed), Chance(f"{seed}/{schedule}")
        self._boundaries = Boundaries(deadly)
        machine = self._machine = machine_of(self._times.of("machine"))
        self.disk = Disk((VIEWS,), self._times.of("disk"), machine.faults)
        self._clock = SimulatedClock(self._boundaries, () if deadly else machine.jumps, machine.naps)
        self._setting = setting_of(chance.of("setting"))
        self.world = World(chance.of("world"), self._times.of("world"), self._boundaries, self._clock.boot_s)
        self.world.intended = self._is_intended
        self.world.missed = self._missed
        self.world.outages = outages_of(self._times.of("outages"))
        self._plans = plans_of(chance.of("plans"))
        times = self._times.of("operator")
        self._operator = Operator(chance.of("operator"), times, self._boundaries, self.world, self._plans)
        self._tool = Tool(chance.of("tool"), self._times.of("tool"), self._boundaries)
        self._root = Path()
        self._ids = 0
        self.lives = 0

    @property
    def deaths(self) -> list[str]:
        """Say where it died, in order."""
        return self._boundaries.deaths

    def play(self) -> Played:
        """Play it to its end, once, and judge it; what it left is in `disk` and `world`, in memory."""
        folder = TemporaryDirectory(prefix="mainstay-simulated-") if self._operator.deeds.need_folder else None
        with folder or nullcontext(NOWHERE) as root:
            self._root = Path(root)
            while not self._live():
                assert self.lives < MOST_LIVES, f"it did not end in {MOST_LIVES} lives"
        ended, cut = read(self.disk), self.lives > 1 or self.disk.mended > 0
        findings = [
            *self._operator.findings,
            *judge(self.disk, self.world, ended, self._operator.told, self._setting, cut=cut),
            *self._tool.judge(self.world),
            *self._missed_deaths(),
        ]
        head = database.rows(self.disk.connection, _HEAD)[0][0]
        outcome, passed = outcome_of(ended, self.world), self._boundaries.passed
        return Played(findings, outcome, passed, self.deaths, head, frozenset(self._firm()) - unseen(ended))

    def _missed_deaths(self) -> Iterator[str]:
        """Name the boundaries at which it was to die and that it did not come to."""
        for boundary in sorted(self._deadly - {NEVER}):
            if boundary > self._boundaries.passed:
                yield f"boundary {boundary} was never reached: it ended after {self._boundaries.passed}"

    def _firm(self) -> Iterator[str]:
        """Name the plans whose ends are the same whenever things happen, as far as it is known of what befell them."""
        outside = any(one.connector for one in self.world.outages) or self._setting.caps or self._operator.released
        reset = bool(self._machine.jumps or self._machine.naps)
        if not outside and not self._operator.meddled:
            yield from self._tool.plans.values()
        for plan in self._plans:
            loose = plan.is_loose or (plan.is_timed and reset) or plan.name in self._operator.meddled
            loose |= self._is_throttled(plan) or self._setting.lets_wait(plan.definition)
            if not outside and not loose:
                yield plan.name

    def _is_throttled(self, plan: Planned) -> bool:
        """Whether a throttle may change how a plan ends: one that only lets it wait changes what time decides."""
        throttle = self._setting.throttle_of(plan.name)
        return throttle is not None and (throttle.undo or plan.is_timed or self._operator.way(plan.name) != "go-on")

    def _live(self) -> bool:
        """Let one life of the owner pass; whether all was done at its end."""
        self.lives += 1
        times = self._times.of(f"life {self.lives}")
        self._boundaries.revive()
        loop = SimulatedLoop(self._clock.time(), lambda: times.draw("thread") * 0.05)
        self._clock.follow(loop)
        try:
            return loop.run(self._owner(times))
        except Crash:
            return False
        finally:
            self._clock.follow(None, loop.time() + times.draw("down") ** 4 * 7200)

    async def _owner(self, times: Chance) -> bool:
        house = House(
            self.disk,
            self._boundaries,
            self._clock,
            self.world,
            times,
            self._setting,
            self._new_id,
            self._root,
        )
        return await house.live(self._plans, self._operator, self._tool)

    def _new_id(self) -> str:
        self._ids += 1
        return f"p{self._ids:05}"

    def _is_intended(self, token: str) -> bool:
        return bool(database.rows(self.disk.connection, _INTENDED, (token,))[0][0])

    def _missed(self, plan: str, token: str) -> int:
        """Count how often it is on disk that an effect was read back and not seen."""
        path, missed = "", 0
        for row in database.rows(self.disk.connection, READ_STREAM, (f"plan:{plan}", 0)):
            fact = recorded(row, self.disk.segments).fact
            if isinstance(fact, e.EffectIntended) and fact.token == token:
                path, missed = fact.path, 0
            missed += isinstance(fact, e.EffectUnseen) and fact.path == path
        return missed


def _number(what: str, given: object, least: int) -> int:
    try:
        number = index(given)  # pyright: ignore[reportArgumentType] - what else it may be is what this is about
    except TypeError as error:
        raise TypeError(f"A {what} is a whole number, not {given!r}.") from error
    if number < least:
        raise ValueError(f"A {what} is a number from {least}, not {number}.")
    return number
