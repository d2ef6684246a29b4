"""The exam of the playbook format: a productised service, in every ending, killed anywhere, and undone."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import random
import re
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP
from exam_owner import PLAY, Exam, activate, mails
from seeds import seeds, some
from starter import Script

from mainstay.app import Owner, create_workspace
from mainstay.errors import InputError
from mainstay.ledger import queries
from mainstay.requests.rerun import planned
from mainstay.views import Views

OWNER = Path(__file__).with_name("exam_owner.py")
SEEDS = 5
MAX_KILLS = 6
END_S = 120
READY, CHANGED = "Your sprint is ready", "Your sprint, changed"
RESULT = {"choice": "approve", "form": ["result=outbox/sprints/draft.txt", "note=Enjoy."]}
WORK = {"sprint": RESULT, "change": RESULT}
LEAD = "Name: Ada Berg\nEmail: ada@example.com\nBudget: 3000\n\nWe need a website for our bakery.\n"
RULES = "wanted: website, shop  # what I make\nunwanted: casino\nwords: 4\n"


def made_in(folder, patch):
    patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    made = create_workspace(folder / "w", name="Acme Ltd", sender="Anna <anna@acme.example>")
    for path, text in (
        ("inbox/leads/ada.txt", LEAD),
        ("inbox/rules.txt", RULES),
        ("outbox/sprints/draft.txt", "the draft"),
    ):
        (made.root / path).parent.mkdir(parents=True, exist_ok=True)
        (made.root / path).write_text(text)
    return made


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    return made_in(tmp_path, monkeypatch)


def play(workspace, *, lead="inbox/leads/ada.txt", replies=None, answers=None, undo=False, **inputs):
    """Write down what happens; money and durations as the history holds them."""
    given = {
        "playbook": "productised-service",
        "files": {"lead": lead},
        "inputs": {"rules": "inbox/rules.txt", **inputs},
        "answers": WORK | (answers or {}),
        "replies": replies or {},
        "undo": undo,
    }
    (workspace.root / PLAY).write_text(json.dumps(given))
    return given


def walk(workspace, given, meanwhile=None):
    """Run it in this process; gives where it ends. `meanwhile` may take the place of the way it goes on."""

    async def inside():
        async with Owner(workspace, "test") as owner:
            exam = Exam(owner, given)
            return await (meanwhile(exam) if meanwhile else exam.carry_on())

    return asyncio.run(asyncio.wait_for(inside(), END_S))


def subjects(workspace):
    return sorted(str(mail["Subject"]) for mail in mails(workspace.root))


def documents(workspace):
    """Give the numbers of the documents that lie there, with what each says it is."""
    found = {}
    for path in sorted((workspace.root / "outbox/invoices").glob("*")):
        title = re.search("<h1>(.*?)</h1>", path.read_text()).group(1)
        assert title.endswith(path.stem), "a document bears the number that its file is called by"
        found[path.stem] = title.removesuffix(f" {path.stem}")
    return found


def recorded(workspace):
    """Give the documents of the history as (number, what it credits), in order."""
    owner = Owner(workspace, "test")
    try:
        assert owner.ledger.differing() == []
        return owner.ledger.rows("SELECT number, credits FROM book_document ORDER BY series DESC, serial")
    finally:
        owner.ledger.close()
        owner.lock.release()


def year():
    return time.strftime("%Y")


def test_accepted_at_once_it_is_delivered_and_invoiced(workspace):
    given = play(workspace, replies={READY: ["Perfect, thank you!"]})
    standing = walk(workspace, given)
    y = year()
    assert (standing["status"], standing["ending"]) == ("completed", "accepted")
    assert subjects(workspace) == sorted([f"We begin: invoice {y}-0001", READY, f"Invoice {y}-0002"])
    assert documents(workspace) == {f"{y}-0001": "Deposit invoice", f"{y}-0002": "Invoice"}
    final = (workspace.root / f"outbox/invoices/{y}-0002.html").read_text()
    assert "1,500.00 EUR" in final
    assert f"Less deposit, invoice {y}-0001" in final
    assert "<td>Total</td><td>1,000.00 EUR</td>" in final
    (ready,) = [mail for mail in mails(workspace.root) if mail["Subject"] == READY]
    assert [part.get_content() for part in ready.iter_attachments()] == [b"the draft"]
    with Views(workspace) as views:
        (plan,) = views.plans()
        returns = views.show(plan["plan"])["returns"]
        follows = [row["step"] for row in views.question(f"{plan['plan']}.1")["follows"]]
    assert {"deposit", "invoice"} < set(follows)
    assert "decline" not in follows, "only a no leads there"
    assert returns == {"invoice": f"{y}-0002", "deposit": f"{y}-0001", "outcome": "accepted", "paid_back": False}


def test_changes_go_round_until_they_are_accepted(workspace):
    replies = {READY: ["Could you make the logo larger?"], CHANGED: ["Almost, please add a map.", "Great, approved."]}
    standing = walk(workspace, play(workspace, replies=replies))
    assert standing["ending"] == "accepted"
    assert subjects(workspace).count(CHANGED) == 2
    assert list(documents(workspace).values()) == ["Deposit invoice", "Invoice"]
    with Views(workspace) as views:
        (plan,) = views.plans()
        inputs = views.show(f"{plan['plan']}-rework-r2")["inputs"]
    assert inputs["wish"] == "Almost, please add a map."


def test_an_unhappy_customer_gets_a_credit_note_for_the_deposit(workspace):
    replies = {READY: ["I am disappointed and want my money back."]}
    standing = walk(workspace, play(workspace, replies=replies))
    y = year()
    assert standing["ending"] == "refunded"
    assert documents(workspace) == {f"{y}-0001": "Deposit invoice", f"CN-{y}-0001": "Credit note"}
    assert recorded(workspace) == [(f"CN-{y}-0001", f"{y}-0001"), (f"{y}-0001", "")]
    note = (workspace.root / f"outbox/invoices/CN-{y}-0001.html").read_text()
    assert f"Takes back: invoice {y}-0001" in note
    assert "-500.00 EUR" in note


@pytest.mark.long
def test_who_never_answers_is_reminded_once_and_then_the_operator_is_asked(workspace):
    given = play(workspace, reply_in=1, nudge_in=1, answers={"judge": {"choice": "none"}})
    standing = walk(workspace, given)
    assert standing["ending"] == "no_answer"
    assert subjects(workspace).count("Your sprint: what do you think?") == 1
    assert list(documents(workspace).values()) == ["Deposit invoice"]


@pytest.mark.long
def test_an_answer_to_the_reminder_counts(workspace):
    given = play(workspace, reply_in=1, nudge_in=600, replies={"Your sprint: what do you think?": ["Looks good!"]})
    assert walk(workspace, given)["ending"] == "accepted"


NUDGE = "Your sprint: what do you think?"


async def asked_in(exam, step):
    """Begin, and answer everything until a question of this step is open; gives that."""
    plan = await exam.begin()
    while True:
        standing = await exam.owner.requests.follow(plan, lambda _: None)
        for question in standing["questions"]:
            with Views(exam.owner.workspace) as views:
                if step in views.question(question)["actions"][0].split():
                    return question
            await exam.answer(question)
        await asyncio.sleep(0.05)


async def comes(exam, text, **headers):
    """Let an answer of the customer to the result come in."""
    (ready,) = [mail for mail in mails(exam.root) if mail["Subject"] == READY]
    answer = EmailMessage()
    answer["From"], answer["To"], answer["Subject"] = ready["To"], ready["From"], f"Re: {READY}"
    mark = f"answer-{len(list(exam.root.glob('inbox/mail/*.eml')))}"
    answer["Message-ID"], answer["In-Reply-To"] = f"<{mark}@customer.example>", ready["Message-ID"]
    for name, value in headers.items():
        answer[name.replace("_", "-")] = value
    answer.set_content(text)
    (exam.root / "inbox/mail").mkdir(exist_ok=True)
    (exam.root / f"inbox/mail/{mark}.part").write_bytes(bytes(answer))
    (exam.root / f"inbox/mail/{mark}.part").rename(exam.root / f"inbox/mail/{mark}.eml")
    for _ in range(2):
        await exam.owner.watcher.look(sorted(exam.owner.engine.outside.watched()))


@pytest.mark.parametrize("choice", some(1, ["approve", "reject"]))
def test_an_answer_that_comes_while_you_are_asked_to_remind_is_read_and_nobody_is_reminded(choice, workspace):
    async def crossing(exam):
        exam.owner._watching["files"].cancel()
        question = await asked_in(exam, "remind")
        await comes(exam, "Perfect, thank you!")
        await exam.owner.requests.rule(question, {"choice": choice})
        return await exam.carry_on()

    standing = walk(workspace, play(workspace, reply_in=1, nudge_in=600), crossing)
    assert standing["ending"] == "accepted"
    assert NUDGE not in subjects(workspace)


@pytest.mark.long
def test_after_a_no_to_the_reminder_an_answer_still_counts(workspace):
    async def late(exam):
        exam.owner._watching["files"].cancel()
        await exam.owner.requests.rule(await asked_in(exam, "remind"), {"choice": "reject"})
        await comes(exam, "Perfect, thank you!")
        return await exam.carry_on()

    standing = walk(workspace, play(workspace, reply_in=1, nudge_in=600), late)
    assert standing["ending"] == "accepted"
    assert NUDGE not in subjects(workspace)


@pytest.mark.long
def test_one_yes_sends_the_reminder(workspace):
    walk(workspace, play(workspace, reply_in=1, nudge_in=600, replies={NUDGE: ["Looks good!"]}))
    with Views(workspace) as views:
        (plan,) = views.plans()
        said = [row["what"] for row in views.show(plan["plan"])["timeline"]]
        questions = [what.split()[1].rstrip(":") for what in said if what.startswith("Question")]
        asked = [step for question in questions for step in views.question(question)["actions"][0].split()]
    assert asked.count("remind") == 1
    assert "nudge" not in asked
    assert subjects(workspace).count(NUDGE) == 1


def test_an_absence_note_is_no_answer(workspace):
    async def away(exam):
        exam.owner._watching["files"].cancel()
        plan = await exam.begin()
        while READY not in subjects(workspace):
            standing = await exam.owner.requests.follow(plan, lambda _: None)
            for question in standing["questions"]:
                await exam.answer(question)
        await comes(exam, "I am away until Monday.", Auto_Submitted="auto-replied")
        await comes(exam, "Perfect, thank you!")
        return await exam.carry_on()

    assert walk(workspace, play(workspace), away)["ending"] == "accepted"


def test_a_no_to_the_mail_with_the_result_keeps_the_deposit_and_a_rerun_asks_for_the_result(workspace):
    async def held(exam):
        question = await asked_in(exam, "deliver")
        with Views(workspace) as views:
            said = views.question(question)["if_no"]
        assert said == "it does not happen, and the plan ends there"
        standing = await exam.carry_on()
        row = exam.owner.ledger.rows(queries.PLANS, (10, 0))[0]
        planned_one = planned(exam.owner.requests, {"plan": row[0]})
        return standing, planned_one.start

    standing, start_at = walk(workspace, play(workspace, answers={"deliver": {"choice": "reject"}}), held)
    assert standing["ending"] == "held_back"
    assert list(documents(workspace).values()) == ["Deposit invoice"]
    assert start_at == ("sprint",)


TWO = """\
playbook: two
title: "Two mails"
steps:
  one: {do: mail.send, with: {to: "a@b.example", subject: "One", text: "1"}}
  two: {do: mail.send, with: {to: "a@b.example", subject: "Two", text: "2"}}
