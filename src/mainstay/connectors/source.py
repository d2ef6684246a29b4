"""A file being read, which can say of itself where something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import FileError
from mainstay.records import Doubt
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.records import File

STRANGER = "which can't be read as"  # in the message about a file of another kind
AGAIN = "Export the file again at the bank, and give it as it came: not opened and saved in between."
DOCTYPE = "the file holds a document type (DTD), which such files never need and attackers use; it is refused"
_SHOWN = 10  # of the files that can't be read
MAX_FILE_BYTES = 64 * 1024 * 1024  # a worker has a gigabyte, a tree takes about ten times its file
LINES_OF_SHEET = 1 << 32  # more than any file has: line 7 of a workbook's third sheet is 2 * LINES_OF_SHEET + 7


class UnreadableError(Exception):
    """A piece of a file can't be read: one clause without the place. A reader turns it into a FileError."""

    def __init__(self, what: str, text: str = "") -> None:
        """Say what is wrong; `text` is the cell it shows in, where that is one of many."""
        super().__init__(what)
        self.text = text


class Source(msgspec.Struct, frozen=True):
    """The name a file has for the operator, and its content."""

    name: str
    content: bytes

    @classmethod
    def of(cls, file: File, files: Mapping[str, bytes]) -> Source:
        """Take the pinned content of a file; raises FileError when it is empty or too large to be read."""
        source = cls(file.name or "the file", files[file.blob.digest])
        if not source.content.strip():
            raise source.error("the file is empty", remedy="Export it again and give the new file.")
        if len(source.content) > MAX_FILE_BYTES:
            size = len(source.content) // 1024 // 1024
            raise source.error(f"the file has {size} MB, more than can be read", remedy="Export shorter periods.")
        return source

    def error(self, what: str, *, remedy: str, line: int = 0, entry: int = 0, column: str = "") -> FileError:
        """Word what is wrong with file and place. `line` and `entry` count from 1, 0 leaves them out."""
        places = [self.name]
        sheet, line = divmod(line, LINES_OF_SHEET)
        places += [f"sheet {sheet + 1}"] * bool(sheet)
        places += [f"line {line}"] * bool(line)
        places += [f"entry {entry}"] * bool(entry)
        places += [f"column {column!r}"] * bool(column)
        return FileError(f"{', '.join(places)}: {what}.", remedy=remedy)


def unix_lines(text: str) -> str:
    """End every line with a line feed, also where some program wrote two carriage returns before it."""
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")


def stranger(source: Source, what: str, wanted: str, remedy: str) -> FileError:
    """Say that a file is of another kind than is wanted: "a PDF" where "a bank statement" is."""
    return source.error(f"this is {what}, {STRANGER} {wanted}", remedy=remedy)


def unread(name: str, error: FileError) -> Doubt:
    """Say of a file that is left out, because it can't be read, why."""
    ident = digest_of(b"unread", name.encode(), error.message.encode())[:16]
    return Doubt(ident, "unread", name, f"{name} can't be read and is left out", error.message, error.remedy)


def none_read(errors: Sequence[tuple[str, FileError]]) -> FileError:
    """Make one error of all, where no file could be read."""
    if not errors:
        return FileError("No file was given.", remedy="Give at least one.")
    if len(errors) == 1:
        return errors[0][1]
    told = " ".join(error.message for _, error in errors[:_SHOWN]) + " And more." * (len(errors) > _SHOWN)
    remedies = dict.fromkeys(error.remedy for _, error in errors[:_SHOWN])
    return FileError(f"None of the {len(errors)} files can be read. {told}", remedy=" ".join(remedies))
