"""What `doctor` asks of worker processes: that one starts and answers, and what it could reach.

The worker is real, and it tries: to read what it must not, to write there, to open a socket. What it reaches though the
machine confines it is wrong; what the machine can't confine is named with what to do about it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from mainstay.contracts import from_plain, to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.runtime import confine
from mainstay.runtime.workers import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

Seen: TypeAlias = tuple[str, Literal["ok", "note", "wrong"], str, str]  # what was looked at, state, what, what next

ANSWER_S = 20.0
_MEMORY_MB = 256
_AS_AVAILABLE = 'Or set confinement = "available" under [workers] in mainstay.toml.'


class Attempt(msgspec.Struct, frozen=True):
    """Paths to open."""

    paths: tuple[str, ...] = ()


class Reached(msgspec.Struct, frozen=True):
    """What could be opened."""

    what: tuple[str, ...] = ()


def attempt(given: Attempt, files: Mapping[str, bytes]) -> Reached:
    """Run in the worker: try it all. Nothing is read or written, whatever opens."""
    del files
    ways = [(path, lambda path=path: os.close(os.open(path, os.O_RDONLY))) for path in given.paths]
    ways += [("the network", lambda: socket.socket().close())]
    return Reached(tuple(name for name, way in ways if _succeeds(way)))


async def reached(paths: Sequence[str], means: confine.Means | None = None) -> tuple[str, ...]:
    """Start a worker and give what it could open of these paths; raises OperationError when none starts."""
    pool = WorkerPool(size=1, means=means)
    try:
        arguments = encode_value(to_plain(Attempt(tuple(paths))))
        entry = f"{__name__}:{attempt.__name__}"
        answer = await pool.run(entry, arguments, {}, timeout_s=ANSWER_S, memory_mb=_MEMORY_MB)
        return from_plain(decode_value(answer), Reached).what
    finally:
        await pool.close()


def look(wish: confine.Wish, secret: Sequence[Path], means: confine.Means | None = None) -> Iterator[Seen]:
    """Look at worker processes on this machine; `secret` are files of which some are there, and out of their reach.

    Raises OperationError when no worker starts.
    """
    means = confine.look() if means is None else means
    found = asyncio.run(reached([str(path) for path in secret], means))
    yield "workers", "ok", "A worker process starts and answers.", ""
    gaps = list(confine.gaps(means))
    for says, advice in gaps:
        required = wish == "required"
        more = f"{advice} {_AS_AVAILABLE}" if required else advice
        yield "confinement", "wrong" if required else "note", says, more
    held = [name for name in found if (means.calls if name == "the network" else means.files)]
    for name in held:
        says = f"A worker process reaches {name}, though {confine.way(means)} should keep it out."
        yield "confinement", "wrong", says, "Run no agents that you did not write, and report this as a bug."
    if not gaps and not held:
        says = "Worker processes see only code, write only a folder of their own, and have no network"
        yield "confinement", "ok", f"{says} ({confine.way(means)}).", ""


def _succeeds(way: Callable[[], None]) -> bool:
    try:
        way()
    except OSError:
        return False
    return True
