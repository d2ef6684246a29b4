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


class MailBounced(Fact, frozen=True, omit_defaults=True):
    """A mail server said that a mail which an action sent did not arrive; caused by the notice that came.

    Its stream is named by the plan; the plan itself moves on nothing of it. It holds no words of a stranger and nothing
    about a person: the notice lies where the operator put it.
    """

    path: str  # of the action, in the plan of the envelope
    final: bool  # it won't arrive; else it is delayed, and may still
    code: str = ""  # of the server, such as 5.1.1 (RFC 3463)
