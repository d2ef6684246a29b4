"""What may be spent in a period, pure: reserved before an effect, settled after it (KERNEL T2).

A cap counts what is spent and what is held, so that effects under way at the same time can't overshoot it. A hold
stays until the effect's outcome is known: one that may have happened may have spent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.events import BudgetReserved, BudgetSettled

if TYPE_CHECKING:
    from mainstay.events import BudgetFact


class Cap(msgspec.Struct, frozen=True):
    """The most that may happen in one period. None: as much as you like."""

    count: int | None = None
    cost_usd_micros: int | None = None


class Budget(msgspec.Struct, frozen=True):
    """One period of one key, folded. `holds` are what effects on their way may still spend: (count, cost)."""

    sequence: int = 0
    count: int = 0
    cost_usd_micros: int = 0
    holds: dict[str, tuple[int, int]] = {}


def evolve(budget: Budget, fact: BudgetFact) -> Budget:
    """Fold one fact."""
    holds = {holder: held for holder, held in budget.holds.items() if holder != fact.holder}
    if isinstance(fact, BudgetReserved):
        holds[fact.holder] = (fact.count, fact.cost_usd_micros)
        return msgspec.structs.replace(budget, sequence=budget.sequence + 1, holds=holds)
    return Budget(budget.sequence + 1, budget.count + fact.count, budget.cost_usd_micros + fact.cost_usd_micros, holds)


def reserve(budget: Budget, cap: Cap, hold: BudgetReserved) -> BudgetReserved | None:
    """Hold a part of the cap; None when that would go over it. A holder that holds already keeps what it holds."""
    others = [held for holder, held in budget.holds.items() if holder != hold.holder]
    count = budget.count + hold.count + sum(held[0] for held in others)
    cost = budget.cost_usd_micros + hold.cost_usd_micros + sum(held[1] for held in others)
    over_count = cap.count is not None and count > cap.count
    over_cost = cap.cost_usd_micros is not None and cost > cap.cost_usd_micros
    return None if over_count or over_cost else hold


def settle(budget: Budget, period: str, holder: str, *, happened: bool) -> BudgetSettled | None:
    """Turn a hold into a spend, or let it go; None when nothing is held."""
    held = budget.holds.get(holder)
    if held is None:
        return None
    count, cost = held if happened else (0, 0)
    return BudgetSettled(period, holder, count, cost)
