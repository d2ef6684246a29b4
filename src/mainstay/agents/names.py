"""Names: how far a payer's name and a customer's are the same.

Banks cut names, drop accents, write Cyrillic and Greek in Latin letters, put the family name first; legal forms come
and go. Names are compared word by word, each word once, weighted by its length (a Dice coefficient over letters); a
word counts when it is equal, an initial, or long and nearly equal. Two people who share a family name are not one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Words: TypeAlias = "tuple[str, ...]"

SAME = 0.97
ALIKE = 0.88
NEAR = 0.78
FAINT = 0.5

FUZZY_FROM = 6  # shorter words must be equal
FUZZY_RATIO = 85.0
JOINED_RATIO = 94.0
JOINED_FROM = 9
CUT_FROM = 18  # banks cut names at 27, 35 or 70 characters; shorter ones are not taken for cut
INITIAL_WEIGHT = 0.7
SUBSET_CAP = 0.86  # "Nordwind" and "Nordwind Logistik" may be two companies

_SPECIAL = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "a", "œ": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "&": " "}
)
# ISO 9 and ELOT 743, simplified the way banks write them.
_LETTERS = str.maketrans(
    "абвгдеёзийклмнопрстуфыэії" + "ґαβγδεζηικλμνξοπρστυφωσς", "abvgdeeziiklmnoprstufyeii" + "gavgdeziiklmnxoprstyfoss"
)
_SOUNDS = str.maketrans(
    {
        "ж": "zh",
        "\u0445": "kh",
        "ц": "ts",
        "ч": "ch",
        "ш": "sh",
        "щ": "shch",
        "ь": "",
        "ъ": "",
        "ю": "iu",
        "я": "ia",
        "є": "ie",
    }
    | {"θ": "th", "χ": "ch", "ψ": "ps"}
)
LEGAL = frozenset(
    "gmbh mbh ag kg ohg gbr ug eg ev kgaa haftungsbeschrankt co cie inc incorporated corp corporation llc llp lp ltd"
    " limited plc sa sas sarl eurl sasu srl srls spa snc sl slu bv nv vof cv ab hb oy oyj as asa aps is oo ooo oao zao"
    " ao tov doo dd sro zoo spzoo spolka sp z o kft zrt bt nyrt eood ad ead kk pty pte bhd company und un u and et e y"
    " og och van der den de la le mr mrs ms herr frau dr prof the".split()
)
_UMLAUT = re.compile("([aou])e")
_WORD = re.compile(r"[^\W_]+")


def words_of(name: str) -> Words:
    """Give a name's telling words, in lower Latin letters without accents; empty when none can be compared."""
    plain = unicodedata.normalize("NFKC", name).lower().translate(_SPECIAL)
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    plain = plain.translate(_LETTERS).translate(_SOUNDS).replace(".", "" if _dotted(plain) else " ").replace("'", "")
    words = [_UMLAUT.sub(r"\1", word) for word in _WORD.findall(plain) if word.isascii()]
    telling = tuple(word for word in words if word not in LEGAL)
    return telling or tuple(words)


def similarity(left: Words, right: Words) -> float | None:
    """Say how far two names are one, 0 to 1; None when either has nothing to compare."""
    if not left or not right:
        return None
    if sorted(left) == sorted(right):
        return 1.0
    return max(_word_by_word(left, right), _joined(left, right))


def _dotted(plain: str) -> bool:
    return re.search(r"\b\w\.\w\.", plain) is not None


def _word_by_word(left: Sequence[str], right: Sequence[str]) -> float:
    shorter, longer = sorted((left, right), key=lambda words: (len(words), words))
    free = list(longer)
    shared = 0.0
    for word in shorter:
        best = max(free, key=lambda other: (_weight(word, other), other), default="")
        weight = _weight(word, best) if best else 0.0
        if weight:
            free.remove(best)
            shared += weight
    total = (sum(map(len, left)) + sum(map(len, right))) / 2
    dice = min(shared / total, 1.0)
    contained = shared >= 0.99 * sum(map(len, shorter)) and sum(map(len, shorter)) >= FUZZY_FROM
    return max(dice, min(SUBSET_CAP, 0.7 + dice / 4)) if contained else dice


def _weight(word: str, other: str) -> float:
    """Give the letters two words share: all, nearly all, or an initial's worth."""
    if word == other:
        return float(len(word))
    mean = (len(word) + len(other)) / 2
    if min(len(word), len(other)) == 1 and word[0] == other[0]:
        return mean * INITIAL_WEIGHT
    if min(len(word), len(other)) < FUZZY_FROM:
        return 0.0
    ratio = _ratio(word, other)
    return mean * ratio / 100 if ratio >= FUZZY_RATIO else 0.0


def _joined(left: Sequence[str], right: Sequence[str]) -> float:
    """Compare without spaces: for names cut by the bank, and for "Nord Wind" against "Nordwind"."""
    one, other = "".join(left), "".join(right)
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= CUT_FROM and longer.startswith(shorter):
        return 0.95
    if len(shorter) < JOINED_FROM or len(left) == len(right):
        return 0.0
    ratio = _ratio(one, other)
    return ratio / 100 if ratio >= JOINED_RATIO else 0.0


def _ratio(one: str, other: str) -> float:
    from rapidfuzz import fuzz

    return fuzz.ratio(one, other)
