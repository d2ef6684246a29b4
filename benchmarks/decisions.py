"""How many actions the policies judge in a second, on one core and in process: `decisions_per_s`.

A policy as a small company has one: rules by operation, by kind of action, by amount, by receiver, by time, by count.
Compiled once; each judgement has arguments of its own. Prints a line of JSON.
"""

from __future__ import annotations

import json
import time

import msgspec

from mainstay.contracts import Operation
from mainstay.governance.deeds import Done
from mainstay.playbooks.policies import shipped_policy
from mainstay.playbooks.policy_book import Rules, rules_of_file
from mainstay.ports import Proposal
from mainstay.values import Money

ROUNDS = 5
EACH = 10_000
NOON_US = 1_763_726_400_000_000
POLICY = """
- id: large
  effect: [reversible, irreversible]
  when: roles.amount > money("5000.00 EUR")
  then: deny
  why: Nothing that large goes out by itself.
- id: partners
  do: bank.pay
  when: arguments.amount <= money("200.00 EUR") && arguments.iban in ["DE89", "DE90", "DE91"]
  then: allow
  why: A partner.
- id: own-house
  do: mail.*
  when: roles.receiver.all(r, r.endsWith("@acme.example")) && !arguments.subject.matches("(?i)invoice|iban")
  then: allow
  why: It stays in the house.
- id: night
  do: mail.send
  when: now.hour < 6 || now.hour > 21
  then: ask
  why: It is night.
- id: many
  do: mail.send
  when: count.today >= 200
  then: deny
  why: That is enough for a day.
"""


class Mail(msgspec.Struct):
    to: list[str]
    subject: str = ""
    body: str = ""


class Pay(msgspec.Struct):
    iban: str
    amount: Money
    reference: str = ""


class Read(msgspec.Struct):
    folder: str = ""


class Nothing(msgspec.Struct):
    pass


class Never:
    """A day on which nothing was done yet."""

    def today(self, operation: str, now_us: int) -> Done:
        del operation, now_us
        return Done()

    def in_plan(self, plan: str, operation: str) -> Done:
        del plan, operation
        return Done()


def operations() -> dict[str, Operation]:
    made = (
        Operation(name="mail.send", summary="Send", input=Mail, output=Nothing, effect="irreversible",
                  roles={"to": "receiver"}),
        Operation(name="bank.pay", summary="Pay", input=Pay, output=Nothing, effect="irreversible",
                  roles={"amount": "amount", "iban": "receiver"}),
        Operation(name="mail.read", summary="Read", input=Read, output=Nothing, effect="read"),
    )  # fmt: skip
    return {each.name: each for each in made}


def proposals() -> list[Proposal]:
    found: list[Proposal] = []
    for number in range(EACH):
        mail = {"to": [f"p{number}@acme.example"], "subject": f"Order {number}", "body": "Thank you." * 20}
        paid = {"iban": f"DE{number % 100}", "amount": {"minor": number, "currency": "EUR"}, "reference": str(number)}
        common = {"plan": f"p{number}", "playbook": "orders", "path": "act", "now_us": NOON_US}
        found += (
            Proposal(operation="mail.send", effect="irreversible", arguments=mail, **common),
            Proposal(operation="bank.pay", effect="irreversible", arguments=paid, **common),
            Proposal(operation="mail.read", effect="read", arguments={"folder": "inbox"}, **common),
        )
    return found


def measure() -> dict[str, float]:
    """Judge all of them a few times; give the best round, and how long the first judgement took to make ready."""
    known, judged = operations(), proposals()
    source = shipped_policy() + POLICY.encode()
    made = Rules(rules_of_file("policies/bench.yaml", source, (), known), known, Never(), "Europe/Berlin")
    began = time.perf_counter()
    for one in judged[:3]:
        made.policy.judge(one)
    ready_s = time.perf_counter() - began
    best = 0.0
    by_operation: dict[str, float] = {}
    for _ in range(ROUNDS):
        began, cpu = time.perf_counter(), time.process_time()
        for one in judged:
            made.policy.judge(one)
        best = max(best, len(judged) / (time.perf_counter() - began))
        by_operation["decisions_per_cpu_s"] = round(len(judged) / (time.process_time() - cpu))
    return {"decisions_per_s": round(best), "ready_ms": round(ready_s * 1000), **by_operation}


if __name__ == "__main__":
    print(json.dumps(measure()))
