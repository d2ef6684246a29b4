"""`mainstay budget`: what is spent, held and left, what counted, and raising it for this time (G6)."""

from __future__ import annotations

import pytest
from as_shown import DEMO_PICK

LINES = """
[budgets]
booked = {operations = ["books.*"], per_day = 2, per_month = 100}
"""


def budgeted(desk, lines=LINES):
    path = desk.folder / "mainstay.toml"
    path.write_text(path.read_text() + lines)


def test_g6_a_workspace_without_a_budget_says_so_and_how_to_set_one(desk):
    told = desk.run("budget")
    assert (told.returncode, "No budget is set" in told.stdout, "[budgets]" in told.stdout) == (0, True, True)
    assert desk.json("budget") == []


@pytest.mark.long
def test_g6_a_budget_tells_what_is_spent_by_which_plan_and_what_it_stopped_goes_on_when_it_is_raised(desk):
    budgeted(desk)
    asked = desk.reconcile()["questions"][0]
    standing = desk.json("decide", asked, "approve", *DEMO_PICK, status=3)
    stuck = desk.json("stuck")
    assert {row["options"][0] for row in stuck} == {"raise"}
    inbox = desk.run("inbox").stdout  # one card for all of it
    assert (inbox.count("Budget 'booked' stopped"), inbox.count("mainstay stuck raise")) == (1, 1)
    assert not [row["decision"] for row in stuck if f"decide {row['decision']}" in inbox]
    day, month = desk.json("budget")
    assert (day["per"], day["limits"][0]["spent"], day["limits"][0]["left"]) == ("day", 2, 0)
    assert (month["per"], month["limits"][0]["spent"], month["limits"][0]["most"]) == ("month", 2, 100)
    assert [one["plan"] for one in day["counted"]] == [standing["plan"]]
    told = desk.run("budget").stdout
    for words in ("booked (books.*)", "today: 2 of 2 spent, 0 left; used up", "this month: 2 of 100 spent, 98 left"):
        assert words in told
    assert f"mainstay show {standing['plan']}" in told
    assert desk.run("budget", "raise", "booked", "--today", 50).returncode == 0
    assert "2 of 52 spent" in desk.run("budget").stdout
    desk.run("stuck", "retry", "all", "--yes")
    assert desk.json("stuck") == []


@pytest.mark.long
def test_g6_what_waits_for_a_budget_is_told_when_a_raise_lets_it_leave(desk):
    budgeted(desk)
    desk.json("decide", desk.reconcile()["questions"][0], "approve", *DEMO_PICK, status=3)
    desk.run("stuck", "wait", "all", "--yes")
    assert "left now: 3." in desk.run("budget", "raise", "booked", "--today", 3).stdout
    assert "5 of 5 spent" in desk.run("budget").stdout


@pytest.mark.parametrize("line", ["mail.send = {per_day = 5}", '"mail.send" = 5', '"mail.send" = {per_week = 5}'])
def test_g6_a_budget_that_is_written_otherwise_is_refused_with_how_to_write_it(desk, line):
    budgeted(desk, f"\n[budgets]\n{line}\n")
    refused = desk.run("budget")
    assert (refused.returncode, '"mail.send" = {per_day = 50}' in refused.stderr) == (2, True)


def test_g6_doctor_names_a_budget_that_counts_what_there_is_not(desk):
    assert "none" in next(row["says"] for row in desk.json("doctor") if row["check"] == "budgets")
    budgeted(desk, '\n[budgets]\n"mail.sent" = {per_day = 2}\n')
    (found,) = [row for row in desk.json("doctor", status=1) if row["check"] == "budgets"]
    assert (found["state"], "did you mean 'mail.send'?" in found["says"]) == ("wrong", True)


