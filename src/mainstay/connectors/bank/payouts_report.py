"""What the readers of payment providers' reports share: the form of a report, its table, and its entries.

A form is known by headers that no other export has. Headers are compared whole and in small letters, because these
are written by programs, always alike; columns the owner added (metadata) are found by how their names begin or end.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from mainstay.connectors.cells import guess_date_format, guess_decimal, iso_day, plain_number
from mainstay.connectors.currencies import code_of, money_of
from mainstay.connectors.doubts import DELIMITERS
from mainstay.connectors.source import Source, UnreadableError
from mainstay.connectors.tables import Cells, Layout, Row, Table, decode, line_of, read_table, setting
from mainstay.records import Date
from mainstay.values import CURRENCY_DIGITS, Money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstay.errors import FileError

HEADER_LINES = 10  # lines a header is looked for in: these programs write it first
OWN_COLUMNS = 12  # of the owner's own (metadata) that are kept as references
OWN_CHARS = 80  # of one of them: longer ones are texts, no references

# "taken back" is money a customer's bank took back, "came back" money that went out and returned, "other" the rest.
Kind: TypeAlias = Literal["charge", "refund", "taken back", "came back", "fee", "payout", "failed payout", "other"]


class Entry(msgspec.Struct, frozen=True):
    """One transaction of the owner's account at a provider. `gross` less `fee` is what the account gains."""

    line: int  # of the file, from 1
    id: str
    day: Date
    kind: Kind
    gross: Money
    fee: Money  # what the provider kept; negative where it gave a fee back
    mark: str = ""  # what else than `id` all reports of the provider know it by
    payout: str = ""  # the id of the payout it is part of, or is
    arrives_on: Date = ""  # of that payout
    counterparty: str = ""
    iban: str = ""
    references: tuple[str, ...] = ()
    text: str = ""
    original: Money | None = None
    raw: str = ""


class Read(NamedTuple):
    """The entries of a report, what it says of payouts, and what the owner is to know."""

    entries: list[Entry]
    transfers: bool  # it lists the payouts themselves, so that their sums can be checked
    cut: bool  # it begins and ends at a day of transactions, so that the first payouts may lack some
    notes: list[str]
    balances: Mapping[str, Money] = {}  # by currency, what was left at the end where a running balance is right


class Form(NamedTuple):
    """A kind of report. `columns` maps a field to its headers in small letters, the best first."""

    name: str
    provider: str
    signs: tuple[frozenset[str], ...]  # all headers of one of these stand in its first row
    columns: Mapping[str, tuple[str, ...]]
    needs: tuple[str, ...]
    menu: str  # where the provider has the right export, in its words
    read: Callable[[Report], Read]


class Head(NamedTuple):
    """A header row as found."""

    names: list[str]
    delimiter: str
    line: int


class Report(msgspec.Struct, frozen=True):
    """A report's table, and how its cells are written."""

    source: Source
    form: Form
    table: Table
    own: tuple[str, ...]  # fields of the columns the owner added; the table has their headers
    decimal: str
    date_format: str

    def cells(self, row: Row) -> Cells:
        """Read a row cell by cell."""
        return Cells(self.source, self.table, row, f"Export it again: {self.form.menu}")

    def day(self, cell: str) -> Date:
        """Read a date, "" where the cell is empty."""
        return iso_day(cell, self.date_format) if cell else ""

    def money(self, cell: str, currency: str) -> Money:
        """Read an amount; an empty cell is nothing."""
        return money_of(plain_number(cell or "0", self.decimal, currency), currency)

    def own_values(self, row: Row) -> list[str]:
        """Give what the owner's own columns hold, as far as it may be a reference."""
        return [value for field in self.own if (value := row.text(field)) and len(value) <= OWN_CHARS]

    def own_value(self, row: Row, *names: str) -> str:
        """Give the first own value whose column has one of these names."""
        for field in self.own:
            if _own_name(fold(self.table.headers[field])) in names and row.text(field):
                return row.text(field)
        return ""

    def error(self, what: str, row: Row, column: str = "") -> FileError:
        """Word what is wrong in a row; the remedy says how to export it again."""
        header = self.table.headers.get(column, "")
        return self.source.error(what, line=row.line, column=header, remedy=f"Export it again: {self.form.menu}")

    def amounts(self, row: Row, currency: str, *, fee_negative: bool = False) -> tuple[Money, Money]:
        """Read gross and fee, which is what the provider kept, and hold them against the net.

        `fee_negative` says that the provider writes what it kept with a minus.

        Raises FileError when gross less fee is not the net: a fee with the wrong sign, or a number altered.
        """
        cells = self.cells(row)
        gross, fee, net = (
            cells.take(field, lambda cell: self.money(cell, currency)) for field in ("gross", "fee", "net")
        )
        fee = -fee if fee_negative else fee
        if not row.text("gross"):
            raise self.error("the row has no amount", row, "gross")
        off = gross - fee - net
        if off.minor:
            raise self.error(f"gross {gross} less fee {fee} is not the net {net}, it is off by {off}", row, "net")
        return gross, fee


def fold(header: str) -> str:
    """Fold a header to small letters and single spaces."""
    return " ".join(header.casefold().split())


def find_head(text: str) -> list[Head]:
    """Give the rows that may be the header: of each of the first lines, with the separator that parts it most."""
    heads: list[Head] = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines()[:HEADER_LINES], 1):
        best: list[str] = []
        delimiter = ","
        for mark in DELIMITERS:
            names = _split(line, mark)
            if len(names) > len(best):
                best, delimiter = names, mark
        heads.append(Head(best, delimiter, number))
    return heads


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(iter(csv.reader([line], delimiter=delimiter)))
    except (csv.Error, StopIteration):
        return []