"""


def test_a_card_says_whether_anything_goes_on_after_a_no(workspace):
    (workspace.root / "playbooks/two.yaml").write_text(TWO)
    activate(workspace, "two")

    async def both(exam):
        question, said = await asked_in(exam, "one"), []
        for choice in ("reject", ""):
            with Views(workspace) as views:
                said.append(views.question(question)["if_no"])
            if choice:
                await exam.owner.requests.rule(question, {"choice": choice})
                plan = question.rpartition(".")[0]
                (question,) = (await exam.owner.requests.follow(plan, lambda _: None))["questions"]
        return said

    said = walk(workspace, {"playbook": "two"}, both)
    assert said == [f"it does not happen, and {rest}" for rest in ("what needs it is left out", "the plan ends there")]


def test_a_lead_that_nobody_can_read_begins_nothing(workspace):
    (workspace.root / "inbox/leads/ada.txt").write_text("no lead at all\n")
    standing = walk(workspace, play(workspace, answers={"lead": {"choice": "skip"}}))
    assert standing["ending"] == "not_begun"
    assert documents(workspace) == {}


def money(minor, currency="EUR"):
    return {"minor": minor, "currency": currency}


REFUSED = [
    ({"price": money(90000), "deposit": money(120000)}, "The deposit is more than the price."),
    ({"price": money(90000), "deposit": money(30000, "USD")}, "two currencies"),
    ({"deposit": money(0)}, "more than nothing"),
    ({"vat": "abc"}, "percentage"),
    ({"vat": "119"}, "percentage"),
    ({"pay_in": -1}, "payable"),
]


@pytest.mark.parametrize(("wrong", "says"), REFUSED)
def test_what_makes_no_sense_together_is_refused_before_anything_begins(wrong, says, workspace):
    with pytest.raises(InputError, match=says):
        walk(workspace, play(workspace, **wrong))
    with Views(workspace) as views:
        assert views.plans() == []


LEADS = """\
playbook: leads
title: "Take one in"
inputs:
  lead: {type: file}
  vat: {type: text}
