"""What is personal in a value is sealed on its way into a fact, and opened on its way out (KERNEL L3).

    {"counterparty": "Anna Meier", "iban": "DE89...", "amount": {...}, "text": "Invoice 7"}
 -> {"counterparty": Sealed, "iban": Sealed, "amount": {...}, "text": Sealed}      all three under Anna Meier's key

The types of contracts say what is personal and who it is about (`personal.py`). Only texts are sealed, one by one. What
has no type is sealed by the same rules where its fields are known; of the rest every text that is longer than a word,
or looks like an address or an account. A text about nobody in particular, or about many, is sealed under a key of its
plan: it goes with the first of the plan's people that is forgotten.

What was forgotten reads as an empty text (`values.Forgotten`), which is recorded again as the mark it was. Plans of
steps that know nothing personal are not looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mainstay.contracts import marks_in
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import MainstayError
from mainstay.runtime.personal import ALL, IDENTITY, OPEN, shape_of, shape_of_dict
from mainstay.values import FORGOTTEN, Forgotten, Sealed, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mainstay.contracts import AgentContract, Operation
    from mainstay.kernel.graph import Graph, Step
    from mainstay.kernel.state import Plan
    from mainstay.ports import Catalogue, People
    from mainstay.runtime.personal import Kind, Shape
    from mainstay.values import Value

JOINED_AT_MOST = 8  # people whose keys one text is sealed under; with more of them it is its plan's
MEMO_AT_MOST = 100_000  # sealed texts kept in memory, so that a list recorded again costs little
MEMO_CHARS = 500  # of the longest of them
KNOWN_AT_LEAST = 3  # characters of a name that is known again where no field tells that it is one
GRAPHS_AT_MOST = 200
AGAIN = "Try again with the value (`mainstay stuck QUESTION retry --edit -`), skip it, or undo the plan."
FORGOTTEN_UNDO = "because what it needs about a person was forgotten"
_JOIN = "+"
_LOOSE = re.compile(r"[\s@]")
_ACCOUNT = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


class _Room(NamedTuple):
    """Where a value is sealed: its plan, and whom texts are about that name nobody."""

    plan: str
    since_us: int
    about: str = ""


class Sealer:
    """Seals values before they are recorded. What it gives is on disk as far as keys go once `flush` returns."""

    def __init__(self, people: People) -> None:
        """Take the keys. `catalogue`, set once there is one, says which steps know nothing personal."""
        self.people = people
        self.catalogue: Catalogue | None = None
        self._memo: dict[tuple[str, str], Sealed] = {}
        self._known: dict[str, str] = {}  # names, accounts and addresses met lately, and whose they are
        self._personal: dict[int, tuple[Graph, bool]] = {}

    def seal(
        self,
        value: Value,
        kind: Any = None,  # noqa: ANN401 - any type of a contract
        plan: Plan | None = None,
        about: tuple[Value, Any] | None = None,
    ) -> Value:
        """Give a value as it is recorded; the very same when nothing in it is personal.

        `kind` is its type where that is known, `about` another value with its type whose people it speaks of.
        """
        shape = OPEN if kind is None else shape_of(kind)
        if shape is None or (kind is None and plan is not None and not self.is_personal(plan)):
            return value
        if plan is None:  # what comes from outside, before any plan: its texts are about nobody but itself
            room = _Room(digest_of(encode_value(value)), 0)
        else:
            room = _Room(plan.id.partition("-")[0], plan.proposed_at_us)
        if about is not None:
            told = shape_of(about[1])
            if told is None:
                return value
            room = room._replace(about=_joined(marks_in(self._walk(about[0], told, "", room))))
        return self._walk(value, shape, room.about, room)

    def seal_file(self, content: bytes, name: str) -> Sealed:
        """Seal a file that holds many people under a key of its own, which the same file always has."""
        return self.people.seal(self.people.find((("file", name),)), content)

    def id_of(self, content: str, names: Sequence[tuple[str, str]], plan: Plan) -> str:
        """Give the id of a thing about the person with these names, known by its content: it is gone with their key."""
        return self.people.id_of(content, names, plan.proposed_at_us)

    @property
    def known(self) -> Iterable[str]:
        """Names, accounts and addresses met lately."""
        return self._known.keys()

    def forget(self) -> None:
        """Drop all that is remembered in memory, because a key was destroyed."""
        self._memo.clear()
        self._known.clear()

    # --- records

    def _walk(self, value: Value, shape: Shape, key: str, room: _Room) -> Value:
        kind = type(value)
        if kind is str:
            return self._loose(cast("str", value), key, room) if shape.is_open else value
        if kind is Forgotten:
            return cast("Forgotten", value).sealed
        if kind is list:
            return _each(cast("list[Value]", value), lambda item: self._walk(item, shape, key, room))
        if kind is not dict:
            return value
        fields = cast("dict[str, Value]", value)
        if not shape.is_open:
            return self._record(fields, shape, key, room)
        known = shape_of_dict(fields)
        if known is not None:
            return self._record(fields, known, key, room)
        return _changed(fields, {name: self._walk(item, OPEN, key, room) for name, item in fields.items()})

    def _record(self, fields: dict[str, Value], shape: Shape, outer: str, room: _Room) -> Value:
        keys = self._people_in(fields, shape, room)
        everybody = _several(keys.values()) or outer
        new: dict[str, Value] = {}
        for name, kind, about, inner in shape.fields:
            item = fields.get(name)
            if item is None or (not item and type(item) is not Forgotten):
                continue
            key = everybody if about == ALL else keys.get(about) or everybody
            if kind:
                new[name] = self._all(item, key, room)
            elif inner is not None:
                new[name] = self._walk(item, inner, key, room)
        return _changed(fields, new)

    def _people_in(self, fields: dict[str, Value], shape: Shape, room: _Room) -> dict[str, str]:
        """Find the keys of the people a record is about, the telling fields first."""
        names: dict[str, list[tuple[Kind, str]]] = {}
        for name, kind, about, _ in shape.fields:
            if kind and kind != "text" and type(text := fields.get(name)) is str and text:
                names.setdefault(about, []).append((kind, text))
        keys: dict[str, str] = {}
        for about, some in names.items():
            key = self.people.find(sorted(some, key=lambda one: IDENTITY.index(one[0])), room.since_us)
            self._known.update((text, key) for kind, text in some if kind != "id" and len(text) >= KNOWN_AT_LEAST)
            keys[about] = key
        return keys

    # --- texts

    def _all(self, value: Value, key: str, room: _Room) -> Value:
        """Seal every text in a personal value."""
        kind = type(value)
        if kind is str:
            return self._text(cast("str", value), key, room) if value else value
        if kind is Forgotten:
            return cast("Forgotten", value).sealed
        if kind is list:
            return _each(cast("list[Value]", value), lambda item: self._all(item, key, room))
        if kind is dict:
            fields = cast("dict[str, Value]", value)
            return _changed(fields, {name: self._all(item, key, room) for name, item in fields.items()})
        return value

    def _loose(self, text: str, key: str, room: _Room) -> Value:
        """Seal a text of which nothing is known, unless it is a mere word, number or date."""
        known = self._known.get(text)
        if known is not None:
            return self._text(text, known, room)
        if _ACCOUNT.fullmatch(text):
            return self._text(text, self.people.find((("iban", text),), room.since_us), room)
        if _LOOSE.search(text) is None:
            return text
        if "@" in text and " " not in text:
            return self._text(text, self.people.find((("mail", text),), room.since_us), room)
        return self._text(text, key, room)

    def _text(self, text: str, key: str, room: _Room) -> Sealed:
        if not key or key.count(_JOIN) >= JOINED_AT_MOST:
            key = self.people.find((("text", room.plan),))
        sealed = self._memo.get((key, text))
        if sealed is None:
            if max(len(self._memo), len(self._known)) >= MEMO_AT_MOST:
                self.forget()
            sealed = self.people.seal(key, encode_value(text))
            if len(text) <= MEMO_CHARS:
                self._memo[key, text] = sealed
        return sealed

    # --- plans

    def is_personal(self, plan: Plan) -> bool:
        """Whether a step of the plan may know something personal."""
        graph = plan.graph
        known = self._personal.get(id(graph))
        if known is None or known[0] is not graph:
            if len(self._personal) >= GRAPHS_AT_MOST:
                self._personal.clear()
            known = graph, any(map(self._knows_people, graph.steps.values()))
            self._personal[id(graph)] = known
        return known[1]

    def _knows_people(self, step: Step) -> bool:
        if not step.target:
            return step.kind not in ("ask", "wait")
        assert self.catalogue is not None, "the catalogue is set before anything is recorded"
        try:
            if step.kind != "agent":
                return _tells_of_people(self.catalogue.operation(step.target))
            agent = self.catalogue.agent(step.target, step.version)
            return any(map(_tells_of_people, (agent, *map(self.catalogue.operation, agent.operations))))
        except MainstayError:
            return True


def _tells_of_people(contract: AgentContract | Operation) -> bool:
    return shape_of(contract.input) is not None or shape_of(contract.output) is not None


class Opener:
    """Opens what was sealed."""

    def __init__(self, content: Callable[[Sealed], bytes | None], *, screen: bool = False) -> None:
        """Take what gives the content of a mark, as `ports.People.open` does.

        On a screen what was forgotten reads "[forgotten]", and for work as an empty text.
        """
        self._content = content
        self._screen = screen

    def open(self, value: Value) -> Value:
        """Give a value with everything in it opened; the very same when nothing is sealed."""
        kind = type(value)
        if kind is dict:
            fields = cast("dict[str, Value]", value)
            if _HOLDERS.isdisjoint(map(type, fields.values())):
                return value
            new = {name: self.open(item) for name, item in fields.items() if type(item) in _HOLDERS}
            return _changed(fields, new)
        if kind is list:
            return _each(cast("list[Value]", value), self.open)
        if kind is Sealed:
            return self._mark(cast("Sealed", value))
        return value

    def file(self, sealed: Sealed) -> bytes | None:
        """Give the content of a sealed file; None when it was forgotten."""
        return self._content(sealed)

    def lost(self, value: Value) -> bool:
        """Say whether something in a value as it is recorded was forgotten."""
        return any(isinstance(mark, Sealed) and self._content(mark) is None for mark in marks_in(value))

    def _mark(self, sealed: Sealed) -> Value:
        content = self._content(sealed)
        if content is None:
            return FORGOTTEN if self._screen else Forgotten.of(sealed)
        return decode_value(content)


_HOLDERS = frozenset({dict, list, Sealed})


def forgotten_in(value: Value) -> bool:
    """Say whether something in an opened value was forgotten."""
    kind = type(value)
    if kind is dict or kind is list:
        items = cast("dict[str, Value]", value).values() if kind is dict else cast("list[Value]", value)
        return not _PLAIN.issuperset(map(type, items)) and any(map(forgotten_in, items))
    return kind is Forgotten


_PLAIN = frozenset({type(None), bool, int, float, str})


def _changed(fields: dict[str, Value], new: dict[str, Value]) -> dict[str, Value]:
    """Give the fields with some of them anew; the very same when none of those differs."""
    if all(fields[name] is item for name, item in new.items()):
        return fields
    return fields | new


def _each(items: list[Value], change: Callable[[Value], Value]) -> list[Value]:
    new = [change(item) for item in items]
    return items if all(map(_is, items, new)) else new


def _is(one: object, other: object) -> bool:
    return one is other


def _several(keys: Any) -> str:  # noqa: ANN401 - any iterable of ids
    """Join the ids of keys, each once, in order."""
    return _JOIN.join(sorted({part for key in keys if key for part in key.split(_JOIN)}))


def _joined(marks: Any) -> str:  # noqa: ANN401 - the marks of a value
    return _several(mark.key_id for mark in marks if isinstance(mark, Sealed))
