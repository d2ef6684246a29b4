"""What balances prove of a bank's table: that no row is missing, how rows run, and whether fees are in the amounts.

A running balance that adds up row by row proves the reading. Rows may run up or down in time, also with the rows of one
day the other way round; the order in which all agree is taken. Stated balances are checked where both are there.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from msgspec import structs

from mainstay.connectors.bank.content import states_end, tells_balance
from mainstay.connectors.bank.statement import AccountStatement, Draft, Part
from mainstay.connectors.bank.words import CLOSING, OPENING, PENDING, folded
from mainstay.connectors.cells import begins_date, plain_number
from mainstay.connectors.currencies import money_of
from mainstay.connectors.source import UnreadableError
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mainstay.connectors.source import Source
    from mainstay.connectors.tables import NumberedRow, Row

BESIDE_ROWS, BESIDE_CHARACTERS = 200, 200  # of what stands around a table, as far as it is searched

_TELLING = re.compile("[1-9]")
_NUMBER = re.compile(r"[-+(\u2212]?\s?[0-9][0-9.,'\u2019\s]*[.,][0-9]{2}(?![0-9]|[.,/][0-9])\)?-?(?:\s?[SH]\b)?")
_MISSING = (
    "A row is missing or altered: export again. If this is no running balance: name the columns under [bank.columns]"
)
_REMEDY = f"{_MISSING} in mainstay.toml, without it."
_AGAIN = (
    "Rows are missing, or stand there twice: export the whole period again, and give the file as it came. If those are"
    " not the balances of this table, name its columns under [bank.columns] in mainstay.toml."
)

FeeMode: TypeAlias = Literal["cost", "signed", "included"]
_DEBITS = frozenset({"S", "D", "DR", "DEBIT", "SOLL"})


class Entry(NamedTuple):
    """A row as read. One that only tells a balance has no draft."""

    row: Row
    account: str
    draft: Draft | None
    fee: Money
    balance: Money | None


class Ends(NamedTuple):
    """Balances stated around the table, as numbers without currency, "" where not."""

    opening: str = ""
    closing: str = ""


class _Running(NamedTuple):
    """What a running balance proves."""

    opening: Money
    closing: Money
    fees: FeeMode


def is_balance(cells: Sequence[str], columns: Mapping[str, int]) -> bool:
    """Tell a row that states a balance or a total and has no date, or no amount: one that has both may be a payment."""
    column = columns.get("booked_on", 0)
    day = cells[column].strip() if column < len(cells) else ""
    is_dated = begins_date(day)
    held = [columns[field] for field in ("amount", "credit", "debit") if field in columns]
    has_amount = any(_TELLING.search(cells[at]) for at in held if at < len(cells))
    if has_amount and (is_dated or folded(day) in PENDING):
        return False
    return any(states_end(cell) for cell in cells) or (not is_dated and any(tells_balance(cell) for cell in cells))


def ends_stated(rows: Sequence[NumberedRow], decimal: str) -> Ends:
    """Find the balances stated around a table. One that is stated twice, in different words, is none."""
    found: dict[str, set[str]] = {"opening": set(), "closing": set()}
    for _, row in rows[:BESIDE_ROWS]:
        cells = [cell[:BESIDE_CHARACTERS] for cell in row]
        for end, words in (("opening", OPENING), ("closing", CLOSING)):
            said = any(word in folded(cell) for cell in cells for word in words)
            numbers = [number for cell in cells for number in _numbers(cell, decimal)]
            if said and numbers:
                negative = any(cell.strip().upper() in _DEBITS for cell in cells) and not numbers[-1].startswith("-")
                found[end].add("-" * negative + numbers[-1])
    return Ends(*("".join(numbers) if len(numbers) == 1 else "" for numbers in found.values()))


def _numbers(cell: str, decimal: str) -> list[str]:
    read: list[str] = []
    for match in _NUMBER.findall(cell):
        try:
            read.append(plain_number(match.strip(), decimal))
        except UnreadableError:
            continue
    return read


def parts_of(
    source: Source, entries: Sequence[Entry], stated: Ends, *, included: bool
) -> tuple[tuple[Part, ...], list[str]]:
    """Part the rows by account and currency, check the balances of each part, and give what is to be told.

    `included` says whether fees are taken to be in the amounts where no balance tells. Raises FileError.
    """
    parts: dict[tuple[str, str], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.row.line):
        parts.setdefault((entry.account, entry.fee.currency), []).append(entry)
    parts = {name: some for name, some in parts.items() if any(entry.draft for entry in some)}
    told: dict[str, None] = {}
    read: list[Part] = []
    for (account, currency), some in parts.items():
        modes = _modes(some, included=included)
        running = _running(source, some, modes)
        if running:
            told["The balance column adds up row by row."] = None
        mode = running.fees if running else modes[0]
        if len(modes) > 1:
            told[_FEES[mode] + ("" if running else _UNPROVED)] = None
        ends = stated if len(parts) == 1 else Ends()
        read.append(_part(source, account, currency, some, running, mode, ends))
    return tuple(read), list(told)


_FEES = {
    "cost": "Fees are taken off beside the amounts, as lines of their own.",
    "signed": "Fees stand beside the amounts with their sign, and are lines of their own.",
    "included": "Fees are in the amounts already.",
}
_UNPROVED = " No balance proves it."


def _modes(entries: Sequence[Entry], *, included: bool) -> tuple[FeeMode, ...]:
    """List how fees may be meant, the likeliest first."""
    fees = [entry.fee.minor for entry in entries if entry.fee.minor]
    if not fees:
        return ("included",)
    beside: tuple[FeeMode, ...] = ("signed", "cost") if any(fee < 0 for fee in fees) else ("cost", "signed")
    return ("included", *beside) if included else (*beside, "included")


def _effect(entry: Entry, mode: FeeMode) -> Money:
    """Give what a fee adds to the amount."""
    none = entry.fee - entry.fee
    return {"cost": -entry.fee, "signed": entry.fee, "included": none}[mode]


def _part(
    source: Source,
    account: str,
    currency: str,
    entries: Sequence[Entry],
    running: _Running | None,
    mode: FeeMode,
    stated: Ends,
) -> Part:
    drafts = [draft for entry in entries if entry.draft for draft in _with_fee(entry, entry.draft, mode)]
    ends = (running.opening, running.closing) if running else None
    ends = _agreed(source, drafts, stated, currency, ends) or ends
    days = sorted(draft.line.booked_on for draft in drafts)
    head = AccountStatement(
        account=account,
        currency=currency,
        balance="checked" if ends else "absent",
        count=len(drafts),
        opening=ends[0] if ends else None,
        closing=ends[1] if ends else None,
        from_on=days[0],
        to_on=days[-1],
    )
    return Part(head, tuple(drafts))


def _with_fee(entry: Entry, draft: Draft, mode: FeeMode) -> list[Draft]:
    """Give the line, and its fee as a line of its own where it stands beside."""
    fee = _effect(entry, mode)
    if not fee.minor:
        return [draft]
    line = structs.replace(
        draft.line,
        amount=fee,
        counterparty="",
        iban="",
        references=(),
        original=None,
        text=f"Fee: {draft.line.text or draft.line.counterparty}".strip(" :"),
    )
    return [draft, Draft(line, mark=draft.mark and f"{draft.mark} fee")]


def _agreed(
    source: Source, drafts: Sequence[Draft], stated: Ends, currency: str, running: tuple[Money, Money] | None
) -> tuple[Money, Money] | None:
    """Check the stated balances against the rows; None where not both are there."""
    if not (stated.opening and stated.closing):
        return None
    opening, closing = money_of(stated.opening, currency), money_of(stated.closing, currency)
    total = sum((draft.line.amount.minor for draft in drafts if not draft.line.pending), opening.minor)
    if total != closing.minor:
        off = closing - Money(total, currency)
        what = f"the file opens with {opening} and closes with {closing}, and its rows differ from that by {off}"
        raise source.error(what, remedy=_AGAIN)
    if running and running != (opening, closing):
        what = f"the file opens with {opening}, and by its balance column with {running[0]}"
        raise source.error(what, remedy=_AGAIN)
    return opening, closing


def _running(source: Source, entries: Sequence[Entry], modes: Sequence[FeeMode]) -> _Running | None:
    """Check the running balance; None where there is nothing to check. Raises FileError where it does not add up.

    A single row proves nothing, and a balance that never moves while amounts do is not a running one.
    """
    booked = [entry for entry in entries if entry.balance or not (entry.draft and entry.draft.line.pending)]
    balances = {entry.balance for entry in booked}
    if len(booked) < 2 or None in balances:  # noqa: PLR2004 - two rows are a step
        return None
    found: list[list[tuple[int, Money]]] = []
    for mode in modes:
        for order in _ORDERS:
            steps = [_step(entry, mode) for entry in order(booked)]
            ends = _Running(steps[0].balance - steps[0].moved, steps[-1].balance, mode)
            found.append(_breaks(steps))
            if not found[-1]:
                return ends
    if len(balances) == 1:
        return None
    line, difference = min(found, key=len)[0]
    raise source.error(f"the running balance is off by {difference} here", line=line, remedy=_REMEDY)


def _day(entry: Entry) -> str:
    return entry.draft.line.booked_on if entry.draft else ""


_ORDERS: tuple[Callable[[Sequence[Entry]], Sequence[Entry]], ...] = (
    lambda entries: entries,
    lambda entries: entries[::-1],
    lambda entries: sorted(entries, key=_day),
    lambda entries: sorted(entries, key=_day, reverse=True)[::-1],  # of one day the last first
)


class _Step(NamedTuple):
    balance: Money
    moved: Money
    line: int


def _step(entry: Entry, mode: FeeMode) -> _Step:
    assert entry.balance is not None  # only such entries are steps
    amount = entry.draft.line.amount if entry.draft else entry.fee - entry.fee
    return _Step(entry.balance, amount + _effect(entry, mode), entry.row.line)


def _breaks(steps: Sequence[_Step]) -> list[tuple[int, Money]]:
    """List the lines at which the balance is not the one before plus the amount, and by how much."""
    pairs = pairwise(steps)
    return [(new.line, off) for old, new in pairs if (off := new.balance - old.balance - new.moved).minor]
