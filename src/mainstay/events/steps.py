"""The work of steps: attempts, lists, child plans, waits."""

from __future__ import annotations

from mainstay.events.fact import Fact
from mainstay.values import Failure, Labels, Value


class StepSkipped(Fact, frozen=True, omit_defaults=True):
    """The step did not run and will not."""

    path: str
    why: str
    labels: Labels = ()  # of what its condition read


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
    """A sub-plan began, or a long list was split over child plans of at most 100 items each."""

    path: str
    plans: tuple[str, ...]


class ChildFinished(Fact, frozen=True, omit_defaults=True):
    """A child plan ended; `output` is what it returned, or the list of results of a part of a long list."""

    path: str
    plan: str
    status: str
    output: Value = None
    labels: Labels = ()
    failed: int = 0  # items of that part that failed within the allowance
    idle: bool = False  # nothing it did stands outside: an undo has nothing to do with it


class RoundJudged(Fact, frozen=True, omit_defaults=True):
    """A round of a feedback loop was held against its `until`."""

    path: str
    round: int
    accepted: bool
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


class StepRevised(Fact, frozen=True, omit_defaults=True):
    """An agent's step begins anew with what a person said of what it made, shown to them under `because`.

    That other step is as if it had never begun: it waits for the new result.
    """

    path: str
    because: str
    said: str


class StepReopened(Fact, frozen=True, omit_defaults=True):
    """A stuck step is tried again; `arguments` when the operator edited them."""

    path: str
    arguments: Value = None
    edited: bool = False
    anew: bool = False  # of an agent: with an empty journal, from the very start


class WaitStarted(Fact, frozen=True, omit_defaults=True):
    """The step sleeps until a time, or until an event from outside, at the latest until that time.

    `field` and `value` say which field of the event has to be what: the value stands as a keyed digest, because it
    may be about a person.
    """

    path: str
    until_us: int | None
    event: str = ""  # "mail.received"
    field: str = ""
    value: str = ""
    labels: Labels = ()  # of what led to it: also what ends it carries them


class WaitEnded(Fact, frozen=True, omit_defaults=True):
    """The time came, or the event: then `event` is the id of its fact, and `output` its content."""

    path: str
    event: str = ""
    output: Value = None
    labels: Labels = ()
