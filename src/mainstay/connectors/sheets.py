"""Spreadsheets (XLSX) as rows of text, as a CSV file would hold them.

A workbook is a ZIP of XML files, and both can be made to burst: few bytes that unpack to gigabytes, one cell in the
last corner of a sheet, a long text that a million cells share. So what is needed is unpacked here under limits, each
sheet is measured, and the library that reads cells is given a new workbook made of nothing but what was measured.
A formula is never run: its stored value is read, and where there is none, that is said.
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias
from xml.parsers import expat

import msgspec

from mainstay.connectors.source import Source
from mainstay.connectors.xml_tree import parse
from mainstay.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstay.connectors.xml_tree import Node

MAX_MEMBERS = 2000  # files in a workbook
MAX_UNPACKED = 64 * 1024 * 1024  # bytes of all its files together
MAX_RATIO = 300  # unpacked to packed; text packs to a hundredth at the best
MAX_SHEETS = 50
MAX_ROWS = 200_000  # of one sheet, as many as a CSV file may have
MAX_COLUMNS = 512
MAX_AREA = 4_000_000  # rows by columns of one sheet
MAX_TEXT = 32 * 1024 * 1024  # characters in all cells of one sheet
MAX_CELL = 32_767  # characters in one cell, as in Excel
DIGITS = 15  # Excel computes with as many; what a binary fraction adds beyond is noise

NumberedRow: TypeAlias = tuple[int, list[str]]  # the line it stands in, its cells
Place: TypeAlias = tuple[int, int]  # row and column, from 1
_Value: TypeAlias = str | bool | int | float | date | time | datetime | timedelta

_ZIP = b"PK\x03\x04"
_SAVE = "Open it in your spreadsheet program and save it as .xlsx without password and macros, or as CSV."
_UNPACK = "Unpack it and give the files inside."
_DAMAGED = "Export or save the file again, and give it as it came."
_SHORTER = "Export a shorter period, or several files, and give each by itself."
CORRECT = "Correct the cell in your spreadsheet program, save the file, and give it again."
_LONG = re.compile(r"-?[0-9](?:[0-9]{14,27}|\.[0-9]{1,27}[eE]\+?(?:1[5-9]|2[0-7]))")
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
# Other things that come as a ZIP: a file each has, what it is, what to do.
_KINDS = (
    ("xl/workbook.bin", "a binary Excel file (.xlsb)", _SAVE),
    ("content.xml", "an OpenDocument file", "Save it as .xlsx or as CSV, and give that."),
    ("Index/Document.iwa", "a Numbers file", "Export it as Excel or as CSV, and give that."),
    ("word/document.xml", "a Word document", "Give a spreadsheet or a CSV file."),
)


class Sheet(msgspec.Struct, frozen=True):
    """One sheet: rows with their number, from 1, and cells as text. Empty rows at the end are left out.

    `faults` says of cells that hold no value what they hold instead.
    """

    name: str
    rows: tuple[NumberedRow, ...]
    faults: Mapping[Place, str]


def is_workbook(content: bytes) -> bool:
    """Tell by the first bytes whether a file is a ZIP, as every workbook is."""
    return content.startswith(_ZIP)


def rows_of(source: Source) -> tuple[Sheet, ...]:
    """Read the visible sheets of a workbook, in its order.

    Dates are YYYY-MM-DD, with the time behind where there is one; numbers are plain, with a point and as many digits
    as Excel holds true, whole numbers with all that the file holds: long ones are names of things. Raises FileError
    when this is no workbook, when it is protected or damaged, when it holds macros, or is larger than the limits above.
    """
    members = _unpacked(source)
    book = _book(source, members)
    shared = _shared(source, members.get("xl/sharedStrings.xml", b""))
    rulers = [_Ruler(source, name, shared) for name, _ in book.sheets]
    for ruler, (_, content) in zip(rulers, book.sheets, strict=True):
        _walk(source, content, ruler.start, ruler.end, ruler.text)
    return tuple(
        Sheet(ruler.sheet, _with_names(rows, ruler.names), ruler.faults)
        for ruler, rows in zip(rulers, _read(source, book, members), strict=True)
    )


def _with_names(rows: tuple[NumberedRow, ...], names: Mapping[Place, str]) -> tuple[NumberedRow, ...]:
    """Put long whole numbers back as the file holds them: reading them as fractions lost their last digits."""
    by_line = dict(rows)
    for (line, column), name in names.items():
        cells = by_line.get(line, [])
        if column <= len(cells):
            cells[column - 1] = name
    return rows


class _Book(msgspec.Struct, frozen=True):
    """The visible sheets by name, and whether days count from 1904."""

    sheets: tuple[tuple[str, bytes], ...]
    from_1904: bool


def _unpacked(source: Source) -> dict[str, bytes]:
    """Unpack what tables are made of, under limits that do not trust the archive's own directory."""
    try:
        with zipfile.ZipFile(io.BytesIO(source.content)) as archive:
            members = archive.infolist()
            _refuse(source, members)
            wanted = [member for member in members if member.filename.startswith("xl/") and _is_xml(member)]
            return {member.filename: _member(source, archive, member) for member in wanted}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error, NotImplementedError) as error:
        what = "this is a ZIP archive or a spreadsheet, and it is cut off or damaged"
        raise source.error(what, remedy=_DAMAGED) from error


