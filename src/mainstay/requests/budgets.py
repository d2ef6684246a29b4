"""Raising a budget for a while: what the operator lets be spent beyond it, in its present period and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.errors import InputError
from mainstay.governance.amounts import read_amount, say_amounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit


async def _raise(desk: Requests, params: Params, emit: Emit) -> Params:
    """Raise `name` by `amount` in its day, month or that of `plan`; on disk when this returns."""
    del emit
    try:
        unit, amount = read_amount(params["amount"])
    except ValueError as error:
        raise InputError(f"{error}.", remedy='Such as: mainstay budget raise NAME --today "50.00 EUR"') from None
    if not amount:
        raise InputError("Raised by nothing it stays as it is.", remedy="Give an amount above 0.")
    budgets, now_us = desk.engine.parts.budgets, desk.clock.now_us()
    append = budgets.raise_by(params["name"], params["period"], params.get("plan") or "", {unit: amount}, now_us)
    try:
        await desk.engine.parts.ledger.append([append])
    except BaseException:
        budgets.forget()
        raise
    return {"plan": "", "raised": params["name"], "by": say_amounts({unit: amount}), "stream": append.stream}


METHODS: Mapping[str, Method] = {"raise_budget": _raise}
