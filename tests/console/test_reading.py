"""The screens that are read: plans with their graphs and causes, what is stuck, playbooks. One service for all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from as_shown import DEMO_PICK
from browser import opened, tab_to, visit
from cli_desk import asked_desk
from http_kit import Served, until
from visitor import Page, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from visitor import Form

NOTE = """playbook: note
title: "Write a note"
inputs:
  what: {type: text, label: "What to write"}
  wait: {type: duration, default: 0s}
steps:
  write:
    do: files.write
    with: {path: "reports/{{inputs.what}}.md", text: "Note of {{inputs.what}}", existing: number}
  nap: {wait: {until: "= ready_at + inputs.wait"}, needs: [write]}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    desk = asked_desk(tmp_path_factory.mktemp("reading"))
    (desk.folder / "playbooks" / "note.yaml").write_text(NOTE)
    assert desk.run("activate", "--yes").returncode == 0
    made = desk.json("api", "token", "create", "tool", "--allow", "mail.send")
    one = Served(desk, made["token"])
    one.begin()
    yield one
    one.end()


@pytest.fixture(scope="module")
def person(served: Served) -> Visitor:
    return Visitor(served).log_in()


@pytest.fixture(scope="module")
def matched(served: Served) -> str:
    """Answer all questions of the reconciliation; gives its plan."""
    plan, question = served.desk.question.rpartition(".")[0], served.desk.question
    while question:
        told = served.desk.run("decide", question, "approve", *(DEMO_PICK if question == served.desk.question else ()))
        assert told.returncode in (0, 3), told.stderr
        question = next(iter(served.desk.json("show", plan)["questions"]), {}).get("decision", "")
    return plan


def form_at(page: Page, path: str) -> Form:
    return [form for form in page.forms if form.action == path][-1]


def note(person: Visitor, what: str, **more: str) -> str:
    """Start a note from its page, as a person does; gives its plan."""
    form = form_at(person.page("/playbooks/note"), "/playbooks/note/start")
    fields = {"input.what": what} | {f"input.{name}": value for name, value in more.items()}
    given = [(name, fields.get(name, value)) for name, value in form.fields if name not in ("first", "hold")]
    reply = person.post(form.action, given)
    assert reply.status == 303, reply.text
    return reply.headers["location"].rpartition("/")[2]


def page_saying(person: Visitor, path: str, says: str) -> Page:
    """Look at a page until it says something."""
    return until(lambda: page if says in (page := person.page(path)).text else None, says)


# --- plans


def test_a_plan_shows_each_step_and_every_cause_leads_to_a_line_that_is_there(person: Visitor, matched: str):
    reply = person.get(f"/plans/{matched}?all=1")
    page = Page(reply.text)
    assert page.headings == ["Match bank statements to open invoices"]
    steps = {link for link in page.links if link.startswith(f"/plans/{matched}/step?at=")}
    assert {f"/plans/{matched}/step?at={name}" for name in ("match", "book", "remind", "report")} <= steps
    assert reply.text.count("<rect") == 16  # the graph has what the list has
    targets = {link[1:] for link in page.links if re.fullmatch("#n[0-9]+", link)}
    assert len(targets) > 20
    assert all(f'id="{target}"' in reply.text for target in targets)


def test_o8_a_number_is_traced_to_the_events_that_hold_it_and_to_what_led_to_the_first(person: Visitor, matched: str):
    page = person.page(f"/plans/{matched}?find=9,804.95")
    assert "It stands in" in page.text
    assert "What led to the first of them" in page.text
    assert person.page(f"/plans/{matched}?find=9804.95").text.count("It stands in") == 1
    assert "stands nowhere in this plan" in person.page(f"/plans/{matched}?find=no-such-words").text


def test_a_step_shows_what_it_was_given_and_gave_why_and_by_which_versions(person: Visitor, matched: str):
    page = person.page(f"/plans/{matched}/step?at=match")
    for part in ("What it was given", "What it gave", "Why", "Attempts", "As of that run", "reconcile"):
        assert part in page.text
    page = person.page(f"/plans/{matched}/step?at=book")
    (first, *_) = re.findall(r"book, item 1 (\S+), ([\d.,]+ [A-Z]{3})", page.text)
    undo = person.page(f"/plans/{matched}/undo").text
    assert re.search(rf"Book {re.escape(first[1])} from .+ to {re.escape(first[0])}", undo), "which invoice it was for"
    assert person.get(f"/plans/{matched}/step?at=nothing").status == 404


def test_plans_are_found_by_words_state_and_playbook_and_paged_without_one_shown_twice(person: Visitor, matched: str):
    assert matched in person.page("/plans?words=bank").text
    assert matched in person.page(f"/plans?words={matched[:4]}&state=failed").text
    assert matched in person.page("/plans?playbook=billing-reconciliation&state=done").text
    assert "No plan is so" in person.page("/plans?playbook=billing-reconciliation&state=failed").text
    assert "No plan is so" in person.page("/plans?words=nobody-runs-this").text
    assert matched not in person.page("/plans?since=2999-01-01").text


