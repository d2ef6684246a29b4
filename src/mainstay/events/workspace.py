"""The workspace itself."""

from __future__ import annotations

from typing import Literal

from mainstay.events.fact import Fact


class WorkspaceCreated(Fact, frozen=True, omit_defaults=True):
    """The first fact of every ledger."""

    name: str
    mainstay: str  # version that made it


class PersonForgotten(Fact, frozen=True, omit_defaults=True):
    """The keys of a person were destroyed: what was about them can't be read any more. A receipt without a name (M7).

    `texts` are the keys of texts about several people that went with them, `files` those of files they stood in, and
    `kept` those of such files that the operator kept.
    """

    id: str
    by: str
    at_us: int
    keys: tuple[str, ...]
    values: int = 0  # in facts and stored values
    plans: int = 0
    texts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


class ClockJumped(Fact, frozen=True, omit_defaults=True):
    """The machine's clock was set by `by_s` seconds while the owner ran; nothing expires for a while (KERNEL P5)."""

    by_s: int
    grace_s: int = 900


class WorkspaceQuarantined(Fact, frozen=True, omit_defaults=True):
    """The history is not where or what it was when Mainstay last left it: nothing may begin any more (KERNEL L6)."""

    reason: str


class EffectReleased(Fact, frozen=True, omit_defaults=True):
    """The operator's word on one effect that may have happened after the copy was made; in a stream of its plan's."""

    path: str
    answer: str  # "happened", "did_not_happen" or "run"


class WorkspaceReleased(Fact, frozen=True, omit_defaults=True):
    """The operator looked at every effect in doubt; work goes on from here."""

    by: str
    effects: int = 0  # those that were answered for
    cancelled: tuple[str, ...] = ()  # plans that were ended instead of going on


class HistoryAnchored(Fact, frozen=True, omit_defaults=True):
    """The operator was given this position and digest to keep outside (KERNEL L7).

    `places` of mainstay.toml that took it, and those that were to take it and did not: "file", "git", "mail". Without
    either it was given into the operator's own hand.
    """

    position: int
    digest: str
    places: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()


class OperatorTold(Fact, frozen=True, omit_defaults=True):
    """The operator was told unasked that something waits: one message, in a stream of the company's day (G10).

    `until_us`: what came up to then was told, or waits for the summary of the day. `causes` are the groups of what is
    stuck that this was about. `ways` took the message; the screen of the service always does, and is not named.
    "again" is what waits, told by a way that did not take the message before; "warned" says that little is left of a
    budget, or that a throttle paused a playbook.
    """

    sort: Literal["asked", "reminded", "escalated", "due", "stuck", "summary", "again", "warned"]
    until_us: int
    count: int  # questions it was about
    causes: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()  # "mail", "command"
    missed: tuple[str, ...] = ()  # those of them that did not take it


class NetworkLost(Fact, frozen=True, omit_defaults=True):
    """The machine has no network: what needs one waits, and no attempt is counted."""


class NetworkBack(Fact, frozen=True, omit_defaults=True):
    """The network is back; so many actions that waited for it go on."""

    waiting: int = 0
