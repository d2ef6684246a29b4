"""Random agents, the owner dying at every entry of their journals: nothing is mixed up, nothing happens twice (J1)."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from itertools import count
from pathlib import Path
from random import Random

import calling_kit
import pytest
import random_agents
import starter
from calling_kit import Looked, journal, value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import World, make_workspace, plan
from random_agents import Crash, ThreadWorkers

from mainstay import app, works
from mainstay.agent import MARK
from mainstay.contracts import AgentContract

OWNER = Path(__file__).with_name("calling_owner.py")
WORDS = ("a", "b", "c")
acts = st.one_of(
    st.tuples(st.just("look"), st.sampled_from(WORDS)),
    st.tuples(st.just("say"), st.sampled_from(WORDS)),
    st.tuples(st.just("now")),
)
programs = st.recursive(
    st.lists(acts, min_size=1, max_size=3),
    lambda inner: st.lists(
        st.one_of(
            acts,
            st.tuples(st.just("gather"), st.lists(inner, min_size=1, max_size=3)),
            st.tuples(st.just("scope"), inner),
        ),
        min_size=1,
        max_size=3,
    ),
    max_leaves=5,
)


def acts_of(program):
    """Give the acts of a program or of what an agent returned, in order, as (act, word)."""
    for act, *rest in program:
        if act == "gather":
            for inner in rest[0]:
                yield from acts_of(inner)
        elif act == "scope":
            yield from acts_of(rest[0])
        elif isinstance(act, list):  # what a gather or a scope returned
            yield from acts_of([act, *rest])
        else:
            yield act, *rest


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("lives")
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setattr(works, "STOP_GRACE_S", 0.05)
        patch.setattr(
            calling_kit,
            "agents",
            lambda: [
                AgentContract(
                    name=told.name, summary=told.name, input=random_agents.Word, output=random_agents.Said,
                    entry=f"random_agents:{told.name}", operations=told.operations, talks=True,
                )
                for told in (getattr(each, MARK) for each in (random_agents.plain, random_agents.aside))
            ],
        )  # fmt: skip
        made = make_workspace(folder / "acme")
        yield made, World(folder / "world")


class Life:
    """One agent through as many lives of its owner as it takes."""

    def __init__(self, places, name, program, seed):
        self.workspace, self.world = places
        random.seed(os.urandom(8))  # Hypothesis sets it, and plans are named by it
        self.random = Random(seed)
        self.definition = plan(calling_kit.step(name, json.dumps(program)))
        self.looked = Looked()
        self.plan_id = ""
        self.said = set(self.world.calls())

    def live(self, at, *, after):
        """Give what the agent returned and its journal; None when the owner died."""
        return asyncio.run(asyncio.wait_for(self._live(at, after=after), 30))

    async def _live(self, at, *, after):
        owner = calling_kit.owner_of(self.workspace, self.world, self.looked)
        workers = ThreadWorkers(self.random)
        real, made = app.WorkerPool, lambda *_, **__: workers
        app.WorkerPool = made
        try:
            async with owner:
                crash = Crash(owner, at, after=after)
                following = asyncio.ensure_future(self._follow(owner))
                died = asyncio.ensure_future(crash.came.wait())
                await asyncio.wait({following, died}, return_when=asyncio.FIRST_COMPLETED)
                died.cancel()
                if not crash.came.is_set():
                    standing = await following
                    assert standing["status"] == "completed", standing
                    return json.loads(value(owner, self.plan_id)["word"]), journal(owner, self.plan_id)
                following.cancel()
                await workers.close()
                owner.engine._stopping = True
                return None
        finally:
            app.WorkerPool = real

    async def _follow(self, owner):
        if not self.plan_id:
            self.plan_id, committed = owner.requests.propose(self.definition, {})
            await committed
        return await owner.requests.follow(self.plan_id, lambda _: None)


def check(life, program, returned, entries):
    wanted = [(act[0], *act[1:]) for act in acts_of(program)]
    got = list(acts_of(returned))
    assert [act[:2] if act[0] != "now" else ("now",) for act in got] == wanted, "each answer is in its place"
    reads = [act[2] for act in got if act[0] == "look"]
    assert len(set(reads)) == len(reads), "no answer is given twice"
    tokens = [act[2] for act in got if act[0] == "say"]
    assert len(set(tokens)) == len(tokens)
    assert len(entries) == len(got), "each call is recorded once"
    happened = {token: calls for token, calls in life.world.calls().items() if token not in life.said}
    assert happened == {act[2]: [act[1]] for act in got if act[0] == "say"}, "each action happened once"


@pytest.mark.long
@pytest.mark.parametrize("name", ["plain", "aside"])
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], print_blob=True)
@given(program=programs, seed=st.integers(0, 2**32), after=st.booleans())
def test_j1_k6_a_crash_at_every_entry_of_a_random_agent_changes_nothing(places, name, program, seed, after):
    for at in count(1):
        life = Life(places, name, program, seed)
        ended = life.live(at, after=after)
        survived = ended is not None
        if not survived:
            ended = life.live(0, after=False)
        check(life, program, *ended)
        if survived:
            break


def test_j1_k6_an_owner_that_dies_at_each_entry_in_turn_still_ends_well(places):
    program = [
        ["look", "a"],
        ["gather", [[["say", "a"], ["look", "a"]], [["look", "a"], ["say", "a"]], [["now"]]]],
        ["say", "b"],
    ]
    life = Life(places, "aside", program, 7)
    deaths = 0
    while (ended := life.live(1, after=True)) is None:
        deaths += 1
    check(life, program, *ended)
    assert deaths >= 5


def test_j1_a_hundred_parallel_branches_are_never_mixed_up(places):
    program = [["gather", [[["look", WORDS[number % 3]], ["look", str(number)]] for number in range(100)]]]
    for seed in range(2):
        life = Life(places, "aside", program, seed)
        deaths = 0
        while (ended := life.live(60, after=seed == 1)) is None:
            deaths += 1
        assert deaths
        check(life, program, *ended)


# --- real processes, really killed


def owners_until_the_end(places, agent, word):
    """Start owners, each after the death of the one before, until one sees the plan's end. Give how many died."""
    workspace, world = places
    for died in range(12):
        done = starter.run([OWNER, workspace.root, world.folder, agent, word])
        if done.returncode == 0:
            return died, json.loads(done.stdout)
        assert done.returncode == -signal.SIGKILL, done.stderr
    raise AssertionError("it never ends")


@pytest.fixture
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return make_workspace(tmp_path / "acme"), World(tmp_path / "world")


def test_f4_an_owner_that_is_killed_between_an_action_and_its_record_repeats_none(alone):
    died, told = owners_until_the_end(alone, "lethal", "die1 die2")
    calls = alone[1].calls()
    assert died == 2
    assert sorted(calls.values()) == [["die1"], ["die2"]]
    assert told == {"status": "completed", "word": "die1 die2 die1 die2"}


def test_f4_an_owner_that_is_killed_while_it_reads_reads_again_and_keeps_what_was_recorded(alone):
    died, told = owners_until_the_end(alone, "reader", "w")
    looked = (alone[1].folder.parent / "looked").read_text().split()
    assert died == 1
    assert (told["word"], looked) == ("w w", ["w", "kill", "kill"])
