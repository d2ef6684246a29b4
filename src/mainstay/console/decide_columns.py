"""The lines that say how a file's columns are read, put into mainstay.toml from the question that proposes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.console.room import Page, form_of, number_of, only
from mainstay.errors import CommandRefusedError, FileError, InputError
from mainstay.requests.columns import block_of
from mainstay.shown import shown

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params


async def columns(room: Room, request: Request) -> Response:
    """Show the lines, then what they change, then write exactly that: the same request as `mainstay columns`."""
    name: str = request.path_params["question"]
    form, question = form_of(request), await room.look(lambda views: views.question(name))
    row = number_of(only(form, "row"))
    block = block_of(question["card"], row)
    text = only(form, "text").replace("\r\n", "\n").rstrip("\n")
    text = block.lines if text in ("", shown(block.lines, lines=True)) else text  # as it is, though not all is seen
    values: Params = {"q": question, "row": row, "text": text, "section": block.section}
    asked: Params = {"decision": question["decision"], "row": row, "text": text}
    told: Params = {"diff": None, "wrong": ""}
    if "text" in form:
        try:
            told |= await room.ask("columns", asked | ({"seen": only(form, "seen")} if only(form, "seen") else {}))
        except (InputError, FileError, CommandRefusedError) as error:
            told["wrong"] = f"{error.message} {error.remedy}"
    if only(form, "seen") and "written" in told:
        return room.back(request, f"/questions/{question['decision']}", told["says"])
    status = 422 if told["wrong"] else 200
    return await room.page(request, "columns.html", status=status, nav="inbox", **(values | told))


SCREENS = (Page("POST", "/questions/{question}/columns", columns),)
