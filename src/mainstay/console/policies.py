"""Policies: the rules in force in plain words, writing one, trying it on the past, letting it hold, putting one back.

What is written here goes the way of every version: checked first, shown as a difference, and taken only over the very
file that it was written over. Where anything is wrong, what is active stays in force.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from mainstay.console.playbooks import say_broken
from mainstay.console.room import Page, form_of, here_before, only
from mainstay.errors import InputError, PlaybookError, UnknownNameError
from mainstay.playbooks.artefacts import in_folder, is_artefact_name, path_of, read_artefact
from mainstay.playbooks.changes import change_of, line_diff
from mainstay.playbooks.policy_book import active_rules, rules_of_file, rules_of_version, shipped_rules
from mainstay.playbooks.policy_names import names_here
from mainstay.playbooks.policy_words import BY_ITSELF, SAYS, WOULD, listed, unasked
from mainstay.redaction import redacted
from mainstay.shown import shown
from mainstay.values import digest_of
from mainstay.views.policies import LAST, PolicyViews

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.governance.rules import Rule
    from mainstay.playbooks.artefacts import Artefact
    from mainstay.playbooks.versions import Version, Versions
    from mainstay.requests.desk import Params

SHOWN = 10  # actions of each kind
WAYS = {
    "go-on": "goes on, and is counted anew.",
    "undo": "is taken back, as far as it can be.",
    "stop": "is stopped; what it did stays.",
}
_STATES = {"new": "not active", "changed": "changed; active as it was before", "gone": "gone; still active"}


async def policies(room: Room, request: Request) -> Response:
    """Show the rules in force, the files they stand in, and what a throttle holds."""
    held, spoke = await room.look(lambda views: (views.throttled(), views.rules_spoke()))
    files = [_file(room, name) for name in _names(room)]
    rules = listed(active_rules(_versions(room)), shipped_rules(), room.owner.contracts.operations, spoke)
    parts = [[_placed(row) for row in rules if row["ships"] is ships] for ships in (False, True)]
    values: Params = {"own": parts[0], "ships": parts[1], "files": files, "throttled": held, "by_itself": BY_ITSELF}
    return await room.page(request, "policies.html", nav="policies", **values)


async def policy(room: Room, request: Request) -> Response:
    """Show one: its text, what differs from what is active, and its versions; or an empty one that is to be written."""
    name: str = request.path_params["name"]
    if "new" in request.query_params and name not in _names(room):
        return await _one(room, request, _to_write(name), "")
    here = read_artefact(room.owner.workspace.root, "policy", _named(room, name))  # once: an editor may save meanwhile
    text = "" if here is None else here.files[here.path].decode("utf-8", "replace")
    warned: Params = {"unasked": await _unasked(room, name, text)} if _file(room, name)["state"] else {}
    return await _one(room, request, name, text, warned | _of_file(room, name, here))


async def _unasked(room: Room, name: str, text: str) -> list[str]:
    """Say what a file lets happen without a yes; nothing of one that is not in order, which can't be activated."""
    with suppress(PlaybookError):
        return unasked(await _checked(room, name, text), room.owner.contracts.operations)
    return []


async def begin(room: Room, request: Request) -> Response:
    """Begin a new one under a name: nothing is written yet."""
    name = only(form_of(request), "name").strip().removesuffix(".yaml")
    return room.back(request, f"/policies/{_to_write(name)}" + ("" if name in _names(room) else "?new=1"))


async def try_out(room: Room, request: Request) -> Response:
    """Check a text as it would be checked when it is activated, judge the past by it, or show what saving it changes.

    Nothing is kept of it here.
    """
    form, name = form_of(request), _to_write(request.path_params["name"])
    text = _lines_of(only(form, "text"))
    seen = only(form, "seen")
    try:
        rules = await _checked(room, name, text)
    except PlaybookError as error:
        return await _one(room, request, name, text, {"findings": list(error.findings), "seen": seen})
    said: Params = {"fine": f"In order: {len(rules)} {'rule' if len(rules) == 1 else 'rules'}.", "seen": seen}
    if only(form, "does") == "save":
        return await _confirm(room, request, name, text, seen, rules)
    if only(form, "does") != "test":
        return await _one(room, request, name, text, said)
    others = active_rules(_versions(room), but=[name])
    tried = await asyncio.to_thread(_tried, room, active_rules(_versions(room)), [*others, *rules])
    return await _one(room, request, name, text, said | {"tried": tried})


