"""A tool outside that asks for actions (requests/gateway.py): late, twice at once, and again after each lost answer.

What it asks for depends on the seed alone: a few actions under ids of its own. It goes on asking until it was told how
each is over. Its token is told to the simulated house, not over HTTP: what that lets in is held in tests/console.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.errors import CommitFailedError
from mainstay.requests import gateway, tokens
from mainstay.requests.gateway import OVER, Submission, SubmissionError
from mainstay.runtime.intake import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from mainstay.testing.chance import Chance
    from mainstay.testing.crash import Boundaries
    from mainstay.testing.house import House
    from mainstay.testing.world import World

NAME = "tool"
MAY = ("store.reserve", "store.pick", "bank.pay", "mail.send")
ASKS = 0.1  # share of the seeds in which there is one
LATE_S = 300.0  # at most, before it asks for something
TRIES = 2000  # until it was told how something is over, and while the disk fails
SOON = 1000  # so many of them every minute; then every ten, because hours may keep an action back for days


class Tool:
    """Asks, over all lives of the owner."""

    def __init__(self, chance: Chance, times: Chance, boundaries: Boundaries) -> None:
        """Make up what it asks for."""
        self._times, self._boundaries = times, boundaries
        count = chance.whole(1, 3, "count") if chance.happens(ASKS, "asks") else 0
        self._asked = [_asked(chance, number) for number in range(count)]
        self.told: dict[str, str] = {}  # by id: how it is over, as the tool was told
        self.plans: dict[str, str] = {}  # by id
        self.findings: list[str] = []
        self.is_idle = not count  # it was told how all is over that it asked for, and its token is taken back

    def begin(self, house: House) -> None:
        """Ask again, in a new life, for all that it was not told of."""
        self._house = house
        if not self.is_idle:
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        await self._let_in()
        left = [asked for asked in self._asked if asked.id not in self.told]
        await asyncio.gather(*map(self._ask_for, left))
        await self._keep_out()
        self.is_idle = True

    async def _ask_for(self, asked: Submission) -> None:
        await asyncio.sleep(self._times.draw("late", asked.id) ** 2 * LATE_S)
        for number in range(TRIES):
            twice = self._times.happens(0.3, "twice", asked.id)
            await asyncio.gather(*(self._ask_once(asked) for _ in range(1 + twice)))
            if asked.id in self.told:
                return
            await asyncio.sleep(60.0 if number < SOON else 600.0)

    async def _ask_once(self, asked: Submission) -> None:
        """Send it, and hear what became of it so far."""
        desk = self._house.requests
        self._boundaries.reach("before submission")
        try:
            await desk.engine.whole()
            plan_id = await gateway.submit(desk, tokens.tokens(desk)[NAME], asked)
            self._boundaries.reach("submission taken")
            if self.plans.setdefault(asked.id, plan_id) != plan_id:
                self.findings.append(f"id {asked.id} of a tool is plan {self.plans[asked.id]} and plan {plan_id}")
            plan = await gateway.until_over(desk, plan_id, asked.wait)
        except CommitFailedError as error:
            desk.engine.fail(error)
        except SubmissionError as error:
            if error.status != 503:  # noqa: PLR2004 - work is stopped, and it shall ask again later
                self.findings.append(f"id {asked.id} of a tool was refused: {error.message}")
                self.told[asked.id] = "refused"
        else:
            self._hear(asked.id, gateway.told(desk, plan)["state"])

    def _hear(self, own_id: str, state: str) -> None:
        if state in OVER and self.told.setdefault(own_id, state) != state:
            self.findings.append(f"id {own_id} of a tool was told to be {self.told[own_id]}, and then {state}")

    async def _let_in(self) -> None:
        """Have its token made, as the owner makes one but without chance."""
        house = self._house

        async def make() -> None:
            if NAME not in tokens.tokens(house.requests):
                now_us = house.clock.now_us()
                draft = e.Draft(e.TokenMade(NAME, "", MAY, now_us), now_us, "operator")
                await house.ledger.append([e.Append(tokens.STREAM, 0, (draft,))])

        await self._until_on_disk(make)

    async def _keep_out(self) -> None:
        """Have its token taken back."""
        request = Request("token_revoke", {"name": NAME})
        await self._until_on_disk(lambda: self._house.requests.answer(request, True, lambda _: None))  # noqa: FBT003

    async def _until_on_disk(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do something again until the disk took it, in a workspace that is not held."""
        engine = self._house.engine
        for _ in range(TRIES):
            try:
                await engine.whole()
                if not engine.held:
                    await work()
                    return
            except CommitFailedError as error:
                engine.fail(error)
            await asyncio.sleep(10.0)

    def judge(self, world: World) -> Iterator[str]:
        """Give what should not be: an id that acted twice, or whose end was told otherwise than it was."""
        yield from self.findings
        units: Mapping[str, str] = {asked.arguments["unit"]: asked.id for asked in self._asked}
        for unit, own_id in units.items():
            times = sum(one.unit == unit for one in world.happened)
            if times > 1:
                yield f"id {own_id} of a tool made {unit} happen {times} times"
            if own_id not in self.told:
                yield f"id {own_id} of a tool was never told to be over"
            elif (self.told[own_id] == "done") != bool(times):
                yield f"id {own_id} of a tool is {self.told[own_id]}, and happened {times} times"


def _asked(chance: Chance, number: int) -> Submission:
    operation = chance.pick(MAY, "operation", number)
    unit = f"{gateway.PREFIX}{NAME}.{number}"
    arguments = {"unit": unit, "amount": chance.whole(1, 9, "amount", number)}
    wait_s = chance.pick((0.0, 5.0, 60.0), "wait", number)
    return Submission(f"order {number}", operation, arguments, "", "It was ordered.", wait_s)
