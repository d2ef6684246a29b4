"""Owns a workspace, carries the demo's reconciliation on to its end, and says yes to everything: `FOLDER`.

It says "up" once it works. Started again after a kill, it goes on with the plan that is there.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mainstay.app import Owner
from mainstay.ledger import queries
from mainstay.playbooks.shelf import LIBRARY, open_playbook
from mainstay.workspace import Workspace

sys.path[:0] = [str(Path(__file__).parents[1])]
from as_shown import yes  # noqa: E402 - it stands beside this folder

PLAYBOOK = "billing-reconciliation"


async def carry_on(root):
    async with Owner(Workspace(root), "test") as owner:
        sys.stdout.write("up\n")
        sys.stdout.flush()
        plans = owner.ledger.rows(queries.PLANS, (10, 0))
        plan = plans[0][0] if plans else await begin(owner)
        standing = await owner.requests.follow(plan, lambda _: None)
        while standing["questions"]:
            await owner.requests.rule(standing["questions"][0], yes(owner, standing["questions"][0]))
            standing = await owner.requests.follow(plan, lambda _: None)
        assert standing["status"] == "completed", standing


async def begin(owner):
    definition = open_playbook(None, PLAYBOOK, owner.contracts)
    files = {"statement": "statement.xml", "invoices": "invoices.csv"}
    pinned = {name: [owner.requests.pin(file, (LIBRARY / "demo" / file).read_bytes())] for name, file in files.items()}
    plan, committed = owner.requests.propose(definition, pinned)
    await committed
    return plan


if __name__ == "__main__":
    asyncio.run(carry_on(Path(sys.argv[1])))
