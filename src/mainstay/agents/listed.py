"""Listed invoices that a payment names: what explains that it pays less, or a bit more, than all of them.

A discount may be taken on each of them or on some; a bank or a payment company may have kept a fee; the rest may be
too small to be asked about.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import msgspec

from mainstay.agents import wording
from mainstay.agents.allocation import Shortfall, allocate
from mainstay.agents.amounts import FEE_SHARE, RARE, USUAL, fee_minor, granted_on, is_forgiven, without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.agents.evidence import Debt, Receipt
    from mainstay.records import Grant
    from mainstay.values import Money

DISCOUNTED_MAX = 8  # invoices with a discount of their own: so many are tried with and without it, 2**8 ways
PROVIDER_SHARE = 0.05  # what a payment company keeps of a payment, and a bit for each
PROVIDER_EACH_MINOR = 50


class Short(msgspec.Struct, frozen=True):
    """Why a payment is not the sum of what it names; `settles` when that needs no asking."""

    shortfall: Shortfall
    said: str
    settles: bool = False


def explain(receipt: Receipt, paid: int, debts: Sequence[Debt], write_off: Money | None) -> Short | None:
    """Explain the difference between a payment and the invoices it names; None when nothing does."""
    currency = debts[0].invoice.open.currency
    total = sum(debt.open for debt in debts)
    gap = total - paid
    if gap > 0 and (granted := _granted(receipt, paid, debts)):
        said = f"{wording.money(gap, currency)} more than this amount, the discount they grant"
        return Short(Shortfall("discount", granted[0]), said, settles=granted[1])
    if is_forgiven(gap, total, currency, write_off):
        more = "more" if gap > 0 else "less"
        said = f"{wording.money(abs(gap), currency)} {more} than this amount"
        return Short(Shortfall("write_off"), said, settles=True)
    if gap <= 0:
        return None
    said = f"{wording.money(gap, currency)} more than this amount"
    each = PROVIDER_EACH_MINOR * len(debts)
    if receipt.provider and gap <= total * PROVIDER_SHARE + each:
        return Short(Shortfall("fee"), f"{said}, as when {receipt.provider} keeps its fees")
    for points in (*USUAL, *RARE):
        if paid in without(total, points) or abs(total * points // 10_000 - gap) <= len(debts) // 2:
            shortfall = Shortfall("discount")
            grants: set[Grant] = {one.grant for one in allocate([receipt], debts, shortfall) if one.kind == "discount"}
            return Short(shortfall, f"{said}, {wording.say_usual(points, grants, 'they')}")
    if gap <= min(fee_minor(currency), total * FEE_SHARE):
        return Short(Shortfall("fee"), f"{said}, as when a bank keeps a fee")
    return None


def _granted(receipt: Receipt, paid: int, debts: Sequence[Debt]) -> tuple[tuple[int, ...], bool] | None:
    """Give what is taken off each invoice where discounts that had not ended make up the difference, and if all do."""
    gap = sum(debt.open for debt in debts) - paid
    off = [granted_on(debt.invoice, debt.open, receipt.paid_on) for debt in debts]
    alive = [at for at, minor in enumerate(off) if minor]
    if not alive:
        return None
    ways = product((True, False), repeat=len(alive)) if len(alive) <= DISCOUNTED_MAX else [(True,) * len(alive)]
    for taken in ways:
        chosen = [at for at, yes in zip(alive, taken, strict=True) if yes]
        rounding = sum(off[at] for at in chosen) - gap
        if chosen and abs(rounding) <= len(chosen):
            spared = [minor if at in chosen else 0 for at, minor in enumerate(off)]
            for at in chosen[len(chosen) - abs(rounding) :]:  # by a coin each
                spared[at] -= 1 if rounding > 0 else -1
            return tuple(spared), all(taken)
    return None
