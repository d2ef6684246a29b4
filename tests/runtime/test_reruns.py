"""Reruns in a real workspace: what stands is named, wherever it was done, and nothing is done twice unasked (P6)."""

from __future__ import annotations

import asyncio

import pytest
from families import KNOWN, SAYING, asking, child, parent, say, sub, subs
from kit import (
    RECORDS,
    TYPES,
    Said,
    Word,
    after,
    agent,
    do,
    each,
    facts,
    plan,
    rule,
    run,
    start,
    undo,
)
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.contracts import Operation
from mainstay.errors import CommandRefusedError, InputError, Permanent
from mainstay.kernel.graph import Cel, Definition, Field, Need, Record
from mainstay.requests.rerun import METHODS

WORDS = {"words": ["one", "two", "three"]}


async def rerun(owner, plan_id, frm=None, *, inputs=(), **choices):
    params = {"plan": plan_id, "start": frm, "choices": choices, "inputs": list(inputs)}
    return await METHODS["rerun"](owner.requests, params, lambda _: None)


async def preview(owner, plan_id, frm=None):
    return await METHODS["rerun_preview"](owner.requests, {"plan": plan_id, "start": frm}, lambda _: None)


async def cancel(owner, plan_id):
    await owner.engine.submit(plan_id, c.CancelPlan(now_us=owner.clock.now_us(), by="operator"))


def same(owner, plan_id):
    from mainstay.kernel.replay import replay

    recorded = owner.ledger.read(f"plan:{plan_id}")
    return replay(plan_id, owner.engine.load(plan_id).graph, recorded).same


CHAIN = plan(do("a", "test.say", "a"), do("b", "test.say", "b", needs=after("a")), agent("c", "echo", needs=after("b")))


def test_p6_a_rerun_of_a_rerun_names_what_the_first_plan_did_and_undoes_it_there(workspace, world):
    async def scenario(owner):
        first, _ = await start(owner, CHAIN)
        second = (await rerun(owner, first, "b", b="adopt"))["plan"]
        found = await preview(owner, second, "b")
        assert [(row["step"], row["plan"]) for row in found["later"]] == [("b", first)]
        with pytest.raises(InputError, match="acted in b"):
            await rerun(owner, second, "b")
        assert world.words() == ["a", "b"]
        third = await rerun(owner, second, "b", b="undo")
        assert third["status"] == "completed"
        assert world.words() == ["a", "b"]
        assert len(facts(owner, first, e.PlanUndone)) == 1
        assert all(same(owner, each) for each in (first, second, third["plan"]))

    run(workspace, world, scenario)


def test_p6_what_was_taken_back_is_not_taken_over(workspace, world):
    async def scenario(owner):
        first, _ = await start(owner, CHAIN)
        second = (await rerun(owner, first, "c"))["plan"]
        await undo(owner, first)
        assert world.words() == []
        for gone in (first, second):
            found = await preview(owner, gone, "c")
            assert (found["taken_over"], found["later"]) == ([], [])
        assert (await rerun(owner, first, "c"))["status"] == "completed"
        assert world.words() == ["a", "b"]

    run(workspace, world, scenario)


def test_p6_a_list_that_did_not_come_to_its_end_can_not_be_adopted(workspace, world):
    async def scenario(owner):
        more = plan(each(do("book", "test.whisper", "")))
        other, standing = await start(owner, more, words=["one", "lost", "three"])
        with pytest.raises(InputError, match="stands at"):
            await rerun(owner, other, "")
        await cancel(owner, other)
        with pytest.raises(InputError, match="not known yet"):
            await rerun(owner, other, "")
        await rule(owner, standing["questions"][0], "did_not_happen")
        (row,) = (await preview(owner, other, ""))["later"]
        assert (row["actions"], row["choices"]) == (2, ["failed", "again"])
        with pytest.raises(InputError, match="did not come to its end"):
            await rerun(owner, other, "", book="adopt")

    run(workspace, world, scenario)


