"""SWIFT statements: MT940 and MT950, and the interim reports MT942, as banks export them with and without blocks.

`mt940_fields` parts the file into fields, `mt940_entry` reads an entry, `mt940_details` what the bank says about it.

Balances. Opening (:60F:, :60M:) plus all lines must be closing (:62F:, :62M:) to the last minor unit, page by page. A
statement without both is cut off and refused. Interim reports have none ("absent"); their counts and sums (:90D:,
:90C:) are checked, and without these the end mark must be there, as nothing else shows that the file is whole.

Pages. A page that closes with :62M: goes on in the next that opens with :60M:, of the same account and number.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import msgspec

from mainstay.connectors.bank.mt940_entry import amount_of, day_of, read_entry
from mainstay.connectors.bank.mt940_fields import AGAIN, Field, Message, looks_like, messages_of
from mainstay.connectors.bank.statement import COPIES, JOINED, AccountStatement, Draft, FileRead, Part, with_counts
from mainstay.connectors.currencies import code_of
from mainstay.connectors.source import UnreadableError
from mainstay.values import Money, say_count

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from mainstay.connectors.source import Source

__all__ = ["looks_like", "read"]

_WHOLE = "Export the statement again for the whole period; lines are missing, cut off or altered."
_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})?([0-9]+(?:,[0-9]*)?)")
_SUM = re.compile(r"([0-9]{1,15})([A-Z]{3})([0-9]+(?:,[0-9]*)?)")
_FLOOR = re.compile(r"([A-Z]{3})[CD ]?([0-9]+(?:,[0-9]*)?)")
_NUMBER = re.compile(r"([0-9]{1,15})(?:/([0-9]{1,15}))?")
_AVAILABLE = frozenset({"64", "65"})  # balances that are read only to see that they are whole
_SUMS = frozenset({"90D", "90C"})
_INTERIM = frozenset({"13", "13D", "34F"}) | _SUMS  # fields of MT942
_GERMAN = re.compile("([1-9][0-9]{7})/([0-9]{1,10})")  # :25: of German banks


class _Balance(msgspec.Struct, frozen=True):
    """A balance. Some banks leave out the currency of all but the first."""

    final: bool
    on: str
    negative: bool
    amount: str  # "12,50"
    currency: str
    line: int


class _Page(msgspec.Struct, frozen=True):
    """The fields of one statement, or of one page of it, by what they are for."""

    kind: str  # "940", "942" ...
    line: int
    heads: dict[str, Field]  # 20, 25, 28C
    opening: _Balance | None
    closing: _Balance | None
    entries: tuple[tuple[Field, ...], ...]
    others: tuple[Field, ...]
    ended: bool


class _Sheet(msgspec.Struct, frozen=True):
    """A page as read and checked, or several joined."""

    head: AccountStatement
    drafts: tuple[Draft, ...]
    number: str
    page: int
    begins: bool  # with a final opening balance
    ends: bool  # with a final closing balance
    line: int
    notes: tuple[str, ...]


def read(source: Source) -> FileRead:
    """Read a SWIFT file. Raises FileError with the line; then nothing of the file is used."""
    messages = messages_of(source)
    pages = [page for message in messages for page in _Pages(source, message).pages()]
    distinct = list({_content(page): page for page in pages}.values())
    sheets = _joined(source, [_sheet(source, page) for page in distinct])
    notes = [note for sheet in sheets for note in (*sheet.notes, *_open_ends(sheet))]
    notes += [COPIES] * (len(pages) - len(distinct))
    kinds = dict.fromkeys(f"MT{page.kind}" for page in pages)
    parts = tuple(Part(sheet.head, sheet.drafts) for sheet in sheets)
    return FileRead(" and ".join(kinds), parts, tuple(with_counts(notes)))


def _content(page: _Page) -> tuple[str, ...]:
    fields = [*page.heads.values(), *(field for entry in page.entries for field in entry), *page.others]
    ends = [
        str(end and (end.final, end.on, end.negative, end.amount, end.currency)) for end in (page.opening, page.closing)
    ]
    return (*ends, *(field.raw for field in fields))


# --- the fields of a message --------------------------------------------------------------------------------------


class _Pages:
    """Sorts the fields of a message. A balance or an account behind a closing balance begins a new page."""

    def __init__(self, source: Source, message: Message) -> None:
        self.source = source
        self.message = message
        self.done: list[_Page] = []
        self.heads: dict[str, Field] = {}
        self.clear(message.fields[0].line)

    def clear(self, line: int) -> None:
        """Begin a page; what stands in `heads` goes on to hold."""
        self.line = line
        self.opening: _Balance | None = None
        self.closing: _Balance | None = None
        self.entries: list[list[Field]] = []
        self.others: list[Field] = []
        self.given: set[str] = set()  # of `heads`, what this page says itself
        self.in_entry = False

    def pages(self) -> list[_Page]:
        """Give all pages, one as a rule."""
        for field in self.message.fields:
            self.take(field)
        self.finish()
        return self.done

    def take(self, field: Field) -> None:
        """Put a field where it belongs; raises FileError when it stands where it can't."""
        tag = field.tag[:2]
        if tag in {"20", "21", "25", "28", "60"} and self.closing is not None:
            self.finish()
            self.clear(field.line)
        if tag in {"20", "21", "25", "28"}:
            self.take_head(field, tag)
        elif tag == "60":
            self.opening = self.balance(field, self.opening)
        elif tag == "62":
            self.closing = self.balance(field, self.closing)
            self.in_entry = False
        elif tag == "61":
            if self.closing is not None or not self.heads:
                self.misplaced(field)
            self.entries.append([field])
            self.in_entry = True
        elif field.tag in {"86", "NS"}:
            (self.entries[-1] if self.in_entry else self.others).append(field)
        else:
            if field.tag in _SUMS and any(other.tag == field.tag for other in self.others):
                self.misplaced(field)
            self.others.append(field)
            self.in_entry = False

    def take_head(self, field: Field, tag: str) -> None:
        """Take a reference, the account or the number."""
        if self.entries or self.opening is not None or tag in self.given:
            self.misplaced(field)
        self.given.add(tag)
        self.heads[tag] = field

    def balance(self, field: Field, before: _Balance | None) -> _Balance:
        """Read a balance, of which a page has one at either end."""
        if before is not None or not self.heads or (field.tag[:2] == "60" and self.entries):
            self.misplaced(field)
        with _placed(self.source, field.line):
            return _balance(field)

    def misplaced(self, field: Field) -> NoReturn:
        """Say that a field stands outside of its statement."""
        what = f"the field :{field.tag}: stands outside of a statement; something before it is missing or damaged"
        if not self.heads:
            what = f"this begins with :{field.tag}:, so it is a piece of a statement: :20:, :25: and :60F: are missing"
        raise self.source.error(what, line=field.line, remedy=AGAIN)

    def finish(self) -> None:
        """Make a page of the fields so far."""
        kind = self.message.kind
        balanced = self.opening is not None or self.closing is not None
        if not kind:
            kind = "942" if not balanced and any(field.tag in _INTERIM for field in self.others) else "940"
        page = _Page(
            kind=kind,
            line=self.line,
            heads=dict(self.heads),
            opening=self.opening,
            closing=self.closing,
            entries=tuple(tuple(entry) for entry in self.entries),
            others=tuple(self.others),
            ended=self.message.ended,
        )
        self.done.append(page)


