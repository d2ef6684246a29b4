"""What is promised of every plan as a whole: its history stays, names who and why, and costs nothing while it waits."""

from __future__ import annotations

import asyncio
import itertools
import time

from kit import TYPES, Said, Word, after, agent, do, facts, plan, rule, run, start, undo
from msgspec.structs import replace

from mainstay import events as e
from mainstay import works
from mainstay.app import contracts_of, records_of
from mainstay.contracts import Operation
from mainstay.errors import Transient
from mainstay.kernel.graph import Cel, Retry, Step
from mainstay.views import Views
from mainstay.workspace import Workspace

RAW = "SELECT position, digest, body FROM event ORDER BY position"


def test_k1_what_was_recorded_is_never_changed_by_what_follows(workspace, world):
    async def scenario(owner):
        seen = [owner.ledger.rows(RAW)]
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one"), do("b", "test.shout", "two")))
        seen.append(owner.ledger.rows(RAW))
        await rule(owner, standing["questions"][0], "approve")
        seen.append(owner.ledger.rows(RAW))
        await undo(owner, plan_id)
        owner.ledger.rebuild()
        return [*seen, owner.ledger.rows(RAW)]

    seen = run(workspace, world, scenario)
    for before, later in itertools.pairwise(seen):
        assert later[: len(before)] == before
        assert len(later) > len(before)


def test_k2_every_event_names_who_did_it_for_which_plan_and_its_causes_lead_there_and_back(workspace, world):
    async def scenario(owner):
        steps = agent("a", "echo"), agent("b", "work"), do("c", "test.shout", "x", needs=after("a", "b"))
        plan_id, standing = await start(owner, plan(*steps))
        await rule(owner, standing["questions"][0], "approve")
        return plan_id, owner.ledger.read(f"plan:{plan_id}")

    plan_id, events = run(workspace, world, scenario)
    assert {event.plan for event in events} == {plan_id}
    assert {event.actor for event in events} == {
        "operator", "mainstay", "agent:echo@1", "agent:work@1", "connector:test.shout@1",
    }  # fmt: skip
    acted = {type(event.fact).__name__: event.actor for event in events}
    wanted = {"DecisionRuled": "operator", "EffectDone": "connector:test.shout@1", "PlanCompleted": "mainstay"}
    assert wanted.items() <= acted.items()
    effects = {event.id: [each for each in events if each.cause == event.id] for event in events}
    reached, found = [events[0]], [events[0]]
    while found:
        found = [effect for cause in found for effect in effects[cause.id]]
        reached += found
    assert sorted(event.sequence for event in reached) == [event.sequence for event in events], (
        "forwards, from the first"
    )


def test_k9_every_action_that_ships_says_how_it_is_taken_back_or_why_it_can_not_be(workspace, world):
    async def scenario(owner):
        return contracts_of(owner.workspace, records_of(owner.ledger, lambda value: value))

    known = run(workspace, world, scenario).operations
    acting = [one for one in known.values() if one.effect != "read"]
    takes_back = {one.compensation for one in acting if one.compensation}
    assert takes_back <= known.keys()
    silent = [one.name for one in acting if not (one.compensation or one.cannot_undo or one.name in takes_back)]
    assert len(acting) > 5
    assert silent == []


def test_k15_a_plan_that_waits_holds_no_task_and_no_turn(workspace, world):
    async def scenario(owner):
        await start(owner, plan(do("a", "test.shout", "first")))
        before = asyncio.all_tasks()
        asked = [owner.requests.propose(plan(do("a", "test.shout", str(number))), {}) for number in range(30)]
        await asyncio.gather(*(committed for _, committed in asked))
        standing = [await owner.requests.follow(plan_id, lambda _: None) for plan_id, _ in asked]
        assert all(len(each["questions"]) == 1 for each in standing)
        left = [task.get_coro().__qualname__ for task in asyncio.all_tasks() - before]
        return left, [plan_id for plan_id, _ in asked if owner.engine._busy.get(plan_id)]

    left, busy = run(workspace, world, scenario)
    assert busy == []
    assert set(left) <= {"Event.wait", "SystemClock.sleep"}, "what keeps the times of all plans"
    assert len(left) <= len({"Event.wait", "SystemClock.sleep"})


def test_p6_a_replay_changes_nothing_and_calls_nothing(workspace, world):
    """It is done by a reader that knows none of the operations, on files that it can't write to."""

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one"), do("b", "test.shout", "two")))
        await rule(owner, standing["questions"][0], "approve")
        await undo(owner, plan_id)
        return plan_id, len(facts(owner, plan_id, e.EffectDone))

    plan_id, done = run(workspace, world, scenario)
    said, database = world.calls(), workspace.root / ".mainstay" / "ledger.db"
    was = database.read_bytes()
    with Views(workspace) as views:
        assert views.replay(plan_id)["same"]
    assert done == 3
    assert (world.calls(), database.read_bytes()) == (said, was)


