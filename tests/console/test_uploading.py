"""Forms with files at the doors: whose turn it is, who is late, and which pages take them (SECURITY S12)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from http_kit import WAIT_S
from kit import World, make_workspace, owner_of
from starlette.responses import PlainTextResponse
from visitor import LINE, with_files

from mainstay.console import doors
from mainstay.console.login import cookie_name
from mainstay.console.pages import make_pages
from mainstay.console.room import Page, Room, files_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive

HOST = "localhost:8765"
OWN = f"http://{HOST}"


async def take(_: Room, request: Request) -> Response:
    """Say what came."""
    return PlainTextResponse(", ".join(one.name for one in files_of(request)["f"]))


FURTHER = (Page("POST", "/further", take, files=True), Page("POST", "/further/none", take))


class Here:
    """A console, and somebody who is logged in to it, in one loop."""

    def __init__(self, room: Room, pages: ASGIApp) -> None:
        new = room.sessions.begin("link", "")
        known = room.sessions.find(new)
        assert known is not None
        self._pages, self._cookie = pages, f"{cookie_name(room)}={new}"
        self.body = with_files(("csrf", None, known.csrf.encode()), ("f", "a.csv", b"1"))

    async def send(self, path: str, receive: Receive | None = None) -> tuple[int, str, str]:
        """Send the form; gives the status, what kind of answer it is, and its text."""
        given = {"host": HOST, "origin": OWN, "cookie": self._cookie}
        given |= {"content-type": f"multipart/form-data; boundary={LINE}", "content-length": str(len(self.body))}
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "scheme": "http",
            "server": ("localhost", 8765),
            "http_version": "1.1",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        told: list[Message] = []

        async def all_of_it() -> Message:
            return {"type": "http.request", "body": self.body, "more_body": False}

        async def hear(message: Message) -> None:
            told.append(message)

        await self._pages(scope, receive or all_of_it, hear)
        text = b"".join(one.get("body", b"") for one in told).decode()
        return told[0]["status"], dict(told[0]["headers"])[b"content-type"].decode(), text


def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenario: Callable[[Here], Any]) -> Any:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    async def inside() -> Any:
        async with owner_of(make_workspace(tmp_path / "acme"), World(tmp_path / "world")) as owner:
            room = Room(owner, OWN)
            try:
                return await scenario(Here(room, make_pages(owner, room, frozenset({HOST}), OWN, FURTHER)))
            finally:
                room.close()

    return asyncio.run(inside())


def test_a_screen_that_is_served_beside_the_others_takes_files_where_it_says_so(tmp_path: Path, monkeypatch):
    async def scenario(here: Here) -> None:
        assert await here.send("/further") == (200, "text/plain; charset=utf-8", "a.csv")
        assert (await here.send("/further/none"))[0] == 415

    played(tmp_path, monkeypatch, scenario)


def test_s12_who_waits_for_a_turn_is_not_late_and_who_is_late_gets_a_page(tmp_path: Path, monkeypatch):
    async def scenario(here: Here) -> None:
        begun = asyncio.Semaphore(0)

        async def nothing() -> Message:
            begun.release()
            return await asyncio.Future()

        monkeypatch.setattr(doors, "FILES_S", 0.3)
        late = [asyncio.create_task(here.send("/further", nothing)) for _ in range(doors.FILES_AT_ONCE)]
        for _ in late:
            await asyncio.wait_for(begun.acquire(), WAIT_S)
        monkeypatch.setattr(doors, "FILES_S", 0.0)
        waiting = asyncio.create_task(here.send("/further"))
        await asyncio.sleep(0)  # it came to the door: from there on its time would run
        monkeypatch.setattr(doors, "FILES_S", WAIT_S)
        for status, kind, text in await asyncio.gather(*late):
            assert (status, kind) == (413, "text/html; charset=utf-8")
            assert "came too slowly" in text
        assert await waiting == (200, "text/plain; charset=utf-8", "a.csv")

    played(tmp_path, monkeypatch, scenario)
