"""XML from outside, read so that nothing but its own text can come in.

A document type is refused before anything is parsed: with it go entities, their expansion, and every way to name
another file. The text is decoded here, strictly, and parsed as what was decoded, so that what was searched for a
document type is what the parser sees. libxml2 itself stops at a depth of 256.

Namespaces are dropped from the names: what they said stays in `Tree.namespace`.
"""

from __future__ import annotations

import codecs
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from mainstay.connectors.source import AGAIN, DOCTYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.connectors.source import Source

# Encodings bank files come in; anything rarer is refused by name.
ENCODINGS = frozenset({"utf-8", "utf-16", "ascii", "iso8859-1", "iso8859-15", "cp1252"})

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")


class Node(Protocol):
    """An element, as far as it is used here. Paths are plain names with slashes."""

    tag: str
    text: str | None

    @property
    def sourceline(self) -> int | None:
        """The line in the file, from 1."""
        ...

    def get(self, key: str, /) -> str | None:
        """Give an attribute."""
        ...

    def find(self, path: str, /) -> Node | None:
        """Give the first element at a path."""
        ...

    def findall(self, path: str, /) -> list[Node]:
        """Give all elements at a path."""
        ...

    def iter(self, *tags: str) -> Iterator[Node]:
        """Give the element itself and all below it, in the order of the file."""
        ...

    def __iter__(self) -> Iterator[Node]: ...


class Tree(msgspec.Struct, frozen=True):
    """A parsed file: its root, and the namespace the root declared ("" when none)."""

    root: Node
    namespace: str


def parse(source: Source) -> Tree:
    """Parse a file, without namespaces in its names.

    Raises FileError with the line when it is no well-formed XML, holds a document type, or is not in the encoding
    it declares.
    """
    etree: Any = import_module("lxml.etree")  # it has no types
    text = _decoded(source)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
    )
    try:
        root: Node = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        line: int = error.position[0] or 0
        raise source.error(f"this is no complete XML ({_clause(error.msg)})", line=line, remedy=AGAIN) from error
    namespace: str = etree.QName(root).namespace or ""
    for node in root.iter():
        node.tag = str(etree.QName(node).localname)
    etree.cleanup_namespaces(root)
    return Tree(root, namespace)


def canonical(node: Node) -> str:
    """Write an element as text that is equal for equal content: canonical XML."""
    etree: Any = import_module("lxml.etree")
    content: bytes = etree.tostring(node, method="c14n", with_tail=False)
    return content.decode()


def text_at(node: Node, path: str) -> str:
    """Give the text at a path with single spaces, "" when there is none."""
    found = node.find(path)
    return "" if found is None else " ".join((found.text or "").split())


def texts_at(node: Node, path: str) -> list[str]:
    """Give all texts at a path with single spaces, leaving out empty ones."""
    return [text for found in node.findall(path) if (text := " ".join((found.text or "").split()))]


def _decoded(source: Source) -> str:
    """Decode a file by its mark or its declaration, and refuse what no statement needs."""
    encoding = _encoding_of(source)
    try:
        text = source.content.decode(encoding)
    except UnicodeDecodeError as error:
        line = source.content.count(b"\n", 0, error.start) + 1
        what = f"the file says it is {encoding.removesuffix('-sig').upper()} but is not"
        raise source.error(what, line=line, remedy=AGAIN) from error
    for sign, what in (("\0", "there are NUL characters in the text"), ("<!DOCTYPE", DOCTYPE), ("<!ENTITY", DOCTYPE)):
        if (at := text.find(sign)) >= 0:
            raise source.error(what, line=text.count("\n", 0, at) + 1, remedy=AGAIN)
    # Line breaks of a removed declaration stay, so that lines are counted as in the file.
    return _DECLARATION.sub(lambda match: "\n" * match[0].count("\n"), text.removeprefix("\ufeff"), count=1)


def _encoding_of(source: Source) -> str:
    marked = next((name for mark, name in _MARKS if source.content.startswith(mark)), "")
    if marked:
        return marked
    declared = _DECLARED.match(source.content[:400])
    name = declared[1].decode("ascii") if declared else "utf-8"
    try:
        encoding = codecs.lookup(name).name
    except LookupError:
        encoding = ""
    if encoding not in ENCODINGS:
        raise source.error(f"the encoding {name!r} can't be read", line=1, remedy="Export the file as UTF-8.")
    return encoding


def _clause(message: str | None) -> str:
    """Cut the position off libxml2's words; the place is named apart."""
    return re.sub(r", line \d+, column \d+.*$", "", message or "no element found")
