"""Open invoices from a table, as any book-keeping program exports it.

What is open is what the column of open amounts says. Without one, a column of states tells paid from unpaid; without
that, every invoice counts as open. Reminders follow from this, so a state that is not understood is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.connectors.cells import guess_date_format, guess_decimal, iso_day, plain_number
from mainstay.connectors.currencies import code_of, money_of, sums_of
from mainstay.connectors.source import Source, UnreadableError
from mainstay.connectors.tables import (
    Cells,
    Layout,
    Row,
    Table,
    Vocabulary,
    currency_beside,
    currency_in,
    currency_named,
    line_of,
    read_table,
    setting,
    words,
)
from mainstay.contracts import Operation, to_plain
from mainstay.errors import FileError
from mainstay.records import File, Invoice
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# Order matters: a column is used once, and goes to the first field that knows its header.
VOCABULARY: Vocabulary = {
    "number": words(
        en="invoice number,invoice no,invoice,number,no,invoice id",
        de="rechnungsnummer,rechnungsnr,rechnung nr,belegnummer,rechnung,nummer",
        fr="numero de facture,no de facture,n de facture,facture,numero",
        nl="factuurnummer,factuurnr,factuur,nummer",
    ),
    "customer_id": words(
        en="customer number,customer id,client id",
        de="kundennummer,kundennr,kunden nr",
        fr="numero de client,numero client,code client",
        nl="klantnummer,debiteurnummer,klantnr",
    ),
    "customer": words(
        en="customer,customer name,client,client name,name,company",
        de="kunde,kundenname,name,firma,debitor",
        fr="client,nom du client,nom,raison sociale",
        nl="klant,klantnaam,debiteur,naam",
    ),
    "email": words(
        en="email,e mail,mail,email address,customer email",
        de="e mail adresse,email adresse",
        fr="courriel,adresse e mail,adresse email",
        nl="e mailadres,emailadres",
    ),
    "open": words(
        en="open,outstanding,open amount,amount due,balance due,balance,outstanding amount,amount outstanding",
        de="offen,offener betrag,restbetrag,offene summe,saldo",
        fr="restant du,reste a payer,solde,montant du",
        nl="openstaand,openstaand bedrag,nog te betalen,restbedrag",
    ),
    "amount": words(
        en="amount,total,total amount,invoice amount,gross,gross amount,invoice total",
        de="betrag,bruttobetrag,rechnungsbetrag,gesamtbetrag,summe,brutto",
        fr="montant,montant ttc,total ttc,total",
        nl="bedrag,totaal,factuurbedrag,totaalbedrag,bedrag incl btw",
    ),
    "currency": words(en="currency,ccy,currency code", de="wahrung,waehrung", fr="devise,monnaie", nl="valuta,munt"),
    "issued_on": words(
        en="issued,invoice date,issue date,date,issued on,date issued",
        de="rechnungsdatum,belegdatum,datum,ausgestellt am",
        fr="date de facture,date facture,date d emission,emise le",
        nl="factuurdatum,datum",
    ),
    "due_on": words(
        en="due,due date,due on,payment due",
        de="fallig,fallig am,falligkeit,falligkeitsdatum,faellig,faellig am,faelligkeit,faelligkeitsdatum,zahlbar bis",
        fr="echeance,date d echeance,date echeance",
        nl="vervaldatum,vervalt op,uiterste betaaldatum",
    ),
    "iban": words(en="iban,customer iban,bank account", de="kontonummer", fr="compte bancaire", nl="rekeningnummer"),
    "reference": words(
        en="reference,payment reference,structured reference,creditor reference",
        de="referenz,zahlungsreferenz,verwendungszweck",
        fr="reference de paiement,communication structuree",
        nl="betalingskenmerk,referentie,kenmerk",
    ),
    "state": words(en="status,state,payment status", de="zahlungsstatus,zustand", fr="statut,etat", nl="betaalstatus"),
}
NEEDS = (("number",), ("customer",), ("amount", "open"), ("issued_on",), ("due_on",))

_UNPAID = frozenset(
    "open unpaid overdue sent due outstanding offen unbezahlt überfällig versendet fällig ouverte impayée impayé "
    "envoyée échue openstaand onbetaald verzonden verlopen vervallen".split()
)
_PAID = frozenset("paid settled closed bezahlt beglichen payée payé réglée betaald voldaan".split())
_VOID = frozenset(
    "void cancelled canceled draft storniert entwurf annulée annulé brouillon geannuleerd concept".split()
)
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_MISTAKES_SHOWN = 10
_EUR = 'currency_code = "EUR"'
_CURRENCY = f"If it is the euro, {setting('invoices.columns', _EUR)}."
_EITHER = 'decimal = "," or date_format = "%d/%m/%Y"'
_CORRECT = "Correct the file, or say under [invoices.columns] in mainstay.toml how it is to be read."


class InvoiceColumns(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where things stand in the file. All is optional; as soon as one column is named, no other is guessed."""

    number: str = ""  # headers, as they stand in the file
    customer: str = ""
    customer_id: str = ""
    email: str = ""
    amount: str = ""
    open: str = ""
    currency: str = ""
    issued_on: str = ""
    due_on: str = ""
    iban: str = ""
    reference: str = ""
    state: str = ""
    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""  # "." or ","
    date_format: str = ""  # as strptime: "%d/%m/%Y"
    currency_code: str = ""  # where no column says it: "EUR"