steps:
  service: {playbook: productised-service, with: {lead: "= inputs.lead", vat: "= inputs.vat"}}
"""


def test_what_is_refused_of_a_playbook_inside_another_stops_there_and_says_why(workspace):
    (workspace.root / "playbooks/leads.yaml").write_text(LEADS)
    activate(workspace, "leads")
    given = {"playbook": "leads", "files": {"lead": "inbox/leads/ada.txt"}, "inputs": {"vat": "abc"}}

    async def stuck(exam):
        standing = await exam.owner.requests.follow(await exam.begin(), lambda _: None)
        with Views(workspace) as views:
            return str(views.question(standing["questions"][0])), [row["playbook"] for row in views.plans()]

    said, plans = walk(workspace, given, stuck)
    assert "The value added tax has to be a percentage such as 19 or 7.5." in said
    assert plans == ["leads"]


def test_what_is_unclear_is_asked(workspace):
    given = play(workspace, replies={READY: ["Hm."]}, answers={"judge": {"choice": "accepted"}})
    assert walk(workspace, given)["ending"] == "accepted"


def test_a_lead_that_is_refused_gets_a_polite_mail_and_nothing_else(workspace):
    standing = walk(workspace, play(workspace, answers={"accept": {"choice": "reject"}}))
    assert standing["ending"] == "declined"
    assert subjects(workspace) == ["Your enquiry"]
    assert documents(workspace) == {}


def test_a_sprint_that_is_not_done_takes_the_deposit_back(workspace):
    standing = walk(workspace, play(workspace, answers={"sprint": {"choice": "reject"}}))
    assert standing["ending"] == "not_delivered"
    assert sorted(documents(workspace).values()) == ["Credit note", "Deposit invoice"]


def test_three_rounds_without_end_ask(workspace):
    replies = {READY: ["Please change it."], CHANGED: ["Please change it."] * 9}
    standing = walk(workspace, play(workspace, replies=replies, answers={"rework": {"choice": "accept"}}))
    assert standing["ending"] == "unresolved"
    assert subjects(workspace).count(CHANGED) == 3


def test_a_no_to_the_change_leaves_it_unresolved(workspace):
    given = play(workspace, replies={READY: ["Please change it."]}, answers={"change": {"choice": "reject"}})
    assert walk(workspace, given)["ending"] == "unresolved"
    assert list(documents(workspace).values()) == ["Deposit invoice"]


@pytest.mark.long
def test_undone_every_invoice_has_its_credit_note_and_the_mails_are_named(workspace):
    standing = walk(workspace, play(workspace, replies={READY: ["Perfect!"]}, undo=True))
    y = year()
    assert standing["status"] == "undone"
    assert recorded(workspace) == [
        (f"CN-{y}-0001", f"{y}-0002"),
        (f"CN-{y}-0002", f"{y}-0001"),
        (f"{y}-0001", ""),
        (f"{y}-0002", ""),
    ]
    assert len(documents(workspace)) == 4, "no document is deleted"
    with Views(workspace) as views:
        (plan,) = views.plans()
        left = views.plan(plan["plan"]).not_undone
    assert sorted(left) == ["bill", "deliver", "welcome"]


@pytest.mark.long
def test_what_was_refunded_is_not_credited_twice(workspace):
    replies = {READY: ["I want a refund."]}
    assert walk(workspace, play(workspace, replies=replies, undo=True))["status"] == "undone"
    assert len(recorded(workspace)) == 2


# --- killed anywhere


def start(workspace):
    owner = Script(OWNER, workspace.root)
    assert owner.stdout.readline() == "up\n"
    return owner


@pytest.fixture(scope="module")
def run_s(tmp_path_factory):
    """How long it takes from "up" to the end when nobody kills it."""
    with pytest.MonkeyPatch.context() as patch:
        made = made_in(tmp_path_factory.mktemp("whole"), patch)
        play(made, **KILLED)
        owner = start(made)
        began = time.monotonic()
        assert owner.rest(END_S) == "undone accepted\n"
        return time.monotonic() - began


KILLED = {
    "replies": {READY: ["Could you make the logo larger?"], CHANGED: ["Great, approved."]},
    "undo": True,
}


@pytest.mark.parametrize("seed", seeds(1, SEEDS))
def test_killed_anywhere_each_mail_and_each_number_is_there_once(seed, run_s, workspace):
    play(workspace, **KILLED)
    pick = random.Random(seed)
    for _ in range(pick.randint(2, MAX_KILLS)):
        owner = start(workspace)
        time.sleep(pick.uniform(0, run_s * 0.7))
        owner.kill()
        owner.rest(END_S)
    assert start(workspace).rest(END_S) == "undone accepted\n"
    y = year()
    assert subjects(workspace) == sorted([f"We begin: invoice {y}-0001", READY, CHANGED, f"Invoice {y}-0002"])
    assert recorded(workspace) == [
        (f"CN-{y}-0001", f"{y}-0002"),
        (f"CN-{y}-0002", f"{y}-0001"),
        (f"{y}-0001", ""),
        (f"{y}-0002", ""),
    ]
    kinds = {f"{y}-0001": "Deposit invoice", f"{y}-0002": "Invoice"}
    assert documents(workspace) == kinds | dict.fromkeys((f"CN-{y}-0001", f"CN-{y}-0002"), "Credit note")
    assert not list((workspace.root / "outbox").rglob(".*")), "no half-written file is left"
    with Views(workspace) as views:
        assert views.verify().get("bad") is None


# --- several at once


BURST = """\
playbook: burst
title: "Issue many invoices at once"
inputs:
  count: {type: list(text)}
