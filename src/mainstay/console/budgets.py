"""Budgets: what may be spent, what is spent and held of it, and letting more be spent this time only."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from mainstay.console.decide_once import once
from mainstay.console.room import Page, form_of, only
from mainstay.errors import InputError
from mainstay.governance.amounts import read_amount, say_amount
from mainstay.kernel.budget import Period

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params

UNTIL = {"day": "until midnight", "month": "until the month ends", "plan": "for that plan"}
WHEN = {"day": "Today", "month": "This month", "plan": "Each plan"}


async def budgets(room: Room, request: Request) -> Response:
    """Show all budgets in their present periods."""
    caps, now_us = room.owner.budgets.caps, room.owner.clock.now_us()
    rows = await room.look(lambda views: views.budgets(caps, now_us))
    return await room.page(request, "budgets.html", nav="budgets", rows=rows, when=WHEN)


async def raise_one(room: Room, request: Request) -> Response:
    """Ask whether that is meant, and raise it once somebody said so."""
    return await once(room, request, _raise_one)


async def _raise_one(room: Room, request: Request) -> Response:
    form = form_of(request)
    given = {name: only(form, name) for name in ("name", "period", "plan", "amount")}
    if only(form, "sure") != "yes":
        return await _confirm(room, request, given)
    told = await room.ask("raise_budget", given | {"seen": only(form, "seen")})
    said = f"Budget '{given['name']}' is raised by {told['by']}, {UNTIL[given['period']]}."
    if told["leaving_now"]:
        said += f" Of what waited for it, as much as fits in left now: {told['leaving_now']}."
    return room.back(request, "/budgets", said)


async def _confirm(room: Room, request: Request, given: dict[str, str]) -> Response:
    """Show what would be raised, by how much and until when; nothing was changed yet."""
    period = next((one for one in get_args(Period) if one == given["period"]), None)
    if period is None:
        raise InputError("Nobody said until when it is raised.", remedy="Go back to the budgets and raise one there.")
    try:
        unit, amount = read_amount(given["amount"])
    except ValueError as error:
        raise InputError(f"{error}.", remedy="Nothing was changed. Go back and write it so.") from None
    if not amount:
        raise InputError("Raised by nothing it stays as it is.", remedy="Give an amount above 0.")
    seen = room.owner.budgets.raised(given["name"], period, given["plan"], room.owner.clock.now_us())
    values: Params = {"given": given, "by": say_amount(unit, amount), "until": UNTIL[period], "seen": seen}
    return await room.page(request, "budget_raise.html", nav="budgets", **values)


SCREENS = (Page("GET", "/budgets", budgets), Page("POST", "/budgets/raise", raise_one))
