"""Approved effects that leave later: called back meanwhile, judged again when they leave (KERNEL E1)."""

from __future__ import annotations

import asyncio

import pytest
from kit import MovedClock, budget_of, capped, do, each, facts, owner_of, plan, run, undo
from test_attention_days import morning

from mainstay import events as e
from mainstay.commands import PausePlan
from mainstay.errors import CommandRefusedError, FileError, UnknownNameError
from mainstay.governance.policy import DefaultPolicy
from mainstay.kernel.replay import replay
from mainstay.values import SECOND_US, Verdict
from mainstay.views import Views


async def begin(owner, definition, **inputs):
    """Start a plan, and wait until it rests or sleeps."""
    plan_id, committed = owner.requests.propose(definition, inputs)
    await committed
    await rested(owner, plan_id)
    return plan_id


async def rested(owner, plan_id):
    for _ in range(1000):
        if owner.engine.is_settled(plan_id):
            return
        await asyncio.sleep(0.01)


async def recall(owner, plan_id, step, **more):
    params = {"plan": plan_id, "step": step, **more}
    return await owner.requests._methods["recall"](owner.requests, params, lambda _: None)


HOUR_S = 3600


def delayed(workspace, text='"test.shout" = "1h"'):
    path = workspace.root / "mainstay.toml"
    path.write_text(path.read_text() + f"\n[delays]\n{text}\n")
    return type(workspace)(workspace.root)


SHOUT = plan(do("a", "test.shout", "loud"))


def test_e1_an_approved_effect_leaves_after_its_delay_and_the_ruling_is_used_then(workspace, world):
    async def scenario(owner):
        plan_id = await begin(owner, SHOUT)
        question = next(iter(owner.engine.load(plan_id).questions))
        owner.requests.rule(question, {"choice": "approve"})
        await rested(owner, plan_id)
        early, before = owner.engine.load(plan_id).slots["a"].status, world.words()
        (leaves,) = Views(owner.workspace).leaving()
        owner.clock.move(HOUR_S)
        await owner.requests.follow(plan_id, lambda _: None)
        (intent,) = facts(owner, plan_id, e.EffectIntended)
        return early, before, leaves, intent.ruling == question, plan_id

    early, before, leaves, ruled, plan_id = run(delayed(workspace), world, scenario, clock=MovedClock())
    assert (early, before, ruled) == ("delayed", [], True)
    assert (leaves["action"], leaves["recall"]) == ("a", f"mainstay recall {plan_id} a")
    assert world.words() == ["loud"]


def test_e1_a_delay_outlasts_a_restart(workspace, world):
    workspace = delayed(workspace)

    async def first(owner):
        plan_id = await begin(owner, SHOUT)
        owner.requests.rule(next(iter(owner.engine.load(plan_id).questions)), {"choice": "approve"})
        await rested(owner, plan_id)
        return plan_id, facts(owner, plan_id, e.EffectDelayed)[0].until_us

    plan_id, until_us = run(workspace, world, first)

    async def second(owner):
        await rested(owner, plan_id)
        assert world.words() == []
        owner.clock.move(HOUR_S)
        await owner.requests.follow(plan_id, lambda _: None)
        read = owner.ledger.read(f"plan:{plan_id}")
        return next(event.recorded_at_us for event in read if isinstance(event.fact, e.EffectIntended))

    assert run(workspace, world, second, clock=MovedClock()) >= until_us
    assert world.words() == ["loud"]


class Closing(DefaultPolicy):
    """A policy that forbids everything from some moment on."""

    denies = False

    def judge(self, proposal):
        return Verdict("deny", "closed", "The house is closed.") if self.denies else super().judge(proposal)


def test_e1_policy_is_asked_again_after_the_delay(workspace, world):
    policy = Closing()

    async def scenario(owner):
        plan_id = await begin(owner, plan(do("a", "test.say", "one", delay_s=HOUR_S)))
        policy.denies = True
        owner.clock.move(HOUR_S)
        return (await owner.requests.follow(plan_id, lambda _: None))["questions"], budget_of(owner, "test.say")

    questions, held = run(capped(workspace, say=5), world, scenario, policy=policy, clock=MovedClock())
    assert (len(questions), held, world.words()) == (1, [], []), "the budget held nothing while it waited"


def test_e1_the_budget_is_asked_when_it_leaves(workspace, world):
    async def scenario(owner):
        waiting = await begin(owner, plan(do("a", "test.say", "one", delay_s=HOUR_S)))
        other = await begin(owner, plan(do("a", "test.say", "two")))
        owner.clock.move(HOUR_S)
        stuck = await owner.requests.follow(waiting, lambda _: None)
        return owner.engine.load(other).status, len(stuck["questions"])

    assert run(capped(workspace, say=1), world, scenario, clock=morning()) == ("completed", 1), (
        "of one and the same day"
    )
    assert world.words() == ["two"]


