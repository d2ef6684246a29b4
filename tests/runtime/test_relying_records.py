"""Mainstay's own operations ask where the record behind them was changed (K20): files, posts, reminders, invoices."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import msgspec
import pytest
from kit import after, facts, plan, rule, run, start, undo

from mainstay import events as e
from mainstay.contracts import to_plain
from mainstay.kernel.graph import Ask, Cel, Literally, Record, Sequence, Step, Text
from mainstay.records import Allocation, Match
from mainstay.values import Money
from mainstay.views import Views

OWED = {"minor": 1000, "currency": "EUR"}


def acts(step, operation, /, *need, effect="reversible", **arguments):
    given = Record({key: Literally(value) for key, value in arguments.items()})
    return Step(name=step, kind="do", target=operation, effect=effect, arguments=given, needs=after(*need))


def approved(step):
    """A plan whose step is covered by a question."""
    return plan(Step(name="ok", kind="ask", ask=Ask(text=Text((Literally("Go on?"),)), covers=(step.name,))), step)


def pays(invoice, line="l1"):
    parts = (Allocation(line, invoice, Money(1000, "EUR")),)
    return to_plain(Match("m", "full", (line,), (invoice,), Money(1000, "EUR"), 1.0, "said so", parts))


async def book(owner, invoice, line="l1"):
    _, done = await start(owner, plan(acts("book", "books.record_payment", match=pays(invoice, line))))
    assert done["status"] == "completed"


def body_of(owner, standing):
    question = Views(owner.workspace).question(standing["questions"][0])
    assert question["rule"] == "changed"
    return question["card"]["body"]


POST = {"channel": "blog", "at": "2026-12-01T08:00:00Z", "title": "Hello", "text": "Ours.", "name": "hello"}


@pytest.mark.parametrize("choice", ["approve", "reject"])
def test_k20_a_file_that_was_changed_while_its_question_waited_is_not_written_over_unasked(workspace, world, choice):
    step, path = acts("write", "files.write", "ok", path="reports/june.md", text="ours"), "reports/june.md"

    async def scenario(owner):
        place = owner.workspace.root / path
        _, asked = await start(owner, approved(step))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("somebody's")
        changed = await rule(owner, asked["questions"][0], "approve")
        told, before = body_of(owner, changed), place.read_text()
        ended = await rule(owner, changed["questions"][0], choice)
        return told, before, ended["status"], place.read_text().strip().lower().rstrip(".")

    told, *ended = run(workspace, world, scenario)
    assert f"{path}: it was no file, and is content " in told
    assert ended == ["somebody's", "completed", "ours" if choice == "approve" else "somebody's"]


def test_k20_a_post_leaves_what_came_into_its_place_while_its_question_waited(workspace, world):
    async def scenario(owner):
        place = owner.workspace.root / "outbox/scheduled/blog/hello.md"
        _, asked = await start(owner, approved(acts("post", "posts.schedule", "ok", **POST)))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("somebody's")
        ended = await rule(owner, asked["questions"][0], "approve")
        return ended["status"], place.read_text(), place.with_name("hello-2.md").read_text()

    assert run(workspace, world, scenario) == ("completed", "somebody's", "Ours.\n")


def test_e1_a_file_leaves_as_its_card_showed_it_whatever_became_of_it_on_disk_since(workspace, world):
    """What an action takes of the disk is pinned when it is prepared: its content is in what the yes is bound to."""
    attached = Sequence((Cel("read.file", names=("read",), paths=("read.file",), scope=(("read", "any"),)),))
    letter = {"to": Literally("a@b.example"), "subject": Literally("June"), "text": Literally("Attached.")}
    send = acts("send", "mail.send", "read", effect="irreversible")
    send = msgspec.structs.replace(send, arguments=Record({**letter, "files": attached}))

    async def scenario(owner):
        place = owner.workspace.root / "reports/june.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("what was shown")
        read = acts("read", "files.read", effect="read", path="reports/june.txt")
        _, asked = await start(owner, plan(read, send))
        place.write_text("what nobody saw")
        ended = await rule(owner, asked["questions"][0], "approve")
        (sent,) = (owner.workspace.root / "outbox").rglob("*.eml")
        return ended["status"], sent.read_bytes()

    status, sent = run(workspace, world, scenario)
    (attachment,) = message_from_bytes(sent, policy=default).iter_attachments()
    assert (status, attachment.get_content()) == ("completed", b"what was shown")


def test_k20_what_covers_is_not_asked_about_again_where_nothing_was_changed(workspace, world):
    async def scenario(owner):
        step = acts("write", "files.write", "ok", path="reports/june.md", text="ours")
        plan_id, asked = await start(owner, approved(step))
        done = await rule(owner, asked["questions"][0], "approve")
        return done["status"], len(facts(owner, plan_id, e.DecisionAsked))

    assert run(workspace, world, scenario) == ("completed", 1)


def test_k20_a_reminder_of_what_was_paid_meanwhile_asks_and_can_be_left_out(workspace, world):
    async def scenario(owner):
        letter = {"to": "a@b.example", "subject": "R1", "text": "Please pay.", "reminds_of": "R1"}
        step = acts("remind", "mail.send", effect="irreversible", owed=OWED, listed=OWED, **letter)
        _, asked = await start(owner, plan(step))
        await book(owner, "R1")
        changed = await rule(owner, asked["questions"][0], "approve")
        told = body_of(owner, changed)
        ended = await rule(owner, changed["questions"][0], "reject")
        return told, ended["status"], list((owner.workspace.root / "outbox").rglob("*.eml"))

    told, *ended = run(workspace, world, scenario)
    assert "open of R1: it was 10.00 EUR, and is nothing, it is paid" in told
    assert ended == ["completed", []]


def test_k20_a_second_reminder_within_a_week_asks_before_anything_else(workspace, world):
    async def scenario(owner):
        letter = {"to": "a@b.example", "subject": "R1", "text": "Please pay.", "reminds_of": "R1"}
        for _ in range(2):
            _, asked = await start(owner, plan(acts("remind", "mail.send", effect="irreversible", **letter)))
            told = Views(owner.workspace).question(asked["questions"][0])
            await rule(owner, asked["questions"][0], "approve")
        return told["rule"], told["card"]["body"], len(list((owner.workspace.root / "outbox").rglob("*.eml")))

    asked, told, sent = run(workspace, world, scenario)
    assert (asked, sent) == ("changed", 2)
    assert "last reminder of R1: it was none in the last 7 days, and is one of " in told


def test_k20_a_payment_that_another_plan_booked_meanwhile_asks(workspace, world):
    async def scenario(owner):
        step = acts("book", "books.record_payment", "ok", match=pays("R1", "l2"))
        _, asked = await start(owner, approved(step))
        await book(owner, "R1")
        return body_of(owner, await rule(owner, asked["questions"][0], "approve"))

    assert "invoice R1: it was nothing booked, and is 10.00 EUR booked" in run(workspace, world, scenario)


@pytest.mark.parametrize("paid", [False, True])
def test_k20_e5_an_invoice_that_was_paid_since_is_not_taken_back_unasked(workspace, world, paid):
    async def scenario(owner):
        line = {"text": "Work", "amount": OWED}
        issue = acts("issue", "invoices.issue", customer="Acme", lines=[line])
        plan_id, done = await start(owner, plan(issue))
        assert done["status"] == "completed"
        number = owner.payloads.load(facts(owner, plan_id, e.EffectDone)[0].output)["number"]
        if paid:
            await book(owner, number)
        standing = await undo(owner, plan_id)
        return number, standing["status"], body_of(owner, standing) if paid else ""

    number, status, told = run(workspace, world, scenario)
    assert status == ("undoing" if paid else "undone")
    assert told == "" or f"invoice {number}: it was nothing paid, and is 10.00 EUR paid" in told
