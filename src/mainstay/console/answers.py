"""How answers are written: JSON for programs. Nothing of the machine stands in one, no path and no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.redaction import redacted, redacted_in

if TYPE_CHECKING:
    from mainstay.requests.desk import Params


class Why(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong, what next, and which field of what was sent it is about."""

    message: str
    remedy: str = ""
    field: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """Something is refused, and nothing of it was done."""

    error: Why


def refusal(message: str, remedy: str = "", field: str = "") -> bytes:
    """Write why something is refused."""
    return msgspec.json.encode(Refusal(Why(redacted(message), redacted(remedy), redacted(field))))


def document(content: Params) -> bytes:
    """Write what is told."""
    return msgspec.json.encode(redacted_in(content))
