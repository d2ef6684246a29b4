"""Editing an action before it is approved: its fields, then what they change, then the yes to exactly that.

Nothing is kept in between: what was edited travels in the forms, and the owner reads and judges it anew each time.
"""

from __future__ import annotations

import json
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from mainstay.console.decide_fields import fields_of, filled, not_deep, read
from mainstay.console.room import DIGITS, Page, form_of, only
from mainstay.errors import CommandRefusedError, InputError, NoFormError
from mainstay.redaction import redacted
from mainstay.requests.picking import FIELD as PICK
from mainstay.requests.ruling import input_of
from mainstay.said import say_value
from mainstay.views.cards import can_edit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Form, Room
    from mainstay.requests.desk import Params

Edits: TypeAlias = dict[str, dict[str, Any]]  # by the row of the list, "0" where there is one action
LINE_CHARS = 80  # a longer text gets several lines
CONTEXT = 2  # lines that stay, around those that change
NEW = "not said so far"


async def edit(room: Room, request: Request) -> Response:
    """Show the fields of an action."""
    question = await _open(room, request)
    return await _fields(room, request, question, _row(request.query_params.get("row", ""), question), {})


async def preview(room: Room, request: Request) -> Response:
    """Show what an edit changes, and take it no further: or the fields again, of another row or with what is wrong."""
    question, form = await _open(room, request), form_of(request)
    kept, was = kept_of(form, question), edits_of(form)
    question |= {"kept": kept}
    if "open" in form:
        return await _fields(room, request, question, _row(only(form, "open"), question), was)
    row, then = _row(only(form, "row"), question), only(form, "then")
    typed = {name.removeprefix("arg."): values[0] for name, values in form.items() if name.startswith("arg.")}
    arguments = await _arguments(room, question, row)
    drawn = arguments | was.get(row, {})
    try:
        new = drawn | read(fields_of(drawn, _type_of(room, question, row)), typed, drawn)
        edits = _with(was, row, {name: value for name, value in new.items() if value != arguments.get(name)})
        if then == "next":
            return await _fields(room, request, question, _after(row, question), edits)
        if then == "list" and not edits:
            return await room.page(request, "question.html", nav="inbox", q=question | {"diffs": []})
        cards = await _previewed(room, question, edits)
    except (InputError, CommandRefusedError) as error:
        return await _fields(room, request, question, row, was, typed, f"{error.message} {error.remedy}".strip())
    changed = [(each, await _arguments(room, question, each)) for each in sorted(edits, key=int)]
    zone: str = question["timezone"]
    diffs = [
        (int(each) + 1, name.replace("_", " "), lines)
        for each, before in changed
        for name, lines in diff(before, edits[each], zone)
    ]
    values: Params = {"q": as_edited(question, cards), "row": row, "edits": _json(edits), "diffs": diffs}
    return await room.page(request, "edited.html", nav="inbox", choice=request_of(question, edits)["choice"], **values)


def _row(given: str, question: Params) -> str:
    """Give the row that is meant: one of the list, by itself the first that is kept."""
    if given.isdecimal() and len(given) < DIGITS and int(given) < len(question["actions"]):
        return str(int(given))
    return str(next(iter(question.get("kept") or ()), 0))


def _after(row: str, question: Params) -> str:
    """Give the row after one, of those that are kept; after the last comes the first."""
    rows = question.get("kept") or range(len(question["actions"]))
    return str(next((each for each in rows if each > int(row)), rows[0]))


async def _previewed(room: Room, question: Params, edits: Edits) -> list[Params]:
    """Give the cards of what is edited. Raises InputError where nothing is, or policy forbids it so."""
    if not edits:
        raise InputError("Nothing is different yet.", remedy="Change something, or approve it as it stands.")
    asked = request_of(question, edits, question["kept"])
    if asked["choice"] != "approve":
        return []
    cards: list[Params] = (await room.ask("preview", asked))["cards"]
    for one in cards:
        if one["verdict"] == "deny":
            raise InputError(f"Your policy forbids it so: {one['why']}", remedy="Edit it otherwise, or reject it.")
    return cards


def edits_of(form: Form) -> Edits:
    """Give what a form says was edited so far. Raises NoFormError where it is no such thing."""
    try:
        found = not_deep(msgspec.json.decode(only(form, "edits") or "{}", type=dict[str, dict[str, Any]]))
        if all(row.isdecimal() and len(row) < DIGITS for row in found):
            return {str(int(row)): one for row, one in found.items()}
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    raise NoFormError("What was edited can't be read.", remedy="Begin with the question again.")


