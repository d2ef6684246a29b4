"""Tables in text files, as banks and book-keeping programs export them: CSV with all its dialects.

Separators, encodings and lines before the header are found out; each guess can be replaced by the operator's word.
A row that has not as many cells as the header is an error: either it was cut off, or its text holds the separator.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from mainstay.connectors.currencies import CODES
from mainstay.connectors.source import Source, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

DELIMITERS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
HEADER_WITHIN = 60  # rows that are searched for the header
MAX_TABLE_BYTES = 16 * 1024 * 1024  # some 200,000 rows; reading takes about thirty times as much memory
HEADER_SIGNS = 2  # known columns that make a row look like one

# field -> the names its column has, by language ("en", "de", "fr", "nl"), the surest first
Vocabulary: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...]]]

T = TypeVar("T")

_NAMES_SHOWN = 20  # of the columns a file has
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CURRENCY = re.compile(r"[(\[ ]([A-Z]{3}|(?i:eur|euros?)|\u20ac)[)\]]?\s*$")
_EURO = frozenset({"eur", "euro", "euros", "\u20ac"})
_MARKED = re.compile(r"^(\u20ac|[^\W\d_]+)|(\u20ac|[^\W\d_]+)$")


class Layout(msgspec.Struct, frozen=True):
    """How to find a table: its vocabulary, which fields it must have, and what the operator said."""

    vocabulary: Vocabulary
    needs: tuple[tuple[str, ...], ...]  # of each tuple at least one field
    section: str  # of mainstay.toml, where the operator can say how such files are read
    named: Mapping[str, str] = {}  # field -> header; as soon as one is named, no other is guessed
    delimiter: str = ""
    encoding: str = ""


def words(**languages: str) -> dict[str, tuple[str, ...]]:
    """Write the names of a column by language, parted by commas: plain small letters, as headers are folded."""
    return {language: tuple(name.strip() for name in names.split(",")) for language, names in languages.items()}


class Row(msgspec.Struct, frozen=True):
    """One row: the line it begins at, and its cells by field, each without white space around it."""

    line: int
    cells: Mapping[str, str]
    raw: str

    def text(self, field: str) -> str:
        """Give a cell with single spaces, "" when there is no such column."""
        return " ".join(self.cells.get(field, "").split())


class Table(msgspec.Struct, frozen=True):
    """A table as found. `headers` holds the header of each field."""

    headers: Mapping[str, str]
    rows: tuple[Row, ...]
    preamble: str  # what stands before the header
    local: bool  # a header is in a language that writes the day before the month
    note: str


class Cells(msgspec.Struct, frozen=True):
    """One row while it is read: whatever can't be read is an error with line and column."""

    source: Source
    table: Table
    row: Row
    remedy: str

    def take(self, field: str, read: Callable[[str], T]) -> T:
        """Read a cell; `read` may raise UnreadableError, which becomes a FileError."""
        try:
            return read(self.row.text(field))
        except UnreadableError as error:
            column = self.table.headers.get(field, "")
            raise self.source.error(str(error), line=self.row.line, column=column, remedy=self.remedy) from error


def read_table(source: Source, layout: Layout) -> Table:
    """Find header and rows. Raises FileError with line and column."""
    text, encoding = decode(source, layout.encoding)
    delimiter, header_at = _header(source, text, layout)
    rows = list(_rows(source, text, delimiter))
    at = next(index for index, (line, _) in enumerate(rows) if line == header_at)
    header = rows[at][1]
    columns = match_columns(header, layout)
    used = {field: header[column].strip() for field, column in columns.items()}
    body = tuple(
        _row(source, line, cells, header, columns) for line, cells in rows[at + 1 :] if any(map(str.strip, cells))
    )
    read = ", ".join(f"{name!r} as {field}" for field, name in used.items())
    note = f"Read as {encoding}, separated by {DELIMITERS.get(delimiter, delimiter)}; columns {read}."
    preamble = "\n".join(" ".join(cells) for _, cells in rows[:at])
    return Table(used, body, preamble, _is_local(used, layout.vocabulary), note)


