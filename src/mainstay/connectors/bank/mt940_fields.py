"""The fields of a SWIFT file, each with the line it begins at, parted into messages.

A message begins with :20: (or with the first field after another's end) and ends with a line "-", or "-}" where it
stands in SWIFT blocks. Lines before it that are no field (ABNANL2A, :940:, 0000 01INGBNL2AXXXX00001) are a bank's own
envelope. Everything else must belong to a field: what can't be placed is an error, so that no line is lost unseen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.source import MAX_FILE_BYTES, Source
from mainstay.connectors.tables import decode

if TYPE_CHECKING:
    from mainstay.errors import FileError

MAX_ENTRIES = 200_000  # some years of a busy account; reading them takes about 20 s and 500 MB
TAGS = frozenset("13 13D 20 21 25 25P 28 28C 34F 60 60F 60M 61 62 62F 62M 64 65 86 90D 90C NS".split())
AGAIN = "Export the statement again at the bank, and give the file as it came."
SHORTER = "Export shorter periods, and give each as a file of its own."

_LONG = frozenset({"61", "86", "NS", "25P"})  # fields that may go over several lines
_ENVELOPE_LINES = 10  # between two messages
_HEADER = 1000  # characters of the blocks before a message
_BREAK = re.compile(r"\r\n|\n|\r")
_FRAME = re.compile(rb"(?m)^[\x01\x02]+|[\x03\x04]+(?=[\x01\r\n]|\Z)|\x1a+\s*\Z")  # signs of transmission
_TAG = re.compile(r":([0-9]{2}[A-Z]?|NS):(.*)")
_END = re.compile(r"-(?:\}(.*)|XXX)?\s*")
_BLOCK = re.compile(r"\{[1-5S]:")
_KIND = re.compile(r"\{2:[IO]([0-9]{3})")
_BEGINS = re.compile(rb"(?:\A|[\r\n\x01])(?:\{4:)?:(?:20|25P?|28C?|60[FM]?|61|62[FM]?|64|86|NS|94[02]):|\A\s*\{1:F")
# A field that is not recognised as one, because the break before it or a character of its tag is damaged.
_INSIDE = re.compile(r":61:[0-9]{6}|:86:|:6[02][FM]:")
_DAMAGED = re.compile(r".{0,4}[0-9]{6}(?:[0-9]{4})?[RE]?[CD][A-Z]?[0-9]{1,15},[0-9]{0,2}[NFS][A-Z0-9 ]{3}")


class Field(msgspec.Struct, frozen=True):
    """A field: its tag without colons, its lines without the tag, and the line of the file it begins at."""

    tag: str
    lines: tuple[str, ...]
    line: int

    @property
    def raw(self) -> str:
        """The field as the bank wrote it."""
        return f":{self.tag}:" + "\n".join(self.lines)


class Message(msgspec.Struct, frozen=True):
    """The fields of one message. `kind` is the type its header says, "" when it has none; `ended` that its end is."""

    kind: str
    fields: tuple[Field, ...]
    ended: bool


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file is of SWIFT fields."""
    return _BEGINS.search(head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")) is not None


def messages_of(source: Source) -> list[Message]:
    """Part a file into messages. Raises FileError with the line when something can't be placed."""
    framed = msgspec.structs.replace(source, content=_FRAME.sub(b"", source.content))
    text, _ = decode(framed, most=MAX_FILE_BYTES)
    entries = text.count(":61:")
    if entries > MAX_ENTRIES:
        what = f"the file has {entries:,} lines of a statement (:61:), and may have {MAX_ENTRIES:,}"
        raise source.error(what, remedy=SHORTER)
    scanner = _Scanner(source)
    for number, line in enumerate(_BREAK.split(text), 1):
        scanner.take(number, line)
    return scanner.finish()


class _Scanner:
    """Takes a file line by line. `fields` are those of the message that is open."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.messages: list[Message] = []
        self.fields: list[Field] = []
        self.lines: list[str] = []  # of the last field, which may go on
        self.kind = ""
        self.header = ""  # of a message in blocks, as far as it was read
        self.block_at = 0  # the line at which the open block begins
        self.strays: list[int] = []  # lines of an envelope, since the last message

    def take(self, number: int, line: str) -> None:
        """Place one line of the file; where a message ends in it, another may begin behind that."""
        while line.strip():
            line = self._take_piece(number, line)

    def finish(self) -> list[Message]:
        """Give the messages; raises FileError when the last one is not complete."""
        self._close(ended=False)
        if self.block_at or self.header:
            what = "the last message has no end (-}); the file was cut off"
            raise self.source.error(what, line=self.block_at, remedy=AGAIN)
        if self.strays and self.messages:
            what = "this text stands after the end of the last statement; the file was cut off or altered"
            raise self.source.error(what, line=self.strays[0], remedy=AGAIN)
        if not self.messages:
            raise self.source.error("the file holds no statement", remedy=AGAIN)
        return self.messages

    def _take_piece(self, number: int, line: str) -> str:
        """Place a line, and give what is left of it behind the end or the header of a message."""
        end = _END.fullmatch(line)
        tag = _TAG.match(line)
        if self.header or _BLOCK.match(line):
            return self._take_header(number, line)
        if end is not None:
            self._close(ended=True)
            self.kind, self.block_at = "", 0
            return (end[1] or "").strip()
        if re.fullmatch(r":9[0-9]{2}:\s*", line):
            self._close(ended=False)
        elif tag is not None:
            self._take_field(number, tag[1], tag[2])
        else:
            self._take_rest(number, line)
        return ""

    def _take_header(self, number: int, line: str) -> str:
        if not self.header and line.startswith(("{5:", "{S:")):  # the trailer of a message; another may follow it
            line = line[line.find("{1:") :] if "{1:" in line else ""
        if line and self.block_at:
            what = "a new message begins here, but the one before it has no end (-}); something was cut out"
            raise self.source.error(what, line=number, remedy=AGAIN)
        self._close(ended=False)
        self.header += line
        head, begins, rest = self.header.partition("{4:")
        if begins:
            found = _KIND.search(head)
            self.kind, self.header, self.block_at = found[1] if found else "", "", number
        elif len(self.header) > _HEADER:
            raise self.source.error("the header that begins here has no text ({4:)", line=number, remedy=AGAIN)
        return rest

    def _take_field(self, number: int, tag: str, text: str) -> None:
        if tag not in TAGS:
            what = f"the field :{tag}: is none of an account statement"
            raise self.source.error(what, line=number, remedy=AGAIN)
        if _INSIDE.search(text):
            raise self._hidden(number)
        if tag == "20":
            self._close(ended=False)
        self._end_field()
        self.strays = []
        self.fields.append(Field(tag, (text,), number))
        self.lines = [text]

    def _take_rest(self, number: int, line: str) -> None:
        """Take a line that begins no field: the last one goes on, or a bank's envelope."""
        if self.fields and self.fields[-1].tag in _LONG:
            if _INSIDE.search(line) or _DAMAGED.match(line):
                raise self._hidden(number)
            self.lines.append(line)
        elif self.fields:
            what = f"this line belongs to no field: {line.strip()[:40]!r} after :{self.fields[-1].tag}:"
            raise self.source.error(what, line=number, remedy=AGAIN)
        elif not line.strip().startswith("}"):
            self.strays.append(number)
            if len(self.strays) > _ENVELOPE_LINES:
                what = "from here on there is text that belongs to no statement"
                raise self.source.error(what, line=self.strays[0], remedy=AGAIN)

    def _hidden(self, number: int) -> FileError:
        what = "a field of the statement stands inside this text; a line break or a character of it is damaged"
        return self.source.error(what, line=number, remedy=AGAIN)

    def _end_field(self) -> None:
        if self.fields and len(self.lines) > 1:
            self.fields[-1] = msgspec.structs.replace(self.fields[-1], lines=tuple(self.lines))

    def _close(self, *, ended: bool) -> None:
        self._end_field()
        if self.fields:
            self.messages.append(Message(self.kind, tuple(self.fields), ended))
        self.fields, self.lines = [], []
