"""Every fact the ledger can hold.

A fact is a frozen struct with a version of its own; the ledger wraps it in an envelope (`Recorded`) that says
where it stands, who caused it and why (KERNEL L1). Facts are never changed: a new meaning is a new version, and
an upcaster lifts the old one.

`path` names a unit of work inside a plan: `"book"` is a step, `"book/4"` its fifth item, `"~book/4"` the
compensation of that item. Values larger than 4 KiB stand as a `BlobRef` whose media type is `VALUE_MEDIA`.
"""

from __future__ import annotations

from mainstay.events.decisions import (
    DecisionAsked,
    DecisionExpired,
    DecisionKind,
    DecisionReminded,
    DecisionRuled,
    DecisionVoided,
)
from mainstay.events.effects import (
    EffectAbsent,
    EffectDone,
    EffectIntended,
    EffectPrepared,
    EffectRefused,
    EffectUncertain,
    Undo,
)
from mainstay.events.envelope import AnyFact, Append, BudgetFact, Draft, LimitFact, PlanFact, Recorded
from mainstay.events.fact import Fact
from mainstay.events.limits import BudgetReserved, BudgetSettled, PlaceLeft, PlacesKept, PlaceTaken
from mainstay.events.plans import (
    EndingReached,
    PlanApproved,
    PlanCancelled,
    PlanCompleted,
    PlanEdited,
    PlanExpired,
    PlanFailed,
    PlanParked,
    PlanPaused,
    PlanProposed,
    PlanResumed,
    PlanStarted,
    PlanUndone,
    StepUndone,
    UndoImpossible,
    UndoRequested,
    UndoStarted,
)
from mainstay.events.steps import (
    AttemptFailed,
    ChildFinished,
    ChildrenStarted,
    ItemsFrozen,
    RetryDue,
    RoundJudged,
    StepCompleted,
    StepFailed,
    StepRejected,
    StepReopened,
    StepSkipped,
    StepStarted,
    StepStuck,
    WaitEnded,
    WaitStarted,
)
from mainstay.events.versions import ArtefactKind, VersionActivated, VersionKept, VersionRetired
from mainstay.events.workspace import (
    ClockJumped,
    EffectReleased,
    HistoryAnchored,
    WorkspaceCreated,
    WorkspaceQuarantined,
    WorkspaceReleased,
)

VALUE_MEDIA = "application/vnd.mainstay.value"

__all__ = [
    "VALUE_MEDIA",
    "AnyFact",
    "Append",
    "ArtefactKind",
    "AttemptFailed",
    "BudgetFact",
    "BudgetReserved",
    "BudgetSettled",
    "ChildFinished",
    "ChildrenStarted",
    "ClockJumped",
    "DecisionAsked",
    "DecisionExpired",
    "DecisionKind",
    "DecisionReminded",
    "DecisionRuled",
    "DecisionVoided",
    "Draft",
    "EffectAbsent",
    "EffectDone",
    "EffectIntended",
    "EffectPrepared",
    "EffectRefused",
    "EffectReleased",
    "EffectUncertain",
    "EndingReached",
    "Fact",
    "HistoryAnchored",
    "ItemsFrozen",
    "LimitFact",
    "PlaceLeft",
    "PlaceTaken",
    "PlacesKept",
    "PlanApproved",
    "PlanCancelled",
    "PlanCompleted",
    "PlanEdited",
    "PlanExpired",
    "PlanFact",
    "PlanFailed",
    "PlanParked",
    "PlanPaused",
    "PlanProposed",
    "PlanResumed",
    "PlanStarted",
    "PlanUndone",
    "Recorded",
    "RetryDue",
    "RoundJudged",
    "StepCompleted",
    "StepFailed",
    "StepRejected",
    "StepReopened",
    "StepSkipped",
    "StepStarted",
    "StepStuck",
    "StepUndone",
    "Undo",
    "UndoImpossible",
    "UndoRequested",
    "UndoStarted",
    "VersionActivated",
    "VersionKept",
    "VersionRetired",
    "WaitEnded",
    "WaitStarted",
    "WorkspaceCreated",
    "WorkspaceQuarantined",
    "WorkspaceReleased",
]
