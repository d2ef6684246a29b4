"""Policies: the rules in force in plain words, trying a changed one on the past, activating it, putting one back."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from mainstay.console.room import Page, form_of, only
from mainstay.errors import InputError, PlaybookError, UnknownNameError
from mainstay.playbooks.artefacts import in_folder, path_of, read_artefact
from mainstay.playbooks.changes import change_of, line_diff
from mainstay.playbooks.policy_book import active_rules, rules_of_file
from mainstay.playbooks.policy_names import names_here
from mainstay.playbooks.policy_words import BY_ITSELF, SAYS, WOULD, rule_row, say_then
from mainstay.views.policies import PolicyViews

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.governance.rules import Rule
    from mainstay.playbooks.versions import Versions
    from mainstay.requests.desk import Params

SHOWN = 10  # actions of each kind
WAYS = {
    "go-on": "goes on, and is counted anew.",
    "undo": "is taken back, as far as it can be.",
    "stop": "is stopped; what it did stays.",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_STATES = {"new": "not active", "changed": "changed; active as it was before", "gone": "gone; still active"}


async def policies(room: Room, request: Request) -> Response:
    """Show the rules in force, the files they stand in, and what a throttle holds."""
    held = await room.look(lambda views: views.throttled())
    files = [_file(room, name) for name in _names(room)]
    rules = [_rule(rule) for rule in active_rules(_versions(room))]
    values: Params = {"rules": rules, "files": files, "throttled": held, "by_itself": BY_ITSELF}
    return await room.page(request, "policies.html", nav="policies", **values)


async def policy(room: Room, request: Request) -> Response:
    """Show one: its text, what differs from what is active, and its versions."""
    name = _named(room, request.path_params["name"])
    return await _one(room, request, name, _text(room, name))


async def try_out(room: Room, request: Request) -> Response:
    """Check a text as it would be checked when it is activated, or judge the past by it; nothing is kept of it."""
    form, name = form_of(request), _named(room, request.path_params["name"])
    text = only(form, "text").replace("\r\n", "\n")
    try:
        rules = _checked(room, name, text)
    except PlaybookError as error:
        return await _one(room, request, name, text, {"findings": list(error.findings)})
    said = f"In order: {len(rules)} {'rule' if len(rules) == 1 else 'rules'}."
    if only(form, "does") != "test":
        return await _one(room, request, name, text, {"fine": said})
    others = active_rules(_versions(room), but=[name])
    tried = await asyncio.to_thread(_tried, room, active_rules(_versions(room)), [*others, *rules])
    return await _one(room, request, name, text, {"fine": said, "tried": tried})


async def activate(room: Room, request: Request) -> Response:
    """Let the file hold as it was shown; the owner refuses it where it is another one by now."""
    name = _named(room, request.path_params["name"])
    wanted = {"kind": "policy", "name": name, "digest": only(form_of(request), "digest")}
    done = await room.ask("activate", {"wanted": [wanted]})
    broken = "".join(f" {path} no longer fits: {finding}." for path, finding in done["broken"])
    return room.back(request, "/policies", f"policies/{name}.yaml is active as you saw it.{broken}")


async def revert(room: Room, request: Request) -> Response:
    """Put an older version back: it is written into the folder and active from now on."""
    form, name = form_of(request), _named(room, request.path_params["name"])
    asked = {"kind": "policy", "name": name, "digest": only(form, "digest"), "seen": only(form, "seen")}
    await room.ask("revert", asked)
    return room.back(request, f"/policies/{name}", "That version is active again, and written into the folder.")


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
    return room.back(request, "/policies", f"{playbook} {WAYS[way]}")


# --- what is shown


async def _one(room: Room, request: Request, name: str, text: str, found: Params | None = None) -> Response:
    versions = _versions(room)
    past, artefact = versions.past("policy", name), read_artefact(room.owner.workspace.root, "policy", name)
    before = versions.content(past.active) if past.active is not None else {}
    values: Params = {
        "name": name,
        "text": text,
        "file": _file(room, name),
        "diff": line_diff(before, artefact.files if artefact is not None else {}, "active", "file"),
        "seen": artefact.digest if artefact is not None else "",
        "versions": [
            {"digest": one.digest, "short": one.short, "active": one == past.active}
            for one in reversed(past.versions)
            if one.activated_us is not None
        ],
        "findings": [],
        "fine": "",
        "tried": None,
        "would": WOULD,
        "says": SAYS,
        "shown": SHOWN,
    }
    return await room.page(request, "policy.html", nav="policies", **values | (found or {}))


def _rule(rule: Rule) -> Params:
    row = rule_row(rule)
    then = say_then(row).removeprefix("else ") + (" where no other rule says anything" if rule.otherwise else "")
    name = rule.place.partition(":")[0].rpartition("/")[2].removesuffix(".yaml")
    return {"id": rule.id, "about": row["about"], "when": row.get("when", ""), "then": then,
            "why": rule.why, "file": name if _NAME.fullmatch(name) else ""}  # fmt: skip


def _file(room: Room, name: str) -> Params:
    change = change_of(_versions(room), room.owner.workspace.root, ("policy", name))
    active = _versions(room).active("policy", name) is not None
    state = change.state if change is not None else ""
    says = _STATES[state] if state else "active" if active else "as it came: it says what holds without any"
    return {"name": name, "state": state, "says": says}


def _names(room: Room) -> list[str]:
    there = [name for kind, name in in_folder(room.owner.workspace.root) if kind == "policy"]
    known = [name for kind, name in _versions(room).known() if kind == "policy"]
    return sorted({*there, *known})


def _named(room: Room, name: str) -> str:
    if name not in _names(room):
        raise UnknownNameError(f"There is no policy '{name}'.", remedy="Write it into the folder policies first.")
    return name


def _versions(room: Room) -> Versions:
    return room.desk.activation.versions


def _text(room: Room, name: str) -> str:
    artefact = read_artefact(room.owner.workspace.root, "policy", name)
    return "" if artefact is None else artefact.files[artefact.path].decode("utf-8", "replace")


def _checked(room: Room, name: str, text: str) -> Sequence[Rule]:
    """Check a text beside the active rules of the other policies. Raises PlaybookError with every finding."""
    versions, contracts = _versions(room), room.owner.contracts
    names = names_here(room.owner.workspace.root, versions, contracts.agents)
    others = active_rules(versions, but=[name])
    return rules_of_file(path_of("policy", name), text.encode(), others, contracts.operations, names)


def _tried(room: Room, now: Sequence[Rule], then: Sequence[Rule]) -> Params:
    with PolicyViews(room.owner.workspace) as views:
        found = views.tried(now, then, room.owner.contracts.operations)
        return found | {"from": views.time(found["from_us"]), "to": views.time(found["to_us"])}


SCREENS = (
    Page("GET", "/policies", policies),
    Page("POST", "/policies/throttle", let_on),
    Page("GET", "/policies/{name}", policy),
    Page("POST", "/policies/{name}", try_out),
    Page("POST", "/policies/{name}/activate", activate),
    Page("POST", "/policies/{name}/revert", revert),
)
