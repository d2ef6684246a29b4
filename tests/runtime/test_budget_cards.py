"""What a card says of budgets before the yes, and what one budget stopped after it (requirement G2)."""

from __future__ import annotations

import msgspec
from kit import after, do, each, plan, rule, run, start
from test_budgets import budgeted, pay, pays

from mainstay.governance.caps import Entry, caps_of
from mainstay.governance.rules import Rule
from mainstay.governance.throttles import Throttle
from mainstay.kernel.graph import Ask, Literally, Step, Text
from mainstay.views import Views
from mainstay.views.cards import lines_of
from mainstay.views.letting import Bounds


def bounded(owner):
    """Give views that know what bounds actions, as the console's and the command line's do."""
    views = Views(owner.workspace)
    views.bounds = lambda: Bounds(owner.budgets.caps, owner.contracts.operations.get, owner.workspace.config)
    return views


def test_g2_a_card_says_before_the_yes_what_a_budget_lets_through_and_what_it_stops_is_one_question(workspace, world):
    async def scenario(owner):
        words = [f"w{number}" for number in range(8)]
        step = each(do("a", "test.shout", "x", gate="batch"))
        _, asked = await start(owner, plan(step), words=words)
        views, decision = bounded(owner), asked["questions"][0]
        before, as_of = views.question(decision), views.shown(9)[decision]
        assert views.lets(decision, as_of) == tuple(before["lets"])
        stopped = await rule(owner, decision, "approve")
        (group,) = views.together(*views.stopped(views.shown(9)))
        decisions = [row["decision"] for row in group["stuck"]]
        asks = {"decisions": decisions, "choice": "raise", "reason": "", "arguments": None, "pinned": {}}
        told = await owner.requests._methods["remedy"](owner.requests, asks, lambda _: None)
        return before, stopped, group, told["plans"][0]["status"]

    before, stopped, group, status = run(budgeted(workspace, '"test.shout" = {per_day = 3}'), world, scenario)
    lets = "Today's budget 'test.shout' lets 3 of these 8 through; the other 5 ask again after your yes."
    assert before["lets"] == [f"{lets} To let all through, first: mainstay budget raise test.shout --today 5"]
    assert lets in " ".join(text for _, text in lines_of(before))
    assert (len(stopped["questions"]), set(stopped["stopped"].values())) == (5, {"test.shout"})
    says = "Budget 'test.shout' stopped 5 x test.shout: it allows 3 a day, and 3 of that is spent or held."
    assert (group["says"], len(group["stuck"])) == (says, 5)
    assert (status, len(world.words())) == ("completed", 8)


def test_g2_a_card_says_of_dollars_that_an_action_costs_what_a_budget_lets_through(workspace, world):
    async def scenario(owner):
        _, asked = await start(owner, plan(pay("a", 100)))
        views, decision = bounded(owner), asked["questions"][0]
        as_of, bounds = views.shown(9)[decision], views.bounds()
        views.bounds = lambda: bounds._replace(caps=[])
        without = views.lets(decision, as_of)
        views.bounds = lambda: bounds._replace(caps=caps_of("c", Entry(operations=("test.pay",), per_day=5)))
        fits = views.lets(decision, as_of)
        views.bounds = lambda: bounds
        return without, fits, views.lets(decision, as_of)

    one = pays([], effect="irreversible", cost_usd_micros=2_000_000)
    line = 'b = {operations = ["test.pay"], per_day = "1.50 USD"}'
    without, fits, (lets,) = run(budgeted(workspace, line), world, scenario, one)
    assert (without, fits) == ((), ())
    assert lets.startswith("Today's budget 'b' has 1.50 USD left, and this takes 2.00 USD: after your yes it stops")


def test_g2_a_card_names_a_command_for_each_unit_that_is_lacking(workspace, world):
    async def scenario(owner):
        _, asked = await start(owner, plan(pay("a", 6000)))
        return bounded(owner).question(asked["questions"][0])["lets"]

    line = 'b = {operations = ["test.pay"], per_day = [0, "50.00 EUR"]}'
    (lets,) = run(budgeted(workspace, line), world, scenario, pays([], effect="irreversible"))
    ways = 'mainstay budget raise b --today "10.00 EUR"', "mainstay budget raise b --today 1"
    assert sorted(lets.partition(" first: ")[2].split(" and ")) == sorted(ways)