def test_what_was_called_back_is_rejected_with_the_reason_and_never_leaves(workspace, world):
    async def scenario(owner):
        plan_id = await begin(owner, plan(do("a", "test.say", "one", delay_s=60)))
        standing = await recall(owner, plan_id, "a", reason="wrong word")
        with pytest.raises(CommandRefusedError, match="nothing of 'a' waits to leave"):
            await recall(owner, plan_id, "a")
        return standing, facts(owner, plan_id, e.StepRejected)[0].why, Views(owner.workspace).leaving()

    standing, why, leaving = run(workspace, world, scenario)
    assert (standing["status"], standing["called_back"], why) == ("completed", 1, "you called it back: wrong word")
    assert (leaving, world.words()) == ([], [])


def test_e1_what_waits_because_its_plan_was_paused_is_called_back_although_its_time_came(workspace, world):
    async def scenario(owner):
        plan_id = await begin(owner, plan(do("a", "test.say", "one", delay_s=HOUR_S)))
        await owner.engine.submit(plan_id, PausePlan(now_us=owner.clock.now_us(), by="operator", reason=""))
        owner.clock.move(HOUR_S)
        for _ in range(500):
            if facts(owner, plan_id, e.DispatchDue):
                break
            await asyncio.sleep(0.01)
        await recall(owner, plan_id, "a")
        await owner.requests.follow(plan_id, lambda _: None)
        ended = owner.engine.load(plan_id)
        return ended.status, ended.paused_at_us

    assert run(workspace, world, scenario, clock=MovedClock()) == ("completed", None)
    assert world.words() == []


async def called_back(owner, plan_id, item):
    """Call one item of a list back; then the time of the others comes. Give where the plan stands after that."""
    await recall(owner, plan_id, "a", item=item)
    owner.clock.move(HOUR_S)
    return await owner.requests.follow(plan_id, lambda _: None)


def test_one_item_of_a_list_is_called_back_by_its_number(workspace, world):
    async def scenario(owner):
        listed = plan(each(do("a", "test.say", "x", delay_s=HOUR_S)))
        plan_id = await begin(owner, listed, words=["one", "two", "three"])
        named = [row["recall"] for row in Views(owner.workspace).leaving(plan_id)]
        standing = await called_back(owner, plan_id, 2)
        return named, standing["status"], plan_id

    named, status, plan_id = run(workspace, world, scenario, clock=MovedClock())
    assert named[1] == f"mainstay recall {plan_id} a --item 2"
    assert (status, world.words()) == ("completed", ["one", "three"])


def test_an_item_of_a_long_list_is_called_back_by_its_number_in_the_whole_list(workspace, world):
    async def scenario(owner):
        listed = plan(each(do("a", "test.say", "x", delay_s=HOUR_S, at_once=200)))
        plan_id, committed = owner.requests.propose(listed, {"words": [f"word {n}" for n in range(101)]})
        await committed
        for _ in range(1000):
            if any(row["path"] == "a/69" for row in Views(owner.workspace).leaving()):
                break
            await asyncio.sleep(0.02)
        (child,) = {row["plan"] for row in Views(owner.workspace).leaving() if row["path"] == "a/69"}
        await called_back(owner, plan_id, 70)
        return owner.engine.load(child).slots["a/69"].status

    assert run(workspace, world, scenario, seconds=60, clock=MovedClock()) == "rejected"
    assert len(world.words()) == 100
    assert "word 69" not in world.words()


def test_a_compensation_is_never_delayed(workspace, world):
    async def scenario(owner):
        plan_id = await begin(owner, plan(do("a", "test.say", "one")))
        return (await undo(owner, plan_id))["status"]

    assert run(delayed(workspace, '"test.unsay" = "1d"'), world, scenario) == "undone"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [('"test.shot" = "1s"', UnknownNameError, "test.shout"), ('"test.shout" = "soon"', FileError, "delays")],
)
def test_a_delay_that_would_not_hold_is_refused_at_the_start(workspace, world, text, error, said):
    with pytest.raises(error) as raised:
        asyncio.run(_open(owner_of(delayed(workspace, text), world)))
    assert said in raised.value.message + raised.value.remedy


async def _open(owner):
    async with owner:
        return


def test_rule_again_after_the_delay_is_not_needed(workspace, world):
    async def scenario(owner):
        plan_id = await begin(owner, SHOUT)
        owner.requests.rule(next(iter(owner.engine.load(plan_id).questions)), {"choice": "approve"})
        await rested(owner, plan_id)
        owner.clock.move(HOUR_S)
        done = await owner.requests.follow(plan_id, lambda _: None)
        return done["status"], len(facts(owner, plan_id, e.DecisionAsked))

    assert run(delayed(workspace), world, scenario, clock=MovedClock()) == ("completed", 1)


