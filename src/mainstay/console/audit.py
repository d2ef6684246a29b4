"""The history as a whole: whether it is as it was written, its anchors, an export of it, and receipts of plans."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import chain
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from starlette.responses import StreamingResponse

from mainstay.console.room import Page, form_of, only
from mainstay.errors import FileError, MainstayError
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger.anchor import Anchor, line_of, sign
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.exporting import Opened, export
from mainstay.ledger.signing import SigningKey
from mainstay.version import VERSION
from mainstay.views import Views
from mainstay.views.faults import faults, say_anchored, say_held
from mainstay.views.finding import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay.console.room import Room
    from mainstay.requests.desk import Params

RECEIPTS = 20  # plans that ended last
CHUNKS = 64  # of an export, that wait to be sent
PUT_S = 1.0


class Check:
    """One walk through the history, on a thread of its own: how far it is, or what it found."""

    def __init__(self) -> None:
        """Begin nothing yet."""
        self.task: asyncio.Task[None] | None = None
        self.done = 0
        self.found: Params | None = None
        self.failed: MainstayError | None = None
        self.at = ""


_CHECKS: WeakKeyDictionary[Room, Check] = WeakKeyDictionary()


async def audit(room: Room, request: Request, line: str = "") -> Response:
    """Show where the history stands; `line` is an anchor that was just given."""

    def look(views: Views) -> Params:
        ended = views.find(Wanted(state="done"), RECEIPTS)["plans"]
        return {"head": views.head(), "anchors": views.anchors(), "ended": ended}

    check = _CHECKS.get(room)
    found = check.found if check is not None else None
    values: Params = {
        "check": check,
        "running": check is not None and check.task is not None and not check.task.done(),
        "faults": faults(found) if found is not None else (),
        "held": say_held(found) if found is not None else "",
        "anchored": say_anchored(found) if found is not None else "",
        "line": line,
        "kept_by": room.desk.anchors.places.named if room.desk.anchors is not None else (),
    }
    return await room.page(request, "audit.html", nav="audit", **values, **await room.look(look))


async def verify(room: Room, request: Request) -> Response:
    """Begin a walk through the whole history, unless one is under way."""
    check = _CHECKS.get(room)
    if check is None or check.task is None or check.task.done():
        _CHECKS[room] = check = Check()
        check.task = asyncio.get_running_loop().create_task(_walk(room, check))
    return room.back(request, "/audit", "It is being checked, record by record. You may leave this page meanwhile.")


async def _walk(room: Room, check: Check) -> None:
    loop = asyncio.get_running_loop()

    def told(count: int) -> None:
        check.done = count
        loop.call_soon_threadsafe(room.live.tell, "audit")

    def walk() -> Params:
        with Views(room.owner.workspace) as views:
            return views.verify(told)

    try:
        check.found = await asyncio.to_thread(walk)
    except MainstayError as error:
        check.failed = error
    except OSError as error:
        check.failed = _unreadable(error, room.state)
    check.at = room.time(room.owner.clock.now_us())
    room.live.tell("audit")


def _unreadable(error: OSError, state: Path) -> FileError:
    """Name what of a workspace can't be read at all; its folder where the system does not say which file."""
    remedy = "See who may read it, and whether its disk is in order; then try again."
    return FileError(f"{error.filename or state} can't be read: {error.strerror or error}.", remedy=remedy)


async def anchor(room: Room, request: Request) -> Response:
    """Give the history's end out, to be kept outside."""
    given, keys = await room.ask("anchor", {}), ledger_keys.load(room.state)
    made = Anchor(keys.workspace, given["position"], given["digest"], given["at_us"])
    return await audit(room, request, line_of(sign(made, SigningKey(keys.receipts))))


async def exported(room: Room, request: Request) -> Response:
    """Send the history, or that of one plan, as lines of JSON: readable by anybody, as the page says.

    What keeps it from beginning is told by a page; what ends it later cuts the file off, without its last line.
    """
    words = only(form_of(request), "plan").strip()
    plan = await room.look(lambda views: views.plan_id(words)) if words else ""
    workspace, held = room.owner.workspace, ledger_keys.load(room.state)
    opened = Opened(workspace.ledger, held.database, held.people, FileBlobs(workspace.blobs, held.blobs), VERSION)
    name = f"history-{plan or 'whole'}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = _lines(opened, plan)
    first = await asyncio.to_thread(next, lines, b"")
    return StreamingResponse(chain((first,), lines), headers=headers, media_type="application/x-ndjson")


class _LeftError(Exception):
    """Whoever wanted it went away."""


def _lines(opened: Opened, plan: str) -> Iterator[bytes]:
    """Give an export part by part: no more of it is in memory than was asked for."""
    from threading import Event, Thread

    parts: Queue[bytes | BaseException | None] = Queue(CHUNKS)
    left = Event()

    def put(part: bytes | BaseException | None) -> None:
        while not left.is_set():
            try:
                parts.put(part, timeout=PUT_S)
            except Full:
                continue
            return
        raise _LeftError

    def made() -> BaseException | None:
        try:
            export(opened, put, plan=plan)
        except OSError as error:
            return _unreadable(error, opened.ledger.parent)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the parts are waited for
            return error
        return None

    def run() -> None:
        with suppress(_LeftError):
            put(made())

    thread = Thread(target=run, name="mainstay-export", daemon=True)
    thread.start()
    try:
        while True:
            try:
                part = parts.get(timeout=PUT_S)
            except Empty:
                continue
            if part is None:
                return
            if isinstance(part, BaseException):
                raise part
            yield part
    finally:
        left.set()


SCREENS = (
    Page("GET", "/audit", audit),
    Page("POST", "/audit/verify", verify),
    Page("POST", "/audit/anchor", anchor),
    Page("POST", "/audit/export", exported),
)
