"""Invoices from a table, as book-keeping programs export them and people keep them: one row, one invoice.

Columns are known by their names, corrected by what stands in them (`sums`); each row is read by itself (`rows`). Here
the table is held together: totals below it, rows that repeat an invoice, and what is asked before it is believed.

Reminders follow from what is read, so whatever is not understood is an error, or asked each time. Programs that export
items repeat the totals of their invoice in each row: such rows are one invoice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.connectors import doubts, tables
from mainstay.connectors.cells import tells_date_format, tells_decimal
from mainstay.connectors.currencies import sums_of
from mainstay.connectors.doubts import shown
from mainstay.connectors.invoices import states as known
from mainstay.connectors.invoices import sums
from mainstay.connectors.invoices.columns import NEEDS, VOCABULARY, InvoiceColumns
from mainstay.connectors.invoices.forms import EMAIL
from mainstay.connectors.invoices.papers import NAMES_SHOWN, Draft, FileRead, listed, number_key, one_doubt
from mainstay.connectors.invoices.rows import CORRECT, and_more, read_rows
from mainstay.connectors.invoices.sums import SECTION, TELLERS, Form
from mainstay.connectors.invoices.terms import percent_of
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.tables import Cells, Row, Table
from mainstay.records import Doubt, Layout
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.connectors.invoices.document import Document
    from mainstay.connectors.source import Source

_NOT_OWED = "If not, export the list without them, or correct the file, and start again."
_LIST = "Export the list of invoices, not of items."
_KINDS = known.INVOICE | known.CREDIT_NOTE | known.OTHER_PAPER
_STATES = known.UNPAID | known.PARTLY | known.PAID | known.VOID
# Titles, above a table and between its rows.
_SETTLED = re.compile(
    r"\b(paid|settled|closed|cancel|void|draft|bezahlt|beglichen|ausgeglichen|erledigt|storn|entw|pay[ée]|r[ée]gl[ée]|"
    r"sold[ée]|acquitt|annul|betaald|voldaan|pagad|cobrad|liquidad|pagat|incassat|saldat|opłacon|zapłacon|rozliczon|"
    r"betald|betalt|maksettu|uhrazen|zaplacen)"
)
_DENIED = re.compile(r"\b(not|nicht|non|no|niet|não|ej|inte|ikke|nie|ei)\b")
_RECEIVED = re.compile(
    r"eingangsrechnung|kreditor|lieferant|\bsuppliers?\b|\bvendors?\b|purchase|payables?\b|\bbills\b|fournisseur|"
    r"factures? d.achat|inkoop|leverancier|proveedor|recibidas|compras|fornitor|passive|acquist|fornecedor|"
    r"zakup|leverantör|leverandør|ostolasku|přijat"
)


class Hints(msgspec.Struct, frozen=True):
    """What is known of how tables are written: by mainstay.toml, and by what was confirmed before."""

    columns: InvoiceColumns = InvoiceColumns()
    layouts: tuple[Layout, ...] = ()
    currency: str = ""  # of tables that name none


class _Remarks(NamedTuple):
    """What is said of a table, in sentences."""

    assumed: list[str]  # asked together with its columns
    strange: list[str]  # asked each time
    noted: list[str]


def read(source: Source, hints: Hints) -> FileRead:
    """Read a table, of text or of a workbook.

    Raises FileError with line and column, and what to do next; then nothing of the file is used.
    """
    layout = _layout(hints)
    table = tables.read_table(source, layout)
    form = sums.find_form(source, table, _settings(hints.columns, table), hints.currency)
    sums.refuse_net(source, table, form, hints.currency)
    _refuse_settled(source, table)
    rows, rest = _parted(table)
    read, left_out = read_rows(source, table, rows, form)
    drafts = [draft for _, draft in read]
    if not left_out:
        _check_totals(source, table, rest, drafts, form)
    kept, repeated = _without_repeated(source, table, read)
    try:
        sums_of(draft.document.invoice.amount for draft in kept)
    except UnreadableError as error:
        raise source.error(str(error), remedy=CORRECT) from error
    remarks = _remarks(source, table, rows, read, form)
    notes = [*([table.note] if table.note else []), *remarks.assumed, *remarks.strange, *remarks.noted, *repeated]
    if len(rows) < len(table.rows):
        notes.append(f"Rows that are no invoices (totals, remarks), left out: {len(table.rows) - len(rows)}.")
    guessed = not layout.named and table.remembered is None
    asked = [_doubt(source, table, form, kept, hints.columns, remarks)] if guessed and kept else []
    if not guessed and remarks.strange:
        headline = f"{source.name}: are these invoices that customers owe you?"
        asked = one_doubt("guess", headline, remarks.strange, source.name, _NOT_OWED)
    return FileRead(
        source.name, "CSV" if table.delimiter else "XLSX", tuple(kept), tuple(notes), tuple(asked), left_out
    )


def _layout(hints: Hints) -> tables.Layout:
    fields = msgspec.structs.asdict(hints.columns)
    named = {field: header for field in VOCABULARY if (header := fields[field])}

    def refine(header: Sequence[str], columns: dict[str, int], rows: Sequence[Sequence[str]]) -> dict[str, int]:
        return sums.refine(header, columns, rows, hints.currency)

    return tables.Layout(
        VOCABULARY,
        NEEDS,
        SECTION,
        named,
        hints.columns.delimiter,
        hints.columns.encoding,
        remembered=hints.layouts,
        refine=refine,
    )


def _settings(columns: InvoiceColumns, table: Table) -> InvoiceColumns:
    """Take what was confirmed of how cells are written, where mainstay.toml says nothing."""
    some = ("decimal", "date_format", "currency_code")
    return msgspec.structs.replace(
        columns, **{name: getattr(columns, name) or table.confirmed.get(name, "") for name in some}
    )


# --- which rows are invoices --------------------------------------------------------------------------------------


def _refuse_settled(source: Source, table: Table) -> None:
    """Refuse a list in which a title, and no column, parts the invoices that are paid from those that are open."""
    if {*TELLERS} & set(table.headers):
        return
    last = max((row.line for row in table.rows if _is_invoice(row)), default=0)
    for row in table.rows:
        said = _alone(row)
        if said and row.line < last and _is_settled(said):
            what = f"below {shown(said)!r} stand invoices, and no column says what is open of them"
            remedy = (
                "Export the list with the amounts that are still open, or delete the rows that are paid, and this one."
            )
            raise source.error(what, line=row.line, remedy=remedy)


def _is_settled(title: str) -> bool:
    plain = title.casefold()
    return bool(_SETTLED.search(plain)) and not _DENIED.search(plain)


def _alone(row: Row) -> str:
    """Give the text of a row that has but one, and not a total's, "" for others."""
    said = [cell for cell in map(str.strip, row.raw.split("|")) if cell]
    return said[0] if len(said) == 1 and not _is_total(said[0]) else ""