def kept_of(form: Form, question: Params) -> list[int] | None:
    """Give the rows of a list that a form keeps, counted from 0; None: all of them. Raises InputError where none is."""
    if not only(form, "may_keep"):
        return None
    kept = sorted(
        {int(row) for row in (*form.get("keep", ()), *picks_in(form)) if row.isdecimal() and len(row) < DIGITS}
    )
    if not kept:
        raise InputError("No row is kept.", remedy="Keep one at least, or reject all of them.")
    return None if kept == list(range(listed_in(question))) else kept


def picks_in(form: Form) -> dict[str, str]:
    """Give how each row that can be read in several ways is read: by the row, counted from 0."""
    return {name.removeprefix(PICK): values[0] for name, values in form.items() if name.startswith(PICK)}


def listed_in(question: Params) -> int:
    """Count the rows of a question's list."""
    return len(question["card"].get("rows") or question["card"].get("covers") or ())


def request_of(question: Params, edits: Edits, kept: list[int] | None = None) -> Params:
    """Make the request that approves a question as it is edited, or tries a step again so; `kept` as `kept_of` says."""
    stuck = question["kind"] == "stuck"
    listed = question["kind"] == "batch"
    edits = {row: one for row, one in edits.items() if kept is None or row in map(str, kept)}
    return {
        "decision": question["decision"],
        "choice": "retry" if stuck else "approve",
        "binds": question["binds"],
        "arguments": None if listed else edits.get("0") or None,
        "edits": edits if listed else None,
    }


async def _open(room: Room, request: Request) -> Params:
    name: str = request.path_params["question"]
    found = await room.look(lambda views: views.question(name))
    if not found["open"]:
        raise CommandRefusedError(f"This question is closed already: {found['closed']}.", remedy="Nothing was done.")
    if not can_edit(found):
        raise InputError("There is nothing to edit in this question.", remedy="Answer it as it stands.")
    return found


async def _arguments(room: Room, question: Params, row: str) -> Params:
    return await room.look(lambda views: views.arguments(question["decision"], int(row)))


async def _fields(
    room: Room,
    request: Request,
    question: Params,
    row: str,
    edits: Edits,
    typed: Mapping[str, str] | None = None,
    wrong: str = "",
) -> Response:
    arguments = await _arguments(room, question, row) | edits.get(row, {})
    fields = filled(fields_of(arguments, _type_of(room, question, row)), typed or {})
    values = {"q": question, "fields": fields, "row": row, "edits": _json(edits), "wrong": wrong}  # what is drawn, too
    values["next"] = _after(row, question)
    return await room.page(request, "edit.html", status=422 if wrong else 200, nav="inbox", **values)


def _type_of(room: Room, question: Params, row: str) -> type[msgspec.Struct] | None:
    """Give the type of what an action takes; None where it is not known any more."""
    plan = room.owner.engine.load(question["plan"])
    asked = plan.questions.get(question["decision"])
    return None if asked is None else input_of(room.owner.requests, plan, asked.paths[int(row)])


# --- what it changes


def diff(before: Params, changes: Params, zone: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Give for each field that changes its lines, each with "-", "+" or " " for one that stays."""
    return [(name, _lines(_said(before.get(name), zone), _said(value, zone))) for name, value in changes.items()]


def _said(value: object, zone: str) -> list[str]:
    if isinstance(value, list):
        return [say_value(one, zone) for one in cast("list[object]", value)]
    return say_value(value, zone).split("\n") if value is not None else [NEW]


def _lines(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    found = islice(unified_diff(old, new, n=CONTEXT, lineterm=""), 2, None)
    return [(" ", "…") if line.startswith("@@") else (line[0], line[1:]) for line in found][1:]


def as_edited(question: Params, cards: list[Params]) -> Params:
    """Give a question with the cards of its actions as they were edited."""
    card: Params = dict(question["card"])
    for one in cards:
        after: Params = one["card"]
        if question["kind"] == "batch":
            rows: list[Params] = card["rows"]
            card["rows"] = [{**row, **after} if row.get("path") == one["path"] else row for row in rows]
        else:
            card |= after
    return question | {"card": card}


def _with(edits: Edits, row: str, changes: Params) -> Edits:
    left = {each: one for each, one in edits.items() if each != row}
    return left | ({row: changes} if changes else {})


def _json(edits: Edits) -> str:
    """Write them in letters that every page leaves as they are."""
    text = json.dumps(edits)
    if redacted(text) != text:
        raise InputError("What you wrote holds something secret.", remedy="Leave it out; see: mainstay secret")
    return text


SCREENS = (
    Page("GET", "/questions/{question}/edit", edit),
    Page("POST", "/questions/{question}/edit", preview),
)