def form_of(head: Head, forms: tuple[Form, ...]) -> Form | None:
    """Tell which form has such a header."""
    names = {fold(name) for name in head.names}
    return next((form for form in forms if any(signs <= names for signs in form.signs)), None)


def read_report(source: Source, form: Form, head: Head, date_format: str) -> Report:
    """Read the table of a report of a known form. `date_format` is taken where the dates leave it open.

    Raises FileError; where a needed column is missing, it says which export has it.
    """
    by_name = {fold(name): name.strip() for name in reversed(head.names)}
    named: dict[str, str] = {}
    for field, headers in form.columns.items():
        header = next((name for name in headers if name in by_name), "")
        if header:
            named[field] = by_name[header]
    missing = [field for field in form.needs if field not in named]
    if missing:
        names = ", ".join(repr(form.columns[field][0]) for field in missing)
        what = f"this looks like {form.name}, but it has no column {names}"
        raise source.error(what, line=head.line, remedy=f"Export it with these columns: {form.menu}")
    own = [name for folded, name in by_name.items() if _own_name(folded) and name not in named.values()]
    own.reverse()
    for number, name in enumerate(own[:OWN_COLUMNS]):
        named[f"own {number}"] = name
    layout = Layout({}, tuple((field,) for field in named), "bank.columns", named, head.delimiter)
    table = read_table(source, layout)
    if not table.rows:
        raise source.error("the report has no transactions", remedy=f"Export a period that has some: {form.menu}")
    decimal, dates = _decimal(source, form, table), _dates(source, form, table, date_format)
    return Report(source, form, table, tuple(field for field in named if field.startswith("own ")), decimal, dates)


def first_text(source: Source) -> str:
    """Decode a whole file, to look at its header; raises FileError."""
    return decode(source)[0]


def _own_name(folded: str) -> str:
    """Give the owner's name of a metadata column, "" for other columns."""
    if folded.endswith(" (metadata)"):
        return folded.removesuffix(" (metadata)")
    before, bracket, name = folded.partition("metadata[")
    return name.removesuffix("]") if bracket and before in {"", "payment_", "charge_", "invoice_", "customer_"} else ""


_AMOUNTS = ("gross", "fee", "net", "balance", "shown", "refunded", "disputed", "fee_tax")


def _decimal(source: Source, form: Form, table: Table) -> str:
    """Find the decimal mark of all amounts together."""
    try:
        return guess_decimal(cell for row in table.rows for name in _AMOUNTS if (cell := row.text(name)))
    except UnreadableError as error:
        if form.provider == "Stripe" and "other decimal mark" not in str(error):
            return "."  # three decimals of a dinar: its reports group no thousands
        digits = {CURRENCY_DIGITS.get(row.text("currency").upper(), 2) for row in table.rows}
        if digits == {0}:
            return "," if "." in error.text else "."  # in a currency without decimals, a mark parts thousands
        remedy = f"Export it again, without opening it in another program: {form.menu}"
        raise source.error(str(error), line=line_of(table.rows, error.text), remedy=remedy) from error


def _dates(source: Source, form: Form, table: Table, told: str) -> str:
    """Find the format of the dates: by the dates, else by the order of the rows, else as told in mainstay.toml."""
    days = [cell for row in table.rows if (cell := row.text("day"))]
    german = fold(table.headers["day"]) == "datum"
    try:
        return guess_date_format(days, day_first=german)
    except UnreadableError as error:
        both = [
            written for written in (_with_order(days, order) for order in ("dm", "md")) if _read_days(days, written)
        ]
        rising = [written for written in both if _rise(_read_days(days, written))]
        if told in both or len(rising) == 1:
            return told if told in both else rising[0]
        remedy = f"Export it again, with a day after the 12th: {form.menu} Or "
        remedy += setting("bank.columns", 'date_format = "%d/%m/%Y" (%d day, %m month, %Y year).')
        column, line = table.headers["day"], line_of(table.rows, error.text)
        raise source.error(str(error), line=line, column=column, remedy=remedy) from error


def _with_order(days: list[str], order: str) -> str:
    """Give the format of dates such as 03/04/2026 with days or months first."""
    first = days[0].partition(" ")[0] if days else ""
    year = "%Y" if re.search(r"[0-9]{4}$", first) else "%y"
    return ("/" if "/" in first else "-").join((*(f"%{part}" for part in order), year))


def _read_days(days: list[str], written: str) -> list[str]:
    """Read all days in a format; none where one is not in it."""
    try:
        return [iso_day(day, written) for day in days]
    except UnreadableError:
        return []


def _rise(days: list[str]) -> bool:
    """Tell whether days only rise or only fall."""
    return len(set(days)) > 1 and (days == sorted(days) or days == sorted(days, reverse=True))


def currency_of(cells: Cells) -> str:
    """Read the currency of a row."""
    return cells.take("currency", code_of)


def once(source: Source, entries: list[Entry], menu: str) -> tuple[list[Entry], list[str]]:
    """Keep a transaction that stands twice once; raises FileError when the two differ."""
    seen: dict[tuple[str, str], Entry] = {}  # both sides of an exchange may have one id
    kept: list[Entry] = []
    for entry in entries:
        key = entry.id, entry.gross.currency
        before = seen.get(key)
        if before is None or not entry.id:
            seen[key] = entry
            kept.append(entry)
        elif msgspec.structs.replace(before, line=0, raw="") != msgspec.structs.replace(entry, line=0, raw=""):
            what = f"the transaction {entry.id[:60]} stands here again, but not as before"
            what += f" in line {before.line}" * bool(before.line)
            raise source.error(what, line=entry.line, remedy=f"Export it again: {menu}")
    twice = len(entries) - len(kept)
    return kept, [f"What stood twice is kept once ({twice})."] * bool(twice)
