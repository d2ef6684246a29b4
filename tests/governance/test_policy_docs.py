"""What docs/policies.md shows does what it says, and it names all that a condition reads."""

from __future__ import annotations

import re
from pathlib import Path

from policy_kit import NOON_US, Told

from mainstay.app import contracts_to_read
from mainstay.governance.case import NAMES, RECORDS
from mainstay.playbooks.policies import KEYS, LIMITS
from mainstay.playbooks.policy_book import Rules, rules_of_file
from mainstay.ports import Proposal

DOC = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
(EXAMPLE,) = re.findall(r"<!-- executed by tests/governance/test_policy_docs.py -->\n```yaml\n(.*?)```", DOC, re.DOTALL)


SHIPPED = contracts_to_read(None).operations


def judged(operation, arguments, counts=None, now_us=NOON_US):
    """Judge by the example as it stands, with the operations that ship."""
    rules = Rules(rules_of_file("policies/own.yaml", EXAMPLE.encode(), (), SHIPPED), SHIPPED, counts or Told(), "UTC")
    effect = SHIPPED[operation].effect
    given = {"plan": "p1", "playbook": "billing", "path": "send", "now_us": now_us}
    verdict = rules.policy.judge(Proposal(operation=operation, effect=effect, arguments=arguments, **given))
    return verdict.decision, verdict.rule


def send(to, *more, **given):
    return judged("mail.send", {"to": to, "subject": "", "text": ""}, *more, **given)


def book(minor, currency):
    return judged("books.record_payment", {"match": {"amount": {"minor": minor, "currency": currency}}})


def test_o12_the_example_fits_what_ships_and_does_what_it_says():
    assert send("ada@acme.example") == ("allow", "in-the-house")
    assert send("ada@acme.example.org")[0] == "ask"
    assert send("a@example.com", Told(today=20)) == ("deny", "no-more-today")
    assert send("ada@acme.example", now_us=NOON_US + 2 * 86_400_000_000) == ("ask", "night")
    assert book(500_000, "EUR")[0] == "allow"
    assert book(500_001, "EUR") == ("ask", "large-bookings")
    assert book(100, "USD") == ("ask", "large-bookings")


def test_o12_every_name_that_a_condition_reads_is_told_and_no_other():
    told = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*?) \|$", DOC, re.MULTILINE))
    known = {*NAMES, "arguments", *(f"{record}.{field}" for record, fields in RECORDS.items() for field in fields)}
    assert told.keys() - (set(KEYS) - known) == known
    assert set(KEYS) <= told.keys()
    assert all(f"`{limit}`" in told["limits"] for limit in LIMITS)