class Noon(MovedClock):
    """A clock that begins on a Saturday at noon, UTC."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead_s = 1_795_262_400 - self.now_us() / SECOND_US


NIGHT = '"test.shout" = "night"\n[windows]\nnight = "22:00-06:00"'


async def approved(owner):
    plan_id = await begin(owner, SHOUT)
    owner.requests.rule(next(iter(owner.engine.load(plan_id).questions)), {"choice": "approve"})
    await rested(owner, plan_id)
    return plan_id


async def hasten(owner, plan_id, step, **more):
    params = {"plan": plan_id, "step": step, **more}
    return await owner.requests._methods["hasten"](owner.requests, params, lambda _: None)


def test_e1_what_is_approved_at_noon_leaves_at_night_and_is_judged_again(workspace, world):
    policy = Closing()

    async def scenario(owner):
        plan_id = await approved(owner)
        (leaves,) = Views(owner.workspace).leaving()
        policy.denies = True
        owner.clock.move(10 * HOUR_S)
        return leaves, (await owner.requests.follow(plan_id, lambda _: None))["questions"], plan_id

    leaves, questions, plan_id = run(delayed(workspace, NIGHT), world, scenario, policy=policy, clock=Noon())
    assert leaves["leaves_at"].startswith("2026-11-21T22:00")
    assert leaves["hasten"] == f"mainstay hasten {plan_id} a"
    assert (len(questions), world.words()) == (1, []), "forbidden by now, though approved at noon"


def test_e1_what_missed_its_hours_waits_for_the_next_ones(workspace, world):
    workspace, clock = delayed(workspace, NIGHT), Noon()
    plan_id = run(workspace, world, approved, clock=clock)
    clock.move(20 * HOUR_S)  # nothing was running all night: it is eight in the morning

    async def later(owner):
        owner.clock.move(HOUR_S)  # beyond the grace after standing still
        for _ in range(500):
            if len(facts(owner, plan_id, e.EffectDelayed)) > 1:
                break
            await asyncio.sleep(0.01)
        await rested(owner, plan_id)
        assert world.words() == []
        (leaves,) = Views(owner.workspace).leaving()
        assert leaves["leaves_at"].startswith("2026-11-22T22:00")
        owner.clock.move(14 * HOUR_S)
        return (await owner.requests.follow(plan_id, lambda _: None))["status"]

    assert run(workspace, world, later, clock=clock) == "completed"
    assert world.words() == ["loud"]


def test_e1_the_operator_lets_it_leave_now_outside_its_hours_and_once(workspace, world):
    async def scenario(owner):
        plan_id = await approved(owner)
        standing = await hasten(owner, plan_id, "a")
        again = await refused(hasten(owner, plan_id, "a"))
        replayed = replay(plan_id, owner.engine.load(plan_id).graph, owner.ledger.read(f"plan:{plan_id}"))
        return standing["status"], standing["leaving_now"], again, replayed.difference

    status, count, again, difference = run(delayed(workspace, NIGHT), world, scenario, clock=Noon())
    assert (status, count, difference, world.words()) == ("completed", 1, "", ["loud"])
    assert "waits to leave" in again


async def refused(asked):
    try:
        await asked
    except CommandRefusedError as error:
        return error.message
    raise AssertionError


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('"test.shout" = "nigth"\n[windows]\nnight = "22:00-06:00"', "delays"),
        ('"test.shout" = "night"', "delays"),
        ('"test.shout" = "night"\n[windows]\nnight = "22-6"', "windows"),
    ],
)
def test_hours_that_are_not_there_are_refused_at_the_start(workspace, text, says):
    with pytest.raises(FileError, match=says):
        delayed(workspace, text)


def test_e6_a_go_ahead_for_a_held_plan_approves_no_action_by_itself(workspace, world):
    """Only what a question showed and covered is approved in one go; `tests/runtime/test_gates.py` holds that."""

    async def scenario(owner):
        plan_id, committed = owner.requests.propose(SHOUT, {}, hold=True)
        await committed
        await rested(owner, plan_id)
        held = owner.engine.load(plan_id).status, facts(owner, plan_id, e.EffectPrepared)
        standing = await owner.requests._methods["resume"](owner.requests, {"plan": plan_id}, lambda _: None)
        (prepared,) = facts(owner, plan_id, e.EffectPrepared)
        (asked,) = facts(owner, plan_id, e.DecisionAsked)
        return held, len(standing["questions"]), asked.binds == (prepared.digest,)

    held, questions, bound = run(workspace, world, scenario)
    assert (held, questions, bound) == (("proposed", []), 1, True)
    assert world.words() == []
