"""Waiting for a network: saying once that there is none, and waking what waits when it is back (requirement K21).

    a call fails for want of a network -> its step waits, uncounted -> `lost`, once -> asked every few seconds
    -> it is back -> all that waited is woken

The first to fail tells; after a restart the rows that wait do. What comes to wait when the network is back already
(its failure is from an agent's journal, or the disk failed meanwhile) is woken as well, once it is on disk: `waits`.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from mainstay import commands as c
from mainstay.errors import CommandRefusedError, CommitFailedError, LedgerError
from mainstay.events import Append, Draft, NetworkBack, NetworkLost
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mainstay.events import AnyFact
    from mainstay.ports import Clock, Ledger
    from mainstay.runtime.timers import Submit, TimerKind

AGAIN_S = 5.0  # between two looks whether it is back
MOST_A_DAY = 1500  # facts of one stream; a network that comes and goes more often than that is no longer noted


class Waiting(Protocol):
    """What waits, as the projection has it: timer kind, plan, path and generation."""

    def __call__(self) -> list[tuple[TimerKind, str, str, int]]:
        """Give all of it."""
        ...


class Network:
    """Watches for a lost network to come back; costs nothing while there is one."""

    def __init__(
        self, ledger: Ledger, clock: Clock, is_online: Callable[[], Awaitable[bool]], waiting: Waiting
    ) -> None:
        """Take the history, the clock, who says whether there is a network, and what waits for one."""
        self._ledger = ledger
        self._clock = clock
        self._is_online = is_online
        self._waiting = waiting
        self.engine: Submit | None = None
        self.say: Callable[[str], None] | None = None  # told once that it is gone, and once that it is back
        self._watching: asyncio.Task[None] | None = None
        self._losses = 0  # calls that failed so, in this process
        self._is_told = False  # that there is none, and not yet that it is back

    def start(self) -> None:
        """Begin with what an earlier process left waiting; that one said that there is no network."""
        if not self._is_watching() and self._waiting():
            self._is_told = True
            self._watch()

    def lost(self) -> None:
        """Learn that a call failed because there is no network."""
        self._losses += 1
        if not self._is_told:
            self._is_told = True
            self._tell(
                NetworkLost(), "There is no network. What needs one waits and goes on by itself; no attempt is counted."
            )
        self.waits()

    def waits(self) -> None:
        """Learn that something waits, on disk; where nobody watches the network may be back already."""
        if not self._is_watching():
            self._watch()

    async def stop(self) -> None:
        """Watch no longer; what waits is found again at the next start."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    def _is_watching(self) -> bool:
        return self._watching is not None and not self._watching.done()

    def _watch(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._until_back(), name="network")

    def _tell(self, fact: AnyFact, line: str) -> None:
        self._note(fact)
        if self.say is not None:
            self.say(line)

    async def _until_back(self) -> None:
        """Wake all that waits. Whoever failed while this looked is not on disk yet: then it looks once more."""
        while True:
            losses = self._losses
            await self._clock.sleep(AGAIN_S)
            if await self._is_online() and losses == self._losses:
                break
        rows = self._waiting()
        if self._is_told:  # what came to wait only after that is woken without a word
            self._is_told = False
            goes_on = "1 waiting action goes on" if len(rows) == 1 else f"{len(rows) or 'all'} waiting actions go on"
            self._tell(NetworkBack(len(rows)), f"The network is back; {goes_on}.")
        for row in rows:
            self._wake(*row)

    def _wake(self, kind: TimerKind, plan: str, path: str, generation: int) -> None:
        assert self.engine is not None
        command = c.TimerDue(now_us=self._clock.now_us(), kind=kind, path=path, generation=generation)
        try:
            self.engine.submit(plan, command, actor="timer")
        except (CommandRefusedError, LedgerError) as error:
            if isinstance(error, CommitFailedError):
                raise

    def _note(self, fact: AnyFact) -> None:
        now_us = self._clock.now_us()
        stream = network_stream(now_us)
        noted = len(self._ledger.read(stream))
        if noted >= MOST_A_DAY:
            return
        append = Append(stream, noted, (Draft(fact, now_us, "mainstay"),))
        asyncio.ensure_future(self._ledger.append([append])).add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )


def network_stream(at_us: int) -> str:
    """Name the stream of the day that says when the network went and came back."""
    return f"network:{datetime.fromtimestamp(at_us / SECOND_US, UTC).date().isoformat()}"
