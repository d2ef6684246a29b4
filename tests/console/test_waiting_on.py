"""What an inbox says beside its cards: of an empty workspace, of what was put off, of a plan that is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from http_kit import until
from visitor import Visitor, answers_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_kit import Served

GATED = """playbook: gated
title: "Ask before a note"
steps:
  write: {do: files.write, gate: each, with: {path: reports/gated.md, text: A note}}
"""


@pytest.fixture
def visitor(served: Served) -> Visitor:
    return Visitor(served).log_in()


@pytest.fixture
def question(served: Served, visitor: Visitor, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a question about a mail that waits."""
    plan = served.post(request.node.name[:60], wait=0).json["plan"]
    until(lambda: answers_to(visitor.page("/"), f"{plan}.1"), "its question")
    yield f"{plan}.1"
    if answers_to(visitor.page(f"/questions/{plan}.1"), f"{plan}.1"):
        served.desk.run("cancel", plan)


def test_an_empty_workspace_leads_to_a_first_try_until_something_was_started(served: Served, visitor: Visitor):
    empty = visitor.page("/")
    assert "Try it with your own statement" in empty.text
    assert "No plan ended in this week" in visitor.page("/review").text
    assert {"/try", "/playbooks"} <= set(empty.links)
    served.write("first")
    assert "Try it with your own statement" not in visitor.page("/").text


def test_what_is_put_off_is_listed_and_taken_up_again(visitor: Visitor, question: str):
    snooze = f"/questions/{question}/snooze"
    (form,) = [form for form in visitor.page("/").forms if form.action == snooze]
    assert visitor.press(form, ("until", "4h")).status == 303
    page = visitor.page("/")
    assert answers_to(page, question) == []
    assert "1 put off, the first until" in page.text
    assert f"/questions/{question}" in page.links
    (back,) = [form for form in page.forms if form.action == snooze]
    taken = visitor.press(back, ("until", "now"))
    assert (taken.status, taken.headers["location"]) == (303, f"/questions/{question}")
    until(lambda: answers_to(visitor.page("/"), question), "the card")
    assert "put off, the first" not in visitor.page("/").text


def test_a_card_of_a_paused_plan_says_that_a_yes_does_nothing_yet_and_so_does_the_answer(
    visitor: Visitor, question: str, served: Served
):
    plan = question.rpartition(".")[0]
    says = "Its plan is paused by you; what you approve happens once you let it go on."
    assert says not in visitor.page("/").text
    assert visitor.post(f"/plans/{plan}/pause", [("csrf", visitor.csrf())]).status == 303
    page = visitor.page("/")
    assert says in page.text
    assert says in visitor.page(f"/questions/{question}").text
    before = len(served.mails())
    answer = visitor.press(answers_to(page, question)[0], ("choice", "approve"))
    assert answer.status == 303
    assert says in visitor.page("/").text
    assert len(served.mails()) == before


def test_always_allow_is_offered_only_where_a_rule_could_let_it_happen(served: Served, visitor: Visitor, question: str):
    assert f"/questions/{question}/allow" in visitor.page(f"/questions/{question}").links
    (served.desk.folder / "playbooks" / "gated.yaml").write_text(GATED)
    assert served.desk.run("activate", "--yes").returncode == 0
    gated = served.desk.json("run", "gated", status=3)["questions"][0]
    page = visitor.page(f"/questions/{gated}")
    assert "Approve" in page.text
    assert "Always allow" not in page.text
    refused = visitor.get(f"/questions/{gated}/allow")
    assert (refused.status, "The playbook itself wants to ask (gate)" in refused.text) == (422, True)
