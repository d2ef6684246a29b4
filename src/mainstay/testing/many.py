"""Many seeds over several processes; what was played is kept after each, so that a run that was cut off goes on."""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import shlex
import signal
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING

from mainstay.errors import MainstayError
from mainstay.testing.simulate import run
from mainstay.testing.state import Keeper
from mainstay.testing.status import FOUND, INTERRUPTED, NOT_PLAYED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future
    from types import FrameType

COLLECTED = (50_000, 20, 50)  # garbage, less often than is usual: a run makes much, and little of it stays
FROZEN_EVERY = 50  # seeds
_turns = count()  # of this process


class Stop:
    """Whether no more seeds are to be begun: the time is over, or somebody pressed Ctrl-C."""

    def __init__(self, within_s: float) -> None:
        """Let them begin for so many seconds."""
        self._until_s = time.monotonic() + within_s
        self.interrupted = False

    def until(self, seeds: Iterable[int]) -> Iterator[int]:
        """Give seeds until then; the time is looked at before each."""
        for seed in seeds:
            if self.interrupted or time.monotonic() >= self._until_s:
                return
            yield seed

    @contextmanager
    def on_interrupt(self) -> Generator[None]:
        """Take Ctrl-C as the word to stop, for as long as this lasts; the second one ends at once."""
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        os.write(2, b"\nStopping when the seeds that are being played are over; Ctrl-C again stops at once.\n")


def simulate(seeds: range, processes: int, state: str, say: Callable[[str], object], within_s: float = math.inf) -> int:
    """Run those seeds that `state` does not know; say each finding with the command that replays it.

    No seed is begun once it took `within_s` seconds: how many were played is said, and goes by how quick the machine
    is. On return what was played is in the file `state`, unless that is empty. Gives the exit status: 1 where one of
    the seeds found something, now or earlier; 130 where Ctrl-C cut it off; 2 where seeds are left and none was played;
    else 0. Raises FileError, and MainstayError where a process ended by itself.
    """
    began_s, stop, keeper = time.monotonic(), Stop(within_s), Keeper(state)
    kept = keeper.state
    for seed, findings in kept.found_in(seeds).items():
        _say_found(say, f"seed {seed}, played earlier", seed, findings)
    played = 0
    try:
        with stop.on_interrupt():
            for seed, findings in _played(stop.until(chain.from_iterable([*kept.left(seeds)])), processes):
                played += 1
                kept.add(seed, findings)
                keeper.keep()
                _say_found(say, f"seed {seed}", seed, findings)
    except KeyboardInterrupt:
        stop.interrupted = True
    left, found = [*kept.left(seeds)], kept.found_in(seeds)
    total = len(seeds) - sum(map(len, left))
    many = f"{total} of {len(seeds)}" if left else f"{total}"
    late = " (no more fit into its time)" if left and not stop.interrupted else ""
    took_s = time.monotonic() - began_s
    say(f"{many} seeds played, {len(found)} with findings; {played} of them now in {took_s:.0f} s{late}\n")
    if stop.interrupted and left:
        say(f"Stopped. Go on with: {_further(seeds, left[0].start, processes, state)}\n")
        return FOUND if found else INTERRUPTED
    if found:
        return FOUND
    if left and not played:
        say("Nothing was checked: give it more time (--within), or fewer other things to do meanwhile.\n")
        return NOT_PLAYED
    return 0


def one(seed: int) -> list[str]:
    """Run one seed; an error that nobody foresaw is a finding too."""
    try:
        return run(seed)
    except Exception as error:  # noqa: BLE001 - one seed that breaks the simulation must not hide the others
        return [f"the simulation broke: {error!r}"]


def command(*arguments: object) -> str:
    """Write a command of this package for a shell in this folder, with the interpreter that runs now."""
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    return shlex.join([str(python), "-m", "mainstay.testing", *map(str, arguments)])


def _say_found(say: Callable[[str], object], who: str, seed: int, findings: list[str]) -> None:
    if findings:
        say("".join(f"{who}: {finding}\n" for finding in findings) + f"  {command('--seed', seed, '-v')}\n")


def _further(seeds: range, first: int, processes: int, state: str) -> str:
    """Write the command that goes on: with a state that plays what is left, without one from the first that is left."""
    begin = seeds.start if state else first
    over = ("--processes", processes)
    return command("--first", begin, "--seeds", seeds.stop - begin, *over, *(("--state", state) if state else ()))


def _played(seeds: Iterator[int], processes: int) -> Iterator[tuple[int, list[str]]]:
    """Play seeds, each of which is taken only when a process is free for it; gives each with what it found."""
    if processes == 1:
        yield from map(_play, seeds)
        return
    with _pool(processes) as pool:
        running: dict[Future[tuple[int, list[str]]], int] = {}
        with _deaf():
            running |= {pool.submit(_play, seed): seed for seed in islice(seeds, processes)}
        while running:
            try:
                over = [(future, future.result()) for future in wait(running, return_when=FIRST_COMPLETED).done]
            except BrokenProcessPool as error:
                raise MainstayError(
                    f"A process ended by itself while it played seed {' or '.join(map(str, running.values()))}.",
                    remedy=f"Where memory ran out, play fewer at once (--processes 1). Else: {command('--seed', 'N')}",
                ) from error
            for future, result in over:
                del running[future]
                running |= {pool.submit(_play, seed): seed for seed in islice(seeds, 1)}
                yield result


@contextmanager
def _pool(processes: int) -> Generator[ProcessPoolExecutor]:
    """Give processes that play; they are killed where this does not end well, and no seed is waited for."""
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))
    try:
        yield pool
    except BaseException:
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Generator[None]:
    """Let the processes that are begun meanwhile not hear Ctrl-C: they play their seed to its end."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _play(seed: int) -> tuple[int, list[str]]:
    if next(_turns) % FROZEN_EVERY == 0:
        gc.set_threshold(*COLLECTED)
        gc.collect()
        gc.freeze()  # playbooks stay compiled: there is no need to look at them again and again
    return seed, one(seed)
