"""Files and mails in watched folders become events, each once, and start plans (KERNEL T1, the file source)."""

from __future__ import annotations

import os
from email.message import EmailMessage

import pytest
from kit import run

from mainstay import events as e
from mainstay.connectors import inbox
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.artefacts import read_artefact

TRIGGER = """\
playbook: take-in
title: "Take a file in"
on: {folder: inbox/leads, with: {lead: "= event.file"}}
inputs:
  lead: {type: file}
steps:
  note: {do: files.write, with: {path: "reports/{{inputs.lead.name}}.txt", text: "It came."}}
"""
REPLY = """\
playbook: asks
title: "Wait for an answer"
expires: 9d
steps:
  send: {do: mail.send, with: {to: "ada@example.com", subject: "Well?", text: "Well?"}}
  answer: {wait: {event: mail.received, where: "= event.in_reply_to == send.message_id", until: 3d}}
  note: {do: files.write, with: {path: "reports/answer.txt", text: "{{answer.from_address}}: {{answer.text}}"}}
"""


ON_MAIL = """\
playbook: on-mail
title: "Take a mail in"
on: {event: mail.received, with: {subject: "= event.subject"}}
inputs:
  subject: {type: text}
steps:
  note: {do: files.write, with: {path: "reports/mail.txt", text: "{{inputs.subject}}"}}
"""


async def activate(owner, name, text):
    path = owner.workspace.root / "playbooks" / f"{name}.yaml"
    path.write_text(text)
    artefact = read_artefact(owner.workspace.root, "playbook", name)
    wanted = Wanted("playbook", name, artefact.digest)
    await owner.requests.activation.activate([wanted], owner.workers, owner.clock.now_us())


async def look(owner, times=2):
    owner._watching.cancel()  # only this looks
    for _ in range(times):
        await owner.watcher.look(sorted(owner.engine.outside.watched()))


def received(owner):
    return [event.fact for event in owner.ledger.tail(limit=5000) if isinstance(event.fact, e.EventReceived)]


async def plans_ended(owner):
    plans = [row[0] for row in owner.ledger.rows("SELECT id FROM plan")]
    return [(await owner.requests.follow(plan, lambda _: None))["status"] for plan in plans]


def test_t1_a_file_that_lies_still_starts_a_plan_and_is_taken_in_once(workspace, world):
    folder = workspace.root / "inbox" / "leads"
    folder.mkdir(parents=True)

    async def scenario(owner):
        assert owner.engine.outside.watched() == set()
        await activate(owner, "take-in", TRIGGER)
        assert owner.engine.outside.watched() == {"inbox/leads"}
        (folder / "ada.json").write_text("{}")
        await look(owner, 1)
        early = len(received(owner))
        (folder / "ada.json").write_text('{"name": "Ada"}')
        await look(owner, 1)
        growing = len(received(owner))
        await look(owner, 3)
        return early, growing, len(received(owner)), await plans_ended(owner)

    assert run(workspace, world, scenario) == (0, 0, 1, ["completed"])
    assert (workspace.root / "reports" / "ada.json.txt").read_text() == "It came."

    async def again(owner):
        await look(owner)
        same = len(received(owner))
        (folder / "ada.json").write_text('{"name": "Ada", "changed": true}')
        await look(owner)
        os.utime(folder / "ada.json", (1, 1))
        await look(owner)
        return same, len(received(owner))

    assert run(workspace, world, again) == (1, 2), "the same content is the same occurrence, changed content another"


def mail(**headers):
    message = EmailMessage()
    given = {
        "From": "Ada <ADA@example.com>",
        "To": "me@acme.example",
        "Subject": "Re: Well?",
        **headers,
    }
    for name, value in given.items():
        message[name.replace("_", "-")] = value
    message.set_content("Yes, please.")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="order.pdf")
    return message


def test_a_mail_that_answers_goes_to_the_plan_that_asked(workspace, world):
    folder = workspace.root / "inbox" / "mail"
    folder.mkdir(parents=True)

    async def scenario(owner):
        await activate(owner, "asks", REPLY)
        from mainstay.playbooks.shelf import open_to_run

        definition = open_to_run(workspace.root, "asks", owner.contracts, owner.requests.activation.playbooks)
        plan_id, committed = owner.requests.propose(definition, {})
        await committed
        standing = await owner.requests.follow(plan_id, lambda _: None)
        await owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        await owner.requests.follow(plan_id, lambda _: None)
        assert owner.engine.outside.watched() == {"inbox/mail"}
        sent = owner.payloads.load(owner.engine.load(plan_id).slots["send"].output)["message_id"]
        (folder / "other.eml").write_bytes(bytes(mail(Message_ID="<o@x>", In_Reply_To="<unknown@x>")))
        (folder / "answer.eml").write_bytes(bytes(mail(Message_ID="<a@x>", In_Reply_To=sent)))
        (folder / "again.eml").write_bytes(bytes(mail(Message_ID="<a@x>", In_Reply_To=sent)))
        await look(owner)
        ended = await owner.requests.follow(plan_id, lambda _: None)
        value = owner.payloads.load(owner.engine.load(plan_id).slots["answer"].output)
        return ended["status"], value, len(received(owner))

    status, value, count = run(workspace, world, scenario)
    assert (status, count) == ("completed", 2)
    told = value["from_address"], value["subject"], value["files"][0]["name"]
    assert told == ("ada@example.com", "Re: Well?", "order.pdf")
    assert (workspace.root / "reports" / "answer.txt").read_text() == "ada@example.com: Yes, please."


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\xff" * 50, b"not a mail", b"From: nobody\n\nhi", b"Content-Type: multipart/mixed; boundary=x\n\n--x"],
)
def test_what_is_no_mail_is_said_once_and_left(workspace, world, content):
    folder = workspace.root / "inbox" / "mail"
    folder.mkdir(parents=True)
    said = []

    async def scenario(owner):
        await activate(owner, "on-mail", ON_MAIL)
        owner.watcher.say = said.append
        (folder / "broken.eml").write_bytes(content)
        await look(owner, 4)
        return len(received(owner))

    assert run(workspace, world, scenario) == 0
    assert len(said) == 1
    assert said[0].startswith("inbox/mail/broken.eml was left where it is: ")


def test_links_hidden_files_and_folders_outside_are_never_read(workspace, tmp_path):
    folder = workspace.root / "inbox" / "leads"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "out").symlink_to(tmp_path)
    (folder / ".hidden").write_text("x")
    (folder / "deep" / "a.txt").write_text("x")
    os.mkfifo(folder / "pipe")
    found = inbox.look(workspace.root, ["inbox/leads", "../..", "inbox/nowhere", "inbox/leads/out"])
    assert [one.path for one in found] == ["inbox/leads/deep/a.txt"]


def test_html_mails_are_read_without_their_code():
    assert inbox.plain_of("<style>x{}</style><p>Hello <b>you</b></p><script>evil()</script><br>Bye") == "Hello you\nBye"
