"""The weekly review, one page to read or to print: what there is to say, and of all else that there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.room import Page
from mainstay.values import say_count
from mainstay.views.review import IDLE_WEEKS, TRUST_WEEKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params

STUCK = 20


async def review(room: Room, request: Request) -> Response:
    """Show the last seven days."""
    now_us = room.owner.clock.now_us()
    found, stuck, kept = await room.look(lambda views: (views.review(now_us), views.stuck(STUCK), views.known()))
    wrong, lessons = bool(stuck or found["exceptions"]["counted"]), _lessons(kept)
    values: Params = {
        "review": found,
        "figures": [one for one in found["figures"] if one["value"]],
        "stuck": stuck,
        "lessons": lessons,
        "wrong": wrong,
        "empty": not wrong and all(one["value"] is None for one in found["figures"]),
        "calm": _calm(found, wrong=wrong),
        "trust_weeks": TRUST_WEEKS,
        "idle_weeks": IDLE_WEEKS,
    }
    return await room.page(request, "review.html", nav="metrics", **values)


def _lessons(kept: Mapping[str, Sequence[Params]]) -> str:
    """Say how much is known from answers; empty where nothing is."""
    payers, layouts = len(kept["payers"]), len(kept["layouts"])
    who = "1 name or account that pays" if payers == 1 else f"{payers} names and accounts that pay"
    told = [f"{who} for a customer"] * bool(payers) + [f"{say_count(layouts, 'way')} to read a file"] * bool(layouts)
    return " and ".join(told)


def _calm(found: Params, *, wrong: bool) -> str:
    """Say in one sentence of what there is nothing; empty where there is something of all."""
    nothing = [
        (not wrong, "nothing went wrong that needed you"),
        (not found["learned"], "nothing was changed"),
        (not found["trust"], "nothing more can be trusted yet"),
        (not found["retire"] and not found["silent"], "there is nothing to retire"),
    ]
    *most, last = [says for is_none, says in nothing if is_none] or [""]
    said = f"{', '.join(most)}, and {last}" if most else last
    return f"{said[:1].upper()}{said[1:]}." if said else ""


SCREENS = (Page("GET", "/review", review),)