def test_p6_a_no_that_was_adopted_stays_a_no(workspace, world):
    async def scenario(owner):
        used = replace(asking().ask, rejection_used=True)
        steps = (
            asking("may"),
            do("act", "test.say", "act", needs=after("may")),
            agent("tell", "echo", needs=(Need("act", "optional"), Need("may", "optional"))),
        )
        steps = (replace(steps[0], ask=used), *steps[1:])
        first, standing = await start(owner, plan(*steps))
        await rule(owner, standing["questions"][0], "reject")
        found = await preview(owner, first, "tell")
        assert found["taken_over"] == ["may", "act"]
        again = await rerun(owner, first, "tell")
        assert again["status"] == "completed"
        assert world.words() == []
        slots = owner.engine.load(again["plan"]).slots
        assert (slots["may"].status, slots["act"].status) == ("rejected", "skipped")
        assert same(owner, again["plan"])

    run(workspace, world, scenario)


def test_p6_a_step_that_is_adopted_though_its_need_is_skipped_ends_once(workspace, world):
    async def scenario(owner):
        steps = (
            agent("a", "echo"),
            do("b", "test.say", "b", needs=after("a")),
            agent("c", "echo", needs=after("b")),
        )
        first, _ = await start(owner, plan(*steps))
        again = await rerun(owner, first, "a", b="adopt")
        assert again["status"] == "completed"
        assert world.words() == ["b"]
        assert owner.engine.load(again["plan"]).left == 0

    run(workspace, world, scenario)


def test_p6_what_a_sub_plan_did_is_named_also_when_it_did_not_end_well(workspace, world):
    async def scenario(owner):
        reading = child(agent("x", "echo"), returns={})
        inner = child(say("x"), asking("q", needs=after("x")))
        first, _ = await start(owner, parent(sub("s"), child=inner))
        await cancel(owner, first)
        (row,) = (await preview(owner, first, ""))["later"]
        assert (row["step"], row["actions"], row["choices"]) == ("s", 1, ["undo", "again"])
        quiet, _ = await start(owner, parent(sub("s"), child=reading))
        assert (await preview(owner, quiet, ""))["later"] == []
        again = await rerun(owner, first, "", s="undo")
        assert world.words() == ["one"]
        assert again["status"] == "running"

    run(workspace, world, scenario)


def test_p6_a_list_of_more_than_a_hundred_is_adopted_with_its_order(workspace, world):
    async def scenario(owner):
        listed = replace(each(agent("say", "echo")), item="text")
        types = {"inputs": "record(inputs)", "say": "list(record(said))"}
        told = agent("tell", "echo", needs=after("say"))
        long = replace(plan(listed, told), types=types, records=KNOWN)
        first, standing = await start(owner, long, words=[f"w{number}" for number in range(205)])
        assert standing["status"] == "completed"
        again = await rerun(owner, first, "tell")
        (forked,) = facts(owner, again["plan"], e.PlanForked)
        value = owner.payloads.load(forked.adopted[0].output)
        assert [row["word"] for row in value] == [f"w{number}" for number in range(205)]
        assert "agent:echo" in forked.adopted[0].labels
        assert same(owner, again["plan"])

    run(workspace, world, scenario)


def test_p6_labels_of_the_inputs_are_kept(workspace, world):
    async def scenario(owner):
        first, _ = await start(owner, CHAIN)
        proposed = owner.ledger.read(f"plan:{first}")[0].fact
        labelled = "mailed"
        propose = c.ProposePlan(
            now_us=owner.clock.now_us(), definition=proposed.definition, playbook="test", title="T", inputs={},
            labels=("mail.received",),
        )  # fmt: skip
        await owner.engine.submit(labelled, propose, c.ApprovePlan(now_us=owner.clock.now_us(), by="trigger"))
        await owner.requests.follow(labelled, lambda _: None)
        again = await rerun(owner, labelled, "c")
        assert owner.engine.load(again["plan"]).labels == ("mail.received",)

    run(workspace, world, scenario)


