"""What the operator pointed at without naming it, and that nobody else can lend them words for (docs/flow.md).

    "with the same participants as the 'Introductory meeting'"    that field of the one entry called so
    "refund the 10.00 that I got"                                 goes back to whom a genuine line says it came from

A stranger may have written what stands there, or have made the line: the first asks for just that, and by the second
nobody gets more than they gave.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.governance.office import folded
from mainstay.governance.spoken import stem
from mainstay.governance.sums import sums_in
from mainstay.origins import NAME_CHARS, numbers_in, plain, thing_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.origins import Heard, Leaf, Record
    from mainstay.values import Value

_SAME = re.compile(
    r"\b(?:same|selben|gleichen|dieselben|dieselbe|memes?|mismos?|mismas?|stess[aei]|samym|samych)\s+([a-z]+)"
)
_GOT = re.compile(r"\b(?:got|received|came in|erhalten|bekommen|recu|recibi\w*|ricevuto|otrzymal\w*)\b")
_WHOM = re.compile(r"\b(?:from|to|for|von|an|de|para|da|per|od|dla)\s+@?([^\W\d_a-z]\w+)")
_BACK = re.compile(
    r"\b(?:refund\w*|reimburse\w*|(?:pay|send|give)\b[^.\n]{0,40}\bback|erstatt\w*|zurueck\w*|rembours\w*|reembols\w*"
    r"|devuelv\w*|rimbors\w*|zwroc)\b"
)


def is_same(heard: Heard, value: Value) -> bool:
    """Whether it stands in the field that the operator wants the same as in a record, and no other is called so."""
    fields = {stem(field) for field in _SAME.findall(folded(heard.words))}
    return bool(fields) and any(
        stem(folded(leaf.field.rpartition(".")[2])) in fields and _is_only_one(heard, leaf.record)
        for leaf in _holding(heard, value)
        if leaf.record is not None
    )


def _is_only_one(heard: Heard, record: Record) -> bool:
    """Whether the operator's words name a record of a service's own by a text that nothing else they heard of holds."""
    if all(leaf.outside for leaf in record.leaves):
        return False
    names = {plain(leaf.value) for leaf in record.leaves if isinstance(leaf.value, str)}
    said = {name for name in names if len(name) >= NAME_CHARS and any(map(str.isalpha, name)) and heard.says(name)}
    others = {
        plain(leaf.value)
        for leaf in heard.leaves
        if leaf.record is not None and leaf.record is not record and leaf.record.content != record.content
    }
    return not said.isdisjoint(said - others)


def goes_back(heard: Heard, account: Value, figures: set[float]) -> bool:
    """Whether money goes back to where one genuine line says that just this came from, as the operator asked."""
    words = folded(heard.words)
    asked = _BACK.search(words) is not None and _GOT.search(words) is not None
    if not asked or not figures or not figures <= sums_in(heard.words):
        return False
    lines: dict[int, Record] = {}
    for leaf in heard.leaves:
        is_sum = isinstance(leaf.value, (int, float)) and not leaf.outside
        if leaf.record is not None and is_sum and numbers_in(leaf.value, "") == figures:
            lines[id(thing_of(leaf.record))] = thing_of(leaf.record)
    alike = {line.content: line for line in lines.values()}
    return len(alike) == 1 and all(_is_from(line, account) and _is_whose(heard, line) for line in alike.values())


def _is_whose(heard: Heard, line: Record) -> bool:
    """Whether the operator's words name nobody else whom it may be from."""
    own = " ".join(str(leaf.value) for _, leaf in heard.own)
    texts = " ".join(str(leaf.value) for leaf in line.leaves)
    return all(name in texts for name in _WHOM.findall(own))


def _is_from(line: Record, account: Value) -> bool:
    return any(
        leaf.field.rpartition(".")[2] == line.gives.author and not leaf.outside and plain(leaf.value) == plain(account)
        for leaf in line.leaves
    )


def _holding(heard: Heard, value: Value) -> Iterator[Leaf]:
    sought = plain(value)
    return (leaf for leaf in heard.leaves if leaf.record is not None and plain(leaf.value) == sought)
