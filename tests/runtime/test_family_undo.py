"""Taking back plans with child plans: the order, what settles first, what is left (KERNEL E5)."""

from __future__ import annotations

import pytest
from families import SAYING, asking, cel, child, parent, say, sub, subs, taken_back
from kit import after, do, facts, rule, run, start, undo
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError
from mainstay.kernel.graph import Literally, Record, Repeat, Text
from mainstay.requests.methods import METHODS
from mainstay.sentences import say as told
from mainstay.views import Views


def test_a_family_is_taken_back_the_last_outcome_first_e5(workspace, world):
    async def scenario(owner):
        middle = child(sub("m"), say("c", needs=after("m")))
        middle = replace(middle, playbooks={"child": SAYING})
        steps = do("p", "test.say", "p"), sub("s", needs=after("p")), do("q", "test.say", "q", needs=after("s"))
        plan_id, _ = await start(owner, parent(*steps, child=middle))
        ended = await undo(owner, plan_id)
        return ended["status"], [path.removeprefix(plan_id) for path in taken_back(owner)]

    assert run(workspace, world, scenario) == ("undone", ["/q", "-s/c", "-s-m/a", "/p"])
    assert world.words() == []


def test_a_child_plan_is_taken_back_as_a_whole_where_it_ended_e5(workspace, world):
    """What was done while it ran, in its parent or in another child plan, is taken back after it."""

    async def scenario(owner):
        below = child(say("a"), asking(needs=after("a")), say("b", needs=after("q")))
        between = asking("w"), do("p", "test.say", "p", needs=after("w"))
        plan_id, standing = await start(owner, parent(sub("s"), *between, child=below))
        mine = next(question for question in standing["questions"] if "-" not in question)
        await rule(owner, mine, "approve")
        theirs = next(question for question in standing["questions"] if "-" in question)
        await owner.requests.rule(theirs, {"choice": "approve"})
        await owner.requests.follow(plan_id, lambda _: None)
        await undo(owner, plan_id)
        return [path.removeprefix(plan_id) for path in taken_back(owner)]

    assert run(workspace, world, scenario) == ["-s/b", "-s/a", "/p"]


def test_child_plans_of_a_list_are_taken_back_in_reverse_order_of_their_ends_e5(workspace, world):
    async def scenario(owner):
        below = child(asking(), say("a", needs=after("q")))
        plan_id, standing = await start(owner, parent(subs("s"), child=below), words=["one", "two", "three"])
        for number in (2, 3, 1):
            question = next(one for one in standing["questions"] if f"-s-{number}." in one)
            await owner.requests.rule(question, {"choice": "approve"})
            await owner.requests.follow(plan_id, lambda _: None)
        await undo(owner, plan_id)
        return [path.removeprefix(plan_id) for path in taken_back(owner)]

    assert run(workspace, world, scenario) == ["-s-1/a", "-s-3/a", "-s-2/a"]
    assert world.words() == []


def test_the_rounds_of_a_loop_are_taken_back_the_last_one_first_e5(workspace, world):
    own = (("last", "record(out)"), ("round", "int"))
    word = Text((cel("string(round)", "round", scope=own),))
    repeat = Repeat(until=cel("round == 3", "round", scope=own), max=5)
    loop = replace(sub("r", kind="repeat"), arguments=Record({"word": word}), repeat=repeat)

    async def scenario(owner):
        plan_id, _ = await start(owner, parent(loop, child=SAYING))
        await undo(owner, plan_id)
        return [path.removeprefix(plan_id) for path in taken_back(owner)]

    assert run(workspace, world, scenario) == ["-r-r3/a", "-r-r2/a", "-r/a"]


def test_child_plans_under_way_are_ended_and_taken_back_first_e5(workspace, world):
    async def scenario(owner):
        below = child(say("a"), asking(needs=after("a")))
        plan_id, _ = await start(owner, parent(sub("s"), do("p", "test.say", "p"), child=below))
        ended = await undo(owner, plan_id)
        return ended["status"], ended["questions"], [path.removeprefix(plan_id) for path in taken_back(owner)]

    assert run(workspace, world, scenario) == ("undone", [], ["-s/a", "/p"])


@pytest.mark.parametrize("deep", [False, True])
def test_a_child_plans_uncertain_action_is_settled_before_anything_is_taken_back_e5(workspace, world, deep):
    async def scenario(owner):
        below = child(say("a"), say("b", Literally("lost it"), "test.whisper", needs=after("a")))
        below = replace(child(sub("m")), playbooks={"child": below}) if deep else below
        plan_id, _ = await start(owner, parent(sub("s"), do("p", "test.say", "p"), child=below))
        waits = await undo(owner, plan_id)
        before = taken_back(owner)
        await owner.requests.rule(waits["questions"][0], {"choice": "happened"})
        ended = await owner.requests.follow(plan_id, lambda _: None)
        undone = facts(owner, plan_id, e.PlanUndone)[0]
        return waits["status"], before, ended["status"], undone.left, told(undone), len(taken_back(owner))

    left, said = (("s.m.b",), "Undone, except s: m: b") if deep else (("s.b",), "Undone, except s: b")
    assert run(workspace, world, scenario) == ("undoing", [], "undone", left, said, 2)


