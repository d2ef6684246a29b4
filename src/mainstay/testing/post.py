"""Brings the simulated world's mail to the owner: late, again and again until it is taken, and some of it twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.errors import CommitFailedError

if TYPE_CHECKING:
    from mainstay.runtime.engine import Engine
    from mainstay.testing.chance import Chance
    from mainstay.testing.crash import Boundaries
    from mainstay.testing.world import Mail, World
    from mainstay.values import Value

LATE_S = 30.0  # at most: between its coming and its being brought
TRIES = 1000  # while the disk fails
TWICE = 0.2  # share of the mails that are brought again


class Postman:
    """Brings mail in one life of the owner; what came in an earlier one is brought once more and known by its id."""

    def __init__(self, engine: Engine, world: World, boundaries: Boundaries, times: Chance) -> None:
        """Take who is told, what there is, and how late it comes."""
        self._engine, self._world, self._boundaries, self._times = engine, world, boundaries, times
        self._bringing: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Bring what came before this life, and what comes from here on."""
        for mail in self._world.mails():
            self._expect(mail)
        self._world.on_answer = self._expect

    def _expect(self, mail: Mail) -> None:
        task = asyncio.get_running_loop().create_task(self._bring(mail))
        self._bringing.add(task)
        task.add_done_callback(self._bringing.discard)

    async def _bring(self, mail: Mail) -> None:
        late_s = self._times.draw("late", mail.unit) ** 3 * LATE_S
        await asyncio.sleep(max(mail.at_s - self._engine.parts.clock.boot_s(), 0.0) + late_s)
        for _ in range(TRIES):
            if await self._brought(mail):
                return
            await asyncio.sleep(1.0)

    async def _brought(self, mail: Mail) -> bool:
        self._boundaries.reach("before mail")
        body: dict[str, Value] = {
            "message_id": f"<{mail.unit}@world>",
            "from_address": "",
            "in_reply_to": mail.unit,
            "to": [],
            "subject": "",
            "text": "",
            "received_at": "",
            "files": [],
            "automatic": False,
        }
        times = 2 if self._times.happens(TWICE, "twice", mail.unit) else 1
        try:
            await self._engine.whole()
            taken = [self._engine.outside.receive("mail.received", "world", mail.unit, body) for _ in range(times)]
            await asyncio.gather(*(one for one in taken if one is not None))
        except CommitFailedError as error:
            self._engine.fail(error)
            return False
        self._boundaries.reach("mail taken")
        return True
