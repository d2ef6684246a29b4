"""Payouts: the sums a payment provider sends to the bank, and the lines of its report they are made of.

With the provider's report beside the statement every charge is a line of its own and finds its invoice like any other.
The bank's line of the whole sum is then no customer's payment: it has the same amount, comes a day before the provider
says (time zones) or up to `DAYS_MAX` later, and is sent by the provider, names the payout, or has no sender and is the
only one that can be meant. A line of a customer, or with an invoice's number, is a payment unless the provider sent it.
What the provider moved itself, such as a top-up or an exchange, is no customer's payment either.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from mainstay.agents import wording
from mainstay.agents.amounts import days_between
from mainstay.agents.names import words_of
from mainstay.agents.providers import is_from, names_provider, provider_of
from mainstay.agents.references import compact
from mainstay.records import Payout

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from mainstay.records import BankLine
    from mainstay.values import Money

DAYS_EARLY = 1
DAYS_MAX = 7  # five working days and a weekend
ID_FROM = 6  # characters of a payout's id that are not found by chance


class Payouts(msgspec.Struct, frozen=True):
    """What a provider's report explains: a sentence for each line, and the payouts whose bank line is not there."""

    explained: dict[str, str]  # line -> why it is no customer's payment
    missing: tuple[Payout, ...]
    found: int
    charges: frozenset[str]  # the lines of the reports
    providers: frozenset[str]  # words_of each provider that has given a report, joined


def read_payouts(
    lines: Sequence[BankLine], payouts: Sequence[Payout], pays_invoice: Callable[[BankLine], bool]
) -> Payouts:
    """Find the bank's line of each payout. `pays_invoice` says of a line that it speaks of a customer or an invoice."""
    within = {line_id: payout for payout in payouts for line_id in payout.line_ids}
    charges = Counter(within[line.id].id for line in lines if line.id in within and line.amount.minor > 0)
    explained: dict[str, str] = {}
    own = {line.account for line in lines if line.id in within and line.account}
    bank = [line for line in lines if line.id not in within and not line.pending and not _inside(line, own)]
    free: dict[tuple[str, int], list[BankLine]] = {}
    for line in sorted(bank, key=lambda line: (line.booked_on, line.id)):
        for amount in {line.amount, line.original or line.amount}:
            free.setdefault((amount.currency, amount.minor), []).append(line)
    last = max((line.booked_on for line in bank), default="")
    missing: list[Payout] = []
    chosen = _choose(payouts, free, pays_invoice)
    for payout in sorted(payouts, key=lambda payout: (payout.arrives_on, payout.id)):
        line = chosen.get(payout.id)
        if line is not None:
            explained[line.id] = wording.say_payout(payout, charges[payout.id])
        elif payout.amount.minor and payout.arrives_on <= last:
            missing.append(payout)
    of_amount: dict[Money, list[tuple[Payout, str]]] = {}
    for payout in payouts:
        of_amount.setdefault(-payout.amount, []).append((payout, compact(payout.id)))
    for line in lines:
        if line.amount.minor < 0 and line.id not in explained and not line.reversal:
            explained |= _taken_off(
                line, within.get(line.id), of_amount.get(line.amount, ()), inside=_inside(line, own)
            )
        elif line.amount.minor > 0 and not line.reversal and _inside(line, own) and _is_providers(line):
            explained[line.id] = f"Moved by {provider_of(line.counterparty)} itself; no customer's payment."
    providers = frozenset("".join(words_of(payout.provider)) for payout in payouts)
    return Payouts(explained, tuple(missing), len(chosen), frozenset(within), providers)


