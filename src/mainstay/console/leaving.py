"""Approved actions that leave at a time: called back before that, or let leave now. Both are real (KERNEL E1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.room import Page, form_of, here_before, only

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room


async def leave(room: Room, request: Request) -> Response:
    """Do what was pressed; what has left meanwhile is said to have."""
    form, plan = form_of(request), request.path_params["plan"].partition("-")[0]
    item, recall = only(form, "item"), only(form, "does") != "hasten"
    asked = {"plan": plan, "step": only(form, "step"), "item": int(item) if item.isdecimal() else None}
    await room.ask("recall" if recall else "hasten", asked)
    said = "It was called back: it does not happen, and what needs it is left out." if recall else "It leaves now."
    return room.back(request, here_before(request), said)


SCREENS = (Page("POST", "/leaving/{plan}", leave),)
