"""CSV exports of banks: columns found by their headers, or as the operator names them.

A running balance, where there is one, is checked row by row, in either direction; otherwise the balance is "absent".
Rows with neither date nor amount (totals, remarks) are left out and counted in the note.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.connectors.bank.columns import VOCABULARY, ColumnMap
from mainstay.connectors.bank.statement import RAW_LIMIT, AccountStatement, Draft, FileRead, Part
from mainstay.connectors.cells import guess_date_format, guess_decimal, iso_day, plain_number
from mainstay.connectors.currencies import CODES, code_of, money_of
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.tables import (
    Cells,
    Layout,
    Row,
    Table,
    currency_beside,
    currency_in,
    currency_named,
    line_of,
    read_table,
    setting,
)
from mainstay.records import BankLine

if TYPE_CHECKING:
    from mainstay.connectors.source import Source
    from mainstay.values import Money

_CREDIT = frozenset("c cr crdt credit crédit h haben + bij bijschrijving incoming in".split())
_DEBIT = frozenset("d dr db dt dbit debit débit debet s soll - af afschrijving outgoing out".split())
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_HINT = "Correct the file, or say under [bank.columns] in mainstay.toml how it is to be read."
_EUR = 'currency_code = "EUR"'
_CURRENCY = f"If it is the euro, {setting('bank.columns', _EUR)}."
_COMMA = 'decimal = ","'
_DATES = 'date_format = "%d/%m/%Y"'
_COLUMNS = "Name the columns under [bank.columns] in mainstay.toml, or correct the file."


class _Format(NamedTuple):
    """How the cells of this file are written."""

    decimal: str
    date_format: str
    currency: str  # where a row does not say it
    debits_signed: bool  # the debit column carries a minus
    account: str


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file can be a table of text at all."""
    return not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read(source: Source, columns: ColumnMap | None) -> FileRead:
    """Read a CSV file. Raises FileError with line and column; then nothing of the file is used."""
    columns = columns or ColumnMap()
    table = read_table(source, _layout(columns))
    rows = [row for row in table.rows if row.text("booked_on") or _amounts_of(row)]
    if not rows:
        raise source.error("there are no rows with a date and an amount", remedy=_COLUMNS)
    form = _format(source, table, rows, columns)
    drafts = [_read_row(Cells(source, table, row, _HINT), form) for row in rows]
    notes = [table.note, f"Dates as {form.date_format}, decimal mark {form.decimal!r}."]
    if len(rows) < len(table.rows):
        notes.append(f"{len(table.rows) - len(rows)} rows without date and amount are left out.")
    if not form.account and "account" not in table.headers:
        notes.append("The file does not name its account; ids of lines can't tell two accounts apart.")
    parts = _parts(source, table, list(zip(rows, drafts, strict=True)), form)
    return FileRead("CSV", tuple(parts), tuple(notes))


def _layout(columns: ColumnMap) -> Layout:
    fields = msgspec.structs.asdict(columns)
    named = {field: header for field in VOCABULARY if (header := fields[field])}
    needs = (("booked_on",), ("amount", "credit", "debit"))
    return Layout(VOCABULARY, needs, "bank.columns", named, columns.delimiter, columns.encoding)


def _format(source: Source, table: Table, rows: list[Row], columns: ColumnMap) -> _Format:
    """Find out how this file writes numbers and dates, from all rows at once."""
    try:
        decimal = columns.decimal or guess_decimal(
            cell for row in rows for cell in [*_amounts_of(row), row.text("balance")]
        )
    except UnreadableError as error:
        line = line_of(rows, error.text)
        raise source.error(
            str(error), line=line, remedy=f"If a decimal comma, {setting('bank.columns', _COMMA)}."
        ) from error
    if decimal not in {".", ","}:
        raise source.error(f"{decimal!r} is no decimal mark", remedy="Give '.' or ','.")
    try:
        dates = columns.date_format or guess_date_format((row.text("booked_on") for row in rows), day_first=table.local)
    except UnreadableError as error:
        column = table.headers["booked_on"]
        remedy = f"Correct the file, or {setting('bank.columns', _DATES)} (%d day, %m month, %Y year)."
        raise source.error(str(error), line=line_of(rows, error.text), column=column, remedy=remedy) from error
    named = (code for field in ("amount", "credit", "debit") if (code := currency_in(table.headers.get(field, ""))))
    ibans = {found.replace(" ", "") for found in _IBAN.findall(table.preamble)}
    own = columns.own_account or (ibans.pop() if len(ibans) == 1 else "")
    debits = [debit for row in rows if (debit := row.text("debit"))]
    return _Format(decimal, dates, columns.currency_code or next(named, ""), _all_negative(debits), own)


def _all_negative(debits: list[str]) -> bool:
    """Tell whether a debit column writes its minus; zeros say nothing."""
    telling = [debit for debit in debits if re.search("[1-9]", debit)]
    return bool(telling) and all(re.search(r"[-\u2212(]", debit) for debit in telling)


