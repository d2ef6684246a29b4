"""Throttles that hold plans: what was counted, and which plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.governance.throttles import PREFIX
from mainstay.ledger import queries
from mainstay.sentences import say_status
from mainstay.views.opening import Opened

if TYPE_CHECKING:
    from mainstay.views.opening import Row


class Throttles(Opened):
    """What waits because a playbook reached a bound."""

    def throttled(self) -> list[Row]:
        """Give each playbook that a throttle holds, by name, with what was counted, and its plans."""
        found: dict[str, Row] = {}
        for (stream,) in self._reader.rows(queries.STREAMS_BETWEEN, (PREFIX, f"{PREFIX}\U0010ffff")):
            last = self._reader.read(stream)[-1]
            if isinstance(last.fact, e.ThrottleClosed):
                found[last.fact.playbook] = self._row(last.fact, last.recorded_at_us)
            else:
                found.pop(stream.removeprefix(PREFIX).partition("#")[0], None)
        return list(found.values())

    def _row(self, fact: e.ThrottleClosed, at_us: int) -> Row:
        ended: list[Row] = []
        for plan_id in dict.fromkeys((*fact.paused, *fact.undone, *fact.acted)):
            plan = self.plan(plan_id)
            did = plan_id in fact.acted
            row: Row = {"plan": plan_id, "title": plan.title, "status": plan.status, "acted": did}
            says = say_status(plan.status, plan.ending) if plan.paused_at_us is None else "paused"
            ended.append(row | {"says": says, "bounced": self.bounced(plan)})
        return {
            "playbook": fact.playbook,
            "rule": fact.rule,
            "why": fact.why,
            "says": fact.says,
            "at": self.time(at_us),
            "undone": list(fact.undone),
            "plans": ended,
        }