def test_p6_of_two_reruns_at_once_one_takes_back(workspace, world):
    async def scenario(owner):
        first, _ = await start(owner, CHAIN)
        both = await asyncio.gather(
            rerun(owner, first, "b", b="undo"), rerun(owner, first, "b", b="undo"), return_exceptions=True
        )
        assert sorted(isinstance(one, (CommandRefusedError, InputError)) for one in both) == [False, True]
        assert world.words() == ["a", "b"]

    run(workspace, world, scenario)


def test_p6_the_same_rerun_asked_twice_at_once_takes_back_once_and_leads_to_one_plan(workspace, world):
    async def scenario(owner):
        first, _ = await start(owner, CHAIN)
        params = {"plan": first, "start": "b", "choices": {"b": "undo"}, "once": "pressed twice"}
        method = owner.requests._methods["rerun"]
        both = await asyncio.gather(*(method(owner.requests, params, lambda _: None) for _ in range(2)))
        assert len({one["plan"] for one in both}) == 1
        assert both[0]["plan"] != first
        assert world.words() == ["a", "b"]

    run(workspace, world, scenario)


def test_p6_the_steps_after_a_checkpoint_all_run_again(workspace, world):
    async def scenario(owner):
        steps = (
            agent("a", "echo", checkpoint=True),
            agent("b", "echo", needs=after("a")),
            agent("d", "echo", needs=after("a")),
            agent("x", "echo"),
        )
        first, _ = await start(owner, plan(*steps))
        found = await preview(owner, first)
        assert (found["from"], found["taken_over"]) == ("b, d", ["a", "x"])

    run(workspace, world, scenario)


def test_p6_a_name_under_let_that_changed_makes_its_steps_run_again():
    from mainstay.kernel.forking import is_same
    from mainstay.kernel.graph import Graph, Literally, Record

    step = replace(agent("a", "echo"), arguments=Record({"word": Cel("due", names=("due",))}))
    was = plan(step, let={"due": Cel("base", names=("base",)), "base": Literally("1")})
    now = plan(step, let={"due": Cel("base", names=("base",)), "base": Literally("2")})
    assert is_same(Graph(was), Graph(was), "a")
    assert not is_same(Graph(was), Graph(now), "a")
    below = parent(sub("s"), child=SAYING)
    assert not is_same(Graph(below), Graph(replace(below, playbooks={"child": child(say("b"))})), "s")


def test_p6_an_undo_that_got_stuck_is_settled_first_and_what_was_left_is_named_again(workspace, world):
    async def fail(call, given):
        del call, given
        raise Permanent("it is gone")

    stuck = Operation(name="test.unsay", summary="Unsay", effect="reversible", call=fail, input=Said, output=Said)

    async def scenario(owner):
        first, _ = await start(owner, CHAIN)
        standing = await rerun(owner, first, "b", b="undo")
        assert (standing["plan"], standing["status"]) == (first, "undoing")
        with pytest.raises(InputError, match="stands at"):
            await rerun(owner, first, "b", b="undo")
        await rule(owner, standing["questions"][0], "skip")
        (row,) = (await preview(owner, first, "b"))["later"]
        assert row["choices"] == ["adopt", "again"]
        assert row["cannot_undo"]
        with pytest.raises(InputError, match="can't be undone"):
            await rerun(owner, first, "b", b="undo")
        assert (await rerun(owner, first, "b", b="adopt"))["status"] == "completed"
        assert world.words() == ["a", "b"]
        assert same(owner, first)

    run(workspace, world, scenario, stuck)


def fickle(broken: set[str], said: list[str]) -> Operation:
    """Says words; those that are broken are refused."""

    async def call(_, given: Word) -> Said:
        if given.word in broken:
            raise Permanent("no")
        said.append(f"{given.number}:{given.word}")
        return Said(given.word)

    return Operation(
        name="test.fickle",
        summary="Say",
        effect="reversible",
        call=call,
        input=Word,
        output=Said,
        cannot_undo="It was heard.",
    )


