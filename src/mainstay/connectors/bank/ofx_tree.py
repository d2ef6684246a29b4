"""OFX as a tree: version 1 (SGML, where closing tags of values may be missing) and version 2 (XML) by one tokenizer.

One is enough, because banks mix the two: an XML header over values without closing tags, SGML that closes them all.
 - An element with text is a value. It ends at its own closing tag, or at any other tag.
 - An element without text is closed by its own tag; else it was an empty value, unless it is one of `AGGREGATES`,
   whose loss would lose or join entries: these must be closed, in order, and hold no text of their own.
 - One aggregate is known to be left open: the list of entries, before the balance that follows it. That is told.
 - So a file that was cut, or lost a part in the middle, is no tree, and is refused.
There are no entities but the five of XML, &nbsp; and numbers; other ampersands stand for themselves, as banks forget
to escape them. A document type is refused. Nothing recurses, and the depth is bounded.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, NoReturn

import msgspec

from mainstay.connectors.source import AGAIN, DOCTYPE, Source, unix_lines
from mainstay.connectors.tables import decode
from mainstay.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_OFX_BYTES = 32 * 1024 * 1024  # some 100,000 to 200,000 entries; reading takes up to twenty times as much memory
MAX_ELEMENTS = 1_500_000  # of some 400 bytes each
MAX_DEPTH = 60
MAX_VALUE = 20_000  # characters of one value

_SHORTER = "Export a shorter period, or several files, and give each by itself."
# The same thing for cards and for accounts. Some banks close one with the name of the other.
_SAME = {
    "CREDITCARDMSGSRSV1": "BANKMSGSRSV1",
    "CCSTMTTRNRS": "STMTTRNRS",
    "CCSTMTRS": "STMTRS",
    "CCACCTFROM": "BANKACCTFROM",
    "CCACCTTO": "BANKACCTTO",
}
AGGREGATES = frozenset(
    """
    OFX SIGNONMSGSRSV1 SONRS STATUS BANKMSGSRSV1 STMTTRNRS STMTRS BANKACCTFROM BANKTRANLIST BANKTRANLISTP STMTTRN
    STMTTRNP BANKACCTTO CURRENCY ORIGCURRENCY LEDGERBAL AVAILBAL INVSTMTMSGSRSV1 INVSTMTTRNRS INVSTMTRS
    INVACCTFROM INVTRANLIST INVBANKTRAN
    """.split()
)
_LISTS = frozenset({"BANKTRANLIST", "BANKTRANLISTP"})
_BALANCES = frozenset({"LEDGERBAL", "AVAILBAL"})
_OPEN = "Lists of entries that are not closed, as some banks leave them"
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos|nbsp));")
_TOKEN = re.compile(r"<(/?)([A-Za-z][\w.:-]{0,63}+)((?:[\s/][^<>]*+)?)>|<!\[CDATA\[|<!--|<[!?]", re.ASCII)
_BODY = re.compile(r"<(?:\w{1,20}:)?OFX(?=[\s/>])", re.IGNORECASE)
_DECLARED = re.compile(rb"""\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']|CHARSET\s*:\s*([A-Za-z0-9-]{1,20})""")
_WINDOWS = re.compile(r"(?:windows-?|cp)?(125[0-8])(?![0-9])", re.IGNORECASE)
_LATIN = re.compile(r"(?:iso-?)?8859-([0-9]{1,2})", re.IGNORECASE)


class Element(msgspec.Struct, gc=False):  # a tree has no cycles
    """A value, or an aggregate with children. `start` and `end` are its place in `Tree.text`."""

    name: str  # in capitals
    line: int
    start: int
    value: str = ""  # with single spaces
    children: list[Element] = []
    end: int = 0

    def find(self, name: str) -> Element | None:
        """Give the first child of a name."""
        return next((child for child in self.children if child.name == name), None)

    def findall(self, *names: str) -> list[Element]:
        """Give all children with one of these names."""
        return [child for child in self.children if child.name in names]

    def text(self, path: str) -> str:
        """Give the value at a path with slashes, "" when there is none."""
        found: Element | None = self
        for name in path.split("/"):
            found = found.find(name) if found is not None else None
        return found.value if found is not None else ""

    def iter(self) -> Iterator[Element]:
        """Give all elements below this one, and itself; in the order of the file."""
        waiting: list[Element] = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += reversed(element.children)


