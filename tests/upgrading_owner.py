"""Activates what was changed in a workspace, and begins plans of it; it dies at one of its commits.

    python upgrading_owner.py <workspace> <commits that it lives through>

It says "activated" and "begun" as it gets there, so that who killed it knows how far it was.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from versions_desk import activate, run

from mainstay.app import Owner
from mainstay.workspace import Workspace


def die_after(owner: Owner, commits: int) -> None:
    """Kill this process with the commit that it does not live to hear of."""
    queue, left = owner.ledger.queue, commits

    def counted(appends, told, **how):
        def dying(position, error):
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), 9)
            told(position, error)

        queue(appends, dying, **how)

    owner.ledger.queue = counted


async def main(folder: Path, commits: int) -> None:
    """Do what an operator does on the day of a new version."""
    async with Owner(Workspace(folder), "test") as owner:
        die_after(owner, commits)
        await activate(owner)
        print("activated", flush=True)  # noqa: T201
        for playbook in ("asking", "sleeping", "family"):
            await run(owner, playbook, f"name=new-{playbook}")
        print("begun", flush=True)  # noqa: T201


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
