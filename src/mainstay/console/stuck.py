"""What is stuck, by its cause, and a remedy for all of a cause at once: the same as `mainstay stuck`.

A remedy is for what its form lists, by the names of the questions, and for nothing that came since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.batch import say_refused
from mainstay.console.looking import NAMED
from mainstay.console.room import Page, form_of, only
from mainstay.errors import InputError
from mainstay.requests.stuck import grouped
from mainstay.views.cards import REMEDIES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views

MOST = 100  # on one page, the oldest first


async def stuck(room: Room, request: Request) -> Response:
    """Show it, the largest cause first."""

    def look(views: Views) -> Params:
        rows = views.stuck(MOST)
        return {"groups": grouped(rows), "shown": len(rows), "count": views.stuck_count()}

    values = await room.look(look)
    return await room.page(request, "stuck.html", nav="stuck", named=NAMED, **values)


async def remedy(room: Room, request: Request) -> Response:
    """Apply one remedy to all that the form lists."""
    form = form_of(request)
    choice, decisions = only(form, "choice"), form.get("decision", [])
    if not decisions or not any(choice in remedies for remedies in REMEDIES.values()):
        raise InputError("Nothing was changed: no remedy was chosen.", remedy="Press one of its buttons.")
    params = {"decisions": decisions, "choice": choice, "reason": only(form, "reason").strip()}
    told = await room.ask_many("remedy", params | {"arguments": None, "pinned": {}})
    back = "/" if only(form, "back") == "/" else "/stuck"
    return room.back(request, back, f"{len(told['done'])} of {len(decisions)} answered." + say_refused(told))


SCREENS = (Page("GET", "/stuck", stuck), Page("POST", "/stuck", remedy))
