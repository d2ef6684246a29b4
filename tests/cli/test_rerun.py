"""Running an ended plan again from a step on: what it did is adopted, undone or done again (KERNEL P6)."""

from __future__ import annotations

import pytest
from cli_desk import new_desk

NOTES = """\
playbook: notes
title: "Write notes"
inputs:
  word: {type: text, default: "one"}
steps:
  first: {do: files.write, with: {path: "reports/first.txt", text: "First: {{inputs.word}}"}, checkpoint: true}
  second: {do: files.write, needs: [first], with: {path: "reports/second-{{inputs.word}}.txt", text: "{{first.path}}"}}
  tell: {do: mail.send, needs: [second], with: {to: "ada@example.com", subject: "Done", text: "{{inputs.word}}"}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    desk = new_desk(tmp_path_factory.mktemp("made"))
    (desk.folder / "playbooks" / "notes.yaml").write_text(NOTES)
    assert desk.run("activate", "--yes").returncode == 0
    standing = desk.json("run", "notes", status=3)
    assert desk.json("decide", standing["questions"][0], "approve")["status"] == "completed"
    desk.plan = standing["plan"]
    return desk


@pytest.fixture
def desk(made, tmp_path):
    return made.copied(tmp_path)


@pytest.fixture
def ended(made):
    return made.plan


def files(desk):
    return sorted(path.name for path in (desk.folder / "reports").iterdir() if path.suffix == ".txt")


def mails(desk):
    return len(list((desk.folder / "outbox" / "mail").glob("*.eml")))


def test_p6_a_dry_rerun_names_what_is_taken_over_what_runs_again_and_what_was_done(desk, ended):
    found = desk.json("rerun", ended, "--dry")
    assert (found["from"], found["taken_over"], found["runs_again"]) == ("second", ["first"], ["second", "tell"])
    assert [(row["step"], row["cannot_undo"] != "") for row in found["later"]] == [("second", False), ("tell", True)]
    said = desk.run("rerun", ended, "--dry").stdout
    assert "Taken over as it was: first" in said
    assert "can't be undone" in said


def test_p6_each_later_action_wants_a_word_and_an_irreversible_one_no_undo(desk, ended):
    silent = desk.run("rerun", ended, "--yes")
    assert silent.returncode == 2
    assert "second, tell" in silent.stderr
    assert desk.run("rerun", ended, "--yes", "--undo", "second", "--undo", "tell").returncode == 2
    assert desk.run("rerun", ended, "--yes", "--undo", "first", "--adopt", "tell", "--adopt", "second").returncode == 2
    assert mails(desk) == 1


def test_p6_one_is_undone_and_done_again_with_changed_input_and_one_is_adopted(desk, ended):
    assert files(desk) == ["first.txt", "second-one.txt"]
    again = desk.json("rerun", ended, "word=two", "--undo", "second", "--adopt", "tell", "--yes")
    assert again["status"] == "completed"
    assert files(desk) == ["first.txt", "second-two.txt"]
    assert (desk.folder / "reports" / "first.txt").read_text() == "First: one", "adopted, not done again"
    assert mails(desk) == 1
    shown = desk.json("show", ended)
    assert shown["status"] == "completed"
    assert "Runs" in desk.run("show", again["plan"]).stdout
    undone = desk.json("undo", again["plan"], "--yes")
    assert undone["status"] == "undone"
    assert files(desk) == ["first.txt"], "what was adopted is not touched"
    assert desk.json("replay", again["plan"])["same"]
    assert desk.json("replay", ended)["same"]


def test_p6_what_is_done_again_is_approved_again(desk, ended):
    again = desk.json("rerun", ended, "--adopt", "second", "--again", "tell", "--yes", status=3)
    assert mails(desk) == 1
    assert desk.json("decide", again["questions"][0], "approve")["status"] == "completed"
    assert mails(desk) == 2


def test_p6_a_new_version_of_the_playbook_adopts_only_what_is_the_same(desk, ended):
    text = NOTES.replace("First: {{inputs.word}}", "The first: {{inputs.word}}")
    (desk.folder / "playbooks" / "notes.yaml").write_text(text)
    assert desk.run("activate", "--yes").returncode == 0
    found = desk.json("rerun", ended, "--dry", "--playbook", "notes")
    assert found["taken_over"] == []
    again = desk.json(
        "rerun",
        ended,
        "--playbook",
        "notes",
        "--from",
        "tell",
        "--yes",
        "--undo",
        "first",
        "--undo",
        "second",
        "--adopt",
        "tell",
    )
    assert again["status"] == "completed"
    assert (desk.folder / "reports" / "first.txt").read_text() == "The first: one"
    assert mails(desk) == 1


def test_only_what_has_ended_runs_again_and_steps_are_named(desk, ended):
    wrong = desk.run("rerun", ended, "--from", "secnd")
    assert wrong.returncode == 2
    assert "did you mean 'second'" in wrong.stderr
    open_one = desk.json("run", "notes", status=3)["plan"]
    still = desk.run("rerun", open_one)
    assert still.returncode == 2
    assert "mainstay cancel" in still.stderr


def test_at_a_terminal_each_is_asked_about(desk, ended):
    terminal = desk.terminal("rerun", ended)
    terminal.until("What becomes of second")
    terminal.type("undo\n")
    terminal.until("What becomes of tell (adopt, again)")
    terminal.type("adopt\n")
    terminal.until("Run it again so?")
    terminal.type("yes\n")
    assert terminal.status() == 0
    assert files(desk) == ["first.txt", "second-one.txt"]


def test_p6_a_step_that_a_version_renamed_is_named_and_nothing_counts_for_it(desk, ended):
    text = NOTES.replace("  second:", "  next:").replace("needs: [second]", "needs: [next]")
    (desk.folder / "playbooks" / "notes.yaml").write_text(text)
    assert desk.run("activate", "--yes").returncode == 0
    found = desk.json("rerun", ended, "--dry", "--playbook", "notes", "--from", "tell")
    assert found["taken_over"] == ["first"]
    assert [(row["step"], row["choices"]) for row in found["later"]] == [
        ("second", ["undo", "again"]),
        ("tell", ["adopt", "again"]),
    ]
    adopt = ("--from", "tell", "--playbook", "notes", "--adopt", "second", "--adopt", "tell", "--yes")
    refused = desk.run("rerun", ended, *adopt)
    assert refused.returncode == 2
    assert "this version has no such step" in " ".join(refused.stderr.split())
    twice = desk.run("rerun", ended, "--adopt", "tell", "--again", "tell", "--yes")
    assert twice.returncode == 2
    assert "Two things" in twice.stderr


@pytest.mark.long
def test_p6_an_undo_names_the_reruns_that_lean_on_what_it_takes_back(desk, ended):
    second = desk.json("rerun", ended, "word=two", "--undo", "second", "--adopt", "tell", "--yes")["plan"]
    third = desk.json("rerun", second, "--from", "second", "--again", "second", "--adopt", "tell", "--yes")["plan"]
    asked = desk.run("undo", ended)
    assert (asked.returncode, files(desk)) == (2, ["first.txt", "second-two.txt"])
    assert all(f"({plan}, " in asked.stderr for plan in (second, third))
    (first, *_) = desk.json("rerun", ended, "--from", "first", "--dry")["later"]
    assert (first["step"], [row["plan"] for row in first["leaning"]]) == ("first", [second, third])
    assert f"take it from {second}, {third} too" in desk.run("rerun", ended, "--from", "first", "--dry").stdout
    question = desk.json("undo", ended, "--yes")
    assert [(row["plan"], row["steps"]) for row in question["leaning"]] == [(second, ["first"]), (third, ["first"])]


def test_p6_an_undo_of_a_rerun_names_what_stays_as_it_was_taken_over_and_the_plans_that_did_it(desk, ended):
    second = desk.json("rerun", ended, "word=two", "--undo", "second", "--adopt", "tell", "--yes")["plan"]
    third = desk.json("rerun", second, "--from", "tell", "--adopt", "tell", "--yes")["plan"]
    asked = desk.run("undo", third)
    assert asked.returncode == 0, asked.stderr
    said = " ".join(asked.stderr.split())
    assert "Stays, as a run before this one did it" in said
    assert "second-two.txt" in said
    assert all(f"to take it back as well: mainstay undo {plan}" in said for plan in (ended, second))
    done = desk.json("undo", second, "--yes")
    taken = [(row["plan"], [one["step"] for one in row["possible"]]) for row in done["taken_over"]]
    assert taken == [(ended, ["first"])]
    assert [one["step"] for one in done["taken_over"][0]["impossible"]] == ["tell"]
    assert files(desk) == ["first.txt"]
    assert desk.json("undo", ended, "--yes")["taken_over"] == []
    assert files(desk) == []


def test_p6_an_undo_names_no_rerun_that_took_over_nothing_of_it(desk, ended):
    desk.json("rerun", ended, "--from", "first", *("--again", "first", "--again", "second", "--adopt", "tell", "--yes"))
    asked = desk.run("undo", ended)
    assert "first" in asked.stderr
    assert "lean on it" not in asked.stderr


LISTED = """\
playbook: listed
title: "Write a list"
inputs:
  names: {type: list(text)}
