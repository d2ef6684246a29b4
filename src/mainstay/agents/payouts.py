"""Payouts: the sums a payment provider sends to the bank, and the lines of its report they are made of.

With the provider's report beside the statement every charge is a line of its own and finds its invoice like any other.
The bank's line of the whole sum is then no customer's payment: it has the same amount, comes a day before the provider
says (time zones) or up to `DAYS_MAX` later, and names the provider or the payout, or is the only one that can be meant.
What the provider moved itself, such as a top-up or an exchange, is no customer's payment either.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from mainstay.agents import wording
from mainstay.agents.amounts import days_between
from mainstay.agents.names import words_of
from mainstay.agents.providers import names_provider, provider_of
from mainstay.agents.references import compact
from mainstay.records import Payout

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from mainstay.records import BankLine

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
    for line in lines:
        if line.amount.minor < 0 and line.id not in explained and not line.reversal:
            explained |= _taken_off(line, within.get(line.id), payouts, inside=_inside(line, own))
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
    ordered = sorted(payouts, key=lambda payout: (payout.arrives_on, payout.id))
    for fits in (_names_payout, _names_sender, None):
        for payout in ordered:
            if payout.id in chosen or not payout.amount.minor:
                continue
            taken = {line.id for line in chosen.values()}
            known = free.get((payout.amount.currency, payout.amount.minor), ())
            near = [line for line in known if line.id not in taken and _in_time(line, payout)]
            if fits is None:
                near = [line for line in near if not pays_invoice(line) and provider_of(line.counterparty) is None]
                near = near if len(near) == 1 else []
            else:
                near = [line for line in near if fits(line, payout)]
            if near:
                chosen[payout.id] = near[0]
    return chosen


def _in_time(line: BankLine, payout: Payout) -> bool:
    late = days_between(payout.arrives_on, line.booked_on)
    return -DAYS_EARLY <= late <= DAYS_MAX


def _names_payout(line: BankLine, payout: Payout) -> bool:
    wanted = compact(payout.id)
    said = (compact(part) for part in (line.text, line.bank_id, *line.references))
    return len(wanted) >= ID_FROM and any(wanted in part for part in said)


def _names_sender(line: BankLine, payout: Payout) -> bool:
    return any(names_provider(words_of(text), payout.provider) for text in (line.counterparty, line.text))


def _inside(line: BankLine, own: Container[str]) -> bool:
    """Say whether a line stands on a provider's account and not on the bank's."""
    return bool(line.account) and (line.account in own or provider_of(line.account) is not None)


def _is_providers(line: BankLine) -> bool:
    return provider_of(line.counterparty) is not None and provider_of(line.counterparty) == provider_of(line.account)


def _taken_off(line: BankLine, payout: Payout | None, payouts: Sequence[Payout], *, inside: bool) -> dict[str, str]:
    """Explain what a provider's report shows as going out: its fees, refunds, and the transfer itself."""
    meant = [payout] if payout is not None else [p for p in payouts if _names_payout(line, p)]
    if inside and not meant:
        meant = [p for p in payouts if abs(days_between(line.booked_on, p.arrives_on)) <= DAYS_MAX]
    for each in meant:
        if line.amount == -each.amount:
            return {line.id: f"The transfer of payout {each.id} from {each.provider} to your bank."}
    if payout is None:
        return {}
    return {line.id: f"Taken off payout {payout.id} by {payout.provider}: a fee or a refund."}
