"""The operations and agents of a workspace, by name: `ports.Catalogue`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Protocol, TypeVar

from mainstay.errors import InactiveError, MissingVersion, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.contracts import AgentContract, Operation
    from mainstay.values import Role

T = TypeVar("T")


class Own(Protocol):
    """The agents of the operator's own; see playbooks/own_agents.py."""

    def names(self) -> list[str]:
        """List the active ones."""
        ...

    def agent(self, name: str, version: str = "") -> AgentContract | None:
        """Give the active one, or a certain version; None when there is none."""
        ...

    def file_of(self, name: str) -> str:
        """Name the file of one that is not active, if there is any."""
        ...


class Contracts:
    """Contracts by name. Two of one name are a programmer's mistake. `own` are the agents of a workspace."""

    own: Own | None = None

    def __init__(
        self,
        operations: Iterable[Operation],
        agents: Iterable[AgentContract],
        accounts: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """Take all contracts there are, and by connector the accounts it has beside its usual one."""
        self.named_accounts = accounts
        self.operations = {operation.name: operation for operation in operations}
        self.agents = {agent.name: agent for agent in agents}

    def every_agent(self) -> list[AgentContract]:
        """Give the agents that come with Mainstay and those of the workspace that are active."""
        own = [self.own.agent(name) for name in self.own.names()] if self.own is not None else []
        return [*self.agents.values(), *(agent for agent in own if agent is not None)]

    def operation(self, name: str) -> Operation:
        """Give an operation; raises UnknownNameError with the nearest name."""
        known = self.operations.get(name)
        return known if known is not None else _find(self.operations, name, "operation")

    def roles(self, operation: str) -> Mapping[str, Role]:
        """Give what the arguments of an operation are for; nothing of one that is not known."""
        known = self.operations.get(operation)
        return known.roles if known is not None else {}

    def accounts(self, connector: str) -> tuple[str, ...] | None:
        """Name the accounts that a connector has beside its usual one; None where that is not known here."""
        return None if self.named_accounts is None else self.named_accounts.get(connector, ())

    def agent(self, name: str, version: str = "") -> AgentContract:
        """Give an agent, in a certain version or as it is now; raises UnknownNameError with the nearest name.

        Raises InactiveError for one whose file was not activated, MissingVersion when that version can't be had: a
        running plan keeps the version it was made with (requirement K14).
        """
        built_in = self.agents.get(name)
        own = self.own.agent(name, version) if self.own is not None and built_in is None else None
        found = built_in or own
        if found is not None and version in ("", found.version):
            return found
        if version and (found is not None or self.own is not None):
            now = f"; this release has version {found.version}" if found is not None else ""
            raise MissingVersion(
                f"The plan was made with version {version} of agent '{name}', which is not here{now}.",
                remedy="Go back to the release or backup that has it and try again, skip the step, or undo the plan.",
            )
        if self.own is not None and (file := self.own.file_of(name)):
            raise InactiveError(f"{file} is not active yet.", remedy=f"Read it, then: mainstay activate {file}")
        own_ones = dict.fromkeys(self.own.names(), None) if self.own is not None else {}
        return _find({**own_ones, **self.agents}, name, "agent")


def _find(known: Mapping[str, T | None], name: str, what: str) -> T:
    if (found := known.get(name)) is not None:
        return found
    near = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(sorted(known)) or 'none'}."
    raise UnknownNameError(f"There is no {what} '{name}'.", remedy=hint)
