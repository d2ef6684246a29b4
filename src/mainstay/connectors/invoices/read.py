"""Open invoices from a table, as any book-keeping program exports it.

What is open is what the column of open amounts says. Without one, a column of states tells paid from unpaid; without
that, every invoice counts as open. Reminders follow from this, so a state that is not understood is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.connectors import tables
from mainstay.connectors.cells import guess_date_format, guess_decimal, iso_day, plain_number
from mainstay.connectors.currencies import code_of, money_of, sums_of
from mainstay.connectors.invoices.columns import VOCABULARY, InvoiceColumns
from mainstay.connectors.source import Source, UnreadableError, none_read, unread
from mainstay.connectors.tables import (
    Cells,
    Row,
    Table,
    currency_beside,
    currency_in,
    currency_named,
    line_of,
    read_table,
    setting,
)
from mainstay.contracts import Operation, to_plain
from mainstay.errors import FileError
from mainstay.records import Doubt, File, Invoice, Layout
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

NEEDS = (("number",), ("customer",), ("amount", "open"), ("issued_on",), ("due_on",))

_UNPAID = frozenset(
    "open unpaid overdue sent due outstanding offen unbezahlt überfällig versendet fällig ouverte impayée impayé "
    "envoyée échue openstaand onbetaald verzonden verlopen vervallen".split()
)
_PAID = frozenset("paid settled closed bezahlt beglichen payée payé réglée betaald voldaan".split())
_VOID = frozenset(
    "void cancelled canceled draft storniert entwurf annulée annulé brouillon geannuleerd concept".split()
)
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_MISTAKES_SHOWN = 10
_EUR = 'currency_code = "EUR"'
_CURRENCY = f"If it is the euro, {setting('invoices.columns', _EUR)}."
_EITHER = 'decimal = "," or date_format = "%d/%m/%Y"'
_CORRECT = "Correct the file, or say under [invoices.columns] in mainstay.toml how it is to be read."


class ReadOpen(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to read: one file, or several together. `layouts` and `columns` say how tables are written.

    `layouts` are those confirmed before, `columns` is what mainstay.toml says; both are for tables alone. `seller` is
    the name or VAT number the owner issues invoices under; with it, invoices of anyone else are left out.
    """

    file: File | None = None
    files: tuple[File, ...] = ()
    layouts: tuple[Layout, ...] = ()
    columns: InvoiceColumns | None = None
    seller: str = ""

    @property
    def given(self) -> tuple[File, ...]:
        """All the files."""
        return (*((self.file,) if self.file else ()), *self.files)


class InvoiceFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the files that were read: `count` invoices and credit notes stand in it, open or not."""

    name: str
    format: str  # "UBL", "Factur-X BASIC", "CSV"
    count: int
    note: str = ""


class InvoicesRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """The open invoices of all files together, by the day they are due and their number."""

    invoices: tuple[Invoice, ...]
    count: int
    left_out: int  # paid, void, credited, credit notes, of other sellers
    totals: tuple[Money, ...]  # what is open, one per currency
    total: str  # the same in words: "1,250.50 EUR, 99.00 USD"
    note: str  # what was guessed, merged and left out, in sentences
    files: tuple[InvoiceFile, ...] = ()
    doubts: tuple[Doubt, ...] = ()  # what the operator is to confirm before the invoices are believed


class _Format(NamedTuple):
    """How the cells of this file are written."""

    decimal: str
    date_format: str
    currency: str  # where a row does not say it


def operations(columns: InvoiceColumns | None = None) -> tuple[Operation, ...]:
    """Give the operations of this connector; `columns` are taken where a playbook gives none."""
    return (
        Operation(
            name="invoices.read_open",
            summary="Read the open invoices",
            input=ReadOpen,
            output=InvoicesRead,
            effect="read",
            where="worker",
            entry="mainstay.connectors.invoices.read:read_open",
            defaults={} if columns in (None, InvoiceColumns()) else {"columns": to_plain(columns)},
        ),
    )


def read_open(arguments: ReadOpen, files: Mapping[str, bytes]) -> InvoicesRead:
    """Read open invoices from tables. `files` maps blob digests to content.

    Raises FileError with line and column, and what to do next, when a file can't be read; of several, such a file is
    left out, with a doubt that says so, and only when none can be read is that an error.
    """
    columns = arguments.columns or InvoiceColumns()
    read: list[tuple[InvoiceFile, list[tuple[Invoice, str]]]] = []
    errors: list[tuple[str, FileError]] = []
    for file in arguments.given:
        try:
            read.append(_read_table(Source.of(file, files), columns))
        except FileError as error:
            errors.append((file.name, error))
    if not read:
        raise none_read(errors)
    rows = [one for _, some in read for one in some]
    invoices = tuple(invoice for invoice, reason in rows if not reason)
    totals = totals_of(invoices)
    return InvoicesRead(
        invoices=invoices,
        count=len(invoices),
        left_out=len(rows) - len(invoices),
        totals=totals,
        total=", ".join(map(str, totals)),
        note=" ".join(file.note for file, _ in read),
        files=tuple(file for file, _ in read),
        doubts=tuple(unread(name, error) for name, error in errors),
    )


def _read_table(source: Source, columns: InvoiceColumns) -> tuple[InvoiceFile, list[tuple[Invoice, str]]]:
    table = read_table(source, _layout(columns))
    form = _format(source, table, columns)
    rows = [row for row in table.rows if any(row.text(field) for field in ("number", "customer", "due_on"))]
    read = _read_rows(source, table, rows, form)
    _refuse_twice(source, table, rows, [invoice.number for invoice, _ in read])
    reasons = [reason for _, reason in read if reason]
    notes = [table.note, f"Dates as {form.date_format}, decimal mark {form.decimal!r}."]
    notes += _without_address(rows)
    notes += [f"Left out as {reason}: {reasons.count(reason)}." for reason in dict.fromkeys(reasons)]
    if not {"open", "state"} & set(table.headers):
        notes.append("No column tells what is open, so every invoice counts as open.")
    try:
        totals_of(invoice for invoice, _ in read)
    except UnreadableError as error:
        raise source.error(str(error), remedy=_CORRECT) from error
    return InvoiceFile(source.name, "CSV", len(read), " ".join(notes)), read


def totals_of(invoices: Iterable[Invoice]) -> tuple[Money, ...]:
    """Add up what is open, per currency, in the order of the codes. Raises UnreadableError beyond 64 bits."""
    return sums_of(invoice.open for invoice in invoices)


def _layout(columns: InvoiceColumns) -> tables.Layout:
    fields = msgspec.structs.asdict(columns)
    named = {field: header for field in VOCABULARY if (header := fields[field])}
    return tables.Layout(VOCABULARY, NEEDS, "invoices.columns", named, columns.delimiter, columns.encoding)


def _format(source: Source, table: Table, columns: InvoiceColumns) -> _Format:
    """Find out how this file writes numbers and dates, from all rows at once."""
    amounts = [cell for row in table.rows for field in ("amount", "open") if (cell := row.text(field))]
    dates = [cell for row in table.rows for field in ("issued_on", "due_on") if (cell := row.text(field))]
    try:
        decimal = columns.decimal or guess_decimal(amounts)
        written = columns.date_format or guess_date_format(dates, day_first=table.local) if dates else "%Y-%m-%d"
    except UnreadableError as error:
        remedy = f"Correct the file, or {setting('invoices.columns', _EITHER)}."
        raise source.error(str(error), line=line_of(table.rows, error.text), remedy=remedy) from error
    if decimal not in {".", ","}:
        raise source.error(f"{decimal!r} is no decimal mark", remedy="Give '.' or ','.")
    named = (code for field in ("open", "amount") if (code := currency_in(table.headers.get(field, ""))))
    return _Format(decimal, written, columns.currency_code or next(named, ""))


def _read_rows(source: Source, table: Table, rows: Sequence[Row], form: _Format) -> list[tuple[Invoice, str]]:
    """Read all rows. Raises FileError with the first mistake of each row, so that all are mended at once."""
    read: list[tuple[Invoice, str]] = []
    mistakes: list[FileError] = []
    for row in rows:
        try:
            read.append(_read_row(Cells(source, table, row, _CORRECT), form))
        except FileError as error:
            mistakes.append(error)
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        told = [error.message.removeprefix(f"{source.name}, ") for error in mistakes[:_MISTAKES_SHOWN]]
        what = f"{source.name}, {' '.join([*told, *_and_more(len(mistakes))])}"
        remedies = dict.fromkeys(error.remedy for error in mistakes)
        raise FileError(what, remedy=" ".join(remedies))
    return read


def _read_row(cells: Cells, form: _Format) -> tuple[Invoice, str]:
    """Read one invoice, and why it is left out ("" when it is open)."""

    def day(cell: str) -> str:
        return iso_day(_filled(cell), form.date_format)

    def money(cell: str) -> Money:
        return money_of(plain_number(_filled(cell), form.decimal, currency), currency)

    beside = next((code for field in ("open", "amount") if (code := currency_beside(cells.row.text(field)))), "")
    asking = cells if cells.row.text("currency") else msgspec.structs.replace(cells, remedy=_CURRENCY)
    currency = asking.take("currency", lambda cell: code_of(currency_named(cell) or beside or form.currency))
    amount = cells.take("amount" if "amount" in cells.table.headers else "open", money)
    reason = "void" if cells.row.text("state").casefold() in _VOID else "credit note" if amount.minor < 0 else ""
    open_ = amount if reason else _open(cells, amount, money)
    invoice = Invoice(
        number=cells.take("number", _filled),
        customer=cells.take("customer", _filled),
        amount=amount,
        open=open_,
        issued_on=cells.take("issued_on", day),
        due_on=cells.take("due_on", day),
        email=_email(cells.row.text("email")),
        iban=cells.row.text("iban").replace(" ", "").upper(),
        reference=cells.row.text("reference"),
        customer_id=cells.row.text("customer_id"),
    )
    return invoice, reason or ("" if open_.minor else "paid")


def _open(cells: Cells, amount: Money, money: Callable[[str], Money]) -> Money:
    """Say what is still open of an invoice, between nothing and all of it."""
    if "open" not in cells.table.headers:
        return cells.take("state", lambda cell: amount if _unpaid(cells.table, cell) else amount - amount)

    def within(cell: str) -> Money:
        still = money(cell)
        if not 0 <= still.minor <= amount.minor:
            raise UnreadableError(f"{still} is open of an invoice of {amount}")
        return still

    return cells.take("open", within)


def _unpaid(table: Table, state: str) -> bool:
    if "state" not in table.headers or state.casefold() in _UNPAID:
        return True
    if state.casefold() in _PAID:
        return False
    raise UnreadableError(f"{state[:30]!r} says neither paid nor unpaid")


def _filled(cell: str) -> str:
    if not cell:
        raise UnreadableError("the cell is empty")
    return cell


def _email(cell: str) -> str:
    """Take one address, as a reminder goes to it; several or a name beside it are none."""
    return cell if _EMAIL.fullmatch(cell) else ""


def _without_address(rows: Sequence[Row]) -> list[str]:
    """Say which invoices get no mail, as what stands for their address is none."""
    bad = [(row.line, cell) for row in rows if (cell := row.text("email")) and not _email(cell)]
    told = [f"Line {line}: {cell[:60]!r} is not one e-mail address, so no mail goes there." for line, cell in bad]
    return told[:_MISTAKES_SHOWN] + _and_more(len(told))


def _and_more(count: int) -> list[str]:
    return [f"And {count - _MISTAKES_SHOWN} more."] * (count > _MISTAKES_SHOWN)


def _refuse_twice(source: Source, table: Table, rows: list[Row], numbers: list[str]) -> None:
    first: dict[str, int] = {}
    for row, number in zip(rows, numbers, strict=True):
        line = first.setdefault(number.casefold(), row.line)
        if line != row.line:
            what = f"the invoice number {number!r} stands already in line {line}"
            remedy = "Give each invoice once, with what is open of it."
            raise source.error(what, line=row.line, column=table.headers["number"], remedy=remedy)
