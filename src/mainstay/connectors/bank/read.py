"""Bank statements as lines. Formats are told apart by content, never by name; a new one is a row in `READERS`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import structs

from mainstay.connectors.bank import camt, csv, mt940, ofx, payouts, qif
from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.line_ids import with_ids
from mainstay.connectors.bank.statement import FileRead, StatementRead, assemble
from mainstay.connectors.currencies import sums_of
from mainstay.connectors.source import Source, UnreadableError, none_read, stranger, unread
from mainstay.contracts import Operation, to_plain
from mainstay.errors import FileError
from mainstay.origins import Gives
from mainstay.records import File, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mainstay.ports import Books

MAX_TOTAL_BYTES = 128 * 1024 * 1024  # of all files read together
HEAD_BYTES = 4096  # as much of a file as is looked at to recognise it
# Days, amounts, ids and accounts are the bank's. Names, references and what the payer wrote are the payer's.
_OF_LINES = ("id", "booked_on", "amount", "value_on", "iban", "bank_id", "account", "original")
_OF_THE_BANK = (
    *(f"lines.{field}" for field in _OF_LINES),
    *("statements", "currency", "balance", "sums", "count", "pending", "payouts"),
)
TIMEOUT_S = 120.0  # a year of a busy account takes a few seconds


class ReadStatement(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to read: one file, or several together. `layouts` and `columns` say how tables are written.

    `layouts` are those confirmed before, `columns` is what mainstay.toml says; both are for tables alone. `currency` is
    that of files that name none.
    """

    file: File | None = None
    files: tuple[File, ...] = ()
    layouts: tuple[Layout, ...] = ()
    columns: ColumnMap | None = None
    currency: str = ""

    @property
    def given(self) -> tuple[File, ...]:
        """All the files."""
        return (*((self.file,) if self.file else ()), *self.files)


class Hints(msgspec.Struct, frozen=True):
    """What is known of how tables are written: by mainstay.toml, and by what was confirmed before."""

    columns: ColumnMap = ColumnMap()
    layouts: tuple[Layout, ...] = ()
    currency: str = ""  # of files that name none

    @property
    def with_currency(self) -> ColumnMap:
        """What mainstay.toml says, for formats that name a currency nowhere or clearly."""
        return structs.replace(self.columns, currency_code=self.columns.currency_code or self.currency)


class Reader(NamedTuple):
    """A format: how its files begin, and the function that reads them."""

    name: str
    looks_like: Callable[[bytes], bool]  # takes the first bytes
    read: Callable[[Source, Hints], FileRead]


def operations(columns: ColumnMap | None = None, books: Books | None = None) -> tuple[Operation, ...]:
    """Give the operations of this connector; `columns` are taken where a playbook gives none.

    `books` tell which lines are booked under an id of an earlier release.
    """

    def booked(ids: Sequence[str]) -> set[str]:
        return {payment.line_id for payment in books.of_lines(ids)} if books is not None else set()

    return (
        Operation(
            name="bank.read_statement",
            summary="Read a bank statement",
            input=ReadStatement,
            output=StatementRead,
            effect="read",
            where="worker",
            entry="mainstay.connectors.bank.read:read_statement",
            gives=Gives(
                trusted=_OF_THE_BANK,
                private=("statements", "lines", "sums", "payouts"),
                author="counterparty",
                at="booked_on",
                what="the payment",
            ),
            defaults={} if columns in (None, ColumnMap()) else {"columns": to_plain(columns)},
            timeout_s=TIMEOUT_S,
            with_ids=lambda output, id_of: with_ids(output, id_of, booked),
        ),
    )


def read_statement(arguments: ReadStatement, files: Mapping[str, bytes]) -> StatementRead:
    """Read all statements in the files. `files` maps blob digests to content.

    Raises FileError, with the place and what to do next, when anything in a file can't be read or the balances do
    not agree: a file is read whole or not at all. Of several, one that can't be read is left out, with a doubt that
    says so; only when none can is that an error.
    """
    hints = Hints(arguments.columns or ColumnMap(), arguments.layouts, arguments.currency)
    _refuse_too_much(arguments.given, files)
    read: list[tuple[str, FileRead]] = []
    errors: list[tuple[str, FileError]] = []
    first: dict[str, tuple[str, FileRead]] = {}  # by the digest of the content
    for file in arguments.given:
        try:
            if file.blob.digest in first:
                read.append((file.name, _again(*first[file.blob.digest])))
            else:
                read.append((file.name, _read_file(Source.of(file, files), hints)))
                first[file.blob.digest] = read[-1]
        except FileError as error:
            errors.append((file.name, error))
    if not read:
        raise none_read(errors)
    return assemble(read, [unread(name, error) for name, error in errors])


