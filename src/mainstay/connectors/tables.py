"""Tables, as banks and book-keeping programs export them: CSV with all its dialects, and spreadsheets.

Separators, encodings and lines before the header are found out; each guess can be replaced by the operator's word.
A row that has not as many cells as the header is an error: either it was cut off, or its text holds the separator.
A confirmed `records.Layout` is found again by its header row; what was guessed is asked once (`doubts.doubt`).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from mainstay.connectors import sheets
from mainstay.connectors.currencies import CODES
from mainstay.connectors.doubts import DELIMITERS, NAMES_SHOWN, PLAIN, folded, layout_id, quoted, shown
from mainstay.connectors.source import LINES_OF_SHEET, Source, UnreadableError
from mainstay.records import Layout as Remembered
from mainstay.values import say_count

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN_TEXT = frozenset({"utf-8", "utf-8-sig"})  # encodings not worth a word
HEAD_BYTES = 1000  # looked at to tell an encoding
HEADER_WITHIN = 60  # rows that are searched for the header
MAX_TABLE_BYTES = 16 * 1024 * 1024  # some 200,000 rows; reading takes about thirty times as much memory
NO_HEADER = "no header was found"  # in the message about a file that is no table of the kind that is wanted
HEADER_SIGNS = 2  # known columns that make a row look like one

# field -> the names its column has, by language ("en", "de", "fr", "nl"), the surest first
Vocabulary: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...]]]

NumberedRow: TypeAlias = tuple[int, list[str]]  # the line it begins at, its cells

T = TypeVar("T")

_WRITTEN = frozenset({"decimal", "date_format"})

_PLACE = re.compile("column [1-9][0-9]{0,2}")
_NAME_SHOWN = 100  # characters of a header
_HEADER_LENGTH = 300  # characters; what is longer is no header
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CENTRAL = re.compile(
    "[A-Za-z][\u00b3\u00b9][a-z]|[A-Za-z]{3}[\u00b3\u00b9]"
)  # Polish letters in Windows-1250, read as Windows-1252
_CURRENCY = re.compile(r"[(\[ ]([A-Z]{3}|(?i:eur|euros?)|\u20ac|\u00a3)[)\]]?\s*$")
_LETTERS = str.maketrans({"\u0142": "l", "\u00f8": "o", "\u00e6": "ae", "\u0111": "d", "\u0131": "i"})  # not composed
_NAMES = dict.fromkeys(("eur", "euro", "euros", "\u20ac"), "EUR") | {
    "\u00a3": "GBP",
    "z\u0142": "PLN",
    "k\u010d": "CZK",
    "ft": "HUF",
}
_MARKED = re.compile(r"^(\u20ac|\u00a3|[^\W\d_]+)|(\u20ac|\u00a3|[^\W\d_]+)$")
_AMOUNT_LENGTH = 60  # characters; what is longer is no amount
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
# Names of columns in other languages that are English words too, or nearly.
_ENGLISH = frozenset("article base data debit credit detail in info note organisation position sum total".split())


class Layout(msgspec.Struct, frozen=True):
    """How to find a table: its vocabulary, which fields it must have, and what the operator said.

    `refine` takes header, columns as guessed by it, and rows, and gives better columns; `guess` is asked where no
    header is found, and gives no columns where it can't tell.
    """

    vocabulary: Vocabulary
    needs: tuple[tuple[str, ...], ...]  # of each tuple at least one field
    section: str  # of mainstay.toml, where the operator can say how such files are read
    named: Mapping[str, str] = {}  # field -> header; as soon as one is named, no other is guessed
    delimiter: str = ""
    encoding: str = ""
    remembered: tuple[Remembered, ...] = ()  # confirmed before; taken where nothing is named
    aside: Callable[[Sequence[str], Mapping[str, int]], bool] | None = None  # tells rows that are no part of the table
    refine: Callable[[Sequence[str], dict[str, int], Sequence[Sequence[str]]], dict[str, int]] | None = None
    guess: Callable[[Sequence[Sequence[str]]], dict[str, int]] | None = None  # columns of a table without a header
    together: bool = False  # sheets of one header are one table, one below the other


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
        cell = self.cells.get(field, "")
        return " ".join(cell.split()) if cell else ""


class Table(msgspec.Struct, frozen=True):
    """A table as found. `headers` holds the header of each field, `header` the whole row as it stands in the file.

    `remembered` is the layout it was read by, None when its columns were guessed or named.
    """

    headers: Mapping[str, str]
    rows: tuple[Row, ...]
    local: bool  # a header is in a language that writes the day before the month
    note: str
    header: tuple[str, ...] = ()
    delimiter: str = ""  # "" in a spreadsheet
    remembered: Remembered | None = None
    beside: tuple[NumberedRow, ...] = ()  # rows before the header, and those told apart as no part of the table
    header_line: int = 0  # where the header stands; 0 where there is none
    remarks: tuple[str, ...] = ()  # what else is to be said where it is asked whether the table is read rightly

    @property
    def confirmed(self) -> Mapping[str, str]:
        """Give what was confirmed of how such files are written.

        Decimal mark and dates of a spreadsheet say nothing of a file of text with the same header, and the other way.
        """
        known = self.remembered.columns if self.remembered else {}
        alike = bool(known.get("delimiter")) == bool(self.delimiter)
        return {key: value for key, value in known.items() if alike or key not in _WRITTEN}


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


class _Text(NamedTuple):
    """One way to take a file for rows: a separator, or a sheet of a workbook."""

    rows: Callable[[], Iterator[NumberedRow]]  # raises csv.Error
    delimiter: str
    how: str  # what the note says of it
    sheet: str = ""  # its name
    faults: Mapping[tuple[int, int], str] = {}


class _Header(NamedTuple):
    """Where a table was found: the file so taken, the line of the header, and its columns by field."""

    text: _Text
    line: int
    columns: Mapping[str, int]
    remembered: Remembered | None = None


def read_table(source: Source, layout: Layout) -> Table:
    """Find header and rows, in text or in a workbook. Raises FileError with line and column."""
    texts = _texts(source, layout)
    found, remarks = _of_sheets(source, _header(source, texts, layout), texts, layout)
    rows = list(_rows(source, found.text))
    at = next((index for index, (line, _) in enumerate(rows) if line == found.line), -1)
    header = rows[at][1] if at >= 0 else _places(cells for _, cells in rows)
    again = list(map(folded, header))
    after = [(line, cells) for line, cells in rows[at + 1 :] if any(map(str.strip, cells)) and _is_row(cells, again)]
    columns = dict(found.columns)
    if at >= 0:
        _refuse_two(source, header, columns, after, layout)
    if layout.refine and not (layout.named or found.remembered):
        columns = layout.refine(header, columns, [cells for _, cells in after])
    aside = [row for row in after if layout.aside and layout.aside(row[1], columns)]
    used = {field: _name(header, column) for field, column in columns.items()}
    _refuse_faults(source, found, columns, used)
    lines = {line for line, _ in aside}
    body = tuple(_row(source, line, cells, header, columns) for line, cells in after if line not in lines)
    return Table(
        headers=used,
        rows=body,
        local=_is_local(used, layout),
        note=" ".join([note for note in [_note(layout, found, headless=at < 0)] if note] + remarks[1:]),
        header=tuple(header),
        delimiter=found.text.delimiter,
        remembered=found.remembered,
        beside=(*rows[: max(at, 0)], *aside),
        header_line=found.line,
        remarks=tuple(remarks),
    )


def _of_sheets(source: Source, found: _Header, texts: Sequence[_Text], layout: Layout) -> tuple[_Header, list[str]]:
    """Take sheets of the same header together where that is right, and say which are read and which are not.

    Raises FileError where more than one sheet holds such a table: nothing tells which is meant.
    """
    first = {text.sheet: rows for text in texts if (rows := _first_rows(text))}
    if not found.text.sheet or len(first) == 1:
        return found, []
    ident = next((_ident(layout, row) for row in first[found.text.sheet] if row[0] == found.line), "")
    others = {name: rows for name, rows in first.items() if name != found.text.sheet}
    same = [name for name, rows in others.items() if found.line and _ident(layout, rows[0]) == ident]
    if found.line != first[found.text.sheet][0][0] or not layout.together:
        same = []
    rivals = [text for text in texts if text.sheet in others and text.sheet not in same and _fits(text, layout)]
    if rivals:
        names = _listed([found.text.sheet, *same, *(text.sheet for text in rivals)])
        what = f"the sheets {names} hold a table each, and one can be read"
        raise source.error(what, remedy="Hide the sheets that are not to be read, or save each as a file of its own.")
    left = [name for name in others if name not in same]
    remarks = [f"Read from the sheets {_listed([found.text.sheet, *same])}." if same else f"Read {found.text.how}."]
    remarks += [f"Not read, as they hold no such table: {_listed(left)}."] * bool(left)
    if not same:
        return found, remarks
    joined = [(0, found.text), *((n, text) for n, text in enumerate(texts) if text.sheet in same)]
    faults = {(n * LINES_OF_SHEET + row, at): what for n, text in joined for (row, at), what in text.faults.items()}
    how = f"from the sheets {_listed([found.text.sheet, *same])}"
    return found._replace(text=_Text(partial(_below, joined), "", how, found.text.sheet, faults)), remarks


def _ident(layout: Layout, row: NumberedRow) -> str:
    return layout_id(layout.section, row[1])


def _fits(text: _Text, layout: Layout) -> bool:
    """Tell whether a sheet holds a table of the kind that is wanted."""
    headed = any(not _missing(match_columns(cells, layout), layout) for _, cells in _first_rows(text))
    return headed or _headless([text], layout) is not None


def _listed(names: Sequence[str]) -> str:
    """Name the first of many sheets."""
    return ", ".join(repr(shown(name)) for name in names[:NAMES_SHOWN]) + ", ..." * (len(names) > NAMES_SHOWN)


def _below(texts: Sequence[tuple[int, _Text]]) -> Iterator[NumberedRow]:
    """Give the rows of sheets one below the other, with one header."""
    for number, text in texts:
        for count, (line, cells) in enumerate(text.rows()):
            if count or not number:
                yield number * LINES_OF_SHEET + line, cells


def _is_row(cells: Sequence[str], header: Sequence[str]) -> bool:
    """Tell a row from the header that stands there again, as on each page of a print; `header` is folded."""
    return len(cells) != len(header) or any(folded(cell) != name for cell, name in zip(cells, header, strict=True))


def _refuse_two(
    source: Source, header: list[str], columns: Mapping[str, int], after: Sequence[NumberedRow], layout: Layout
) -> None:
    """Refuse two columns of one name where either may be meant, and a second table below the first."""
    guessed = replace(layout, named={})
    known = {name for some in layout.vocabulary.values() for names in some.values() for name in names}
    for line, cells in after:
        if any(letter.isdigit() for cell in cells for letter in cell[:_HEADER_LENGTH]):
            continue
        if sum(_plain(cell) in known for cell in cells) > 1 and not _missing(match_columns(cells, guessed), guessed):
            remedy = "Give each table as a file of its own, or delete what is not to be read."
            raise source.error("a second table begins here, and only one can be read", line=line, remedy=remedy)
    if layout.named:
        return
    plain = list(map(_plain, header))
    for field in (field for fields in layout.needs for field in fields if field in columns):
        mine = columns[field]
        others = [n for n, name in enumerate(plain) if name == plain[mine] and n not in columns.values()]
        for other in others:
            if _is_rival(header[mine], header[other]) and any(
                _at(cells, mine) != _at(cells, other) for _, cells in after
            ):
                names = [repr(shown(header[n])) for n in (mine, other)]
                what = f"the columns {names[0]} and {names[1]} may both be the {PLAIN.get(field, field)}"
                remedy = _lines_to_write({**columns, field: -1}, header, layout)
                raise source.error(what, remedy=remedy)


def _is_rival(one: str, other: str) -> bool:
    """Tell two headers that differ in their currency alone, or not at all."""
    return folded(one) == folded(other) or bool(currency_in(one) or currency_in(other))


def _at(cells: Sequence[str], column: int) -> str:
    return cells[column].strip() if column < len(cells) else ""


def _note(layout: Layout, found: _Header, *, headless: bool) -> str:
    """Say how a table was taken; what was guessed of its columns is said where it is asked (`doubt`)."""
    by = "as mainstay.toml says" if layout.named else "as you confirmed" if found.remembered else ""
    told = [f"Its columns are read {by}."] * bool(by) + ["There is no header."] * headless
    return " ".join([*([f"Read {found.text.how}."] if found.text.how else []), *told])


def _texts(source: Source, layout: Layout) -> list[_Text]:
    """Give all ways to take a file for rows."""
    if sheets.is_workbook(source.content):
        return [
            _Text(partial(iter, sheet.rows), "", f"from the sheet {sheet.name!r}", sheet.name, sheet.faults)
            for sheet in sheets.rows_of(source)
        ]
    text, encoding = decode(source, layout.encoding)
    return [
        _Text(partial(_split, text, delimiter), delimiter, "" if encoding in PLAIN_TEXT else f"as {encoding}")
        for delimiter in ((layout.delimiter,) if layout.delimiter else DELIMITERS)
    ]


def _refuse_faults(source: Source, found: _Header, columns: Mapping[str, int], used: Mapping[str, str]) -> None:
    """Refuse cells of a workbook that hold no value, in the columns that are read."""
    fields = {column + 1: field for field, column in columns.items()}
    for (row, column), what in sorted(found.text.faults.items()):
        if row > found.line and column in fields:
            raise source.error(what, line=row, column=used[fields[column]], remedy=sheets.CORRECT)


def decode(source: Source, encoding: str = "", *, most: int = MAX_TABLE_BYTES) -> tuple[str, str]:
    """Decode text: as told, by its mark, as UTF-8, or else as Windows-1252. Raises FileError on anything else."""
    if len(source.content) > most:
        size, limit = (f"{count / 2**20:.1f} MB" for count in (len(source.content), most))
        what = f"the file has {size}, and may have {limit}"
        raise source.error(what, remedy="Export a shorter period, or several files, and give each by itself.")
    marked = source.content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for name in (encoding,) if encoding else ("utf-16",) if marked else (*_wide(source.content), "utf-8-sig", "cp1252"):
        try:
            text = source.content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        if name == "cp1252" and _CENTRAL.search(text):
            text, name = source.content.decode("cp1250", "replace"), "cp1250"  # noqa: PLW2901 - it looked like the other
        found = _CONTROL.search(text)
        if found is None:
            return text, name
        line = text.count("\n", 0, found.start()) + 1
        raise source.error("there are control characters: this is not text", line=line, remedy=_AGAIN)
    if marked and not encoding:
        raise source.error("the file says it is UTF-16 but is cut off or damaged", remedy=_AGAIN)
    remedy = f"{_AGAIN} Where its encoding can be chosen, choose UTF-8."
    raise source.error(f"the text is not in {encoding or 'a known encoding'}", remedy=remedy)


def _wide(content: bytes) -> tuple[str, ...]:
    """Tell UTF-16 that is not marked: every second byte of plain letters is zero."""
    even, odd = (content[start:HEAD_BYTES:2].count(0) * 4 > len(content[:HEAD_BYTES]) for start in (0, 1))
    return ("utf-16-le",) if odd and not even else ("utf-16-be",) if even and not odd else ()


_AGAIN = "Export the file again, and give it as it came."
_EXPORT = "Export the file again as CSV, and give it as it came."


def match_columns(header: list[str], layout: Layout) -> dict[str, int]:
    """Find the column of each field by its header; every column is used once. Fields without one are left out."""
    if layout.named:
        return _columns_named(header, layout.named)
    plain: dict[str, int] = {}
    for column, cell in enumerate(header):
        plain.setdefault(_plain(cell), column)
    columns: dict[str, int] = {}
    for field, languages in layout.vocabulary.items():
        names = (name for some in languages.values() for name in some)
        found = next((name for name in names if name in plain), None)
        if found is not None:
            columns[field] = plain.pop(found)
    return columns


def _columns_named(header: Sequence[str], named: Mapping[str, str]) -> dict[str, int]:
    """Find columns by their headers, or by their place where the name is that of a column without header."""
    exact = [folded(_name(header, column)) for column in range(len(header))]
    return {field: exact.index(folded(name)) for field, name in named.items() if folded(name) in exact}


def _name(header: Sequence[str], column: int) -> str:
    """Give the header of a column; one without is called by its place, from 1."""
    return header[column].strip() or f"column {column + 1}"


def currency_in(header: str) -> str:
    """Give the currency a header names, as in "Betrag (EUR)" or "Montant en euros", or ""."""
    found = _CURRENCY.search(header.strip())
    code = currency_named(found[1]) if found else ""
    return code if code in CODES else ""


def currency_named(text: str) -> str:
    """Give the code of a currency that has a name or sign of its own; other text is given back."""
    return _NAMES.get(text.casefold(), text)


def currency_beside(amount: str) -> str:
    """Give the currency written before or after an amount, as in "12,50 EUR", or ""."""
    if len(amount) > _AMOUNT_LENGTH:
        return ""
    found = _MARKED.search(amount.lstrip("+-\u2212( ").rstrip("+-\u2212) "))
    code = currency_named(found[1] or found[2]) if found else ""
    return code if code in CODES else ""


def line_of(rows: Iterable[Row], text: str) -> int:
    """Give the first line that has such a cell, 0 when none has."""
    return next((row.line for row in rows if text and any(row.text(field) == text for field in row.cells)), 0)


def _header(source: Source, texts: Sequence[_Text], layout: Layout) -> _Header:
    """Find the header: one that is remembered, or the one with the most known columns; the first of equals."""
    if layout.named and all(_PLACE.fullmatch(folded(name)) for name in layout.named.values()):
        bare = _headless(texts, layout)
        if bare is not None:
            return bare
    first = [(text, line, cells) for text in texts for line, cells in _first_rows(text)]
    known = _known(layout)
    for text, line, cells in first:
        remembered = known.get(layout_id(layout.section, cells))
        if remembered is not None:
            named = {field: name for field, name in remembered.columns.items() if field in layout.vocabulary}
            return _Header(text, line, _columns_named(cells, named), remembered)
    found = [(_Header(text, line, match_columns(cells, layout)), cells) for text, line, cells in first]
    complete = [header for header, _ in found if not _missing(header.columns, layout)]
    if complete:
        return max(complete, key=lambda header: len(header.columns))
    bare = _headless(texts, layout)
    if bare is not None:
        return bare
    columns: Mapping[str, int] = {}
    line, cells = 0, list[str]()
    if found:
        nearest = max(found, key=lambda one: (len(one[0].columns), len([cell for cell in one[1] if cell.strip()])))
        (_, line, columns, _), cells = nearest
    missing = ", ".join(_missing(columns, layout))
    what = f"this looks like the header, but there is no column for {missing}"
    if len(columns) < HEADER_SIGNS:
        what, line = f"{NO_HEADER} with columns for {missing}", 0
    raise source.error(what, line=line, remedy=_lines_to_write(columns, cells, layout))


def _headless(texts: Sequence[_Text], layout: Layout) -> _Header | None:
    """Find a table that begins with its first row, by what stands in its cells, or by columns named by their place."""
    for text in texts:
        rows = [cells for _, cells in _first_rows(text)]
        places = _places(rows)
        guessed = layout.guess(rows) if layout.guess else {}
        known = _known(layout).get(layout_id(layout.section, places))
        named = {field: name for field, name in (known.columns if known else {}).items() if field in layout.vocabulary}
        if known and all(named.get(field) == places[column] for field, column in guessed.items()):
            return _Header(text, 0, _columns_named(places, named), known)
        columns = _columns_named(places, layout.named) if layout.named else guessed
        if columns and not _missing(columns, layout):
            return _Header(text, 0, columns)
    return None


def _places(rows: Iterable[Sequence[str]]) -> list[str]:
    """Call the columns of a table without a header by their places."""
    return [f"column {column + 1}" for column in range(max(map(len, rows), default=0))]


def _known(layout: Layout) -> dict[str, Remembered]:
    return {} if layout.named else {one.id: one for one in layout.remembered if one.section == layout.section}


def setting(section: str, line: str) -> str:
    """Say which line of mainstay.toml tells how such files are read."""
    return f"write in mainstay.toml, under [{section}]: {line}"


NAME_DECIMAL = 'decimal = "," (a decimal comma) or decimal = "." (a decimal point)'
NAME_CURRENCY = (
    'If it is the euro, write in mainstay.toml, under [company]: currency = "EUR"; for a trial: '
    "mainstay try --currency EUR ..."
)


def _lines_to_write(columns: Mapping[str, int], header: list[str], layout: Layout) -> str:
    """Write the part of mainstay.toml that names the columns of this file: those known, and the missing to fill in."""
    known = [f"{field} = {quoted(header[n].strip() if n >= 0 else '...')}" for field, n in columns.items()]
    missing = [
        f'{fields[0]} = "..."' + f"   # or instead: {', '.join(fields[1:])}" * (len(fields) > 1)
        for fields in layout.needs
        if not any(field in columns for field in fields)
    ]
    used = set(columns.values())
    named = [(column, cell.strip()) for column, cell in enumerate(header)]
    left = [quoted(cell) for column, cell in named if 0 < len(cell) <= _NAME_SHOWN and column not in used]
    lines = [
        f"The file has these columns too: {', '.join(left[:NAMES_SHOWN]) or 'none'}.",
        "If it is the right file, write in your workspace's mainstay.toml, with a column's name for each ...:",
        f"[{layout.section}]",
        *known,
        *missing,
        "Without a workspace: make one with `mainstay init FOLDER`; `mainstay try`, run there, reads it too.",
    ]
    return "\n".join(lines)


def _missing(columns: Mapping[str, int], layout: Layout) -> list[str]:
    """Say which columns are missing: headers as the operator named them, or fields."""
    if layout.named:
        return [repr(name) for field, name in layout.named.items() if field not in columns] + [
            _in_words(fields) for fields in layout.needs if not any(field in layout.named for field in fields)
        ]
    return [_in_words(fields) for fields in layout.needs if not any(field in columns for field in fields)]


def _in_words(fields: Sequence[str]) -> str:
    return " or ".join(PLAIN.get(field, field) for field in fields)


def _first_rows(text: _Text) -> list[NumberedRow]:
    """Give the rows a header is looked for in, as far as they can be read with this separator."""
    rows: list[NumberedRow] = []
    with suppress(csv.Error):
        for row in islice(text.rows(), HEADER_WITHIN):
            rows.append(row)  # noqa: PERF402 - what came before an error counts
    return rows


def _rows(source: Source, text: _Text) -> Iterator[NumberedRow]:
    line = 0
    try:
        for count, (line, cells) in enumerate(text.rows(), 1):
            if count > sheets.MAX_ROWS:
                what = f"the table has more than {sheets.MAX_ROWS:,} rows, which is more than can be read"
                raise source.error(what, remedy="Export a shorter period, or several files, and give each by itself.")
            yield line, cells
    except csv.Error as error:
        raise source.error(f"the row after this line can't be read ({error})", line=line, remedy=_EXPORT) from error


def _split(text: str, delimiter: str) -> Iterator[NumberedRow]:
    """Give each row with the line it begins at. Raises csv.Error."""
    if len(delimiter) != 1:
        raise csv.Error("a delimiter is one character")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    for cells in reader:
        if len(cells) > sheets.MAX_COLUMNS:
            raise csv.Error(f"it has more than {sheets.MAX_COLUMNS} columns")
        yield line, cells
        line = reader.line_num + 1


def _row(source: Source, line: int, cells: list[str], header: list[str], columns: Mapping[str, int]) -> Row:
    while len(cells) > len(header) and not cells[-1].strip():
        cells = cells[:-1]
    named = len(header) - next((n for n, cell in enumerate(reversed(header)) if cell.strip()), 0)
    named = max(named, *(column + 1 for column in columns.values()), 0)
    if not named <= len(cells) <= len(header) and sum(map(bool, map(str.strip, cells))) > 1:
        what = f"the row has {say_count(len(cells), 'cell')}, the header {len(header)}"
        remedy = "The row was cut off, or a text in it holds the separator without quotes. " + _EXPORT
        raise source.error(what, line=line, remedy=remedy)
    values = {field: cells[column].strip() if column < len(cells) else "" for field, column in columns.items()}
    return Row(line, values, " | ".join(cell.strip() for cell in cells))


def _is_local(used: Mapping[str, str], layout: Layout) -> bool:
    """Tell a header in a language that writes the day first: a column that must be there is so called, or most are."""
    every = [(code, name) for some in layout.vocabulary.values() for code, names in some.items() for name in names]
    other = {name for code, name in every if code != "en"} - {name for code, name in every if code == "en"} - _ENGLISH
    local = {field for field, name in used.items() if _plain(name) in other or _has_accent(name)}
    return any(field in local for fields in layout.needs for field in fields) or 2 * len(local) > len(used)


def _has_accent(name: str) -> bool:
    return any(letter.isalpha() and not letter.isascii() for letter in name)


def _plain(header: str) -> str:
    """Fold a header to small plain letters: "Betrag (EUR)" and "Betrag EUR" are "betrag"; long text is no header."""
    if len(header) > _HEADER_LENGTH:
        return ""
    cut = _BRACKETS.sub(" ", header)
    if currency_in(cut):
        cut = _CURRENCY.sub("", cut.strip()).strip().removesuffix(" in").removesuffix(" en")
    letters = unicodedata.normalize("NFKD", cut.casefold().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", letters))