def test_an_undo_lists_what_it_takes_back_before_it_does_and_does_that(served: Served, person: Visitor):
    plan = note(person, "undone")
    page_saying(person, f"/plans/{plan}", "Done")
    written = served.desk.folder / "reports" / "undone.md"
    assert written.exists()
    page = person.page(f"/plans/{plan}/undo")
    assert "Will be taken back" in page.text
    assert "reports/undone.md" in page.text
    assert written.exists()
    assert person.press(form_at(page, f"/plans/{plan}/undo")).status == 303
    page_saying(person, f"/plans/{plan}", "Undone: everything was taken back")
    assert not written.exists()
    assert "undone already" in person.page(f"/plans/{plan}/undo").text


def test_a_plan_is_paused_goes_on_and_is_ended_from_its_page(person: Visitor):
    plan = note(person, "paused", wait="3d")
    page_saying(person, f"/plans/{plan}", "waiting")
    assert person.press(form_at(person.page(f"/plans/{plan}"), f"/plans/{plan}/pause")).status == 303
    page = page_saying(person, f"/plans/{plan}", "Paused by you")
    assert person.press(form_at(page, f"/plans/{plan}/resume")).status == 303
    page = page_saying(person, f"/plans/{plan}", "after a pause")
    assert person.press(form_at(page, f"/plans/{plan}/cancel"), reason="enough").status == 303
    page_saying(person, f"/plans/{plan}", "Ended by you: enough")


def test_a_plan_runs_again_with_changes_once_it_is_said_what_becomes_of_what_it_did(served: Served, person: Visitor):
    plan = note(person, "first")
    page_saying(person, f"/plans/{plan}", "Done")
    page = person.page(f"/plans/{plan}/rerun?start=write")
    form = form_at(page, f"/plans/{plan}/rerun")
    fields = [(name, value) for name, value in form.fields if not name.startswith("choice.")]
    given = [(name, "second" if name == "input.what" else value) for name, value in fields]
    refused = person.post(form.action, given)
    assert refused.status == 422
    assert "acted in write, which would not be taken over" in Page(refused.text).text
    reply = person.post(form.action, [*given, ("choice.write", "again")])
    assert reply.status == 303, reply.text
    again = reply.headers["location"]
    page = page_saying(person, again, "Done")
    assert f"runs plan {plan} again" in page.text
    assert (served.desk.folder / "reports" / "second.md").exists()
    assert "The same again" in person.page(f"{again}/replay").text


def test_a_receipt_is_given_as_a_file_that_holds(served: Served, person: Visitor, matched: str, tmp_path: Path):
    reply = person.get(f"/plans/{matched}/receipt.pdf")
    assert reply.headers["content-type"] == "application/pdf"
    file = tmp_path / "receipt.pdf"
    file.write_bytes(reply.body)
    assert served.desk.json("history", "check", file)["holds"] is True


# --- playbooks


def test_o12_a_playbook_tells_in_sentences_what_it_does_and_what_it_would_take(person: Visitor):
    page = person.page("/playbooks/billing-reconciliation")
    for part in ("You are asked in", "What can't be undone", "A dry run", "nothing is touched"):
        assert part in page.text
    assert person.get("/playbooks/nobody").status == 404


def test_a_file_from_elsewhere_can_not_be_named_in_a_form(served: Served, person: Visitor):
    inbox = served.desk.folder / "inbox"
    inbox.mkdir(exist_ok=True)
    (inbox / "june.csv").write_text("a;b")
    path = "/playbooks/billing-reconciliation/start"
    form = form_at(person.page("/playbooks/billing-reconciliation"), path)
    given = [(name, value) for name, value in form.fields if name == "csrf"]
    wrong = [("input.statement", "/etc/passwd"), ("input.invoices", "inbox/june.csv")]
    reply = person.post(path, [*given, *wrong])
    assert reply.status == 422
    assert "is not in the folder inbox" in Page(reply.text).text


def test_a_changed_playbook_shows_what_differs_is_activated_and_put_back(served: Served, person: Visitor):
    file = served.desk.folder / "playbooks" / "note.yaml"
    file.write_text(NOTE.replace("Note of", "Word of"))
    assert "What you activated goes on as it was" in person.page("/playbooks/note").text
    page = person.page("/playbooks/note/activate")
    assert '+ with: {path: "reports/{{inputs.what}}.md", text: "Word of' in page.text
    form = form_at(page, "/playbooks/note/activate")
    file.write_text(NOTE.replace("Note of", "Poem of"))
    assert person.press(form).status in (409, 422)  # the yes was to another text
    page = person.page("/playbooks/note/activate")
    assert person.press(form_at(page, "/playbooks/note/activate")).status == 303
    page = person.page("/playbooks/note")
    (older,) = [link for link in page.links if "/revert/" in link]
    page = person.page(older)
    assert "Note of" in page.text
    assert person.press(form_at(page, older)).status == 303
    assert file.read_text() == NOTE


# --- the history, and the books


