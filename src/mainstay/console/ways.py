"""Ways in: the password, the passkeys, and where somebody is logged in. What is kept is in access.py."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.console import access
from mainstay.console.passwords import LEAST, MOST, own_words
from mainstay.console.room import Page, form_of, known_of, only
from mainstay.console.sessions import FRESH_US
from mainstay.errors import InputError
from mainstay.values import SECOND_US, say_duration

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params

HOW = {"link": "by a link", "password": "by the password", "passkey": "by a passkey"}
_FRESH = say_duration(FRESH_US // SECOND_US)
_BROWSERS = ("Edg", "Firefox", "Chrome", "Safari")  # the first that it names: others name those too
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")


async def ways(room: Room, request: Request) -> Response:
    """Show them."""
    kept, known = access.load(room.state), known_of(request)
    assert known is not None
    sessions: list[Params] = [
        {
            "digest": one.digest,
            "says": f"{_named(one.browser)}, {HOW[one.how]}",
            "begun": room.time(one.begun_us),
            "used": room.time(one.used_us),
            "this": one.digest == known.session.digest,
        }
        for one in room.sessions.all()
    ]
    passkeys: list[Params] = [
        {"id": one.id.hex(), "name": one.name, "begun": room.time(one.begun_us), "used": room.time(one.used_us)}
        for one in kept.passkeys
    ]
    password, at_terminal = kept.password is not None, known.session.is_fresh(room.owner.clock.now_us())
    values = {"password": password, "asks_old": password and not at_terminal, "least": LEAST, "most": MOST}
    return await room.page(request, "access.html", passkeys=passkeys, sessions=sessions, **values)


async def set_password(room: Room, request: Request) -> Response:
    """Set a new password; whoever knows the old one only is out, and so is every other browser (SECURITY S22).

    It wants the one there is, or a log-in by a link just now: whoever finds a browser open locks nobody out.
    """
    form, known = form_of(request), known_of(request)
    assert known is not None
    kept = access.load(room.state).password
    if kept is not None and not known.session.is_fresh(room.owner.clock.now_us()):
        async with room.throttle.turn:
            if wait_s := room.throttle.wait_s(room.owner.clock.now_us()):
                remedy = f"Try again in {say_duration(wait_s)}, or use a new link: mainstay console"
                raise InputError("Too many passwords were wrong; nothing was changed.", remedy=remedy)
            if not await asyncio.to_thread(access.is_password, kept, only(form, "old")):
                room.throttle.failed(room.owner.clock.now_us())
                remedy = f"Who forgot it logs in by a link (mainstay console), and sets a new one within {_FRESH}."
                raise InputError("That is not the password there was; nothing was changed.", remedy=remedy)
            room.throttle.passed()
    if only(form, "new") != only(form, "again"):
        raise InputError("The two new passwords are not the same; nothing was changed.", remedy="Write them again.")
    own = own_words(room.owner.workspace.config)
    await asyncio.to_thread(access.set_password, room.state, only(form, "new"), own)
    room.sessions.end_others(known.session.digest, "password")
    return room.back(request, "/access", "The new password holds, and every other browser was logged out.")


async def drop_passkey(room: Room, request: Request) -> Response:
    """Let a passkey let nobody in any more."""
    name = only(form_of(request), "id")
    access.change_passkeys(room.state, lambda all_: [one for one in all_ if one.id.hex() != name])
    return room.back(request, "/access", "That passkey lets nobody in any more.")


async def log_out_one(room: Room, request: Request) -> Response:
    """End one session, or all the others."""
    known, which = known_of(request), only(form_of(request), "session")
    assert known is not None
    if which == "others":
        room.sessions.end_others(known.session.digest, "elsewhere")
    else:
        room.sessions.end(which, "elsewhere")
    return room.back(request, "/access", "Logged out there.")


def _named(browser: str) -> str:
    """Name a browser as its owner does, as far as that can be told."""
    name = next((one for one in _BROWSERS if one in browser), "A browser").replace("Edg", "Edge")
    system = next((one for one in _SYSTEMS if one in browser), "")
    return f"{name} on {system}" if system else name


SCREENS = (
    Page("GET", "/access", ways),
    Page("POST", "/access/password", set_password),
    Page("POST", "/access/passkeys/drop", drop_passkey),
    Page("POST", "/access/sessions", log_out_one),
)
