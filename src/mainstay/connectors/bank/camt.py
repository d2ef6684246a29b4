"""ISO 20022 account messages: camt.053 statements, and camt.052 reports and camt.054 notifications by the same rules.

All versions are read by the local names of their elements; a file without a namespace, or with a bank's own, is
taken by the name of its message, which is unmistakable. Entries: `camt_entry`.

Balances. Opening is OPBD or else PRCD, closing is CLBD, per currency; with several of one kind (a balance per day)
the earliest opening and the latest closing. Interim and available balances (ITBD, CLAV and so on) are never taken
for them. Opening plus all booked entries must be the closing balance to the last minor unit; otherwise the file is
refused whole. Without both there is nothing to check, and the statement says so: "absent".

Pages. Statements of one account that follow each other are read as one when they have the same id, or the second
has no opening and the first no closing balance - unless the first is complete by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.connectors.bank.camt_entry import EntryRead, account_at, date_at, iso_date, read_entry, signed
from mainstay.connectors.bank.statement import COPIES, JOINED, AccountStatement, Draft, FileRead, Part, with_counts
from mainstay.connectors.source import AGAIN, UnreadableError, stranger
from mainstay.connectors.xml_tree import Node, Tree, canonical, parse, text_at
from mainstay.values import Money

if TYPE_CHECKING:
    from mainstay.connectors.source import Source

MESSAGES = {
    "BkToCstmrStmt": ("camt.053", "Stmt"),
    "BkToCstmrAcctRpt": ("camt.052", "Rpt"),
    "BkToCstmrDbtCdtNtfctn": ("camt.054", "Ntfctn"),
}
OPENING = ("OPBD", "PRCD")
CLOSING = ("CLBD",)

_ASK = "Export the account's statement at the bank as camt.053, or as CSV."
_WHOLE = "Export the statement again for the whole period; entries are missing, cut off or altered."


class _Sheet(msgspec.Struct, frozen=True):
    """One Stmt, Rpt or Ntfctn as it stands in the file, or several pages joined."""

    id: str
    account: str
    currency: str
    from_on: str
    to_on: str
    openings: dict[str, Money]  # by currency
    closings: dict[str, Money]
    drafts: tuple[Draft, ...]
    line: int
    notes: tuple[str, ...]


def read(source: Source) -> FileRead:
    """Read a camt file. Raises FileError with line and entry; then nothing of the file is used."""
    tree = parse(source)
    message, kind, name = _message(source, tree)
    nodes = message.findall(name)
    if not nodes:
        what = f"this {kind} message holds no statement ({name})"
        raise source.error(what, line=message.sourceline or 0, remedy=_ASK)
    distinct = list({canonical(node): node for node in nodes}.values()) if len(nodes) > 1 else nodes
    sheets = _joined([_sheet(source, node) for node in distinct])
    parts = [part for sheet in sheets for part in _parts(source, sheet)]
    notes = [note for sheet in sheets for note in sheet.notes]
    if len(distinct) < len(nodes):
        notes += [COPIES] * (len(nodes) - len(distinct))
    return FileRead(_version(tree, kind), tuple(parts), tuple(with_counts([*notes, *_pages(message)])))


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file is XML; which, `read` finds out."""
    plain = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return plain.startswith(b"<") and not plain.upper().startswith(b"<OFX")


def _message(source: Source, tree: Tree) -> tuple[Node, str, str]:
    """Find the message in its Document, also inside an envelope."""
    root = tree.root
    documents = [root] if root.tag == "Document" else root.findall("Document")
    messages = [child for document in documents for child in document]
    known = [child for child in messages if child.tag in MESSAGES]
    if len(known) == 1:
        return known[0], *MESSAGES[known[0].tag]
    if known:
        raise source.error("there are several messages in one file", remedy="Give each as a file of its own.")
    if messages:
        what = f"this is a {messages[0].tag} message ({tree.namespace or 'no namespace'}), not an account statement"
        raise source.error(what, line=messages[0].sourceline or 0, remedy=_ASK)
    if documents:
        raise source.error(
            f"the Document ({tree.namespace or 'no namespace'}) is empty: it holds no message",
            line=documents[0].sourceline or 0,
            remedy=_ASK,
        )
    raise stranger(source, f"an XML file that begins with {root.tag!r}", "a bank statement", _ASK)


