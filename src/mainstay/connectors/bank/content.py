"""What the cells of a bank's table tell of its columns, where headers do not: signs, own accounts, whole tables.

A table without a header is read by its content alone: a column of dates, a column of amounts, and where two columns
hold amounts, the one that adds the other up is the balance. What can't be told is not guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from mainstay.connectors.bank.columns import VOCABULARY
from mainstay.connectors.bank.words import CLOSING, CREDIT, DEBIT, ENDS, OPENING, TOTALS, folded
from mainstay.connectors.cells import guess_date_format, guess_decimal, plain_number
from mainstay.connectors.currencies import CODES
from mainstay.connectors.source import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstay.connectors.tables import Table

_LONGEST = 60  # characters of such words, with what stands around them
_DIGIT = re.compile("[0-9]")
_SIGN_HEADERS = frozenset("type,transaction type,details,typ,kind,d c,sign,vorzeichen,kennzeichen,s h,cr dr".split(","))
_OWN_HEADERS = frozenset(
    "iban,account number,kontonummer,konto,konto nr,numero de compte,rekeningnummer,tilinumero,numer konta".split(",")
)
_PAYERS = frozenset(
    "payer name,payer,zahlungspflichtige r,zahlungspflichtiger,auftraggeber,donneur d ordre,ordenante,ordinante,"
    "avsandare,maksaja".split(",")
)
_PAYEES = frozenset(
    "payee name,payee,zahlungsempfanger in,zahlungsempfanger,empfanger,begunstigter,beguenstigter,beneficiary,"
    "beneficiary name,destinataire,beneficiaire,beneficiario,mottagare,maksunsaaja,saaja".split(",")
)
_SORT_CODES = frozenset({"sort code", "sortcode", "clearingnummer", "routing number"})
_PRODUCTS = frozenset({"product", "produkt"})
_ACCOUNT = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9 ]{8,32}|[0-9][0-9 ./-]{5,30}")
_ROWS = 3  # that a guess from content alone needs at least
_VAGUE = frozenset("label,details,detail,memo,notes,note,reference,subject,text,comment".split(","))
_KINDS = frozenset({"buchungstext", "vorgang"})  # where the purpose stands apart, they name a kind of movement


def states_end(cell: str) -> bool:
    """Tell whether a cell says nothing but that this is the opening or closing balance."""
    return 0 < len(cell) < _LONGEST and not _DIGIT.search(cell) and folded(cell) in ENDS


def tells_balance(cell: str) -> bool:
    """Tell whether a cell begins with the words a balance or a total is stated with."""
    plain = folded(cell[:120])
    return any(f"{plain} ".startswith(f"{word} ") for word in (*OPENING, *CLOSING, *TOTALS)) or any(
        word in plain for word in (*OPENING, *CLOSING)
    )


# --- better columns where there is a header -----------------------------------------------------------------------


def refined(header: Sequence[str], columns: dict[str, int], rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """Better the columns that headers told by what stands in them."""
    plain = [folded(cell) for cell in header]
    better = dict(columns)
    _take_currency(plain, better, rows)
    _take_sign(plain, better, rows)
    _take_parties(plain, better)
    _take_names(plain, better, rows)
    _take_text(plain, better)
    return better


def _take_currency(plain: Sequence[str], columns: dict[str, int], rows: Sequence[Sequence[str]]) -> None:
    """Take "Valuta" for what it holds: in German the value date, in Dutch and Swedish the currency."""
    column = columns.get("value_on", -1)
    cells = _column(rows, column) if column >= 0 else []
    if not cells or "currency" in columns or not all(cell.strip() in CODES for cell in cells):
        return
    columns["currency"] = columns.pop("value_on")
    names = {name for some in VOCABULARY["value_on"].values() for name in some}
    other = next((n for n, name in enumerate(plain) if name in names and n not in columns.values()), None)
    if other is not None:
        columns["value_on"] = other


def _take_sign(plain: Sequence[str], columns: dict[str, int], rows: Sequence[Sequence[str]]) -> None:
    """Find a column that says credit or debit in every row: one without a header, or with a vague one."""
    if "direction" in columns or "amount" not in columns:
        return
    for column, name in enumerate(plain):
        words = {_sign(cell) for cell in _column(rows, column)}
        holders = [field for field, held in columns.items() if held == column]
        vague = not name or name in _SIGN_HEADERS
        if words and words <= CREDIT | DEBIT and vague and {*holders} <= {"text", "text_2", "text_3", "movement"}:
            for field in holders:
                del columns[field]
            columns["direction"] = column
            return


def _sign(cell: str) -> str:
    return cell.strip().casefold()


def _take_parties(plain: Sequence[str], columns: dict[str, int]) -> None:
    """Where payer and payee stand apart, take both in place of one."""
    payer, payee = (next((n for n, name in enumerate(plain) if name in some), None) for some in (_PAYERS, _PAYEES))
    held = columns.get("counterparty")
    if payer is not None and payee is None and held in {None, payer}:
        columns.pop("counterparty", None)  # of what goes out, the payer is the owner
        columns["payer"] = payer
        return
    if payer is None or payee is None or held not in {None, payer, payee}:
        columns.pop("payer", None)
        columns.pop("payee", None)
        return
    columns.pop("counterparty", None)
    columns.update(payer=payer, payee=payee)


def _take_text(plain: Sequence[str], columns: dict[str, int]) -> None:
    """Take for the text what is surely one, in the language of the other columns, before what may be a remark."""
    held = columns.get("text", -1)
    if held < 0:
        return
    used = {column for field, column in columns.items() if field not in {"text", "text_2", "text_3", "movement"}}
    tongues = Counter(
        tongue
        for field, column in columns.items()
        if field not in {"text", "text_2", "text_3"}
        for tongue, names in VOCABULARY[field].items()
        if plain[column] in names
    )
    ranked = [
        (plain[held] not in _VAGUE or name not in _VAGUE, tongues[tongue], -order, column)
        for order, (tongue, name) in enumerate((t, n) for t, names in VOCABULARY["text"].items() for n in names)
        for column, header in enumerate(plain)
        if header == name and column not in used and (column == held or name not in _VAGUE)
    ]
    best = max(ranked)[-1] if plain[held] in _VAGUE and ranked else held
    if best != held:
        for field in [field for field, column in columns.items() if column == best]:
            del columns[field]
        columns["text"] = best
        if plain[held] != "label":
            columns[next((field for field in ("text_2", "text_3") if field not in columns), "text_3")] = held
    _take_kind(plain, columns)


def _take_kind(plain: Sequence[str], columns: dict[str, int]) -> None:
    """Where the purpose stands apart, a booking text beside it names the kind of movement, and is no text."""
    if "verwendungszweck" not in plain[columns["text"]]:
        return
    for field in ("text_2", "text_3"):
        if field in columns and plain[columns[field]] in _KINDS:
            columns["movement"] = columns.pop(field)


def _take_names(plain: Sequence[str], columns: dict[str, int], rows: Sequence[Sequence[str]]) -> None:
    """Where the counterparty's column holds account numbers, and another the names, put each in its place."""
    column = columns.get("counterparty", -1)
    cells = [cell.strip() for cell in _column(rows, column)] if column >= 0 else []
    other = next((n for n, name in enumerate(plain) if name in {"name", "naam"} and n != column), None)
    if cells and other is not None and all(_ACCOUNT.fullmatch(cell.upper()) for cell in cells):
        columns.update(counterparty=other, iban=column)


