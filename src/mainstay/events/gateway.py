"""The way in for tools the operator already has: their tokens, and what was said back to them."""

from __future__ import annotations

from mainstay.events.fact import Fact


class TokenMade(Fact, frozen=True, omit_defaults=True):
    """The operator gave a tool a token. Of the token itself nothing is kept but a keyed digest."""

    name: str
    digest: str
    allowed: tuple[str, ...]  # the operations it may ask for
    at_us: int
    expires_at_us: int | None = None
    callback: str = ""  # where it is told what became of what it asked for
    by: str = "operator"


class TokenRevoked(Fact, frozen=True, omit_defaults=True):
    """The token of this name counts no more."""

    name: str
    by: str = "operator"


class CallbackTried(Fact, frozen=True, omit_defaults=True):
    """A tool was told something, or could not be. `message` is the same at every try, so that it can be known again."""

    message: str  # "k3v9x2m4qa.12": the plan, and the fact that it is about
    attempt: int
    outcome: str  # "delivered", "failed" or "given up"
    why: str = ""
    next_at_us: int = 0  # when it is tried again, after "failed"
