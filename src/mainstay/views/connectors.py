"""Connectors as the operator sees them: how calls through each went lately, and whether any are held back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.ledger import queries
from mainstay.sentences import EFFECT
from mainstay.views.activity import Activity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.contracts import Operation
    from mainstay.views.opening import Row


class Connectors(Activity):
    """The ways to the world."""

    def connectors(
        self,
        operations: Iterable[Operation],
        now_us: int,
        limits: Mapping[str, int] | None = None,
        delays: Mapping[str, str] | None = None,
    ) -> list[Row]:
        """Give each connector by name: what it can do and within which limits, how it did lately, what is held back.

        `limits` and `delays` are those of mainstay.toml, by operation.
        """
        by_name: dict[str, list[Operation]] = {}
        for operation in sorted(operations, key=lambda one: one.name):
            by_name.setdefault(operation.name.partition(".")[0], []).append(operation)
        used, held = self.used(), self._breakers(now_us)
        return [
            {
                "name": name,
                "operations": [
                    {
                        "name": one.name,
                        "does": one.summary,
                        "effect": one.effect,
                        "says": EFFECT[one.effect],
                        "per_minute": one.rate_per_minute,
                        "at_once": (limits or {}).get(one.name),
                        "leaves": (delays or {}).get(one.name, ""),
                    }
                    for one in offered
                ],
                "stays": all(one.effect == "read" or one.stays or one.in_ledger for one in offered),
                **_together([used[one.name] for one in offered if one.name in used]),
                "held_back": held.get(name, []),
            }
            for name, offered in sorted(by_name.items())
        ]

    def _breakers(self, now_us: int) -> dict[str, list[Row]]:
        """Give by connector the accounts whose calls are held back now."""
        streams: dict[tuple[str, str], str] = {}  # of each account the last: they are named by their days
        for (stream,) in self._reader.rows(queries.STREAMS_BETWEEN, ("breaker:", "breaker;")):
            connector, account, _ = stream.removeprefix("breaker:").split(":", 2)
            streams[connector, account] = stream
        found: dict[str, list[Row]] = {}
        for (connector, account), stream in streams.items():
            one = self._reader.read(stream)[-1]
            if isinstance(one.fact, e.BreakerOpened) and one.fact.until_us > now_us:
                until = self.time(one.fact.until_us)
                row: Row = {"account": account, "failures": one.fact.failures, "until": until}
                found.setdefault(connector, []).append(row)
        return found


def _together(rows: list[Row]) -> Row:
    """Give how several operations did as one: the last good call of any of them, and the last bad one."""
    good = max((row["good"] | {"operation": row["name"]} for row in rows if row["good"]), key=_at, default=None)
    bad = max((row["bad"] | {"operation": row["name"]} for row in rows if row["bad"]), key=_at, default=None)
    went = {"well": sum(row["well"] for row in rows), "ill": sum(row["ill"] for row in rows)}
    return {"good": good, "bad": bad, "fails": any(row["fails"] for row in rows), **went}


def _at(row: Row) -> str:
    return row["at"]
