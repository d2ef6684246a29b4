"""What all readers of bank files share: the result, and the ids of lines.

An id must be the same whenever the same entry is read, also from another, overlapping statement, and must differ
for two entries that only look alike. So it is made of the account, the booking day, the amount, and
 - the reference the bank gave the entry, when nothing else in the statement has all four in common;
 - otherwise all normal fields, and an ordinal among lines that are equal in all of them.
The day is part of every id, so the ordinal counts within one day, however long the statement is. The day and the
amount stand beside the bank's reference because some banks use one again. An id is a digest: it tells nothing.

The same entry read from another format (CSV beside camt) has other fields, and therefore another id.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.connectors.currencies import sums_of
from mainstay.records import BankLine, Date
from mainstay.values import Money, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ID_HEX = 20  # 80 bits: no two of a lifetime's lines meet by chance
RAW_LIMIT = 4000  # characters kept of an entry as the bank sent it; a record larger than a page helps nobody


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


class StatementRead(msgspec.Struct, frozen=True, omit_defaults=True):
    """A bank file as read. `balance` is "checked" when the balances of every statement in it were."""

    format: str  # "camt.053.001.08", "CSV"
    statements: tuple[AccountStatement, ...]
    lines: tuple[BankLine, ...]
    currency: str  # "" when there are several
    balance: Literal["checked", "absent"]
    sums: tuple[Money, ...]  # of the booked lines, one per currency
    count: int
    pending: int  # lines that are not booked yet; they are in `lines`, and in no sum
    note: str  # what was guessed, joined or left out, in sentences


class Draft(msgspec.Struct, frozen=True):
    """A line before it has its id. `mark` is the reference the bank vouches for, "" when there is none."""

    line: BankLine
    mark: str = ""


class Part(msgspec.Struct, frozen=True):
    """A statement before its lines have ids."""

    head: AccountStatement
    drafts: tuple[Draft, ...]


def assemble(format_: str, parts: Sequence[Part], notes: Iterable[str]) -> StatementRead:
    """Give lines their ids and sum up. A day that a second statement repeats is kept once, and the note says so."""
    statements, lines, repeated = _numbered(parts)
    told = list(notes)
    if repeated:
        told.append(f"{repeated} lines stood in two statements of one account; they are kept once.")
    currencies = sorted({statement.currency for statement in statements})
    return StatementRead(
        format=format_,
        statements=tuple(statements),
        lines=tuple(lines),
        currency=currencies[0] if len(currencies) == 1 else "",
        balance="checked" if all(statement.balance == "checked" for statement in statements) else "absent",
        sums=sums_of(line.amount for line in lines if not line.pending),
        count=len(lines),
        pending=sum(line.pending for line in lines),
        note=" ".join(told),
    )


class _Account:
    """What was seen of one account while its statements are numbered; days and ends only of checked statements."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()
        self.days: dict[str, list[list[str]]] = {}
        self.openings: set[Money | None] = set()
        self.closings: set[Money | None] = set()


def _numbered(parts: Sequence[Part]) -> tuple[list[AccountStatement], list[BankLine], int]:
    accounts: dict[tuple[str, str], _Account] = {}
    statements: list[AccountStatement] = []
    lines: list[BankLine] = []
    for part in parts:
        account = accounts.setdefault((part.head.account, part.head.currency), _Account())
        kept = _kept(part, account)
        statements.append(msgspec.structs.replace(part.head, count=len(kept)))
        lines += kept
    return statements, lines, sum(len(part.drafts) for part in parts) - len(lines)


def _kept(part: Part, account: _Account) -> list[BankLine]:
    """Number the lines of one statement, without those of days that were in an earlier one."""
    keys = _keys(part)
    repeated = _repeated(part, keys, account) if part.head.balance == "checked" else set[str]()
    return [
        msgspec.structs.replace(draft.line, id=_id(key, account.used))
        for draft, key in zip(part.drafts, keys, strict=True)
        if draft.line.booked_on not in repeated
    ]


def _repeated(part: Part, keys: list[str], account: _Account) -> set[str]:
    """Find the days that an earlier statement held in just the same way, and remember those of this one.

    Statements repeat a day only when they overlap. Balances show that they do not: then one closes with what the
    other opens with. Statements without balances are never held to repeat anything, as nothing would prove it.
    """
    days: dict[str, list[str]] = {}
    for draft, key in sorted(zip(part.drafts, keys, strict=True), key=lambda pair: pair[1]):
        days.setdefault(draft.line.booked_on, []).append(key)
    adjoins = part.head.opening in account.closings or part.head.closing in account.openings
    repeated = {day for day, held in days.items() if not adjoins and held in account.days.get(day, [])}
    for day, held in days.items():
        account.days.setdefault(day, []).append(held)
    account.openings.add(part.head.opening)
    account.closings.add(part.head.closing)
    return repeated


def _keys(part: Part) -> list[str]:
    marked = [_marked(part.head.account, draft) for draft in part.drafts]
    uses = Counter(marked)
    return [
        key if draft.mark and uses[key] == 1 else _described(part.head.account, draft.line)
        for draft, key in zip(part.drafts, marked, strict=True)
    ]


def _marked(account: str, draft: Draft) -> str:
    line = draft.line
    return _digest("mark", account, line.booked_on, str(line.amount.minor), line.amount.currency, draft.mark)


def _described(account: str, line: BankLine) -> str:
    amount = (str(line.amount.minor), line.amount.currency)
    fields = (line.booked_on, line.value_on, *amount, line.counterparty, line.iban, line.text, str(line.reversal))
    return _digest("fields", account, *fields, *line.references)


def _id(key: str, used: Counter[str]) -> str:
    used[key] += 1
    return _digest(key, str(used[key]))[:ID_HEX]


def _digest(*parts: str) -> str:
    return digest_of(*(part.encode() for part in parts))
