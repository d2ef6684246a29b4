"""Judging with rules of a text: operations of a small company, and the history as counts."""

from __future__ import annotations

from typing import Any

import msgspec

from mainstay.contracts import Operation
from mainstay.governance.deeds import Done
from mainstay.playbooks.policy_book import Rules, rules_of_file
from mainstay.ports import Proposal
from mainstay.values import Money

NOON_US = 1_763_726_400_000_000  # Friday 2025-11-21 12:00 UTC


class Mail(msgspec.Struct):
    to: list[str]
    subject: str = ""
    body: str = ""


class Pay(msgspec.Struct):
    iban: str
    amount: Money
    reference: str = ""


class Entry(msgspec.Struct):
    match: dict[str, Any]


class Path(msgspec.Struct):
    path: str


class Nothing(msgspec.Struct):
    pass


def _operation(name, given, effect, **roles):
    return Operation(name=name, summary=name, input=given, output=Nothing, effect=effect, roles=roles)


OPERATIONS = {
    each.name: each
    for each in (
        _operation("mail.send", Mail, "irreversible", to="receiver"),
        _operation("mail.move", Path, "reversible", path="destination"),
        _operation("bank.pay", Pay, "irreversible", iban="receiver", amount="amount"),
        _operation("bank.read", Nothing, "read"),
        _operation("books.record", Entry, "reversible", match="amount"),
        _operation("door.open", Path, "physical", path="destination"),
    )
}


class Told:
    """Counts as a test says them."""

    def __init__(self, today=0, plan=0, moved=None):
        self.done = Done(today, moved or {})
        self.planned = Done(plan, moved or {})

    def today(self, operation, now_us):
        return self.done

    def in_plan(self, plan, operation):
        return self.planned


def rules(source, counts=None, timezone="UTC"):
    """Make rules of the text of one policy; raises PlaybookError."""
    found = rules_of_file("policies/test.yaml", source.encode(), (), OPERATIONS)
    return Rules(found, OPERATIONS, counts or Told(), timezone)


def proposal(operation, arguments=None, **more):
    kind = OPERATIONS[operation].effect
    given = {"plan": "p1", "playbook": "billing", "path": "pay/3", "now_us": NOON_US, **more}
    return Proposal(operation=operation, effect=kind, arguments=arguments or {}, **given)


def pay(amount="100.00 EUR", iban="DE89", **more):
    money = Money.parse(amount)
    arguments = {"iban": iban, "amount": {"minor": money.minor, "currency": money.currency}, "reference": ""}
    return proposal("bank.pay", arguments, **more)


def send(*to, subject="", **more):
    return proposal("mail.send", {"to": list(to), "subject": subject, "body": ""}, **more)


def judged(source, one, counts=None, timezone="UTC"):
    """Give the decision and the rule that gave it."""
    verdict = rules(source, counts, timezone).policy.judge(one)
    return verdict.decision, verdict.rule