def _refuse_too_much(given: Sequence[File], files: Mapping[str, bytes]) -> None:
    total = sum(len(files[digest]) for digest in {file.blob.digest for file in given})
    if total > MAX_TOTAL_BYTES:
        size, limit = (f"{count / 2**20:.0f} MB" for count in (total, MAX_TOTAL_BYTES))
        have = "The file has" if len(given) == 1 else f"The {len(given)} files have"
        what = f"{have} {size} together, and may have {limit}."
        raise FileError(what, remedy="Give fewer files at a time, or export shorter periods.")


def _again(name: str, read: FileRead) -> FileRead:
    """Say of a file that it was given before; its lines count once."""
    return FileRead(read.format, (), (f"This is the same file as {name}, and counts once.",))


def _read_file(source: Source, hints: Hints) -> FileRead:
    try:
        read = recognise(source).read(source, hints)
        sums_of(draft.line.amount for part in read.parts for draft in part.drafts)  # they fit 64 bits
    except UnreadableError as error:
        raise source.error(str(error), remedy=_EXPORT) from error
    return read


def recognise(source: Source) -> Reader:
    """Find the reader for a file by its first bytes; raises FileError when no format fits."""
    head = source.content[:HEAD_BYTES]
    for begins, what, remedy in STRANGERS:
        if begins.search(head):
            raise stranger(source, what, "a bank statement", remedy)
    reader = next((reader for reader in READERS if reader.looks_like(head)), None)
    if reader is None:
        raise source.error("the file is in no format known here", remedy=_EXPORT)
    return reader


def _read_ofx(source: Source, hints: Hints) -> FileRead:
    return ofx.read(source, hints.with_currency)


def _read_qif(source: Source, hints: Hints) -> FileRead:
    return qif.read(source, hints.with_currency)


def _read_camt(source: Source, hints: Hints) -> FileRead:
    del hints  # XML has no columns
    return camt.read(source)


def _read_mt940(source: Source, hints: Hints) -> FileRead:
    del hints  # its fields are always the same
    return mt940.read(source)


def _read_payouts(source: Source, hints: Hints) -> FileRead:
    return payouts.read(source, hints.columns)


def _read_csv(source: Source, hints: Hints) -> FileRead:
    return csv.read(source, hints.columns, hints.layouts, hints.currency)


READERS = (
    Reader("OFX", ofx.looks_like, _read_ofx),
    Reader("camt.053", camt.looks_like, _read_camt),
    Reader("MT940", mt940.looks_like, _read_mt940),
    Reader("payment provider's report", payouts.looks_like, _read_payouts),
    Reader("QIF", qif.looks_like, _read_qif),
    Reader("CSV or XLSX", csv.looks_like, _read_csv),
)

_EXPORT = f"Export it at the bank in a format that can be read: {', '.join(reader.name for reader in READERS)}."
_INVOICE = (
    rb"\A\W{0,3}(?:\s|<\?[^>]{0,200}>|<!--[^>]{0,1000}-->){0,20}<(?:[\w.-]{1,30}:)?"
    rb"(?:Invoice|CreditNote|CrossIndustryInvoice|CrossIndustryDocument)[\s>]"
)
_SAVE = "Open it in your spreadsheet program and save it as .xlsx without a password, or as CSV."
# Files often given by mistake: how they begin, what they are, what to do instead.
STRANGERS = tuple(
    (re.compile(begins, re.IGNORECASE | re.MULTILINE), what, remedy)
    for begins, what, remedy in (
        (rb"\A\x1f\x8b", "a compressed file", "Unpack it and give the file inside."),
        (rb"\A\xd0\xcf\x11\xe0", "an old Excel file, or one with a password", _SAVE),
        (rb"\A\s*<\?xml[^>]*>\s*<\?mso-application|office:spreadsheet", "an old Excel file", _SAVE),
        (rb"\A(\xef\xbb\xbf)?\s*[{\[]\s*[{\"\]}]", "a JSON file", _EXPORT),
        (rb"\A\s*%PDF", "a PDF", _EXPORT),
        (_INVOICE, "an e-invoice", "Give it as one of the invoices, not as a statement."),
        (rb"\A\s*<(!DOCTYPE )?html", "a web page", _EXPORT),
    )
)
