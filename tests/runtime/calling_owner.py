"""A process that owns a workspace, runs one agent, and prints how it ended. What it says may kill it.

python calling_owner.py <workspace> <world> <agent> <word>
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from calling_kit import Looked, owner_of, step, value
from kit import Said, Word, World, plan, start

from mainstay.contracts import Operation
from mainstay.workspace import Workspace


def note(file: Path, word: str) -> list[str]:
    noted = [*(file.read_text().split() if file.exists() else []), word]
    file.write_text(" ".join(noted))
    return noted


def reading(file: Path) -> Operation:
    """A read that is noted outside; the first one of "kill" kills the owner."""

    async def read(call, given):
        if note(file, given.word).count("kill") == 1:
            os.kill(os.getpid(), 9)
        return Said("w")

    return Operation(name="test.noted", summary="Look", effect="read", input=Word, output=Said, call=read)


async def main(root: Path, folder: Path, agent: str, word: str) -> None:
    noted = reading(folder.parent / "looked")
    async with owner_of(Workspace(root), World(folder), Looked(), noted) as owner:
        there = [row[0] for row in owner.ledger.rows("SELECT id FROM plan")]
        if there:
            plan_id, standing = there[0], await owner.requests.follow(there[0], lambda _: None)
        else:
            plan_id, standing = await start(owner, plan(step(agent, word)))
        assert standing["status"] == "completed", owner.engine.load(plan_id).slots["draft"]
        print(json.dumps({"status": standing["status"], "word": value(owner, plan_id)["word"]}))  # noqa: T201


asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
