"""Agent `classify_reply`: what a customer says of a delivery, by the words they use, without any model (L6).

Only the part above the quoted mail counts. Words of two kinds, a "not" before them, or none at all: unclear, and then
the owner reads it. So it errs towards asking: of a plain yes it is sure, of nothing else.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

import msgspec

from mainstay.contracts import AgentContract, AgentResult
from mainstay.values import PersonalText

Label: TypeAlias = Literal["accepted", "changes", "unhappy", "unclear", "none"]
Plain: TypeAlias = Literal["accepted", "changes", "unhappy"]

# As people write them, in English and German; whole words, in the order in which they are looked for.
WORDS: dict[Plain, tuple[str, ...]] = {
    "unhappy": (
        "refund", "money back", "cancel", "unhappy", "disappointed", "not satisfied", "not happy", "unacceptable",
        "lawyer", "geld zurück", "unzufrieden", "enttäuscht", "storno",
    ),
    "changes": (
        "change", "changes", "could you", "can you", "please add", "please remove", "instead", "rework", "revise",
        "revision", "fix", "adjust", "almost", "one more", "except", "ändern", "änderung", "änderungen", "bitte noch",
        "anpassen", "könnten sie", "stattdessen",
    ),
    "accepted": (
        "accepted", "accept", "approved", "perfect", "great", "looks good", "love it", "happy with", "well done",
        "go ahead", "fine", "passt", "super", "perfekt", "abgenommen", "einverstanden", "freigegeben",
    ),
}  # fmt: skip
_QUOTED = re.compile(r"^(?:>|On .{0,200}wrote:\s*$|Am .{0,200}schrieb|-{2,}\s*Original|From:\s|Von:\s)", re.MULTILINE)
_NOT = re.compile(r"\b(?:not|never|no|isn't|doesn't|don't|can't|nicht|kein|keine)\W+(?:\w+\W+){0,2}$", re.IGNORECASE)
_AWAY = re.compile(r"\b(?:out of (?:the )?office|automatic reply|abwesenheit|auto-?reply)\b", re.IGNORECASE)
_SURE, _LIKELY, _UNKNOWN = 0.9, 0.7, 0.3


class Reply(msgspec.Struct, frozen=True):
    """What came back; an empty text is no answer."""

    text: PersonalText
    subject: PersonalText = ""


class Judged(msgspec.Struct, frozen=True):
    """What the answer is, and the words it was told by."""

    label: Label
    words: PersonalText


def classify_reply(given: Reply) -> AgentResult:
    """Say what an answer means."""
    text = _own(given.text)
    if not text:
        return AgentResult(Judged("none", ""), rationale="There is no answer to read.", confidence=_SURE)
    if _AWAY.search(f"{given.subject}\n{text}"):
        return AgentResult(Judged("unclear", ""), rationale="It looks like an automatic reply.", confidence=_UNKNOWN)
    found: dict[Label, list[str]] = {label: _found(text, label) for label in WORDS}
    kinds: list[Label] = [label for label, words in found.items() if words]
    words = ", ".join(word for label in kinds for word in found[label])
    if kinds == ["accepted"] and not _NOT.search(text) and "?" not in text:
        return AgentResult(Judged("accepted", words), rationale=f"It says {words}.", confidence=_SURE)
    if kinds and "accepted" not in kinds and len(kinds) == 1:
        return AgentResult(Judged(kinds[0], words), rationale=f"It says {words}.", confidence=_LIKELY)
    why = f"It says {words}, which is not clear together." if words else "None of its words tell."
    return AgentResult(Judged("unclear", words), rationale=why, confidence=_UNKNOWN)


def _found(text: str, label: Plain) -> list[str]:
    return [word for word in WORDS[label] if _says(text, word, plain=label != "accepted")]


def _own(text: str) -> str:
    """Give what stands above the quoted mail."""
    quoted = _QUOTED.search(text)
    return (text[: quoted.start()] if quoted else text).strip()


def _says(text: str, word: str, *, plain: bool) -> bool:
    """Whether a word is there; of a yes, not behind a "not"."""
    places = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)]
    return any(plain or not _NOT.search(text[:place]) for place in places)


CONTRACT = AgentContract(
    name="classify_reply",
    summary="Read what the customer says of it",
    input=Reply,
    output=Judged,
    where="loop",
    call=classify_reply,
)