def test_g2_a_card_says_of_money_what_is_left_and_when_an_action_leaves(workspace, world):
    path = workspace.root / "mainstay.toml"
    path.write_text(path.read_text() + '\n[delays]\n"test.pay" = "10m"\n')

    async def scenario(owner):
        asked = [(await start(owner, plan(pay("a", minor))))[1]["questions"][0] for minor in (4000, 6000, 1000)]
        views = bounded(owner)
        found = [views.question(one) for one in asked]
        stops = Rule("enough", "It is enough.", throttle=Throttle("test", 3600, spent={"EUR": 50_000_000}))
        views.bounds = lambda: Bounds((), owner.contracts.operations.get, owner.workspace.config, [stops])
        return *found[:2], [views.question(one)["lets"] for one in asked]

    lines = 'b = {operations = ["test.pay"], per_month = "50.00 EUR"}', 'c = {operations = ["test.say"], per_day = 0}'
    given = budgeted(type(workspace)(workspace.root), *lines)
    fits, over, throttled = run(given, world, scenario, pays([], effect="irreversible"))
    assert fits["lets"] == []
    says = (
        "This month's budget 'b' has 50.00 EUR left, and this takes 60.00 EUR: after your yes it stops, and asks again."
    )
    assert over["lets"] == [f'{says} To let it through, first: mainstay budget raise b --month "10.00 EUR"']
    says = "Your rule 'enough' pauses this playbook at more than 50.00 EUR moved within 1 hour, and this is 60.00 EUR."
    assert throttled == [[], [says], []]
    assert ("leaves", "10 minutes after your yes; until then you can call it back.") in lines_of(over)


def test_g2_a_card_says_a_throttle_will_pause_only_for_money_that_moves_and_not_for_what_it_costs(workspace, world):
    """It said so of an action that costs 2.00 USD and moves nothing, where the throttle counts nothing of it."""

    async def scenario(owner):
        asked = [
            (await start(owner, plan(pay("a", 300, "USD", name))))[1]["questions"][0]
            for name in ("test.pay", "test.ask")
        ]
        stops = Rule("enough", "It is enough.", throttle=Throttle("test", 3600, spent={"USD": 1_000_000}))
        views = Views(owner.workspace)
        views.bounds = lambda: Bounds((), owner.contracts.operations.get, owner.workspace.config, [stops])
        return [views.question(one)["lets"] for one in asked]

    priced = {"effect": "irreversible", "cost_usd_micros": 2_000_000}
    pays_and_asks = pays([], **priced), pays([], "test.ask", **priced, roles={})
    says = "Your rule 'enough' pauses this playbook at more than 1.00 USD moved within 1 hour, and this is 3.00 USD."
    assert run(workspace, world, scenario, *pays_and_asks) == [[says], []]


def test_g2_a_card_says_of_what_a_yes_leads_to_that_its_budget_has_nothing_left(workspace, world):
    """The budget of what is asked about itself is said as before; one with something left is not spoken of."""
    asks = Step(name="review", kind="ask", ask=Ask(Text((Literally("Shall we?"),))))
    needs = after("review")
    steps = plan(asks, do("a", "test.shout", "x", needs=needs), do("b", "test.say", "y", needs=needs))

    async def scenario(owner):
        decision = (await start(owner, steps))[1]["questions"][0]
        views = bounded(owner)
        assert views.lets(decision, views.shown(9)[decision]) == tuple(views.question(decision)["lets"])
        return views.question(decision)["lets"]

    lines = '"test.shout" = {per_day = 0}', '"test.say" = {per_day = 5}'
    says = "Today's budget 'test.shout' has 0 left: what it does not let through asks again."
    assert run(budgeted(workspace, *lines), world, scenario) == [says]


def test_g2_a_card_says_that_nothing_is_left_also_for_what_a_playbook_below_does(workspace, world):
    """Budgets of an operation count what a part of the plan does, and those of a playbook what the one below does."""
    asks = Step(name="review", kind="ask", ask=Ask(Text((Literally("Shall we?"),))))
    books = msgspec.structs.replace(plan(do("b", "test.shout", "x")), name="books")
    below = msgspec.structs.replace(
        plan(Step(name="c", kind="playbook", target="books")), name="below", playbooks={"books": books}
    )
    steps = plan(
        asks, Step(name="a", kind="playbook", target="below", needs=after("review")), playbooks={"below": below}
    )

    async def scenario(owner):
        decision = (await start(owner, steps))[1]["questions"][0]
        views = Views(owner.workspace)
        views.bounds = lambda: Bounds(caps, owner.contracts.operations.get, owner.workspace.config)
        return views.question(decision)["lets"]

    entries = {"by_operation": Entry(operations=("test.shout",), per_day=0)}
    entries |= {name: Entry(playbook=name, per_day=0) for name in ("books", "other")}
    caps = [cap for name, entry in entries.items() for cap in caps_of(name, entry)]
    says = "Today's budget '{}' has 0 left: what it does not let through asks again."
    assert sorted(run(workspace, world, scenario)) == [says.format("books"), says.format("by_operation")]
