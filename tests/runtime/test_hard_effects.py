"""Effects whose operation, place of look-up or world behaves as badly as it can (KERNEL E1 to E5, P4)."""

from __future__ import annotations

import asyncio
import os
import time

import msgspec
import pytest
from kit import Said, Word, budget_of, capped, do, each, facts, operations, plan, rule, run, start, undo

from mainstay import events as e
from mainstay.contracts import Compensation, Found
from mainstay.errors import RateLimited
from mainstay.governance import budgets
from mainstay.kernel.graph import Cel, Compensate, Literally, Record
from mainstay.runtime import settling
from mainstay.values import SECOND_US
from mainstay.views import Views


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(settling, "RESENDS_S", (0.01, 0.01, 0.01))
    monkeypatch.setattr(settling, "LOOKS_S", (0.05,) * 4)


def like(world, original, **more):
    return msgspec.structs.replace(next(one for one in operations(world) if one.name == original), **more)


@pytest.mark.parametrize("after_s", [1e300, float("inf"), float("nan"), 3600.0 * 24 * 365 * 1000, -5.0])
def test_p4_whatever_a_look_up_is_told_to_wait_its_effect_is_followed(workspace, world, after_s):
    async def busy(call, given):
        raise RateLimited("not now", retry_after_s=after_s)

    async def scenario(owner):
        plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "lost")), {})
        await committed
        for _ in range(500):
            if owner.engine.load(plan_id).slots.get("a") and (
                owner.engine.load(plan_id).slots["a"].status in ("settling", "asked")
            ):
                break
            await asyncio.sleep(0.01)
        slot = owner.engine.load(plan_id).slots["a"]
        return slot.status, slot.wakes_at_us

    status, wakes = run(workspace, world, scenario, like(world, "test.say", lookup=busy))
    assert status in ("settling", "asked")
    assert wakes < 2**63


@pytest.mark.parametrize(
    "lie",
    [
        None,
        "happened",
        Found("happened"),
        Found("happened", Word("x")),
        Found("maybe"),
        Found("happened", {"word": 3}),
        ValueError,
    ],
)
def test_e3_a_look_up_that_lies_asks(workspace, world, lie):
    async def look(call, given):
        if lie is ValueError:
            raise ValueError("no")
        return lie

    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.say", "lost")))
        (question,) = standing["questions"]
        shown = Views(owner.workspace).question(question)
        done = await rule(owner, question, "happened")
        return shown["kind"], shown["card"], done["status"]

    kind, card, status = run(workspace, world, scenario, like(world, "test.say", lookup=look))
    assert (kind, status) == ("settle", "completed")
    assert card["known"]


def test_e4_an_operation_that_is_gone_while_it_is_read_back_asks(workspace, world, monkeypatch):
    async def confirm(call, given, gave):
        return Found("unknown", known="not yet")

    paying = like(world, "test.say", name="test.pay", binds="money", confirm=confirm)

    async def first(owner):
        plan_id, committed = owner.requests.propose(plan(do("a", "test.pay", "one")), {})
        await committed
        for _ in range(500):
            if facts(owner, plan_id, e.EffectUnseen):
                break
            await asyncio.sleep(0.01)
        return plan_id

    plan_id = run(workspace, world, first, paying)

    async def second(owner):
        (question,) = (await owner.requests.follow(plan_id, lambda _: None))["questions"]
        card = Views(owner.workspace).question(question)["card"]
        await rule(owner, question, "confirmed")
        return card

    card = run(workspace, world, second)
    assert card["headline"] == "Is this as it should be? test.pay"


def test_e5_state_that_changes_while_an_undo_waits_for_a_yes_asks_again(workspace, world):
    """Nothing of the compensation itself would notice: it is looked at again as it leaves."""
    state = ["as said"]

    async def look(call, given):
        return state[0]

    def back(given, said):
        return Compensation("test.unsay", {"word": said.word, "token": said.token}, expects="as said")

    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one")))
        asked = await undo(owner, plan_id)
        state[0] = "somebody's"
        changed = await rule(owner, asked["questions"][0], "approve")
        card = Views(owner.workspace).question(changed["questions"][0])["card"]
        still = world.words()
        done = await rule(owner, changed["questions"][0], "approve")
        return card["body"], still, done["status"]

    say, unsay = like(world, "test.say", compensate=back), like(world, "test.unsay", relies=look, effect="irreversible")
    told, *ended = run(workspace, world, scenario, say, unsay)
    assert "it was as said, and is somebody's" in told
    assert ended == [["one"], "undone"]
    assert world.words() == []


def test_e5_a_card_does_not_say_that_what_the_playbook_takes_back_can_not_be_undone(workspace, world):
    way = Compensate(
        "test.unsay", Record({"word": Literally("x"), "token": Cel("this.token", ("this",), ("this.token",))})
    )

    async def scenario(owner):
        steps = do("a", "test.shout", "x", undo=way), do("b", "test.shout", "y")
        _, standing = await start(owner, plan(*steps))
        return [Views(owner.workspace).question(one)["cannot_undo"] for one in standing["questions"]]

    assert run(workspace, world, scenario) == ["", "It was heard."]


