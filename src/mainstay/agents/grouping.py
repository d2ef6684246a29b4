"""Grouping: one payment for several invoices, and several payments for one.

Sets are looked for only where a name or a payer points to them, never among everything: a sum agrees by chance sooner
than one thinks. Of n things there are C(n, k) sets of k, so a set found by its sum alone is worth log2 C(n, k) bits
less than a single amount (Bonferroni); neighbours by date are one of n * (n - 1) / 2 runs, and all of a customer's
open invoices are one set, which costs nothing.

The search is bounded, and one cut short is never sure. For one line and one customer: the oldest `LOOK_MAX` invoices
that are not larger than the line; of these all, any run of neighbours, and any 2 to `INVOICES_MAX` of the oldest
`sums.POOL_MAX`, which takes two times 2**11 sums. For one invoice: 2 to `LINES_MAX` of the first `sums.POOL_MAX` lines
that name it or come from its customer; without a name only the oldest `DEBTS_MAX` invoices of a customer are tried.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.agents import listed, wording
from mainstay.agents.allocation import Shortfall
from mainstay.agents.amounts import granted_on
from mainstay.agents.certainty import Reading, objection
from mainstay.agents.evidence import (
    IBAN_BITS,
    NO_MATCH_BITS,
    Debt,
    Evidence,
    Receipt,
    amount_bits,
    choice_bits,
    payer_bits,
)
from mainstay.agents.sums import POOL_MAX, runs, subsets

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from mainstay.agents.candidates import Case

LOOK_MAX = 400
RIVAL_LOOK_MAX = 100
INVOICES_MAX = 8
LINES_MAX = 12
DEBTS_MAX = 40
LINES_LOOK_MAX = 200


class Group(msgspec.Struct, frozen=True):
    """Some lines that pay some invoices together."""

    kind: Literal["several_invoices", "several_lines"]
    receipts: tuple[Receipt, ...]
    debts: tuple[Debt, ...]
    bits: float
    margin: float
    asked: str  # why it has to be asked about; "" when it is sure
    why: str
    shortfall: Shortfall | None = None
    rival: Evidence | None = None
    other: tuple[str, ...] = ()  # another set of invoices that adds up as well


class Finding(msgspec.Struct, frozen=True):
    """How a set of invoices was found for a line, and whether anything else was as good."""

    choice: float  # bits: one of how many
    named: bool = False
    complete: bool = True
    settles: bool = True  # with what is missing explained beyond doubt
    shortfall: Shortfall | None = None
    said: str = ""  # what is missing and why
    rival: Evidence | None = None
    other: tuple[str, ...] = ()


def named_groups(case: Case, free: Mapping[str, Receipt], left: Mapping[str, int]) -> list[Group]:
    """Find the groups whose every member is named, the best first."""
    groups: list[Group] = []
    claimants: dict[str, list[Receipt]] = {}
    for receipt in free.values():
        paid, named = _open_named(case, receipt, left)
        if len(named) > 1:
            groups += _listed_group(case, receipt, paid, named)
        elif named:
            claimants.setdefault(named[0].number, []).append(receipt)
    alone = {n for n, claims in claimants.items() if any(_worth(claim, case.debts[n]) == left[n] for claim in claims)}
    groups = [group for group in groups if alone.isdisjoint(debt.number for debt in group.debts)]
    for number, claims in claimants.items():
        if number not in alone and len(claims) > 1:
            groups += _instalments(case, case.debts[number], claims, named=True)
    return _best_first(groups)


def unnamed_groups(
    case: Case, free: Mapping[str, Receipt], left: Mapping[str, int], doubtful: Container[str]
) -> list[Group]:
    """Find the groups by payer and sum, the best first; `doubtful` invoices were given away, but not surely."""
    groups: list[Group] = []
    payments: dict[tuple[int, str], list[Receipt]] = {}
    pools: dict[tuple[int, str], list[Debt]] = {}
    for receipt in free.values():
        for customer in case.sure_payers(receipt):
            for currency in case.currencies(receipt):
                at = customer, currency
                if at not in pools:
                    pools[at] = list(islice(case.customer(*at).untouched(left), LOOK_MAX))
                groups += _gathered(case, receipt, receipt.worth(currency) or 0, pools[at], left)
                payments.setdefault(at, []).append(receipt)
    given = {(debt.customer, debt.open) for debt in case.debts.values() if debt.number in doubtful}
    groups = [_doubt(group, given) for group in groups]
    for at, receipts in sorted(payments.items()):
        for debt in pools[at][:DEBTS_MAX] if len(receipts) > 1 else ():
            claims = [receipt for receipt in receipts[:LINES_LOOK_MAX] if _may_pay(receipt, debt)]
            groups += _instalments(case, debt, claims, named=False)
    return _best_first(groups)


def rival_group(case: Case, receipt: Receipt, debt: Debt, left: Mapping[str, int]) -> tuple[float, tuple[str, ...]]:
    """Give the bits of the best set of other invoices of this customer that adds up to the line, and the set."""
    currency = debt.invoice.open.currency
    paid = receipt.worth(currency)
    if paid is None:
        return 0.0, ()
    looked = islice(case.customer(debt.customer, currency).untouched(left), RIVAL_LOOK_MAX)
    pool = [other for other in looked if other.open <= paid and other.number != debt.number]
    found = subsets([other.open for other in pool[:POOL_MAX]], paid, INVOICES_MAX).found
    sets = [[pool[at] for at in positions] for positions in found]
    best = max(sets, key=lambda debts: _bits(case, receipt, debts, choice_bits(len(pool), len(debts))), default=None)
    if best is None:
        return 0.0, ()
    bits = _bits(case, receipt, best, choice_bits(len(pool), len(best)))
    return bits, tuple(sorted(other.number for other in best))


def _open_named(case: Case, receipt: Receipt, left: Mapping[str, int]) -> tuple[int, list[Debt]]:
    """Give what the line pays and the open invoices it names, in the first of its currencies that has any."""
    named = [case.debts[number] for number in receipt.named.full if left.get(number, 0) > 0]
    for currency in case.currencies(receipt):
        debts = [debt for debt in named if debt.invoice.open.currency == currency]
        if debts:
            return receipt.worth(currency) or 0, debts
    return 0, []


def _listed_group(case: Case, receipt: Receipt, paid: int, named: list[Debt]) -> list[Group]:
    """Read a line that names several invoices: all of them, less a discount or a fee if need be, or some of them."""
    debts = _by_age(named)
    total = sum(debt.open for debt in debts)
    if total == paid:
        return [_group_of(case, receipt, debts, Finding(0.0, named=True))]
    short = listed.explain(receipt, paid, debts, case.write_off)
    if short is not None:
        finding = Finding(0.0, named=True, settles=short.settles, shortfall=short.shortfall, said=short.said)
        return [_group_of(case, receipt, debts, finding)]
    groups = _gathered(case, receipt, paid, debts, {debt.number: debt.open for debt in debts})
    return groups or _with_others(case, receipt, paid, debts)


def _with_others(case: Case, receipt: Receipt, paid: int, named: Sequence[Debt]) -> list[Group]:
    """Find what a payment for more than it names pays besides, when all is one customer's: always asked."""
    rest = paid - sum(debt.open for debt in named)
    at = named[0].customer, named[0].invoice.open.currency
    if rest <= 0 or any(debt.customer != at[0] for debt in named):
        return []
    whole = {debt.number: debt.open for debt in case.customer(*at).debts}
    more = [debt for debt in islice(case.customer(*at).untouched(whole), LOOK_MAX) if debt not in named]
    fit = [debt for debt in more if debt.open == rest]
    if not fit:
        return []
    choice = choice_bits(len(more), 1)
    telling = amount_bits(rest) - choice > NO_MATCH_BITS and at[0] in case.sure_payers(receipt)
    telling = telling and not _filled(case, [*named, fit[0]], receipt)
    other = (*(debt.number for debt in named), fit[1].number) if len(fit) > 1 else ()
    finding = Finding(choice, settles=telling, other=other)
    return [_group_of(case, receipt, [*named, fit[0]], finding)]


