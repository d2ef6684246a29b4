"""Invoices from a table, as book-keeping programs export them and people keep them: one row, one invoice.

What is open is what the column of open amounts says; else what a column of paid amounts leaves; else a column of
states tells paid from unpaid; without any, every invoice counts as open. Reminders follow from this, so a state that
is not understood is an error. A negative amount, or a kind that says so, is a credit note.

The amount is the one with tax. Where net, tax and total are all there, they must agree to the last minor unit; a tax
column that holds rates, or anything but amounts, is told by that. Programs that export items repeat the totals of
their invoice in each row: such rows are one invoice.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.connectors import tables
from mainstay.connectors.cells import (
    guess_date_format,
    guess_decimal,
    iso_day,
    plain_number,
    tells_date_format,
    tells_decimal,
)
from mainstay.connectors.currencies import code_of, money_of, sums_of
from mainstay.connectors.doubts import SAMPLE_ROWS, doubt, shown, shown_row
from mainstay.connectors.invoices import columns as known
from mainstay.connectors.invoices.columns import VOCABULARY, InvoiceColumns
from mainstay.connectors.invoices.document import Document
from mainstay.connectors.invoices.merge import Draft, FileRead
from mainstay.connectors.invoices.terms import read_terms
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.tables import Cells, Row, Table, currency_beside, currency_in, currency_named, line_of, setting
from mainstay.errors import FileError
from mainstay.records import Discount, Doubt, Invoice, Layout
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.connectors.source import Source

SECTION = "invoices.columns"
MAX_DAYS = 3650  # of terms of payment; more is a date or a slip
NOTES_SHOWN = 10

_NET = re.compile(
    r"\b(net|netto|excl\w*|exkl\w*|ekskl\w*|eks|ex|ht|hors|ohne|without|before|sans|sin|senza|sem|bez|untaxed)\b"
)
_GROSS_NAME = re.compile(r"\b(gross|brutto|ttc|inc|incl\w*|inkl\w*|con iva|com iva|s dph)\b")
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_NUMBER = re.compile(r"[0-9]+")
_AT_ONCE = re.compile(r"receipt|sofort|immediate|réception|comptant|contado|vista|direct|heti", re.IGNORECASE)
_EITHER = 'decimal = "," or date_format = "%d/%m/%Y"'
_CORRECT = "Correct the file, or say under [invoices.columns] in mainstay.toml how it is to be read."
_ALONE = "If it is a remark, delete the row; if the file was cut off, export it again."
_STATES = f"Export the list with the amounts that are still open. {_CORRECT}"
_GROSS = "Export the list with totals that include tax"
_LIST = "Export the list of invoices, not of items."


class Hints(msgspec.Struct, frozen=True):
    """What is known of how tables are written: by mainstay.toml, and by what was confirmed before."""

    columns: InvoiceColumns = InvoiceColumns()
    layouts: tuple[Layout, ...] = ()
    currency: str = ""  # of tables that name none


class _Format(NamedTuple):
    """How the cells of this file are written, and which of its columns are what they seem."""

    decimal: str
    date_format: str
    currency: str  # where a row does not say it
    has_tax: bool  # the tax column holds amounts
    states_paid: bool  # the column of states holds what was paid, as amounts
    amount_is_net: bool  # by its header, where the operator does not name it


def read(source: Source, hints: Hints) -> FileRead:
    """Read a table, of text or of a workbook.

    Raises FileError with line and column, and what to do next; then nothing of the file is used.
    """
    layout = _layout(hints)
    table = _found(source, layout)
    form = _format(source, table, _settings(hints.columns, table), hints.currency)
    _refuse_net(source, table, form)
    rows, rest = _parted(table)
    read, left_out = _read_rows(source, table, rows, form)
    drafts = [draft for _, draft in read]
    if not left_out:
        _check_totals(source, table, rest, drafts, form)
    kept, repeated = _without_repeated(source, table, read)
    try:
        sums_of(draft.document.invoice.amount for draft in kept)
    except UnreadableError as error:
        raise source.error(str(error), remedy=_CORRECT) from error
    notes = [*([table.note] if table.note else []), *_remarks(table, rows, form)]
    notes += repeated
    if len(rows) < len(table.rows):
        notes.append(f"Rows that are no invoices (totals, remarks), left out: {len(table.rows) - len(rows)}.")
    guessed = not layout.named and table.remembered is None
    doubts = (_doubt(source, table, form, kept, hints.columns),) if guessed and kept else ()
    kind = "CSV" if table.delimiter else "XLSX"
    return FileRead(source.name, kind, tuple(_of_kind(kept, kind)), tuple(notes), doubts, left_out)


def _found(source: Source, layout: tables.Layout) -> Table:
    """Find the table. Where the amounts are net by their header, a column that is gross by its own is taken instead."""
    table = tables.read_table(source, layout)
    gross = [name for name in table.header if _GROSS_NAME.search(name.casefold()) and not _NET.search(name.casefold())]
    if layout.named or table.remembered or not _NET.search(_header(table)) or len(gross) != 1:
        return table
    headers = {**table.headers, "amount": gross[0]} | (
        {} if "net" in table.headers else {"net": table.headers["amount"]}
    )
    return tables.read_table(source, msgspec.structs.replace(layout, named=headers))


def _header(table: Table) -> str:
    return table.headers.get("amount", "").casefold().replace("_", " ")


def _layout(hints: Hints) -> tables.Layout:
    fields = msgspec.structs.asdict(hints.columns)
    named = {field: header for field in VOCABULARY if (header := fields[field])}
    columns = hints.columns
    return tables.Layout(
        VOCABULARY, known.NEEDS, SECTION, named, columns.delimiter, columns.encoding, remembered=hints.layouts
    )


def _settings(columns: InvoiceColumns, table: Table) -> InvoiceColumns:
    """Take what was confirmed of how cells are written, where mainstay.toml says nothing."""
    confirmed = table.remembered.columns if table.remembered else {}
    some = ("decimal", "date_format", "currency_code")
    return msgspec.structs.replace(
        columns, **{name: getattr(columns, name) or confirmed.get(name, "") for name in some}
    )


def _format(source: Source, table: Table, columns: InvoiceColumns, currency: str) -> _Format:
    """Find out how this file writes numbers and dates, from all rows at once."""
    try:
        decimal = columns.decimal or guess_decimal(_amounts(table))
        written = columns.date_format or (
            guess_date_format(days, day_first=table.local) if (days := _days(table)) else "%Y-%m-%d"
        )
    except UnreadableError as error:
        remedy = f"Correct the file, or {setting(SECTION, _EITHER)}."
        raise source.error(str(error), line=line_of(table.rows, error.text), remedy=remedy) from error
    if decimal not in {".", ","}:
        raise source.error(f"{decimal!r} is no decimal mark", remedy="Give '.' or ','.")
    named = (code for field in ("open", "amount", "net") if (code := currency_in(table.headers.get(field, ""))))
    states = [cell for row in table.rows if (cell := row.text("state"))]
    return _Format(
        decimal=decimal,
        date_format=written,
        currency=columns.currency_code or next(named, currency),
        has_tax=_all_amounts([cell for row in table.rows if (cell := row.text("tax"))], decimal),
        states_paid=not set(states) <= {"0", "1"} and _all_amounts(states, decimal),
        amount_is_net=not columns.amount and bool(_NET.search(_header(table))),
    )


def _amounts(table: Table) -> list[str]:
    return [cell for row in table.rows for field in ("amount", "open", "net") if (cell := row.text(field))]


def _days(table: Table) -> list[str]:
    """Give the dates of all rows that have one in figures."""
    fields = ("issued_on", "due_on")
    return [cell for row in table.rows if _is_invoice(row) for field in fields if (cell := row.text(field))]


def _all_amounts(cells: Sequence[str], decimal: str) -> bool:
    for cell in cells:
        try:
            plain_number(cell, decimal, currency_beside(cell))
        except UnreadableError:
            return False
    return bool(cells)


def _refuse_net(source: Source, table: Table, form: _Format) -> None:
    """Refuse a table that says only what is owed without tax: customers pay it with tax."""
    headers = table.headers
    if form.amount_is_net and not ("open" in headers or ("tax" in headers and form.has_tax)):
        gross = 'amount = "..."'
        remedy = f"{_GROSS}, or, if the file has such a column, {setting(SECTION, gross)}."
        what = "by its header this column holds amounts without tax, and customers pay them with tax"
        raise source.error(what, column=headers["amount"], remedy=remedy)
    if not {"amount", "open"} & set(headers) and not ("tax" in headers and form.has_tax):
        remedy = f"{_GROSS}. If no tax is on your invoices: {setting(SECTION, 'amount = ' + repr(headers['net']))}."
        raise source.error("there are amounts without tax alone", column=headers["net"], remedy=remedy)


def _is_invoice(row: Row) -> bool:
    """Tell invoices from totals and remarks: a row of an invoice names it, or its customer, or a day."""
    named = [text for field in ("number", "customer", "issued_on", "due_on") if (text := row.text(field))]
    return bool(named) and not (len(named) == 1 and _is_total(named[0]))


def _parted(table: Table) -> tuple[list[Row], list[Row]]:
    """Part invoices from the rest: totals, and remarks of one cell, which have no figures or stand below a total."""
    rows: list[Row] = []
    rest: list[Row] = []
    below_total = False
    for row in table.rows:
        said = row.raw.replace("|", " ").strip()
        alone = said in row.cells.values() and (below_total or not any(map(str.isdigit, said)))
        (rows if _is_invoice(row) and not alone else rest).append(row)
        below_total = below_total or (any(map(_is_total, row.raw.split("|"))) and not _is_invoice(row))
    return rows, rest


def _is_total(text: str) -> bool:
    return text.casefold().strip(" :.=*") in known.TOTAL


# --- rows ---------------------------------------------------------------------------------------------------------


def _read_rows(
    source: Source, table: Table, rows: Sequence[Row], form: _Format
) -> tuple[list[tuple[Row, Draft]], Counter[str]]:
    """Read all rows; count those that are no invoices by their kind, or that are void and not complete.

    Raises FileError with the first mistake of each row, so that all are mended at once.
    """
    read: list[tuple[Row, Draft]] = []
    left_out: Counter[str] = Counter()
    mistakes: list[FileError] = []
    for row in rows:
        if row.text("kind").casefold() in known.OTHER_PAPER:
            left_out["no invoice by its kind"] += 1
            continue
        try:
            read.append((row, _read_row(Cells(source, table, row, _CORRECT), form)))
        except FileError as error:
            if row.text("state").casefold() in known.VOID:
                left_out["void"] += 1
            else:
                mistakes.append(error)
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        told = [error.message.removeprefix(f"{source.name}, ") for error in mistakes[:NOTES_SHOWN]]
        what = f"{source.name}, {' '.join([*told, *_and_more(len(mistakes))])}"
        remedies = dict.fromkeys(error.remedy for error in mistakes)
        raise FileError(what, remedy=" ".join(remedies))
    return read, left_out


def _read_row(cells: Cells, form: _Format) -> Draft:
    """Read one invoice or credit note, and why it is left out ("" when it is not)."""
    row = cells.row
    if sum(map(bool, row.cells.values())) == 1:
        said = shown(next(filter(None, row.cells.values())))
        raise cells.source.error(f"there is only {said!r} in this row", line=row.line, remedy=_ALONE)
    currency = _currency(cells, form)

    def money(cell: str) -> Money:
        return money_of(plain_number(_filled(cell), form.decimal, currency), currency)

    amount, net, tax = _sums(cells, form, money)
    kind = row.text("kind").casefold()
    credit = amount.minor < 0 or kind in known.CREDIT_NOTE
    issued_on = cells.take("issued_on", lambda cell: iso_day(_filled(cell), form.date_format))
    left_out = "void" if row.text("state").casefold() in known.VOID else ""
    positive = -amount if amount.minor < 0 else amount
    still = positive if left_out else _open(cells, form, positive, money, credit=credit)
    if still.minor and row.text("state").casefold() in known.PAID and not credit:
        left_out = left_out or "paid by its state, though an amount is open"
    invoice = Invoice(
        number=cells.take("number", _filled),
        customer=cells.take("customer", _filled),
        amount=positive,
        open=still,
        issued_on=issued_on,
        due_on=issued_on if credit and not row.text("due_on") else _due_on(cells, form, issued_on),
        email=_email(row.text("email")),
        iban=row.text("iban").replace(" ", "").upper(),
        reference=row.text("reference"),
        customer_id=row.text("customer_id"),
        discounts=() if credit else _discounts(cells, form, issued_on),
    )
    document = Document(
        invoice=invoice,
        kind="credit_note" if credit else "invoice",
        file=cells.source.name,
        format="CSV",
        of=(row.text("of"),) if credit and row.text("of") else (),
        seller=row.text("seller"),
        net=net,
        tax=tax,
        line=row.line,
    )
    return Draft(document, left_out, tells_open=bool({"open", "paid", "state"} & set(cells.table.headers)))


def _currency(cells: Cells, form: _Format) -> str:
    row = cells.row
    beside = next((code for field in ("open", "amount", "net") if (code := currency_beside(row.text(field)))), "")
    asking = cells if row.text("currency") else msgspec.structs.replace(cells, remedy=tables.NAME_CURRENCY)
    return asking.take("currency", lambda cell: code_of(currency_named(cell) or beside or form.currency))


def _sums(cells: Cells, form: _Format, money: Callable[[str], Money]) -> tuple[Money, Money | None, Money | None]:
    """Give the total with tax, net and tax, and hold them against each other where all three are said."""
    headers, row = cells.table.headers, cells.row
    field = "amount" if form.amount_is_net else "" if "amount" in headers else "net"
    if form.has_tax and field in headers:  # no tax in a row is none, as on reverse charge
        net = cells.take(field, money)
        tax = cells.take("tax", money) if row.text("tax") else net - net
        return net + tax, net, tax
    net = cells.take("net", money) if row.text("net") else None
    tax: Money | None = None
    if form.has_tax and row.text("tax"):
        with suppress(UnreadableError):  # a rate may have more decimals than money
            tax = money(row.text("tax"))
    amount = cells.take("amount" if "amount" in headers and not form.amount_is_net else "open", money)
    if net is None or tax is None:
        return amount, net, tax
    if net + tax == amount or _by_rate(net, row.text("tax"), form) == amount.minor:
        return amount, net, tax if net + tax == amount else amount - net

    def disagree(_: str) -> Money:
        raise UnreadableError(f"net {net} and tax {tax} make {net + tax}, not {amount}")

    return (amount, net, tax) if "adjustment" in headers else (cells.take("amount", disagree), net, tax)


def _by_rate(net: Money, rate: str, form: _Format) -> int:
    """Give the total, in minor units, where what stands in the tax column is a rate in percent."""
    percent = money_of(plain_number(rate, form.decimal, net.currency), "EUR").minor
    return round(net.minor * (10_000 + percent) / 10_000)


def _open(cells: Cells, form: _Format, amount: Money, money: Callable[[str], Money], *, credit: bool) -> Money:
    """Say what is still open of an invoice, between nothing and all of it."""
    headers = cells.table.headers
    none = amount - amount

    def within(cell: str) -> Money:
        still = money(cell)
        still = -still if credit and still.minor < 0 else still
        if not 0 <= still.minor <= amount.minor:
            raise UnreadableError(f"{still} is open of an invoice of {amount}")
        return still

    def left(cell: str) -> Money:
        paid = money(cell) if cell else none
        paid = -paid if credit and paid.minor < 0 else paid
        if not 0 <= paid.minor <= amount.minor:
            raise UnreadableError(f"{paid} is paid of an invoice of {amount}")
        return amount - paid

    if "open" in headers:
        return cells.take("open", within)
    if "paid" in headers:
        return cells.take("paid", left)
    if form.states_paid:
        return cells.take("state", left)
    if credit:
        return none if cells.row.text("state").casefold() in known.PAID else amount
    asking = msgspec.structs.replace(cells, remedy=_STATES)
    return asking.take("state", lambda cell: amount if _unpaid(cells.table, cell) else none)


def _unpaid(table: Table, state: str) -> bool:
    if "state" not in table.headers or state.casefold() in known.UNPAID:
        return True
    if state.casefold() in known.PAID:
        return False
    raise UnreadableError(f"{state[:30]!r} says neither paid nor unpaid")


def _due_on(cells: Cells, form: _Format, issued_on: str) -> str:
    """Give the day it is due: as a column says, or so many days after it was issued."""

    def after(cell: str) -> str:
        found = _NUMBER.findall(cell)
        if len(found) == 1 and int(found[0][:9]) <= MAX_DAYS:
            return _later(issued_on, int(found[0]))
        if not found and _AT_ONCE.search(_filled(cell)):
            return issued_on
        said = read_terms([cell], issued_on).due_on
        if said:
            return said
        try:
            return iso_day(_filled(cell), form.date_format)
        except UnreadableError as error:
            raise UnreadableError(f"{cell[:40]!r} says neither days nor a date to pay by") from error

    if cells.row.text("due_on") or "terms_days" not in cells.table.headers:
        return cells.take("due_on", lambda cell: iso_day(_filled(cell), form.date_format))
    return cells.take("terms_days", after)


def _discounts(cells: Cells, form: _Format, issued_on: str) -> tuple[Discount, ...]:
    """Give the discount for early payment, where a row says how much and until when."""

    def points(cell: str) -> int:
        found = money_of(plain_number(cell.replace("%", "") or "0", form.decimal), "EUR").minor
        if not 0 <= found < 10_000:  # noqa: PLR2004 - a hundred percent
            raise UnreadableError(f"{cell[:20]!r} is no percentage")
        return found

    def days(cell: str) -> str:
        if not cell.isdecimal() or int(cell[:9]) > MAX_DAYS:
            raise UnreadableError(f"{cell[:20]!r} is no number of days")
        return _later(issued_on, int(cell))

    basis_points = cells.take("discount_percent", points)
    if not basis_points:
        return ()
    if cells.row.text("discount_until"):
        return (Discount(basis_points, cells.take("discount_until", lambda cell: iso_day(cell, form.date_format))),)
    if cells.row.text("discount_days"):
        return (Discount(basis_points, cells.take("discount_days", days)),)
    return ()


def _later(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except OverflowError as error:
        raise UnreadableError(f"{days} days after {day} is no date") from error


def _filled(cell: str) -> str:
    if not cell:
        raise UnreadableError("the cell is empty")
    return cell


def _email(cell: str) -> str:
    """Take one address, as a reminder goes to it; several or a name beside it are none."""
    return cell if _EMAIL.fullmatch(cell) else ""


# --- the table as a whole -----------------------------------------------------------------------------------------


def _check_totals(source: Source, table: Table, rest: Sequence[Row], drafts: Sequence[Draft], form: _Format) -> None:
    """Hold a row of totals against the invoices above it, where all are in one currency."""
    currencies = {draft.document.invoice.amount.currency for draft in drafts}
    field = next((field for field in ("amount", "open") if field in table.headers), "")
    last = [row for row in rest if row.text(field) and any(map(_is_total, row.raw.split("|")))][-1:]
    if not last or len(currencies) != 1 or form.amount_is_net:
        return
    currency = currencies.pop()
    cells = Cells(source, table, last[0], _CORRECT)
    said = cells.take(field, lambda cell: money_of(plain_number(cell, form.decimal, currency), currency))
    signed = [(_signed(draft, field), draft.left_out) for draft in drafts if draft.document.line < last[0].line]
    everything, counted = sum(minor for minor, _ in signed), sum(minor for minor, reason in signed if not reason)
    if said.minor not in {everything, counted}:
        what = f"the total is {said}, but the invoices above it add up to {Money(counted, currency)}"
        remedy = "Invoices are missing or altered: export the list again. If the total means another thing, delete it."
        raise source.error(what, line=last[0].line, column=table.headers[field], remedy=remedy)


def _signed(draft: Draft, field: str) -> int:
    invoice = draft.document.invoice
    minor = (invoice.amount if field == "amount" else invoice.open).minor
    return -minor if draft.document.kind == "credit_note" else minor


def _without_repeated(source: Source, table: Table, read: Sequence[tuple[Row, Draft]]) -> tuple[list[Draft], list[str]]:
    """Take rows that repeat an invoice with the same totals for one; refuse a number that stands for two."""
    first: dict[tuple[str, str], Draft] = {}
    more: defaultdict[str, int] = defaultdict(int)
    for row, draft in read:
        document = draft.document
        number = document.invoice.number
        kept = first.setdefault((document.kind, "".join(number.casefold().split())), draft)
        if kept is draft:
            continue
        if _same(kept, draft):
            more[kept.document.invoice.number] += 1
            continue
        what = f"the invoice number {number!r} stands already in line {kept.document.line}, with other content"
        remedy = _LIST if "item" in table.headers else "Give each invoice once, with what is open of it."
        raise source.error(what, line=row.line, column=table.headers["number"], remedy=remedy)
    if not more:
        return list(first.values()), []
    names = ", ".join(list(more)[:NOTES_SHOWN]) + ", ..." * (len(more) > NOTES_SHOWN)
    return list(first.values()), [f"Invoices in several rows with the same total, taken once: {len(more)} ({names})."]


def _same(one: Draft, other: Draft) -> bool:
    invoice = msgspec.structs.replace(other.document.invoice, number=one.document.invoice.number)
    return msgspec.structs.replace(other.document, line=one.document.line, invoice=invoice) == one.document


def _remarks(table: Table, rows: Sequence[Row], form: _Format) -> list[str]:
    """Say what was taken for something, and which invoices get no mail."""
    notes: list[str] = []
    if not {"open", "paid", "state"} & set(table.headers):
        notes.append("No column tells what is open, so every invoice counts as open.")
    if "tax" in table.headers and not form.has_tax:
        notes.append(f"The column {table.headers['tax']!r} holds no amounts of tax, so it is not read.")
    if "discount_percent" in table.headers and not {"discount_days", "discount_until"} & set(table.headers):
        notes.append("No column says until when a discount may be taken, so none is.")
    kinds = {kind.casefold(): kind for row in rows if (kind := row.text("kind"))}
    strange = [kinds[kind] for kind in kinds if kind not in known.INVOICE | known.CREDIT_NOTE | known.OTHER_PAPER]
    if strange:
        names = ", ".join(repr(shown(kind)) for kind in strange[:NOTES_SHOWN])
        notes.append(f"Of a kind that is not known, taken for invoices: {names}.")
    bad = [(row.line, cell) for row in rows if (cell := row.text("email")) and not _email(cell)]
    told = [f"Line {line}: {cell[:60]!r} is not one e-mail address, so no mail goes there." for line, cell in bad]
    return notes + told[:NOTES_SHOWN] + _and_more(len(told))


def _and_more(count: int) -> list[str]:
    return [f"And {count - NOTES_SHOWN} more."] * (count > NOTES_SHOWN)


def _of_kind(drafts: Sequence[Draft], kind: str) -> list[Draft]:
    return [
        msgspec.structs.replace(draft, document=msgspec.structs.replace(draft.document, format=kind))
        for draft in drafts
    ]


def _doubt(source: Source, table: Table, form: _Format, drafts: Sequence[Draft], said: InvoiceColumns) -> Doubt:
    """Ask whether the columns were guessed rightly. What the file itself proves is remembered with them."""
    proven, assumed = dict(table.headers), dict[str, str]()
    sure = bool(said.decimal) or tells_decimal(_amounts(table))
    (proven if sure else assumed)["decimal"] = form.decimal
    sure = bool(said.date_format) or tells_date_format(_days(table))
    (proven if sure else assumed)["date_format"] = form.date_format
    settings = {"delimiter": table.delimiter, "currency_code": said.currency_code}
    proven |= {key: value for key, value in settings.items() if value}
    if form.currency and not said.currency_code and "currency" not in table.headers:
        assumed["currency_code"] = form.currency
    sample = [_shown(draft.document) for draft in drafts[:SAMPLE_ROWS]]
    return doubt(source, table.header, SECTION, proven, sample, assumed)


def _shown(document: Document) -> str:
    one = document.invoice
    credit = document.kind == "credit_note"
    row = shown_row(one.issued_on, -one.open if credit else one.open, "", one.number)
    return f"{row}, {shown(one.customer)}, {'a credit note' if credit else f'due {one.due_on}'}"
