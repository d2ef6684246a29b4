"""Deciding in a real Chromium as a person does: edit and approve, put off, note, keys, what is about to leave."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from browser import log_out_behind, unusable, visit
from http_kit import ask, ended, new_served, until
from seeds import some
from visitor import Visitor, link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_kit import Served
    from playwright.sync_api import Browser, Page

LATER = (
    'playbook: later\ntitle: "Write to Anna"\nsteps:\n'
    '  tell: {do: mail.send, gate: each, delay: 2h, with: {to: anna@example.com, subject: "Hello", text: "Later."}}\n'
)

JOT = (
    'playbook: jot\ntitle: "Write a note"\nsteps:\n'
    "  jot: {do: files.write, gate: each, with: {path: reports/note.md, text: A note., existing: number}}\n"
)

GREET = (
    'playbook: greet\ntitle: "Greet Anna"\nsteps:\n'
    '  greet: {do: mail.send, with: {to: anna@example.com, subject: "Hello", text: "Good morning."}}\n'
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = new_served(tmp_path_factory.mktemp("deciding"))
    (one.desk.folder / "playbooks").mkdir(exist_ok=True)
    (one.desk.folder / "playbooks" / "later.yaml").write_text(LATER)
    (one.desk.folder / "playbooks" / "jot.yaml").write_text(JOT)
    (one.desk.folder / "playbooks" / "greet.yaml").write_text(GREET)
    assert one.desk.run("activate", "--yes").returncode == 0
    yield one
    one.end()


def test_an_edit_is_shown_line_by_line_before_exactly_that_is_sent(served: Served, page: Page):
    subject = ask(served, "edited")
    page.goto(served.url)
    page.keyboard.press("j")
    page.keyboard.press("e")
    page.get_by_role("heading", name="Edit before it happens").wait_for()
    page.get_by_label("Text").fill("Your parcel is here.\nWe bring it on Friday.")
    page.get_by_role("button", name="See what changes").click()
    page.get_by_role("heading", name="What you change").wait_for()
    assert page.locator("del").all_text_contents() == ["goes: Come and get it."]
    assert page.locator("ins").all_text_contents() == ["comes: We bring it on Friday."]
    assert unusable(page) == []
    page.get_by_role("button", name="Approve exactly this").click()
    page.get_by_role("status").filter(has_text="You approved").wait_for()
    assert ended(served, "edited") == "done"
    (sent,) = [mail for mail in map(str, (one.read_text() for one in served.mails())) if subject in mail]
    assert "We bring it on Friday." in sent
    assert "Come and get it." not in sent


def test_an_edit_that_can_not_be_is_refused_with_what_was_typed_still_there(served: Served, page: Page):
    ask(served, "edited-wrongly")
    page.goto(served.url)
    page.get_by_role("link", name="Edit first").click()
    page.get_by_role("button", name="See what changes").click()
    page.get_by_role("alert").filter(has_text="Nothing is different yet").wait_for()
    page.get_by_label("To", exact=True).fill("no address")
    page.get_by_role("button", name="See what changes").click()
    page.get_by_role("alert").filter(has_text="no address").wait_for()
    assert page.get_by_label("To", exact=True).input_value() == "no address"
    assert served.get("/actions/edited-wrongly").json["state"] == "waits"
    assert unusable(page) == []


def test_a_question_is_put_off_by_keys_and_a_note_stays_on_its_card(served: Served, page: Page):
    page.goto(served.url)
    card = page.locator("article").first
    card.get_by_text("Note…").click()
    card.get_by_label("It stays on the card").fill("Ask Anna first")
    card.get_by_role("button", name="Keep the note").click()
    page.get_by_role("status").filter(has_text="Noted").wait_for()
    page.locator("article").filter(has_text="Ask Anna first").wait_for()
    page.goto(served.url)
    page.keyboard.press("j")
    page.keyboard.press("z")
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="Put off until").wait_for()
    page.get_by_role("heading", name="Inbox clear").wait_for()
    page.get_by_text("1 put off, the first until").wait_for()


def test_the_keys_are_told_over_the_page_and_do_nothing_meanwhile(page: Page, served: Served):
    subject = ask(served, "keys-told")
    page.goto(served.url)
    page.keyboard.press("j")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    assert unusable(page) == []
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    page.locator("article").filter(has_text=subject).wait_for()
    assert served.get("/actions/keys-told").json["state"] == "waits"
    page.get_by_role("button", name="Approve").click()
    assert ended(served, "keys-told") == "done"


def test_what_is_approved_counts_down_and_is_called_back(served: Served, page: Page):
    before = served.mails()
    plan = served.desk.json("run", "later", status=3)["plan"]
    page.goto(served.url)
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="About to leave").wait_for()
    assert re.fullmatch(r"in \d:\d\d:\d\d", page.get_by_role("timer").inner_text())
    assert unusable(page) == []
    page.get_by_role("button", name="Call it back").click()
    page.get_by_role("status").filter(has_text="It was called back: it does not happen").wait_for()
    page.get_by_role("heading", name="About to leave").wait_for(state="hidden")
    until(lambda: served.desk.json("show", plan)["status"] == "completed", "the end of the plan")
    assert [one["says"] for one in served.desk.json("show", plan)["steps"]] == ["not approved"]
    assert served.desk.json("today")["leaving"] == []
    assert served.mails() == before


def test_those_alike_are_listed_whole_and_answered_in_one_go_as_picked(served: Served, page: Page):
    for _ in range(3):
        served.desk.json("run", "jot", status=3)
    page.goto(served.url)
    page.get_by_role("link", name="3 files to write: answer together").click()
    page.get_by_role("heading", name="3 files to write").wait_for()
    assert unusable(page) == []
    page.get_by_role("checkbox").first.uncheck()
    page.get_by_role("button", name="Approve what is picked").click()
    page.get_by_role("status").filter(has_text="You approved 2 of 2.").wait_for()
    assert page.locator("article").count() == 1


def test_a_rule_for_what_is_always_allowed_is_shown_with_the_past_before_it_holds(served: Served, page: Page):
    question = served.desk.json("run", "greet", status=3)["questions"][0]
    page.goto(f"{served.url}/questions/{question}")
    page.get_by_role("link", name="Always allow").click()
    page.get_by_role("heading", name="Always allow this").wait_for()
    assert unusable(page) == []
    page.get_by_role("link", name="Only to anna@example.com").click()
    page.get_by_text("roles.receiver.all").wait_for()
    page.get_by_role("button", name="Let this rule hold").click()
    page.get_by_role("status").filter(has_text="It holds from now on").wait_for()
    assert "anna@example.com" in (served.desk.folder / "policies" / "allowed.yaml").read_text()
    assert served.desk.json("decide", question, status=3)["open"]


@pytest.mark.long
def test_what_somebody_wrote_is_there_again_after_they_were_logged_out(browser: Browser, served: Served):
    subject = ask(served, "logged-out")
    with visit(browser, served) as page:
        log_out_behind(page)
        card = page.locator("article").filter(has_text=subject)
        card.get_by_text("Reject…").click()
        card.get_by_label("Why not?").fill("We bring it ourselves")
        card.get_by_role("button", name="Reject", exact=True).click()
        page.get_by_role("heading", name="Log in").wait_for()
        page.goto(served.url + link(served))
        page.get_by_role("button", name="Log in").click()
        assert card.get_by_label("Why not?").input_value() == "We bring it ourselves"
        card.get_by_role("button", name="Reject", exact=True).click()
        page.get_by_role("status").filter(has_text="You rejected").wait_for()
    assert ended(served, "logged-out") == "rejected"


@pytest.mark.long
def test_a_policy_that_somebody_wrote_is_there_again_too_though_it_was_checked_and_sent_meanwhile(
    browser: Browser, served: Served
):
    here = f"{served.url}/policies/mine?new=1"
    with visit(browser, served) as page:
        page.goto(here)
        log_out_behind(page)
        with page.expect_response(lambda one: one.status == 401):
            page.get_by_label("Rules").fill("- {id: mine, do: mail.send")
        page.get_by_label("Rules").press_sequentially(", then: ask}")
        page.get_by_role("button", name="Save…").click()
        page.get_by_text("Nothing of what you sent was done").wait_for()
        page.goto(served.url + link(served))
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Inbox", exact=True).wait_for()
        page.goto(here)
        assert page.get_by_label("Rules").input_value().strip() == "- {id: mine, do: mail.send, then: ask}"


def test_a_button_that_is_pressed_twice_acts_once_and_another_answer_is_told_what_was_decided(served: Served):
    ask(served, "twice")
    visitor, plan = Visitor(served).log_in(), served.get("/actions/twice").json["plan"]
    forms = [form for form in visitor.page("/").forms if plan in form.action]
    (note,) = [form for form in forms if form.action.endswith("/note")]
    (yes,) = [form for form in forms if ("choice", "approve") in form.buttons]
    (no,) = [form for form in forms if ("choice", "reject") in form.buttons]
    assert [visitor.press(note, text="Once").status for _ in range(2)] == [303, 303]
    assert len(served.desk.json("decide", f"{plan}.1", status=3)["notes"]) == 1
    assert [visitor.press(yes, ("choice", "approve")).status for _ in range(2)] == [303, 303]
    other = visitor.press(no, ("choice", "reject"), reason="No")
    assert (other.status, "you approved" in other.text) == (409, True)


def test_of_many_that_are_answered_those_that_were_not_taken_are_named_with_why(served: Served):
    visitor = Visitor(served).log_in()
    gone, csrf = [f"nobody.{number}" for number in range(1, 8)], ("csrf", visitor.csrf())
    for path, name, choice, says in (
        ("/questions/nobody.1/alike", "one", "approve", "You approved 0 of 7."),
        ("/stuck", "decision", "skip", "0 of 7 answered."),
    ):
        none = visitor.post(path, [csrf, ("choice", choice)])
        assert (none.status, "None of them is picked" in none.text or "Nothing was changed" in none.text) == (422, True)
        reply = visitor.post(path, [csrf, ("choice", choice), *((name, one) for one in gone)])
        assert reply.status == 303, reply.text
        said = visitor.page("/").text
        assert f"{says} Not nobody.1: " in said
        assert (" Not nobody.5: " in said, "nobody.6" in said, " And 2 more were not." in said) == (True, False, True)


@pytest.mark.parametrize("theme", some(1, ["light", "dark"]))
def test_the_page_of_a_link_can_be_used_by_everybody_on_a_phone(browser: Browser, served: Served, theme: Any):
    ask(served, f"link-{theme}")
    question = f"{served.get(f'/actions/link-{theme}').json['plan']}.1"
    path = urlsplit(served.desk.json("api", "link", question)["url"]).path
    context = browser.new_context(color_scheme=theme, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(served.url + path)
    assert unusable(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Say no").click()
    page.get_by_role("heading", name="You said no").wait_for()
    context.close()
