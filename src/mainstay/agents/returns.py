"""Returns: money that came and went back, and money that was sent out and came back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mainstay.agents.amounts import days_between
from mainstay.agents.names import ALIKE, similarity, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.records import BankLine

RETURN_DAYS = 60  # later than that it is another payment, unless the bank calls it a return
LOOK_MAX = 200  # equal amounts looked at, the last ones before


def taken_back(lines: Sequence[BankLine]) -> dict[str, BankLine]:
    """Map each incoming line to the later one that gave the same amount back to the same payer."""
    pairs: dict[str, BankLine] = {}
    incoming: dict[tuple[str, int], deque[BankLine]] = {}
    for line in _by_day(lines):
        key = line.amount.currency, abs(line.amount.minor)
        if line.amount.minor > 0 and not line.reversal:
            incoming.setdefault(key, deque(maxlen=LOOK_MAX)).append(line)
        elif line.amount.minor < 0:
            waiting = incoming.get(key, deque())
            earlier = [e for e in waiting if _may_return(e, line) and _same_party(e, line)]
            if earlier:
                first = max(earlier, key=lambda e: (_repeats(line, e), e.booked_on, e.id))
                pairs[first.id] = line
                waiting.remove(first)
    return pairs


def sent_before(lines: Sequence[BankLine], taken: Mapping[str, BankLine]) -> dict[str, BankLine]:
    """Map each incoming line to an earlier one that sent the same amount to the same party: it may come back.

    `taken` are returns, as `taken_back` gives them: they are no payments of ours.
    """
    returns = {line.id for line in taken.values()}
    pairs: dict[str, BankLine] = {}
    outgoing: dict[tuple[str, int], deque[BankLine]] = {}
    for line in sorted(lines, key=lambda line: (line.booked_on, line.amount.minor > 0, line.id)):
        key = line.amount.currency, abs(line.amount.minor)
        if line.amount.minor < 0 and line.id not in returns and not line.reversal:
            outgoing.setdefault(key, deque(maxlen=LOOK_MAX)).append(line)
        elif line.amount.minor > 0:
            earlier = [e for e in outgoing.get(key, ()) if _is_soon(e, line) and _same_party(e, line)]
            if earlier:
                pairs[line.id] = earlier[-1]
    return pairs


def _by_day(lines: Sequence[BankLine]) -> list[BankLine]:
    return sorted(lines, key=lambda line: (line.booked_on, line.amount.minor < 0, line.id))


def _may_return(payment: BankLine, back: BankLine) -> bool:
    """Say whether a payment can have gone back by this line: from the same account, soon after."""
    if payment.account != back.account:
        return False
    return back.reversal or (payment.booked_on < back.booked_on and _is_soon(payment, back))


def _is_soon(first: BankLine, last: BankLine) -> bool:
    return days_between(first.booked_on, last.booked_on) <= RETURN_DAYS


def _repeats(later: BankLine, earlier: BankLine) -> bool:
    """Say whether a return repeats what the payment said."""
    return bool(earlier.text) and earlier.text in later.text


def _same_party(one: BankLine, other: BankLine) -> bool:
    """Say whether a return is that of a payment: same account, reference or name; unnamed, the same words."""
    if one.iban and one.iban == other.iban:
        return True
    if other.reversal and set(one.references) & set(other.references):
        return True
    likeness = similarity(words_of(one.counterparty), words_of(other.counterparty))
    if likeness is None and _repeats(other, one) and any(c.isdigit() for c in one.text):
        return True
    return (likeness or 0.0) >= ALIKE or (other.reversal and likeness is None)
