"""CSV exports of banks: columns found by their headers, or as the operator names them.

A running balance, where there is one, is checked row by row, in either direction; otherwise the balance is "absent".
Rows with neither date nor amount (totals, remarks) are left out and counted in the note.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.connectors.cells import guess_date_format, guess_decimal, iso_day, plain_number
from mainstay.connectors.currencies import CODES, money_of
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.statements import AccountStatement, Draft, Part, StatementRead, assemble
from mainstay.connectors.tables import Layout, Row, Table, Vocabulary, currency_in, read_table
from mainstay.records import BankLine

if TYPE_CHECKING:
    from mainstay.connectors.source import Source
    from mainstay.values import Money


class ColumnMap(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where things stand in a CSV file. All is optional; as soon as one column is named, no other is guessed."""

    booked_on: str = ""  # headers, as they stand in the file
    value_on: str = ""
    amount: str = ""  # signed; or with `direction`; or instead `credit` and `debit`
    credit: str = ""
    debit: str = ""
    direction: str = ""  # a column that says credit or debit
    currency: str = ""
    counterparty: str = ""
    iban: str = ""  # of the counterparty
    text: str = ""
    reference: str = ""
    bank_id: str = ""
    balance: str = ""  # the running balance after each row
    account: str = ""  # of the statement itself
    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""  # "." or ","
    date_format: str = ""  # as strptime: "%d/%m/%Y"
    currency_code: str = ""  # where no column says it: "EUR"
    own_account: str = ""  # where no column says it


def _words(**languages: str) -> dict[str, tuple[str, ...]]:
    return {language: tuple(name.strip() for name in names.split(",")) for language, names in languages.items()}


# Order matters: a column is used once, and goes to the first field that knows its header.
VOCABULARY: Vocabulary = {
    "booked_on": _words(
        en="booking date,posting date,transaction date,completed date,date,posted date,date posted",
        de="buchungstag,buchungsdatum,buchung,datum",
        fr="date de comptabilisation,date comptable,date operation,date de l operation,date d operation",
        nl="boekdatum,boekingsdatum,transactiedatum,datum",
    ),
    "value_on": _words(
        en="value date,valuta date",
        de="valutadatum,wertstellung,valuta,wertstellungstag",
        fr="date de valeur,date valeur",
        nl="valutadatum,rentedatum",
    ),
    "credit": _words(
        en="credit,credit amount,paid in,money in,deposit,deposits",
        de="haben,gutschrift,gutschriften",
        fr="credit,montant credit,credit euros",
        nl="credit,bij,bijschrijving",
    ),
    "debit": _words(
        en="debit,debit amount,paid out,money out,withdrawal,withdrawals",
        de="soll,belastung,lastschrift,lastschriften",
        fr="debit,montant debit,debit euros",
        nl="debet,af,afschrijving",
    ),
    "amount": _words(
        en="amount,transaction amount,net amount,value",
        de="betrag,umsatz,umsatzbetrag",
        fr="montant,montant de l operation,montant operation",
        nl="bedrag,transactiebedrag",
    ),
    "direction": _words(
        en="credit debit,debit credit,dr cr,cr dr,credit debit indicator,direction",
        de="soll haben,soll haben kennzeichen,s h",
        fr="sens,debit credit",
        nl="af bij,debet credit",
    ),
    "currency": _words(
        en="currency,ccy,currency code", de="wahrung,waehrung", fr="devise,monnaie", nl="munt,valuta,muntsoort"
    ),
    "account": _words(
        en="own account,account,account iban,own iban",
        de="auftragskonto,eigenes konto,iban auftragskonto",
        fr="compte,numero de compte",
        nl="rekening,eigen rekening,rekeningnummer,iban bban",
    ),
    "iban": _words(
        en="iban,counterparty iban,counterparty account,account number,payee iban,beneficiary account",
        de="kontonummer iban,iban zahlungsbeteiligter,gegenkonto,iban des gegenkontos,kontonummer",
        fr="iban contrepartie,iban beneficiaire,compte contrepartie,compte beneficiaire",
        nl="tegenrekening,tegenrekening iban bban,iban tegenpartij,rekening tegenpartij",
    ),
    "counterparty": _words(
        en="counterparty,counterparty name,payee,payer,name,payee name,beneficiary,merchant",
        de="beguenstigter zahlungspflichtiger,name zahlungsbeteiligter,auftraggeber empfanger,empfanger,auftraggeber,"
        "zahlungspflichtiger,partnername,partner",
        fr="contrepartie,nom contrepartie,beneficiaire,nom",
        nl="tegenpartij,naam tegenpartij,naam,naam omschrijving",
    ),
    "text": _words(
        en="details,description,narrative,payment details,remittance information,memo,transaction description",
        de="verwendungszweck,buchungstext,beschreibung,zahlungsgrund",
        fr="libelle,communication,communications,details,libelle operation",
        nl="omschrijving,mededelingen,mededeling,omschrijving 1",
    ),
    "reference": _words(
        en="reference,ref,payment reference,customer reference,end to end id",
        de="kundenreferenz,referenz,end to end referenz,kundenreferenz end to end",
        fr="reference",
        nl="referentie,betalingskenmerk,kenmerk",
    ),
    "bank_id": _words(
        en="transaction id,id,bank reference,transaction reference",
        de="bankreferenz,transaktionsnummer,umsatz id",
        fr="reference bancaire,numero de transaction",
        nl="transactiereferentie,volgnr,transactienummer",
    ),
    "balance": _words(
        en="running balance,balance,balance after,account balance",
        de="saldo nach buchung,saldo,kontostand",
        fr="solde,solde apres operation",
        nl="saldo na mutatie,saldo na boeking,saldo na trn,saldo",
    ),
}
_CREDIT = frozenset("c cr crdt credit crédit h haben + bij bijschrijving incoming in".split())
_DEBIT = frozenset("d dr db dt dbit debit débit debet s soll - af afschrijving outgoing out".split())
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_COLUMNS = "Name the columns in `columns`, or correct the file."


