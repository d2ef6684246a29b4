"""Limits across plans (KERNEL T2): one small stream per key."""

from __future__ import annotations

from mainstay.events.fact import Fact


class BudgetReserved(Fact, frozen=True, omit_defaults=True):
    """A part of a cap is held for one effect, in the transaction of its intent."""

    period: str  # "2026-11-21" for a day
    holder: str  # "plan/path"
    count: int
    cost_usd_micros: int


class BudgetSettled(Fact, frozen=True, omit_defaults=True):
    """A hold became a spend, or nothing when the effect did not happen."""

    period: str
    holder: str
    count: int
    cost_usd_micros: int