def listing(**more):
    index = Cel("index", names=("index",), paths=("index",), scope=(("index", "int"),))
    step = each(do("a", "test.fickle", ""), **more)
    step = replace(step, arguments=Record({**step.arguments.fields, "number": index}))
    joined = Cel("join(a.map(x, x.word), ' ')", names=("a",), paths=("a",))
    told = replace(agent("b", "echo", needs=after("a")), arguments=Record({"word": joined}))
    types = {**TYPES, "a": "list(record(said))"}
    records = {**RECORDS, "said": {"word": Field("text"), "token": Field("text")}}
    return Definition(
        name="test", title="A test", steps=(replace(step, at_once=50), told), types=types, records=records
    )


@pytest.mark.parametrize("count", [3, 150])
def test_p6_a_rerun_does_only_what_failed_of_a_list_and_its_value_is_the_whole_list(workspace, world, count):
    words = [f"w{number}" for number in range(count)]
    bad = {words[1], words[-1]}
    broken, said = set(bad), []

    async def scenario(owner):
        first, standing = await start(owner, listing(), words=words)
        await cancel(owner, first)
        found = await preview(owner, first, "a")
        before = len(said)
        broken.clear()
        standing = await rerun(owner, first, "a", a="failed")
        again = owner.engine.load(standing["plan"])
        value = owner.payloads.load(again.slots["b"].output)
        return found["later"], before, standing["status"], value, again.slots["a"].count, same(owner, standing["plan"])

    later, before, status, value, ran, replayed = run(workspace, world, scenario, fickle(broken, said), seconds=60)
    assert (later[0]["choices"], later[0]["actions"]) == (["failed", "again"], count - 2)
    assert (status, before, ran, replayed) == ("completed", count - 2, 2, True)
    assert value["word"] == " ".join(words)
    assert sorted(said[before:]) == sorted(f"{words.index(word)}:{word}" for word in bad), "each in its own place"


def test_p6_what_failed_again_is_what_the_next_rerun_does_and_names_both_plans_that_acted(workspace, world):
    words, broken, said = ["one", "two", "three", "four"], {"two", "four"}, []

    async def scenario(owner):
        first, _ = await start(owner, listing(), words=words)
        await cancel(owner, first)
        broken.remove("four")
        second = (await rerun(owner, first, "a", a="failed"))["plan"]
        await cancel(owner, second)
        found = (await preview(owner, second, "a"))["later"]
        broken.clear()
        third = await rerun(owner, second, "a", a="failed")
        value = owner.payloads.load(owner.engine.load(third["plan"]).slots["b"].output)
        return (
            [(row["plan"], row["actions"]) for row in found],
            [(first, 2), (second, 1)],
            third["status"],
            value["word"],
        )

    rows, expected, status, value = run(workspace, world, scenario, fickle(broken, said))
    assert sorted(rows) == sorted(expected)
    assert (status, value) == ("completed", "one two three four")
    assert said == ["0:one", "2:three", "3:four", "1:two"]


def test_p6_an_item_that_a_person_left_out_is_not_done_by_a_rerun_and_one_that_was_undone_is(workspace, world):
    step = replace(each(do("a", "test.say", "")), gate="batch")

    async def scenario(owner):
        first, standing = await start(
            owner, plan(step, agent("z", "broken", needs=after("a"))), words=["one", "two", "three"]
        )
        await rule(owner, standing["questions"][0], "approve", kept=(0, 1))
        await cancel(owner, first)
        with pytest.raises(InputError, match="is no list of which"):
            await rerun(owner, first, "a", a="failed")
        return (await preview(owner, first, "a"))["later"]

    (row,) = run(workspace, world, scenario)
    assert "failed" not in row["choices"], "nothing of it failed"


def test_p6_an_item_that_did_something_before_it_failed_is_not_done_again_unasked(workspace, world):
    """The child plan of the second item said its word, and failed then."""
    inner = child(
        say("x"),
        replace(
            agent("y", "broken"),
            needs=after("x"),
            when=Cel("inputs.word == 'two'", names=("inputs",), paths=("inputs.word",)),
        ),
    )

    async def scenario(owner):
        first, _ = await start(owner, parent(subs("a"), child=inner), words=["one", "two"])
        await cancel(owner, first)
        return (await preview(owner, first, "a"))["later"]

    (row,) = run(workspace, world, scenario)
    assert (row["choices"], row["actions"]) == (["undo", "again"], 2)
