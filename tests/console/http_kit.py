"""A real service on a desk of its own, and real HTTP to it: requests as bytes, so nothing is mended on the way."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

sys.path.append(str(Path(__file__).parents[1] / "cli"))
sys.path.append(str(Path(__file__).parents[1] / "runtime"))

from cli_desk import Desk, new_desk

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from starter import Spoken

LONG_S = 600.0  # for what computes: a trial, on a machine that does much else
RUNTIME = Path(__file__).parents[1] / "runtime"
MAIL = {"to": "anna@example.com", "subject": "Hello", "text": "Your parcel is here."}
WAIT_S = 30.0
T = TypeVar("T")


def until(met: Callable[[], T], what: str = "it", wait_s: float = WAIT_S) -> T:
    """Look again and again until something is so; gives what was found. Fails where that never comes."""
    end = time.monotonic() + wait_s
    while not (found := met()):
        assert time.monotonic() < end, f"{what} never came"
        time.sleep(0.05)
    return found


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Served:
    """One service that runs, and how it is reached."""

    def __init__(self, desk: Desk, token: str, secret: str = "") -> None:
        self.desk, self.token, self.secret = desk, token, secret
        self.process: Spoken | None = None
        self.said: list[str] = []  # on its screen
        self.url = ""

    def begin(self) -> None:
        self.process = self.desk.service()
        self.url = ""
        while not self.url:
            line = self.process.stderr.readline()
            assert line, "it ended before it said where it is reached"
            self.url = line.split("Tools reach Mainstay at ")[1].strip().rstrip(".") if "Tools reach" in line else ""
        self._reader = threading.Thread(target=self._listen, args=(self.process,), daemon=True)
        self._reader.start()

    def _listen(self, process: Spoken) -> None:
        self.said.extend(process.stderr)

    def kill(self) -> None:
        self._stop(signal.SIGKILL)

    def end(self) -> None:
        if self.process is not None:
            self._stop(signal.SIGTERM)

    def _stop(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(WAIT_S)
        self._reader.join()
        self.process.close()
        self.process = None

    @property
    def place(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def send(self, method: str, path: str, body: bytes = b"", **headers: str | None) -> Reply:
        """Send one request; a header given as None is left out."""
        given = {"Host": self.host, "Authorization": f"Bearer {self.token}"}
        if body or method == "POST":
            given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for written, value in headers.items():
            name = written.replace("_", "-").title()
            given.pop(name, None)
            given |= {name: value} if value is not None else {}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        return self.raw("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)

    def raw(self, content: bytes, *, seconds: float = WAIT_S) -> Reply:
        with socket.create_connection(self.place, timeout=seconds) as line:
            with contextlib.suppress(OSError):  # it may refuse before all of it was sent
                line.sendall(content)
            return _read(line)

    def post(self, own_id: str, operation: str = "mail.send", wait: float = 20, **more: Any) -> Reply:
        asked = {"id": own_id, "operation": operation, "arguments": MAIL, "wait": wait, **more}
        return self.send("POST", "/actions", json.dumps(asked).encode())

    def write(self, own_id: str, name: str = "", wait: float = 20, **more: Any) -> Reply:
        """Ask for what goes by itself: a file, which is another one each time that it is written."""
        note = {"path": f"reports/{name or own_id}.md", "text": f"Note {own_id}.", "existing": "number"}
        return self.post(own_id, operation="files.write", wait=wait, **{"arguments": note, **more})

    def written(self, name: str) -> list[Path]:
        return sorted((self.desk.folder / "reports").glob(f"{name}*"))

    def get(self, path: str) -> Reply:
        return self.send("GET", path)

    def mails(self) -> list[Path]:
        return sorted((self.desk.folder / "outbox" / "mail").glob("*.eml"))


def _read(line: socket.socket) -> Reply:
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := line.recv(65536):
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in rest)}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Reply(int(first.split()[1]) if first else 0, headers, body)


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole


def rules(desk: Desk, *written: str) -> None:
    """Let rules hold, each as one flow mapping of YAML; before a service runs."""
    (desk.folder / "policies" / "tools.yaml").write_text("".join(f"- {{{one}}}\n" for one in written))
    done = desk.run("activate", "--yes")
    assert done.returncode == 0, done.stderr


class Heard(NamedTuple):
    headers: dict[str, str]
    body: bytes


@contextlib.contextmanager
def listener(
    status: int = 204, port: int = 0, encrypted: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[Heard]]]:
    """Listen as a tool does: gives its address, and what it is told. `status` is what it answers."""
    heard: list[Heard] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(Heard({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if encrypted is not None:
        server.socket = encrypted.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # a client that does not trust it leaves
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        host = "http://127.0.0.1" if encrypted is None else "https://localhost"
        yield f"{host}:{server.server_port}/hook", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def new_served(base: Path, *written: str, allow: str = "mail.send,files.write", callback: str = "") -> Served:
    """Begin a service for a tool that may ask for some operations; `written` are rules that hold."""
    desk = new_desk(base)
    if written:
        rules(desk, *written)
    more = ["--callback", callback] if callback else []
    made = desk.json("api", "token", "create", "tool", "--allow", allow, *more)
    served = Served(desk, made["token"], made["callback_secret"])
    served.begin()
    return served


def ask(served: Served, own_id: str) -> str:
    """Ask for a mail; gives the subject that its card shows, once the question waits."""
    subject = f"About {own_id}"
    given = {"to": "anna@example.com", "subject": subject, "text": "Your parcel is here.\nCome and get it."}
    served.post(own_id, wait=0, arguments=given)
    waits(served, own_id)
    return subject


def waits(served: Served, own_id: str) -> None:
    """Wait until it waits for an answer."""
    until(lambda: served.get(f"/actions/{own_id}").json["state"] == "waits", f"the question about {own_id}")


def ended(served: Served, own_id: str) -> str:
    """Wait until it is over; gives how."""
    until(lambda: served.get(f"/actions/{own_id}").json["over"], f"the end of {own_id}")
    return served.get(f"/actions/{own_id}").json["state"]
