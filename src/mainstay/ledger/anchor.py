"""A line that the operator keeps outside, and that the history can be held against for ever (KERNEL L7).

    mainstay-anchor 2 <workspace> <position> <digest> <moment, UTC> <public key> <signature> <check>

Who has the key can cut the end of a history, put an old one back, or compute every digest anew: inside it nothing
shows that. Against a line in another file, a mail or on paper it does. The signature (`signing`) says which workspace
gave the line out, so that nobody slips another one among those the operator keeps. `check` is over the rest, against
typing errors. Lines of format 1 have no key and no signature: those of before, and those inside a signed receipt.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import InputError
from mainstay.events import HistoryAnchored
from mainstay.ledger.chain import Mark
from mainstay.ledger.signing import fingerprint, is_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mainstay.events import Recorded
    from mainstay.ledger.signing import SigningKey

WORD = "mainstay-anchor"
_FIRST_US = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000  # no history is older
_UNSIGNED, _SIGNED = "1", "2"
_WORDS = {_UNSIGNED: 7, _SIGNED: 9}  # of a line, by its format
_CHECK_BYTES = 4
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BEGIN = re.compile(rf"{WORD}(?=[\s>]+[0-9a-z]\s)")
_KIND = b"mainstay anchor 1\n"  # what is signed begins so


class Anchor(msgspec.Struct, frozen=True):
    """One place in one history, and when it was given out. `digest`, `key` and `signature` are in hex."""

    workspace: str
    position: int
    digest: str
    at_us: int
    key: str = ""  # who signed it; empty for nobody
    signature: str = ""

    @property
    def name(self) -> str:
        """What the operator calls it."""
        return f"your anchor of {self.when}"

    @property
    def mark(self) -> Mark:
        """What verifying holds against the chain."""
        return Mark(self.name, self.position, self.digest)

    @property
    def when(self) -> str:
        """The moment, as it stands in the line."""
        return datetime.fromtimestamp(self.at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Kept(msgspec.Struct, frozen=True):
    """What the operator kept: anchors that count, those that this workspace did not give out and why, broken lines."""

    anchors: tuple[Anchor, ...]
    forged: tuple[tuple[Anchor, str], ...] = ()
    broken: tuple[str, ...] = ()  # a sentence for each line that is not as it was given out, beside others that are

    @property
    def newest(self) -> Anchor | None:
        """The one that reaches furthest."""
        return max(self.anchors, key=lambda one: one.position, default=None)


def sign(anchor: Anchor, key: SigningKey) -> Anchor:
    """Sign an anchor."""
    named = msgspec.structs.replace(anchor, key=key.public)
    return msgspec.structs.replace(named, signature=key.sign(_KIND + _said(named).encode()))


def line_of(anchor: Anchor) -> str:
    """Write an anchor as the operator keeps it."""
    said = _said(anchor) + (f" {anchor.signature}" if anchor.signature else "")
    return f"{said} {_check(said)}"


def _said(anchor: Anchor) -> str:
    """Write what is signed, or all of one that is not."""
    form, key = (_SIGNED, f" {anchor.key}") if anchor.key else (_UNSIGNED, "")
    return f"{WORD} {form} {anchor.workspace} {anchor.position} {anchor.digest} {anchor.when}{key}"


def read_anchors(texts: Iterable[str], workspace: str, key: str = "") -> Kept:
    """Read every anchor of some texts, which may be whole mails; `key` is the workspace's public key, in hex.

    Raises InputError when there is none that can be read, or when all of them are of other workspaces.
    """
    found: dict[Anchor, None] = {}
    broken: dict[str, InputError] = {}
    for text in texts:
        for begin in _BEGIN.finditer(text):
            try:
                found[_read(text[begin.start() :])] = None
            except InputError as error:
                broken[error.message] = error
    if not found:
        nothing = InputError(
            "There is no anchor in it.", remedy="Give the line that `mainstay history anchor` printed."
        )
        raise next(iter(broken.values()), nothing)
    own = [one for one in found if one.workspace == workspace]
    if not own:
        other = next(iter(found)).workspace
        raise InputError(f"This anchor is of another workspace: {other}.", remedy="Give one that was printed here.")
    forged = {one: why for one in own if (why := _why_forged(one, key))}
    return Kept(tuple(one for one in own if one not in forged), tuple(forged.items()), tuple(broken))


def _why_forged(anchor: Anchor, key: str) -> str:
    """Say why this workspace did not give an anchor out; empty when it did, or when nobody signed it."""
    if not anchor.key:
        return ""
    if not is_signed(anchor.key, anchor.signature, _KIND + _said(anchor).encode()):
        return f"its signature is not that of the key it names, {fingerprint(anchor.key)}"
    if key and anchor.key != key:
        return f"it is signed with the key {fingerprint(anchor.key)}, and this workspace's is {fingerprint(key)}"
    return ""


def _read(text: str) -> Anchor:
    """Read the anchor that a text begins with; a mail program may have broken its line, and put > before the rest."""
    words = [word for word in text[:2000].split() if word.strip(">")][: _WORDS[_SIGNED]]
    words = words[: _WORDS.get(words[1], 0)]
    said, shown = " ".join(words[:-1]), " ".join(words)[:200]
    if not words or len(words) != _WORDS[words[1]]:
        raise InputError(f"This anchor is not whole: {shown or text[:80]}", remedy="Give it exactly as it was printed.")
    if words[-1] != _check(said):
        raise InputError(
            f"This anchor was altered, or a letter of it is wrong: {shown}",
            remedy="If it stands so where you keep it, take one from elsewhere, and find out who can write there.",
        )
    _, _, of, position, digest, moment = words[:6]
    key, signature = (words[6], words[7]) if words[1] == _SIGNED else ("", "")
    if not position.isdecimal() or _DIGEST.fullmatch(digest) is None or (key and _DIGEST.fullmatch(key) is None):
        raise InputError(f"This anchor names no record: {shown}", remedy="Give it exactly as it was printed.")
    try:
        at = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise InputError(f"This anchor names no time: {shown}", remedy="Give it exactly as it was printed.") from None
    return Anchor(of, int(position), digest, int(at.timestamp()) * 1_000_000, key, signature)


# --- those that were given out, as the history knows them


def stream_at(at_us: int) -> str:
    """Name the stream of the anchors of a month: one that is given out every hour never fills it up."""
    at = datetime.fromtimestamp(at_us / 1e6, UTC)
    return f"anchor:{at.year}-{at.month:02}"


def streams_between(first_us: int, last_us: int) -> list[str]:
    """Name the streams in which the anchors of a time lie, the oldest first. Before, a stream was that of a year."""
    first, last = (datetime.fromtimestamp(at_us / 1e6, UTC) for at_us in (first_us, last_us))
    names: list[str] = []
    for year in range(first.year, last.year + 1):
        names.append(f"anchor:{year}")
        names += [f"anchor:{year}-{month:02}" for month in range(1, 13) if first < _end_of(year, month)]
    return [name for name in names if name <= stream_at(last_us)]


def _end_of(year: int, month: int) -> datetime:
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def last_tried(read: Callable[[str], Sequence[Recorded]], now_us: int) -> Recorded | None:
    """Find the last time that one was given out, or was to be; None when there was none."""
    return next(_tried(read, now_us), None)


def last_anchor(read: Callable[[str], Sequence[Recorded]], now_us: int) -> tuple[int, int] | None:
    """Give position and moment of the last anchor that was given out; None when there is none."""
    for event in _tried(read, now_us):
        if isinstance(event.fact, HistoryAnchored) and was_given(event.fact):
            return event.fact.position, event.recorded_at_us
    return None


def was_given(fact: HistoryAnchored) -> bool:
    """Whether somebody outside has it: the operator, or a place."""
    return bool(fact.places) or not fact.missed


def _tried(read: Callable[[str], Sequence[Recorded]], now_us: int) -> Iterator[Recorded]:
    for stream in reversed(streams_between(_FIRST_US, now_us)):
        yield from (event for event in reversed(read(stream)) if isinstance(event.fact, HistoryAnchored))


def _check(said: str) -> str:
    return blake2b(said.encode(), digest_size=_CHECK_BYTES).hexdigest()
