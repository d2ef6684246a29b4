"""What a screen of the console works with: looking, asking, and giving a page back. Start here to add a screen.

A screen is a function that takes the room and a request, and stands in the `SCREENS` of its file; `pages.py` lists the
files. It looks through `room.look` and acts through `room.ask`, which is what the command line does too: nothing is
decided here. docs/console.md says how one is added.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, cast

from starlette.responses import RedirectResponse, Response

from mainstay.console import render
from mainstay.console.access import Challenges, Links, Throttle
from mainstay.console.live import Live
from mainstay.console.looking import Cards, Looking, bounds_of
from mainstay.console.sessions import Known, Sessions
from mainstay.console.trials import Trials
from mainstay.errors import InputError, LedgerError, MainstayError, NoFormError, UnknownNameError
from mainstay.ledger import keys as ledger_keys
from mainstay.requests.news import ANSWERED, TAKEN
from mainstay.runtime.intake import Request as Asked
from mainstay.runtime.names import local_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from starlette.requests import Request

    from mainstay.app import Owner
    from mainstay.console.compiling import Compiled
    from mainstay.console.uploads import Upload
    from mainstay.requests.desk import Params
    from mainstay.views import Views

T = TypeVar("T")
Screen: TypeAlias = "Callable[[Room, Request], Awaitable[Response]]"
Form: TypeAlias = dict[str, list[str]]
PATIENCE_S = 0.1  # what follows from a request within this stands on the page that answers it
DIGITS = 10  # of a number in a form; a longer one is none of ours
_PLACE = re.compile(r"/(?![/\\])[A-Za-z0-9._~/-]*(\?[A-Za-z0-9._~=&%+/:,@-]*)?")  # a page of ours, and nothing else
NAV = (
    ("demo", "Demo", "/demo"),  # served by the demo only
    ("inbox", "Inbox", "/"),
    ("today", "Today", "/today"),
    ("plans", "Plans", "/plans"),
    ("stuck", "Stuck", "/stuck"),
    ("playbooks", "Playbooks", "/playbooks"),
    ("connectors", "Connectors", "/connectors"),
    ("budgets", "Budgets", "/budgets"),
    ("policies", "Policies", "/policies"),
    ("books", "Books", "/books"),
    ("memory", "Memory", "/memory"),
    ("audit", "Audit", "/audit"),
    ("metrics", "Metrics", "/metrics"),
)


class Page(NamedTuple):
    """One screen: what leads to it, and what answers."""

    method: str  # GET or POST
    path: str  # as Starlette takes it: "/plans/{plan}"
    screen: Screen
    files: bool = False  # its form may hold files: `files_of` gives them


class Room:
    """One owner's console."""

    def __init__(self, owner: Owner, own: str) -> None:
        """Begin nothing yet; `own` is where it is served: "http://localhost:8765"."""
        self.owner, self.desk = owner, owner.requests
        self.state = owner.workspace.state
        self.sessions = Sessions(self.state, owner.clock.now_us)
        self.links = Links(ledger_keys.load_session(self.state), owner.lock.owner.since_us)
        self.throttle, self.challenges = Throttle(), Challenges()
        self.workspace_id = owner.keys.workspace
        self.own, self.tls = own, own.startswith("https:")
        self.live = Live(owner.engine, owner.ledger)
        self.trials = Trials(owner.workspace, self.workspace_id, self.live.tell)
        self._looking, self.cards = Looking(owner.workspace, partial(bounds_of, owner)), Cards()
        self.look = self._looking.look
        self.pressed: dict[str, asyncio.Future[Response]] = {}  # what forms that were sent led to: decide_once.py
        self.compiled: dict[str, tuple[Hashable, Compiled]] = {}  # playbooks by name, and as of when: compiling.py
        self.told: dict[str, tuple[int, list[str]]] = {}  # a week's playbook in sentences, by its text: weekly.py
        self.tested: dict[str, Params] = {}  # the last test of each connector: connectors.py
        self.served: frozenset[str] = frozenset()  # the paths there are: a screen that is not there yet has no link
        self.is_page: Callable[[str], bool] = lambda path: path == "/"  # whether a path can be looked at

    def close(self) -> None:
        """Let go of what is open."""
        self.live.close()
        self._looking.close()

    async def ask(self, method: str, params: Params) -> Params:
        """Ask the owner as the command line does; on disk when this returns. Raises what the request raises.

        Gives what it gives where that comes at once; else where the plan stands so far, with `goes_on`.
        """
        told, goes_on = await self._ask(method, params, TAKEN)
        return self.desk.standing(told["plan"]) | {"goes_on": True} if goes_on else told

    async def ask_many(self, method: str, params: Params) -> Params:
        """Ask what answers many questions at once; all of them are on disk, or refused, when this returns.

        Gives `done`, `refused`, and where the plans stand as far as that comes at once.
        """
        told, goes_on = await self._ask(method, params, ANSWERED)
        return told | {"goes_on": True} if goes_on else told

    async def _ask(self, method: str, params: Params, wanted: str) -> tuple[Params, bool]:
        """Give what a request gives where that comes at once; else the news that was `wanted`, and that it goes on."""
        if not self.owner.engine.is_whole:
            remedy = "Nothing of what you sent was taken. Say it again when all goes on: this page tells."
            raise LedgerError(self.owner.engine.trouble or "The history is being read again.", remedy=remedy)
        said: asyncio.Future[Params] = asyncio.get_running_loop().create_future()

        def hear(event: Params) -> None:
            if event["kind"] == wanted and not said.done():
                said.set_result(event)

        asked = asyncio.ensure_future(self.desk.answer(Asked(method, params), True, hear))  # noqa: FBT003 - a Handler
        await asyncio.wait({asked, said}, return_when=asyncio.FIRST_COMPLETED)
        if said.done():
            await asyncio.wait({asked}, timeout=PATIENCE_S)
        if asked.done():
            return asked.result(), False
        asked.cancel()  # it only told how it goes on
        return said.result(), True

    async def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - whatever a page shows
        """Give a page; `nav` names the place in the navigation that it belongs to."""
        known = known_of(request)
        values = self._common(request, known) | values
        if known is None:
            return drawn(request, template, status, values)

        def make(views: Views) -> Response:
            waiting = views.waiting() - views.put_off()["count"]
            return drawn(request, template, status, values | {"waiting": waiting})

        try:
            return await self.look(make)
        except LedgerError:  # the page that says so can be shown all the same
            return drawn(request, template, status, values)

    def _common(self, request: Request, known: Known | None) -> Params:
        engine, live = self.owner.engine, request.headers.get("x-mainstay-live")
        said, said_of = ("", "") if known is None or live else self.sessions.said(known)
        return {
            "nav": "",
            "places": [(name, says, path) for name, says, path in NAV if path in self.served],
            "known": known,
            "heard": request.scope["state"].get("heard", ""),
            "demo": known is not None and "/demo" in self.served,
            "csrf": "" if known is None else known.csrf,
            "said": said,
            "said_of": said_of,
            "company": self.owner.workspace.config.company.name,
            "zone": self.owner.workspace.config.company.timezone,
            "held": engine.held,
            "trouble": engine.trouble,
            "waiting": 0,
            "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        }

    def time(self, at_us: int | None) -> str:
        """Write when something was, as pages take it; empty for never."""
        zone = self.owner.workspace.config.company.timezone
        return "" if at_us is None else local_time(at_us, zone).isoformat(timespec="seconds")

    def back(self, request: Request, path: str, said: str = "", plan: str = "") -> Response:
        """Lead on to another page after something was done, with a sentence that stands there once; and to its plan."""
        known = known_of(request)
        if known is not None and said:
            self.sessions.say(known, said, plan)
        return RedirectResponse(path, 303)

    async def refused(self, request: Request, error: MainstayError, back: str = "") -> Response:
        """Give the page that says why something can't be: what happened, and what next."""
        said: Params = {"message": error.message, "remedy": error.remedy, "back": back or self.way_back(request)}
        said["is_before"] = not back
        return await self.page(request, "error.html", status=status_of(error), **said)

    def way_back(self, request: Request) -> str:
        """Give the page that a form was on: as the browser says, else the nearest one above where it was sent."""
        path, sent = request.url.path, request.method == "POST"
        if "referer" in request.headers:
            given = here_before(request)
            path = given.partition("?")[0]
            if self.is_page(path):
                return given
        above = [path.rsplit("/", at)[0] for at in range(not sent, path.count("/"))]
        return next((one for one in above if self.is_page(one) and ours(one) == one), "/")


def status_of(error: MainstayError) -> int:
    """Give the HTTP status of an error."""
    if isinstance(error, UnknownNameError):
        return 404
    if isinstance(error, NoFormError):
        return 400
    if isinstance(error, InputError):
        return 422
    return 503 if isinstance(error, LedgerError) else 409  # as things stand it can't be


def known_of(request: Request) -> Known | None:
    """Give who is logged in; None on the pages that are open to all."""
    return cast("Known | None", request.scope["state"].get("known"))


def here_before(request: Request) -> str:
    """Give the page of ours that somebody was on; the inbox where the browser does not say."""
    return ours(request.headers.get("referer", "").partition(f"//{request.headers['host']}")[2])


def ours(text: str) -> str:
    """Give a place of ours to lead on to; the inbox for everything else."""
    return text if _PLACE.fullmatch(text) and not text.startswith(("/login", "/live", "/logout")) else "/"


def form_of(request: Request) -> Form:
    """Give what was filled in; its CSRF token was checked at the door."""
    return cast("Form", request.scope["state"]["form"])


def files_of(request: Request) -> dict[str, list[Upload]]:
    """Give the files that were sent, by the names of their fields; all of them have names that lead nowhere."""
    return request.scope["state"].get("files", {})


def only(form: Form, name: str, otherwise: str = "") -> str:
    """Give the one value of a field."""
    return form.get(name, [otherwise])[0]


def number_of(text: str) -> int:
    """Read a number of ours in an address; 0 for anything else."""
    return int(text) if text.isdecimal() and len(text) < DIGITS else 0


def drawn(request: Request, template: str, status: int, values: Params) -> Response:
    """Draw a page for this browser."""
    text = render.draw(template, **values)
    if "gzip" not in request.headers.get("accept-encoding", "") or len(text) < render.WORTH_BYTES:
        return Response(text, status, media_type="text/html")
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(render.compress(text), status, headers, "text/html")
