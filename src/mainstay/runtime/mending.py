"""After a commit that failed: stop, read the history again, and only then go on (KERNEL L5, FAULTS F6 and F7).

A disk without room is waited for, however long it takes: nothing is recorded meanwhile, and so nothing is done. Any
other fault of the disk gets a few tries; then the owner ends, because it can't know what stands in the history.
What was on its way is in neither case taken for granted: all that was derived is forgotten and folded again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.errors import CommitFailedError, DiskFullError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.ports import Clock
    from mainstay.runtime.engine import Engine

PAUSES_S = (0.0, 0.2, 1.0, 5.0)  # before each try to read the history again
LOOK_S = 1.0  # between two looks at the room on a full disk
FULL_PAUSE_S = 5.0  # where there seems to be room and a write says there is none: somebody's quota
OFTEN = 5  # times that the history was mended
OFTEN_S = 60.0  # within this time: the disk is not to be relied on

GOES_ON = "The history was read again and is whole; going on."


class Mending:
    """Mends the history of one engine; `Engine.mend` is its `begin`."""

    def __init__(
        self, engine: Engine, clock: Clock, reopen: Callable[[], None], missing: Callable[[], int], where: str
    ) -> None:
        """Take what reads the history again (blocks; raises LedgerError) and what says how many bytes are missing.

        `where` names the disk to the operator. `on_stop` and `on_mended` let the caller stop and begin what it does
        besides the engine.
        """
        self._engine, self._clock = engine, clock
        self._reopen, self._missing, self._where = reopen, missing, where
        self._task: asyncio.Task[None] | None = None
        self._mended_s: list[float] = []
        self.on_mended: Callable[[], None] = lambda: None

    def begin(self, error: CommitFailedError) -> None:
        """Begin, unless that is under way; from the loop's thread."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._mend(error))
            self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Give up waiting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._engine.fail(error)

    async def _mend(self, error: CommitFailedError) -> None:
        self._engine.trouble = f"{error.message} Nothing more is begun until the history was read again."
        self._refuse_often()
        await self._engine.drained()
        if isinstance(error, DiskFullError):
            await self._wait_for_room()
        tries = list(PAUSES_S)
        while True:
            await self._clock.sleep(tries.pop(0))
            try:
                await asyncio.to_thread(self._reopen)
            except LedgerError as again:
                if self._missing():
                    await self._wait_for_room()
                    tries = list(PAUSES_S)
                elif not tries:
                    raise LedgerError(again.message, remedy=again.remedy) from error
            else:
                break
        self._task = None  # what fails from here on has to be mended anew
        self._engine.reset()
        self.on_mended()
        if self._engine.is_whole:
            self._engine.say(GOES_ON)

    def _refuse_often(self) -> None:
        """Let a disk that fails again and again end the owner, rather than go on and on."""
        now_s = self._clock.boot_s()
        self._mended_s = [*(at_s for at_s in self._mended_s if now_s - at_s < OFTEN_S), now_s]
        if len(self._mended_s) > OFTEN:
            raise LedgerError(
                f"Writing to the history failed {OFTEN} times within {OFTEN_S:.0f} seconds.",
                remedy="See whether the disk is in order, then start again; what was acknowledged is safe.",
            )

    async def _wait_for_room(self) -> None:
        missing = self._missing()
        needed = f"free {_megabytes(missing)} MB there" if missing else "free some there, or ask for a larger quota"
        self._engine.trouble = (
            f"The disk of {self._where} is full: {needed}. Nothing is lost, and nothing is done until there is room; "
            "then Mainstay goes on by itself."
        )
        self._engine.say(self._engine.trouble)
        if not missing:
            await self._clock.sleep(FULL_PAUSE_S)
        while self._missing():
            await self._clock.sleep(LOOK_S)
        self._mended_s.clear()  # it was the room that was missing, not the disk that failed


def _megabytes(count: int) -> int:
    return -(-count // 1_000_000)
