"""Text from outside, made safe to look at (SECURITY S30).

What can't be seen or turns the reading order is written out. So is a letter that looks like a Latin one but is none,
where it stands among Latin ones: in a word, or anywhere in a mail address. A word in its own letters stays as it is.
"""

from __future__ import annotations

import re
import unicodedata

# Controls, formats (bidirectional marks, zero-width joiners), surrogates, private use, line and paragraph separators.
_WRITTEN_OUT = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_LOOK_ALIKES = frozenset(
    # Cyrillic
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb\u04cf\u0432"
    "\u043a\u043c\u043d\u0442\u0410\u0412\u0415\u0417\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423"
    "\u0425\u0406\u0408\u0405\u04ae\u04c0\u051a\u051c"
    # Greek
    "\u03b1\u03bf\u03bd\u03c1\u03c5\u03b9\u03ba\u03c4\u03b3\u03f2\u03f3\u0391\u0392\u0395\u0396\u0397"
    "\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    # Armenian
    "\u0585\u057d\u0570\u0578\u0581\u0566"
)
_WORD = re.compile(r"[\w.+-]+@[\w.-]+|\w+")
_LATIN = re.compile(r"[A-Za-z]")
_LINES = {ord("\n"): None, ord("\t"): None}


def shown(text: str, *, lines: bool = False) -> str:
    """Give the text whole, with every invisible, reordering or misleading character as `<U+202E>`.

    With `lines`, line feeds and tabs stay as they are.
    """
    misleads = not text.isascii() and not _LOOK_ALIKES.isdisjoint(text)
    if not misleads and (text.translate(_LINES) if lines else text).isprintable():  # nothing that is written out is
        return text
    keep = "\n\t" if lines else ""
    if misleads:
        text = _WORD.sub(_among_latin, text)
    strange = (one for one in set(text).difference(keep) if unicodedata.category(one) in _WRITTEN_OUT)
    return text.translate({ord(one): _written_out(one) for one in strange})


def _written_out(one: str) -> str:
    return f"<U+{ord(one):04X}>"


def _among_latin(word: re.Match[str]) -> str:
    """Write out the letters of a word that look like the Latin ones beside them."""
    if _LATIN.search(word[0]) is None:
        return word[0]
    return "".join(_written_out(one) if one in _LOOK_ALIKES else one for one in word[0])
