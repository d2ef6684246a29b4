"""Editing an action before it is approved: its fields, then what they change, then the yes to exactly that.

Nothing is kept in between: what was edited travels in the forms, and the owner reads and judges it anew each time.
"""

from __future__ import annotations

import json
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import msgspec

from mainstay.console.room import DIGITS, Page, form_of, only
from mainstay.errors import CommandRefusedError, InputError
from mainstay.redaction import redacted
from mainstay.said import is_record, is_simple, say_value
from mainstay.shown import shown
from mainstay.values import Money
from mainstay.views.cards import can_edit
from mainstay.views.questions import digests_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Form, Room
    from mainstay.requests.desk import Params
    from mainstay.values import Value

Edits: TypeAlias = dict[str, dict[str, Any]]  # by the row of the list, "0" where there is one action
LINE_CHARS = 80  # a longer text gets several lines
CONTEXT = 2  # lines that stay, around those that change
NEW = "not said so far"


class Field(NamedTuple):
    """One thing that can be edited, as it is written in a form."""

    name: str
    label: str
    text: str
    kind: str  # line, text, number, yes, amount, minor, list, json; or fixed
    hint: str = ""


async def edit(room: Room, request: Request) -> Response:
    """Show the fields of an action."""
    question = await _open(room, request)
    row = request.query_params.get("row", "0")
    return await _fields(room, request, question, row if row.isdecimal() else "0", {})


async def preview(room: Room, request: Request) -> Response:
    """Show what an edit changes, and take it no further: or the fields again, of another row or with what is wrong."""
    question, form = await _open(room, request), form_of(request)
    kept, edits = kept_of(form, question), edits_of(form)
    question |= {"kept": kept}
    row = only(form, "row", str(kept[0]) if kept else "0")
    if only(form, "do") == "open":
        return await _fields(room, request, question, row, edits)
    typed = {name.removeprefix("arg."): values[0] for name, values in form.items() if name.startswith("arg.")}
    arguments = await _arguments(room, question, row)
    try:
        edits = _with(edits, row, read(fields_of(arguments, "", ""), typed, arguments))
        cards = await _previewed(room, question, edits)
    except (InputError, CommandRefusedError) as error:
        return await _fields(room, request, question, row, edits, typed, f"{error.message} {error.remedy}".strip())
    changed = [(each, await _arguments(room, question, each)) for each in sorted(edits, key=int)]
    zone: str = question["timezone"]
    diffs = [
        (int(each) + 1, name.replace("_", " "), lines)
        for each, before in changed
        for name, lines in diff(before, edits[each], zone)
    ]
    values: Params = {"q": as_edited(question, cards), "row": row, "edits": _json(edits), "diffs": diffs}
    return await room.page(request, "edited.html", nav="inbox", choice=request_of(question, edits)["choice"], **values)


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
    """Give what a form says was edited so far. Raises InputError where it is no such thing."""
    try:
        return msgspec.json.decode(only(form, "edits") or "{}", type=dict[str, dict[str, Any]])
    except msgspec.DecodeError:
        raise InputError("What was edited can't be read.", remedy="Begin with the question again.") from None


def kept_of(form: Form, question: Params) -> list[int] | None:
    """Give the rows of a list that a form keeps, counted from 0; None: all of them. Raises InputError where none is."""
    if not only(form, "may_keep"):
        return None
    kept = sorted({int(row) for row in form.get("keep", ()) if row.isdecimal() and len(row) < DIGITS})
    if not kept:
        raise InputError("No row is kept.", remedy="Keep one at least, or reject all of them.")
    return None if kept == list(range(listed_in(question))) else kept


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
    number = int(row) if row.isdecimal() and len(row) < LINE_CHARS else 0
    return await room.look(lambda views: views.arguments(question["decision"], number))


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
    fields = [
        field._replace(text=(typed or {}).get(field.name, field.text)) for field in fields_of(arguments, LONG, SECRET)
    ]
    rest = {each: one for each, one in edits.items() if each != row}
    values = {"q": question, "fields": fields, "row": row, "edits": _json(rest), "wrong": wrong}
    return await room.page(request, "edit.html", status=422 if wrong else 200, nav="inbox", **values)


