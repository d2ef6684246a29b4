"""What an action's arguments are for: whom it reaches, what it moves, where, what it deletes (KERNEL E4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from mainstay.errors import ExpressionError
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mainstay.values import Role, Value

AMOUNT = "amount"


def named(arguments: Value, roles: Mapping[str, Role], role: Role) -> list[Value]:
    """Give the arguments of one role that are filled."""
    given: dict[str, Any] = arguments if isinstance(arguments, dict) else {}
    found = [given.get(name) for name, of in roles.items() if of == role]
    return [value for value in found if value not in (None, "", [])]


def texts_of(arguments: Value, roles: Mapping[str, Role], role: Role) -> list[str]:
    """Give every text under the arguments of one role, also of a list, and of all fields of a record."""
    return [text for value in named(arguments, roles, role) for text in _texts(value)]


def amounts_of(arguments: Value, roles: Mapping[str, Role]) -> list[Money]:
    """Give what the arguments say is moved. Raises ExpressionError where an argument does not show how much that is."""
    return [amount for value in named(arguments, roles, AMOUNT) for amount in _amounts(value)]


def amount_of(arguments: Value, roles: Mapping[str, Role]) -> Money:
    """Give the sum of it; nothing at all is 0 of no currency. Raises ExpressionError for two currencies."""
    total = Money(0, "")
    for amount in amounts_of(arguments, roles):
        if total.currency not in ("", amount.currency):
            raise ExpressionError(f"{total} and {amount} can't be added up.")
        total = Money(total.minor + amount.minor, amount.currency)
    return total


def is_money(value: Value) -> TypeGuard[dict[str, Any]]:
    """Whether a plain value is money."""
    return isinstance(value, dict) and value.keys() == {"minor", "currency"}


def _amounts(value: Value) -> Iterator[Money]:
    """Give the amount that a value is, or that is nearest in it under the name `amount`; of a list, all."""
    if isinstance(value, list):
        for each in value:
            yield from _amounts(each)
        return
    level: list[Value] = [value]
    while level:
        found = [each for each in level if is_money(each)]
        if found:
            yield from (Money(each["minor"], each["currency"]) for each in found)
            return
        records = [each for each in level if isinstance(each, dict)]
        named = [record[AMOUNT] for record in records if is_money(record.get(AMOUNT))]
        level = named or [inner for record in records for inner in record.values() if isinstance(inner, dict)]
        level = [each for each in level if named or not is_money(each)]
    raise ExpressionError("How much it moves can't be read from its arguments.")


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
