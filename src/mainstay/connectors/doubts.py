"""What was guessed of a table, asked in the owner's words, and remembered by the table's header row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.cells import format_shown
from mainstay.records import Doubt, Layout
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    from mainstay.connectors.source import Source
    from mainstay.values import Money

DELIMITERS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
SAMPLE_ROWS = 3  # shown when the columns are to be confirmed
NAMES_SHOWN = 20  # of the columns a file has
SHOWN = 70  # characters of a cell
# Fields in the operator's words; the rest is called as in mainstay.toml.
PLAIN = {
    "booked_on": "booking date",
    "value_on": "value date",
    "credit": "money in",
    "debit": "money out",
    "direction": "in or out",
    "account": "your account",
    "iban": "their account",
    "counterparty": "who paid, or was paid",
    "payer": "who paid",
    "payee": "who was paid",
    "text": "what they wrote",
    "text_2": "what they wrote, too",
    "text_3": "what they wrote, too",
    "status": "booked or not yet",
    "started_on": "date of what is not booked yet",
    "original_amount": "amount in another currency",
    "original_currency": "that currency",
    "bank_id": "the bank's number",
    "movement": "kind of movement",
    "detail_amount": "amount of one in a batch",
    "balance": "balance after it",
    "number": "invoice number",
    "customer_id": "customer number",
    "email": "e-mail address",
    "open": "still open",
    "issued_on": "invoice date",
    "due_on": "due date",
    "state": "paid or not",
    "paid": "paid of it",
    "paid_on": "day it was paid",
    "side": "debit or credit",
    "discount_percent": "discount for early payment",
    "discount_days": "days for the discount",
    "discount_until": "until when the discount holds",
    "net": "without tax",
    "terms_days": "days to pay",
    "kind": "invoice or credit note",
    "of": "the invoice it takes back",
    "item": "what was sold",
    "adjustment": "what else is in the total",
}
_SETTINGS = {
    "date_format": "Dates are written {}",
    "decimal": "The decimal mark is a {}",
    "currency_code": "The currency is {}",
    "delimiter": "Columns are separated by {}",
    "encoding": "The text is {}",
    "own_account": "The account is {}",
    "signs": "{}",
}
_SIGNS = {
    "minus": "The column of money out writes its minus",
    "plain": "The column of money out writes no minus",
    "turned": "A card's charges stand there without a minus, so the signs are turned",
}


def layout_id(section: str, header: Iterable[str]) -> str:
    """Name a layout by its section of mainstay.toml and its header row; another order of columns is another layout."""
    cells = "\x1f".join(map(folded, header)).rstrip("\x1f ")
    return digest_of(b"layout", section.encode(), cells.encode())[:16]


def doubt(
    source: Source,
    header: Sequence[str],
    section: Literal["bank.columns", "invoices.columns"],
    columns: Mapping[str, str],
    sample: Sequence[str],
    assumed: Mapping[str, str] | None = None,
    remarks: Sequence[str] = (),
) -> Doubt:
    """Ask whether a table with this header row is read rightly. A yes makes a layout to be remembered of `columns`.

    `columns` is what the section takes, as it was read: field -> header, and delimiter, decimal, date_format,
    currency_code where the file proved them; `assumed` are those of the latter that it left open. `sample` are the
    first rows as they will be believed, one line each, as `shown_row` writes them.
    """
    fields = ", ".join(
        f"{PLAIN.get(field, field)} '{shown(name)}'" for field, name in columns.items() if field not in _SETTINGS
    )
    settings = [
        f"{_SETTINGS[key].format(_setting_shown(key, value))}{ending}"
        for some, ending in ((columns, "."), (assumed or {}, ", as far as the file tells."))
        for key, value in some.items()
        if key in _SETTINGS
    ]
    body = "\n".join([*sample[:SAMPLE_ROWS], f"The columns: {fields}.", " ".join([*settings, *remarks])])
    left = [shown(cell) for cell in header if cell.strip() and cell.strip() not in columns.values()]
    toml = [f"{key} = {quoted(value)}" for key, value in {**columns, **(assumed or {})}.items()]
    remedy = [
        f"If it is not so, write in your workspace's mainstay.toml, and correct, what stands under [{section}]:",
        f"[{section}]",
        *toml,
        f"# The file has these columns too: {', '.join(left[:NAMES_SHOWN])}" if left else "# The file has no more.",
    ]
    ident = layout_id(section, header)
    return Doubt(
        id=digest_of(b"layout", source.name.encode(), ident.encode(), body.encode())[:16],
        kind="layout",
        file=source.name,
        headline=f"{source.name}: are its columns read rightly?",
        body=body,
        remedy="\n".join(remedy),
        layout=Layout(ident, section, dict(columns)),
    )


def shown_row(day: str, amount: Money, whom: str, text: str) -> str:
    """Write a row as it will be believed: 2026-04-03  +1,250.00 EUR  from Muster GmbH, 'RE-2041'."""
    sign, way = ("+", "from") if amount.minor > 0 else ("", "to")
    parts = [f"{way} {shown(whom)}"] * bool(whom) + [repr(shown(text))] * bool(text)
    return "  ".join(part for part in (day, f"{sign}{amount}", ", ".join(parts)) if part)


def shown(text: str) -> str:
    """Show a text of the file on one line: short, and without what steers a screen."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return plain if len(plain) <= SHOWN else f"{plain[: SHOWN - 3]}..."


def quoted(text: str) -> str:
    """Write a TOML string."""
    return msgspec.json.encode(text).decode()


def folded(header: str) -> str:
    """Fold a header to be compared: small letters, single spaces."""
    return " ".join(header.casefold().split())


def _setting_shown(key: str, value: str) -> str:
    if key == "date_format":
        return format_shown(value)
    names = {"delimiter": DELIMITERS, "decimal": {",": "comma", ".": "point"}, "signs": _SIGNS}
    return names.get(key, {}).get(value, shown(value))
