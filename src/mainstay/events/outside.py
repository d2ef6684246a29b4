"""What happens outside: each occurrence is a stream of its own, so that it is recorded once (KERNEL T1)."""

from __future__ import annotations

from mainstay.events.fact import Fact
from mainstay.values import Labels, Value


class EventReceived(Fact, frozen=True, omit_defaults=True):
    """Something came from outside. Plans that waited for it, and those it starts, move in the same transaction."""

    event: str  # "mail.received"
    source: str  # "folder:inbox/mail"
    occurrence: str  # keyed digest of what names it for its source, such as path and content
    body: Value
    labels: Labels = ()
    not_started: tuple[str, ...] = ()  # playbooks it should have started, but what they begin with can't be worked out
