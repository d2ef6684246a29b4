"""Whether the operator's words speak of an action: a heuristic over the words of its operation (docs/flow.md).

An operation's summary begins with its verb, and says to what: "Send a mail", "Reserve a hotel". The operator spoke of
it when their words hold that verb or one of its kind, and what it is about: a noun of the summary or the name, or the
very thing that an argument with a role decides on. "Pay the bill" speaks of sending money, and not of deleting a file.
Where no argument decides anything, and it can't be taken back, it has to repeat something of the operator's as well.
The words of a kind stand in `office.py`.

It only ever makes the choke point stricter: what nobody spoke of asks. What is spoken of passes the other rules too.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from mainstay.governance.office import HANDING_OUT, NOUNS, RHYTHMS, VERBS, VERBS_KNOWN, WIDE, folded
from mainstay.origins import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.contracts import Operation
    from mainstay.origins import Heard
    from mainstay.values import Value

_EMPTY = frozenset(
    "a an the to of in on for your you with by from its it and or as at into this that one new existing my our".split()
)
_WORD = re.compile(r"[a-z]+")
_TOKEN = re.compile(r"\w+")
_WITH = re.compile(r"\b(?:with|that|and|by|using|which|from)\b")  # what it is about stands before
_FORM = re.compile(
    r"[\"'\u2018\u201c]([^\"'\u2018\u2019\u201c\u201d\n]*\{[^{}\n]+\}[^\"'\u2018\u2019\u201c\u201d\n]*)[\"'\u2019\u201d]"
)
_PLACE = re.compile(r"\{[^{}]+\}")
_LONG_WORD = re.compile(r"[^\W\d_]{4}")
_RUN = 3  # words in a row that are no chance
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ions", "ion", "ies", "ed", "es", "s", "e", "y")
_STEM_CHARS = 3
_AROUND = "\"'.,:;!?()[]"


def foreseen(operation: Operation, heard: Heard, texts: Iterable[Value], *, decided: bool | None) -> bool:
    """Whether the operator's words speak of an operation.

    `decided`: whether they decide all its arguments that have a role, None where it has none; `texts` are the others.
    """
    spoken = _stems(heard.words)
    verbs, nouns = _words_of(operation.name, operation.summary)
    if not spoken & verbs or not (decided or spoken & nouns):
        return False
    if decided is not None or operation.effect == "reversible":
        return True
    return any(_repeats(heard, text) or calls(operation, heard, plain(text)) for text in texts)


def calls(operation: Operation, heard: Heard, name: str) -> bool:
    """Whether the operator's words have a name right behind what the operation is done to: "the mail m1"."""
    _, nouns = _words_of(operation.name, operation.summary)
    return any(stem(before) in nouns for before in _before(heard.words).get(name, ()))


@lru_cache(maxsize=64)
def _before(words: str) -> dict[str, set[str]]:
    """Give what stands right before each word of a text."""
    found: dict[str, set[str]] = {}
    for before, after in pairwise(["", *_TOKEN.findall(folded(words))]):
        found.setdefault(after, set()).add(before)
    return found


def says_word(words: str, word: str) -> bool:
    """Whether the operator's words hold a word as it is, be it of letters and digits."""
    return word in _before(words)


def speaks_of_strangers(heard: Heard) -> bool:
    """Whether the operator's words speak of any of the records that strangers wrote: "the enquiry", "the mail"."""
    strange = (leaf for leaf in heard.leaves if leaf.outside)
    whats = {(leaf.record.gives.what if leaf.record is not None else "") or leaf.label for leaf in strange}
    return any(speaks_of(heard.words, word) for what in whats for word in _WORD.findall(folded(what))[-1:])


def speaks_of(words: str, word: str) -> bool:
    """Whether the operator's words hold a word, or one of its kind; what widens has to stand there by itself."""
    of = stem(word)
    if is_wide(word):
        return not _whole_stems(words).isdisjoint(_kin({of}, (*WIDE, *RHYTHMS)))
    return not _stems(words).isdisjoint(_kin({of}, (*VERBS, *NOUNS)))


def is_wide(word: str) -> bool:
    """Whether a word gives more than one thing to one person, once: "everyone", "owner", "monthly"."""
    return stem(word) in _WIDE


@lru_cache(maxsize=256)
def _whole_stems(text: str) -> frozenset[str]:
    """Give the stems of words that are no part of a name or an address."""
    return frozenset(stem(word) for each in folded(text).split() if (word := each.strip(_AROUND)).isalpha())


@lru_cache(maxsize=1024)
def hands_out(summary: str) -> bool:
    """Whether an operation lets somebody have something, by its verb, and does not only note it down."""
    verbs = {stem(word) for word in _WORD.findall(folded(summary))[:2]}
    return not verbs.isdisjoint(stem(word) for word in HANDING_OUT)


def _repeats(heard: Heard, value: Value) -> bool:
    """Say whether a value is the operator's own, or has some of their words in a row."""
    if heard.says(value):
        return True
    words, own = _TOKEN.findall(str(value).casefold()), _in_a_row(heard.words)
    runs = (" ".join(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1))
    return any(f" {run} " in own for run in runs) or any(form.fullmatch(plain(value)) for form in _forms(heard.words))


@lru_cache(maxsize=64)
def _in_a_row(words: str) -> str:
    return f" {' '.join(_TOKEN.findall(words))} "


@lru_cache(maxsize=256)
def _forms(words: str) -> tuple[re.Pattern[str], ...]:
    """Give the forms that the operator set between quotes, with places in braces: 'Dinner at {name}'."""
    found: list[re.Pattern[str]] = []
    for form in _FORM.findall(words):
        parts = _PLACE.split(form)
        if any(_LONG_WORD.search(part) for part in parts):
            found.append(re.compile(".{1,200}".join(re.escape(part) for part in parts), re.DOTALL))
    return tuple(found)


@lru_cache(maxsize=1024)
def _words_of(name: str, summary: str) -> tuple[frozenset[str], frozenset[str]]:
    """Give the stems that speak of doing it, and of what it is done to."""
    first, *rest = _WORD.findall(_WITH.split(folded(summary))[0]) or [""]
    if first not in VERBS_KNOWN and rest and rest[-1] in VERBS_KNOWN:  # "Geld überweisen"
        first, *rest = rest[-1], first, *rest[:-1]
    acts, *named = _WORD.findall(folded(name).rpartition(".")[2].replace("_", " ")) or [""]
    verbs = {stem(first), stem(acts)}
    nouns = {stem(word) for word in (*rest, *named) if word not in _EMPTY} - {stem(first)}
    return _kin(verbs, VERBS), _kin(nouns, NOUNS)


def _kin(stems: set[str], groups: tuple[str, ...]) -> frozenset[str]:
    found = set(stems)
    for group in groups:
        of_group = {stem(word) for word in group.split()}
        if stems & of_group:
            found |= of_group
    return frozenset(found)


@lru_cache(maxsize=256)
def _stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, _WORD.findall(folded(text))))


def stem(word: str) -> str:
    """Give a word without its ending: "reservation" and "reserve" are the same."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM_CHARS:
            return word[: -len(ending)]
    return word


_WIDE = frozenset(stem(word) for group in (*WIDE, *RHYTHMS) for word in group.split())
