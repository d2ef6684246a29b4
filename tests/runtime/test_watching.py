"""Files and mails in watched folders become events, each once, and start plans (KERNEL T1, the file source)."""

from __future__ import annotations

import base64
import os
from email.message import EmailMessage

import pytest
from kit import run

from mainstay import events as e
from mainstay.connectors import inbox
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.artefacts import read_artefact
from mainstay.values import BlobRef, digest_of

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
    owner._watching["files"].cancel()  # only this looks
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


class Later:
    """The owner's clock, set ahead."""

    def __init__(self, clock, by_s):
        self._clock, self._by_us = clock, by_s * 1_000_000

    def now_us(self):
        return self._clock.now_us() + self._by_us


def test_t1_an_empty_file_counts_once_it_has_been_empty_for_a_minute(workspace, world):
    folder = workspace.root / "inbox" / "leads"
    folder.mkdir(parents=True)

    async def scenario(owner):
        await activate(owner, "take-in", TRIGGER)
        for name in ("ada.json", "ben.json"):
            (folder / name).touch()
        await look(owner, 3)
        early = len(received(owner))
        (folder / "ada.json").write_text("{}")
        await look(owner, 2)
        written = len(received(owner))
        owner.watcher._clock = Later(owner.clock, 61)
        await look(owner, 2)
        return early, written, len(received(owner))

    assert run(workspace, world, scenario) == (0, 1, 2), "one that is written meanwhile comes once, as it is then"


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
        answer = bytes(mail(Message_ID="<a@x>", In_Reply_To=sent))
        (folder / "answer.eml").write_bytes(answer)
        (folder / "again.eml").write_bytes(b"Received: from elsewhere\r\n" + answer.replace(b"\n", b"\r\n"))
        await look(owner)
        ended = await owner.requests.follow(plan_id, lambda _: None)
        value = owner.payloads.load(owner.engine.load(plan_id).slots["answer"].output)
        return ended["status"], value, len(received(owner))

    status, value, count = run(workspace, world, scenario)
    assert (status, count) == ("completed", 2)
    told = value["from_address"], value["subject"], value["files"][0]["name"]
    assert told == ("ada@example.com", "Re: Well?", "order.pdf")
    assert (workspace.root / "reports" / "answer.txt").read_text() == "ada@example.com: Yes, please."


def test_t1_two_mails_with_one_message_id_are_two_and_one_known_by_its_id_alone_stays_known(workspace, world):
    """An earlier release knew a mail by its Message-ID alone: what it took in is not brought again."""
    folder = workspace.root / "inbox" / "mail"
    folder.mkdir(parents=True)

    async def scenario(owner):
        await activate(owner, "on-mail", ON_MAIL)
        for name, number, text in (("a", 1, "One."), ("b", 1, "Two."), ("c", 1, "Two."), ("d", 2, "Old.")):
            raw = f"From: a@b.example\nSubject: {text}\nMessage-ID: <{number}@x>\n\n{text}\n"
            (folder / f"{name}.eml").write_text(raw)
        body = {**dict.fromkeys(("from_address", "from_name", "subject", "text", "in_reply_to"), ""), "files": []}
        await owner.engine.outside.receive("mail.received", "mail", "<2@x>", {**body, "message_id": "<2@x>"})
        before = len(received(owner))
        await look(owner)
        first = len(received(owner)) - before
        owner.watcher._known.clear()  # as after a start
        await look(owner)
        return first, len(received(owner)) - before

    assert run(workspace, world, scenario) == (2, 2)


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
        await look(owner, 2)
        owner.watcher._clock = Later(owner.clock, 61)  # an empty one counts only then
        await look(owner, 3)
        return len(received(owner))

    assert run(workspace, world, scenario) == 0
    assert len(said) == 1
    assert said[0].startswith("inbox/mail/broken.eml was not taken in, and stays where it is: ")


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
    assert [one.path for one in found if not one.odd] == ["inbox/leads/deep/a.txt"]
    odd = {one.path: one.odd for one in found if one.odd}
    assert odd.keys() == {"../..", "inbox/leads/link.txt", "inbox/leads/out", "inbox/leads/pipe"}
    assert "leads out of the workspace" in odd["../.."]
    assert odd["inbox/leads/link.txt"] == "it is a link; put the file itself there"
    assert odd["inbox/leads/pipe"] == "it is no plain file"


