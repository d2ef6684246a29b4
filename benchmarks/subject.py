"""What every measured program has in common: it answers requests from its input, one line of JSON each.

Imported in Mainstay's environment and in the peers', so it needs nothing but Python. A request asks for one window of
work: workflows of `STEPS` steps, so many at once, begun until the time is over and all played to their end. Steps do
nothing; what is measured is what an engine does for each.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import resource
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STEPS = 10
NOTE = "x" * 64
FIRST_SECOND = 1_700_000_000

Request: TypeAlias = dict[str, Any]
Answer: TypeAlias = dict[str, Any]


def outcome(step: int) -> dict[str, Any]:
    """Give the result of a trivial step: about 120 bytes of JSON."""
    return {"step": step, "ok": True, "note": NOTE, "at": FIRST_SECOND + step}


def folder() -> Path:
    """Give this program's own folder, on the disk that is measured."""
    return Path(os.environ["BENCH_DIR"])


def serve(answer: Callable[[Request], Answer]) -> None:
    """Answer requests until there are no more, then end at once: what was measured needs no farewell."""
    say({"ready": True})
    for line in sys.stdin:
        say(answer(json.loads(line)))
    os._exit(0)


def say(answer: Answer) -> None:
    """Write one line of JSON."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


class Marks:
    """When the steps of each workflow began (or ended: always the same point), and so what lies between two."""

    def __init__(self) -> None:
        self.at: dict[str, list[float]] = defaultdict(list)

    def step(self, workflow: str) -> None:
        self.at[workflow].append(time.perf_counter())

    def answer(self, wall_s: float, cpu_s: float) -> Answer:
        """Sum a window up. The gaps lie between two steps of the same workflow, milliseconds."""
        steps = sum(map(len, self.at.values()))
        gaps = sorted((b - a) * 1000 for at in self.at.values() for a, b in itertools.pairwise(at))
        return {
            "steps": steps,
            "wall_s": wall_s,
            "steps_per_s": steps / wall_s,
            "cpu_us_per_step": cpu_s / steps * 1e6,
            "p50_ms": percentile(gaps, 50),
            "p99_ms": percentile(gaps, 99),
        }


def percentile(ordered: list[float], percent: float) -> float:
    """Give a percentile of sorted figures; 0 of none."""
    return ordered[round(percent / 100 * (len(ordered) - 1))] if ordered else 0.0


def cpu_s() -> float:
    """Give this process's own time on processors."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rss_kb(pid: int | str = "self") -> int:
    """Give the memory a process really has, KB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def threads_window(marks: Marks, request: Request, play: Callable[[], None]) -> Answer:
    """Play workflows in as many threads as are asked for; alone, in this one."""
    began, used = time.perf_counter(), cpu_s()
    until = began + request["seconds"]

    def lane() -> None:
        play()
        while time.perf_counter() < until:
            play()

    if request["concurrency"] == 1:
        lane()
    else:
        with ThreadPoolExecutor(request["concurrency"]) as lanes:
            for done in [lanes.submit(lane) for _ in range(request["concurrency"])]:
                done.result()
    return marks.answer(time.perf_counter() - began, cpu_s() - used)


async def tasks_window(marks: Marks, request: Request, play: Callable[[], Awaitable[None]]) -> Answer:
    """Play workflows in as many tasks of this loop as are asked for."""
    began, used = time.perf_counter(), cpu_s()
    until = began + request["seconds"]

    async def lane() -> None:
        await play()
        while time.perf_counter() < until:
            await play()

    await asyncio.gather(*(lane() for _ in range(request["concurrency"])))
    return marks.answer(time.perf_counter() - began, cpu_s() - used)