def test_g6_doctor_tells_of_an_amount_of_money_that_stops_nothing(desk):
    lines = '"{}" = {{per_day = "5.00 EUR"}}\n'
    budgeted(desk, "\n[budgets]\n" + "".join(lines.format(name) for name in ("mail.send", "books.record_payment")))
    found = [row["says"] for row in desk.json("doctor") if row["check"] == "budgets" and row["state"] == "note"]
    assert found == [
        "'mail.send' names an amount of money, and what it counts moves and costs none: that stops nothing."
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("bookd", "--today", "5"), "Did you mean 'booked'?"),
        (("booked", "--today", "5.00 EUR"), "5.00 EUR is something else"),
        (("booked", "--today", "5.00 EUR"), "Such as: mainstay budget raise booked --today 1"),
        (("booked", "--today", "-5"), "is nothing that is counted"),
        (("booked", "--today", "0"), "Raised by nothing"),
        (("booked", "--plan", "5"), "names no plan and amount"),
        (("booked", "--plan", "zz=5"), "There is no plan 'zz'"),
        (("booked",), "today, this month, or for one plan"),
        (("booked", "--today", "5", "--month", "5"), "today, this month, or for one plan"),
    ],
)
def test_g6_a_raise_that_can_not_be_meant_is_refused_with_what_can(desk, given, says):
    budgeted(desk)
    done = desk.run("budget", "raise", *given)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert says in " ".join(done.stderr.split())
    assert all(limit["raised"] == 0 for row in desk.json("budget") for limit in row["limits"])


def test_g6_how_to_raise_a_budget_is_said_in_what_it_counts(desk):
    budgeted(desk, '\n[budgets]\nbooked = {operations = ["books.*"], per_day = "500.00 USD"}\n')
    done = desk.run("budget", "raise", "booked", "--month", "5")
    assert 'only a day. Next: Raise that, such as: mainstay budget raise booked --today "50.00 USD"' in " ".join(
        done.stderr.split()
    )


def test_g6_the_limits_of_a_rule_in_force_are_shown_and_raised_as_budgets(desk):
    (desk.folder / "policies" / "own.yaml").write_text("- {id: few, do: books.*, limits: {per_day: 2}}\n")
    assert desk.json("budget") == [], "it does not hold before it is activated"
    assert desk.run("activate", "--yes").returncode == 0
    (row,) = desk.json("budget")
    assert (row["name"], row["per"], row["limits"][0]["most"]) == ("rule few", "day", 2)
    assert desk.run("budget", "raise", "rule few", "--today", 3).returncode == 0
    assert "0 of 5 spent" in desk.run("budget").stdout


def test_g6_what_a_budget_stopped_is_answered_at_a_terminal_after_a_second_look_and_once_for_each_plan(desk):
    budgeted(desk)
    standing = desk.json("decide", desk.reconcile()["questions"][0], "approve", *DEMO_PICK, status=3)
    stuck = desk.json("stuck")
    assert len(stuck) > 2
    terminal = desk.terminal("decide", stuck[0]["decision"])
    for said, line in (("Your answer (", "skip"), ("Budget 'booked' stopped", ""), ("Your answer (", "u")):
        terminal.until(said)
        if line:
            terminal.type(line + "\n")
    shown = terminal.until("Answer all of these so? (yes, no): ")
    assert "Each ends its plan, and what the plan did is taken back." in shown
    terminal.type("no\n")
    assert terminal.status() == 3
    assert "Nothing was answered." in terminal.text
    left = desk.json("stuck")
    assert len(left) == len(stuck) - 1

    terminal = desk.terminal("decide", left[0]["decision"])
    for said, line in (("Your answer (", "retry"), ("Budget 'booked' stopped", ""), ("Your answer (", "undo")):
        terminal.until(said)
        if line:
            terminal.type(line + "\n")
    terminal.until("Answer all of these so? (yes, no): ")
    terminal.type("yes\n")
    terminal.status()
    assert "Not " not in terminal.text.replace("Nothing", "")
    assert desk.json("stuck") == []
    ruled = [event for event in desk.json("show", standing["plan"])["timeline"] if event["kind"] == "DecisionRuled"]
    assert len([event for event in ruled if "undo" in event["what"] or "taken back" in event["what"]]) == 1
