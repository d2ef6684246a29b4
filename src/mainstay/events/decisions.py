"""Questions and answers."""

from __future__ import annotations

from typing import Literal, TypeAlias

from mainstay.events.fact import Fact
from mainstay.values import Labels, Value

DecisionKind: TypeAlias = Literal["ask", "effect", "batch", "stuck", "settle", "confirm"]


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
    covers: tuple[str, ...] = ()  # paths of later actions that a yes approves in one go; `binds` are their digests
    covered: Value = None  # by path: operation, version, account and arguments as they were shown
    escalate_at_us: int | None = None  # unanswered by then it comes before all others, whatever the attention budget


class DecisionReminded(Fact, frozen=True, omit_defaults=True):
    """The person was reminded; `index` counts the reminders of this question."""

    decision: str
    index: int


class DecisionSnoozed(Fact, frozen=True, omit_defaults=True):
    """The person put it off: it is not shown among what waits until then. It is due when it was due."""

    decision: str
    until_us: int
    by: str


class DecisionNoted(Fact, frozen=True, omit_defaults=True):
    """The person noted something on it, for themselves or for who looks next; nothing follows from it."""

    decision: str
    text: str
    by: str


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
    form: Value = None  # what the person filled in
    binds: tuple[str, ...] = ()  # after an edit: the digests that the yes is for


class DecisionExpired(Fact, frozen=True, omit_defaults=True):
    """Nobody answered in time, which means no."""

    decision: str


class DecisionVoided(Fact, frozen=True, omit_defaults=True):
    """The question no longer matters, because its plan ended."""

    decision: str
    why: str
