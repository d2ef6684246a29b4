"""The amounts of a table of invoices: how they are written, which column is the total, what net and tax make of it.

Customers pay with tax. A column is the total by its name, or as it is what net and tax make in every row. A total is
made of net and tax only where the tax column surely holds amounts: rates are told by not moving with what is sold.
"""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mainstay.connectors.cells import guess_date_format, guess_decimal, plain_number
from mainstay.connectors.currencies import money_of, most_digits
from mainstay.connectors.doubts import quoted
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.tables import currency_beside, currency_in, currency_named, line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.connectors.invoices.columns import InvoiceColumns
    from mainstay.connectors.source import Source
    from mainstay.connectors.tables import Cells, Table
    from mainstay.errors import FileError
    from mainstay.values import Money

SECTION = "invoices.columns"
TELLERS = ("open", "paid", "paid_on", "state")  # columns that tell what is open
GROSS = "Export the list with totals that include tax"
RATES = 4  # a list has hardly more rates of tax
MOST_RATE = 30  # percent
MOST_DIGITS = 15  # of a number that is compared with others

_HALF_A_CENT = Decimal("0.0051")
_MONEY = ("amount", "open", "net", "tax", "paid")
_NET = re.compile(
    r"\b(net|netto|excl\w*|exkl\w*|ekskl\w*|eks|ex|ht|hors|ohne|without|before|sans|sin|senza|sem|bez|untaxed)\b"
)
_GROSS_NAME = re.compile(r"\b(gross|brutto|ttc|inc|incl\w*|inkl\w*|con iva|com iva|s dph)\b")
_SUM = re.compile(r"total|totaal|gesamt|summ|\bsum\b|\bsuma\b|celkem|yhteens|razem|\bendbetrag")
_SIDE = re.compile(r"[0-9] ?(?:S|H|D|C|CR|DR|DB|DT|CT)\Z", re.IGNORECASE)


class Form(NamedTuple):
    """How the cells of a table are written, and which of its columns are what they seem."""

    decimal: str
    date_format: str
    currency: str  # where a row does not say it
    has_tax: bool  # the tax column holds amounts
    states_paid: bool  # the column of states holds what was paid, as amounts
    amount_is_net: bool  # by its header, where the operator does not name it


class Sums(NamedTuple):
    """What a row says of amounts; `told` is False where the amount is but what is still open."""

    amount: Money
    net: Money | None
    tax: Money | None
    told: bool


# --- which column is the total ------------------------------------------------------------------------------------


def refine(header: Sequence[str], columns: dict[str, int], rows: Sequence[Sequence[str]], home: str) -> dict[str, int]:
    """Give better columns than their names alone do. `home` is the company's currency, "" where it is not known."""
    columns = _gross_first(header, columns)
    columns = _sum_first(header, columns, rows)
    return _without_home(header, columns, rows, home)


def _gross_first(header: Sequence[str], columns: dict[str, int]) -> dict[str, int]:
    """Where the amounts are net by their header, take the one column that is gross by its own."""
    amount = columns.get("amount")
    gross = [place for place, name in enumerate(header) if _GROSS_NAME.search(_words(name)) and not _is_net(name)]
    if amount is None or not _is_net(header[amount]) or len(gross) != 1:
        return columns
    return {"net": amount, **columns, "amount": gross[0]}