def _gathered(case: Case, receipt: Receipt, paid: int, pool: Sequence[Debt], left: Mapping[str, int]) -> list[Group]:
    """Find the invoices in a pool, the oldest first, that add up to a line."""
    pool = [debt for debt in pool if debt.open <= paid]
    if len(pool) < 2 or sum(debt.open for debt in pool) < paid:  # noqa: PLR2004 - a set
        return _less_discounts(case, receipt, paid, pool)
    must = [debt.number for debt in pool if debt.number in receipt.named.full]
    values = [debt.open for debt in pool]
    sets = {tuple(range(*run)): _run_bits(run, len(pool)) for run in runs(values, paid)}
    sums = subsets(values, paid, INVOICES_MAX)
    sets = {found: choice_bits(len(pool), len(found)) for found in sums.found} | sets
    chosen = sorted(sets.items(), key=lambda item: (item[1], item[0]))
    chosen = [(at, bits) for at, bits in chosen if must_hold([pool[n] for n in at], must)] or chosen
    if not chosen:
        return _less_discounts(case, receipt, paid, pool)
    at, choice = chosen[0]
    other = tuple(sorted(pool[n].number for n in chosen[1][0])) if len(chosen) > 1 else ()
    finding = Finding(
        choice,
        complete=sums.complete or len(at) == len(pool),
        settles=not (must and _filled(case, [pool[n] for n in at], receipt)),
        rival=_best_single(case, receipt, left),
        other=other,
    )
    return [_group_of(case, receipt, [pool[n] for n in at], finding)]


