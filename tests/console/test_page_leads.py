"""Where a page has what a sentence names a command for, it leads there; what only a terminal has stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from visitor import Visitor

from mainstay.console.leads import leads

if TYPE_CHECKING:
    from http_kit import Served


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("`mainstay plans` lists them.", '<a href="/plans">Plans</a> lists them.'),
        ("See what waits: mainstay inbox", 'See what waits: <a href="/">the inbox</a>'),
        ("Answer first: mainstay decide b9-2.1", 'Answer first: <a href="/questions/b9-2.1">its question</a>'),
        ("See: mainstay show by8cv4a8x9.", 'See: <a href="/plans/by8cv4a8x9">its page</a>.'),
        (
            "Let it hold (mainstay activate policies/own.yaml) or put it back (mainstay revert policies/own.yaml).",
            ('Let it hold (<a href="/policies/own">look, and let it hold</a>) or put it back '
            '(<a href="/policies/own">its versions</a>).'),
        ),
        (
            "See what changed: mainstay diff playbooks/a.yaml\nLet it run: mainstay activate playbooks/a.yaml",
            ('See what changed: <a href="/playbooks/a/diff">what differs</a>\n'
            'Let it run: <a href="/playbooks/a/activate">look, and let it run</a>'),
        ),
    ],
)  # fmt: skip
def test_a_command_that_has_a_page_becomes_a_link_to_it(said: str, shown: str):
    assert str(leads(said)) == shown


@pytest.mark.parametrize(
    "said",
    [
        "Keep the value with: mainstay secret set NAME",
        "Run it anew: mainstay rerun by8cv4a8x9 name=value",
        "mainstay stuck QUESTION retry --edit -",
        "mainstay budget raise food --today 5",
        "Answer it in a terminal: mainstay decide by8cv4a8x9.1",
        "Look: mainstay show ../../x",
    ],
)
def test_a_command_that_no_page_has_or_with_more_to_it_stays(said: str):
    assert str(leads(said)) == said


def test_what_stands_around_a_link_stays_text():
    assert str(leads("<b> & mainstay inbox")) == '&lt;b&gt; &amp; <a href="/">the inbox</a>'


def test_a_page_about_a_plan_that_there_is_not_leads_to_those_that_there_are(served: Served):
    page = Visitor(served).log_in().get("/plans/nothing")
    assert page.status == 404
    assert '<a href="/plans">Plans</a> lists them.' in page.text
