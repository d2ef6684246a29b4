"""Every fact the ledger can hold.

A fact is a frozen struct with a version of its own; the ledger wraps it in an envelope (`Recorded`) that says
where it stands, who caused it and why (KERNEL L1). Facts are never changed: a new meaning is a new version, and
an upcaster lifts the old one.

`path` names a unit of work inside a plan: `"book"` is a step, `"book/4"` its fifth item, `"~book/4"` the
compensation of that item. Values larger than 4 KiB stand as a `BlobRef` whose media type is `VALUE_MEDIA`.
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import msgspec

from mainstay.values import BlobRef, EffectClass, Failure, Labels, Value, Verdict

VALUE_MEDIA = "application/vnd.mainstay.value"

DecisionKind: TypeAlias = Literal["ask", "effect", "batch", "stuck", "settle"]


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, tag=True):
    """What all facts share: a name (the class) and a version."""

    version: ClassVar[int] = 1


class Undo(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one outcome is taken back; recorded with the outcome (KERNEL E5)."""

    operation: str
    arguments: Value
    version: int = 1


# --- plans


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


class PlanApproved(Fact, frozen=True, omit_defaults=True):
    """Somebody with the right to do so said that the plan may run."""

    by: str


class PlanStarted(Fact, frozen=True, omit_defaults=True):
    """The plan runs, under this number of kernel semantics (KERNEL L10)."""

    kernel: int


class PlanParked(Fact, frozen=True, omit_defaults=True):
    """The plan has nothing to do until something arrives: from here on it holds no memory."""


class PlanCompleted(Fact, frozen=True, omit_defaults=True):
    """Every step ended well or was skipped."""


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
    """Everything the plan did shall be taken back, as soon as no effect is on its way."""

    by: str
    reason: str


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
    """Everything that could be taken back was; `left` names what could not."""

    left: tuple[str, ...] = ()


# --- steps


class StepSkipped(Fact, frozen=True, omit_defaults=True):
    """The step did not run and will not."""

    path: str
    why: str


class StepRejected(Fact, frozen=True, omit_defaults=True):
    """A person said no, or nobody answered in time: the effect will not happen."""

    path: str
    why: str
    decision: str = ""


class ItemsFrozen(Fact, frozen=True, omit_defaults=True):
    """The list a step fans out over, fixed; item keys are the positions in it (KERNEL P2)."""

    path: str
    items: Value
    count: int
    labels: Labels = ()


class ChildrenStarted(Fact, frozen=True, omit_defaults=True):
    """A long list was split over child plans of at most 100 items each."""

    path: str
    plans: tuple[str, ...]


class ChildFinished(Fact, frozen=True, omit_defaults=True):
    """A child plan ended; `output` is its list of results."""

    path: str
    plan: str
    status: str
    output: Value = None
    labels: Labels = ()


class StepStarted(Fact, frozen=True, omit_defaults=True):
    """An attempt began in a worker process, on these arguments."""

    path: str
    attempt: int
    arguments: Value
    labels: Labels = ()


class StepCompleted(Fact, frozen=True, omit_defaults=True):
    """The step has its value. A step that ran inside the owner's loop is resolved and completed in this one fact."""

    path: str
    output: Value = None
    labels: Labels = ()
    arguments: Value = None
    rationale: str = ""
    confidence: float | None = None
    provenance: tuple[str, ...] = ()


class AttemptFailed(Fact, frozen=True, omit_defaults=True):
    """One attempt failed and another will be made at `retry_at_us`."""

    path: str
    attempt: int
    failure: Failure
    retry_at_us: int


class RetryDue(Fact, frozen=True, omit_defaults=True):
    """The time for the next attempt came."""

    path: str
    attempt: int


class StepStuck(Fact, frozen=True, omit_defaults=True):
    """All attempts failed: the step is a dead letter and waits for a remedy."""

    path: str
    failure: Failure
    attempt: int


class StepFailed(Fact, frozen=True, omit_defaults=True):
    """The step failed for good, by its own `on_failure`, an allowance of its fan-out, or a remedy."""

    path: str
    failure: Failure


class StepReopened(Fact, frozen=True, omit_defaults=True):
    """A stuck step is tried again; `arguments` when the operator edited them."""

    path: str
    arguments: Value = None
    edited: bool = False


class WaitStarted(Fact, frozen=True, omit_defaults=True):
    """The step sleeps until a time."""

    path: str
    until_us: int


