"""A plan that is approved as a whole: one yes lets exactly what was shown happen, all else asks (KERNEL E6, G2)."""

from __future__ import annotations

import asyncio
import itertools
import os

import msgspec
import pytest
from kit import RECORDS, TYPES, after, agent, do, each, facts, owner_of, plan, rule, run, start

from mainstay import events as e
from mainstay.errors import CommandRefusedError
from mainstay.kernel.graph import Ask, Cel, Field, Literally, Record, Slack, Step, Text
from mainstay.kernel.replay import replay
from mainstay.playbooks.ahead import asking_first

LIVES = 60  # more than the plan of here has commits


def made_of(step: Step, source: str, *paths: str) -> Step:
    """Let a step say what an expression gives."""
    names = tuple(path.partition(".")[0] for path in paths)
    return msgspec.structs.replace(step, arguments=Record({"word": Cel(source, names, paths)}))


def whole(*steps: Step, **types: str):
    said = {"word": Field("text"), "token": Field("text")}
    definition = plan(*steps)
    records = {**RECORDS, **dict.fromkeys(types, said)}
    types = {**TYPES, **{name: f"record({name})" for name in types}}
    return asking_first(msgspec.structs.replace(definition, records=records, types=types))


def shows(question: e.DecisionAsked) -> list[str]:
    return [row["headline"] for row in question.card["covers"]]


def test_e6_a_plan_that_asks_first_shows_all_it_would_do_and_one_yes_lets_just_that_leave(workspace, world):
    """By its own policy one of them would ask, the others not; one waits for another, and is shown nevertheless."""
    draft = agent("draft", "echo", "dear")
    hello = made_of(do("hello", "test.shout", "x", needs=after("draft")), "draft.word + ' Anna'", "draft.word")
    quiet = do("quiet", "test.say", "a note", needs=after("hello"))
    listed = each(do("listed", "test.say", "x"))

    async def scenario(owner):
        plan_id, standing = await start(owner, whole(draft, hello, quiet, listed, draft=""), words=["one", "two"])
        before = world.words()
        (asked,) = facts(owner, plan_id, e.DecisionAsked)
        ended = await rule(owner, standing["questions"][0], "approve", binds=asked.binds)
        rulings = [fact.ruling for fact in facts(owner, plan_id, e.EffectIntended)]
        again = replay(plan_id, owner.engine.load(plan_id).graph, owner.ledger.read(f"plan:{plan_id}"))
        assert again.same, again.difference
        return asked, before, ended["status"], len(facts(owner, plan_id, e.DecisionAsked)), rulings

    asked, before, status, questions, rulings = run(workspace, world, scenario)
    assert before == [], "nothing happens before the yes"
    assert shows(asked) == ["Say dear Anna", "Say a note", "Say one", "Say two"]
    assert (asked.rule, len(asked.binds), asked.card["headline"]) == ("ask first", 4, "Shall these 4 actions happen?")
    assert asked.card["cannot_undo"] == "It was heard."
    assert (status, questions) == ("completed", 1), "what was shown asks nothing more"
    assert rulings == [asked.decision] * 4
    assert world.words() == ["a note", "dear Anna", "one", "two"]


def test_e6_what_was_not_among_what_was_shown_asks_also_where_policy_lets_it_happen(workspace, world):
    first = do("first", "test.say", "one")
    then = made_of(do("then", "test.say", "x", needs=after("first")), "first.word + '!'", "first.word")

    async def scenario(owner):
        plan_id, standing = await start(owner, whole(first, then, first=""), words=[])
        standing = await rule(owner, standing["questions"][0], "approve")
        asked = facts(owner, plan_id, e.DecisionAsked)
        between = world.words()
        ended = await rule(owner, standing["questions"][0], "approve")
        return asked, between, ended["status"]

    asked, between, status = run(workspace, world, scenario)
    assert shows(asked[0]) == ["Say one"]
    assert (between, asked[1].rule) == (["one"], "cover")
    assert "this was not part of that" in asked[1].why
    assert (status, world.words()) == ("completed", ["one", "one!"])


def test_e6_what_is_left_out_of_a_plan_as_a_whole_asks_by_itself_when_it_comes(workspace, world):
    steps = (do("a", "test.say", "one"), do("b", "test.shout", "two"), each(do("c", "test.say", "x")))

    async def scenario(owner):
        plan_id, standing = await start(owner, whole(*steps), words=["three", "four"])
        with pytest.raises(CommandRefusedError, match="shows 4 actions; keep some of those"):
            await rule(owner, standing["questions"][0], "approve", kept=[0, 4])
        standing = await rule(owner, standing["questions"][0], "approve", kept=[0, 3])
        between = world.words()
        left = [(fact.paths, fact.rule) for fact in facts(owner, plan_id, e.DecisionAsked)[1:]]
        for decision in standing["questions"]:
            standing = await rule(owner, decision, "reject")
        return between, sorted(left), standing["status"]

    between, left, status = run(workspace, world, scenario)
    assert between == ["four", "one"]
    assert left == [(("b",), "irreversible"), (("c/0",), "batch")]
    assert (status, world.words()) == ("completed", ["four", "one"])


