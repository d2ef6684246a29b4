"""Agent `qualify_lead`: whether a lead fits, by the owner's own rules, without any model (requirement L6).

The rules are a text of a few lines. Words stand with commas between them and count as whole words:

    wanted: website, landing page     at least one of these has to be in it
    unwanted: casino, gambling        none of these may be in it
    words: 8                          at least so many words

An empty line, and what stands behind `#`, says nothing. It only counts words: the question to the owner shows why.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from mainstay.contracts import AgentContract, AgentResult
from mainstay.errors import FileError
from mainstay.records import Lead
from mainstay.values import PersonalText, say_count

WANTED, UNWANTED, WORDS = "wanted", "unwanted", "words"
HOW = "Write lines such as 'wanted: website, shop', 'unwanted: casino' and 'words: 8'."
MAX_CHARS = 20_000
_SURE, _LIKELY, _UNKNOWN = 0.9, 0.7, 0.5


class Enquiry(msgspec.Struct, frozen=True):
    """A lead and the owner's rules; without rules every lead may fit."""

    lead: Lead
    rules: str = ""


class Qualified(msgspec.Struct, frozen=True):
    """Whether a lead fits, in a word and in a sentence."""

    fit: bool
    label: Literal["fits", "does not fit", "may fit"]
    why: PersonalText


class _Rules(msgspec.Struct):
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    words: int = 0


def qualify_lead(given: Enquiry) -> AgentResult:
    """Hold a lead against the rules. Raises FileError that names the line that is no rule."""
    rules = _read(given.rules)
    brief = given.lead.brief
    unwanted = [word for word in rules.unwanted if _holds(brief, word)]
    wanted = [word for word in rules.wanted if _holds(brief, word)]
    count = len(re.findall(r"\w+", brief))
    if unwanted:
        return _result("does not fit", f"It speaks of {', '.join(unwanted)}.", _SURE)
    if count < rules.words:
        return _result(
            "may fit", f"It has {say_count(count, 'word')}, and {rules.words} are wanted: ask for more.", _UNKNOWN
        )
    if rules.wanted and not wanted:
        return _result("does not fit", f"It speaks of none of: {', '.join(rules.wanted)}.", _LIKELY)
    if wanted:
        return _result("fits", f"It speaks of {', '.join(wanted)}.", _LIKELY)
    return _result("may fit", "There are no rules that say who fits.", _UNKNOWN)


def _result(label: Literal["fits", "does not fit", "may fit"], why: str, confidence: float) -> AgentResult:
    return AgentResult(Qualified(label == "fits", label, why), rationale=why, confidence=confidence)


def _holds(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None


def _read(text: str) -> _Rules:
    if len(text) > MAX_CHARS:
        raise FileError(f"The rules about leads have more than {MAX_CHARS:,} characters.", remedy="Shorten them.")
    rules = _Rules()
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, value = line.partition("#")[0].strip().partition(":")
        name, value = name.strip().lower(), value.strip()
        if not name and not colon:
            continue
        words = tuple(word.strip() for word in value.split(",") if word.strip())
        if name == WORDS and value.isascii() and value.isdigit():
            rules.words = int(value[:6])
        elif name == WANTED and words:
            rules.wanted += words
        elif name == UNWANTED and words:
            rules.unwanted += words
        else:
            raise FileError(f"Line {number} of the rules about leads is none: {line.strip()[:80]!r}.", remedy=HOW)
    return rules


CONTRACT = AgentContract(
    name="qualify_lead",
    summary="See whether a lead fits your rules",
    input=Enquiry,
    output=Qualified,
    where="loop",
    call=qualify_lead,
)
