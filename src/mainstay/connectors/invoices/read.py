"""Open invoices from any files: e-invoices, PDFs that hold one, and tables. Formats are told apart by content.

A file is read whole or not at all; of several, one that can't be read is left out with a doubt. What all of them say
together is worked out in `merge`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.connectors import sheets, tables
from mainstay.connectors.bank.columns import VOCABULARY as BANK_VOCABULARY
from mainstay.connectors.currencies import sums_of
from mainstay.connectors.invoices import einvoice, pdf, table
from mainstay.connectors.invoices.columns import VOCABULARY, InvoiceColumns
from mainstay.connectors.invoices.merge import Merged, merge
from mainstay.connectors.invoices.papers import NAMES_SHOWN, Draft, FileRead, files_listed
from mainstay.connectors.invoices.sellers import with_ids
from mainstay.connectors.invoices.table import Hints
from mainstay.connectors.source import Source, UnreadableError, none_read, stranger, unread
from mainstay.contracts import Operation, to_plain
from mainstay.errors import FileError
from mainstay.origins import Gives
from mainstay.records import Doubt, File, Invoice, Layout
from mainstay.values import Money, PersonalText, say_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mainstay.connectors.invoices.document import Document
    from mainstay.values import Value

HEAD_BYTES = 4096  # as much of a file as is looked at to recognise it
MAX_FILES = 2_000
MAX_BYTES = 256 * 1024 * 1024  # of all files together; a worker has a gigabyte
_OWN_RECORDS = ("invoices", "count", "left_out", "totals", "total", "currency")  # no file names, no doubts
TIMEOUT_S = 120.0  # two thousand e-invoices take a few seconds, a large table as many
NOTES_SHOWN = 10  # of what files say of themselves


class ReadOpen(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to read: one file, or several together. `layouts` and `columns` say how tables are written.

    `layouts` are those confirmed before, of tables and of sellers; `columns` is what mainstay.toml says of tables.
    `seller` is the name or VAT number the owner issues invoices under; with it, invoices of anyone else are left out.
    `currency` is that of tables that name none.
    """

    file: File | None = None
    files: tuple[File, ...] = ()
    layouts: tuple[Layout, ...] = ()
    columns: InvoiceColumns | None = None
    seller: str = ""
    currency: str = ""

    @property
    def given(self) -> tuple[File, ...]:
        """All the files."""
        return (*((self.file,) if self.file else ()), *self.files)


class InvoiceFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the files that were read: `count` invoices and credit notes stand in it, open or not."""

    name: PersonalText
    format: str  # "UBL", "Factur-X BASIC", "CSV"
    count: int
    note: PersonalText = ""


class InvoicesRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """The open invoices of all files together: by the name of their file, and in its order."""

    invoices: tuple[Invoice, ...]
    count: int
    left_out: int  # paid, void, credited, credit notes, of other sellers
    totals: tuple[Money, ...]  # what is open, one per currency
    total: str  # the same in words: "1,250.50 EUR, 99.00 USD"
    currency: str  # of all of them, "" when there are several or none
    note: PersonalText  # what was guessed, merged and left out, in sentences
    files: tuple[InvoiceFile, ...] = ()
    doubts: tuple[Doubt, ...] = ()  # what the operator is to confirm before the invoices are believed


class Reader(NamedTuple):
    """A format: how its files begin, and the function that reads them."""

    name: str
    looks_like: Callable[[bytes], bool]  # takes the first bytes
    read: Callable[[Source, Hints], FileRead]


def operations(columns: InvoiceColumns | None = None, seller: str = "") -> tuple[Operation, ...]:
    """Give the operations of this connector; `columns` and `seller` are taken where a playbook gives none."""
    defaults: dict[str, Value] = {} if columns in (None, InvoiceColumns()) else {"columns": to_plain(columns)}
    return (
        Operation(
            name="invoices.read_open",
            summary="Read the open invoices",
            input=ReadOpen,
            output=InvoicesRead,
            effect="read",
            where="worker",
            entry="mainstay.connectors.invoices.read:read_open",
            gives=Gives(
                trusted=_OWN_RECORDS, private=("invoices", "totals", "total"), what="the list of open invoices"
            ),
            defaults=defaults | ({"seller": seller} if seller else {}),
            timeout_s=TIMEOUT_S,
            with_ids=lambda output, id_of: msgspec.structs.replace(output, doubts=with_ids(output.doubts, id_of)),
        ),
    )


def read_open(arguments: ReadOpen, files: Mapping[str, bytes]) -> InvoicesRead:
    """Read the open invoices of all files. `files` maps blob digests to content; their order changes nothing.

    Raises FileError with the place and what to do next when a file can't be read; of several, such a file is left
    out, with a doubt that says so, and only when none can be read is that an error.
    """
    given = sorted(arguments.given, key=lambda file: (file.name, file.blob.digest))
    _refuse_many(given)
    hints = Hints(arguments.columns or InvoiceColumns(), arguments.layouts, arguments.currency)
    read: list[FileRead] = []
    errors: list[tuple[str, FileError]] = []
    first: dict[str, File] = {}  # by content
    for file in given:
        original = first.setdefault(file.blob.digest, file)
        if original is not file:
            read.append(FileRead(file.name, "copy", (), (f"A copy of {original.name}, not read again.",)))
            continue
        try:
            read.append(_read_file(Source.of(file, files), hints))
        except FileError as error:
            errors.append((file.name, error))
    if not any(one.format != "copy" for one in read):
        raise none_read(errors)
    return _result(read, merge(read, arguments.seller, arguments.layouts), errors)


def totals_of(invoices: Iterable[Invoice]) -> tuple[Money, ...]:
    """Add up what is open, per currency, in the order of the codes. Raises UnreadableError beyond 64 bits."""
    return sums_of(invoice.open for invoice in invoices)


def recognise(source: Source) -> Reader:
    """Find the reader for a file by its first bytes; raises FileError when it is known to be something else."""
    head = source.content[:HEAD_BYTES]
    for begins, what, remedy in STRANGERS:
        if begins.search(head):
            raise stranger(source, what, "invoices", remedy)
    return next(reader for reader in READERS if reader.looks_like(head))


def _refuse_many(given: Sequence[File]) -> None:
    size = sum(file.blob.size for file in {file.blob.digest: file for file in given}.values())
    if len(given) > MAX_FILES:
        what = f"{len(given):,} files were given, and {MAX_FILES:,} can be read together."
        raise FileError(what, remedy="Give the files of a shorter period, or a list of the invoices as a table.")
    if size > MAX_BYTES:
        what = f"The files have {size / 2**20:.0f} MB together, and {MAX_BYTES // 2**20} MB can be read together."
        raise FileError(what, remedy="Give fewer files, or e-invoices (XML) instead of PDFs.")


def _read_file(source: Source, hints: Hints) -> FileRead:
    try:
        return recognise(source).read(source, hints)
    except UnreadableError as error:
        raise source.error(str(error), remedy=_GIVE) from error


def _read_document(read: Callable[[Source], Document], source: Source) -> FileRead:
    document = read(source)
    return FileRead(source.name, document.format, (Draft(document),), document.notes)


def _read_pdf(source: Source, hints: Hints) -> FileRead:
    del hints  # the XML in it has no columns
    return _read_document(pdf.read, source)


def _read_xml(source: Source, hints: Hints) -> FileRead:
    del hints  # XML has no columns
    return _read_document(einvoice.read, source)


def _read_table(source: Source, hints: Hints) -> FileRead:
    """Read a table; one that is a bank's by its columns is told so."""
    try:
        return table.read(source, hints)
    except FileError:
        if _is_bank_table(source):
            raise stranger(source, "a bank statement (a table of payments)", "invoices", _SWAPPED) from None
        raise


