"""Serving HTTP beside an owner, in its process and loop: off unless mainstay.toml or a token wants it.

`beside` is what `mainstay start` gives to `owners.serve`. The libraries are loaded only once something is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from mainstay.errors import FileError
from mainstay.requests.tokens import any_counts

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Coroutine

    from mainstay.app import Owner
    from mainstay.workspace import Api, Workspace

CONFIG = "mainstay.toml, under [api]"
STOP_S = 3  # what is being answered when the service ends has so long
BACKLOG = 100


def check(workspace: Workspace) -> None:
    """Refuse to open to others what is not protected (SECURITY S11). Raises FileError."""
    api = workspace.config.api
    for name, given in (("certificate", api.certificate), ("key", api.key)):
        if given and not Path(given).is_file():
            raise FileError(f"{CONFIG}: there is no file {given} ({name}).", remedy="Name it with its whole path.")
    if bool(api.certificate) != bool(api.key):
        raise FileError(f"{CONFIG}: certificate and key belong together.", remedy="Name both, or none.")
    if not is_loopback(api.host) and not api.certificate:
        raise FileError(
            f"{CONFIG}: {api.host} is open to other machines, and without a certificate everybody between can read it.",
            remedy="Name certificate and key, or leave host out: then it is open to this machine only.",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.asynccontextmanager
async def beside(owner: Owner, trusted: ssl.SSLContext | None = None) -> AsyncGenerator[Served]:
    """Serve HTTP beside an owner, and tell tools what became of what they asked for, until this ends."""
    served = Served(owner, trusted)
    owner.requests.on_token = served.begin_soon
    if owner.workspace.config.api.enabled or any_counts(owner.requests):
        served.begin()
    try:
        yield served
    finally:
        await served.end()


class Served:
    """One owner's server and callbacks; `url` is empty while nothing is served."""

    def __init__(self, owner: Owner, trusted: ssl.SSLContext | None) -> None:
        """Serve nothing yet."""
        self._owner, self._trusted = owner, trusted
        self._tasks: list[asyncio.Task[None]] = []
        self._stop: asyncio.Event = asyncio.Event()
        self.url = ""

    def begin(self) -> None:
        """Listen. Raises FileError when that can't be done where mainstay.toml says."""
        if self.url:
            return
        from mainstay.console.pages import make_pages
        from mainstay.console.server import serve
        from mainstay.requests.callbacks import Callbacks

        api = self._owner.workspace.config.api
        check(self._owner.workspace)
        listening = _listen(api)
        port = listening.getsockname()[1]
        host = f"[{api.host}]" if ":" in api.host else api.host
        self.url = f"{'https' if api.certificate else 'http'}://{host}:{port}"
        pages = make_pages(self._owner, hosts_of(api, port), self.url)
        files = (api.certificate, api.key) if api.certificate else None
        self._run(serve(pages, listening, self._stop, files))
        self._run(Callbacks(self._owner.requests, self._trusted).run())
        self._owner.lock.note_api(self.url)
        self._owner.engine.say(f"Tools reach Mainstay at {self.url}.")

    def begin_soon(self) -> None:
        """Listen because a token was made; what stands in the way is told."""
        try:
            self.begin()
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

    def _run(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._owner.must_live)
        self._tasks.append(task)


def hosts_of(api: Api, port: int) -> frozenset[str]:
    """Give the names by which a browser or tool may call us; by any other it was led here by somebody (S1, S62)."""
    names = {"localhost", "127.0.0.1", "[::1]"} if is_loopback(api.host) else set[str]()
    names |= {f"[{api.host}]" if ":" in api.host else api.host, *(name.lower() for name in api.names)}
    usual = 443 if api.certificate else 80
    return frozenset({f"{name}:{port}" for name in names} | (names if port == usual else set[str]()))


def _listen(api: Api) -> socket.socket:
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    try:
        return socket.create_server((api.host, api.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise FileError(
            f"{CONFIG}: {api.host}, port {api.port} can't be listened on: {error.strerror or error}.",
            remedy="Name another port; without one a free one is taken.",
        ) from None
