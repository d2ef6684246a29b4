"""What breakers remember over a restart: when one opened, until when, and that it closed (KERNEL T2).

One small stream per connector, account and day, with a fact for each change and none for a call: a process that
starts while the other side is down does not begin by knocking there again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mainstay.events import Append, BreakerClosed, BreakerOpened, Draft
from mainstay.values import DAY_S, SECOND_US

if TYPE_CHECKING:
    import asyncio

    from mainstay.ports import Clock, Ledger

MOST_A_DAY = 1500  # facts of one stream; beyond that a breaker is kept in memory only


class Outages:
    """Openings of breakers as facts: connectors.breaker.Memory."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        """Keep facts here."""
        self._ledger = ledger
        self._clock = clock
        self._sequences: dict[str, int] = {}

    def last(self, connector: str, account: str) -> BreakerOpened | None:
        """Give the opening that still holds; None where the breaker closed since, or never opened lately."""
        now_us = self._clock.now_us()
        for at_us in (now_us, now_us - DAY_S * SECOND_US):
            recorded = self._ledger.read(_stream(connector, account, at_us))
            if recorded:
                fact = recorded[-1].fact
                return fact if isinstance(fact, BreakerOpened) else None
        return None

    def opened(self, connector: str, account: str, failures: int, open_s: float) -> None:
        """Note that a breaker opened now, for so long."""
        until_us = self._clock.now_us() + int(open_s * SECOND_US)
        self._note(connector, account, BreakerOpened(failures, until_us, open_s))

    def closed(self, connector: str, account: str) -> None:
        """Note that a breaker closed: the other side answers again."""
        self._note(connector, account, BreakerClosed())

    def _note(self, connector: str, account: str, fact: BreakerOpened | BreakerClosed) -> None:
        now_us = self._clock.now_us()
        stream = _stream(connector, account, now_us)
        expected = self._sequences.get(stream)
        if expected is None:
            expected = len(self._ledger.read(stream))
        if expected >= MOST_A_DAY:
            return
        self._sequences[stream] = expected + 1
        done: Any = self._ledger.append([Append(stream, expected, (Draft(fact, now_us, "mainstay"),))])
        done.add_done_callback(self._noted)

    def _noted(self, done: asyncio.Future[int]) -> None:
        """Read the streams anew after an append that failed: what was lost with it is only memory."""
        if done.cancelled() or done.exception() is not None:
            self._sequences.clear()


def _stream(connector: str, account: str, at_us: int) -> str:
    return f"breaker:{connector}:{account}:{datetime.fromtimestamp(at_us / SECOND_US, UTC).date().isoformat()}"
