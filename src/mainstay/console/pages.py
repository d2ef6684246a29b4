"""All that is served over HTTP, in one list; a screen is added by naming its file in `SCREENS`.

What is not named open is closed: to tools without a token, to people without a session (doors.py).
"""

from __future__ import annotations

import re
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, request_response

from mainstay.console import (
    audit,
    batch,
    books,
    budgets,
    connectors,
    decide_allow,
    decide_aside,
    decide_columns,
    decide_edit,
    inbox,
    leaving,
    login,
    memory,
    metrics,
    passkeys,
    plans,
    plans_done,
    playbooks,
    policies,
    render,
    review,
    settings,
    stuck,
    today,
    trying,
    ways,
    weekly,
)
from mainstay.console.actions import Actions
from mainstay.console.answers import refusal
from mainstay.console.decisions import Decisions
from mainstay.console.described import Described
from mainstay.console.doors import FORM, KEY, Doors, Lets, Names, Open
from mainstay.console.live import live
from mainstay.console.room import Page, Room
from mainstay.console.uploads import MOST_BYTES, MOST_FILES
from mainstay.errors import MainstayError
from mainstay.requests.tokens import token_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from mainstay.app import Owner
    from mainstay.console.room import Screen

SCREENS = (
    inbox.SCREENS,
    batch.SCREENS,
    decide_allow.SCREENS,
    decide_aside.SCREENS,
    decide_columns.SCREENS,
    decide_edit.SCREENS,
    today.SCREENS,
    plans.SCREENS,
    leaving.SCREENS,
    plans_done.SCREENS,
    stuck.SCREENS,
    playbooks.SCREENS,
    trying.SCREENS,
    weekly.SCREENS,
    books.SCREENS,
    audit.SCREENS,
    connectors.SCREENS,
    budgets.SCREENS,
    policies.SCREENS,
    memory.SCREENS,
    metrics.SCREENS,
    review.SCREENS,
    settings.SCREENS,
    login.SCREENS,
    passkeys.SCREENS,
    ways.SCREENS,
    (Page("GET", "/live", live),),
)
BUG = (
    "That is a mistake of Mainstay's. What you sent, if anything, may have been taken: look before you send it again. "
    "Everything can be done in a terminal meanwhile: mainstay inbox"
)
FOR_TOOLS = ("/actions", "/api/", "/d/")  # what is served without the console
OPEN = (
    Open(re.compile(f"/d/{KEY}"), FORM),  # a link is the secret of its page
    Open(re.compile(f"/login(/{KEY})?"), FORM),
    Open(re.compile("|".join(re.escape(file.path) for file in render.statics().values())), FORM),
)


def routes_of(owner: Owner, room: Room, further: tuple[Page, ...] = ()) -> list[Route]:
    """Give every path with what answers it; `further` are screens beside those that every console has."""
    actions, decisions = Actions(owner), Decisions(owner)
    described = Described(owner, room, [page for screens in SCREENS for page in screens])
    routes = [
        Route("/api/openapi.json", described.show, methods=["GET"]),
        Route("/actions", actions.submit, methods=["POST"]),
        Route("/actions/{id}", actions.show, methods=["GET"]),
        Route("/actions/{id}/receipt", actions.receipt, methods=["GET"]),
        Route("/d/{link}", decisions.show, methods=["GET"]),
        Route("/d/{link}", decisions.decide, methods=["POST"]),
    ]
    routes += [Route(file.path, partial(_static, file), methods=["GET"]) for file in render.statics().values()]
    for page in (page for screens in (*SCREENS, further) for page in screens):
        routes.append(Route(page.path, _answering(room, page.screen), methods=[page.method]))
    return routes


def make_pages(owner: Owner, room: Room, hosts: frozenset[str], own: str, further: tuple[Page, ...] = ()) -> ASGIApp:
    """Give the application behind its doors; `hosts` are the names it goes by, `own` is its origin."""
    routes, opened = routes_of(owner, room, further), OPEN
    if not owner.workspace.config.api.console:
        routes, opened = [route for route in routes if route.path.startswith(FOR_TOOLS)], OPEN[:1]
    room.served = frozenset(route.path for route in routes)
    room.is_page = lambda path: "GET" in _methods(routes, path)
    taking = {page.path for screens in (*SCREENS, further) for page in screens if page.files}
    missing = _missing(_answering(room, _nothing))
    inner = Starlette(routes=routes, exception_handlers={404: missing, 405: missing})
    inner.router.redirect_slashes = False
    lets = Lets(
        partial(token_of, owner.requests),
        partial(login.known_by, room),
        request_response(_answering(room, login.locked)),
        request_response(_answering(room, login.stale)),
        request_response(_answering(room, _nothing)),
        request_response(_answering(room, _large)),
        partial(_takes_files, [route.path_regex for route in routes if route.path in taking]),
    )
    return Doors(inner, Names(hosts, own), lets, opened, partial(_methods, routes))


def _methods(routes: list[Route], path: str) -> frozenset[str]:
    """Give the methods that a path takes; none where there is no such path."""
    found = (route.methods or () for route in routes if route.path_regex.match(path))
    return frozenset(method for methods in found for method in methods)


def _takes_files(taking: list[re.Pattern[str]], path: str) -> bool:
    """Whether a form that is sent to a path may hold files."""
    return any(one.match(path) for one in taking)


def _answering(room: Room, screen: Screen) -> Callable[[Request], Awaitable[Response]]:
    """Answer by a screen; what it raises that we have words for is a page too."""

    async def answer(request: Request) -> Response:
        request.scope["state"]["heard"] = room.live.heard()
        try:
            return await screen(room, request)
        except MainstayError as error:
            return await room.refused(request, error)
        except Exception as error:  # noqa: BLE001 - a mistake in a page is told, and stops nobody's plans
            at = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{request.url.path}, {Path(at.filename).name}:{at.lineno}"
            room.owner.engine.say(f"A page could not be made ({where}): {type(error).__name__}: {error}")
            said = {"message": "This page could not be made.", "remedy": f"{BUG} ({where})", "back": "/"}
            return await room.page(request, "error.html", status=500, **said)

    return answer


def _missing(page: Callable[[Request], Awaitable[Response]]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        refused = cast("HTTPException", error)
        if "known" in request.scope["state"]:
            return await page(request)
        why = refusal("There is nothing here that takes this.")
        return Response(why, refused.status_code, refused.headers, "application/json")

    return answer


async def _nothing(room: Room, request: Request) -> Response:
    said = {"message": "There is no such page.", "remedy": "It may have moved, or its address was cut.", "back": "/"}
    return await room.page(request, "error.html", status=404, **said)


async def _large(room: Room, request: Request) -> Response:
    most = f"{MOST_BYTES // 2**20} MB and {MOST_FILES} files"
    remedy = f"Nothing of it was kept. At most {most} go in one form: choose fewer, or name them in a terminal."
    said = {
        "message": "That could not be taken: it is too large, came too slowly, or was cut off on its way.",
        "remedy": remedy,
    }
    return await room.page(request, "error.html", status=413, back=room.way_back(request), **said)


async def _static(file: render.Static, request: Request) -> Response:
    headers = {"Cache-Control": render.FOR_EVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.media)
    return Response(file.content, headers=headers, media_type=file.media)
