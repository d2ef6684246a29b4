"""Today: what is under way, what is held and why, what is due next, what was spent, and whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.app import caps_of
from mainstay.console.room import Page
from mainstay.views.today import today

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room


async def show(room: Room, request: Request) -> Response:
    """Show it."""
    workspace, contracts = room.owner.workspace, room.owner.contracts
    caps, now_us, hours = caps_of(workspace, contracts), room.owner.clock.now_us(), workspace.config.hours
    starting = room.owner.engine.outside.starting()
    found = await room.look(lambda views: today(views, caps, now_us, hours, contracts, starting))
    wrong = [*_wrong(room), *found.pop("wrong")]
    return await room.page(request, "today.html", nav="today", wrong=wrong, **found)


def _wrong(room: Room) -> Iterator[str]:
    """Say what only the process at work knows."""
    engine = room.owner.engine
    if engine.trouble:
        yield engine.trouble
    for plan, why in engine.broken.items():
        yield f"Plan {plan} can't go on: {why}."


SCREENS = (Page("GET", "/today", show),)
