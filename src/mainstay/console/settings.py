"""Settings: what mainstay.toml says and means, to read; it is changed in the file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.console.room import Page
from mainstay.views.settings import settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room


async def show(room: Room, request: Request) -> Response:
    """Show what holds now, and where the file says something else by now."""
    found = await asyncio.to_thread(settings, room.owner.workspace)
    return await room.page(request, "settings.html", **found)


SCREENS = (Page("GET", "/settings", show),)
