"""Edit and approve, cover with slack, tasks with a form, on a real ledger (KERNEL E1, E6)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
from kit import RECORDS, TYPES, after, do, each, facts, operations, plan, rule, run, start

from mainstay import events as e
from mainstay.errors import CommandRefusedError, InputError, Permanent
from mainstay.kernel.graph import Ask, Cel, Field, Input, Literally, Record, Slack, Step, Text
from mainstay.runtime.cover import within
from mainstay.runtime.intake import Request
from mainstay.values import Verdict

if TYPE_CHECKING:
    from mainstay.ports import Proposal

QUESTION = Text((Literally("Shall we?"),))


class Strict:
    """Asks about all that changes something, forbids the word that must not be said."""

    def judge(self, proposal: Proposal) -> Verdict:
        word = proposal.arguments.get("word") if isinstance(proposal.arguments, dict) else ""
        if word == "curse":
            return Verdict("deny", "manners", "That is not said here.")
        return Verdict("allow" if proposal.effect == "read" or proposal.undo_by else "ask", "strict", "It acts.")


async def answer(owner, method, **params):
    return await owner.requests.answer(Request(method, params, ""), True, lambda _: None)


def test_e1_an_edited_action_happens_as_edited_with_its_changes_labelled(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "hello", number=3)))
        (decision,) = standing["questions"]
        edit = {"decision": decision, "choice": "approve", "arguments": {"word": "hello, dear"}}
        preview = await answer(owner, "preview", **edit)
        untouched = owner.engine.load(plan_id).sequence
        ended = await answer(owner, "decide", **edit, binds=owner.engine.load(plan_id).questions[decision].binds)
        return (
            preview,
            untouched,
            ended["status"],
            facts(owner, plan_id, e.DecisionAsked, e.EffectPrepared, e.EffectIntended, e.DecisionRuled),
        )

    preview, _, status, told = run(workspace, world, scenario)
    assert preview["cards"][0]["card"]["headline"] == "Say hello, dear"
    assert (status, world.words()) == ("completed", ["hello, dear"])
    first, _, ruled, second, intended = told
    assert (second.edited, second.arguments, second.ruling) == (
        ("word",),
        {"word": "hello, dear", "number": 3},
        ruled.decision,
    )
    assert "operator" in second.labels
    assert "operator" not in first.labels
    assert ruled.binds == (second.digest,) != (first.digest,)
    assert intended.ruling == ruled.decision


def test_e1_an_edit_is_judged_like_anything_else_and_bad_ones_are_refused_by_name(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.shout", "hello")))
        (decision,) = standing["questions"]

        async def approve(**changes):
            return await answer(owner, "decide", decision=decision, choice="approve", arguments=changes)

        with pytest.raises(CommandRefusedError, match="That is not said here"):
            await approve(word="curse")
        with pytest.raises(InputError, match="takes no wrod"):
            await approve(wrod="x")
        with pytest.raises(InputError, match="takes text for word, not a whole number"):
            await approve(word=3)
        return (await approve(word="fine"))["status"]

    assert run(workspace, world, scenario, policy=Strict()) == "completed"
    assert world.words() == ["fine"]


def test_e6_one_row_of_a_batch_is_edited_and_another_left_out(workspace, world):
    async def scenario(owner):
        step = msgspec.structs.replace(each(do("a", "test.shout", "x")), gate="batch")
        _, standing = await start(owner, plan(step), words=["one", "two", "three"])
        (decision,) = standing["questions"]
        edits = {"2": {"word": "THREE"}}
        ended = await answer(owner, "decide", decision=decision, choice="approve", kept=[0, 2], edits=edits)
        return ended["status"]

    assert run(workspace, world, scenario) == "completed"
    assert world.words() == ["THREE", "one"]


def covering(may_change=None, listed=False):
    step = do("say", "test.shout", "hello", needs=after("ok"))
    number = Cel("inputs.number", names=("inputs",), paths=("inputs.number",))
    word = Cel("item", names=("item",), paths=("item",), scope=(("item", "text"),)) if listed else Literally("hello")
    step = msgspec.structs.replace(step, arguments=Record({"word": word, "number": number}))
    step = msgspec.structs.replace(step, each=Cel("inputs.words", ("inputs",), ("inputs.words",))) if listed else step
    ask = Step(name="ok", kind="ask", ask=Ask(text=QUESTION, covers=("say",), may_change=may_change or {}))
    fields = {**RECORDS["inputs"], "number": msgspec.structs.replace(RECORDS["inputs"]["words"], type="int")}
    return msgspec.structs.replace(plan(ask, step), records={**RECORDS, "inputs": fields})


def test_e6_a_question_that_covers_shows_what_will_happen_and_asks_once(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, covering(listed=True), words=["one", "two"], number=7)
        (decision,) = standing["questions"]
        (asked,) = facts(owner, plan_id, e.DecisionAsked)
        ended = await rule(owner, decision, "approve")
        told = facts(owner, plan_id, e.EffectIntended)
        return asked, ended["status"], len(facts(owner, plan_id, e.DecisionAsked)), [fact.ruling for fact in told]

    asked, status, questions, rulings = run(workspace, world, scenario)
    assert [row["headline"] for row in asked.card["covers"]] == ["Say one", "Say two"]
    assert asked.card["cannot_undo"] == "It was heard.", "said on the card, not only afterwards"
    assert (asked.covers, len(asked.binds)) == (("say/0", "say/1"), 2)
    assert (status, questions, rulings) == ("completed", 1, [asked.decision] * 2)
    assert world.words() == ["one", "two"]


def changing(before, then, may_change=None):
    """Cover a list that is another one once the question is answered."""
    definition = covering(may_change, listed=True)
    ask, say = definition.steps
    source = f"ok.ruling == 'approved' ? {then} : {before}"
    say = msgspec.structs.replace(say, each=Cel(source, names=("ok",), paths=("ok.ruling",)))
    fields = {name: Field("text") for name in ("ruling", "by", "at", "reason")}
    records, types = {**definition.records, "ok": fields}, {**TYPES, "ok": "record(ok)"}
    return msgspec.structs.replace(definition, steps=(ask, say), records=records, types=types)


@pytest.mark.parametrize("gate", ["", "batch"])
@pytest.mark.parametrize(
    ("then", "asked"),
    [
        ("['two', 'three']", []),
        ("['three', 'one', 'two']", []),
        ("['new', 'one', 'two', 'three']", ["new"]),
        ("['one', 'one']", ["one"]),
        ("['one', 'two', 'else']", ["else"]),
    ],
)
def test_e6_an_item_is_known_by_what_it_does_and_asks_anew_only_if_it_was_not_shown(
    workspace, world, then, asked, gate
):
    definition = changing("['one', 'two', 'three']", then)
    ask, say = definition.steps
    definition = msgspec.structs.replace(definition, steps=(ask, msgspec.structs.replace(say, gate=gate)))

    async def scenario(owner):
        plan_id, standing = await start(owner, definition, words=[], number=1)
        await rule(owner, standing["questions"][0], "approve")
        told = facts(owner, plan_id, e.EffectPrepared)
        ended = owner.engine.load(plan_id).status
        return [(fact.arguments["word"], fact.verdict.why) for fact in told if not fact.ruling], ended

    anew, status = run(workspace, world, scenario)
    assert [word for word, _ in anew] == asked
    assert status == ("running" if asked else "completed")
    assert all(f"and is '{word}'" in why for word, why in anew)


@pytest.mark.parametrize(("seconds", "asks"), [(3600, 1), (0, 2)])
def test_e6_within_the_slack_it_happens_and_beyond_it_asks_again_and_says_why(workspace, world, seconds, asks):
    """The time at which the step becomes ready is later than when it was shown."""
    definition = covering({"word": Slack(seconds=seconds)})
    ask, say = definition.steps
    at = Cel("string(ready_at)", names=("ready_at",), paths=("ready_at",))
    say = msgspec.structs.replace(say, arguments=Record({"word": at, "number": Literally(1)}))
    definition = msgspec.structs.replace(definition, steps=(ask, say), types={**TYPES, "ready_at": "time"})

    async def scenario(owner):
        plan_id, standing = await start(owner, definition, words=[], number=1)
        await asyncio.sleep(0.01)
        standing = await rule(owner, standing["questions"][0], "approve")
        return standing["status"], facts(owner, plan_id, e.DecisionAsked)

    status, asked = run(workspace, world, scenario)
    assert len(asked) == asks
    assert (status, len(world.words())) == (("completed", 1) if asks == 1 else ("running", 0))
    if asks == 2:
        assert asked[1].why.startswith("It departs from what you approved: word was '20")


EUR = {"minor": 10_000, "currency": "EUR"}


@pytest.mark.parametrize(
    ("shown", "given", "slack", "holds"),
    [
        (100, 105, Slack(percent=5), True),
        (100, 106, Slack(percent=5), False),
        (100, 94, Slack(percent=5), False),
        (100, 105, None, False),
        (EUR, {"minor": 10_500, "currency": "EUR"}, Slack(percent=5), True),
        (EUR, {"minor": 10_500, "currency": "USD"}, Slack(percent=5), False),
        ("2026-11-21T10:00:00Z", "2026-11-21T13:00:00+02:00", Slack(seconds=3600), True),
        ("2026-11-21T10:00:00Z", "2026-11-21T11:00:01Z", Slack(seconds=3600), False),
        ("2026-11-21", "2026-11-22", Slack(seconds=86_400), True),
        ("soon", "later", Slack(seconds=86_400), False),
        (True, False, Slack(percent=100), False),
        (None, 1, Slack(percent=100), False),
    ],
)
def test_e6_slack_is_what_was_said_and_nothing_else_departs(shown, given, slack, holds):
    assert within(shown, shown, slack)
    assert within(shown, given, slack) == holds


def test_e6_a_no_to_what_covers_lets_nothing_happen(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, covering(), words=[], number=1)
        return (await rule(owner, standing["questions"][0], "reject", reason="no"))["status"]

    assert run(workspace, world, scenario) == "undone"
    assert world.words() == []


def test_a_task_is_filled_in_by_a_named_person_with_a_due_date_and_checked_g11(workspace, world):
    form = (Input("hours", "int", "Hours spent"), Input("note", "text", required=False, default="none"))
    task = Step(name="t", kind="ask", ask=Ask(text=QUESTION, form=form, to="ada", due_s=3600, remind_s=(60,)))

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(task))
        (decision,) = standing["questions"]
        (asked,) = facts(owner, plan_id, e.DecisionAsked)
        for bad, why in (["hours=many"], "hours"), ([], "hours"), (["days=3"], "no field 'days'"):
            with pytest.raises(InputError, match=why):
                await answer(owner, "decide", decision=decision, choice="approve", form=bad)
        with pytest.raises(CommandRefusedError, match="fill it in"):
            await answer(owner, "decide", decision=decision, choice="approve")
        ended = await answer(owner, "decide", decision=decision, choice="approve", form=["hours=3"])
        return asked, ended["status"], owner.engine.load(plan_id).slots["t"].output

    asked, status, value = run(workspace, world, scenario)
    assert (asked.to, len(asked.remind_at_us), asked.due_at_us is not None) == ("ada", 1, True)
    assert asked.card["form"][0] == {"name": "hours", "type": "int", "label": "Hours spent", "required": True}
    assert (status, value["form"]) == ("completed", {"hours": 3, "note": "none"})


def test_f18_of_two_tabs_that_edit_and_approve_one_counts(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.shout", "hello")))
        (decision,) = standing["questions"]
        given = [answer(owner, "decide", decision=decision, choice="approve", arguments={"word": w}) for w in "xyz"]
        return await asyncio.gather(*given, return_exceptions=True)

    done = run(workspace, world, scenario)
    assert [isinstance(each, CommandRefusedError) for each in done].count(True) == 2
    assert len(world.words()) == 1


def no_number(given):
    if given.number < 0:
        raise Permanent(f"{given.number} is no number to shout.", remedy="Give a larger one.")


def test_e1_an_action_that_can_not_work_is_stuck_at_once_instead_of_being_asked_about(workspace, world):
    shout = next(one for one in operations(world) if one.name == "test.shout")

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "hello", number=-1)))
        return standing, facts(owner, plan_id, e.EffectPrepared, e.StepStuck, e.DecisionAsked)

    standing, told = run(workspace, world, scenario, msgspec.structs.replace(shout, refuse=no_number), policy=Strict())
    assert (standing["status"], world.words()) == ("running", [])
    assert not [fact for fact in told if isinstance(fact, e.EffectPrepared)]
    assert "-1 is no number to shout" in str(told)


def test_e1_an_edit_that_can_not_work_is_refused_and_the_question_stays(workspace, world):
    shout = next(one for one in operations(world) if one.name == "test.shout")

    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.shout", "hello", number=1)))
        (decision,) = standing["questions"]
        with pytest.raises(InputError, match="-1 is no number"):
            await answer(owner, "decide", decision=decision, choice="approve", arguments={"number": -1})
        return (await answer(owner, "decide", decision=decision, choice="approve"))["status"]

    ended = run(workspace, world, scenario, msgspec.structs.replace(shout, refuse=no_number), policy=Strict())
    assert (ended, world.words()) == ("completed", ["hello"])
