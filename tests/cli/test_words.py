"""What commands say where somebody errs, or does not know the word: what happened, to what, and what next (O11)."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer
from cli_desk import ROOT, SLOW, stop

CADENCE = ("topics=mainstay.toml", "channels=blog", "begin=2026-11-23T09:00:00+01:00")
FORM = """playbook: call
title: "Call a customer"
steps:
  spoke:
    ask: "Call Ada"
    form:
      reached: {type: bool, label: "Did you reach her?"}
      agreed: {type: money, label: "What did you agree on?"}
      again: {type: date, label: "When again?", default: }
  note: {do: files.write, with: {path: "reports/x.md", text: "{{spoke.form.agreed}}"}}
"""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("questions", "inbox"),
        ("versions", "diff NAME"),
        ("people", "forget NAME"),
        ("explain", "playbook explain NAME"),
        ("playbook activate", "activate"),
    ],
)
def test_a_word_of_others_names_the_command_that_is_meant(desk, typed, meant):
    done = desk.run(*typed.split())
    assert done.returncode == 2
    assert f"Here that is: mainstay {meant}\n" in done.stderr


def test_each_word_of_others_leads_to_a_command_there_is():
    from mainstay.cli.commands import app
    from mainstay.cli.ending import _MEANS

    everything = typer.main.get_command(app)

    def known(words: str) -> bool:
        """Whether each word is a command of the one before; what is to be filled in, or an option, ends it."""
        at: Any = everything
        for word in words.split():
            if word.isupper() or word.startswith("--"):
                return True
            if word not in getattr(at, "commands", {}):
                return False
            at = at.commands[word]
        return True

    assert [meant for meant in _MEANS.values() if not known(meant)] == []
    assert [typed for typed in _MEANS if known(typed)] == [], "what is a command needs no other word"


def test_what_is_refused_of_a_plan_names_what_can_be_done_with_it(desk):
    plan = desk.json("run", "slow", "--hold")["plan"]
    held = desk.run("pause", plan)
    assert held.returncode == 1
    assert f"Next:  Start it: mainstay resume {plan}. Or end it: mainstay cancel {plan}" in held.stderr
    assert f"It starts with: mainstay resume {plan}" in desk.run("show", plan).stdout
    desk.run("cancel", plan)
    assert f"To run it again: mainstay rerun {plan}" in desk.run("pause", plan).stderr
    assert f"Next:  Run it anew: mainstay rerun {plan}" in desk.run("edit", plan, "--expires", "3d").stderr


def test_plans_say_that_there_are_more_only_where_there_are(desk):
    for _ in range(2):
        desk.json("run", "slow", "--hold")
    assert "More of them" not in desk.run("plans", "--limit", "2").stdout
    one = desk.run("plans", "--open", "--limit", "1").stdout
    assert "The newest 1. More of them: mainstay plans --open --limit 20" in one
    assert len(desk.json("plans", "--limit", "1")) == 1


def test_a_form_asks_in_plain_words_and_names_each_field_that_is_wrong(desk):
    (desk.folder / "playbooks" / "call.yaml").write_text(FORM)
    assert desk.run("activate", "--yes").returncode == 0
    (question,) = desk.json("run", "call", status=3)["questions"]
    card = desk.run("decide", question).stdout
    assert "reached: Did you reach her? (yes or no)" in card
    assert "agreed: What did you agree on? (an amount such as 12.50 EUR)" in card
    assert "again: When again? (a date such as 2026-01-31; may be left out)" in card
    assert f"decide {question} approve\n" not in card  # that would be refused: the form has to be filled in
    wrong = desk.run("decide", question, "approve", "--set", "reached=perhaps", "--set", "agreed=12,50", "--yes")
    assert wrong.returncode == 2
    assert "the field 'reached': 'perhaps' is neither yes nor no" in wrong.stderr
    assert "the field 'agreed': '12,50' is not an amount such as '1500.00 EUR'; its currency is missing" in wrong.stderr
    assert "takes: --set reached=yes --set agreed=" in wrong.stderr


def test_all_files_that_can_not_be_activated_are_named_and_those_that_can(desk):
    (desk.folder / "playbooks" / "slow.yaml").write_text(SLOW.replace("60s", "90s"))
    for name in ("one", "two"):
        text = f'playbook: {name}\ntitle: "x"\nsteps:\n  a: {{do: nothing.here}}\n'
        (desk.folder / "playbooks" / f"{name}.yaml").write_text(text)
    without_agents = desk.run("activate", "--yes")
    for name in ("three", "four"):
        (desk.folder / "agents" / f"{name}.py").write_text("def broken(:\n")
    for done in (without_agents, desk.run("activate", "--yes")):
        assert done.returncode == 2
        assert "one.yaml:4:" in done.stderr
        assert "two.yaml:4:" in done.stderr
        assert "Those that are in order: mainstay activate playbooks/slow.yaml\n" in done.stderr
    assert "agents/three.py:1:12" in done.stderr
    assert "agents/four.py:1:12" in done.stderr
    assert desk.run("activate", "playbooks/slow.yaml", "--yes").returncode == 0


MANY = """playbook: many
title: "Write to many"
inputs: {names: {type: list(text)}}
steps:
  write: {each: "= inputs.names", do: files.write, with: {path: "reports/{{item}}.md", text: "x"}}
