"""Where the words of an action came from: leaves with labels, and finding what an agent says in what it heard.

A leaf is one text or number of a value, with the connector and field that gave it (KERNEL P1). What an expression hands
on keeps its label. What an agent says has none of its own: it heard things, and is traced back to them by what it says.
So every value that may come from outside is outside until it is found somewhere else:

    "DE89 3704..."  stands in a mail, and nowhere in what you wrote        -> outside, with the mail's label
    "anna@x.example"  stands in a mail and in your own request             -> yours
    41.5  stands nowhere, and the agent read a mail                         -> outside: nobody knows

Nothing here decides anything; `governance/flow.py` does.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING, cast

import msgspec

from mainstay.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Placed = tuple[str, "Leaf"]  # a leaf by where it stands in its value: "lines.0.text"

OPERATOR, PLAYBOOK, COMPANY = "operator", "playbook", "company"
OWN = frozenset({OPERATOR, PLAYBOOK})  # whose words count as the operator's: typed in, or in what they activated
TOOL = "api:"  # begins the label of what a tool of the operator's sent
ALL = ("*",)
SHORT_CHARS = 4  # shorter than that a text is no evidence inside a longer one
NAME_CHARS = 4  # of the shortest text that names a record
NUMBER = re.compile(r"(?<![\w.,:/-])[-+]?\d{1,15}(?:[.,]\d{3})*(?:[.,]\d+)?(?![\w:/-])")  # no part of a date or time
_ACCOUNT = re.compile(r"[a-z]{2}\d{2}[a-z0-9]{10,30}")  # of a bank, in small letters
_DIGITS = re.compile(r"\D")
_GROUP = 3  # digits
_CAPITAL = re.compile(r"\b[^\W\d_a-z][^\W\d_]{4,}")  # a word that may be a name
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[^\W_]+")
_ENDING = re.compile(r"\.[a-z0-9]{1,5}$")  # of a file's name
_SPACE = re.compile(r"\s+")
_APART = re.compile(r"[ -]")  # how people write an account in groups
_MONEY = frozenset({"minor", "currency"})
# Words that tell how a thing stands, and name none.
_STATES = frozenset(
    "read unread open opened closed sent draft drafts new old inbox outbox archive archived spam trash received paid "
    "unpaid pending done active inactive lost won private public shared important urgent high low normal true false "
    "none null unknown default general main other "
    "offen geschlossen gelesen ungelesen gesendet entwurf neu alt bezahlt unbezahlt aktiv inaktiv wichtig dringend "
    "lu non ouvert ferme envoye brouillon paye actif leido abierto cerrado enviado borrador pagado activo".split()
)


class Gives(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who can write what an operation gives. What is not named here a stranger can write: it is outside content.

    Fields are dotted names, without places in lists, and hold for all below them; "*" is everything.
    """

    trusted: tuple[str, ...] = ()  # only the operator, Mainstay, or the service itself can write it
    secret: tuple[str, ...] = ()  # who has it can act in the operator's name, or it must not be known: it asks to leave
    private: tuple[str, ...] = ()  # about the operator or a person: it asks to leave
    author: str = ""  # the field beside the words that says who wrote them
    at: str = ""  # the same for when
    what: str = ""  # one such record on a card: "the mail"


class Record:
    """The leaves that stand in one record: they tell of each other."""

    __slots__ = ("__dict__", "gives", "leaves", "outer")

    def __init__(self, gives: Gives, outer: Record | None = None) -> None:
        """Begin with none; `outer` is the record that this one stands in."""
        self.gives, self.outer = gives, outer
        self.leaves: list[Leaf] = []

    @cached_property
    def content(self) -> frozenset[tuple[str, str]]:
        """All that it says."""
        return frozenset((leaf.field, str(leaf.value)) for leaf in self.leaves)

    def told(self, field: str) -> str:
        """Give what a field of it, or of one around it, says; empty when none does."""
        here: Record | None = self if field else None
        while here is not None:
            for leaf in here.leaves:
                if leaf.field.rpartition(".")[2] == field and leaf.value not in (None, ""):
                    return str(leaf.value)
            here = here.outer
        return ""