async def _confirm(room: Room, request: Request, name: str, text: str, seen: str, rules: Sequence[Rule]) -> Response:
    """Show what saving would change; refused where the file is another one than was written over."""
    present = read_artefact(room.owner.workspace.root, "policy", name)
    if (present.digest if present is not None else "") != seen:
        found: Params = {
            "findings": [f"{path_of('policy', name)} was changed meanwhile by somebody else"],
            "seen": seen,
        }
        return await _one(room, request, name, text, found | {"stale": True})
    if redacted(shown(text, lines=True)) != text:
        remedy = "Nothing was changed. Write it into the file with an editor, then let it hold here."
        raise InputError("It holds characters, or a secret, that no page shows as they are.", remedy=remedy)
    active, path = _versions(room).active("policy", name), path_of("policy", name)
    before = _versions(room).content(active) if active is not None else {}
    values: Params = {
        "name": name,
        "text": text,
        "digest": digest_of(text.encode()),
        "seen": seen,
        "unasked": unasked(rules, room.owner.contracts.operations),
        "lines": line_diff(before, {path: text.encode()}, "active", "yours"),
        "beside": present is not None and active is not None and present.digest != active.digest,
    }
    return await room.page(request, "policy_save.html", nav="policies", **values)


async def save(room: Room, request: Request) -> Response:
    """Write exactly what was shown, and let it hold."""
    form, name = form_of(request), _to_write(request.path_params["name"])
    text = _lines_of(only(form, "text"))
    if digest_of(text.encode()) != only(form, "digest"):
        raise InputError("It is not the text that was shown; nothing was changed.", remedy="Go back and save it again.")
    done = await room.ask("save_policy", {"name": name, "content": text, "seen": only(form, "seen")})
    said = "It holds from now on, and is written into the folder."
    return room.back(request, f"/policies/{name}", said + say_broken(done))


async def activate(room: Room, request: Request) -> Response:
    """Let the file hold as it was shown; the owner refuses it where it is another one by now."""
    name = _named(room, request.path_params["name"])
    wanted = {"kind": "policy", "name": name, "digest": only(form_of(request), "digest")}
    done = await room.ask("activate", {"wanted": [wanted]})
    return room.back(request, "/policies", f"policies/{name}.yaml is active as you saw it." + say_broken(done))


async def revert_page(room: Room, request: Request) -> Response:
    """Show what going back to a version would change, before it is done."""
    name = _named(room, request.path_params["name"])
    version = _versions(room).version("policy", name, request.path_params["version"])
    present = read_artefact(room.owner.workspace.root, "policy", name)
    here, seen = (present.files, present.digest) if present is not None else ({}, "")
    lines = line_diff(here, _versions(room).content(version), "file", version.short)
    warned = unasked(rules_of_version(_versions(room), version), room.owner.contracts.operations)
    values: Params = {"name": name, "version": version, "lines": lines, "seen": seen, "unasked": warned}
    return await room.page(request, "policy_revert.html", nav="policies", **values)


async def revert(room: Room, request: Request) -> Response:
    """Put an older version back: it is written into the folder and active from now on."""
    name = _named(room, request.path_params["name"])
    version = _versions(room).version("policy", name, request.path_params["version"])
    seen = only(form_of(request), "seen")
    await room.ask("revert", {"kind": "policy", "name": name, "digest": version.digest, "seen": seen})
    return room.back(request, f"/policies/{name}", f"Version {version.short} holds again, and stands in the folder.")


async def let_on(room: Room, request: Request) -> Response:
    """Answer a throttle."""
    form = form_of(request)
    playbook, way = only(form, "playbook"), only(form, "way")
    if way not in WAYS:
        raise InputError("Nobody said what to do with what is held.", remedy="Go back and choose one of the ways.")
    if way != "go-on" and only(form, "sure") != "yes":
        remedy = "Nothing was changed. Go back, look at the plans that are named, and tick that you are sure."
        raise InputError(f"Its plans would end: {playbook} {WAYS[way]}", remedy=remedy)
    await room.ask("throttle", {"playbook": playbook, "way": way})
    return room.back(request, here_before(request), f"{playbook} {WAYS[way]}")