def decode(source: Source, encoding: str = "") -> tuple[str, str]:
    """Decode text: as told, by its mark, as UTF-8, or else as Windows-1252. Raises FileError on anything else."""
    if len(source.content) > MAX_TABLE_BYTES:
        size, limit = (f"{count / 2**20:.1f} MB" for count in (len(source.content), MAX_TABLE_BYTES))
        what = f"the file has {size}, and a table may have {limit}"
        raise source.error(what, remedy="Export a shorter period, or several files, and give each by itself.")
    marked = source.content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for name in (encoding,) if encoding else ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = source.content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        found = _CONTROL.search(text)
        if found is None:
            return text, name
        line = text.count("\n", 0, found.start()) + 1
        raise source.error("there are control characters: this is not text", line=line, remedy=_EXPORT)
    raise source.error(f"the text is not in {encoding or 'a known encoding'}", remedy="Export the file as UTF-8.")


_EXPORT = "Export the file again as CSV, and give it as it came."


def match_columns(header: list[str], layout: Layout) -> dict[str, int]:
    """Find the column of each field by its header; every column is used once. Fields without one are left out."""
    plain = [_plain(cell) for cell in header]
    exact = [cell.strip().casefold() for cell in header]
    columns: dict[str, int] = {}
    if layout.named:
        for field, name in layout.named.items():
            if name.strip().casefold() in exact:
                columns[field] = exact.index(name.strip().casefold())
        return columns
    for field, languages in layout.vocabulary.items():
        names = [name for some in languages.values() for name in some]
        found = (plain.index(name) for name in names if name in plain and plain.index(name) not in columns.values())
        column = next(found, None)
        if column is not None:
            columns[field] = column
    return columns


def currency_in(header: str) -> str:
    """Give the currency a header names, as in "Betrag (EUR)" or "Montant en euros", or ""."""
    found = _CURRENCY.search(header.strip())
    code = currency_named(found[1]) if found else ""
    return code if code in CODES else ""


def currency_named(text: str) -> str:
    """Give the code where the euro is named otherwise; other text is given back."""
    return "EUR" if text.casefold() in _EURO else text


def currency_beside(amount: str) -> str:
    """Give the currency written before or after an amount, as in "12,50 EUR", or ""."""
    found = _MARKED.search(amount.lstrip("+-\u2212( ").rstrip("+-\u2212) "))
    code = currency_named(found[1] or found[2]) if found else ""
    return code if code in CODES else ""


def line_of(rows: Iterable[Row], text: str) -> int:
    """Give the first line that has such a cell, 0 when none has."""
    return next((row.line for row in rows if text and any(row.text(field) == text for field in row.cells)), 0)


def _header(source: Source, text: str, layout: Layout) -> tuple[str, int]:
    """Find separator and line of the header: the one with the most known columns; the first of equals."""
    found = [
        (match_columns(cells, layout), delimiter, line, cells)
        for delimiter in ((layout.delimiter,) if layout.delimiter else DELIMITERS)
        for line, cells in _first_rows(text, delimiter)
    ]
    complete = [candidate for candidate in found if not _missing(candidate[0], layout)]
    if complete:
        _, delimiter, line, _ = max(complete, key=lambda candidate: len(candidate[0]))
        return delimiter, line
    columns, delimiter, line, cells = max(
        found,
        key=lambda candidate: (len(candidate[0]), len([cell for cell in candidate[3] if cell.strip()])),
        default=(dict[str, int](), "", 0, list[str]()),
    )
    missing = ", ".join(_missing(columns, layout))
    what = f"this looks like the header, but there is no column for {missing}"
    if len(columns) < HEADER_SIGNS:
        what, line = f"no header was found with columns for {missing}", 0
    raise source.error(what, line=line, remedy=_lines_to_write(columns, cells, layout))


