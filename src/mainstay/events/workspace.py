"""The workspace itself."""

from __future__ import annotations

from mainstay.events.fact import Fact


class WorkspaceCreated(Fact, frozen=True, omit_defaults=True):
    """The first fact of every ledger."""

    name: str
    mainstay: str  # version that made it


class ClockJumped(Fact, frozen=True, omit_defaults=True):
    """The machine's clock was set by `by_s` seconds while the owner ran; nothing expires for a while (KERNEL P5)."""

    by_s: int