steps:
  begin: {do: files.write, with: {path: "reports/begin.log", text: "begun"}}
  write:
    {needs: [begin], each: "= inputs.names", do: files.write, with: {path: "reports/{{item}}.txt", text: "{{index}}"}}
"""


def test_p6_only_what_failed_of_a_list_is_done_again(tmp_path):
    desk = new_desk(tmp_path)
    (desk.folder / "playbooks" / "listed.yaml").write_text(LISTED)
    assert desk.run("activate", "--yes").returncode == 0
    (desk.folder / "reports" / "b.txt").mkdir(parents=True)  # in the way
    plan = desk.json("run", "listed", "names=a", "names=b", "names=c", status=3)["plan"]
    desk.run("cancel", plan)
    shown = desk.run("rerun", plan, "--dry").stdout
    assert "write: files.write (2 actions)" in shown
    found = desk.json("rerun", plan, "--failed", "write", "--dry")
    assert (found["from"], found["taken_over"], found["runs_again"]) == ("write", ["begin"], ["write"])
    assert desk.run("rerun", plan, "--failed", "wirte", "--dry").returncode == 2
    (desk.folder / "reports" / "b.txt").rmdir()
    assert desk.json("rerun", plan, "--failed", "write", "--yes")["status"] == "completed"
    assert {path.name: path.read_text() for path in (desk.folder / "reports").glob("*.txt")} == {
        "a.txt": "0",
        "b.txt": "1",
        "c.txt": "2",
    }
