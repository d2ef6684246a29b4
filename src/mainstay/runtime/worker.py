"""The inside of a worker process: runs one function at a time for its owner, under limits (DESIGN, Processes).

Frames on two pipes: four bytes of length, then MessagePack with the name of its kind. The owner first sends `Setup`;
the worker confines itself and answers `Ready`. Then each `Job` gets one `Answer`, in order. The process dies with its
owner, and when the owner closes the pipe. A job of an agent with a ctx may ask on its way: each
`Asked` gets a `Told`, in any order, and jobs that come meanwhile wait.

What foreign code prints goes to stderr: the answers have a file descriptor of their own.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import signal
import sys
import time
from collections import deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, get_type_hints

import msgspec

from mainstay import errors
from mainstay.context import Asked, Heard, Stop, Told
from mainstay.contracts import from_plain, to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import MainstayError, OperationError, Permanent, RateLimited
from mainstay.runtime.confine import MEGABYTE, Confinement, put_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.context import Port
    from mainstay.values import Value

LENGTH_BYTES = 4
MOST_ANSWER_BYTES = 64 * MEGABYTE
MOST_ASKED_BYTES = 16 * MEGABYTE
STOPPED = "Stopped"  # in the place of an error: the agent waits for actions, and is run again
_PR_SET_PDEATHSIG = 1
_MOST_MESSAGE = 10_000  # characters
_MOST_SAID_BYTES = MEGABYTE  # on stderr; what is beyond is cut off before the next job

_encode = msgspec.msgpack.Encoder().encode


class Setup(msgspec.Struct, frozen=True, array_like=True, tag="setup"):
    """The owner's first word."""

    confinement: Confinement


class Job(msgspec.Struct, frozen=True, array_like=True, tag="job"):
    """One call: `entry` is "package.module:function", `arguments` an encoded plain value.

    `cpu_s` is what it may compute, twice at most, when the owner can't stop it, which keeps the time.
    """

    number: int
    entry: str
    arguments: bytes
    files: dict[str, bytes]
    memory_mb: int
    cpu_s: int
    talks: bool = False  # it may ask: the function is given a way to (context.py)


class Ready(msgspec.Struct, frozen=True, array_like=True, tag="ready"):
    """The worker is confined and waits for jobs."""


class Answer(msgspec.Struct, frozen=True, array_like=True, tag="answer"):
    """A job's result, encoded, or the error: name of its class, sentence, remedy, delay.

    `last` says that the worker ends now: its memory is used up.
    """

    number: int
    result: bytes | None
    error: str = ""
    message: str = ""
    remedy: str = ""
    retry_after_s: float = 0.0
    last: bool = False
    entries: tuple[int, ...] = ()


def main() -> None:
    """Serve the owner until it closes the pipe."""
    _die_with_owner()
    jobs = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    frames = _Frames(jobs, answers)
    while (request := frames.next()) is not None:
        if isinstance(request, Setup):
            put_on(request.confinement)
            _limits.memory_fixed = bool(request.confinement.memory_mb)
            _write_frame(answers, Ready())
            continue
        assert isinstance(request, Job)
        answer = perform(request, _Talk(request.number, frames) if request.talks else None)
        _write_frame(answers, answer)
        if answer.last:
            return


class _Frames:
    """What comes from the owner. Jobs that come while one talks are kept for later."""

    def __init__(self, jobs: BinaryIO, answers: BinaryIO) -> None:
        self._jobs, self._answers = jobs, answers
        self._decode = msgspec.msgpack.Decoder(Setup | Job | Told).decode
        self._kept: deque[Setup | Job] = deque()

    def next(self) -> Setup | Job | None:
        """Give what to do next; None when the owner closed the pipe."""
        return self._kept.popleft() if self._kept else self._skipped()

    def _skipped(self) -> Setup | Job | None:
        while isinstance(frame := self._read(), Told):
            pass  # for a job that ended without waiting for it
        return frame

    def ask(self, asked: Asked) -> None:
        """Send a question."""
        _write_frame(self._answers, asked)

    def told(self, job: int) -> Told:
        """Wait for an answer to a job; the process ends with its owner."""
        while (frame := self._read()) is not None:
            if not isinstance(frame, Told):
                self._kept.append(frame)
            elif frame.number == job:
                return frame
        os._exit(1)

    def _read(self) -> Setup | Job | Told | None:
        frame = _read_frame(self._jobs)
        return None if frame is None else self._decode(frame)


class _Talk:
    """The way of one job to the owner: context.Port."""

    def __init__(self, job: int, frames: _Frames) -> None:
        self._job, self._frames, self._asked = job, frames, 0

    def ask(self, scope: str, operation: str, arguments: Value, tool: str) -> int:
        """Send a question; raises Permanent for one that is too large."""
        encoded = encode_value(arguments)
        if len(encoded) > MOST_ASKED_BYTES:
            size = f"{len(encoded) / MEGABYTE:,.0f} MB; {MOST_ASKED_BYTES // MEGABYTE} MB is the most"
            raise Permanent(f"What {operation[:100]} is called with has {size}.")
        self._asked += 1
        self._frames.ask(Asked(self._job, self._asked, scope, operation, encoded, tool))
        return self._asked

    def hear(self) -> Heard:
        """Wait for the next answer."""
        told = self._frames.told(self._job)
        if told.stop:
            return Heard(told.question, stop=True)
        if told.output is not None:
            return Heard(told.question, decode_value(told.output))
        return Heard(told.question, error=told_error(told))


