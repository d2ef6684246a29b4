"""A real HTTP service that charges, and counts under which key; and a proxy in front of it that spoils what passes.

    POST /book    charges once per Idempotency-Key, however often that arrives
    POST /pay     charges at every arrival, as does /order: whoever sends twice has paid twice
    POST /refund  gives a charge back, once per key
    GET /KEY      says whether something was charged or given back under a key; if not, that key is void from then
                  on, so that the answer stays true of what is still on its way; GET /peek/KEY only says it

Both outlive the owners that call them, and forget nothing.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WAYS = ("reset", "black hole", "half", "drip", "429", "503", "lost", "late")
AT_ONCE = struct.pack("ii", 1, 0)  # linger for no time: closing resets the connection
HANGS_S = 2.0  # longer than the owner waits for an answer


class Books:
    """What was charged and refunded."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.arrived: Counter[tuple[str, str]] = Counter()  # by path and key
        self.charged: defaultdict[str, list[str]] = defaultdict(list)  # by unit: the keys, one per charge
        self.refunded: Counter[str] = Counter()  # by unit
        self.keys: set[str] = set()
        self.void: set[str] = set()
        self.refuses = 0  # so many refunds fail before one works
        self.on_charge: Callable[[str], None] = lambda _: None  # called with the unit, before the answer

    def post(self, path: str, key: str, unit: str) -> int:
        """Do what is asked; gives the HTTP status."""
        with self.turn:
            self.arrived[path, key] += 1
            if key in self.void:
                return 422
            if path == "/refund":
                if self.refuses:
                    self.refuses -= 1
                    return 500 if self.refuses % 2 else 422
                self.refunded[unit] += key not in self.keys
                self.keys.add(key)
                return 200
            if path != "/book" or key not in self.keys:
                self.keys.add(key)
                self.charged[unit].append(key)
        self.on_charge(unit)
        return 200

    def look(self, key: str, *, closes: bool) -> bool:
        """Whether something happened under a key; if not it never will, where that `closes` it."""
        with self.turn:
            self.void |= {key} - self.keys if closes else set()
            return key in self.keys

    def count(self) -> int:
        """How many charges there were."""
        with self.turn:
            return sum(map(len, self.charged.values()))

    def charged_by(self, path: str) -> int:
        """How many charges there were at a path."""
        with self.turn:
            charged = {key for keys in self.charged.values() for key in keys}
            return len({key for at, key in self.arrived if at == path} & charged)


class _Handler(BaseHTTPRequestHandler):
    books: Books

    def do_POST(self) -> None:
        unit = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(self.books.post(self.path, self.headers["Idempotency-Key"], unit), {})

    def do_GET(self) -> None:
        self._answer(200, {"charged": self.books.look(self.path.rpartition("/")[2], closes="/peek/" not in self.path)})

    def _answer(self, status: int, content: dict[str, bool]) -> None:
        body = json.dumps(content).encode()
        with contextlib.suppress(OSError):  # who asked is dead
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is named there
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error of ours."""


class _Spoiling(StreamRequestHandler):
    """Passes one request on, or what is left of it."""

    def handle(self) -> None:
        proxy: Proxy = self.server.proxy
        with contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            length = next((line for line in head.lower().splitlines() if line.startswith(b"content-length:")), b":0")
            whole = head + self.rfile.read(int(length.partition(b":")[2]))
            self._spoil(proxy, proxy.pick(), whole)

    def _spoil(self, proxy: Proxy, way: str, request: bytes) -> None:
        if way == "429":
            self.wfile.write(b"HTTP/1.0 429 x\r\nRetry-After: 0.2\r\nContent-Length: 2\r\n\r\n{}")
        elif way == "503":
            self.wfile.write(b"HTTP/1.0 503 x\r\nContent-Length: 2\r\n\r\n{}")
        elif way == "reset":
            self._reset()
        elif way == "black hole":
            time.sleep(HANGS_S)
        else:
            self._answer(way, proxy.forward(request))

    def _answer(self, way: str, answer: bytes) -> None:
        if way == "lost":
            self._reset()
        elif way == "half":
            self.wfile.write(answer[: len(answer) // 2])
        elif way == "drip":
            for byte in answer:
                self.wfile.write(bytes([byte]))
                time.sleep(HANGS_S / len(answer))
        else:
            if way == "late":
                time.sleep(HANGS_S)
            self.wfile.write(answer)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)


class _Front(ThreadingTCPServer):
    request_queue_size = 128
    allow_reuse_address = True
    daemon_threads = True
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error of ours."""


class Proxy:
    """Stands before a service; `pick` says what becomes of the next request, "" for nothing."""

    def __init__(self, port: int) -> None:
        self.pick: Callable[[], str] = str
        self._port = port
        self._front = _Front(("127.0.0.1", 0), _Spoiling)
        self._front.proxy = self
        self.port = self._front.server_address[1]
        threading.Thread(target=self._front.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def forward(self, request: bytes) -> bytes:
        """Give the whole answer of the service."""
        with socket.create_connection(("127.0.0.1", self._port)) as behind:
            behind.sendall(request)
            answer = b""
            while more := behind.recv(65536):
                answer += more
        return answer

    def close(self) -> None:
        self._front.shutdown()
        self._front.server_close()


class Service:
    """The service and its proxy, until `close`."""

    def __init__(self) -> None:
        self.books = Books()
        handler = type("Handler", (_Handler,), {"books": self.books})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.port = self._server.server_address[1]
        self.proxy = Proxy(self.port)

    def close(self) -> None:
        self.proxy.close()
        self._server.shutdown()
        self._server.server_close()
