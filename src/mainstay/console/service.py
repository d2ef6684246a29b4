"""Serving HTTP beside an owner, in its process and loop: the console, and what tools ask for.

`beside` is what `mainstay start` gives to `owners.serve`. It listens at once, and loads what it takes to answer when
the first one asks: a service that nobody looks at costs nothing but a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from mainstay.config import is_loopback
from mainstay.console.access import load, make_link
from mainstay.console.trials import sweep
from mainstay.errors import FileError, InputError
from mainstay.ledger import keys as ledger_keys
from mainstay.requests.tokens import any_counts

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from mainstay.app import Owner
    from mainstay.config import Api
    from mainstay.console.room import Page, Room
    from mainstay.ledger.lock import Owner as Holder
    from mainstay.workspace import Workspace

CONFIG = "mainstay.toml, under [api]"
STOP_S = 3  # what is being answered when the service ends has so long
BACKLOG = 100
_ADDRESS = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(?::([1-9][0-9]{0,4}))?", re.ASCII)
USUAL_PORT, LAST_PORT = 443, 65535  # browsers leave the first out of what they show, and send
FIRST_PORT, PORTS = 20_000, 12_000  # below those that systems give out themselves


def check(workspace: Workspace) -> None:
    """Refuse to open to others what is not protected (SECURITY S11). Raises FileError."""
    api = workspace.config.api
    for name, given in (("certificate", api.certificate), ("key", api.key)):
        if given and not Path(given).is_file():
            raise FileError(f"{CONFIG}: there is no file {given} ({name}).", remedy="Name it with its whole path.")
    if bool(api.certificate) != bool(api.key):
        raise FileError(f"{CONFIG}: certificate and key belong together.", remedy="Name both, or none.")
    if api.address:
        _check_address(api, any_way_in=load(workspace.state).any)
    if is_loopback(api.host):
        return
    if not api.certificate:
        raise FileError(
            f"{CONFIG}: {api.host} is open to other machines, and without a certificate everybody between can read it.",
            remedy="Name certificate and key, or leave host out: then it is open to this machine only.",
        )
    if api.console and not load(workspace.state).any:
        raise FileError(
            f"{CONFIG}: {api.host} is open to other machines, and the console has no password.",
            remedy="Set one with `mainstay console --set-password`, or say console = false to serve tools only.",
        )


def _check_address(api: Api, *, any_way_in: bool) -> None:
    """Refuse an address that no browser shows so, one beside a certificate of our own, and one without a password."""
    found = _ADDRESS.fullmatch(api.address)
    port = int(found[1] or 0) if found is not None else USUAL_PORT
    if port == USUAL_PORT or port > LAST_PORT:
        raise FileError(
            f"{CONFIG}: {api.address} is no address of a proxy that encrypts.",
            remedy='Write what your browser shows, and nothing behind it: address = "https://office.example.com"',
        )
    if api.certificate or not is_loopback(api.host):
        raise FileError(
            f"{CONFIG}: address is for a proxy on this machine, which alone encrypts and is open to others.",
            remedy="Leave host, certificate and key out; or leave address out, and let Mainstay encrypt itself.",
        )
    if api.console and not any_way_in:
        raise FileError(
            f"{CONFIG}: {api.address} is open to other machines, and the console has no password.",
            remedy="Set one with `mainstay console --set-password`, or say console = false to serve tools only.",
        )


@contextlib.asynccontextmanager
async def beside(
    owner: Owner,
    trusted: ssl.SSLContext | None = None,
    show: Callable[[str], None] | None = None,
    screens: tuple[Page, ...] = (),
) -> AsyncGenerator[Served]:
    """Serve HTTP beside an owner, and tell tools what became of what they asked for, until this ends.

    `show` puts a link that logs in once where the operator looks, and nobody else. `screens` are further ones.
    """
    served, api = Served(owner, trusted, screens), owner.workspace.config.api
    owner.requests.on_token = served.tell_soon
    wanted = api.enabled or any_counts(owner.requests)
    if api.console or wanted:
        served.begin()
    if wanted:
        served.tell()
    if api.console and show is not None:
        show(link_of(owner.workspace, owner.lock.owner, owner.clock.now_us()))
    try:
        yield served
    finally:
        await served.end()


def link_of(workspace: Workspace, service: Holder | None, now_us: int) -> str:
    """Give a link that logs in once, for a service that runs. Raises InputError where none shows the console."""
    if not workspace.config.api.console:
        raise InputError(f"{CONFIG}: console = false.", remedy="Take that line out, and run: mainstay start")
    if service is None or not service.api:
        raise InputError("No service runs that shows the console.", remedy="Begin one: mainstay start")
    key = make_link(ledger_keys.load_session(workspace.state), service.since_us, now_us)
    return f"{reached(service.api, workspace.config.api)}/login/{key}"


def reached(url: str, api: Api) -> str:
    """Say where others reach the service: at its address where it has one, else by the first name for this machine."""
    scheme, _, place = url.partition("://")
    return f"{scheme}://{api.names[0]}:{place.rpartition(':')[2]}" if api.names and not api.address else url


class Served:
    """One owner's server and callbacks; `url` is empty while nothing is served."""

    def __init__(self, owner: Owner, trusted: ssl.SSLContext | None, screens: tuple[Page, ...] = ()) -> None:
        """Serve nothing yet."""
        self._owner, self._trusted, self._screens = owner, trusted, screens
        self._tasks: list[asyncio.Task[None]] = []
        self._stop: asyncio.Event = asyncio.Event()
        self._tells = False
        self.url = ""

    def begin(self) -> None:
        """Listen. Raises FileError when that can't be done where mainstay.toml says."""
        if self.url:
            return
        api = self._owner.workspace.config.api
        check(self._owner.workspace)
        listening = _listen(api, self._owner.keys.workspace)
        port = listening[0].getsockname()[1]
        sweep(self._owner.keys.workspace)
        host = "localhost" if len(listening) > 1 else f"[{api.host}]" if ":" in api.host else api.host
        self.url = api.address.lower() or f"{'https' if api.certificate else 'http'}://{host}:{port}"
        desk = self._owner.requests
        desk.served_at = reached(self.url, api)
        desk.is_reached, desk.has_pages = api.is_reached, api.console
        self._run(self._serve(listening, hosts_of(api, port)))
        self._owner.lock.note_api(self.url)

    def tell(self) -> None:
        """Say where tools ask, and tell them what becomes of it. Raises what `begin` raises."""
        from mainstay.requests.callbacks import Callbacks

        self.begin()
        if not self._tells:
            self._tells = True
            self._run(Callbacks(self._owner.requests, self._trusted).run())
            self._owner.engine.say(f"Tools reach Mainstay at {self.url}.")

    def tell_soon(self) -> None:
        """Listen because a token was made; what stands in the way is told."""
        try:
            self.tell()
        except FileError as error:
            self._owner.engine.say(f"{error.message} {error.remedy}")

    async def end(self) -> None:
        """Answer what is being answered, and listen no more."""
        self._stop.set()
        for task in self._tasks[1:]:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S + 2)
        for task in self._tasks:
            task.cancel()
        if self.url:
            self._owner.lock.note_api("")

    async def _serve(self, listening: list[socket.socket], hosts: frozenset[str]) -> None:
        """Wait for the first one that asks, then answer until the end."""
        try:
            await _first(listening, self._stop)
            if not self._stop.is_set():
                await asyncio.to_thread(_load)
                await self._answer(listening, hosts)
        finally:
            for one in listening:
                one.close()

    async def _answer(self, listening: list[socket.socket], hosts: frozenset[str]) -> None:
        from mainstay.console.pages import make_pages
        from mainstay.console.room import Room
        from mainstay.console.server import serve

        api = self._owner.workspace.config.api
        room = Room(self._owner, self.url)
        pages = make_pages(self._owner, room, hosts, self.url, self._screens)
        files = (api.certificate, api.key) if api.certificate else None
        closing = asyncio.create_task(self._close(room))
        try:
            await serve(pages, listening, self._stop, files)
        finally:
            closing.cancel()
            await room.trials.close()
            room.close()

    async def _close(self, room: Room) -> None:
        """End what would never end by itself: pages that listen."""
        await self._stop.wait()
        room.live.close()
        await room.trials.close()

    def _run(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._owner.must_live)
        self._tasks.append(task)


