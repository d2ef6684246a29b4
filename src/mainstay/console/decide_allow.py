"""Always allow what a question asks: the rule it would make, what that would have changed, a yes to exactly it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.console.room import Page, form_of, only
from mainstay.errors import CommandRefusedError
from mainstay.playbooks.policy_words import SAYS, WOULD
from mainstay.values import digest_of
from mainstay.views.allowing import FILE, Drafted, drafted

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params

SHOWN = 10  # actions of each kind


async def allow(room: Room, request: Request) -> Response:
    """Show the rule."""
    same = request.query_params.get("same") == "yes"
    made = await _drafted(room, request, same=same)
    name: str = request.path_params["question"]
    question = await room.look(lambda views: views.question(name))
    lines = [line for line in made.rule.splitlines() if line]
    values: Params = {"q": question, "lines": lines, "tried": made.tried, "shown": SHOWN, "would": WOULD, "says": SAYS}
    more: Params = {"same": same, "receivers": made.receivers, "seen": _digest(made), "file": FILE}
    more["unasked"] = made.unasked
    return await room.page(request, "allow.html", nav="inbox", **values, **more)


async def let_hold(room: Room, request: Request) -> Response:
    """Write exactly the rule that was shown, and let it hold."""
    form, name = form_of(request), request.path_params["question"]
    made = await _drafted(room, request, same=only(form, "same") == "yes")
    if _digest(made) != only(form, "seen"):
        message = "Nothing was changed: the rule would be another one by now."
        return await room.refused(request, CommandRefusedError(message, remedy="Look again."), f"/questions/{name}")
    await room.ask("save_policy", made.asked)
    return room.back(request, f"/questions/{name}", f"It holds from now on ({FILE}). This question still waits.")


async def _drafted(room: Room, request: Request, *, same: bool) -> Drafted:
    versions, operations = room.desk.activation.versions, room.owner.contracts.operations
    name: str = request.path_params["question"]
    return await asyncio.to_thread(drafted, room.owner.workspace, versions, operations, name, same_receiver=same)


def _digest(made: Drafted) -> str:
    return digest_of(made.content.encode())


SCREENS = (
    Page("GET", "/questions/{question}/allow", allow),
    Page("POST", "/questions/{question}/allow", let_hold),
)