def told_error(told: Told | Answer) -> OperationError:
    """Make the error again that crossed the pipe."""
    kind = getattr(errors, told.error, OperationError)
    if kind is RateLimited:
        error: OperationError = RateLimited(told.message, retry_after_s=told.retry_after_s, remedy=told.remedy)
    elif isinstance(kind, type) and issubclass(kind, OperationError) and not issubclass(kind, errors.HeldBack):
        error = kind(told.message, remedy=told.remedy)
    else:
        error = Permanent(told.message, remedy=told.remedy)
    error.entries = told.entries
    return error


def perform(job: Job, port: Port | None = None) -> Answer:
    """Run one job within its limits. Whatever it raises becomes an answer; only its process dying does not."""
    _limits.begin(job)
    try:
        return work(job, port)
    finally:
        _limits.end()


def work(job: Job, port: Port | None = None) -> Answer:
    """Run one job, without limits. Whatever it raises becomes an answer."""
    try:
        function, wants = _function(job.entry)
        given = from_plain(decode_value(job.arguments), wants)
        made = function(given, job.files) if port is None else function(given, job.files, port=port)
        result = encode_value(to_plain(made))
        if len(result) > MOST_ANSWER_BYTES:
            size = f"{len(result) / MEGABYTE:,.0f} MB; {MOST_ANSWER_BYTES // MEGABYTE} MB is the most"
            return Answer(job.number, None, "Permanent", f"Its answer has {size}.")
        return Answer(job.number, result)
    except BaseException as error:  # noqa: BLE001 - any error of foreign code is an answer, never this process's end
        return _failure(job, error)


def _failure(job: Job, error: BaseException) -> Answer:
    """Say what a job raised in a frame that is always small."""
    match error:
        case MemoryError():
            message = f"It needs more than the {job.memory_mb} MB it may use."
            return Answer(job.number, None, "Permanent", message, last=True)
        case Stop():
            return Answer(job.number, None, STOPPED)
        case MainstayError():
            kind = type(error).__name__ if isinstance(error, OperationError) else "Permanent"
            delay = error.retry_after_s if isinstance(error, RateLimited) else 0.0
            said, remedy = str(error.message)[:_MOST_MESSAGE], str(error.remedy)[:_MOST_MESSAGE]
            entries = error.entries if isinstance(error, OperationError) else ()
            return Answer(job.number, None, kind, said, remedy, delay, entries=entries)
        case RecursionError():
            return Answer(job.number, None, "Permanent", "Its input is nested too deeply.")
        case _:
            return Answer(job.number, None, "OperationError", f"{type(error).__name__}: {_text(error)}")


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_MOST_MESSAGE]
    except Exception:  # noqa: BLE001 - foreign code may fail even in saying how it failed
        return "it can't say what"


class _Limits:
    """What a job may use; set by as few calls to the system as will do, as most jobs are short."""

    def __init__(self) -> None:
        self.memory_fixed = False  # for the process's life: nothing to set for each job
        self.cpu_until_s = 0

    def begin(self, job: Job) -> None:
        """Set a job's limits."""
        if not self.memory_fixed:
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            memory = job.memory_mb * MEGABYTE
            lower = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (lower, hard))
        used_s = int(time.process_time())
        if not job.cpu_s <= self.cpu_until_s - used_s <= 2 * job.cpu_s:
            self.cpu_until_s = used_s + 2 * job.cpu_s
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            until = self.cpu_until_s if hard == resource.RLIM_INFINITY else min(self.cpu_until_s, hard)
            resource.setrlimit(resource.RLIMIT_CPU, (until, hard))
        if os.fstat(2).st_size > _MOST_SAID_BYTES:
            os.ftruncate(2, 0)

    def end(self) -> None:
        """Give the memory free that a job was kept to."""
        if not self.memory_fixed:
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


_limits = _Limits()


def _function(entry: str) -> tuple[Callable[..., Any], type[Any]]:
    """Import a function, and read the type of its first argument from its annotations."""
    module, _, name = entry.partition(":")
    function = getattr(importlib.import_module(module), name)
    return function, _first_type(function)


def _first_type(function: Any) -> type[Any]:  # noqa: ANN401 - any function of anybody
    """Resolve the first annotation alone: the others may name what is imported for type checkers only."""
    first, annotation = next(iter(function.__annotations__.items()))
    probe = SimpleNamespace(__annotations__={first: annotation})
    return get_type_hints(probe, globalns=function.__globals__)[first]


def _read_frame(jobs: BinaryIO) -> bytes | None:
    head = jobs.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    body = jobs.read(int.from_bytes(head, "big"))
    return body if len(body) == int.from_bytes(head, "big") else None


def _write_frame(answers: BinaryIO, frame: Ready | Answer | Asked) -> None:
    data = _encode(frame)
    answers.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
    answers.flush()


def _die_with_owner() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
