"""What an agent called inside one step (KERNEL J1): a stream of its own for each step that calls anything.

An entry's key is its scope, operation, arguments, and which time they are asked for there; of a tool call it is the
model's response and the index in it. Arguments are compared as they read, so that no digest of them is kept.
"""

from __future__ import annotations

from mainstay.events.fact import Fact
from mainstay.values import Failure, Labels, Value


class JournalOpened(Fact, frozen=True, omit_defaults=True):
    """An agent calls something for the first time, in this version and on these arguments."""

    path: str
    agent: str
    agent_version: str
    arguments: Value = None


class Journaled(Fact, frozen=True, omit_defaults=True):
    """One call with its answer, on disk before the agent has it. Of an action it names the place of its moves."""

    path: str
    scope: str  # "" the agent's own, "/0.2" the third branch of its first gather, "/name" a named one
    operation: str
    arguments: Value = None
    output: Value = None
    failure: Failure | None = None
    labels: Labels = ()
    cost_usd_micros: int = 0
    call: str = ""  # of an action: the path where the plan's facts tell what became of it
    tool: str = ""  # of a tool call: "response/index"
    spent_ms: int = 0  # of the agent's time, until then


class JournalRetried(Fact, frozen=True, omit_defaults=True):
    """An attempt of the agent failed; the next has its full time, and calls these entries again, by their numbers."""

    path: str
    entries: tuple[int, ...] = ()
