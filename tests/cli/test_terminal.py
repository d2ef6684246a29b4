"""At a terminal: the questions are asked right there, as a person would answer them."""

from cli_desk import INVOICES, STATEMENT

WHICH = """playbook: which
title: "Which of two"
steps:
  q:
    ask: "Which is right?"
    show: "= [{'headline': 'A', 'confidence': 0.5, 'others': [{'says': 'or B', 'headline': 'B'}]}]"
    form: {hours: {type: int, label: "Hours spent"}}
  note:
    do: files.write
    with: {path: "reports/which.md", text: "reading {{q.rows[0].headline}}, {{q.form.hours}} hours"}
"""


def start(desk):
    return desk.terminal("run", "billing-reconciliation", f"statement={STATEMENT}", f"invoices={INVOICES}")


def test_a_whole_process_is_answered_at_the_terminal(desk):
    terminal = start(desk)
    files = terminal.until("Your answer (approve, reject, keep some, later): ")
    assert "Are your files read rightly?" in files
    terminal.type("approve\n")
    card = terminal.until("Your answer (approve, reject, keep some, pick, later): ")
    assert "match: done" in card
    assert "Payments that need your eye: 5" in card
    assert "runner-up" in card
    terminal.type("perhaps\n")
    terminal.until("Please answer one of")
    terminal.until("Your answer (")
    terminal.type("k\n")
    terminal.until("Which rows to keep")
    terminal.type("1,7\n")
    terminal.until("There is no row 7")
    terminal.until("Which rows to keep")
    terminal.type("1 2\n")
    terminal.until("Say of row 2 which is right")
    terminal.until("Which way to read which row")
    terminal.type("3=2\n")
    terminal.until("Say of row 2 which is right")
    terminal.until("Which way to read which row")
    terminal.type("2=1\n")
    batch = terminal.until("Your answer (")
    assert "This can't be undone" in batch
    terminal.type("reject\n")
    terminal.until("Why not")
    terminal.type("\n")
    terminal.until("A no wants a reason")
    terminal.until("Why not")
    terminal.type("too early\n")
    assert terminal.status() == 0
    assert ": done" in terminal.text
    (plan,) = desk.json("plans")
    kinds = [event["what"] for event in desk.json("show", plan["plan"])["timeline"] if event["kind"] == "DecisionRuled"]
    assert "keeping 2 rows" in kinds[1]
    assert "too early" in kinds[2]


def test_a_question_can_be_left_for_later_and_undo_asks_first(desk):
    terminal = start(desk)
    terminal.until("Your answer (")
    terminal.type("later\n")
    assert terminal.status() == 3
    (question,) = desk.json("inbox")

    terminal = desk.terminal("decide", question["decision"])
    terminal.until("Your answer (")
    terminal.interrupt()
    assert terminal.status() == 3
    assert "Left for later" in terminal.text

    terminal = desk.terminal("undo", question["plan"])
    terminal.until("End it, and take back what is on its way?")
    terminal.type("no\n")
    assert terminal.status() == 0
    assert "It was not ended." in terminal.text
    assert desk.json("inbox") == [question]

    terminal = desk.terminal("undo", question["plan"])
    terminal.until("End it, and take back what is on its way?")
    terminal.type("yes\n")
    assert terminal.status() == 0
    assert desk.json("inbox") == []


def test_an_answer_given_with_the_command_shows_the_card_and_wants_a_yes(asked):
    question = asked.standing["questions"][0]
    terminal = asked.terminal("decide", question, "approve", "--keep", "1 3")
    card = terminal.until("Approve exactly this? (yes, no): ")
    assert "Payments that need your eye: 5" in card
    assert "You keep: 1, 3" in card
    terminal.type("no\n")
    assert terminal.status() == 3
    assert f"It waits: mainstay decide {question}" in terminal.text
    assert [row["decision"] for row in asked.json("inbox")] == [question]

    terminal = asked.terminal("decide", question, "approve", "--keep", "1 3")
    terminal.until("Approve exactly this? (yes, no): ")
    terminal.type("yes\n")
    assert terminal.status() == 3
    batch = asked.json("inbox")[0]["decision"]
    assert batch != question

    terminal = asked.terminal("decide", batch, "approve", "--yes")
    assert terminal.status() == 0
    assert "(yes, no)" not in terminal.text


def test_which_reading_is_right_is_asked_before_the_form_is_filled_in(desk):
    (desk.folder / "playbooks/which.yaml").write_text(WHICH)
    assert desk.run("activate", "--yes").returncode == 0
    for answer in ("approve", "keep some", "pick"):
        terminal = desk.terminal("run", "which")
        terminal.until("Your answer (")
        terminal.type(f"{answer}\n")
        if answer == "keep some":
            terminal.until("Which rows to keep")
            terminal.type("1\n")
        terminal.until("Which way to read which row")
        terminal.type("1=2\n")
        terminal.until("Hours spent")
        terminal.type("3\n")
        assert terminal.status() == 0, terminal.text
        written = desk.folder / "reports/which.md"
        assert "reading B, 3 hours" in written.read_text()
        written.unlink()
