"""Families of plans whose owner is killed in the middle of an action, over and over: nothing is lost or done twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import starter
from families import WORD, cel, child, parent, say, sub, subs
from kit import after, do
from msgspec.structs import replace

from mainstay.kernel.graph import Ending, Literally, Record, Repeat, Text
from mainstay.views import Views
from mainstay.workspace import Workspace

SAYING = child(say("a"), returns={"word": cel("a.word", "a")})
WORDS = ["die 1", "die 2", "die 3"]


def nested():
    """It dies in a grandchild; the ending takes that back."""
    middle = replace(child(sub("m", WORD), returns={"word": cel("m.word", "m")}), playbooks={"child": SAYING})
    middle = replace(middle, types={**middle.types, "m": "record(out)"})
    steps = sub("s", Literally("die 1")), do("b", "test.say", "kept", needs=after("s"))
    return parent(*steps, child=middle, end=(Ending(cel("true"), "returned", ("s",)),))


def listed():
    """It dies once in each child plan of a list."""
    told = say("b", cel("'said ' + join(s.map(x, x.word), '+')", "s"), "test.say", needs=after("s"))
    return parent(subs("s", at_once=2), told, child=SAYING)


def looped():
    """It dies in every round of a loop."""
    own = (("last", "record(out)"), ("round", "int"))
    word = Text((cel("'die ' + string(round)", "round", scope=own),))
    repeat = Repeat(until=cel("round == 3", "round", scope=own), max=5)
    loop = replace(sub("r", kind="repeat"), arguments=Record({"word": word}), repeat=repeat)
    return parent(loop, say("b", cel("r.word", "r"), needs=after("r")), child=SAYING)


CRASH = """
import asyncio, json, sys
from pathlib import Path
sys.path[:0] = {tests!r}
import test_family_crashes as here
from kit import World, owner_of
from mainstay.views import Views
from mainstay.workspace import Workspace
async def main():
    async with owner_of(Workspace(Path({root!r})), World(Path({world!r}))) as owner:
        known = owner.ledger.rows("SELECT id FROM plan WHERE parent = ''")
        if known:
            plan_id = known[0][0]
        else:
            plan_id, done = owner.requests.propose(here.{plan}(), dict(words=here.WORDS))
            await done
        print(json.dumps(await owner.requests.follow(plan_id, lambda _: None)))
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("plan", "kills", "words"),
    [
        ("nested", 1, ["kept"]),
        ("listed", 3, ["die 1", "die 2", "die 3", "said die 1+die 2+die 3"]),
        ("looped", 4, ["die 1", "die 2", "die 3", "die 3"]),
    ],
)
def test_a_family_goes_on_after_every_kill_and_repeats_nothing(workspace, world, plan, kills, words):
    code = CRASH.format(
        tests=[str(each) for each in Path(__file__).parents[:2]],
        root=str(workspace.root),
        world=str(world.folder),
        plan=plan,
    )
    died = 0
    while True:
        done = starter.run(["-c", code])
        if done.returncode == 0:
            break
        died += 1
        assert done.returncode == -9, done.stderr
        assert died < 10
    standing = json.loads(done.stdout)
    assert (standing["status"], standing["questions"]) == ("completed", [])
    assert 1 <= died <= kills
    assert world.words() == words
    assert all(len(calls) == 1 for calls in world.calls().values()), "no token was used twice"
    _decides_alike(workspace)


def _decides_alike(workspace):
    with Views(Workspace(workspace.root)) as views:
        for plan_id in _family(views, views.plans()[0]["plan"]):
            assert views.replay(plan_id)["same"]


def _family(views, plan_id):
    below = [name for child in views.show(plan_id)["parts"] for name in _family(views, child)]
    return [plan_id, *below]
