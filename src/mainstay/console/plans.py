"""The plans: finding them, and one of them with its graph, its timeline with causes both ways, and its steps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mainstay.console.graph import STEPS, drawn
from mainstay.console.room import Page, number_of
from mainstay.errors import InputError
from mainstay.kernel.state import ENDED
from mainstay.values import SECOND_US
from mainstay.views.finding import STATES, Wanted
from mainstay.views.lines import lines_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views

PAGE = 50
TRACED = 25_000  # values that are looked at for a number or a word
MOST_LINES = 400  # of a timeline on one page
SAYS = {"": "All", "open": "Not ended", "done": "Done", "failed": "Failed", "ended": "Ended early", "undone": "Undone"}


async def plans(room: Room, request: Request) -> Response:
    """Show the plans that are looked for, the newest first."""
    given = request.query_params
    state = "open" if given.get("open") else given.get("state", "")
    wanted = Wanted(
        state=state if state in STATES else "",
        playbook=given.get("playbook", ""),
        words=given.get("words", "").strip()[:100],
        since_us=_day(given.get("since", ""), room.owner.workspace.config.company.timezone),
        after=given.get("after", ""),
    )

    def look(views: Views) -> Params:
        return views.find(wanted, PAGE) | {"playbooks": views.run_before()}

    found = await room.look(look)
    values: Params = {
        "plans": found["plans"],
        "playbooks": found["playbooks"],
        "states": SAYS,
        "wanted": wanted,
        "since": given.get("since", "") if wanted.since_us else "",
        "next": str(request.url.include_query_params(after=found["next"]).query) if found["next"] else "",
        "first": str(request.url.remove_query_params("after").query),
    }
    return await room.page(request, "plans.html", nav="plans", **values)


def _day(text: str, zone: str) -> int:
    """Give when a day began, microseconds UTC; 0 where none is named."""
    try:
        begun = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=ZoneInfo(zone))
        return int(begun.astimezone(UTC).timestamp()) * SECOND_US
    except (ValueError, OverflowError):
        return 0


async def plan(room: Room, request: Request) -> Response:
    """Show one plan."""
    name: str = request.path_params["plan"]
    everything = bool(request.query_params.get("all"))
    words = request.query_params.get("find", "").strip()[:200]
    after = number_of(request.query_params.get("steps", ""))

    def look(views: Views) -> Params:
        plan_id = views.plan_id(name)
        found = views.show(plan_id)
        found["leaving"] = views.headed(found["leaving"], room.owner.contracts)
        folded = views.plan(plan_id)
        lines = lines_of(found["timeline"], everything=everything)
        return {
            "p": found | {"steps": found["steps"][after : after + STEPS]},
            "drawing": drawn(folded.graph, found["steps"]) if len(found["steps"]) <= STEPS else None,
            "step_count": len(found["steps"]),
            "lines": lines[-MOST_LINES:],
            "left": max(0, len(lines) - MOST_LINES),
            "version": folded.graph.definition.version[:8],
            "may": _may(found),
            "found": views.explain(plan_id, words, TRACED) if words else None,
            "fork_of": folded.fork_of,
        }

    values = await room.look(look)
    return await room.page(
        request, "plan.html", nav="plans", everything=everything, words=words, after=after, traced=TRACED, **values
    )


def _may(found: Params) -> frozenset[str]:
    """Say what can be asked of a plan now; what it refuses all the same says why."""
    status, part = found["status"], "-" in found["plan"]
    may: set[str] = set()
    if status in ("approved", "running"):
        may |= {"resume"} if found["paused_at"] else {"pause"}
    if status == "proposed":
        may.add("begin")
    if status in ("proposed", "approved", "running"):
        may.add("cancel")
    if status == "running" or status in ENDED:
        may.add("undo")
    if not part and (status in ENDED or status == "undone"):
        may |= {"rerun", "receipt"}
    return frozenset(may)


async def step(room: Room, request: Request) -> Response:
    """Show one step, or one item of its list: `at` is its path."""
    name, path = request.path_params["plan"], request.query_params.get("at", "")
    if not path:
        raise InputError("No step is named.", remedy="Choose one from the plan's list.")

    def look(views: Views) -> Params:
        return views.step(views.plan_id(name), path)

    return await room.page(request, "step.html", nav="plans", s=await room.look(look))


SCREENS = (
    Page("GET", "/plans", plans),
    Page("GET", "/plans/{plan}", plan),
    Page("GET", "/plans/{plan}/step", step),
)
