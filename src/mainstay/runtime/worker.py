"""The inside of a worker process: runs one function at a time for its owner, under limits (DESIGN, Processes).

Frames on two pipes: four bytes of length, then MessagePack with the name of its kind. The owner first sends `Setup`;
the worker confines itself and answers `Ready`. Then each `Job` gets one `Answer`, in order. The process dies with its
owner, and when the owner closes the pipe.

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
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, get_type_hints

import msgspec

from mainstay.contracts import from_plain, to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import MainstayError, OperationError, RateLimited
from mainstay.runtime.confine import MEGABYTE, Confinement, put_on

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH_BYTES = 4
MOST_ANSWER_BYTES = 64 * MEGABYTE
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


def main() -> None:
    """Serve the owner until it closes the pipe."""
    _die_with_owner()
    jobs = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    decode = msgspec.msgpack.Decoder(Setup | Job).decode
    while (frame := _read_frame(jobs)) is not None:
        request = decode(frame)
        if isinstance(request, Setup):
            put_on(request.confinement)
            _limits.memory_fixed = bool(request.confinement.memory_mb)
            _write_frame(answers, Ready())
            continue
        answer = perform(request)
        _write_frame(answers, answer)
        if answer.last:
            return


def perform(job: Job) -> Answer:
    """Run one job. Whatever it raises becomes an answer; only its process dying does not."""
    _limits.begin(job)
    try:
        function, wants = _function(job.entry)
        result = encode_value(to_plain(function(from_plain(decode_value(job.arguments), wants), job.files)))
        if len(result) > MOST_ANSWER_BYTES:
            size = f"{len(result) / MEGABYTE:,.0f} MB; {MOST_ANSWER_BYTES // MEGABYTE} MB is the most"
            return Answer(job.number, None, "Permanent", f"Its answer has {size}.")
        return Answer(job.number, result)
    except BaseException as error:  # noqa: BLE001 - any error of foreign code is an answer, never this process's end
        return _failure(job, error)
    finally:
        _limits.end()


def _failure(job: Job, error: BaseException) -> Answer:
    """Say what a job raised in a frame that is always small."""
    match error:
        case MemoryError():
            message = f"It needs more than the {job.memory_mb} MB it may use."
            return Answer(job.number, None, "Permanent", message, last=True)
        case MainstayError():
            kind = type(error).__name__ if isinstance(error, OperationError) else "Permanent"
            delay = error.retry_after_s if isinstance(error, RateLimited) else 0.0
            said, remedy = str(error.message)[:_MOST_MESSAGE], str(error.remedy)[:_MOST_MESSAGE]
            return Answer(job.number, None, kind, said, remedy, delay)
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


def _write_frame(answers: BinaryIO, frame: Ready | Answer) -> None:
    data = _encode(frame)
    answers.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
    answers.flush()


def _die_with_owner() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
