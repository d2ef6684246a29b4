"""Long lists run as child plans: they end, are taken back and are bounded with the plan that began them."""

from __future__ import annotations

from kit import after, do, each, facts, plan, rule, run, start

from mainstay import commands as c
from mainstay.kernel.graph import Ask, Literally, Step, Text
from mainstay.views import Views

ASK = Ask(text=Text((Literally("Really?"),)))


def test_a_list_over_one_hundred_runs_as_child_plans_and_comes_back_in_order(workspace, world):
    words = [f"w{index:03}" for index in range(250)]

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(each(do("a", "test.say", "x"))), words=words)
        shown = Views(owner.workspace).show(plan_id)
        undone = await undo(owner, plan_id)
        return standing["status"], len(shown["parts"]), undone["status"]

    async def undo(owner, plan_id):
        before = world.words()
        assert before == words
        await owner.engine.submit(plan_id, c.UndoPlan(now_us=owner.clock.now_us(), by="operator"))
        return await owner.requests.follow(plan_id, lambda _: None)

    assert run(workspace, world, scenario, seconds=60) == ("completed", 3, "undone")
    assert world.words() == []


def test_cancelling_a_plan_ends_the_child_plans_behind_it(workspace, world):
    words = [f"w{index:03}" for index in range(150)]

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(each(do("a", "test.shout", "x"))), words=words)
        assert len(standing["questions"]) == 150  # a part that only waits for answers holds nothing back
        await owner.engine.submit(plan_id, c.CancelPlan(now_us=owner.clock.now_us(), by="operator"))
        children = [owner.engine.load(f"{plan_id}-a-{number}").status for number in (1, 2)]
        return owner.requests.standing(plan_id)["questions"], children

    assert run(workspace, world, scenario, seconds=60) == ([], ["cancelled", "cancelled"])
    assert world.words() == []


def test_undoing_a_running_plan_takes_back_what_its_child_plans_did_so_far(workspace, world):
    words = [f"w{index:03}" for index in range(150)]

    async def scenario(owner):
        ask = Step(name="q", kind="ask", ask=ASK, needs=after("a"))
        steps = each(do("a", "test.say", "x")), ask, do("b", "test.say", "y", needs=after("q"))
        plan_id, _ = await start(owner, plan(*steps), words=words)
        before = len(world.words())
        await owner.engine.submit(plan_id, c.UndoPlan(now_us=owner.clock.now_us(), by="operator"))
        return before, (await owner.requests.follow(plan_id, lambda _: None))["status"]

    assert run(workspace, world, scenario, seconds=60) == (150, "undone")
    assert world.words() == []


def test_a_child_plan_undone_by_itself_does_not_leave_its_parent_waiting(workspace, world):
    words = [f"w{index:03}" for index in range(101)]

    async def scenario(owner):
        plan_id, _ = await start(owner, plan(each(do("a", "test.shout", "x"))), words=words)
        await owner.engine.submit(f"{plan_id}-a-1", c.UndoPlan(now_us=owner.clock.now_us(), by="operator"))
        return owner.engine.load(plan_id).slots["a"].open

    assert run(workspace, world, scenario, seconds=60) == 1


def test_at_once_holds_over_all_parts_of_a_long_list(workspace, world):
    words = [f"w{index:03}" for index in range(210)]

    async def scenario(owner):
        most = [0]

        def count(*_):
            plans = owner.ledger.rows("SELECT count(*) FROM plan WHERE parent <> '' AND status = 'running'")
            most[0] = max(most[0], plans[0][0])

        owner.engine.listeners.append(count)
        _, standing = await start(owner, plan(each(do("a", "test.say", "x", at_once=2))), words=words)
        return standing["status"], most[0]

    assert run(workspace, world, scenario, seconds=60) == ("completed", 1)
    assert world.words() == words


def test_an_undo_says_what_stays_of_a_long_list_too(workspace, world):
    words = [f"w{index:03}" for index in range(102)]

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(each(do("a", "test.shout", "x"))), words=words)
        first, last = standing["questions"][0], standing["questions"][-1]
        for decision in standing["questions"][1:-1]:
            owner.requests.rule(decision, {"choice": "reject"})
        await rule(owner, first, "approve")
        await rule(owner, last, "approve")
        await owner.engine.submit(plan_id, c.UndoPlan(now_us=owner.clock.now_us(), by="operator"))
        end = await owner.requests.follow(plan_id, lambda _: None)
        return end["status"], facts(owner, plan_id)[-1].left, Views(owner.workspace).replay(plan_id)["same"]

    assert run(workspace, world, scenario, seconds=60) == ("undone", ("a/0", "a/101"), True)
    assert world.words() == ["w000", "w101"]