class Tree(msgspec.Struct, frozen=True):
    """A parsed file."""

    root: Element
    text: str  # with \n at the end of each line
    header: str
    notes: tuple[str, ...]


def parse(source: Source) -> Tree:
    """Parse a file. Raises FileError with the line when it is no complete OFX, or not in an encoding known here."""
    text, note = _decoded(source)
    body = _BODY.search(text)
    if body is None:
        raise source.error("there is no <OFX>: the file was cut off, or holds only a part", remedy=AGAIN)
    header = text[: body.start()]
    declared = re.search("<!DOCTYPE|<!ENTITY", header, re.IGNORECASE)
    if declared:
        raise source.error(DOCTYPE, line=header.count("\n", 0, declared.start()) + 1, remedy=AGAIN)
    builder = _Builder(source, text)
    return Tree(builder.build(body.start()), text, header, (*filter(None, [note]), *builder.notes))


class _Builder:
    """Builds the tree, with the elements that are open on a stack."""

    def __init__(self, source: Source, text: str) -> None:
        self.source = source
        self.input = text
        self.stack: list[Element] = []
        self.root: Element | None = None
        self.notes: list[str] = []
        self.names: dict[str, str] = {}  # as written -> as meant
        self.elements = 0
        self.line = 1
        self.counted = 0  # up to where lines are counted

    def build(self, begin: int) -> Element:
        """Read all from a place on; raises FileError."""
        at = begin
        while found := _TOKEN.search(self.input, at):
            self.take(_unescaped(self.input[at : found.start()]), at)
            self.count_to(found.start())
            at = found.end() if found[2] else self.special(found)
            if found[2]:
                self.tag(found)
        self.take(_unescaped(self.input[at:]), at)
        if self.stack or self.root is None:
            self.count_to(len(self.input.rstrip()))
            names = ", ".join(element.name for element in self.stack[-3:])
            self.fail(f"the file ends before </OFX> ({names} still open): it was cut off")
        return self.root

    def tag(self, found: re.Match[str]) -> None:
        """Open or close an element."""
        name = self.names.get(found[2])
        if name is None:
            plain = found[2].rpartition(":")[2].upper()
            name = self.names[found[2]] = _SAME.get(plain, plain)
        if self.root is not None and not self.stack:
            self.fail(f"there is more after </OFX> ({name})", "Give each OFX file by itself, as it came from the bank.")
        if self.stack and self.stack[-1].value and not (found[1] and self.stack[-1].name == name):
            self.end(len(self.stack) - 1, found.start())
        if found[1]:
            self.close(name, found.end())
        else:
            self.open(name, found.start())
            if found[3].endswith("/"):
                self.close(name, found.end())

    def open(self, name: str, start: int) -> None:
        """Begin an element inside the one that is open."""
        if len(self.stack) >= MAX_DEPTH:
            self.fail(f"elements are nested more than {MAX_DEPTH} deep")
        self.elements += 1
        if self.elements > MAX_ELEMENTS:
            self.fail(f"there are more than {MAX_ELEMENTS:,} elements", _SHORTER)
        if name in _BALANCES and self.stack and self.stack[-1].name in _LISTS:
            self.notes.append(_OPEN)
            self.end(len(self.stack) - 1, start)
        element = Element(name, self.line, start)
        if self.stack:
            self.stack[-1].children.append(element)
        else:
            self.root = element
        self.stack.append(element)

    def close(self, name: str, end: int) -> None:
        """End an element, and the empty values inside it that were never closed."""
        at = next((at for at in reversed(range(len(self.stack))) if self.stack[at].name == name), -1)
        if at < 0:
            self.fail(f"</{name}> closes nothing: a part of the file is missing or altered")
        inner = next((element for element in self.stack[at + 1 :] if element.name in AGGREGATES), None)
        if inner is not None:
            self.fail(f"</{name}> stands before {inner.name} of line {inner.line} is closed: a part is missing")
        self.end(at, end)

    def end(self, at: int, end: int) -> None:
        """Take an element off the stack; what stands in unclosed values above it is its own."""
        element = self.stack[at]
        for empty in self.stack[at + 1 :]:
            element.children += empty.children
            empty.children = []
        element.end = end
        element.value = " ".join(element.value.split())
        del self.stack[at:]

    def take(self, text: str, at: int) -> None:
        """Take text between two tags; `at` is where it begins."""
        if not text or text.isspace():
            return
        top = self.stack[-1] if self.stack else None
        if top is None or top.children or top.name in AGGREGATES:
            self.count_to(at + len(text) - len(text.lstrip()))
            where = f"in {top.name}" if top else "after </OFX>"
            self.fail(f"there is text {where} where there may be none ({' '.join(text.split())[:30]!r})")
        top.value += text
        if len(top.value) > MAX_VALUE:
            self.fail(f"the text of {top.name} has more than {MAX_VALUE} characters")

    def special(self, found: re.Match[str]) -> int:
        """Pass over a comment, or take literal text; give the place after it."""
        if found[0] not in {"<!--", "<![CDATA["}:
            self.fail(DOCTYPE if found[0] == "<!" else "there is a processing instruction inside the document")
        ends = "-->" if found[0] == "<!--" else "]]>"
        end = self.input.find(ends, found.end())
        if end < 0:
            self.fail(f"{found[0]} is not closed: the file was cut off")
        if ends == "]]>":
            self.take(self.input[found.end() : end], found.end())
        return end + len(ends)

    def count_to(self, at: int) -> None:
        """Count the lines up to a place."""
        self.line += self.input.count("\n", self.counted, at)
        self.counted = at

    def fail(self, what: str, remedy: str = AGAIN) -> NoReturn:
        """Raise FileError for the line that is read."""
        raise self.source.error(what, line=self.line, remedy=remedy)


