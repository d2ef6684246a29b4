"""Remedies for many at once: lists, compensations, and a request that fails in part (requirement K10)."""

from __future__ import annotations

import asyncio
import io

import msgspec
import pytest
from kit import TYPES, Said, after, agent, each, facts, operations, plan, rule, run, start, undo
from kit import do as step
from rich.console import Console

from mainstay import events as e
from mainstay.cli.stuck import _draw
from mainstay.errors import CommandRefusedError, InputError, Permanent
from mainstay.kernel.graph import Cel, Literally, Record, Retry, Step
from mainstay.requests.stuck import cause_of, chosen, group_of, grouped
from mainstay.views import Views

ONCE = Retry(attempts=1)


def broken(world, name, words=("bad",)):
    """Make an operation that can't do some words."""

    async def call(call, given):
        if given.word.startswith(words):
            raise Permanent(f"there is no word '{given.word}'")
        return Said(given.word)

    return msgspec.structs.replace(next(one for one in operations(world) if one.name == name), call=call)


async def remedy(owner, decisions, choice, **more):
    params = {"decisions": decisions, "choice": choice, **more}
    return await owner.requests._methods["remedy"](owner.requests, params, lambda _: None)


def stuck_in(owner):
    with Views(owner.workspace) as views:
        return views.stuck()


LISTED = plan(each(step("a", "test.say", "x")))


def test_k10_items_of_a_list_have_one_cause_and_are_answered_together_or_alone(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, LISTED, words=["bad 1", "fine", "bad 2", "bad 3"])
        rows = stuck_in(owner)
        (group,) = grouped(rows)
        one = await remedy(owner, [rows[0]["decision"]], "skip")
        rest = await remedy(owner, [row["decision"] for row in rows[1:]], "skip")
        return group, one["plans"][0]["status"], rest["plans"][0]["status"], facts(owner, plan_id, e.DecisionRuled)

    group, before, after, rulings = run(workspace, world, scenario, broken(world, "test.say"))
    assert (len(group["stuck"]), group["does"], group["class"]) == (3, "test.say", "permanent")
    assert [row["action"] for row in group["stuck"]] == ["a, item 1", "a, item 3", "a, item 4"]
    assert (before, after, len(rulings)) == ("running", "completed", 3)


def test_k10_of_two_remedies_sent_at_once_the_first_is_for_all_rows_and_the_second_is_refused_whole(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, LISTED, words=["bad 1", "bad 2", "bad 3"])
        decisions = [row["decision"] for row in stuck_in(owner)]
        both = await asyncio.gather(
            remedy(owner, decisions, "skip"), remedy(owner, decisions[::-1], "retry"), return_exceptions=True
        )
        later = await remedy(owner, decisions, "retry")
        return both, later, [fact.choice for fact in facts(owner, plan_id, e.DecisionRuled)]

    (first, second), later, ruled = run(workspace, world, scenario, broken(world, "test.say"))
    assert len(first["done"]) == 3
    assert isinstance(second, CommandRefusedError)
    assert "Nothing of this was taken: you chose to skip it just before" in second.message
    assert ruled == ["skip"] * 3
    assert len(later["refused"]) == 3, "who comes after the first was taken is told of each row that it is closed"


def test_k10_a_request_of_which_some_are_refused_does_the_others_and_names_those(workspace, world):
    async def scenario(owner):
        await start(owner, LISTED, words=["bad 1", "bad 2", "bad 3"])
        decisions = [row["decision"] for row in stuck_in(owner)]
        await rule(owner, decisions[1], "skip")
        told = await remedy(owner, [*decisions, "nobody.1"], "skip")
        return told, decisions

    told, decisions = run(workspace, world, scenario, broken(world, "test.say"))
    assert told["done"] == [decisions[0], decisions[2]]
    assert [each["decision"] for each in told["refused"]] == [decisions[1], "nobody.1"]
    assert "is not open" in told["refused"][0]["why"]
    assert told["plans"][0]["status"] == "completed"


