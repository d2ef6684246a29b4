"""Secrets and private records that are about to leave (requirement G7): what of them an argument tells, and of whom.

What is private goes to whom it is about, and is used as what it is: the account of a payment, the receiver of a mail.
To anybody else it asks. It is looked for in what an agent or an expression wrote, also with its letters spelt, turned
round or written as another number; and so is the name of somebody whose private record an agent was told, where the
operator did not name them: an agent that puts it into words of its own still has to say of whom.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.governance.handles import LONG_DIGITS, digits_of, long_numbers, undressed
from mainstay.governance.roles import role_of
from mainstay.governance.sums import all_in
from mainstay.origins import OWN, plain, thing_of
from mainstay.values import CURRENCY_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.origins import Heard, Leaf, Record
    from mainstay.ports import Flow
    from mainstay.values import Role

SECRET_CHARS = 5  # of the shortest secret that is looked for inside other texts
HALF_SECRET = 4  # characters of a part of one that tells of it
_RUN = 5  # words of a private text in a row
_TELLING_NUMBER = 100  # a smaller whole number stands anywhere by chance
# What such an argument is for is what an account, an address or an id is for.
_USED: frozenset[Role | None] = frozenset({"receiver", "account", "amount", "target", "deletion_target"})
_TOWARDS: frozenset[Role | None] = frozenset({"receiver", "account"})
_WORD = re.compile(r"[\w-]+")
_LETTERS = re.compile(r"[^\W_]+")
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|['\u2019.-](?=[^\W\d_]))+")
_OF_SOMEBODY = re.compile(r"['\u2019]s?$")
_WITH_NAME = re.compile(r"^[^<>@]*<([^<>]+)>$")  # Anna Berg <anna@berg.example>
_MOST_NAMES = 4  # words of a name
_NAME_CHARS = 3
_NAME_LENGTH = 80  # characters of a whole one


def given_away(flow: Flow) -> Leaf | None:
    """Give the first that is secret or private and would leave, to somebody that it is not about."""
    about = _Towards(flow)
    for path, leaf in flow.leaves:
        if path.partition(".")[0] in flow.edited or leaf.value in (None, ""):
            continue
        used = role_of(flow.operation, path) in _USED
        if leaf.secret or leaf.private:
            if leaf.secret or not (used or about.whose(leaf)):
                return leaf
        elif leaf.heard is not None and leaf.heard.guarded:
            found = _told_in(leaf, leaf.heard, about, used=used)
            if found is not None:
                return found
    return None


class _Towards:
    """Whom an action reaches."""

    def __init__(self, flow: Flow) -> None:
        towards = (leaf.value for path, leaf in flow.leaves if role_of(flow.operation, path) in _TOWARDS and leaf.value)
        self._names = {_WITH_NAME.sub(r"\1", plain(value)) for value in towards}
        self._known: dict[int, bool] = {}

    def whose(self, leaf: Leaf) -> bool:
        """Whether a leaf stands in the record of everybody that the action reaches."""
        if leaf.record is None or not self._names:
            return False
        if id(leaf.record) not in self._known:
            held = {plain(one.value) for one in _around(leaf.record) if leaf.outside or not one.outside}
            self._known[id(leaf.record)] = held >= self._names
        return self._known[id(leaf.record)]


def _around(record: Record | None) -> Iterator[Leaf]:
    while record is not None:
        yield from record.leaves
        record = record.outer


# --- inside what was written


def _told_in(leaf: Leaf, heard: Heard, about: _Towards, *, used: bool) -> Leaf | None:
    said = _Said(leaf, heard)
    for text, source in heard.guarded:
        if source.private and not source.secret and (used or about.whose(source)):
            continue
        if said.tells(text, source) or (not used and heard.chooses and said.names(source)):
            return source
    return None


class _Said:
    """One argument, in the ways that something may be hidden in it; the operator's own words are theirs to send."""

    def __init__(self, leaf: Leaf, heard: Heard) -> None:
        self.text, self.own = plain(undressed(str(leaf.value))), heard.words
        self._close, self._own_close = _bare(self.text), _bare(self.own)
        self._turned = self._close[::-1]
        self._tells_numbers = any(char.isdigit() for char in self._close)
        self._numbers = all_in(self.text) - all_in(self.own)
        self._long = long_numbers(self.text) - long_numbers(self.own)
        self._runs = frozenset(run for run in _runs(self.text) if run not in self.own)
        names = (_OF_SOMEBODY.sub("", name) for name in _NAME.findall(str(leaf.value)) if name[0].isupper())
        own = frozenset(_NAME.findall(self.own))
        self._names = {name.lower() for name in names} - own - {_OF_SOMEBODY.sub("", name) for name in own}
        self._named: dict[int, bool] = {}  # by record

    def tells(self, text: str, source: Leaf) -> bool:
        """Whether it tells of something guarded."""
        if not isinstance(source.value, str):
            return _is_told(source, self._numbers)
        if len(text) >= SECRET_CHARS and text in self.text and text not in self.own:
            return True
        if self._runs and not self._runs.isdisjoint(_runs(text)):
            return True
        if not (self._tells_numbers or source.secret):
            return False
        return self._tells_part(text) or self._hides(text, source)

    def _tells_part(self, text: str) -> bool:
        """Whether a longer word with a digit stands in it."""
        words = (word for word in _WORD.findall(text) if len(word) >= SECRET_CHARS)
        return any(word in self.text and word not in self.own for word in words if any(map(str.isdigit, word)))

    def _hides(self, text: str, source: Leaf) -> bool:
        """Whether it stands in it spelt, turned round, or as a number written otherwise."""
        for part in _parts(text, source):
            if part not in self._own_close and (part in self._close or part in self._turned):
                return True
        return bool(self._long) and len(digits := digits_of(text)) >= LONG_DIGITS and digits in self._long

    def names(self, source: Leaf) -> bool:
        """Whether it names somebody whose record this is, and whom the operator did not name."""
        if not self._names or source.record is None or not source.private:
            return False
        record = thing_of(source.record)
        if id(record) not in self._named:
            texts = (leaf.value for leaf in record.leaves if leaf.label not in OWN and isinstance(leaf.value, str))
            self._named[id(record)] = any(not self._names.isdisjoint(_names_in(text)) for text in texts)
        return self._named[id(record)]


