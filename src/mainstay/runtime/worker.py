"""The inside of a worker process: runs one function at a time for its owner, under limits (DESIGN, Processes).

Frames on two pipes: four bytes of length, then MessagePack. The owner sends `Job`, the worker answers `Answer`, in
the order of the jobs. The process dies with its owner, and when the owner closes the pipe.

What foreign code prints goes to stderr: the answers have a file descriptor of their own.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import signal
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, get_type_hints

import msgspec

from mainstay.contracts import from_plain, to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import MainstayError, OperationError, RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH_BYTES = 4
_PR_SET_PDEATHSIG = 1


class Job(msgspec.Struct, frozen=True, array_like=True):
    """One call: `entry` is "package.module:function", `arguments` an encoded plain value."""

    entry: str
    arguments: bytes
    files: dict[str, bytes]
    memory_mb: int


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """Its result, encoded, or the error: name of its class, sentence, remedy, delay."""

    result: bytes | None
    error: str = ""
    message: str = ""
    remedy: str = ""
    retry_after_s: float = 0.0


def main() -> None:
    """Serve the owner until it closes the pipe."""
    _die_with_owner()
    jobs = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    decode, encode = msgspec.msgpack.Decoder(Job).decode, msgspec.msgpack.Encoder().encode
    while (frame := _read_frame(jobs)) is not None:
        data = encode(perform(decode(frame)))
        answers.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
        answers.flush()


def perform(job: Job) -> Answer:
    """Run one job. Whatever it raises becomes an answer; only its process dying does not."""
    limit = job.memory_mb * 1024 * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        function, wants = _function(job.entry)
        result = function(from_plain(decode_value(job.arguments), wants), job.files)
        return Answer(encode_value(to_plain(result)))
    except MemoryError:
        return Answer(None, "Permanent", f"It needs more than the {job.memory_mb} MB it may use.")
    except OperationError as error:
        delay = error.retry_after_s if isinstance(error, RateLimited) else 0.0
        return Answer(None, type(error).__name__, error.message, error.remedy, delay)
    except MainstayError as error:
        return Answer(None, "Permanent", error.message, error.remedy)
    except RecursionError:
        return Answer(None, "Permanent", "Its input is nested too deeply.")
    except Exception as error:  # noqa: BLE001 - any error of foreign code is an answer, never this process's end
        return Answer(None, "OperationError", f"{type(error).__name__}: {error}")
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


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


def _die_with_owner() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
