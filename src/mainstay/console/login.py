"""Logging in and out. A link from the terminal is used by the press of a button: whatever only looks does nothing.

What lets in is in access.py, who is in stands in sessions.py. A password is asked of one at a time, and whoever guesses
waits longer each time (SECURITY S20); a link and a passkey can't be guessed, so nobody can lock the operator out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse

from mainstay.console import access
from mainstay.console.live import ALL
from mainstay.console.room import Page, known_of, only, ours
from mainstay.console.sessions import LONGEST_US
from mainstay.errors import NoFormError
from mainstay.values import SECOND_US, say_duration

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Form, Room
    from mainstay.console.sessions import How, Known

_FIELDS = 10
_OVER = "This link was used, or is over. Get another one in a terminal where Mainstay runs: mainstay console"


def cookie_name(room: Room) -> str:
    """Name the cookie: of this workspace, as browsers send cookies to every port of a host; bound to it under TLS."""
    return cookie_of(room.workspace_id, secure=room.tls)


def cookie_of(workspace: str, *, secure: bool) -> str:
    """Name the cookie of a workspace's id."""
    name = f"mainstay-{workspace[:8]}"
    return f"__Host-{name}" if secure else name


def known_by(room: Room, cookies: str) -> Known | None:
    """Give the session of a Cookie header, if it counts."""
    shown = _shown(room, cookies)
    return room.sessions.find(shown) if shown else None


def _shown(room: Room, cookies: str) -> str:
    pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
    given = [value for name, _, value in pairs if name == cookie_name(room)]
    return given[0] if len(given) == 1 else ""


# --- pages


async def locked(room: Room, request: Request) -> Response:
    """Ask whoever is not logged in to do so, and remember where they wanted to."""
    if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
        # A link in a mail: the browser keeps our cookie back for this one request, and gives it for the next.
        return await _logging_in(room, request, 401, again=_here(request))
    sent = request.method == "POST"
    wanted = room.way_back(request) if sent else _here(request)
    return await _logging_in(room, request, 401, wanted=wanted, wrong=_why_out(room, request, sent=sent), sent=sent)


async def stale(room: Room, request: Request) -> Response:
    """Refuse a form that is not of this session's pages."""
    said = {
        "message": "Nothing was done: this form is from before you logged in.",
        "remedy": "Go back, load the page again, and then say it again.",
        "back": ours(request.url.path),
    }
    return await room.page(request, "error.html", status=403, **said)


async def show(room: Room, request: Request) -> Response:
    """Show how to log in."""
    return await _logging_in(room, request, 200, wanted=ours(request.query_params.get("next", "/")))


async def show_link(room: Room, request: Request) -> Response:
    """Show the button of a link."""
    link: str = request.path_params["link"]
    if not room.links.counts(link, room.owner.clock.now_us()):
        return await _logging_in(room, request, 410, wrong=_OVER)
    return await _logging_in(room, request, 200, link=link, wanted=ours(request.query_params.get("next", "/")))


async def log_in(room: Room, request: Request) -> Response:
    """Let in by a link or a password."""
    form = await form_fields(request)
    now_us, link = room.owner.clock.now_us(), only(form, "link")
    if link:
        if not room.links.use(link, now_us):
            return await _logging_in(room, request, 410, wrong=_OVER)
        return begin(room, request, "link", form)
    async with room.throttle.turn:
        if wait_s := room.throttle.wait_s(room.owner.clock.now_us()):
            wait = say_duration(wait_s)
            wrong = f"Too many passwords were wrong. Try again in {wait}, or get a link: mainstay console"
            answer = await _logging_in(room, request, 429, wanted=next_of(form), wrong=wrong)
            answer.headers["Retry-After"] = str(wait_s)
            return answer
        kept = access.load(room.state).password
        if not await asyncio.to_thread(access.is_password, kept, only(form, "password")):
            room.throttle.failed(room.owner.clock.now_us())
            wrong = "That is not the password."
            return await _logging_in(room, request, 403, wanted=next_of(form), wrong=wrong)
        room.throttle.passed()
    return begin(room, request, "password", form)


async def form_fields(request: Request) -> Form:
    """Give what was filled in by somebody who is not logged in yet. Raises NoFormError for what is none."""
    try:
        return parse_qs((await request.body()).decode("ascii", "replace"), max_num_fields=_FIELDS)
    except ValueError:
        raise NoFormError("What was sent is no form of ours.", remedy="Load the page again.") from None


def begin(room: Room, request: Request, how: How, form: Form) -> Response:
    """Begin a session, and lead on to where somebody wanted."""
    before = _shown(room, request.headers.get("cookie", ""))
    new = room.sessions.begin(how, request.headers.get("user-agent", ""), before)
    answer = RedirectResponse(next_of(form), 303)
    name, lasts_s = cookie_name(room), LONGEST_US // SECOND_US
    answer.set_cookie(name, new, max_age=lasts_s, httponly=True, samesite="strict", secure=room.tls)
    return answer


async def log_out(room: Room, request: Request) -> Response:
    """End this session, here and in the browser."""
    known = known_of(request)
    assert known is not None
    room.sessions.end(known.session.digest, "here")
    room.live.tell(ALL)  # other tabs of this browser
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(cookie_name(room), httponly=True, samesite="strict", secure=room.tls)
    return answer


async def _logging_in(
    room: Room,
    request: Request,
    status: int,
    *,
    wanted: str = "/",
    wrong: str = "",
    link: str = "",
    again: str = "",
    sent: bool = False,
) -> Response:
    kept = access.load(room.state)
    ways = {"password": kept.password is not None, "passkeys": bool(kept.passkeys)}
    values = {"wanted": wanted, "link": link, "again": again, "wrong": wrong, "sent": sent, **ways}
    return await room.page(request, "login.html", status=status, **values)


def next_of(form: Form) -> str:
    """Give the place of ours that somebody wanted to."""
    return ours(only(form, "next", "/"))


def _why_out(room: Room, request: Request, *, sent: bool) -> str:
    """Say why somebody who was in is asked to log in, and that what they sent was not taken."""
    shown = _shown(room, request.headers.get("cookie", ""))
    why = room.sessions.why_over(shown) if shown else "You are not logged in in this browser." * sent
    return f"{why} Nothing of what you sent was done: look once more, then send it again." if sent else why


def _here(request: Request) -> str:
    return ours(request.url.path + (f"?{request.url.query}" if request.url.query else ""))


SCREENS = (
    Page("GET", "/login", show),
    Page("GET", "/login/{link}", show_link),
    Page("POST", "/login", log_in),
    Page("POST", "/logout", log_out),
)
