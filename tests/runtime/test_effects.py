"""The choke point: what is known of an effect, what a ruling covers, what a cap counts."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from kit import Said, Word, World, after, budget_of, capped, do, each, facts, plan, rule, run, start, undo
from seeds import some

from mainstay import events as e
from mainstay.contracts import Found, Operation
from mainstay.errors import CommandRefusedError, NotSent, Permanent, RateLimited, Uncertain
from mainstay.governance.policy import DefaultPolicy
from mainstay.kernel.graph import Compensate, Literally, Record, Retry
from mainstay.runtime import settling
from mainstay.values import Verdict
from mainstay.views import Views

QUICK = Retry(attempts=3, base_s=0.001, cap_s=0.001)
NO_WAY_BACK = "It was heard."


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(settling, "RESENDS_S", (0.01, 0.1, 0.2))


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


@pytest.mark.parametrize("lookup", some(1, [True, False]))
def test_e2_a_token_the_other_side_has_forgotten_is_not_sent_again(workspace, world, lookup, monkeypatch):
    monkeypatch.setattr(settling, "RESENDS_S", (0.01, 2.5, 0.01))
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

    forgets = operation(call, settle="resend", token_lifetime_s=2, lookup=look if lookup else None)
    asked = run(workspace, world, scenario, forgets)
    assert asked == ((0, ["it is in its list"]) if lookup else (1, []))
    assert len(calls) == 2  # the second one at once, the third would have been after its lifetime


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


@pytest.mark.parametrize("changed", [{"token_lifetime_s": 0.01}, {"version": 2}])
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


def test_a_cap_never_stops_an_undo(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one")))
        return (await undo(owner, plan_id))["status"], budget_of(owner, "test.unsay")

    assert run(capped(workspace, unsay=0), world, scenario) == ("undone", [])
    assert world.words() == []


# --- what a cap counts


@pytest.mark.parametrize(("choice", "counted"), [("happened", 1), ("skip", 0)])
def test_the_word_of_the_operator_settles_what_an_uncertain_effect_holds(workspace, world, choice, counted):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.whisper", "lost")))
        await rule(owner, standing["questions"][0], choice)
        _, second = await start(owner, plan(do("a", "test.whisper", "fine")))
        return budget_of(owner, "test.whisper")[:2], second["status"], owner.ledger.differing()

    held, second, differing = run(capped(workspace, whisper=1), world, scenario)
    assert held == [("BudgetReserved", 1), ("BudgetSettled", counted)]
    assert (second, differing) == ("running" if counted else "completed", [])


def test_an_effect_that_did_not_happen_by_the_word_of_the_operator_holds_its_part_anew(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.whisper", "lost")))
        again = await rule(owner, standing["questions"][0], "did_not_happen")
        await rule(owner, again["questions"][0], "happened")
        return budget_of(owner, "test.whisper")

    held = run(capped(workspace, whisper=1), world, scenario)
    assert held == [("BudgetReserved", 1), ("BudgetSettled", 0), ("BudgetReserved", 1), ("BudgetSettled", 1)]


def test_a_refused_answer_settles_nothing(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.whisper", "lost")))
        with pytest.raises(CommandRefusedError):
            owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        await rule(owner, standing["questions"][0], "happened")
        return budget_of(owner, "test.whisper")

    held = run(capped(workspace, whisper=1), world, scenario)
    assert held == [("BudgetReserved", 1), ("BudgetSettled", 1)]


class Changing(DefaultPolicy):
    """A policy that forbids everything from some moment on."""

    denies = False

    def judge(self, proposal):
        return Verdict("deny", "closed", "The house is closed.") if self.denies else super().judge(proposal)


def test_what_policy_forbids_by_now_holds_nothing_although_it_was_approved(workspace, world):
    policy = Changing()

    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.shout", "loud")))
        policy.denies = True
        stuck = await rule(owner, standing["questions"][0], "approve")
        return len(stuck["questions"]), budget_of(owner, "test.shout")

    assert run(capped(workspace, shout=1), world, scenario, policy=policy) == (1, [])
    assert world.words() == []


# --- what a ruling covers


def versioned(version, said):
    async def call(call, given):
        said.append(version)
        return Said(given.word)

    return operation(call, "test.shout", effect="irreversible", version=version)


def test_a_ruling_for_one_version_does_not_let_another_happen(workspace, world):
    said = []

    async def ask(owner):
        return await start(owner, plan(do("a", "test.shout", "loud")))

    async def answer(owner):
        again = await rule(owner, standing["questions"][0], "approve")
        before = list(said)
        done = await rule(owner, again["questions"][0], "approve")
        versions = [fact.operation_version for fact in facts(owner, plan_id, e.EffectPrepared)]
        return before, versions, done["status"], Views(owner.workspace).replay(plan_id)["first_difference"]

    plan_id, standing = run(workspace, world, ask, versioned(1, said))
    ended = run(capped(workspace, shout=1), world, answer, versioned(2, said))
    assert ended == ([], [1, 2], "completed", "")
    assert said == [2]


def lost_at_first(world, settle, **more):
    """Make an irreversible operation whose first call is lost on its way, and that can say so."""
    calls = []

    async def call(call, given):
        calls.append(call.token)
        if len(calls) == 1:
            raise Uncertain("the answer was lost")
        world.happen(call.token, given.word)
        return Said(given.word)

    async def look(call, given):
        return Found("did_not_happen", known="it is not there")

    more |= {"lookup": look, "lookup_authoritative": True} if settle == "lookup" else {}
    return operation(call, "test.shout", effect="irreversible", settle=settle, **more)


@pytest.mark.parametrize("settle", ["lookup", "ask"])
def test_a_ruling_covers_the_next_try_of_what_did_not_happen(workspace, world, settle):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "loud")))
        done = await rule(owner, standing["questions"][0], "approve")
        if settle == "ask":
            done = await rule(owner, done["questions"][0], "did_not_happen")
        asked = [fact.kind for fact in facts(owner, plan_id, e.DecisionAsked)]
        return done["status"], asked, {fact.ruling for fact in facts(owner, plan_id, e.EffectIntended)}, plan_id

    status, asked, rulings, plan_id = run(workspace, world, scenario, lost_at_first(world, settle))
    assert (status, asked) == ("completed", ["effect", "settle"] if settle == "ask" else ["effect"])
    assert rulings == {f"{plan_id}.1"}
    assert world.words() == ["loud"]


def test_a_ruling_covers_nothing_once_its_plan_has_expired(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "loud"), expires_s=1))
        doubt = await rule(owner, standing["questions"][0], "approve")
        for _ in range(500):
            if owner.engine.load(plan_id).status == "expired":
                break
            await asyncio.sleep(0.01)
        await rule(owner, doubt["questions"][0], "did_not_happen")
        return owner.engine.load(plan_id).slots["a"].status

    assert run(workspace, world, scenario, lost_at_first(world, "ask")) == "failed"
    assert world.words() == []


def test_a_step_that_is_tried_again_by_hand_needs_a_new_ruling(workspace, world):
    async def fails(call, given):
        raise Permanent("no such receiver")

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "loud")))
        stuck = await rule(owner, standing["questions"][0], "approve")
        await rule(owner, stuck["questions"][0], "retry")
        return [fact.kind for fact in facts(owner, plan_id, e.DecisionAsked)]

    shout = operation(fails, "test.shout", effect="irreversible")
    assert run(workspace, world, scenario, shout) == ["effect", "stuck", "effect"]


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


def test_a_policy_that_breaks_asks_and_lets_nothing_through(workspace, world):
    class Broken:
        def judge(self, proposal):
            raise ZeroDivisionError(proposal.operation)

    async def scenario(owner):
        owner.engine.effects._parts = msgspec.structs.replace(owner.engine.parts, policy=Broken())
        plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "one")), {})
        await committed
        standing = await owner.requests.follow(plan_id, lambda _: None)
        return Views(owner.workspace).question(standing["questions"][0])

    question = run(workspace, world, scenario)
    assert question["kind"] == "effect"
    assert "could not decide" in question["why"]
    assert world.words() == []


def test_e3_what_acts_does_not_run_where_it_is_given_no_token(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        return len(standing["questions"]), facts(owner, plan_id, e.StepStuck)[0].failure.message

    entry = {"where": "worker", "entry": "worker_code:work"}
    asked, why = run(workspace, world, scenario, operation(None, **entry))
    assert (asked, "can't run in a worker process" in why) == (1, True)