class WaitEnded(Fact, frozen=True, omit_defaults=True):
    """The time came."""

    path: str


# --- decisions


class DecisionAsked(Fact, frozen=True, omit_defaults=True):
    """A question to a person. `binds` are the digests of the prepared effects that a yes lets happen."""

    decision: str
    kind: DecisionKind
    paths: tuple[str, ...]
    card: Value
    options: tuple[str, ...]
    binds: tuple[str, ...] = ()
    due_at_us: int | None = None
    remind_at_us: tuple[int, ...] = ()
    rule: str = ""
    why: str = ""
    to: str = "operator"
    labels: Labels = ()  # of what a plain question shows


class DecisionReminded(Fact, frozen=True, omit_defaults=True):
    """The person was reminded; `index` counts the reminders of this question."""

    decision: str
    index: int


class DecisionRuled(Fact, frozen=True, omit_defaults=True):
    """The answer. `kept` are the positions that a yes to a list covers; `rows` their content for a plain ask."""

    decision: str
    choice: str
    by: str
    reason: str = ""
    kept: tuple[int, ...] | None = None
    rows: Value = None
    at_us: int = 0
    session: str = ""  # which operator session answered, or "demo file" and the like


class DecisionExpired(Fact, frozen=True, omit_defaults=True):
    """Nobody answered in time, which means no."""

    decision: str


class DecisionVoided(Fact, frozen=True, omit_defaults=True):
    """The question no longer matters, because its plan ended."""

    decision: str
    why: str


# --- effects


class EffectPrepared(Fact, frozen=True, omit_defaults=True):
    """Exactly what would happen: arguments resolved to plain values, files pinned (KERNEL E1).

    `digest` is over operation, version, account and arguments: the thing a ruling binds.
    """

    path: str
    operation: str
    operation_version: int
    effect: EffectClass
    arguments: Value
    digest: str
    verdict: Verdict
    account: str = ""
    labels: Labels = ()
    cannot_undo: str = ""


class EffectIntended(Fact, frozen=True, omit_defaults=True):
    """The call may leave from here on: on disk before it does. Consumes the ruling, where there was one."""

    path: str
    token: str
    attempt: int
    generation: int
    verdict: Verdict
    ruling: str = ""


class EffectDone(Fact, frozen=True, omit_defaults=True):
    """It happened."""

    path: str
    output: Value = None
    labels: Labels = ()
    undo: Undo | None = None
    cannot_undo: str = ""
    operation: str = ""
    cost_usd_micros: int = 0
    settled: str = ""  # how we know, where the answer was lost at first


class EffectRefused(Fact, frozen=True, omit_defaults=True):
    """It certainly did not happen; tried again at `retry_at_us` when that is given."""

    path: str
    attempt: int
    failure: Failure
    retry_at_us: int | None = None


class EffectUncertain(Fact, frozen=True, omit_defaults=True):
    """It may have happened: sent, or perhaps sent, and no answer."""

    path: str
    attempt: int
    failure: Failure


class EffectAbsent(Fact, frozen=True, omit_defaults=True):
    """An uncertain effect was settled: it did not happen. The generation of its token rises."""

    path: str
    how: str


# --- limits across plans (KERNEL T2)


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


# --- the workspace


class WorkspaceCreated(Fact, frozen=True, omit_defaults=True):
    """The first fact of every ledger."""

    name: str
    mainstay: str  # version that made it


class ClockJumped(Fact, frozen=True, omit_defaults=True):
    """The machine's clock was set by `by_s` seconds while the owner ran; nothing expires for a while (KERNEL P5)."""

    by_s: int


PlanFact: TypeAlias = (
    PlanProposed
    | PlanApproved
    | PlanStarted
    | PlanParked
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
    | StepStarted
    | StepCompleted
    | AttemptFailed
    | RetryDue
    | StepStuck
    | StepFailed
    | StepReopened
    | WaitStarted
    | WaitEnded
    | DecisionAsked
    | DecisionReminded
    | DecisionRuled
    | DecisionExpired
    | DecisionVoided
    | EffectPrepared
    | EffectIntended
    | EffectDone
    | EffectRefused
    | EffectUncertain
    | EffectAbsent
)
BudgetFact: TypeAlias = BudgetReserved | BudgetSettled
AnyFact: TypeAlias = PlanFact | BudgetFact | WorkspaceCreated | ClockJumped


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
