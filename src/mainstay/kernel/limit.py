"""Who holds a place of a limit across plans, pure (KERNEL T2): at most so many plans at a time, or one per key.

A place is taken in the transaction of a plan's start and left in that of its end. An undo of a plan that had ended
takes its place again, also when there is none free: what takes something back is never kept waiting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.events import PlacesKept, PlaceTaken

if TYPE_CHECKING:
    from mainstay.events import LimitFact


class Limit(msgspec.Struct, frozen=True):
    """The places of one limit, folded. `sequence` counts the facts of its present stream."""

    sequence: int = 0
    plans: frozenset[str] = frozenset()


def evolve(limit: Limit, fact: LimitFact) -> Limit:
    """Fold one fact."""
    if isinstance(fact, PlacesKept):
        return Limit(limit.sequence + 1, frozenset(fact.plans))
    plans = limit.plans | {fact.plan} if isinstance(fact, PlaceTaken) else limit.plans - {fact.plan}
    return Limit(limit.sequence + 1, plans)


def has_place(limit: Limit, most: int, plan: str) -> bool:
    """Whether a plan may start. Those it is a part of, and its own parts, are never in its way: it would wait for ever.

    Its fellow parts are, as any other plan is: they end without it.
    """
    others = [each for each in limit.plans if not _is_part(plan, each) and not _is_part(each, plan)]
    return plan in limit.plans or len(others) < most


def _is_part(plan: str, of: str) -> bool:
    """Whether a plan is a part of another: "k3v9x2m4qa-book-1" is one of "k3v9x2m4qa"."""
    return plan.startswith(f"{of}-")
