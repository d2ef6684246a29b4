"""How a fact changes the plan: `evolve(plan, fact, at_us) -> plan`, pure, one small function per kind of fact.

It never refuses: a fact happened. Everything it needs stands in the fact or in the plan. The functions stand beside
those that decide the fact, family by family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay.kernel import (
    aside,
    asking,
    calls,
    children,
    effect,
    ending,
    forking,
    gate,
    life,
    pausing,
    revising,
    sleeping,
    step,
    undo,
    waits,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay import events as e
    from mainstay.kernel.state import Plan

FAMILIES = (
    *(life, forking, pausing, step, children, ending, waits, asking, aside, gate, revising),
    *(calls, effect, sleeping, undo),
)
_EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    kind: evolver for family in FAMILIES for kind, evolver in family.EVOLVERS.items()
}


def evolve(plan: Plan, fact: e.PlanFact, at_us: int) -> Plan:
    """Fold one fact, recorded at `at_us`, into the plan."""
    return _EVOLVERS[type(fact)](replace(plan, sequence=plan.sequence + 1, parked=False), fact, at_us)
