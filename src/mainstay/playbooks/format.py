"""Reads a playbook's YAML as a tree in which every node knows its place.

It reads the event stream, so that what YAML can do beyond plain data is refused before anything is built: tags,
anchors, aliases, merges, several documents, a key twice. Plain scalars stay text; the compiler gives them types.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mainstay.errors import InactiveError, PlaybookError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000
QUOTES_HINT = "put it in quotes"
INSIDE_HINT = "inside double quotes write single ones, or the other way round"
# What YAML's reader says, and what is said of it: the first part that fits.
_SAID = (
    ("'\\t'", "a tab: YAML is indented with spaces"),
    ("mapping values are not", f"a second colon in one line; if a text holds it, {QUOTES_HINT}"),
    (
        "but found '<scalar>'",
        f"a text goes on behind its closing quote; {INSIDE_HINT}",
    ),
    ("but found '<block", "this line is not indented like the one it belongs with"),
    ("but found '-'", "this line is not indented like the one it belongs with"),
    ("but found '<stream end>'", "a bracket that is opened before this is never closed"),
    ("got '<stream end>'", "a bracket that is opened before this is never closed"),
    ("got ':'", f"a comma is missing before this; or a text holds a colon: {QUOTES_HINT}"),
    ("got '<scalar>'", "a comma or bracket is missing before this, or a quote stands inside of quotes"),
    ("expected ',' or", "a comma or bracket is missing before this"),
    ("could not find expected ':'", "this line has no colon: a key is followed by ': ' and its value"),
    ("unknown escape", "in double quotes a backslash is written twice; single quotes take it as it is"),
    ("cannot start any token", f"a text can't begin with this letter; {QUOTES_HINT}"),
    ("expected '<document start>'", "what stands before this is a whole by itself, and this does not go on with it"),
    ("expected a comment or a line break", f"a text behind '>' or '|' begins on the next line; or {QUOTES_HINT}"),
)  # fmt: skip
NEVER_CLOSED = "a quote that is opened here is never closed"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
TEXT_HINT = f"; if it is text, {QUOTES_HINT}"


class Place(NamedTuple):
    """Where something stands, counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Scalar(NamedTuple):
    """A text as it was read, and `raw` as it stands in the file. `cut` says what ended a plain one too early."""

    text: str
    place: Place
    raw: str
    plain: bool
    cut: str = ""

    def at(self, offset: int) -> Place:
        """Give the place of a character of the text, as exactly as quoting and folding allow."""
        lines = self.text[:offset].split("\n")
        whole = self.text.split("\n")[len(lines) - 1]
        start = 0
        for line in (*lines[:-1], whole):
            start = self.raw.find(line, start)
            if start < 0:
                return self.place
            start += len(line)
        ahead = self.raw[: start - len(whole) + len(lines[-1])]
        if "\n" not in ahead:
            return self.place._replace(column=self.place.column + len(ahead))
        return self.place._replace(line=self.place.line + ahead.count("\n"), column=len(ahead) - ahead.rfind("\n"))


class Mapping(NamedTuple):
    """Keys with their values, in the order of the file."""

    keys: dict[str, Scalar]
    values: dict[str, Node]
    place: Place


class Listing(NamedTuple):
    """A list."""

    items: list[Node]
    place: Place


Node: TypeAlias = "Scalar | Mapping | Listing"


class Report:
    """Collects what is wrong with one playbook."""

    def __init__(self) -> None:
        self._findings: dict[str, Place] = {}
        self.inactive: InactiveError | None = None  # an agent that is not active: said when nothing else is wrong

    def add(self, place: Place, message: str) -> None:
        """Note one finding; the same one twice counts once."""
        self._findings.setdefault(f"{place}: {message}", place)

    @property
    def found(self) -> bool:
        """Whether there is anything wrong."""
        return bool(self._findings)

    def stop(self) -> None:
        """Raise PlaybookError with all findings in the order of the file, if there are any; else what is not active."""
        if self._findings:
            ordered = sorted(self._findings.items(), key=lambda item: (item[1].file.startswith("templates/"), item[1]))
            raise PlaybookError(tuple(text for text, _ in ordered))
        if self.inactive is not None:
            raise self.inactive


def read_yaml(source: str, file: str, what: str = "playbook") -> Node:
    """Read a YAML text, called `what` it is; raises PlaybookError naming the place in `file`."""
    report = Report()
    if len(source.encode("utf-8", "replace")) > MAX_BYTES:
        report.add(Place(file, 1, 1), f"the file is larger than {MAX_BYTES // 1024} KB")
        report.stop()
    tree = _Reader(source, file, report, what).read()
    report.stop()
    assert tree is not None
    return tree


class _Refused(Exception):  # noqa: N818 - control flow inside this file
    """A finding after which reading makes no sense."""


