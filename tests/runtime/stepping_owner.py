"""An owner that does one act of the operator and kills itself at its nth step: `forget`, `activate` or `revert`."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from mainstay.app import Owner
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.forgotten import Forgotten
from mainstay.ledger.people import PersonKeyring
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.playbooks.activation import Activation, Wanted
from mainstay.playbooks.artefacts import read_artefact
from mainstay.workspace import Workspace

WHO = "ada@example.com"
STEPS = (
    (SqliteLedger, "append"),
    (PersonKeyring, "destroy"),
    (PersonKeyring, "truncate"),
    (PersonKeyring, "recorded"),
    (PersonKeyring, "flush"),
    (Forgotten, "add"),
    (Activation, "_write"),
    (FileBlobs, "put"),
)


class Steps:
    """Counts the steps of an act, and dies at one."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.counts = False

    def pass_one(self) -> None:
        self.left -= self.counts
        if self.counts and self.left < 0:
            os.kill(os.getpid(), 9)

    def watch(self, owner: Any, name: str) -> None:
        """Count before and after each call of a method."""
        own = getattr(owner, name)

        def call(this: Any, *given: Any, **named: Any) -> Any:
            self.pass_one()
            done = own(this, *given, **named)
            self.pass_one()
            return done

        setattr(owner, name, call)


async def forget(owner: Owner) -> None:
    keys = list(owner.people.known_as(WHO))
    await owner.requests._methods["forget"](owner.requests, {"keys": keys}, lambda _: None)


async def activate(owner: Owner) -> None:
    here = [read_artefact(owner.workspace.root, "playbook", name) for name in ("one", "two")]
    wanted = [Wanted("playbook", each.name, each.digest) for each in here if each is not None]
    await owner.requests.activation.activate(wanted, owner.workers, owner.clock.now_us())


async def revert(owner: Owner) -> None:
    activation, here = owner.requests.activation, read_artefact(owner.workspace.root, "playbook", "one")
    first = min(activation.versions.past("playbook", "one").versions, key=lambda one: one.kept_us)
    seen = here.digest if here is not None else ""
    await activation.revert(first, seen, owner.workers, owner.clock.now_us())


ACTS = {"forget": forget, "activate": activate, "revert": revert}


async def main(act: str, at: int, root: Path) -> None:
    steps = Steps(at)
    for owner, name in STEPS:
        steps.watch(owner, name)
    async with Owner(Workspace(root), "test") as opened:
        steps.counts = True
        await ACTS[act](opened)
        steps.counts = False


if __name__ == "__main__":
    asyncio.run(partial(main, sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))())
