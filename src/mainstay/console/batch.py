"""Questions that are alike, answered in one go after each of them was listed: `mainstay decide --alike` as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.room import Page, form_of, only
from mainstay.errors import InputError
from mainstay.requests.alike import ANSWERS
from mainstay.sentences import ANSWER
from mainstay.views.cards import rule_in_words

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params

_TOLD = 5  # of those that were refused, with why


async def alike(room: Room, request: Request) -> Response:
    """List all that can be answered with one question, with the total."""
    name: str = request.path_params["question"]
    listed = await room.ask("alike", {"decision": name})
    values: Params = {"listed": listed, "decision": name, "rule": rule_in_words(listed["rule"])}
    return await room.page(request, "alike.html", nav="inbox", **values)


async def answer(room: Room, request: Request) -> Response:
    """Give one answer to exactly those that were listed and are still picked."""
    form = form_of(request)
    choice, reason = only(form, "choice"), only(form, "reason").strip()
    if choice not in ANSWERS:
        raise InputError("That is no answer to all of these.", remedy="Press one of the buttons.")
    if choice == "reject" and not reason:
        raise InputError("A no wants a word of yours: why.", remedy="Go back, say it shortly, and send it again.")
    answers = [{"decision": one, "binds": form.get(f"bind.{one}", [])} for one in form.get("one", [])]
    if not answers:
        raise InputError("None of them is picked.", remedy="Go back, and pick one at least.")
    told = await room.ask_many("decide_alike", {"answers": answers, "choice": choice, "reason": reason})
    return room.back(request, "/", f"You {ANSWER[choice]} {len(told['done'])} of {len(answers)}." + say_refused(told))


def say_refused(told: Params) -> str:
    """Say which of many answers were not taken, and why; empty where all were."""
    refused = told["refused"]
    said = "".join(f" Not {row['decision']}: {row['why']}" for row in refused[:_TOLD])
    return said + (f" And {len(refused) - _TOLD} more were not." if len(refused) > _TOLD else "")


SCREENS = (
    Page("GET", "/questions/{question}/alike", alike),
    Page("POST", "/questions/{question}/alike", answer),
)