# --- what is shown


async def _one(room: Room, request: Request, name: str, text: str, found: Params | None = None) -> Response:
    past = _versions(room).past("policy", name)
    values: Params = _of_file(room, name, read_artefact(room.owner.workspace.root, "policy", name)) | {
        "name": name,
        "text": text,
        "file": _file(room, name),
        "versions": [_version(room, one, past.active) for one in reversed(past.versions) if one.activated_us],
        "findings": [],
        "unasked": [],
        "stale": False,
        "fine": "",
        "tried": None,
        "would": WOULD,
        "says": SAYS,
        "shown": SHOWN,
    }
    return await room.page(request, "policy.html", nav="policies", **values | (found or {}))


def _of_file(room: Room, name: str, here: Artefact | None) -> Params:
    """Give what a page binds of a file as it was read: its digest, and how it differs from what is active."""
    active = _versions(room).active("policy", name)
    before = _versions(room).content(active) if active is not None else {}
    digest = here.digest if here is not None else ""
    diff = line_diff(before, here.files if here is not None else {}, "active", "file")
    return {"there": here is not None or active is not None, "diff": diff, "digest": digest, "seen": digest}


def _version(room: Room, one: Version, active: Version | None) -> Params:
    return {"short": one.short, "at": room.time(one.activated_us), "active": one == active}


def _placed(row: Params) -> Params:
    """Name the file that a rule stands in, where it has a page."""
    name = row.get("place", "").partition(":")[0].rpartition("/")[2].removesuffix(".yaml")
    return {"when": "", "why": "", **row, "file": name if is_artefact_name(name) else ""}


def _file(room: Room, name: str) -> Params:
    change = change_of(_versions(room), room.owner.workspace.root, ("policy", name))
    active = _versions(room).active("policy", name) is not None
    state = change.state if change is not None else ""
    says = _STATES[state] if state else "active" if active else "as it came: it says what holds without any"
    if not state and not active and name not in _names(room):
        says = "not written yet"
    return {"name": name, "state": state, "says": says}


def _names(room: Room) -> list[str]:
    there = [name for kind, name in in_folder(room.owner.workspace.root) if kind == "policy"]
    known = [name for kind, name in _versions(room).known() if kind == "policy"]
    return sorted({*there, *known})


def _to_write(name: str) -> str:
    if not is_artefact_name(name):
        remedy = "Use letters, digits, '-' and '_', such as payments."
        raise InputError(f"'{name}' is no name for a policy; nothing was written.", remedy=remedy)
    return name


def _lines_of(text: str) -> str:
    """Give what a browser sent as a file has it."""
    text = text.replace("\r\n", "\n")
    return text if not text or text.endswith("\n") else f"{text}\n"


def _named(room: Room, name: str) -> str:
    if name not in _names(room):
        raise UnknownNameError(f"There is no policy '{name}'.", remedy="Write it into the folder policies first.")
    return name


def _versions(room: Room) -> Versions:
    return room.desk.activation.versions


async def _checked(room: Room, name: str, text: str) -> Sequence[Rule]:
    """Check a text beside the active rules of the other policies. Raises PlaybookError with every finding."""
    versions, contracts = _versions(room), room.owner.contracts
    names = names_here(room.owner.workspace.root, versions, contracts.agents)
    others = active_rules(versions, but=[name])
    path = path_of("policy", name)  # what no plan may wait for is done on a thread of its own
    return await asyncio.to_thread(rules_of_file, path, text.encode(), others, contracts.operations, names)


def _tried(room: Room, now: Sequence[Rule], then: Sequence[Rule]) -> Params:
    with PolicyViews(room.owner.workspace) as views:
        found = views.tried(now, then, room.owner.contracts.operations, LAST)
        return found | {"from": views.time(found["from_us"]), "to": views.time(found["to_us"])}


SCREENS = (
    Page("GET", "/policies", policies),
    Page("POST", "/policies", begin),
    Page("POST", "/throttle", let_on),
    Page("GET", "/policies/{name}", policy),
    Page("POST", "/policies/{name}", try_out),
    Page("POST", "/policies/{name}/activate", activate),
    Page("POST", "/policies/{name}/save", save),
    Page("GET", "/policies/{name}/revert/{version}", revert_page),
    Page("POST", "/policies/{name}/revert/{version}", revert),
)
