"""One proposal as rules see it: every name that a condition may read, worked out when it is first asked for.

`NAMES` is the whole of it. docs/policies.md lists the same, and a test holds the two together.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from mainstay.errors import ExpressionError
from mainstay.governance.roles import AMOUNT, TEXT, amount_of, texts_of
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from zoneinfo import ZoneInfo

    from mainstay.governance.deeds import Done
    from mainstay.ports import Proposal
    from mainstay.values import Role, Value

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Name: type as a playbook writes it, what it is. Beside these, `arguments` are the operation's own.
NAMES: dict[str, tuple[str, str]] = {
    "operation": ("text", "what is to happen, such as mail.send"),
    "effect": ("choice(read, reversible, irreversible, physical)", "what kind of action it is"),
    "account": ("text", "the account it happens on; empty for the usual one"),
    "playbook": ("text", "the playbook whose plan wants it"),
    "step": ("text", "the step of it"),
    "agent": ("text", "the agent that asks for it; empty where the playbook itself does"),
    "undo": ("choice(operator, playbook)", "who asked for the undo that it is part of; empty where it is none"),
    "labels": ("list(text)", "where its values come from"),
    "today": ("date", "the day it is, in the company's time zone"),
}
RECORDS: dict[str, dict[str, tuple[str, str]]] = {
    "roles": {
        "receiver": ("list(text)", "whom it reaches"),
        "amount": ("money", "what it moves"),
        "destination": ("list(text)", "where it puts something"),
        "account": ("list(text)", "whose account it is about"),
        "deletion_target": ("list(text)", "what it deletes"),
    },
    "now": {
        "hour": ("int", "0 to 23, in the company's time zone"),
        "minute": ("int", "0 to 59"),
        "weekday": (f"choice({', '.join(WEEKDAYS)})", "the day of the week"),
    },
    "count": {
        "today": ("int", "how often this operation acted today, before this"),
        "plan": ("int", "how often it acted in this plan, before this"),
    },
    "total": {
        "today": ("money", "what this operation moved today, before this"),
        "plan": ("money", "what all actions of this plan moved, before this"),
    },
}


class Counts(Protocol):
    """What was done so far."""

    def today(self, operation: str, now_us: int) -> Done:
        """Give what an operation did on the day of this moment, before it."""
        ...

    def in_plan(self, plan: str, operation: str) -> Done:
        """Give what a plan did by one operation; what it moved by all, where none is named."""
        ...


class Case:
    """One proposal."""

    __slots__ = ("_known", "bound", "counts", "proposal", "roles", "zone")

    def __init__(self, proposal: Proposal, roles: Mapping[str, Role], zone: ZoneInfo, counts: Counts) -> None:
        """Take it, with what its arguments are for."""
        self.proposal, self.roles, self.zone, self.counts = proposal, roles, zone, counts
        self.bound: dict[tuple[str, bool, int], object] = {}  # kept for conditions, which all read the same
        self._known: dict[str, Value] = {}

    def get(self, name: str) -> Value:
        """Give the plain value of a name. Raises ExpressionError where it can't be worked out."""
        if name not in self._known:
            self._known[name] = _WORKED[name](self)
        return self._known[name]

    def path(self, path: str) -> Value:
        """Give the value of a dotted path; None where a part of it is missing."""
        first, *rest = path.split(".")
        value = self.get(first)
        for key in rest:
            value = value.get(key) if isinstance(value, dict) else None
        return value


def _local(case: Case) -> datetime:
    return datetime.fromtimestamp(case.proposal.now_us / SECOND_US, UTC).astimezone(case.zone)


def _roles(case: Case) -> Value:
    arguments, roles = case.proposal.arguments, case.roles
    texts: dict[str, Value] = {
        role: list(texts_of(arguments, roles, role)) for role in set(roles.values()) - {AMOUNT, TEXT}
    }
    if AMOUNT not in roles.values():
        return texts
    amount = amount_of(arguments, roles)
    return {**texts, AMOUNT: {"minor": amount.minor, "currency": amount.currency}}


def _now(case: Case) -> Value:
    local = _local(case)
    return {"hour": local.hour, "minute": local.minute, "weekday": WEEKDAYS[local.weekday()]}


def _count(case: Case) -> Value:
    one = case.proposal
    today = case.counts.today(one.operation, one.now_us)
    return {"today": today.times, "plan": case.counts.in_plan(one.plan, one.operation).times}


def _total(case: Case) -> Value:
    one = case.proposal
    today, plan = case.counts.today(one.operation, one.now_us), case.counts.in_plan(one.plan, "")
    return {"today": _money(today), "plan": _money(plan)}


def _money(done: Done) -> Value:
    try:
        total = done.money()
    except ValueError as error:
        raise ExpressionError(str(error)) from error
    return {"minor": total.minor, "currency": total.currency}


_WORKED: dict[str, Callable[[Case], Value]] = {
    "operation": lambda case: case.proposal.operation,
    "effect": lambda case: case.proposal.effect,
    "arguments": lambda case: case.proposal.arguments,
    "account": lambda case: case.proposal.account,
    "playbook": lambda case: case.proposal.playbook,
    "step": lambda case: case.proposal.path.removeprefix("~").partition("/")[0].partition("!")[0],
    "agent": lambda case: case.proposal.agent,
    "undo": lambda case: case.proposal.undo_by,
    "labels": lambda case: list(case.proposal.labels),
    "today": lambda case: _local(case).date().isoformat(),
    "roles": _roles,
    "now": _now,
    "count": _count,
    "total": _total,
}
