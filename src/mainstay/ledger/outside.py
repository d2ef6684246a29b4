"""What the ledger says of events from outside: `ports.OutsideRows`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.ledger import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.ports import Ledger


class LedgerOutside:
    """Reads it."""

    def __init__(self, ledger: Ledger) -> None:
        """Read from this ledger."""
        self._ledger = ledger

    def came(self, occurrence: str) -> bool:
        """Whether an occurrence was recorded."""
        return bool(self._ledger.rows(queries.OCCURRENCE, (occurrence,)))

    def awaited(self, event: str, fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Give the steps that an event may be meant for, as (plan, path)."""
        wanted = msgspec.json.encode(fields).decode()
        return [(row[0], row[1]) for row in self._ledger.rows(queries.AWAITED, (event, wanted))]

    def listened(self) -> set[str]:
        """Name the kinds of events that somebody waits for."""
        return {row[0] for row in self._ledger.rows(queries.AWAITED_EVENTS)}

    def since(self, event: str, position: int) -> list[str]:
        """Give the occurrences of a kind past a position, in order."""
        return [row[0] for row in self._ledger.rows(queries.OCCURRENCES_SINCE, (event, position))]

    def ended_since(self, position: int) -> list[tuple[str, str, str, str]]:
        """Give the plans that ended past a position: id, playbook, status, ending."""
        return [(row[0], row[1], row[2], row[3]) for row in self._ledger.rows(queries.ENDED_SINCE, (position,))]
