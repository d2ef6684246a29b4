"""A process that owns a workspace, says forty words in ten plans, and prints how it ended.

    python mending_owner.py <workspace> <world>

What goes wrong with its disk is somebody else's doing.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from kit import World, do, each, owner_of, plan, start

from mainstay.errors import MainstayError
from mainstay.workspace import Workspace

PLANS = 10
WORDS = 4


async def main(workspace: Workspace, world: World) -> None:
    async with owner_of(workspace, world) as owner:
        owner.engine.hearers.append(print)
        plans = []
        for number in range(PLANS):
            words = [f"plan{number}-word{index}" for index in range(WORDS)]
            while True:
                try:
                    plans.append(await start(owner, plan(each(do("say", "test.say", ""))), words=words))
                except MainstayError as error:
                    print("refused:", error.message)  # noqa: T201
                    await owner.requests._or_failed(owner.engine.whole())
                else:
                    break
        print("ended:", {standing["status"] for _, standing in plans})  # noqa: T201
        assert owner.ledger.verify().whole
        assert owner.ledger.differing() == []


try:
    asyncio.run(main(Workspace(Path(sys.argv[1])), World(Path(sys.argv[2]))))
except MainstayError as error:
    print("gave up:", error.message)  # noqa: T201
    sys.exit(1)