steps:
  issue:
    each: "= inputs.count"
    do: invoices.issue
    at_once: 10
    with: {customer: "Customer {{item}}", lines: [{text: "One", amount: "10.00 EUR"}]}
"""


@pytest.mark.parametrize("seed", seeds(1, 3))
def test_c13_many_invoices_at_once_killed_anywhere_leave_no_gap(seed, workspace):
    (workspace.root / "playbooks/burst.yaml").write_text(BURST)
    count = 40
    given = {"playbook": "burst", "inputs": {"count": [f"n{index}" for index in range(count)]}}
    (workspace.root / PLAY).write_text(json.dumps(given))
    activate(workspace, "burst")
    pick = random.Random(seed)
    for _ in range(4):
        owner = start(workspace)
        time.sleep(pick.uniform(0, 0.8))
        owner.kill()
        owner.rest(END_S)
    assert start(workspace).rest(END_S).startswith("completed")
    numbers = [f"{year()}-{serial:04}" for serial in range(1, count + 1)]
    assert [number for number, _ in recorded(workspace)] == numbers
    assert sorted(documents(workspace)) == numbers
    texts = [(workspace.root / f"outbox/invoices/{number}.html").read_text() for number in numbers]
    named = {re.search(r"Customer (n\d+)", text).group(1) for text in texts}
    assert len(named) == count, "each customer got one invoice"


# --- through a real server


class Taken:
    """What a mail server took."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd calls it so
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


def test_through_a_mail_server_the_answer_finds_its_plan_by_what_the_server_took(workspace):
    taken, config = Taken(), workspace.root / "mainstay.toml"

    async def walked(exam):
        plan = await exam.begin()
        while (standing := await exam.owner.requests.follow(plan, lambda _: None))["questions"]:
            await exam.answer(standing["questions"][0])
        (ready,) = [mail for mail in taken.mails if mail["Subject"] == READY]
        (workspace.root / "inbox/mail").mkdir(exist_ok=True)
        exam._write(workspace.root / "inbox/mail/yes.eml", ready, "Perfect!", "yes")
        return await exam.carry_on()

    async def inside():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(taken, loop=loop), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        config.write_text(f'{config.read_text()}\n[mail.smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n')
        try:
            async with Owner(type(workspace)(workspace.root), "test") as owner:
                return await walked(Exam(owner, play(workspace)))
        finally:
            server.close()

    assert asyncio.run(asyncio.wait_for(inside(), END_S))["ending"] == "accepted"
    told = sorted(str(mail["Subject"]) for mail in taken.mails)
    assert told == sorted([f"We begin: invoice {year()}-0001", READY, f"Invoice {year()}-0002"])
    assert mails(workspace.root) == []
