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
    """A part of a budget is held for one action, in the transaction of its intent, or for one call before it is made.

    What is counted has units: `count`, micro-dollars, and `more`, which holds "tokens" and other currencies (micros).
    """

    period: str  # "2026-11-21" for a day, "2026-11" for a month, "plan k3v9x2m4qa" for a plan
    holder: str  # "plan/path"; of a call of an agent "plan/path?journal key"
    count: int
    cost_usd_micros: int
    more: dict[str, int] = {}  # noqa: RUF012 - msgspec gives each a new one
    counts: str = ""  # of the first one of a day or month: what its budget counts, to tell when that changes


class BudgetSettled(Fact, frozen=True, omit_defaults=True):
    """A hold became what was spent really, or nothing when the action did not happen."""

    period: str
    holder: str
    count: int
    cost_usd_micros: int
    more: dict[str, int] = {}  # noqa: RUF012 - msgspec gives each a new one


class BudgetRaised(Fact, frozen=True, omit_defaults=True):
    """The operator lets more be spent in this period, and in no other; `amounts` by unit."""

    period: str
    amounts: dict[str, int]
    decision: str = ""  # the question that was answered so


class BudgetWarned(Fact, frozen=True, omit_defaults=True):
    """Most of a period's budget is spent or held: said once; `amounts` are that, and `most` what there is, by unit."""

    period: str
    amounts: dict[str, int]
    most: dict[str, int]


class BudgetKept(Fact, frozen=True, omit_defaults=True):
    """All that a period adds up to from here on, whatever stands before.

    It is the first fact of a further stream, because a stream is bounded; and it stands where a budget begins to count,
    or counts something else than before, with what left of that since its period began.
    """

    period: str
    spent: dict[str, int]
    holds: dict[str, dict[str, int]]
    raised: dict[str, int] = {}  # noqa: RUF012 - msgspec gives each a new one
    warned: bool = False
    counts: str = ""  # what the budget counts, as `BudgetReserved.counts`
    earlier: dict[str, int] = {}  # noqa: RUF012 - as above; of `spent`, what left before the budget counted it


class ThrottleClosed(Fact, frozen=True, omit_defaults=True):
    """A playbook reached a bound of a policy: its plans were paused, or are taken back, in the same transaction."""

    rule: str
    playbook: str
    says: str  # what was counted
    paused: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    acted: tuple[str, ...] = ()  # plans that did something within that time
    why: str = ""
    since_us: int = 0  # the time in which that was counted began then: what was done before it is not taken back


class ThrottleOpened(Fact, frozen=True, omit_defaults=True):
    """The operator lets the playbook go on: it is counted anew from here."""

    by: str
    resumed: tuple[str, ...] = ()


class BreakerOpened(Fact, frozen=True, omit_defaults=True):
    """After `failures` in a row nothing more is sent there until a time; the stream names connector and account."""

    failures: int
    until_us: int
    open_s: float  # the length of this opening: the next one is twice as long


class BreakerClosed(Fact, frozen=True, omit_defaults=True):
    """The other side answered again."""
