"""Tables of banks, CSV or XLSX: columns found by their headers, by what they hold, or as the operator names them.

What was guessed is asked once (`Doubt`), and remembered by the header row. A running balance, where there is one, is
checked row by row, in either direction; stated balances are checked where both are there; otherwise the balance is
"absent". Rows with neither date nor amount (totals, remarks) are left out and counted in the note, and so is what the
bank says never happened.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.connectors.bank import content
from mainstay.connectors.bank.balances import (
    BESIDE_CHARACTERS,
    BESIDE_ROWS,
    Ends,
    Entry,
    ends_stated,
    is_balance,
    parts_of,
)
from mainstay.connectors.bank.columns import NO_ACCOUNT, VOCABULARY, ColumnMap
from mainstay.connectors.bank.statement import RAW_LIMIT, Draft, FileRead, Part
from mainstay.connectors.bank.words import BOOKED, CREDIT, DEBIT, PENDING, VOID, folded
from mainstay.connectors.cells import (
    guess_date_format,
    guess_decimal,
    iso_day,
    plain_number,
    tells_date_format,
    tells_decimal,
)
from mainstay.connectors.currencies import CODES, code_of, money_of
from mainstay.connectors.doubts import doubt, shown_row
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.tables import (
    NAME_CURRENCY,
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
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.connectors.source import Source
    from mainstay.records import Doubt
    from mainstay.records import Layout as Remembered

SECTION = "bank.columns"

_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
# A currency around the table: after a word for it, after an amount, before one.
_CODES_BESIDE = (
    re.compile(
        r"(?i:currency|w(?:\u00e4|ae)hrung|devise|munt|valuta|moneda|divisa|moeda|waluta|m[\u011be]na|valuutta)"
        r"[\s:;\"']{1,6}([A-Z]{3})\b"
    ),
    re.compile(r"[0-9][.,][0-9]{2}\s?([A-Z]{3}|\u20ac|\u00a3)(?![A-Za-z])"),
    re.compile(r"\b([A-Z]{3})\s?[+-]?[0-9][0-9.,' ]*[.,][0-9]{2}\b"),
)
_SIGNS = {"€": "EUR", "£": "GBP"}
_HINT = "Correct the file, or say under [bank.columns] in mainstay.toml how it is to be read."
_COMMA = 'decimal = ","'
_DATES = 'date_format = "%d/%m/%Y"'
_COLUMNS = "Name the columns under [bank.columns] in mainstay.toml, or correct the file."
_CONFIRMED = (
    "How files with this header are read was confirmed before, and this one is written otherwise. If the bank changed"
    " it, {}; else correct the file."
)
_REMEMBERED = frozenset({"decimal", "date_format", "currency_code"})
_TEXTS = ("text", "text_2", "text_3")
_DAYS = ("booked_on", "value_on", "started_on")


class _Format(NamedTuple):
    """How the cells of this file are written."""

    decimal: str
    balance_decimal: str  # some banks write their balances otherwise
    dates: dict[str, str]  # of each column of dates
    currency: str  # where a row does not say it
    debits_signed: bool  # the debit column carries a minus
    account: str


class _Sorted(NamedTuple):
    """The rows of a file: those that are lines, those that tell a balance, and how many are left out for what."""

    lines: list[Row]
    balances: list[Row]
    pending: frozenset[int]  # by their line in the file
    void: int
    bare: int
    undated: int  # not booked yet, and no date says when
    strange: tuple[str, ...]  # states that are not known


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file can be a table of text at all."""
    return not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read(
    source: Source, columns: ColumnMap | None = None, layouts: tuple[Remembered, ...] = (), currency: str = ""
) -> FileRead:
    """Read a table. Raises FileError with line and column; then nothing of the file is used.

    `columns` is what mainstay.toml says, `layouts` are those confirmed before. A guess that neither covers is a doubt.
    `currency` is taken where the file names none.
    """
    said = columns or ColumnMap()
    table = read_table(source, _layout(said, layouts))
    columns = _with_remembered(said, table)
    rows = _sorted(table)
    if not rows.lines:
        raise source.error("there are no rows with a date and an amount", remedy=_COLUMNS)
    form = _format(source, table, rows, columns, currency)
    hint = _HINT
    if table.remembered is not None:
        hint = _CONFIRMED.format(setting(SECTION, f'date_format = "..." or decimal = "..." ({_now(form)} until now)'))
    entries = [_entry(Cells(source, table, row, hint), form, pending=row.line in rows.pending) for row in rows.lines]
    marks = [_mark(Cells(source, table, row, hint), form) for row in rows.balances]
    stated = Ends() if _named(said) else ends_stated(table.beside, form.decimal)
    parts, told = parts_of(source, [*entries, *marks], stated, included="total" in _fee_header(table))
    notes = [*([table.note] if table.note else []), *told]
    notes += _left_out(rows)
    notes += _open_end(source, table, parts)
    if not form.account and "account" not in table.headers:
        notes.append(NO_ACCOUNT)
    doubts: tuple[Doubt, ...] = ()
    if table.remembered is None and not _named(said):
        doubts = (_doubt(source, table, said, rows, form, parts, told),)
    return FileRead("XLSX" if not table.delimiter else "CSV", parts, tuple(notes), doubts)