class Leaf(msgspec.Struct, frozen=True):
    """One text or number, and where it came from."""

    value: Value
    label: str  # "operator", "playbook", "company", an operation or event, "agent:NAME"
    field: str = ""  # of that operation's output: "lines.text"
    outside: bool = False
    secret: bool = False
    private: bool = False
    record: Record | None = None
    heard: Heard | None = None  # what the agent that said it was told; None: no agent had it in hands


class Heard:
    """All that something was made of: what an agent was told, what an expression read, what a question showed."""

    def __init__(self, label: str, leaves: Iterable[Leaf], *, chooses: bool = False, invents: bool = False) -> None:
        """Take it in the order in which it was told, and the label of what is found nowhere in it.

        `chooses`: an agent, that may take any of it for any purpose; `invents`: a person, who may add words of theirs.
        """
        self.label, self.chooses, self._invents = label, chooses, invents
        given = list(leaves)
        self.leaves = [trace(leaf) for leaf in given]
        self._handed = list(dict.fromkeys(leaf.heard for leaf in given if leaf.heard is not None))

    @property
    def unsure(self) -> bool:
        """Whether what stands nowhere in it may be a stranger's all the same."""
        return self.tainted and not self._invents

    @cached_property
    def tainted(self) -> bool:
        """Whether a stranger wrote any of it."""
        return any(leaf.outside and leaf.value not in (None, "") for leaf in self.leaves)

    @cached_property
    def own(self) -> list[tuple[str, Leaf]]:
        """The operator's own words."""
        return [(plain(leaf.value), leaf) for leaf in self.leaves if leaf.label in OWN and not leaf.outside]

    @cached_property
    def words(self) -> str:
        """The same as one text, a line each."""
        return "\n".join(text for text, _ in self.own)

    @cached_property
    def _trusted(self) -> list[tuple[str, Leaf]]:
        return [(plain(each.value), each) for each in self.leaves if not each.outside and each.label not in OWN]

    @cached_property
    def _outside(self) -> list[tuple[str, Leaf]]:
        return [(plain(leaf.value), leaf) for leaf in self.leaves if leaf.outside]

    @cached_property
    def guarded(self) -> list[tuple[str, Leaf]]:
        """What is secret or private, as it reads; also what only another one heard who handed something on."""
        here = [(plain(each.value), each) for each in self.leaves if (each.secret or each.private) and each.value]
        return [*here, *(one for heard in self._handed for one in heard.guarded)]

    @cached_property
    def _named_in(self) -> dict[tuple[str, str, str], int]:
        """How many records hold a text in a field: what several hold names none; one that was read twice is one."""
        found: dict[tuple[str, str, str], set[Record]] = {}
        for leaf in self.leaves:
            if leaf.record is not None and isinstance(leaf.value, str):
                found.setdefault((leaf.label, leaf.field, plain(leaf.value)), set()).add(leaf.record)
        return {
            key: len(records) if len(records) == 1 else len({record.content for record in records})
            for key, records in found.items()
        }

    def says(self, value: Value) -> bool:
        """Whether the operator's own words name a value."""
        return self.own_words(value) is not None

    def own_words(self, value: Value) -> Leaf | None:
        """Give the operator's own words that name a value; a name of a few letters has to be written as it is."""
        found = _found(value, self.own)
        if found is None and isinstance(value, str) and 1 < len(value) < SHORT_CHARS and value[0].isupper():
            as_it_is = re.compile(rf"(?<![\w@.+%&!~-]){re.escape(value)}(?![\w@+-]|\.\w)")
            return next((leaf for _, leaf in self.own if as_it_is.search(str(leaf.value))), None)
        return found

    def trusted(self, value: Value) -> list[Leaf]:
        """Give where a value stands that no stranger can write, the operator's own words left aside."""
        return _all_found(value, self._trusted)

    def strange(self, value: Value) -> Leaf | None:
        """Give the words of a stranger that hold a value, the latest of them."""
        return _found(value, self._outside[::-1])

    def _speaks_of(self, name: str) -> bool:
        """Whether the operator's own words say a title, be it without its hyphens and ending: "grocery list"."""
        said = " ".join(_TOKEN.findall(_ENDING.sub("", name)))
        return len(said) >= NAME_CHARS and f" {said} " in self._said

    @cached_property
    def _said(self) -> str:
        return f" {' '.join(_TOKEN.findall(self.words))} "

    def says_another(self, leaf: Leaf) -> bool:
        """Whether the operator's own words say what stands in the same field of another record: its number, say."""
        like = (other for _, other in self._trusted if (other.label, other.field) == (leaf.label, leaf.field))
        others = {str(other.value): other for other in like if plain(other.value) != plain(leaf.value)}
        return any(self.says(other.value) for other in others.values())

    def touches_record(self, leaf: Leaf) -> bool:
        """Whether the operator's own words and any text of the record a leaf stands in share a name: "Spotify"."""
        texts = thing_of(leaf.record).leaves if leaf.record is not None else ()
        return any(
            isinstance(other.value, str) and not self._capitals.isdisjoint(_CAPITAL.findall(other.value))
            for other in texts
            if other is not leaf
        )

    @cached_property
    def _capitals(self) -> frozenset[str]:
        return frozenset(name for _, leaf in self.own for name in _CAPITAL.findall(str(leaf.value)))

    def names_record(self, leaf: Leaf, *, by_strangers: bool, alone: bool = True) -> bool:
        """Whether the operator's own words name the record a leaf stands in, by a text that no other record holds.

        `by_strangers`: also by a text that a stranger may have written, such as the title of a file. `alone`: not with
        several of that name, such as all payments to one shop.
        """
        return leaf.record is not None and any(
            isinstance(other.value, str)
            and (by_strangers or (not other.outside and _is_name(other.value)))
            and len(name := plain(other.value)) >= NAME_CHARS
            and not NUMBER.fullmatch(name)
            and (not alone or self._named_in.get((other.label, other.field, name), 1) == 1)
            and (_found(name, self.own) is not None or (by_strangers and self._speaks_of(name)))
            for other in (leaf.record if alone else thing_of(leaf.record)).leaves
            if other is not leaf
        )


