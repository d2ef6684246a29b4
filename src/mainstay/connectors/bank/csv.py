"""Tables of banks, CSV or XLSX: columns found by their headers, by what they hold, or as the operator names them.

What was guessed is asked once (`Doubt`), and remembered by the header row. A running balance, where there is one, is
checked row by row, in either direction; stated balances are checked where both are there; otherwise the balance is
"absent". Rows with neither date nor amount (totals, remarks) are left out and counted in the note, and so is what the
bank says never happened.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

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
from mainstay.connectors.bank.readings import (
    SIGNS,
    Reading,
    Taken,
    ask_balances,
    ask_signs,
    ask_states,
    card_remark,
    is_turned,
    readings_of,
    signs_of,
    take,
)
from mainstay.connectors.bank.rows import DAYS, DETAILS, TEXTS, Sorted, amounts_of, days_of, filled, sorted_rows
from mainstay.connectors.bank.statement import RAW_LIMIT, Draft, FileRead, Part
from mainstay.connectors.bank.words import CREDIT, DEBIT, REVERSAL, folded
from mainstay.connectors.cells import (
    guess_date_format,
    guess_decimal,
    iso_day,
    plain_number,
    tells_date_format,
    tells_decimal,
)
from mainstay.connectors.currencies import CODES, code_of, money_of, most_digits
from mainstay.connectors.doubts import SAMPLE_ROWS, doubt, shown_row
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.tables import (
    NAME_CURRENCY,
    NAME_DECIMAL,
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

SECTION: Final = "bank.columns"

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
_DATES = 'date_format = "%d/%m/%Y", or "%m/%d/%Y" as in the US'
_DATE_KEY = "(%d day, %m month, %Y year, %y its last two digits)"
_COLUMNS = "Name the columns under [bank.columns] in mainstay.toml, or correct the file."
_CONFIRMED = (
    "How files with this header are read was confirmed before, and this one is written otherwise. If the bank changed"
    " it, {}, each as the file writes it now; else correct the file."
)
_SAID = 100  # characters in which a row says what kind of movement it is
_ASIDE = "{} rows tell a balance, as the others prove, and are no payments."
_REMEMBERED = frozenset({"date_format", "currency_code", "signs"})


class _Format(NamedTuple):
    """How the cells of this file are written."""

    decimal: str
    balance_decimal: str  # some banks write their balances otherwise
    dates: dict[str, str]  # of each column of dates
    currency: str  # where a row does not say it
    account: str
    turned: bool = False  # a card's charges, without a minus
    debits_signed: bool = False  # the debit column carries a minus


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
    unsure = ""
    if table.remembered is None and not _named(said):
        table, unsure = content.with_own_account(table, columns.own_account or _account_beside(table))
    rows = sorted_rows(table, columns.booked_states)
    if not rows.lines:
        raise source.error("there are no rows with a date and an amount", remedy=_COLUMNS)
    form = _format(source, table, rows, columns, currency)
    form = form._replace(turned=is_turned(table, rows, said.signs, columns.signs))
    taken = take(
        source,
        readings_of(rows, said.signs, columns.signs),
        lambda reading: _parts(source, table, rows, form, reading, guessed=not _named(said)),
    )
    told = [*taken.told, *rows.told, *_open_end(source, table, taken.parts)]
    either = {row.raw[:RAW_LIMIT] for row in rows.either}
    spoken = [_shown(d.line) for part in taken.parts for d in part.drafts if d.line.raw in either]
    doubts = [*ask_states(source, rows), *ask_balances(source, taken, spoken)]
    if table.remembered is not None:
        doubts += ask_signs(source, columns.signs, turned=form.turned)
    if table.remembered is None and not _named(said):
        asked = _doubt(source, table, said, rows, form, taken, [*told, unsure] if unsure else told)
        doubts.insert(0, msgspec.structs.replace(asked, layout=None) if unsure else asked)
    notes = [*([table.note] if table.note else []), *told]
    if not form.account and "account" not in table.headers:
        notes.append(NO_ACCOUNT)
    return FileRead("XLSX" if not table.delimiter else "CSV", taken.parts, tuple(notes), tuple(doubts))


def _parts(
    source: Source, table: Table, rows: Sorted, form: _Format, reading: Reading, *, guessed: bool
) -> tuple[tuple[Part, ...], list[str]]:
    """Read the rows in one way, and check the balances. Raises FileError."""
    form = form._replace(debits_signed=reading.debits_signed)
    hint = _HINT
    if table.remembered is not None:
        hint = _CONFIRMED.format(setting(SECTION, _now(form)))
    aside = rows.either if reading.set_aside else []
    places = {row.line for row in aside}
    lines = [row for row in rows.lines if row.line not in places]
    entries = [_entry(Cells(source, table, row, hint), form, pending=row.line in rows.pending) for row in lines]
    told_by = [*rows.balances, *(row for row in aside if row.text("balance"))]
    marks = [_mark(Cells(source, table, row, hint), form) for row in told_by]
    beside = [*table.beside, *((row.line, row.raw.split(" | ")) for row in aside)]
    stated = ends_stated(beside, form.decimal) if guessed else Ends()
    parts, told = parts_of(source, [*entries, *marks], stated, included="total" in _fee_header(table))
    return parts, [*told, *[_ASIDE.format(len(aside))] * bool(aside)]


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
        together=True,
    )


def _with_remembered(said: ColumnMap, table: Table) -> ColumnMap:
    """Take the settings of a remembered layout where mainstay.toml says nothing."""
    if table.remembered is None:
        return said
    settings = {key: value for key, value in table.confirmed.items() if key in _REMEMBERED}
    return ColumnMap(**{**settings, **{key: value for key, value in msgspec.structs.asdict(said).items() if value}})


def _open_end(source: Source, table: Table, parts: Sequence[Part]) -> list[str]:
    """Say where a cut last amount could not be noticed: no line end after it, and no balance that proves it."""
    ended = not table.delimiter or source.content.rstrip(b"\0").endswith((b"\n", b"\r"))
    if ended or all(part.head.balance == "checked" for part in parts):
        return []
    return ["The last row has no line end; if the file was cut off, export it again."]


def _format(source: Source, table: Table, rows: Sorted, columns: ColumnMap, currency: str) -> _Format:
    """Find out how this file writes numbers and dates, from all rows at once."""
    every = [*rows.lines, *rows.balances]
    named = (currency_in(table.headers.get(field, "")) for field in ("amount", "credit", "debit", "balance"))
    found = columns.currency_code or next((code for code in named if code), "") or _currency_of(table) or currency
    digits = most_digits(_currency_beside(row, found) for row in rows.lines)
    try:
        decimal, of_balance = _decimals(every, columns.decimal, table.confirmed.get("decimal", ""), digits)
    except UnreadableError as error:
        line = line_of(rows.lines, error.text)
        raise source.error(
            str(error), line=line, remedy=f"Correct the file, or {setting(SECTION, NAME_DECIMAL)}."
        ) from error
    if decimal not in {".", ","}:
        raise source.error(f"{decimal!r} is no decimal mark", remedy="Give '.' or ','.")
    if columns.signs not in {"", *SIGNS}:
        raise source.error(f"{columns.signs!r} says nothing about signs", remedy=f"Give one of {', '.join(SIGNS)}.")
    own = columns.own_account or _account_beside(table)
    dates = _date_formats(source, table, rows, columns, found)
    return _Format(decimal, of_balance, dates, found, own)


def _currency_beside(row: Row, otherwise: str) -> str:
    """Give the currency of a row by its column, or beside its amounts."""
    beside = next((code for cell in amounts_of(row) if (code := currency_beside(cell))), "")
    return currency_named(row.text("currency")).upper() or beside or otherwise


def _decimals(rows: Sequence[Row], said: str, confirmed: str, digits: int) -> tuple[str, str]:
    """Find the decimal mark of amounts and that of balances: one for all, or one each where both are sure.

    What is `said` in mainstay.toml, or was `confirmed` of earlier files, decides.
    """
    amounts = [cell for row in rows for cell in [*amounts_of(row), row.text("fee")] if cell]
    balances = [cell for row in rows if (cell := row.text("balance"))]
    if not said:
        try:
            one = guess_decimal([*amounts, *balances], digits, confirmed)
        except UnreadableError:
            if not (tells_decimal(amounts) and tells_decimal(balances)):
                raise
        else:
            return one, one
    one = guess_decimal(amounts, digits, said or confirmed)
    return one, guess_decimal(balances) if tells_decimal(balances) else one


def _numbers(rows: Sequence[Row]) -> list[str]:
    return [cell for row in rows for cell in [*amounts_of(row), row.text("balance"), row.text("fee")] if cell]


def _date_formats(source: Source, table: Table, rows: Sorted, columns: ColumnMap, currency: str) -> dict[str, str]:
    """Find the format of each column of dates; one that leaves it open is written as the others."""
    if columns.date_format:
        return dict.fromkeys(DAYS, columns.date_format)
    days = {field: days_of(rows.lines, field) for field in DAYS}
    proved = {
        field: guess_date_format(some, day_first=False) for field, some in days.items() if tells_date_format(some)
    }
    try:
        first = proved.get("booked_on") or _open_format(days["booked_on"], proved, table, currency)
    except UnreadableError as error:
        column = table.headers["booked_on"]
        remedy = f"Correct the file, or {setting(SECTION, _DATES)} {_DATE_KEY}."
        raise source.error(str(error), line=line_of(rows.lines, error.text), column=column, remedy=remedy) from error
    return {field: proved.get(field, first) for field in DAYS}


def _open_format(days: list[str], proved: dict[str, str], table: Table, currency: str) -> str:
    """Read dates that leave open which is the month as the file's other dates are written, or by its language.

    Where neither tells, US dollars mean the month first, as it is written there; the question shows the days.
    """
    guess = guess_date_format(days, day_first=True)
    other = next((form for form in proved.values() if sorted(form) == sorted(guess)), "")
    return other or guess_date_format(days, day_first=table.local, month_first=currency == "USD")


def _beside(table: Table) -> str:
    """Give the text around the table, as its own rows name other accounts."""
    return "\n".join(" ".join(cell[:BESIDE_CHARACTERS] for cell in cells) for _, cells in table.beside[:BESIDE_ROWS])


def _account_beside(table: Table) -> str:
    """Find the account around the table, where it is only one."""
    found = {iban.replace(" ", "") for iban in _IBAN.findall(_beside(table))}
    return found.pop() if len(found) == 1 else ""


def _currency_of(table: Table) -> str:
    """Find the currency around the table, where it is only one."""
    text = _beside(table)
    found = {match[1] for pattern in _CODES_BESIDE for match in pattern.finditer(text)}
    codes = {_SIGNS.get(code, code) for code in found} & CODES
    return codes.pop() if len(codes) == 1 else ""


def _entry(cells: Cells, form: _Format, *, pending: bool) -> Entry:
    def day(field: str) -> str:
        return cells.take(field, lambda cell: iso_day(cell, form.dates[field]))

    row = cells.row
    bank_id = row.text("bank_id")
    booked = next((field for field in DAYS if days_of([row], field)), "booked_on") if pending else "booked_on"
    amount = _amount(cells, form)
    parties = (row.text("payee"), row.text("payer")) if amount.minor < 0 else (row.text("payer"), row.text("payee"))
    line = BankLine(
        id="",
        booked_on=day(booked),
        amount=amount,
        value_on=day("value_on") if days_of([row], "value_on") else "",
        counterparty=row.text("counterparty") or parties[0] or (parties[1] if "payee" in row.cells else ""),
        iban=_account(row.text("iban")),
        references=tuple(reference for reference in [row.text("reference")] if reference),
        text=" ".join(dict.fromkeys(text for field in (*TEXTS, DETAILS) if (text := row.text(field)))),
        bank_id=bank_id,
        pending=pending,
        reversal=any(REVERSAL.match(folded(row.text(field)[:_SAID])) for field in ("movement", "text")),
        original=_original(cells, form, amount),
        raw=row.raw[:RAW_LIMIT],
    )
    fee = cells.take("fee", lambda cell: _money(cell or "0", form, amount.currency))
    account = _account(row.text("account")) or form.account
    return Entry(row, account, Draft(line, mark=bank_id), fee, _balance(cells, form, amount.currency))


def _account(cell: str) -> str:
    """Write an account number without what parts or marks it as text."""
    return re.sub(r"[\s']", "", cell).upper()


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
    account = _account(cells.row.text("account")) or form.account
    return Entry(cells.row, account, None, none, _balance(cells, form, currency))


def _balance(cells: Cells, form: _Format, currency: str) -> Money | None:
    if not cells.row.text("balance"):
        return None
    asking = msgspec.structs.replace(cells, remedy=_COLUMNS)
    return asking.take("balance", lambda cell: money_of(plain_number(cell, form.balance_decimal, currency), currency))


def _amount(cells: Cells, form: _Format) -> Money:
    """Give the signed amount, from whichever columns there are."""
    valuta = cells.row.text("value_on")  # "Valuta" is the value date in German, the currency in Dutch
    beside = next((code for cell in amounts_of(cells.row) if (code := currency_beside(cell))), "")
    said = beside or (valuta if valuta in CODES else form.currency)
    asking = cells if cells.row.text("currency") else msgspec.structs.replace(cells, remedy=NAME_CURRENCY)
    currency = asking.take("currency", lambda cell: code_of(currency_named(cell) or said))
    if filled(cells.row.text("amount")):
        amount = cells.take("amount", lambda cell: _money(cell, form, currency))
        amount = cells.take("direction", lambda said: _directed(amount, said.casefold()))
        return -amount if form.turned else amount
    credit, debit = (
        cells.take(field, lambda cell: _money(filled(cell) or "0", form, currency)) for field in ("credit", "debit")
    )

    def one_of_both(_: str) -> Money:
        if credit.minor and debit.minor:
            raise UnreadableError("the row has both a credit and a debit")
        if not amounts_of(cells.row):
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


def _fee_header(table: Table) -> str:
    return table.headers.get("fee", "").casefold()


def _now(form: _Format) -> str:
    """Write the lines of mainstay.toml by which dates and numbers are read."""
    return f'date_format = "{form.dates["booked_on"]}" and, in a line of its own, decimal = "{form.decimal}"'


def _doubt(
    source: Source,
    table: Table,
    said: ColumnMap,
    rows: Sorted,
    form: _Format,
    taken: Taken,
    told: Sequence[str],
) -> Doubt:
    """Ask whether the columns were guessed rightly. What the file itself proves is remembered with them."""
    read = {"decimal": form.decimal, "date_format": form.dates["booked_on"]}
    proved = {
        "decimal": said.decimal or tells_decimal(_numbers(rows.lines)),
        "date_format": said.date_format or tells_date_format(days_of(rows.lines, "booked_on")),
    }
    columns = {**table.headers, **{key: value for key, value in read.items() if proved[key]}}
    settings = {
        "delimiter": table.delimiter,
        "currency_code": said.currency_code,
        "signs": said.signs or signs_of(rows, taken.reading, turned=form.turned),
    }
    columns |= {key: value for key, value in settings.items() if value}
    assumed = {key: value for key, value in read.items() if not proved[key]}
    if form.currency and not said.currency_code and "currency" not in table.headers:
        assumed["currency_code"] = form.currency
    lines = [draft.line for part in taken.parts for draft in part.drafts][: len(rows.lines[:SAMPLE_ROWS])]
    remarks = [*table.remarks, *told, *card_remark(table, rows)]
    return doubt(source, table.header, SECTION, columns, [_shown(line) for line in lines], assumed, remarks)


def _shown(line: BankLine) -> str:
    """Show a line as it will be believed, with the account of the other where there is one."""
    whom = f"{line.counterparty} ({line.iban})" if line.iban and line.counterparty else line.counterparty or line.iban
    return shown_row(line.booked_on, line.amount, whom, line.text)
