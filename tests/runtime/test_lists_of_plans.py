"""Lists whose items are child plans, and feedback loops, on a real ledger (KERNEL P2)."""

from __future__ import annotations

import asyncio

import pytest
from families import ONE, SAYING, asking, cel, child, children_of, parent, say, sub, subs
from kit import Said, Word, after, do, each, facts, plan, rule, run, start
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.contracts import Operation
from mainstay.errors import NotSent, Permanent
from mainstay.kernel.graph import Need, Record, Repeat, Retry, Text

OWN = (("last", "record(out)"), ("round", "int"))


# --- one child plan per item


def test_a_list_of_sub_plans_gives_their_returns_in_order_p2(workspace, world):
    async def scenario(owner):
        joined = cel("join(s.map(x, x.word), '+')", "s")
        plan_id, standing = await start(
            owner,
            parent(subs("s"), say("b", joined, needs=after("s")), child=SAYING),
            words=["one", "two", "three"],
        )
        return plan_id, standing["status"], children_of(owner, plan_id)

    plan_id, status, children = run(workspace, world, scenario)
    assert status == "completed"
    assert children == [f"{plan_id}-s-{number}" for number in (1, 2, 3)]
    assert "one+two+three" in world.words()


def test_a_failed_sub_plan_of_a_list_is_null_within_the_allowance(workspace, world):
    refusing = child(replace(say("a"), when=cel("inputs.word != 'bad'", "inputs")), bad_step())
    refusing = replace(refusing, returns={"word": cel("a.word", "a")})

    async def scenario(owner):
        step = subs("s", allow_failures_pct=50)
        told = say("b", cel("string(size(s)) + s[0].word + s[1].word", "s"), needs=after("s"))
        plan_id, standing = await start(owner, parent(step, told, child=refusing), words=["good", "bad"])
        slots = owner.engine.load(plan_id).slots
        return standing["status"], slots["s/0"].status, slots["s/1"].status

    assert run(workspace, world, scenario) == ("completed", "done", "failed")
    assert world.words() == ["2good", "good"]


def bad_step(word="bad"):
    wrong = cel(f"inputs.word == '{word}'", "inputs")
    return replace(do("x", "test.refuse", "permanent", on_failure="undo"), when=wrong)


def test_only_so_many_sub_plans_work_at_once_and_one_that_waits_holds_no_place_p3(workspace, world):
    async def scenario(owner):
        below = child(asking(), say("a", needs=after("q")))
        plan_id, standing = await start(owner, parent(subs("s", at_once=1), child=below), words=["one", "two", "three"])
        for question in standing["questions"]:
            await owner.requests.rule(question, {"choice": "approve"})
        ended = await owner.requests.follow(plan_id, lambda _: None)
        return len(standing["questions"]), ended["status"]

    assert run(workspace, world, scenario) == (3, "completed")
    assert world.words() == ["one", "three", "two"]


def test_sub_plans_that_work_are_never_more_than_at_once(workspace, world):
    async def scenario(owner):
        below = child(replace(do("a", "test.slow", "x"), timeout_s=5.0, arguments=Record({"word": ONE})), say("b"))
        below = replace(below, steps=(below.steps[0], replace(below.steps[1], needs=after("a"))))
        plan_id, standing = await start(
            owner, parent(subs("s", at_once=2), child=below), words=[f"w{number}" for number in range(6)]
        )
        going, most = set(), 0
        for event in owner.ledger.tail():
            if event.plan.startswith(f"{plan_id}-s-"):
                going.add(event.plan)
                if event.kind == "PlanCompleted":
                    going.discard(event.plan)
                most = max(most, len(going))
        return standing["status"], most

    assert run(workspace, world, scenario) == ("completed", 2)


