"""Events from outside: recorded once, found by who waits, also when they came first (KERNEL T1)."""

from __future__ import annotations

import asyncio

import msgspec
from kit import RECORDS, TYPES, after, agent, do, facts, plan, run, start

from mainstay import events as e
from mainstay.kernel.graph import Ask, Awaited, Cel, Field, Literally, Record, Step, Text, Trigger
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
ASK = Step(name="w", kind="ask", ask=Ask(text=Text((Literally("Go on?"),)), rejection_used=True))
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
    """Say something, wait for a mail that answers it, and say its Message-ID: no stranger's word, so nothing asks."""
    since = ("said",) if first else ()
    awaited = Awaited("mail.received", where, "in_reply_to" if value else "", value, since)
    wait = Step(name="answer", kind="wait", needs=after("said"), awaited=awaited, until=until)
    known_as = Cel("answer.message_id", names=("answer",), paths=("answer.message_id",))
    told = msgspec.structs.replace(
        do("tell", "test.say", "", needs=after("answer")), arguments=Record({"word": known_as})
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
    assert world.words() == ["<1@x>", "hello", "hello"]


def test_t1_an_event_that_came_before_the_wait_began_counts_from_the_step_it_speaks_of(workspace, world):
    """The wait needs an answer of the operator's beside the step it speaks of; the mail comes before that."""

    async def scenario(owner):
        definition = waits()
        hold = msgspec.structs.replace(ASK, name="hold", needs=after("said"))
        wait = msgspec.structs.replace(definition.steps[1], needs=after("said", "hold"))
        definition = msgspec.structs.replace(definition, steps=(definition.steps[0], hold, wait, definition.steps[2]))
        plan_id, standing = await start(owner, definition)
        await receive(owner, in_reply_to=token(owner, plan_id))
        begun = "answer" in owner.engine.load(plan_id).slots
        await owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        ended = await owner.requests.follow(plan_id, lambda _: None)
        return begun, ended["status"]

    assert run(workspace, world, scenario) == (False, "completed")
    assert world.words() == ["<1@x>", "hello"]


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


SENDER = Cel("event.from_address", ("event",), ("event.from_address",), (EVENT,))
ENDED = {name: Field("text") for name in ("plan", "playbook", "status", "ending")}
SEEN_END = ("event", "record(plan_ended)")


def ends_of(name):
    return Cel(f"event.playbook == '{name}'", ("event",), ("event.playbook",), (SEEN_END,))


def hears(other, name="test", *steps):
    """A plan that waits for the end of another one, after some steps of its own."""
    before = tuple(step.name for step in steps)
    awaited = Awaited("plan.ended", ends_of(other), since=before)
    wait = Step(name="w", kind="wait", awaited=awaited, until=LATER, needs=after(*before))
    definition = msgspec.structs.replace(plan(*steps, wait), name=name)
    return msgspec.structs.replace(definition, types=NAMES, records={**FIELDS, "plan_ended": ENDED})


def started_by(event, where, name):
    definition = plan(agent("a", "echo"), on=(Trigger(event=event, where=where),))
    return msgspec.structs.replace(definition, name=name, types=NAMES, records={**FIELDS, "plan_ended": ENDED})


async def until(found):
    while not (value := found()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return value


def test_t1_an_end_that_is_on_its_way_to_disk_is_heard_by_who_just_begins_to_wait(workspace, world):
    async def scenario(owner):
        other, _ = await start(owner, msgspec.structs.replace(plan(ASK), name="other"))
        begin_to_wait = owner.engine.outside.wait

        def wait(*given):
            owner.requests.rule(f"{other}.1", {"choice": "approve"})  # queued in this very moment
            begin_to_wait(*given)

        owner.engine.outside.wait = wait
        plan_id, committed = owner.requests.propose(hears("other", "test", agent("a", "echo")), {})
        await committed
        return (await owner.requests.follow(plan_id, lambda _: None))["status"]

    assert run(workspace, world, scenario) == "completed"


def test_t1_an_end_that_follows_from_an_end_in_the_same_commit_is_heard_too(workspace, world):
    async def scenario(owner):
        last, _ = await start(owner, hears("middle", "last"))
        await start(owner, hears("first", "middle"))
        await start(owner, msgspec.structs.replace(plan(agent("a", "echo")), name="first"))
        ended = await owner.requests.follow(last, lambda _: None)
        return ended["status"], owner.engine.load(last).slots["w"].output["status"]

    assert run(workspace, world, scenario) == ("completed", "completed")


def test_t1_a_plan_that_fails_and_is_undone_at_once_has_ended_as_failed(workspace, world):
    async def scenario(owner):
        waiting, _ = await start(owner, hears("other", "test"))
        doomed = do("b", "test.refuse", "permanent", needs=after("a"), on_failure="undo")
        await start(owner, msgspec.structs.replace(plan(do("a", "test.say", "x"), doomed), name="other"))
        await owner.requests.follow(waiting, lambda _: None)
        return owner.engine.load(waiting).slots["w"].output["status"]

    assert run(workspace, world, scenario) == "failed"


def test_k12_the_end_of_a_plan_starts_another_once_and_never_itself_for_ever(workspace, world):
    """Two playbooks that any end starts: each runs once for an end, and their own ends lead to nothing."""

    async def scenario(owner):
        triggered = [started_by("plan.ended", None, name) for name in ("tick", "tock")]
        owner.engine.outside.starting = lambda: triggered
        await start(owner, msgspec.structs.replace(plan(agent("a", "echo")), name="other"))
        names = "SELECT playbook FROM plan WHERE status = 'completed' ORDER BY playbook"
        await until(lambda: len(owner.ledger.rows(names)) == 5)
        await asyncio.sleep(0.2)
        return [row[0] for row in owner.ledger.rows(names)]

    assert run(workspace, world, scenario) == ["other", "tick", "tick", "tock", "tock"]


def test_t1_an_automatic_answer_starts_nothing_and_reaches_who_waits(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, waits())
        owner.engine.outside.starting = lambda: [started_by("mail.received", None, "answers")]
        await receive(owner, in_reply_to=token(owner, plan_id), automatic=True)
        ended = await owner.requests.follow(plan_id, lambda _: None)
        return ended["status"], owner.ledger.rows("SELECT count(*) FROM plan WHERE playbook = 'answers'")

    assert run(workspace, world, scenario) == ("completed", [(0,)])


def test_t1_one_event_reaches_a_thousand_that_wait_in_one_commit(workspace, world):
    any_mail = Cel("event.subject == 'Yes'", ("event",), ("event.subject",), (EVENT,))

    async def scenario(owner):
        asked = [owner.requests.propose(waits(any_mail, None, first=False), {}) for _ in range(1000)]
        await asyncio.gather(*(committed for _, committed in asked))
        waiting = "SELECT count(*) FROM awaited"
        await until(lambda: owner.ledger.rows(waiting) == [(1000,)])
        await receive(owner)
        ended = [event for event in owner.ledger.tail(limit=100_000) if event.kind == "WaitEnded"]
        return len(ended), owner.ledger.rows(waiting)

    assert run(workspace, world, scenario, seconds=60) == (1000, [(0,)])


def test_t2_what_an_event_starts_waits_when_its_key_is_taken(workspace, world):
    key = Cel("inputs.who", names=("inputs",), paths=("inputs.who",))
    keyed = plan(ASK, key=key, on=(Trigger(event="mail.received", arguments=Record({"who": SENDER})),))
    records = {**FIELDS, "inputs": {"who": Field("text")}}
    keyed = msgspec.structs.replace(keyed, types=NAMES, records=records)

    async def scenario(owner):
        owner.engine.outside.starting = lambda: [keyed]
        for number in range(3):
            await receive(owner, f"<{number}@x>", from_address="ada@example.com" if number < 2 else "bob@example.com")
        rows = owner.ledger.rows("SELECT id, status FROM plan ORDER BY proposed_at_us")
        before = [status for _, status in rows]
        await owner.requests.rule(f"{rows[0][0]}.1", {"choice": "approve"})
        return before, owner.engine.load(rows[1][0]).status

    assert run(workspace, world, scenario) == (["running", "approved", "running"], "running")
