"""What an undo takes back, in words: its own arguments are often nothing but ids, and nobody can decide on those."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, cast

from mainstay import events as e
from mainstay.said import is_record, is_simple, say_value, with_money
from mainstay.sentences import say_does, say_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstay.values import Value

MOST = 6  # of what it was given
TELLING = 2  # of them, which tell one action from the next
MOST_CHARS = 80  # of each
_ID = re.compile(
    r"[0-9a-f]{16,}|.*_ids?|ids?|confidence|kind", re.ASCII
)  # a value, or the name of one, that tells nothing


def takes_back(recorded: Sequence[e.Recorded], asked: e.DecisionAsked, opened: Callable[[Value], Value]) -> str:
    """Say what the actions did that a question would take back; empty for any other question."""
    paths = [path.removeprefix("~") for path in asked.paths if path.startswith("~")]
    if not paths:
        return ""
    did = {one.fact.path: one.fact for one in recorded if isinstance(one.fact, e.EffectPrepared)}
    done = {one.fact.path: one.fact.output for one in recorded if isinstance(one.fact, e.EffectDone)}
    given = {path: as_done(opened(did[path].arguments), opened(done.get(path))) for path in paths if path in did}
    return "; ".join(_say(did[path], one) for path, one in given.items())


def as_done(arguments: Value, output: Value) -> Value:
    """Give the arguments of an action as it happened: where its outcome says otherwise, such as a numbered file."""
    if not isinstance(arguments, dict) or not isinstance(output, dict):
        return arguments
    said = {name: output.get(name) for name, given in arguments.items() if isinstance(given, str)}
    return arguments | {name: one for name, one in said.items() if isinstance(one, str) and one}


def what_with(given: Value, most: int = MOST) -> str:
    """Say what something was given, part by part."""
    return ", ".join(islice(dict.fromkeys(_parts(given)), most))


def _say(did: e.EffectPrepared, arguments: Value) -> str:
    given = what_with(arguments)
    return f"{say_path(did.path)} ({say_does(did.operation)})" + (f": {given}" if given else "")


def _parts(value: object) -> Iterator[str]:
    """Give what a value says, part by part, without what is only an id."""
    if is_record(value) and not is_simple(value):
        for name, inner in with_money(value).items():
            if _ID.fullmatch(name) is None:
                yield from _parts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in cast("list[object]", value):
            yield from _parts(inner)
    elif (said := say_value(value)) and _ID.fullmatch(said) is None:
        yield said if len(said) <= MOST_CHARS else f"{said[:MOST_CHARS]}…"
