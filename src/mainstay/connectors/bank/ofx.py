"""OFX and QFX files, versions 1 (SGML) and 2 (XML): statements of accounts and cards, several in one file.

OFX gives a closing balance (LEDGERBAL) but no opening one. So nothing can be added up, and the balance is "absent";
the note says what the bank says. Entries: `ofx_entry`. The tree, which tells a file that was cut: `ofx_tree`.

FITID is the bank's id of an entry. Some banks give one to several entries, which `line_ids` stands; some only count
the entries of the file, so a short number is kept as `bank_id` but not believed when lines are told apart.

Of an investment account the cash entries (INVBANKTRAN) are read. Trades, dividends and positions are left out, and
counted in the note; a file with nothing else is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from mainstay.connectors.bank.columns import NO_ACCOUNT
from mainstay.connectors.bank.ofx_entry import EntryRead, account_of, amount_at, day_at, read_entry
from mainstay.connectors.bank.ofx_tree import Element, Tree, parse
from mainstay.connectors.bank.statement import COPIES, AccountStatement, Draft, FileRead, Part, with_counts
from mainstay.connectors.cells import decimal_or_told
from mainstay.connectors.currencies import code_of
from mainstay.connectors.source import AGAIN, UnreadableError
from mainstay.connectors.tables import NAME_CURRENCY, setting
from mainstay.values import CURRENCY_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.connectors.bank.columns import ColumnMap
    from mainstay.connectors.source import Source
    from mainstay.records import BankLine
    from mainstay.values import Money

_BEGINS = re.compile(rb"^\W{0,9}OFXHEADER\s*[:=]|<\?OFX\s|<(?:\w{1,20}:)?OFX[\s/>]", re.IGNORECASE | re.MULTILINE)
_LISTS = ("BANKTRANLIST", "BANKTRANLISTP", "INVTRANLIST")
_ENTRIES = ("STMTTRN", "STMTTRNP")
_ASK = "Export the statement of the account at the bank as OFX, camt.053 or CSV."
_PAID = "Give the statement of the bank account that customers pay to."
_COMMA = 'decimal = ","'
_COUNTS = re.compile("0*[0-9]{1,5}", re.ASCII)  # a FITID that may count the entries of a file
_MANY = 5  # accounts whose balances a note tells one by one


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file is OFX, of either version."""
    return _BEGINS.search(head.replace(b"\0", b"")) is not None


def read(source: Source, columns: ColumnMap) -> FileRead:
    """Read an OFX file. Raises FileError with the line; then nothing of the file is used.

    `columns` is what mainstay.toml says; its decimal mark and currency count where the file leaves them open.
    """
    tree = parse(source)
    notes = [*tree.notes, *_statuses(source, tree.root)]
    statements = [element for element in tree.root.iter() if element.name in {"STMTRS", "INVSTMTRS"}]
    if not statements:
        raise source.error(f"there is no statement in the file, only {_contents(tree.root)}", remedy=_ASK)
    decimals = _decimals(source, statements, columns.decimal)
    entries = [element.line for element in tree.root.iter() if element.name in _ENTRIES]
    read = [_Statement(source, tree, element, decimals, columns.currency_code) for element in statements]
    _check_count(source, entries, read)
    if not any(one.drafts for one in read) and all(one.element.name == "INVSTMTRS" for one in read):
        what = "the file holds only securities (trades, positions) of an investment account, and no cash entries"
        raise source.error(what, line=read[0].element.line, remedy=_PAID)
    read = _once(tree.text, read)
    notes += [note for one in read for note in one.notes]
    notes += _balances(read)
    version = "2" if re.search("OFXHEADER\\s*=", tree.header, re.IGNORECASE) else "1"
    parts = tuple(part for one in read for part in one.parts())
    return FileRead(f"OFX {version}", parts, tuple(with_counts(notes)))


class _Decimals(NamedTuple):
    """The decimal marks of a file. The standard allows both, and some banks write balances with the other one."""

    entries: str
    balances: str


