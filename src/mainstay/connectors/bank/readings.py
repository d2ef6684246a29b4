"""Where a table of a bank can be read in two ways: the balances tell which one is right, or the operator is asked."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from mainstay.connectors.bank.rows import TEXTS, Sorted, amounts_of
from mainstay.connectors.bank.words import THANKS, folded
from mainstay.connectors.doubts import SAMPLE_ROWS, shown
from mainstay.connectors.tables import setting
from mainstay.errors import FileError
from mainstay.records import Doubt
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.connectors.bank.statement import Part
    from mainstay.connectors.source import Source
    from mainstay.connectors.tables import Table

SIGNS = MINUS, PLAIN, TURNED = ("minus", "plain", "turned")  # what `signs` of the section may say

_WRITTEN = re.compile(r"[-\u2212(]")
_TELLING = re.compile("[1-9]")
_CARD = re.compile(r"card|kreditkart|carte|tarjeta|carta|extended details|appears on your statement")
_SECTION = "bank.columns"
_ALONE = "Your yes counts for this file alone: the next one that has this is asked about too."
_SAID = 100  # characters in which a row says that it is a payment to the card
_MIXED = "some amounts of money out have a minus and some have none, and no running balance tells which were taken back"
_SAY = (
    setting(_SECTION, 'signs = "minus"') + ' if what has a minus is money out, or signs = "plain" if what has none is.'
)


class Reading(NamedTuple):
    """One way to read the rows. `is_sure` says that it needs no balance to prove it."""

    debits_signed: bool  # the column of money out writes its minus
    set_aside: bool  # rows that say nothing but a balance are no payments
    is_sure: bool


class Taken(NamedTuple):
    """What was read, in which way, and whether balances prove that way alone."""

    reading: Reading
    parts: tuple[Part, ...]
    told: list[str]
    is_proved: bool


def readings_of(rows: Sorted, said: str, remembered: str) -> tuple[Reading, ...]:
    """List the ways to read these rows, the likeliest first."""
    debits = [debit for row in rows.lines if _TELLING.search(debit := row.text("debit"))]
    signs = _signs({bool(_WRITTEN.search(debit)) for debit in debits}, said, remembered)
    ways = (False, True) if rows.either and len(rows.either) < len(rows.lines) else (False,)
    return tuple(
        Reading(signed, aside, is_sure=is_sure and not aside) for (signed, is_sure), aside in product(signs, ways)
    )


def _signs(found: set[bool], said: str, remembered: str) -> tuple[tuple[bool, bool], ...]:
    """Say whether the column of money out may write its minus, each with whether that is sure."""
    before = said or remembered
    if said in {MINUS, PLAIN} or (len(found) > 1 and before in {MINUS, PLAIN}):
        return ((before == MINUS, True),)
    if len(found) > 1:
        return ((True, False), (False, False))
    one = True in found
    as_before = not found or before not in {MINUS, PLAIN} or one == (before == MINUS)
    return ((one, as_before), (not one, False)) if one or not as_before else ((one, True),)


def take(
    source: Source, readings: Sequence[Reading], read: Callable[[Reading], tuple[tuple[Part, ...], list[str]]]
) -> Taken:
    """Take the one way that balances prove, else the likeliest that needs no proof. Raises FileError."""
    done: list[Taken] = []
    failed: list[tuple[Reading, FileError]] = []
    sides = {reading.set_aside for reading in readings}
    for reading in readings:
        try:
            parts, told = read(reading)
        except FileError as error:
            failed.append((reading, error))
            continue
        done.append(Taken(reading, parts, told, all(part.head.balance == "checked" for part in parts)))
        if reading.is_sure and len(sides) == 1:
            return done[0]
    proved = [one for one in done if one.is_proved]
    if len(proved) == 1:
        return proved[0]
    sure = next((one for one in done if one.reading.is_sure), None)
    off = next((error for reading, error in failed if reading.set_aside and not proved), None)
    if sure is not None and off is None:
        return sure._replace(is_proved=False)
    raise off or (failed[0][1] if failed else source.error(_MIXED, remedy=_SAY))


def signs_of(rows: Sorted, reading: Reading, *, turned: bool) -> str:
    """Say how signs were read, as the section says it; "" where the rows do not tell."""
    if turned:
        return TURNED
    is_told = any(_TELLING.search(row.text("debit")) for row in rows.lines)
    return "" if not is_told else MINUS if reading.debits_signed else PLAIN


def is_turned(table: Table, rows: Sorted, said: str, confirmed: str) -> bool:
    """Tell whether a card's charges stand without a minus: said, or a payment to the card has one and they have not."""
    if said or "amount" not in table.headers or {"direction", "balance"} & {*table.headers}:
        return (said or confirmed) == TURNED
    thanks, others = list[bool](), list[bool]()
    for row in rows.lines:
        is_thanks = any(THANKS.match(folded(row.text(field)[:_SAID])) for field in ("counterparty", *TEXTS))
        (thanks if is_thanks else others).extend(bool(_WRITTEN.search(cell)) for cell in amounts_of(row)[:1])
    if not thanks or len({*thanks}) > 1:
        return confirmed == TURNED
    return thanks[0] and 2 * sum(others) < len(others)


