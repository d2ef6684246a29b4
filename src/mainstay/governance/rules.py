"""The operator's rules at the choke point: which of them speak about an action, and what comes of it (requirement G1).

Of the rules that fit an action's operation, those whose condition is true speak. Among those with `then` the most
restrictive wins. Where none of them speaks, the most restrictive with `otherwise` does, and where there is none of
these either, the judgement by effect class in policy.py. A rule that can't be worked out asks.

So `then: allow` lets through what would be asked by default. Some things no rule lets through: what acts on the
physical world (requirement C7), and what the playbook itself wants to ask about. Other judges have their own say.
A reading is never asked about: a rule lets it be, or forbids it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from mainstay.errors import MainstayError
from mainstay.governance.case import Case
from mainstay.governance.judge import strictest
from mainstay.governance.policy import DefaultPolicy, gated
from mainstay.governance.throttles import Throttle
from mainstay.values import EffectClass, Value, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.governance.case import Counts
    from mainstay.governance.deeds import RolesOf
    from mainstay.ports import Proposal

Decision: TypeAlias = Literal["allow", "ask", "deny"]

PHYSICAL = Verdict("ask", "physical", "It acts on the physical world; no rule lets that happen by itself.")


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """The most that the actions a rule names may do; None: as much as you like. Budgets keep them."""

    per_day: int | None = None
    per_month: int | None = None
    per_plan: int | None = None
    at_once: int | None = None


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule as it is written. `verdict` is empty where it only limits."""

    id: str
    why: str = ""
    verdict: Decision | Literal[""] = ""
    otherwise: bool = False  # it speaks only where no rule with `then` does
    do: tuple[str, ...] = ()  # names of operations, "mail.*" or "*"; empty: all
    effects: tuple[EffectClass, ...] = ()  # empty: all
    when: str = ""
    limits: Limits | None = None
    place: str = ""  # file, line and column
    throttle: Throttle | None = None  # it judges no action: what it bounds pauses a playbook

    def names(self, operation: str) -> bool:
        """Whether it is about this operation, as far as names say."""
        if self.throttle is not None:
            return False
        return not self.do or any(fits(pattern, operation) for pattern in self.do)


class Holds(Protocol):
    """A condition, compiled."""

    def holds(self, get: Callable[[str], Value], bound: dict[tuple[str, bool, int], object]) -> bool:
        """Say whether it is true. Raises ExpressionError."""
        ...

    @property
    def paths(self) -> tuple[str, ...]:
        """What it reads, as dotted paths."""
        ...


class Fitting(msgspec.Struct, frozen=True):
    """A rule that is about an operation, with its condition. `broken` says why it can't be used any more."""

    rule: Rule
    condition: Holds | None = None
    broken: str = ""


class Heard(msgspec.Struct, frozen=True):
    """What one rule made of a proposal, for `policy explain`."""

    rule: Rule
    state: Literal["spoke", "overruled", "silent", "broken"]
    why: str = ""  # of one that is broken
    compared: tuple[tuple[str, Value], ...] = ()  # path and value


class RulesPolicy:
    """`ports.Policy` by rules; `fitting` gives those about an operation, in their order."""

    def __init__(
        self, fitting: Callable[[str], Sequence[Fitting]], roles: RolesOf, counts: Counts, timezone: str
    ) -> None:
        """Take the rules, the roles of operations, what was done so far, and the company's time zone."""
        self._fitting, self._roles, self._counts = fitting, roles, counts
        self._zone = ZoneInfo(timezone)
        self._default = DefaultPolicy()

    def judge(self, proposal: Proposal) -> Verdict:
        """Judge one action by the rules; see above for what wins."""
        fitting = self._fitting(proposal.operation)
        if not fitting:
            return self._default.judge(proposal)
        case = self._case(proposal)
        first: list[Verdict] = []
        last: list[Verdict] = []
        for one in fitting:
            spoken = _spoken(one, case)
            if spoken is not None:
                (last if one.rule.otherwise and not one.broken else first).append(spoken)
        if not first:
            default = self._default.judge(proposal)
            if not last or (proposal.undo_by and default.decision == "allow"):
                return default  # an undo that can be taken back itself goes on, unless a rule with `then` speaks
        verdict = strictest(first or last)
        if proposal.effect == "physical" and verdict.decision == "allow":
            return PHYSICAL
        return gated(proposal, verdict)

    def hear(self, proposal: Proposal) -> list[Heard]:
        """Say of each rule about the operation what it makes of this action, and what it compared."""
        case = self._case(proposal)
        heard = [_heard(one, case) for one in self._fitting(proposal.operation)]
        firm = any(one.state in ("spoke", "broken") and not one.rule.otherwise for one in heard)
        return [
            msgspec.structs.replace(one, state="overruled")
            if firm and one.rule.otherwise and one.state == "spoke"
            else one
            for one in heard
        ]

    def _case(self, proposal: Proposal) -> Case:
        return Case(proposal, self._roles(proposal.operation), self._zone, self._counts)


def fits(pattern: str, operation: str) -> bool:
    """Whether a name in `do` means an operation: "mail.send", "mail.*" or "*"."""
    if pattern.endswith("*"):
        return operation.startswith(pattern[:-1])
    return pattern == operation


def _spoken(one: Fitting, case: Case) -> Verdict | None:
    rule = one.rule
    if not rule.verdict or (rule.verdict == "ask" and case.proposal.effect == "read"):
        return None  # a reading is not asked about: a rule about many that asks leaves it as it is
    if one.broken:
        return Verdict("ask", rule.id, _broken(rule, one.broken))
    if one.condition is not None:
        try:
            if not one.condition.holds(case.get, case.bound):
                return None
        except MainstayError as error:
            return Verdict("ask", rule.id, _broken(rule, error.message))
    return Verdict(rule.verdict, rule.id, rule.why)


def _broken(rule: Rule, why: str) -> str:
    return f"The rule '{rule.id}' could not be worked out, so you decide: {why}"


def _heard(one: Fitting, case: Case) -> Heard:
    compared = _compared(one, case)
    if one.broken:
        return Heard(one.rule, "broken", one.broken, compared)
    try:
        holds = one.condition is None or one.condition.holds(case.get, case.bound)
    except MainstayError as error:
        return Heard(one.rule, "broken", error.message, compared)
    return Heard(one.rule, "spoke" if holds else "silent", "", compared)


def _compared(one: Fitting, case: Case) -> tuple[tuple[str, Value], ...]:
    found: list[tuple[str, Value]] = []
    for path in one.condition.paths if one.condition is not None else ():
        try:
            found.append((path, case.path(path)))
        except MainstayError as error:
            found.append((path, error.message))
    return tuple(found)