def test_a_hundred_sub_plans_leave_room_in_the_history_l8(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(
            owner, parent(subs("s"), child=SAYING), words=[f"w{number:03}" for number in range(100)]
        )
        return standing["status"], len(facts(owner, plan_id))

    status, count = run(workspace, world, scenario, seconds=90)
    assert status == "completed"
    assert count < 500
    assert len(world.words()) == 100


def test_over_a_hundred_items_become_parts_whose_items_are_sub_plans_p2(workspace, world):
    async def scenario(owner):
        told = say("b", cel("string(size(s)) + s[103].word", "s"), needs=after("s"))
        plan_id, standing = await start(
            owner, parent(subs("s"), told, child=SAYING), words=[f"w{number:03}" for number in range(104)]
        )
        parts = children_of(owner, plan_id)
        return plan_id, standing["status"], parts, children_of(owner, parts[1])

    plan_id, status, parts, last = run(workspace, world, scenario, seconds=90)
    assert status == "completed"
    assert parts == [f"{plan_id}-s-1", f"{plan_id}-s-2"]
    assert last == [f"{plan_id}-s-2-s-{number}" for number in (1, 2, 3, 4)]
    assert "104w103" in world.words()


def test_an_allowance_counts_over_all_parts_of_a_long_list_p2(workspace, world):
    """150 items may have 15 failures: all of them in the first part are fine, and leave none for the second."""

    async def scenario(owner, bad):
        words = ["permanent" if number in bad else "" for number in range(150)]
        step = replace(each(do("a", "test.picky", "")), allow_failures_pct=10, at_once=50)
        _, standing = await start(owner, plan(step), words=words)
        return standing["status"], len(standing["questions"])

    assert run(workspace, world, lambda owner: scenario(owner, range(15)), picky(), seconds=60) == ("completed", 0)
    many = {*range(15), 120}
    assert run(workspace, world, lambda owner: scenario(owner, many), picky(), seconds=60) == ("running", 1)


def test_p2_a_part_that_only_waits_for_you_does_not_hold_back_the_next(workspace, world):
    """The first and the second part of 250 items have one that is stuck: all others go on, and the step waits."""

    async def scenario(owner):
        words = ["no" if number in (3, 120) else "" for number in range(250)]
        plan_id, standing = await start(owner, plan(replace(each(do("a", "test.picky", "")), at_once=50)), words=words)
        parts = [owner.engine.load(f"{plan_id}-a-{number}") for number in (1, 2, 3)]
        stood = [part.status for part in parts], standing["status"], len(standing["questions"])
        second, first = sorted(standing["questions"], reverse=True)
        await rule(owner, second, "skip")
        await rule(owner, first, "skip")
        ended = await owner.requests.follow(plan_id, lambda _: None)
        begun = [event for event in owner.ledger.tail() if event.kind in ("PlanParked", "PlanApproved")]
        return stood, ended["status"], [(event.plan, event.kind, event.cause) for event in begun], plan_id

    stood, ended, begun, plan_id = run(workspace, world, scenario, picky(), seconds=90)
    assert stood == (["running", "running", "completed"], "running", 2)
    assert ended == "completed"
    approved = [(of, index) for index, (of, kind, _) in enumerate(begun) if kind == "PlanApproved"]
    assert [of for of, _ in approved] == [plan_id, *(f"{plan_id}-a-{number}" for number in (1, 2, 3))]
    for of, index in approved[2:]:
        assert begun[index - 1][:2] == (f"{of[:-1]}{int(of[-1]) - 1}", "PlanParked"), (
            "in the append of its coming to rest"
        )


def test_p2_a_part_that_tries_again_by_itself_holds_back_the_next(workspace, world):
    async def scenario(owner):
        words = ["transient" if number == 3 else "" for number in range(150)]
        retry = Retry(attempts=9, base_s=1e9, cap_s=1e9)
        step = replace(each(do("a", "test.waver", "")), at_once=50, retry=retry)
        plan_id, _ = await start(owner, plan(step), words=words)
        return [owner.engine.load(f"{plan_id}-a-{number}").status for number in (1, 2)]

    async def call(_, given: Word) -> Said:
        if given.word:
            raise NotSent("no")
        return Said("fine")

    waver = replace(picky(), name="test.waver", call=call)
    assert run(workspace, world, scenario, waver, seconds=60) == ["running", "proposed"]


def test_p2_a_part_below_which_a_part_of_another_long_list_works_holds_back_the_next(workspace, world):
    """The first of 101 sub-plans goes over 101 words itself: its own second part has not begun, its first one works."""
    began, go = asyncio.Event(), asyncio.Event()

    async def call(_, given: Word) -> Said:
        began.set()
        await go.wait()
        return Said("fine")

    async def scenario(owner):
        many = cel(f"inputs.word == 'many' ? [{', '.join(['inputs.word'] * 101)}] : []", "inputs")
        below = child(replace(each(do("a", "test.gate", "")), each=many, at_once=200))
        words = ["many", *(["none"] * 100)]
        plan_id, committed = owner.requests.propose(parent(subs("s", at_once=200), child=below), {"words": words})
        await committed
        await began.wait()
        first = f"{plan_id}-s-1"
        while not (  # noqa: ASYNC110 - nothing says that it rests
            owner.engine.load(first).parked and owner.engine.load(first).slots["s"].open == 1
        ):
            await asyncio.sleep(0.01)
        stood = [owner.engine.load(of).status for of in (f"{first}-s-1-a-1", f"{first}-s-1-a-2", f"{plan_id}-s-2")]
        go.set()
        return stood, (await owner.requests.follow(plan_id, lambda _: None))["status"]

    gate = replace(picky(), name="test.gate", call=call)
    stood, ended = run(workspace, world, scenario, gate, seconds=60)
    assert stood == ["running", "proposed", "proposed"]
    assert ended == "completed"


def test_p2_a_paused_list_starts_no_part_and_goes_on_when_it_is_resumed(workspace, world):
    began, go = asyncio.Event(), asyncio.Event()

    async def scenario(owner):
        words = ["no" if number == 3 else "" for number in range(150)]
        step = replace(each(do("a", "test.gate", "")), at_once=200)
        plan_id, committed = owner.requests.propose(plan(step), {"words": words})
        await committed
        await began.wait()
        await owner.engine.submit(plan_id, c.PausePlan(now_us=owner.clock.now_us(), by="operator"))
        go.set()
        await owner.requests.follow(plan_id, lambda _: None)
        paused = [owner.engine.load(f"{plan_id}-a-{number}").status for number in (1, 2)]
        await owner.engine.submit(plan_id, c.ResumePlan(now_us=owner.clock.now_us(), by="operator"))
        await owner.requests.follow(plan_id, lambda _: None)
        return paused, [owner.engine.load(f"{plan_id}-a-{number}").status for number in (1, 2)]

    async def call(_, given: Word) -> Said:
        began.set()
        await go.wait()
        if given.word:
            raise Permanent("no")
        return Said("fine")

    gate = replace(picky(), name="test.gate", call=call)
    paused, then = run(workspace, world, scenario, gate, seconds=60)
    assert paused == ["running", "proposed"]
    assert then == ["running", "completed"]


def picky() -> Operation:
    """Refuses every word but the empty one."""

    async def call(_, given: Word) -> Said:
        if given.word:
            raise Permanent("no")
        return Said("fine")

    return Operation(
        name="test.picky",
        summary="Be picky",
        effect="reversible",
        call=call,
        input=Word,
        output=Said,
        cannot_undo="It was heard.",
    )


def test_a_list_that_fails_beyond_its_allowance_takes_its_way_out(workspace, world):
    async def scenario(owner, count):
        words = ["permanent"] * 2 + [""] * (count - 2)
        step = replace(each(do("a", "test.picky", "")), on_failure="step", way_out="w", at_once=50)
        out = do("w", "test.say", "way out", needs=(Need("a", "failed"),))
        _, standing = await start(owner, plan(step, out, do("b", "test.say", "never", needs=after("a"))), words=words)
        return standing["status"], standing["left_out"]

    for count in (4, 104):
        assert run(workspace, world, lambda owner, count=count: scenario(owner, count), picky(), seconds=60) == (
            "completed",
            ["b"],
        )
    assert world.words() == ["way out", "way out"]


# --- feedback loops


def loop(until: str = "last.word == 'one!!'", most: int = 5, then: str = "ask", **more):
    """Say a word, each round with one more mark."""
    word = Text((cel("round == 1 ? 'one' : last.word + '!'", "round", "last", scope=OWN),))
    repeat = Repeat(until=cel(until, "last", "round", scope=OWN), max=most, then=then)
    return replace(sub("r", ONE, kind="repeat"), arguments=Record({"word": word}), repeat=repeat, **more)


def test_a_loop_runs_until_its_round_is_good_enough_and_is_worth_what_that_returned(workspace, world):
    async def scenario(owner):
        steps = loop(), say("b", cel("r.word + '?'", "r"), needs=after("r"))
        plan_id, standing = await start(owner, parent(*steps, child=SAYING))
        return plan_id, standing["status"], children_of(owner, plan_id)

    plan_id, status, rounds = run(workspace, world, scenario)
    assert status == "completed"
    assert rounds == [f"{plan_id}-r", f"{plan_id}-r-r2", f"{plan_id}-r-r3"]
    assert world.words() == ["one", "one!", "one!!", "one!!?"]


@pytest.mark.parametrize(
    ("then", "status", "step"),
    [("skip", "completed", "skipped"), ("accept", "completed", "done"), ("undo", "undone", "failed")],
)
def test_a_loop_that_is_never_good_enough_does_what_then_says(workspace, world, then, status, step):
    async def scenario(owner):
        plan_id, standing = await start(owner, parent(loop(until="false", most=2, then=then), child=SAYING))
        return standing["status"], owner.engine.load(plan_id).slots["r"].status

    assert run(workspace, world, scenario) == (status, step)
    assert world.words() == ([] if then == "undo" else ["one", "one!"])


@pytest.mark.parametrize(
    ("choice", "ends", "words"), [("accept", "completed", 2), ("skip", "completed", 2), ("undo", "undone", 0)]
)
def test_a_loop_that_is_never_good_enough_asks_with_remedies(workspace, world, choice, ends, words):
    async def scenario(owner):
        plan_id, standing = await start(owner, parent(loop(until="false", most=2), child=SAYING))
        asked = facts(owner, plan_id, e.DecisionAsked)[0]
        return asked.options, (await rule(owner, standing["questions"][0], choice))["status"]

    assert run(workspace, world, scenario) == (("accept", "retry", "skip", "undo"), ends)
    assert len(world.words()) == words


def test_one_more_round_is_a_remedy_and_is_judged_too(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, parent(loop(most=2), child=SAYING))
        return (await rule(owner, standing["questions"][0], "retry"))["status"]

    assert run(workspace, world, scenario) == "completed"
    assert world.words() == ["one", "one!", "one!!"]


def test_a_mistake_in_until_is_stuck_and_the_round_is_judged_again_not_run_again(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, parent(loop(until="[last.word][round] == 'x'"), child=SAYING))
        again = await rule(owner, standing["questions"][0], "retry")
        return children_of(owner, plan_id), standing["questions"], again["questions"]

    rounds, first, second = run(workspace, world, scenario)
    assert len(rounds) == 1
    assert [len(first), len(second)] == [1, 1]
    assert world.words() == ["one"]


def test_a_round_that_fails_is_tried_again_with_what_the_last_good_one_returned(workspace, world):
    async def scenario(owner):
        wrong = bad_step("one!")
        below = child(wrong, say("a"), returns={"word": cel("a.word", "a")})
        plan_id, standing = await start(owner, parent(loop(), child=below))
        again = await rule(owner, standing["questions"][0], "retry")
        given = owner.payloads.load(owner.engine.load(f"{plan_id}-r-r3").inputs)
        return given, len(again["questions"])

    assert run(workspace, world, scenario) == ({"word": "one!"}, 1)
