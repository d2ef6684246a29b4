"""Today: what is under way, what is due next, what was spent, and whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstay.app import caps_of
from mainstay.console.room import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views

MOST = 20  # of a list
LOOKED_AT = 60  # open plans, the newest


async def today(room: Room, request: Request) -> Response:
    """Show it."""
    caps, now_us = caps_of(room.owner.workspace, room.owner.contracts), room.owner.clock.now_us()

    def look(views: Views) -> Params:
        opened = [row for row in views.plans(limit=LOOKED_AT, open_only=True) if not row["questions"]]
        return {
            "running": [row for row in opened if not _waits(row)][:MOST],
            "due": [row for row in opened if _waits(row)][:MOST],
            "stuck": views.stuck(MOST),
            "leaving": views.leaving(limit=MOST),
            "budgets": views.budgets(caps, now_us),
            "health": list(_health(room, views)),
        }

    return await room.page(request, "today.html", nav="today", **await room.look(look))


def _waits(row: Params) -> bool:
    """Whether a plan does nothing but wait for a time or an event."""
    return row["says"].startswith(("waits for", "sleeps until"))


def _health(room: Room, views: Views) -> Iterator[tuple[str, Any]]:
    """Say what is not as it should be, or that all is."""
    engine, offline = room.owner.engine, views.offline()
    if engine.held:
        yield "bad", f"All work is stopped: {engine.held}."
    if engine.trouble:
        yield "bad", engine.trouble
    if offline is not None:
        yield "bad", f"No network since {offline['since'][11:16]}; {offline['waiting']} actions wait for one."
    if clock := views.clock_set():
        yield "bad", f"{clock}."
    for row in views.throttled():
        yield "bad", f"{row['playbook']} is held: {row['says']}"
    for plan, why in room.owner.engine.broken.items():
        yield "bad", f"Plan {plan} can't go on: {why}."
    if not engine.held and not engine.trouble:
        yield "ok", "Mainstay runs, and goes on with all plans."


SCREENS = (Page("GET", "/today", today),)
