"""Models and paid reads of agents under budgets: held before the call, charged after it (G6, S68, F20)."""

from __future__ import annotations

import asyncio
import os
import threading

import msgspec
import pytest
from calling_kit import Looked, play, step
from kit import after, plan, rule, start

from mainstay import events as e
from mainstay.contracts import Cost
from mainstay.errors import NotSent, Transient
from mainstay.governance.budgets import Budgets
from mainstay.kernel.budget import COUNT, Cap, Spending
from mainstay.kernel.graph import Retry
from mainstay.views import Views

PRICE = Cost(100_000, 1000)


class Scripted:
    """A model that answers from a script, and has a price."""

    def __init__(self, *errors, price=PRICE, cost=None, dies=0):
        self.asked, self.errors, self.dies = [], list(errors), dies
        self._price, self._cost = price, cost or {}

    def price(self, role, request):
        return self._price

    async def ask(self, role, request):
        self.asked.append(role)
        if len(self.asked) == self.dies:
            os.kill(os.getpid(), 9)
        await asyncio.sleep(0.01)
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        return {"text": f"{role}: {request['request']}", **self._cost}


def played(workspace, world, model, scenario, *lines):
    """Play a scenario with a model, and with these lines under [budgets]."""
    path = workspace.root / "mainstay.toml"
    path.write_text(path.read_text().partition("\n[budgets]")[0] + "\n[budgets]\n" + "\n".join(lines) + "\n")

    async def inside(owner):
        msgspec.structs.force_setattr(owner.engine.parts, "models", model)
        return await scenario(owner)

    return play(type(workspace)(workspace.root), world, inside, looked=Looked())


def counted(owner, kind=e.BudgetSettled):
    return [event.fact for event in owner.ledger.tail(0, 10_000) if isinstance(event.fact, kind)]


async def ask(owner, words, **more):
    plan_id, standing = await start(owner, plan(step("model_askers", words, **more)))
    return plan_id, standing


def test_g6_a_model_is_held_at_its_price_and_charged_what_it_cost(workspace, world):
    model = Scripted(cost={"cost_usd_micros": 20_000, "tokens": 150})

    async def scenario(owner):
        _, standing = await ask(owner, "a")
        return standing["status"], counted(owner, e.BudgetReserved), counted(owner)

    line = 'models = {operations = ["model.*"], per_day = ["1.00 USD", "5000 tokens"]}'
    status, held, charged = played(workspace, world, model, scenario, line)
    assert status == "completed"
    assert [(one.count, one.cost_usd_micros, one.more) for one in held] == [(1, 100_000, {"tokens": 1000})]
    assert [(one.count, one.cost_usd_micros, one.more) for one in charged] == [(1, 20_000, {"tokens": 150})]


def test_s68_models_asked_all_at_once_never_go_over_their_budget(workspace, world):
    model = Scripted()

    async def scenario(owner):
        _, standing = await ask(owner, " ".join(f"w{number}" for number in range(20)))
        card = Views(owner.workspace).question(standing["questions"][0])["card"]
        asked = len(model.asked)
        raising = {"name": "models", "period": "day", "amount": "10.00 USD"}
        await owner.requests._methods["raise_budget"](owner.requests, raising, lambda _: None)
        done = await rule(owner, standing["questions"][0], "retry")
        return asked, card, done["status"], len(model.asked)

    line = 'models = {operations = ["model.*"], per_day = "0.70 USD"}'
    asked, card, status, in_all = played(workspace, world, model, scenario, line)
    assert asked == 7
    assert "model.draft was stopped: budget 'models' allows 0.70 USD a day" in card["headline"]
    assert "mainstay budget raise NAME --today AMOUNT" in card["remedy"]
    assert (status, in_all) == ("completed", 20), "what was answered before is not asked again"


def test_g6_a_model_without_a_known_price_is_not_asked_under_a_budget_of_money(workspace, world):
    model = Scripted(price=None)

    async def scenario(owner):
        _, standing = await ask(owner, "a")
        return Views(owner.workspace).question(standing["questions"][0])["card"]["headline"]

    line = 'models = {operations = ["model.*"], per_day = "1.00 USD"}'
    told = played(workspace, world, model, scenario, line)
    assert told == "What model.draft costs is not known (its backend names none), and budget 'models' counts it."
    assert model.asked == []


def test_g6_once_most_is_spent_a_cheaper_model_is_asked(workspace, world):
    model = Scripted()

    async def scenario(owner):
        for word in "abcdef":
            await ask(owner, word)

    line = 'models = {operations = ["model.*"], per_day = "0.60 USD", cheaper = {draft = "classify"}}'
    played(workspace, world, model, scenario, line)
    assert model.asked == ["draft"] * 5 + ["classify"]


@pytest.mark.parametrize(("error", "charged"), [(NotSent("no"), 0), (Transient("lost"), 1), (KeyError("a mistake"), 1)])
def test_g6_a_call_that_failed_is_charged_unless_it_surely_was_not_made(workspace, world, error, charged):
    model = Scripted(error)

    async def scenario(owner):
        await ask(owner, "a")
        return counted(owner)[0].count

    assert played(workspace, world, model, scenario, 'models = {operations = ["model.*"], per_day = 9}') == charged


