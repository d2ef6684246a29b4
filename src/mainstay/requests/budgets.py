"""Raising a budget for a while: what the operator lets be spent beyond it, in its present period and no longer.

What waits for that budget to begin anew was let go already, but for the amount: as much of it as fits in now leaves at
once, the first asked about first. What the operator has not answered yet stays a question.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, get_args

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError, ConflictError, InputError, LedgerError, MainstayError
from mainstay.governance.amounts import read_amount, say_amounts
from mainstay.governance.shortage import PER
from mainstay.kernel.budget import Period
from mainstay.ledger import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.kernel.budget import Spending
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit

BY = "budget"  # who lets leave what waited for it


async def _raise(desk: Requests, params: Params, emit: Emit) -> Params:
    """Raise `name` by `amount` in its day, month or that of `plan`, and let leave what waits; on disk at the end.

    `seen` is what it was raised by as the operator looked, as `Budgets.raised` gives it: else nothing happens.
    """
    try:
        unit, amount = read_amount(params["amount"])
    except ValueError as error:
        raise InputError(f"{error}.", remedy='Such as: mainstay budget raise NAME --today "50.00 EUR"') from None
    if not amount:
        raise InputError("Raised by nothing it stays as it is.", remedy="Give an amount above 0.")
    budgets, now_us = desk.engine.parts.budgets, desk.clock.now_us()
    named = params["name"], _period(params), _plan(desk, params)
    append = budgets.raise_by(*named, {unit: amount}, now_us, seen=params.get("seen"))
    try:
        on_disk = desk.engine.parts.ledger.append([append])
    except MainstayError:
        budgets.withdraw((append,))
        raise
    try:
        await on_disk
    except (LedgerError, ConflictError):  # and only then: what is on its way to disk is counted
        budgets.forget()
        raise
    leaving = await _let_leave(desk, emit)
    by = say_amounts({unit: amount})
    return {"plan": "", "raised": params["name"], "by": by, "stream": append.stream, "leaving_now": leaving}


def _period(params: Params) -> Period:
    for period in get_args(Period):
        if params["period"] == period:
            return period
    raise InputError(f"A budget is {', '.join(PER.values())}, not '{params['period']}'.", remedy="Raise one of these.")


def _plan(desk: Requests, params: Params) -> str:
    """Name the plan at the top of the family whose amount is raised; raises where it is for one and there is none."""
    named = params.get("plan") or ""
    if params["period"] != "plan":
        return ""
    if not named:
        raise InputError("The amount of which plan is raised?", remedy='Such as: --plan k3v9x2m4qa="50.00 EUR"')
    return desk.engine.load(named).id.partition("-")[0]


async def _let_leave(desk: Requests, emit: Emit) -> int:
    """Let leave what waits for a budget and fits in by now; gives how many actions that were."""
    now_us = desk.clock.now_us()
    waiting = {spending.holder: spending for spending in _waiting(desk, now_us)}
    leaving = desk.engine.parts.budgets.fitting(waiting.values(), now_us)
    plans: dict[str, None] = {}
    count = 0
    for spending in leaving:
        plan_id, _, path = spending.holder.partition("/")
        try:
            await desk.engine.submit(plan_id, c.DispatchEffect(now_us=now_us, path=path, by=BY), actor="operator")
        except CommandRefusedError:
            continue  # it was called back, or its plan ended meanwhile
        plans[plan_id.partition("-")[0]] = None
        count += 1
    for plan_id in plans:
        await desk.follow(plan_id, emit)
    return count


def _waiting(desk: Requests, now_us: int) -> list[Spending]:
    """Give what the operator lets wait for a budget, in the order of their answers; its hours hold it still."""
    purse, parts = desk.engine.effects.outcomes.purse, desk.engine.parts
    found: list[tuple[int, Spending]] = []
    by_plan: dict[str, set[str]] = {}
    for _, plan_id, path in parts.ledger.rows(queries.TIMERS_DISPATCH):
        by_plan.setdefault(plan_id, set()).add(path)
    for plan_id, paths in by_plan.items():
        plan = desk.engine.load(plan_id)
        for path, position in _answered(parts.ledger.read(f"plan:{plan_id}")).items():
            hours = parts.hours.get(plan.slots[path].operation)
            if path in paths and (hours is None or hours(now_us) <= now_us):
                found.append((position, purse.prepared(plan, path)))
    return [spending for _, spending in sorted(found, key=lambda each: each[0])]


def _answered(recorded: Sequence[e.Recorded]) -> dict[str, int]:
    """Give by path where the operator said last that an action waits for its budget, and for nothing else since."""
    found: dict[str, int] = {}
    for before, event in pairwise(recorded):
        if isinstance(event.fact, e.EffectDelayed):
            found.pop(event.fact.path, None)
            if isinstance(before.fact, e.DecisionRuled) and before.fact.choice == "wait":
                found[event.fact.path] = event.position
    return found


METHODS: Mapping[str, Method] = {"raise_budget": _raise}
