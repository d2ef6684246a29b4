"""Other readings of a row that is asked about: what a person picks in the place of what was proposed.

A row whose field `others` lists records can be read otherwise: what such a record says takes the place of what the row
says, but for `says`, which tells people what it is. A pick names a reading by its number as it was shown, 0 being the
one that was proposed; the values come from the question as it was asked, never from whoever answers (KERNEL E1, E6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mainstay.errors import InputError
from mainstay.said import cut, is_money, is_record, say_value
from mainstay.values import Money, say_total

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mainstay.values import Value

OTHERS, SAYS = "others", "says"
FIELD = "pick."  # begins the name of a field of a form that says how a row is read
NONE = "none"  # none of what is shown is right: the row is left out
NONE_RIGHT = "None of what was shown is right."  # why, where that is said of every row
_NAMED = 5  # rows that a refusal names
_NUMBERS = "invoice_numbers"
_EVEN = 0.75  # less sure than this the other reading is about as good: nothing is picked for whoever answers
# How a match explains what it writes off, by the kind of its allocation.
_FORGIVEN = {"discount": "a discount", "fee": "a fee", "exchange": "lost in exchange", "write_off": "a difference"}
# And of a discount by what it says of the grant, of one invoice and of several.
_GRANTS = {
    "ended": ("no longer granted on that day", "no longer granted on that day"),
    "never": ("does not grant", "do not grant"),
}


class Way(NamedTuple):
    """One way to read a row."""

    pick: str  # its number, as forms carry it
    label: str
    says: str  # more of it; "" of the one that the row itself tells


def ways_of(row: object) -> list[Way]:
    """List how a row can be read, the proposed one first; nothing where there is one way only."""
    others = _others(row)
    if not others or not is_record(row):
        return []
    ways = [Way(str(at), _label(one), say_value(one.get(SAYS))) for at, one in enumerate(others, 1)]
    return [Way("0", _label(row), ""), *ways]


def forgives(row: object) -> str:
    """Say what a yes to a match writes off, "" for nothing: "50.00 EUR (a discount)", or one that was not granted.

    Where not all of it is of one kind: "30.00 EUR (20.00 EUR as a discount, 10.00 EUR as a discount that 2026-118 does
    not grant)".
    """
    off = _written_off(row)
    alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in off:
        grant = str(one.get("grant"))
        alike.setdefault((str(one["kind"]), grant * (grant in _GRANTS)), []).append(one)
    whole = len(alike) == 1
    whys = [
        ("" if whole else f"{_total(ones)} as ") + _FORGIVEN[kind] + _say_grant(grant, ones, whole=whole)
        for (kind, grant), ones in alike.items()
    ]
    return f"{_total(off)} ({', '.join(whys)})" if off else ""


def without_others(row: object) -> object:
    """Give what a row says of itself."""
    return {name: one for name, one in row.items() if name != OTHERS} if is_record(row) else row


def is_one_press(question: Mapping[str, Any]) -> bool:
    """Whether a question is about one row that can be read in several ways: each of them is an answer by itself."""
    card = question["card"]
    rows = card.get("rows") or ()
    plain = {"approve", "reject"} >= set(question["options"]) - {"revise"}
    return len(rows) == 1 and can_pick(rows) and plain and not card.get("form")


def can_pick(rows: Sequence[object]) -> bool:
    """Whether any of these rows can be read otherwise."""
    return any(map(_others, rows))


def is_even(row: object) -> bool:
    """Whether another reading is about as good as the one proposed: whoever says yes has to say which."""
    sure = row.get("confidence") if is_record(row) else None
    return isinstance(sure, float) and sure < _EVEN and bool(_others(row))


def unpicked(rows: Sequence[object], given: Collection[str], kept: Collection[int] | None = None) -> list[int]:
    """List the kept rows, from 0, that are even and of which a yes says no reading; `given` are rows it says one of."""
    chosen = range(len(rows)) if kept is None else set(kept)
    return [at for at, row in enumerate(rows) if is_even(row) and at in chosen and str(at) not in given]


def say_unpicked(rows: Sequence[object], unsaid: Sequence[int]) -> str:
    """Ask how these rows are read: "Say of row 2 which is right (Pays 2026-118, or Pays 2026-119): another ..."."""
    labels = {at: ", or ".join(way.label for way in ways_of(rows[at])) for at in unsaid[:_NAMED]}
    asked = ", ".join(f"of row {at + 1} which is right ({either})" for at, either in labels.items())
    more = f", and of {len(unsaid) - _NAMED} more" if len(unsaid) > _NAMED else ""
    return f"Say {asked}{more}: another reading is about as good as the one proposed."


def check_picked(rows: Sequence[object], given: Collection[str], kept: Collection[int] | None = None) -> None:
    """Raise InputError where a yes leaves unsaid how a kept row is read, and that is even; see unpicked."""
    if unsaid := unpicked(rows, given, kept):
        raise InputError(say_unpicked(rows, unsaid), remedy="Pick one of them, or none.")


def as_proposed(rows: Sequence[object]) -> dict[str, int]:
    """Give the picks that take each row as it was proposed, for a trial's yes: nobody is there to say which."""
    return {str(at): 0 for at, row in enumerate(rows) if is_even(row)}


