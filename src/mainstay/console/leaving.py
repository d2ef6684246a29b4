"""Approved actions that leave at a time: called back before that, or let leave now. Both are real (KERNEL E1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.room import DIGITS, Page, form_of, here_before, only
from mainstay.errors import InputError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room

_SAID = {
    "recall": "It was called back: it does not happen, and what needs it is left out.",
    "hasten": "It leaves now.",
}


async def leave(room: Room, request: Request) -> Response:
    """Do what was pressed; what has left meanwhile is said to have."""
    form, plan = form_of(request), request.path_params["plan"].partition("-")[0]
    does, item = only(form, "does"), only(form, "item")
    if does not in _SAID or (item and not (item.isdecimal() and len(item) < DIGITS)):
        why = "What was sent names no action that waits to leave, so nothing was done."
        raise InputError(why, remedy="Go back, and press one of its buttons.")
    await room.ask(does, {"plan": plan, "step": only(form, "step"), "item": int(item) if item else None})
    return room.back(request, here_before(request), _SAID[does])


SCREENS = (Page("POST", "/leaving/{plan}", leave),)
