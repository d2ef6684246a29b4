"""One row of a table of invoices, read as an invoice or a credit note.

What is open is what the column of open amounts says; else what a column of paid amounts leaves; else a day it was paid
on, or a state, tells paid from unpaid; without any, every invoice counts as open. A negative amount, or a kind or side
that says so, is a credit note.
"""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors import tables
from mainstay.connectors.cells import begins_date, iso_day, plain_number
from mainstay.connectors.currencies import code_of
from mainstay.connectors.doubts import shown
from mainstay.connectors.invoices import states as known
from mainstay.connectors.invoices.document import Document
from mainstay.connectors.invoices.forms import EMAIL, YEARS, day_after
from mainstay.connectors.invoices.papers import NAMES_SHOWN, Draft
from mainstay.connectors.invoices.sums import SECTION, TELLERS, money_in, read_sums
from mainstay.connectors.invoices.terms import discount_of, read_terms
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.tables import Cells, currency_beside, currency_named
from mainstay.errors import FileError
from mainstay.records import Invoice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.connectors.invoices.sums import Form
    from mainstay.connectors.invoices.terms import Terms
    from mainstay.connectors.source import Source
    from mainstay.connectors.tables import Row, Table
    from mainstay.records import Discount
    from mainstay.values import Money

MAX_DAYS = 3650  # of terms of payment; more is a date or a slip
CORRECT = f"Correct the file, or say under [{SECTION}] in mainstay.toml how it is to be read."

_DAYS = re.compile(
    r"(?:net(?:to)? |n/ ?)?([0-9]{1,4}) ?(?:d|days?|tagen?|tage|jours?|j|dagen|dag|dager|dagar|d.as|giorni|gg|dni|dn.|"
    r"päivää|pv)?(?: net(?:to)?| nets?)?\.?",
    re.IGNORECASE,
)
_AT_ONCE = re.compile(
    r"receipt|sofort|immediate|réception|comptant|contado|vista|per direct|heti", re.IGNORECASE
)  # and no figures beside it
_NO_DAY = re.compile(r"[-0./ ]*")  # stands where a day would: "", "-", "0000-00-00"
_MARKS = frozenset({"x", "\u2713", "\u2714"})
_LEAST_PERCENT = Decimal("0.1")  # of a discount; less is a part of one, as spreadsheets hold percents
_ALONE = "If it is a remark, delete the row; if the file was cut off, export it again."
_STATES = f"Export the list with the amounts that are still open. {CORRECT}"


