"""An effect without an answer: what counts as known, when, and how the operator is asked (KERNEL E2, E3)."""

from __future__ import annotations

import asyncio

import pytest
from kit import Said, Word, do, facts, plan, rule, run, start

from mainstay import events as e
from mainstay.contracts import Found, Operation
from mainstay.errors import Permanent, Transient, Uncertain
from mainstay.runtime import settling
from mainstay.views import Views


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(settling, "RESENDS_S", (0.01, 0.01))
    monkeypatch.setattr(settling, "LOOKS_S", (0.01,))
    monkeypatch.setattr(settling, "SHORT_S", 0.0)


def asking(world, *answers, lost=True, **more):
    """Make an operation that happens and loses its answer; its look-up tells or raises these, one after the other."""
    told = iter(answers)

    async def call(call, given):
        world.happen(call.token, given.word)
        if lost and len(world.words()) == 1:
            raise Uncertain("the answer was lost")
        return Said(given.word, call.token)

    async def look(call, given):
        world.looked = [*getattr(world, "looked", []), call.now_us]
        answer = next(told)
        if isinstance(answer, Exception):
            raise answer
        return answer

    settings = {"settle": "lookup", "lookup": look, "lookup_authoritative": True, "cannot_undo": "It was heard."} | more
    return Operation(
        name="test.say", summary="Say", effect="reversible", input=Word, output=Said, call=call, **settings
    )


async def card_of(owner, standing):
    return Views(owner.workspace).question(standing["questions"][0])


HAPPENED = Found("happened", Said("one"), "it is in its list")
ABSENT = Found("did_not_happen", known="It is not in its list.")


@pytest.mark.parametrize("authoritative", [True, False])
def test_e3_a_did_not_happen_counts_only_from_a_source_declared_authoritative(workspace, world, authoritative):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        return len(facts(owner, plan_id, e.EffectAbsent)), standing["questions"] and await card_of(owner, standing)

    absent, card = run(workspace, world, scenario, asking(world, ABSENT, lookup_authoritative=authoritative))
    assert absent == authoritative
    if not authoritative:
        assert card["card"]["known"] == "It is not in its list. That place does not always know of all."
    assert len(world.calls()) == 1 + authoritative, "sent again under another token only when it counts"


def test_e3_a_did_not_happen_counts_only_a_while_after_the_last_sending(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        lost_us = next(
            event.recorded_at_us
            for event in owner.ledger.read(f"plan:{plan_id}")
            if isinstance(event.fact, e.EffectUncertain)
        )
        return standing["status"], lost_us, [f.until_us for f in facts(owner, plan_id, e.EffectAwaited)]

    status, lost_us, until_us = run(workspace, world, scenario, asking(world, HAPPENED, settle_after_s=0.5))
    assert (status, until_us) == ("completed", [lost_us + 500_000])
    assert world.looked[0] >= lost_us + 500_000


def test_e3_the_wait_before_a_look_up_outlasts_a_restart_and_holds_nothing_meanwhile(workspace, world):
    slow = asking(world, HAPPENED, settle_after_s=2)

    async def begin(owner):
        plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "one")), {})
        await committed
        for _ in range(500):
            if facts(owner, plan_id, e.EffectAwaited):
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        held = plan_id in owner.engine._plans.keys() - owner.engine._rested or owner.engine._tasks
        return plan_id, bool(held), facts(owner, plan_id, e.EffectAwaited)[0].until_us

    plan_id, held, until_us = run(workspace, world, begin, slow)
    assert not held

    async def again(owner):
        standing = await owner.requests.follow(plan_id, lambda _: None)
        return standing["status"], len(facts(owner, plan_id, e.EffectAwaited)), owner.clock.now_us()

    status, waits, ended_us = run(workspace, world, again, slow)
    assert (status, waits) == ("completed", 1), "not a whole wait again"
    assert world.looked[0] >= until_us
    assert ended_us < until_us + 15_000_000


def test_e3_a_look_up_that_nobody_answers_is_made_again_and_then_the_operator_is_asked(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        return len(facts(owner, plan_id, e.EffectAwaited)), await card_of(owner, standing)

    down = [Transient("the server is down")] * 2
    waits, card = run(workspace, world, scenario, asking(world, *down))
    assert (waits, card["kind"], card["card"]["known"]) == (
        1, "settle", "It could not be looked up: the server is down",
    )  # fmt: skip


def test_e3_a_look_up_that_is_answered_at_last_settles(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        return standing["status"], facts(owner, plan_id, e.EffectDone)[0].settled

    assert run(workspace, world, scenario, asking(world, Transient("down"), HAPPENED)) == (
        "completed", "it is in its list",
    )  # fmt: skip
    assert len(world.calls()) == 1


def test_e3_a_look_up_that_will_never_work_asks_at_once(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        return len(facts(owner, plan_id, e.EffectAwaited)), len(standing["questions"])

    assert run(workspace, world, scenario, asking(world, Permanent("no such account"))) == (0, 1)


def test_f14_sendings_without_an_answer_are_looked_up_before_anybody_is_asked(workspace, world, monkeypatch):
    monkeypatch.setattr(settling, "RESENDS_S", (0.01,))  # a third failure would open the breaker first
    calls = []

    async def call(call, given):
        calls.append(call.token)
        world.happen(call.token, given.word)
        raise Uncertain("the answer was lost")

    async def look(call, given):
        return HAPPENED

    async def scenario(owner):
        return (await start(owner, plan(do("a", "test.say", "one"))))[1]["status"]

    resent = asking(world, settle="resend", lookup=look, token_lifetime_s=3600)
    resent = type(resent)(**{name: getattr(resent, name) for name in resent.__struct_fields__} | {"call": call})
    assert run(workspace, world, scenario, resent) == "completed"
    assert (len(calls), len(set(calls))) == (2, 1), "the same token, a few times"


def test_e3_the_question_says_what_was_sent_when_how_often_and_where_to_look(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one", account="shop")))
        token = facts(owner, plan_id, e.EffectIntended)[0].token
        return (await card_of(owner, standing))["card"], token

    silent = asking(world, settle="resend", lookup=None, look_at="the list of payments of your bank", card=None)

    async def call(call, given):
        raise Uncertain("the answer was lost")

    silent = type(silent)(**{name: getattr(silent, name) for name in silent.__struct_fields__} | {"call": call})
    card, token = run(workspace, world, scenario, silent)
    assert card["headline"] == "Did this happen? Say"
    assert card["sent"].startswith("3 times, at 20")
    assert (card["known"], card["token"], card["account"]) == ("the answer was lost", token, "shop")
    assert card["look at"] == "the list of payments of your bank"


def test_e2_after_the_operators_did_not_happen_it_is_sent_under_a_new_token(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        done = await rule(owner, standing["questions"][0], "did_not_happen")
        moves = facts(owner, plan_id, e.EffectIntended)
        return done["status"], [move.generation for move in moves], len({move.token for move in moves})

    assert run(workspace, world, scenario, asking(world, settle="ask", lookup=None)) == ("completed", [0, 1], 2)
