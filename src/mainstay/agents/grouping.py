"""Grouping: one payment for several invoices, and several payments for one.

Sets are looked for only where a name or a payer points to them, never among everything: a sum agrees by chance sooner
than one thinks. Of n things there are C(n, k) sets of k, so a set found by its sum alone is worth log2 C(n, k) bits
less than a single amount (Bonferroni); all of a customer's open invoices are one set, and cost nothing. The search is
bounded: `POOL_MAX` things, `INVOICES_MAX` or `LINES_MAX` of them, `STEPS_MAX` steps; one cut short is never sure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.agents import wording
from mainstay.agents.allocation import Gap
from mainstay.agents.evidence import (
    IBAN_BITS,
    NO_MATCH_BITS,
    SURE_CONFIDENCE,
    TINY_MINOR,
    Debt,
    Evidence,
    Receipt,
    amount_bits,
    choice_bits,
    confidence,
    discounted,
    name_bits,
)

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from mainstay.agents.candidates import Case

POOL_MAX = 18
INVOICES_MAX = 8
LINES_MAX = 4
STEPS_MAX = 8_000


class Group(msgspec.Struct, frozen=True):
    """Some lines that pay some invoices together."""

    kind: Literal["several_invoices", "several_lines"]
    receipts: tuple[Receipt, ...]
    debts: tuple[Debt, ...]
    bits: float
    margin: float
    sure: bool
    why: str
    gap: Gap | None = None
    rival: Evidence | None = None


class Finding(msgspec.Struct, frozen=True):
    """How a set of invoices was found for a line: among how many, and whether anything else was as good."""

    among: int
    named: bool = False
    unique: bool = True
    complete: bool = True
    gap: Gap | None = None
    rival: Evidence | None = None


class Sums(msgspec.Struct, frozen=True):
    """The sets that add up to a target, as positions; `complete` when the whole search was done."""

    found: tuple[tuple[int, ...], ...]
    complete: bool


def named_groups(case: Case, free: Mapping[str, Receipt], left: Mapping[str, int]) -> list[Group]:
    """Find the groups whose every member is named, the best first."""
    groups: list[Group] = []
    claimants: dict[str, list[Receipt]] = {}
    for receipt in free.values():
        named = _open_named(case, receipt, left)
        if len(named) > 1:
            groups += _listed_group(case, receipt, named)
        elif named:
            claimants.setdefault(named[0].number, []).append(receipt)
    alone = {number for number, claims in claimants.items() if any(claim.minor == left[number] for claim in claims)}
    groups = [group for group in groups if alone.isdisjoint(debt.number for debt in group.debts)]
    for number, claims in claimants.items():
        if number not in alone and len(claims) > 1:
            groups += _instalments(case.debts[number], claims, named=True)
    return _best_first(groups)


def unnamed_groups(
    case: Case, free: Mapping[str, Receipt], left: Mapping[str, int], doubtful: Container[str]
) -> list[Group]:
    """Find the groups by payer and sum, the best first; `doubtful` invoices were given away, but not surely."""
    groups: list[Group] = []
    payments: dict[int, list[Receipt]] = {}
    for receipt in free.values():
        for customer in case.sure_payers(receipt):
            pool = _pool(case, customer, receipt, left)
            groups += [_doubt(group, case, doubtful) for group in _gathered(case, receipt, pool, left)]
            payments.setdefault(customer, []).append(receipt)
    for customer, receipts in sorted(payments.items()):
        for debt in case.customers[customer].debts:
            if left.get(debt.number) == debt.open:
                claims = [r for r in receipts if _may_pay(r, debt)]
                groups += _instalments(debt, claims, named=False)
    return _best_first(groups)


def rival_group(case: Case, receipt: Receipt, debt: Debt, left: Mapping[str, int]) -> float | None:
    """Give the bits of the best set of other invoices of this customer that adds up to the line; None without one."""
    pool = [other for other in _pool(case, debt.customer, receipt, left) if other.number != debt.number]
    sums = subsets(tuple(other.open for other in pool), receipt.minor, INVOICES_MAX)
    bits = [_bits(case, receipt, [pool[at] for at in positions], len(pool)) for positions in sums.found]
    return max(bits, default=None)


def subsets(values: Sequence[int], target: int, most: int) -> Sums:
    """Find up to three sets of 2 to `most` values that add up to the target. Values are positive."""
    found: list[tuple[int, ...]] = []
    order = sorted(range(len(values)), key=lambda at: (-values[at], at))
    rest = [0] * (len(order) + 1)
    for at in reversed(range(len(order))):
        rest[at] = rest[at + 1] + values[order[at]]
    steps = 0
    stack: list[tuple[int, int, tuple[int, ...]]] = [(0, target, ())]
    while stack and steps < STEPS_MAX and len(found) < 3:  # noqa: PLR2004 - the best, its rival, and one to spare
        steps += 1
        at, missing, taken = stack.pop()
        if missing == 0:
            found += [tuple(sorted(taken))] * (len(taken) > 1)
        elif at < len(order) and len(taken) < most and missing <= rest[at]:
            stack.append((at + 1, missing, taken))
            if values[order[at]] <= missing:
                stack.append((at + 1, missing - values[order[at]], (*taken, order[at])))
    return Sums(tuple(found), complete=not stack)


def _open_named(case: Case, receipt: Receipt, left: Mapping[str, int]) -> list[Debt]:
    currency = receipt.line.amount.currency
    numbers = [number for number in receipt.named.full if left.get(number, 0) > 0]
    return [case.debts[number] for number in numbers if case.debts[number].invoice.open.currency == currency]


def _listed_group(case: Case, receipt: Receipt, named: list[Debt]) -> list[Group]:
    """Read a line that names several invoices: all of them, with a small gap if need be, or some of them."""
    total = sum(debt.open for debt in named)
    gap = total - receipt.minor
    if gap == 0:
        return [_group_of(case, receipt, named, Finding(len(named), named=True))]
    if 0 < gap <= TINY_MINOR or receipt.minor in discounted(total):
        kind: Gap = "write_off" if gap <= TINY_MINOR else "discount"
        return [_group_of(case, receipt, named, Finding(len(named), named=True, gap=kind))]
    return _gathered(case, receipt, named, {debt.number: debt.open for debt in named})


def _gathered(case: Case, receipt: Receipt, pool: Sequence[Debt], left: Mapping[str, int]) -> list[Group]:
    """Find the invoices in a pool that add up to a line."""
    must = [debt.number for debt in pool if debt.number in receipt.named.full]
    sums = subsets(tuple(debt.open for debt in pool), receipt.minor, INVOICES_MAX)
    chosen = [[pool[at] for at in positions] for positions in sums.found]
    chosen = [debts for debts in chosen if must_hold(debts, must)] or chosen
    single = [evidence for evidence in case.evidence(receipt, left) if evidence.bits > NO_MATCH_BITS]
    rival = max(single, key=lambda evidence: (evidence.bits, evidence.debt.number), default=None)
    finding = Finding(len(pool), unique=len(chosen) == 1, complete=sums.complete, rival=rival)
    return [_group_of(case, receipt, debts, finding) for debts in chosen[:1]]


def _doubt(group: Group, case: Case, doubtful: Container[str]) -> Group:
    """Take back certainty when an invoice of the set has a twin that may be free after all."""
    amounts = {(debt.customer, debt.open) for debt in group.debts}
    twins = [debt for at in {debt.customer for debt in group.debts} for debt in case.customers[at].debts]
    if not any(debt.number in doubtful and (debt.customer, debt.open) in amounts for debt in twins):
        return group
    return msgspec.structs.replace(group, sure=False, margin=0.0)


def must_hold(debts: Sequence[Debt], numbers: Sequence[str]) -> bool:
    """Say whether a set has all of these invoices."""
    return set(numbers) <= {debt.number for debt in debts}


def _group_of(case: Case, receipt: Receipt, chosen: Sequence[Debt], finding: Finding) -> Group:
    debts = sorted(chosen, key=lambda debt: (debt.invoice.issued_on, debt.number))
    bits = _bits(case, receipt, debts, finding.among)
    margin = bits - max(NO_MATCH_BITS, finding.rival.bits if finding.rival else 0.0) if finding.unique else 0.0
    missing = sum(debt.open for debt in debts) - receipt.minor
    early = any(receipt.line.booked_on < debt.invoice.issued_on for debt in debts)
    hinted = receipt.named.hinted
    odd = early or bool(receipt.named.unknown) or bool(hinted and {debt.number for debt in debts}.isdisjoint(hinted))
    settles = finding.gap is None or (finding.gap == "write_off" and finding.named)
    said = f"{wording.money(missing, receipt.line.amount.currency)} more than this amount" if missing else ""
    return Group(
        kind="several_invoices",
        receipts=(receipt,),
        debts=tuple(debts),
        bits=bits,
        margin=margin,
        sure=not odd and settles and finding.complete and confidence(margin) >= SURE_CONFIDENCE,
        why=wording.say_together(debts, named=finding.named, unique=finding.unique, gap=said),
        gap=finding.gap,
        rival=finding.rival,
    )


def _bits(case: Case, receipt: Receipt, debts: Sequence[Debt], among: int) -> float:
    """Weigh a set of one customer's invoices against one line: payer, names, sum, less the choice of the set."""
    payer = min(_payer_bits(case, receipt, debt) for debt in debts)
    named = sum(receipt.named.full.get(debt.number, 0.0) for debt in debts)
    return payer + min(named, 2 * IBAN_BITS) + amount_bits(receipt.minor) - choice_bits(among, len(debts))