def setting(section: str, line: str) -> str:
    """Say which line of mainstay.toml tells how such files are read."""
    return f"write in mainstay.toml, under [{section}]: {line}"


def _lines_to_write(columns: Mapping[str, int], header: list[str], layout: Layout) -> str:
    """Write the part of mainstay.toml that names the columns of this file: those known, and the missing to fill in."""
    known = [f"{field} = {_quoted(header[column].strip())}" for field, column in columns.items()]
    missing = [
        f'{fields[0]} = "..."' + f"   # or instead: {', '.join(fields[1:])}" * (len(fields) > 1)
        for fields in layout.needs
        if not any(field in columns for field in fields)
    ]
    used = set(columns.values())
    left = [_quoted(cell.strip()) for column, cell in enumerate(header) if cell.strip() and column not in used]
    lines = [
        f"The file has these columns too: {', '.join(left[:_NAMES_SHOWN]) or 'none'}.",
        "If it is the right file, write in your workspace's mainstay.toml, with a column's name for each ...:",
        f"[{layout.section}]",
        *known,
        *missing,
        *['# currency_code = "EUR"   # where the file does not say it'] * ("currency" not in columns),
        "Without a workspace: make one with `mainstay init FOLDER`; `mainstay try`, run there, reads it too.",
    ]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """Write a TOML string."""
    return msgspec.json.encode(text).decode()


def _missing(columns: Mapping[str, int], layout: Layout) -> list[str]:
    """Say which columns are missing: headers as the operator named them, or fields."""
    if layout.named:
        return [repr(name) for field, name in layout.named.items() if field not in columns] + [
            " or ".join(fields) for fields in layout.needs if not any(field in layout.named for field in fields)
        ]
    return [" or ".join(fields) for fields in layout.needs if not any(field in columns for field in fields)]


def _first_rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Give the rows a header is looked for in, as far as they can be read with this separator."""
    rows: list[tuple[int, list[str]]] = []
    with suppress(csv.Error):
        for row in islice(_split(text, delimiter), HEADER_WITHIN):
            rows.append(row)  # noqa: PERF402 - what came before an error counts
    return rows


def _rows(source: Source, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    line = 0
    try:
        for line, cells in _split(text, delimiter):
            yield line, cells
    except csv.Error as error:
        raise source.error(f"the row after this line can't be read ({error})", line=line, remedy=_EXPORT) from error


def _split(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give each row with the line it begins at. Raises csv.Error."""
    if len(delimiter) != 1:
        raise csv.Error("a delimiter is one character")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1


def _row(source: Source, line: int, cells: list[str], header: list[str], columns: Mapping[str, int]) -> Row:
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    named = len(header) - next((n for n, cell in enumerate(reversed(header)) if cell.strip()), 0)
    if not named <= len(cells) <= len(header) and sum(map(bool, map(str.strip, cells))) > 1:
        what = f"the row has {len(cells)} cells, the header {len(header)}"
        remedy = "The row was cut off, or a text in it holds the separator without quotes. " + _EXPORT
        raise source.error(what, line=line, remedy=remedy)
    values = {field: cells[column].strip() if column < len(cells) else "" for field, column in columns.items()}
    return Row(line, values, " | ".join(cell.strip() for cell in cells))


def _is_local(used: Mapping[str, str], vocabulary: Vocabulary) -> bool:
    english = {name for languages in vocabulary.values() for name in languages.get("en", ())}
    other = {
        name for languages in vocabulary.values() for code, some in languages.items() if code != "en" for name in some
    }
    return any(_plain(header) in other - english for header in used.values())


def _plain(header: str) -> str:
    """Fold a header to small plain letters: "Betrag (EUR)" and "Betrag EUR" are "betrag"."""
    cut = re.sub(r"\(.*?\)|\[.*?\]", " ", header)
    if currency_in(cut):
        cut = _CURRENCY.sub("", cut.strip()).strip().removesuffix(" in").removesuffix(" en")
    letters = unicodedata.normalize("NFKD", cut.casefold()).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", letters))