def _names_in(text: str) -> list[str]:
    """Give the parts of a name; nothing for any other text."""
    words = text.split() if len(text) <= _NAME_LENGTH else []
    if not 0 < len(words) <= _MOST_NAMES or not all(_NAME.fullmatch(word) and word[0].isupper() for word in words):
        return []
    return [word.lower() for word in words if len(word) >= _NAME_CHARS]


def _is_told(source: Leaf, numbers: frozenset[float]) -> bool:
    """Whether a private number stands there; an amount in minor units as people write it."""
    value = abs(float(source.value)) if isinstance(source.value, (int, float)) else 0.0
    if source.field.rpartition(".")[2] == "minor" and source.record is not None:
        value /= 10 ** CURRENCY_DIGITS.get(source.record.told("currency"), 2)
    return value in numbers and (value >= _TELLING_NUMBER or value != int(value))


def _runs(text: str) -> list[str]:
    """Give some words in a row, as often as there are."""
    at = [match.span() for match in _WORD.finditer(text)]
    return [text[at[n][0] : at[n + _RUN - 1][1]] for n in range(len(at) - _RUN + 1)]


def _parts(text: str, source: Leaf) -> list[str]:
    """Give what of it may be hidden by spelling: all letters and digits, of a secret also half of them."""
    close = _bare(text)
    telling = any(char.isdigit() for char in close)
    if len(close) < SECRET_CHARS or not (telling or source.secret):
        return []
    if not (telling and source.secret):
        return [close]
    size = max(HALF_SECRET, len(close) // 2)
    return [close[at : at + size] for at in range(len(close) - size + 1)]


def _bare(text: str) -> str:
    return "".join(_LETTERS.findall(text))
