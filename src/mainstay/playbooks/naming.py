"""What names look like: of steps, inputs and results, and of the record types that are made of them."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z][a-z0-9_]*")
# Words that mean something in expressions, so that nothing can be called so.
CEL_WORDS = (
    "true false null in as break const continue else for function if import let loop package namespace return var void"
    " while type int uint double bool string bytes list map dyn timestamp duration null_type optional_type optional"
    " google mainstay size has all exists filter"
).split()


def record_name(name: str) -> str:
    """Make the name of a record type of any name."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII).lower()
    return plain if plain[:1].isalpha() else f"x_{plain}"
