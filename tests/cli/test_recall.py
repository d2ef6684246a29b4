"""Approved actions that leave later, at a terminal: said, called back, gone on with (KERNEL E1)."""

from __future__ import annotations

import pytest

MAIL = """\
playbook: hello
title: "Say hello"
steps:
  greet: {do: mail.send, with: {to: "ben@example.com", subject: "Hello", text: "Hi Ben"}}
"""
DELAYS = '\n[delays]\n"mail.send" = "10m"\n'


@pytest.fixture
def approved(desk):
    """A mail that was approved, and leaves in ten minutes."""
    config = desk.folder / "mainstay.toml"
    config.write_text(config.read_text() + DELAYS)
    (desk.folder / "playbooks/hello.yaml").write_text(MAIL)
    assert desk.run("activate", "--yes").returncode == 0
    standing = desk.json("run", "hello", status=3)
    desk.plan = standing["plan"]
    desk.said = desk.run("decide", standing["questions"][0], "approve", "--yes")
    return desk


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


def test_a_delay_with_a_typing_mistake_is_refused_by_name(desk):
    config = desk.folder / "mainstay.toml"
    config.write_text(config.read_text() + '\n[delays]\n"mail.sned" = "10m"\n')
    done = desk.run("run", "slow")
    assert (done.returncode, "mail.send" in done.stderr) == (2, True)