def _unescaped(text: str) -> str:
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    """Give what an entity stands for; a number that is no printable character stays as it is."""
    if found[3]:
        return _ENTITIES[found[3]]
    code = int(found[1]) if found[1] else int(found[2], 16)
    surrogates, last = range(0xD800, 0xE000), 0x10FFFF
    return chr(code) if code >= ord(" ") and code not in surrogates and code <= last else found[0]


def _decoded(source: Source) -> tuple[str, str]:
    """Decode a file as a table is; the encoding its header names counts where it is not in UTF-8 or UTF-16."""
    whole = Source(source.name, source.content.rstrip(b"\x1a"))  # which is how DOS ends a file
    said = _said(whole.content)
    note = ""
    try:
        text, name = decode(whole, most=MAX_OFX_BYTES)
    except FileError:
        if not said or len(whole.content) > MAX_OFX_BYTES:
            raise
        name = ""
        text = ""
    if not name.startswith("utf"):
        if said:
            text, _ = decode(whole, said, most=MAX_OFX_BYTES)
        else:
            note = "The text is not in UTF-8, and the file names no other encoding; it was read as"
            note += f" {name.replace('cp', 'Windows-')}."
    return unix_lines(text), note


def _said(content: bytes) -> str:
    """Give the single-byte encoding a header names, "" when it names none."""
    found = _DECLARED.search(content[:2000])
    name = (found[1] or found[2]).decode("ascii") if found else ""
    windows, latin = _WINDOWS.match(name), _LATIN.match(name)
    if windows:
        return f"cp{windows[1]}"
    if latin is None or latin[1] == "1":  # those who write 8859-1 mean Windows-1252, which has all of it
        return "cp1252" if latin else ""
    try:
        return codecs.lookup(f"iso8859-{latin[1]}").name
    except LookupError:
        return ""
