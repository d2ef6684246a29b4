"""Budgets over whole plans (requirement G6): what counts, what asks, what stops, and how it goes on."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from kit import MovedClock, after, budget_of, do, each, facts, plan, rule, run, start, undo
from rich.console import Console

from mainstay import events as e
from mainstay.app import contracts_to_read, limits_of
from mainstay.cli.card import draw_card
from mainstay.contracts import Cost, Operation
from mainstay.errors import FileError, MainstayError
from mainstay.governance.budgets import Budgets
from mainstay.governance.caps import Entry, caps_of
from mainstay.kernel.budget import Spending
from mainstay.kernel.graph import Literally, Record
from mainstay.kernel.replay import replay
from mainstay.values import SECOND_US, Money
from mainstay.views import Views


def budgeted(workspace, *lines):
    """Give the workspace with these lines under [budgets]."""
    path = workspace.root / "mainstay.toml"
    path.write_text(path.read_text().partition("\n[budgets]")[0] + "\n[budgets]\n" + "\n".join(lines) + "\n")
    return type(workspace)(workspace.root)


class Sum(msgspec.Struct, frozen=True):
    """What is paid."""

    money: Money | None = None


class Paid(msgspec.Struct, frozen=True):
    reference: str = ""
    cents: int = 0


def pays(paid, name="test.pay", **more):
    async def call(call, given):
        paid.append(str(given.money))
        return Paid(call.token, 3)

    settings = {"effect": "reversible", "cannot_undo": "It is paid.", "roles": {"money": "amount"}, **more}
    return Operation(name=name, summary="Pay", input=Sum, output=Paid, call=call, **settings)


def pay(name, minor, currency="EUR", operation="test.pay", **more):
    arguments = Record({"money": Record({"minor": Literally(minor), "currency": Literally(currency)})})
    return msgspec.structs.replace(do(name, operation, "", **more), arguments=arguments)


def question_of(owner, standing):
    return Views(owner.workspace).question(standing["questions"][0])


def replays(owner, plan_id):
    recorded = owner.ledger.read(f"plan:{plan_id}")
    return replay(plan_id, owner.engine.graph(recorded[0].fact.definition), recorded).difference


def test_g6_an_action_that_nothing_counts_is_not_looked_for_in_the_history(workspace, world):
    """Only what was held before a restart has to be found there: else each action would cost a reading of its plan."""
    looked = []

    async def scenario(owner):
        read, tail = owner.ledger.read, owner.ledger.tail
        owner.ledger.read = lambda *given: looked.append(given) or read(*given)
        owner.ledger.tail = lambda *given: looked.append(given) or tail(*given)
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one")))
        return standing["status"], [given for given in looked if given[0] == f"plan:{plan_id}" or len(given) > 1]

    assert run(workspace, world, scenario) == ("completed", [])
    assert world.words() == ["one"]


# --- a cap that stops


def test_g6_what_a_cap_stops_is_one_question_with_all_ways_on(workspace, world):
    async def scenario(owner):
        await start(owner, plan(do("a", "test.say", "one")))
        _, standing = await start(owner, plan(do("a", "test.say", "two")))
        return question_of(owner, standing)

    question = run(budgeted(workspace, '"test.say" = {per_day = 1}'), world, scenario)
    assert question["options"] == ["raise", "wait", "retry", "skip", "undo"]
    says = "test.say was stopped: budget 'test.say' allows 1 a day, 1 of that is spent or held, and this needs 1 more."
    assert question["card"]["headline"] == says
    for way in (
        "raise it for now",
        "let it wait until",
        "for good",
        "mainstay.toml",
        "leave this out",
        "stop the plan",
    ):
        assert way in question["card"]["remedy"].lower()
    assert world.words() == ["one"]


def test_g6_a_budget_raised_for_now_lets_go_on_what_was_stopped_and_nothing_else(workspace, world):
    """What was approved stays approved: the same action leaves without a second question."""

    async def inside(owner):
        _, asked = await start(owner, plan(do("a", "test.shout", "one")))
        await rule(owner, asked["questions"][0], "approve")
        second, asked = await start(owner, plan(do("a", "test.shout", "two")))
        stopped = await rule(owner, asked["questions"][0], "approve")
        done = await rule(owner, stopped["questions"][0], "raise")
        _, asked = await start(owner, plan(do("a", "test.shout", "three")))
        again = await rule(owner, asked["questions"][0], "approve")
        raised = [event.fact for event in owner.ledger.tail() if isinstance(event.fact, e.BudgetRaised)]
        told = question_of(owner, again)["card"]["headline"]
        return done["status"], raised, stopped["questions"][0], told, replays(owner, second), owner.ledger.differing()

    status, raised, decision, told, differs, differing = run(
        budgeted(workspace, '"test.shout" = {per_day = 1}'), world, inside
    )
    assert status == "completed"
    assert [(fact.amounts, fact.decision) for fact in raised] == [({"count": 1}, decision)]
    assert "allows 2 a day, 2 of that is spent or held" in told
    assert (differs, differing) == ("", [])
    assert world.words() == ["one", "two"]


def test_g6_a_group_that_is_raised_is_raised_for_each_of_it(workspace, world):
    async def scenario(owner):
        words = [f"w{number}" for number in range(6)]
        _, standing = await start(owner, plan(each(do("a", "test.say", "x"))), words=words)
        for decision in standing["questions"]:  # all are answered before one of them leaves
            owner.requests.rule(decision, {"choice": "raise"})
        done = await owner.requests.follow(standing["plan"], lambda _: None)
        raised = [event.fact.amounts for event in owner.ledger.tail() if isinstance(event.fact, e.BudgetRaised)]
        return done["status"], raised

    status, raised = run(budgeted(workspace, '"test.say" = {per_day = 2}'), world, scenario)
    assert (status, raised) == ("completed", [{"count": 1}] * 4)


@pytest.mark.parametrize("period", ["day", "month"])
def test_g6_what_waits_leaves_by_itself_when_its_budget_begins_anew(workspace, world, period):
    async def scenario(owner):
        await start(owner, plan(do("a", "test.say", "one")))
        plan_id, standing = await start(owner, plan(do("a", "test.say", "two")))
        waits = await rule(owner, standing["questions"][0], "wait")
        leaves = datetime.fromisoformat(waits["leaving"][0]["leaves_at"])
        clock.move((leaves.timestamp() * SECOND_US - owner.clock.now_us()) / SECOND_US + 1)
        while owner.requests.standing(plan_id)["status"] != "completed":  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        await owner.requests.follow(plan_id, lambda _: None)  # and on disk
        return leaves, replays(owner, plan_id), budget_of(owner, "test.say")

    clock = MovedClock()
    leaves, differs, held = run(budgeted(workspace, f'"test.say" = {{per_{period} = 1}}'), world, scenario, clock=clock)
    assert (leaves.hour, leaves.minute, leaves.day if period == "month" else 1) == (0, 0, 1)
    assert differs == ""
    assert held == [("BudgetReserved", 1), ("BudgetSettled", 1)] * 2
    assert world.words() == ["one", "two"]


def test_g6_what_a_plan_may_do_can_not_be_waited_for(workspace, world):
    async def scenario(owner):
        one = plan(do("a", "test.say", "one"), do("b", "test.say", "two", needs=after("a")))
        await start(owner, one)
        _, standing = await start(owner, one)
        return question_of(owner, standing)

    question = run(budgeted(workspace, '"test.say" = {per_plan = 1}'), world, scenario)
    assert question["options"] == ["raise", "retry", "skip", "undo"]
    assert "allows 1 a plan" in question["card"]["headline"]
    assert world.words() == ["one", "one"]


# --- what counts


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('most = {operations = ["test.*"], per_day = 2}', ["one", "two"]),
        ('most = {playbook = "billing", per_day = 2}', None),
        ("everything = {per_day = 2}", ["one", "two"]),
        ('most = {operations = ["mail.*"], per_day = 2}', ["one", "three", "two"]),
        ("everything = {per_day = 9, per_month = 2, per_plan = 9}", ["one", "two"]),
    ],
)
def test_g6_a_budget_counts_what_it_names(workspace, world, line, said):
    if said is None:
        (workspace.root / "playbooks" / "billing.yaml").write_text('playbook: billing\ntitle: "Bill"\nsteps: {}\n')
        said = ["one", "three", "two"]

    async def scenario(owner):
        steps = [do("a", "test.say", "one"), do("b", "test.whisper", "two", needs=after("a"))]
        await start(owner, plan(*steps, do("c", "test.say", "three", needs=after("b"))))

    run(budgeted(workspace, line), world, scenario)
    assert world.words() == said


def test_g6_the_parts_of_a_long_list_count_for_their_plan_and_playbook(workspace, world):
    async def scenario(owner):
        listed = msgspec.structs.replace(plan(each(do("a", "test.say", "x", at_once=50))), name="test")
        _, standing = await start(owner, listed, words=[f"w{number}" for number in range(120)])
        return len(standing["questions"])

    lines = ["everything = {per_plan = 110}", '"test.say" = {per_day = 115}']
    assert run(budgeted(workspace, *lines), world, scenario, seconds=60) == 10
    assert len(world.words()) == 110


def test_g6_money_that_actions_move_is_counted_in_its_currency(workspace, world):
    paid = []

    async def scenario(owner):
        one = plan(pay("a", 30000), pay("b", 19999, needs=after("a")), pay("c", 2, needs=after("b")))
        _, standing = await start(owner, one)
        return question_of(owner, standing)["card"]["headline"]

    lines = ['payments = {operations = ["test.pay"], per_day = "500.00 EUR"}']
    headline = run(budgeted(workspace, *lines), world, scenario, pays(paid))
    assert paid == ["300.00 EUR", "199.99 EUR"]
    assert "allows 500.00 EUR a day, 499.99 EUR of that is spent or held, and this needs 0.02 EUR more" in headline


class Held(msgspec.Struct, frozen=True):
    """What is paid, inside what it is paid for."""

    amount: Money
    fee: Money


class Settled(msgspec.Struct, frozen=True):
    match: Held


def test_g6_money_inside_a_record_is_counted_as_rules_read_it(workspace, world):
    """An amount is given as money, or is the `amount` of what is given: budgets and rules read it in one way."""

    async def call(call, given):
        return Paid(call.token)

    book = Operation(
        name="test.book", summary="Book", input=Settled, output=Paid, call=call, effect="reversible",
        cannot_undo="It is booked.", roles={"match": "amount"},
    )  # fmt: skip
    held = {name: Literally({"minor": minor, "currency": "EUR"}) for name, minor in (("amount", 300), ("fee", 7))}

    async def scenario(owner):
        step = msgspec.structs.replace(do("a", "test.book", ""), arguments=Record({"match": Record(held)}))
        _, standing = await start(owner, plan(step))
        return standing["status"], [event.fact.more for event in owner.ledger.read(stream_of(owner))][-1]

    def stream_of(owner):
        return next(event.stream for event in owner.ledger.tail(0, 1000) if isinstance(event.fact, e.BudgetSettled))

    lines = ['books = {operations = ["test.book"], per_day = "5.00 EUR"}']
    assert run(budgeted(workspace, *lines), world, scenario, book) == ("completed", {"EUR": 3_000_000})


def test_g6_another_currency_asks_and_is_counted_by_a_cap_of_its_own(workspace, world):
    paid = []

    async def scenario(owner):
        _, standing = await start(owner, plan(pay("a", 100, "USD")))
        question = question_of(owner, standing)
        done = await rule(owner, standing["questions"][0], "approve")
        return question["rule"], question["why"], done["status"]

    lines = ['payments = {operations = ["test.pay"], per_day = "500.00 EUR"}']
    asked, why, status = run(budgeted(workspace, *lines), world, scenario, pays(paid))
    assert (asked, status, paid) == ("other currency", "completed", ["1.00 USD"])
    assert why == "It spends 1.00 USD, and budget 'payments' counts EUR only."

    async def again(owner):
        return (await start(owner, plan(pay("a", 100, "USD"))))[1]["status"]

    lines = ['payments = {operations = ["test.pay"], per_day = ["500.00 EUR", "2.00 USD"]}']  # 1.00 of it left before
    assert run(budgeted(workspace, *lines), world, again, pays(paid)) == "completed"


@pytest.mark.parametrize("how", ["no amount", "no price", "breaks"])
def test_g6_a_price_that_is_not_known_asks(workspace, world, how):
    paid = []

    def cost(given):
        if how == "breaks":
            raise KeyError(given)

    more = {} if how == "no amount" else {"cost": cost, "roles": {}}

    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.pay", "")))
        question = question_of(owner, standing)
        return question["rule"], (await rule(owner, standing["questions"][0], "approve"))["status"]

    lines = ['payments = {operations = ["test.pay"], per_day = "5.00 USD"}']
    assert run(budgeted(workspace, *lines), world, scenario, pays(paid, **more)) == ("unknown price", "completed")


def test_g6_what_a_budget_asks_is_called_no_rule_of_the_operators_and_no_rule_is_offered_against_it(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(pay("a", 100, "EUR")))
        console = Console(file=io.StringIO(), width=200)
        draw_card(question_of(owner, standing), console)
        return console.file.getvalue()

    lines = ['payments = {operations = ["test.pay"], per_day = "5.00 USD"}']
    card = run(budgeted(workspace, *lines), world, scenario, pays([]))
    assert "budget 'payments' counts USD only. (what a budget can't count asks)" in card
    assert "mainstay snooze" in card
    assert "policy allow" not in card


def test_g6_a_price_that_is_not_known_asks_nobody_where_no_money_is_counted(workspace, world):
    async def scenario(owner):
        return (await start(owner, plan(do("a", "test.pay", ""))))[1]["status"]

    assert run(budgeted(workspace, '"test.pay" = {per_day = 1}'), world, scenario, pays([])) == "completed"


def test_g6_what_it_cost_really_is_charged_in_the_place_of_what_was_held(workspace, world):
    """Held is the most it can be; the next call has what this one left."""
    paid = []
    priced = {
        "roles": {},
        "cost": lambda given: Cost(usd_micros=600_000, tokens=1000),
        "spent": lambda given, gave: Cost(usd_micros=gave.cents * 10_000, tokens=10),
    }

    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.pay", "")))
        _, second = await start(owner, plan(do("a", "test.pay", "")))
        settled = [event.fact for event in owner.ledger.tail() if isinstance(event.fact, e.BudgetSettled)]
        (done,) = facts(owner, plan_id, e.EffectDone)
        return second["status"], settled[0].cost_usd_micros, settled[0].more, done.cost_usd_micros

    lines = ['all = {operations = ["test.*"], per_day = ["1.00 USD", "1500 tokens"]}']
    got = run(budgeted(workspace, *lines), world, scenario, pays(paid, **priced))
    assert got == ("completed", 30_000, {"tokens": 10}, 30_000)


# --- little is left


def test_g6_at_four_fifths_the_operator_is_told_once_in_a_period(workspace, world):
    told = []

    async def scenario(owner):
        owner.engine.hearers.append(told.append)
        await start(owner, plan(each(do("a", "test.say", "x"))), words=[f"w{number}" for number in range(5)])
        plan_id, _ = await start(owner, plan(each(do("a", "test.whisper", "x"))), words=["a", "b", "c", "d", "e"])
        await undo(owner, plan_id)

    workspace = budgeted(
        workspace, '"test.say" = {per_day = 5}', 'soft = {operations = ["test.whisper"], per_month = 5}'
    )
    run(workspace, world, scenario)
    assert told == [
        "Budget 'test.say' runs low: 4 of 5 a day.",
        "Budget 'soft' runs low: 4 of 5 a month.",
    ]


def test_g6_once_most_is_spent_what_is_cheaper_stands_in(workspace, world):
    paid, cheap = [], []

    async def scenario(owner):
        for _ in range(5):
            await start(owner, plan(pay("a", 100)))

    lines = ['payments = {operations = ["test.*"], per_day = "5.00 EUR", cheaper = {"test.pay" = "test.slowly"}}']
    run(budgeted(workspace, *lines), world, scenario, pays(paid), pays(cheap, "test.slowly"))
    assert (len(paid), len(cheap)) == (4, 1)


def test_g9_once_most_is_spent_the_rest_is_kept_for_its_hours(workspace, world):
    async def scenario(owner):
        await start(owner, plan(each(do("a", "test.say", "x"))), words=["a", "b", "c", "d"])
        plan_id, standing = await start(owner, plan(do("a", "test.say", "e")))
        return standing["leaving"], len(world.words()), facts(owner, plan_id, e.EffectDelayed), owner.clock.now_us()

    now = datetime.now(ZoneInfo("UTC"))
    opens, closes = (now.hour + 2) % 24, (now.hour + 3) % 24
    hours = f"{opens:02}:00-{closes:02}:00"
    workspace = budgeted(workspace, f'"test.say" = {{per_month = 5, batch = "{hours}"}}')
    leaving, said, delayed, now_us = run(workspace, world, scenario)
    assert (len(leaving), said) == (1, 4)
    at = datetime.fromtimestamp(delayed[0].until_us / SECOND_US, UTC)
    assert (at.hour, at.minute) == (opens, 0)
    assert 0 < delayed[0].until_us - now_us <= 3 * 3600 * SECOND_US


# --- crashes, restarts, changes of mainstay.toml


def test_f20_what_was_held_is_settled_also_when_its_budget_is_gone_from_the_settings(workspace, world):
    async def first(owner):
        _, standing = await start(owner, plan(do("a", "test.whisper", "lost")))
        return standing["questions"][0]

    async def second(owner):
        await rule(owner, question, "happened")
        return budget_of(owner, "test.whisper"), budget_of(owner, "everything")

    lines = ['"test.whisper" = {per_day = 2}', "everything = {per_month = 9}"]
    question = run(budgeted(workspace, *lines), world, first)
    both = run(budgeted(workspace), world, second)
    assert both == ([("BudgetReserved", 1), ("BudgetSettled", 1)],) * 2


@pytest.mark.parametrize("line", ["", '"mail.send" = {per_day = 5}'])
def test_what_nothing_counts_is_looked_for_nowhere_when_it_is_settled(workspace, world, line, monkeypatch):
    """The way of an action that no budget counts reads no history."""

    def find(self, holder):
        raise AssertionError(holder)

    monkeypatch.setattr(Budgets, "_find", find)

    async def scenario(owner):
        return (await start(owner, plan(do("a", "test.say", "one"))))[1]["status"]

    assert run(budgeted(workspace, line), world, scenario) == "completed"


# --- mistakes in the settings


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('"mail.sned" = {per_day = 5}', "there is no operation 'mail.sned'; did you mean 'mail.send'?"),
        ("mailsend = {per_day = 5}", "it says not what it counts"),
        ('"mail.send" = {per_dya = 5}', "did you mean 'per_day'?"),
        ('"mail.send" = {per_day = "5 EURO"}', "'5 EURO' is nothing that is counted"),
        ('"mail.send" = {per_day = -5}', "'-5' is nothing that is counted"),
        ('"mail.send" = {per_day = "-5.00 EUR"}', "is below nothing"),
        ('"mail.send" = {per_day = [5, 6]}', "second amount of the same kind"),
        ('"mail.send" = {}', "it has no amount"),
        ('"a:b.c" = {per_day = 5}', "letters, digits"),
        ('"mail.send" = {per_day = 5, batch = "25:00-06:00"}', "no hours such as"),
        ('x = {agent = "drafd", per_day = 5}', "there is no agent 'drafd'; did you mean 'draft'?"),
        ('x = {playbook = "nothing-like-it", per_day = 5}', "there is no playbook 'nothing-like-it'"),
        ('x = {operations = ["mial.*"], per_day = 5}', "there is no operation 'mial.*'"),
        ('"mail.send" = {per_day = 5, cheaper = {"mail.send" = "books.export"}}', "can't stand in for 'mail.send'"),
    ],
)
def test_g6_a_mistake_in_a_budget_is_named_before_anything_happens(workspace, world, line, says):
    async def nothing(owner):
        raise AssertionError

    with pytest.raises(FileError) as caught:
        run(budgeted(workspace, line), world, nothing)
    assert says in caught.value.message
    assert "mainstay.toml" in caught.value.message


def test_g6_models_count_under_their_role_before_there_is_any(workspace, world):
    async def scenario(owner):
        return (await start(owner, plan(do("a", "test.say", "one"))))[1]["status"]

    lines = ['models = {operations = ["model.*"], per_month = ["20.00 USD", "500000 tokens"]}']
    assert run(budgeted(workspace, *lines), world, scenario) == "completed"


def test_g6_what_is_refused_before_it_held_anything_takes_back_no_hold_of_another(workspace, world):
    """Only what a holder reserved itself is taken back with it: else the next reservation counts from a wrong place."""

    def spending(holder, operation="test.say"):
        return Spending(f"p1/{holder}", operation)

    async def scenario(owner):
        budgets, now_us = owner.budgets, owner.clock.now_us()
        first = budgets.reserve(spending("a"), now_us, "")
        budgets.withdraw(budgets.reserve(spending("b", "test.think"), now_us, "").appends)
        second = budgets.reserve(spending("d"), now_us, "")
        budgets.withdraw(second.appends)
        third = budgets.reserve(spending("e"), now_us, "")
        budgets.forget()
        return [one.appends[0].expected for one in (first, second, third)]

    assert run(budgeted(workspace, '"test.say" = {per_day = 5}'), world, scenario) == [0, 1, 1]


def test_a_budget_may_have_a_name_in_the_operators_language():
    assert [cap.name for cap in caps_of("Büro mehr", Entry(operations=("mail.send",), per_day=5))]
    with pytest.raises(ValueError, match="letters, digits"):
        caps_of("Bu\u0308ro", Entry(operations=("mail.send",), per_day=5))  # the same letters in another writing


def test_a_wrong_setting_is_refused_with_its_line(workspace):
    path = workspace.root / "mainstay.toml"
    lines = ["[limits]", '"mail.send" = 2', '"mail.sned" = 2', "[delays]", '"files.write" = "soon"']
    before = len(path.read_text().splitlines())
    path.write_text("\n".join([path.read_text(), *lines[:3]]) + "\n")
    with pytest.raises(MainstayError) as caught:
        limits_of(type(workspace)(workspace.root), contracts_to_read(workspace))
    assert f"mainstay.toml, line {before + 4}: under [limits]: " in caught.value.message
    path.write_text(path.read_text() + "\n".join(lines[3:]))
    with pytest.raises(FileError, match=rf"mainstay.toml, line {before + 6}: under \[delays\], files.write: "):
        type(workspace)(workspace.root)