def test_the_history_is_checked_beside_the_work_and_says_what_it_found(person: Visitor, matched: str):
    assert person.press(form_at(person.page("/audit"), "/audit/verify")).status == 303
    page_saying(person, "/audit", "records are as they were written")
    assert matched in person.page("/audit").text


def test_an_anchor_is_given_as_a_line_that_the_history_can_be_held_against(served: Served, person: Visitor):
    reply = person.press(form_at(person.page("/audit"), "/audit/anchor"))
    found = re.search(r"mainstay-anchor 2 [^<]+", reply.text)
    assert found is not None
    kept = served.desk.json("history", "verify", "--anchor", found[0].strip())["kept"]
    assert kept["count"] == 1


def test_an_export_of_a_plan_is_whole_and_the_same_as_the_terminals(served: Served, person: Visitor, matched: str):
    reply = person.press(form_at(person.page("/audit"), "/audit/export"), plan=matched)
    assert reply.headers["content-disposition"] == f'attachment; filename="history-{matched}.jsonl"'
    told = served.desk.run("history", "export", "--plan", matched)
    assert reply.text == told.stdout


def test_the_books_show_each_payment_once_with_how_sure_it_is_and_what_is_left(person: Visitor, matched: str):
    assert f"/books/{matched}" in person.page("/books").links
    page = person.page(f"/books/{matched}")
    for part in ("Matched without doubt (31)", "Needed your eye (5)", "Paid once more (1)", "Fits no open invoice (2)"):
        assert part in page.text
    assert "Owed now4,210.00 EUR" in page.text.replace("now ", "now"), "what holds once all was answered"
    assert [words in page.text for words in ("if you say yes", "waits for your answer", "unsure")] == [False] * 3
    assert person.get("/books/nothing").status == 404


# --- in a browser


@pytest.mark.long
def test_what_is_stuck_for_one_cause_is_left_out_at_once_by_keys_alone(served: Served, person: Visitor):
    plans = [note(person, f"../no/{name}") for name in ("a", "b")]
    for plan in plans:
        page_saying(person, f"/plans/{plan}", "Needs your decision")
    with opened() as browser, visit(browser, served) as page:
        page.goto(f"{served.url}/stuck")
        card = page.locator("article")
        assert card.count() == 1
        assert " in 2 plans" in card.inner_text()
        page.keyboard.press("j")
        page.keyboard.press("Tab")
        tab_to(page, "Leave out: all 2")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Nothing is stuck").wait_for()
        assert page.get_by_role("status").inner_text().startswith("2 of 2 answered.")


def test_o8_the_command_line_traces_a_number_and_shows_steps_books_and_anchors_as_the_console_does(
    served: Served, person: Visitor, matched: str
):
    desk = served.desk
    traced = desk.json("trace", matched, "9804.95")
    assert traced["found"]
    page = person.page(f"/plans/{matched}?find=9804.95")
    for row in traced["found"]:
        assert row["what"] in page.text
    assert "stands nowhere" in desk.run("trace", matched, "never written").stdout
    said = desk.run("trace", matched, "9,804.95").stdout
    assert traced["found"][0]["event"] in said.replace("\n", "")

    step = desk.json("show", matched, "--step", "match")
    assert (step["does"], step["says"]) == ("reconcile", "done")
    assert step["rationale"] in person.page(f"/plans/{matched}/step?at=match").text
    assert "as of that run, agent: reconcile" in desk.run("show", matched, "--step", "match").stdout
    assert desk.run("show", matched, "--step", "nothing").returncode == 2

    assert matched in [row["plan"] for row in desk.json("books")]
    found = desk.json("books", matched)
    assert f"{found['booked']} booked" in desk.run("books", matched).stdout
    assert len(found["piles"]["sure"]) > 0

    before = desk.json("history", "anchors")
    desk.json("history", "anchor")
    assert len(desk.json("history", "anchors")) == len(before) + 1


def test_what_was_learned_is_named_with_its_source_and_forgotten_by_one_button(
    served: Served, person: Visitor, matched: str
):
    learned = served.desk.json("memory", "list")
    assert learned["layouts"], "the answers to how files are read"
    page = person.page("/memory")
    assert f"/plans/{matched}" in page.links
    first = [one for one in page.forms if one.action == "/memory/forget"][-1]
    gone = dict(first.fields)["id"]
    assert person.press(first).status == 303
    until(lambda: gone not in [row["id"] for pile in served.desk.json("memory", "list").values() for row in pile])
    assert person.press(first).status == 404


@pytest.mark.parametrize(
    "path", ["/plans/%F0%9F%98%80", "/questions/%00.1", "/playbooks/a%20b/diff", "/books//x", "/%E2%82%AC"]
)
def test_a_path_that_no_page_can_have_is_answered_by_a_page_all_the_same(served: Served, person: Visitor, path: str):
    for reply, status in ((person.get(path), 404), (Visitor(served).get(path), 401)):
        assert reply.status == status
        assert reply.headers["content-type"].startswith("text/html")
    assert "There is no such page." in Page(person.get(path).text).headings
    assert served.send("GET", "/actions/%20%00", Cookie=None).headers["content-type"] == "application/json"
