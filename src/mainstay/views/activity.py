"""What operations and agents did of late, and how that went: from the newest records, however long the history is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.kernel.failing import was_denied
from mainstay.kernel.state import is_call, step_name
from mainstay.views.opening import Opened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.contracts import AgentContract
    from mainstay.views.opening import Row

LOOKED_AT = 2000  # records, the newest: what happened before them is not looked for
MOST_READ = 30  # plans that began before those records, and whose steps are looked up
_GOOD = (e.EffectDone, e.StepCompleted)
_BAD = (e.EffectRefused, e.EffectUncertain, e.AttemptFailed, e.StepStuck)
_OF_WHAT_WAS_ASKED = frozenset({"permanent", "bug"})  # classes of failures that say nothing of the other side


class Activity(Opened):
    """How what plans call went lately."""

    _lately: tuple[int, list[e.Recorded]] = (-1, [])  # the newest records, as of the last one's position

    def newest(self) -> list[e.Recorded]:
        """Give the newest records, in order; they are read once for as long as nothing was added."""
        head = self._reader.head()[0]
        if self._lately[0] != head:
            self._lately = head, list(self._reader.tail(max(0, head - LOOKED_AT), LOOKED_AT))
        return self._lately[1]

    def used(self) -> dict[str, Row]:
        """Give by operation or agent its last good call and its last bad one, and how many went well and did not.

        What ran more than once in one place of a plan counts once, as it went last.
        """
        found: dict[str, Row] = {}
        ended: dict[str, dict[tuple[str, str], bool]] = {}
        newest = self.newest()
        targets = self._targets(newest)
        for one in newest:
            fact = one.fact
            if not isinstance(fact, (*_GOOD, *_BAD)):
                continue
            name = targets.get((one.plan, fact.path)) or targets.get((one.plan, _step(fact.path)), "")
            if not name or (not isinstance(fact, _GOOD) and not _tells(name, fact)):
                continue
            row = found.setdefault(name, {"name": name, "good": None, "bad": None})
            at: Row = {"at": self.time(one.recorded_at_us), "plan": one.plan, "path": fact.path}
            if isinstance(fact, _GOOD):
                row["good"], row["fails"] = at, False
            else:
                row["bad"], row["fails"] = at | {"says": fact.failure.message, "next": fact.failure.remedy}, True
            ended.setdefault(name, {})[one.plan, fact.path] = isinstance(fact, _GOOD)
        for name, row in found.items():
            went = ended[name].values()
            row |= {"well": sum(went), "ill": len(went) - sum(went)}
        return found

    def agents(self, contracts: Iterable[AgentContract]) -> list[Row]:
        """Give each agent by name, with how it did lately."""
        used = self.used()
        rows: list[Row] = []
        for one in sorted(contracts, key=lambda each: each.name):
            row: Row = {
                "name": one.name,
                "does": one.summary,
                "version": one.version[:8],
                "calls": list(one.operations),
            }
            rows.append(row | (used.get(one.name) or unused(one.name)))
        return rows

    def _targets(self, newest: Iterable[e.Recorded]) -> dict[tuple[str, str], str]:
        """Name what stands behind the paths of the plans among some records: operations and agents."""
        found: dict[tuple[str, str], str] = {}
        begun: set[str] = set()
        missing: dict[str, None] = {}
        for one in newest:
            if isinstance(one.fact, e.PlanProposed):
                begun.add(one.plan)
                found |= self._steps_of(one)
            elif isinstance(one.fact, (e.EffectPrepared, e.EffectCalled)):
                found[one.plan, one.fact.path] = one.fact.operation
            elif one.plan and one.plan not in begun and isinstance(one.fact, (*_GOOD, *_BAD)):
                missing[one.plan] = None
        for plan in list(missing)[-MOST_READ:]:
            found = self._steps_of(self.recorded(plan)[0]) | found
        return found

    def _steps_of(self, proposed: e.Recorded) -> dict[tuple[str, str], str]:
        steps = self.graph(proposed).steps.values()
        named = [step for step in steps if step.kind in ("do", "agent")]
        return {(proposed.plan, step.name): step.target.partition("@")[0] for step in named}


def _tells(name: str, fact: e.EffectRefused | e.EffectUncertain | e.AttemptFailed | e.StepStuck) -> bool:
    """Whether a failure tells of what was called: of an operation not where a rule or its own arguments stopped it."""
    asked = "." in name and not isinstance(fact, e.EffectUncertain) and fact.failure.error_class in _OF_WHAT_WAS_ASKED
    return not was_denied(fact.failure) and not asked


def _step(path: str) -> str:
    """Name the step that a path is of; none for an undo and for what an agent asked for, which are calls of others."""
    return "" if path.startswith("~") or is_call(path) else step_name(path)


def unused(name: str) -> Row:
    """Give what is said of something that did nothing lately."""
    return {"name": name, "good": None, "bad": None, "fails": False, "well": 0, "ill": 0}
