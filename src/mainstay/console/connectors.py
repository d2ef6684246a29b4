"""Connectors: the ways to the world, whether they are open, and trying one out; the agents' health beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.app import PATIENCE_S, TESTED, mail_health
from mainstay.console.room import Page
from mainstay.errors import UnknownNameError
from mainstay.values import SECOND_US
from mainstay.views.activity import LOOKED_AT
from mainstay.views.credentials import credentials

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views


async def connectors(room: Room, request: Request) -> Response:
    """Show all of them with how they did lately, the agents, and the credentials that are kept."""
    contracts, config, now_us = room.owner.contracts, room.owner.workspace.config, room.owner.clock.now_us()
    agents = contracts.every_agent()

    def look(views: Views) -> Params:
        rows = views.connectors(contracts.operations.values(), now_us, config.limits, config.delays)
        return {
            "rows": rows,
            "agents": views.agents(agents),
            "credentials": credentials(room.owner.workspace, now_us),
            "offline": views.offline(),
        }

    values: Params = {"tested": TESTED, "outcomes": room.tested, "looked_at": LOOKED_AT}
    return await room.page(request, "connectors.html", nav="connectors", **values, **await room.look(look))


async def test(room: Room, request: Request) -> Response:
    """Ask one whether it works now: it logs in, and sends nothing."""
    name: str = request.path_params["name"]
    if name not in TESTED:
        raise UnknownNameError("That connector has nothing to test.", remedy="It stays on this machine.")
    workspace = room.owner.workspace
    report = await mail_health(workspace, PATIENCE_S)
    outcome: Params = {
        "healthy": report.healthy,
        "says": report.detail,
        "at": room.time(room.owner.clock.now_us()),
        "expires": room.time(None if report.expires_s is None else report.expires_s * SECOND_US),
    }
    room.tested[name] = outcome
    said = f"{name} is in order: {report.detail}" if report.healthy else f"{name} does not work: {report.detail}"
    advice = "" if report.healthy else " Correct [mail.smtp] in mainstay.toml, or see: mainstay secret list"
    return room.back(request, "/connectors", said + advice)


SCREENS = (Page("GET", "/connectors", connectors), Page("POST", "/connectors/{name}/test", test))
