"""Run this every Monday: what would run when, over which files, what is written for it; on by a yes, off by another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mainstay.app import contracts_to_read, versions_to_read
from mainstay.console.playbooks import say_broken
from mainstay.console.room import Page, form_of, only
from mainstay.errors import CommandRefusedError, UnknownNameError
from mainstay.playbooks import weekly
from mainstay.playbooks.artefacts import digest_of_files
from mainstay.playbooks.changes import line_diff
from mainstay.playbooks.explain import STEP_LINE, explain
from mainstay.playbooks.versions import OwnPlaybooks
from mainstay.runtime.cron import say_schedule
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views
    from mainstay.workspace import Workspace

PLACE = "/weekly"
_TABLES = ("CSV", "XLSX")


async def show(room: Room, request: Request) -> Response:
    """Show how it stands; where it is off, what would run, and the file that would be written."""
    standing = _standing(room)
    values: Params = {"state": standing.state, "path": weekly.PATH, "playbook": weekly.NAME, "runs": weekly.RUNS}
    values |= {"bank": weekly.BANK, "invoices": weekly.INVOICES, "seen": "", "made": None, "lines": (), "would": ()}
    values |= {"when": say_schedule(standing.schedule) if standing.schedule else "", "next": _time(standing.next_us)}
    if standing.active is not None:
        values["seen"] = standing.active.digest
    elif standing.state == "off":
        values |= await _offered(room, request)
    past = await room.look(_past)
    return await room.page(request, "weekly.html", nav="playbooks", past=past, days=weekly.DAYS, **values)


async def _offered(room: Room, request: Request) -> Params:
    """Give what is offered, for the day and hour that are asked for."""
    given = request.query_params
    which = given.get("which") or _guessed(room, given.get("from", ""))
    wish = weekly.wish_of(given.get("day", "MON"), given.get("hour", "8"), which)
    text = weekly.text_of(wish)
    cron = weekly.schedule_of(text)
    now_us, zone = room.owner.clock.now_us(), room.owner.workspace.config.company.timezone
    due = weekly.next_due(cron, now_us, zone)
    return {
        "made": wish,
        "when": say_schedule(cron),
        "next": _time(due.at_us if due else None),
        "would": await _told(room, text),
        "lines": line_diff({}, {weekly.PATH: text.encode()}, "nothing", "new"),
        "seen": _digest(text),
    }


async def _told(room: Room, text: str) -> list[str]:
    """Say it in sentences, on a thread: compiling takes a fifth of a second. Kept while nothing else is active."""
    turn, kept = room.desk.activation.versions.turn, room.told
    if turn != kept.get(text, (None, None))[0]:
        kept[text] = turn, await asyncio.to_thread(_explained, room.owner.workspace, text)
    return kept[text][1]


def _explained(workspace: Workspace, text: str) -> list[str]:
    contracts, own = contracts_to_read(workspace), OwnPlaybooks(versions_to_read(workspace), workspace.root)
    told = explain(weekly.definition_of(text, workspace.root, contracts, own), contracts)
    return [STEP_LINE.sub(r"\2", line) for line in told.strip().splitlines()[1:] if line]


def _guessed(room: Room, name: str) -> str:
    """Say which invoices count, as the trial's were: tables are put there anew each week, e-invoices stay."""
    try:
        found = room.trials.get(name).found if name else None
    except UnknownNameError:
        found = None
    files: list[Params] = [] if found is None else found["invoice_files"]
    return "all" if any(one["format"].partition(" ")[0] not in _TABLES for one in files) else "newest"


async def switch_on(room: Room, request: Request) -> Response:
    """Write exactly the playbook that was shown, and let it run; what was chosen since is shown first."""
    form = form_of(request)
    wish = weekly.wish_of(only(form, "day"), only(form, "hour"), only(form, "which"))
    text = weekly.text_of(wish)
    standing, looks = _standing(room), only(form, "does") == "look"
    if standing.state == "off" and (looks or _digest(text) != only(form, "seen")):
        said = "" if looks else "Nothing runs yet. You chose something else than was shown: this is it now."
        return room.back(request, f"{PLACE}?day={wish.day}&hour={wish.hour}&which={wish.which}", said)
    if standing.state != "off":
        raise CommandRefusedError("Nothing was changed: it is not as you saw it.", remedy="Look again.")
    await room.ask("save_playbook", {"name": weekly.NAME, "content": text, "seen": standing.seen})
    weekly.make_folders(room.desk.root)
    return room.back(request, PLACE, f"It runs {say_schedule(_standing(room).schedule)} from now on.")


async def switch_off(room: Room, request: Request) -> Response:
    """Take it out of use."""
    done = await room.ask("retire", {"kind": "playbook", "name": weekly.NAME, "seen": only(form_of(request), "seen")})
    return room.back(
        request, PLACE, "It is off. What runs goes on to its end; nothing new begins by itself." + say_broken(done)
    )


def _standing(room: Room) -> weekly.Standing:
    zone = room.owner.workspace.config.company.timezone
    return weekly.standing_of(room.desk.activation.versions, room.desk.root, room.owner.clock.now_us(), zone)


def _past(views: Views) -> Params:
    return views.past_runs(weekly.NAME) | {"running": views.open_of(weekly.NAME)}


def _digest(text: str) -> str:
    return digest_of_files({weekly.PATH: text.encode()})


def _time(at_us: int | None) -> str:
    return "" if at_us is None else datetime.fromtimestamp(at_us / SECOND_US, UTC).isoformat(timespec="seconds")


SCREENS = (
    Page("GET", PLACE, show),
    Page("POST", PLACE, switch_on),
    Page("POST", f"{PLACE}/off", switch_off),
)
