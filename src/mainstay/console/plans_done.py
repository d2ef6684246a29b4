"""What is done to a plan from its page: pause, resume, end, undo, rerun, replay, and its receipt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from mainstay.console.decide_once import may_come_again, name_of, once_named
from mainstay.console.playbooks_inputs import field_rows, given_inputs
from mainstay.console.room import Page, form_of, number_of, only
from mainstay.errors import InputError
from mainstay.receipts import markdown, pdf
from mainstay.receipts.gather import Receipts
from mainstay.runtime.names import local_time

if TYPE_CHECKING:
    from starlette.requests import Request

    from mainstay.console.room import Form, Room
    from mainstay.requests.desk import Params
    from mainstay.views import Views

ROWS = 100  # of what an undo lists, on one page
SAID = {
    "pause": "Paused: what is under way is finished, and nothing new begins.",
    "resume": "It goes on.",
    "cancel": "It is ended. What it did so far stays; undo takes that back.",
}
MEANING = {
    "adopt": "It stays and counts, and is not done again",
    "failed": "What is done stays; only what failed is done again",
    "undo": "It is taken back, and done again",
    "again": "It stays, and is done once more",
}


async def ask_of(room: Room, request: Request) -> Response:
    """Pause a plan, let it go on, or end it."""
    method = request.url.path.rpartition("/")[2]
    plan_id = await _plan(room, request)
    form = form_of(request)
    await room.ask(method, {"plan": plan_id, "reason": only(form, "reason").strip()})
    return room.back(request, f"/plans/{plan_id}", SAID[method])


async def _plan(room: Room, request: Request) -> str:
    name: str = request.path_params["plan"]
    return await room.look(lambda views: views.plan_id(name))


# --- undo: what it would take back, then the yes to exactly that


async def undo_page(room: Room, request: Request) -> Response:
    """List what an undo takes back, and what it can't, so many at a time; the yes is to the whole list."""
    plan_id, contracts = await _plan(room, request), room.owner.contracts
    after = number_of(request.query_params.get("after", ""))

    def look(views: Views) -> Params:
        return {
            "listed": views.undo_list(plan_id, contracts, after=after, most=ROWS),
            "after": after,
            "rows": ROWS,
            "stands": views.plan(plan_id).status,
            "over": views.is_over(plan_id),
        }

    return await room.page(request, "undo.html", nav="plans", **await room.look(look))


async def undo(room: Room, request: Request) -> Response:
    """Take back what was listed; where the plan did more since, nothing is, and the new list is shown."""
    plan_id, form = await _plan(room, request), form_of(request)
    params = {"plan": plan_id, "reason": only(form, "reason").strip(), "listed": only(form, "listed")}
    standing = await room.ask("undo", params)
    said = "Everything that could be was taken back." if standing["status"] == "undone" else "It is being taken back."
    return room.back(request, f"/plans/{plan_id}", said)


# --- rerun: from where, with what, and what becomes of what it did


async def rerun_page(room: Room, request: Request) -> Response:
    """Show what would run again, and ask what becomes of what it did there."""
    plan_id, given = await _plan(room, request), request.query_params
    params: Params = {"plan": plan_id, "playbook": given.get("playbook", "")}
    if "start" in given:
        params["start"] = given["start"]
    preview = await room.ask("rerun_preview", params)
    definition = room.desk.engine.load(plan_id).graph.definition
    now = await room.look(lambda views: views.show(plan_id)["inputs"])
    values: Params = {
        "p": preview,
        "steps": [step.name for step in definition.steps],
        "start": given.get("start"),
        "playbook": params["playbook"],
        "versions": _versions(room, definition.name),
        "fields": field_rows(room, definition, now),
        "meaning": MEANING,
    }
    return await room.page(request, "rerun.html", nav="plans", **values)


def _versions(room: Room, playbook: str) -> list[Params]:
    """List the versions that ran once, the newest first; none of Mainstay's own playbooks."""
    past = room.desk.activation.versions.past("playbook", playbook)
    ran = [one.short for one in reversed(past.versions) if one.activated_us]
    return [{"name": f"{playbook}@{short}", "short": short} for short in ran]


async def rerun(room: Room, request: Request) -> Response:
    """Run it again as was said, once however often its button is pressed."""
    return await once_named(room, request, _rerun)


async def _rerun(room: Room, request: Request) -> Response:
    plan_id, form = await _plan(room, request), form_of(request)
    definition = room.desk.engine.load(plan_id).graph.definition
    params: dict[str, Any] = {
        "plan": plan_id,
        "inputs": given_inputs(room, definition, form, partly=True),
        "folder": str(room.owner.workspace.root),
        "playbook": only(form, "playbook"),
        "choices": _choices(form),
        "once": name_of(request),
    }
    if "start" in form:
        params["start"] = only(form, "start")
    standing = await room.ask("rerun", params)
    if standing["plan"] == plan_id:
        may_come_again(room, request)
        said = "Nothing runs again yet: what is taken back first needs you. Then say it once more."
        return room.back(request, f"/plans/{plan_id}", said)
    return room.back(request, f"/plans/{standing['plan']}", "It runs again, as the plan on this page.")


def _choices(form: Form) -> dict[str, str]:
    return {name.removeprefix("choice."): values[0] for name, values in form.items() if name.startswith("choice.")}


# --- replay, receipts


async def replay(room: Room, request: Request) -> Response:
    """Decide a plan's history again without doing anything, and compare."""
    plan_id = await _plan(room, request)

    def look(views: Views) -> list[Params]:
        found = [views.replay(plan_id)]
        for row in found:  # grows while it is gone through
            found += [views.replay(part) for part in row["parts"]]
        return found

    return await room.page(request, "replay.html", nav="plans", found=await room.look(look))


async def receipt(room: Room, request: Request) -> Response:
    """Give a plan's signed receipt, as PDF or as text."""
    plan_id, kind = await _plan(room, request), request.url.path.rpartition(".")[2]
    if "-" in plan_id:
        root = plan_id.partition("-")[0]
        raise InputError(f"This is a part of plan {root}.", remedy="It stands in the receipt of that.")

    def make() -> bytes:
        with Receipts(room.owner.workspace, room.owner.contracts) as receipts:
            signed = receipts.signed(plan_id)
        return pdf.write(signed) if kind == "pdf" else markdown.write(signed)

    content = await asyncio.to_thread(make)  # of thousands of actions it takes seconds: no page waits for that
    day = local_time(room.owner.clock.now_us(), room.owner.workspace.config.company.timezone).date().isoformat()
    name = f"receipt-{plan_id}-{day}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, media_type="application/pdf" if kind == "pdf" else "text/markdown")


SCREENS = (
    Page("POST", "/plans/{plan}/pause", ask_of),
    Page("POST", "/plans/{plan}/resume", ask_of),
    Page("POST", "/plans/{plan}/cancel", ask_of),
    Page("GET", "/plans/{plan}/undo", undo_page),
    Page("POST", "/plans/{plan}/undo", undo),
    Page("GET", "/plans/{plan}/rerun", rerun_page),
    Page("POST", "/plans/{plan}/rerun", rerun),
    Page("GET", "/plans/{plan}/replay", replay),
    Page("GET", "/plans/{plan}/receipt.pdf", receipt),
    Page("GET", "/plans/{plan}/receipt.md", receipt),
)
