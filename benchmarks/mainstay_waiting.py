"""Plans that wait for an answer: made, found again by a new owner, and answered."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import house
from subject import cpu_s, percentile, rss_kb, serve

from mainstay import events as e

if TYPE_CHECKING:
    from collections.abc import Sequence

    from subject import Answer, Request

    from mainstay.app import Owner
    from mainstay.kernel.state import Plan

LOT = 500
SETTLE_S = 0.5
OPEN = "SELECT count(*) FROM decision WHERE status = 'open'"
UNPARKED = "SELECT count(*) FROM plan WHERE parked = 0"
SOME = "SELECT id FROM decision WHERE status = 'open' ORDER BY id LIMIT ?"


class Bench:
    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.moved: dict[str, asyncio.Future[None]] = {}
        owner.engine.listeners.append(self.hear)

    def hear(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        del plan
        if plan_id in self.moved and any(isinstance(fact, e.DecisionAsked | e.StepCompleted) for fact in facts):
            self.moved.pop(plan_id).set_result(None)

    def moving(self, plan_id: str) -> asyncio.Future[None]:
        """Give what is done once the plan's next question or outcome is on disk."""
        future = self.moved[plan_id] = asyncio.get_running_loop().create_future()
        return future

    async def answer(self, request: Request) -> Answer:
        if request["kind"] == "fill":
            return await self.fill(request["count"], request["seconds"])
        if request["kind"] == "rest":
            return await self.rest(request["seconds"])
        return await self.rule(request["count"])

    async def fill(self, count: int, seconds: float) -> Answer:
        """Make plans that ask, until there are so many or the time is over."""
        until, definition = time.perf_counter() + seconds, house.question()
        while self.waiting() < count and time.perf_counter() < until:
            ids = [self.owner.requests.propose(definition, {})[0] for _ in range(LOT)]
            await asyncio.gather(*map(self.moving, ids))
        while self.owner.ledger.rows(UNPARKED)[0][0]:  # noqa: ASYNC110 - what is asked now leaves memory a moment later
            await asyncio.sleep(0.01)
        return {"waiting": self.waiting()}

    async def rest(self, seconds: float) -> Answer:
        """Do nothing for a while, and say what that took."""
        await asyncio.sleep(SETTLE_S)
        began, used = time.perf_counter(), cpu_s()
        await asyncio.sleep(seconds)
        idle = (cpu_s() - used) / (time.perf_counter() - began)
        return {"waiting": self.waiting(), "rss_kb": rss_kb(), "idle_cpu_percent": idle * 100}

    async def rule(self, count: int) -> Answer:
        """Answer questions one after another: from the answer until the next step's outcome is on disk."""
        took: list[float] = []
        for (decision,) in self.owner.ledger.rows(SOME, (count,)):
            began = time.perf_counter()
            moved = self.moving(decision.rpartition(".")[0])
            await self.owner.requests.rule(decision, {"choice": "approve"})
            await moved
            took.append((time.perf_counter() - began) * 1000)
        took.sort()
        return {"ruling_p50_ms": percentile(took, 50), "ruling_p99_ms": percentile(took, 99)}

    def waiting(self) -> int:
        return self.owner.ledger.rows(OPEN)[0][0]


def main() -> None:
    loop = asyncio.new_event_loop()
    bench = Bench(loop.run_until_complete(house.opened(house.owner())))
    serve(lambda request: loop.run_until_complete(bench.answer(request)))


main()
