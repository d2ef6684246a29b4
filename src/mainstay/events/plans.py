"""A plan as a whole: from its proposal to its end, and its undo."""

from __future__ import annotations

from typing import Literal

import msgspec

from mainstay.events.fact import Fact
from mainstay.values import BlobRef, Failure, Labels, Value


class PlanProposed(Fact, frozen=True, omit_defaults=True):
    """A plan exists; nothing runs yet. The definition is kept as a blob, so the plan keeps its version."""

    definition: BlobRef
    playbook: str
    title: str
    inputs: Value
    given: Value = None  # names a child plan takes over from its parent, already resolved
    labels: Labels = ()
    parent: str = ""  # "plan/path" of the step that started this child plan
    expires_at_us: int | None = None
    keys: tuple[str, ...] = ()  # limits across plans that it takes a place of (KERNEL T2); no personal data in them
    priority: int = 0


class PlanEdited(Fact, frozen=True, omit_defaults=True):
    """What was proposed was changed before it may run: all of it as it is now."""

    by: str
    inputs: Value
    labels: Labels = ()
    expires_at_us: int | None = None
    keys: tuple[str, ...] = ()
    priority: int = 0


class Adopted(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of a step of another plan, taken over as it is; what it did in the world stays that plan's.

    Of a list it may be a part: then `items` are those of it that run again, `places` where they stand in the whole
    list, and `output` is that whole list, with nothing in those places.
    """

    path: str
    output: Value = None
    labels: Labels = ()
    status: Literal["done", "skipped", "rejected", "failed", "partly"] = "done"
    items: Value = None
    places: tuple[int, ...] = ()


class PlanForked(Fact, frozen=True, omit_defaults=True):
    """The plan is a rerun of another one from a step on: what came before is adopted (KERNEL P6)."""

    of: str
    start: str  # the step it begins again with, empty for all
    adopted: tuple[Adopted, ...] = ()


class PlanApproved(Fact, frozen=True, omit_defaults=True):
    """Somebody with the right to do so said that the plan may run."""

    by: str
    allowed: int | None = None  # of a part of a long list: how many of its items may still fail


class PlanStarted(Fact, frozen=True, omit_defaults=True):
    """The plan runs, under this number of kernel semantics (KERNEL L10)."""

    kernel: int


class PlanPaused(Fact, frozen=True, omit_defaults=True):
    """Nothing new is begun until it is resumed; what is on its way is followed, and no time ends anything."""

    by: str
    reason: str = ""


class PlanResumed(Fact, frozen=True, omit_defaults=True):
    """The plan goes on. What ends by time gets the time it was paused for."""

    by: str
    paused_us: int


class PlanParked(Fact, frozen=True, omit_defaults=True):
    """The plan has nothing to do until something arrives: from here on it holds no memory."""


class EndingReached(Fact, frozen=True, omit_defaults=True):
    """All steps ended, in a business ending that takes back what these steps did; the plan completes after that."""

    ending: str
    undo: tuple[str, ...]
    output: Value = None
    labels: Labels = ()


class PlanCompleted(Fact, frozen=True, omit_defaults=True):
    """Every step ended well or was skipped; `output` is what the plan returns, `ending` the name of its end."""

    output: Value = None
    ending: str = ""
    labels: Labels = ()


class PlanFailed(Fact, frozen=True, omit_defaults=True):
    """The plan ended because a step failed for good."""

    path: str
    failure: Failure


class PlanCancelled(Fact, frozen=True, omit_defaults=True):
    """Somebody ended the plan."""

    by: str
    reason: str


class PlanExpired(Fact, frozen=True, omit_defaults=True):
    """The plan's time ran out before it ended."""


class UndoRequested(Fact, frozen=True, omit_defaults=True):
    """Everything the plan did shall be taken back, or what some of its steps did, as soon as nothing is on its way."""

    by: str
    reason: str
    steps: tuple[str, ...] = ()  # empty: all of them


class UndoStarted(Fact, frozen=True, omit_defaults=True):
    """What the plan did is being taken back, in this order; approving it approved exactly this list."""

    paths: tuple[str, ...]


class UndoImpossible(Fact, frozen=True, omit_defaults=True):
    """One outcome can't be taken back, and why."""

    path: str
    why: str


class StepUndone(Fact, frozen=True, omit_defaults=True):
    """The child plans behind a step were taken back; `left` are the items that could not be."""

    path: str
    left: tuple[str, ...] = ()


class PlanUndone(Fact, frozen=True, omit_defaults=True):
    """Everything that could be taken back was; `left` names what could not.

    Where only some steps were taken back, `stands` is where the plan stands, as before.
    """

    left: tuple[str, ...] = ()
    stands: str = ""