def test_k10_compensations_that_failed_are_answered_together(workspace, world):
    async def scenario(owner):
        plans = [(await start(owner, plan(step("a", "test.say", "one"))))[0] for _ in range(3)]
        for plan_id in plans:
            await undo(owner, plan_id)
        rows = stuck_in(owner)
        told = await remedy(owner, [row["decision"] for row in rows], "skip")
        return {row["group"] for row in rows}, rows[0]["action"], [each["status"] for each in told["plans"]]

    groups, action, ended = run(workspace, world, scenario, broken(world, "test.unsay", ("one",)))
    assert (len(groups), action, ended) == (1, "undo of a", ["undone"] * 3)


def test_k10_the_same_change_is_merged_into_each(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, LISTED, words=["bad 1", "bad 2"])
        decisions = [row["decision"] for row in stuck_in(owner)]
        told = await remedy(owner, decisions, "retry", arguments={"word": "good"})
        prepared = facts(owner, plan_id, e.EffectPrepared)[-2:]
        return told["plans"][0]["status"], [owner.payloads.load(fact.arguments)["word"] for fact in prepared], prepared

    status, words, prepared = run(workspace, world, scenario, broken(world, "test.say"))
    assert (status, words) == ("completed", ["good", "good"])
    assert all("operator" in fact.labels for fact in prepared)


@pytest.mark.parametrize("changes", [{"number": "many"}, {"wrod": "good"}])
def test_k10_a_change_that_does_not_fit_is_refused_before_anything_is_tried_again(workspace, world, changes):
    async def scenario(owner):
        first, _ = await start(owner, LISTED, words=["bad 1", "bad 2"])
        before = len(facts(owner, first))
        told = await remedy(owner, [row["decision"] for row in stuck_in(owner)], "retry", arguments=changes)
        return told["done"], [one["why"] for one in told["refused"]], len(facts(owner, first)) - before

    done, whys, more = run(workspace, world, scenario, broken(world, "test.say"))
    assert (done, len(whys), more) == ([], 2, 0)
    assert all(why.startswith("test.say ") for why in whys)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("There is no file inbox/a.txt.", "There is no file inbox/b.txt.", True),
        ("no customer 17", "no customer 1,804", True),
        ("no customer 'Anna Berg'", "no customer 'Ben'", True),
        ("anna@example.com is not known", "ben@example.org is not known", True),
        ("The invoice is closed", "The invoice is open", False),
    ],
)
def test_what_differs_from_case_to_case_is_no_part_of_a_cause(one, other, same):
    assert (cause_of(one) == cause_of(other)) == same
    groups = {group_of("stuck", "mail.send", "permanent", message) for message in (one, other)}
    assert len(groups) == (1 if same else 2)


def test_what_another_operation_meets_is_another_cause():
    assert group_of("stuck", "mail.send", "permanent", "no") != group_of("stuck", "files.write", "permanent", "no")


def test_a_name_of_nothing_stuck_is_refused():
    with pytest.raises(InputError, match="Nothing that is stuck is called"):
        chosen([], ["abc.step"])


@pytest.mark.parametrize(("kind", "target"), [("agent", "broken"), ("agent", "raise_it"), ("do", "test.slow")])
def test_an_edit_changes_what_it_names_and_the_rest_stays_as_the_playbook_gives_it(workspace, world, kind, target):
    """Also where nothing was recorded before it failed (E1); what was not changed keeps its labels (P1)."""

    async def scenario(owner):
        word = Cel("a.word", names=("a",), paths=("a.word",), scope=(("a", "any"),))
        failing = step("b", target, "", retry=ONCE) if kind == "do" else agent("b", target, retry=ONCE)
        given = Record({"word": word, "number": Literally(30)})
        failing = msgspec.structs.replace(failing, arguments=given, needs=after("a"))
        definition = msgspec.structs.replace(plan(agent("a", "echo"), failing), types={**TYPES, "a": "any"})
        plan_id, standing = await start(owner, definition)
        with pytest.raises(InputError, match=r"takes a whole number for number, not text"):
            await rule(owner, standing["questions"][0], "retry", arguments={"number": "x"})
        await rule(owner, standing["questions"][0], "retry", arguments={"number": 0})
        (reopened,) = facts(owner, plan_id, e.StepReopened)
        return reopened.arguments, Views(owner.workspace).plan(plan_id).slots["b"]

    arguments, slot = run(workspace, world, scenario, seconds=60)
    assert arguments == {"word": "hi", "number": 0}
    if kind == "do":
        assert slot.status == "done"
        assert slot.output["word"] == "hi"
        assert {"agent:echo", "operator"} <= set(slot.labels)