class ReadOpen(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to read. `columns` where the headers can't be guessed."""

    file: File
    columns: InvoiceColumns | None = None


class InvoicesRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """The open invoices of a file, in its order."""

    invoices: tuple[Invoice, ...]
    count: int
    left_out: int  # paid, void, credit notes
    totals: tuple[Money, ...]  # what is open, one per currency
    total: str  # the same in words: "1,250.50 EUR, 99.00 USD"
    note: str  # what was guessed and left out, in sentences


class _Format(NamedTuple):
    """How the cells of this file are written."""

    decimal: str
    date_format: str
    currency: str  # where a row does not say it


def operations(columns: InvoiceColumns | None = None) -> tuple[Operation, ...]:
    """Give the operations of this connector; `columns` are taken where a playbook gives none."""
    return (
        Operation(
            name="invoices.read_open",
            summary="Read the open invoices",
            input=ReadOpen,
            output=InvoicesRead,
            effect="read",
            where="worker",
            entry="mainstay.connectors.invoices.read:read_open",
            defaults={} if columns in (None, InvoiceColumns()) else {"columns": to_plain(columns)},
        ),
    )


def read_open(arguments: ReadOpen, files: Mapping[str, bytes]) -> InvoicesRead:
    """Read open invoices from a table. `files` maps blob digests to content.

    Raises FileError with line and column, and what to do next; then nothing of the file is used.
    """
    source = Source.of(arguments.file, files)
    columns = arguments.columns or InvoiceColumns()
    table = read_table(source, _layout(columns))
    form = _format(source, table, columns)
    rows = [row for row in table.rows if any(row.text(field) for field in ("number", "customer", "due_on"))]
    read = _read_rows(source, table, rows, form)
    _refuse_twice(source, table, rows, [invoice.number for invoice, _ in read])
    reasons = [reason for _, reason in read if reason]
    invoices = tuple(invoice for invoice, reason in read if not reason)
    notes = [table.note, f"Dates as {form.date_format}, decimal mark {form.decimal!r}."]
    notes += _without_address(rows)
    notes += [f"Left out as {reason}: {reasons.count(reason)}." for reason in dict.fromkeys(reasons)]
    if not {"open", "state"} & set(table.headers):
        notes.append("No column tells what is open, so every invoice counts as open.")
    try:
        totals = totals_of(invoices)
    except UnreadableError as error:
        raise source.error(str(error), remedy=_CORRECT) from error
    total = ", ".join(map(str, totals))
    return InvoicesRead(invoices, len(invoices), len(reasons), totals, total, " ".join(notes))


def totals_of(invoices: Iterable[Invoice]) -> tuple[Money, ...]:
    """Add up what is open, per currency, in the order of the codes. Raises UnreadableError beyond 64 bits."""
    return sums_of(invoice.open for invoice in invoices)


def _layout(columns: InvoiceColumns) -> Layout:
    fields = msgspec.structs.asdict(columns)
    named = {field: header for field in VOCABULARY if (header := fields[field])}
    return Layout(VOCABULARY, NEEDS, "invoices.columns", named, columns.delimiter, columns.encoding)


def _format(source: Source, table: Table, columns: InvoiceColumns) -> _Format:
    """Find out how this file writes numbers and dates, from all rows at once."""
    amounts = [cell for row in table.rows for field in ("amount", "open") if (cell := row.text(field))]
    dates = [cell for row in table.rows for field in ("issued_on", "due_on") if (cell := row.text(field))]
    try:
        decimal = columns.decimal or guess_decimal(amounts)
        written = columns.date_format or guess_date_format(dates, day_first=table.local) if dates else "%Y-%m-%d"
    except UnreadableError as error:
        remedy = f"Correct the file, or {setting('invoices.columns', _EITHER)}."
        raise source.error(str(error), line=line_of(table.rows, error.text), remedy=remedy) from error
    if decimal not in {".", ","}:
        raise source.error(f"{decimal!r} is no decimal mark", remedy="Give '.' or ','.")
    named = (code for field in ("open", "amount") if (code := currency_in(table.headers.get(field, ""))))
    return _Format(decimal, written, columns.currency_code or next(named, ""))


def _read_rows(source: Source, table: Table, rows: Sequence[Row], form: _Format) -> list[tuple[Invoice, str]]:
    """Read all rows. Raises FileError with the first mistake of each row, so that all are mended at once."""
    read: list[tuple[Invoice, str]] = []
    mistakes: list[FileError] = []
    for row in rows:
        try:
            read.append(_read_row(Cells(source, table, row, _CORRECT), form))
        except FileError as error:
            mistakes.append(error)
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        told = [error.message.removeprefix(f"{source.name}, ") for error in mistakes[:_MISTAKES_SHOWN]]
        what = f"{source.name}, {' '.join([*told, *_and_more(len(mistakes))])}"
        remedies = dict.fromkeys(error.remedy for error in mistakes)
        raise FileError(what, remedy=" ".join(remedies))
    return read


def _read_row(cells: Cells, form: _Format) -> tuple[Invoice, str]:
    """Read one invoice, and why it is left out ("" when it is open)."""

    def day(cell: str) -> str:
        return iso_day(_filled(cell), form.date_format)

    def money(cell: str) -> Money:
        return money_of(plain_number(_filled(cell), form.decimal, currency), currency)

    beside = next((code for field in ("open", "amount") if (code := currency_beside(cells.row.text(field)))), "")
    asking = cells if cells.row.text("currency") else msgspec.structs.replace(cells, remedy=_CURRENCY)
    currency = asking.take("currency", lambda cell: code_of(currency_named(cell) or beside or form.currency))
    amount = cells.take("amount" if "amount" in cells.table.headers else "open", money)
    reason = "void" if cells.row.text("state").casefold() in _VOID else "credit note" if amount.minor < 0 else ""
    open_ = amount if reason else _open(cells, amount, money)
    invoice = Invoice(
        number=cells.take("number", _filled),
        customer=cells.take("customer", _filled),
        amount=amount,
        open=open_,
        issued_on=cells.take("issued_on", day),
        due_on=cells.take("due_on", day),
        email=_email(cells.row.text("email")),
        iban=cells.row.text("iban").replace(" ", "").upper(),
        reference=cells.row.text("reference"),
        customer_id=cells.row.text("customer_id"),
    )
    return invoice, reason or ("" if open_.minor else "paid")


def _open(cells: Cells, amount: Money, money: Callable[[str], Money]) -> Money:
    """Say what is still open of an invoice, between nothing and all of it."""
    if "open" not in cells.table.headers:
        return cells.take("state", lambda cell: amount if _unpaid(cells.table, cell) else amount - amount)

    def within(cell: str) -> Money:
        still = money(cell)
        if not 0 <= still.minor <= amount.minor:
            raise UnreadableError(f"{still} is open of an invoice of {amount}")
        return still

    return cells.take("open", within)


def _unpaid(table: Table, state: str) -> bool:
    if "state" not in table.headers or state.casefold() in _UNPAID:
        return True
    if state.casefold() in _PAID:
        return False
    raise UnreadableError(f"{state[:30]!r} says neither paid nor unpaid")


def _filled(cell: str) -> str:
    if not cell:
        raise UnreadableError("the cell is empty")
    return cell


def _email(cell: str) -> str:
    """Take one address, as a reminder goes to it; several or a name beside it are none."""
    return cell if _EMAIL.fullmatch(cell) else ""


def _without_address(rows: Sequence[Row]) -> list[str]:
    """Say which invoices get no mail, as what stands for their address is none."""
    bad = [(row.line, cell) for row in rows if (cell := row.text("email")) and not _email(cell)]
    told = [f"Line {line}: {cell[:60]!r} is not one e-mail address, so no mail goes there." for line, cell in bad]
    return told[:_MISTAKES_SHOWN] + _and_more(len(told))


def _and_more(count: int) -> list[str]:
    return [f"And {count - _MISTAKES_SHOWN} more."] * (count > _MISTAKES_SHOWN)


def _refuse_twice(source: Source, table: Table, rows: list[Row], numbers: list[str]) -> None:
    first: dict[str, int] = {}
    for row, number in zip(rows, numbers, strict=True):
        line = first.setdefault(number.casefold(), row.line)
        if line != row.line:
            what = f"the invoice number {number!r} stands already in line {line}"
            remedy = "Give each invoice once, with what is open of it."
            raise source.error(what, line=row.line, column=table.headers["number"], remedy=remedy)
