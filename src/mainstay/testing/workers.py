"""Simulated worker processes: `ports.Workers` that run the real code of jobs inline, in simulated time.

An agent's code waits for answers in the middle of itself, so it runs in a thread of its own; but only one of the two
ever moves: the loop waits while the agent computes, and the agent while the loop does. So a run stays the same whatever
the machine does. A worker process may end by itself, before or after its job is done, as the seed says.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from threading import Lock, Thread
from typing import TYPE_CHECKING

from mainstay.context import Asked, Heard, Stop
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import Transient
from mainstay.runtime.worker import STOPPED, Answer, Job, told_error, work
from mainstay.testing.errands import Mood

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.context import Told
    from mainstay.ports import Talk
    from mainstay.testing.chance import Chance
    from mainstay.testing.crash import Boundaries
    from mainstay.testing.world import World
    from mainstay.values import Value

ENDS = 0.03  # share of the jobs whose process ends by itself
OTHER = 0.3  # share of the runs of an agent in which it is in another mood
TAKES_S = 0.5  # at most, for each stretch of an agent's work


class SimulatedWorkers:
    """Runs jobs."""

    def __init__(self, times: Chance, boundaries: Boundaries, world: World) -> None:
        """`times` says how long jobs take, and which processes end by themselves, as many as the world has left."""
        self._times, self._boundaries, self._world = times, boundaries, world
        self._numbers = itertools.count(1)

    async def run(
        self,
        entry: str,
        arguments: bytes,
        files: Mapping[str, bytes],
        *,
        timeout_s: float,
        memory_mb: int,
        talk: Talk | None = None,
    ) -> bytes:
        """Run a function on encoded arguments; see ports.Workers."""
        self._boundaries.reach("before job")
        job = Job(next(self._numbers), entry, arguments, dict(files), memory_mb, 0, talk is not None)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._done(job) if talk is None else await self._talked(job, talk)
        except TimeoutError:
            raise Transient(f"A job of {entry} took longer than {timeout_s} s.") from None
        if self._world.workers_to_end and self._times.happens(ENDS, "ends", job.number):
            self._world.workers_to_end -= 1
            raise Transient("The simulated worker process ended by itself.")
        self._boundaries.reach("after job")
        if answer.result is not None:
            return answer.result
        if answer.error == STOPPED:
            return b""
        raise told_error(answer)

    async def _done(self, job: Job) -> Answer:
        await self._pass(job, 0)
        return work(job)

    async def _talked(self, job: Job, talk: Talk) -> Answer:
        agent = _Agent(job)
        inbox: asyncio.Queue[Told] = asyncio.Queue()
        answering: set[asyncio.Task[None]] = set()

        async def tell(asked: Asked) -> None:
            inbox.put_nowait(await talk.answer(asked))

        try:
            for stretch in itertools.count():
                await self._pass(job, stretch)
                Mood.is_other = self._times.happens(OTHER, "mood", job.number)
                agent.go_on(inbox.get_nowait() if stretch else None)
                for asked in agent.taken():
                    answering.add(asyncio.ensure_future(tell(asked)))
                if agent.answer is not None:
                    return agent.answer
                await self._heard(inbox, answering)
        finally:
            agent.end()
            for task in answering:
                task.cancel()
        raise AssertionError

    @staticmethod
    async def _heard(inbox: asyncio.Queue[Told], answering: set[asyncio.Task[None]]) -> None:
        """Wait for an answer; raises what an answering raised."""
        while inbox.empty():
            done, _ = await asyncio.wait(answering, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                answering.discard(task)
                task.result()

    async def _pass(self, job: Job, stretch: int) -> None:
        await asyncio.sleep(self._times.draw("takes", job.number, stretch) * TAKES_S)
        self._boundaries.alive()


class _Agent:
    """One job in a thread that moves only while the loop waits for it: context.Port."""

    def __init__(self, job: Job) -> None:
        self.answer: Answer | None = None
        self._job = job
        self._asked: deque[Asked] = deque()
        self._count = 0
        self._told: Told | None = None
        self._ended = False
        self._mine, self._yours = Lock(), Lock()
        self._mine.acquire()
        self._yours.acquire()
        self._thread = Thread(target=self._run, name=f"job {job.number}", daemon=True)

    # --- the loop's side

    def go_on(self, told: Told | None) -> None:
        """Let the agent work until it waits or ends."""
        self._told = told
        if told is None:
            self._thread.start()
        else:
            self._mine.release()
        self._yours.acquire()

    def taken(self) -> list[Asked]:
        """Give what it asked since."""
        asked = list(self._asked)
        self._asked.clear()
        return asked

    def end(self) -> None:
        """End it wherever it is."""
        self._ended = True
        if self._thread.is_alive() and self.answer is None:
            self._mine.release()
            self._thread.join()

    # --- the agent's side

    def ask(self, scope: str, operation: str, arguments: Value, tool: str) -> int:
        """Send a question."""
        self._count += 1
        self._asked.append(Asked(self._job.number, self._count, scope, operation, encode_value(arguments), tool))
        return self._count

    def hear(self) -> Heard:
        """Wait for the next answer."""
        self._yours.release()
        self._mine.acquire()
        told = self._told
        if self._ended or told is None:
            raise Stop
        if told.stop:
            return Heard(told.question, stop=True)
        if told.output is not None:
            return Heard(told.question, decode_value(told.output))
        return Heard(told.question, error=told_error(told))

    def _run(self) -> None:
        answer = work(self._job, self)
        self.answer = answer
        self._yours.release()
