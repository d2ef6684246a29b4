"""Limits across plans on a real ledger: keys, limits, priorities, pausing (KERNEL T2, P3; requirements K4, K16)."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from families import WORD, cel, child, parent, sub, subs
from kit import RECORDS, after, agent, do, plan, rule, run, start, undo

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError
from mainstay.kernel.graph import Ask, Cel, Field, Literally, Step, Text
from mainstay.ledger import queries
from mainstay.runtime import admission
from mainstay.runtime.intake import Request
from mainstay.views import Views

WAIT = Step(name="w", kind="ask", ask=Ask(text=Text((Literally("Go on?"),)), rejection_used=True))
KEY = Cel("inputs.customer", names=("inputs",), paths=("inputs.customer",))
WITH_KEY = {"records": {**RECORDS, "inputs": {"customer": Field("text"), "words": Field("list(text)")}}}


def waiting(**more):
    definition = plan(WAIT, agent("b", "echo", needs=after("w")), **more)
    return msgspec.structs.replace(definition, **WITH_KEY)


async def propose(owner, definition, priority=None, **inputs):
    plan_id, committed = owner.requests.propose(definition, inputs, priority=priority)
    await committed
    return plan_id, await owner.requests.follow(plan_id, lambda _: None)


def status(owner, plan_id):
    return owner.engine.load(plan_id).status


def test_one_plan_at_a_time_per_key_and_the_next_starts_by_itself_k16(workspace, world):
    async def scenario(owner):
        keyed = waiting(key=KEY)
        first, stood = await propose(owner, keyed, customer="ada")
        second, waits = await propose(owner, keyed, customer="ada")
        other, _ = await propose(owner, keyed, customer="bob")
        before = [status(owner, each) for each in (first, second, other)]
        await rule(owner, f"{first}.1", "approve")
        return stood["status"], waits["status"], before, status(owner, first), status(owner, second)

    stood, waits, before, first, second = run(workspace, world, scenario)
    assert (stood, waits) == ("running", "approved")
    assert before == ["running", "approved", "running"]
    assert (first, second) == ("completed", "running")


def test_what_the_key_is_does_not_show_in_the_history_l3(workspace, world):
    async def scenario(owner):
        await propose(owner, waiting(key=KEY), customer="Ada Lovelace")
        streams = [row[0] for row in owner.ledger.rows("SELECT name FROM stream")]
        return [stream for stream in streams if stream.startswith("limit:")]

    (stream,) = run(workspace, world, scenario)
    assert "Ada" not in stream


def test_at_most_so_many_plans_of_a_playbook_the_urgent_first_t2(workspace, world):
    async def scenario(owner):
        limited = waiting(limit=2)
        plans = [(await propose(owner, limited, priority=priority, customer="x"))[0] for priority in (0, 0, 0, 5, 1)]
        running = [status(owner, each) for each in plans]
        await rule(owner, f"{plans[0]}.1", "approve")
        then = [status(owner, each) for each in plans]
        await rule(owner, f"{plans[1]}.1", "approve")
        return running, then, [status(owner, each) for each in plans]

    running, then, last = run(workspace, world, scenario)
    assert running == ["running", "running", "approved", "approved", "approved"]
    assert then == ["completed", "running", "approved", "running", "approved"], "priority 5 goes first"
    assert last == ["completed", "completed", "approved", "running", "running"]


def test_places_survive_a_restart_and_are_left_in_the_transaction_of_the_end_t2(workspace, world):
    async def fill(owner):
        keyed = waiting(key=KEY)
        return [(await propose(owner, keyed, customer="ada"))[0] for _ in range(3)]

    plans = run(workspace, world, fill)

    async def go_on(owner):
        seen = [status(owner, each) for each in plans]
        await rule(owner, f"{plans[0]}.1", "approve")
        ended = owner.engine.load(plans[0])
        left = [event for event in owner.ledger.tail() if isinstance(event.fact, e.PlaceLeft)]
        done = [event for event in owner.ledger.tail() if isinstance(event.fact, e.PlanCompleted)]
        return seen, ended.status, [status(owner, each) for each in plans], left[0].position - done[0].position

    seen, ended, then, apart = run(workspace, world, go_on)
    assert seen == ["running", "approved", "approved"]
    assert (ended, then) == ("completed", ["completed", "running", "approved"])
    assert abs(apart) <= 3, "they stand side by side"


def test_a_cancelled_plan_gives_its_place_and_one_that_only_waited_takes_none(workspace, world):
    async def scenario(owner):
        keyed = waiting(key=KEY)
        first, second, third = [(await propose(owner, keyed, customer="ada"))[0] for _ in range(3)]
        for each in (second, first):
            await owner.requests.answer(Request("cancel", {"plan": each}, ""), True, lambda _: None)
        return [status(owner, each) for each in (first, second, third)]

    assert run(workspace, world, scenario) == ["cancelled", "cancelled", "running"]


def test_an_undo_holds_the_place_until_it_is_over_and_is_never_kept_waiting_e5(workspace, world):
    async def scenario(owner):
        keyed = msgspec.structs.replace(plan(do("a", "test.say", "one"), key=KEY), **WITH_KEY)
        first, _ = await propose(owner, keyed, customer="ada")
        second, _ = await propose(owner, waiting(key=KEY), customer="ada")
        taken_back = await undo(owner, first)
        return taken_back["status"], status(owner, second)

    assert run(workspace, world, scenario) == ("undone", "running")


def test_a_paused_plan_begins_nothing_until_it_is_resumed_k4(workspace, world):
    async def scenario(owner):
        definition = plan(WAIT, do("a", "test.say", "one", needs=after("w")))
        plan_id, _ = await propose(owner, definition)
        await owner.requests.answer(Request("pause", {"plan": plan_id}, ""), True, lambda _: None)
        paused = await rule(owner, f"{plan_id}.1", "approve")
        words = world.words()
        resumed = await owner.requests.answer(Request("resume", {"plan": plan_id}, ""), True, lambda _: None)
        return paused, words, resumed["status"]

    paused, words, resumed = run(workspace, world, scenario)
    assert (paused["status"], paused["paused"], words) == ("running", True, [])
    assert resumed == "completed"
    assert world.words() == ["one"]


def test_a_held_plan_can_be_edited_and_begins_with_the_go_ahead_k4(workspace, world):
    async def scenario(owner):
        definition = waiting()
        plan_id, committed = owner.requests.propose(definition, {"customer": "ada"}, hold=True)
        await committed
        ask = owner.requests.answer
        await ask(Request("edit", {"plan": plan_id, "priority": 3, "expires_s": 60}, ""), True, lambda _: None)
        held = owner.engine.load(plan_id)
        standing = await ask(Request("resume", {"plan": plan_id}, ""), True, lambda _: None)
        return held, standing

    held, standing = run(workspace, world, scenario)
    assert (held.status, held.priority, held.inputs) == ("proposed", 3, {"customer": "ada"})
    assert held.expires_at_us is not None
    assert standing["questions"]


def test_a_limit_goes_on_in_a_further_stream_before_its_stream_is_full_t2(workspace, world, monkeypatch):
    monkeypatch.setattr(admission, "FULL_STREAM", 6)

    async def scenario(owner):
        keyed = msgspec.structs.replace(plan(agent("b", "echo"), key=KEY), **WITH_KEY)
        for _ in range(10):
            await propose(owner, keyed, customer="ada")
        names = [row[0] for row in owner.ledger.rows("SELECT name FROM stream ORDER BY id")]
        return [name.partition("#")[2] for name in names if name.startswith("limit:")]

    assert run(workspace, world, scenario) == ["", "000002", "000003", "000004"]

    async def again(owner):
        plan_id, _ = await propose(owner, waiting(key=KEY), customer="ada")
        return status(owner, plan_id)

    assert run(workspace, world, again) == "running"


def test_a_crowd_on_one_key_runs_one_after_the_other_and_none_is_left_behind(workspace, world):
    async def scenario(owner):
        keyed = msgspec.structs.replace(plan(do("a", "test.say", "x"), key=KEY), **WITH_KEY)
        asked = [owner.requests.propose(keyed, {"customer": "ada"}) for _ in range(40)]
        await asyncio.gather(*(committed for _, committed in asked))
        for plan_id, _ in asked:
            await owner.requests.follow(plan_id, lambda _: None)
        places = [
            event.fact for event in owner.ledger.tail(limit=5000) if isinstance(event.fact, (e.PlaceTaken, e.PlaceLeft))
        ]
        return [status(owner, plan_id) for plan_id, _ in asked], places

    ended, places = run(workspace, world, scenario)
    assert ended == ["completed"] * 40
    assert [type(fact) for fact in places] == [e.PlaceTaken, e.PlaceLeft] * 40, "never two at a time"


def test_t2_thousands_that_wait_for_one_key_and_a_limit_cost_each_other_nothing(workspace, world):
    """Each looks at its own line only: else each of them would look at all the others."""
    count = 3000

    async def fill(owner):
        keyed = waiting(key=KEY, limit=3)
        asked = [owner.requests.propose(keyed, {"customer": "ada"}, priority=number % 3) for number in range(count)]
        await asyncio.gather(*(committed for _, committed in asked))
        return len(owner.ledger.rows("SELECT id FROM plan WHERE status = 'approved'"))

    async def again(owner):
        assert len(owner.ledger.rows(queries.LIVE_PLANS)) <= 1, "a start looks at none of those that wait"
        ended = []
        for _ in range(5):
            (running,) = owner.ledger.rows("SELECT id, priority FROM plan WHERE status = 'running'")
            await rule(owner, f"{running[0]}.1", "approve")
            ended.append(running[1])
        return ended, len(owner.engine._plans)

    assert run(workspace, world, fill) == count - 1
    priorities, in_memory = run(workspace, world, again)
    assert priorities[1:] == [2, 2, 2, 2], "the urgent go first, also after a restart"
    assert in_memory < 20, "who waits is not in memory (requirement K15)"


def keyed_child(**more):
    ask = Step(name="q", kind="ask", ask=Ask(text=Text((Literally("Go on?"),)), rejection_used=True))
    return child(ask, key=cel("inputs.word", "inputs"), **more)


def test_k16_sub_plans_of_one_key_run_one_after_the_other(workspace, world):
    """Those of two items of one plan too, and those of two plans."""

    async def scenario(owner):
        both = parent(subs("s"), child=keyed_child())
        first, _ = await start(owner, both, words=["ada", "ada"])
        second, _ = await start(owner, both, words=["ada", "bob"])
        names = [f"{first}-s-1", f"{first}-s-2", f"{second}-s-1", f"{second}-s-2"]
        before = [status(owner, name) for name in names]
        for name in names:
            await rule(owner, f"{name}.1", "approve")
        return before, [(await owner.requests.follow(each, lambda _: None))["status"] for each in (first, second)]

    before, ended = run(workspace, world, scenario)
    assert before == ["running", "approved", "approved", "running"]
    assert ended == ["completed", "completed"]


def test_k16_a_sub_plan_with_the_key_of_its_own_plan_passes_those_in_line(workspace, world):
    """Another plan waits for the key that the parent holds: the parent would wait for its child for ever."""
    key = cel("inputs.word", "inputs")

    async def scenario(owner):
        inner = msgspec.structs.replace(keyed_child(), name="outer")
        definition = parent(Step(name="w", kind="ask", ask=WAIT.ask), sub("s", WORD, needs=after("w")), child=inner)
        outer = msgspec.structs.replace(definition, name="outer", key=key)
        first, _ = await start(owner, outer, word="ada")
        second, _ = await start(owner, outer, word="ada")
        await rule(owner, f"{first}.1", "approve")
        seen = status(owner, f"{first}-s"), status(owner, second)
        await rule(owner, f"{first}-s.1", "approve")
        return seen, status(owner, first), status(owner, second)

    assert run(workspace, world, scenario) == (("running", "approved"), "completed", "running")


def test_k4_pausing_a_plan_reaches_its_sub_plan_that_waits_for_a_place(workspace, world):
    async def scenario(owner):
        outer = parent(sub("s", WORD), child=keyed_child())
        first, _ = await start(owner, outer, word="ada")
        second, _ = await start(owner, outer, word="ada")
        await owner.requests.answer(Request("pause", {"plan": second}, ""), True, lambda _: None)
        await rule(owner, f"{first}-s.1", "approve")
        paused = status(owner, f"{second}-s")
        await owner.requests.answer(Request("resume", {"plan": second}, ""), True, lambda _: None)
        resumed = status(owner, f"{second}-s")
        await owner.requests.answer(Request("cancel", {"plan": second}, ""), True, lambda _: None)
        third, _ = await start(owner, outer, word="ada")
        return paused, resumed, status(owner, f"{second}-s"), status(owner, f"{third}-s")

    assert run(workspace, world, scenario) == ("approved", "running", "cancelled", "running")


def test_k4_what_waits_for_its_turn_or_is_paused_is_not_said_to_stand_still(workspace, world):
    async def scenario(owner):
        keyed = waiting(key=KEY)
        plans = [(await propose(owner, keyed, customer="ada"))[0] for _ in range(3)]
        await owner.requests.answer(Request("pause", {"plan": plans[2]}, ""), True, lambda _: None)
        return [status(owner, each) for each in plans]

    assert run(workspace, world, scenario) == ["running", "approved", "approved"]
    with Views(workspace) as views:
        assert views.unfinished() == []


def test_t2_limits_nobody_holds_any_more_leave_memory_and_hold_when_they_come_again(workspace, world, monkeypatch):
    """A key may have another value for each plan: what a service remembers of them must not grow with its age."""
    monkeypatch.setattr(admission, "LIMITS_KEPT", 4)

    async def scenario(owner):
        keyed = waiting(key=KEY)
        first = [await propose(owner, keyed, customer=f"c{number}") for number in range(20)]
        asked = [owner.requests.propose(keyed, {"customer": f"c{number}"}) for number in range(20)]
        await asyncio.gather(*(committed for _, committed in asked))
        before = {status(owner, plan_id) for plan_id, _ in asked}, len(owner.engine.admission.waited_for())
        for plan_id, _ in first:
            await rule(owner, f"{plan_id}.1", "approve")
        after = {status(owner, plan_id) for plan_id, _ in asked}
        for _ in range(10):
            await propose(owner, keyed, customer="new")
        return before, after, len(owner.engine.admission._limits), owner.engine.admission._queues

    before, after, limits, queues = run(workspace, world, scenario)
    assert before == ({"approved"}, 20)
    assert after == {"running"}
    assert limits <= 5
    assert len(queues) == 1, "only those lines are kept in which somebody waits"


def test_t2_an_append_that_is_refused_moves_no_place_while_others_are_on_their_way(workspace, world):
    """Its facts never come: what was taken or left by it stands as it did, and what is not on disk yet stays known."""

    async def scenario(owner):
        keyed, engine = waiting(key=KEY), owner.engine
        first, _ = await propose(owner, keyed, customer="ada")
        second, on_its_way = owner.requests.propose(keyed, {"customer": "ada"})
        cancel = c.CancelPlan(now_us=owner.clock.now_us(), by="operator")
        full = e.Append("limit:x", 2000, (e.Draft(e.PlaceLeft(first), cancel.now_us, "mainstay"),))
        with pytest.raises(CommandRefusedError):
            engine.submit(first, cancel, beside=(full,))
        seen = status(owner, first), status(owner, second)
        third, last = owner.requests.propose(keyed, {"customer": "ada"})
        await asyncio.gather(on_its_way, last)
        await engine.submit(first, cancel)
        after = [status(owner, each) for each in (first, second, third)]
        await rule(owner, f"{second}.1", "approve")
        return seen, after, status(owner, third)

    seen, after, last = run(workspace, world, scenario)
    assert seen == ("running", "approved")
    assert after == ["cancelled", "running", "approved"]
    assert last == "running"
