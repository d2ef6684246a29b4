"""The weekly review, one page to read or to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.room import Page
from mainstay.views.review import IDLE_WEEKS, TRUST_WEEKS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room

STUCK = 20


async def review(room: Room, request: Request) -> Response:
    """Show the last seven days."""
    now_us = room.owner.clock.now_us()
    found, stuck, kept = await room.look(lambda views: (views.review(now_us), views.stuck(STUCK), views.known()))
    spans = {"trust_weeks": TRUST_WEEKS, "idle_weeks": IDLE_WEEKS}
    return await room.page(request, "review.html", nav="metrics", review=found, stuck=stuck, lessons_kept=kept, **spans)


SCREENS = (Page("GET", "/review", review),)