def _named(columns: ColumnMap) -> dict[str, str]:
    fields = msgspec.structs.asdict(columns)
    return {field: header for field in VOCABULARY if (header := fields[field])}


def _layout(columns: ColumnMap, layouts: tuple[Remembered, ...]) -> Layout:
    return Layout(
        VOCABULARY,
        (("booked_on",), ("amount", "credit", "debit")),
        SECTION,
        _named(columns),
        columns.delimiter,
        columns.encoding,
        layouts,
        aside=is_balance,
        refine=content.refined,
        guess=content.guessed,
    )


def _with_remembered(said: ColumnMap, table: Table) -> ColumnMap:
    """Take the settings of a remembered layout where mainstay.toml says nothing."""
    if table.remembered is None:
        return said
    settings = {key: value for key, value in table.remembered.columns.items() if key in _REMEMBERED}
    return ColumnMap(**{**settings, **{key: value for key, value in msgspec.structs.asdict(said).items() if value}})


def _sorted(table: Table) -> _Sorted:
    """Tell the rows that are lines from all others."""
    lines: list[Row] = []
    balances: list[Row] = []
    pending: set[int] = set()
    strange: dict[str, None] = {}
    undated = 0
    void, bare = 0, sum(line > table.rows[0].line for line, _ in table.beside) if table.rows else 0
    for row in table.rows:
        state = folded(row.text("status"))
        amounts = _amounts_of(row)
        if state in VOID:
            void += 1
        elif not amounts and _is_remark(row):
            bare += 1
        elif not amounts and row.text("balance") and content.tells_balance(row.raw):
            balances.append(row)
        elif folded(row.text("booked_on")) in PENDING and not any(_days([row], f) for f in _DAYS):
            undated += 1
        else:
            lines.append(row)
            if state in PENDING or folded(row.text("booked_on")) in PENDING:
                pending.add(row.line)
            elif state and state not in BOOKED:
                strange[row.text("status")] = None
    return _Sorted(lines, balances, frozenset(pending), void, bare, undated, tuple(strange))


def _is_remark(row: Row) -> bool:
    """Tell a row that has no date, or words alone in its place."""
    day = row.text("booked_on")
    return not day or (
        not day[:1].isdigit() and not any(row.text(field) for field in row.cells if field != "booked_on")
    )


def _left_out(rows: _Sorted) -> list[str]:
    told: list[str] = []
    if rows.bare:
        told.append(f"{rows.bare} rows without date and amount are left out.")
    if rows.void:
        told.append(f"{rows.void} rows are left out, as the bank says they did not happen.")
    if rows.undated:
        told.append(f"{rows.undated} rows are not booked yet and have no date; they are left out.")
    if rows.balances:
        told.append(f"{len(rows.balances)} rows tell a balance and are no payments.")
    if rows.strange:
        states = ", ".join(repr(state[:30]) for state in rows.strange[:3])
        told.append(f"Rows marked {states} are taken as booked.")
    return told


def _open_end(source: Source, table: Table, parts: Sequence[Part]) -> list[str]:
    """Say where a cut last amount could not be noticed: no line end after it, and no balance that proves it."""
    ended = not table.delimiter or source.content.rstrip(b"\0").endswith((b"\n", b"\r"))
    if ended or all(part.head.balance == "checked" for part in parts):
        return []
    return ["The last row has no line end; if the file was cut off, export it again."]


def _format(source: Source, table: Table, rows: _Sorted, columns: ColumnMap, currency: str) -> _Format:
    """Find out how this file writes numbers and dates, from all rows at once."""
    every = [*rows.lines, *rows.balances]
    try:
        decimal, of_balance = _decimals(every, columns.decimal)
    except UnreadableError as error:
        line = line_of(rows.lines, error.text)
        raise source.error(str(error), line=line, remedy=f"If a decimal comma, {setting(SECTION, _COMMA)}.") from error
    if decimal not in {".", ","}:
        raise source.error(f"{decimal!r} is no decimal mark", remedy="Give '.' or ','.")
    named = (currency_in(table.headers.get(field, "")) for field in ("amount", "credit", "debit", "balance"))
    found = columns.currency_code or next((code for code in named if code), "") or _currency_of(table) or currency
    ibans = {found.replace(" ", "") for found in _IBAN.findall(_beside(table))}
    own = columns.own_account or (ibans.pop() if len(ibans) == 1 else "")
    debits = [debit for row in rows.lines if (debit := row.text("debit"))]
    return _Format(decimal, of_balance, _date_formats(source, table, rows, columns), found, _all_negative(debits), own)