def test_what_could_not_be_taken_back_is_listed_by_its_full_name_e5(workspace, world):
    async def scenario(owner):
        whisper = child(say("h", operation="test.whisper"))
        middle = replace(child(sub("m")), playbooks={"child": whisper})
        plan_id, _ = await start(owner, parent(subs("s"), child=middle), words=["one", "two"])
        await undo(owner, plan_id)
        undone = facts(owner, plan_id, e.PlanUndone)[0]
        shown = Views(owner.workspace).show(plan_id)["not_undone"]
        return sorted(undone.left), told(undone), [row["action"] for row in shown]

    left, sentence, shown = run(workspace, world, scenario)
    assert left == ["s/0.m.h", "s/1.m.h"]
    assert "s, item 1: m: h" in sentence
    assert sorted(shown) == ["s, item 1: m: h", "s, item 2: m: h"]


def test_items_of_a_long_list_keep_their_numbers_in_what_is_left_e5(workspace, world):
    async def scenario(owner):
        below = child(say("h", operation="test.whisper"))
        words = [f"w{number:03}" for number in range(102)]
        plan_id, _ = await start(owner, parent(subs("s", at_once=50), child=below), words=words)
        await undo(owner, plan_id)
        return facts(owner, plan_id, e.PlanUndone)[0].left

    left = run(workspace, world, scenario, seconds=100)
    assert set(left) == {f"s/{number}.h" for number in range(102)}


def test_a_child_plan_that_failed_and_its_next_try_are_both_taken_back(workspace, world):
    async def scenario(owner):
        below = child(say("a"), asking(needs=after("a")), say("b", needs=after("q")))
        plan_id, _ = await start(owner, parent(sub("s"), child=below))
        await owner.engine.submit(f"{plan_id}-s", c.CancelPlan(now_us=owner.clock.now_us(), by="operator"))
        stuck = await owner.requests.follow(plan_id, lambda _: None)
        again = await rule(owner, stuck["questions"][0], "retry")
        await owner.requests.rule(again["questions"][0], {"choice": "approve"})
        await owner.requests.follow(plan_id, lambda _: None)
        words = world.words()
        await undo(owner, plan_id)
        return words, [path.removeprefix(plan_id) for path in taken_back(owner)]

    words, back = run(workspace, world, scenario)
    assert words == ["one", "one", "one"]
    assert back == ["-s-r2/b", "-s-r2/a", "-s/a"]


# --- one child plan alone


async def ask_undo(owner, plan_id):
    return await METHODS["undo"](owner.requests, {"plan": plan_id}, lambda _: None)


def test_a_child_plan_whose_value_is_in_use_is_not_taken_back_alone(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, parent(sub("s"), asking(needs=after("s")), child=SAYING))
        with pytest.raises(CommandRefusedError, match=f"belongs to plan {plan_id}") as refused:
            await ask_undo(owner, f"{plan_id}-s")
        return plan_id, refused.value.remedy

    plan_id, remedy = run(workspace, world, scenario)
    assert f"mainstay undo {plan_id}" in remedy
    assert world.words() == ["one"]


def test_a_child_plan_is_taken_back_alone_once_its_parent_ended_and_not_again_with_it_e5(workspace, world):
    async def scenario(owner):
        steps = sub("s"), do("p", "test.say", "p")
        plan_id, _ = await start(owner, parent(*steps, child=SAYING))
        alone = await ask_undo(owner, f"{plan_id}-s")
        both = await ask_undo(owner, plan_id)
        return alone["status"], both["status"], [path.removeprefix(plan_id) for path in taken_back(owner)]

    assert run(workspace, world, scenario) == ("undone", "undone", ["-s/a", "/p"])


def test_a_rejected_question_in_a_child_plan_takes_the_child_back_and_asks_about_its_step(workspace, world):
    async def scenario(owner):
        below = child(say("a"), asking(needs=after("a")))
        plan_id, standing = await start(owner, parent(sub("s"), do("p", "test.say", "p"), child=below))
        await owner.requests.rule(standing["questions"][0], {"choice": "reject"})
        stuck = await owner.requests.follow(plan_id, lambda _: None)
        ended = await rule(owner, stuck["questions"][0], "skip")
        return owner.engine.load(f"{plan_id}-s").status, ended["status"], ended["left_out"]

    assert run(workspace, world, scenario) == ("undone", "completed", ["s"])
    assert world.words() == ["p"]


def test_what_an_undo_would_take_back_is_listed_with_the_child_plans_in_order(workspace, world):
    async def scenario(owner):
        below = child(say("a"), say("b", operation="test.whisper", needs=after("a")), say("c", needs=after("b")))
        plan_id, _ = await start(owner, parent(sub("s"), do("p", "test.say", "p", needs=after("s")), child=below))
        listed = Views(owner.workspace).undo_list(plan_id, owner.contracts)
        return [row["action"] for row in listed["possible"]], [row["action"] for row in listed["impossible"]]

    assert run(workspace, world, scenario) == (["p", "s: c", "s: a"], ["s: b"])
