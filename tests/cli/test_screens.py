"""What screens hold: the whole card, in the operator's words, and outside text that can do nothing."""

import json
import re

import pytest
from cli_desk import INVOICES, STATEMENT, new_desk

ENGINE_ROOM = re.compile(r"\b(projection|digest|fold|stream|token|ledger|dead letter|compensation)s?\b", re.IGNORECASE)
NAME = "[bold red]Kupfer[/] \u202etxet\u200b"  # a table of invoices with control characters is not even read
REASON = "[blink]no[/] \x1b]0;owned\x07\x1b[31m\u202e\x9b1m"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A workspace whose invoices were written by somebody who means no good."""
    desk = new_desk(tmp_path_factory.mktemp("hostile"))
    invoices = desk.folder / "invoices.csv"
    content = INVOICES.read_text(encoding="utf-8")
    assert "Kupfer Architekten PartG" in content
    invoices.write_text(content.replace("Kupfer Architekten PartG", NAME), encoding="utf-8")
    standing = desk.json("run", "billing-reconciliation", f"statement={STATEMENT}", f"invoices={invoices}", status=3)
    standing = desk.checked(standing)
    desk.standing = desk.json("decide", standing["questions"][0], "reject", "--reason", REASON, status=3)
    return desk


def test_text_from_outside_is_shown_whole_and_does_nothing(hostile):
    question = hostile.standing["questions"][0]
    plan = hostile.standing["plan"]
    for command in (["decide", question], ["inbox"], ["show", plan, "--all"], ["history", "tail", "-n", "200"]):
        done = hostile.run(*command)
        for raw in "\x1b\x07\u202e\u200b\x9b":
            assert raw not in done.stdout + done.stderr, command
    card = re.sub(r"\s+", " ", hostile.run("decide", question).stdout)
    assert "[bold red]Kupfer[/] <U+202E>txet<U+200B>" in card
    assert "[blink]no[/]" in hostile.run("show", plan).stdout


def test_documents_keep_outside_text_as_it_is_but_in_ascii(hostile):
    done = hostile.run("decide", hostile.standing["questions"][0], "--json")
    assert done.stdout.isascii()
    bodies = [row["body"] for row in json.loads(done.stdout)["card"]["rows"]]
    assert any("<U+202E>" in body for body in bodies)


def test_a_card_holds_every_row_with_its_reasons_and_every_way_to_answer(shared):
    (question,) = shared.json("inbox")
    told = re.sub(r"\s+", " ", shared.run("decide", question["decision"]).stdout)
    for row in question["card"]["rows"]:
        assert f"{row['amount']['minor'] / 100:,.2f} EUR" in told
        for invoice in row["invoice_numbers"]:
            assert invoice in told
    for said in (
        "50%",
        "runner-up",
        "if no",
        "if late",
        "expires",
        "asked because The playbook asks. ",
        "your bank statement",
    ):
        assert said in told
    for command in ("approve", 'reject --reason "..."', "approve --keep 1,3-5"):
        assert f"mainstay decide {question['decision']} {command}" in told
    assert "book (book a payment), can be undone" in told
    assert "remind (send a mail), which asks you again" in told


def test_a_batch_shows_every_mail_whole_and_says_first_that_it_cannot_be_undone(hostile):
    question = hostile.json("decide", hostile.standing["questions"][0], status=3)
    told = " ".join(hostile.run("decide", question["decision"]).stdout.split())
    assert told.count("Subject: Reminder: invoice 2026-") == len(question["card"]["rows"])
    assert told.count("It is kept in outbox/mail; nothing leaves this machine.") == len(question["card"]["rows"])
    assert told.index("This can't be undone: A mail that was sent can't be called back.") < told.index(
        "mainstay decide"
    )


def test_a_narrow_screen_loses_nothing(shared):
    (question,) = shared.json("inbox")
    shared.env["COLUMNS"] = "60"
    terminal = shared.terminal("decide", question["decision"])
    terminal.until("Your answer (")
    terminal.type("later\n")
    assert terminal.status() == 3
    words = re.sub(r"[\s|]+", "", terminal.text)
    for row in question["card"]["rows"]:
        assert re.sub(r"\s+", "", row["why"]) in words


def test_no_screen_speaks_of_the_engine_room(shared):
    (question,) = shared.json("inbox")
    plan = question["plan"]
    commands = (
        ["--help"],
        ["inbox"],
        ["decide", question["decision"]],
        ["plans"],
        ["show", plan, "--all"],
        ["history", "tail"],
        ["history", "verify"],
        ["history", "--help"],
        ["playbook", "explain", "billing-reconciliation"],
        ["replay", plan],
        ["doctor"],
        ["stuck"],
        ["run", "billing-reconciliation", "--dry"],
    )
    for command in commands:
        done = shared.run(*command)
        assert not ENGINE_ROOM.search(done.stdout + done.stderr), command


def test_empty_screens_say_what_to_do(tmp_path):
    desk = new_desk(tmp_path)
    assert desk.run("inbox").stdout == "Inbox clear: nothing needs your decision.\n"
    assert desk.run("stuck").stdout == "Nothing is stuck.\n"
    assert "mainstay run PLAYBOOK" in desk.run("plans").stdout


@pytest.mark.long
def test_what_goes_to_a_file_is_as_wide_as_columns_says_and_ends_without_blanks(shared):
    for columns, most in (("", 80), ("60", 60), ("wide", 80), ("150", 150)):
        shared.env["COLUMNS"] = columns
        for command in (["plans"], ["history", "tail"], ["doctor"], ["playbook", "list"]):
            lines = shared.run(*command).stdout.splitlines()
            assert [line for line in lines if line != line.rstrip()] == []
            assert max(map(len, lines)) <= most
    del shared.env["COLUMNS"]
