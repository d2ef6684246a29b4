"""Budgets that are raised, and those that come, go or are refused half way (requirement G6)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from kit import Said, Word, budget_of, do, each, noon, plan, rule, run, start
from test_budgets import budgeted, pay, pays, question_of, replays

from mainstay.commands import DispatchEffect, PausePlan
from mainstay.contracts import Operation
from mainstay.errors import CommandRefusedError, MainstayError
from mainstay.kernel.budget import Spending
from mainstay.views import Views


def test_g6_what_is_given_to_be_appended_and_refused_leaves_no_trace_in_what_is_counted(workspace, world):
    """Held, settled or raised: the budget stands as it did, or every later fact of it would be refused."""

    async def scenario(owner):
        budgets, now_us = owner.budgets, owner.clock.now_us()
        first = budgets.reserve(Spending("p1/a", "test.say"), now_us, "").appends
        await owner.ledger.append(first)
        budgets.withdraw(budgets.settle("p1/a", now_us, "", happened=True))
        budgets.withdraw(budgets.raise_for(Spending("p1/b", "test.say"), now_us, "p1.b"))
        budgets.withdraw((budgets.raise_by("test.say", "day", "", {"count": 3}, now_us),))
        budgets.withdraw(first)  # on disk: nothing was given since, and nothing is taken back
        stopped = budgets.reserve(Spending("p1/b", "test.say"), now_us, "")
        settled = budgets.settle("p1/a", now_us, "", happened=False)
        await owner.ledger.append(settled)
        await owner.ledger.append(budgets.reserve(Spending("p1/b", "test.say"), now_us, "").appends)
        return stopped.verdict.decision, [one.expected for one in settled], budget_of(owner, "test.say")

    stopped, expected, held = run(budgeted(workspace, '"test.say" = {per_day = 1}'), world, scenario)
    assert (stopped, expected) == ("deny", [1])
    assert held == [("BudgetReserved", 1), ("BudgetSettled", 0), ("BudgetReserved", 1)]


def test_g6_an_outcome_that_finds_no_room_in_its_plan_leaves_the_budget_as_the_history_says(workspace, world):
    """What an append settles is not believed where the append is refused (KERNEL L5)."""

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.whisper", "lost")))
        outcomes, engine = owner.engine.effects.outcomes, owner.engine
        now = engine.load(plan_id)
        beside = outcomes.settled(now, "a", now.slots["a"], happened=True)
        with pytest.raises(CommandRefusedError):
            engine.submit(plan_id, PausePlan(now_us=0, by="x"), PausePlan(now_us=0, by="x"), beside=beside)
        await rule(owner, standing["questions"][0], "happened")
        await start(owner, plan(do("a", "test.whisper", "two")))
        return budget_of(owner, "test.whisper")

    held = run(budgeted(workspace, '"test.whisper" = {per_day = 2}'), world, scenario)
    assert held == [("BudgetReserved", 1), ("BudgetSettled", 1)] * 2


def test_g6_an_approval_of_before_there_was_a_budget_covers_no_price_that_is_not_known(workspace, world):
    """It was approved when nobody counted money: what that costs is a question of its own."""
    paid = []
    operation = pays(paid, effect="irreversible", roles={}, cost=lambda given: None)
    (workspace.root / "mainstay.toml").write_text(
        (workspace.root / "mainstay.toml").read_text() + '\n[delays]\n"test.pay" = "1h"\n'
    )
    workspace = type(workspace)(workspace.root)

    async def first(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.pay", "")))
        assert question_of(owner, standing)["rule"] != "unknown price"
        await rule(owner, standing["questions"][0], "approve")
        return plan_id

    async def second(owner):
        await owner.engine.submit(plan_id, DispatchEffect(now_us=owner.clock.now_us(), path="a", by="operator"))
        standing = await owner.requests.follow(plan_id, lambda _: None)
        question = question_of(owner, standing)
        before = list(paid)
        done = await rule(owner, standing["questions"][0], "approve")
        if done["leaving"]:
            await owner.engine.submit(plan_id, DispatchEffect(now_us=owner.clock.now_us(), path="a", by="operator"))
            done = await owner.requests.follow(plan_id, lambda _: None)
        return question, before, done["status"]

    plan_id = run(workspace, world, first, operation)
    question, before, status = run(
        budgeted(workspace, 'payments = {operations = ["test.pay"], per_day = "5.00 USD"}'), world, second, operation
    )
    assert "What test.pay costs is not known" in question["why"]
    assert (before, len(paid), status) == ([], 1, "completed")


async def raised(owner, name, period, amount, plan_id=""):
    given = {"name": name, "period": period, "amount": amount, "plan": plan_id}
    return await owner.requests._methods["raise_budget"](owner.requests, given, lambda _: None)


def test_g6_what_waits_for_a_budget_leaves_once_it_is_raised_as_much_of_it_as_fits_in(workspace, world):
    async def scenario(owner):
        plans = []
        for word in ("one", "two", "three", "asks"):
            plan_id, standing = await start(owner, plan(do("a", "test.say", word)))
            plans.append(plan_id)
            if standing["questions"] and word != "asks":
                await rule(owner, standing["questions"][0], "wait")
        told = await raised(owner, "test.say", "day", "1")
        where = [owner.requests.standing(plan_id) for plan_id in plans]
        more = await raised(owner, "test.say", "day", "5")
        last = owner.requests.standing(plans[3])
        return (
            told["leaving_now"],
            [one["status"] for one in where],
            len(where[3]["questions"]),
            more["leaving_now"],
            last,
            replays(owner, plans[1]),
        )

    left, stands, asks, more, last, differs = run(budgeted(workspace, '"test.say" = {per_day = 1}'), world, scenario)
    assert (left, asks, more, differs) == (1, 1, 1, "")
    assert stands[:2] == ["completed", "completed"]
    assert world.words() == ["one", "three", "two"]
    assert len(last["questions"]) == 1, "what was not answered is not taken for a yes"


def test_g6_of_a_list_that_waits_for_a_budget_the_first_of_it_leave_first(workspace, world):
    async def scenario(owner):
        words = [f"w{number}" for number in range(13)]
        _, standing = await start(owner, plan(each(do("a", "test.say", "x"))), words=words)
        for decision in standing["questions"]:
            await rule(owner, decision, "wait")
        before = world.words()
        await raised(owner, "test.say", "day", "9")
        return len(before), world.words()

    before, words = run(budgeted(workspace, '"test.say" = {per_day = 1}'), world, scenario)
    assert (before, words) == (1, sorted(f"w{number}" for number in range(10)))


def test_g9_what_waits_for_a_raised_budget_waits_for_its_hours_too(workspace, world):
    path = workspace.root / "mainstay.toml"
    now = datetime.now(ZoneInfo("UTC"))
    hours = f"{(now.hour + 2) % 24:02}:00-{(now.hour + 3) % 24:02}:00"

    async def wait(owner):
        await start(owner, plan(do("a", "test.say", "one")))
        plan_id, standing = await start(owner, plan(do("a", "test.say", "two")))
        await rule(owner, standing["questions"][0], "wait")
        return plan_id

    async def more(owner):
        return await raised(owner, "test.say", "day", "1"), owner.requests.standing(plan_id)["leaving"]

    plan_id = run(budgeted(workspace, '"test.say" = {per_day = 1}'), world, wait)
    path.write_text(f'{path.read_text()}\n[windows]\nlater = "{hours}"\n[delays]\n"test.say" = "later"\n')
    told, leaving = run(type(workspace)(workspace.root), world, more)
    assert (told["leaving_now"], len(leaving), world.words()) == (0, 1, ["one"])


@pytest.mark.parametrize(
    ("period", "plan_id", "says"),
    [("week", "", "not 'week'"), ("plan", "", "of which plan"), ("plan", "nothere", "There is no plan nothere")],
)
def test_g6_a_raise_of_no_period_or_no_plan_is_refused(workspace, world, period, plan_id, says):
    async def scenario(owner):
        with pytest.raises(MainstayError) as caught:
            await raised(owner, "test.say", period, "1", plan_id)
        return caught.value.message, budget_of(owner, "test.say")

    message, held = run(budgeted(workspace, '"test.say" = {per_plan = 1, per_day = 1}'), world, scenario)
    assert says in message
    assert held == []


@pytest.mark.parametrize(
    ("line", "costs", "statuses"),
    [
        ('"test.look" = {per_day = 1}', 0, ["completed", "running"]),
        ('"test.look" = {per_day = 1, operations = ["test.*"]}', 0, ["completed", "completed"]),
        ("everything = {per_day = 1}", 0, ["completed", "completed"]),
        ("everything = {per_day = 1}", 20_000, ["completed", "running"]),
        ('money = {operations = ["test.*"], per_day = "0.03 USD"}', 20_000, ["completed", "running"]),
    ],
)
def test_g6_a_reading_of_a_step_counts_where_it_costs_something_or_is_named(workspace, world, line, costs, statuses):
    """A budget of a kind of actions is about what is done: readings that cost nothing use up none of it."""
    looked = []

    async def look(call, given):
        looked.append(given.word)
        return Said(given.word)

    reads = Operation(
        name="test.look", summary="Look", effect="read", input=Word, output=Said, call=look, cost_usd_micros=costs
    )
    step = msgspec.structs.replace(do("a", "test.look", "x"), effect="read")

    async def scenario(owner):
        stands = [(await start(owner, plan(step)))[1] for _ in range(2)]
        asked = [question_of(owner, one)["card"]["headline"] for one in stands if one["questions"]]
        return [one["status"] for one in stands], asked

    found, asked = run(budgeted(workspace, line), world, scenario, reads)
    assert found == statuses
    assert len(looked) == statuses.count("completed")
    assert all("test.look was stopped: budget" in one for one in asked)


def test_g6_the_word_that_little_is_left_says_what_follows(workspace, world):
    told = []

    async def scenario(owner):
        owner.engine.hearers.append(told.append)
        for _ in range(4):
            await start(owner, plan(do("a", "test.say", "x")))

    line = '"test.say" = {per_day = 5, cheaper = {"test.say" = "test.say"}, batch = "22:00-06:30"}'
    run(budgeted(workspace, line), world, scenario)
    (said,) = told
    assert said.startswith("Budget 'test.say' runs low: 4 of 5 a day. From now on: test.say is done by test.say;")
    assert said.endswith("; what can wait leaves between 22:00 and 06:30.")


@pytest.mark.parametrize("batch", ["{day} 10:00-11:00", "later"])
def test_g9_the_hours_of_a_budget_are_those_of_windows_with_their_days(workspace, world, batch):
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(datetime.now(ZoneInfo("UTC")).weekday() + 3) % 7]
    path = workspace.root / "mainstay.toml"
    path.write_text(f'{path.read_text()}\n[windows]\nlater = "{day} 10:00-11:00"\n')
    told = []

    async def scenario(owner):
        owner.engine.hearers.append(told.append)
        for _ in range(4):
            await start(owner, plan(do("a", "test.say", "x")))
        return (await start(owner, plan(do("a", "test.say", "y"))))[1]["leaving"]

    (leaving,) = run(
        budgeted(workspace, f'"test.say" = {{per_month = 5, batch = "{batch.format(day=day)}"}}'), world, scenario
    )
    leaves = datetime.fromisoformat(leaving["leaves_at"])
    assert (leaves.strftime("%a").lower(), leaves.hour) == (day, 10)
    assert told[0].endswith(f"what can wait leaves between 10:00 and 11:00 of {day}.")


# --- made or changed within a day


def test_g6_a_budget_made_at_noon_counts_what_left_that_morning(workspace, world):
    """Who allows three a day after two left expects one more; what never happened is not among the two."""
    clock = noon()

    async def morning(owner):
        for word in ("one", "two"):
            await start(owner, plan(do("a", "test.say", word)))
        await start(owner, plan(do("a", "test.refuse", "permanent")))

    async def afternoon(owner):
        stands = [(await start(owner, plan(do("a", "test.say", word))))[1] for word in ("three", "four")]
        rows = Views(owner.workspace).budgets(owner.budgets.caps, owner.clock.now_us())
        return [bool(one["questions"]) for one in stands], question_of(owner, stands[1])["card"]["headline"], rows

    run(workspace, world, morning, clock=clock())
    lines = (
        '"test.say" = {per_day = 3}',
        '"test.refuse" = {per_day = 1}',
        'all = {operations = ["test.*"], per_month = 9}',
    )
    stopped, says, rows = run(budgeted(workspace, *lines), world, afternoon, clock=clock())
    assert stopped == [False, True]
    assert "budget 'test.say' allows 3 a day, 3 of that is spent or held" in says
    assert [(row["name"], row["earlier"], row["limits"][0]["spent"]) for row in rows] == [
        ("all", "2", 3),
        ("test.refuse", "", 0),
        ("test.say", "2", 3),
    ]
    again, _, rows = run(
        budgeted(workspace, *lines), world, afternoon, clock=clock()
    )  # and the next start counts nothing twice
    assert (again, [row["limits"][0]["spent"] for row in rows]) == ([True, True], [3, 0, 3])


def test_g6_a_budget_that_counts_something_else_from_now_on_counts_that_since_midnight(workspace, world):
    """Money where there was none, more kinds of actions: as if it had always been so; what was raised stays raised."""
    clock = noon()
    operation = pays([])

    async def spend(owner):
        await start(owner, plan(pay("a", 4000)))
        await start(owner, plan(do("a", "test.say", "one")))

    async def look(owner):
        _, standing = await start(owner, plan(pay("a", 1500)))
        row = Views(owner.workspace).budgets(owner.budgets.caps, owner.clock.now_us())[0]
        return len(standing["questions"]), [(limit["unit"], limit["spent"], limit["most"]) for limit in row["limits"]]

    async def raise_it(owner):
        await raised(owner, "b", "day", "1")
        await spend(owner)

    run(budgeted(workspace, 'b = {operations = ["test.say"], per_day = 5}'), world, raise_it, operation, clock=clock())
    wider = 'b = {operations = ["test.say", "test.pay"], per_day = [5, "50.00 EUR"]}'
    asks, limits = run(budgeted(workspace, wider), world, look, operation, clock=clock())
    assert (asks, limits) == (1, [("count", 2, 6), ("EUR", 40_000_000, 50_000_000)])
    asks, limits = run(budgeted(workspace, wider.replace("50.00", "60.00")), world, look, operation, clock=clock())
    assert (asks, limits) == (0, [("count", 3, 6), ("EUR", 55_000_000, 60_000_000)]), (
        "more of the same counts nothing anew"
    )


def test_g6_what_is_on_its_way_when_a_budget_begins_is_held_and_let_go_where_it_did_not_happen(workspace, world):
    """It may happen, so nothing else takes its part; once it surely did not, its part is free (KERNEL T2)."""
    clock = noon()

    async def lose(owner):
        return await start(owner, plan(do("a", "test.whisper", "lost")))

    async def settle(owner):
        _, second = await start(owner, plan(do("a", "test.whisper", "two")))
        held = Views(owner.workspace).budgets(owner.budgets.caps, owner.clock.now_us())[0]["limits"][0]["held"]
        await rule(owner, lost["questions"][0], "skip")
        done = await rule(owner, second["questions"][0], "retry")
        return held, done["status"], budget_of(owner, "test.whisper")

    _, lost = run(workspace, world, lose, clock=clock())
    held, status, facts = run(budgeted(workspace, '"test.whisper" = {per_day = 1}'), world, settle, clock=clock())
    assert (held, status) == (1, "completed")
    assert facts == [("BudgetSettled", 0), ("BudgetReserved", 1), ("BudgetSettled", 1)]


def test_g6_what_several_hold_at_once_of_a_budget_that_just_began_never_goes_over_it(workspace, world):
    clock = noon()

    async def before(owner):
        await start(owner, plan(each(do("a", "test.say", "x"))), words=["a", "b", "c"])

    async def at_once(owner):
        _, standing = await start(owner, plan(each(do("a", "test.say", "x"))), words=[f"w{n}" for n in range(12)])
        return len(standing["questions"])

    run(workspace, world, before, clock=clock())
    asked = run(budgeted(workspace, '"test.say" = {per_day = 7}'), world, at_once, clock=clock())
    assert (asked, len(world.words())) == (8, 7)
