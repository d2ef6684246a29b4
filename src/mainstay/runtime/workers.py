"""Worker processes, as the owner sees them: started when needed, killed when over time, ended when idle.

Each worker takes jobs in order and runs one at a time, so the first unanswered job is the one that runs: only that
one can have timed out or killed the process. A time-out kills the whole process group, and only after its death is
an outcome given; jobs behind it never began and go to another worker.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay import errors
from mainstay.errors import MainstayError, OperationError, Permanent, RateLimited, Transient
from mainstay.runtime.worker import LENGTH_BYTES, Answer, Job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IDLE_S = 30.0
_ROOT = str(Path(__file__).parents[2])  # where `mainstay` is imported from
_START = "import sys; sys.path[:0] = sys.argv[1:]; from mainstay.runtime.worker import main; main()"
# A scrubbed environment: no credentials, no home, one thread of linear algebra.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_LAST_STDERR = 2000  # characters kept to say why a worker died

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Answer).decode


class _Pending:
    """A job and who waits for it."""

    __slots__ = ("done", "frame", "timeout_s")

    def __init__(self, frame: bytes, timeout_s: float, done: asyncio.Future[bytes]) -> None:
        self.frame, self.timeout_s, self.done = frame, timeout_s, done


class _Worker:
    """One process with the jobs sent to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.jobs: deque[_Pending] = deque()
        self.timed_out = False
        self.ending = False
        self._deadline: asyncio.TimerHandle | None = None

    def send(self, job: _Pending) -> None:
        self.jobs.append(job)
        stdin = self.process.stdin
        assert stdin is not None
        stdin.write(job.frame)
        if len(self.jobs) == 1:
            self.watch()

    def watch(self) -> None:
        """Start the clock of the first job."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self.jobs:
            self._deadline = asyncio.get_running_loop().call_later(self.jobs[0].timeout_s, self._over_time)

    def _over_time(self) -> None:
        self.timed_out = True
        self.kill()

    def kill(self) -> None:
        """End the whole process group; it gets no more jobs."""
        self.ending = True
        if self.process.returncode is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return  # it ended by itself meanwhile


class WorkerPool:
    """`ports.Workers` over local processes."""

    def __init__(self, size: int | None = None, paths: Sequence[str] = ()) -> None:
        """Start at most `size` processes; by default as many as there are processors, and at least two.

        `paths` are searched for the code of entries, after Mainstay's own.
        """
        self._paths = (_ROOT, *paths)
        self._size = size or max(2, os.cpu_count() or 1)
        self._workers: list[_Worker] = []
        self._starting = 0
        self._waiting: deque[_Pending] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False

    async def run(
        self, entry: str, arguments: bytes, files: Mapping[str, bytes], *, timeout_s: float, memory_mb: int
    ) -> bytes:
        """Run a function on encoded arguments; see ports.Workers for what is raised."""
        data = _encode(Job(entry, arguments, dict(files), memory_mb))
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._dispatch(_Pending(len(data).to_bytes(LENGTH_BYTES, "big") + data, timeout_s, done))
        return await done

    async def close(self) -> None:
        """Kill all workers and wait for their end."""
        self._closed = True
        for worker in self._workers:
            worker.kill()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _dispatch(self, job: _Pending) -> None:
        """Send to an idle worker, else start one, else queue behind the shortest line."""
        workers = [worker for worker in self._workers if not worker.ending]
        idle = next((worker for worker in workers if not worker.jobs), None)
        if idle is not None:
            idle.send(job)
        elif len(workers) + self._starting < self._size:
            self._starting += 1
            self._waiting.append(job)
            task = asyncio.get_running_loop().create_task(self._serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif workers:
            min(workers, key=lambda worker: len(worker.jobs)).send(job)
        else:
            self._waiting.append(job)

    async def _serve(self) -> None:
        """Start a process, and live with it until it ends."""
        try:
            process = await self._start()
        except OSError as error:
            self._not_started(error)
            return
        worker = _Worker(process)
        self._starting -= 1
        self._workers.append(worker)
        if self._closed:  # while it started
            worker.kill()
        share = -(-len(self._waiting) // (self._starting + 1))  # the others that start take theirs
        for _ in range(share):
            worker.send(self._waiting.popleft())
        said = asyncio.ensure_future(_tail(process))
        try:
            await self._answers(worker)
        finally:
            worker.kill()
            await process.wait()
            self._workers.remove(worker)
            self._bury(worker, await said)

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            _START,
            *self._paths,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_ENVIRONMENT,
            start_new_session=True,
            limit=2**30,
        )

    def _not_started(self, error: OSError) -> None:
        """Give the jobs that waited for this process their outcome: they may be tried again."""
        self._starting -= 1
        jobs = [self._waiting.popleft() for _ in range(len(self._waiting))] if not self._starting else []
        for job in jobs:
            if not job.done.done():
                job.done.set_exception(Transient(f"A worker process can't be started: {error.strerror}."))

    async def _answers(self, worker: _Worker) -> None:
        """Hand out answers until the pipe closes."""
        stdout = worker.process.stdout
        assert stdout is not None
        while True:
            try:
                head = await stdout.readexactly(LENGTH_BYTES)
                answer = _decode(await stdout.readexactly(int.from_bytes(head, "big")))
            except (asyncio.IncompleteReadError, msgspec.MsgspecError):
                return
            job = worker.jobs.popleft()
            worker.watch()
            _give(job.done, answer)
            if not worker.jobs:
                self._rest()

    def _bury(self, worker: _Worker, said: str) -> None:
        """Give the outcome of the job that ran; send the others elsewhere: they never began."""
        worker.watch() if not worker.jobs else None
        if worker.jobs:
            job = worker.jobs.popleft()
            error: MainstayError = (
                Transient(f"It took longer than {job.timeout_s:g} seconds and was stopped.")
                if worker.timed_out
                else Transient(f"The worker process died ({_how(worker.process.returncode)}). {said}".strip())
            )
            if not job.done.done():
                job.done.set_exception(error)
        left, worker.jobs = worker.jobs, deque()
        worker.watch()
        for job in () if self._closed else left:
            self._dispatch(job)

    def _rest(self) -> None:
        """End all workers once none had work for a while."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._end_idle)

    def _end_idle(self) -> None:
        for worker in self._workers:
            if not worker.jobs:
                worker.kill()


def _give(done: asyncio.Future[bytes], answer: Answer) -> None:
    if done.done():
        return
    if answer.result is not None:
        done.set_result(answer.result)
    elif answer.error == "RateLimited":
        done.set_exception(RateLimited(answer.message, retry_after_s=answer.retry_after_s, remedy=answer.remedy))
    else:
        kind = getattr(errors, answer.error, OperationError)
        known = isinstance(kind, type) and issubclass(kind, OperationError)
        done.set_exception((kind if known else Permanent)(answer.message, remedy=answer.remedy))


async def _tail(process: asyncio.subprocess.Process) -> str:
    """Read what a worker says on stderr to its end, and keep the last of it."""
    assert process.stderr is not None
    last = ""
    while chunk := await process.stderr.read(4096):
        last = (last + chunk.decode(errors="replace"))[-_LAST_STDERR:]
    return last.strip().rpartition("\n")[2]


def _how(status: int | None) -> str:
    if status is not None and status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
