"""The books: what each reconciliation made of payments and invoices, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.room import Page, number_of
from mainstay.views.reconciled import OPEN_PILE, Part

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views

MOST = 100  # of a pile on one page
SAYS = {
    "sure": ("Matched without doubt", "Booked without asking you."),
    "unsure": ("Needed your eye", "Booked only where you said yes."),
    "duplicates": ("Paid once more", "These invoices were paid already; nothing was booked."),
    "unmatched": ("Fits no open invoice", "Nothing was booked. Find out what they are for."),
    "set_aside": ("No customer's payment", "Payouts, and money between accounts of yours."),
}


async def books(room: Room, request: Request) -> Response:
    """List the reconciliations."""
    rows = await room.look(lambda views: views.reconciliations())
    return await room.page(request, "books.html", nav="books", rows=rows)


async def reconciliation(room: Room, request: Request) -> Response:
    """Show one: payments, invoices, matches, how sure, and what is left."""
    name: str = request.path_params["plan"]
    show, after = request.query_params.get("show", ""), request.query_params.get("after", "")
    part = Part(show if show in (*SAYS, OPEN_PILE) else "", number_of(after), MOST)
    part = part if part.pile else Part("", 0, MOST)

    def look(views: Views) -> Params:
        return views.reconciliation(views.plan_id(name), part)

    values: Params = {"r": await room.look(look), "says": SAYS, "show": part.pile, "after": part.after}
    return await room.page(request, "reconciled.html", nav="books", **values)


SCREENS = (Page("GET", "/books", books), Page("GET", "/books/{plan}", reconciliation))