def _is_invoice(row: Row) -> bool:
    """Tell invoices from totals and remarks: a row of an invoice names it, or its customer, or a day."""
    named = [text for field in ("number", "customer", "issued_on", "due_on") if (text := row.text(field))]
    return bool(named) and not (len(named) == 1 and _is_total(named[0]))


def _parted(table: Table) -> tuple[list[Row], list[Row]]:
    """Part invoices from the rest: totals, and remarks of one cell, which have no figures or stand below a total."""
    rows: list[Row] = []
    rest: list[Row] = []
    below_total = False
    for row in table.rows:
        said = row.raw.replace("|", " ").strip()
        alone = said in row.cells.values() and (below_total or not any(map(str.isdigit, said)))
        (rows if _is_invoice(row) and not alone else rest).append(row)
        below_total = below_total or (any(map(_is_total, row.raw.split("|"))) and not _is_invoice(row))
    return rows, rest


def _is_total(text: str) -> bool:
    return text.casefold().strip(" :.=*") in known.TOTAL


# --- the table as a whole -----------------------------------------------------------------------------------------


def _check_totals(source: Source, table: Table, rest: Sequence[Row], drafts: Sequence[Draft], form: Form) -> None:
    """Hold a row of totals against the invoices above it, where all are in one currency."""
    currencies = {draft.document.invoice.amount.currency for draft in drafts}
    field = next((field for field in ("amount", "open") if field in table.headers), "")
    last = [row for row in rest if row.text(field) and any(map(_is_total, row.raw.split("|")))][-1:]
    if not last or len(currencies) != 1 or form.amount_is_net:
        return
    currency = currencies.pop()
    cells = Cells(source, table, last[0], CORRECT)
    said = cells.take(field, lambda cell: sums.money_in(cell, form, currency))
    signed = [(_signed(draft, field), draft.left_out) for draft in drafts if draft.document.line < last[0].line]
    everything, counted = sum(minor for minor, _ in signed), sum(minor for minor, reason in signed if not reason)
    if said.minor not in {everything, counted}:
        what = f"the total is {said}, but the invoices above it add up to {Money(counted, currency)}"
        remedy = "Invoices are missing or altered: export the list again. If the total means another thing, delete it."
        raise source.error(what, line=last[0].line, column=table.headers[field], remedy=remedy)


