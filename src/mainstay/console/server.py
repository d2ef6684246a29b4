"""Uvicorn in the owner's loop, with what it takes to be left alone: small headers, and a time for them (S12)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mainstay.console.answers import refusal
from mainstay.console.doors import ENCODED, HEAD_BYTES
from mainstay.console.service import STOP_S

if TYPE_CHECKING:
    import socket
    from collections.abc import Generator

    from starlette.types import ASGIApp
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

HEAD_S = 10.0  # from the connection, or its last answer, to the end of a request's headers
AT_ONCE = 200  # connections


class Protocol(H11Protocol):
    """One connection. One whose request does not come is closed."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_S, self._too_late)

    def data_received(self, data: bytes) -> None:
        """Take what came; from its headers on a request has times of its own (doors.py)."""
        super().data_received(data)
        if not self._is_idle() and self._late is not None:
            self._late.cancel()
            self._late = None
        elif self._late is None and self._is_idle():
            self._late = self.loop.call_later(HEAD_S, self._too_late)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request of HTTP as any other that is refused."""
        body = refusal(msg)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(b"connection", b"close"), *ENCODED]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _too_late(self) -> None:
        self._late = None
        if self._is_idle():
            self.transport.close()


class _Server(uvicorn.Server):
    """Leaves signals to the owner."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve(
    pages: ASGIApp, listening: list[socket.socket], stop: asyncio.Event, files: tuple[str, str] | None
) -> None:
    """Serve until `stop` is set; `files` are a certificate and its key."""
    config = uvicorn.Config(
        pages,
        http=Protocol,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,  # nobody's word for who they are (S10)
        server_header=False,
        limit_concurrency=AT_ONCE,
        timeout_graceful_shutdown=STOP_S,
        h11_max_incomplete_event_size=HEAD_BYTES,
        ssl_certfile=files[0] if files else None,
        ssl_keyfile=files[1] if files else None,
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=listening))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        stopping.cancel()
        serving.cancel()
