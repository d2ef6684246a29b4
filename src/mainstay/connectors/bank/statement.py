"""What all readers of bank files share: the result, and how several files become one.

`line_ids` knows a line that two files hold. The same entry read from another format (CSV beside camt) has other
fields, and therefore another id; files that are read together, and the books (records.Entry), know it by its account,
day and amount.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
from msgspec import structs

from mainstay.connectors.bank.line_ids import ID_HEX, Account, Numbered, digest, number
from mainstay.connectors.currencies import sums_of
from mainstay.records import BankLine, Date, Doubt, Payout
from mainstay.values import Money, PersonalText, say_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.records import Layout

RAW_LIMIT = 4000  # characters kept of an entry as the bank sent it; a record larger than a page helps nobody
TEXT_LIMIT = 2000  # characters of the text of a line
# What banks write, in capitals, where they have no name or reference.
FILLERS = frozenset("NONREF NOTPROVIDED NOTAVAILABLE NONE N/A NA NULL".split()) | {"KEINE INFORMATION VORHANDEN"}
COPIES = "Copies of a statement in the same file, left out"
JOINED = "Pages joined to the statement before them"


class AccountStatement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One account over one period in one currency. Its lines are `count` of the file's, in the same order."""

    account: str  # IBAN or the bank's number, "" when the file does not name it
    currency: str
    balance: Literal["checked", "absent"]
    count: int
    opening: Money | None = None
    closing: Money | None = None
    from_on: Date = ""
    to_on: Date = ""
    id: str = ""


class FileReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the files that were read. `count` lines are kept of it; `note` tells what was guessed or left out."""

    name: PersonalText
    format: str  # "camt.053.001.08", "CSV"
    count: int
    balance: Literal["checked", "absent"]
    from_on: Date = ""  # as the file says it, else of its first and last line
    to_on: Date = ""
    note: PersonalText = ""


class StatementRead(msgspec.Struct, frozen=True):
    """Bank files as read. `balance` is "checked" when the balances of every statement in them were."""

    format: str  # "camt.053.001.08", "CSV"; several are joined by " and "
    statements: tuple[AccountStatement, ...]
    lines: tuple[BankLine, ...]
    currency: str  # "" when there are several
    balance: Literal["checked", "absent"]
    sums: tuple[Money, ...]  # of the booked lines, one per currency
    count: int
    pending: int  # lines that are not booked yet; they are in `lines`, and in no sum
    note: PersonalText  # what was guessed, joined or left out, in sentences
    files: tuple[FileReport, ...] = ()
    payouts: tuple[Payout, ...] = ()  # of payment providers' reports
    doubts: tuple[Doubt, ...] = ()  # what the operator is to confirm before the lines are believed


class Draft(msgspec.Struct, frozen=True):
    """A line before it has its id. `mark` is the reference the bank vouches for, "" when there is none."""

    line: BankLine
    mark: str = ""
    payout: str = ""  # the id of the payout it is part of


class Part(msgspec.Struct, frozen=True):
    """A statement before its lines have ids. `payouts` know their lines once these do."""

    head: AccountStatement
    drafts: tuple[Draft, ...]
    payouts: tuple[Payout, ...] = ()


class FileRead(msgspec.Struct, frozen=True):
    """What a reader found in one file. A file is read whole, or not at all."""

    format: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()


def raw_of(text: str) -> str:
    """Cut an entry, as the bank sent it, to what is kept."""
    return text if len(text) <= RAW_LIMIT else f"{text[:RAW_LIMIT]}[cut]"


def with_counts(notes: Iterable[str]) -> list[str]:
    """Say what happened several times once, with its count; a whole sentence stays as it is."""
    return [note if note.endswith(".") else f"{note}: {count}." for note, count in Counter(notes).items()]


def assemble(files: Sequence[tuple[str, FileRead]], doubts: Iterable[Doubt] = ()) -> StatementRead:
    """Give the lines of files, each with its name, their ids, and sum up. What stands in two of them is kept once."""
    accounts: dict[tuple[str, str], Account] = {}
    reports: list[FileReport] = []
    statements: list[AccountStatement] = []
    lines: list[BankLine] = []
    payouts: dict[tuple[str, str], Payout] = {}
    seen: dict[str, Counter[_Look]] = {}
    kept_of: dict[str, Sequence[BankLine]] = {}
    for name, read in files:
        numbered = _new_in_any_format(read.format, number(read.parts, accounts), seen)
        kept = [one.line for its in numbered for one in its if one.is_new]
        heads = [
            structs.replace(p.head, count=sum(one.is_new for one in its))
            for p, its in zip(read.parts, numbered, strict=True)
        ]
        left_out = sum(len(part.drafts) for part in read.parts) - len(kept)
        reports.append(_report(name, read, heads, kept, left_out))
        kept_of[name] = kept
        for part, its in zip(read.parts, numbered, strict=True):
            _join(payouts, part, its)
        statements += heads
        lines += kept
    currencies = sorted({statement.currency for statement in statements})
    notes = [f"{report.name}: {report.note}" if len(reports) > 1 else report.note for report in reports if report.note]
    return StatementRead(
        format=" and ".join(dict.fromkeys(report.format for report in reports)),
        statements=tuple(statements),
        lines=tuple(lines),
        currency=currencies[0] if len(currencies) == 1 else "",
        balance="checked" if all(statement.balance == "checked" for statement in statements) else "absent",
        sums=sums_of(line.amount for line in lines if not line.pending),
        count=len(lines),
        pending=sum(line.pending for line in lines),
        note=" ".join(notes),
        files=tuple(reports),
        payouts=tuple(payouts.values()),
        doubts=(*_asked_once([doubt for _, read in files for doubt in read.doubts]), *_alike(kept_of), *doubts),
    )


def _report(
    name: str, read: FileRead, heads: Sequence[AccountStatement], kept: Sequence[BankLine], left_out: int
) -> FileReport:
    told = list(read.notes)
    if left_out:
        told.append(f"{say_count(left_out, 'line')} stood in two statements of one account, kept once.")
    days = sorted(line.booked_on for line in kept)
    begins, ends = ([day for head in heads if (day := getattr(head, end))] for end in ("from_on", "to_on"))
    return FileReport(
        name=name,
        format=read.format,
        count=len(kept),
        balance="checked" if heads and all(head.balance == "checked" for head in heads) else "absent",
        from_on=min(begins or days[:1], default=""),
        to_on=max(ends or days[-1:], default=""),
        note=" ".join(told),
    )


def _asked_once(doubts: Sequence[Doubt]) -> list[Doubt]:
    """Ask once about files with the same columns, unless they are read in different ways."""
    asked: list[Doubt] = []
    for doubt in doubts:
        layout = doubt.layout
        at = next((n for n, other in enumerate(asked) if layout and _agree(other.layout, layout)), -1)
        if layout is None or at < 0:
            asked.append(doubt)
            continue
        before = asked[at]
        columns = {**layout.columns, **(before.layout.columns if before.layout else {})}
        body = f"{before.body}\n{doubt.file} has the same columns, and is read as this one."
        ident = digest("layouts", before.id, doubt.id)[:ID_HEX]
        asked[at] = structs.replace(before, id=ident, body=body, layout=structs.replace(layout, columns=columns))
    return asked


def _agree(one: Layout | None, other: Layout) -> bool:
    """Tell whether two layouts are the same as far as both say."""
    return (
        one is not None
        and one.id == other.id
        and all(other.columns.get(key, value) == value for key, value in one.columns.items())
    )


ALIKE_FILES = 50  # held against each other; who gives more has them from one place
ALIKE_LINES = 3  # of two files: so many entries of equal days and amounts are no chance
_Look: TypeAlias = tuple[str, str, Money]  # account, day, amount


def _new_in_any_format(
    format_: str, numbered: list[list[Numbered]], seen: dict[str, Counter[_Look]]
) -> list[list[Numbered]]:
    """Mark the lines that a file of another format holds too as not new, and remember those of this file.

    Their ids differ, so they are told by account, day and amount, where both files name the account. Where this file
    has more lines that look alike than the other, nothing tells which of them is new, so all stay. Lines that are
    not booked yet stand for nothing, and nothing for them.
    """
    here = Counter(_look(one.line) for its in numbered for one in its if not one.line.pending)
    kind = format_.partition(".")[0]
    known = {
        look
        for look, count in here.items()
        if look[0] and any(other != kind and looks[look] >= count for other, looks in seen.items())
    }
    seen[kind] = seen.get(kind, Counter()) | here
    return [
        [one._replace(is_new=one.is_new and (one.line.pending or _look(one.line) not in known)) for one in its]
        for its in numbered
    ]


def _look(line: BankLine) -> _Look:
    return (line.account, line.booked_on, line.amount)


def _alike(kept: dict[str, Sequence[BankLine]]) -> list[Doubt]:
    """Ask about files that seem to hold the same payments under two accounts, or none: then they would count twice."""
    looks = {name: Counter((line.booked_on, line.amount) for line in lines) for name, lines in kept.items()}
    asked: list[Doubt] = []
    for first, second in combinations(looks, 2) if len(looks) <= ALIKE_FILES else ():
        shared = (looks[first] & looks[second]).total()
        fewer = min(looks[first].total(), looks[second].total())
        if shared >= ALIKE_LINES and shared * 2 >= fewer:
            asked.append(
                Doubt(
                    id=digest("alike", first, second, str(shared))[:ID_HEX],
                    kind="conflict",
                    file=second,
                    headline=f"{first} and {second} seem to hold the same payments",
                    body=f"{say_count(shared, 'line')} of {fewer} have the same day and amount, but the files do not "
                    "name the same account. Both are read, so each of these payments counts twice.",
                    remedy="If they are of one account and one month, give only one of them.",
                )
            )
    return asked


def _join(payouts: dict[tuple[str, str], Payout], part: Part, numbered: Sequence[Numbered]) -> None:
    """Add the payouts of a part with their lines. One that two files have is kept once, the one that has lines."""
    line_ids: dict[str, list[str]] = {}
    for one in numbered:
        line_ids.setdefault(one.payout, []).append(one.line.id)
    for payout in part.payouts:
        whole = structs.replace(payout, line_ids=tuple(line_ids.get(payout.id, ())))
        known = payouts.setdefault((payout.provider, payout.id), whole)
        if not known.line_ids:
            payouts[payout.provider, payout.id] = whole
