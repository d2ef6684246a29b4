"""What was approved and leaves at a time is called back, or let leave, from the page (KERNEL E1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_desk import new_desk
from http_kit import Served, ended, until
from visitor import Page, Visitor, answers_to

if TYPE_CHECKING:
    from collections.abc import Iterator


TWO = """playbook: two
title: "Write to two"
steps:
  anna: {do: mail.send, gate: each, with: {to: "anna@example.com", subject: "One", text: "x"}}
  bob: {do: mail.send, gate: each, with: {to: "bob@example.com", subject: "Two", text: "x"}}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    desk = new_desk(tmp_path_factory.mktemp("leaving"))
    config = desk.folder / "mainstay.toml"
    config.write_text(config.read_text() + '\n[delays]\n"mail.send" = "10m"\n')
    one = Served(desk, desk.json("api", "token", "create", "tool", "--allow", "mail.send")["token"])
    one.begin()
    yield one
    one.end()


def approved(served: Served, visitor: Visitor, own_id: str) -> Page:
    """Approve a mail; gives the page on which it waits to leave."""
    plan = served.post(own_id, wait=0).json["plan"]
    forms = until(lambda: answers_to(visitor.page("/"), f"{plan}.1"), "its question")
    assert visitor.press(forms[0], ("choice", "approve")).headers["location"] == "/"
    page = visitor.page("/")
    assert "until then you can call it back here" in page.text
    return page


def test_an_answer_promises_no_time_but_that_of_what_it_approved(served: Served):
    (served.desk.folder / "playbooks" / "two.yaml").write_text(TWO)
    assert served.desk.run("activate", "--yes").returncode == 0
    visitor = Visitor(served).log_in()
    first, second = served.desk.json("run", "two", status=3)["questions"]
    for question, choice, says in ((first, "approve", "You approved"), (second, "reject", "You rejected")):
        form = next(one for one in answers_to(visitor.page("/"), question) if ("choice", choice) in one.buttons)
        assert visitor.press(form, ("choice", choice), reason="no").status == 303
        text = visitor.page("/").text
        assert says in text
        assert ("It leaves at" in text) == (choice == "approve")
    assert served.desk.run("cancel", first.rpartition(".")[0]).returncode == 0


def test_e1_what_was_called_back_never_leaves_and_what_was_hastened_leaves_at_once(served: Served):
    visitor = Visitor(served).log_in()
    (form,) = [form for form in approved(served, visitor, "called-back").forms if form.action.startswith("/leaving/")]
    for wrong in ({"item": "two"}, {"item": "9" * 5000}, {"item": "-1"}):
        refused = visitor.press(form, ("does", "recall"), **wrong)
        assert (refused.status, "names no action" in refused.text) == (422, True), wrong
    assert visitor.press(form, ("does", "nothing")).status == 422
    done = visitor.press(form, ("does", "recall"))
    assert (done.status, done.headers["location"]) == (303, "/")
    assert "It was called back" in visitor.page("/").text
    assert ended(served, "called-back") in ("cancelled", "rejected")
    assert served.mails() == []
    late = visitor.press(form, ("does", "recall"))
    assert (late.status, "has left, or never was to" in late.text) == (409, True)

    approved(served, visitor, "hastened")
    for place in ("/", "/today"):
        shown = visitor.page(place)
        assert "Send a mail to anna@example.com: Hello leaves at" in shown.text
        assert "This can't be undone: A mail that was sent can't be called back. Yes, let it leave now" in shown.text
    (form,) = [form for form in visitor.page("/today").forms if form.action.startswith("/leaving/")]
    assert visitor.press(form, ("does", "hasten")).status == 303
    assert ended(served, "hastened") == "done"
    assert len(served.mails()) == 1
