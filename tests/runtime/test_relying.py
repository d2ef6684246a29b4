"""What an action relies on is read as it is prepared, and as it leaves: a change in between asks (K20, E1, E5)."""

from __future__ import annotations

import asyncio
import os

import msgspec
import pytest
from kit import after, do, each, facts, operations, owner_of, plan, rule, run, start, undo

from mainstay import commands as c
from mainstay import events as e
from mainstay.contracts import Compensation
from mainstay.errors import NotSent, Permanent, Transient
from mainstay.kernel.graph import Ask, Literally, Retry, Step, Text
from mainstay.views import Views

QUICK = Retry(attempts=3, base_s=0.001, cap_s=0.001)
LIVES = 60  # more than any plan of here has commits


def named(world, name, **more):
    return msgspec.structs.replace(next(one for one in operations(world) if one.name == name), **more)


class Ground:
    """A record outside, one file per thing, that actions of here rely on."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.folder = folder

    def put(self, name, text):
        (self.folder / name).write_text(text)

    async def read(self, call, given):
        path = self.folder / given.word
        return {f"record {given.word}": path.read_text() if path.exists() else ""}


@pytest.fixture
def ground(tmp_path):
    return Ground(tmp_path / "ground")


def question_of(owner, standing):
    return Views(owner.workspace).question(standing["questions"][0])


# --- while it waits for an answer


def test_k20_what_was_changed_while_a_question_waited_asks_anew_and_says_what(workspace, world, ground):
    ground.put("one", "10 EUR")

    async def scenario(owner):
        plan_id, asked = await start(owner, plan(do("a", "test.shout", "one")))
        ground.put("one", "12 EUR")
        changed = await rule(owner, asked["questions"][0], "approve")
        told, before = question_of(owner, changed), world.words()
        done = await rule(owner, changed["questions"][0], "approve")
        return told, before, done["status"], len(facts(owner, plan_id, e.EffectIntended))

    told, before, status, intents = run(workspace, world, scenario, named(world, "test.shout", relies=ground.read))
    assert before == []
    assert (told["rule"], told["options"]) == ("changed", ["approve", "reject"])
    assert told["card"]["headline"] == "Changed since: Say one"
    assert "record one: it was 10 EUR, and is 12 EUR" in told["card"]["body"]
    assert (status, intents, world.words()) == ("completed", 1, ["one"])


def test_k20_what_changes_again_asks_again_and_what_is_as_it_was_does_not(workspace, world, ground):
    ground.put("one", "a")

    async def scenario(owner):
        _, asked = await start(owner, plan(do("a", "test.shout", "one")))
        seen = []
        for text in ("b", "c"):
            ground.put("one", text)
            asked = await rule(owner, asked["questions"][0], "approve")
            seen.append(question_of(owner, asked)["card"]["body"])
        ground.put("one", "d")
        ground.put("one", "c")
        return seen, (await rule(owner, asked["questions"][0], "approve"))["status"]

    seen, status = run(workspace, world, scenario, named(world, "test.shout", relies=ground.read))
    assert ["it was a, and is b" in seen[0], "it was b, and is c" in seen[1], status] == [True, True, "completed"]


def test_k20_a_no_to_what_was_changed_lets_nothing_leave(workspace, world, ground):
    async def scenario(owner):
        _, asked = await start(owner, plan(do("a", "test.shout", "one")))
        ground.put("one", "new")
        changed = await rule(owner, asked["questions"][0], "approve")
        return (await rule(owner, changed["questions"][0], "reject"))["status"]

    assert run(workspace, world, scenario, named(world, "test.shout", relies=ground.read)) == "completed"
    assert world.words() == []


@pytest.mark.parametrize(("words", "asks"), [({"number": 3}, 1), ({"word": "two"}, 0)])
def test_k20_an_edit_keeps_the_ground_it_was_shown_with_unless_it_is_about_something_else(
    workspace, world, ground, words, asks
):
    """What is edited to be about another thing was never shown with anything it could be held against."""

    async def scenario(owner):
        _, asked = await start(owner, plan(do("a", "test.shout", "one")))
        ground.put("one", "new")
        standing = await rule(owner, asked["questions"][0], "approve", arguments=words)
        return len(standing["questions"])

    assert run(workspace, world, scenario, named(world, "test.shout", relies=ground.read)) == asks


def test_k20_what_was_edited_and_then_changed_can_still_be_edited(workspace, world, ground):
    async def scenario(owner):
        _, asked = await start(owner, plan(do("a", "test.shout", "one")))
        ground.put("one", "new")
        changed = await rule(owner, asked["questions"][0], "approve")
        done = await rule(owner, changed["questions"][0], "approve", arguments={"number": 4})
        return done["status"]

    assert run(workspace, world, scenario, named(world, "test.shout", relies=ground.read)) == "completed"
    assert world.words() == ["one"]


def test_k20_a_yes_binds_the_ground_it_was_shown_with(workspace, world, ground):
    """The same arguments on another ground are another thing to approve."""

    async def scenario(owner):
        plan_id, asked = await start(owner, plan(do("a", "test.shout", "one")))
        ground.put("one", "new")
        await rule(owner, asked["questions"][0], "approve")
        return [fact.digest for fact in facts(owner, plan_id, e.EffectPrepared)]

    first, second = run(workspace, world, scenario, named(world, "test.shout", relies=ground.read))
    assert first != second


def test_k20_only_what_was_changed_of_a_list_asks_anew(workspace, world, ground):
    async def scenario(owner):
        step = each(do("a", "test.shout", "x", gate="batch"))
        _, asked = await start(owner, plan(step), words=["one", "two", "three"])
        ground.put("two", "new")
        changed = await rule(owner, asked["questions"][0], "approve")
        told, said = question_of(owner, changed), world.words()
        done = await rule(owner, changed["questions"][0], "approve")
        return told["card"]["headline"], len(changed["questions"]), said, done["status"]

    found = run(workspace, world, scenario, named(world, "test.shout", relies=ground.read))
    assert found == ("Changed since: Say two", 1, ["one", "three"], "completed")
    assert world.words() == ["one", "three", "two"]


# --- without a question


def test_k20_what_was_changed_during_a_delay_asks_where_policy_allows_it(workspace, world, ground):
    async def scenario(owner):
        plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "one", delay_s=1)), {})
        await committed
        while owner.engine.load(plan_id).slots["a"].status != "delayed":  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(0.01)
        ground.put("one", "new")
        standing = await owner.requests.follow(plan_id, lambda _: None)
        while not standing["questions"]:
            await asyncio.sleep(0.05)
            standing = await owner.requests.follow(plan_id, lambda _: None)
        told, before = question_of(owner, standing), world.words()
        return told["rule"], before, (await rule(owner, standing["questions"][0], "approve"))["status"]

    found = run(workspace, world, scenario, named(world, "test.say", relies=ground.read))
    assert found == ("changed", [], "completed")


def test_k20_what_was_changed_between_two_attempts_asks(workspace, world, ground):
    async def refuse(call, given):
        if not (ground.folder / "one").exists():
            ground.put("one", "new")
            raise NotSent("the line is busy")
        return await say(call, given)

    say = named(world, "test.say").call

    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.say", "one", retry=QUICK)))
        before = world.words()
        return before, (await rule(owner, standing["questions"][0], "approve"))["status"]

    own = named(world, "test.say", relies=ground.read, call=refuse)
    assert run(workspace, world, scenario, own) == ([], "completed")


def test_k20_what_its_arguments_were_not_made_for_asks_at_once_where_policy_allows_it(workspace, world, ground):
    ground.put("one", "12")

    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.say", "one", number=10)))
        return question_of(owner, standing)["card"]["body"], world.words()

    own = named(world, "test.say", relies=ground.read, relied=lambda given: {"record one": str(given.number)})
    told, before = run(workspace, world, scenario, own)
    assert before == []
    assert "record one: it was 10, and is 12" in told


def test_k20_what_is_as_it_was_leaves_without_a_word(workspace, world, ground):
    async def scenario(owner):
        plan_id, standing = await start(
            owner, plan(do("a", "test.say", "one"), do("b", "test.say", "x", needs=after("a")))
        )
        return standing["status"], len(facts(owner, plan_id, e.DecisionAsked))

    assert run(workspace, world, scenario, named(world, "test.say", relies=ground.read)) == ("completed", 0)


@pytest.mark.parametrize(("error", "reads"), [(Transient("down"), 3), (Permanent("no such record"), 1)])
def test_k20_what_can_not_be_read_is_tried_again_and_never_sent_blindly(workspace, world, error, reads):
    tries = []

    async def read(call, given):
        tries.append(given.word)
        raise type(error)(str(error))

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one", retry=QUICK)))
        return question_of(owner, standing)["kind"], len(facts(owner, plan_id, e.EffectPrepared))

    assert run(workspace, world, scenario, named(world, "test.say", relies=read)) == ("stuck", 0)
    assert (len(tries), world.words()) == (reads, [])


def test_k20_a_question_that_covers_waits_until_what_its_actions_rely_on_can_be_read(workspace, world):
    """It is tried again like any attempt, then stuck; once it can be read it is asked, and its yes counts."""
    down, tries = [1], []

    async def read(call, given):
        tries.append(given.word)
        if down:
            raise Transient("down")
        return "there"

    async def scenario(owner):
        twice = Retry(attempts=2, base_s=0.001, cap_s=0.001)
        asks = Step(name="ok", kind="ask", ask=Ask(text=Text((Literally("Go on?"),)), covers=("a",)), retry=twice)
        plan_id, stuck = await start(owner, plan(asks, do("a", "test.shout", "one", needs=after("ok"))))
        told, count = question_of(owner, stuck), len(tries)
        down.clear()
        asked = await rule(owner, stuck["questions"][0], "retry")
        kind = question_of(owner, asked)["kind"]
        done = await rule(owner, asked["questions"][0], "approve")
        return (told["kind"], count), kind, done["status"], len(facts(owner, plan_id, e.DecisionAsked))

    found = run(workspace, world, scenario, named(world, "test.shout", relies=read))
    assert found == (("stuck", 2), "ask", "completed", 2)
    assert world.words() == ["one"]


def test_k20_what_can_no_longer_be_read_after_the_answer_is_not_sent_either(workspace, world):
    down = []

    async def read(call, given):
        if down:
            raise Transient("down")
        return "there"

    async def scenario(owner):
        twice = Retry(attempts=2, base_s=0.001, cap_s=0.001)  # a third failure would open the breaker
        _, asked = await start(owner, plan(do("a", "test.shout", "one", retry=twice)))
        down.append(1)
        stuck = await rule(owner, asked["questions"][0], "approve")
        kind = question_of(owner, stuck)["kind"]
        down.clear()
        again = await rule(owner, stuck["questions"][0], "retry")
        return kind, question_of(owner, again)["kind"], world.words()

    found = run(workspace, world, scenario, named(world, "test.shout", relies=read))
    assert found == ("stuck", "effect", [])


def test_k20_a_state_that_is_no_plain_value_is_a_mistake_and_nothing_leaves(workspace, world):
    async def read(call, given):
        return {"when": object()}

    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.say", "one")))
        return question_of(owner, standing)["kind"]

    assert run(workspace, world, scenario, named(world, "test.say", relies=read)) == "stuck"
    assert world.words() == []


def test_k20_a_plan_that_is_paused_while_its_ground_is_read_lets_nothing_leave(workspace, world):
    reading, go = asyncio.Event(), asyncio.Event()
    state = ["as it was"]

    async def read(call, given):
        reading.set()
        found = state[0]
        await go.wait()
        return found

    async def scenario(owner):
        plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "one")), {})
        await committed
        await reading.wait()
        await owner.engine.submit(plan_id, c.PausePlan(now_us=owner.clock.now_us(), by="operator"), actor="operator")
        go.set()
        await asyncio.sleep(0.05)
        before = world.words()
        await owner.engine.submit(plan_id, c.ResumePlan(now_us=owner.clock.now_us(), by="operator"), actor="operator")
        return before, (await owner.requests.follow(plan_id, lambda _: None))["status"]

    assert run(workspace, world, scenario, named(world, "test.say", relies=read)) == ([], "completed")


def test_k20_a_reading_spends_none_of_the_pace_of_what_acts(workspace, world, ground):
    """One call a minute: the reading before it would have used it up."""

    async def scenario(owner):
        return (await start(owner, plan(do("a", "test.say", "one"))))[1]["status"]

    own = named(world, "test.say", relies=ground.read, rate_per_minute=1)
    assert run(workspace, world, scenario, own) == "completed"


# --- over a death of the owner


async def live(workspace, world, ground, commits):
    """Live for so many commits, then die; whoever asks is answered with a yes."""
    async with owner_of(workspace, world, named(world, "test.shout", relies=ground.read)) as owner:
        left = [commits]

        def die(moving, told, moved):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), 9)

        owner.engine.listeners.append(die)
        known = owner.ledger.rows("SELECT id FROM plan")
        if known:
            plan_id = known[0][0]
        else:
            plan_id, committed = owner.requests.propose(plan(do("a", "test.shout", "one")), {})
            await committed
        standing = await owner.requests.follow(plan_id, lambda _: None)
        while standing["questions"]:
            if not (ground.folder / "one").exists():
                ground.put("one", "new")
            standing = await rule(owner, standing["questions"][0], "approve")
        os._exit(0 if owner.engine.load(plan_id).status == "completed" else 2)


@pytest.mark.parametrize("commits", [1, 2, 3])
def test_k20_an_owner_that_dies_at_any_commit_still_asks_about_what_was_changed_and_sends_once(
    workspace, world, ground, commits
):
    """Also between the answer and the reading, and between the reading and the intent (F1)."""
    for _ in range(LIVES):
        child = os.fork()
        if not child:
            asyncio.run(asyncio.wait_for(live(workspace, world, ground, commits), 20))
            os._exit(3)
        status = os.waitpid(child, 0)[1]
        if status != 9:
            break
        commits += 1  # else a life that dies at its first commit gets no further

    async def inside():
        async with owner_of(workspace, world, named(world, "test.shout", relies=ground.read)) as owner:
            (row,) = owner.ledger.rows("SELECT id FROM plan")
            return facts(owner, row[0])

    told = asyncio.run(inside())
    asked = [fact.rule for fact in told if isinstance(fact, e.DecisionAsked)]
    assert (status, asked, world.words()) == (0, ["irreversible", "changed"], ["one"])
    intents = [fact.token for fact in told if isinstance(fact, e.EffectIntended)]
    assert len(set(intents)) == 1 + sum(isinstance(fact, e.EffectAbsent) for fact in told)


# --- what is taken back is held against what its outcome left


def test_k20_e5_a_no_to_taking_back_what_was_changed_leaves_it_to_the_operator(workspace, world):
    state = ["as said"]

    async def read(call, given):
        return state[0]

    def back(given, said):
        return Compensation("test.unsay", {"word": said.word, "token": said.token}, expects="as said")

    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one")))
        state[0] = "somebody's"
        asked = await undo(owner, plan_id)
        denied = await rule(owner, asked["questions"][0], "reject")
        kind = question_of(owner, denied)["kind"]
        again = await rule(owner, denied["questions"][0], "retry")
        rules = question_of(owner, again)["rule"]
        state[0] = "as said"
        return kind, rules, (await rule(owner, again["questions"][0], "approve"))["status"]

    say, unsay = named(world, "test.say", compensate=back), named(world, "test.unsay", relies=read)
    assert run(workspace, world, scenario, say, unsay)[:2] == ("stuck", "changed")