def _is_bank_table(source: Source) -> bool:
    """Tell whether a table has the columns of a bank statement, and lacks those of invoices."""
    needs = (("booked_on",), ("amount", "credit", "debit"), ("counterparty", "text"), ("iban", "balance", "value_on"))
    try:
        found = tables.read_table(source, tables.Layout(BANK_VOCABULARY, needs, "bank.columns"))
    except FileError:
        return False
    plain = tables.match_columns(list(found.header), tables.Layout(VOCABULARY, (), table.SECTION))
    return "due_on" not in plain and not {"number", "customer"} <= set(plain)


def _is_table(head: bytes) -> bool:
    """Take whatever is left for text: if it is not, the table's reader says so."""
    return bool(head)


# --- the result ---------------------------------------------------------------------------------------------------


def _result(read: Sequence[FileRead], merged: Merged, errors: Sequence[tuple[str, FileError]]) -> InvoicesRead:
    try:
        totals = totals_of(merged.invoices)
    except UnreadableError as error:
        what = f"The invoices can't be added up: {error}."
        raise FileError(what, remedy="Correct the amount that is too large.") from error
    total = ", ".join(map(str, totals))
    return InvoicesRead(
        invoices=merged.invoices,
        count=len(merged.invoices),
        left_out=sum(merged.left_out.values()),
        totals=totals,
        total=total,
        currency=totals[0].currency if len(totals) == 1 else "",
        note=" ".join(_notes(read, merged, errors)),
        files=tuple(InvoiceFile(one.name, one.format, len(one.drafts), " ".join(one.notes)) for one in read),
        doubts=(
            *_asked_once([doubt for one in read for doubt in one.doubts]),
            *merged.doubts,
            *(unread(name, error) for name, error in errors),
        ),
    )


def _asked_once(doubts: Sequence[Doubt]) -> list[Doubt]:
    """Ask once for all tables of one layout."""
    alike: dict[str, list[Doubt]] = {}
    for doubt in doubts:
        alike.setdefault(doubt.layout.id if doubt.layout else f"doubt {doubt.id}", []).append(doubt)
    return [_of_all(some) for some in alike.values()]


def _of_all(doubts: Sequence[Doubt]) -> Doubt:
    """Make one of the doubts about one layout: what it says, and every remark on one of the files."""
    first, *others = doubts
    if not others:
        return first
    lines = [first.body, f"Written in the same way: {files_listed(one.file for one in others)}."]
    guessed = ((one.file, one.body.rpartition("\n")[2]) for one in others)  # what was guessed is in the last line
    own = [f"{file}: {line}" for file, line in guessed if line not in first.body]
    more = [f"And {say_count(len(own) - NAMES_SHOWN, 'file')} more."] * (len(own) > NAMES_SHOWN)
    lines += [*own[:NAMES_SHOWN], *more]
    return msgspec.structs.replace(first, body="\n".join(lines))


def _notes(read: Sequence[FileRead], merged: Merged, errors: Sequence[tuple[str, FileError]]) -> list[str]:
    """Say what was read: counts first, then what was joined and taken off, then what the files say of themselves."""
    reasons = [f"Left out as {reason}: {count}." for reason, count in merged.left_out.items()]
    if len(read) + len(errors) == 1:
        return [*read[0].notes, *reasons, *merged.notes]
    kinds = {kind: sum(one.format == kind for one in read) for kind in dict.fromkeys(one.format for one in read)}
    copies = kinds.pop("copy", 0)
    told = [f"{len(read) + len(errors)} files: {', '.join(f'{count} {kind}' for kind, count in kinds.items())}."]
    told += [f"Copies of another file: {copies}."] * bool(copies)
    told += [f"Not read: {files_listed(name for name, _ in errors)}."] * bool(errors)
    said: dict[str, list[str]] = {}  # what files say of themselves -> which
    for one in read:
        if one.notes and one.format != "copy":
            said.setdefault(" ".join(one.notes), []).append(one.name)
    own = [f"{files_listed(names)}: {note}" for note, names in said.items()]
    more = [f"And {say_count(len(own) - NOTES_SHOWN, 'note')} more on single files."] * (len(own) > NOTES_SHOWN)
    return [*told, *reasons, *merged.notes, *own[:NOTES_SHOWN], *more]