class _Reader:
    def __init__(self, source: str, file: str, report: Report, what: str) -> None:
        self._what = what
        self._source = source
        self._file = file
        self._report = report
        self._nodes = 0

    def read(self) -> Node | None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        yaml: Any = YAML(typ="safe", pure=True)
        try:
            events: Iterator[Any] = iter(yaml.parse(self._source))
            return self._document(events)
        except MarkedYAMLError as error:
            message = _say(error)
            self._report.add(self._place(_mark(error, message)), message)
        except YAMLError as error:
            self._report.add(Place(self._file, 1, 1), f"this is no YAML: {str(error).splitlines()[0]}")
        except _Refused:
            pass
        return None

    def _document(self, events: Iterator[Any]) -> Node:
        tree: Node | None = None
        for event in events:
            kind = type(event).__name__
            if kind in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
                continue
            if kind == "DocumentStartEvent":
                if tree is not None:
                    self._refuse(event, f"a second document ('---') in one {self._what}")
                if event.version or event.tags:
                    self._refuse(event, "a YAML directive ('%')")
                tree = self._node(next(events), events, 0)
        if tree is None or (isinstance(tree, Scalar) and not tree.text):
            self._report.add(Place(self._file, 1, 1), f"the {self._what} is empty")
            raise _Refused
        return tree

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:  # noqa: ANN401 - ruamel has no types
        self._admit(event, depth)
        match type(event).__name__:
            case "ScalarEvent":
                return self._scalar(event)
            case "SequenceStartEvent":
                return self._listing(event, events, depth)
            case _:
                return self._mapping(event, events, depth)

    def _admit(self, event: Any, depth: int) -> None:  # noqa: ANN401
        self._nodes += 1
        if type(event).__name__ == "AliasEvent":
            self._refuse(event, f"the alias '*{event.anchor}': write the value where it is used{TEXT_HINT}")
        if getattr(event, "anchor", None):
            self._refuse(event, f"the anchor '&{event.anchor}': {_many(self._what)} have no anchors{TEXT_HINT}")
        if getattr(event, "tag", None):
            self._refuse(event, f"the tag '{event.tag}': {_many(self._what)} have no tags{TEXT_HINT}")
        if depth > MAX_DEPTH:
            self._refuse(event, f"more than {MAX_DEPTH} levels inside each other")
        if self._nodes > MAX_NODES:
            self._refuse(event, f"more than {MAX_NODES:,} values")

    def _listing(self, start: Any, events: Iterator[Any], depth: int) -> Listing:  # noqa: ANN401
        items: list[Node] = []
        while type(event := next(events)).__name__ != "SequenceEndEvent":
            items.append(self._node(event, events, depth + 1))
        return Listing(items, self._place(start.start_mark))

    def _mapping(self, start: Any, events: Iterator[Any], depth: int) -> Mapping:  # noqa: ANN401
        found = Mapping({}, {}, self._place(start.start_mark))
        while type(event := next(events)).__name__ != "MappingEndEvent":
            key = self._node(event, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            if not isinstance(key, Scalar):
                braces = self._source.startswith("{{", self._index(found.place))
                hint = "; a text that begins with '{{' has to stand in quotes" if braces else ""
                self._report.add(key.place, f"a key must be a plain word{hint}")
                continue
            if key.plain and key.text == "<<":
                self._report.add(key.place, "the merge '<<': write the keys where they are used")
                continue
            if key.text in found.keys:
                self._report.add(key.place, f"the key {key.text!r} stands here twice")
                continue
            found.keys[key.text] = self._mark_cut(key, value)
            found.values[key.text] = value
        return found

    def _mark_cut(self, key: Scalar, value: Node) -> Scalar:
        """A key of a flow mapping without a value is what stood behind a comma in unquoted text."""
        alone = isinstance(value, Scalar) and value.plain and not value.raw and not key.raw.endswith(":")
        after = self._source[self._index(key.place) + len(key.raw) :].lstrip(" ")
        return key._replace(cut=",") if alone and after[:1] in (",", "}") else key

    def _index(self, place: Place) -> int:
        start = 0
        for _ in range(place.line - 1):
            start = self._source.index("\n", start) + 1
        return start + place.column - 1

    def _scalar(self, event: Any) -> Scalar:  # noqa: ANN401
        raw = self._source[event.start_mark.index : event.end_mark.index]
        plain = event.style is None or event.style == ""
        if _CONTROL.search(event.value):
            hint = "in double quotes a backslash is written twice; single quotes take it as it is"
            self._report.add(self._place(event.start_mark), f"the text holds a control character; {hint}")
        rest = self._source[event.end_mark.index :].split("\n", 1)[0]
        cut = "#" if plain and raw and re.match(r"\s+#", rest) else ""
        return Scalar(str(event.value), self._place(event.start_mark), raw, plain, cut)

    def _place(self, mark: Any) -> Place:  # noqa: ANN401
        return Place(self._file, 1, 1) if mark is None else Place(self._file, mark.line + 1, mark.column + 1)

    def _refuse(self, event: Any, message: str) -> None:  # noqa: ANN401
        self._report.add(self._place(event.start_mark), message)
        raise _Refused


def _many(what: str) -> str:
    return f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"


def _mark(error: Any, message: str) -> Any:  # noqa: ANN401 - ruamel's marked error
    """Give where it went wrong; of a quote that is never closed, where it was opened."""
    began = error.context_mark if message == NEVER_CLOSED else None
    return began or error.problem_mark or error.context_mark


def _say(error: Any) -> str:  # noqa: ANN401 - ruamel's marked error
    problem = str(error.problem or error.context or "this is no YAML")
    if "while scanning a quoted scalar" in str(error.context) and "end of stream" in problem:
        return NEVER_CLOSED
    return next((said for part, said in _SAID if part in problem), problem)
