"""Conditions over one action: money is compared within one currency, loops are bounded, data is never evaluated."""

from __future__ import annotations

import pytest

from mainstay.errors import ExpressionError
from mainstay.kernel.graph import Field
from mainstay.runtime.checking import WrongExpressionError
from mainstay.runtime.conditions import Conditions
from mainstay.runtime.types import INT, MONEY, TEXT, list_of, record_of

RECORDS = {
    "pay": {"amount": Field("money"), "to": Field("text"), "parts": Field("list(money)"), "rows": Field("list(text)")}
}
NAMES = {"arguments": record_of("pay"), "hour": INT, "total": MONEY, "labels": list_of(TEXT)}


def eur(minor, currency="EUR"):
    return {"minor": minor, "currency": currency}


def values(amount=None, **more):
    arguments = {"amount": amount or eur(50000), "to": "a@example.com", "parts": [eur(1)], "rows": [], **more}
    return {"arguments": arguments, "hour": 9, "total": eur(100), "labels": ["operator"], "today": "2026-11-21"}


def holds(source, given=None):
    return Conditions(NAMES, RECORDS).condition(source).holds((given or values()).__getitem__, {})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('arguments.amount > money("500.00 EUR")', False),
        ('arguments.amount >= money("500.00 EUR")', True),
        ('arguments.amount < money("500.01 EUR")', True),
        ('arguments.amount <= money("499.99 EUR")', False),
        ('arguments.amount == money("500.00 EUR")', True),
        ('arguments.amount != money("500.00 EUR")', False),
        ('money("500.00 EUR") < arguments.amount + total', True),
        ('add(arguments.amount, total) > money(50000, "EUR")', True),
        ('arguments.parts.exists(x, x > money("0.00 EUR"))', True),
        ('sum(arguments.parts) == money("0.01 EUR")', True),
        ("hour < 8 ? arguments.amount > total : arguments.amount < total", False),
        ('currency(arguments.amount) in ["EUR", "CHF"]', True),
        ('arguments.to.endsWith("@example.com") && hour in [9, 10]', True),
    ],
)
def test_g1_conditions_read_as_they_are_written(source, expected):
    assert holds(source) is expected


@pytest.mark.parametrize("operator", [">", ">=", "<", "<=", "==", "!="])
def test_g1_another_currency_never_passes_silently(operator):
    with pytest.raises(ExpressionError, match=r"600.00 USD and 500.00 EUR are different currencies"):
        holds(f'arguments.amount {operator} money("500.00 EUR")', values(eur(60000, "USD")))


def test_g1_a_currency_that_is_asked_for_first_lets_each_have_its_own_bound():
    source = (
        'currency(arguments.amount) == "USD" ? arguments.amount > money("600.00 USD")'
        ' : arguments.amount > money("500.00 EUR")'
    )
    assert holds(source, values(eur(60001, "USD"))) is True
    assert holds(source, values(eur(50000))) is False


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("arguments.amount > 500", "no matching overload"),
        ("arguments.amount > 500u", "numbers stand without 'u'"),
        ("arguments.amount.minor > 500", "cannot be the operand of a select"),
        ('arguments.amount in [money("5.00 EUR")]', "can only be compared"),
        ('arguments.parts == [money("5.00 EUR")]', "compared one by one"),
        ("dyn(arguments.amount) == 5", "can only be compared"),
        ('arguments.amount > money("500 EURO")', "is not an amount such as"),
        ("arguments.amont == total", "undefined field 'amont'"),
        ("hour", "not true or false"),
        ("labels.exists(x, arguments.rows.exists(y, x == y))", "a loop inside a loop"),
        ("hour > 5 &&", "Syntax error"),
    ],
)
def test_s49_a_condition_that_can_not_mean_what_it_says_is_refused_when_it_is_checked(source, why):
    with pytest.raises(WrongExpressionError, match=why):
        holds(source)


def test_s49_what_is_wrong_is_named_at_its_place():
    with pytest.raises(WrongExpressionError) as caught:
        holds('hour > 5 &&\n  arguments.amount > money("500 EURO")')
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(2, 28)]


@pytest.mark.parametrize("text", ["__class__", "{{7*7}}", "${7*7}", "=arguments.to", 'x" == "x" || true || "'])
def test_s46_what_arrives_in_a_field_is_literal_text(text):
    given = values(to=text)
    assert holds("arguments.to.size() > 0 && hour == 9", given) is True
    assert holds('arguments.to == "49"', given) is False
    assert holds("arguments.to == labels[0]", given | {"labels": [text]}) is True


def test_s47_a_result_that_looks_like_a_condition_is_never_worked_out_again():
    given = values(rows=["true", "arguments.amount < total"])
    assert holds('arguments.rows.exists(x, x == "arguments.amount < total")', given) is True
    assert holds("arguments.rows[0] == 'false'", given) is False


def test_s48_lists_over_500_elements_are_not_looped_over_and_a_pattern_takes_linear_time():
    with pytest.raises(ExpressionError, match="up to 500 elements"):
        holds("arguments.rows.exists(x, x == 'y')", values(rows=["x"] * 501))
    assert holds('arguments.to.matches("(a+)+$")', values(to="a" * 50_000 + "b")) is False  # else it takes years
    assert holds("arguments.to.size() > 1 && labels.exists(x, x == 'operator')", values(rows=["x"] * 501)) is True


def test_g1_conditions_over_one_set_of_names_share_what_an_action_was_turned_into():
    over = Conditions(NAMES, RECORDS)
    first = over.condition('arguments.to == "a@example.com"')
    bound = {}
    assert first.holds(values().__getitem__, bound) is True
    later = over.condition('arguments.amount == money("500.00 EUR")')  # reads another field of the same name
    assert later.holds(values().__getitem__, bound) is True
