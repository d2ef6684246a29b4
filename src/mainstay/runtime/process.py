"""One worker process, as the owner sees it: started in a folder of its own, watched, and buried.

Its time runs on the clock that also counts while the machine sleeps (KERNEL P5): timers of the loop do not, so that
they are set for a minute at most, and the clock decides. It is over with a worker only when no process of it lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay.context import Asked, Told
from mainstay.errors import MainstayError, OperationError, Transient
from mainstay.runtime import confine
from mainstay.runtime.worker import LENGTH_BYTES, MOST_ANSWER_BYTES, Answer, Job, Ready, Setup
from mainstay.values import say_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.ports import Clock, Talk

LONGEST_SLEEP_S = 60.0  # the machine may be put to sleep meanwhile
START_S = 30.0
_NAME = "mainstay-worker-"
_START = "import sys; sys.path[:0] = sys.argv[1:]; from mainstay.runtime.worker import main; main()"
# A scrubbed environment: no credentials, no home, one thread of linear algebra.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_BUFFER_BYTES = 1024 * 1024
_LAST_SAID = 2000  # bytes read to say why a worker died
_SWEEPS, _SWEEP_PAUSE_S = 500, 0.01

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Ready | Answer | Asked).decode


class Pending:
    """A job and who waits for it. `talk` answers what it asks on its way, in `talking`."""

    __slots__ = ("arguments", "done", "entry", "frame", "memory_mb", "number", "talk", "talking", "timeout_s")

    def __init__(self, job: Job, timeout_s: float, done: asyncio.Future[bytes], talk: Talk | None = None) -> None:
        self.number, self.entry, self.arguments, self.memory_mb = job.number, job.entry, job.arguments, job.memory_mb
        self.frame, self.timeout_s, self.done = _framed(job), timeout_s, done  # its files are kept once, in the frame
        self.talk = talk
        self.talking: set[asyncio.Task[None]] = set()

    def hush(self) -> None:
        """Answer nothing more: it is over."""
        for task in tuple(self.talking):
            task.cancel()


class Process:
    """A worker with the jobs sent to it. The first of them is the one that runs."""

    def __init__(self, clock: Clock, means: confine.Means) -> None:
        """Nothing is started yet: see `start`."""
        self.jobs: deque[Pending] = deque()
        self.ending = False  # it gets no more jobs
        self.spent = False  # it said that it ends, and no job is to blame
        self.timed_out = False
        self.nonsense = ""  # what it sent that is no answer
        self.idle_since_s = 0.0
        self._clock, self._means = clock, means
        self._process: asyncio.subprocess.Process | None = None
        self._folder = ""
        self._said = -1
        self._due_s = math.inf
        self._last = ""
        self._alarm: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.Future[None] | None = None

    async def start(self, code: Sequence[str], memory_mb: int) -> None:
        """Start it and send what it is to put on. Raises OSError when the system gives no process."""
        self._folder = tempfile.mkdtemp(prefix=f"{_NAME}{os.getpid()}-")
        said = Path(self._folder) / "said"
        self._said = os.open(said, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        said.unlink()
        worn = confine.confinement(self._means, code, self._folder, memory_mb)
        self._process = await asyncio.create_subprocess_exec(
            *confine.wrapped(self._means, worn, [sys.executable, "-I", "-c", _START, *code]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._said,
            env={**_ENVIRONMENT, "TMPDIR": self._folder},
            cwd=self._folder,
            start_new_session=True,
            limit=_BUFFER_BYTES,
        )
        if self.ending:  # while it started
            self.kill()
        self._due_s = self._clock.boot_s() + START_S
        self._arm()
        self._write(_framed(Setup(worn)))

    async def frame(self) -> Ready | Answer | Asked | None:
        """Give its next frame; None at its end, or when it sent something else."""
        assert self._process is not None
        assert self._process.stdout is not None
        read = self._process.stdout.readexactly
        try:
            length = int.from_bytes(await read(LENGTH_BYTES), "big")
            if length > 2 * MOST_ANSWER_BYTES:
                self.nonsense = f"{length} bytes"
                return None
            return _decode(await read(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except msgspec.MsgspecError as error:
            self.nonsense = str(error)
            return None

    def send(self, job: Pending) -> None:
        """Give it a job; the job's time runs from when it is the first."""
        self.jobs.append(job)
        self._write(job.frame)
        if len(self.jobs) == 1:
            self.watch()

    def tell(self, told: Told) -> None:
        """Answer what its first job asked."""
        self._write(_framed(told))

    def watch(self) -> None:
        """Start the time of the first job, or none."""
        if self.jobs:
            self._due_s = self._clock.boot_s() + self.jobs[0].timeout_s
            self._arm()
        else:
            self._due_s = math.inf

    def kill(self) -> None:
        """End the whole process group, and what left it: as long as that holds the pipes, no end of them is seen."""
        self.ending = True
        if self._process is None:
            return
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._sweeping is None and (self._means.bubblewrap or not self._means.calls):  # else there is only one
            self._sweeping = asyncio.ensure_future(_aside(_sweep, self._folder))

    async def end(self) -> None:
        """Kill it, and wait until no process of it lives; its folder is removed."""
        self.kill()
        if self._sweeping is not None:
            await self._sweeping
        if self._process is not None:
            await self._process.wait()
        if self._alarm is not None:
            self._alarm.cancel()
        self._last = self._last_said() or self._last
        await self._clear()

    def why(self) -> MainstayError:
        """Say why it ended, to who waits for the job that ran."""
        if self.timed_out:
            limit_s = self.jobs[0].timeout_s if self.jobs else START_S
            return Transient(f"It took longer than {say_seconds(limit_s)} and was stopped.")
        if self.nonsense:
            return OperationError(f"It sent what is no answer, and its process was stopped: {self.nonsense}.")
        return Transient(f"The worker process died ({self.how}). {self._last}".strip())

    @property
    def how(self) -> str:
        """How its process ended: "exit status 1", "killed by SIGSEGV"."""
        status = self._process.returncode if self._process is not None else None
        if status is None or status >= 0:
            return f"exit status {status}"
        names = {each.value: each.name for each in signal.Signals}
        return f"killed by {names.get(-status, f'signal {-status}')}"

    def _write(self, frame: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(frame)

    def _arm(self) -> None:
        """Have the loop look at the clock in time; an earlier look stays, and finds nothing due."""
        loop = asyncio.get_running_loop()
        at = loop.time() + min(max(0.0, self._due_s - self._clock.boot_s()), LONGEST_SLEEP_S)
        if self._alarm is not None:
            if self._alarm.when() <= at:
                return
            self._alarm.cancel()
        self._alarm = loop.call_at(at, self._look)

    def _look(self) -> None:
        self._alarm = None
        if self._clock.boot_s() >= self._due_s:
            self.timed_out = True
            self.kill()
        elif self._due_s < math.inf:
            self._arm()

    def _last_said(self) -> str:
        """Give the last line it wrote to stderr."""
        if self._said < 0:
            return ""
        size = os.fstat(self._said).st_size
        text = os.pread(self._said, _LAST_SAID, max(0, size - _LAST_SAID)).decode(errors="replace")
        os.close(self._said)
        self._said = -1
        return text.strip().rpartition("\n")[2]

    async def _clear(self) -> None:
        if not self._folder:
            return
        try:
            os.rmdir(self._folder)  # noqa: PTH106 - almost always empty
        except OSError:
            await _aside(_remove, self._folder)
        self._folder = ""


async def _aside(work: Callable[[str], None], folder: str) -> None:
    """Do it in a thread; where the system gives none, here."""
    try:
        await asyncio.to_thread(work, folder)
    except RuntimeError:
        work(folder)


def remove_leftovers() -> None:
    """Remove the folders of workers whose owner died before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_NAME}*"):
        owner = folder.name.removeprefix(_NAME).partition("-")[0]
        if owner.isdecimal() and not _lives(int(owner)) and folder.lstat().st_uid == os.getuid():
            _remove(str(folder))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def _remove(folder: str) -> None:
    """Remove a folder with all that foreign code put there, also what it locked."""

    def unlock(function: Callable[[str], object], path: str, _: object) -> None:
        with contextlib.suppress(OSError):
            Path(path).parent.chmod(0o700)
            Path(path).chmod(0o700)
            function(path)

    with contextlib.suppress(RecursionError, OSError):
        for _ in range(3):  # a folder that was locked is emptied the next time
            shutil.rmtree(folder, onerror=unlock)


def _sweep(folder: str) -> None:
    """Kill what a worker left behind in other process groups: all that have its folder in their environment.

    Only where workers can start processes at all. Code that wipes its own environment escapes this; only confinement
    stops hostile code.
    """
    mark = f"TMPDIR={folder}".encode()
    for _ in range(_SWEEPS):
        left = [pid for pid in _processes() if mark in _environment(pid)]
        if not left:
            return
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_SWEEP_PAUSE_S)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - names alone
    except OSError:
        return []


def _environment(pid: int) -> list[bytes]:
    """Give a process's environment; nothing for one that is dead or not ours."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _framed(frame: Setup | Job | Told) -> bytes:
    data = _encode(frame)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data
