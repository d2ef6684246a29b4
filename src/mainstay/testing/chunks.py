"""Many seeds over several processes, in chunks that are remembered: a run that was cut off goes on where it stood."""

from __future__ import annotations

import gc
import multiprocessing
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay.testing.simulate import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CHUNK = 50  # seeds
COLLECTED = (50_000, 20, 50)  # garbage, less often than is usual: a run makes much, and little of it stays
REPLAY = "python -m mainstay.testing --seed {} -v"


class Done(msgspec.Struct):
    """What was done so far: first seeds of finished chunks, and findings by seed."""

    chunks: list[int] = []
    found: dict[int, list[str]] = {}


def simulate(seeds: Sequence[int], processes: int, state: str, say: Callable[[str], object]) -> int:
    """Run seeds; says each finding with the command that replays it. Gives 1 when there was one, else 0."""
    began_s = time.monotonic()
    done = _read(state)
    left = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK) if seeds[at] not in done.chunks]
    for chunk, found in _finished(left, processes):
        done.chunks.append(chunk)
        for seed, findings in found.items():
            done.found[seed] = findings
            say("".join(f"seed {seed}: {finding}\n" for finding in findings) + f"  {REPLAY.format(seed)}\n")
        if state:
            Path(state).write_bytes(msgspec.json.encode(done))
    took_s = time.monotonic() - began_s
    say(f"{len(seeds)} seeds, {len(done.found)} with findings; {sum(map(len, left))} of them now in {took_s:.0f} s\n")
    return 1 if done.found else 0


def one(seed: int) -> list[str]:
    """Run one seed; an error that nobody foresaw is a finding too."""
    try:
        return run(seed)
    except Exception as error:  # noqa: BLE001 - one seed that breaks the simulation must not hide the others
        return [f"the simulation broke: {error!r}"]


def _finished(left: Sequence[Sequence[int]], processes: int) -> Iterable[tuple[int, dict[int, list[str]]]]:
    if processes == 1:
        yield from map(_chunk, left)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(_chunk, left)


def _chunk(seeds: Sequence[int]) -> tuple[int, dict[int, list[str]]]:
    gc.set_threshold(*COLLECTED)
    gc.collect()
    gc.freeze()  # playbooks stay compiled: there is no need to look at them again and again
    return seeds[0], {seed: found for seed in seeds if (found := one(seed))}


def _read(state: str) -> Done:
    if not state or not Path(state).exists():
        return Done([], {})
    return msgspec.json.decode(Path(state).read_bytes(), type=Done)