def _filled(case: Case, debts: Sequence[Debt], receipt: Receipt) -> bool:
    """Say whether a set is filled up with an invoice that is not named, where another of that amount could stand."""
    numbers = {debt.number for debt in debts}
    added = [debt for debt in debts if debt.number not in receipt.named.full]
    twins = (case.of_amount(debt.customer, debt.invoice.open.currency, debt.open) for debt in added)
    return any(twin.number not in numbers for each in twins for twin in each)


def _less_discounts(case: Case, receipt: Receipt, paid: int, pool: Sequence[Debt]) -> list[Group]:
    """Read a line as everything that is open, less the discounts that may still be taken."""
    if not any(debt.invoice.discounts for debt in pool):
        return []
    spared = [granted_on(debt.invoice, debt.open, receipt.paid_on) for debt in pool]
    if len(pool) < 2 or not any(spared) or sum(debt.open for debt in pool) - sum(spared) != paid:  # noqa: PLR2004
        return []
    currency = pool[0].invoice.open.currency
    total = wording.money(sum(debt.open for debt in pool), currency)
    said = f"{total}, which is this amount with the discounts they grant, {wording.money(sum(spared), currency)}, taken"
    finding = Finding(0.0, shortfall=Shortfall("discount", tuple(spared)), said=said)
    return [_group_of(case, receipt, pool, finding)]


def _best_single(case: Case, receipt: Receipt, left: Mapping[str, int]) -> Evidence | None:
    single = [evidence for evidence in case.evidence(receipt, left) if evidence.bits > NO_MATCH_BITS]
    return max(single, key=lambda evidence: (evidence.bits, evidence.debt.number), default=None)


def _run_bits(run: tuple[int, int], among: int) -> float:
    """Give what choosing a run costs: nothing for all, else one of so many runs."""
    return 0.0 if run == (0, among) else choice_bits(among, 2)


def _doubt(group: Group, given: Container[tuple[int, int]]) -> Group:
    """Take back certainty when an invoice of the set has a twin that may be free after all."""
    if not any((debt.customer, debt.open) in given for debt in group.debts):
        return group
    asked = group.asked or "another payment, which is asked about, may not pay what it was given"
    return msgspec.structs.replace(group, asked=asked, margin=0.0)


