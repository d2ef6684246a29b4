"""A reconciliation from start to undo, driven by a program: documents, exit statuses, wrong inputs."""

import json

import pytest
from as_shown import DEMO_PICK
from cli_desk import INVOICES, STATEMENT

BILLS = "billing-reconciliation"


def test_a_process_is_run_decided_looked_at_and_taken_back(desk):
    standing = desk.reconcile()
    plan, (review,) = standing["plan"], standing["questions"]
    (card,) = desk.json("inbox")
    assert card["decision"] == review
    assert len(card["card"]["rows"]) == 5

    standing = desk.json("decide", review, "--keep", "1", "--keep", "3-4", status=3)
    (batch,) = standing["questions"]
    mails = desk.json("decide", batch, status=3)["card"]["rows"]
    standing = desk.json("decide", batch, "approve", "--drop", "2")
    assert standing["status"] == "completed"
    sent = list((desk.folder / "outbox" / "mail").glob("*.eml"))
    assert len(sent) == len(mails) - 1
    assert len(list((desk.folder / "reports").glob("*.md"))) == 1

    shown = desk.json("show", plan)
    booked = next(step for step in shown["steps"] if step["step"] == "book")
    assert sum(booked["items"].values()) == 34
    ruled = next(event for event in shown["timeline"] if event["kind"] == "DecisionRuled")
    asked = next(event for event in shown["timeline"] if event["kind"] == "DecisionAsked")
    assert ruled["because"] == asked["event"]

    undone = desk.json("undo", plan, "--yes", "--reason", "a test")
    assert undone["status"] == "undone"
    assert len(undone["left"]) == len(undone["stays"]) == len(sent)
    again = desk.run("undo", plan, "--yes")
    assert again.returncode == 2
    assert again.stderr == f"Error: Plan {plan} is undone already.\nNext:  What happened: mainstay show {plan}\n"
    assert list((desk.folder / "reports").glob("*.md")) == []
    assert desk.json("replay", plan)["same"] is True
    assert desk.json("history", "verify")["bad"] is None
    assert len(desk.json("history", "tail", "-n", "7", "--plan", plan)) == 7
    assert [row["status"] for row in desk.json("plans")] == ["undone"]


@pytest.mark.long
def test_progress_goes_to_stderr_one_line_per_step(desk):
    done = desk.run("run", BILLS, f"statement={STATEMENT}", f"invoices={INVOICES}")
    assert done.returncode == 3
    assert "statement: done" in done.stderr
    assert "check: needs your decision" in done.stderr
    assert "mainstay decide" in done.stdout
    (question,) = desk.json("inbox")
    done = desk.run("decide", question["decision"], "approve")
    assert "match: done" in done.stderr
    assert "review: needs your decision" in done.stderr


