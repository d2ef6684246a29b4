"""PayPal's activity download and statement, in English and German.

The running balance is checked as far as the report has one: per currency, in either direction, entries of one second
in any order. PayPal does not say what a withdrawal holds. It is known all the same where the balance was nothing
before, and nothing after: then a withdrawal is all that came between. Else the withdrawal stands without lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from mainstay.connectors.bank.payouts_report import Entry, Form, Kind, Read, Report, currency_of
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.connectors.tables import Row

# Money moved, as these say; of any other status nothing did (yet).
_MOVED = frozenset(("completed", "refunded", "partially refunded", "cleared", "reversed", "partially reversed")) | {
    "abgeschlossen",
    "zur\u00fcckgezahlt",
    "teilweise zur\u00fcckgezahlt",
    "r\u00fcckzahlung",
    "teilr\u00fcckzahlung",
    "zur\u00fcckgebucht",
    "verbucht",
}
_MEMO = "memo"
# What a type says, the first that fits. Holds are set aside: they park money, and give it back.
_HOLD = re.compile(r"\bholds?\b|\breserves?\b|payment release|einbehalt|freigabe|r\u00fccklage", re.IGNORECASE)
_AUTHORISED = re.compile(r"authori[sz]ation|autorisierung", re.IGNORECASE)
_CONVERTED = re.compile(r"currency conversion|w\u00e4hrungsumrechnung", re.IGNORECASE)
_ADDED = re.compile(r"deposit|bankgutschrift|kreditkarte|card withdrawal|add(ed)? funds|einzahlung|ach-", re.IGNORECASE)
_WITHDRAWN = re.compile(r"withdraw|transfer to bank|abbuchung|auszahlung", re.IGNORECASE)
_BACK = re.compile(r"reversal|chargeback|dispute|r\u00fcckbuchung|storn|k\u00e4uferschutz", re.IGNORECASE)
_FEE = re.compile(r"\bfees?\b|geb\u00fchr", re.IGNORECASE)
_REFUND = re.compile(r"refund|r\u00fcckzahlung|erstattung|r\u00fcckerstattung", re.IGNORECASE)


class _Move(NamedTuple):
    """A row that changed the balance. `entry` is None where the row is a hold."""

    entry: Entry | None
    when: str  # day and time, which sort
    net: Money
    balance: Money | None
    line: int


class _Walk(NamedTuple):
    """Moves in an order of time, those of one second together, and where the running balance breaks in it."""

    blocks: Sequence[Sequence[_Move]]
    first: Money  # the balance after the first block
    off: Money  # nothing where the balance is right to the end
    line: int  # where it breaks
    steps: int  # blocks that were right


def _read_activity(report: Report) -> Read:
    moves: list[_Move] = []
    left: dict[str, int] = {}
    legs: dict[str, list[int]] = {}  # of conversions: by what they are of, where in moves
    for row in report.table.rows:
        status = row.text("status")
        if (status and status.casefold() not in _MOVED) or row.text("impact").casefold() == _MEMO:
            left[status or _MEMO] = left.get(status or _MEMO, 0) + 1
        elif not (_AUTHORISED.search(row.text("type")) and not _HOLD.search(row.text("type"))):
            moves.append(_move(report, row))
            if _CONVERTED.search(row.text("type")):
                legs.setdefault(row.text("reference") or moves[-1].when, []).append(len(moves) - 1)
    for pair in legs.values():
        _name_conversion(moves, pair)
    if not moves:
        raise report.error("no transaction in this report is completed", report.table.rows[0], "status")
    notes = [f"Rows with the status {status[:40]!r} are left out ({count})." for status, count in left.items()]
    held = sum(move.entry is None for move in moves)
    notes += [f"Rows that hold money back or release it are left out ({held})."] * bool(held)
    entries: list[Entry] = []
    balances: dict[str, Money] = {}
    for currency in dict.fromkeys(move.net.currency for move in moves):
        its = [move for move in moves if move.net.currency == currency]
        walk = _in_order(report, its)
        if walk:
            balances[currency] = _end(walk)
        entries += _with_payouts(walk) if walk else [move.entry for move in its if move.entry]
    return Read(entries, transfers=True, cut=True, notes=notes, balances=balances)


def _move(report: Report, row: Row) -> _Move:
    cells = report.cells(row)
    gross, fee = report.amounts(row, currency_of(cells), fee_negative=True)
    day = cells.take("day", report.day)
    kind = _kind(row.text("type"), gross)
    balance = cells.take("balance", lambda cell: report.money(cell, gross.currency) if cell else None)
    ident = row.text("id")
    own = {"payout": ident, "failed payout": row.text("reference")}.get(kind, "")
    said = row.text("type")
    within = bool(kind == "fee" or own or _CONVERTED.search(said) or _ADDED.search(said))  # between owner and PayPal
    entry = Entry(
        line=row.line,
        id=ident,
        day=day,
        kind=kind,
        gross=gross,
        fee=fee,
        payout=own,
        counterparty="" if within else row.text("name") or row.text("from" if gross.minor > 0 else "to"),
        references=() if within and not own else _references(row),
        text=_text(row),
        raw=row.raw,
    )
    held = None if _HOLD.search(said) else entry
    return _Move(held, f"{day} {row.text('time')}", gross - fee, balance, row.line)


def _kind(said: str, gross: Money) -> Kind:
    incoming = gross.minor > 0
    if _CONVERTED.search(said) or _ADDED.search(said):
        return "other"
    if _WITHDRAWN.search(said):
        return "failed payout" if incoming else "payout"
    if _FEE.search(said):
        return "fee"
    if _BACK.search(said):
        return "came back" if incoming else "taken back"
    if _REFUND.search(said):
        return "came back" if incoming else "refund"
    return "charge" if incoming else "other"


def _name_conversion(moves: list[_Move], pair: Sequence[int]) -> None:
    """Say of both sides of a conversion what was exchanged into what."""
    sides = [entry for at in pair if (entry := moves[at].entry)]
    out, into = ([entry for entry in sides if (entry.gross.minor > 0) == incoming] for incoming in (False, True))
    if len(out) == len(into) == 1 and out[0].gross.currency != into[0].gross.currency:
        text = f"Exchanged {-out[0].gross} into {into[0].gross}"
        for at, entry in zip(pair, sides, strict=True):
            moves[at] = moves[at]._replace(entry=replace(entry, text=text))


def _references(row: Row) -> tuple[str, ...]:
    fields = ("invoice", "custom", "id", "reference", "receipt")
    return tuple(dict.fromkeys(value for field in fields if (value := row.text(field))))


def _text(row: Row) -> str:
    said = dict.fromkeys(value for field in ("subject", "item", "note") if (value := row.text(field)))
    return "; ".join(said) or row.text("type")


def _in_order(report: Report, moves: Sequence[_Move]) -> _Walk | None:
    """Put moves into the order of time, those of one second together, and check the running balance.

    Gives None where there is nothing to check. Raises FileError where no order of the rows makes the balance right.
    """
    if not all(move.balance for move in moves):
        return None
    orders = (sorted(moves, key=lambda move: move.when), moves, moves[::-1])
    walks = [_walk(_blocks(order)) for order in orders]
    if len(walks[0].blocks) == 1:
        return None
    whole = next((walk for walk in walks if not walk.off.minor), None)
    if whole is None:
        broken = max(walks, key=lambda walk: walk.steps)
        remedy = f"A row is missing or altered. Export all transactions again: {report.form.menu}"
        raise report.source.error(f"the running balance is off by {broken.off} here", line=broken.line, remedy=remedy)
    return whole


def _blocks(moves: Sequence[_Move]) -> list[list[_Move]]:
    blocks: list[list[_Move]] = []
    for move in moves:
        if blocks and blocks[-1][0].when == move.when:
            blocks[-1].append(move)
        else:
            blocks.append([move])
    return blocks


def _walk(blocks: Sequence[Sequence[_Move]]) -> _Walk:
    """Follow the running balance from block to block, from whichever balance of the first block leads furthest."""
    ends = {move.balance.minor for move in blocks[0] if move.balance}
    currency = blocks[0][0].net.currency
    gained = 0
    for steps, block in enumerate(blocks[1:], 1):
        gained += _net(block).minor
        shown = [move.balance.minor for move in block if move.balance]
        right = ends & {balance - gained for balance in shown}
        if not right:
            return _Walk(
                blocks,
                Money(min(ends), currency),
                Money(shown[-1] - min(ends) - gained, currency),
                block[-1].line,
                steps,
            )
        ends = right
    return _Walk(blocks, Money(min(ends), currency), Money(0, currency), 0, len(blocks))


def _with_payouts(walk: _Walk) -> list[Entry]:
    """Give the entries, those between two moments without money with the one withdrawal that took all of them."""
    entries: list[Entry] = []
    since: list[Entry] = []
    end = walk.first
    clean = not (end - _net(walk.blocks[0])).minor
    for number, block in enumerate(walk.blocks):
        end = end + _net(block) if number else end
        since += [move.entry for move in block if move.entry]
        if not end.minor:
            entries += _attributed(since) if clean else since
            since, clean = [], True
    return entries + since


def _end(walk: _Walk) -> Money:
    """Give the balance after the last block."""
    end = walk.first
    for block in walk.blocks[1:]:
        end += _net(block)
    return end


def _net(block: Sequence[_Move]) -> Money:
    total = block[0].net
    for move in block[1:]:
        total += move.net
    return total


def _attributed(entries: list[Entry]) -> list[Entry]:
    payouts = [entry for entry in entries if entry.kind in {"payout", "failed payout"}]
    total = sum(entry.gross.minor - entry.fee.minor for entry in entries)
    if len(payouts) != 1 or payouts[0].kind != "payout" or total:
        return entries
    return [replace(entry, payout=payouts[0].id, arrives_on=payouts[0].day) for entry in entries]


ACTIVITY = Form(
    "PayPal activity",
    "PayPal",
    (
        frozenset(("timezone", "gross")),
        frozenset(("timezone", "type", "status")),
        frozenset(("time zone", "gross", "transaction id")),
        frozenset(("zeitzone", "brutto")),
        frozenset(("zeitzone", "typ", "status")),
        # In other languages, to be refused by name: their "net" and "fee" would be taken for those of a bank.
        frozenset(("fuseau horaire", "net")),
        frozenset(("zona horaria", "neto")),
        frozenset(("fuso orario", "netto")),
        frozenset(("tijdzone", "netto")),
        frozenset(("tijdzone", "net")),
        frozenset(("strefa czasowa", "netto")),
    ),
    {
        "day": ("date", "datum"),
        "time": ("time", "uhrzeit"),
        "name": ("name",),
        "type": ("type", "typ", "description", "beschreibung"),
        "status": ("status",),
        "currency": ("currency", "w\u00e4hrung"),
        "gross": ("gross", "brutto"),
        "fee": ("fee", "geb\u00fchr", "fees", "geb\u00fchren"),
        "net": ("net", "netto"),
        "from": ("from email address", "absender e-mail-adresse", "von e-mail-adresse"),
        "to": ("to email address", "empf\u00e4nger e-mail-adresse", "an e-mail-adresse"),
        "id": ("transaction id", "transaktionscode"),
        "reference": ("reference txn id", "zugeh\u00f6riger transaktionscode", "referenztransaktionscode"),
        "invoice": ("invoice number", "invoice id", "rechnungsnummer"),
        "custom": ("custom number", "zollnummer", "benutzerdefinierte nummer"),
        "receipt": ("receipt id", "empfangsnummer"),
        "item": ("item title", "artikelbezeichnung"),
        "subject": ("subject", "betreff"),
        "note": ("note", "hinweis"),
        "balance": ("balance", "guthaben"),
        "impact": ("balance impact", "auswirkung auf guthaben"),
    },
    ("day", "type", "currency", "gross", "fee", "net", "id"),
    "PayPal > Activity > Download > All transactions, CSV, in English or German, with the columns Fee, Net,"
    " Balance and Transaction ID.",
    _read_activity,
)
