"""Requests from other processes of the operator: one Unix socket per owner (DESIGN, Processes).

Frames of four bytes of length and MessagePack, one request per connection: the answer is a stream of `Said` frames
that ends with `done` or `error`. Who asks is checked twice: the peer's user id, and for rulings the secret of an
operator session, which a process that merely runs as the same user does not have.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import msgspec

from mainstay import errors
from mainstay.errors import InputError, MainstayError
from mainstay.redaction import redacted, redacted_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

_LENGTH_BYTES = 4
_MAX_FRAME = 256 * 1024 * 1024


class Request(msgspec.Struct, frozen=True):
    """One call of an application method."""

    method: str
    params: dict[str, Any]
    session: str = ""


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One frame of the answer."""

    event: dict[str, Any] | None = None
    done: dict[str, Any] | None = None
    error: str = ""
    message: str = ""
    remedy: str = ""


Emit: TypeAlias = "Callable[[dict[str, Any]], None]"
Handler: TypeAlias = "Callable[[Request, bool, Emit], Awaitable[dict[str, Any]]]"

_encode = msgspec.msgpack.Encoder().encode


class Intake:
    """Listens on the workspace's socket and hands requests to the application."""

    def __init__(self, path: Path, session: str, handler: Handler) -> None:
        """`handler` takes the request, whether it carries the operator's session, and a way to say progress."""
        self._path = path
        self._session = session
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen. The caller holds the owner lock, so a socket that is left over belongs to nobody."""
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path)
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Listen no more; let answers on their way go out."""
        if self._server is None:
            return
        self._server.close()
        self._path.unlink(missing_ok=True)
        if self._busy:
            await asyncio.wait(self._busy, timeout=5.0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            if _peer_uid(writer) == os.getuid():
                await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the other side went away; what it asked for goes on by itself
        finally:
            self._busy.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def emit(event: dict[str, Any]) -> None:
            if not writer.is_closing():
                _write(writer, Said(event=redacted_in(event)))

        try:
            request = msgspec.msgpack.decode(await _read(reader), type=Request)
            request = msgspec.structs.replace(request, params=_Params(request.params))
            operator = hmac.compare_digest(request.session.encode(), self._session.encode())
            _write(writer, Said(done=redacted_in(await self._handler(request, operator, emit))))
        except MainstayError as error:
            said = Said(error=type(error).__name__, message=redacted(error.message), remedy=redacted(error.remedy))
            _write(writer, said)
        except msgspec.MsgspecError as error:
            _write(writer, Said(error="InputError", message=f"The request can't be read: {error}."))
        except (ConnectionError, asyncio.IncompleteReadError):
            raise
        except Exception as error:  # noqa: BLE001 - whoever asked is told; the owner goes on for the others
            why = redacted(f"{type(error).__name__}: {error}")
            _write(writer, Said(error="MainstayError", message=f"The request can't be carried out: {why}."))
        await writer.drain()


class _Params(dict[str, Any]):
    """What a request was given; asking for what is not there says so."""

    def __missing__(self, name: str) -> NoReturn:
        raise InputError(f"The request lacks '{name}'.", remedy="Is another release of Mainstay running?")


async def call(path: Path, request: Request, emit: Emit) -> dict[str, Any]:
    """Ask the owner behind a socket. Raises ConnectionError when nobody listens, else what the owner raised."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        _write(writer, request)
        async for said in _said(reader):
            if said.event is not None:
                emit(said.event)
            elif said.done is not None:
                return said.done
            else:
                raise _error(said)
    finally:
        writer.close()
    raise ConnectionError("The owner of this workspace went away before it answered.")


async def _said(reader: asyncio.StreamReader) -> AsyncIterator[Said]:
    decode = msgspec.msgpack.Decoder(Said).decode
    while True:
        try:
            yield decode(await _read(reader))
        except asyncio.IncompleteReadError:
            return


def _error(said: Said) -> MainstayError:
    kind = getattr(errors, said.error, MainstayError)
    if kind is errors.PlaybookError:
        return errors.PlaybookError(tuple(said.message.split("\n")), remedy=said.remedy)
    if not (isinstance(kind, type) and issubclass(kind, MainstayError)) or kind.__init__ is not MainstayError.__init__:
        kind = MainstayError  # one of ours, but it takes more than was sent
    return kind(said.message, remedy=said.remedy)


async def _read(reader: asyncio.StreamReader) -> bytes:
    size = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    if size > _MAX_FRAME:
        raise InputError("A message on the workspace's socket is too large.", remedy="Give smaller files.")
    return await reader.readexactly(size)


def _write(writer: asyncio.StreamWriter, message: Request | Said) -> None:
    data = _encode(message)
    writer.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    """The user id of the process on the other end (SO_PEERCRED: pid, uid, gid)."""
    peer: socket.socket = writer.get_extra_info("socket")
    return struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