def test_t1_what_is_not_taken_in_is_said_once_and_noted_until_it_is_gone(workspace, world):
    folder = workspace.root / "inbox" / "leads"
    folder.mkdir(parents=True)
    said = []

    async def scenario(owner):
        await activate(owner, "take-in", TRIGGER)
        owner.watcher.say = said.append
        (folder / "link.txt").symlink_to("/etc/hosts")
        os.mkfifo(folder / "pipe")
        (folder / "ada.json").write_text("{}")
        await look(owner, 4)
        noted = inbox.left_in(workspace.root, workspace.state)
        (folder / "pipe").unlink()
        unlinked = inbox.left_in(workspace.root, workspace.state)
        (folder / "link.txt").unlink()
        await look(owner, 2)
        return noted, unlinked, len(received(owner))

    noted, unlinked, count = run(workspace, world, scenario)
    assert count == 1
    assert sorted(said) == [
        f"{path} was not taken in, and stays where it is: {why}" for path, why in sorted(noted.items())
    ]
    assert noted.keys() == {"inbox/leads/link.txt", "inbox/leads/pipe"}
    assert unlinked.keys() == {"inbox/leads/link.txt"}
    assert not (workspace.state / inbox.LEFT_NAME).exists()


def test_html_mails_are_read_without_their_code():
    assert inbox.plain_of("<style>x{}</style><p>Hello <b>you</b></p><script>evil()</script><br>Bye") == "Hello you\nBye"


def test_t1_a_name_that_cant_be_used_is_said_once_and_the_others_are_taken(workspace, world):
    folder = workspace.root / "inbox" / "leads"
    folder.mkdir(parents=True)
    said = []

    async def scenario(owner):
        await activate(owner, "take-in", TRIGGER)
        owner.watcher.say = said.append
        (folder / "a\nb.json").write_text("1")
        (folder / "invoice\u202efdp.exe").write_text("2")
        unnamed = os.open(os.fsencode(folder) + b"/\xff\xfe.json", os.O_CREAT | os.O_WRONLY)
        os.write(unnamed, b"4")
        os.close(unnamed)
        (folder / "Übersicht.json").write_text("3")
        await look(owner, 4)
        return [owner.payloads.load(fact.body)["name"] for fact in received(owner)]

    assert run(workspace, world, scenario) == ["Übersicht.json"]
    assert len(said) == 3
    assert all("invisible character" in line and line.isprintable() for line in said)


def test_t1_a_file_that_is_replaced_while_it_is_read_counts_as_it_is_then(workspace, world, tmp_path):
    folder = workspace.root / "inbox" / "leads"
    folder.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.json").write_text("a secret")

    class Replacing:
        """The source, on a disk where somebody works between a look and the read."""

        def __getattr__(self, name):
            return getattr(inbox, name)

        def read(self, root, seen):
            if seen.path.endswith("/a.json") and seen.size == 3:
                (folder / "a.json").write_text("longer")
            if seen.path.endswith("deep/b.json") and (folder / "deep").is_dir():
                (folder / "deep").rename(folder / "was")
                (folder / "deep").symlink_to(tmp_path / "elsewhere")
            return inbox.read(root, seen)

    said = []

    async def scenario(owner):
        await activate(owner, "take-in", TRIGGER)
        owner.watcher.say = said.append
        owner.watcher._source = Replacing()
        (folder / "a.json").write_text("old")
        (folder / "deep").mkdir()
        (folder / "deep" / "b.json").write_text("a letter")
        await look(owner, 4)
        bodies = [owner.payloads.load(fact.body) for fact in received(owner)]
        return [owner.payloads.blobs.get(body["file"]["blob"]) for body in bodies]

    assert sorted(run(workspace, world, scenario)) == [b"a letter", b"longer"], "never the old mixed with the new"
    assert [line for line in said if "deep/b.json" in line]


def test_t1_files_beyond_any_number_are_taken_in(workspace):
    folder = workspace.root / "inbox" / "leads"
    folder.mkdir(parents=True)
    for number in range(6000):
        (folder / f"{number}.txt").touch()
    assert len(inbox.look(workspace.root, ["inbox/leads"])) == 6000


def test_t1_what_the_machine_could_not_read_for_now_is_taken_later_and_said_once(workspace, world):
    folder = workspace.root / "inbox" / "leads"
    folder.mkdir(parents=True)
    said, full = [], [True]

    class Full:
        """The source, while the owner has no file descriptor left."""

        def __getattr__(self, name):
            return getattr(inbox, name)

        def read(self, root, seen):
            if full[0]:
                raise OSError(24, "Too many open files")
            return inbox.read(root, seen)

    async def scenario(owner):
        await activate(owner, "take-in", TRIGGER)
        owner.watcher.say = said.append
        owner.watcher._source = Full()
        (folder / "a.json").write_text("x")
        await look(owner, 4)
        before = len(received(owner))
        full[0] = False
        await look(owner, 1)
        return before, len(received(owner))

    assert run(workspace, world, scenario) == (0, 1)
    assert len(said) == 1


