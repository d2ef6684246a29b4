"""Connectors: the ways to the world, whether they are open, and trying one out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.app import mail_account, mail_password, secrets_of
from mainstay.connectors import mail
from mainstay.console.room import Page
from mainstay.errors import UnknownNameError
from mainstay.ledger.vault import Vault
from mainstay.runtime.names import local_time

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params

PATIENCE_S = 20.0  # for an answer of the other side
TESTED = frozenset({"mail"})  # those that can say of themselves whether they work


async def connectors(room: Room, request: Request) -> Response:
    """Show all of them, and the credentials that are kept."""
    operations, now_us = room.owner.contracts.operations.values(), room.owner.clock.now_us()
    rows = await room.look(lambda views: views.connectors(operations, now_us))
    values: Params = {"rows": rows, "tested": TESTED, "secrets": _secrets(room)}
    return await room.page(request, "connectors.html", nav="connectors", **values)


async def test(room: Room, request: Request) -> Response:
    """Ask one whether it works now: it logs in, and sends nothing."""
    if request.path_params["name"] not in TESTED:
        raise UnknownNameError("That connector has nothing to test.", remedy="It stays on this machine.")
    workspace = room.owner.workspace
    account, password = (
        mail_account(workspace.config, workspace.root),
        mail_password(workspace.config, secrets_of(workspace)),
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            report = await mail.health(account, password)
    except TimeoutError:
        return room.back(request, "/connectors", "mail does not answer. See [mail.smtp] in mainstay.toml.")
    said = f"mail is in order: {report.detail}" if report.healthy else f"mail does not work: {report.detail}"
    advice = "" if report.healthy else " Correct [mail.smtp] in mainstay.toml, or see: mainstay secret list"
    return room.back(request, "/connectors", said + advice)


def _secrets(room: Room) -> list[Params]:
    zone = room.owner.workspace.config.company.timezone

    def at(at_us: int) -> str:
        return local_time(at_us, zone).isoformat(timespec="seconds") if at_us else ""

    return [
        {"name": name, "connector": one.connector, "host": one.host, "set": at(one.set_at_us),
         "used": at(one.used_at_us), "refused": at(one.refused_at_us)}
        for name, one in sorted(Vault(room.state).names().items())
    ]  # fmt: skip


SCREENS = (Page("GET", "/connectors", connectors), Page("POST", "/connectors/{name}/test", test))