def test_e1_an_edit_without_what_could_not_be_worked_out_is_told_what_is_missing(workspace, world):
    async def scenario(owner):
        nothing = Cel("a.nothing", names=("a",), paths=("a.nothing",), scope=(("a", "any"),))
        wrong = Record({"word": nothing, "token": Literally("x")})
        failing = Step(name="b", kind="do", target="test.unsay", effect="reversible", arguments=wrong, needs=after("a"))
        definition = msgspec.structs.replace(plan(agent("a", "echo"), failing), types={**TYPES, "a": "any"})
        _, standing = await start(owner, definition)
        with pytest.raises(InputError, match=r"test\.unsay needs word as well"):
            await rule(owner, standing["questions"][0], "retry", arguments={"token": "y"})
        return (await rule(owner, standing["questions"][0], "retry", arguments={"word": "x"}))["status"]

    assert run(workspace, world, scenario) == "completed"


def test_m7_an_edit_for_an_agent_that_is_gone_records_only_what_you_gave(workspace, world):
    """Nothing tells what is personal in the rest of its arguments, so the rest is not written into the history."""

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(agent("a", "nobody", "Ada", retry=ONCE)))
        await rule(owner, standing["questions"][0], "retry", arguments={"number": 1})
        return [fact.arguments for fact in facts(owner, plan_id, e.StepReopened)]

    assert run(workspace, world, scenario) == [{"number": 1}]


SAID = "550 budget 'test.say' allows 5 a day, 5 of that is spent or held, bye"


def test_k10_what_a_stranger_words_like_a_budget_is_no_budgets_card(workspace, world):
    """A mail server's answer is its own, however it reads: what it says stands on the card."""

    async def call(call, given):
        raise Permanent(f"{SAID} {given.word}")

    says = msgspec.structs.replace(next(one for one in operations(world) if one.name == "test.say"), call=call)

    async def scenario(owner):
        _, standing = await start(owner, LISTED, words=["one", "two"])
        with Views(owner.workspace) as views:
            return standing["stopped"], views.stopped(standing["questions"]), views.together(standing["questions"])

    stopped, named, groups = run(workspace, world, scenario, says)
    assert (stopped, named) == ({}, [])
    assert {SAID in group["says"] for group in groups} == {True}
    assert {row["budget"] for group in groups for row in group["stuck"]} == {""}


def test_k10_a_budgets_group_of_different_actions_is_not_named_after_its_first(workspace, world):
    path = workspace.root / "mainstay.toml"
    path.write_text(path.read_text() + '\n[budgets]\nboth = {operations = ["test.*"], per_day = 0}\n')

    async def scenario(owner):
        await start(owner, plan(step("a", "test.say", "one")))
        await start(owner, plan(step("b", "test.whisper", "two")))
        (group,) = grouped(stuck_in(owner))
        screen = Console(file=io.StringIO(), width=200)
        _draw([group], screen, "UTC")
        return group["what"], screen.file.getvalue()

    what, drawn = run(type(workspace)(workspace.root), world, scenario)
    assert what == "2 actions"
    assert "2 actions in 2 plans" in drawn
    assert "test.say, 2 times" not in drawn
