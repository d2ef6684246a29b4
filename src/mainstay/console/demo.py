"""The demo's own page: what happened, what to try, and a plug to pull. Served by `mainstay demo` and nobody else.

What it says is counted anew at each look: questions and plans in the history, mails in the folder where they end up.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Protocol

from mainstay.console.demo_found import mails_in, noted, settled_since
from mainstay.console.room import Page
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views

PLUG = "/demo/plug"
SAYS = {
    "proposed": "not begun",
    "approved": "at work",
    "running": "at work",
    "undoing": "is being taken back",
    "completed": "done",
    "undone": "taken back",
}


class Plug(Protocol):
    """What ends this process as a power cut does."""

    @property
    def pulled(self) -> bool:
        """Whether it is about to."""
        ...

    def pull(self) -> None:
        """End it in a moment."""
        ...

    def shown(self) -> None:
        """Note that a page is about to say so."""
        ...


def screens(plug: Plug) -> tuple[Page, ...]:
    """Give the demo's paths."""
    return Page("GET", "/demo", partial(guide, plug)), Page("POST", PLUG, partial(pull, plug))


async def guide(plug: Plug, room: Room, request: Request) -> Response:
    """Show what happened and what to try."""
    found = await room.look(partial(_look, room))
    plug.shown()
    return await room.page(request, "demo.html", nav="demo", pulled=plug.pulled, **found)


async def pull(plug: Plug, room: Room, request: Request) -> Response:
    """Pull the plug; the page that answers is on its way before it happens."""
    plug.pull()
    return room.back(request, "/demo")


def _look(room: Room, views: Views) -> Params:
    notes, workspace = noted(room.state), room.owner.workspace
    tasks = [_task(views, plan) for plan in notes.waiting]
    mails = mails_in(workspace.root / workspace.config.mail.folder)
    cut = notes.cuts[-1] if notes.cuts else None
    copies = Counter(one.message_id for one in mails)
    return {
        "story": notes.story,
        "tasks": tasks,
        "done": [one for one in tasks if one["undoable"]],
        "mails": [{"to": one.to, "subject": one.subject, "copies": copies[one.message_id]} for one in mails],
        "twice": sum(count > 1 for count in copies.values()),
        "cut": cut,
        "cut_at": views.time(cut.at_us) if cut else "",
        "away_s": (cut.back_us - cut.at_us) / SECOND_US if cut and cut.back_us else None,
        "settled": settled_since(views, notes.waiting, cut.at_us) if cut else [],
        "own_files": "/try" in room.served,
    }


def _task(views: Views, plan_id: str) -> Params:
    plan = views.plan(plan_id)
    asked = list(plan.questions)
    return {
        "plan": plan_id,
        "title": plan.title,
        "question": asked[0] if asked else "",
        "says": "waits for you" if asked else SAYS.get(plan.status, plan.status),
        "status": "asked" if asked else plan.status,
        "undoable": plan.status in ("completed", "failed"),
    }