class _Format(NamedTuple):
    """How the cells of this file are written."""

    decimal: str
    date_format: str
    currency: str  # where a row does not say it
    debits_signed: bool  # the debit column carries a minus
    account: str


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file can be a table of text at all."""
    return not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read(source: Source, columns: ColumnMap | None) -> StatementRead:
    """Read a CSV file. Raises FileError with line and column; then nothing of the file is used."""
    columns = columns or ColumnMap()
    table = read_table(source, _layout(columns))
    rows = [row for row in table.rows if _cell(row, "booked_on") or _amounts_of(row)]
    if not rows:
        raise source.error("there are no rows with a date and an amount", remedy=_COLUMNS)
    form = _format(source, table, rows, columns)
    lines = [_read_row(source, row, form) for row in rows]
    notes = [table.note, f"Dates as {form.date_format}, decimal mark {form.decimal!r}."]
    if len(rows) < len(table.rows):
        notes.append(f"{len(table.rows) - len(rows)} rows without date and amount are left out.")
    if not form.account:
        notes.append("The file does not name its account; ids of lines can't tell two accounts apart.")
    return assemble("CSV", _parts(source, rows, lines, form), notes)


def _layout(columns: ColumnMap) -> Layout:
    fields = msgspec.structs.asdict(columns)
    named = {field: header for field in VOCABULARY if (header := fields[field])}
    needs = (("booked_on",), ("amount", "credit", "debit"))
    return Layout(VOCABULARY, needs, named, columns.delimiter, columns.encoding)


def _format(source: Source, table: Table, rows: list[Row], columns: ColumnMap) -> _Format:
    """Find out how this file writes numbers and dates, from all rows at once."""
    try:
        decimal = columns.decimal or guess_decimal(
            cell for row in rows for cell in [*_amounts_of(row), _cell(row, "balance")]
        )
    except UnreadableError as error:
        raise source.error(str(error), remedy="Give `decimal` in `columns`: '.' or ','.") from error
    if decimal not in {".", ","}:
        raise source.error(f"{decimal!r} is no decimal mark", remedy="Give '.' or ','.")
    try:
        dates = columns.date_format or guess_date_format(
            (_cell(row, "booked_on") for row in rows), day_first=table.local
        )
    except UnreadableError as error:
        column = table.headers["booked_on"]
        remedy = "Give `date_format` in `columns`, such as '%d/%m/%Y', or correct the file."
        raise source.error(str(error), column=column, remedy=remedy) from error
    named = (code for field in ("amount", "credit", "debit") if (code := currency_in(table.headers.get(field, ""))))
    ibans = {found.replace(" ", "") for found in _IBAN.findall(table.preamble)}
    own = columns.own_account or (ibans.pop() if len(ibans) == 1 else "")
    debits = [debit for row in rows if (debit := _cell(row, "debit"))]
    return _Format(decimal, dates, columns.currency_code or next(named, ""), _all_negative(debits), own)


def _all_negative(debits: list[str]) -> bool:
    """Tell whether a debit column writes its minus; zeros say nothing."""
    telling = [debit for debit in debits if re.search("[1-9]", debit)]
    return bool(telling) and all(re.search(r"[-\u2212(]", debit) for debit in telling)


def _read_row(source: Source, row: Row, form: _Format) -> Draft:
    try:
        currency = _cell(row, "currency").upper() or form.currency
        if currency not in CODES:
            said = f"{currency[:12]!r} is not a currency (ISO 4217)" if currency else "no column says the currency"
            raise UnreadableError(said)  # noqa: TRY301 - one place words all errors of a row
        return _draft(row, form, _amount(row, form, currency))
    except UnreadableError as error:
        remedy = "Correct the file, or give columns, `decimal`, `date_format` or `currency_code` in `columns`."
        raise source.error(str(error), line=row.line, remedy=remedy) from error


def _draft(row: Row, form: _Format, amount: Money) -> Draft:
    valued = _cell(row, "value_on")
    bank_id = _cell(row, "bank_id")
    line = BankLine(
        id="",
        booked_on=iso_day(_cell(row, "booked_on"), form.date_format),
        amount=amount,
        value_on=iso_day(valued, form.date_format) if valued else "",
        counterparty=_text(row, "counterparty"),
        iban=_cell(row, "iban").replace(" ", "").upper(),
        references=tuple(reference for reference in [_text(row, "reference")] if reference),
        text=_text(row, "text"),
        bank_id=bank_id,
        raw=row.raw,
    )
    return Draft(line, mark=bank_id)


def _amount(row: Row, form: _Format, currency: str) -> Money:
    """Give the signed amount, from whichever columns there are."""
    signed, credit, debit = (_money(row, field, form, currency) for field in ("amount", "credit", "debit"))
    if signed is not None:
        return _directed(row, signed)
    if debit is not None and not form.debits_signed:
        debit = -debit
    if credit is not None and debit is not None and credit.minor and debit.minor:
        raise UnreadableError("the row has both a credit and a debit")
    found = [amount for amount in (credit, debit) if amount is not None]
    if not found:
        raise UnreadableError("the row has no amount")
    return max(found, key=lambda amount: abs(amount.minor))


def _directed(row: Row, amount: Money) -> Money:
    """Give the sign a direction column says."""
    said = _cell(row, "direction").casefold()
    if not said:
        return amount
    if said not in _CREDIT | _DEBIT:
        raise UnreadableError(f"{said[:20]!r} says neither credit nor debit")
    if said in _CREDIT and amount.minor < 0:
        raise UnreadableError("the amount is negative, but the row says credit")
    return -amount if said in _DEBIT and amount.minor > 0 else amount


def _money(row: Row, field: str, form: _Format, currency: str) -> Money | None:
    cell = _cell(row, field)
    return money_of(plain_number(cell, form.decimal, currency), currency) if cell else None


def _parts(source: Source, rows: list[Row], drafts: list[Draft], form: _Format) -> list[Part]:
    """Part the rows by account and currency, and check the running balance of each part."""
    parts: dict[tuple[str, str], list[tuple[Row, Draft]]] = {}
    for row, draft in zip(rows, drafts, strict=True):
        account = _cell(row, "account").replace(" ", "").upper() or form.account
        parts.setdefault((account, draft.line.amount.currency), []).append((row, draft))
    return [_part(source, account, currency, some, form) for (account, currency), some in parts.items()]


def _part(source: Source, account: str, currency: str, some: list[tuple[Row, Draft]], form: _Format) -> Part:
    days = sorted(draft.line.booked_on for _, draft in some)
    ends = _running(source, [(row, draft.line.amount) for row, draft in some], form)
    head = AccountStatement(
        account=account,
        currency=currency,
        balance="checked" if ends else "absent",
        count=len(some),
        opening=ends[0] if ends else None,
        closing=ends[1] if ends else None,
        from_on=days[0],
        to_on=days[-1],
    )
    return Part(head, tuple(draft for _, draft in some))


def _running(source: Source, rows: list[tuple[Row, Money]], form: _Format) -> tuple[Money, Money] | None:
    """Check the running balance; give opening and closing, or None where there is nothing to check.

    A single row proves nothing. The rows may run up or down in time; the direction in which they agree is taken.
    """
    if len(rows) < 2 or not all(_cell(row, "balance") for row, _ in rows):  # noqa: PLR2004 - two rows are a step
        return None
    steps = [(_balance(source, row, amount, form), amount, row.line) for row, amount in rows]
    breaks = [_breaks(steps), _breaks(steps[::-1])]
    ordered = steps if len(breaks[0]) <= len(breaks[1]) else steps[::-1]
    broken = min(breaks, key=len)
    if broken:
        line, difference = broken[0]
        remedy = (
            "A row is missing or altered: export again. If this is no running balance, name the others in `columns`."
        )
        raise source.error(f"the running balance is off by {difference} here", line=line, remedy=remedy)
    return ordered[0][0] - ordered[0][1], ordered[-1][0]


def _balance(source: Source, row: Row, amount: Money, form: _Format) -> Money:
    try:
        return money_of(plain_number(_cell(row, "balance"), form.decimal, amount.currency), amount.currency)
    except UnreadableError as error:
        raise source.error(f"the balance can't be read: {error}", line=row.line, remedy=_COLUMNS) from error


def _breaks(steps: list[tuple[Money, Money, int]]) -> list[tuple[int, Money]]:
    """List the lines at which the balance is not the one before plus the amount, and by how much."""
    pairs = pairwise(steps)
    return [(line, off) for (old, _, _), (new, amount, line) in pairs if (off := new - old - amount).minor]


def _amounts_of(row: Row) -> list[str]:
    return [cell for field in ("amount", "credit", "debit") if (cell := _cell(row, field))]


def _cell(row: Row, field: str) -> str:
    return row.cells.get(field, "")


def _text(row: Row, field: str) -> str:
    return " ".join(_cell(row, field).split())
