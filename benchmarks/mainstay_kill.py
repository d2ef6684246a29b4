"""A thousand plans under way when the power goes: begun by one process, gone on with by the next."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, NoReturn

import house
from subject import say, serve

from mainstay import events as e

if TYPE_CHECKING:
    from collections.abc import Sequence

    from subject import Answer, Request

    from mainstay.kernel.state import Plan

STEPS = 150  # plain ones and actions in turn; a plan's history holds 2,000 facts
UNDER_WAY = 5  # outcomes of each plan before the plug is pulled
NOT_ENDED = "SELECT count(*) FROM plan WHERE ended_at_us IS NULL"
MOVED = "SELECT count(DISTINCT plan) FROM event WHERE position > ? AND plan <> ''"


async def begin(request: Request) -> NoReturn:
    """Start plans, say when all are under way, and go on until this process is killed."""
    outcomes: Counter[str] = Counter()
    begun = asyncio.Event()

    def hear(plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        del plan
        outcomes[plan_id] += sum(isinstance(fact, e.StepCompleted | e.EffectDone) for fact in facts)
        if len(outcomes) == request["count"] and not begun.is_set() and min(outcomes.values()) >= UNDER_WAY:
            begun.set()

    owner = await house.opened(house.owner())
    owner.engine.listeners.append(hear)
    definition = house.line("mixed", STEPS)
    await asyncio.gather(*(owner.requests.propose(definition, {})[1] for _ in range(request["count"])))
    await begun.wait()
    say({"plans": owner.ledger.rows(NOT_ENDED)[0][0]})
    await asyncio.to_thread(sys.stdin.readline)  # nothing comes: it is killed, or who asked is gone
    os._exit(1)


async def go_on(request: Request) -> Answer:
    """Open what was left, and say when each plan had something new on disk; times of the machine's own clock."""
    moved: dict[str, float] = {}
    all_moved = asyncio.Event()

    def hear(plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        del plan
        if facts and plan_id not in moved:
            moved[plan_id] = time.monotonic()
            if len(moved) == request["count"]:
                all_moved.set()

    owner = house.owner()
    before = owner.ledger.head()[0]
    owner.engine.listeners.append(hear)
    await house.opened(owner)
    await all_moved.wait()
    last = max(moved.values())
    return {"last_at_s": last, "moved": owner.ledger.rows(MOVED, (before,))[0][0]}


def answer(request: Request) -> Answer:
    return asyncio.run({"begin": begin, "go on": go_on}[request["kind"]](request))


serve(answer)
