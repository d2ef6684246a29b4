"""What can't be taken back, or ends a plan, wants a second look: it is said beside the button, and no key does it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browser import visit
from cli_desk import new_desk
from http_kit import Served, ask
from visitor import Page, Visitor, answers_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

FAILS = (
    'playbook: fails\ntitle: "Write, then fail"\nsteps:\n'
    "  note: {do: files.write, with: {path: reports/first.md, text: Done., existing: number}}\n"
    "  read: {do: files.read, needs: [note], with: {path: inbox/nothing.txt}}\n"
)
LONG = "Bureau for Translations, Layout and Proofreading of Brune, Heir and Daughters (formerly at the Mill), Graz"
PHONE = {"width": 390, "height": 700}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    desk = new_desk(tmp_path_factory.mktemp("second-look"))
    config = desk.folder / "mainstay.toml"
    named = re.sub(r'(?m)^name = ".*"', f'name = "{LONG}"', config.read_text(), count=1)
    assert LONG in named
    config.write_text(named)
    (desk.folder / "playbooks" / "fails.yaml").write_text(FAILS)
    assert desk.run("activate", "--yes").returncode == 0
    one = Served(desk, desk.json("api", "token", "create", "tool", "--allow", "mail.send")["token"])
    one.begin()
    yield one
    one.end()


@pytest.fixture(scope="module")
def visitor(served: Served) -> Visitor:
    return Visitor(served).log_in()


def test_a_stuck_card_undoes_its_plan_only_behind_the_list_of_what_that_takes_back(served: Served, visitor: Visitor):
    (question,) = served.desk.json("run", "fails", status=3)["questions"]
    plan = question.rpartition(".")[0]
    for place in ("/", f"/questions/{question}"):
        reply = visitor.get(place)
        page = Page(reply.text)
        first, undo = answers_to(page, question)
        assert ("choice", "undo") not in first.buttons
        assert undo.buttons == [("choice", "undo")]
        assert f"/plans/{plan}/undo" in page.links
        folded = reply.text.rpartition('value="undo"')[0].rpartition("<details")[2]
        assert "</details>" not in folded, "it is seen only once it is unfolded"
        assert 'data-key="a"' not in reply.text, "no key answers it: nothing is there to approve"
    assert 'data-key="a"' not in visitor.get("/stuck").text
    assert visitor.press(undo, ("choice", "undo")).status == 303
    assert served.desk.json("show", plan)["status"] == "undone"


def test_what_cant_be_undone_is_said_in_the_bar_with_the_button_that_does_it(served: Served, visitor: Visitor):
    subject = ask(served, "warned")
    for place in ("/", f"/questions/{served.get('/actions/warned').json['plan']}.1"):
        text = visitor.get(place).text
        assert subject in text
        bar = text.partition('class="answers decide"')[2].partition('value="approve"')[0]
        assert "can&#39;t be undone: A mail that was sent" in bar.replace("&#x27;", "&#39;")
        assert 'data-key="a"' in text


@pytest.mark.long
def test_on_a_phone_the_warning_stands_with_the_buttons_and_a_long_name_makes_no_page_wider(
    served: Served, browser: Browser
):
    ask(served, "on-a-phone")
    question = f"{served.get('/actions/on-a-phone').json['plan']}.1"
    with visit(browser, served, viewport=PHONE) as page:
        page.goto(f"{served.url}/questions/{question}")
        said, button = (page.locator(f".decide {one}").first.bounding_box() for one in (".near", "[value=approve]"))
        assert said is not None
        assert button is not None
        assert said["y"] + said["height"] <= button["y"] < PHONE["height"]
        for width in (320, 390, 800, 1250, 1480):
            page.set_viewport_size({"width": width, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, width
            bar = page.locator("header.top").bounding_box()
            assert bar is not None
            assert bar["height"] < (110 if width < 600 else 70), width


def test_an_amount_that_counts_by_itself_is_its_own_example(visitor: Visitor):
    text = visitor.get("/playbooks/billing-reconciliation").text
    field = text.partition('name="input.write_off"')[2].partition(">")[0]
    assert 'placeholder="0.05 EUR"' in field
    assert "By itself: 10 days" in visitor.get("/playbooks/productised-service").text
