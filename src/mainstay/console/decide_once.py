"""A button that is pressed twice acts once: the second press of the same form gets the answer of the first.

A slow line, a double click, a browser that sends again: all of them send the same fields. What was refused may be
sent again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.console.room import form_of
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room

MOST = 200  # presses that are remembered
SEE_OTHER = 303


async def once(
    room: Room, request: Request, act: Callable[[Room, Request], Coroutine[None, None, Response]]
) -> Response:
    """Act, unless the same form was sent before; its CSRF token makes it one of this session."""
    fields = [part.encode() for name, values in sorted(form_of(request).items()) for part in (name, *values)]
    key = digest_of(request.url.path.encode(), *fields)
    pressed = room.pressed.get(key)
    if pressed is None:
        pressed = room.pressed[key] = asyncio.ensure_future(act(room, request))
        while len(room.pressed) > MOST:
            del room.pressed[next(iter(room.pressed))]
    try:
        answer = await asyncio.shield(pressed)
    except BaseException:
        room.pressed.pop(key, None)
        raise
    if answer.status_code != SEE_OTHER:
        room.pressed.pop(key, None)
    return answer
