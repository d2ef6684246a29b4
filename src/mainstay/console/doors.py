"""What every request passes before it reaches a page (SECURITY S1 to S13).

In this order: it calls us by a name of ours, it shows what lets in wherever the path is not open by itself, its path
is written plainly, it comes from no foreign page, and what it sends is of the one kind that the path takes, small and
in time. What lets a tool in is a token, and that to `/actions` only; what lets a person in is a session, and that to
everything else: neither opens the other's doors. What is served may be read under `/api` by either.
A path that is not named open is closed: a page that somebody adds later is, too, and its forms carry the session's
CSRF token or are refused.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import parse_qs

from mainstay.console.answers import refusal
from mainstay.console.uploads import MOST_BYTES, Sent, boundary_of, read_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mainstay.console.sessions import Known

HEAD_BYTES = 16 * 1024
BODY_BYTES = 1024 * 1024
TOLD_BYTES = 8 * 1024 * 1024  # of who shows a token: files stand among what a tool sends
BODY_S = 10.0
FILES_S = 120.0  # of what comes with files, over a slow line
FILES_AT_ONCE = 2
DRAINED_BYTES = 64 * 1024 * 1024  # of what is refused: whoever sends it all before reading gets the answer, too
FIELDS = 5000  # of a form
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
STYLE = (  # of a link's page, which loads nothing: the looks of static/console.css in short
    ":root{--paper:#fbfaf7;--sheet:#fff;--ink:#1d2320;--soft:#55605a;--field:#85897f;--deep:#17604f;--deep-ink:#fff;"
    "--bad:#9b1c1c;--code:#f3f2ec;--ring:#b45f06;color-scheme:light dark}"
    "@media(prefers-color-scheme:dark){:root{--paper:#141816;--sheet:#1c221f;--ink:#e8ebe7;--soft:#a6b0aa;"
    "--field:#77827b;--deep:#8fd8c0;--deep-ink:#0d1f19;--bad:#ffb1a6;--code:#232a26;--ring:#ffb454}}"
    "*{box-sizing:border-box}body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;"
    "padding:1.5rem 1rem 3rem;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}"
    "h1{font-size:1.3rem;line-height:1.3}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--code);padding:.8rem;border-radius:.5rem;"
    "font:.9rem/1.5 ui-monospace,monospace}dt{color:var(--soft);margin-top:.6rem}dd{margin:0;overflow-wrap:anywhere}"
    "button{font:inherit;font-weight:600;min-height:2.75rem;padding:0 1.2rem;margin:.8rem .8rem 0 0;"
    "border-radius:.5rem;border:1px solid var(--field);background:var(--sheet);color:var(--ink);cursor:pointer}"
    "button[value=approve]{background:var(--deep);border-color:var(--deep);color:var(--deep-ink)}"
    "textarea{font:inherit;display:block;width:100%;min-height:4rem;padding:.5rem;color:var(--ink);"
    "background:var(--sheet);border:1px solid var(--field);border-radius:.5rem}"
    ":focus-visible{outline:3px solid var(--ring);outline-offset:2px}.warn{color:var(--bad);font-weight:600}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'self' 'sha256-{_STYLE_HASH}'; script-src 'self'; "
    "connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOT_KEPT = (b"cache-control", b"no-store")  # but for what is the same for everybody
ENCODED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
SEGMENT = "[A-Za-z0-9._~-]+"  # of a path
KEY = "[A-Za-z0-9._-]+"  # of a path that is a secret itself
_PATH = re.compile(rf"(/{SEGMENT})+|/")  # an id of a tool's own may hold more: it comes as %XX, see `_ACTION`
_ACTION = re.compile(r"/actions/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+(?:/receipt)?")
_READING = ("GET", "HEAD")
UNKNOWN, NOWHERE, SLOW = 401, 404, 408
Methods: TypeAlias = "frozenset[str]"


class Refused(NamedTuple):
    """Why a request is let through no door: a status, a sentence, and what a path takes instead."""

    status: int
    why: str
    methods: Methods = frozenset()


class Names(NamedTuple):
    """The names we go by, and our origin."""

    hosts: frozenset[str]
    own: str


class Open(NamedTuple):
    """Paths that need nothing shown: what they name is a secret itself, or none; `takes` is what is sent there."""

    path: re.Pattern[str]
    takes: str


class Lets(NamedTuple):
    """What lets somebody in, and what a person is answered who is not in, is lost, or sends another session's form."""

    token: Callable[[str], object]  # gives who shows it, or None
    session: Callable[[str], Known | None]  # gives who is logged in, of a Cookie header
    locked: ASGIApp
    stale: ASGIApp
    missing: ASGIApp  # what a person is answered where no page is
    large: ASGIApp  # its files are too large or too many, came too slowly, or could not be read
    takes_files: Callable[[str], bool]  # whether a path takes them with its form


