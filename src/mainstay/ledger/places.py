"""Where limits across plans stand in the ledger: `ports.PlaceRows`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.ledger import queries
from mainstay.ports import Waiting

if TYPE_CHECKING:
    from mainstay.ports import Ledger


class LedgerPlaces:
    """Reads them."""

    def __init__(self, ledger: Ledger) -> None:
        """Read from this ledger."""
        self._ledger = ledger

    def waiting(self) -> list[Waiting]:
        """Give the approved plans that wait for a place."""
        rows = self._ledger.rows(queries.PLANS_WAITING)
        return [Waiting(row[0], tuple(msgspec.json.decode(row[1])), row[2], row[3]) for row in rows]

    def last_stream(self, first: str) -> str:
        """Give the last of the streams of a limit whose first one is named; that one when there is none yet."""
        rows = self._ledger.rows(queries.LAST_STREAM, (first,))
        return rows[0][0] if rows else first

    def playbook(self, plan_id: str) -> tuple[str, str]:
        """Name a plan's playbook, and the step of another plan that it belongs to, as "plan/path"."""
        rows = self._ledger.rows(queries.PLAN, (plan_id,))
        return (rows[0][1], rows[0][4]) if rows else ("", "")

    def length(self, stream: str) -> int:
        """Give how many facts a stream holds on disk."""
        return self._ledger.rows(queries.STREAM_LENGTH, (stream,))[0][0]