def _decimals(rows: Sequence[Row], said: str) -> tuple[str, str]:
    """Find the decimal mark of amounts and that of balances: one for all, or one each where both are sure."""
    amounts = [cell for row in rows for cell in [*_amounts_of(row), row.text("fee")] if cell]
    balances = [cell for row in rows if (cell := row.text("balance"))]
    if not said:
        try:
            one = guess_decimal([*amounts, *balances])
        except UnreadableError:
            if not (tells_decimal(amounts) and tells_decimal(balances)):
                raise
        else:
            return one, one
    return said or guess_decimal(amounts), guess_decimal(balances) if tells_decimal(balances) else said


def _numbers(rows: Sequence[Row]) -> list[str]:
    return [cell for row in rows for cell in [*_amounts_of(row), row.text("balance"), row.text("fee")] if cell]


def _days(rows: Sequence[Row], field: str) -> list[str]:
    found = (row.text(field) for row in rows)
    return [cell for cell in found if folded(cell) not in {"", *PENDING} and cell not in CODES]


def _date_formats(source: Source, table: Table, rows: _Sorted, columns: ColumnMap) -> dict[str, str]:
    """Find the format of each column of dates; one that leaves it open is written as the others."""
    if columns.date_format:
        return dict.fromkeys(_DAYS, columns.date_format)
    days = {field: _days(rows.lines, field) for field in _DAYS}
    proved = {
        field: guess_date_format(some, day_first=False) for field, some in days.items() if tells_date_format(some)
    }
    try:
        first = proved.get("booked_on") or _open_format(days["booked_on"], proved, table)
    except UnreadableError as error:
        column = table.headers["booked_on"]
        remedy = f"Correct the file, or {setting(SECTION, _DATES)} (%d day, %m month, %Y year)."
        raise source.error(str(error), line=line_of(rows.lines, error.text), column=column, remedy=remedy) from error
    return {field: proved.get(field, first) for field in _DAYS}


def _open_format(days: list[str], proved: dict[str, str], table: Table) -> str:
    """Read dates that leave open which is the month as the file's other dates are written, or by its language."""
    guess = guess_date_format(days, day_first=True)
    other = next((form for form in proved.values() if sorted(form) == sorted(guess)), "")
    return other or guess_date_format(days, day_first=table.local)


def _beside(table: Table) -> str:
    """Give the text around the table, as its own rows name other accounts."""
    return "\n".join(" ".join(cell[:BESIDE_CHARACTERS] for cell in cells) for _, cells in table.beside[:BESIDE_ROWS])


def _currency_of(table: Table) -> str:
    """Find the currency around the table, where it is only one."""
    text = _beside(table)
    found = {match[1] for pattern in _CODES_BESIDE for match in pattern.finditer(text)}
    codes = {_SIGNS.get(code, code) for code in found} & CODES
    return codes.pop() if len(codes) == 1 else ""


def _all_negative(debits: list[str]) -> bool:
    """Tell whether a debit column writes its minus; zeros say nothing."""
    telling = [debit for debit in debits if re.search("[1-9]", debit)]
    return bool(telling) and all(re.search(r"[-\u2212(]", debit) for debit in telling)


def _entry(cells: Cells, form: _Format, *, pending: bool) -> Entry:
    def day(field: str) -> str:
        return cells.take(field, lambda cell: iso_day(cell, form.dates[field]))

    row = cells.row
    bank_id = row.text("bank_id")
    booked = next((field for field in _DAYS if _days([row], field)), "booked_on") if pending else "booked_on"
    amount = _amount(cells, form)
    parties = (row.text("payee"), row.text("payer")) if amount.minor < 0 else (row.text("payer"), row.text("payee"))
    line = BankLine(
        id="",
        booked_on=day(booked),
        amount=amount,
        value_on=day("value_on") if _days([row], "value_on") else "",
        counterparty=row.text("counterparty") or parties[0] or parties[1],
        iban=re.sub(r"[\s']", "", row.text("iban")).upper(),
        references=tuple(reference for reference in [row.text("reference")] if reference),
        text=" ".join(dict.fromkeys(text for field in _TEXTS if (text := row.text(field)))),
        bank_id=bank_id,
        pending=pending,
        original=_original(cells, form, amount),
        raw=row.raw[:RAW_LIMIT],
    )
    fee = cells.take("fee", lambda cell: _money(cell or "0", form, amount.currency))
    account = row.text("account").replace(" ", "").upper() or form.account
    return Entry(row, account, Draft(line, mark=bank_id), fee, _balance(cells, form, amount.currency))


