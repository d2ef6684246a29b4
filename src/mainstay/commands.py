"""Every request the kernel accepts.

A command carries all the kernel may not fetch itself: the time, randomness, evaluated expressions, looked-up
contracts (DESIGN rule 2). `now_us` is wall time in microseconds UTC. `path` names a unit of work inside the plan
(see events.py). The runtime makes commands; the operator's requests become commands in the application.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from mainstay.events import Adopted, Undo
from mainstay.values import BlobRef, EffectClass, Failure, Labels, Value, Verdict


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What all commands share."""

    now_us: int


# --- the plan as a whole


class ProposePlan(Command, frozen=True, kw_only=True):
    """Make a plan of a definition with these inputs."""

    definition: BlobRef
    playbook: str
    title: str
    inputs: Value
    given: Value = None
    labels: Labels = ()
    parent: str = ""
    expires_at_us: int | None = None
    keys: tuple[str, ...] = ()
    priority: int = 0


class ApprovePlan(Command, frozen=True, kw_only=True):
    """Let a proposed plan run."""

    by: str
    allowed: int | None = None  # of a part of a long list: how many of its items may still fail


class ForkPlan(Command, frozen=True, kw_only=True):
    """Let a proposed plan adopt what another one did until a step."""

    of: str
    start: str
    adopted: tuple[Adopted, ...] = ()


class EditPlan(Command, frozen=True, kw_only=True):
    """Change what was proposed, before it may run: all of it is given as it shall be."""

    by: str
    inputs: Value
    labels: Labels = ()
    expires_at_us: int | None = None
    keys: tuple[str, ...] = ()
    priority: int = 0


class StartPlan(Command, frozen=True, kw_only=True):
    """The limits that an approved plan waited for have a place for it."""


class PausePlan(Command, frozen=True, kw_only=True):
    """Begin nothing new until it is resumed."""

    by: str
    reason: str = ""


class ResumePlan(Command, frozen=True, kw_only=True):
    """Go on."""

    by: str


class CancelPlan(Command, frozen=True, kw_only=True):
    """End a plan; effects on their way are still followed to their outcome."""

    by: str
    reason: str = ""


class UndoPlan(Command, frozen=True, kw_only=True):
    """Take back what the plan did, or some of it, in reverse order of outcome.

    `steps` names steps, or single paths of them. Of a step with child plans all are taken back, unless some of theirs
    are named as well: "k3v9x2m4qa-a-1/b" is the path b of that one, "k3v9x2m4qa-a-1/" the whole of it.
    """

    by: str
    reason: str = ""
    steps: tuple[str, ...] = ()


class FinishPlan(Command, frozen=True, kw_only=True):
    """All steps ended: what the plan returns, and the ending whose `when` holds, with the steps it takes back."""

    output: Value = None
    ending: str = ""
    undo: tuple[str, ...] = ()
    labels: Labels = ()


class TimerDue(Command, frozen=True, kw_only=True):
    """A timer fired; ignored when it is stale (KERNEL P5)."""

    kind: Literal[
        "retry", "due", "remind", "wait", "expiry", "settle", "dispatch", "confirm", "retry_online", "settle_online"
    ]
    path: str = ""  # a step's path, or a decision's id
    generation: int = 0


# --- steps


class SkipStep(Command, frozen=True, kw_only=True):
    """The step's `when` was false."""

    path: str
    why: str
    labels: Labels = ()


class FreezeItems(Command, frozen=True, kw_only=True):
    """The list a step fans out over, evaluated."""

    path: str
    items: Value
    count: int
    labels: Labels = ()


class StartChildren(Command, frozen=True, kw_only=True):
    """A sub-plan, or the child plans for a long list, were proposed in the same transaction."""

    path: str
    plans: tuple[str, ...]


class FinishChild(Command, frozen=True, kw_only=True):
    """A child plan ended."""

    path: str
    plan: str
    status: str
    output: Value = None
    labels: Labels = ()
    failed: int = 0
    idle: bool = False


class JudgeRound(Command, frozen=True, kw_only=True):
    """Whether a round of a feedback loop is good enough: its `until`, evaluated."""

    path: str
    round: int
    accepted: bool
    labels: Labels = ()


