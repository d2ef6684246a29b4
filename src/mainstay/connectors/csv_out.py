"""CSV that a spreadsheet shows instead of running it."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

Cell: TypeAlias = "str | int | float | Decimal | None"

# What makes a spreadsheet read a cell as a formula, in the forms some of them fold together.
_FORMULA_STARTS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_CONTROL_STARTS = frozenset("\t\r\n")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Write rows as CSV: commas, CRLF, every text quoted, nothing a spreadsheet would calculate.

    A text that would start a formula gets an apostrophe before it; numbers stay numbers, also negative ones.
    """
    page = io.StringIO(newline="")
    writer = csv.writer(page, quoting=csv.QUOTE_NONNUMERIC)
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
    return page.getvalue()


def _safe(cell: Cell) -> Cell:
    if cell is None:
        return ""
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}" if _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    return cell[:1] in _CONTROL_STARTS or cell.lstrip()[:1] in _FORMULA_STARTS
