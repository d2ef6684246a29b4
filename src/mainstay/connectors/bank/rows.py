"""The rows of a bank's table, told apart: payments, balances, details of a batch, and what never happened."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.connectors.bank.content import states_end, tells_balance
from mainstay.connectors.bank.statement import RAW_LIMIT
from mainstay.connectors.bank.words import BOOKED, PENDING, VOID, folded
from mainstay.connectors.currencies import CODES
from mainstay.values import say_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.connectors.tables import Row, Table

TEXTS = ("text", "text_2", "text_3")
DAYS = ("booked_on", "value_on", "started_on")
DETAILS = "details"  # a cell of our own: what stands in the rows that detail a batch

_NUMBER = re.compile("[1-9]")


class Sorted(NamedTuple):
    """The rows of a file: those that are lines, those that tell a balance, and how many are left out for what."""

    lines: list[Row]
    balances: list[Row]
    either: list[Row]  # of the lines, those that say nothing but a balance, and have a date and an amount as others
    pending: frozenset[int]  # by their line in the file
    told: tuple[str, ...]  # what is left out, in sentences
    strange: tuple[str, ...]  # states that are not known


def sorted_rows(table: Table, booked: str) -> Sorted:
    """Tell the rows that are lines from all others. `booked` are more words for that, parted by commas."""
    known = BOOKED | {folded(word) for word in booked.split(",")}
    lines: list[Row] = []
    balances: list[Row] = []
    pending: set[int] = set()
    strange: dict[str, None] = {}
    void = bare = undated = details = 0
    for row in table.rows:
        state = folded(row.text("status"))
        amounts = amounts_of(row)
        if state in VOID:
            void += 1
        elif not amounts and lines and _NUMBER.search(row.text("detail_amount")):
            lines[-1] = _detailed(lines[-1], row)
            details += 1
        elif not amounts and _is_remark(row):
            bare += 1
        elif not amounts and row.text("balance") and tells_balance(row.raw):
            balances.append(row)
        elif folded(row.text("booked_on")) in PENDING and not any(days_of([row], field) for field in DAYS):
            undated += 1
        else:
            lines.append(row)
            is_strange = bool(state) and state not in PENDING | known
            if is_strange:
                strange[row.text("status")] = None
            if is_strange or state in PENDING or folded(row.text("booked_on")) in PENDING:
                pending.add(row.line)
    aside = sum(line > table.header_line for line, _ in table.beside) + len(balances)
    counts = {_BARE: bare, _VOID: void, _UNDATED: undated, _BALANCES: aside, _DETAILS: details}
    told = tuple(says.format(say_count(count, "row")) for says, count in counts.items() if count)
    either = [row for row in lines if any(map(states_end, row.raw.split(" | ")))]
    return Sorted(lines, balances, either, frozenset(pending), told, tuple(strange))


_BARE = "Left out, without date and amount: {}."
_VOID = "Left out, as the bank says it did not happen: {}."
_UNDATED = "Left out, not booked yet and without a date: {}."
_BALANCES = "Telling a balance or a total, no payment: {}."
_DETAILS = "Details of a batch, read with the row before: {}."


def amounts_of(row: Row) -> list[str]:
    """Give the cells that say how much a row moves."""
    return [cell for field in ("amount", "credit", "debit") if (cell := filled(row.text(field)))]


def filled(cell: str) -> str:
    """Take a cell of nothing but dashes for empty."""
    return cell if cell.strip("-\u2013\u2014 ") else ""


def days_of(rows: Sequence[Row], field: str) -> list[str]:
    """Give the dates of a column, without words for what is not booked yet."""
    found = (row.text(field) for row in rows)
    return [cell for cell in found if folded(cell) not in {"", *PENDING} and cell not in CODES]


def _is_remark(row: Row) -> bool:
    """Tell a row that has no date, or words alone in its place."""
    day = row.text("booked_on")
    return not day or (
        not day[:1].isdigit() and not any(row.text(field) for field in row.cells if field != "booked_on")
    )


def _detailed(row: Row, detail: Row) -> Row:
    """Put what a row says of one payment in a batch to the row of the batch."""
    said = [detail.text(field) for field in ("counterparty", *TEXTS, "reference", "detail_amount")]
    before = row.cells.get(DETAILS, "")
    if len(before) > RAW_LIMIT:
        return row
    told = " ".join(text for text in dict.fromkeys([before, *said]) if text)
    return msgspec.structs.replace(row, cells={**row.cells, DETAILS: told[:RAW_LIMIT]})