def _is_xml(member: zipfile.ZipInfo) -> bool:
    parts = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedStrings.xml")
    return member.filename in parts or (
        member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml")
    )


def _refuse(source: Source, members: list[zipfile.ZipInfo]) -> None:
    """Refuse by the directory what need not be unpacked to be told."""
    names = {member.filename for member in members}
    if any(member.flag_bits & 1 for member in members):
        raise source.error("the file is protected by a password", remedy=_SAVE)
    if "xl/workbook.xml" not in names:
        what, remedy = next(
            ((what, to_do) for name, what, to_do in _KINDS if name in names), ("a ZIP archive", _UNPACK)
        )
        raise source.error(f"this is {what}, which can't be read as a table", remedy=remedy)
    if any(name.casefold().endswith("vbaproject.bin") for name in names):
        raise source.error("the file holds macros (programs), which a statement never needs", remedy=_SAVE)
    if len(members) > MAX_MEMBERS or len(names) < len(members):
        what = f"the workbook holds {len(members)} files, and it may hold {MAX_MEMBERS}, each once"
        raise source.error(what, remedy=_DAMAGED)
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED:
        what = f"unpacked, the workbook has {total / 2**20:.0f} MB, and it may have {MAX_UNPACKED // 2**20} MB"
        raise source.error(what, remedy=_SHORTER)
    if total > MAX_RATIO * len(source.content):
        what = f"the workbook unpacks to more than {MAX_RATIO} times its packed size, as real ones never do"
        raise source.error(what, remedy=f"If it is yours: {_SAVE[0].lower()}{_SAVE[1:]}")