def read_rows(
    source: Source, table: Table, rows: Sequence[Row], form: Form
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
            read.append((row, _read_row(Cells(source, table, row, CORRECT), form)))
        except FileError as error:
            if _state(row) in known.VOID:
                left_out["void"] += 1
            else:
                mistakes.append(error)
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        told = [error.message.removeprefix(f"{source.name}, ") for error in mistakes[:NAMES_SHOWN]]
        what = f"{source.name}, {' '.join([*told, *and_more(len(mistakes))])}"
        remedies = dict.fromkeys(error.remedy for error in mistakes)
        raise FileError(what, remedy=" ".join(remedies))
    return read, left_out


def and_more(count: int) -> list[str]:
    """Count what is not shown of a list."""
    return [f"And {count - NAMES_SHOWN} more."] * (count > NAMES_SHOWN)


def _read_row(cells: Cells, form: Form) -> Draft:
    """Read one invoice or credit note, and why it is left out ("" when it is not)."""
    row = cells.row
    if sum(map(bool, row.cells.values())) == 1:
        said = shown(next(filter(None, row.cells.values())))
        raise cells.source.error(f"there is only {said!r} in this row", line=row.line, remedy=_ALONE)
    currency = _currency(cells, form)
    sums = read_sums(cells, form, currency)
    credit = sums.amount.minor < 0 or row.text("kind").casefold() in known.CREDIT_NOTE or cells.take("side", _credited)
    issued_on = cells.take("issued_on", lambda cell: _day(cell, form))
    left_out = "void" if _state(row) in known.VOID else ""
    amount = -sums.amount if sums.amount.minor < 0 else sums.amount
    still = amount if left_out else _open(cells, form, amount, credit=credit)
    if still.minor and _state(row) in known.PAID and not credit:
        left_out = left_out or "paid by its state, though an amount is open"
    document = Document(
        invoice=Invoice(
            number=cells.take("number", _filled),
            customer=cells.take("customer", _filled),
            amount=amount,
            open=still,
            issued_on=issued_on,
            due_on=issued_on if credit and not row.text("due_on") else _due_on(cells, form, issued_on),
            email=row.text("email") if EMAIL.fullmatch(row.text("email")) else "",  # several would be none to write to
            iban=row.text("iban").replace(" ", "").upper(),
            reference=row.text("reference"),
            customer_id=row.text("customer_id"),
            discounts=() if credit else _discounts(cells, form, issued_on),
        ),
        kind="credit_note" if credit else "invoice",
        file=cells.source.name,
        format="CSV" if cells.table.delimiter else "XLSX",
        of=(row.text("of"),) if credit and row.text("of") else (),
        seller=row.text("seller"),
        net=sums.net,
        tax=sums.tax,
        line=row.line,
    )
    tells_open = bool({*TELLERS} & set(cells.table.headers))
    return Draft(document, left_out, tells_open=tells_open, tells_amount=sums.told)


def _currency(cells: Cells, form: Form) -> str:
    row = cells.row
    beside = next((code for field in ("open", "amount", "net") if (code := currency_beside(row.text(field)))), "")
    asking = cells if row.text("currency") else msgspec.structs.replace(cells, remedy=tables.NAME_CURRENCY)
    return asking.take("currency", lambda cell: code_of(currency_named(cell) or beside or form.currency))


def _credited(side: str) -> bool:
    """Tell whether a row stands on the credit side of the customer's account."""
    if side.casefold() in known.CREDIT:
        return True
    if side and side.casefold() not in known.DEBIT:
        raise UnreadableError(f"{side[:20]!r} says neither debit nor credit")
    return False


# --- what is open -------------------------------------------------------------------------------------------------


def _open(cells: Cells, form: Form, amount: Money, *, credit: bool) -> Money:
    """Say what is still open of an invoice, between nothing and all of it."""
    headers = cells.table.headers
    none = amount - amount

    def within(cell: str, what: str) -> Money:
        money = money_in(cell, form, amount.currency)
        money = -money if credit and money.minor < 0 else money
        if not 0 <= money.minor <= amount.minor:
            raise UnreadableError(f"{money} is {what} of an invoice of {amount}")
        return money

    def left(cell: str) -> Money:
        return amount - within(cell, "paid") if cell else amount

    if "open" in headers:
        return cells.take("open", lambda cell: within(cell, "open"))
    if "paid" in headers:
        return cells.take("paid", left)
    if form.states_paid:
        return cells.take("state", left)
    if credit:
        paid = _state(cells.row) in known.PAID or not _NO_DAY.fullmatch(cells.row.text("paid_on"))
        return none if paid else amount
    asking = msgspec.structs.replace(cells, remedy=_STATES)
    paid = "paid_on" in headers and asking.take("paid_on", lambda cell: _paid_on(cells.row, cell, form))
    paid = paid or ("state" in headers and asking.take("state", lambda cell: _paid(cells.table, cell, form)))
    return none if paid else amount


def _paid_on(row: Row, cell: str, form: Form) -> bool:
    """Tell whether there is a day on which an invoice was paid, and its state does not deny it."""
    paid = not _NO_DAY.fullmatch(cell) and bool(_day(cell, form))
    if paid and _state(row) in known.UNPAID | known.PARTLY:
        raise UnreadableError(f"it was paid on {cell[:30]}, but by its state it is {row.text('state')[:30]!r}")
    return paid


def _paid(table: Table, state: str, form: Form) -> bool:
    """Tell paid from unpaid by a word; below a header such as "Paid" also by a mark or a day, or by nothing."""
    if state.casefold() in known.PAID | known.UNPAID:
        return state.casefold() in known.PAID
    if table.headers["state"].casefold() in known.PAID:
        if _NO_DAY.fullmatch(state) or state.casefold() in _MARKS:
            return state.casefold() in _MARKS
        if begins_date(state):
            return bool(_day(state, form))
    raise UnreadableError(f"{state[:30]!r} says neither paid nor unpaid")


def _state(row: Row) -> str:
    return row.text("state").casefold()


# --- days and discounts -------------------------------------------------------------------------------------------


def _due_on(cells: Cells, form: Form, issued_on: str) -> str:
    """Give the day it is due: as a column says, or so many days after it was issued."""

    def after(cell: str) -> str:
        days = _DAYS.fullmatch(_filled(cell))
        if days and int(days[1]) <= MAX_DAYS:
            return _later(issued_on, int(days[1]))
        if _AT_ONCE.search(cell) and not any(map(str.isdigit, cell)):
            return issued_on
        said = _terms(cell, issued_on).due_on
        if said:
            return said
        try:
            return _day(cell, form)
        except UnreadableError as error:
            raise UnreadableError(f"{cell[:40]!r} says neither days nor a date to pay by") from error

    field = "due_on" if cells.row.text("due_on") or "terms_days" not in cells.table.headers else "terms_days"
    due_on = cells.take(field, after if field == "terms_days" else lambda cell: _day(cell, form))

    def within(cell: str) -> str:
        if due_on > (day_after(issued_on, MAX_DAYS) or due_on):
            raise UnreadableError(f"{cell[:40]!r} is more than {MAX_DAYS // 365} years after the invoice date")
        return due_on

    return cells.take(field, within)


def _discounts(cells: Cells, form: Form, issued_on: str) -> tuple[Discount, ...]:
    """Give the discounts for early payment, where a row says how much and until when: in columns, or in its terms."""
    percent = cells.take("discount_percent", lambda cell: _percent(cell, form))
    if not percent:
        return _terms(cells.row.text("terms_days"), issued_on).discounts
    if cells.row.text("discount_until"):
        until = cells.take("discount_until", lambda cell: _day(cell, form))
    elif cells.row.text("discount_days"):
        until = cells.take("discount_days", lambda cell: _later(issued_on, _count(cell)))
    else:
        return ()

    def discount(cell: str) -> Discount:
        found = discount_of(percent, until, issued_on)
        if found is None:
            raise UnreadableError(f"a discount of {cell[:20]!r} until {until} can't be")
        return found

    return (cells.take("discount_percent", discount),)


@lru_cache(maxsize=1024)  # a list says the same of many invoices
def _terms(cell: str, issued_on: str) -> Terms:
    return read_terms([cell], issued_on)


def _percent(cell: str, form: Form) -> Decimal:
    """Read a percentage: 2, "2 %", or 0.02 as a spreadsheet holds it."""
    number = Decimal(plain_number(cell.replace("%", "") or "0", form.decimal))
    if not 0 <= number < 100:  # noqa: PLR2004 - a hundred percent
        raise UnreadableError(f"{cell[:20]!r} is no percentage")
    return number * 100 if "%" not in cell and number < _LEAST_PERCENT else number


def _count(cell: str) -> int:
    if not (cell.isascii() and cell.isdecimal()) or int(cell[:9]) > MAX_DAYS:
        raise UnreadableError(f"{cell[:20]!r} is no number of days")
    return int(cell)


def _later(day: str, days: int) -> str:
    found = day_after(day, days)
    if not found:
        raise UnreadableError(f"{days} days after {day} is no date")
    return found


def _day(cell: str, form: Form) -> str:
    day = iso_day(_filled(cell), form.date_format)
    if int(day[:4]) not in YEARS:
        raise UnreadableError(f"{cell[:40]!r} is a date in the year {int(day[:4])}")
    return day


def _filled(cell: str) -> str:
    if not cell:
        raise UnreadableError("the cell is empty")
    return cell
