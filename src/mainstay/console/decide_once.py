"""A button that is pressed twice acts once: the second press of the same form gets the answer of the first.

A slow line, a double click, a browser that sends again: all of them send the same fields. What was refused may be
sent again. A form that may be meant twice holds a field of its own on each page (`once()` in its template).

This is remembered in memory. What has to hold over a crash, too, does by what is asked: a question that was answered
is closed, a plan is made under the form's name (`name_of`), a budget is raised only as it was seen.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from mainstay.console.room import files_of, form_of
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room

Act: TypeAlias = "Callable[[Room, Request], Coroutine[None, None, Response]]"
MOST = 200  # presses that are remembered
SEE_OTHER = 303


async def once(room: Room, request: Request, act: Act) -> Response:
    """Act, unless the same form was sent before."""
    key = key_of(request)
    pressed = room.pressed.get(key)
    if pressed is None:
        pressed = room.pressed[key] = asyncio.ensure_future(act(room, request))
        while len(room.pressed) > MOST:
            del room.pressed[next(iter(room.pressed))]
    try:
        answer = await asyncio.shield(pressed)
    except BaseException:
        if pressed.done():  # else only who pressed went away, and it goes on
            room.pressed.pop(key, None)
        raise
    if answer.status_code != SEE_OTHER:
        room.pressed.pop(key, None)
    return answer


async def once_named(room: Room, request: Request, act: Act) -> Response:
    """Act once for each form that has a name of its own (`once()` in its template); one without acts each time."""
    return await once(room, request, act) if name_of(request) else await act(room, request)


def may_come_again(room: Room, request: Request) -> None:
    """Let the same form act again: it did not get to what it is for."""
    room.pressed.pop(key_of(request), None)


def name_of(request: Request) -> str:
    """Name a form that has a name of its own, by all that it holds: other files make it another one. Empty: none."""
    return key_of(request) if form_of(request).get("once") else ""


def key_of(request: Request) -> str:
    """Name a form by all that it holds, files too; its CSRF token makes it one of this session."""
    parts = [part.encode() for name, values in sorted(form_of(request).items()) for part in (name, *values)]
    for name, files in sorted(files_of(request).items()):
        parts += [name.encode(), *(part for one in files for part in (one.name.encode(), one.content))]
    return digest_of(request.url.path.encode(), *parts)