def _version(tree: Tree, kind: str) -> str:
    found = re.search(r"camt\.05[234]\.\d{3}\.\d{2}$", tree.namespace)
    return found[0] if found else kind


def _sheet(source: Source, node: Node) -> _Sheet:
    """Read one statement node; whatever can't be read is an error with its place."""
    account = account_at(node, "Acct")
    place = node
    number = 0
    drafts: list[Draft] = []
    notes: list[str] = []
    try:
        openings, closings = _balances(node, OPENING, latest=False), _balances(node, CLOSING, latest=True)
        made_on, from_on, to_on = (
            iso_date(text_at(node, path)) for path in ("CreDtTm", "FrToDt/FrDtTm", "FrToDt/ToDtTm")
        )
        for place in node.findall("Ntry"):
            number += 1
            entry = read_entry(place, account, to_on or made_on)
            drafts += entry.drafts
            notes += _remarks(entry)
    except UnreadableError as error:
        raise source.error(str(error), line=place.sourceline or 0, entry=number, remedy=AGAIN) from error
    notes += _summary(node, number)
    currency = text_at(node, "Acct/Ccy")
    return _Sheet(
        id=text_at(node, "Id"),
        account=account,
        currency=currency,
        from_on=from_on,
        to_on=to_on,
        openings=openings,
        closings=closings,
        drafts=tuple(drafts),
        line=node.sourceline or 0,
        notes=tuple(notes),
    )


def _remarks(entry: EntryRead) -> list[str]:
    batch = [_BATCH[entry.batch]] if entry.batch else []
    return [*batch, _UNDATED] if entry.undated else batch


_BATCH = {
    "split": "Batch entries split into their transactions",
    "whole": "Batch entries kept whole, as there are no amounts of transactions that add up to them",
}
_UNDATED = "Entries without a date, which got that of the statement"


def _balances(node: Node, codes: tuple[str, ...], *, latest: bool) -> dict[str, Money]:
    """Find the balance of each currency: by the first code there is, then by date, then by place."""
    found: dict[str, list[tuple[int, str, Money]]] = {}
    for balance in node.findall("Bal"):
        code = text_at(balance, "Tp/CdOrPrtry/Cd") or text_at(balance, "Tp/Cd")
        if code in codes:
            money = _balance(balance, code)
            rank = -codes.index(code) if latest else codes.index(code)
            found.setdefault(money.currency, []).append((rank, date_at(balance, "Dt"), money))
    return {currency: _pick(some, latest=latest) for currency, some in found.items()}


def _balance(balance: Node, code: str) -> Money:
    try:
        return signed(balance)
    except UnreadableError as error:
        raise UnreadableError(f"balance {code}: {error}") from error


def _pick(some: list[tuple[int, str, Money]], *, latest: bool) -> Money:
    """Take the first of the earliest, or the last of the latest."""
    ordered = sorted(some, key=lambda balance: balance[:2])
    return ordered[-1 if latest else 0][2]


class _Pages:
    """The pages of one statement while they are joined, with the sums so far: there may be thousands."""

    def __init__(self, first: _Sheet) -> None:
        self.first = first
        self.sheets: list[_Sheet] = []
        self.openings: dict[str, Money] = {}
        self.closings: dict[str, Money] = {}
        self.sums: Counter[str] = Counter()
        self.add(first)

    def add(self, sheet: _Sheet) -> None:
        """Add the next page."""
        self.sheets.append(sheet)
        self.openings = {**sheet.openings, **self.openings}
        self.closings.update(sheet.closings)
        booked = [draft.line.amount for draft in sheet.drafts if not draft.line.pending]
        for amount in booked:
            self.sums[amount.currency] += amount.minor

    def continue_in(self, sheet: _Sheet) -> bool:
        """Tell whether the statement goes on in a sheet."""
        ends = self.openings or self.closings or sheet.openings or sheet.closings
        if self.first.account != sheet.account or not ends:
            return False
        same = bool(self.first.id) and self.first.id == sheet.id
        halves = not self.closings and not sheet.openings
        return (same or halves) and not self.complete()

    def complete(self) -> bool:
        """Tell whether the balances agree with the lines, so that nothing is missing."""
        return self.openings.keys() == self.closings.keys() and all(
            closing.minor - self.openings[currency].minor == self.sums[currency]
            for currency, closing in self.closings.items()
        )

    def joined(self) -> _Sheet:
        """Give all as one."""
        notes = [note for sheet in self.sheets for note in sheet.notes]
        notes += [JOINED] * (len(self.sheets) - 1)
        return msgspec.structs.replace(
            self.first,
            to_on=next((sheet.to_on for sheet in reversed(self.sheets) if sheet.to_on), ""),
            openings=self.openings,
            closings=self.closings,
            drafts=tuple(draft for sheet in self.sheets for draft in sheet.drafts),
            notes=tuple(notes),
        )


