"""What names look like: of steps, inputs and results, and of the record types that are made of them."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z][a-z0-9_]*")


def record_name(name: str) -> str:
    """Make the name of a record type of any name."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII).lower()
    return plain if plain[:1].isalpha() else f"x_{plain}"