READERS = (
    Reader("XLSX", sheets.is_workbook, _read_table),
    Reader("PDF", pdf.looks_like, _read_pdf),
    Reader("XML", einvoice.looks_like, _read_xml),
    Reader("CSV", _is_table, _read_table),
)

_GIVE = "Give invoices as e-invoices (XRechnung, UBL, Factur-X, ZUGFeRD), or a list of them as CSV or Excel."
_SWAPPED = (
    "The bank statement and the invoices may be swapped: give this file as the statement, and as invoices "
    "e-invoices or a list of what is open."
)
_SAVE = "Save the invoices attached to it as files, and give those."
_PICTURE = "A picture can't be read. " + _GIVE
_MAIL = (
    rb"\A(?:From \S+@\S+ |(?:Return-Path|Received|Delivered-To|MIME-Version|Message-ID|DKIM-Signature|X-[\w-]+): ?\S|"
    rb"(?:From|To|Subject|Date): [^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*[A-Z][\w-]*: )"
)
# Files often given by mistake: how they begin, what they are, what to do instead.
STRANGERS = tuple(
    (re.compile(begins, re.IGNORECASE | re.MULTILINE), what, remedy)
    for begins, what, remedy in (
        (
            rb"\A\W{0,3}\s*<[^\0]{0,2000}?(?:camt\.053|<(?:\w+:)?BkToCstmrStmt\b)",
            "a bank statement (camt.053)",
            _SWAPPED,
        ),
        (
            rb"\A\W{0,3}\s*<[^\0]{0,2000}?(?:camt\.052|<(?:\w+:)?BkToCstmrAcctRpt\b)",
            "a bank's report (camt.052)",
            _SWAPPED,
        ),
        (
            rb"\A\W{0,3}\s*<[^\0]{0,2000}?(?:camt\.054|<(?:\w+:)?BkToCstmrDbtCdtNtfctn\b)",
            "a bank's notice (camt.054)",
            _SWAPPED,
        ),
        (rb"\A\s*OFXHEADER|\A\s*(?:<\?[^>]*>\s*)*<OFX>", "a bank statement (OFX)", _SWAPPED),
        (rb"\A\s*!(Type:|Account|Option:)", "a bank statement (QIF)", _SWAPPED),
        (rb"\A\s*(?:\{1:F|:20:)", "a bank statement (MT940)", _SWAPPED),
        (rb"\A\s*(?:<\?[^>]*>\s*)*<(?:!DOCTYPE )?html", "a web page", "Save the invoice itself. " + _GIVE),
        (_MAIL, "an e-mail", _SAVE),
        (
            rb"\A(?:\x1f\x8b|7z\xbc\xaf|Rar!\x1a|BZh[1-9]1AY)",
            "a compressed file",
            "Unpack it and give the files inside.",
        ),
        (rb"\A\xd0\xcf\x11\xe0", "an old Excel or Word file, or an Outlook message", "Save it as .xlsx or CSV."),
        (
            rb"\A(?:\xff\xd8\xff|\x89PNG|GIF8|II\*\0|MM\0\*|RIFF....WEBP|....ftyp(?:hei|mif|avif))",
            "a picture",
            _PICTURE,
        ),
        (rb"\A\s*(?:\{\s*(?:\"|\})|\[\s*(?:\{|\[|\]))", "a JSON file", "Export the list of invoices as CSV or Excel."),
        (rb"\A\{\\rtf", "a text document (RTF)", "Save the list in it as CSV or Excel."),
    )
)
