"""One POST to another program, only to where the operator said, at a checked address (SECURITY S38 to S45)."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from mainstay.connectors.web import is_public, place_of, post
from mainstay.errors import InputError, Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSED = (
    *("http://example.com/hook", "ftp://example.com/", "file:///etc/passwd", "unix:/run/x", "gopher://example.com/"),
    *("https://user:pass@example.com/", "https://127.1/", "https://0/", "https://2130706433/", "https://0x7f000001/"),
    *("https://0177.0.0.1/", "https://10.0.0.7/", "https://169.254.169.254/latest", "https://[::ffff:127.0.0.1]/"),
    *(
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1%25eth0]/",
        "https://a.example\\@evil/",
    ),
    *(
        "https://example.com/#x",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "https:///hook",
        "https://[::]/",
    ),
    *(
        "",
        "//example.com/",
        "https://",
        "https://example.com/\r\nX: y",
        "https://ex\u00e4mple.com/",
        "https://100.64.0.1/",
    ),
    *("https://hooks..example.com/", f"https://{'a' * 64}.example/", "https://-a.example/", "https://a-.example/"),
    *("https://192.0.2.1/", "https://224.0.0.1/", "https://[fc00::1]/", "https://[2001:db8::1]/", "http://0.0.0.0/"),
)


@pytest.mark.parametrize("url", REFUSED)
def test_s38_s39_s42_s43_an_address_of_another_kind_is_refused(url: str):
    with pytest.raises(InputError, match="The callback can't be used"):
        place_of(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "loopback"),
    [
        ("https://tools.example.com/hooks/a?b=c", "tools.example.com", 443, "/hooks/a?b=c", False),
        ("https://tools.example.com", "tools.example.com", 443, "/", False),
        ("http://127.0.0.1:5678/hook", "127.0.0.1", 5678, "/hook", True),
        ("http://localhost/", "localhost", 80, "/", True),
        ("http://[::1]:80/", "::1", 80, "/", True),
        ("https://1.1.1.1/", "1.1.1.1", 443, "/", False),
    ],
)
def test_an_address_is_read_as_it_is_meant(url: str, host: str, port: int, target: str, loopback: bool):
    place = place_of(url)
    assert (place.host, place.port, place.target, place.loopback) == (host, port, target, loopback)


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "10.1.2.3", "::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
)
def test_s38_an_address_that_leads_inside_by_any_way_is_no_public_one(text: str):
    import ipaddress

    assert not is_public(ipaddress.ip_address(text))


def test_s41_a_name_that_means_this_machine_by_now_is_sent_nothing():
    """`localhost` stands for any name: it was given as a public one, and is looked up again at each call."""
    place = place_of("https://tools.example.com/")._replace(host="localhost")
    with pytest.raises(Permanent, match="inside a network"):
        asyncio.run(post(place, {}, b"{}"))


def test_s41_an_address_of_this_machine_that_means_another_by_now_is_sent_nothing():
    place = place_of("http://localhost/")._replace(host="192.0.2.1")
    with pytest.raises(Permanent, match="nothing is sent there"):
        asyncio.run(post(place, {}, b"{}"))


class Line:
    """A server that takes one connection and answers with bytes of a test's choice."""

    def __init__(self, answer: bytes) -> None:
        self._answer, self.heard = answer, b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            line, _ = self._socket.accept()
        except OSError:
            return
        with line:
            while b"\r\n\r\n{}" not in self.heard:
                self.heard += line.recv(65536)
            try:
                line.sendall(self._answer)
            except OSError:
                return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    one = Line(request.param)
    yield one
    one.close()


def send(line: Line) -> int:
    place = place_of(f"http://127.0.0.1:{line.port}/hook?x=1")
    return asyncio.run(post(place, {"Content-Type": "application/json"}, b"{}"))


@pytest.mark.parametrize("line", [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.0 204\r\n\r\n"], indirect=True)
def test_one_request_is_sent_and_its_status_given(line: Line):
    assert send(line) == 204
    head = line.heard.decode()
    assert head.startswith(f"POST /hook?x=1 HTTP/1.1\r\nHost: 127.0.0.1:{line.port}\r\nContent-Length: 2\r\n")
    assert head.endswith("Connection: close\r\n\r\n{}")


@pytest.mark.parametrize("line", [b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.7/\r\n\r\n"], indirect=True)
def test_s40_s44_a_redirection_is_a_status_and_nothing_more(line: Line):
    assert send(line) == 302


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + b"\x1f\x8b" + b"\0" * 20_000_000], indirect=True
)
def test_s45_of_what_comes_back_nothing_is_unpacked(line: Line):
    assert send(line) == 200


@pytest.mark.parametrize("line", [b"a" * 100_000, b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n", b"\n"], indirect=True)
def test_what_is_no_web_server_is_not_believed(line: Line):
    with pytest.raises(Transient, match="does not answer as a web server"):
        send(line)


@pytest.mark.parametrize("line", [b""], indirect=True)
def test_a_line_that_breaks_may_be_tried_again(line: Line):
    with pytest.raises(Transient, match="can't be reached"):
        send(line)


def test_nobody_there_may_be_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Transient, match="can't be reached"):
        asyncio.run(post(place_of(f"http://127.0.0.1:{port}/"), {}, b"{}"))