class _Statement:
    """One STMTRS (of an account or a card) or INVSTMTRS as it is read."""

    def __init__(self, source: Source, tree: Tree, element: Element, decimals: _Decimals, currency: str) -> None:
        self.source = source
        self.element = element
        self.notes: list[str] = []
        self.account = account_of(element.find("BANKACCTFROM") or element.find("INVACCTFROM"))
        self.count = 0
        place = element
        try:
            self.currency = _currency(source, element, currency)
            self.closing, self.closing_on = self.balance(element, decimals.balances)
            self.lists = element.findall(*_LISTS)
            self.from_on, self.to_on = self.day("DTSTART"), self.day("DTEND")
            read: list[EntryRead] = []
            for place, pending in self.entries():
                self.count += 1
                read.append(read_entry(place, tree.text, self.currency, decimals.entries, pending=pending))
                place.children = []  # a large file's tree and lines would not fit together
        except UnreadableError as error:
            raise source.error(str(error), line=place.line, entry=self.count, remedy=AGAIN) from error
        self.notes += ["Entries whose type contradicts the sign of their amount, which was believed"] * sum(
            entry.odd_sign for entry in read
        )
        self.drafts = self.marked(self.corrected(read))
        self.remark()

    def balance(self, statement: Element, decimal: str) -> tuple[Money | None, str]:
        """Give the balance the bank states, and its day. As it proves nothing, one that can't be read is only told."""
        balance = statement.find("LEDGERBAL")
        if balance is None or not balance.text("BALAMT"):
            return None, ""
        try:
            return amount_at(balance, "BALAMT", decimal, self.currency), day_at(balance, "DTASOF")
        except UnreadableError as error:
            self.notes.append(f"The balance in line {balance.line} can't be read and is left out: {error}.")
            return None, ""

    def day(self, name: str) -> str:
        """Give the first or last day of the list of booked entries, "" when it does not say."""
        booked = next((one for one in self.lists if one.name != "BANKTRANLISTP"), None)
        return day_at(booked, name) if booked is not None else ""

    def entries(self) -> Iterable[tuple[Element, bool]]:
        """Give each entry, and whether it is pending. Raises FileError when a list holds what is no entry."""
        for one in self.lists:
            for child in one.children:
                if child.name in _ENTRIES:
                    yield child, one.name == "BANKTRANLISTP" or child.name == "STMTTRNP"
                elif child.name == "INVBANKTRAN":
                    yield from ((entry, False) for entry in child.findall(*_ENTRIES))
                elif child.children and one.name == "INVTRANLIST":
                    self.notes.append("Trades and income of securities, left out")
                elif child.children:
                    what = f"there is {child.name} among the entries, which OFX does not know"
                    raise self.source.error(what, line=child.line, remedy=AGAIN)

    def corrected(self, read: list[EntryRead]) -> list[Draft]:
        """Leave out the entries that others correct or delete, as the standard has it."""
        entries = [entry for entry in read if not entry.deletes]
        uses = Counter(entry.draft.line.bank_id for entry in entries)
        corrected = {entry.corrects for entry in read if entry.corrects}
        sure = {fitid for fitid in corrected if uses[fitid] == 1}
        kept = [entry for entry in entries if entry.draft.line.bank_id not in sure]
        self.notes += ["Entries that the bank corrects or deletes in the same file, left out"] * len(sure)
        self.notes += [
            f"The bank corrects or deletes entry {one[:40]}, of which this file holds {uses[one]}: see to it by hand."
            for one in sorted(corrected - sure)
        ]
        return [entry.draft for entry in kept]

    def marked(self, drafts: list[Draft]) -> list[Draft]:
        """Take the mark from short numbers, which may only count the entries of the file; tell of repeated ones.

        It goes by each number alone: whether others follow it depends on where an export begins.
        """
        uses = Counter(draft.mark for draft in drafts if draft.mark)
        self.notes += ["Entries whose id (FITID) others have too; all are kept"] * sum(
            count for count in uses.values() if count > 1
        )
        return [structs.replace(draft, mark="") if _COUNTS.fullmatch(draft.mark) else draft for draft in drafts]

    def remark(self) -> None:
        """Say what an owner should know of the statement as a whole."""
        if not self.account:
            self.notes.append(NO_ACCOUNT)
        if not self.lists:
            self.notes.append("Statements with balances alone, without a list of entries")
        strange = Counter(draft.line.amount.currency for draft in self.drafts)
        del strange[self.currency]
        self.notes += [
            f"Entries in {code}, as the file says, and not in {self.currency}: {count}."
            for code, count in sorted(strange.items())
        ]

    def parts(self) -> list[Part]:
        """Part the lines by currency, which nearly always means one part."""
        moved = {draft.line.amount.currency for draft in self.drafts}
        codes = {*moved, self.currency} if self.closing is not None else moved or {self.currency}
        return [self.part(code) for code in sorted(codes)]

    def part(self, currency: str) -> Part:
        """Give the lines in one currency."""
        drafts = tuple(draft for draft in self.drafts if draft.line.amount.currency == currency)
        head = AccountStatement(
            account=self.account,
            currency=currency,
            balance="absent",
            count=len(drafts),
            closing=self.closing if currency == self.currency else None,
            from_on=self.from_on,
            to_on=self.to_on,
        )
        return Part(head, drafts)