def _signed(draft: Draft, field: str) -> int:
    invoice = draft.document.invoice
    minor = (invoice.amount if field == "amount" else invoice.open).minor
    return -minor if draft.document.kind == "credit_note" else minor


def _without_repeated(source: Source, table: Table, read: Sequence[tuple[Row, Draft]]) -> tuple[list[Draft], list[str]]:
    """Take rows that repeat an invoice with the same totals for one; refuse a number that stands for two.

    Rows of items may have the same amount each: only one that says it is the invoice's total is taken once.
    """
    first: dict[tuple[str, str], Draft] = {}
    more: defaultdict[str, int] = defaultdict(int)
    column = table.headers.get("amount", "")
    of_items = "item" in table.headers and bool(column) and not sums.is_sum(column)
    for row, draft in read:
        document = draft.document
        number = document.invoice.number
        kept = first.setdefault((document.kind, number_key(number)), draft)
        if kept is draft:
            continue
        if _same(kept, draft) and not of_items:
            more[kept.document.invoice.number] += 1
            continue
        other = f"and {column!r} may be of its items" if of_items else "with other content"
        what = f"the invoice number {number!r} stands already in line {kept.document.line}, {other}"
        remedy = _LIST if "item" in table.headers else "Give each invoice once, with what is open of it."
        raise source.error(what, line=row.line, column=table.headers["number"], remedy=remedy)
    if not more:
        return list(first.values()), []
    return list(first.values()), [
        f"Invoices in several rows with the same total, taken once: {len(more)} ({listed(more)})."
    ]


def _same(one: Draft, other: Draft) -> bool:
    invoice = msgspec.structs.replace(other.document.invoice, number=one.document.invoice.number)
    return msgspec.structs.replace(other.document, line=one.document.line, invoice=invoice) == one.document


# --- what is asked and said ---------------------------------------------------------------------------------------


