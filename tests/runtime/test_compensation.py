"""Taking back: what is found, what it costs, what fails, what can't be (KERNEL E5, FAULTS F17)."""

from __future__ import annotations

import msgspec
import pytest
from kit import capped, do, each, facts, operations, plan, rule, run, start, undo

from mainstay import events as e
from mainstay.contracts import Card, Compensation, Found, to_plain
from mainstay.errors import Permanent, Transient
from mainstay.kernel.graph import Literally, Record, Retry, Step
from mainstay.records import Allocation, Match
from mainstay.values import Money, digest_of
from mainstay.views import Views

QUICK = Retry(attempts=3, base_s=0.001, cap_s=0.001)


def named(world, name, **more):
    return msgspec.structs.replace(next(one for one in operations(world) if one.name == name), **more)


def writes(path, text):
    arguments = Record({"path": Literally(path), "text": Literally(text)})
    return Step(name="write", kind="do", target="files.write", effect="reversible", arguments=arguments)


async def written(owner, text="ours"):
    plan_id, standing = await start(owner, plan(writes("reports/june.md", text)))
    assert standing["status"] == "completed"
    return plan_id, owner.workspace.root / "reports/june.md"


# --- changed state asks


def test_e5_what_is_as_it_was_left_is_taken_back_without_a_word(workspace, world):
    async def scenario(owner):
        plan_id, path = await written(owner)
        return (await undo(owner, plan_id))["status"], path.exists()

    assert run(workspace, world, scenario) == ("undone", False)


@pytest.mark.parametrize(
    ("choices", "status", "left", "there"),
    [
        (("approve",), "undone", (), None),
        (("skip",), "undone", ("write",), "somebody's"),
        (("reject", "skip"), "undone", ("write",), "somebody's"),
        (("reject", "retry"), "undoing", (), "somebody's"),
    ],
)
def test_e5_a_file_that_somebody_changed_since_asks(workspace, world, choices, status, left, there):
    async def scenario(owner):
        plan_id, path = await written(owner)
        path.write_text("somebody's")
        standing = await undo(owner, plan_id)
        card = Views(owner.workspace).question(standing["questions"][0])
        after = standing
        for choice in choices:
            after = await rule(owner, after["questions"][0], choice)
        now = path.read_text() if path.exists() else None
        return card, after["status"], owner.engine.load(plan_id).not_undone, now

    card, *ended = run(workspace, world, scenario)
    assert ended == [status, left, there]
    assert (card["rule"], card["options"]) == ("changed", ["approve", "reject", "skip"])
    assert card["card"]["headline"].startswith("Changed since: ")
    was, now = digest_of(b"ours")[:12], digest_of(b"somebody's")[:12]
    assert f"reports/june.md: it was content {was}, and is content {now}\n" in card["card"]["body"] + "\n"


def test_e5_a_change_between_the_answer_and_the_undo_is_still_found(workspace, world):
    async def scenario(owner):
        plan_id, path = await written(owner)
        path.write_text("somebody's")
        standing = await undo(owner, plan_id)
        path.write_text("somebody else's")
        after = await rule(owner, standing["questions"][0], "approve")
        path.unlink()
        gone = await rule(owner, after["questions"][0], "approve")
        return after["status"], gone["status"]

    assert run(workspace, world, scenario) == ("undoing", "undone"), "what is gone needs no undo"


def test_e5_the_state_is_recorded_with_the_outcome(workspace, world):
    async def scenario(owner):
        plan_id, _ = await written(owner)
        done = facts(owner, plan_id, e.EffectDone)[0]
        return owner.payloads.load(done.undo.arguments)["expected"], owner.payloads.load(done.output)["digest"]

    expected, digest = run(workspace, world, scenario)
    assert expected == digest


def test_e5_a_state_that_can_not_be_read_is_tried_again_and_then_asked_by_name_f17(workspace, world):
    tries = []

    async def state(call, given):
        tries.append(given.word)
        raise Transient("the server is down") if len(tries) < 3 else Permanent("no such account")

    def back(given, said):
        return Compensation("test.unsay", {"word": said.word, "token": said.token}, expects="said")

    async def scenario(owner):
        quick = do("a", "test.say", "one", retry=QUICK)
        plan_id, _ = await start(owner, plan(quick))
        standing = await undo(owner, plan_id)
        return standing["status"], facts(owner, plan_id, e.StepStuck)[0].path, len(standing["questions"])

    say, unsay = named(world, "test.say", compensate=back), named(world, "test.unsay", relies=state)
    assert run(workspace, world, scenario, say, unsay) == ("undoing", "~a", 1)
    assert (len(tries), world.words()) == (3, ["one"])


def books(name, operation, **arguments):
    given = Record({key: Literally(value) for key, value in arguments.items()})
    return plan(Step(name=name, kind="do", target=operation, effect="reversible", arguments=given))


PARTS = tuple(Allocation("l1", invoice, Money(500, "EUR")) for invoice in ("R1", "R2"))
MATCH = Match("m", "full", ("l1",), ("R1", "R2"), Money(1000, "EUR"), 1.0, "said so", PARTS, booked_on="2026-10-01")


