"""Mainstay's steps: plain ones, actions, and steps in worker processes, on one workspace."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import house
from subject import STEPS, Marks, serve, tasks_window

from mainstay import events as e
from mainstay.app import projections_of
from mainstay.kernel.state import ENDED
from mainstay.ledger.blobs import FileBlobs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from subject import Answer, Request

    from mainstay.app import Owner
    from mainstay.kernel.state import Plan

OUTCOMES = "SELECT count(*) FROM event WHERE kind IN ('StepCompleted', 'EffectDone')"
TAKEN = "SELECT count(*) FROM event WHERE kind IN (SELECT value FROM json_each(?))"
PLANS = "SELECT count(*) FROM plan"
GROW_BY = 50
MOST_EVENTS = 20  # of one of these plans
WARM_UP = 2
REBUILDS = 3  # at least


class Bench:
    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.definitions = {kind: house.line(kind) for kind in house.KINDS} | {"single": house.line("plain", 1)}
        projected = projections_of(FileBlobs(owner.workspace.blobs, owner.keys.blobs))
        self.kinds = sorted({kind for each in projected for kind in each.kinds})
        self.marks = Marks()
        self.ends: dict[str, asyncio.Future[None]] = {}
        owner.engine.listeners.append(self.hear)

    def hear(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        """Count what is on disk: the engine tells of facts only then."""
        for fact in facts:
            if isinstance(fact, e.StepCompleted | e.EffectDone):
                self.marks.step(plan_id)
        if plan.status in ENDED and plan_id in self.ends:
            assert plan.status == "completed", plan.status
            assert len(self.marks.at[plan_id]) == len(plan.graph.steps)
            self.ends.pop(plan_id).set_result(None)

    async def play(self, kind: str) -> None:
        plan_id, _ = self.owner.requests.propose(self.definitions[kind], {})
        ended = self.ends[plan_id] = asyncio.get_running_loop().create_future()
        await ended

    async def window(self, request: Request) -> Answer:
        kind = request["kind"]
        if kind == "rebuild":
            return self.rebuild(request["seconds"])
        if kind == "grow":
            return await self.grow(request)
        for _ in range(WARM_UP if kind == "worker" else 0):  # the worker processes have started then
            await asyncio.gather(*(self.play(kind) for _ in range(request["concurrency"])))
        if kind == "worker":
            pin_workers(request["worker_core"])
        self.marks, before = Marks(), self.on_disk()
        answer = await tasks_window(self.marks, request, lambda: self.play(kind))
        return {**answer, "on_disk": self.on_disk() - before}

    def on_disk(self) -> int:
        return self.owner.ledger.rows(OUTCOMES)[0][0]

    async def grow(self, request: Request) -> Answer:
        """Play plans until the history holds so many events or plans; counting those that are there takes a while."""
        while (left := request["until"] - self.size(request["of"])) > 0:
            for _ in range(max(1, left // (GROW_BY * MOST_EVENTS))):
                self.marks = Marks()
                await asyncio.gather(*(self.play(request["play"]) for _ in range(GROW_BY)))
        return {"events": self.size("events"), "plans": self.size("plans")}

    def size(self, of: str) -> int:
        return self.owner.ledger.head()[0] if of == "events" else self.owner.ledger.rows(PLANS)[0][0]

    def rebuild(self, seconds: float) -> Answer:
        """Make all projections anew from the history so far, again and again; the quickest counts.

        A rebuild is all work: whatever else runs on this core takes its time. Its commit is a part of it.
        """
        until, took = time.perf_counter() + seconds, list[float]()
        while len(took) < REBUILDS or time.perf_counter() < until:
            took.append(self.owner.ledger.rebuild().seconds)
        taken = self.owner.ledger.rows(TAKEN, (json.dumps(self.kinds),))[0][0]
        events = self.size("events")
        return {
            "events": events,
            "taken": taken,
            "taken_per_s": taken / min(took),
            "events_per_s": events / min(took),
        }


def pin_workers(core: int) -> None:
    """Put the worker processes of this one, with all their threads, on a core, with the priority this one has."""
    rank = os.getpriority(os.PRIO_PROCESS, 0)
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(rank))
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), {core})


def descendants(of: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == of:
                yield int(entry.name)
                yield from descendants(int(entry.name))


async def warm_up(bench: Bench) -> None:
    for kind in ("plain", "effect"):
        await asyncio.gather(*(bench.play(kind) for _ in range(STEPS)))


def main() -> None:
    """Keep one loop and one owner open between the windows; it does nothing there."""
    loop = asyncio.new_event_loop()
    owner = house.owner()
    loop.run_until_complete(house.opened(owner))
    bench = Bench(owner)
    loop.run_until_complete(warm_up(bench))
    time.sleep(0.1)
    serve(lambda request: loop.run_until_complete(bench.window(request)))


main()