# --- a page -------------------------------------------------------------------------------------------------------


def _sheet(source: Source, page: _Page) -> _Sheet:
    """Read a page, and check it by its balances or sums."""
    _check_whole(source, page)
    currency = _currency(source, page)
    number, sequence = _numbered(page.heads.get("28"))
    drafts = tuple(_draft(source, entry, currency) for entry in page.entries)
    for field in page.others:
        if field.tag in _AVAILABLE:
            with _placed(source, field.line):
                _balance(field)
    ends = (_money(source, page.opening, currency), _money(source, page.closing, currency))
    if ends[0] is not None and ends[1] is not None:
        _check_balances(source, page, drafts, ends[0], ends[1])
    else:
        _check_sums(source, page, drafts)
    days = sorted(draft.line.booked_on for draft in drafts)
    head = AccountStatement(
        account=_account(page.heads["25"], currency),
        currency=currency,
        balance="checked" if ends[0] is not None else "absent",
        count=len(drafts),
        opening=ends[0],
        closing=ends[1],
        from_on=days[0] if days else page.opening.on if page.opening else "",
        to_on=max([*days[-1:], page.closing.on if page.closing else ""]),
        id=number,
    )
    remarks = sum(field.tag == "86" and bool(field.raw[4:].strip()) for field in page.others)
    notes = ("What the bank says about a whole statement, left out",) * remarks
    begins, final = page.opening is None or page.opening.final, page.closing is None or page.closing.final
    return _Sheet(head, drafts, number, sequence, begins, final, page.line, notes)