def _member(source: Source, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpack one file; what is longer than the directory says, or not as it was packed, is refused as damaged."""
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise source.error("the workbook is packed in a way Excel does not know", remedy=_SAVE)
    with archive.open(member) as stream:
        content = stream.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise zipfile.BadZipFile
    return content


def _book(source: Source, members: Mapping[str, bytes]) -> _Book:
    """Find the visible sheets and their files."""
    root = _tree(source, members, "xl/workbook.xml")
    links = _tree(source, members, "xl/_rels/workbook.xml.rels")
    targets = {
        link.get("Id"): posixpath.normpath(posixpath.join("xl", link.get("Target") or ""))
        for link in links.iter("Relationship")
        if (link.get("Type") or "").endswith("/worksheet")
    }
    sheets: list[tuple[str, bytes]] = []
    for sheet in root.iter("sheet"):
        ident = next((sheet.get(f"{{{space}}}id") for space in _SPACES if sheet.get(f"{{{space}}}id")), None)
        content = members.get(targets.get(ident, "").removeprefix("/"))
        if content is not None and sheet.get("state") in {None, "visible"}:
            sheets.append(((sheet.get("name") or "")[:100], content))
    if not sheets or len(sheets) > MAX_SHEETS:
        what = f"the workbook has {len(sheets)} visible sheets" if sheets else "the workbook has no visible sheet"
        raise source.error(what, remedy=f"Give one with at least one and at most {MAX_SHEETS}.")
    flag = next((node.get("date1904") for node in root.iter("workbookPr")), None)
    return _Book(tuple(sheets), flag in {"1", "true"})


_SPACES = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "http://purl.oclc.org/ooxml/officeDocument/relationships",
)


def _tree(source: Source, members: Mapping[str, bytes], name: str) -> Node:
    content = members.get(name, b"")
    try:
        return parse(Source(source.name, content)).root
    except FileError as error:
        raise source.error("the file is cut off or damaged", remedy=_DAMAGED) from error


def _shared(source: Source, content: bytes) -> list[int]:
    """Give the length of each text that cells share."""
    lengths: list[int] = []

    def start(name: str, _: dict[str, str]) -> None:
        if _local(name) == "si":
            lengths.append(0)

    def text(data: str) -> None:
        if lengths:
            lengths[-1] += len(data)

    if content:
        _walk(source, content, start, lambda _: None, text)
    return lengths


class _Cell(msgspec.Struct):
    """The cell a walk through a sheet is in."""

    kind: str = ""
    formula: bool = False
    value: bool = False
    text: str = ""
    inside: str = ""  # the element whose text counts


class _Ruler:
    """Walks through a sheet before it is read: raises FileError beyond the limits, and finds cells without a value."""

    def __init__(self, source: Source, sheet: str, shared: list[int]) -> None:
        self.source, self.sheet, self.shared = source, sheet, shared
        self.faults: dict[Place, str] = {}
        self.names: dict[Place, str] = {}  # whole numbers with more digits than Excel computes with
        self.row = self.column = self.last_row = self.last_column = self.characters = 0
        self.cell = _Cell()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Come to an element."""
        name = _local(tag)
        if name == "row":
            self.row, self.column = _number(attributes.get("r", ""), self.row + 1), 0
        elif name == "c":
            self.cell = _Cell(attributes.get("t", ""))
            found = _REFERENCE.fullmatch(attributes.get("r", ""))
            if "r" in attributes and found is None:
                raise self.source.error(f"the sheet {self.sheet!r} has a cell without a place", remedy=_DAMAGED)
            self.row, self.column = (int(found[2]), _column(found[1])) if found else (self.row, self.column + 1)
        elif name == "f":
            self.cell.formula = True
        elif name in {"v", "is"}:
            self.cell.value, self.cell.inside = True, name

    def text(self, data: str) -> None:
        """Come to text."""
        if self.cell.inside:
            self.cell.text += data
            self.limit(len(self.cell.text), MAX_CELL, "characters in a cell")

    def end(self, tag: str) -> None:
        """Leave an element."""
        name = _local(tag)
        if name == self.cell.inside:
            self.cell.inside = ""
        if name != "c" or not (self.cell.value or self.cell.formula):
            return
        self.last_row, self.last_column = max(self.last_row, self.row), max(self.last_column, self.column)
        self.characters += self.length()
        self.limit(self.last_row, MAX_ROWS, "rows")
        self.limit(self.last_column, MAX_COLUMNS, "columns")
        self.limit(self.last_row * self.last_column, MAX_AREA, "cells")
        self.limit(self.characters, MAX_TEXT, "characters")
        name = _name(self.cell)
        if name:
            self.names[self.row, self.column] = name
        what = _fault(self.cell)
        if what:
            self.faults[self.row, self.column] = what

    def length(self) -> int:
        """Give the characters of the cell, also where it shares its text with others."""
        if self.cell.kind != "s":
            return len(self.cell.text)
        index = _number(self.cell.text.strip(), -1)
        if not 0 <= index < len(self.shared):
            raise self.source.error(f"the sheet {self.sheet!r} has a cell whose text is missing", remedy=_DAMAGED)
        self.limit(self.shared[index], MAX_CELL, "characters in a cell")
        return self.shared[index]

    def limit(self, count: int, limit: int, unit: str) -> None:
        """Refuse what is too much."""
        if count > limit:
            what = f"the sheet {self.sheet!r} has more than {limit:,} {unit}, which is more than can be read"
            raise self.source.error(what, remedy=_SHORTER)


def _name(cell: _Cell) -> str:
    """Write out a whole number of more digits than Excel computes with, "" for all else."""
    found = _LONG.fullmatch(cell.text.strip()) if cell.kind in {"", "n"} and len(cell.text) > DIGITS else None
    number = Decimal(found[0]) if found else Decimal(0)
    whole = abs(number) >= 10**DIGITS and number == number.to_integral_value()
    return f"{number.to_integral_value():f}" if whole else ""


def _fault(cell: _Cell) -> str:
    if cell.kind == "e":
        return f"the cell holds the error {cell.text.strip()[:20]}"
    if cell.formula and not cell.value:
        return "the cell holds a formula without its result"
    return ""


def _walk(
    source: Source,
    content: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Walk through the XML of a part; raises FileError when it is damaged."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text

    def refuse(*_: object) -> None:
        raise source.error("the file holds a document type (DTD), which no workbook needs", remedy=_DAMAGED)

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)  # noqa: FBT003 - this is all of it
    except (expat.ExpatError, ValueError) as error:
        raise source.error("the file is cut off or damaged", remedy=_DAMAGED) from error


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _number(text: str, otherwise: int) -> int:
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else otherwise


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _read(source: Source, book: _Book, members: Mapping[str, bytes]) -> list[tuple[NumberedRow, ...]]:
    """Let calamine read the cells of a workbook that is made of measured parts alone."""
    from python_calamine import CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(_rebuilt(book, members)))
        return [_rows(workbook.get_sheet_by_index(index).iter_rows()) for index in range(len(book.sheets))]
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:  # a panic of the library is no Exception
        raise source.error("the workbook can't be read", remedy=_SAVE) from error


