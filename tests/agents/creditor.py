"""Makes ISO 11649 references, by trying check digits until they are right."""

from __future__ import annotations

from mainstay.agents.references import compact, is_creditor_reference


def creditor_reference(payload: str) -> str:
    """Make the reference of a payload of at most 21 letters and digits."""
    plain = compact(payload)
    return next(made for digits in range(2, 99) if is_creditor_reference(made := f"RF{digits:02d}{plain}"))
