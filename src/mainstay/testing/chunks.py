"""Many seeds over several processes, in chunks that are remembered: a run that was cut off goes on where it stood."""

from __future__ import annotations

import gc
import math
import multiprocessing
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.testing.simulate import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHUNK = 50  # seeds
COLLECTED = (50_000, 20, 50)  # garbage, less often than is usual: a run makes much, and little of it stays
REPLAY = "python -m mainstay.testing --seed {} -v"


class Done(msgspec.Struct):
    """What was done so far: first seeds of finished chunks, and findings by seed."""

    chunks: list[int] = []
    found: dict[int, list[str]] = {}


class Played(NamedTuple):
    """A chunk that was played: its seeds, and what those found that found something."""

    seeds: Sequence[int]
    found: dict[int, list[str]]


def simulate(
    seeds: Sequence[int], processes: int, state: str, say: Callable[[str], object], within_s: float = math.inf
) -> int:
    """Run seeds; says each finding with the command that replays it. Gives 1 when there was one, else 0.

    No chunk is begun once it took `within_s` seconds: how many were run is said, and goes by how quick the machine is.
    """
    began_s = time.monotonic()
    done = _read(state)
    left = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK) if seeds[at] not in done.chunks]
    count = 0
    for chunk in _finished(left, processes, began_s + within_s):
        count += len(chunk.seeds)
        done.chunks.append(chunk.seeds[0])
        for seed, findings in chunk.found.items():
            done.found[seed] = findings
            say("".join(f"seed {seed}: {finding}\n" for finding in findings) + f"  {REPLAY.format(seed)}\n")
        if state:
            Path(state).write_bytes(msgspec.json.encode(done))
    took_s = time.monotonic() - began_s
    late = " (no more fit into its time)" if count < sum(map(len, left)) else ""
    say(f"{len(seeds)} seeds, {len(done.found)} with findings; {count} of them now in {took_s:.0f} s{late}\n")
    return 1 if done.found else 0


def one(seed: int) -> list[str]:
    """Run one seed; an error that nobody foresaw is a finding too."""
    try:
        return run(seed)
    except Exception as error:  # noqa: BLE001 - one seed that breaks the simulation must not hide the others
        return [f"the simulation broke: {error!r}"]


def _finished(left: Sequence[Sequence[int]], processes: int, until_s: float) -> Iterator[Played]:
    play = partial(_chunk, until_s)
    if processes == 1:
        yield from filter(None, map(play, left))
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from filter(None, pool.imap_unordered(play, left))


def _chunk(until_s: float, seeds: Sequence[int]) -> Played | None:
    if time.monotonic() >= until_s:
        return None
    gc.set_threshold(*COLLECTED)
    gc.collect()
    gc.freeze()  # playbooks stay compiled: there is no need to look at them again and again
    return Played(seeds, {seed: found for seed in seeds if (found := one(seed))})


def _read(state: str) -> Done:
    if not state or not Path(state).exists():
        return Done([], {})
    return msgspec.json.decode(Path(state).read_bytes(), type=Done)