def as_picked(row: Value, number: int) -> Value:
    """Give a row read so, without its other readings. Raises InputError where it has no such reading."""
    if not is_record(row) or OTHERS not in row:
        if number:
            raise InputError("There is nothing to pick in that row.", remedy="Look at the question again.")
        return row
    others = _others(row)
    if not 0 <= number <= len(others):
        raise InputError(f"There are {len(others) + 1} ways to read that row.", remedy="Look at the question again.")
    taken = others[number - 1] if number else {}
    return cast("Value", {**row, **{name: one for name, one in taken.items() if name != SAYS}, OTHERS: []})


def picked(
    rows: Sequence[object], given: Mapping[str, str], kept: Collection[int] | None = None
) -> tuple[list[int] | None, dict[str, int]]:
    """Read what was picked, by row from 0: which rows are kept then (None: all), and how those are read.

    Raises InputError for a row or a reading that there is not.
    """
    read: dict[int, str] = {}
    for row, pick in given.items():
        at = int(row) if row.isdecimal() and len(row) <= len(str(len(rows))) else len(rows)
        if at >= len(rows) or pick not in (NONE, *(way.pick for way in ways_of(rows[at]))):
            raise InputError("That is none of the ways to read that row.", remedy="Look at the question again.")
        read[at] = pick
    left = [at for at in (range(len(rows)) if kept is None else sorted(kept)) if read.get(at) != NONE]
    picks = {str(at): int(read[at]) for at in left if at in read}
    return (None if len(left) == len(rows) else left), picks


def as_answer(
    rows: Sequence[object],
    given: Mapping[str, str],
    options: Collection[str],
    kept: Collection[int] | None,
    reason: str,
) -> dict[str, Any]:
    """Give what a yes with these picks answers: where none of any row is right it is a no. Raises InputError."""
    left, picks = picked(rows, given, kept)
    check_picked(rows, given, kept)
    if left == []:
        if "reject" not in options:
            raise InputError("No row is kept.", remedy="Keep one at least.")
        return {"choice": "reject", "reason": reason or NONE_RIGHT, "kept": None, "picks": {}}
    return {"choice": "approve", "reason": reason, "kept": left, "picks": picks}


def told(rows: Sequence[object], chosen: Mapping[int, int]) -> list[str]:
    """Say which readings were picked: "row 1: 2026-149 of Acme, the same amount; proposed was: Pays 2026-151"."""
    said: list[str] = []
    for at, number in chosen.items():
        ways = ways_of(rows[at])
        if number < len(ways):
            row = f"row {at + 1}: " if len(rows) > 1 else ""
            other = f"{ways[number].says}; proposed was: {ways[0].label}"
            said.append(row + (other if number else f"{ways[0].label}, as proposed"))
    return said


def found_again(rows: Sequence[Value], kept: Sequence[int] | None, recorded: Value) -> dict[int, int]:
    """Find which readings an answer took where it had to say so or took another, by row from 0."""
    listed = recorded if isinstance(recorded, list) else []
    found: dict[int, int] = {}
    for at, one in zip(range(len(rows)) if kept is None else kept, listed, strict=False):
        ways = range(1, len(_others(rows[at])) + 1) if at < len(rows) else ()
        number = next((each for each in ways if as_picked(rows[at], each) == one), 0)
        found.update({at: number} if number or (at < len(rows) and is_even(rows[at])) else {})
    return found


def _others(row: object) -> list[dict[str, object]]:
    others = row.get(OTHERS) if is_record(row) else None
    return [one for one in cast("list[object]", others) if is_record(one)] if isinstance(others, list) else []


def _label(row: Mapping[str, object]) -> str:
    """Say what a reading comes to: an agent's own rows say it in `says` or `headline`."""
    if isinstance(row.get(_NUMBERS), list):
        paid = say_value(row[_NUMBERS]) if row.get("allocations") else ""
        less = f", forgives {_total(off)}" if (off := _written_off(row)) else ""
        return f"Pays {paid}{less}" if paid else "Pays no invoice"
    return say_value(row.get(SAYS) or row.get("headline")) or "As proposed"


def _written_off(row: object) -> list[dict[str, Any]]:
    """List the allocations of a match that are no payments."""
    given = row.get("allocations") if is_record(row) and isinstance(row.get(_NUMBERS), list) else None
    listed = cast("list[object]", given) if isinstance(given, list) else []
    off = [one for one in listed if is_record(one) and str(one.get("kind")) in _FORGIVEN]
    return [one for one in off if is_money(one.get("amount"))]


def _say_grant(grant: str, allocations: Sequence[Mapping[str, Any]], *, whole: bool) -> str:
    """Say of a discount that is not granted who does not grant it: by number where others of the match do."""
    if not grant:
        return ""
    several = len(allocations) > 1
    numbers = say_value(cut([one.get("invoice") for one in allocations], _NAMED))
    who = f"the invoice{'s' * several}" if whole else numbers
    return f" that {who} {_GRANTS[grant][several]}"


def _total(allocations: Sequence[Mapping[str, Any]]) -> str:
    return say_total(Money(one["amount"]["minor"], one["amount"]["currency"]) for one in allocations)