def ask_signs(source: Source, confirmed: str, *, turned: bool) -> list[Doubt]:
    """Ask where signs stand otherwise than they did in the file that was confirmed."""
    if turned == (confirmed == TURNED):
        return []
    way = "a minus here, and the charges none, so all signs are turned"
    if not turned:
        way = "no minus here, so signs are read as they stand"
    line = f"What is a payment to the card has {way}: not as in the file you confirmed."
    remedy = "If it is not so, " + setting(_SECTION, f'signs = "{PLAIN if turned else TURNED}"')
    return [ask_each_time(source, "are its signs read rightly?", [line], remedy)]


def card_remark(table: Table, rows: Sorted) -> list[str]:
    """Warn where a table looks like a card's and has no money out at all."""
    if not any(_CARD.search(folded(cell)) for cell in table.header) or {"debit", "direction"} & {*table.headers}:
        return []
    if any(_WRITTEN.search(cell) for row in rows.lines for cell in amounts_of(row)):
        return []
    return [
        "Nothing here is money out: if these are a card's charges, say no, and "
        + setting(_SECTION, f'signs = "{TURNED}"')
        + "."
    ]


def ask_each_time(source: Source, headline: str, lines: Sequence[str], remedy: str) -> Doubt:
    """Ask what no layout can answer for the next file, and say so."""
    more = [f"and {len(lines) - SAMPLE_ROWS} more"] * (len(lines) > SAMPLE_ROWS)
    body = "\n".join([*lines[:SAMPLE_ROWS], *more, _ALONE])
    ident = digest_of(b"asked", source.name.encode(), headline.encode(), body.encode())[:16]
    return Doubt(ident, "layout", source.name, f"{source.name}: {headline}", body, remedy)


def ask_states(source: Source, rows: Sorted) -> list[Doubt]:
    """Ask about states that are not known; such rows are taken as not booked yet."""
    if not rows.strange:
        return []
    says = "Rows marked {!r} are taken as not booked yet: they pay no invoice."
    marked = [says.format(shown(state)) for state in rows.strange]
    words = ", ".join(shown(state).replace('"', "") for state in rows.strange[:SAMPLE_ROWS])
    remedy = "If they are booked, " + setting(_SECTION, f'booked_states = "{words}"')
    return [ask_each_time(source, "are these not booked yet?", marked, remedy)]


def ask_balances(source: Source, taken: Taken, rows: Sequence[str]) -> list[Doubt]:
    """Ask about rows that say nothing but a balance and are written as payments are, where no balance proves it."""
    if taken.is_proved or taken.reading.set_aside or not rows:
        return []
    headline = "are these payments, though they speak of a balance?"
    return [ask_each_time(source, headline, rows, "If they are balances, take these rows out of the file.")]
