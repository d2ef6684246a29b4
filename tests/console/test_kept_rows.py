"""Rows that are left out of a list stay left out through an edit, and are said to be, over real HTTP (KERNEL E1)."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING

import pytest
from http_kit import ask, new_served, until
from visitor import Page, Visitor

from mainstay.console import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_kit import Served
    from playwright.sync_api import Page as Screen
    from visitor import Form

GREET = (
    'playbook: greet\ntitle: "Greet them"\ninputs:\n  names: {type: list(text)}\nsteps:\n'
    "  greet: {do: mail.send, each: '= inputs.names', gate: batch, "
    "with: {to: '= item + \"@example.com\"', subject: '= \"Hello \" + item', text: Good morning.}}\n"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = new_served(tmp_path_factory.mktemp("kept-rows"))
    (one.desk.folder / "playbooks").mkdir(exist_ok=True)
    (one.desk.folder / "playbooks" / "greet.yaml").write_text(GREET)
    assert one.desk.run("activate", "--yes").returncode == 0
    yield one
    one.end()


def asked(served: Served, *names: str) -> str:
    (question,) = served.desk.json("run", "greet", *(f"names={name}" for name in names), status=3)["questions"]
    return question


def without(form: Form, *rows: str) -> Form:
    """Untick rows, counted from 0."""
    return form._replace(fields=[field for field in form.fields if field not in [("keep", row) for row in rows]])


def the(page: Page, button: tuple[str, str]) -> Form:
    (form,) = [form for form in page.forms if button in form.buttons]
    return form


def sent(served: Served) -> str:
    return "\n".join(path.read_text() for path in served.mails())


def test_e1_a_row_that_was_unticked_before_an_edit_does_not_leave_with_its_yes(served: Served):
    visitor, question = Visitor(served).log_in(), asked(served, "ann", "bea", "cem")
    page = visitor.page(f"/questions/{question}")
    fields = visitor.press(without(the(page, ("open", "")), "1"), ("open", ""))
    assert (fields.status, "Row 2 is left out" in fields.text) == (200, True)
    form = next(form for form in Page(fields.text).forms if ("arg.subject", "Hello ann") in form.fields)
    changed = visitor.press(form, **{"arg.subject": "Good day ann"})
    assert "Row 2 is left out" in changed.text
    fields = visitor.press(the(Page(changed.text), ("open", "2")), ("open", "2"))
    assert "Row 2 is left out" in fields.text
    form = next(form for form in Page(fields.text).forms if ("arg.subject", "Hello cem") in form.fields)
    changed = visitor.press(form, **{"arg.subject": "Good day cem"})
    yes = the(Page(changed.text), ("choice", "approve"))
    assert "Row 2 is left out: your yes is not for it, unless you tick it again below." in changed.text
    assert [value for name, value in yes.fields if name == "keep"] == ["0", "2"]
    assert visitor.press(yes, ("choice", "approve")).status == 303
    assert "2 of 3 approved, 1 left out: Send a mail: 3 in one go" in visitor.page("/").text
    plan = question.rpartition(".")[0]
    until(lambda: served.desk.json("show", plan)["status"] in ("completed", "failed", "cancelled"), "its end")
    page = visitor.page(f"/questions/{question}")
    assert "This question is closed: 2 of 3 approved, 1 left out by you on " in page.text
    assert [subject in page.text for subject in ("Subject: Good day ann", "Subject: Hello ann")] == [True, False]
    assert "left out by you" in page.text
    asked(served, "ann", "bea")
    assert ": 2 of 3 approved, 1 left out" in visitor.page("/").text
    assert ("Good day ann" in sent(served), "Good day cem" in sent(served), "bea@" in sent(served)) == (
        True,
        True,
        False,
    )


def test_each_row_is_edited_by_itself_and_leads_to_the_next_one_and_back_to_the_list(served: Served):
    visitor, question = Visitor(served).log_in(), asked(served, "dan", "eve", "fay")
    page = visitor.page(f"/questions/{question}")
    fields = Page(visitor.press(the(page, ("open", "1")), ("open", "1")).text)
    assert "row 2 of 3: Send a mail to eve@example.com" in fields.text
    form = the(fields, ("then", "next"))
    fields = Page(visitor.press(form, ("then", "next"), **{"arg.subject": "Dear eve"}).text)
    assert "row 3 of 3" in fields.text
    listed = Page(visitor.press(the(fields, ("then", "list")), ("then", "list")).text)
    assert "Subject row 2 goes: Hello evecomes: Dear eve" in listed.text
    fields = Page(visitor.press(the(page, ("open", "2")), ("open", "2")).text)
    unchanged = Page(visitor.press(the(fields, ("then", "list")), ("then", "list")).text)
    assert "Keep row 3" in unchanged.text, "nothing was edited: the question as it was"


def test_a_closed_card_shows_what_was_said_yes_to_and_what_that_changed_and_its_yes_leads_to_the_plan(served: Served):
    visitor, subject = Visitor(served).log_in(), ask(served, "closed-edited")
    plan = served.get("/actions/closed-edited").json["plan"]
    (form,) = [
        form for form in visitor.page(f"/questions/{plan}.1/edit").forms if ("arg.subject", subject) in form.fields
    ]
    changed = visitor.press(form, **{"arg.subject": "Anna, your parcel"})
    visitor.press(the(Page(changed.text), ("choice", "approve")), ("choice", "approve"))
    inbox = visitor.page("/")
    assert "You approved: Send a mail to anna@example.com: Anna, your parcel." in inbox.text
    assert f"/plans/{plan}" in inbox.links
    assert "See its plan" not in visitor.page("/").text, "said once"
    closed = visitor.page(f"/questions/{plan}.1")
    assert closed.headings == ["Send a mail to anna@example.com: Anna, your parcel"]
    assert "Subject: Anna, your parcel" in closed.text
    assert f"You changed this before you said yes: Subject goes: {subject}comes: Anna, your parcel" in closed.text
    assert "you approved on" in closed.text


def test_the_button_says_for_how_many_rows_a_yes_is_once_some_are_unticked(served: Served, page: Screen):
    page.goto(f"{served.url}/questions/{asked(served, 'dan', 'eve', 'fay')}")
    page.get_by_role("checkbox", name="Keep row 2").uncheck()
    page.get_by_role("button", name="Approve 2 of 3").wait_for()
    page.get_by_role("checkbox", name="Keep row 2").check()
    page.get_by_role("button", name="Approve", exact=True).wait_for()


def test_a_budget_on_a_card_leads_to_where_it_is_raised_and_names_no_command():
    both = 'mainstay budget raise "my b" --today "10.00 EUR" and mainstay budget raise "my b" --today 2'
    for command, way in (
        ("mainstay budget raise a --plan k3=5", "raise budget 'a' by 5"),
        (both, "raise budget 'my b' by 10.00 EUR and 2"),
    ):
        says = f"Today's budget lets none of these 2 through. To let all through, first: {command}"
        drawn = render._environment().get_template("card.html").module.facts([("budget", says), ("", "It is enough.")])
        assert unescape(drawn).count(f'first: <a href="/budgets">{way}</a>') == 1
        assert "mainstay budget" not in drawn
        assert "<dd>It is enough.</dd>" in drawn
