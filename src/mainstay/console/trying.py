"""Trying Mainstay on one's own files: choose them, see how far it is, and a page that can be shown to an accountant."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mainstay.console.decide_once import once_named
from mainstay.console.room import Page, files_of, form_of, number_of, only
from mainstay.console.trials import KINDS, LONGEST_S
from mainstay.console.uploads import MOST_BYTES, MOST_FILES
from mainstay.errors import InputError
from mainstay.values import SECOND_US, say_count

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.console.trials import Trial
    from mainstay.requests.desk import Params

MOST = 20  # plans, as mainstay.hindsight takes them
_CURRENCY = re.compile(r"[A-Za-z]{3}")


async def trying(room: Room, request: Request) -> Response:
    """Show what can be chosen, why nothing of it can leave, and what was tried before."""
    past = [_row(one) for one in room.trials.past()]
    most = {"mb": MOST_BYTES // 2**20, "files": MOST_FILES}
    return await room.page(request, "try.html", nav="playbooks", past=past, most=most)


async def try_playbook(room: Room, request: Request) -> Response:
    """Try a version of a playbook on what its last plans were given, once however often its button is pressed."""
    return await once_named(room, request, _try_playbook)


async def _try_playbook(room: Room, request: Request) -> Response:
    name, form = request.path_params["playbook"], form_of(request)
    last = only(form, "last", "5").strip()
    if not 1 <= number_of(last) <= MOST:
        raise InputError(f"'{last[:20]}' plans can't be tried.", remedy=f"Name a number from 1 to {MOST}.")
    one = room.trials.begin_past(name, only(form, "version"), number_of(last), room.owner.clock.now_us())
    return room.back(request, f"/playbooks/{name}/past/{one.id}")


async def tried_playbook(room: Room, request: Request) -> Response:
    """Show how far that is, or what differs."""
    name = request.path_params["playbook"]
    one = room.trials.get(request.path_params["trial"], name)
    values: Params = {"t": _row(one), "r": one.found, "name": name, "longest": LONGEST_S}
    return await room.page(request, "past.html", nav="playbooks", **values)


async def begin(room: Room, request: Request) -> Response:
    """Take the files, and begin, once however often its button is pressed."""
    return await once_named(room, request, _begin)


async def _begin(room: Room, request: Request) -> Response:
    currency, files = only(form_of(request), "currency").strip(), files_of(request)
    if currency and _CURRENCY.fullmatch(currency) is None:
        raise InputError(f"'{currency[:20]}' is no currency.", remedy="Write its three letters, such as EUR.")
    uploads = {kind: files.get(kind, []) for kind in KINDS}
    trial = room.trials.begin(uploads, currency.upper(), room.owner.clock.now_us(), told)
    return room.back(request, f"/try/{trial.id}")


async def trial(room: Room, request: Request) -> Response:
    """Show one: how far it is, what is wrong, or what came out."""
    one = room.trials.get(request.path_params["trial"])
    values: Params = {"t": _row(one), "r": one.found, "longest": LONGEST_S, "weekly": "/weekly" in room.served}
    return await room.page(request, "trial.html", nav="playbooks", **values)


async def end(room: Room, request: Request) -> Response:
    """Stop one that runs, or forget what came out of it."""
    one = room.trials.end(request.path_params["trial"])
    if one is not None and one.playbook:
        said = "It is being stopped." if one.running else "What came out is gone."
        return room.back(request, f"/playbooks/{one.playbook}", said)
    if one is not None and one.running:
        return room.back(request, "/try", "It is being stopped, and its files are removed.")
    return room.back(request, "/try", "It is gone, with what came out.")


def _row(one: Trial) -> Params:
    found = one.found
    return {
        "id": one.id,
        "at": datetime.fromtimestamp(one.at_us / SECOND_US, UTC).isoformat(timespec="seconds"),
        "names": one.names,
        "running": one.running,
        "says": one.says,
        "took_s": one.so_far_s,
        "wrong": one.wrong,
        "headline": "" if found is None or one.playbook else headline(found),
    }


def headline(found: Params) -> str:
    """Say the result in one line."""
    return f"Matched {found['matched']:,} of {say_count(found['incoming'], 'payment')}"


def told(found: Params) -> Params:
    """Give what the page says of it in other words than the document does."""
    late, if_none = found["late"], found["late_if_none"]
    known = {one["number"] for one in late}
    days = sorted(day for one in found["statements"] for day in (one.get("from_on"), one.get("to_on")) if day)
    return {
        "days": (days[0], days[-1]) if days else None,
        "mailed": [one for one in late if "email" in one],
        "unmailed": [one for one in late if "email" not in one],
        "only_if_none": [one for one in if_none if one["number"] not in known],
        "differs": bool(found["unsure"]) and late != if_none,
    }


SCREENS = (
    Page("GET", "/try", trying),
    Page("POST", "/try", begin, files=True),
    Page("GET", "/try/{trial}", trial),
    Page("POST", "/try/{trial}/end", end),
    Page("POST", "/playbooks/{playbook}/past", try_playbook),
    Page("GET", "/playbooks/{playbook}/past/{trial}", tried_playbook),
)