def _choose(
    payouts: Sequence[Payout],
    free: Mapping[tuple[str, int], list[BankLine]],
    pays_invoice: Callable[[BankLine], bool],
) -> dict[str, BankLine]:
    """Give each payout its line: first those whose id is named, then the provider, then the only one there is."""
    chosen: dict[str, BankLine] = {}
    taken: set[str] = set()
    ordered = sorted(payouts, key=lambda payout: (payout.arrives_on, payout.id))
    said = {line.id: _said(line) for lines in free.values() for line in lines}
    for way in ("named", "sent", "alone"):
        possible: dict[tuple[str, int, str], list[BankLine]] = {}
        for payout in ordered:
            if payout.id in chosen or not payout.amount.minor:
                continue
            key = (payout.amount.currency, payout.amount.minor, payout.provider)
            if key not in possible:
                known = free.get(key[:2], ())
                possible[key] = [line for line in known if _may_be(line, payout.provider, way, pays_invoice)]
            near = [line for line in _in_time(possible[key], payout) if line.id not in taken]
            if way == "named":
                wanted = compact(payout.id)
                near = [line for line in near if len(wanted) >= ID_FROM and wanted in said[line.id]]
            if near and (way != "alone" or len(near) == 1):
                chosen[payout.id] = near[0]
                taken.add(near[0].id)
    return chosen


def _may_be(line: BankLine, provider: str, way: str, pays_invoice: Callable[[BankLine], bool]) -> bool:
    """Say whether a line can be a payout of this provider at all; who speaks as a customer can't.

    The sender decides. Only where the bank names none does the text; where that is empty too, the amount alone.
    """
    sent = is_from(line.counterparty, provider)
    if way == "named" and sent:
        return True  # a payout's id may hold an invoice's number by chance
    if way == "sent":
        sent = sent or (not line.counterparty.strip() and names_provider(words_of(line.text), provider))
    elif way == "alone":
        sent = not line.counterparty.strip() and not line.text.strip()
    return (sent or way == "named") and not pays_invoice(line)


def _in_time(lines: Sequence[BankLine], payout: Payout) -> Sequence[BankLine]:
    """Give those of the lines, which are in the order of their days, that came when this payout is due."""
    due = date.fromisoformat(payout.arrives_on)
    first, last = due - timedelta(days=DAYS_EARLY), due + timedelta(days=DAYS_MAX)
    start = bisect_left(lines, first.isoformat(), key=_booked_on)
    return lines[start : bisect_right(lines, last.isoformat(), key=_booked_on)]


def _booked_on(line: BankLine) -> str:
    return line.booked_on


def _said(line: BankLine) -> str:
    """Give all that a line says, made ready to look for ids in."""
    return "\n".join(compact(part) for part in (line.text, line.bank_id, *line.references))


def _inside(line: BankLine, own: Container[str]) -> bool:
    """Say whether a line stands on a provider's account and not on the bank's."""
    return bool(line.account) and (line.account in own or provider_of(line.account) is not None)


def _is_providers(line: BankLine) -> bool:
    return provider_of(line.counterparty) is not None and provider_of(line.counterparty) == provider_of(line.account)


def _taken_off(
    line: BankLine, payout: Payout | None, same: Sequence[tuple[Payout, str]], *, inside: bool
) -> dict[str, str]:
    """Explain what a provider's report shows as going out: its fees, refunds, and the transfer itself.

    `same` are the payouts of this line's amount, each with its id made ready to look for.
    """
    if payout is not None:
        if line.amount == -payout.amount:
            return {line.id: _say_transfer(payout)}
        return {line.id: f"Taken off payout {payout.id} by {payout.provider}: a fee or a refund."}
    said = _said(line) if same else ""
    meant = [each for each, known in same if len(known) >= ID_FROM and known in said]
    if inside and not meant:
        near = (each for each, _ in same if abs(days_between(line.booked_on, each.arrives_on)) <= DAYS_MAX)
        meant = list(islice(near, 1))
    return {line.id: _say_transfer(meant[0])} if meant else {}


def _say_transfer(payout: Payout) -> str:
    return f"The transfer of payout {payout.id} from {payout.provider} to your bank."
