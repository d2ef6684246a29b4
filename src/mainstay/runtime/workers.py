"""Worker processes: rooms of them, started when needed, killed when over time, ended when idle.

Code that is not Mainstay's own shares no process with other code: each module has a room of its own, and Mainstay's
agents one together (A9). Each worker takes jobs in order and runs one at a time, so the first unanswered job is the one
that runs: only that one can have timed out or killed the process. Jobs behind it never began and go to another worker.
An outcome is given only after the death of every process that could still act.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainstay.context import Asked
from mainstay.errors import MainstayError, NeedsOperator, Transient
from mainstay.runtime import confine
from mainstay.runtime.clock import SystemClock
from mainstay.runtime.crashes import Crashes, Starts
from mainstay.runtime.process import Pending, Process, remove_leftovers
from mainstay.runtime.worker import STOPPED, Answer, Job, Ready, told_error

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from mainstay.ports import Clock, Talk

IDLE_S = 30.0
_ROOT = str(Path(__file__).parents[2])  # where `mainstay` is imported from
_OWN = "mainstay."
_CPU_SPARE_S = 10


class _Room:
    """The workers of one piece of code, and the jobs that wait for one to start."""

    def __init__(self, memory_mb: int) -> None:
        self.memory_mb = memory_mb  # fixed for life; 0: each job has its own
        self.workers: list[Process] = []
        self.starting = 0
        self.waiting: deque[Pending] = deque()

    def shortest(self) -> Process | None:
        """Give the worker with the fewest jobs, of those that take more."""
        best = None
        for worker in self.workers:
            if not worker.ending and (best is None or len(worker.jobs) < len(best.jobs)):
                best = worker
        return best


class WorkerPool:
    """`ports.Workers` over local processes."""

    def __init__(
        self,
        size: int | None = None,
        paths: Sequence[str] = (),
        *,
        confinement: confine.Wish = "available",
        clock: Clock | None = None,
        means: confine.Means | None = None,
    ) -> None:
        """Start at most `size` processes; by default as many as there are processors, and at least two.

        A room may have one beyond that, so that no code waits for other code to end. `paths` are searched for the code
        of entries, after Mainstay's own. With `confinement` "required" nothing runs where it can't be confined.
        `means` is what to confine with; by default what the machine offers.
        """
        self._code = (_ROOT, *(str(Path(path).resolve()) for path in paths))
        self._processors = os.cpu_count() or 1  # asked for once: the system reads it from a file each time
        self._size = size or max(2, self._processors)
        self._means = confine.look() if means is None else means
        self._refused = confinement == "required" and bool(list(confine.gaps(self._means)))
        self._clock = clock or SystemClock()
        self._rooms: dict[tuple[str, int], _Room] = {}
        self._numbers = itertools.count()
        self._starts, self._crashes = Starts(), Crashes()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pausing: set[asyncio.Future[None]] = set()
        self._processes: set[Process] = set()
        self._count = 0  # of processes in rooms, or on their way there
        self._idle: asyncio.TimerHandle | None = None
        self._began = self._closed = False

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
        """Run a function on encoded arguments; see ports.Workers for what is raised.

        Raises NeedsOperator too: for code that ended its process again and again, where no process starts, and where
        confinement is required and the machine has none.
        """
        if self._refused:
            why = " ".join(says for says, _ in confine.gaps(self._means))
            remedy = 'Run `mainstay doctor`, or set confinement = "available" under [workers] in mainstay.toml.'
            raise NeedsOperator(f"Worker processes must be confined, and this machine can't: {why}", remedy=remedy)
        cpu_s = math.ceil(timeout_s) * self._processors + _CPU_SPARE_S
        job = Job(next(self._numbers), entry, arguments, dict(files), memory_mb, cpu_s, talk is not None)
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._dispatch(Pending(job, timeout_s, done, talk))
        return await done

    async def close(self) -> None:
        """Kill all workers and wait for their end."""
        self._closed = True
        for task in self._pausing:
            task.cancel()
        for worker in self._processes:
            worker.kill()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._idle is not None:
            self._idle.cancel()

    # --- who gets a job

    def _room(self, job: Pending) -> _Room:
        """Give the room of a job's code. Foreign code can't raise the memory it was started with."""
        module = job.entry.partition(":")[0]
        own = "talk" if job.talk is not None else ""  # what asks may wait for what runs in the other
        key = (own, 0) if module.startswith(_OWN) else (module, job.memory_mb)
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = _Room(key[1])
        return room

    def _dispatch(self, job: Pending) -> None:
        """Send to an idle worker, else start one, else queue behind the shortest line; or refuse it."""
        held = self._crashes.held(job.entry, job.arguments, self._clock.boot_s())
        if held is not None:
            _fail(job, held)
            return
        room = self._room(job)
        shortest = room.shortest()
        if shortest is not None and not shortest.jobs:
            shortest.send(job)
        elif self._has_place(room):
            room.waiting.append(job)
            self._begin(room)
        elif shortest is not None:
            shortest.send(job)
        else:
            room.waiting.append(job)

    def _has_place(self, room: _Room) -> bool:
        """Whether one more may start; an idle worker of other code makes place for it."""
        if self._count < self._size:
            return True
        if room.starting or room.shortest() is not None:
            return False
        for each in self._rooms.values():
            idle = next((worker for worker in each.workers if not worker.jobs), None)
            if idle is not None:
                self._leave(each, idle)
                break
        return True

    def _begin(self, room: _Room) -> None:
        room.starting += 1
        self._count += 1
        self._keep(self._serve(room))
        if not self._began:
            self._began = True
            self._keep(asyncio.to_thread(remove_leftovers))
            if not self._means.files:
                confine.hide_memory()

    def _leave(self, room: _Room, worker: Process) -> None:
        """End a worker; it gets nothing more."""
        worker.kill()
        if worker in room.workers:
            room.workers.remove(worker)
            self._count -= 1

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- the life of a worker

    async def _serve(self, room: _Room) -> None:
        """Start a process, again when it ends before its first job, and live with it until it ends."""
        error: MainstayError | None = None
        while error is None and not self._closed:
            await self._pause()
            worker = Process(self._clock, self._means)
            self._processes.add(worker)
            try:
                await worker.start(self._code, room.memory_mb)
                if isinstance(await worker.frame(), Ready):
                    await self._live(room, worker)
                    return
            except (OSError, RuntimeError) as refused:  # no descriptors, no memory, no threads left
                error = Transient(f"A worker process can't be started: {refused}.")
            finally:
                await worker.end()
                self._processes.discard(worker)
            error = error or self._starts.given_up(worker.why().message)
        self._not_started(room, error or Transient("Mainstay stops."))

    async def _pause(self) -> None:
        """Wait after starts that failed; closing does not wait for that."""
        if not self._starts.pause_s:
            return
        task = asyncio.ensure_future(self._clock.sleep(self._starts.pause_s))
        self._pausing.add(task)
        await asyncio.wait({task})
        self._pausing.discard(task)

    async def _live(self, room: _Room, worker: Process) -> None:
        """Give a worker that is ready its share of the jobs that wait, and what comes, until it ends."""
        self._starts.failed = 0
        share = -(-len(room.waiting) // room.starting)  # the others that start take theirs
        room.starting -= 1
        room.workers.append(worker)
        worker.watch()
        for _ in range(share):
            worker.send(room.waiting.popleft())
        self._rest(worker)
        try:
            await self._answers(worker)
        finally:
            self._leave(room, worker)
            await worker.end()
            self._bury(worker)

    def _not_started(self, room: _Room, error: MainstayError) -> None:
        """Have the jobs that waited for this process done by others; where there are none, they fail."""
        room.starting -= 1
        self._count -= 1
        if room.starting:
            return
        other = room.shortest()
        while room.waiting:
            job = room.waiting.popleft()
            if other is not None:
                other.send(job)
            else:
                _fail(job, error)

    async def _answers(self, worker: Process) -> None:
        """Hand out answers until there are no more."""
        while (frame := await worker.frame()) is not None:
            job = worker.jobs[0] if worker.jobs else None
            if job is not None and isinstance(frame, Asked) and job.talk is not None and frame.number == job.number:
                self._talk(worker, job, job.talk, frame)
                continue
            if job is None or not isinstance(frame, Answer) or frame.number != job.number:
                worker.nonsense = "an answer that nobody waits for"
                return
            worker.jobs.popleft()
            job.hush()
            worker.watch()
            self._crashes.answered(job.entry)
            _give(job.done, frame)
            if not worker.jobs:
                self._rest(worker)
            if frame.last:
                worker.spent = True
                return

    def _talk(self, worker: Process, job: Pending, talk: Talk, asked: Asked) -> None:
        task = asyncio.get_running_loop().create_task(self._tell(worker, job, talk, asked))
        job.talking.add(task)
        task.add_done_callback(job.talking.discard)

    async def _tell(self, worker: Process, job: Pending, talk: Talk, asked: Asked) -> None:
        """Answer what a job asked. Where that breaks, the job ends with it, and its process."""
        try:
            told = await talk.answer(asked)
        except Exception as error:  # noqa: BLE001 - who waits for the job is told
            if not job.done.done():
                job.done.set_exception(error)
            worker.kill()
            return
        if worker.jobs and worker.jobs[0] is job and not worker.ending:
            worker.tell(told)

    def _bury(self, worker: Process) -> None:
        """Give the outcome of the job that ran; send the others elsewhere: they never began."""
        why = worker.why()
        left, worker.jobs = worker.jobs, deque()
        if left and not worker.spent:
            job = left.popleft()
            job.hush()
            if not worker.timed_out and not self._closed and not job.done.done():
                self._crashes.died(job.entry, job.arguments, worker.how, self._clock.boot_s())
            _fail(job, why)
        for job in () if self._closed else left:
            self._dispatch(job)

    # --- idle workers

    def _rest(self, worker: Process) -> None:
        """Note when a worker had its last work, and see after a while whether it got more."""
        worker.idle_since_s = self._clock.boot_s()
        if self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._end_idle)

    def _end_idle(self) -> None:
        self._idle = None
        now_s = self._clock.boot_s()
        for room in self._rooms.values():
            for worker in [each for each in room.workers if not each.jobs and each.idle_since_s + IDLE_S <= now_s]:
                self._leave(room, worker)
            if room.workers and self._idle is None:
                self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._end_idle)


def _fail(job: Pending, error: MainstayError) -> None:
    if not job.done.done():
        job.done.set_exception(error)


def _give(done: asyncio.Future[bytes], answer: Answer) -> None:
    if done.done():
        return
    if answer.result is not None:
        done.set_result(answer.result)
    elif answer.error == STOPPED:
        done.set_result(b"")
    else:
        done.set_exception(told_error(answer))
