"""The union of all facts, and the envelope that says where each stands, who caused it and why (KERNEL L1)."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from mainstay.events.decisions import (
    DecisionAsked,
    DecisionExpired,
    DecisionNoted,
    DecisionReminded,
    DecisionRuled,
    DecisionSnoozed,
    DecisionVoided,
)
from mainstay.events.effects import (
    ConfirmDue,
    DispatchDue,
    EffectAbsent,
    EffectAwaited,
    EffectCalled,
    EffectConfirmed,
    EffectDelayed,
    EffectDone,
    EffectIntended,
    EffectPrepared,
    EffectRefused,
    EffectUncertain,
    EffectUnseen,
    SettleDue,
)
from mainstay.events.gateway import CallbackTried, TokenMade, TokenRevoked
from mainstay.events.journal import Journaled, JournalOpened, JournalRetried
from mainstay.events.limits import (
    BreakerClosed,
    BreakerOpened,
    BudgetKept,
    BudgetRaised,
    BudgetReserved,
    BudgetSettled,
    BudgetWarned,
    PlaceLeft,
    PlacesKept,
    PlaceTaken,
    ThrottleClosed,
    ThrottleOpened,
)
from mainstay.events.outside import EventReceived, MailBounced
from mainstay.events.plans import (
    EndingReached,
    PlanApproved,
    PlanCancelled,
    PlanCompleted,
    PlanEdited,
    PlanExpired,
    PlanFailed,
    PlanForked,
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
    StepRevised,
    StepSkipped,
    StepStarted,
    StepStuck,
    WaitEnded,
    WaitStarted,
)
from mainstay.events.versions import VersionActivated, VersionKept, VersionRetired
from mainstay.events.workspace import (
    ClockJumped,
    EffectReleased,
    HistoryAnchored,
    NetworkBack,
    NetworkLost,
    OperatorTold,
    PersonForgotten,
    WorkspaceCreated,
    WorkspaceQuarantined,
    WorkspaceReleased,
)

PlanFact: TypeAlias = (
    PlanProposed
    | PlanForked
    | PlanApproved
    | PlanEdited
    | PlanPaused
    | PlanResumed
    | PlanStarted
    | PlanParked
    | EndingReached
    | PlanCompleted
    | PlanFailed
    | PlanCancelled
    | PlanExpired
    | UndoRequested
    | UndoStarted
    | UndoImpossible
    | StepUndone
    | PlanUndone
    | StepSkipped
    | StepRejected
    | ItemsFrozen
    | ChildrenStarted
    | ChildFinished
    | RoundJudged
    | StepStarted
    | StepCompleted
    | AttemptFailed
    | RetryDue
    | StepStuck
    | StepFailed
    | StepReopened
    | StepRevised
    | WaitStarted
    | WaitEnded
    | DecisionAsked
    | DecisionReminded
    | DecisionSnoozed
    | DecisionNoted
    | DecisionRuled
    | DecisionExpired
    | DecisionVoided
    | EffectCalled
    | EffectPrepared
    | EffectIntended
    | EffectDone
    | EffectRefused
    | EffectUncertain
    | EffectAbsent
    | EffectAwaited
    | SettleDue
    | EffectDelayed
    | DispatchDue
    | EffectConfirmed
    | EffectUnseen
    | ConfirmDue
)
BudgetFact: TypeAlias = BudgetReserved | BudgetSettled | BudgetRaised | BudgetWarned | BudgetKept
BreakerFact: TypeAlias = BreakerOpened | BreakerClosed
ThrottleFact: TypeAlias = ThrottleClosed | ThrottleOpened
NetworkFact: TypeAlias = NetworkLost | NetworkBack
LimitFact: TypeAlias = PlaceTaken | PlaceLeft | PlacesKept
JournalFact: TypeAlias = JournalOpened | Journaled | JournalRetried
GatewayFact: TypeAlias = TokenMade | TokenRevoked | CallbackTried
VersionFact: TypeAlias = VersionActivated | VersionKept | VersionRetired
WorkspaceFact: TypeAlias = (
    WorkspaceCreated
    | WorkspaceQuarantined
    | EffectReleased
    | WorkspaceReleased
    | HistoryAnchored
    | OperatorTold
    | PersonForgotten
    | ClockJumped
)
AnyFact: TypeAlias = (
    PlanFact
    | BudgetFact
    | BreakerFact
    | ThrottleFact
    | NetworkFact
    | LimitFact
    | EventReceived
    | MailBounced
    | JournalFact
    | VersionFact
    | WorkspaceFact
    | GatewayFact
)


class Recorded(msgspec.Struct, frozen=True):
    """A fact with its envelope. `(stream, sequence)` names it for good; order follows `position`."""

    position: int
    stream: str
    sequence: int
    kind: str
    version: int
    recorded_at_us: int
    actor: str
    cause: str  # id of the event that caused this one; empty when it came from outside
    plan: str
    fact: AnyFact

    @property
    def id(self) -> str:
        """The event's name, as `cause` uses it."""
        return f"{self.stream}@{self.sequence}"


class Draft(msgspec.Struct, frozen=True):
    """A fact on its way to the ledger, which adds stream, sequence and position."""

    fact: AnyFact
    recorded_at_us: int
    actor: str
    cause: str = ""
    plan: str = ""


class Append(msgspec.Struct, frozen=True):
    """Facts for one stream. `expected` is the sequence the stream must have now (KERNEL L1)."""

    stream: str
    expected: int
    drafts: tuple[Draft, ...]

    @property
    def last_id(self) -> str:
        """The name that its last fact will have: `Recorded.id`."""
        return f"{self.stream}@{self.expected + len(self.drafts)}"
