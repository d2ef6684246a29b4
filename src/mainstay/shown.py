"""Text from outside, made safe to look at: what can't be seen or turns the reading order is written out."""

from __future__ import annotations

import unicodedata

# Controls, formats (bidirectional marks, zero-width joiners), surrogates, private use, line and paragraph separators.
_WRITTEN_OUT = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def shown(text: str, *, lines: bool = False) -> str:
    """Give the text whole, with every invisible or reordering character as `<U+202E>`.

    With `lines`, line feeds and tabs stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    keep = "\n\t" if lines else ""
    return "".join(one if one in keep else _shown_one(one) for one in text)


def _shown_one(one: str) -> str:
    return f"<U+{ord(one):04X}>" if unicodedata.category(one) in _WRITTEN_OUT else one
