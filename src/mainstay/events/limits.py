"""Limits across plans (KERNEL T2): one small stream per key."""

from __future__ import annotations

from mainstay.events.fact import Fact


class PlaceTaken(Fact, frozen=True, omit_defaults=True):
    """A plan takes a place of a limit across plans, in the transaction of its start."""

    plan: str


class PlaceLeft(Fact, frozen=True, omit_defaults=True):
    """A plan gives its place back, in the transaction of its end."""

    plan: str


class PlacesKept(Fact, frozen=True, omit_defaults=True):
    """The first fact of a further stream of a limit, because a stream is bounded: who holds a place."""

    plans: tuple[str, ...]


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


class BreakerOpened(Fact, frozen=True, omit_defaults=True):
    """After `failures` in a row nothing more is sent there until a time; the stream names connector and account."""

    failures: int
    until_us: int
    open_s: float  # the length of this opening: the next one is twice as long


class BreakerClosed(Fact, frozen=True, omit_defaults=True):
    """The other side answered again."""