def _check_whole(source: Source, page: _Page) -> None:
    """Refuse a page that lacks what every statement has."""
    missing = [name for tag, name in (("25", "account (:25:)"),) if tag not in page.heads]
    if page.kind != "942" or page.opening is not None or page.closing is not None:
        missing += ["opening balance (:60F:)"] * (page.opening is None)
        missing += ["closing balance (:62F:)"] * (page.closing is None)
    elif not page.ended and not any(field.tag in _SUMS for field in page.others):
        missing.append("end: neither sums (:90D:, :90C:) nor a mark (-)")
    if missing:
        what = f"the statement that begins here has no {', no '.join(missing)}; it was cut off, or is a piece of one"
        raise source.error(what, line=page.line, remedy=AGAIN)


def _currency(source: Source, page: _Page) -> str:
    """Find the one currency of a page, in its balances, floor limits and sums."""
    said = [(end.currency, end.line) for end in (page.opening, page.closing) if end is not None and end.currency]
    for field in page.others:
        if field.tag in {"34F", *_SUMS}:
            with _placed(source, field.line):
                said.append((_floor(field)[0] if field.tag == "34F" else _sum(field)[1], field.line))
    if not said:
        raise source.error("nothing says the currency of this statement", line=page.line, remedy=AGAIN)
    currency = said[0][0]
    for other, line in said:
        with _placed(source, line):
            code_of(other)
        if other != currency:
            what = f"the statement is in {currency}, but here in {other}"
            raise source.error(what, line=line, remedy=AGAIN)
    return currency


def _draft(source: Source, entry: tuple[Field, ...], currency: str) -> Draft:
    with _placed(source, entry[0].line):
        return read_entry(entry, currency)


def _money(source: Source, balance: _Balance | None, currency: str) -> Money | None:
    if balance is None:
        return None
    with _placed(source, balance.line):
        amount = amount_of(balance.amount, currency)
        return -amount if balance.negative else amount


def _check_balances(source: Source, page: _Page, drafts: Sequence[Draft], opening: Money, closing: Money) -> None:
    moved = Money(sum(draft.line.amount.minor for draft in drafts if not draft.line.pending), opening.currency)
    difference = closing - opening - moved
    if difference.minor:
        what = (
            f"the balances do not agree: the opening balance {opening} and the lines ({moved}) make {opening + moved},"
            f" the closing balance says {closing}; the difference is {difference}"
        )
        raise source.error(what, line=page.line, remedy=_WHOLE)


def _check_sums(source: Source, page: _Page, drafts: Sequence[Draft]) -> None:
    """Hold counts and sums of an interim report against its lines; expected ones may be counted or not."""
    listed_from = [_floor(field)[1] for field in page.others if field.tag == "34F"]
    for field in page.others:
        if field.tag not in _SUMS:
            continue
        with _placed(source, field.line):
            count, currency, number = _sum(field)
            told = (count, amount_of(number, currency).minor)
        sign, name = (1, "credit") if field.tag == "90C" else (-1, "debit")
        lines = [(draft.line.amount.minor * sign, draft.line.pending) for draft in drafts]
        booked = [minor for minor, pending in lines if minor > 0 and not pending]
        every = [minor for minor, _ in lines if minor > 0]
        small_left_out = any(limit.strip("0,") for limit in listed_from) and count > len(every)
        if told not in {(len(booked), sum(booked)), (len(every), sum(every))} and not small_left_out:
            what = (
                f"the bank counts {say_count(count, name)} of {Money(told[1], currency)},"
                f" the report holds {len(every)} of {Money(sum(every), currency)}"
            )
            raise source.error(what, line=field.line, remedy=_WHOLE)


