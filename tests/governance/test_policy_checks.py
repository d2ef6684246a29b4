"""A policy with a mistake is refused with file, line and column, and the nearest name (SECURITY S49)."""

from __future__ import annotations

import pytest
from policy_kit import rules

from mainstay.errors import PlaybookError

PAY = "- id: large\n  do: bank.pay\n  then: ask\n  why: Much.\n  when: "


def findings(source):
    with pytest.raises(PlaybookError) as caught:
        rules(source)
    return [finding.removeprefix("policies/test.yaml:") for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("condition", "finding"),
    [
        (
            'arguments.amont > money("5.00 EUR")',
            "5:19: bank.pay has no field 'amont'; did you mean 'amount'?",
        ),
        (
            "arguments.amount > 500",
            "5:26: '>' does not go with money and int; write the amount as money(\"500.00 EUR\")",
        ),
        (
            "arguments.amount.minor > 500",
            '5:25: compare whole amounts, such as roles.amount > money("500.00 EUR"), or currency(x) == "EUR"',
        ),
        ("roles.destination.size() > 0", "5:9: bank.pay has no destination; it has amount, receiver"),
        ('amount > money("5.00 EUR")', "5:9: there is no name 'amount' here"),
        ('operation == "bank.pai"', "5:23: operation is never 'bank.pai'; did you mean 'bank.pay'?"),
        ('now.weekday == "sunnday"', "5:25: now.weekday is never 'sunnday'; did you mean 'sunday'?"),
        ('arguments.amount > money("500 EURO")', "5:34: '500 EURO' is not an amount such as '1500.00 EUR'"),
        ("now.hour", "5:9: this is not true or false; compare it with something"),
        ("now.hour > 5 and true", "5:22: 'and' is not expected here; write '&&' instead of 'and'"),
        ("labels.exists(x, labels.exists(y, x == y))", "a loop inside a loop"),
    ],
)
def test_s49_a_typo_in_a_condition_is_named_at_its_place(condition, finding):
    (found,) = findings(PAY + condition)
    assert finding in found


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("id: x", "1:1: a policy is a list of rules; begin each with '- id: ...'"),
        ("- x", "1:3: a rule is a set of keys with values, such as '- id: large-payments'"),
        ("- {id: x, do: mail.sned, then: ask, why: W.}", "1:15: there is no operation 'mail.sned'; did you mean"),
        ("- {id: x, do: mial.*, then: ask, why: W.}", "1:15: no operation is called mial.*; did you mean 'mail'?"),
        ("- {id: x, do: send, then: ask, why: W.}", "1:15: 'send' is no operation; write mail.send"),
        ("- {id: x, do: mail.send, than: ask, why: W.}", "1:26: 'than' is no key of a rule; did you mean 'then'?"),
        ("- {id: x, do: mail.send, if: 'true', then: ask, why: W.}", "'if' is no key of a rule; did you mean 'when'?"),
        ("- {id: x, do: mail.send, then: forbid, why: W.}", "not 'forbid'; did you mean 'deny'?"),
        ("- {id: x, do: mail.send, then: ask}", "1:4: this rule has no 'why'"),
        ("- {do: mail.send, then: ask, why: W.}", "1:3: this rule has no 'id'"),
        ("- {id: Large One, do: mail.send, then: ask, why: W.}", "'Large One' is no id; write it like large-payments"),
        ("- {id: budget, do: mail.send, then: ask, why: W.}", "'budget' is a rule of Mainstay's own"),
        ("- {id: x, do: mail.send, why: W.}", "1:3: this rule does nothing"),
        ("- {id: x, then: allow, why: W.}", "1:3: this rule would allow everything"),
        ("- {id: x, effect: physical, then: allow, why: W.}", "no rule can allow it"),
        ("- {id: x, do: door.open, then: allow, why: W.}", "door.open acts on the physical world and is always asked"),
        ("- {id: x, effect: irreversable, then: ask, why: W.}", "did you mean 'irreversible'?"),
        ("- {id: x, do: mail.send, effect: read, then: ask, why: W.}", "mail.send is irreversible"),
        ("- {id: x, do: mail.send, limits: {per_dya: 5}}", "'per_dya' is no limit"),
        ("- {id: x, do: mail.send, limits: {per_day: -5}}", "is not a whole number from 0"),
        ("- {id: x, do: mail.send, when: 'now.hour > 5', limits: {per_day: 5}}", "limits count every action"),
        ("- {id: x, do: mail.*, when: 'arguments.iban == \"\"', then: ask, why: W.}", "no operation that this rule"),
        ("- {id: x, do: mail.send, then: ask, otherwise: ask, why: W.}", "not both"),
        ("- {id: x, effect: read, then: deny, why: W.}\n- {id: x, effect: read, then: deny, why: W.}", "2:3: there is"),
        ("- {id: x, effect: read, then: ask, why: W.}", "1:3: a reading is never asked about"),
        ("- {id: x, do: [], then: deny, why: W.}", "1:15: 'do' is an empty list"),
        ("- {id: x, effect: [], do: mail.send, then: deny, why: W.}", "1:19: 'effect' is an empty list"),
        ("- {id: x, do: bank.read, then: ask, why: W.}", "bank.read only reads, which is never asked about"),
        ("- !!python/object:os.system {id: x}", "the tag"),
        ("", "1:1: the policy is empty"),
    ],
)
def test_s49_s52_a_mistake_in_a_rule_is_named_at_its_place(source, finding):
    assert any(finding in found for found in findings(source)), findings(source)


def test_s49_all_mistakes_are_named_in_one_go():
    source = "- {id: x, do: mail.sned, then: ask, why: W.}\n" + PAY + "arguments.amont == total.plan"
    assert len(findings(source)) == 2