def test_t1_what_one_playbook_begins_with_cant_be_worked_out_and_the_others_start(workspace, world):
    """The event is recorded, and names the playbook that was not started."""
    folder = workspace.root / "inbox" / "mail"
    folder.mkdir(parents=True)
    broken = ON_MAIL.replace("on-mail", "broken").replace(
        '"= event.subject"', '"= string(100 / (size(event.subject) - 5))"'
    )
    said = []

    async def scenario(owner):
        await activate(owner, "broken", broken)
        await activate(owner, "on-mail", ON_MAIL)
        owner.engine.outside.say = said.append
        (folder / "a.eml").write_bytes(bytes(mail(Subject="12345", Message_ID="<a@x>")))
        await look(owner, 3)
        (fact,) = received(owner)
        return fact.not_started, await plans_ended(owner)

    assert run(workspace, world, scenario) == (("broken",), ["completed"])
    (line,) = said
    assert line.startswith("broken was not started by mail.received: ")


def test_t1_a_playbook_that_no_longer_compiles_starts_nothing_and_is_said_once(workspace, world):
    """As after an upgrade of what it calls: the others go on."""
    folder = workspace.root / "inbox" / "mail"
    folder.mkdir(parents=True)

    async def activated(owner):
        owner._watching["files"].cancel()
        await activate(owner, "on-mail", ON_MAIL)
        await activate(owner, "old", ON_MAIL.replace("on-mail", "old"))

    said = []

    async def upgraded(owner):
        said.clear()
        owner.engine.hearers.append(said.append)
        del owner.contracts.operations["files.write"]
        owner.engine.outside.starting.__self__._seen = None
        (folder / "a.eml").write_bytes(bytes(mail(Message_ID="<a@x>")))
        await look(owner, 3)
        return len(received(owner)), await plans_ended(owner)

    run(workspace, world, activated)
    count, ended = run(workspace, world, upgraded)
    assert (count, ended) == (0, [])
    assert sorted(line.split(":")[0] for line in said) == [
        "The playbook old starts nothing by itself",
        "The playbook on-mail starts nothing by itself",
    ]


def nested(depth):
    parts = [b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(depth)]
    return b"From: a@b.example\r\nMessage-ID: <n@x>\r\n" + b"".join(parts)


@pytest.mark.long
def test_f16_a_mail_bomb_is_left_where_it_is_and_the_next_mail_is_read(workspace, world):
    folder = workspace.root / "inbox" / "mail"
    folder.mkdir(parents=True)
    part = b"--x\nContent-Disposition: attachment; filename=a\n\nz\n"
    bombs = {
        "nested": nested(3000),
        "parts": b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n" + part * 2000,
    }
    said = []

    async def scenario(owner):
        await activate(owner, "on-mail", ON_MAIL)
        owner.watcher.say = said.append
        for name, content in bombs.items():
            (folder / f"{name}.eml").write_bytes(content)
        (folder / "z.eml").write_bytes(bytes(mail(Message_ID="<a@x>")))
        await look(owner, 2)
        return [owner.payloads.load(fact.body)["message_id"] for fact in received(owner)]

    assert run(workspace, world, scenario) == ["<a@x>"]
    assert sorted(said) == [
        "inbox/mail/nested.eml was not taken in, and stays where it is: Its input is nested too deeply.",
        "inbox/mail/parts.eml was not taken in, and stays where it is: It has 2,000 attachments.",
    ]


def test_s53_attachments_have_plain_names_and_a_mail_in_a_mail_is_kept_whole():
    inner = mail(Message_ID="<inner@x>")
    message = mail(Message_ID="<outer@x>")
    message.add_attachment(inner)
    message.add_attachment(b"x", maintype="application", subtype="x", filename="../../.mainstay/ledger.db")
    message.add_attachment(b"x", maintype="application", subtype="x", filename="..\\evil.exe")
    raw = inbox.RawMail(BlobRef(digest_of(b""), 0))
    found = inbox.read_mail(raw, {raw.blob.digest: bytes(message)}).attached
    assert [one.name for one in found] == ["order.pdf", "file", "ledger.db", "evil.exe"]
    assert b"Message-ID: <inner@x>" in base64.b64decode(found[1].content)