# --- whose account a column tells ---------------------------------------------------------------------------------


def with_own_account(table: Table, beside: str) -> tuple[Table, str]:
    """Tell whether a column of accounts that is called no more than so is the owner's; `beside` is named around it.

    Where the same account stands in all rows, it is the owner's: unless another is named beside the table, or all
    rows name the same other party. Then it can't be told, it is left out, and what is to be asked is given.
    """
    header = table.headers.get("iban", "")
    held = table.headers.get("account", "")
    if folded(header) not in _OWN_HEADERS or (held and folded(held) not in _PRODUCTS):
        return table, ""
    accounts = {re.sub(r"[\s']", "", row.text("iban")).upper() for row in table.rows}
    is_sorted = any(folded(cell) in _SORT_CODES for cell in table.header)
    if not is_sorted and (len(accounts) != 1 or "" in accounts or (beside and beside not in accounts)):
        return table, ""
    names = {row.text(field) for row in table.rows for field in ("counterparty", "payer", "payee")} - {""}
    if beside in accounts or is_sorted or not names or len(names) > 1:
        return _renamed(table, {"iban": "account"}), ""
    remark = (
        f"The column {header!r} holds one account, and nothing tells whether it is yours or theirs, so it is left out:"
        f' name the columns, and say iban = "{header}" if it is theirs, account = "{header}" if it is yours.'
        " Your yes counts for this file alone and is not remembered, as the column would stay left out of the next ones"
        " too; once the columns are named in mainstay.toml you are not asked again."
    )
    return _renamed(table, {"iban": ""}), remark


