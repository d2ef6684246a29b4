"""Approving with changes, filling in a task, and pausing, at the command line."""

from __future__ import annotations

import json

import pytest

TASK = """\
playbook: hours
title: "Hours of the month"
inputs:
  to: {type: text, default: "ada@example.com"}
steps:
  note:
    ask: "How many hours?"
    form: {hours: {type: int, label: "Hours spent"}, remark: {type: text, default: "none"}}
    to: ada
    due: 3d
  send:
    do: mail.send
    with: {to: "= inputs.to", subject: "{{note.form.hours}} hours", text: "Remark: {{note.form.remark}}"}
"""


@pytest.fixture
def hours(desk):
    (desk.folder / "playbooks" / "hours.yaml").write_text(TASK)
    assert desk.run("activate", "--yes").returncode == 0
    return desk.json("run", "hours", status=3)["questions"][0]


def test_a_task_shows_its_form_and_wants_it_filled_in(desk, hours):
    card = desk.run("decide", hours).stdout
    for wanted in ("hours: Hours spent (a whole number such as 3)", "for", "ada", "--set hours=..."):
        assert wanted in card
    missing = desk.run("decide", hours, "approve")
    assert missing.returncode == 2
    assert "hours" in missing.stderr
    wrong = desk.run("decide", hours, "approve", "--set", "hours=many")
    assert wrong.returncode == 2
    assert "hours" in wrong.stderr
    standing = desk.json("decide", hours, "approve", "--set", "hours=12", status=3)
    question = desk.json("decide", standing["questions"][0], status=3)
    assert "12 hours" in question["card"]["headline"] + question["card"]["body"]


def test_a_mail_is_approved_with_changes_and_leaves_as_changed(desk, hours):
    (mail,) = desk.json("decide", hours, "approve", "--set", "hours=12", status=3)["questions"]
    wrong = desk.run("decide", mail, "approve", "--edit", "-", stdin='{"subjct": "x"}')
    assert wrong.returncode == 2
    assert "takes no subjct" in wrong.stderr
    assert not list((desk.folder / "outbox" / "mail").glob("*"))
    edit = json.dumps({"subject": "Your hours"})
    unseen = desk.run("decide", mail, "approve", "--edit", "-", stdin=edit)
    assert unseen.returncode == 2, "nobody said yes to what it became"
    assert "- subject: 12 hours\n  + subject: Your hours\n" in unseen.stderr
    assert "add --yes" in unseen.stderr
    assert not list((desk.folder / "outbox" / "mail").glob("*"))
    changed = desk.run("decide", mail, "approve", "--edit", "-", "--json", "--yes", stdin=edit)
    assert changed.returncode == 0, changed.stderr
    (sent,) = (desk.folder / "outbox" / "mail").glob("*.eml")
    assert "Subject: Your hours" in sent.read_text()
    assert "Remark: none" in sent.read_text()


def test_at_a_terminal_the_form_is_asked_for_field_by_field(desk, hours):
    terminal = desk.terminal("decide", hours)
    terminal.until("Your answer")
    terminal.type("approve\n")
    terminal.until("Hours spent (a whole number such as 3)")
    terminal.type("7\n")
    terminal.until("remark (a text; empty to leave out)")
    terminal.type("\n")
    terminal.until("7 hours")
    terminal.until("Your answer")
    terminal.type("later\n")
    assert terminal.status() == 3


def test_pause_resume_hold_and_edit(desk, hours):
    plan = hours.partition(".")[0]
    paused = desk.run("pause", plan, "--reason", "holidays")
    assert "mainstay resume" in paused.stdout + paused.stderr
    assert [row["says"] for row in desk.json("plans") if row["plan"] == plan] == ["paused"]
    assert desk.run("pause", plan).returncode == 1
    assert desk.run("resume", plan).returncode == 3
    held = desk.json("run", "hours", "--hold", "--priority", "2")
    assert (held["status"], held["questions"]) == ("proposed", [])
    assert desk.run("edit", held["plan"]).returncode == 2
    assert desk.run("edit", held["plan"], "too=x").returncode == 2
    assert desk.run("edit", held["plan"], "--expires", "soon").returncode == 2
    desk.json("edit", held["plan"], "to=bob@example.com", "--expires", "2d")
    shown = desk.json("show", held["plan"])
    assert (shown["inputs"], shown["priority"]) == ({"to": "bob@example.com"}, 2)
    assert shown["expires_at"]
    assert desk.run("resume", held["plan"]).returncode == 3
    refused = desk.run("edit", held["plan"], "to=x")
    assert refused.returncode == 2
    assert "waits for your go-ahead" in refused.stderr


