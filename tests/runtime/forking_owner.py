"""Runs a plan of sub-plans, rounds, a wait and actions, then runs it again from its last action on, which it undoes.

    python forking_owner.py <workspace> <world>

Begun again after a crash it goes on as a person would: it follows what is there, and asks for the rerun if there is
none yet. It says "up" once it works, and at last prints the two plans.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from families import cel, child, parent, say, sub, subs
from kit import World, after, owner_of
from msgspec.structs import replace

from mainstay.kernel.graph import Literally, Record, Repeat, Step, Text
from mainstay.requests.rerun import METHODS
from mainstay.workspace import Workspace

OWN = (("last", "record(out)"), ("round", "int"))
ROOTS = "SELECT id FROM plan WHERE parent = '' ORDER BY proposed_at_us"


def everything():
    """Sub-plans that want the same key, in a list and in rounds; a wait; an action after it."""
    saying = replace(child(say("a"), returns={"word": cel("a.word", "a")}), key=cel("'same'"))
    word = Text((cel("'round ' + string(round)", "round", scope=OWN),))
    until = cel("round == 2", "round", scope=OWN)
    loop = replace(sub("r", kind="repeat"), arguments=Record({"word": word}), repeat=Repeat(until=until, max=3))
    steps = (
        subs("s"),
        replace(loop, needs=after("s")),
        Step(name="w", kind="wait", until=cel("ready_at", "ready_at"), needs=after("r")),
        say("b", Literally("last"), needs=after("w")),
        say("c", cel("b.word + ' of all'", "b"), needs=after("b")),
    )
    types = {"ready_at": "time", "b": "record(said)", "c": "record(said)"}
    return parent(*steps, child=saying, types=types)


def quiet(_event):
    """Hear nothing."""


async def main(workspace: Workspace, world: World) -> None:
    """Go on from wherever it stands."""
    async with owner_of(workspace, world) as owner:
        print("up", flush=True)  # noqa: T201
        roots = [row[0] for row in owner.ledger.rows(ROOTS)]
        if not roots:
            plan_id, committed = owner.requests.propose(everything(), {"words": ["one", "two"]})
            await committed
            roots = [plan_id]
        first = await owner.requests.follow(roots[0], quiet)
        assert first["status"] == "completed", first
        if len(roots) == 1:
            params = {"plan": roots[0], "start": "b"}
            later = (await METHODS["rerun_preview"](owner.requests, params, quiet))["later"]
            choices = {row["step"]: "undo" for row in later}
            again = await METHODS["rerun"](owner.requests, {**params, "choices": choices}, quiet)
            roots.append(again["plan"])
        second = await owner.requests.follow(roots[1], quiet)
        assert second["status"] == "completed", second
        assert owner.ledger.verify().whole
        assert owner.ledger.differing() == []
        assert not owner.engine.admission.waited_for()
        print(json.dumps(roots))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Workspace(Path(sys.argv[1])), World(Path(sys.argv[2]))))
