"""How answers are written: JSON for programs. Nothing of the machine stands in one, no path and no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.redaction import redacted, redacted_in

if TYPE_CHECKING:
    from mainstay.requests.desk import Params


def refusal(message: str, remedy: str = "", field: str = "") -> bytes:
    """Write why something is refused."""
    said = {"message": redacted(message), "remedy": redacted(remedy), "field": field}
    return msgspec.json.encode({"error": {name: text for name, text in said.items() if text}})


def document(content: Params) -> bytes:
    """Write what is told."""
    return msgspec.json.encode(redacted_in(content))
