"""The list of plans, and one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.room import Page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params

FIRST, MOST = 50, 3200


async def plans(room: Room, request: Request) -> Response:
    """Show the newest; `open` those only that have not ended."""
    limit = request.query_params.get("limit", "")
    most = min(int(limit), MOST) if limit.isdecimal() and int(limit) else FIRST
    open_only = bool(request.query_params.get("open"))
    found = await room.look(lambda views: views.plans(limit=most + 1, open_only=open_only))
    values: Params = {
        "plans": found[:most],
        "more": len(found) > most and most < MOST,
        "limit": most,
        "open_only": open_only,
    }
    return await room.page(request, "plans.html", nav="plans", **values)


async def plan(room: Room, request: Request) -> Response:
    """Show one: how far it is, and what happened because of what."""
    name: str = request.path_params["plan"]
    found = await room.look(lambda views: views.show(views.plan_id(name)))
    return await room.page(request, "plan.html", nav="plans", plan=found)


SCREENS = (Page("GET", "/plans", plans), Page("GET", "/plans/{plan}", plan))