def hosts_of(api: Api, port: int) -> frozenset[str]:
    """Give the names by which a browser or tool may call us; by any other it was led here by somebody (S1, S62)."""
    if api.address:  # by its own name nobody comes through the proxy, and what is said there would not be encrypted
        return frozenset({api.address.lower().partition("://")[2]})
    names = {"localhost", "127.0.0.1", "[::1]"} if is_loopback(api.host) else set[str]()
    names |= {f"[{api.host}]" if ":" in api.host else api.host, *(name.lower() for name in api.names)}
    usual = USUAL_PORT if api.certificate else 80
    return frozenset({f"{name}:{port}" for name in names} | (names if port == usual else set[str]()))


def _load() -> None:
    """Load what answers: a quarter of a second's work, beside which plans go on."""
    for name in ("pages", "server"):
        importlib.import_module(f"mainstay.console.{name}")


async def _first(listening: list[socket.socket], stop: asyncio.Event) -> None:
    """Wait until somebody asks, or the end."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for one in listening:
        loop.add_reader(one, asked.set)
    waiting = [asyncio.ensure_future(event.wait()) for event in (asked, stop)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in listening:
            loop.remove_reader(one)
        for each in waiting:
            each.cancel()


def _listen(api: Api, workspace: str) -> list[socket.socket]:
    """Listen where mainstay.toml says; on this machine by both of its addresses, so that `localhost` is nobody else.

    Where no port is named it is the same one at each start, made of the workspace's id, so that a bookmark and an open
    page stay good; any free one while another program has that.
    """
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    try:
        usual = api.port or FIRST_PORT + int(workspace, 16) % PORTS
        try:
            first = _at((api.host, usual), family)
        except OSError:
            if api.port:
                raise
            first = _at((api.host, 0), family)
    except OSError as error:
        raise FileError(
            f"{CONFIG}: {api.host}, port {api.port} can't be listened on: {error.strerror or error}.",
            remedy="Name another port; without one a free one is taken.",
        ) from None
    if api.host not in ("127.0.0.1", "localhost"):
        return [first]
    with contextlib.suppress(OSError):  # there is no such address here, or somebody else has it
        place = ("::1", first.getsockname()[1])
        return [first, _at(place, socket.AF_INET6)]
    return [first]


def _at(place: tuple[str, int], family: socket.AddressFamily) -> socket.socket:
    """Listen at one place. What a page is made of is sent at once: else its second part waits 40 ms for the first."""
    made = socket.create_server(place, family=family, backlog=BACKLOG)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # those that are accepted inherit it
    return made
