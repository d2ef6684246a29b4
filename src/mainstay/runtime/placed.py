"""Leaves by where they stand in a value: how the way back from an action puts them together (`trails.py`)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, cast

from mainstay.kernel import graph as g
from mainstay.origins import PLAYBOOK, Heard, Leaf, Record, is_under, joined, leaf_paths
from mainstay.records import EVENT_GIVES
from mainstay.runtime.checking import is_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.origins import Placed
    from mainstay.values import Value

ANYWHERE = "*"  # the place of a leaf that may stand anywhere in a value
UNKNOWN = "unknown"
MOST_LEAVES = 200_000  # kept in memory across actions


class KeptLeaves:
    """Leaves of what ended, across actions: the hundred of one list read the same."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[str, str, str], tuple[object, dict[str, list[Placed]]]] = OrderedDict()
        self._count = 0

    def get(self, key: tuple[str, str, str], made_of: object) -> dict[str, list[Placed]] | None:
        """Give what was kept, by item of a list, if it was made of this very thing."""
        kept = self._found.get(key)
        return kept[1] if kept is not None and kept[0] is made_of else None

    def keep(self, key: tuple[str, str, str], made_of: object, leaves: list[Placed]) -> dict[str, list[Placed]]:
        """Keep leaves by the first part of their place, and give them so."""
        found: dict[str, list[Placed]] = {}
        listed = key[1] == "each"
        for place, leaf in leaves:
            first, _, rest = place.partition(".")
            found.setdefault(first, []).append((rest, leaf) if listed and first != ANYWHERE else (place, leaf))
        self._drop(key)
        self._found[key] = made_of, found
        self._count += len(leaves)
        while self._count > MOST_LEAVES and self._found:
            self._drop(next(iter(self._found)))
        return found

    def clear(self) -> None:
        """Drop all, because somebody was forgotten."""
        self._found.clear()
        self._count = 0

    def _drop(self, key: tuple[str, str, str]) -> None:
        gone = self._found.pop(key, None)
        self._count -= 0 if gone is None else sum(map(len, gone[1].values()))


def all_of(place: str, value: Value, label: str) -> list[Placed]:
    """Give the leaves of a value that is one's own altogether."""
    return [(at, Leaf(one, label)) for at, one in leaf_paths(value, place)]


def below(leaves: Iterable[Placed], rest: str) -> list[Placed]:
    """Give the leaves below a place, by where they stand from there."""
    if not rest:
        return list(leaves)
    cut = len(rest) + 1
    return [
        (place if place == ANYWHERE else place[cut:], leaf)
        for place, leaf in leaves
        if place in (rest, ANYWHERE) or place.startswith(f"{rest}.")
    ]


def moved(place: str, by: int) -> str:
    """Give a place in a list as it is when so many items come before."""
    first, _, rest = place.partition(".")
    return place if place == ANYWHERE else joined(str(int(first) + by), rest)


def fitted(name: str, value: Value, leaves: list[Placed]) -> list[Placed]:
    """Give the leaves of an argument as it was read for its operation: where one fits none, all of them count."""
    by_place, heard = dict(leaves), None
    found: list[Placed] = []
    for place, one in leaf_paths(value):
        leaf = by_place.get(place)
        if leaf is None or leaf.value != one:
            heard = heard or made_of([each for _, each in leaves])
            leaf = Leaf(one, heard.label, heard=heard)
        found.append((joined(name, place), leaf))
    return found


def made_of(leaves: list[Leaf]) -> Heard:
    """Give what something was made of: where an agent had one of the leaves in hands, it is that agent's word."""
    if not leaves:  # nobody knows
        return Heard(UNKNOWN, [Leaf(UNKNOWN, UNKNOWN, outside=True)])
    agents = [leaf.heard for leaf in leaves if leaf.heard is not None and leaf.heard.chooses]
    label = agents[0].label if agents else PLAYBOOK
    told = [one for heard in dict.fromkeys(agents) for one in heard.leaves]
    return Heard(label, [*leaves, *told], chooses=bool(agents))


def said_by_agent(arguments: Value, heard: Heard) -> tuple[Placed, ...]:
    """Give the leaves of what an agent asks for."""
    return tuple((place, Leaf(one, heard.label, heard=heard)) for place, one in leaf_paths(arguments))


def of_event(trigger: g.Trigger, value: Value) -> list[Placed]:
    """Give where the inputs of a plan came from that an event began."""
    gives = EVENT_GIVES[trigger.event]
    record = Record(gives)  # all of one event: it goes back to who wrote it
    found: list[Placed] = []
    for name, one in cast("dict[str, Value]", value).items():
        template = trigger.arguments.fields.get(name)
        if template is None or isinstance(template, g.Literally):
            found += all_of(name, one, PLAYBOOK)
            continue
        path = template.source.partition(".")[2] if isinstance(template, g.Cel) and is_path(template.source) else ""
        for place, inner in leaf_paths(one):
            field = joined(path, ".".join(part for part in place.split(".") if not part.isdigit()))
            outside = not (path and is_under(field, gives.trusted))
            private = not path or is_under(field, gives.private)
            leaf = Leaf(inner, trigger.event, field, outside, private=private, record=record)
            record.leaves.append(leaf)
            found.append((joined(name, place), leaf))
    return found
