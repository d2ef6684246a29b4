"""Where the words of an action came from, as its card says it (SECURITY S69, S30).

    "DE89 3704 0044 0532 0130 00" (the account) came from the mail of x@y.example of 12 May 2026, not from you or your
    records.
    The text is made by the playbook, and holds "Mallory" from the enquiry of x@y.example.
    The text is in the agent's own words, and holds "https://x.example/a" from the mail of x@y.example of 12 May 2026.

The card holds the parts; sentences are made when somebody looks. Each part is recorded on its own, so that it is sealed
under the key of whom it is about. Words of strangers are shown whole, with what can't be seen in them written out.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from mainstay.origins import OWN, plain, said_source, trace
from mainstay.shown import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.origins import Heard, Leaf
    from mainstay.ports import Flow
    from mainstay.values import Value

MOST_WORDS = 10  # of one action
HELD_CHARS = 60  # of a stranger's words inside a longer text, on its card
MOST_HELD = 3
MOST_TRIED = 500  # words of one argument that are looked for in what strangers wrote: each is a search of all of it
TELLING_CHARS = 3  # of words that stand in a text by no chance
QUOTED_CHARS = 200  # of a longer text the card shows the whole anyway
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DATE_CHARS = 10  # of 2026-05-12


def origins_of(flow: Flow) -> tuple[tuple[str, str], ...]:
    """Give the label and field of each argument that came from outside content, by its place, as it is recorded."""
    found = ((path, trace(leaf)) for path, leaf in flow.leaves if path.partition(".")[0] not in flow.edited)
    told = {
        _place(path): f"{source.label} {source.field}".rstrip()
        for path, source in found
        if source.outside and source.value != ""
    }
    return tuple(told.items())


def words_of(flow: Flow) -> list[Value]:
    """Give the words of an action that the operator did not choose, and where they came from: for its card."""
    rows: list[Value] = []
    for path, leaf in flow.leaves:
        if len(rows) == MOST_WORDS or path.partition(".")[0] in flow.edited or leaf.value in ("", None):
            continue
        source = trace(leaf)
        chosen = leaf.heard is not None and leaf.heard.chooses and leaf.heard.tainted and source.label not in OWN
        if source.outside or (chosen and path.partition(".")[0] in flow.operation.roles):
            rows.append(_row(path, leaf, source))
    return rows


def sentence(row: Mapping[str, Any]) -> str:
    """Say one of them."""
    says, source = shown(str(row["says"])), said_source(shown(str(row.get("from", "outside content"))))
    of = "".join(f" of {shown(str(row[name]))}" for name in ("who", "at") if row.get(name))
    held = " and ".join(f'"{shown(str(one))}"' for one in row.get("holds", ()))
    if row["kind"] == "unknown":
        said = f", and holds {held} from" if held else "; it had read"
        return f"{says} is in the agent's own words{said} {source}{of}."
    if row["kind"] == "made":
        return f"{says} is made by the playbook, and holds {held or 'words'} from {source}{of}."
    if row["kind"] == "chosen":
        return f"{says} stands in {source}{of}; an agent that read outside content chose it, not you."
    return f"{says} came from {source}{of}, not from you or your records."


def _row(path: str, leaf: Leaf, source: Leaf) -> Value:
    quoted = isinstance(leaf.value, str) and len(leaf.value) <= QUOTED_CHARS and "\n" not in leaf.value
    name = ".".join(part for part in path.split(".") if not part.isdigit()).replace("_", " ")
    says = (
        f'"{leaf.value}" ({name})' if quoted else f"{leaf.value} ({name})" if _is_number(leaf.value) else f"The {name}"
    )
    row: dict[str, Value] = {"says": says, "kind": "chosen" if not source.outside else "outside"}
    if source.outside and leaf.heard is not None and source.label == leaf.heard.label:
        return _made(row, leaf.value, leaf.heard)
    return _from(row, source)


def _made(row: dict[str, Value], value: Value, heard: Heard) -> Value:
    """Tell of what stands nowhere as it is: which of a stranger's words it holds, or whose the agent had read."""
    strange = [leaf for leaf in heard.leaves if leaf.outside and leaf.value not in ("", None)]
    kind, held = ("unknown", _telling(value, heard)) if heard.chooses else ("made", _whole(value, strange))
    if not (held or strange):
        return cast("Value", {**row, "kind": kind})
    quoted = list(dict.fromkeys(said for said, _ in held if len(said) <= HELD_CHARS))[:MOST_HELD]
    source = held[0][1] if held else strange[-1]
    return _from({**row, "kind": kind, "holds": cast("Value", quoted)}, source)


def _whole(value: Value, strange: list[Leaf]) -> list[tuple[str, Leaf]]:
    """Give the texts of strangers that stand in a value."""
    text = plain(value)
    return [
        (str(leaf.value), leaf) for leaf in strange if len(said := plain(leaf.value)) >= TELLING_CHARS and said in text
    ]


def _telling(value: Value, heard: Heard) -> list[tuple[str, Leaf]]:
    """Give the addresses and numbers in a value that came from a stranger, word by word."""
    words = dict.fromkeys(word.strip(".,;:!?()<>\"'") for word in str(value).split())
    tried = (word for word in words if len(word) > TELLING_CHARS and not word.isalpha())
    found: list[tuple[str, Leaf]] = []
    for word in islice(tried, MOST_TRIED):
        if (leaf := heard.strange(word)) is None or heard.says(word):
            continue
        found.append((word, leaf))
        if sum(len(said) <= HELD_CHARS for said, _ in found) == MOST_HELD:  # no more is shown: the text may be long
            break
    return found


def _from(row: dict[str, Value], source: Leaf) -> Value:
    """Name the record of somebody's words, who wrote it and when."""
    record = source.record
    row = {**row, "from": source.label}
    if record is not None and record.gives.what:
        row["from"] = record.gives.what
        row["who"] = record.told(record.gives.author)
        row["at"] = _day(record.told(record.gives.at))
    return cast("Value", {name: value for name, value in row.items() if value})


def _place(path: str) -> str:
    """Give a place without what may be data: the keys of a mapping."""
    parts = path.split(".")
    return path if all(part.isdigit() or _NAME.fullmatch(part) for part in parts) else parts[0]


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float))


def _day(text: str) -> str:
    """Say a day as people do: "12 May 2026"."""
    try:
        day = date.fromisoformat(text[:_DATE_CHARS])
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}"
