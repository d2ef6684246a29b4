"""Two files in each other's place: what the card offers, and what is said once the step that failed was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from http_kit import until
from visitor import Page, Visitor, answers_to

from mainstay.playbooks.shelf import LIBRARY

if TYPE_CHECKING:
    from http_kit import Served

STATEMENT, INVOICES = LIBRARY / "demo/statement.xml", LIBRARY / "demo/invoices.csv"
HERE = "/playbooks/billing-reconciliation"


@pytest.fixture(scope="module")
def visitor(served: Served) -> Visitor:
    return Visitor(served).log_in()


@pytest.fixture(scope="module")
def plan(served: Served, visitor: Visitor) -> str:
    """Start a reconciliation with its files swapped; gives its plan, which is stuck."""
    swapped = [
        ("upload.statement", "a.csv", INVOICES.read_bytes()),
        ("upload.invoices", "b.xml", STATEMENT.read_bytes()),
    ]
    begun = visitor.upload(f"{HERE}/start", *swapped)
    assert begun.status == 303, begun.text
    found = begun.headers["location"].removeprefix("/plans/")
    until(lambda: served.desk.json("show", found)["questions"], "its question")
    return found


def test_a_step_that_is_stuck_on_its_files_leads_to_a_new_start_and_shows_no_digests(
    served: Served, visitor: Visitor, plan: str
):
    question = served.desk.json("show", plan)["questions"][0]["decision"]
    assert HERE in visitor.page(f"/questions/{question}").links
    edit = visitor.page(f"/questions/{question}/edit")
    assert "digest" not in edit.text
    assert "arg.files" not in [name for form in edit.forms for name, _ in form.fields]
    assert "It stays as it is." in edit.text


def test_a_plan_whose_failed_step_was_left_out_says_that_nothing_was_done(served: Served, visitor: Visitor, plan: str):
    step = ""
    while questions := served.desk.json("show", plan)["questions"]:
        step = step or questions[0]["actions"][0]
        question = questions[0]["decision"]
        form = answers_to(visitor.page(f"/questions/{question}"), question)[0]
        assert visitor.press(form, ("choice", "skip")).status == 303
    says = f"nothing was done: {step} was left out"
    for path in ("/plans", f"/plans/{plan}", "/books"):
        assert says in visitor.page(path).text, path
    shown = served.desk.run("show", plan, "--receipt", served.desk.folder / "receipts")
    assert shown.returncode == 0, shown.stderr
    (receipt,) = (served.desk.folder / "receipts").glob("*.md")
    assert says in receipt.read_text()
    assert served.desk.run("history", "check", receipt).returncode == 0
    books = visitor.get(f"/books/{plan}")
    assert "ended without matching anything. N" + says[1:] in Page(books.text).text
    assert "yet" not in Page(books.text).text