def _renamed(table: Table, names: Mapping[str, str]) -> Table:
    """Give a table with other names for some fields, in place of those that have them; without those called ""."""

    def renamed(cells: Mapping[str, str]) -> dict[str, str]:
        kept = {field: cell for field, cell in cells.items() if field not in {*names, *names.values()}}
        return kept | {new: cells[old] for old, new in names.items() if new and old in cells}

    rows = tuple(structs.replace(row, cells=renamed(row.cells)) for row in table.rows)
    return structs.replace(table, headers=renamed(table.headers), rows=rows)


def _column(rows: Sequence[Sequence[str]], column: int) -> list[str]:
    """Give the filled cells of a column."""
    return [row[column] for row in rows if column < len(row) and row[column].strip()]


# --- a table without a header -------------------------------------------------------------------------------------


class _Numbers(NamedTuple):
    """A column in which every cell is an amount, in units of its smallest digit."""

    column: int
    values: list[int]
    signed: bool


def guessed(rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """Guess the columns of a table without a header; nothing where it can't be told."""
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    width = max(map(len, rows), default=0)
    if len(rows) < _ROWS or any(len(row) != width for row in rows):
        return {}
    columns = [[row[n].strip() for row in rows] for n in range(width)]
    dates = [n for n, cells in enumerate(columns) if _are_dates(cells)]
    numbers = [one for n, cells in enumerate(columns) if n not in dates and (one := _as_numbers(n, cells))]
    amounts = _amount_and_balance(numbers)
    if not dates or not amounts:
        return {}
    found = {"booked_on": dates[0], **amounts}
    taken = {*dates, *amounts.values()}
    for n, cells in enumerate(columns):
        if n not in taken and all(cell.upper() in CODES for cell in cells):
            found.setdefault("currency", n)
            taken.add(n)
    texts = [n for n in range(width) if n not in taken and _is_text(columns[n])]
    if texts:
        found["text"] = max(texts, key=lambda n: sum(map(len, columns[n])))
    return found


def _are_dates(cells: Sequence[str]) -> bool:
    if not all(re.search("[0-9]", cell) for cell in cells):
        return False
    try:
        guess_date_format(cells, day_first=True)
    except UnreadableError:
        return False
    return all(cell for cell in cells)


def _as_numbers(column: int, cells: Sequence[str]) -> _Numbers | None:
    """Read a column as amounts: each a number with decimals."""
    if not all(re.search(r"[.,][0-9]{2}(?![0-9])", cell) for cell in cells):
        return None
    try:
        mark = guess_decimal(cells)
        plain = [plain_number(cell, mark, "EUR") for cell in cells]
    except UnreadableError:
        return None
    if any(len(number.partition(".")[2]) != 2 for number in plain):  # noqa: PLR2004 - cents
        return None
    values = [int(number.replace(".", "")) for number in plain]
    return _Numbers(column, values, any(value < 0 for value in values))


def _amount_and_balance(numbers: Sequence[_Numbers]) -> dict[str, int]:
    """Tell amounts from balances: one column of numbers with signs, or two of which one adds up the other."""
    pairs = [
        {"amount": amount.column, "balance": balance.column}
        for amount in numbers
        for balance in numbers
        if amount is not balance and (_adds_up(amount.values, balance.values))
    ]
    if len(pairs) == 1:
        return pairs[0]
    if len(numbers) == 1 and numbers[0].signed:
        return {"amount": numbers[0].column}
    return {}


def _adds_up(amounts: Sequence[int], balances: Sequence[int]) -> bool:
    down = all(new - old == amount for (old, new), amount in zip(pairwise(balances), amounts[1:], strict=True))
    up = all(old - new == amount for (old, new), amount in zip(pairwise(balances), amounts, strict=False))
    return any(amounts) and (down or up)


def _is_text(cells: Iterable[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return any(re.search(r"[^\W\d_]{3}", cell) for cell in filled)
