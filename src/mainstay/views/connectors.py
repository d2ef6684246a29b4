"""Connectors as the operator sees them: whether calls are held back, and what happened through each last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.ledger import queries
from mainstay.views.opening import Opened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.contracts import Operation
    from mainstay.views.opening import Row

LOOKED_AT = 2000  # records, the newest: what happened through a connector before them is not looked for


class Connectors(Opened):
    """The ways to the world."""

    def connectors(self, operations: Iterable[Operation], now_us: int) -> list[Row]:
        """Give each connector by name, with what it can do, its last action of late, and what is held back."""
        by_name: dict[str, list[Operation]] = {}
        for operation in sorted(operations, key=lambda one: one.name):
            by_name.setdefault(operation.name.partition(".")[0], []).append(operation)
        done, held = self._last_done(), self._held_back(now_us)
        return [
            {
                "name": name,
                "operations": [
                    {"name": one.name, "does": one.summary, "effect": one.effect, "per_minute": one.rate_per_minute}
                    for one in offered
                ],
                "last_done": done.get(name),
                "held_back": held.get(name, []),
            }
            for name, offered in sorted(by_name.items())
        ]

    def _last_done(self) -> dict[str, Row]:
        """Give by connector the last action that happened, as far as the newest records say."""
        prepared: dict[tuple[str, str], str] = {}
        found: dict[str, Row] = {}
        for one in self._reader.tail(max(0, self._reader.head()[0] - LOOKED_AT), LOOKED_AT):
            fact = one.fact
            if isinstance(fact, e.EffectPrepared):
                prepared[one.plan, fact.path] = fact.operation
            elif isinstance(fact, e.EffectDone) and (one.plan, fact.path) in prepared:
                operation = prepared[one.plan, fact.path]
                row: Row = {"operation": operation, "plan": one.plan, "at": self.time(one.recorded_at_us)}
                found[operation.partition(".")[0]] = row
        return found

    def _held_back(self, now_us: int) -> dict[str, list[Row]]:
        """Give by connector the accounts whose calls are held back now."""
        last: dict[tuple[str, str], e.Recorded] = {}
        for (stream,) in self._reader.rows(queries.STREAMS_BETWEEN, ("breaker:", "breaker;")):
            connector, account, _ = stream.removeprefix("breaker:").split(":", 2)
            last[connector, account] = self._reader.read(stream)[-1]
        found: dict[str, list[Row]] = {}
        for (connector, account), one in last.items():
            if isinstance(one.fact, e.BreakerOpened) and one.fact.until_us > now_us:
                until = self.time(one.fact.until_us)
                row: Row = {"account": account, "failures": one.fact.failures, "until": until}
                found.setdefault(connector, []).append(row)
        return found
