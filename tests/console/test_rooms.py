"""The rooms in which an operator sees to limits, rules and figures, over real HTTP, as somebody presses buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_desk import new_desk
from http_kit import Served
from visitor import Page, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visitor import Form


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    desk = new_desk(tmp_path_factory.mktemp("rooms"))
    config = desk.folder / "mainstay.toml"
    config.write_text(config.read_text() + '\n[budgets]\n"files.write" = {per_day = 5}\n')
    one = Served(desk, desk.json("api", "token", "create", "tool", "--allow", "files.write,mail.send")["token"])
    one.begin()
    yield one
    one.end()


@pytest.fixture(scope="module")
def visitor(served: Served) -> Visitor:
    return Visitor(served).log_in()


def form(page: Page, action: str) -> Form:
    (found,) = [one for one in page.forms if one.action == action]
    return found


def test_a_budget_shows_what_is_left_and_is_raised_only_by_who_says_so_twice(served: Served, visitor: Visitor):
    assert served.write("one").json["state"] == "done"
    page = visitor.page("/budgets")
    assert "1 of 5 spent, 4 left" in page.text
    asked = visitor.press(form(page, "/budgets/raise"), amount="7")
    assert asked.status == 200
    assert "Raise files.write by 7?" in asked.text
    assert "1 of 5 spent" in visitor.page("/budgets").text
    assert visitor.press(form(Page(asked.text), "/budgets/raise")).status == 303
    page = visitor.page("/budgets")
    assert "Budget 'files.write' is raised by 7, until midnight." in page.text
    assert "1 of 12 spent, 11 left" in page.text
    assert served.desk.json("budget")[0]["limits"][0]["most"] == 12


@pytest.mark.parametrize("amount", ["0", "-3", "many", "1 EUR EUR"])
def test_an_amount_that_is_none_raises_nothing_and_says_what_would(visitor: Visitor, amount: str):
    before = visitor.page("/budgets").text
    refused = visitor.press(form(visitor.page("/budgets"), "/budgets/raise"), amount=amount)
    assert refused.status == 422
    assert visitor.page("/budgets").text == before
