"""A line that the operator keeps outside, and that the history can be held against for ever (KERNEL L7).

    mainstay-anchor 1 <workspace> <position> <digest> <moment, UTC> <check>

Who has the key can cut the end of a history, put an old one back, or compute every digest anew: inside it nothing
shows that. Against a line in another file, a mail or on paper it does. `check` is over the rest, against typing errors:
it is no signature, because nobody else's word is asked for.
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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.events import Recorded

WORD = "mainstay-anchor"
FORMAT = "1"
FIRST_YEAR = 2025  # no history is older
_CHECK_BYTES = 4
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Anchor(msgspec.Struct, frozen=True):
    """One place in one history, and when it was given out. `digest` is in hex."""

    workspace: str
    position: int
    digest: str
    at_us: int

    @property
    def mark(self) -> Mark:
        """What verifying holds against the chain."""
        return Mark(f"your anchor of {self.when}", self.position, self.digest)

    @property
    def when(self) -> str:
        """The moment, as it stands in the line."""
        return datetime.fromtimestamp(self.at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def line_of(anchor: Anchor) -> str:
    """Write an anchor as the operator keeps it."""
    said = f"{WORD} {FORMAT} {anchor.workspace} {anchor.position} {anchor.digest} {anchor.when}"
    return f"{said} {_check(said)}"


def read_anchors(text: str, workspace: str) -> list[Anchor]:
    """Read every anchor of a text, which may be a whole mail; raises InputError when there is none or one is wrong."""
    found = [_read(line, workspace) for line in text.splitlines() if WORD in line]
    if not found:
        raise InputError("There is no anchor in it.", remedy="Give the line that `mainstay history anchor` printed.")
    return found


def _read(line: str, workspace: str) -> Anchor:
    words = line[line.index(WORD) :].split()[:7]
    said = " ".join(words[:6])
    if len(words) != 7 or words[1] != FORMAT or words[6] != _check(said):  # noqa: PLR2004 - the words of the line
        raise InputError(
            f"This anchor can't be read: {line.strip()}", remedy="Give it exactly as it was printed; one letter is off."
        )
    _, _, of, position, digest, moment, _ = words
    if of != workspace:
        raise InputError(f"This anchor is of another workspace: {of}.", remedy="Give one that was printed here.")
    if not position.isdecimal() or _DIGEST.fullmatch(digest) is None:
        raise InputError(f"This anchor names no record: {line.strip()}", remedy="Give it exactly as it was printed.")
    at = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return Anchor(of, int(position), digest, int(at.timestamp()) * 1_000_000)


def stream_of_year(at_us: int) -> str:
    """Name the stream of the anchors of a year: one that is filled every day never fills up."""
    return f"anchor:{datetime.fromtimestamp(at_us / 1e6, UTC).year}"


def last_anchor(read: Callable[[str], Sequence[Recorded]], now_us: int) -> tuple[int, int] | None:
    """Give position and moment of the last anchor that was given out; None when there is none."""
    for year in range(datetime.fromtimestamp(now_us / 1e6, UTC).year, FIRST_YEAR - 1, -1):
        given = read(f"anchor:{year}")
        if given and isinstance(given[-1].fact, HistoryAnchored):
            return given[-1].fact.position, given[-1].recorded_at_us
    return None


def _check(said: str) -> str:
    return blake2b(said.encode(), digest_size=_CHECK_BYTES).hexdigest()