def test_e6_a_plan_as_a_whole_is_shown_rendered_and_leaves_by_one_yes(desk):
    text = 'playbook: two-mails\ntitle: "Two mails"\nsteps:\n'
    text += '  one: {do: mail.send, with: {to: ada@example.com, subject: "First", text: "Dear Ada"}}\n'
    text += '  two: {do: mail.send, needs: [one], with: {to: bob@example.com, subject: "Then", text: "Dear Bob"}}\n'
    (desk.folder / "playbooks" / "two-mails.yaml").write_text(text)
    assert desk.run("activate", "--yes").returncode == 0
    (question,) = desk.json("run", "two-mails", "--ask-first", status=3)["questions"]
    card = desk.run("decide", question).stdout
    for wanted in (
        "all that a plan would do",
        "(--drop) asks by itself",
        "To: ada@example.com",
        "Dear Ada",
        "Subject: Then",
        "Dear Bob",
    ):
        assert wanted in card
    assert "This can't be undone" in card
    assert not list((desk.folder / "outbox" / "mail").glob("*"))
    assert desk.json("decide", question, "approve")["status"] == "completed"
    assert len(list((desk.folder / "outbox" / "mail").glob("*.eml"))) == 2


def test_a_dry_run_tells_how_long_the_last_runs_took(desk, hours):
    assert desk.json("run", "hours", "--dry")["past_runs"]["runs"] == 0
    (mail,) = desk.json("decide", hours, "approve", "--set", "hours=12", status=3)["questions"]
    desk.json("decide", mail, "approve")
    past = desk.json("run", "hours", "--dry")["past_runs"]
    assert past["runs"] == 1
    assert past["took_s"] > 0
    assert "Its last run took" in desk.run("run", "hours", "--dry").stdout


def test_an_answer_names_its_question_and_fills_in_only_what_the_question_has(asked):
    question = asked.standing["questions"][0]
    nameless = asked.run("decide", "", "approve")
    assert nameless.returncode != 0
    assert "No question is named" in nameless.stderr
    formless = asked.run("decide", question, "approve", "--set", "hours=3")
    assert formless.returncode != 0
    assert "has no form" in formless.stderr
    assert [row["decision"] for row in asked.json("inbox")] == [question]
    assert asked.run("decide", question, "reject", "--reason", "not now").returncode in (0, 3)
    closed = asked.run("decide", question, "reject")
    assert "is not open" in closed.stderr


def test_a_question_with_answers_of_its_own_speaks_of_no_yes_or_no(desk):
    text = 'playbook: verdict\ntitle: "Judge"\nsteps:\n  judge: {ask: "How is it?", options: [good, bad]}\n'
    text += '  after: {do: files.write, needs: [judge], with: {path: "reports/a.md", text: "x"}}\n'
    (desk.folder / "playbooks/verdict.yaml").write_text(text)
    assert desk.run("activate", "--yes").returncode == 0
    question = desk.json("run", "verdict", status=3)["questions"][0]
    card = desk.run("decide", question).stdout
    assert "each answer" in card
    assert "if no" not in card
    assert "yes leads to" not in card
    assert desk.json("decide", question, "bad")["status"] == "completed"
    assert (desk.folder / "reports/a.md").exists()


def test_e1_a_payment_is_answered_with_the_other_invoice_and_rows_that_fit_nothing_are_left_out(asked):
    card = asked.run("decide", asked.question).stdout
    assert "2 = Pays 2026-119: 2026-119 of Marlin Touristik AG, the same amount" in " ".join(card.split())
    for wrong in ("1=2", "2=3", "2"):
        refused = asked.run("decide", asked.question, "approve", "--pick", wrong, "--yes")
        assert refused.returncode == 2, wrong
    assert asked.run("decide", asked.question, "reject", "--reason", "no", "--pick", "2=2").returncode == 2
    standing = asked.json("decide", asked.question, "--pick", "2=2", "--drop", "3", status=3)
    books = asked.json("books", standing["plan"])
    stands = {one["number"]: one["says"] for one in books["invoices"]}
    assert [stands[f"2026-{number}"] for number in (118, 119, 128)] == ["open", "paid", "open"]
    closed = asked.json("decide", asked.question)
    assert (len(closed["picked"]), closed["kept"]) == (1, [0, 1, 3, 4])
    assert closed["picked"][0].startswith("row 2: 2026-119 of Marlin Touristik AG")


def test_e1_a_row_says_what_a_yes_forgives_and_offers_to_leave_that_open(asked):
    card = " ".join(asked.run("decide", asked.question).stdout.split())
    assert "Yes forgives 50.00 EUR (a discount that the invoice does not grant)" in card
    assert "1 = Pays 2026-128, forgives 50.00 EUR: as proposed" in card
    assert "2 = Pays 2026-128: leave 50.00 EUR open" in card
    rows = asked.json("decide", asked.question, status=3)["card"]["rows"]
    (at,) = (at for at, row in enumerate(rows, 1) if row["invoice_numbers"] == ["2026-128"])
    (even,) = (number for number, row in enumerate(rows, 1) if row["others"] and row["confidence"] < 0.75)
    refused = asked.run("decide", asked.question, "--pick", f"{at}=2", "--yes")
    assert (refused.returncode, f"Say of row {even} which is right" in refused.stderr) == (2, True)
    standing = asked.json("decide", asked.question, "--pick", f"{at}=2, {even}=1", status=3)
    books = asked.json("books", standing["plan"])
    (one,) = (one for one in books["invoices"] if one["number"] == "2026-128")
    assert (one["says"], one["open_now"]) == ("paid in part", "50.00 EUR")
    told = asked.json("decide", asked.question)["picked"]
    assert [one.partition(":")[0] for one in told] == [f"row {number}" for number in sorted((at, even))]
    assert any(one.endswith(", as proposed") for one in told)
