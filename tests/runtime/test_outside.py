"""Events from outside: recorded once, found by who waits, also when they came first (KERNEL T1)."""

from __future__ import annotations

import asyncio

import msgspec
from kit import RECORDS, TYPES, after, agent, do, facts, plan, run, start

from mainstay import events as e
from mainstay.kernel.graph import Awaited, Cel, Field, Record, Step
from mainstay.runtime.intake import Request

MAIL = {"message_id": "<1@x>", "from_address": "ada@example.com", "in_reply_to": "", "subject": "Yes", "text": "fine"}
EVENT = ("event", "record(mail_received)")
WHERE = Cel(
    "event.in_reply_to == said.token",
    names=("event", "said"),
    paths=("event.in_reply_to", "said.token"),
    scope=(EVENT,),
)
TOKEN = Cel("said.token", names=("said",), paths=("said.token",))
LATER = Cel("ready_at + duration('3600s')", names=("ready_at",), paths=("ready_at",))
SOON = Cel("ready_at + duration('0.2s')", names=("ready_at",), paths=("ready_at",))
NAMES = {
    **TYPES,
    "ready_at": "time",
    "said": "record(said)",
    "answer": "record(answer)",
}
FIELDS = {
    **RECORDS,
    "said": {"word": Field("text"), "token": Field("text")},
    "mail_received": {name: Field("text") for name in MAIL},
    "answer": {**{name: Field("text") for name in MAIL}, "timed_out": Field("bool")},
}


def waits(where=WHERE, value=TOKEN, until=LATER, first=True, **more):
    """Say something, wait for a mail that answers it, and say its subject."""
    since = ("said",) if first else ()
    awaited = Awaited("mail.received", where, "in_reply_to" if value else "", value, since)
    wait = Step(name="answer", kind="wait", needs=after("said"), awaited=awaited, until=until)
    subject = Cel("answer.subject", names=("answer",), paths=("answer.subject",))
    told = msgspec.structs.replace(
        do("tell", "test.say", "", needs=after("answer")), arguments=Record({"word": subject})
    )
    definition = plan(do("said", "test.say", "hello"), wait, told, **more)
    return msgspec.structs.replace(definition, types=NAMES, records=FIELDS)


def token(owner, plan_id):
    (done,) = [fact for fact in facts(owner, plan_id, e.EffectDone) if fact.path == "said"]
    return done.output["token"]


async def receive(owner, name="<1@x>", **more):
    future = owner.engine.outside.receive("mail.received", "test", name, {**MAIL, **more})
    if future is not None:
        await future
    return future is not None


def test_t1_a_plan_goes_on_with_the_event_it_waits_for_and_with_no_other(workspace, world):
    async def scenario(owner):
        plan_id, waiting = await start(owner, waits())
        other, _ = await start(owner, waits())
        await receive(owner, "<0@x>", in_reply_to="something else")
        still = owner.engine.load(plan_id).slots["answer"].status
        await receive(owner, in_reply_to=token(owner, plan_id))
        ended = await owner.requests.follow(plan_id, lambda _: None)
        value = owner.engine.load(plan_id).slots["answer"].output
        return (
            waiting["status"],
            still,
            ended["status"],
            value["timed_out"],
            owner.engine.load(other).slots["answer"].status,
        )

    assert run(workspace, world, scenario) == ("running", "waiting", "completed", False, "waiting")
    assert world.words() == ["Yes", "hello", "hello"]


async def until_it_naps(owner, plan_id):
    while getattr(owner.engine.load(plan_id).slots.get("nap"), "status", "") != "waiting":  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def test_t1_an_event_that_came_before_the_wait_began_counts_from_the_step_it_speaks_of(workspace, world):
    """The wait needs a slow step beside the one it speaks of; the answer comes meanwhile."""

    async def scenario(owner):
        definition = waits()
        nap = Step(name="nap", kind="wait", until=SOON, needs=after("said"))
        wait = msgspec.structs.replace(definition.steps[1], needs=after("said", "nap"))
        definition = msgspec.structs.replace(definition, steps=(definition.steps[0], nap, wait, definition.steps[2]))
        plan_id, committed = owner.requests.propose(definition, {})
        await committed
        await until_it_naps(owner, plan_id)
        await receive(owner, in_reply_to=token(owner, plan_id))
        begun = "answer" in owner.engine.load(plan_id).slots
        ended = await owner.requests.follow(plan_id, lambda _: None)
        return begun, ended["status"]

    assert run(workspace, world, scenario) == (False, "completed")
    assert world.words() == ["Yes", "hello"]