@pytest.mark.parametrize(("removed", "ends"), [(0, "undone"), (1, "undoing"), (2, "undone")])
def test_e5_bookings_of_which_some_were_taken_back_since_ask(workspace, world, removed, ends):
    async def scenario(owner):
        booked, _ = await start(owner, books("book", "books.record_payment", match=to_plain(MATCH)))
        output = owner.payloads.load(facts(owner, booked, e.EffectDone)[0].output)
        ids = [payment["id"] for payment in output["payments"]]
        if removed:
            await start(owner, books("gone", "books.remove_payment", ids=ids[:removed]))
        standing = await undo(owner, booked)
        cards = [Views(owner.workspace).question(question)["card"] for question in standing["questions"]]
        return standing["status"], [card["body"].count("5.00 EUR to R1, and is nothing") for card in cards]

    assert run(workspace, world, scenario) == (ends, [1] if ends == "undoing" else [])


# --- one that fails


@pytest.mark.parametrize(("error", "calls"), [(Transient("down"), 3), (Permanent("no such word"), 1)])
def test_f17_a_compensation_that_fails_is_retried_then_escalated_by_name(workspace, world, error, calls):
    said = []

    async def refuse(call, given):
        said.append(call.token)
        raise type(error)(str(error))

    async def look(call, given):
        return Found("did_not_happen", known="it is still there")

    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one", retry=QUICK)))
        standing = await undo(owner, plan_id)
        left = await rule(owner, standing["questions"][0], "skip")
        return standing["status"], facts(owner, plan_id, e.StepStuck)[0].path, left["status"]

    unsay = named(world, "test.unsay", call=refuse, effect="reversible", settle="lookup", lookup=look,
                  lookup_authoritative=True)  # fmt: skip
    status, path, ended = run(workspace, world, scenario, unsay)
    assert (status, path, ended) == ("undoing", "~a", "undone")
    assert len(said) >= calls


def test_e5_a_compensation_has_none_itself(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one")))
        await undo(owner, plan_id)
        return facts(owner, plan_id, e.EffectDone)[1].undo

    assert run(workspace, world, scenario, named(world, "test.unsay", compensation="test.say")) is None


# --- what it spends


def undo_reserve(owner):
    facts = [event.fact for event in owner.ledger.tail() if event.stream.startswith("budget:undo:test.say:")]
    return [(type(fact).__name__, fact.count) for fact in facts]


def test_e5_an_undo_of_all_that_a_cap_let_happen_fits_its_reserve(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(each(do("a", "test.say", "x"))), words=["one", "two"])
        return (await undo(owner, plan_id))["status"], undo_reserve(owner)

    status, reserve = run(capped(workspace, say=2), world, scenario)
    assert status == "undone"
    assert reserve == [("BudgetReserved", 1), ("BudgetSettled", 1)] * 2


def test_e5_beyond_its_reserve_taking_back_asks_and_goes_on_with_a_yes(workspace, world):
    async def first(owner):
        return (await start(owner, plan(do("a", "test.say", "one"))))[0], (
            await start(owner, plan(do("a", "test.say", "two")))
        )[0]

    one, two = run(workspace, world, first)

    async def second(owner):
        await undo(owner, one)
        asked = await undo(owner, two)
        question = Views(owner.workspace).question(asked["questions"][0])
        done = await rule(owner, asked["questions"][0], "approve")
        return question["rule"], done["status"], undo_reserve(owner)

    asked, status, reserve = run(capped(workspace, say=1), world, second)
    assert (asked, status) == ("undo reserve", "undone")
    assert reserve == [("BudgetReserved", 1), ("BudgetSettled", 1)] * 2
    assert world.words() == []


def test_e5_an_undo_that_was_denied_stays_with_the_operator(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one")))
        asked = await undo(owner, plan_id)
        denied = await rule(owner, asked["questions"][0], "reject", reason="not now")
        return denied["status"], Views(owner.workspace).question(denied["questions"][0])["kind"]

    say = named(world, "test.unsay", effect="irreversible")
    assert run(workspace, world, scenario, say) == ("undoing", "stuck")


# --- what can't be undone is said before


@pytest.mark.parametrize("gate", ["", "each", "batch"])
def test_e5_what_can_not_be_undone_is_said_on_the_card(workspace, world, gate):
    async def scenario(owner):
        step = each(do("a", "test.shout", "x", gate=gate)) if gate else do("a", "test.shout", "x")
        _, standing = await start(owner, plan(step), words=["one", "two"])
        return [Views(owner.workspace).question(question) for question in standing["questions"]]

    bare = named(world, "test.shout", card=lambda _: Card("Shout it"))
    questions = run(workspace, world, scenario, bare)
    assert len(questions) == (2 if gate == "each" else 1)
    for question in questions:
        assert (question["card"].get("cannot_undo") or question["cannot_undo"]) == "It was heard."