class StartStep(Command, frozen=True, kw_only=True):
    """An agent's attempt begins in a worker process."""

    path: str
    arguments: Value
    labels: Labels = ()


class FinishStep(Command, frozen=True, kw_only=True):
    """An agent answered. `arguments` when it ran in the loop without a start of its own."""

    path: str
    attempt: int
    output: Value
    labels: Labels = ()
    arguments: Value = None
    rationale: str = ""
    confidence: float | None = None
    provenance: tuple[str, ...] = ()


class FailStep(Command, frozen=True, kw_only=True):
    """An attempt failed. `jitter` is a random number in [0, 1) for the backoff."""

    path: str
    attempt: int
    failure: Failure
    jitter: float


class Patience(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long a question waits, from when it is asked: seconds. Unanswered when it is due, the answer is no."""

    remind_s: tuple[int, ...] = ()
    escalate_s: int | None = None
    due_s: int | None = None


PATIENT = Patience()


class AskStep(Command, frozen=True, kw_only=True):
    """The question of an `ask` step, rendered as a card; what it lists under `rows` can be kept one by one."""

    path: str
    card: Value
    labels: Labels = ()
    covers: tuple[str, ...] = ()
    covered: Value = None
    binds: tuple[str, ...] = ()


class WaitStep(Command, frozen=True, kw_only=True):
    """The time a `wait` step waits for, or the event (see events.WaitStarted)."""

    path: str
    until_us: int | None
    event: str = ""
    field: str = ""
    value: str = ""
    labels: Labels = ()


class HearEvent(Command, frozen=True, kw_only=True):
    """The event that a step waits for is there: `event` is the id of its fact."""

    path: str
    event: str
    output: Value
    labels: Labels = ()


# --- effects


class CallEffect(Command, frozen=True, kw_only=True):
    """An agent asks for an action, and waits for its outcome; its entry in the journal is appended beside this."""

    path: str
    operation: str
    arguments: Value
    labels: Labels = ()


class PrepareEffect(Command, frozen=True, kw_only=True):
    """An effect's arguments, resolved, with the verdict of policy and the card it would be asked with.

    It prepares an effect anew that is prepared already, where what that relies on was changed since.
    """

    path: str
    operation: str
    operation_version: int
    effect: EffectClass
    arguments: Value
    digest: str
    verdict: Verdict
    card: Value = None
    account: str = ""
    labels: Labels = ()
    cannot_undo: str = ""
    ruling: str = ""  # the answer that covers it, within its slack
    edited: tuple[str, ...] = ()
    covered: str | None = None  # the place under which a question showed it, "" for none; None: its own
    relies: Value = None  # how what it relies on was found, or has to be
    patience: Patience = PATIENT  # of the question, where it is asked about
    origins: tuple[tuple[str, str], ...] = ()  # of what came from outside content: place, and label with field
    failure: Failure | None = None  # what is said where it is forbidden; None: what the verdict makes of it


class AskBatch(Command, frozen=True, kw_only=True):
    """One question for all the prepared items of a step that wait for it."""

    path: str
    card: Value
    rule: str
    why: str
    patience: Patience = PATIENT


class IntendEffect(Command, frozen=True, kw_only=True):
    """The effect leaves as soon as this is on disk. The verdict is policy's word of this moment."""

    path: str
    token: str
    verdict: Verdict
    operation_version: int | None = None  # of this moment; None: the one it was prepared with
    uncovered: bool = False  # a rule asks now that did not when the ruling was given: it does not cover that
    ways: tuple[str, ...] = ()  # to go on, where a cap stops it: what its question offers
    failure: Failure | None = None  # what is said where it is stopped; None: what the verdict makes of it


class FinishEffect(Command, frozen=True, kw_only=True):
    """It happened; `settled` says how we know, where the answer was lost at first."""

    path: str
    output: Value
    labels: Labels = ()
    undo: Undo | None = None
    cannot_undo: str = ""
    cost_usd_micros: int = 0
    settled: str = ""
    confirm_by_us: int | None = None  # it is read back before anything goes on, seen by then at the latest


class RefuseEffect(Command, frozen=True, kw_only=True):
    """It certainly did not happen."""

    path: str
    failure: Failure
    jitter: float


class LoseEffect(Command, frozen=True, kw_only=True):
    """It may have happened."""

    path: str
    failure: Failure


class SettleAbsent(Command, frozen=True, kw_only=True):
    """An uncertain effect was looked up: it did not happen."""

    path: str
    how: str


class AskSettle(Command, frozen=True, kw_only=True):
    """Nothing but the operator can say whether an uncertain effect happened."""

    path: str
    card: Value
    why: str


class AwaitSettle(Command, frozen=True, kw_only=True):
    """An uncertain effect is looked up later: not yet, or nobody answered (`failure`)."""

    path: str
    until_us: int
    looks: int
    failure: Failure | None = None


class DelayEffect(Command, frozen=True, kw_only=True):
    """What may happen leaves at a time, and can be called back until then."""

    path: str
    until_us: int
    again: bool = False  # its time came outside its hours: it waits for the next ones


class DispatchEffect(Command, frozen=True, kw_only=True):
    """A delayed effect shall leave now, before its time and whatever its hours are."""

    path: str
    by: str


class RecallEffect(Command, frozen=True, kw_only=True):
    """A delayed effect was called back: it will not happen."""

    path: str
    why: str


class ConfirmEffect(Command, frozen=True, kw_only=True):
    """What happened was read back, and is as it should be."""

    path: str
    how: str


class MissEffect(Command, frozen=True, kw_only=True):
    """What happened can't be seen yet where it is read back; asked again then."""

    path: str
    again_at_us: int
    known: str = ""


class AskConfirm(Command, frozen=True, kw_only=True):
    """What was read back is not as it should be, or can't be seen: the operator looks."""

    path: str
    card: Value
    why: str


class UndoStep(Command, frozen=True, kw_only=True):
    """The child plan behind a step was undone, or one outcome can't be taken back."""

    path: str
    why: str = ""  # empty: it was taken back
    left: tuple[str, ...] = ()  # items of it that could not be


# --- decisions


class Rule(Command, frozen=True, kw_only=True):
    """A person's answer to a question. `binds` must equal what the question bound: exactly what was shown."""

    decision: str
    choice: str
    by: str
    binds: tuple[str, ...] | None = None
    reason: str = ""
    kept: tuple[int, ...] | None = None
    rows: Value = None  # of the card's, those that are kept
    arguments: Value = None  # edited ones, for a stuck step tried again
    session: str = ""
    form: Value = None
    prepared: tuple[PrepareEffect, ...] = ()  # the actions as the operator edited them
    until_us: int | None = None  # when the budget begins anew, for what waits for that


class SnoozeQuestion(Command, frozen=True, kw_only=True):
    """Put a question off: it is not among what waits until then, and due when it was."""

    decision: str
    until_us: int
    by: str


class NoteQuestion(Command, frozen=True, kw_only=True):
    """Note something on a question; nothing follows from it."""

    decision: str
    text: str
    by: str


PlanCommand: TypeAlias = (
    ProposePlan
    | ApprovePlan
    | ForkPlan
    | EditPlan
    | StartPlan
    | PausePlan
    | ResumePlan
    | CancelPlan
    | UndoPlan
    | TimerDue
    | SkipStep
    | FreezeItems
    | StartChildren
    | FinishChild
    | JudgeRound
    | FinishPlan
    | StartStep
    | FinishStep
    | FailStep
    | AskStep
    | WaitStep
    | HearEvent
    | CallEffect
    | PrepareEffect
    | AskBatch
    | IntendEffect
    | FinishEffect
    | RefuseEffect
    | LoseEffect
    | SettleAbsent
    | AskSettle
    | AwaitSettle
    | DelayEffect
    | DispatchEffect
    | RecallEffect
    | ConfirmEffect
    | MissEffect
    | AskConfirm
    | UndoStep
    | Rule
    | SnoozeQuestion
    | NoteQuestion
)
