"""What moves money or binds legally is read back before anything goes on (KERNEL E4, requirement C11)."""

from __future__ import annotations

import asyncio
import os

import msgspec
import pytest
from kit import Word, after, do, facts, operations, owner_of, plan, rule, run, start, undo

from mainstay import events as e
from mainstay.contracts import Found
from mainstay.errors import Permanent, Transient
from mainstay.kernel.graph import Cel, Field
from mainstay.runtime import confirming
from mainstay.views import Views


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(confirming, "AGAIN_S", (0.05,))


def paying(world, *answers, **more):
    """Make test.say move money; reading it back gives or raises these, one after the other, the last one for ever."""
    told = list(answers)

    async def confirm(call, given, gave):
        assert (given, gave.word) == (Word("one"), "one")
        world.read_back = getattr(world, "read_back", 0) + 1
        answer = told.pop(0) if len(told) > 1 else told[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    say = next(each for each in operations(world) if each.name == "test.say")
    return msgspec.structs.replace(say, binds="money", confirm=confirm, **more)


SEEN = Found("happened", known="it stands in the account")
NOT_YET = Found("unknown", known="it is not booked yet")
OTHERWISE = Found("did_not_happen", known="12.00 EUR were paid, not 21.00")
ALONE = plan(do("a", "test.say", "one"))


def test_e4_it_is_done_once_it_was_read_back(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, ALONE)
        return standing["status"], [fact.how for fact in facts(owner, plan_id, e.EffectConfirmed)]

    assert run(workspace, world, scenario, paying(world, SEEN)) == ("completed", ["it stands in the account"])


@pytest.mark.parametrize("first", [NOT_YET, Transient("the server is down")])
def test_e4_what_is_not_seen_yet_is_read_back_again_and_dependents_wait(workspace, world, first):
    async def scenario(owner):
        slow = plan(do("a", "test.say", "one"), do("b", "test.whisper", "two", needs=after("a")))
        plan_id, standing = await start(owner, slow)
        kinds = [type(fact).__name__ for fact in facts(owner, plan_id)]
        return standing["status"], kinds

    status, kinds = run(workspace, world, scenario, paying(world, first, SEEN))
    assert (status, world.read_back, kinds.count("EffectUnseen")) == ("completed", 2, 1)
    assert kinds.index("EffectConfirmed") < [at for at, kind in enumerate(kinds) if kind == "EffectIntended"][1]
    assert world.words() == ["one", "two"]


@pytest.mark.parametrize(
    ("answer", "within_s", "found"),
    [
        (OTHERWISE, 600, "12.00 EUR were paid, not 21.00"),
        (NOT_YET, 0.2, "it is not booked yet"),
        (Permanent("no such account"), 600, "no such account"),
    ],
)
def test_e4_what_reads_back_otherwise_or_never_is_asked_with_what_was_read(workspace, world, answer, within_s, found):
    async def scenario(owner):
        _, standing = await start(owner, ALONE)
        question = Views(owner.workspace).question(standing["questions"][0])
        done = await rule(owner, standing["questions"][0], "confirmed")
        return question, done["status"]

    more = {"confirm_within_s": within_s, "look_at": "your bank's portal"}
    question, status = run(workspace, world, scenario, paying(world, answer, **more))
    card = question["card"]
    assert (question["kind"], card["found"], card["look at"]) == ("confirm", found, "your bank's portal")
    assert (card["headline"], status) == ("Is this as it should be? Say one", "completed")
    assert question["options"] == ["confirmed", "again", "undo"]


def test_e4_what_binds_and_says_of_no_way_to_read_it_back_is_never_taken_for_confirmed(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, ALONE)
        return len(standing["questions"])

    blind = msgspec.structs.replace(paying(world, SEEN), confirm=None)
    assert run(workspace, world, scenario, blind) == 1


def test_e4_the_operator_can_look_again_or_take_it_back(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, ALONE)
        again = await rule(owner, standing["questions"][0], "again")
        undone = await rule(owner, again["questions"][0], "undo")
        return len(again["questions"]), undone["status"]

    assert run(workspace, world, scenario, paying(world, OTHERWISE)) == (1, "undone")
    assert (world.words(), world.read_back) == ([], 2)


def test_e5_an_undo_does_not_wait_for_a_confirmation(workspace, world):
    async def scenario(owner):
        plan_id, committed = owner.requests.propose(ALONE, {})
        await committed
        for _ in range(500):
            if facts(owner, plan_id, e.EffectUnseen):
                break
            await asyncio.sleep(0.01)
        return (await undo(owner, plan_id))["status"]

    assert run(workspace, world, scenario, paying(world, NOT_YET)) == "undone"
    assert world.words() == []


def test_e4_a_process_that_dies_while_it_reads_back_reads_back_again_and_never_pays_twice(workspace, world):
    child = os.fork()
    if not child:  # dies in the middle of the reading
        say = paying(world, SEEN)

        async def die(call, given, gave):
            os.kill(os.getpid(), 9)

        async def scenario(owner):
            await start(owner, ALONE)

        run(workspace, world, scenario, msgspec.structs.replace(say, confirm=die))
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 9

    async def again():
        async with owner_of(workspace, world, paying(world, SEEN)) as owner:
            plan_id = owner.ledger.rows("SELECT id FROM plan")[0][0]
            return (await owner.requests.follow(plan_id, lambda _: None))["status"]

    assert asyncio.run(asyncio.wait_for(again(), 20)) == "completed"
    assert (world.words(), world.read_back) == (["one"], 1)


def test_e4_nothing_is_read_back_of_what_binds_nobody(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one")))
        return facts(owner, plan_id, e.EffectDone)[0].confirm_by_us, len(facts(owner, plan_id))

    assert run(workspace, world, scenario) == (None, 7)


@pytest.mark.parametrize(("choice", "status", "words"), [("confirmed", "completed", ["no"]), ("undo", "undone", [])])
def test_an_action_whose_result_does_not_pass_its_check_is_asked_about_and_not_done_again(
    workspace, world, choice, status, words
):
    """PLAYBOOKS, `check`: it happened, so it is no failure that could be tried again."""
    check = Cel("out.word == 'yes'", names=("out",), paths=("out.word",), scope=(("out", "record(said)"),))
    records = {"said": {"word": Field("text"), "token": Field("text")}}

    async def scenario(owner):
        checked = plan(do("a", "test.say", "no", check=check), do("b", "test.slow", "x", needs=after("a")))
        plan_id, standing = await start(owner, with_records(checked, records))
        card = Views(owner.workspace).question(standing["questions"][0])["card"]
        stood = owner.engine.load(plan_id).slots.get("b")
        done = await rule(owner, standing["questions"][0], choice)
        return card["found"], stood, done["status"]

    found, stood, ended = run(workspace, world, scenario)
    assert (found, stood, ended) == ("its result does not pass its check: out.word == 'yes'", None, status)
    assert world.words() == words


def with_records(definition, records):
    return msgspec.structs.replace(definition, records={**definition.records, **records})