"""


def test_the_log_of_the_service_says_how_far_a_list_is_and_what_stops(desk):
    (desk.folder / "playbooks" / "many.yaml").write_text(MANY)
    assert desk.run("activate", "--yes").returncode == 0
    service = desk.service()
    names = [f"names=n{number}" for number in range(40)]
    desk.json("run", "many", *names, "names=../out", status=3)
    _, _, log = stop(service)
    told = [line for line in log.splitlines() if " of 41 done" in line]
    assert 1 <= len(told) <= 10
    assert "write, item 41: stuck, " in log
    assert "a step that is stuck" in log


def test_what_was_not_taken_in_is_shown_where_the_owner_looks(desk):
    on = 'playbook: taken\ntitle: "Take in"\ninputs: {paper: {type: file}}\non: {folder: inbox/papers}\nsteps:\n'
    on += '  note: {do: files.write, with: {path: "reports/in.md", text: "{{inputs.paper.name}}"}}\n'
    (desk.folder / "playbooks" / "taken.yaml").write_text(on)
    assert desk.run("activate", "--yes").returncode == 0
    papers = desk.folder / "inbox" / "papers"
    papers.mkdir()
    (papers / "link.txt").symlink_to("/etc/hosts")
    service = desk.service()
    while "was not taken in" not in (line := service.stderr.readline()):
        assert line
    stop(service)
    for command in ("inbox", "stuck", "doctor"):
        assert "inbox/papers/link.txt" in desk.run(command).stdout
    (papers / "link.txt").unlink()
    assert "link.txt" not in desk.run("inbox").stdout


def test_a_dry_run_asks_a_question_once_and_a_covered_action_not_again(desk):
    told = " ".join(desk.run("run", "content-cadence", "--dry", *CADENCE).stdout.split())
    assert told.count("Publish the posts from") == 1
    assert "asks you only for what departs from what you approved in approve" in told


def test_times_on_screens_are_those_of_the_company_and_name_its_zone(desk):
    toml = desk.folder / "mainstay.toml"
    toml.write_text(toml.read_text().replace('timezone = "UTC"', 'timezone = "Asia/Kolkata"'))
    (desk.folder / "playbooks" / "due.yaml").write_text(
        'playbook: due\ntitle: "Due"\ninputs: {at: {type: time}}\nsteps:\n'
        "  go: {ask: 'Go?', due: 3d, show: \"= {'begins_at': inputs.at, 'left_empty': ''}\"}\n"
        "  note: {do: files.write, needs: [go], with: {path: 'reports/x.md', text: 'x'}}\n"
    )
    assert desk.run("activate", "--yes").returncode == 0
    (question,) = desk.json("run", "due", "at=2026-01-31T10:30:00+01:00", status=3)["questions"]
    card = " ".join(desk.run("decide", question).stdout.split())
    assert "begins at: 2026-01-31 15:00 (Asia/Kolkata)" in card
    assert "left empty" not in card
    assert re.search(r"No answer by \S+ \d\d:\d\d \(Asia/Kolkata\) means no\.", card)
    assert "begun (Asia/Kolkata)" in " ".join(desk.run("plans").stdout.split())
    assert "at: 2026-01-31 15:00 (Asia/Kolkata)" in desk.run("show", question.partition(".")[0]).stdout


@pytest.mark.parametrize(("answer", "written"), [("wait", []), ("refund", ["refund.md"]), ("call", ["call.md"])])
def test_the_documented_question_with_answers_of_its_own_runs_and_leads_where_it_says(desk, answer, written):
    docs = (ROOT / "docs" / "playbooks.md").read_text()
    (block,) = (
        one for one in re.findall(r"```yaml\n(.*?)```", docs, re.DOTALL) if one.startswith("playbook: late-order")
    )
    (desk.folder / "playbooks" / "late-order.yaml").write_text(block)
    assert desk.run("activate", "--yes").returncode == 0
    (question,) = desk.json("run", "late-order", "customer=Ada", status=3)["questions"]
    card = " ".join(desk.run("decide", question).stdout.split())
    for option in ("wait", "refund", "call"):
        assert f"mainstay decide {question} {option}" in card
    standing = desk.json("decide", question, answer, status=3 if answer == "call" else 0)
    for task in standing["questions"]:
        standing = desk.json("decide", task, "approve", "--set", "agreed=Next week")
    assert standing["status"] == "completed"
    assert [path.name for path in (desk.folder / "reports").glob("*.md")] == written


def test_a_receipt_reads_as_a_customer_reads(desk):
    (desk.folder / "playbooks" / "many.yaml").write_text(
        MANY.replace("{type: list(text)}", "{type: list(text)}, reply_in: {type: duration, default: 10d}").replace(
            "do: files.write", "gate: batch, do: files.write"
        )
    )
    assert desk.run("activate", "--yes").returncode == 0
    plan = desk.json("run", "many", "names=a", "names=b", status=3)["plan"]
    desk.run("cancel", plan)
    assert desk.run("show", plan, "--receipt").returncode == 0
    told = " ".join(
        (desk.folder / "reports" / "receipts" / f"{plan}.md").read_text().partition("## The signed part")[0].split()
    )
    for wanted in (
        "reply in: 10 days",
        "2 were not begun",
        "2 without an answer",
        "no answer was needed any more",
        "cost none",
    ):
        assert wanted in told
    assert "cannot_undo" not in told


def test_what_is_asked_for_in_vain_says_what_next(desk):
    vain = desk.run("stuck", "retry", "all")
    assert (vain.returncode, vain.stderr.count("Nothing is stuck; nothing was changed.")) == (2, 1)
    assert "Next:" in desk.run("revert", "slow").stderr
    assert "takes: names=... names=...\n" in _missing(desk)
    tail = desk.run("history", "tail").stdout
    assert "when (UTC)" in " ".join(tail.split())


def _missing(desk):
    (desk.folder / "playbooks" / "many.yaml").write_text(MANY)
    assert desk.run("activate", "--yes").returncode == 0
    return desk.run("run", "many").stderr