def _payer_bits(case: Case, receipt: Receipt, debt: Debt) -> float:
    if debt.iban and debt.iban == receipt.iban:
        return IBAN_BITS
    return name_bits(case.likeness(receipt, debt.customer))


def _instalments(debt: Debt, claims: Sequence[Receipt], *, named: bool) -> list[Group]:
    """Find the lines that add up to one invoice."""
    claims = sorted(claims, key=lambda receipt: (receipt.line.booked_on, receipt.id))[:POOL_MAX]
    sums = subsets(tuple(receipt.minor for receipt in claims), debt.open, LINES_MAX)
    if not sums.found:
        return []
    receipts = tuple(claims[at] for at in sums.found[0])
    unique = len(sums.found) == 1
    bits = amount_bits(debt.open) - choice_bits(len(claims), len(receipts))
    bits += min(receipt.named.full.get(debt.number, 0.0) for receipt in receipts) + (0.0 if named else NO_MATCH_BITS)
    margin = bits - NO_MATCH_BITS if unique else 0.0
    odd = any(r.line.booked_on < debt.invoice.issued_on or r.named.unknown for r in receipts)
    return [
        Group(
            kind="several_lines",
            receipts=receipts,
            debts=(debt,),
            bits=bits,
            margin=margin,
            sure=named and not odd and sums.complete and confidence(margin) >= SURE_CONFIDENCE,
            why=wording.say_instalments(receipts, debt, named=named, unique=unique),
        )
    ]


def _pool(case: Case, customer: int, receipt: Receipt, left: Mapping[str, int]) -> list[Debt]:
    """Give the customer's untouched invoices that a line could hold, the oldest first."""
    pool = [
        debt
        for debt in case.customers[customer].debts
        if left.get(debt.number) == debt.open <= receipt.minor
        and debt.invoice.open.currency == receipt.line.amount.currency
    ]
    return sorted(pool, key=lambda debt: (debt.invoice.issued_on, debt.number))[:POOL_MAX]


def _may_pay(receipt: Receipt, debt: Debt) -> bool:
    others = receipt.named.full.keys() - {debt.number}
    same = receipt.line.amount.currency == debt.invoice.open.currency
    return same and not others and not receipt.named.unknown and receipt.minor < debt.open


def _best_first(groups: list[Group]) -> list[Group]:
    def order(group: Group) -> tuple[float, list[str]]:
        return -group.margin, [receipt.id for receipt in group.receipts]

    return sorted(groups, key=order)