def test_a_dry_run_shows_the_order_and_touches_nothing(shared):
    before = shared.json("history", "verify")
    waves = shared.json("run", BILLS, "--dry")["waves"]
    assert [{step["name"] for step in wave} for wave in waves[:3]] == [{"known"}, {"open"}, {"statement"}]
    told = shared.run("run", BILLS, "--dry").stdout
    assert "asks you: once, with the whole list" in told
    assert " (side by side)" in told
    assert "Can't be undone: remind" in told
    assert shared.json("history", "verify") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([BILLS, "statement=missing.xml", f"invoices={INVOICES}"], "There is no file"),
        ([BILLS, "statement=empty.xml", f"invoices={INVOICES}"], "is empty"),
        ([BILLS, "statement=reports", f"invoices={INVOICES}"], "The folder reports is empty"),
        ([BILLS, "statemnt=x"], "did you mean 'statement'?"),
        ([BILLS, "statement"], "is not name=value"),
        ([BILLS], "it is missing"),
        (["billing-reconcilation"], "Did you mean 'billing-reconciliation'?"),
    ],
)
def test_a_wrong_input_is_refused_before_anything_starts(shared, arguments, said):
    (shared.folder / "empty.xml").touch()
    done = shared.run("run", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_was_started_by_wrong_inputs(shared):
    shared.run("run", BILLS)
    assert len(shared.json("plans")) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["aprove"], "Did you mean 'approve'?"),
        (["reject"], "A no wants a reason"),
        (["approve", "--yes"], "Say of row 2 which is right (Pays 2026-118, or Pays 2026-119): another"),
        (["approve", "--keep", "2"], "Next:  Add --pick: 2=1 takes the first, 2=2 the second, 2=0 none of these."),
        (["approve", "--keep", "9"], "There is no row 9"),
        (["approve", "--keep", "3-1"], "There is no row 3-1"),
        (["approve", "--keep", "one"], "does not name rows"),
        (["--drop", "1-5"], "No row would be kept"),
        (["--keep", "1", "--drop", "2"], "Both --keep and --drop"),
        (["reject", "--reason", "no", "--keep", "1"], "can't keep rows"),
    ],
)
def test_an_unclear_answer_is_refused(shared, arguments, said):
    done = shared.run("decide", shared.question, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_question_stays_after_an_unclear_answer(shared):
    shared.run("decide", shared.question, "aprove")
    assert [question["decision"] for question in shared.json("inbox")] == [shared.question]


def test_an_error_is_a_document_for_programs(shared):
    done = shared.run("show", "nosuchplan", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["kind"] == "UnknownNameError"
    assert json.loads(done.stdout)["error"]["remedy"]


def test_an_answer_counts_once(asked):
    (question,) = asked.json("inbox")
    asked.json("decide", question["decision"], "approve", *DEMO_PICK, status=3)
    again = asked.run("decide", question["decision"], "approve")
    assert again.returncode == 1
    assert "is not open: you approved on 20" in again.stderr
    assert f"Next:  What happened: mainstay show {question['plan']}" in again.stderr


def test_undo_wants_a_yes_and_names_what_it_would_take_back(asked):
    standing = asked.standing
    asked.json("decide", standing["questions"][0], "approve", *DEMO_PICK, status=3)
    done = asked.run("undo", standing["plan"])
    assert done.returncode == 2
    assert "book, item 1: Book " in done.stderr
    assert "--yes" in done.stderr
    assert asked.json("show", standing["plan"])["status"] == "running"


def test_a_cancelled_plan_keeps_what_it_did(asked):
    standing = asked.standing
    done = asked.run("cancel", standing["plan"][:4], "--reason", "wrong month")
    assert done.returncode == 0, done.stderr
    assert "mainstay undo" in done.stdout
    assert asked.json("inbox") == []
    again = asked.run("cancel", standing["plan"])
    assert again.returncode == 1
    assert f"Next:  See where it stands: mainstay show {standing['plan']}" in again.stderr
    late = asked.run("decide", standing["questions"][0], "approve")
    assert late.returncode == 1
    assert "is not open: it no longer matters" in late.stderr


@pytest.mark.long
def test_a_hostile_statement_is_stuck_with_a_reason_and_can_be_undone(desk):
    bomb = desk.folder / "bomb.xml"
    bomb.write_text('<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]><Document>&b;</Document>')
    standing = desk.json("run", BILLS, f"statement={bomb}", f"invoices={INVOICES}", status=3)
    (stuck,) = desk.json("stuck")
    assert stuck["decision"] == standing["questions"][0]
    told = desk.run("stuck", stuck["decision"]).stdout
    assert "mainstay decide" in told
    assert "end the plan and take back what it did" in " ".join(told.split())
    desk.json("stuck", stuck["decision"], "undo")
    assert desk.json("stuck") == []


def test_a_stuck_step_is_tried_again_with_changes(desk):
    odd = desk.folder / "odd.csv"
    odd.write_text("when;what;how much\n2026-10-01;Rent;-900.00\n2026-10-02;Invoice 2026-115;1100.00\n")
    desk.json("run", BILLS, f"statement={odd}", f"invoices={INVOICES}", status=3)
    (stuck,) = desk.json("stuck")
    columns = {"booked_on": "when", "text": "what", "amount": "how much", "currency_code": "EUR"}
    arguments = stuck["arguments"] | {"columns": columns}
    unseen = desk.run("stuck", stuck["decision"], "--edit", "-", stdin=json.dumps(arguments))
    assert unseen.returncode == 2
    assert "+ columns: " in unseen.stderr
    done = desk.run("stuck", stuck["decision"], "--edit", "-", "--yes", stdin=json.dumps(arguments))
    assert done.returncode in (0, 3), done.stderr
    assert desk.json("stuck") == []
    bad = desk.run("stuck", "x", "--edit", "-", stdin="{")
    assert bad.returncode == 2