class Doors:
    """Wraps the pages."""

    def __init__(
        self, pages: ASGIApp, names: Names, lets: Lets, opened: tuple[Open, ...], methods: Callable[[str], Methods]
    ) -> None:
        """`methods` gives those that a path takes: none for a path that there is not."""
        self._pages, self._lets, self._opened, self._methods = pages, lets, opened, methods
        self._hosts, self._own = names
        self._uploading = asyncio.Semaphore(FILES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            return
        send = _guarded(send)
        scope.setdefault("state", {})
        if (refused := self._refused(scope)) is not None:
            if refused.status == UNKNOWN and _is_persons(scope):
                await self._lets.locked(scope, receive, send)
            elif refused.status == NOWHERE and _is_persons(scope) and scope["method"] in _READING:
                await self._lets.missing(scope, receive, send)
            else:
                await _refuse(receive, send, refused)
            return
        if scope["method"] in _READING:
            await self._pages(scope, receive, send)
            return
        if scope["state"].get("boundary"):
            await self._take_files(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_S):
                body = await _body(scope, receive, most := _most(scope))
        except TimeoutError:
            await _refuse(receive, send, Refused(SLOW, "What you send comes too slowly."))
            return
        if body is None:
            await _refuse(receive, send, Refused(413, f"What you send is larger than {most:,} bytes."))
            return
        if _is_persons(scope) and not _filled_in(scope, body):
            await self._lets.stale(scope, receive, send)
            return
        await self._pages(scope, _again(body, receive), send)

    async def _take_files(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a form with files through, of somebody who is in; few at a time, since they stand in memory."""
        async with self._uploading:  # whose turn has not come is not late
            try:
                async with asyncio.timeout(FILES_S):
                    body = await _body(scope, receive, MOST_BYTES)
                    if body is None:  # a browser reads no answer before it sent all
                        await _drain(receive)
            except TimeoutError:
                body = None
            sent = None if body is None else await asyncio.to_thread(_parts, body, scope["state"]["boundary"])
            del body
        if sent is None:
            await self._lets.large(scope, _again(b"", receive), send)
            return
        scope["state"] |= {"form": sent.form, "files": sent.files}
        within = self._pages if _is_own(scope) else self._lets.stale
        await within(scope, _again(b"", receive), send)

    def _refused(self, scope: Scope) -> Refused | None:
        """Say what is wrong with a request; who is let in is put into its state."""
        headers = _Headers(scope)
        path = scope["raw_path"].decode("ascii", "replace")
        opened = next((one for one in self._opened if one.path.fullmatch(path)), None)
        wrong = self._misnamed(headers) or (self._unknown(scope, headers) if opened is None else None)
        if wrong is not None:
            return wrong
        if _PATH.fullmatch(path) is None and _ACTION.fullmatch(path) is None:
            return Refused(NOWHERE, "There is nothing here.")
        own, site = self._origin(headers), headers.only("sec-fetch-site")
        foreign = any(origin.lower() != own for origin in headers.all("origin"))
        if scope["method"] in _READING:
            return Refused(403, "Another page can't read this for you.") if foreign and _is_persons(scope) else None
        if foreign or site in ("cross-site", "same-site"):
            return Refused(403, "Another page can't send this for you.")
        methods = self._methods(scope["path"])
        if methods and scope["method"] not in methods:
            return Refused(405, f"This takes {' and '.join(sorted(methods))}, and nothing else.", methods)
        if _is_persons(scope) and self._lets.takes_files(path):
            scope["state"]["boundary"] = boundary_of(headers.only("content-type") or "")
            if scope["state"]["boundary"]:
                return None
        takes = opened.takes if opened is not None else FORM if _is_persons(scope) else JSON
        return None if _is_kind(headers.all("content-type"), takes) else Refused(415, f"Send it as {takes}.")

    def _misnamed(self, headers: _Headers) -> Refused | None:
        if headers.size > HEAD_BYTES:
            return Refused(431, "The headers are too large.")
        host = headers.only("host")
        if host is None or _HOST.fullmatch(host) is None:
            return Refused(400, "The Host header is none.")
        if headers.all("transfer-encoding") and headers.all("content-length"):
            return Refused(400, "A request has one length.")
        return None if host.lower() in self._hosts else Refused(421, "This is not served under that name.")

    def _origin(self, headers: _Headers) -> str:
        return f"{self._own.partition('://')[0]}://{headers.only('host')}".lower()

    def _unknown(self, scope: Scope, headers: _Headers) -> Refused | None:
        given = headers.only("authorization") or ""
        if not _is_tools(scope) and not (given and _is_both(scope)):
            known = self._lets.session(headers.only("cookie") or "")
            if known is not None or not _is_both(scope):
                scope["state"]["known"] = known
            return Refused(UNKNOWN, "Log in first, or show a token.") if known is None else None
        kind, _, text = given.partition(" ")
        token = self._lets.token(text.strip()) if kind.lower() == "bearer" else None
        if token is None:
            return Refused(UNKNOWN, "Show a token that counts: Authorization: Bearer TOKEN")
        scope["state"]["token"] = token
        return None


class _Headers:
    """The headers of a request; of what may stand there once, the only one."""

    def __init__(self, scope: Scope) -> None:
        self._all: list[tuple[bytes, bytes]] = scope["headers"]

    @property
    def size(self) -> int:
        return sum(len(name) + len(value) for name, value in self._all)

    def all(self, name: str) -> list[str]:
        return [value.decode("latin-1") for key, value in self._all if key == name.encode()]

    def only(self, name: str) -> str | None:
        found = self.all(name)
        return found[0] if len(found) == 1 else None


def _is_tools(scope: Scope) -> bool:
    return re.match(rb"/actions(?![A-Za-z0-9._~-])", scope["raw_path"]) is not None


def _is_both(scope: Scope) -> bool:
    """Whether people and tools are let in: the description of what there is."""
    return scope["raw_path"].startswith(b"/api/")


def _is_persons(scope: Scope) -> bool:
    """Whether a path needs a session: it was looked for."""
    return "known" in scope["state"]


def _filled_in(scope: Scope, body: bytes) -> bool:
    """Read a form into the state; whether it is one of this session's pages."""
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        return False
    scope["state"]["form"] = form
    return _is_own(scope)


def _parts(body: bytes, boundary: str) -> Sent | None:
    try:
        return read_parts(body, boundary, FIELDS)
    except ValueError:
        return None


def _is_own(scope: Scope) -> bool:
    """Whether the form in the state is one of this session's pages."""
    form, known = scope["state"]["form"], scope["state"]["known"]
    return hmac.compare_digest("".join(form.get("csrf", ())).encode(), known.csrf.encode())


def _is_kind(given: list[str], wanted: str) -> bool:
    if len(given) != 1:
        return False
    kind, _, more = given[0].lower().partition(";")
    return kind.strip() == wanted and more.strip() in ("", "charset=utf-8", 'charset="utf-8"')


def _most(scope: Scope) -> int:
    return TOLD_BYTES if "token" in scope.get("state", {}) else BODY_BYTES


async def _body(scope: Scope, receive: Receive, most: int) -> bytes | None:
    """Give all that was sent; None when it is too large, before any of it was asked for where it says so."""
    said = _Headers(scope).only("content-length") or "0"
    if not said.isdecimal() or len(said) > len(str(most)) or int(said) > most:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # whoever asked went away
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def once() -> Message:
        return given.pop() if given else await receive()

    return once


def _guarded(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = [*message.get("headers", ())]
            kept = any(name == b"cache-control" for name, _ in given)
            message = {**message, "headers": [*given, *ENCODED, *([] if kept else [_NOT_KEPT])]}
        await send(message)

    return sending


async def _refuse(receive: Receive, send: Send, refused: Refused) -> None:
    """Answer, and take what still comes for a while: a line that is cut loses the answer, too."""
    status, body = refused.status, refusal(refused.why)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"connection", b"close")] * (status in (400, 408, 413, 431))
    headers += [(b"www-authenticate", b"Bearer")] * (status == UNKNOWN)
    headers += [(b"allow", ", ".join(sorted(refused.methods)).encode())] * bool(refused.methods)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if status != SLOW:
        with suppress(TimeoutError):
            async with asyncio.timeout(BODY_S):
                await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    left = DRAINED_BYTES
    while left > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        left -= len(message.get("body", b""))
