"""`mainstay policy`: rules listed, checked, tried on the past and on files, explained, put back (G1, O4, O8, O16)."""

from __future__ import annotations

import pytest
from as_shown import DEMO_PICK
from cli_desk import INVOICES, STATEMENT, asked_desk, new_desk

LARGE = """\
- id: large
  do: books.record_payment
  when: roles.amount > money("2500.00 EUR")
  then: ask
  why: More than 2,500 EUR.
- id: notes
  do: files.write
  when: arguments.path.startsWith("reports/")
  then: deny
  why: No reports.
"""


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """A desk with a reconciliation of which the reminders were rejected; its plan is `question`."""
    desk = asked_desk(tmp_path_factory.mktemp("past"))
    standing = desk.json("decide", desk.question, "approve", *DEMO_PICK, status=3)
    ended = desk.json("decide", standing["questions"][0], "reject", "--reason", "not now")
    desk.question = ended["plan"]
    return desk


def test_g1_from_the_first_day_the_list_says_what_holds_and_a_new_file_is_named(tmp_path):
    desk = new_desk(tmp_path)
    first = desk.json("policy", "list")
    shipped = ["reads", "reversible", "irreversible", "physical"]
    assert ([one["id"] for one in first["rules"]], first["changed"]) == (shipped, [])
    assert "Policy house: version" in desk.run("history", "tail").stdout
    (desk.folder / "policies" / "own.yaml").write_text(LARGE)
    assert "policies/own.yaml is not active: mainstay activate policies/own.yaml" in desk.run("policy", "list").stdout
    assert desk.run("policy", "check").stdout.splitlines() == [
        "policies/house.yaml is in order: 4 rules.",
        "policies/own.yaml is in order: 2 rules.",
    ]
    desk.run("activate", "--yes")
    listed = desk.json("policy", "list")
    assert [(one["id"], one["verdict"], one["about"]) for one in listed["rules"][:2]] == [
        ("large", "ask", "books.record_payment"),
        ("notes", "deny", "files.write"),
    ]
    assert listed["changed"] == []
    assert [one["ships"] for one in listed["rules"]] == [False, False, True, True, True, True]
    shown = " ".join(desk.run("policy", "list").stdout.split())
    assert "Yours Mainstay asks you before it may book a payment (books.record_payment), when roles.amount" in shown
    _typo(desk)
    _back(desk)


def _typo(desk):
    """S49: refused at save, the old one stays in force."""
    (desk.folder / "policies" / "own.yaml").write_text(LARGE.replace("roles.amount", "roles.amuont"))
    refused = desk.run("activate", "--yes")
    assert refused.returncode == 2
    place = "policies/own.yaml:3:15: roles has no field 'amuont'; did you mean 'amount'?"
    assert place in refused.stderr
    checked = desk.run("policy", "check", "policies/own.yaml")
    assert (checked.returncode, place in checked.stderr) == (2, True)
    assert "The policy that is active stays in force" in checked.stderr
    (large,) = (rule for rule in desk.json("policy", "list")["rules"] if rule["id"] == "large")
    assert large["when"].startswith("roles.amount")


def _back(desk):
    (desk.folder / "policies" / "own.yaml").write_text(LARGE.replace("2500", "9000"))
    assert '+  when: roles.amount > money("9000.00 EUR")' in desk.run("policy", "diff", "own").stdout
    desk.run("activate", "--yes")
    assert desk.run("policy", "revert", "own", "--yes").returncode == 0
    assert (desk.folder / "policies" / "own.yaml").read_text() == LARGE


@pytest.mark.long
def test_o16_a_policy_is_tried_on_what_happened_and_held_against_the_answers(past):
    (past.folder / "policies" / "try.yaml").write_text(LARGE)
    found = past.json("policy", "test", "policies/try.yaml")
    moves = {(move["from"], move["to"]): move["operations"] for move in found["changes"]}
    assert set(moves) == {("allow", "ask"), ("allow", "deny")}
    assert set(moves["allow", "ask"]) == {"books.record_payment"}
    assert moves["allow", "deny"] == {"files.write": 2}
    assert found["same"] + sum(move["count"] for move in found["changes"]) == found["actions"]
    assert found["answers"]["asked"] == 4
    assert {row["plan"] for move in found["changes"] for row in move["actions"]} == {past.question}
    shown = past.run("policy", "test", "policies/try.yaml").stdout
    assert "2 actions would be forbidden; now it happens by itself (files.write 2)" in shown
    assert "large" not in {rule["id"] for rule in past.json("policy", "list")["rules"]}, "it was only tried"