def test_e6_an_argument_that_is_another_one_by_then_asks_also_where_policy_lets_it_happen(workspace, world):
    late = made_of(do("late", "test.say", "x"), "string(ready_at)", "ready_at")
    definition = whole(late)
    definition = msgspec.structs.replace(definition, types={**definition.types, "ready_at": "time"})

    async def scenario(owner):
        plan_id, standing = await start(owner, definition, words=[])
        await asyncio.sleep(0.01)
        standing = await rule(owner, standing["questions"][0], "approve")
        return standing, facts(owner, plan_id, e.DecisionAsked)

    standing, asked = run(workspace, world, scenario)
    assert (len(standing["questions"]), len(asked)) == (1, 2)
    assert asked[1].why.startswith("It departs from what you approved: word was '20")
    assert world.words() == []


def test_e6_a_list_too_long_to_be_shown_asks_once_for_each_of_its_parts(workspace, world):
    long = each(do("long", "test.say", "x"))

    async def scenario(owner):
        plan_id, standing = await start(owner, whole(long), words=[str(number) for number in range(101)])
        (asked,) = facts(owner, plan_id, e.DecisionAsked)
        standing = await rule(owner, standing["questions"][0], "approve")
        return asked, standing["status"], owner.ledger.rows("SELECT kind FROM decision WHERE status = 'open'")

    asked, status, waiting = run(workspace, world, scenario)
    assert asked.covers == ()
    assert "Each action asks you when it comes" in asked.card["show"]
    assert (status, waiting, world.words()) == ("running", [("batch",)] * 2, [])


def test_e6_what_can_not_be_worked_out_yet_is_named_and_keeps_nothing_else_from_being_shown(workspace, world):
    wrong = made_of(do("wrong", "test.say", "x"), "inputs.words[5]", "inputs.words")

    async def scenario(owner):
        plan_id, _ = await start(owner, whole(wrong, do("right", "test.say", "one")), words=[])
        return facts(owner, plan_id, e.DecisionAsked)[0]

    asked = run(workspace, world, scenario)
    assert shows(asked) == ["Say one"]
    assert asked.card["not shown"] == "wrong: can't be worked out yet, and will ask by itself."


def test_e6_what_a_playbook_of_its_own_does_asks_too(workspace, world):
    below = plan(do("say", "test.say", "below"))
    inner = Step(name="inner", kind="playbook", target="below")
    definition = asking_first(msgspec.structs.replace(plan(inner), playbooks={"below": below}))

    async def scenario(owner):
        _, standing = await start(owner, definition, words=[])
        standing = await rule(owner, standing["questions"][0], "approve")
        before = world.words()
        ended = await owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        return before, ended and (await owner.requests.follow(standing["plan"], lambda _: None))["status"]

    before, status = run(workspace, world, scenario)
    assert before == []
    assert (status, world.words()) == ("completed", ["below"])


def test_e6_what_a_question_of_the_playbook_covers_keeps_its_slack_and_is_not_asked_twice(workspace, world):
    ask = Ask(text=Text((Literally("Go?"),)), covers=("late",), may_change={"word": Slack(seconds=3600)})
    late = made_of(do("late", "test.shout", "x", needs=after("ok")), "string(ready_at)", "ready_at")
    definition = whole(Step(name="ok", kind="ask", ask=ask), late)
    definition = msgspec.structs.replace(definition, types={**definition.types, "ready_at": "time"})

    async def scenario(owner):
        plan_id, standing = await start(owner, definition, words=[])
        for _ in range(2):
            await asyncio.sleep(0.01)
            standing = await rule(owner, standing["questions"][0], "approve")
        return standing["status"], len(facts(owner, plan_id, e.DecisionAsked))

    assert run(workspace, world, scenario) == ("completed", 2)
    assert len(world.words()) == 1


def test_e6_a_no_to_a_plan_as_a_whole_lets_nothing_happen(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, whole(do("a", "test.say", "one")), words=[])
        return (await rule(owner, standing["questions"][0], "reject", reason="no"))["status"]

    assert run(workspace, world, scenario) == "undone"
    assert world.words() == []


def test_a_playbook_that_does_nothing_asks_for_no_go_ahead():
    reads = plan(do("look", "test.slow", "x"), agent("draft", "echo"))
    assert asking_first(reads) is reads


async def live(workspace, world, commits):
    """Live for so many commits, then die; the question is answered once."""
    async with owner_of(workspace, world) as owner:
        left = [commits]

        def die(moving, told, moved):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), 9)

        owner.engine.listeners.append(die)
        known = owner.ledger.rows("SELECT id FROM plan")
        if not known:
            steps = (
                do("a", "test.shout", "a"),
                do("b", "test.say", "b", needs=after("a")),
                each(do("c", "test.say", "")),
            )
            await owner.requests.propose(whole(*steps), {"words": ["c", "d"]})[1]
            known = owner.ledger.rows("SELECT id FROM plan")
        standing = await owner.requests.follow(known[0][0], lambda _: None)
        if standing["questions"] == [f"{known[0][0]}.1"]:
            standing = await rule(owner, standing["questions"][0], "approve")
        os._exit(0 if standing["status"] == "completed" and owner.engine.load(known[0][0]).asked == 1 else 2)


def test_e6_f1_dying_between_the_yes_and_each_action_asks_nothing_again_and_does_each_once(workspace, world):
    deaths = 0
    for commits, _ in zip(itertools.cycle((2, 3, 5)), range(LIVES), strict=False):  # each gets further than the last
        child = os.fork()
        if not child:
            asyncio.run(asyncio.wait_for(live(workspace, world, commits), 20))
            os._exit(3)
        status = os.waitpid(child, 0)[1]
        deaths += status == 9
        if status != 9:
            break
    assert (status, deaths > 1) == (0, True)
    assert world.words() == ["a", "b", "c", "d"]
