"""A plan of many kinds of steps and its rerun with an undo, killed at any moment: nothing twice or lost (P6, F1)."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from starter import Script

from mainstay.views import Views
from mainstay.workspace import Workspace

OWNER = Path(__file__).with_name("forking_owner.py")
WORDS = ["last", "last of all", "one", "round 1", "round 2", "two"]
END_S = 90


def begin(workspace, world):
    owner = Script(OWNER, workspace.root, world.folder)
    assert owner.stdout.readline() == "up\n"
    return owner


@pytest.mark.parametrize("seed", range(8))
def test_p6_killed_at_any_moment_a_rerun_undoes_and_does_once(workspace, world, seed):
    pick = random.Random(seed)
    for _ in range(pick.randint(1, 4)):
        owner = begin(workspace, world)
        time.sleep(pick.uniform(0, 0.5))
        owner.kill()
        owner.rest(END_S)
    first, second = json.loads(begin(workspace, world).rest(END_S))
    assert world.words() == WORDS
    assert all(len(calls) == 1 for calls in world.calls().values()), "no token was used twice"
    with Views(Workspace(workspace.root)) as views:
        assert [row["plan"] for row in views.plans()] == [second, first]
        family = [name for root in (first, second) for name in family_of(views, root)]
        assert len(family) == 6
        assert all(views.replay(plan)["same"] for plan in family)


def family_of(views, plan):
    return [plan, *(name for child in views.show(plan)["parts"] for name in family_of(views, child))]