def test_t1_what_came_before_the_step_it_speaks_of_does_not_count(workspace, world):
    any_mail = Cel(
        "event.subject == 'Yes' && said.word != ''", ("event", "said"), ("event.subject", "said.word"), (EVENT,)
    )

    async def scenario(owner):
        await receive(owner)
        plan_id, _ = await start(owner, waits(any_mail, None))
        before = owner.engine.load(plan_id).slots["answer"].status
        await receive(owner, "<2@x>")
        return before, (await owner.requests.follow(plan_id, lambda _: None))["status"]

    assert run(workspace, world, scenario) == ("waiting", "completed")


def test_t1_one_occurrence_is_one_event_however_often_it_arrives_f15(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, waits())
        answer = {"in_reply_to": token(owner, plan_id)}
        both = await asyncio.gather(receive(owner, **answer), receive(owner, **answer))
        late = await receive(owner, **answer)
        return both, late, len([event for event in owner.ledger.tail(limit=5000) if event.kind == "EventReceived"])

    assert run(workspace, world, scenario) == ([True, False], False, 1)

    async def after_a_restart(owner):
        return await receive(owner), await receive(owner, "<9@x>")

    assert run(workspace, world, after_a_restart) == (False, True)


def test_a_wait_for_an_event_ends_with_its_time_and_says_so(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, waits(until=SOON))
        ended = await owner.requests.follow(plan_id, lambda _: None)
        return ended["status"], owner.engine.load(plan_id).slots["answer"].output

    status, value = run(workspace, world, scenario)
    assert (status, value) == ("completed", {"timed_out": True})
    assert world.words() == ["", "hello"], "its fields read as empty"


def test_l3_what_is_waited_for_and_what_came_do_not_show_in_plain(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, waits())
        await receive(owner, "<secret-id@x>", in_reply_to="other")
        streams = [row[0] for row in owner.ledger.rows("SELECT name FROM stream")]
        rows = [
            str(row)
            for row in owner.ledger.rows(
                "SELECT * FROM awaited UNION ALL SELECT id, event, source, 1, 1 FROM occurrence"
            )
        ]
        return token(owner, plan_id), streams, rows

    secret, streams, rows = run(workspace, world, scenario)
    assert not [text for text in (*streams, *rows) if secret in text or "secret-id" in text]


def test_one_event_may_be_what_many_wait_for_and_labels_go_along_p1(workspace, world):
    any_mail = Cel("event.subject == 'Yes'", ("event",), ("event.subject",), (EVENT,))

    async def scenario(owner):
        plans = [(await start(owner, waits(any_mail, None, first=False)))[0] for _ in range(5)]
        await receive(owner)
        ended = [(await owner.requests.follow(each, lambda _: None))["status"] for each in plans]
        (prepared,) = [fact for fact in facts(owner, plans[0], e.EffectPrepared) if fact.path == "tell"]
        received = next(event for event in owner.ledger.tail(limit=5000) if event.kind == "EventReceived")
        heard = [event for event in owner.ledger.tail(limit=5000) if event.kind == "WaitEnded"]
        return ended, prepared.labels, {event.cause for event in heard} == {received.id}

    ended, labels, caused = run(workspace, world, scenario)
    assert ended == ["completed"] * 5
    assert "mail.received" in labels
    assert caused


def test_the_end_of_another_plan_is_an_event_also_when_it_came_first(workspace, world):
    where = Cel("event.playbook == 'other'", ("event",), ("event.playbook",), (("event", "record(plan_ended)"),))
    ended = {name: Field("text") for name in ("plan", "playbook", "status", "ending")}

    def listener(since=()):
        wait = Step(
            name="w", kind="wait", awaited=Awaited("plan.ended", where, since=since), until=LATER, needs=after(*since)
        )
        steps = (agent("a", "echo"), wait) if since else (wait,)
        return msgspec.structs.replace(plan(*steps), types={**NAMES}, records={**FIELDS, "plan_ended": ended})

    async def scenario(owner):
        waiting, _ = await start(owner, listener())
        other, _ = await start(owner, msgspec.structs.replace(plan(agent("a", "echo")), name="other"))
        heard = await owner.requests.follow(waiting, lambda _: None)
        return other, heard["status"], owner.engine.load(waiting).slots["w"].output

    other, status, value = run(workspace, world, scenario)
    assert (status, value["plan"], value["status"]) == ("completed", other, "completed")


def test_a_cancelled_plan_hears_nothing_any_more(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, waits())
        await owner.requests.answer(Request("cancel", {"plan": plan_id}, ""), True, lambda _: None)
        await receive(owner, in_reply_to=token(owner, plan_id))
        return owner.engine.load(plan_id).status, owner.ledger.rows("SELECT count(*) FROM awaited")

    assert run(workspace, world, scenario) == ("cancelled", [(0,)])
