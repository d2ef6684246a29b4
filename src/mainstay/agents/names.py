"""Names: how far a payer's name and a customer's are the same.

Banks cut names, drop accents, write Cyrillic and Greek in Latin letters, put the family name first; legal forms and
titles come and go; what stands behind "c/o" is somebody else. Names are compared word by word, each word once,
weighted by its length (a Dice coefficient over letters); a word counts when it is equal, an initial, or long and nearly
equal. Two people who share a family name are not one. Chinese, Japanese, Korean and other scripts are compared as they
are, and with nothing but themselves.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, TypeAlias

import msgspec

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
BANK_WIDTH = 26  # banks cut names at 27 and later; a blank at the end is lost
OTHER_NUMBER_CAP = 0.69  # "WEG Hauptstrasse 12" and "WEG Hauptstrasse 14" are two
SUBSET_CAP = 0.86  # "Nordwind" and "Nordwind Logistik" may be two companies

_SPECIAL = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "a", "œ": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "&": " "}
)
# ISO 9 and ELOT 743, simplified the way banks write them; "y" and "i" are one letter in the end.
_LETTERS = str.maketrans(
    "абвгдеёзийклмнопрстуфыэіїўјљњћђѓќ" + "ґαβγδεζηικλμνξοπρστυφωσς",
    "abvgdeeziiklmnoprstufieiiujlncdgk" + "gavgdeziiklmnxoprstifoss",
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
        "џ": "dz",
        "\u0455": "dz",
    }
    | {"θ": "th", "χ": "ch", "ψ": "ps"}
)
_GREEK = (
    ("\u03bf\u03c5", "ou"),
    ("\u03b1\u03c5", "av"),
    ("\u03b5\u03c5", "ev"),
    ("\u03b3\u03b3", "ng"),
    ("\u03bc\u03c0", "b"),
)
LEGAL = frozenset(
    "gmbh mbh ag kg ohg gbr ug eg ev eu keg og kgaa partg partgmbb mbb ewiv haftungsbeschrankt co cie inc"
    " incorporated corp corporation llc llp lp pllc ltd limited plc cic sa sas sasu sarl eurl scop sci snc spa srl"
    " srls sapa sl slu sll scp lda unipessoal bv nv vof cv bvba sprl ab hb kb oy oyj ky tmi as asa ans aps is ks ivs"
    " ps oo ooo oao zao pao ao tov doo jdoo dd sro spol zoo spzoo spolka spj sp z o kft zrt bt nyrt kkt eood ood ad"
    " ead et kk gk yk pty pte bhd sdn sia uab ou sti anonim sirketi epe ike oe company und un u and e y och i kai van"
    " der den de la le mr mrs ms miss herr frau dr med prof dipl ing mag dott dottssa sig sra the inhaber inh".split()
)
FORMS_OF_COMPANIES = frozenset(
    "gmbh ag kg ohg gbr ug eg ev se kgaa partg ltd plc llc llp inc corp sa sas sarl srl spa bv nv ab oy as asa aps"
    " kft zrt doo sro pty".split()
)
SAME_FORM = {"mbh": "gmbh", "limited": "ltd", "incorporated": "inc", "corporation": "corp"}
CUT_LEGAL = ("haftungsbeschrankt", "incorporated", "corporation", "limited", "company")  # banks cut these first
CUT_LEGAL_FROM = 3
FORMS = re.compile(r"株式会社|有限会社|合同会社|有限责任公司|股份有限公司|有限公司|주식회사|유한회사|[(][株有주][)]")
CARE_OF = re.compile(r"\b(?:c/o|z\.? ?hd\.?|zhd|att[n:.]|t/a|d/b/a)(?=[\s.:]).*", re.IGNORECASE | re.DOTALL)
_SLASHED = re.compile(r"\b([akip])/s\b")
_UMLAUT = re.compile("([aou])e|(a)a")
_FORMS_PLAIN = LEGAL | {form.replace("y", "i") for form in LEGAL}
_WORD = re.compile(r"[^\W_]+")


def words_of(name: str) -> Words:
    """Give a name's telling words: in lower Latin letters without accents where that is possible, else as they are."""
    words = all_words_of(name)
    telling = [word for word in words if word not in _FORMS_PLAIN]
    if len(telling) > 1 and len(name) >= CUT_FROM and len(telling[-1]) >= CUT_LEGAL_FROM:
        telling = telling[:-1] if any(form.startswith(telling[-1]) for form in CUT_LEGAL) else telling
    return tuple(telling or words)


