"""The inbox: what needs the operator, card by card, and one question on a page of its own.

An answer binds what the card showed: its form carries the digests (KERNEL E6), and a question that was changed since
is shown anew instead of answered.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mainstay.console.decide_closed import as_answered
from mainstay.console.decide_edit import edits_of, kept_of, listed_in, picks_in, request_of
from mainstay.console.decide_once import once
from mainstay.console.looking import CARDS
from mainstay.console.playbooks_inputs import chosen_files, inbox_files
from mainstay.console.room import Page, form_of, known_of, only
from mainstay.errors import CommandRefusedError, InputError
from mainstay.requests.picking import as_answer, check_picked, told
from mainstay.sentences import ANSWER, say_kept
from mainstay.views.cards import WANT_A_WORD, can_edit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Form, Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views

LEAVING = 20  # actions about to leave that are named
LATER = 20  # questions put off that are named
_SAID = 120  # characters of a headline


async def inbox(room: Room, request: Request) -> Response:
    """Show what waits."""
    known = known_of(request)
    assert known is not None

    def look(views: Views) -> Params:
        (cards, shown), put_off = room.cards.draw(views, known.csrf), views.put_off()
        left = views.waiting() - put_off["count"] - shown
        beside = {
            "leaving": views.headed(views.leaving(limit=LEAVING), room.owner.contracts),
            "later": views.put_off_first(LATER) if put_off["count"] else [],
            "alike": views.alike(CARDS) if len(cards) > 1 else [],
        }
        new = not cards and not views.plans(limit=1)
        return {"cards": cards, "shown": shown, "put_off": put_off, "left": left, "new": new} | beside

    return await room.page(request, "inbox.html", nav="inbox", tries="/try" in room.served, **await room.look(look))


async def by_name(room: Room, request: Request) -> Response:
    """Lead whoever types its name to the inbox."""
    return room.back(request, "/")


async def question(room: Room, request: Request) -> Response:
    """Show one question."""
    name: str = request.path_params["question"]
    found = await room.look(lambda views: views.question(name))
    files = await asyncio.to_thread(inbox_files, room.owner.workspace.root) if _of_files(found) else []
    return await room.page(request, "question.html", nav="inbox", q=as_answered(room, found), files=files)


async def decide(room: Room, request: Request) -> Response:
    """Take an answer: the same request that `mainstay decide` makes, once however often its button is pressed."""
    return await once(room, request, _decide)


async def _decide(room: Room, request: Request) -> Response:
    name, form = request.path_params["question"], form_of(request)
    found = await room.look(lambda views: views.question(name))
    here = f"/questions/{found['decision']}"
    if not found["open"]:
        message = f"This question is closed already: {found['closed']}."
        return await room.refused(request, CommandRefusedError(message, remedy="Nothing more was done."), here)
    try:
        reply = _ruling(found, form)
        chosen = [text for name in _of_files(found) for text in form.get(f"set.{name}", ()) if text]
        reply["files"] = await asyncio.to_thread(chosen_files, room.owner.workspace.root, chosen) if chosen else {}
        standing = await room.ask("decide", reply)
    except (InputError, CommandRefusedError) as error:
        return await room.refused(request, error, here)
    if edits_of(form) and found["kind"] == "effect":  # said as it was approved
        found = as_answered(room, await room.look(lambda views: views.question(name)))
    return room.back(request, "/" if only(form, "back") == "/" else here, _said(found, reply, standing), found["plan"])


def _ruling(found: Params, form: Form) -> Params:
    """Make the request of a form. Raises InputError for what is no answer."""
    choice, reason = only(form, "choice"), only(form, "reason").strip()
    if choice not in found["options"]:
        raise InputError("That is no answer to this question.", remedy="Press one of its buttons.")
    if choice in WANT_A_WORD and not reason:
        raise InputError("This wants a word of yours: why.", remedy="Say it shortly, and send it again.")
    reply: dict[str, Any] = {
        "decision": found["decision"],
        "choice": choice,
        "reason": reason,
        "binds": form.get("bind", []),
        "kept": None,
        "arguments": None,
        "session": "console",
    }
    if choice == "approve":
        check_picked(found["card"].get("rows") or (), picks_in(form))
        reply["kept"] = kept_of(form, found)
    if choice == "approve" and (given := picks_in(form)):
        reply |= as_answer(found["card"].get("rows") or (), given, found["options"], reply["kept"], reason)
    if edits := edits_of(form):
        if not can_edit(found) or choice not in ("approve", "retry"):
            raise InputError("What was edited fits no such answer.", remedy="Begin with the question again.")
        reply |= request_of(found, edits, reply["kept"]) | {"choice": choice, "binds": reply["binds"]}
    if found["card"].get("form") and choice not in WANT_A_WORD:
        named = {name.removeprefix("set."): values[0] for name, values in form.items() if name.startswith("set.")}
        reply["form"] = [f"{name}={value}" for name, value in named.items() if value]
    return reply


def _of_files(found: Params) -> list[str]:
    """Name the fields of a question's form that take a file: from a page one of the inbox folder, never a path."""
    return [field["name"] for field in found["card"].get("form") or () if field["type"] == "file"]


def _said(found: Params, reply: Params, standing: Params) -> str:
    """Say what was answered, and what came of it so far."""
    headline: str = found["card"].get("headline") or found["says"]
    headline = headline if len(headline) <= _SAID else f"{headline[:_SAID]}…"
    did = f"You {ANSWER.get(reply['choice'], 'answered ' + reply['choice'])}"
    if reply["kept"] is not None:
        did = say_kept(len(reply["kept"]), listed_in(found))
    said = f"{did}: {headline.rstrip('.?!')}."
    for one in told(found["card"].get("rows") or (), {int(at): way for at, way in reply.get("picks", {}).items()}):
        said += f" You picked {one}."
    own = {(found["plan"], path) for path in found["paths"]}
    leaving = (row for row in standing.get("leaving", ()) if (row["plan"], row["path"]) in own)
    if reply["choice"] == "approve" and (row := next(leaving, None)) is not None:
        said += f" It leaves at {row['leaves_at'][:16].replace('T', ' ')}; until then you can call it back here."
    return f"{said} {found['paused']}." if found["paused"] else said


SCREENS = (
    Page("GET", "/", inbox),
    Page("GET", "/inbox", by_name),
    Page("GET", "/questions/{question}", question),
    Page("POST", "/questions/{question}", decide),
)
