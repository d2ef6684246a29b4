"""Pages about plans with long lists: a part at a time, and what is said yes to is all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from http_kit import LONG_S, new_served, until
from visitor import Page, Visitor

from mainstay.console.plans_done import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_kit import Served

MANY = ROWS + 5
EACH = """playbook: each
title: "Write many notes"
inputs:
  names: {type: list(text), label: "Which"}
steps:
  write: {each: "= inputs.names", do: files.write, with: {path: "reports/{{item}}.md", text: "Note", existing: number}}
  nap: {wait: {until: "= ready_at"}, needs: [write]}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = new_served(
        tmp_path_factory.mktemp("long"), "id: notes, do: files.write, then: allow, why: Notes stay in the house"
    )
    (one.desk.folder / "playbooks" / "each.yaml").write_text(EACH)
    assert one.desk.run("activate", "--yes").returncode == 0
    yield one
    one.end()


@pytest.fixture(scope="module")
def visitor(served: Served) -> Visitor:
    return Visitor(served).log_in()


@pytest.fixture(scope="module")
def plan(visitor: Visitor) -> str:
    """Write so many notes; gives the plan once all are written."""
    names = "\n".join(f"n{number:03}" for number in range(MANY))
    reply = visitor.post("/playbooks/each/start", [("csrf", visitor.csrf()), ("input.names", names)])
    assert reply.status == 303, reply.text
    path = reply.headers["location"]
    until(lambda: "Done" in Page(visitor.get(path).text).text, "the notes", LONG_S)
    return path.removeprefix("/plans/")


def test_an_undo_of_a_rerun_names_the_first_of_many_that_it_took_over_and_how_many_more(visitor: Visitor, plan: str):
    page = visitor.page(f"/plans/{plan}/rerun?start=nap")
    (form,) = [form for form in page.forms if form.method == "post" and form.action.endswith("/rerun")]
    undo = visitor.page(visitor.press(form).headers["location"] + "/undo")
    assert f"And {MANY - ROWS} more of its actions." in undo.text
    assert "n104.md" in undo.text
    assert "n004.md" not in undo.text
    assert f"/plans/{plan}/undo" in undo.links


def test_an_undo_of_many_is_listed_a_page_at_a_time_and_its_yes_is_to_all_of_them(
    served: Served, visitor: Visitor, plan: str
):
    first = visitor.page(f"/plans/{plan}/undo")
    assert f"1 to {ROWS} of {MANY}" in first.text
    assert "n104.md" in first.text
    assert "n004.md" not in first.text
    second = visitor.page(f"/plans/{plan}/undo?after={ROWS}")
    assert f"{ROWS + 1} to {MANY} of {MANY}" in second.text
    assert "n004.md" in second.text
    assert "n005.md" not in second.text
    (form,) = [form for form in second.forms if form.action.endswith("/undo")]
    assert len(form.fields) < 10, "a form of thousands of fields is refused"
    assert visitor.press(form).status == 303
    until(lambda: "everything was taken back" in Page(visitor.get(f"/plans/{plan}").text).text, "the undo", LONG_S)
    assert list((served.desk.folder / "reports").glob("n*.md")) == []