def _rebuilt(book: _Book, members: Mapping[str, bytes]) -> bytes:
    """Pack a new workbook: its sheets in order, under names of our own."""
    count = range(1, len(book.sheets) + 1)
    sheets = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in count)
    links = "".join(
        f'<Relationship Id="r{n}" Type="{_SPACES[0]}/worksheet" Target="worksheets/{n}.xml"/>' for n in count
    )
    parts = {
        "_rels/.rels": f"<Relationships xmlns={_PACKAGE}>"
        f'<Relationship Id="r1" Type="{_SPACES[0]}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f"<Relationships xmlns={_PACKAGE}>{links}</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns={_MAIN} xmlns:r="{_SPACES[0]}">'
        f'<workbookPr date1904="{int(book.from_1904)}"/><sheets>{sheets}</sheets></workbook>',
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
        for name in ("xl/styles.xml", "xl/sharedStrings.xml"):
            if name in members:
                archive.writestr(name, members[name])
        for n, (_, content) in enumerate(book.sheets, 1):
            archive.writestr(f"xl/worksheets/{n}.xml", content)
    return packed.getvalue()


_PACKAGE = '"http://schemas.openxmlformats.org/package/2006/relationships"'
_MAIN = '"http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def _rows(rows: Iterable[list[_Value]]) -> tuple[NumberedRow, ...]:
    found = [(line, [_text(value) for value in row]) for line, row in enumerate(rows, 1)]
    return tuple((line, cells) for line, cells in found if any(cells))


def _text(value: _Value) -> str:
    """Write a value as a CSV file would hold it."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return _plain(value)
        case datetime():
            return value.isoformat(" ", "seconds") if value.time() != time() else value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _plain(value: float) -> str:
    """Write a number with the digits Excel holds true, never with an exponent."""
    number = Decimal(f"{value:.{DIGITS}g}")
    return f"{number.normalize():f}" if number else "0"
