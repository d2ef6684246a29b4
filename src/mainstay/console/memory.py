"""Memory: what was learned from your answers, where each comes from, and forgetting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstay.console.room import Page, form_of, only
from mainstay.errors import UnknownNameError
from mainstay.views.lessons import lessons

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room

PLAYBOOK = "forget"  # as `mainstay memory forget` runs it


async def memory(room: Room, request: Request) -> Response:
    """Show all that was learned."""
    rows = await room.look(lambda views: lessons(views.known()))
    return await room.page(request, "memory.html", nav="memory", rows=rows)


async def forget(room: Room, request: Request) -> Response:
    """Forget one thing that was learned; nothing that was booked changes."""
    wanted = only(form_of(request), "id")
    if wanted not in await room.look(lambda views: [row["id"] for row in lessons(views.known())]):
        raise UnknownNameError("That was forgotten already, or was never learned.", remedy="Look at what is left.")
    params: dict[str, Any] = {"playbook": PLAYBOOK, "inputs": [f"ids={wanted}"], "folder": str(room.desk.root)}
    standing = await room.ask("run", params)
    if standing.get("goes_on") or standing.get("questions"):
        return room.back(request, f"/plans/{standing['plan']}", "It is on its way to be forgotten.")
    return room.back(request, "/memory", "It is forgotten. What was booked stays as it is.")


SCREENS = (Page("GET", "/memory", memory), Page("POST", "/memory/forget", forget))