def test_g6_an_agent_has_a_budget_of_its_own_also_for_what_it_reads(workspace, world):
    async def scenario(owner):
        _, standing = await start(
            owner, plan(step("simple", "a"), step("model_askers", "b", name="b", needs=after("draft")))
        )
        return standing["status"], [(fact.holder.partition("/")[2]) for fact in counted(owner, e.BudgetReserved)]

    line = 'mine = {agent = "simple", per_month = 5}'
    status, held = played(workspace, world, Scripted(), scenario, line)
    assert (status, held) == ("completed", ["draft?0.0.0", "draft!2"])


def test_f20_a_call_whose_process_died_is_charged_by_the_next_one(workspace, world):
    line = 'models = {operations = ["model.*"], per_day = 5}'
    child = os.fork()
    if not child:

        async def die(owner):
            await ask(owner, "a")

        played(workspace, world, Scripted(dies=1), die, line)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 9

    async def again(owner):
        plan_id = owner.ledger.rows("SELECT id FROM plan")[0][0]
        done = await owner.requests.follow(plan_id, lambda _: None)
        return done["status"], [fact.count for fact in counted(owner)]

    assert played(workspace, world, Scripted(), again, line) == ("completed", [1, 1])


def test_f20_a_call_that_is_made_again_after_a_crash_does_not_pass_its_budget(workspace, world):
    """It may have been made before, and is charged for that: its own hold of then is no room for it now."""

    async def scenario(owner):
        now_us, call = owner.clock.now_us(), Spending("p1/draft?0.0.0", "model.draft")
        caps = [Cap("models", "day", {COUNT: 1}, ("model.*",))]
        processes = [Budgets(owner.ledger, caps, "UTC", owner.places.last_stream) for _ in range(2)]
        held = processes[0].reserve(call, now_us, "")
        await owner.ledger.append(held.appends)
        again = processes[1].reserve(call, now_us, "")
        return held.verdict, again.verdict and again.verdict.decision, again.appends

    assert played(workspace, world, Scripted(), scenario) == (None, "deny", ())


def test_g6_a_call_that_is_given_up_is_charged_at_once(workspace, world):
    """Its agent's time ran out, or the owner ends: it may have been made, and holds nothing until a restart."""

    class Silent(Scripted):
        async def ask(self, role, request):
            self.asked.append(role)
            await asyncio.Event().wait()

    async def scenario(owner):
        _, standing = await ask(owner, "a", timeout_s=0.5, retry=Retry(attempts=1))
        return standing["questions"], counted(owner, e.BudgetReserved), counted(owner)

    line = 'models = {operations = ["model.*"], per_day = "1.00 USD"}'
    asked, held, charged = played(workspace, world, Silent(), scenario, line)
    assert len(asked) == 1, "it is stuck"
    assert [one.cost_usd_micros for one in charged] == [one.cost_usd_micros for one in held] == [100_000]


@pytest.mark.parametrize("first", [(), ('readings = {operations = ["test.look"], per_day = 99}',)])
def test_t2_a_budget_that_begins_while_a_model_is_asked_holds_that_call_and_charges_what_it_cost(
    workspace, world, first
):
    """Also where nothing was counted at all when the call began."""
    model = Scripted(cost={"cost_usd_micros": 20_000, "tokens": 150})
    models = Cap("models", "day", {"count": 1, "USD": 9_000_000, "tokens": 9000}, ("model.*",))

    async def scenario(owner):
        begun = asyncio.create_task(ask(owner, "a"))
        while not model.asked:  # noqa: ASYNC110 - it is asked for an answer, not to tell
            await asyncio.sleep(0)
        owner.use_limits([models], {})
        _, done = await begun
        _, stopped = await ask(owner, "b")
        return counted(owner), done["status"], stopped["questions"]

    charged, status, questions = played(workspace, world, model, scenario, *first)
    assert [(one.count, one.cost_usd_micros, one.more) for one in charged] == [(1, 20_000, {"tokens": 150})]
    assert (status, len(questions), model.asked) == ("completed", 1, ["draft"])


@pytest.mark.parametrize("first", [(), ('models = {operations = ["model.*"], per_day = 99}',)])
def test_t2_a_second_budget_that_begins_in_the_moment_in_which_a_call_ends_counts_that_call(workspace, world, first):
    """What the first one held was settled, and the answer was not in the history yet: the second missed the call."""
    model = Scripted()
    second = Cap("second", "day", {"count": 1}, ("model.*",))

    async def scenario(owner):
        begun = asyncio.create_task(ask(owner, "a"))
        while not owner.budgets._calls:  # noqa: ASYNC110 - a call is under way
            await asyncio.sleep(0)
        while not model.asked:  # noqa: ASYNC110 - what it holds is on disk
            await asyncio.sleep(0)
        turn = owner.ledger._turn
        turn.acquire()  # the disk takes nothing more
        while owner.budgets._calls:  # noqa: ASYNC110 - it ends
            await asyncio.sleep(0)
        threading.Timer(0.2, turn.release).start()
        owner.use_limits([second], {})
        _, done = await begun
        _, stopped = await ask(owner, "b")
        return done["status"], stopped["questions"]

    status, questions = played(workspace, world, model, scenario, *first)
    assert (status, len(questions), model.asked) == ("completed", 1, ["draft"])