def _currency(source: Source, statement: Element, stand_in: str) -> str:
    """Give the currency of a statement, or that of all its entries, or what mainstay.toml says."""
    entries = [element for element in statement.iter() if element.name in _ENTRIES]
    codes = {entry.text("CURRENCY/CURSYM") for entry in entries}
    said = statement.text("CURDEF") or (codes.pop() if len(codes) == 1 else "") or stand_in
    if not said:
        raise source.error("nothing says the currency (CURDEF)", line=statement.line, remedy=NAME_CURRENCY)
    return code_of(said)


def _decimals(source: Source, statements: Sequence[Element], told: str) -> _Decimals:
    """Find the decimal marks of entries and of balances, each over the whole file."""
    digits = {CURRENCY_DIGITS.get(one.text("CURDEF").upper(), 2) for one in statements}
    found: dict[str, list[Element]] = {"TRNAMT": [], "BALAMT": []}
    for element in (element for one in statements for element in one.iter()):
        if element.name in found and element.value:
            found[element.name].append(element)
    entries = _decimal(source, found["TRNAMT"], digits, told)
    return _Decimals(entries, _decimal(source, found["BALAMT"], digits, entries if found["TRNAMT"] else told))


def _decimal(source: Source, numbers: Sequence[Element], digits: set[int], told: str) -> str:
    """Find the decimal mark of amounts; `told` decides where they leave it open."""
    try:
        return decimal_or_told([element.value for element in numbers], max(digits), told)
    except UnreadableError as error:
        if digits == {3}:  # as in 1.250 KWD
            return "," if "," in error.text else "."
        line = next((element.line for element in numbers if element.value == error.text), 0)
        remedy = f"If a decimal comma, {setting('bank.columns', _COMMA)}."
        raise source.error(str(error), line=line, remedy=remedy) from error


def _statuses(source: Source, root: Element) -> list[str]:
    """Refuse a file in which the bank answers with an error; give its warnings."""
    notes: list[str] = []
    for status in (element for element in root.iter() if element.name == "STATUS"):
        severity, code = status.text("SEVERITY").upper(), status.text("CODE")[:10]
        said = status.text("MESSAGE")[:200] or "without a message"
        if severity == "ERROR":
            what = f"the bank answered with an error instead of a statement: {said} (code {code})"
            raise source.error(what, line=status.line, remedy="Export the statement again; if it stays, ask the bank.")
        if severity == "WARN":
            notes.append(f"The bank warns: {said} (code {code}).")
    return notes


def _contents(root: Element) -> str:
    """Name what a file without a statement holds."""
    known = {
        "SIGNONMSGSRSV1": "a sign-on",
        "SIGNUPMSGSRSV1": "a list of accounts",
        "SECLISTMSGSRSV1": "a list of securities",
        "LOANMSGSRSV1": "a loan",
        "BANKMSGSRSV1": "messages of other kinds",
    }
    names = dict.fromkeys(known.get(child.name, child.name[:30]) for child in root.children)
    return " and ".join(names) or "an empty <OFX>"


def _check_count(source: Source, entries: Sequence[int], read: Sequence[_Statement]) -> None:
    """Refuse a file with entries outside of the lists that are read: none is dropped in silence."""
    count = sum(one.count for one in read)
    if len(entries) != count:
        what = f"of {len(entries):,} entries in the file only {count:,} stand in lists of statements"
        raise source.error(what, line=entries[0], remedy=AGAIN)


def _once(text: str, read: Sequence[_Statement]) -> list[_Statement]:
    """Leave out copies of a statement, and entries that an earlier statement of the account holds with the same id."""
    distinct = list({" ".join(text[one.element.start : one.element.end].split()): one for one in read}.values())
    if len(distinct) < len(read):
        distinct[0].notes += [COPIES] * (len(read) - len(distinct))
    seen: dict[str, set[BankLine]] = {}
    for one in distinct:
        known = seen.setdefault(one.account, set())
        kept = [draft for draft in one.drafts if not (draft.mark and draft.line in known)]
        one.notes += ["Entries that stood in two statements of one account, kept once"] * (len(one.drafts) - len(kept))
        known.update(draft.line for draft in one.drafts)
        one.drafts = kept
    return distinct


def _balances(read: Sequence[_Statement]) -> list[str]:
    """Say what the bank says of its balances, and that it proves nothing."""
    stated = [one for one in read if one.closing is not None]
    told = list(dict.fromkeys(f"{one.closing}" + f" on {one.closing_on}" * bool(one.closing_on) for one in stated))
    if not told:
        return ["The file gives no balances, so nothing shows that it is complete."]
    said = ", ".join(told[:_MANY]) + ", ..." * (len(told) > _MANY)
    return [f"The file says a balance of {said}; without an opening one that proves nothing about completeness."]
