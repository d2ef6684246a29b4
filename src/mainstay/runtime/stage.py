"""What one append is made of: commands are decided one after the other, each on the plans as the ones before left them.

An end or a pause is told to the plan above and to those below in the same append (KERNEL P2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import commands as c
from mainstay.events import Append, Draft
from mainstay.kernel.plan import handle
from mainstay.kernel.state import Plan, is_over
from mainstay.runtime.children import tell_family, tell_pause, tell_rest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay import events as e
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.parts import Parts


def stream_of(plan_id: str) -> str:
    """The stream that holds a plan's facts."""
    return f"plan:{plan_id}"


class Stage:
    """Facts decided for one append, over one or several plans; `plans` as they will be once it is on disk."""

    __slots__ = ("_desk", "_parts", "actor", "cause", "drafts", "expected", "facts", "now_us", "plans", "requests")

    def __init__(
        self, parts: Parts, desk: Desk, actor: str, cause: str, requests: Sequence[tuple[str, c.PlanCommand]] = ()
    ) -> None:
        """Begin with nothing; `cause` is the fact that all of it comes of, and `requests` what was asked for."""
        self.actor, self.cause, self.requests = actor, cause, requests
        self._parts, self._desk = parts, desk
        self.plans: dict[str, Plan] = {}
        self.facts: dict[str, list[e.AnyFact]] = {}
        self.drafts: dict[str, list[Draft]] = {}
        self.expected: dict[str, int] = {}
        self.now_us = 0

    def plan(self, plan_id: str) -> Plan:
        """Give a plan as it will be."""
        return self.plans.get(plan_id) or self._desk.load(plan_id)

    def decide(self, plan_id: str, command: c.PlanCommand, because: str = "") -> None:
        """Decide one more command; `because` of a fact of another plan of the family. What follows there is too.

        Raises CommandRefusedError.
        """
        before = self.plans.get(plan_id) or self._find(plan_id, command)
        turn = handle(before, command)
        if not turn.facts:
            return
        self.expected.setdefault(plan_id, before.sequence)
        self.now_us = command.now_us
        drafts = self.drafts.setdefault(plan_id, [])
        first = f"{stream_of(plan_id)}@{before.sequence + 1}"
        began = f"{stream_of(plan_id)}@{before.sequence}" if drafts else self.cause  # an earlier command of this append
        by = ("mainstay", because) if because else (self.actor, began)  # what happened in another plan of the family
        for index, fact in enumerate(turn.facts):
            actor, cause = by if index == 0 else ("mainstay", first)
            drafts.append(Draft(fact, command.now_us, actor, cause, plan_id))
        self.facts.setdefault(plan_id, []).extend(turn.facts)
        self.plans[plan_id] = turn.plan
        if not is_over(before) and is_over(turn.plan):
            tell_family(self, self._parts, turn.plan, command.now_us)
        elif before.paused_at_us != turn.plan.paused_at_us:
            tell_pause(self, turn.plan, command.now_us)
        if turn.plan.parked and turn.plan.parent:
            tell_rest(self, turn.plan, command.now_us)

    def appends(self) -> list[Append]:
        """Give all of it as it goes to the ledger, a stream per plan."""
        return [
            Append(stream_of(plan_id), self.expected[plan_id], tuple(drafts)) for plan_id, drafts in self.drafts.items()
        ]

    def _find(self, plan_id: str, command: c.PlanCommand) -> Plan:
        if isinstance(command, c.ProposePlan):
            return Plan(plan_id, self._desk.graph(command.definition))
        return self._desk.load(plan_id)