def all_words_of(name: str) -> Words:
    """Give all words of a name, legal forms and titles too, written as `words_of` writes them."""
    plain = FORMS.sub(" ", unicodedata.normalize("NFKC", name))
    plain = (CARE_OF.sub("", plain).strip() or plain).lower().translate(_SPECIAL)
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    plain = _SLASHED.sub(r"\1s", plain)
    for pair, sound in _GREEK if not plain.isascii() else ():
        plain = plain.replace(pair, sound)
    plain = plain.translate(_LETTERS).translate(_SOUNDS).replace(".", "" if _dotted(plain) else " ").replace("'", "")
    words = [_UMLAUT.sub(r"\1\2", word).replace("y", "i") for word in _WORD.findall(plain)]
    return tuple(unicodedata.normalize("NFC", word) for word in words)


class Folded(msgspec.Struct, frozen=True):
    """A name made ready to be held against others for being the same beyond doubt."""

    telling: tuple[str, ...]  # sorted
    joined: str
    whole: tuple[str, ...]  # sorted, legal forms and titles too
    forms: frozenset[str]
    length: int


def fold(name: str) -> Folded:
    """Make a name ready for `is_same`."""
    telling, whole = words_of(name), all_words_of(name)
    forms = frozenset(SAME_FORM.get(word, word) for word in whole) & FORMS_OF_COMPANIES
    return Folded(tuple(sorted(telling)), "".join(telling), tuple(sorted(whole)), forms, len(name.strip()))


def is_same(payer: Folded, name: Folded) -> bool:
    """Say whether two names are one beyond doubt: the same words in any order, or cut by the bank, and no two forms.

    "Nordwind" may be short for "Nordwind GmbH"; "Nordwind AG" is another company.
    """
    if payer.telling != name.telling and not (payer.joined and name.joined.startswith(payer.joined)):
        return False
    if payer.forms and name.forms and payer.forms.isdisjoint(name.forms):
        return False
    cut = payer.length >= BANK_WIDTH and not payer.joined[-1:].isdigit()
    return payer.telling == name.telling or payer.joined == name.joined or cut


def similarity(left: Words, right: Words) -> float | None:
    """Say how far two names are one, 0 to 1; None when either has nothing to compare."""
    one, other = _comparable(left, right)
    if not one or not other:
        return None
    likeness = 1.0 if sorted(one) == sorted(other) else max(_word_by_word(one, other), _joined(one, other))
    if likeness >= OTHER_NUMBER_CAP and _other_numbers(one, other):
        likeness = OTHER_NUMBER_CAP
    part = len(one) + len(other) < len(left) + len(right)  # the rest is in another script
    return (likeness if likeness >= FAINT and max(map(len, one)) >= FUZZY_FROM else None) if part else likeness


def _comparable(left: Words, right: Words) -> tuple[Words, Words]:
    """Leave out words in a script that the other name has no word in: they can't be held against anything."""
    if all(map(str.isascii, (*left, *right))):
        return left, right
    scripts = {word.isascii() for word in left} & {word.isascii() for word in right}
    one, other = (tuple(word for word in words if word.isascii() in scripts) for words in (left, right))
    return one, other


def _other_numbers(left: Words, right: Words) -> bool:
    numbers, others = ({word for word in words if _is_numeral(word)} for words in (left, right))
    return bool(numbers) and bool(others) and numbers != others


def _is_numeral(word: str) -> bool:
    """Say whether a word is a number: "12", "2a", "iii"."""
    return word[0].isdigit() or (len(word) > 1 and set(word) <= set("ivx"))


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