def _original(cells: Cells, form: _Format, amount: Money) -> Money | None:
    """Give what was sent in another currency, with the sign of what arrived; None where it was the same one."""
    code = currency_named(cells.row.text("original_currency")).upper()
    if code not in CODES or code == amount.currency or not cells.row.text("original_amount"):
        return None
    sent = cells.take("original_amount", lambda cell: _money(cell, form, code))
    return -sent if (sent.minor < 0) != (amount.minor < 0) else sent


def _mark(cells: Cells, form: _Format) -> Entry:
    """Take a row that tells a balance for a step that moves nothing."""
    currency = cells.take("currency", lambda cell: code_of(currency_named(cell) or form.currency))
    none = Money(0, currency)
    account = cells.row.text("account").replace(" ", "").upper() or form.account
    return Entry(cells.row, account, None, none, _balance(cells, form, currency))


def _balance(cells: Cells, form: _Format, currency: str) -> Money | None:
    if not cells.row.text("balance"):
        return None
    asking = msgspec.structs.replace(cells, remedy=_COLUMNS)
    return asking.take("balance", lambda cell: money_of(plain_number(cell, form.balance_decimal, currency), currency))


def _amount(cells: Cells, form: _Format) -> Money:
    """Give the signed amount, from whichever columns there are."""
    valuta = cells.row.text("value_on")  # "Valuta" is the value date in German, the currency in Dutch
    beside = next((code for cell in _amounts_of(cells.row) if (code := currency_beside(cell))), "")
    said = beside or (valuta if valuta in CODES else form.currency)
    asking = cells if cells.row.text("currency") else msgspec.structs.replace(cells, remedy=NAME_CURRENCY)
    currency = asking.take("currency", lambda cell: code_of(currency_named(cell) or said))
    if _filled(cells.row.text("amount")):
        amount = cells.take("amount", lambda cell: _money(cell, form, currency))
        return cells.take("direction", lambda said: _directed(amount, said.casefold()))
    credit, debit = (
        cells.take(field, lambda cell: _money(_filled(cell) or "0", form, currency)) for field in ("credit", "debit")
    )

    def one_of_both(_: str) -> Money:
        if credit.minor and debit.minor:
            raise UnreadableError("the row has both a credit and a debit")
        if not _amounts_of(cells.row):
            raise UnreadableError("the row has no amount")
        return credit + (debit if form.debits_signed else -debit)

    return cells.take("amount", one_of_both)


def _directed(amount: Money, said: str) -> Money:
    """Give the sign a direction column says."""
    if said and said not in CREDIT | DEBIT:
        raise UnreadableError(f"{said[:20]!r} says neither credit nor debit")
    if said in CREDIT and amount.minor < 0:
        raise UnreadableError("the amount is negative, but the row says credit")
    return -amount if said in DEBIT and amount.minor > 0 else amount


def _money(cell: str, form: _Format, currency: str) -> Money:
    return money_of(plain_number(cell, form.decimal, currency), currency)


def _amounts_of(row: Row) -> list[str]:
    return [cell for field in ("amount", "credit", "debit") if (cell := _filled(row.text(field)))]


def _filled(cell: str) -> str:
    """Take a cell of nothing but dashes for empty."""
    return cell if cell.strip("-\u2013\u2014 ") else ""


def _fee_header(table: Table) -> str:
    return table.headers.get("fee", "").casefold()


def _now(form: _Format) -> str:
    return f"{form.dates['booked_on']} and {form.decimal!r}"


def _doubt(
    source: Source,
    table: Table,
    said: ColumnMap,
    rows: _Sorted,
    form: _Format,
    parts: tuple[Part, ...],
    told: Sequence[str],
) -> Doubt:
    """Ask whether the columns were guessed rightly. What the file itself proves is remembered with them."""
    read = {"decimal": form.decimal, "date_format": form.dates["booked_on"]}
    proved = {
        "decimal": said.decimal or tells_decimal(_numbers(rows.lines)),
        "date_format": said.date_format or tells_date_format(_days(rows.lines, "booked_on")),
    }
    columns = {**table.headers, **{key: value for key, value in read.items() if proved[key]}}
    columns |= {
        key: value for key, value in (("delimiter", table.delimiter), ("currency_code", said.currency_code)) if value
    }
    assumed = {key: value for key, value in read.items() if not proved[key]}
    if form.currency and not said.currency_code and "currency" not in table.headers:
        assumed["currency_code"] = form.currency
    first = {row.line: None for row in rows.lines[:3]}
    lines = [draft.line for part in parts for draft in part.drafts][: len(first)]
    sample = [shown_row(line.booked_on, line.amount, line.counterparty, line.text) for line in lines]
    return doubt(
        source,
        table.header,
        "bank.columns",
        columns,
        sample,
        assumed,
        [*told, *_left_out(rows), *_open_end(source, table, parts)],
    )