def test_k5_steps_that_do_not_wait_for_each_other_run_side_by_side(workspace, world):
    """Each of the two ends only when the other has begun."""
    begun = asyncio.Barrier(2)

    async def meet(call, given):
        await begun.wait()
        return Said(given.word)

    met = Operation(name="test.meet", summary="Meet", effect="read", input=Word, output=Said, call=meet)

    async def scenario(owner):
        return (await start(owner, plan(do("a", "test.meet", "x"), do("b", "test.meet", "y"))))[1]["status"]

    assert run(workspace, world, scenario, met) == "completed"


def test_k10_what_is_stuck_is_shown_with_its_cause_its_input_and_its_remedies(workspace, world):
    async def scenario(owner):
        await start(owner, plan(do("a", "test.refuse", "permanent", number=7)))

    run(workspace, world, scenario)
    with Views(workspace) as views:
        (stuck,) = views.stuck()
    assert (stuck["message"], stuck["class"], stuck["does"]) == ("no", "permanent", "test.refuse")
    assert stuck["arguments"] == {"word": "permanent", "number": 7}
    assert stuck["options"] == ["retry", "skip", "undo"]


def test_k11_what_ran_out_while_nobody_ran_is_ended_by_the_next_owner(workspace, world):
    settings = workspace.root / "mainstay.toml"
    settings.write_text(settings.read_text() + '\n[downtime]\ngrace = "1s"\n')

    async def first(owner):
        return (await start(owner, plan(do("a", "test.shout", "loud"), expires_s=1)))[0]

    plan_id = run(workspace, world, first)
    time.sleep(1)

    async def second(owner):
        assert owner.engine.load(plan_id).expires_at_us < owner.clock.now_us()
        while (standing := owner.requests.standing(plan_id))["status"] == "running":
            await owner.clock.sleep(0.02)
        return standing

    standing = run(Workspace(workspace.root), world, second)
    assert (standing["status"], standing["questions"], world.words()) == ("expired", [], [])


def test_k18_what_actions_cost_is_shown_of_the_plan_and_of_the_runs_of_its_playbook(workspace, world):
    async def call(call, given):
        return Said(given.word)

    priced = Operation(
        name="test.priced", summary="Pay", effect="reversible", input=Word, output=Said, call=call,
        cost_usd_micros=1500, cannot_undo="It was paid.",
    )  # fmt: skip

    async def scenario(owner):
        steps = do("a", "test.priced", "x"), do("b", "test.priced", "y")
        await start(owner, plan(*steps))
        await start(owner, plan(*steps, do("c", "test.shout", "z", needs=after("a", "b"))))

    run(workspace, world, scenario, priced)
    with Views(workspace) as views:
        (question,) = views.inbox()
        assert question["cost_usd_micros"] == 3000
        assert views.past_runs("test")["cost_usd_micros"] == 3000


def test_k6_the_next_owner_goes_on_with_every_plan_by_itself(workspace, world, monkeypatch):
    """Nobody asks it to: one plan sleeps, one waits for its next try, one died on an action's way."""
    monkeypatch.setattr(works, "STOP_GRACE_S", 0.05)
    soon = Cel("ready_at + duration('0.3s')", names=("ready_at",), paths=("ready_at",))
    nap = Step(name="nap", kind="wait", until=soon)
    retry = Retry(attempts=2, base_s=0.3, cap_s=0.3)
    died = []

    async def call(call, given):
        if given.word == "later" and not died:
            raise Transient("not now")
        if given.word == "dies" and not died:
            await asyncio.Event().wait()
        return Said(given.word)

    moody = Operation(
        name="test.moody", summary="Say", effect="reversible", settle="resend", input=Word, output=Said, call=call,
        cannot_undo="It was said.",
    )  # fmt: skip
    definitions = [
        replace(plan(nap, do("a", "test.say", "slept", needs=after("nap"))), types={**TYPES, "ready_at": "time"}),
        plan(do("a", "test.moody", "later", retry=retry)),
        plan(do("a", "test.moody", "dies")),
    ]

    async def first(owner):
        asked = [owner.requests.propose(one, {}) for one in definitions]
        await asyncio.gather(*(committed for _, committed in asked))
        while not facts(owner, asked[2][0], e.EffectIntended):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    run(workspace, world, first, moody)
    died.append(True)

    async def second(owner):
        open_plans = "SELECT count(*) FROM plan WHERE status <> 'completed'"
        before = owner.ledger.rows(open_plans)
        while owner.ledger.rows(open_plans) != [(0,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return before

    assert run(workspace, world, second, moody) == [(3,)]
    assert world.words() == ["slept"]
