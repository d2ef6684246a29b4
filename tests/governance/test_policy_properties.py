"""What holds of rules and judges whatever they are: strictness, order, currencies, and that data is only data."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_kit import proposal, rules, send

from mainstay.errors import ExpressionError
from mainstay.governance.judge import STRICTNESS, strictest
from mainstay.kernel.graph import Field
from mainstay.runtime.conditions import Conditions
from mainstay.runtime.types import TEXT, list_of, record_of
from mainstay.values import Money, Spoken, Verdict

DECISIONS = st.sampled_from(["allow", "ask", "deny"])
VERDICTS = st.lists(st.builds(Verdict, DECISIONS, st.sampled_from("abcd"), st.just("Why.")), min_size=1, max_size=6)
MINOR = st.integers(-(10**12), 10**12)
CODES = st.sampled_from(["EUR", "USD", "JPY", "KWD"])
OVER = Conditions({"a": record_of("pay"), "words": list_of(TEXT)}, {"pay": {"amount": Field("money")}})
OPERATORS = {
    ">": int.__gt__,
    ">=": int.__ge__,
    "<": int.__lt__,
    "<=": int.__le__,
    "==": int.__eq__,
    "!=": int.__ne__,
}
CONDITIONS = {
    (mark, code, turned): OVER.condition(
        f'money("{Money(500, code).decimal:f} {code}") {mark} a.amount'
        if turned
        else f'a.amount {mark} money("{Money(500, code).decimal:f} {code}")'
    )
    for mark in OPERATORS
    for code in ("EUR", "JPY")
    for turned in (False, True)
}


@settings(max_examples=60)
@given(VERDICTS, st.randoms())
def test_g1_whatever_the_order_the_strictest_wins_and_no_objection_is_lost(spoken, chance):
    mixed = list(spoken)
    chance.shuffle(mixed)
    verdict = strictest(mixed)
    assert STRICTNESS[verdict.decision] == max(STRICTNESS[one.decision] for one in spoken)
    told = sorted((one.decision, one.rule) for one in (verdict, *verdict.also) if one.decision != "allow")
    assert told == sorted((one.decision, one.rule) for one in spoken if one.decision != "allow")
    assert all(type(one) is Spoken for one in verdict.also)


@settings(max_examples=60)
@given(MINOR, CODES, st.sampled_from(sorted(CONDITIONS)))
def test_g1_money_compares_as_whole_numbers_do_within_a_currency_and_never_across(minor, code, key):
    mark, wanted, turned = key
    values = {"a": {"amount": {"minor": minor, "currency": code}}, "today": "2026-11-21"}
    if code != wanted:
        with pytest.raises(ExpressionError, match="different currencies"):
            CONDITIONS[key].holds(values.__getitem__, {})
        return
    sides = (500, minor) if turned else (minor, 500)
    assert CONDITIONS[key].holds(values.__getitem__, {}) is OPERATORS[mark](*sides)


LIMIT = """
- id: much
  do: bank.pay
  when: arguments.amount > money("500.00 EUR")
  then: deny
  why: Too much.
- id: yes
  do: bank.pay
  then: allow
  why: It may.
"""
BY_LIMIT = rules(LIMIT)


@settings(max_examples=60)
@given(MINOR, CODES)
def test_g1_no_amount_and_no_currency_gets_past_a_bound(minor, code):
    arguments = {"iban": "DE89", "amount": {"minor": minor, "currency": code}, "reference": ""}
    decision = BY_LIMIT.policy.judge(proposal("bank.pay", arguments)).decision
    assert decision == ("ask" if code != "EUR" else "deny" if minor > 50_000 else "allow")


WORDS = rules("- {id: w, do: mail.send, when: 'arguments.subject == \"let it\"', then: allow, why: Yes.}")


TRICKS = st.sampled_from(['" || true || "', "{{1}}", "= true", "\\"])


@settings(max_examples=60)
@given(TRICKS | st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_s46_no_text_that_arrives_lets_an_action_through(text):
    decision = WORDS.policy.judge(send("a@example.com", subject=text)).decision
    assert decision == ("allow" if text == "let it" else "ask")