def must_hold(debts: Sequence[Debt], numbers: Sequence[str]) -> bool:
    """Say whether a set has all of these invoices."""
    return set(numbers) <= {debt.number for debt in debts}


def _group_of(case: Case, receipt: Receipt, chosen: Sequence[Debt], finding: Finding) -> Group:
    shortfall = finding.shortfall
    debts = chosen if shortfall and shortfall.spared else _by_age(chosen)
    bits = _bits(case, receipt, debts, finding.choice)
    margin = bits - max(NO_MATCH_BITS, finding.rival.bits if finding.rival else 0.0)
    margin = 0.0 if finding.other else margin
    forgiven = shortfall is not None and shortfall.gap == "write_off"
    reading = Reading(
        (receipt,),
        tuple(debts),
        margin,
        settles=finding.settles and not forgiven,
        forgiven=forgiven,
        rivals="" if finding.complete else "there are too many invoices to try every sum",
    )
    why = wording.say_together(receipt, debts, named=finding.named, unique=not finding.other, said=finding.said)
    return Group(
        kind="several_invoices",
        receipts=(receipt,),
        debts=tuple(debts),
        bits=bits,
        margin=margin,
        asked=objection(case, reading),
        why=why,
        shortfall=shortfall,
        rival=finding.rival,
        other=finding.other,
    )


def _bits(case: Case, receipt: Receipt, debts: Sequence[Debt], choice: float) -> float:
    """Weigh a set of one customer's invoices against one line: payer, names, sum, less the choice of the set."""
    payer = min(_payer_bits(case, receipt, debt) for debt in debts)
    named = sum(receipt.named.full.get(debt.number, 0.0) for debt in debts)
    return payer + min(named, 2 * IBAN_BITS) + amount_bits(receipt.minor) - choice


def _payer_bits(case: Case, receipt: Receipt, debt: Debt) -> float:
    account = case.people.holds(receipt.iban, debt.customer)
    return payer_bits(case.people.likeness(receipt.words, debt.customer), account)


def _instalments(case: Case, debt: Debt, claims: Sequence[Receipt], *, named: bool) -> list[Group]:
    """Find the lines that add up to one invoice."""
    worth = [(receipt, _worth(receipt, debt) or 0) for receipt in claims]
    worth = [(receipt, paid) for receipt, paid in worth if paid]
    worth.sort(key=lambda pair: (pair[0].line.booked_on, pair[0].id))
    sums = subsets([paid for _, paid in worth], debt.open, LINES_MAX)
    if not sums.found:
        return []
    receipts = tuple(worth[at][0] for at in sums.found[0])
    unique = len(sums.found) == 1
    bits = amount_bits(debt.open) - choice_bits(len(worth), len(receipts))
    bits += min(receipt.named.full.get(debt.number, 0.0) for receipt in receipts) + (0.0 if named else NO_MATCH_BITS)
    margin = bits - NO_MATCH_BITS if unique else 0.0
    rivals = "" if sums.complete and named else "only the payer and the sum of the payments say so"
    reading = Reading(receipts, (debt,), margin, settles=True, rivals=rivals)
    return [
        Group(
            kind="several_lines",
            receipts=receipts,
            debts=(debt,),
            bits=bits,
            margin=margin,
            asked=objection(case, reading),
            why=wording.say_instalments(receipts, debt, named=named, unique=unique),
        )
    ]


def _worth(receipt: Receipt, debt: Debt) -> int | None:
    return receipt.worth(debt.invoice.open.currency)


def _may_pay(receipt: Receipt, debt: Debt) -> bool:
    others = receipt.named.full.keys() - {debt.number}
    return not others and not receipt.named.unknown and 0 < (_worth(receipt, debt) or 0) < debt.open


def _by_age(debts: Sequence[Debt]) -> list[Debt]:
    return sorted(debts, key=lambda debt: (debt.invoice.issued_on, debt.number))


def _best_first(groups: list[Group]) -> list[Group]:
    def order(group: Group) -> tuple[float, list[str]]:
        return -group.margin, [receipt.id for receipt in group.receipts]

    return sorted(groups, key=order)
