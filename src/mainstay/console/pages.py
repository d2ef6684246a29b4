"""All that is served over HTTP, in one list: a path that stands here is closed to whoever shows no token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from mainstay.console.actions import Actions
from mainstay.console.answers import refusal
from mainstay.console.decisions import Decisions
from mainstay.console.doors import FORM, Doors, Open
from mainstay.requests.tokens import token_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from mainstay.app import Owner

OPEN = (Open(re.compile(r"/d/[A-Za-z0-9._-]+"), FORM),)  # a link is the secret of its page


def routes_of(owner: Owner) -> list[Route]:
    """Give every path with what answers it."""
    actions, decisions = Actions(owner), Decisions(owner)
    return [
        Route("/actions", actions.submit, methods=["POST"]),
        Route("/actions/{id}", actions.show, methods=["GET"]),
        Route("/actions/{id}/receipt", actions.receipt, methods=["GET"]),
        Route("/d/{link}", decisions.show, methods=["GET"]),
        Route("/d/{link}", decisions.decide, methods=["POST"]),
    ]


async def _nothing(request: Request, error: Exception) -> Response:
    del request
    status = error.status_code if isinstance(error, HTTPException) else 404
    return Response(refusal("There is nothing here that takes this."), status, media_type="application/json")


def make_pages(owner: Owner, hosts: frozenset[str], own: str) -> ASGIApp:
    """Give the application behind its doors; `hosts` are the names it goes by, `own` is its origin."""
    inner = Starlette(routes=routes_of(owner), exception_handlers={404: _nothing, 405: _nothing})
    inner.router.redirect_slashes = False
    return Doors(inner, hosts, own, lambda text: token_of(owner.requests, text), OPEN)