def _joined(sheets: list[_Sheet]) -> list[_Sheet]:
    """Join pages of one statement that follow each other."""
    statements: list[_Pages] = []
    for sheet in sheets:
        if statements and statements[-1].continue_in(sheet):
            statements[-1].add(sheet)
        else:
            statements.append(_Pages(sheet))
    return [pages.joined() for pages in statements]


def _difference(sheet: _Sheet, currency: str) -> Money:
    """Say by how much the closing balance is above opening and entries."""
    return sheet.closings[currency] - sheet.openings[currency] - _sum(sheet, currency)


def _sum(sheet: _Sheet, currency: str) -> Money:
    booked = (draft.line.amount for draft in sheet.drafts if not draft.line.pending)
    return Money(sum(amount.minor for amount in booked if amount.currency == currency), currency)


def _parts(source: Source, sheet: _Sheet) -> list[Part]:
    """Check a statement and part it by currency, which nearly always means one part."""
    moved = {draft.line.amount.currency for draft in sheet.drafts}
    currencies = moved | {*sheet.openings, *sheet.closings} or {sheet.currency}
    return [_part(source, sheet, currency) for currency in sorted(currencies)]


def _part(source: Source, sheet: _Sheet, currency: str) -> Part:
    drafts = tuple(draft for draft in sheet.drafts if draft.line.amount.currency == currency)
    head = AccountStatement(
        account=sheet.account,
        currency=currency,
        balance=_check(source, sheet, currency),
        count=len(drafts),
        opening=sheet.openings.get(currency),
        closing=sheet.closings.get(currency),
        from_on=sheet.from_on,
        to_on=sheet.to_on,
        id=sheet.id,
    )
    return Part(head, drafts)


def _check(source: Source, sheet: _Sheet, currency: str) -> Literal["checked", "absent"]:
    opening, closing = sheet.openings.get(currency), sheet.closings.get(currency)
    if opening is None or closing is None:
        others = sorted({*sheet.openings} & {*sheet.closings})
        if opening is None and closing is None and others and _sum(sheet, currency).minor:
            what = f"there are entries in {currency}, but the balances are in {', '.join(others)}"
            raise source.error(what, line=sheet.line, remedy="Ask the bank for a statement in the account's currency.")
        return "absent"
    difference = _difference(sheet, currency)
    if difference.minor:
        what = (
            f"the balances do not agree: the opening balance {opening} and the booked entries ({_sum(sheet, currency)})"
            f" make {closing - difference}, the closing balance says {closing}; the difference is {difference}"
        )
        raise source.error(what, line=sheet.line, remedy=_WHOLE)
    return "checked"


def _summary(node: Node, count: int) -> list[str]:
    """Hold the bank's own count of entries, where it gives one, against those in the file."""
    said = text_at(node, "TxsSummry/TtlNtries/NbOfNtries")
    if not re.fullmatch("[0-9]{1,15}", said) or int(said) == count:
        return []
    return [f"The bank's summary counts {int(said)} entries, the statement holds {count}."]


def _pages(message: Node) -> list[str]:
    last = text_at(message, "GrpHdr/MsgPgntn/LastPgInd")
    page = text_at(message, "GrpHdr/MsgPgntn/PgNb")
    return [f"More pages follow in other files after page {page[:5]}."] if last in {"false", "0"} else []
