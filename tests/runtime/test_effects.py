"""The choke point: what is known of an effect, what a ruling covers, what a cap counts."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from kit import Said, Word, World, after, do, each, facts, plan, rule, run, start, undo

from mainstay import events as e
from mainstay.contracts import Found, Operation
from mainstay.errors import NotSent, Permanent, RateLimited, Uncertain
from mainstay.kernel.graph import Compensate, Literally, Record, Retry
from mainstay.runtime import effects
from mainstay.views import Views

QUICK = Retry(attempts=3, base_s=0.001, cap_s=0.001)
NO_WAY_BACK = "It was heard."


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(effects, "RESENDS_S", (0.01, 0.1, 0.2))


def operation(call, name="test.say", **more):
    settings = {"effect": "reversible", "input": Word, "output": Said, "cannot_undo": NO_WAY_BACK, **more}
    return Operation(name=name, summary="Say", call=call, **settings)


def answering(world: World, *errors: Exception | None, **more):
    """Make an operation that happens at its first call, and at each call fails as told; it knows its tokens."""
    told = iter(errors)

    async def call(call, given):
        if call.token not in world.calls():
            world.happen(call.token, given.word)
        error = next(told, None)
        if error is not None:
            raise error
        return Said(given.word, call.token)

    return operation(call, settle="resend", **more)


# --- an uncertain effect


@pytest.mark.parametrize("error", [NotSent("no line"), Permanent("no"), RateLimited("slow", retry_after_s=0.01)])
def test_an_error_of_a_later_sending_says_nothing_about_the_first(workspace, world, error):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one", retry=QUICK)))
        return standing["status"], facts(owner, plan_id)[4:]

    paid = answering(world, Uncertain("the answer was lost"), error)
    status, moves = run(workspace, world, scenario, paid)
    assert (status, len(world.calls())) == ("completed", 1)
    assert [type(fact) for fact in moves] == [e.EffectIntended, e.EffectUncertain, e.EffectDone, e.PlanCompleted]
    assert moves[2].settled == "it was sent again in a way that can't count twice"


def test_after_a_few_sendings_without_an_answer_the_operator_is_asked_with_what_is_known(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.say", "one")))
        return Views(owner.workspace).question(standing["questions"][0])

    lost = [Uncertain("the answer was lost")] * 2
    card = run(workspace, world, scenario, answering(world, *lost, NotSent("there is no line")))
    assert (card["kind"], card["card"]["known"], len(world.calls())) == ("settle", "there is no line", 1)
    assert card["card"]["token"] in world.calls()


@pytest.mark.parametrize("lookup", [True, False])
def test_a_token_the_other_side_has_forgotten_is_not_sent_again(workspace, world, lookup):
    calls = []

    async def call(call, given):
        calls.append(call.token)
        world.happen(call.token, given.word)
        raise Uncertain("the answer was lost")

    async def look(call, given):
        return Found("happened", Said(given.word, call.token), "it is in its list")

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        return len(standing["questions"]), [fact.settled for fact in facts(owner, plan_id, e.EffectDone)]

    forgets = operation(call, settle="resend", token_lifetime_s=0.05, lookup=look if lookup else None)
    asked = run(workspace, world, scenario, forgets)
    assert asked == ((0, ["it is in its list"]) if lookup else (1, []))
    assert len(calls) == 2  # the second one 0.01 s later, the third would have been after its lifetime


def hanging(calls, **more):
    """Make an operation that never answers."""

    async def call(call, given):
        calls.append(call.token)
        await asyncio.sleep(60)

    return operation(call, settle="resend", **more)


def cut_off(workspace, world, calls, *more):
    """Start a plan, and end its owner while the first call is under way."""

    async def scenario(owner):
        plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "one")), {})
        await committed
        for _ in range(500):
            if calls:
                break
            await asyncio.sleep(0.01)
        await owner.engine.stop(0)
        return plan_id

    return run(workspace, world, scenario, *more)


@pytest.mark.parametrize("changed", [{"token_lifetime_s": 0.01}])
def test_after_a_restart_only_what_is_surely_the_same_effect_is_sent_again(workspace, world, changed):
    calls = []
    plan_id = cut_off(workspace, world, calls, hanging(calls))

    async def again(owner):
        return len((await owner.requests.follow(plan_id, lambda _: None))["questions"])

    assert run(workspace, world, again, hanging(calls, **changed)) == 1
    assert len(calls) == 1


# --- what takes something back


def compensated_by(operation_name):
    back = Compensate(operation_name, Record({"word": Literally("sorry")}))
    return do("a", "test.say", "one", undo=back)


def test_a_compensation_that_leaves_the_house_is_asked_also_when_the_playbook_undoes(workspace, world):
    async def scenario(owner):
        refused = do("b", "test.refuse", "permanent", needs=after("a"), on_failure="undo")
        plan_id, standing = await start(owner, plan(compensated_by("test.shout"), refused))
        before = world.words()
        done = await rule(owner, standing["questions"][0], "approve")
        return before, done["status"], facts(owner, plan_id, e.EffectPrepared)[-1].verdict.rule

    assert run(workspace, world, scenario) == (["one"], "undone", "irreversible")
    assert world.words() == ["one", "sorry"]


def test_a_compensation_that_leaves_the_house_is_asked_also_when_the_operator_undoes(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(compensated_by("test.shout")))
        return (await undo(owner, plan_id))["status"], facts(owner, plan_id, e.EffectPrepared)[-1].verdict.decision

    assert run(workspace, world, scenario) == ("undoing", "ask")
    assert world.words() == ["one"]


@pytest.mark.parametrize(("undo_by", "said"), [("operator", "You asked"), ("playbook", "It takes something back")])
def test_a_compensation_that_can_be_taken_back_goes_by_itself_and_says_who_asked(workspace, world, undo_by, said):
    async def scenario(owner):
        refused = do("b", "test.refuse", "permanent", needs=after("a"), on_failure="undo")
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one"), *([refused] if undo_by == "playbook" else [])))
        if undo_by == "operator":
            await undo(owner, plan_id)
        return owner.engine.load(plan_id).status, facts(owner, plan_id, e.EffectPrepared)[-1].verdict.why

    status, why = run(workspace, world, scenario)
    assert (status, why.startswith(said), world.words()) == ("undone", True, [])


# --- how it is called


class Heard(msgspec.Struct, frozen=True):
    words: list[str]


def test_a_long_output_of_the_books_is_kept_as_a_blob(workspace, world):
    async def call(call, given):
        return Heard(["x" * 100] * 1000)

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        output = facts(owner, plan_id, e.EffectDone)[0].output
        return standing["status"], len(owner.payloads.load(output)["words"])

    books = operation(call, output=Heard, in_ledger=True)
    assert run(workspace, world, scenario, books) == ("completed", 1000)


@pytest.mark.parametrize(("name", "effect"), [("test.say", "reversible"), ("test.slow", "read")])
def test_the_time_a_step_allows_is_kept(workspace, world, name, effect):
    async def slow(call, given):
        await asyncio.sleep(20)

    async def scenario(owner):
        began_s = time.monotonic()
        plan_id, standing = await start(owner, plan(do("a", name, "x", timeout_s=0.2, retry=Retry(attempts=1))))
        doubts = facts(owner, plan_id, e.EffectUncertain, e.StepStuck)
        return len(doubts), len(standing["questions"]), time.monotonic() - began_s < 5

    assert run(workspace, world, scenario, operation(slow, name, effect=effect)) == (1, 1, True)


def test_a_batch_is_asked_in_plain_words(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(each(do("a", "test.shout", "x", gate="batch"))), words=["one", "two"])
        return Views(owner.workspace).question(standing["questions"][0])["card"]["headline"]

    assert run(workspace, world, scenario) == "Shout: 2 in one go"
