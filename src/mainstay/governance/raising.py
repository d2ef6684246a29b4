"""Which budget the operator's raise is about: named, in a period that it has, by what it counts."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from mainstay.errors import InputError, UnknownNameError
from mainstay.governance.amounts import say_amounts
from mainstay.governance.shortage import PER, raising

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.kernel.budget import Cap, Period


def cap_to_raise(caps: Iterable[Cap], name: str, period: Period, amounts: Mapping[str, int]) -> Cap:
    """Give the cap that is raised by these amounts.

    Raises UnknownNameError for a budget there is not, InputError for a period or an amount that it has not.
    """
    known = list(caps)
    named = [cap for cap in known if cap.name == name]
    if not named:
        near = difflib.get_close_matches(name, {cap.name for cap in known}, 1)
        hint = f"Did you mean '{near[0]}'?" if near else "See all with: mainstay budget"
        raise UnknownNameError(f"There is no budget '{name}'.", remedy=hint)
    cap = next((cap for cap in named if cap.period == period), None)
    if cap is None:
        has = " and ".join(PER[one.period] for one in named)
        why = f"Budget '{name}' has no amount {PER[period]}, only {has}."
        raise InputError(why, remedy=f"Raise that, such as: {_example(named[0])}")
    if wrong := [unit for unit in amounts if unit not in cap.most]:
        counts = say_amounts(cap.most, cap.most)
        what = say_amounts(amounts, wrong)
        why = f"Budget '{name}' is {counts} {PER[period]}; {what} is something else."
        raise InputError(why, remedy=f"Such as: {_example(cap)}")
    return cap


def _example(cap: Cap) -> str:
    """Give the command that raises a cap, with an amount of what it counts."""
    unit = next(iter(cap.most))
    return raising(cap, {unit: max(1, cap.most[unit] // 10)})
