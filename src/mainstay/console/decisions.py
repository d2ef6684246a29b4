"""`/d/LINK`: one question on a page of its own, for a phone. No script, nothing from elsewhere, all of it text.

Looking does nothing, however often and by whatever (SECURITY S26): only the form's POST answers.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse

from mainstay.console.card import MOST_PICKED, page, said, say_card
from mainstay.console.looking import bounds_of
from mainstay.errors import CommitFailedError, InputError, MainstayError
from mainstay.requests.desk import check_said
from mainstay.requests.links import LinkError, answer, read_link
from mainstay.requests.picking import FIELD as PICK
from mainstay.requests.picking import as_answer
from mainstay.views import Views

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.app import Owner
    from mainstay.requests.desk import Params
    from mainstay.requests.links import Link

STATUS = {"altered": 403, "expired": 410, "used": 409, "void": 409}
_SAID = {"approve": "You approved it.", "reject": "You said no: it will not happen."}
_FIELDS = 5 + MOST_PICKED


class Decisions:
    """What answers under `/d`."""

    def __init__(self, owner: Owner) -> None:
        """Answer for this owner."""
        self._owner, self._desk = owner, owner.requests

    async def show(self, request: Request) -> Response:
        """Show the question of a link."""
        if (stopped := self._stopped()) is not None:
            return stopped
        try:
            link = read_link(self._desk, request.path_params["link"])
            question = await asyncio.to_thread(self._question, link)
        except MainstayError as error:
            return _refused(error)
        return HTMLResponse(
            page(question["card"].get("headline") or question["says"], say_card(question, link.answers))
        )

    async def decide(self, request: Request) -> Response:
        """Answer the question of a link, once."""
        if (stopped := self._stopped()) is not None:
            return stopped
        try:
            form = parse_qs((await request.body()).decode(), max_num_fields=_FIELDS)
            (choice,), (reason,) = form.pop("choice", [""]), form.pop("reason", [""])
            reason = reason.replace("\r\n", "\n")  # as a browser sends what has several lines
            check_said({"reason": reason})
            picks = {name: form.pop(name)[0] for name in list(form) if name.startswith(PICK)}
            if form:
                raise ValueError(form)  # noqa: TRY301 - no form of ours
            text, rows = request.path_params["link"], None
            if choice == "approve":  # a no is to all of it
                choice, reason, rows = await asyncio.to_thread(self._picked, text, picks, reason)
            link = await answer(self._desk, text, choice, reason, rows)
        except ValueError:
            return HTMLResponse(page("That was no answer.", ("<p>Go back, and press one of the buttons.</p>",)), 400)
        except CommitFailedError as error:  # whether it was recorded is read anew; the link then says which
            self._desk.engine.fail(error)
            return _wait("Whether your answer was kept is being found out. Look at this link again in a moment.")
        except MainstayError as error:
            return _refused(error)
        await self._owner.engine.whole()
        used = f"<p>Question {said(link.decision)} is answered; this link is used up.</p>"
        return HTMLResponse(page(_SAID[choice], (used,)))

    def _stopped(self) -> Response | None:
        """Say so while nothing is done: an answer would be given to a copy of the history as well, or to no disk."""
        engine = self._desk.engine
        if engine.held:  # why is for the operator alone: nobody has shown anything yet
            return _wait("See on the machine itself: mainstay history release")
        return None if engine.is_whole else _wait("Try again in a moment.")

    def _picked(self, text: str, picks: dict[str, str], reason: str) -> tuple[str, str, Params]:
        """Give the answer that picks come to, why, and of which rows. Raises LinkError or InputError."""
        link = read_link(self._desk, text)
        rows = self._question(link)["card"].get("rows") or ()
        given = {name.removeprefix(PICK): pick for name, pick in picks.items()}
        come = as_answer(rows, given, link.answers, None, reason)
        return come["choice"], come["reason"], {"kept": come["kept"], "picks": come["picks"]}

    def _question(self, link: Link) -> dict[str, Any]:
        with Views(self._owner.workspace) as views:
            views.bounds = partial(bounds_of, self._owner)
            return views.question(link.decision)


def _wait(what: str) -> Response:
    return HTMLResponse(page("All work in this workspace is stopped.", (f"<p>{what}</p>",)), 503)


def _refused(error: MainstayError) -> Response:
    status = STATUS[error.state] if isinstance(error, LinkError) else 422 if isinstance(error, InputError) else 409
    return HTMLResponse(page(error.message, (f"<p>{said(error.remedy)}</p>",)), status)
