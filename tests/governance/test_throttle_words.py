"""What happens while a throttle's closing, or the operator's word that opens it, is on its way to disk (G8)."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "runtime"))

from kit import World, do, plan, run, start
from throttle_kit import (
    FAILS,
    WAITS,
    answer,
    closed,
    fail_twice,
    is_paused,
    settled,
    throttled,
    until_closed,
    workspace_in,
)

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError, CommitFailedError

ASKS = plan(do("a", "test.shout", "loud"))


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return workspace_in(tmp_path / "acme")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "world")


async def spoken(owner, way="go-on"):
    """Give the answer as a task whose word is queued; while appends wait (`ledger.held`) it is not on disk."""
    if owner.throttling._words:  # the closing is on disk, and was not told yet
        await asyncio.wait({owner.throttling._words["test"].on_disk})
    word = asyncio.create_task(owner.throttling.answer("test", way))
    await asyncio.sleep(0)
    assert owner.throttling._words
    return word


def heard_late(owner):
    """Let the next word be told that it is on disk only when the event that this gives is set."""
    queue, let = owner.ledger.queue, asyncio.Event()

    def late(appends, told, **how):
        owner.ledger.queue = queue

        async def tell(*news):
            await let.wait()
            told(*news)

        queue(appends, lambda *news: asyncio.ensure_future(tell(*news)), **how)

    owner.ledger.queue = late
    return let


def kinds(owner):
    return [event.kind for event in owner.ledger.read("throttle:test")]


def test_g8_a_plan_that_is_begun_while_the_operators_word_is_on_its_way_goes_on(workspace, world):
    """It was paused, by a throttle that was open for ever after."""

    async def scenario(owner):
        await throttled(owner)
        await fail_twice(owner)
        with owner.ledger.held():
            word = await spoken(owner)
            begun, on_disk = owner.requests.propose(WAITS, {})
            assert kinds(owner) == ["ThrottleClosed"]
        await word
        await on_disk
        await settled(owner, begun)
        return is_paused(owner, begun), kinds(owner), owner.engine.waiting

    assert run(workspace, world, scenario) == (False, ["ThrottleClosed", "ThrottleOpened"], {})
    assert "calm" in world.words()


def test_g8_a_plan_that_is_on_its_way_when_the_operator_lets_its_playbook_go_on_is_let_go_on(workspace, world):
    async def scenario(owner):
        await throttled(owner)
        await fail_twice(owner)
        with owner.ledger.held():
            begun, on_disk = owner.requests.propose(WAITS, {})
            assert is_paused(owner, begun)
            word = await spoken(owner)
            assert not on_disk.done()
        told = await word
        await settled(owner, begun)
        return begun in told["plans"], is_paused(owner, begun)

    assert run(workspace, world, scenario) == (True, False)


def test_g8_a_plan_that_is_on_its_way_when_a_throttle_closes_is_paused(workspace, world):
    async def scenario(owner):
        await throttled(owner, when="failed: 1")
        begun, held = [], contextlib.ExitStack()

        def begin(plan_id, facts, plan):
            if not begun and any(isinstance(fact, e.StepStuck | e.StepFailed) for fact in facts):
                held.enter_context(owner.ledger.held())
                begun.append(owner.requests.propose(WAITS, {})[0])

        def let(sentence):
            held.close()

        owner.engine.listeners.append(begin)
        owner.engine.hearers.append(let)
        await start(owner, FAILS)
        await until_closed(owner)
        await settled(owner, *begun)
        (fact,) = closed(owner)
        return is_paused(owner, begun[0]), begun[0] in fact.paused

    assert run(workspace, world, scenario) == (True, True)
    assert "calm" not in world.words()


def test_g8_a_second_word_waits_for_the_first_and_finds_nothing_to_answer(workspace, world):
    """It was recorded in the place of the first, and the owner ended as if somebody else wrote."""

    async def scenario(owner):
        await throttled(owner)
        failing = await fail_twice(owner)
        with owner.ledger.held():
            first, second = await spoken(owner), asyncio.create_task(owner.throttling.answer("test", "stop"))
            await asyncio.sleep(0)
        with pytest.raises(CommandRefusedError, match="No throttle holds"):
            await second
        assert set((await first)["plans"]) == set(failing)
        assert not owner.engine.failed.done()
        return kinds(owner)

    assert run(workspace, world, scenario) == ["ThrottleClosed", "ThrottleOpened"]


def test_g8_a_word_whose_commit_failed_opens_nothing_and_is_taken_once_the_history_was_read_again(workspace, world):
    async def scenario(owner):
        await throttled(owner)
        failing = await fail_twice(owner)
        with owner.ledger.held():
            word = await spoken(owner)
            owner.ledger._failure = CommitFailedError("The disk failed.")
        with pytest.raises(CommitFailedError):
            await word
        await owner.engine.whole()
        after = kinds(owner), list(owner.engine.waiting), [is_paused(owner, each) for each in failing]
        new, _ = await start(owner, WAITS)
        return after, is_paused(owner, new), set(await answer(owner, "go-on")) == {*failing, new}, owner.engine.waiting

    after, paused, all_go_on, waiting = run(workspace, world, scenario)
    assert after == (["ThrottleClosed"], ["test"], [True, True])
    assert (paused, all_go_on, waiting) == (True, True, {})


def test_g8_rules_that_change_while_the_operators_word_is_on_its_way_close_nothing(workspace, world):
    async def scenario(owner):
        await throttled(owner)
        await fail_twice(owner)
        with owner.ledger.held():
            word = await spoken(owner)
            owner.throttling.begin()
            begun, _ = owner.requests.propose(WAITS, {})
            assert kinds(owner) == ["ThrottleClosed"]
        await word
        await settled(owner, begun)
        return is_paused(owner, begun), kinds(owner), owner.engine.waiting

    assert run(workspace, world, scenario) == (False, ["ThrottleClosed", "ThrottleOpened"], {})


def test_g8_rules_that_change_while_a_closing_is_on_its_way_close_it_once(workspace, world):
    async def scenario(owner):
        await throttled(owner, when="failed: 1")
        look = owner.throttling._look
        changed = []

        def changing(playbook):
            owner.throttling._look = look
            with owner.ledger.held():
                look(playbook)
                changed.append(kinds(owner))
                owner.throttling.begin()

        owner.throttling._look = changing
        await start(owner, FAILS)
        await until_closed(owner)
        new, _ = await start(owner, WAITS)
        return changed, kinds(owner), is_paused(owner, new), owner.engine.failed.done()

    assert run(workspace, world, scenario) == ([[]], ["ThrottleClosed"], True, False)


def test_g8_a_plan_that_an_open_throttle_left_paused_goes_on_at_the_next_start(workspace, world):
    """One that was begun while the word was on its way stood so in histories of before."""

    async def before(owner):
        await throttled(owner)
        await fail_twice(owner)
        await answer(owner, "go-on")
        left, theirs = [(await start(owner, WAITS))[0] for _ in range(2)]
        for plan_id, by in ((left, "throttle"), (theirs, "operator")):
            await owner.engine.submit(plan_id, c.PausePlan(now_us=owner.clock.now_us(), by=by))
        return left, theirs

    async def later(owner):
        await settled(owner, left, theirs)
        return is_paused(owner, left), is_paused(owner, theirs)

    left, theirs = run(workspace, world, before)
    assert run(workspace, world, later) == (False, True)


def test_g8_a_no_that_is_recorded_right_after_the_operators_word_closes_it_again(workspace, world):
    """It was counted before the word was heard, and nobody looked at it after."""

    async def scenario(owner):
        await throttled(owner, when="rejected: 1")
        plans = [await start(owner, ASKS) for _ in range(2)]
        first, second = (standing["questions"][0] for _, standing in plans)
        await owner.requests.rule(first, {"choice": "reject"})
        await until_closed(owner)
        let = heard_late(owner)
        word = await spoken(owner)
        await owner.requests.rule(second, {"choice": "reject"})
        let.set()
        await word
        await until_closed(owner, 2)
        return kinds(owner)

    assert run(workspace, world, scenario) == ["ThrottleClosed", "ThrottleOpened", "ThrottleClosed"]


def test_g8_a_share_is_asked_about_as_of_each_record_that_came_while_the_word_was_on_its_way(workspace, world):
    """It was asked about once, as of the last of them, and a start asked after each: the two did not agree."""

    async def scenario(owner):
        await throttled(owner, when='failed: "50% of 1"')
        await start(owner, plan(do("a", "test.refuse", "permanent")))
        await until_closed(owner)
        let = heard_late(owner)
        word = await spoken(owner)
        await start(owner, plan(do("a", "test.refuse", "permanent")))
        for _ in range(2):
            await start(owner, plan(do("a", "test.say", "one")))
        let.set()
        await word
        await until_closed(owner, 2)
        return [fact.says for fact in closed(owner)]

    assert run(workspace, world, scenario) == ["1 of 1 failed within 1 hour"] * 2
