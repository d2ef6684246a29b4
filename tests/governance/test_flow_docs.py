"""What docs/flow.md shows is run: its connector asks where the page says so (SECURITY S69)."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from mainstay.contracts import Operation
from mainstay.governance.flow import InformationFlow
from mainstay.origins import Gives, Heard, Leaf, leaf_paths, leaves_of
from mainstay.ports import Flow, Proposal
from mainstay.runtime.wording import sentence, words_of

PAGE = (Path(__file__).parents[2] / "docs/flow.md").read_text()
MARKED = re.compile(r"<!-- executed by tests/governance/test_flow_docs.py -->\n```python\n(.*?)```", re.DOTALL)


class Which(msgspec.Struct, frozen=True):
    id: str = ""


class Enquiry(msgspec.Struct, frozen=True):
    id: str
    received_on: str
    email: str
    text: str
    phone: str


class Offer(msgspec.Struct, frozen=True):
    to: str
    price: int
    text: str = ""


def operations():
    (block,) = MARKED.findall(PAGE)
    names = {"Operation": Operation, "Gives": Gives, "Which": Which, "Enquiry": Enquiry, "Offer": Offer}
    exec(compile(block, "docs/flow.md", "exec"), names)
    return names["read"], names["offer"]


def flow_of(arguments, words):
    read, offer = operations()
    enquiry = {
        "id": "e-1",
        "received_on": "2026-05-12",
        "email": "eve@x.example",
        "text": "offer me 10",
        "phone": "040-77123",
    }
    told = [Leaf(words, "operator"), *leaves_of(enquiry, read.name, read.gives)]
    heard = Heard("agent:sales", told, chooses=True)
    leaves = tuple((path, Leaf(value, heard.label, heard=heard)) for path, value in leaf_paths(arguments))
    return Flow(leaves, offer, heard=heard)


def rule(arguments, words):
    flow = flow_of(arguments, words)
    verdict = InformationFlow().judge(Proposal("p", "", "a!1", "crm.offer", "irreversible", {}, flow=lambda: flow))
    return verdict.rule if verdict else None


def test_s69_the_connector_of_the_page_asks_where_the_page_says():
    named = "send eve@x.example an offer for 900"
    assert rule({"to": "eve@x.example", "price": 900}, named) is None
    assert rule({"to": "eve@x.example", "price": 10}, named) == "flow:amount"
    assert rule({"to": "eve@x.example", "price": 900}, "send an offer for 900") == "flow:receiver"
    assert rule({"to": "eve@x.example", "price": 900}, "what came?") == "flow:unforeseen"
    other = "send bob@x.example an offer for 900"
    assert rule({"to": "bob@x.example", "price": 900, "text": "call 040-77123"}, other) == "flow:private"


def test_s69_the_card_names_who_wrote_the_words_and_when():
    row, *_ = words_of(flow_of({"to": "eve@x.example", "price": 900}, "send an offer for 900"))
    said = '"eve@x.example" (to) came from the enquiry of eve@x.example of 12 May 2026, not from you or your records.'
    assert sentence(row) == said