def trace(leaf: Leaf) -> Leaf:
    """Give the leaf an agent's word came from; the very same when no agent had it in hands.

    What stands nowhere is outside if anything was that the agent heard.
    """
    heard = leaf.heard
    if heard is None:
        return leaf
    own = heard.own_words(leaf.value)
    if own is not None:
        return own
    trusted = heard.trusted(leaf.value)
    if trusted:
        return trusted[0]
    return heard.strange(leaf.value) or Leaf(leaf.value, heard.label, outside=heard.unsure)


def said_source(label: str) -> str:
    """Say a label as a card does: "your tool n8n"; what has no words of its own stays as it is."""
    return f"your tool {label.removeprefix(TOOL)}" if label.startswith(TOOL) else label


def leaves_of(value: Value, label: str, gives: Gives) -> list[Leaf]:
    """Give the leaves of what an operation gave, each with its field and who can write it."""
    return [leaf for _, leaf in _walk(value, _Walk(label, gives), "", "", Record(gives))]


def placed_leaves_of(value: Value, label: str, gives: Gives) -> list[Placed]:
    """Give the same with the place of each in the value."""
    return list(_walk(value, _Walk(label, gives), "", "", Record(gives)))


def leaf_paths(value: Value, path: str = "") -> Iterator[tuple[str, Value]]:
    """Give the texts and numbers in a value, each with its dotted path; places in lists count: "files.0.name"."""
    if isinstance(value, dict):
        for name, inner in cast("dict[str, Value]", value).items():
            yield from leaf_paths(inner, joined(path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(cast("list[Value]", value)):
            yield from leaf_paths(inner, joined(path, str(at)))
    elif value is not None and not isinstance(value, bool):
        yield path, value


def joined(path: str, name: str) -> str:
    """Put two parts of a dotted path together, of which either may be empty."""
    return f"{path}.{name}" if path and name else path or name


def thing_of(record: Record) -> Record:
    """Give the record of what something is about: money is no thing of its own, but a part of one."""
    money = record.outer is not None and {leaf.field.rpartition(".")[2] for leaf in record.leaves} <= _MONEY
    return record.outer if money and record.outer is not None else record


def _is_name(text: str) -> bool:
    """Whether a text can name a record, and does not only tell how it stands: "Anna", "2044", not "unread"."""
    telling = any(char.isdigit() or char == "@" or (char.isalpha() and not char.islower()) for char in text)
    return telling and text.strip().casefold() not in _STATES


def is_under(field: str, declared: Iterable[str]) -> bool:
    """Whether a field is one that is declared, or below one."""
    return any(one in ("*", field) or field.startswith(f"{one}.") for one in declared)


def plain(value: Value) -> str:
    """Write a value as it is compared: small letters, single spaces. What is another address stays another."""
    text = str(value)
    return _SPACE.sub(" ", text if text.isascii() else unicodedata.normalize("NFC", text)).strip().lower()


# --- leaves


class _Walk(msgspec.Struct, frozen=True):
    label: str
    gives: Gives


def _walk(value: Value, walk: _Walk, field: str, place: str, record: Record) -> Iterator[Placed]:
    if isinstance(value, dict):
        inner = Record(walk.gives, record)
        for name, item in cast("dict[str, Value]", value).items():
            if _FIELD.fullmatch(name):
                yield from _walk(item, walk, joined(field, name), joined(place, name), inner)
            else:  # the key is data: it and what it leads to are a record of their own
                pair = Record(walk.gives, inner)
                yield f"{joined(place, name)}#", _leaf(name, walk, field, pair)
                yield from _walk(item, walk, field, joined(place, name), pair)
    elif isinstance(value, list):
        for at, item in enumerate(cast("list[Value]", value)):
            yield from _walk(item, walk, field, joined(place, str(at)), record)
    elif value is not None and not isinstance(value, bool):
        yield place, _leaf(value, walk, field, record)


def _leaf(value: Value, walk: _Walk, field: str, record: Record) -> Leaf:
    gives = walk.gives
    outside = gives.trusted != ALL and not is_under(field, gives.trusted)
    secret, private = is_under(field, gives.secret), is_under(field, gives.private)
    leaf = Leaf(value, walk.label, field, outside, secret, private, record)
    record.leaves.append(leaf)
    return leaf


# --- found again


def _found(value: Value, texts: Sequence[tuple[str, Leaf]]) -> Leaf | None:
    return next(_hits(value, texts), None)


def _all_found(value: Value, texts: Sequence[tuple[str, Leaf]]) -> list[Leaf]:
    return list(_hits(value, texts))


def _hits(value: Value, texts: Sequence[tuple[str, Leaf]]) -> Iterator[Leaf]:
    """Give the leaves that say a value: a number as a number, a text as whole words, a short one only by itself."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = abs(float(value))
        yield from (leaf for text, leaf in texts if number in numbers_in(leaf.value, text))
        return
    sought = plain(value)
    if not sought:
        return
    if _ACCOUNT.fullmatch(bare := _APART.sub("", sought)):  # people write them in groups
        grouped = re.compile(rf"(?<!\w){'[ -]?'.join(bare)}(?!\w)")
        yield from (leaf for text, leaf in texts if bare in _APART.sub("", text) and grouped.search(text))
        return
    if len(sought) < SHORT_CHARS:
        yield from (leaf for text, leaf in texts if text == sought)
        return
    pattern = re.compile(rf"(?<![\w@.+%&!~-]){re.escape(sought)}(?![\w@+-]|\.\w)")
    yield from (leaf for text, leaf in texts if sought in text and pattern.search(text))


def numbers_in(value: Value, text: str) -> set[float]:
    """Give the numbers a leaf says: "1,200.50" and "1.200,50" read as both could be meant."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {abs(float(value))}
    found: set[float] = set()
    for part in NUMBER.findall(text):
        bare = part.lstrip("+-")
        point = max(bare.rfind(","), bare.rfind("."))
        if point < 0 or {",", "."} <= set(bare):  # the last of two signs is the point
            found.add(float(_DIGITS.sub("", bare[:point]) + "." + bare[point + 1 :] if point > 0 else bare))
            continue
        if bare.count(bare[point]) == 1:
            found.add(float(bare[:point] + "." + bare[point + 1 :]))
        if len(bare) - point - 1 == _GROUP:  # or it groups the thousands
            found.add(float(_DIGITS.sub("", bare)))
    return found
