"""Ways in: the password, the passkeys, and where somebody is logged in. What is kept is in access.py."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.console import access
from mainstay.console.live import ALL
from mainstay.console.passwords import LEAST, MOST, own_words
from mainstay.console.room import Page, form_of, known_of, only
from mainstay.console.sessions import FRESH_US
from mainstay.errors import InputError
from mainstay.values import SECOND_US, say_duration

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Form, Room
    from mainstay.console.sessions import Known
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
    values: Params = {"password": password, "least": LEAST, "most": MOST, "asks_link": kept.any and not at_terminal}
    values["asks_old"] = password and not at_terminal
    return await room.page(request, "access.html", passkeys=passkeys, sessions=sessions, **values)


async def prove(room: Room, known: Known, form: Form) -> None:
    """Hold that the operator makes a new way in, and not who finds a browser open (SECURITY S22).

    That is who gives the password there is, or was at the terminal just now; the first way in needs no other. Raises
    InputError.
    """
    kept, now_us = access.load(room.state), room.owner.clock.now_us()
    if not kept.any or known.session.is_fresh(now_us):
        return
    remedy = f"Log in by a link (mainstay console), and do it within {_FRESH}."
    if kept.password is None:
        raise InputError("A new way in wants somebody who was at the terminal just now.", remedy=remedy)
    async with room.throttle.turn:
        if wait_s := room.throttle.wait_s(now_us):
            again = f"Try again in {say_duration(wait_s)}, or use a new link: mainstay console"
            raise InputError("Too many passwords were wrong; nothing was changed.", remedy=again)
        if not await asyncio.to_thread(access.is_password, kept.password, only(form, "old")):
            room.throttle.failed(now_us)
            why = "That is not the password there was; nothing was changed."
            raise InputError(why, remedy=f"Who forgot it: {remedy[0].lower()}{remedy[1:]}")
        room.throttle.passed()


async def set_password(room: Room, request: Request) -> Response:
    """Set a new password; whoever knows the old one only is out, and so is every other browser."""
    form, known = form_of(request), known_of(request)
    assert known is not None
    await prove(room, known, form)
    if only(form, "new") != only(form, "again"):
        raise InputError("The two new passwords are not the same; nothing was changed.", remedy="Write them again.")
    own = own_words(room.owner.workspace.config)
    await asyncio.to_thread(access.set_password, room.state, only(form, "new"), own)
    room.sessions.end_others(known.session.digest, "password")
    room.live.tell(ALL)  # their open pages ask for themselves, and are led to the log-in
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
    room.live.tell(ALL)
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
