"""The operations and agents of a workspace, by name: `ports.Catalogue`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, TypeVar

from mainstay.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.contracts import AgentContract, Operation

T = TypeVar("T")


class Contracts:
    """Contracts by name. Two of one name are a programmer's mistake."""

    def __init__(self, operations: Iterable[Operation], agents: Iterable[AgentContract]) -> None:
        """Take all contracts there are."""
        self.operations = {operation.name: operation for operation in operations}
        self.agents = {agent.name: agent for agent in agents}

    def operation(self, name: str) -> Operation:
        """Give an operation; raises UnknownNameError with the nearest name."""
        return _find(self.operations, name, "operation")

    def agent(self, name: str) -> AgentContract:
        """Give an agent; raises UnknownNameError with the nearest name."""
        return _find(self.agents, name, "agent")


def _find(known: Mapping[str, T], name: str, what: str) -> T:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(sorted(known)) or 'none'}."
    raise UnknownNameError(f"There is no {what} '{name}'.", remedy=hint)