LONG = "Some characters can't be seen or look like others; they are written out here, and kept so if you change this."
SECRET = "It holds something secret, and stays as it is."  # noqa: S105 - a sentence about one


# --- values as they are written in a form


def fields_of(arguments: Params, plain: str, secret: str) -> list[Field]:
    """Give the fields of arguments; `plain` and `secret` are the hints where a text is shown otherwise than it is."""
    return [_field(name, value, arguments, plain, secret) for name, value in arguments.items()]


def _field(name: str, value: object, arguments: Params, plain: str, secret: str) -> Field:
    label = name.replace("_", " ")
    kind, text = _written(name, value, arguments)
    if kind == "fixed" or redacted(text) != text:
        return Field(name, label, say_value(value), "fixed", secret if kind != "fixed" else "It stays as it is.")
    if kind == "minor":
        return Field(name, name.removesuffix("_minor").replace("_", " "), text, kind, str(arguments["currency"]))
    return Field(name, label, text, kind, plain if shown(text, lines=True) != text else _HINTS.get(kind, ""))


_HINTS = {"amount": "Such as 12.50 EUR", "list": "One on each line", "json": "As JSON", "number": "A number"}


def _written(name: str, value: object, arguments: Params) -> tuple[str, str]:
    """Give the kind of a field and what stands in it."""
    if isinstance(value, bool):
        return "yes", "yes" if value else "no"
    if name.endswith("_minor") and isinstance(value, int) and isinstance(arguments.get("currency"), str):
        return "minor", str(Money(value, arguments["currency"]).decimal)
    if isinstance(value, (int, float)):
        return "number", str(value)
    if value is None or isinstance(value, str):
        text = value or ""
        return ("text" if "\n" in text or len(text) > LINE_CHARS else "line"), text
    if is_record(value) and value.keys() == {"minor", "currency"}:
        return "amount", f"{Money(value['minor'], value['currency']).decimal} {value['currency']}"
    listed = cast("list[object]", value) if isinstance(value, list) else []
    if listed and all(isinstance(one, str) and "\n" not in one for one in listed):
        return "list", "\n".join(str(one) for one in listed)
    try:
        simple = is_record(cast("object", value)) and is_simple(cast("Params", value))
        if not simple and not digests_in(cast("Value", value)):  # no file can be written in a form
            return "json", msgspec.json.format(msgspec.json.encode(value)).decode()
    except (TypeError, ValueError):
        pass
    return "fixed", ""


def read(fields: list[Field], typed: Mapping[str, str], arguments: Params) -> Params:
    """Give what is different from the arguments, as values. Raises InputError for what can't be read."""
    changes: dict[str, Any] = {}
    for field in fields:
        given = typed.get(field.name)
        if given is None or field.kind == "fixed":
            continue
        given = given.replace("\r\n", "\n")
        if given not in (field.text, shown(field.text, lines=True)):
            changes[field.name] = _value(field, given, typed, arguments)
    return changes


def _value(field: Field, text: str, typed: Mapping[str, str], arguments: Params) -> object:
    try:
        match field.kind:
            case "yes":
                return text == "yes"
            case "number":
                whole = isinstance(arguments[field.name], int)
                return int(text) if whole else float(text.replace(",", "."))
            case "minor":
                currency = typed.get("currency", str(arguments["currency"])).strip()
                return Money.of(text.strip(), currency).minor
            case "amount":
                amount = Money.parse(text.strip())
                return {"minor": amount.minor, "currency": amount.currency}
            case "list":
                return [line.strip() for line in text.splitlines() if line.strip()]
            case "json":
                return msgspec.json.decode(text)
            case _:
                return text
    except (ValueError, ArithmeticError, msgspec.DecodeError):
        hint = f"{field.hint}." if field.hint else _HINTS.get(field.kind, "As it was before") + "."
        raise InputError(f"'{field.label}' can't be read: {text[:LINE_CHARS]}", remedy=hint) from None


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