def _account(field: Field, currency: str) -> str:
    """Give the account without spaces, and without the currency some banks write behind it."""
    account = "".join(field.lines[0].split()).upper()
    account = account.removesuffix(currency) or account
    german = _GERMAN.fullmatch(account)
    return german_iban(german[1], german[2]) if german else account


def german_iban(bank: str, number: str) -> str:
    """Make the IBAN of a German account, of the bank's eight digits and the account's number.

    German banks write both in :25:, and the IBAN in all other formats. ISO 13616: two check digits modulo 97, then
    eight digits of the bank and ten of the account.
    """
    account = bank + number.zfill(10)
    return f"DE{98 - int(f'{account}131400') % 97:02}{account}"


# --- pages --------------------------------------------------------------------------------------------------------


def _joined(source: Source, sheets: Iterable[_Sheet]) -> list[_Sheet]:
    """Join pages that follow each other; raises FileError when one between them is missing."""
    statements: list[list[_Sheet]] = []
    for sheet in sheets:
        before = statements[-1][-1] if statements else None
        if before is None or not _continues(before, sheet):
            statements.append([sheet])
            continue
        if before.head.closing != sheet.head.opening or sheet.page > before.page + 1:
            what = (
                f"page {sheet.page} of statement {sheet.number} opens with {sheet.head.opening}, but that before it,"
                f" page {before.page}, closes with {before.head.closing}; a page is missing between them"
            )
            raise source.error(what, line=sheet.line, remedy=_WHOLE)
        statements[-1].append(sheet)
    return [_join(pages) for pages in statements]


def _continues(first: _Sheet, second: _Sheet) -> bool:
    same = (first.head.account, first.number) == (second.head.account, second.number)
    return same and not first.ends and not second.begins and second.page >= first.page


def _join(pages: Sequence[_Sheet]) -> _Sheet:
    first, last = pages[0], pages[-1]
    head = msgspec.structs.replace(
        first.head,
        count=sum(page.head.count for page in pages),
        closing=last.head.closing,
        from_on=min(page.head.from_on for page in pages),
        to_on=max(page.head.to_on for page in pages),
    )
    notes = [note for page in pages for note in page.notes]
    return msgspec.structs.replace(
        first,
        head=head,
        drafts=tuple(draft for page in pages for draft in page.drafts),
        page=last.page,
        ends=last.ends,
        notes=(*notes, *[JOINED] * (len(pages) - 1)),
    )


def _open_ends(sheet: _Sheet) -> list[str]:
    """Say of which statements pages are not in the file; what is there was checked."""
    before = ["Statements that begin on an earlier page, which is not in this file"] * (not sheet.begins)
    return before + ["Statements that go on on a page that is not in this file"] * (not sheet.ends)


# --- fields -------------------------------------------------------------------------------------------------------


@contextmanager
def _placed(source: Source, line: int) -> Generator[None]:
    """Turn what can't be read into an error that names the line."""
    try:
        yield
    except UnreadableError as error:
        raise source.error(str(error), line=line, remedy=AGAIN) from error


def _parts(pattern: re.Pattern[str], field: Field, what: str) -> re.Match[str]:
    text = field.lines[0].strip()
    found = pattern.fullmatch(text)
    if found is None:
        raise UnreadableError(f":{field.tag}: holds {text[:40]!r}, which is no {what}")
    return found


def _balance(field: Field) -> _Balance:
    found = _parts(_BALANCE, field, "balance")
    day = day_of(found[2]).isoformat()
    return _Balance(not field.tag.endswith("M"), day, found[1] == "D", found[4], found[3] or "", field.line)


def _sum(field: Field) -> tuple[int, str, str]:
    found = _parts(_SUM, field, "count and sum")
    return int(found[1]), found[2], found[3]


def _floor(field: Field) -> tuple[str, str]:
    found = _parts(_FLOOR, field, "floor limit")
    return found[1], found[2]


def _numbered(field: Field | None) -> tuple[str, int]:
    """Give number and page of a statement, ("", 0) when it has none; nothing is refused for a strange one."""
    text = field.lines[0].strip() if field is not None else ""
    found = _NUMBER.fullmatch(text)
    return (found[1], int(found[2] or 0)) if found else (text, 0)
