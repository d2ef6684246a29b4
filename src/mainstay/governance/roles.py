"""What an action's arguments are for: whom it reaches, what it moves, where, what it deletes (KERNEL E4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstay.contracts import moved_in
from mainstay.errors import ExpressionError
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mainstay.contracts import Operation
    from mainstay.values import Role, Value

AMOUNT, TEXT = "amount", "text"


def named(arguments: Value, roles: Mapping[str, Role], role: Role) -> list[Value]:
    """Give the arguments of one role that are filled."""
    given: dict[str, Any] = arguments if isinstance(arguments, dict) else {}
    found = [given.get(name) for name, of in roles.items() if of == role]
    return [value for value in found if value not in (None, "", [])]


def role_of(operation: Operation, path: str) -> Role | None:
    """Give what a part of the arguments decides; None where it decides nothing, or nobody said what."""
    role = _declared(operation, path)
    return None if role == TEXT else role


def is_declared(operation: Operation, path: str) -> bool:
    """Whether somebody said what a part of the arguments is for, be it that it only tells."""
    return _declared(operation, path) is not None


def _declared(operation: Operation, path: str) -> Role | None:
    """Give the role of a part; places in lists do not count: "files.0.blob" is "files.blob"."""
    if path in operation.roles or "." not in path:
        return operation.roles.get(path)
    names = [part for part in path.split(".") if not part.isdigit()]
    for length in range(len(names), 0, -1):
        role = operation.roles.get(".".join(names[:length]))
        if role is not None:
            return role
    return None


def texts_of(arguments: Value, roles: Mapping[str, Role], role: Role) -> list[str]:
    """Give every text under the arguments of one role, also of a list, and of all fields of a record."""
    return [text for value in named(arguments, roles, role) for text in _texts(value)]


def amounts_of(arguments: Value, roles: Mapping[str, Role]) -> list[Money]:
    """Give what the arguments say is moved. Raises ExpressionError where an argument does not show how much that is."""
    return [amount for value in named(arguments, roles, AMOUNT) for amount in moved_in(value)]


def amount_of(arguments: Value, roles: Mapping[str, Role]) -> Money:
    """Give the sum of it; nothing at all is 0 of no currency. Raises ExpressionError for two currencies."""
    total = Money(0, "")
    for amount in amounts_of(arguments, roles):
        if total.currency not in ("", amount.currency):
            raise ExpressionError(f"{total} and {amount} can't be added up.")
        total = Money(total.minor + amount.minor, amount.currency)
    return total


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
