"""Metrics: what plans take of your time and cost, each with what it means and what it was counted from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.room import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views

WEEKS, MOST = 12, 520
WIDE, HIGH = 100, 24  # of a line, in its own units


async def metrics(room: Room, request: Request) -> Response:
    """Show the figures of the last weeks."""
    given, now_us = request.query_params.get("weeks", ""), room.owner.clock.now_us()
    weeks = min(int(given), MOST) if given.isdecimal() and len(given) < 4 and int(given) else WEEKS  # noqa: PLR2004

    def look(views: Views) -> tuple[int, list[Params]]:
        shown = views.weeks_within(weeks, now_us)
        return shown, views.figures(shown, now_us)

    shown, found = await room.look(look)
    for one in found:
        one["line"] = points([week["value"] for week in one["by_week"]])
    values: Params = {"figures": found, "weeks": shown, "wanted": weeks}
    return await room.page(request, "metrics.html", nav="metrics", **values)


def points(values: Sequence[float | None]) -> str:
    """Give the points of a line through some values, the oldest first; weeks without one are left out."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - one point is no line
        return ""
    most = max(value for _, value in known) or 1
    step = WIDE / (len(values) - 1)
    return " ".join(f"{place * step:.1f},{HIGH - 2 - (HIGH - 4) * value / most:.1f}" for place, value in known)


SCREENS = (Page("GET", "/metrics", metrics),)
