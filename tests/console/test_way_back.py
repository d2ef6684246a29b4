"""What was filled in wrongly leads back to where it was filled in, in the words of that page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser import visit
from http_kit import WAIT_S
from visitor import Page, Visitor, answers_to

from mainstay.playbooks.shelf import LIBRARY

if TYPE_CHECKING:
    from pathlib import Path

    from http_kit import Served
    from playwright.sync_api import Browser

STATEMENT, INVOICES = LIBRARY / "demo/statement.xml", LIBRARY / "demo/invoices.csv"
HERE = "/playbooks/billing-reconciliation"
CALL = """playbook: call
title: "Call somebody"
steps:
  call:
    ask: "Did you call?"
    form:
      agreed: {type: money, label: "What did you agree on?"}
  note: {do: files.write, with: {path: "reports/call.md", text: "{{call.form.agreed}}"}}
"""
PAPER = """playbook: paper
title: "Hand something in"
steps:
  paper:
    ask: "Hand in the paper"
    form:
      paper: {type: file, label: "The paper"}
returns: {name: "= paper.form.paper.name"}
"""
FILES = (
    ("upload.statement", "october.xml", STATEMENT.read_bytes()),
    ("upload.invoices", "open.csv", INVOICES.read_bytes()),
)


@pytest.fixture(scope="module")
def visitor(served: Served) -> Visitor:
    return Visitor(served).log_in()


def test_a_wrong_field_is_named_as_its_page_names_it_and_no_command_line_is_shown(visitor: Visitor):
    refused = visitor.upload(f"{HERE}/start", *FILES, ("input.write_off", None, b"much"))
    assert refused.status == 422
    text = Page(refused.text).text
    assert "'Differences up to this are written off': 'much' is not an amount" in text
    assert "takes:" not in text


def test_a_wrong_answer_to_a_question_names_its_field_as_the_card_does(served: Served, visitor: Visitor):
    (served.desk.folder / "playbooks" / "call.yaml").write_text(CALL)
    assert served.desk.run("activate", "--yes").returncode == 0
    (question,) = served.desk.json("run", "call", status=3)["questions"]
    form = answers_to(visitor.page(f"/questions/{question}"), question)[0]
    refused = visitor.press(form, ("choice", "approve"), **{"set.agreed": "12,50"})
    assert refused.status == 422
    text = Page(refused.text).text
    assert "'What did you agree on?': '12,50' is not an amount" in text
    assert "--set" not in text
    assert f"/questions/{question}" in Page(refused.text).links


def test_a_file_of_an_answer_is_chosen_in_the_inbox_folder_and_no_path_of_the_machine_is_read(
    served: Served, visitor: Visitor, tmp_path: Path
):
    (served.desk.folder / "playbooks" / "paper.yaml").write_text(PAPER)
    assert served.desk.run("activate", "--yes").returncode == 0
    (question,) = served.desk.json("run", "paper", status=3)["questions"]
    (secret := tmp_path / "secret.txt").write_text("a secret")
    (served.desk.folder / "inbox").mkdir(exist_ok=True)
    (served.desk.folder / "inbox" / "essay.txt").write_text("an essay")
    assert not answers_to(visitor.page("/"), question)  # there it leads to the page of the question
    form = answers_to(visitor.page(f"/questions/{question}"), question)[0]
    given = [(name, value) for name, value in form.fields if name != "set.paper"]
    for path in (str(secret), "inbox/../mainstay.toml", "inbox", "mainstay.toml"):
        refused = visitor.post(form.action, [*given, ("set.paper", path), ("choice", "approve")])
        assert refused.status == 422, path
        assert "is not in the folder inbox" in Page(refused.text).text
    assert visitor.post(form.action, [*given, ("choice", "approve")]).status == 422
    done = visitor.post(form.action, [*given, ("set.paper", "inbox/essay.txt"), ("choice", "approve")])
    assert done.status == 303, done.text
    assert served.desk.json("show", question.partition(".")[0])["returns"] == {"name": "essay.txt"}
    (question,) = served.desk.json("run", "paper", status=3)["questions"]
    assert served.desk.json("decide", question, "approve", "--set", f"paper={secret}")["status"] == "completed"
    assert served.desk.json("show", question.partition(".")[0])["returns"] == {"name": "secret.txt"}


@pytest.mark.parametrize("says_where", [True, False])
def test_the_way_back_is_the_page_of_the_form_even_where_the_browser_does_not_say(
    served: Served, visitor: Visitor, says_where: bool
):
    more = {"Referer": f"{served.url}{HERE}?from=here"} if says_where else {}
    refused = visitor.upload(f"{HERE}/start", *FILES, ("input.write_off", None, b"much"), **more)
    assert (HERE + "?from=here" if says_where else HERE) in Page(refused.text).links


def test_the_way_back_is_never_a_path_that_takes_forms_only(served: Served, visitor: Visitor):
    refused = visitor.upload(f"{HERE}/start", Referer=f"{served.url}{HERE}/start")
    assert refused.status == 422
    assert HERE in Page(refused.text).links
    assert f"{HERE}/start" not in Page(refused.text).links


@pytest.mark.long
def test_what_was_typed_is_there_again_on_the_way_back(browser: Browser, served: Served):
    with visit(browser, served) as page:
        page.set_default_timeout(WAIT_S * 1000)
        page.goto(f"{served.url}{HERE}")
        page.get_by_label("From this device").first.set_input_files(STATEMENT)
        page.get_by_label("From this device").last.set_input_files(INVOICES)
        page.get_by_label("Differences up to this").fill("much")
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_text("is not an amount").wait_for()
        page.get_by_role("link", name="Back", exact=True).click()
        page.wait_for_url(f"**{HERE}")
        assert page.get_by_label("Differences up to this").input_value() == "much"
