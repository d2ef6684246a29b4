"""What a plan returns and how it ends, with what its ending takes back, on a real ledger (PLAYBOOKS)."""

from __future__ import annotations

from families import SAYING, asking, cel, child, parent, say, sub, taken_back
from kit import RECORDS, TYPES, after, do, facts, plan, rule, run, start, undo
from msgspec.structs import replace

from mainstay import events as e
from mainstay.kernel.graph import Ending, Field
from mainstay.sentences import say as told
from mainstay.views import Views


def sold(*more, ending="q.ruling == 'rejected'", **also):
    """Two actions, a question whose no is used, and an ending that takes the first action back."""
    question = asking(needs=after("pay", "tell"))
    question = replace(question, ask=replace(question.ask, rejection_used=True))
    steps = do("pay", "test.say", "paid"), do("tell", "test.say", "told"), question, *more
    end = (Ending(cel(ending, "q"), "refunded", ("pay",)), Ending(cel("true"), "sold"))
    types = {**TYPES, "q": "record(answer)", "pay": "record(said)", "tell": "record(said)"}
    definition = plan(*steps, end=end, **also)
    answer = {"ruling": Field("text"), "reason": Field("text")}
    records = {**RECORDS, "answer": answer, "said": {"word": Field("text"), "token": Field("text")}}
    return replace(definition, types=types, records=records)


def test_a_plan_returns_what_its_playbook_says(workspace, world):
    async def scenario(owner):
        definition = replace(sold(returns={"word": cel("pay.word", "pay")}), end=())
        plan_id, standing = await start(owner, definition)
        await rule(owner, standing["questions"][0], "approve")
        return facts(owner, plan_id, e.PlanCompleted), Views(owner.workspace).show(plan_id)["returns"]

    (completed,), shown = run(workspace, world, scenario)
    assert completed.output == shown == {"word": "paid"}
    assert "test.say" in completed.labels


def test_the_first_ending_that_holds_names_the_end_and_takes_back_exactly_its_steps(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, sold())
        ended = await rule(owner, standing["questions"][0], "reject")
        shown = Views(owner.workspace).show(plan_id)
        return ended["status"], ended["ending"], shown["says"], world.words(), facts(owner, plan_id)

    status, ending, says, words, history = run(workspace, world, scenario)
    assert (status, ending, says, words) == ("completed", "refunded", "done: refunded", ["told"])
    assert [told(fact) for fact in history if isinstance(fact, (e.EndingReached, e.PlanCompleted))] == [
        "Ends as refunded, which takes back pay",
        "Done: refunded",
    ]


def test_an_ending_that_takes_nothing_back_only_names_the_end(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, sold())
        ended = await rule(owner, standing["questions"][0], "approve")
        return ended["status"], ended["ending"], [row["says"] for row in Views(owner.workspace).plans()]

    assert run(workspace, world, scenario) == ("completed", "sold", ["done: sold"])
    assert world.words() == ["paid", "told"]


def test_a_later_undo_takes_back_the_rest_and_nothing_twice_e5(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, sold())
        await rule(owner, standing["questions"][0], "reject")
        first = taken_back(owner)
        ended = await undo(owner, plan_id)
        return plan_id, ended["status"], first, taken_back(owner)

    plan_id, status, first, both = run(workspace, world, scenario)
    assert status == "undone"
    assert first == [f"{plan_id}/pay"]
    assert both == [f"{plan_id}/pay", f"{plan_id}/tell"]
    assert world.words() == []


def test_a_mistake_in_an_ending_is_stuck_and_the_plan_can_end_without_one(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, sold(ending="[true][2]"))
        stuck = await rule(owner, standing["questions"][0], "approve")
        card = Views(owner.workspace).question(stuck["questions"][0])
        again = await rule(owner, stuck["questions"][0], "retry")
        ended = await rule(owner, again["questions"][0], "skip")
        return card["actions"], card["options"], ended["status"], ended["ending"], facts(owner, plan_id, e.StepStuck)

    actions, options, status, ending, stuck = run(workspace, world, scenario)
    assert (actions, options) == (["its end"], ["retry", "skip", "undo"])
    assert (status, ending, len(stuck)) == ("completed", "", 2)


def test_a_plan_without_returns_and_endings_costs_no_fact_more(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one")))
        return [type(fact).__name__ for fact in facts(owner, plan_id)][-2:]

    assert run(workspace, world, scenario) == ["EffectDone", "PlanCompleted"]


def test_a_parent_waits_until_the_ending_of_its_sub_plan_has_taken_back(workspace, world):
    async def scenario(owner):
        end = (Ending(cel("true"), "refunded", ("a",)),)
        below = child(say("a"), end=end, returns={"word": cel("a.word", "a")})
        plan_id, standing = await start(owner, parent(sub("s"), child=below))
        events = [
            (event.plan.removeprefix(plan_id), event.kind)
            for event in owner.ledger.tail()
            if event.kind in ("EndingReached", "EffectDone", "PlanCompleted", "ChildFinished")
        ]
        return standing["status"], events, owner.engine.load(plan_id).slots["s"].output

    status, events, output = run(workspace, world, scenario)
    assert status == "completed"
    assert events == [
        ("-s", "EffectDone"),
        ("-s", "EndingReached"),
        ("-s", "EffectDone"),
        ("-s", "PlanCompleted"),
        ("", "ChildFinished"),
        ("", "PlanCompleted"),
    ]
    assert list(output.values()) == [{"word": "one"}]
    assert world.words() == []


def test_an_ending_takes_back_sub_plans_too(workspace, world):
    async def scenario(owner):
        end = (Ending(cel("true"), "returned", ("s",)),)
        steps = sub("s"), do("b", "test.say", "kept", needs=after("s"))
        _, standing = await start(owner, parent(*steps, child=SAYING, end=end))
        return standing["status"], standing["ending"]

    assert run(workspace, world, scenario) == ("completed", "returned")
    assert world.words() == ["kept"]


def test_what_an_ending_could_not_take_back_is_named(workspace, world):
    async def scenario(owner):
        end = (Ending(cel("true"), "returned", ("s", "w")),)
        below = child(say("a"), say("h", operation="test.whisper"))
        steps = sub("s"), do("w", "test.whisper", "heard")
        plan_id, standing = await start(owner, parent(*steps, child=below, end=end))
        return standing["status"], sorted(owner.engine.load(plan_id).not_undone)

    assert run(workspace, world, scenario) == ("completed", ["s.h", "w"])


def test_a_question_answered_no_with_everything_else_left_out_ends_as_its_ending_says(workspace, world):
    async def scenario(owner):
        question = asking()
        question = replace(question, ask=replace(question.ask, rejection_used=True))
        end = (Ending(cel("q.ruling == 'rejected'", "q"), "declined"),)
        definition = replace(sold(), steps=(question, do("a", "test.say", "never", needs=after("q"))), end=end)
        _, standing = await start(owner, definition)
        ended = await rule(owner, standing["questions"][0], "reject")
        return ended["status"], ended["ending"], ended["left_out"]

    assert run(workspace, world, scenario) == ("completed", "declined", ["a"])
