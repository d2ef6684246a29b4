"""The playbooks: what each does in plain sentences, a dry run, starting one, its versions, what differs, going back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstay.console.compiling import compiled, titles
from mainstay.console.decide_once import name_of, once_named
from mainstay.console.playbooks_inputs import field_rows, given_inputs, sent_files
from mainstay.console.room import Page, files_of, form_of, only
from mainstay.errors import InputError, MainstayError, PlaybookError, UnknownNameError
from mainstay.playbooks.artefacts import digest_of_files, read_artefact
from mainstay.playbooks.changes import change_of, line_diff
from mainstay.playbooks.explain import STEP_LINE
from mainstay.playbooks.shelf import is_shipped, library_version, shelf

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Form, Room
    from mainstay.playbooks.shelf import Shelved
    from mainstay.playbooks.versions import Version
    from mainstay.requests.desk import Params
    from mainstay.views import Views

FILE = "file"  # what stands in the folder, where a version is named
STATES = {
    "active": "",
    "new": "not active yet",
    "changed": "its file has changed",
    "gone": "its file is gone",
}


class Told(NamedTuple):
    """What a playbook does, in sentences."""

    before: list[str]
    steps: list[tuple[str, str]]  # name, and what it does
    after: list[str]


# --- all of them


async def playbooks(room: Room, request: Request) -> Response:
    """List what can be run."""
    known = _known(room)
    named = await titles(one for one in known.values() if one is not None)
    rows = [_row(room, name, one, named) for name, one in known.items()]

    def look(views: Views) -> list[Params]:
        return [row | {"running": views.open_of(row["name"])} | views.past_runs(row["name"]) for row in rows]

    found = await room.look(look)
    own, shipped = [row for row in found if row["own"]], [row for row in found if not row["own"]]
    return await room.page(request, "playbooks.html", nav="playbooks", own=own, shipped=shipped)


def _known(room: Room) -> dict[str, Shelved | None]:
    """Give what is there by name; None for one that is active and whose file is gone."""
    versions, found = room.desk.activation.versions, dict[str, "Shelved | None"](shelf(room.desk.root))
    gone = [name for kind, name in versions.known() if kind == "playbook" and name not in found]
    return found | {name: None for name in gone if versions.active("playbook", name) is not None}


def _row(room: Room, name: str, shelved: Shelved | None, named: Mapping[Path, tuple[str, str]]) -> Params:
    own = shelved is None or shelved.own
    row: Params = {"name": name, "own": own, "title": name, "wrong": "", "hides": own and is_shipped(name)}
    active = room.desk.activation.versions.active("playbook", name) if own else None
    change = change_of(room.desk.activation.versions, room.desk.root, ("playbook", name)) if own else None
    row["state"] = change.state if change is not None else "active"
    row["says"] = STATES[row["state"]]
    row["version"] = (active.short if active is not None else "") if own else library_version(name)[:8]
    row["since"] = room.time(active.activated_us) if active is not None else ""
    if shelved is not None:
        title, row["wrong"] = named[shelved.path]
        row["title"] = title or name
    return row


# --- one of them


async def playbook(room: Room, request: Request) -> Response:
    """Show one: what it does, a form to start it, a dry run, its versions."""
    name: str = request.path_params["playbook"]
    known = _known(room)
    if name not in known:
        return await _unknown(room, request)
    shelved = known[name]
    row = _row(room, name, shelved, await titles([shelved] if shelved is not None else []))
    values: Params = {"p": row, "versions": _versions(room, name), "findings": ()}
    values |= {"told": None, "drawing": None, "fields": (), "dry": None}
    try:
        made = await compiled(room, name)
        fields = await asyncio.to_thread(field_rows, room, made.definition)
        values |= {"told": _sentences(made.sentences), "drawing": made.drawing, "fields": fields, "dry": made.dry}
    except PlaybookError as error:
        values["findings"] = error.findings
    except MainstayError as error:
        values["findings"] = (f"{error.message} {error.remedy}",)
    past = await room.look(lambda views: views.past_runs(name) | {"running": views.open_of(name)})
    return await room.page(request, "playbook.html", nav="playbooks", past=past, **values)


def _is_known(room: Room, name: str) -> bool:
    """Whether there is one, or was one: its versions stay."""
    return name in _known(room) or ("playbook", name) in room.desk.activation.versions.known()


async def _unknown(room: Room, request: Request) -> Response:
    says = f"There is no playbook '{request.path_params['playbook']}'."
    error = UnknownNameError(says, remedy="Choose one from the list.")
    return await room.refused(request, error, "/playbooks")


def _sentences(text: str) -> Told:
    told = Told([], [], [])
    for line in text.strip().splitlines()[1:]:
        if step := STEP_LINE.fullmatch(line):
            told.steps.append((step[1], step[2]))
        elif line:
            (told.after if told.steps else told.before).append(line)
    return told


def _versions(room: Room, name: str) -> list[Params]:
    """List the versions there were, the newest first."""
    past = room.desk.activation.versions.past("playbook", name)
    return [
        {
            "short": one.short,
            "kept": room.time(one.kept_us),
            "activated": room.time(one.activated_us),
            "by": one.by,
            "active": past.active is not None and past.active.digest == one.digest,
        }
        for one in reversed(past.versions)
    ]


async def start(room: Room, request: Request) -> Response:
    """Start it with what was filled in, once however often its button is pressed."""
    return await once_named(room, request, _start)


async def _start(room: Room, request: Request) -> Response:
    name, form = request.path_params["playbook"], form_of(request)
    shelved, own = _known(room).get(name), room.desk.activation.playbooks
    if shelved is None or shelved.own:
        own.refuse_changed(name)
    definition = (await compiled(room, name)).definition  # it is compiled anew, of what is active, as it begins
    sent = sent_files(definition, files_of(request))
    params: dict[str, Any] = {"playbook": name, "inputs": given_inputs(room, definition, form, sent)}
    params["files"] = {text: content for each in sent.values() for text, content in each.items()}
    params |= {"folder": str(room.desk.root), "hold": bool(only(form, "hold")), "ask_first": bool(only(form, "first"))}
    standing = await room.ask("run", params | {"once": name_of(request)})
    said = "It waits for your go-ahead." if params["hold"] else "It began."
    return room.back(request, f"/plans/{standing['plan']}", said)


# --- versions


async def diff(room: Room, request: Request) -> Response:
    """Show what differs between two versions; by default between the active one and the file."""
    name, given = request.path_params["playbook"], request.query_params
    if not _is_known(room, name):
        return await _unknown(room, request)
    was, before = _side(room, name, given.get("from") or "active")
    now, after = _side(room, name, given.get("to") or FILE)
    values: Params = {"name": name, "was": was, "now": now, "lines": line_diff(before, after, was, now)}
    return await room.page(request, "diff.html", nav="playbooks", versions=_versions(room, name), **values)


def _side(room: Room, name: str, word: str) -> tuple[str, dict[str, bytes]]:
    versions = room.desk.activation.versions
    if word == FILE:
        artefact = read_artefact(room.desk.root, "playbook", name)
        return FILE, {} if artefact is None else artefact.files
    if word == "active":
        active = versions.active("playbook", name)
        return (f"active {active.short}", versions.content(active)) if active is not None else ("none is active", {})
    version = versions.version("playbook", name, word)
    return version.short, versions.content(version)


def _seen_in(files: dict[str, bytes]) -> str:
    """Name what a page shows of the folder, as it was read for it; empty where nothing is there."""
    return digest_of_files(files) if files else ""


async def revert_page(room: Room, request: Request) -> Response:
    """Show what going back to a version would change, before it is done."""
    name = request.path_params["playbook"]
    if not _is_known(room, name):
        return await _unknown(room, request)
    version = _version(room, request)
    _, present = _side(room, name, FILE)
    lines = line_diff(present, room.desk.activation.versions.content(version), FILE, version.short)
    values: Params = {"name": name, "version": version, "lines": lines, "seen": _seen_in(present)}
    return await room.page(request, "revert.html", nav="playbooks", **values)


def _version(room: Room, request: Request) -> Version:
    return room.desk.activation.versions.version(
        "playbook", request.path_params["playbook"], request.path_params["version"]
    )


async def revert(room: Room, request: Request) -> Response:
    """Put a version back; refused where the file changed since it was shown."""
    name, version, form = request.path_params["playbook"], _version(room, request), form_of(request)
    params = {"kind": "playbook", "name": name, "digest": version.digest, "seen": only(form, "seen")}
    done = await room.ask("revert", params)
    said = f"Version {version.short} is active."
    return room.back(request, f"/playbooks/{name}", said + say_broken(done))


async def activate(room: Room, request: Request) -> Response:
    """Let what the page showed run from now on; refused where the file changed since."""
    name, form = request.path_params["playbook"], form_of(request)
    params = {"wanted": [{"kind": "playbook", "name": name, "digest": _seen(form)}]}
    done = await room.ask("activate", params)
    return room.back(
        request, f"/playbooks/{name}", "It is active. Running plans keep their version." + say_broken(done)
    )


def _seen(form: Form) -> str:
    if "seen" not in form:
        raise InputError("Nothing was activated: no version was named.", remedy="Look at what changed first.")
    return only(form, "seen")


def say_broken(done: Params) -> str:
    """Name the active playbooks that no longer fit what they use since this was done; empty where all fit."""
    return "".join(f" {path} no longer fits: {finding.rstrip('.')}." for path, finding in done["broken"])


async def activate_page(room: Room, request: Request) -> Response:
    """Show what would run from now on, before it does."""
    name: str = request.path_params["playbook"]
    if not _is_known(room, name):
        return await _unknown(room, request)
    was, before = _side(room, name, "active")
    now, after = _side(room, name, FILE)
    values: Params = {"name": name, "lines": line_diff(before, after, was, now), "seen": _seen_in(after)}
    return await room.page(request, "activate.html", nav="playbooks", **values)


SCREENS = (
    Page("GET", "/playbooks", playbooks),
    Page("GET", "/playbooks/{playbook}", playbook),
    Page("POST", "/playbooks/{playbook}/start", start, files=True),
    Page("GET", "/playbooks/{playbook}/diff", diff),
    Page("GET", "/playbooks/{playbook}/revert/{version}", revert_page),
    Page("POST", "/playbooks/{playbook}/revert/{version}", revert),
    Page("GET", "/playbooks/{playbook}/activate", activate_page),
    Page("POST", "/playbooks/{playbook}/activate", activate),
)
