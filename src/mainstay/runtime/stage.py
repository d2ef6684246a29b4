"""What one append is made of: commands are decided one after the other, each on the plans as the ones before left them.

An end or a pause is told to the plan above and to those below in the same append (KERNEL P2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import commands as c
from mainstay.events import Append, Draft
from mainstay.kernel.plan import handle
from mainstay.kernel.state import GOING, Plan, is_over
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

    __slots__ = (
        *("_desk", "_parts", "actor", "cause", "drafts", "facts", "has_ends", "has_keys"),
        *("now_us", "plans", "requests"),
    )

    def __init__(
        self, parts: Parts, desk: Desk, actor: str, cause: str, requests: Sequence[tuple[str, c.PlanCommand]] = ()
    ) -> None:
        """Begin with nothing; `cause` is the fact that all of it comes of, and `requests` what was asked for."""
        self.actor, self.cause, self.requests = actor, cause, requests
        self._parts, self._desk = parts, desk
        self.plans: dict[str, Plan] = {}
        self.facts: dict[str, list[e.AnyFact]] = {}
        self.drafts: dict[str, list[Draft]] = {}
        self.has_ends = False  # whether a plan in it has ended, now or before
        self.has_keys = False  # whether one takes places of limits across plans
        self.now_us = 0

    def plan(self, plan_id: str) -> Plan:
        """Give a plan as it will be."""
        return self.plans.get(plan_id) or self._desk.load(plan_id)

    def decide(self, plan_id: str, command: c.PlanCommand, because: str = "") -> None:
        """Decide one more command; `because` of a fact of another plan of the family. What follows there is too.

        Raises CommandRefusedError.
        """
        before = self.plans.get(plan_id) or (
            Plan(plan_id, self._desk.graph(command.definition))
            if isinstance(command, c.ProposePlan)
            else self._desk.load(plan_id)
        )
        turn = handle(before, command)
        if not turn.facts:
            return
        after, self.now_us = turn.plan, command.now_us
        self._note(plan_id, before.sequence, turn.facts, because)
        self.plans[plan_id] = after
        ended = after.status not in GOING
        self.has_ends = self.has_ends or ended
        self.has_keys = self.has_keys or after.keys != ()
        if ended and is_over(after) and not is_over(before):
            tell_family(self, self._parts, after, command.now_us)
        if before.paused_at_us != after.paused_at_us:  # its end too lets those go on that are being taken back
            tell_pause(self, after, command.now_us)
        if after.parked and after.parent:
            tell_rest(self, after, command.now_us)

    def _note(self, plan_id: str, before: int, facts: list[e.PlanFact], because: str) -> None:
        """Put facts down that one command led to, each with its cause; `before` is the plan's sequence until then."""
        drafts = self.drafts.get(plan_id)
        if drafts is None:
            actor, cause = self.actor, self.cause
            drafts = self.drafts[plan_id] = []
            self.facts[plan_id] = []
        else:
            actor, cause = self.actor, f"plan:{plan_id}@{before}"  # an earlier command of this append
        if because:
            actor, cause = "mainstay", because  # what happened in another plan of the family
        for fact in facts:
            drafts.append(Draft(fact, self.now_us, actor, cause, plan_id))
            actor, cause = "mainstay", f"plan:{plan_id}@{before + 1}"
        self.facts[plan_id] += facts

    def appends(self) -> list[Append]:
        """Give all of it as it goes to the ledger, a stream per plan."""
        appends: list[Append] = []
        for plan_id, drafts in self.drafts.items():
            before = self.plans[plan_id].sequence - len(drafts)
            appends.append(Append(f"plan:{plan_id}", before, tuple(drafts)))
        return appends
