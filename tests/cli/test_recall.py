"""Approved actions that leave later, at a terminal: said, called back, gone on with (KERNEL E1)."""

from __future__ import annotations

import pytest
from cli_desk import new_desk

MAIL = """\
playbook: hello
title: "Say hello"
steps:
  greet: {do: mail.send, with: {to: "ben@example.com", subject: "Hello", text: "Hi Ben"}}
"""
WAITS = """\
playbook: reply
title: "Wait for a reply"
steps:
  answer:
    wait:
      event: mail.received
      where: "= event.from_address == 'ben@example.com'"
      until: "= timestamp('2099-12-01T00:00:00Z')"
"""
DELAYS = '\n[delays]\n"mail.send" = "10m"\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A mail that was approved, and leaves in ten minutes."""
    desk = new_desk(tmp_path_factory.mktemp("made"))
    config = desk.folder / "mainstay.toml"
    config.write_text(config.read_text() + DELAYS)
    (desk.folder / "playbooks/hello.yaml").write_text(MAIL)
    assert desk.run("activate", "--yes").returncode == 0
    standing = desk.json("run", "hello", status=3)
    desk.plan = standing["plan"]
    desk.said = desk.run("decide", standing["questions"][0], "approve", "--yes")
    return desk


@pytest.fixture
def approved(made, tmp_path):
    return made.copied(tmp_path)


def mails(desk):
    return list((desk.folder / "outbox").rglob("*.eml"))


def test_e1_what_leaves_later_is_said_wherever_the_owner_looks(approved):
    hint = f"mainstay recall {approved.plan} greet"
    assert approved.said.returncode == 0, approved.said.stderr
    for told in (approved.said.stdout, *(approved.run(*command).stdout for command in (
        ("inbox",), ("show", approved.plan), ("recall",)))):  # fmt: skip
        assert hint in told
    (row,) = approved.json("recall")
    assert (row["recall"], mails(approved)) == (hint, [])


def test_e1_what_was_called_back_never_leaves(approved):
    done = approved.run("recall", approved.plan, "greet", "--reason", "wrong Ben")
    assert done.returncode == 0, done.stderr
    assert "Called back: 1." in done.stdout
    told = [line["what"] for line in approved.json("show", approved.plan)["timeline"]]
    assert "greet: will not happen, you called it back: wrong Ben" in told
    assert (approved.json("recall"), mails(approved)) == ([], [])
    again = approved.run("recall", approved.plan, "greet")
    assert (again.returncode, "waits to leave" in again.stderr) == (1, True)


def test_e1_what_leaves_now_wants_a_yes_and_of_a_held_plan_it_is_said_why_it_is_held(approved):
    unasked = approved.run("hasten", approved.plan, "greet")
    assert (unasked.returncode, "Add --yes" in unasked.stderr, mails(approved)) == (2, True, [])
    inbox = " ".join(approved.run("inbox").stdout.split())
    assert ": Send a mail to ben@example.com: Hello (greet), Say hello This can't be undone: A mail" in inbox
    assert approved.run("pause", approved.plan).returncode == 0
    told = " ".join(approved.run("recall").stdout.split())
    assert "Held: Send a mail to ben@example.com: Hello (greet), Say hello: its plan is paused." in told
    assert f"let the plan go on: mainstay resume {approved.plan}" in told
    assert "mainstay hasten" not in told + approved.run("show", approved.plan).stdout
    assert approved.run("resume", approved.plan).returncode == 0
    assert approved.run("hasten", approved.plan, "greet", "--yes").returncode == 0
    assert len(mails(approved)) == 1


def test_a_delay_with_a_typing_mistake_is_refused_by_name(desk):
    config = desk.folder / "mainstay.toml"
    config.write_text(config.read_text() + '\n[delays]\n"mail.sned" = "10m"\n')
    done = desk.run("run", "slow")
    assert (done.returncode, "mail.send" in done.stderr, "under [delays]" in done.stderr) == (2, True, True)
    (found,) = [row for row in desk.json("doctor", status=1) if row["check"] == "delays"]
    assert (found["state"], "mail.sned" in found["says"]) == ("wrong", True)


def test_e1_an_answer_comes_back_at_once_with_the_time_and_the_recall_line(approved):
    (row,) = approved.json("recall")
    at = row["leaves_at"][:16].replace("T", " ")
    assert f"leaves at {at}; {row['recall']}" in approved.said.stderr


def test_a_short_delay_is_not_waited_for_in_silence(desk):
    config = desk.folder / "mainstay.toml"
    config.write_text(config.read_text() + DELAYS.replace("10m", "40s"))
    (desk.folder / "playbooks/hello.yaml").write_text(MAIL)
    assert desk.run("activate", "--yes").returncode == 0
    standing = desk.json("run", "hello", status=3)
    done = desk.run("decide", standing["questions"][0], "approve", "--yes")
    assert f"; mainstay recall {standing['plan']} greet" in done.stderr
    assert (len(desk.json("recall")), mails(desk)) == (1, [])


def test_a_wait_for_a_mail_is_said_as_one(desk):
    (desk.folder / "playbooks/reply.yaml").write_text(WAITS)
    assert desk.run("activate", "--yes").returncode == 0
    done = desk.run("run", "reply")
    assert done.returncode == 0, done.stderr
    assert "waits for a mail, until 2099-12-01" in done.stdout
    assert "answer: waits for a mail, until 2099-12-01" in done.stderr
    assert "It goes on when Mainstay runs then: mainstay start" in done.stdout
    (plan,) = desk.json("plans")
    assert "waiting for a mail" in desk.run("show", plan["plan"]).stdout
    desk.run("cancel", plan["plan"], "--reason", "enough")
    assert "stopped with the plan" in desk.run("show", plan["plan"]).stdout