def _remarks(
    source: Source, table: Table, rows: Sequence[Row], read: Sequence[tuple[Row, Draft]], form: Form
) -> _Remarks:
    """Say what was taken for something, what is out of the ordinary, and which invoices get no mail."""
    headers = table.headers
    untold = not {*TELLERS} & set(headers)
    assumed = ["No column tells what is open, so every invoice counts as open."] * untold
    if "paid_on" in headers and not {"open", "paid"} & set(headers):
        assumed.append(f"An invoice with a day in {headers['paid_on']!r} counts as paid.")
    assumed += filter(None, [sums.tax_included(table, form)])
    if table.delimiter and not source.content.rstrip(b"\0").endswith((b"\n", b"\r")):
        assumed.append("The last row has no line end; if the file was cut off, export it again.")
    noted: list[str] = []
    if "tax" in headers and not form.has_tax:
        noted.append(f"The column {headers['tax']!r} holds no amounts of tax, so it is not read.")
    if "discount_percent" in headers and not {"discount_days", "discount_until", "terms_days"} & set(headers):
        noted.append("No column says until when a discount may be taken, so none is.")
    bad = [(row.line, cell) for row in rows if (cell := row.text("email")) and not EMAIL.fullmatch(cell)]
    told = [f"Line {line}: {cell[:60]!r} is not one e-mail address, so no mail goes there." for line, cell in bad]
    noted += told[:NAMES_SHOWN] + and_more(len(told))
    return _Remarks(assumed, _oddities(table, read, form, untold=untold), noted)


def _oddities(table: Table, read: Sequence[tuple[Row, Draft]], form: Form, *, untold: bool) -> list[str]:
    """Say what may make invoices of this file no debts to the owner, or not yet."""
    said: list[str] = []
    titles = [" ".join(cell for cell in map(str.strip, cells) if cell) for _, cells in table.beside]
    received = [title for title in titles if _RECEIVED.search(title.casefold())]
    if received:
        said.append(f"Above the table stands {shown(received[0])!r}: these may be invoices you received.")
    settled = [title for title in titles if untold and _is_settled(title)]
    if settled:
        said.append(f"Above the table stands {shown(settled[0])!r}: these may be paid already.")
    kinds = {kind.casefold(): kind for row, _ in read if (kind := row.text("kind"))}
    strange = [repr(shown(kind)) for folded, kind in kinds.items() if folded not in _KINDS]
    if strange:
        said.append(f"Of a kind that is not known, taken for invoices: {listed(strange)}.")
    opened = [(row, draft.document.invoice) for row, draft in read if not draft.left_out]
    states = (
        {row.text("state") for row, one in opened if one.open.minor} if {"open", "paid"} & set(table.headers) else ()
    )
    other = [repr(shown(state)) for state in sorted(states) if state and state.casefold() not in _STATES]
    if other and not form.states_paid:
        said.append(f"Of a state that is not known, taken for open as their amounts say: {listed(other)}.")
    early = dict.fromkeys(one.number for _, one in opened if one.due_on < one.issued_on)
    if early:
        said.append(f"Due before they were issued: {listed(map(shown, early))}.")
    return said


def _doubt(
    source: Source, table: Table, form: Form, drafts: Sequence[Draft], said: InvoiceColumns, remarks: _Remarks
) -> Doubt:
    """Ask whether the columns were guessed rightly. What the file itself proves is remembered with them."""
    proven, assumed = dict(table.headers), dict[str, str]()
    sure = bool(said.decimal) or tells_decimal(sums.amounts(table))
    (proven if sure else assumed)["decimal"] = form.decimal
    sure = bool(said.date_format) or tells_date_format(sums.days(table))
    (proven if sure else assumed)["date_format"] = form.date_format
    settings: Mapping[str, str] = {"delimiter": table.delimiter, "currency_code": said.currency_code}
    proven |= {key: value for key, value in settings.items() if value}
    if form.currency and not said.currency_code and "currency" not in table.headers:
        assumed["currency_code"] = form.currency
    sample = [_shown(draft.document) for draft in drafts[: doubts.SAMPLE_ROWS]]
    asked = [*table.remarks, *remarks.assumed, *remarks.strange]
    return doubts.doubt(source, table.header, SECTION, proven, sample, assumed, asked)


def _shown(document: Document) -> str:
    one = document.invoice
    credit = document.kind == "credit_note"
    row = doubts.shown_row(one.issued_on, -one.open if credit else one.open, "", one.number)
    less = "".join(f", {percent_of(discount)} less until {discount.until_on}" for discount in one.discounts)
    return f"{row}, {shown(one.customer)}, {'a credit note' if credit else f'due {one.due_on}{less}'}"