def test_p4_an_effect_that_is_sent_again_waits_as_long_as_it_was_told(workspace, world):
    sent = []

    async def call(call, given):
        sent.append(asyncio.get_running_loop().time())
        if len(sent) == 1:
            raise TimeoutError
        if len(sent) == 2:
            raise RateLimited("slowly", retry_after_s=0.5)
        return Said(given.word, call.token)

    async def scenario(owner):
        return (await start(owner, plan(do("a", "test.say", "x"))))[1]["status"]

    assert run(workspace, world, scenario, like(world, "test.say", settle="resend", call=call)) == "completed"
    assert sent[2] - sent[1] >= 0.5


def test_e2_a_clock_that_was_set_back_makes_no_token_young_again(workspace, world, monkeypatch):
    """Nobody knows how old the token is: it is not sent again."""

    wall = time.time_ns

    async def call(call, given):
        world.happen(call.token, given.word)
        monkeypatch.setattr("mainstay.runtime.clock.time.time_ns", lambda: wall() - 86_400 * SECOND_US * 1000)
        raise TimeoutError

    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.say", "x")))
        return [Views(owner.workspace).question(one)["kind"] for one in standing["questions"]]

    say = like(world, "test.say", settle="resend", lookup=None, call=call, token_lifetime_s=3600.0)
    assert run(workspace, world, scenario, say) == ["settle"]
    assert world.words() == ["x"]


def test_f20_two_hundred_effects_under_one_cap_that_die_half_way_never_spend_more(workspace, world):
    """Killed while the calls are under way: what was held is released or charged, and what is spent fits the cap."""
    words = [f"word {number}" for number in range(200)]
    listed = plan(each(do("a", "test.say", "x", at_once=50)))
    workspace = capped(workspace, say=120)
    child = os.fork()
    if not child:

        async def die(call, given):
            world.happen(call.token, given.word)
            if len(world.calls()) >= 60:
                os.kill(os.getpid(), 9)
            await asyncio.sleep(0)
            return Said(given.word, call.token)

        async def scenario(owner):
            await start(owner, listed, words=words)

        run(workspace, world, scenario, like(world, "test.say", call=die), seconds=60)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 9

    async def after(owner):
        plan_id = owner.ledger.rows("SELECT id FROM plan ORDER BY length(id)")[0][0]
        await owner.requests.follow(plan_id, lambda _: None)
        return budget_of(owner, "test.say"), owner.requests.standing(plan_id)["questions"]

    moves, questions = run(workspace, world, after, seconds=120)
    held = spent = 0
    for kind, count in moves:
        held += 1 if kind == "BudgetReserved" else -1
        spent += 0 if kind == "BudgetReserved" else count
        assert held + spent <= 120
    assert (held, spent, len(questions)) == (0, 120, 80)
    assert all(len(calls) == 1 for calls in world.calls().values())
    assert len(world.calls()) == 120


def test_e2_a_token_is_opaque_and_of_one_plan_path_item_call_and_generation_alone(workspace, world):
    async def scenario(owner):
        token = owner.engine.effects.token
        places = [("p", "a", 0), ("p", "a", 1), ("p", "a/0", 0), ("p", "a/1", 0), ("p", "b", 0), ("q", "a", 0)]
        return [token(*place) for place in places], [token(*place) for place in places]

    first, again = run(workspace, world, scenario)
    assert first == again
    assert len(set(first)) == len(first)
    assert all(set(token) <= set("0123456789abcdef") and len(token) == 40 for token in first)


def test_t2_what_is_counted_goes_on_in_a_following_stream_when_one_is_full(workspace, world, monkeypatch):
    """Also over a restart: what is spent and held is carried over, and the cap holds (KERNEL L8)."""
    monkeypatch.setattr(budgets, "STREAM_EVENTS", 4)

    async def first(owner):
        await start(owner, plan(each(do("a", "test.say", "x"))), words=["one", "two", "three", "four"])
        _, lost = await start(owner, plan(do("a", "test.whisper", "lost")))
        return lost["questions"][0]

    async def second(owner):
        await rule(owner, question, "happened")
        for word in ("five", "six", "seven"):
            _, standing = await start(owner, plan(do("a", "test.say", word)))
        streams = [event.stream for event in owner.ledger.tail() if event.stream.startswith("budget:test.say:")]
        return Views(owner.workspace).question(standing["questions"][0])["card"]["headline"], streams

    workspace = capped(workspace, say=6, whisper=1)
    question = run(workspace, world, first)
    headline, streams = run(workspace, world, second)
    assert headline.startswith("test.say was stopped: budget 'test.say' allows 6 a day, 6 of that is spent or held")
    assert world.words() == sorted(["one", "two", "three", "four", "lost", "five", "six"])
    assert len(set(streams)) > 3
    assert all(streams.count(stream) <= 4 for stream in streams)