def _read_row(cells: Cells, form: _Format) -> Draft:
    def day(cell: str) -> str:
        return iso_day(cell, form.date_format)

    row = cells.row
    bank_id = row.text("bank_id")
    line = BankLine(
        id="",
        booked_on=cells.take("booked_on", day),
        amount=_amount(cells, form),
        value_on=cells.take("value_on", lambda cell: day(cell) if cell and cell not in CODES else ""),
        counterparty=row.text("counterparty"),
        iban=row.text("iban").replace(" ", "").upper(),
        references=tuple(reference for reference in [row.text("reference")] if reference),
        text=row.text("text"),
        bank_id=bank_id,
        raw=row.raw[:RAW_LIMIT],
    )
    return Draft(line, mark=bank_id)


def _amount(cells: Cells, form: _Format) -> Money:
    """Give the signed amount, from whichever columns there are."""
    valuta = cells.row.text("value_on")  # "Valuta" is the value date in German, the currency in Dutch
    beside = next((code for cell in _amounts_of(cells.row) if (code := currency_beside(cell))), "")
    said = beside or (valuta if valuta in CODES else form.currency)
    asking = cells if cells.row.text("currency") else msgspec.structs.replace(cells, remedy=_CURRENCY)
    currency = asking.take("currency", lambda cell: code_of(currency_named(cell) or said))
    if cells.row.text("amount"):
        amount = cells.take("amount", lambda cell: _money(cell, form, currency))
        return cells.take("direction", lambda said: _directed(amount, said.casefold()))
    credit, debit = (
        cells.take(field, lambda cell: _money(cell or "0", form, currency)) for field in ("credit", "debit")
    )

    def one_of_both(_: str) -> Money:
        if credit.minor and debit.minor:
            raise UnreadableError("the row has both a credit and a debit")
        if not (cells.row.text("credit") or cells.row.text("debit")):
            raise UnreadableError("the row has no amount")
        return credit + (debit if form.debits_signed else -debit)

    return cells.take("amount", one_of_both)


def _directed(amount: Money, said: str) -> Money:
    """Give the sign a direction column says."""
    if said and said not in _CREDIT | _DEBIT:
        raise UnreadableError(f"{said[:20]!r} says neither credit nor debit")
    if said in _CREDIT and amount.minor < 0:
        raise UnreadableError("the amount is negative, but the row says credit")
    return -amount if said in _DEBIT and amount.minor > 0 else amount


def _money(cell: str, form: _Format, currency: str) -> Money:
    return money_of(plain_number(cell, form.decimal, currency), currency)


def _parts(source: Source, table: Table, read: list[tuple[Row, Draft]], form: _Format) -> list[Part]:
    """Part the rows by account and currency, and check the running balance of each part."""
    parts: dict[tuple[str, str], list[tuple[Row, Draft]]] = {}
    for row, draft in read:
        account = row.text("account").replace(" ", "").upper() or form.account
        parts.setdefault((account, draft.line.amount.currency), []).append((row, draft))
    return [_part(source, table, account, currency, some, form) for (account, currency), some in parts.items()]


def _part(
    source: Source, table: Table, account: str, currency: str, some: list[tuple[Row, Draft]], form: _Format
) -> Part:
    days = sorted(draft.line.booked_on for _, draft in some)
    ends = _running(source, table, [(row, draft.line.amount) for row, draft in some], form)
    head = AccountStatement(
        account=account,
        currency=currency,
        balance="checked" if ends else "absent",
        count=len(some),
        opening=ends[0] if ends else None,
        closing=ends[1] if ends else None,
        from_on=days[0],
        to_on=days[-1],
    )
    return Part(head, tuple(draft for _, draft in some))


def _running(source: Source, table: Table, rows: list[tuple[Row, Money]], form: _Format) -> tuple[Money, Money] | None:
    """Check the running balance; give opening and closing, or None where there is nothing to check.

    A single row proves nothing. The rows may run up or down in time; the direction in which they agree is taken.
    """
    if len(rows) < 2 or not all(row.text("balance") for row, _ in rows):  # noqa: PLR2004 - two rows are a step
        return None
    steps: list[tuple[Money, Money, int]] = []
    for row, amount in rows:
        cells = Cells(source, table, row, _COLUMNS)
        balance = cells.take("balance", lambda cell, code=amount.currency: _money(cell, form, code))
        steps.append((balance, amount, row.line))
    breaks = [_breaks(steps), _breaks(steps[::-1])]
    ordered = steps if len(breaks[0]) <= len(breaks[1]) else steps[::-1]
    broken = min(breaks, key=len)
    if broken:
        line, difference = broken[0]
        remedy = "A row is missing or altered: export again. If this is no running balance: " + _COLUMNS
        raise source.error(f"the running balance is off by {difference} here", line=line, remedy=remedy)
    return ordered[0][0] - ordered[0][1], ordered[-1][0]


def _breaks(steps: list[tuple[Money, Money, int]]) -> list[tuple[int, Money]]:
    """List the lines at which the balance is not the one before plus the amount, and by how much."""
    pairs = pairwise(steps)
    return [(line, off) for (old, _, _), (new, amount, line) in pairs if (off := new - old - amount).minor]


def _amounts_of(row: Row) -> list[str]:
    return [cell for field in ("amount", "credit", "debit") if (cell := row.text(field))]