def _sum_first(header: Sequence[str], columns: dict[str, int], rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """Where a further column is amount and tax in all rows, the amount is without tax, and that column the total."""
    amount, tax = columns.get("amount"), columns.get("tax")
    if amount is None or tax is None or _GROSS_NAME.search(_words(header[amount])):
        return columns
    used = {place for field, place in columns.items() if field != "open"}
    for place in (place for place in range(len(header)) if place not in used):
        read = [row for row in rows if len(row) > max(amount, tax, place) and row[amount].strip()]
        if _add_up([(row[amount], row[tax], row[place]) for row in read]):
            return {"net": amount, **columns, "amount": place}
    return columns


def _add_up(cells: Sequence[tuple[str, str, str]]) -> bool:
    """Tell whether the third is what the first two make, in all rows, and in some with tax, or with a rate of it."""
    try:
        decimal = guess_decimal(cell for row in cells for cell in row)
        numbers = [tuple(_number(cell.replace("%", "").strip() or "0", decimal) for cell in row) for row in cells]
    except UnreadableError:
        return False
    told = any(tax for _, tax, _ in numbers)
    return told and all(
        total == net + tax or abs(net + net * tax / 100 - total) < _HALF_A_CENT for net, tax, total in numbers
    )


def _without_home(
    header: Sequence[str], columns: dict[str, int], rows: Sequence[Sequence[str]], home: str
) -> dict[str, int]:
    """Drop "... signed", in the company's currency, beside a column of currencies, unless both are surely the same."""
    signed = {field for field in _MONEY if field in columns and is_signed(header[columns[field]])} - {"amount"}
    currency = columns.get("currency")
    if currency is None or not signed:
        return columns
    codes = {row[currency].strip().upper() for row in rows if len(row) > currency and row[currency].strip()}
    names = [_words(name).replace(" signed", "") for name in header]
    totals = [place for place, name in enumerate(names) if name in {"total", "total in currency"}]
    full = [row for row in rows if len(row) == len(header)]
    alike = len(totals) > 1 and all(len({row[place].strip() for place in totals}) == 1 for row in full)
    if codes == {home} or (not home and len(codes) == 1 and (alike or is_signed(header[columns.get("amount", 0)]))):
        return columns
    return {field: place for field, place in columns.items() if field not in signed}


def is_signed(header: str) -> bool:
    """Tell a header of amounts in the company's own currency, whatever the invoice is in."""
    words = _words(header)
    return words.endswith(" signed") and "in currency" not in words


# --- how cells are written ----------------------------------------------------------------------------------------


def _said_currencies(table: Table) -> list[str]:
    return [row.text("currency").upper() for row in table.rows]


def find_form(source: Source, table: Table, columns: InvoiceColumns, currency: str) -> Form:
    """Find out how this file writes numbers and dates, from all rows at once. Raises FileError."""
    try:
        decimal = guess_decimal(amounts(table), _digits(table, columns.currency_code or currency), columns.decimal)
    except UnreadableError as error:
        raise _asking(source, table, error, 'decimal = ","   # or "."') from error
    if decimal not in {".", ","}:
        raise source.error(f"{decimal!r} is no decimal mark", remedy="Give '.' or ','.")
    try:
        found = days(table)
        dollars = (columns.currency_code or currency) == "USD" or {*_said_currencies(table)} == {"USD"}
        written = columns.date_format or (
            guess_date_format(found, day_first=table.local, month_first=dollars) if found else "%Y-%m-%d"
        )
    except UnreadableError as error:
        line = 'date_format = "%d/%m/%Y"   # or "%m/%d/%Y" as in the US: %d is the day, %m the month, %Y the year'
        raise _asking(source, table, error, line) from error
    named = [code for field in ("open", "amount", "net") if (code := currency_in(table.headers.get(field, "")))]
    if len(set(named)) > 1:
        what = f"the amounts are in several currencies by their headers: {', '.join(dict.fromkeys(named))}"
        raise source.error(what, remedy="Export the list with all amounts in the currency of the invoice.")
    states = [cell for row in table.rows if (cell := row.text("state"))]
    return Form(
        decimal=decimal,
        date_format=written,
        currency=columns.currency_code or next(iter(named), currency),
        has_tax=_all_amounts([cell for row in table.rows if (cell := row.text("tax"))], decimal),
        states_paid=not set(states) <= {"0", "1"} and _all_amounts(states, decimal),
        amount_is_net=not columns.amount and _is_net(table.headers.get("amount", "")),
    )


def _digits(table: Table, otherwise: str) -> int:
    """Give the most digits that an amount of this table can have after its decimal mark."""
    fields = ("open", "amount", "net")
    named = next((code for field in fields if (code := currency_in(table.headers.get(field, "")))), otherwise)
    beside = (next((code for field in fields if (code := currency_beside(row.text(field)))), "") for row in table.rows)
    said = (currency_named(row.text("currency")).upper() for row in table.rows)
    return most_digits(one or other or named for one, other in zip(said, beside, strict=True))


def _asking(source: Source, table: Table, error: UnreadableError, line: str) -> FileError:
    remedy = f"Correct the file, or write in your workspace's mainstay.toml:\n[{SECTION}]\n{line}"
    return source.error(str(error), line=line_of(table.rows, error.text), remedy=remedy)


def amounts(table: Table) -> list[str]:
    """Give the cells that show the decimal mark."""
    return [cell for row in table.rows for field in ("amount", "open", "net") if (cell := row.text(field))]


def days(table: Table) -> list[str]:
    """Give the dates of all rows that have one in figures."""
    return [
        cell
        for row in table.rows
        if row.text("number") or row.text("customer")
        for field in ("issued_on", "due_on")
        if (cell := row.text(field))
    ]


def _all_amounts(cells: Sequence[str], decimal: str) -> bool:
    try:
        for cell in cells:
            _number(cell, decimal)
    except UnreadableError:
        return False
    return bool(cells)


def _number(cell: str, decimal: str) -> Decimal:
    number = plain_number(cell, decimal, currency_beside(cell))
    if len(number) > MOST_DIGITS:  # so that all sums are exact
        raise UnreadableError(f"{cell[:20]!r} has too many digits")
    return Decimal(number)


# --- what is refused ----------------------------------------------------------------------------------------------


def refuse_net(source: Source, table: Table, form: Form, home: str) -> None:
    """Refuse a table that does not surely say what is owed with tax, and in the currency it is owed in."""
    headers = table.headers
    made = _made_of(table, form)
    if form.amount_is_net and not ("open" in headers or made):
        remedy = f"{GROSS}, or, if the file has such a column, {_block(table, amount='...')}"
        what = "by its header this column holds amounts without tax, and customers pay them with tax"
        raise source.error(what, column=headers["amount"], remedy=remedy)
    if not {"amount", "open"} & set(headers) and not made:
        remedy = f"{GROSS}. If no tax is on your invoices, {_block(table, amount=headers['net'])}"
        raise source.error("there are amounts without tax alone", column=headers["net"], remedy=remedy)
    if made and _are_rates([(row.text(made), row.text("tax")) for row in table.rows], form.decimal):
        what = "it can't be told whether this column holds amounts of tax or its rates, and no column has the total"
        raise source.error(what, column=headers["tax"], remedy=f"{GROSS}.")
    signed = next((headers[field] for field in _MONEY if is_signed(headers.get(field, ""))), "")
    codes = sorted({row.text("currency").upper() for row in table.rows} - {""})
    if signed and (len(codes) > 1 or (home and codes not in ([], [home]))):
        what = f"this column is in your company's currency, and the invoices are in {', '.join(codes)}"
        remedy = "Export the totals and what is due in the currency of the invoice."
        raise source.error(what, column=signed, remedy=remedy)


def _made_of(table: Table, form: Form) -> str:
    """Say which field makes the total together with tax, where no column has it."""
    field = "amount" if form.amount_is_net else "" if "amount" in table.headers else "net"
    return field if form.has_tax and field in table.headers else ""


def _are_rates(rows: Iterable[tuple[str, str]], decimal: str) -> bool:
    """Tell whether a column may hold rates of tax, so that amounts of tax would make another total.

    Rates are few, and stand beside any net; amounts move with net, so that they are few as parts of it.
    """
    pairs: list[tuple[Decimal, Decimal]] = []
    for net, tax in rows:
        with suppress(UnreadableError):
            pairs.append((_number(net, decimal), _number(tax or "0", decimal)))
    pairs = [(net, tax) for net, tax in pairs if net and tax]
    taxes = {tax for _, tax in pairs}
    if not taxes or len(taxes) > RATES or not all(_is_rate(tax) for tax in taxes):
        return False
    if all(tax == round(net * tax / (1 if tax < 1 else 100), 2) for net, tax in pairs):
        return False  # the same either way
    parts = {round(tax / net * 100, 1) for net, tax in pairs}
    moves = len(parts) < len(taxes) or (_are_whole(parts) and not _are_whole(taxes))
    return not moves


def _are_whole(numbers: Iterable[Decimal]) -> bool:
    return all(number == number.to_integral_value() for number in numbers)


def _is_rate(tax: Decimal) -> bool:
    percent = tax * 100 if 0 < tax < 1 else tax
    return 0 < percent <= MOST_RATE and percent * 10 == (percent * 10).to_integral_value()


def _block(table: Table, **columns: str) -> str:
    """Write the part of mainstay.toml that names all columns as they are read, but for some."""
    lines = [f"{field} = {quoted(name)}" for field, name in {**table.headers, **columns}.items()]
    return "\n".join(["write in your workspace's mainstay.toml:", f"[{SECTION}]", *lines])


def tax_included(table: Table, form: Form) -> str:
    """Say that an amount is taken to include the tax beside it, where only its place among columns tells that."""
    headers = table.headers
    name = headers.get("amount", "")
    if not form.has_tax or not name or "net" in headers or form.amount_is_net or is_sum(name):
        return ""
    return f"The column {name!r} is taken to include the tax in {headers['tax']!r}."


def is_sum(header: str) -> bool:
    """Tell whether a header says of itself that it is the sum of the invoice."""
    return bool(_SUM.search(_words(header)) or _GROSS_NAME.search(_words(header)))


def _is_net(header: str) -> bool:
    return bool(_NET.search(_words(header)))


def _words(header: str) -> str:
    return " ".join(header.casefold().replace("_", " ").split())


# --- of one row ---------------------------------------------------------------------------------------------------


def money_in(cell: str, form: Form, currency: str) -> Money:
    """Read an amount. The side of the customer's account may stand after it: debit is owed. Raises UnreadableError."""
    if not cell:
        raise UnreadableError("the cell is empty")
    money = money_of(plain_number(cell, form.decimal, currency), currency)
    return -money if _SIDE.search(cell[-6:]) else money


def read_sums(cells: Cells, form: Form, currency: str) -> Sums:
    """Give the total with tax, net and tax, and hold them against each other where all three are said."""
    headers, row = cells.table.headers, cells.row

    def money(cell: str) -> Money:
        return money_in(cell, form, currency)

    made = _made_of(cells.table, form)
    if made:  # no tax in a row is none, as on reverse charge
        net = cells.take(made, money)
        tax = cells.take("tax", money) if row.text("tax") else net - net
        return Sums(net + tax, net, tax, told=True)
    told = "amount" in headers and not form.amount_is_net
    field = "amount" if form.amount_is_net else "net"
    net = cells.take(field, money) if row.text(field) else None
    tax: Money | None = None
    if form.has_tax and row.text("tax"):
        with suppress(UnreadableError):  # a rate may have more decimals than money
            tax = money(row.text("tax"))
    amount = cells.take("amount" if told else "open", money)
    if net is None or tax is None or net + tax == amount or not told:
        return Sums(amount, net, tax, told)
    if _by_rate(net, row.text("tax"), form) == amount.minor:
        return Sums(amount, net, amount - net, told)

    def disagree(_: str) -> Money:
        raise UnreadableError(f"net {net} and tax {tax} make {net + tax}, not {amount}")

    return Sums(amount if "adjustment" in headers else cells.take("amount", disagree), net, tax, told)


def _by_rate(net: Money, rate: str, form: Form) -> int:
    """Give the total, in minor units, where what stands in the tax column is a rate: in percent, or as a part of 1."""
    part = _number(rate, form.decimal)
    return round(net.minor * (1 + (part if 0 < part < 1 else part / 100)))
