"""A question put off, noted on, or sent back to the agent whose work it is about, at the command line."""

from __future__ import annotations

import pytest
from cli_desk import new_desk

AGENT = """\
import msgspec
from mainstay.agent import agent


class Wanted(msgspec.Struct, frozen=True):
    to: str
    feedback: list[str] = []


class Letter(msgspec.Struct, frozen=True):
    text: str


@agent(summary="Write a letter")
def letter(given: Wanted) -> Letter:
    return Letter("Dear " + given.to + "".join(f"; {said}" for said in given.feedback))
"""
PLAYBOOK = """\
playbook: letters
title: "Write and send a letter"
steps:
  draft: {agent: letter, with: {to: "Ada"}}
  send:
    do: mail.send
    with: {to: "ada@example.com", subject: "Hello", text: "= draft.text"}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    desk = new_desk(tmp_path_factory.mktemp("made"))
    (desk.folder / "agents" / "letter.py").write_text(AGENT)
    (desk.folder / "playbooks" / "letters.yaml").write_text(PLAYBOOK)
    assert desk.run("activate", "--yes").returncode == 0
    (desk.question,) = desk.json("run", "letters", status=3)["questions"]
    return desk


@pytest.fixture
def desk(made, tmp_path):
    return made.copied(tmp_path)


@pytest.fixture
def letter(made):
    return made.question


@pytest.mark.long
def test_g2_a_draft_sent_back_is_made_anew_with_what_was_said_and_asked_about_again(desk, letter):
    card = desk.run("decide", letter).stdout
    assert "revise --reason" in card
    speechless = desk.run("decide", letter, "revise")
    assert (speechless.returncode, "made anew by what you say" in speechless.stderr) == (2, True)
    (again,) = desk.json("decide", letter, "revise", "--reason", "say where we met", status=3)["questions"]
    assert "Dear Ada; say where we met" in desk.run("decide", again).stdout
    assert not list((desk.folder / "outbox" / "mail").glob("*"))
    desk.json("decide", again, "approve")
    (sent,) = (desk.folder / "outbox" / "mail").glob("*.eml")
    assert "Dear Ada; say where we met" in sent.read_text()
    plan = letter.partition(".")[0]
    said = [event["what"] for event in desk.json("show", plan)["timeline"]]
    assert "draft: made anew, because you said of it: say where we met" in said
    assert desk.json("replay", plan)["same"]


def test_g2_what_is_put_off_is_not_among_what_waits_and_can_be_answered_all_the_same(desk, letter):
    said = desk.run("snooze", letter, "2h")
    assert "Put off until" in said.stdout + said.stderr
    assert desk.json("inbox") == []
    listed = desk.run("inbox")
    assert "1 put off, the first until" in listed.stdout + listed.stderr
    assert f"({letter}): put off until " in desk.run("today").stdout.partition("Due next")[2]
    assert "put off" in desk.run("decide", letter).stdout
    assert desk.run("decide", letter, "approve", "--yes").returncode == 0
    assert desk.json("decide", letter)["past"]["last"] is None, "its own answer came after it was asked"


def test_a_snooze_that_can_not_be_is_refused_with_what_would_do(desk, letter):
    for wrong in ("soon", "0s", "-2h", "2 hours"):
        refused = desk.run("snooze", letter, "--", wrong)
        assert refused.returncode in (1, 2), wrong
        assert desk.json("inbox")
    assert "such as '15m'" in desk.run("snooze", letter, "soon").stderr
    assert desk.run("decide", letter, "reject", "--reason", "no").returncode == 0
    closed = desk.run("snooze", letter)
    assert "is closed" in closed.stderr


def test_g2_a_note_stands_on_the_card_and_answers_nothing(desk, letter):
    assert desk.run("note", letter, "wait for Ada's call").returncode == 0
    assert "wait for Ada's call" in desk.run("decide", letter).stdout
    assert [row["decision"] for row in desk.json("inbox")] == [letter]
    assert desk.run("note", letter, " ").returncode == 1
    for long in (("note", letter, "a" * 70_000), ("decide", letter, "reject", "--reason", "a" * 70_000, "--yes")):
        refused = desk.run(*long)
        assert (refused.returncode, "70,000 characters" in refused.stderr) == (2, True)
    assert [row["decision"] for row in desk.json("inbox")] == [letter]


def test_g5_questions_of_policy_wait_as_long_as_the_settings_say(desk, letter):
    del letter
    config = desk.folder / "mainstay.toml"
    text = config.read_text()
    assert 'escalate = "3d"' in text
    config.write_text(text.replace('remind = ["1d"]\nescalate = "3d"', 'escalate = "1h"\ndue = "2h"'))
    (asked,) = desk.json("run", "letters", status=3)["questions"]
    question = desk.json("decide", asked, status=3)
    assert question["due_at"] > question["escalates_at"] > question["asked_at"]
    assert "No answer by" in desk.run("decide", asked).stdout
    config.write_text(text.replace('escalate = "3d"', 'escalate = "tomorrow"'))
    assert "under [questions], escalate" in desk.run("inbox").stderr


@pytest.mark.long
def test_g3_a_card_says_how_the_last_ones_were_answered_and_what_to_do(desk, letter):
    first = desk.json("decide", letter, status=3)
    assert first["past"]["last"] is None
    assert first["recommended"] == {"choice": "look", "why": "You have not answered a question of this step before."}
    desk.json("decide", letter, "approve")
    for count in range(2, 6):
        (asked,) = desk.json("run", "letters", status=3)["questions"]
        card = desk.run("decide", asked).stdout
        assert f"you approved {count - 1}; the last on" in " ".join(card.split())
        desk.json("decide", asked, "approve")
    (asked,) = desk.json("run", "letters", status=3)["questions"]
    assert "approve. You approved the last 5 questions of this step." in " ".join(
        desk.run("decide", asked).stdout.split()
    )
    assert desk.run("decide", asked, "reject", "--reason", "not her").returncode == 0
    (asked,) = desk.json("run", "letters", status=3)["questions"]
    question = desk.json("decide", asked, status=3)
    assert question["past"]["counts"] == {"reject": 1, "approve": 5}
    assert question["recommended"] == {"choice": "look", "why": "You rejected the last question of this step."}


def test_s51_no_code_that_is_not_active_runs_to_try_a_policy(desk, letter):
    (desk.folder / "policies" / "try.yaml").write_text("- {id: few, do: mail.send, limits: {per_day: 2}}\n")
    assert desk.json("policy", "test", "policies/try.yaml", "--playbook", "letters")["runs"] == 1
    ran = desk.folder / "ran"
    (desk.folder / "agents" / "letter.py").write_text(f"open({str(ran)!r}, 'w')\n{AGENT}")
    refused = desk.run("policy", "test", "policies/try.yaml", "--playbook", "letters")
    assert (refused.returncode, ran.exists()) == (2, False)
    assert "agents/letter.py: not active as it stands" in refused.stderr
