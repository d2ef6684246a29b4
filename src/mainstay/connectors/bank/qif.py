"""QIF files, as Quicken and many banks write them: one letter and a value per line, `^` after each record.

The format leaves open what matters most. It is found out over the whole file, or asked for where that does not tell:
 - Day and month: by a day above 12, else by `date_format` under [bank.columns] in mainstay.toml, which also says
   where a year of two digits stands if it may stand first. 1/ 5'26 is Quicken's way to write a year after 1999.
 - The decimal mark: by the amounts, else by `decimal`. The currency: always by `currency_code`.
 - Entries of banks, cash, cards, assets and liabilities are read. Lists (categories, classes, memorised payments) and
   securities are left out, and counted in the note; a file with nothing else is refused.
 - "Opening Balance" is Quicken's first record of an account and no payment: it is left out, and told.
 - The parts of a split must add up to its entry.
There are no balances and no end of the file: one that was cut between two records looks whole. The note says so.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.bank.columns import NO_ACCOUNT
from mainstay.connectors.bank.statement import TEXT_LIMIT, AccountStatement, Draft, FileRead, Part, raw_of
from mainstay.connectors.cells import decimal_or_told, format_shown, guess_date_format, iso_day, plain_number
from mainstay.connectors.currencies import code_of, money_of
from mainstay.connectors.source import Source, UnreadableError, unix_lines
from mainstay.connectors.tables import NAME_CURRENCY, NAME_DECIMAL, decode, setting
from mainstay.records import BankLine
from mainstay.values import CURRENCY_DIGITS, Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.connectors.bank.columns import ColumnMap

MAX_RECORDS = 300_000  # as many as fit into the 16 MB a text may have; half a gigabyte when read
MAX_FIELDS = 1000  # of one record; Quicken has at most 250 splits

# Kinds of section, as "!Type:" names them: small letters without spaces.
ENTRIES = frozenset("bank cash ccard otha othl oths banque banca banco bargeld kreditkarte".split())
SECURITIES = frozenset("invst port 401(k)/403(b) security prices".split())
LISTS = frozenset("cat class memorized budget tag tax template invoice bill invitem".split())
# What Quicken calls the first record of an account, in the languages it has.
OPENING = frozenset(
    {
        "opening balance",
        "anfangssaldo",
        "anfangsbestand",
        "eröffnungssaldo",
        "solde initial",
        "solde d'ouverture",
        "saldo iniziale",
        "saldo inicial",
        "beginsaldo",
        "openingssaldo",
    }
)

_BEGINS = re.compile(rb"^\W{0,9}!(?:Type|Account|Option|Clear)\b", re.IGNORECASE | re.MULTILINE)
_BARE = re.compile(rb"\A\W{0,9}D\s?[0-9][^\n]{5,25}\n(?:[A-Z$%][^\n]{0,500}\n){1,40}\^\s*$", re.MULTILINE)
_FIELDS = frozenset("DTUCNPMALSE$£%FX1234567")
# What a record has once.
_PLAIN = {"C": "the mark for cleared", "D": "the date", "N": "the number", "P": "the name", "T": "the amount"}
_PLAIN["U"] = _PLAIN["T"]
_PARTS = ("$", "£")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})(?:['/.-])([0-9]{4}|[0-9]{1,2})")
_YEAR_FIRST = re.compile(r"([0-9]{4})([/.-]?)([0-9]{1,2})\2([0-9]{1,2})")
_NAMED = re.compile(r"([0-9]{1,2})[ ./-]?([A-Za-z]{3})[a-z]*\.?[ ./'-]?([0-9]{4}|[0-9]{2})")
_MONTHS: tuple[str, ...] = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
_SHORT = re.compile(r"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{2}")  # the year, in two digits, may stand first or last
_YEAR_BEFORE = "%y-%m-%d"
_DATE_LIMIT = 40  # characters
_PIVOT = 70  # a year of two digits from here on is of the last century
_AGAIN = "Export the file again, and give it as it came; camt.053 or OFX would say more than QIF can."
_DATES = 'date_format = "%d/%m/%Y"'


class _Record(msgspec.Struct, frozen=True, gc=False):
    """The fields of a record, each with its letter."""

    line: int
    account: str
    fields: tuple[tuple[str, str], ...]

    def text(self, letter: str) -> str:
        """Give the first value with a letter, "" when there is none."""
        return next((value for name, value in self.fields if name == letter), "")

    def texts(self, *letters: str) -> list[str]:
        """Give all values with these letters that are not empty."""
        return [value for name, value in self.fields if name in letters and value]


class _Form(msgspec.Struct, frozen=True):
    """How this file writes amounts and dates."""

    decimal: str
    date_format: str
    currency: str


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file is QIF: by a header, or a first record without one."""
    plain = head.replace(b"\0", b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return not plain.lstrip(b"\xef\xbb\xbf\xff\xfe \t\n").startswith(b"<") and bool(
        _BEGINS.search(plain) or _BARE.search(plain)
    )


def read(source: Source, columns: ColumnMap) -> FileRead:
    """Read a QIF file. Raises FileError with line and entry; then nothing of the file is used.

    `columns` is what mainstay.toml says: the currency, and what else the file leaves open.
    """
    whole = Source(source.name, source.content.rstrip(b"\x1a"))  # which is how DOS ends a file
    text, encoding = decode(whole)
    scan = _Scan(source, unix_lines(text.rstrip()))
    if not scan.records:
        what = "there are no entries of a bank account in the file" + (
            ", only securities" if scan.left_out.keys() & {"securities"} else ""
        )
        raise source.error(what, remedy="Give the statement of the bank account that customers pay to.")
    form = _form(source, scan.records, columns)
    drafts: dict[str, list[Draft]] = {}
    notes: list[str] = []
    named = columns.own_account
    for number, record in enumerate(scan.records, start=1):
        try:
            line = _line(record, form)
        except UnreadableError as error:
            raise source.error(str(error), line=record.line, entry=number, remedy=_AGAIN) from error
        if _is_opening(record):
            named = named or ("" if record.account else record.text("L").strip("[]"))
            notes.append(f"The opening balance of {line.amount} on {line.booked_on} is no payment, and left out.")
            drafts.setdefault(record.account, [])
        else:
            drafts.setdefault(record.account, []).append(Draft(line))
    parts = tuple(_part(account or named, some, form.currency) for account, some in drafts.items())
    told = f"Read as {encoding}, in {form.currency}, which QIF does not say; dates as"
    told += f" {format_shown(form.date_format)}, decimal mark"
    return FileRead("QIF", parts, (f"{told} {form.decimal!r}.", *notes, *scan.notes(), *_proofs(parts)))


class _Scan:
    """Parts a file into records, and keeps those of bank accounts."""

    def __init__(self, source: Source, text: str) -> None:
        self.source = source
        self.records: list[_Record] = []
        self.left_out: Counter[str] = Counter()
        self.strange: Counter[str] = Counter()
        self.bare = False  # entries stand before any header
        self.kind = ""
        self.account = ""
        self.fields: list[tuple[str, str]] = []
        self.begin = 0
        line = 0
        for line, written in enumerate(text.split("\n"), start=1):
            plain = written.strip()
            if plain:
                self.take(plain, line)
        if self.fields:
            self.fail("the last record has no end (^): the file was cut off", line)

    def take(self, text: str, line: int) -> None:
        """Take a line of the file."""
        if not text.strip("^"):  # old versions of Quicken write two
            self.end()
        elif self.fields:
            if text.startswith("!"):
                self.fail(f"there is a header inside the record of line {self.begin}: its end (^) is missing", line)
            if len(self.fields) >= MAX_FIELDS:
                self.fail(f"the record of line {self.begin} has more than {MAX_FIELDS} lines", line)
            self.fields.append((text[0], text[1:].strip()))
        elif text.startswith("!"):
            self.header(text[1:].replace(" ", "").casefold(), text, line)
        elif not text.startswith("#"):  # which begins a remark
            self.begin = line
            self.fields.append((text[0], text[1:].strip()))

    def header(self, plain: str, text: str, line: int) -> None:
        """Begin a section."""
        kind, _, name = plain.partition(":")
        if kind == "account":
            self.kind = "account"
        elif kind == "type":
            self.kind = next((what for what, names in _KINDS.items() if name in names), "")
            if not self.kind:
                self.fail(f"{text[:40]!r} is no kind of account or list that is known in QIF", line)
        elif kind not in {"option", "clear"}:
            self.fail(f"{text[:40]!r} is no header that is known in QIF", line)

    def end(self) -> None:
        """End a record."""
        fields, self.fields = tuple(self.fields), []
        if not fields:
            return
        if self.kind == "account":
            self.account = next((" ".join(value.split()) for letter, value in fields if letter == "N"), "")
        elif self.kind in {"", "entries"}:
            self.bare = self.bare or not self.kind
            self.strange.update(letter for letter, _ in fields if letter not in _FIELDS)
            self.records.append(_Record(self.begin, self.account, fields))
            if len(self.records) > MAX_RECORDS:
                self.fail(f"there are more than {MAX_RECORDS:,} records", self.begin)
        else:
            self.left_out[self.kind] += 1

    def notes(self) -> list[str]:
        """Say what was left out or taken for granted."""
        told = [f"Records of {what}, left out: {count}." for what, count in sorted(self.left_out.items())]
        if self.strange:
            letters = ", ".join(sorted(self.strange)[:10])
            told.append(f"Lines that begin with {letters}, which QIF does not know, left out: {self.strange.total()}.")
        if self.bare:
            told.append("The file has no header; its records were read as those of a bank account.")
        return told

    def fail(self, what: str, line: int) -> None:
        """Raise FileError for a line."""
        raise self.source.error(what, line=line, remedy=_AGAIN)


_KINDS = {"entries": ENTRIES, "securities": SECURITIES, "lists": LISTS}


def _form(source: Source, records: Sequence[_Record], columns: ColumnMap) -> _Form:
    """Find out how the file writes amounts and dates; mainstay.toml decides where it does not tell."""
    if not columns.currency_code:
        raise source.error("QIF does not say its currency", remedy=NAME_CURRENCY)
    try:
        currency = code_of(columns.currency_code)
    except UnreadableError as error:
        raise source.error(str(error), remedy=NAME_CURRENCY) from error
    return _Form(
        _decimal(source, records, currency, columns.decimal),
        _date_format(source, records, columns.date_format),
        currency,
    )


def _decimal(source: Source, records: Sequence[_Record], currency: str, told: str) -> str:
    lines = {_number(cell): record.line for record in reversed(records) for cell in record.texts("T", "U", *_PARTS)}
    try:
        return decimal_or_told(reversed(lines), CURRENCY_DIGITS.get(currency, 2), told)
    except UnreadableError as error:
        remedy = f"Correct the file, or {setting('bank.columns', NAME_DECIMAL)}."
        raise source.error(str(error), line=lines.get(error.text, 0), remedy=remedy) from error


def _date_format(source: Source, records: Sequence[_Record], told: str) -> str:
    """Find how dates are written after `_day`; a short year that stands first is in none of these formats."""
    written = {record.text("D"): record.line for record in reversed(records) if record.text("D")}
    lines = {_day(text): line for text, line in written.items()}
    short = {_packed(text): line for text, line in written.items()}
    opened = "%d" in told and "%m" in told
    try:
        if all(map(_SHORT.fullmatch, short)):
            if told.startswith("%y"):
                return _YEAR_BEFORE
            if not opened:  # else it is told that the year stands last
                guess_date_format(reversed(short), day_first=True)
        return guess_date_format(reversed(lines), day_first=False)
    except UnreadableError as error:
        if opened and all(re.match(r"[0-9]{1,2}/", day) for day in lines):
            return "%d/%m/%Y" if told.index("%d") < told.index("%m") else "%m/%d/%Y"
        remedy = (
            f"Correct the file, or {setting('bank.columns', _DATES)} (%d day, %m month, %Y year; %y/%m/%d if a year"
        )
        remedy += " in two digits stands first)."
        raise source.error(str(error), line={**lines, **short}.get(error.text, 0), remedy=remedy) from error


def _day(text: str) -> str:
    """Write a date with one mark and four digits of the year: 1/ 5'26 is 1/5/2026. What is none stays as it is."""
    packed = _packed(text)
    named = _NAMED.fullmatch(packed)
    if named and named[2].casefold() in _MONTHS:
        return f"{_year(named[3])}-{_MONTHS.index(named[2].casefold()) + 1:02}-{int(named[1]):02}"
    first = _YEAR_FIRST.fullmatch(packed)
    if first:
        return f"{first[1]}-{int(first[3]):02}-{int(first[4]):02}"
    last = _YEAR_LAST.fullmatch(packed)
    if last is None:
        return text
    mark = "." if last[2] == "." else "/"
    return mark.join((last[1], last[3], _year(last[4])))


def _packed(text: str) -> str:
    """Take the spaces around the marks of a date away."""
    return text if len(text) > _DATE_LIMIT else re.sub(r"\s*([/.'-])\s*", r"\1", text.strip())


def _year(digits: str) -> str:
    if len(digits) > 2:  # noqa: PLR2004 - digits of a year in a century
        return digits
    return str(int(digits) + (1900 if int(digits) >= _PIVOT else 2000))


def _number(text: str) -> str:
    """Take away the mark after the last digit, which Quicken writes for whole amounts: 5. is 5."""
    return text.rstrip(".,") if len(text) > 1 else text


def _line(record: _Record, form: _Form) -> BankLine:
    """Make a line of a record; raises UnreadableError."""
    split = next((at for at, (letter, _) in enumerate(record.fields) if letter == "S"), len(record.fields))
    uses = Counter(letter for at, (letter, _) in enumerate(record.fields) if letter != "D" or at < split)
    twice = next((letter for letter in sorted(_PLAIN) if uses[letter] > 1), "")
    if twice:
        raise UnreadableError(
            f"{_PLAIN[twice]} ({twice}) stands twice in one record: its end (^) or a part of the file is missing"
        )
    if not record.text("D"):
        raise UnreadableError("the record has no date (D)")
    number = record.text("N")
    raw = " | ".join(letter + value for letter, value in record.fields)
    return BankLine(
        id="",
        booked_on=_booked_on(record.text("D"), form.date_format),
        amount=_amount(record, form),
        counterparty=" ".join(record.text("P").split()),
        references=(number,) if number.isdigit() and number.strip("0") else (),
        text=" ".join(" ".join(record.texts("M")).split())[:TEXT_LIMIT],
        raw=raw_of(raw),
    )


def _booked_on(text: str, date_format: str) -> str:
    if date_format == _YEAR_BEFORE:
        return iso_day(re.sub("[/.]", "-", _packed(text)), date_format)
    return iso_day(_day(text), date_format)


def _amount(record: _Record, form: _Form) -> Money:
    """Give the amount, which T and U must agree on, and the parts of a split add up to."""
    said = [_money(cell, form) for cell in record.texts("T", "U")]
    if not said:
        raise UnreadableError("the record has no amount (T)")
    if said[0] != said[-1]:
        raise UnreadableError(f"the record says two amounts, {said[0]} and {said[-1]}")
    parts = [_money(cell, form) for cell in record.texts(*_PARTS)]
    total = Money(sum(part.minor for part in parts), form.currency)
    if parts and total != said[0]:
        raise UnreadableError(f"the parts of the split make {total}, the record says {said[0]}")
    return said[0]


def _money(cell: str, form: _Form) -> Money:
    return money_of(plain_number(_number(cell), form.decimal, form.currency), form.currency)


def _is_opening(record: _Record) -> bool:
    """Tell whether a record is the opening balance: by its name, and no category but an account."""
    category = record.text("L")
    return record.text("P").casefold() in OPENING and (not category or category.startswith("["))


def _part(account: str, drafts: Sequence[Draft], currency: str) -> Part:
    days = sorted(draft.line.booked_on for draft in drafts)
    head = AccountStatement(
        account=account,
        currency=currency,
        balance="absent",
        count=len(drafts),
        from_on=days[0] if days else "",
        to_on=days[-1] if days else "",
    )
    return Part(head, tuple(drafts))


def _proofs(parts: Iterable[Part]) -> list[str]:
    """Say what QIF can't prove."""
    told = ["QIF has neither balances nor an end, so nothing shows that the file is complete."]
    if not all(part.head.account for part in parts):
        told.append(NO_ACCOUNT)
    return told
