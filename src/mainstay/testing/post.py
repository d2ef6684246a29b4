"""Brings the simulated world's mail to the owner: late, again and again until it is taken, and some of it twice.

Among it is what mail servers say of mails that did not arrive; it is not read here, but comes as a reader gives it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import CommitFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mainstay.runtime.bounces import Bounces
    from mainstay.runtime.engine import Engine
    from mainstay.runtime.outside import Body
    from mainstay.testing.chance import Chance
    from mainstay.testing.crash import Boundaries
    from mainstay.testing.world import Mail, Returned, World

LATE_S = 30.0  # at most: between its coming and its being brought
TRIES = 1000  # while the disk fails
TWICE = 0.2  # share of the mails that are brought again
HELD_S = 30.0  # while work is stopped the folder is not looked at


class Postman:
    """Brings mail in one life of the owner; what came in an earlier one is brought once more and known by its id."""

    def __init__(self, engine: Engine, bounces: Bounces, world: World, boundaries: Boundaries, times: Chance) -> None:
        """Take who is told, what there is, and how late it comes."""
        self._engine, self._bounces = engine, bounces
        self._world, self._boundaries, self._times = world, boundaries, times
        self._bringing: set[asyncio.Task[None]] = set()
        self._returning = 0

    @property
    def is_idle(self) -> bool:
        """Whether all is told that mail servers say: nobody waits for it, and it is waited for all the same."""
        return not self._returning

    def begin(self) -> None:
        """Bring what came before this life, and what comes from here on."""
        for mail in self._world.mails():
            self._expect(mail)
        for returned in self._world.returned:
            self._expect_back(returned)
        self._world.on_answer = self._expect
        self._world.on_return = self._expect_back

    def _expect(self, mail: Mail) -> None:
        self._begin(mail.at_s, mail.unit, lambda: self._brought(mail))

    def _expect_back(self, returned: Returned) -> None:
        self._returning += 1
        self._begin(returned.at_s, returned.name, lambda: self._brought_back(returned))

    def _begin(self, at_s: float, name: str, brought: Callable[[], Awaitable[bool]]) -> None:
        task = asyncio.get_running_loop().create_task(self._bring(at_s, name, brought))
        self._bringing.add(task)
        task.add_done_callback(self._bringing.discard)

    async def _bring(self, at_s: float, name: str, brought: Callable[[], Awaitable[bool]]) -> None:
        late_s = self._times.draw("late", name) ** 3 * LATE_S
        await asyncio.sleep(max(at_s - self._engine.parts.clock.boot_s(), 0.0) + late_s)
        for _ in range(TRIES):
            try:
                if await brought():
                    return
            except CommitFailedError as error:
                self._engine.fail(error)
            await asyncio.sleep(1.0)

    async def _brought(self, mail: Mail) -> bool:
        self._boundaries.reach("before mail")
        body: Body = {**_body(f"<{mail.unit}@world>"), "in_reply_to": mail.unit}
        await self._engine.whole()
        times = range(self._often(mail.unit))
        taken = [self._engine.outside.receive("mail.received", "world", mail.unit, body) for _ in times]
        await asyncio.gather(*(one for one in taken if one is not None))
        self._boundaries.reach("mail taken")
        return True

    async def _brought_back(self, returned: Returned) -> bool:
        await self._engine.whole()
        if self._engine.held:
            await asyncio.sleep(HELD_S)
            return False
        self._boundaries.reach("before notice")
        outside, body, notice = self._engine.outside, _body(returned.name), msgspec.to_builtins(returned.notice)
        take = self._bounces.take
        await asyncio.gather(*(take(outside, returned.name, body, notice) for _ in range(self._often(returned.name))))
        self._boundaries.reach("notice taken")
        self._returning -= 1
        return True

    def _often(self, name: str) -> int:
        return 2 if self._times.happens(TWICE, "twice", name) else 1


def _body(message_id: str) -> Body:
    """Give a mail as it is recorded: records.MailReceived, plain."""
    return {
        "message_id": message_id,
        "from_address": "",
        "in_reply_to": "",
        "to": [],
        "subject": "",
        "text": "",
        "received_at": "",
        "files": [],
        "automatic": False,
    }