def test_o8_explain_says_which_rule_spoke_which_did_not_and_what_it_compared(past):
    shown = " ".join(past.run("policy", "explain", past.question, "remind").stdout.split())
    assert "is asked [irreversible] It leaves the house and can't be taken back." in shown
    assert "you: rejected" in shown
    (past.folder / "policies" / "try.yaml").write_text(LARGE)
    past.run("activate", "policies/try.yaml", "--yes")
    rows = past.json("policy", "explain", past.question, "book")["actions"]
    heard = {row["rules"][1]["state"]: row for row in rows}
    assert set(heard) == {"spoke", "silent"}
    assert heard["spoke"]["now"]["rule"] == "large"
    assert heard["spoke"]["then"]["rule"] == "reversible"
    assert heard["silent"]["rules"][1]["compared"][0]["name"] == "roles.amount"
    assert {row["rules"][0]["rule"]: row["rules"][0]["state"] for row in rows}["reversible"] in ("overruled", "spoke")
    (past.folder / "policies" / "try.yaml").unlink()
    past.run("activate", "policies/try.yaml", "--yes")
    wrong = past.run("policy", "explain", past.question, "bok")
    assert (wrong.returncode, "Its steps with actions:" in wrong.stderr) == (2, True)


@pytest.mark.long
def test_o16_a_policy_is_tried_on_a_bank_export_and_nothing_of_it_stays(past):
    (past.folder / "policies" / "try.yaml").write_text(LARGE)
    before = past.json("plans")
    exports = past.folder.parent / "exports"
    exports.mkdir()
    (exports / "june.xml").write_bytes(STATEMENT.read_bytes())
    inputs = ("--input", f"statement={exports}", "--input", f"invoices={INVOICES}")
    found = past.json("policy", "test", "policies/try.yaml", "--playbook", "billing-reconciliation", *inputs)
    would = {(row["decision"], row["operation"], row["rule"]): row["count"] for row in found["would"]}
    assert would["ask", "mail.send", "irreversible"] == 4
    assert would["ask", "books.record_payment", "large"] > 0
    assert would["deny", "files.write", "notes"] == 2
    assert found["runs"] == 1
    assert past.json("plans") == before
    for alone in (inputs[:2], ("--each", str(past.folder))):
        refused = past.run("policy", "test", "policies/try.yaml", *alone)
        assert (refused.returncode, "--playbook NAME" in refused.stderr) == (2, True)
    (past.folder / "policies" / "try.yaml").unlink()


def test_o16_a_policy_is_tried_once_for_each_saved_mail_of_a_folder(past, tmp_path):
    for name, sender in (("one", "Bo Holm <bo@holm.example>"), ("two", "Ida Lund <ida@lund.example>")):
        mail = (
            f"From: {sender}\nTo: anna@acme.example\nSubject: A question\nMessage-ID: <{name}@x>\n\nCan you help us?\n"
        )
        (tmp_path / f"{name}.eml").write_text(mail)
    (past.folder / "policies" / "try.yaml").write_text(
        '- id: holm\n  do: mail.send\n  when: roles.receiver.exists(r, r.endsWith("@holm.example"))\n'
        "  then: deny\n  why: Not them.\n"
    )
    found = past.json(
        "policy", "test", "policies/try.yaml", "--playbook", "productised-service", "--each", str(tmp_path)
    )
    assert found["runs"] == 2
    decided = {(row["decision"], row["rule"]) for row in found["would"] if row["operation"] == "mail.send"}
    assert ("deny", "holm") in decided
    assert any(decision == "ask" for decision, _ in decided)
    (past.folder / "policies" / "try.yaml").unlink()


def test_g1_doctor_says_how_many_rules_are_in_force(tmp_path):
    desk = new_desk(tmp_path)
    looked = {one["check"]: one for one in desk.json("doctor")}
    found = looked["policies"]
    assert (found["state"], found["says"]) == ("ok", "Rules in force: 4. See them: mainstay policy list")
    (desk.folder / "policies" / "own.yaml").write_text(LARGE)
    desk.run("activate", "--yes")
    assert {one["check"]: one for one in desk.json("doctor")}["policies"]["says"].startswith("Rules in force: 6.")
