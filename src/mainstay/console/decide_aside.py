"""What is said of a question without answering it: put off until later, noted on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mainstay.console.decide_once import once
from mainstay.console.room import Page, form_of, only
from mainstay.errors import InputError
from mainstay.said import moment

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room

MORNING = 8  # o'clock, where "tomorrow" begins
HOURS = {"1h": 1, "4h": 4}
_MONDAY = 7  # days of a week


async def snooze(room: Room, request: Request) -> Response:
    """Put a question off, as `mainstay snooze` does."""
    name: str = request.path_params["question"]
    if only(form_of(request), "until") == "now":
        await room.ask("snooze", {"decision": name, "seconds": 1})
        return room.back(request, f"/questions/{name}", "It is not put off any more: it waits for you again.")
    seconds = _seconds(only(form_of(request), "until"), _now(room))
    done = await room.ask("snooze", {"decision": name, "seconds": seconds})
    found = await room.look(lambda views: views.question(name))
    until = moment(found["put_off_until"], found["timezone"]) if done else ""
    return room.back(request, "/", f"Put off until {until}; it is among what waits again then.")


async def note(room: Room, request: Request) -> Response:
    """Keep a note on a question's card, as `mainstay note` does, once however often its button is pressed."""
    return await once(room, request, _note)


async def _note(room: Room, request: Request) -> Response:
    name, form = request.path_params["question"], form_of(request)
    text = only(form, "text").replace("\r\n", "\n").strip()
    if not text:
        raise InputError("There is nothing to note.", remedy="Write it, and send it again.")
    await room.ask("note", {"decision": name, "text": text})
    here = f"/questions/{name}"
    return room.back(request, "/" if only(form, "back") == "/" else here, "Noted. It stands on the card.")


def _now(room: Room) -> datetime:
    zone = ZoneInfo(room.owner.workspace.config.company.timezone)
    return datetime.fromtimestamp(room.owner.clock.now_us() / 1e6, zone)


def _seconds(until: str, now: datetime) -> int:
    """Give how long it is until then. Raises InputError for what no button says."""
    if until in HOURS:
        return HOURS[until] * 3600
    morning = now.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    days = {"tomorrow": 1, "monday": _MONDAY - now.weekday()}.get(until)
    if days is None:
        raise InputError("That is no time to put it off to.", remedy="Press one of the buttons.")
    return int(((morning + timedelta(days=days)).timestamp()) - now.timestamp())


SCREENS = (
    Page("POST", "/questions/{question}/snooze", snooze),
    Page("POST", "/questions/{question}/note", note),
)
