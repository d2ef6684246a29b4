"""Others: what else the payment of a match that is asked about could pay, ready to be booked if it is picked.

Offered is what the match names as runner-up, and the next best single invoices. An invoice counts as far as the sure
matches leave it open: what another doubtful match was given may be picked here, as one of the two is then wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.agents import wording
from mainstay.agents.allocation import KINDS, match_of, shortfall_of
from mainstay.agents.evidence import NO_MATCH_BITS, Debt, confidence
from mainstay.records import OtherReading
from mainstay.values import say_total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.agents.candidates import Case
    from mainstay.agents.evidence import Evidence, Receipt
    from mainstay.records import Match

MOST = 4  # of one match: what nobody reads helps nobody
SURE_BITS = 60.0  # of what the operator says


def others_of(
    case: Case, match: Match, receipt: Receipt, shown: tuple[str, ...], left: Mapping[str, int]
) -> tuple[OtherReading, ...]:
    """Give the other readings of a match of one line, the best first.

    `shown` are the invoices of its runner-up, one or several together; `left` is what is open after the sure matches.
    """
    own = set(match.invoice_numbers) if match.allocations else set[str]()
    near = case.evidence(receipt, left, wide=True) if match.allocations else []
    near = [one for one in near if one.fit.settles or one.bits > NO_MATCH_BITS]
    near.sort(key=lambda one: (-one.bits, one.debt.number))
    sets = dict.fromkeys([shown, *((one.debt.number,) for one in near)])
    sets = [numbers for numbers in sets if set(numbers) != own and _can_be_paid(case, numbers, left)]
    return tuple(_reading(case, match, receipt, numbers, left) for numbers in sets[:MOST])


def left_open(match: Match) -> tuple[OtherReading, ...]:
    """Give the reading of a match that writes something off in which that stays open; nothing of any other match."""
    payments = tuple(one for one in match.allocations if one.kind == "payment")
    short = say_total(one.amount for one in match.allocations if one.kind != "payment")
    if not payments or len(payments) == len(match.allocations):
        return ()
    reading = msgspec.structs.replace(
        match,
        kind="part" if match.kind == "difference" else match.kind,
        confidence=confidence(SURE_BITS),
        why=f"You picked to leave {short} open; proposed was to forgive it.",
        allocations=payments,
    )
    return (_as_other(f"leave {short} open", reading),)


def _can_be_paid(case: Case, numbers: Sequence[str], left: Mapping[str, int]) -> bool:
    """Say whether all of these are open; of several together each wholly, or they make another sum."""
    if len(numbers) == 1:
        return left.get(numbers[0], 0) > 0
    return bool(numbers) and all(left.get(number) == case.debts[number].open for number in numbers)


def _reading(
    case: Case, match: Match, receipt: Receipt, numbers: Sequence[str], left: Mapping[str, int]
) -> OtherReading:
    debts = [_open(case.debts[number], left) for number in numbers]
    alone = case.weigh(receipt, numbers[0], left) if len(numbers) == 1 else None
    taken = match_of(
        KINDS.get(alone.amount, "difference") if alone is not None else "several_invoices",
        [receipt],
        debts,
        margin=SURE_BITS,
        why=_why(match, numbers),
        shortfall=shortfall_of(alone.fit) if alone is not None else None,
    )
    return _as_other(_says(alone, numbers), taken)


def _as_other(says: str, reading: Match) -> OtherReading:
    """Give a match as one that can be picked: without what the picked one keeps of its own, such as its id."""
    return OtherReading(
        says=says,
        kind=reading.kind,
        line_ids=reading.line_ids,
        invoice_numbers=reading.invoice_numbers,
        amount=reading.amount,
        confidence=reading.confidence,
        why=reading.why,
        allocations=reading.allocations,
        customer=reading.customer,
        customer_id=reading.customer_id,
        entries=reading.entries,
    )


def _open(debt: Debt, left: Mapping[str, int]) -> Debt:
    return Debt(debt.invoice, left[debt.number], debt.customer, debt.words, debt.iban)


def _says(alone: Evidence | None, numbers: Sequence[str]) -> str:
    return wording.say_set(numbers) if alone is None else wording.say_other(alone)


def _why(match: Match, numbers: Sequence[str]) -> str:
    proposed = wording.listed(match.invoice_numbers) if match.allocations else "no invoice"
    return f"You picked {wording.listed(numbers)}; proposed was {proposed}."
