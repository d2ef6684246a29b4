"""When something is served, and where: here only, and beyond this machine with certificate and password (S11)."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from cli_desk import Desk, new_desk, stop
from http_kit import Served

from mainstay.config import Api
from mainstay.console.service import reached

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return new_desk(tmp_path_factory.mktemp("serving"))


def api(desk: Desk, **settings: str | int | bool) -> None:
    """Write [api] into mainstay.toml, in the place of what was there."""
    path = desk.folder / "mainstay.toml"
    before = path.read_text().partition("\n[api]\n")[0]
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    path.write_text("\n".join([before, "[api]", *lines, ""]))


def lock(desk: Desk) -> dict[str, object]:
    return json.loads((desk.folder / ".mainstay" / "owner.lock").read_text())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def test_nothing_is_served_before_somebody_wants_it_and_then_without_a_new_start(tmp_path: Path):
    desk = new_desk(tmp_path)
    api(desk, console=False)
    process = desk.service()
    assert lock(desk)["api"] == ""
    made = desk.json("api", "token", "create", "tool", "--allow", "mail.send")
    assert made["url"] == lock(desk)["api"] != ""
    served = Served(desk, made["token"])
    served.url = made["url"]
    assert served.get("/actions/none").status == 404
    status, _, said = stop(process)
    assert (status, made["url"] in said, lock(desk)["api"]) == (0, True, "")


def test_a_link_needs_something_that_serves_it(desk: Desk):
    done = desk.run("api", "token", "list")
    assert (done.returncode, "No tool has a token" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("names", "where"),
    [((), "https://0.0.0.0:8443"), (("office.example.com", "b"), "https://office.example.com:8443")],
)
def test_a_link_names_this_machine_as_others_do(names: tuple[str, ...], where: str):
    assert reached("https://0.0.0.0:8443", Api(names=names)) == where
    assert reached("https://a.example", Api(names=names, address="https://a.example")) == "https://a.example"


def test_it_listens_where_mainstay_toml_says_and_on_this_machine_only(desk: Desk):
    port = free_port()
    api(desk, enabled=True, port=port)
    served = Served(desk, "")
    served.begin()
    try:
        assert served.url in (f"http://localhost:{port}", f"http://127.0.0.1:{port}")  # the latter without IPv6
        assert served.get("/actions/x").status == 401
        own = [line.split()[1] for line in _listening() if line.split()[1].endswith(f":{port:04X}")]
        assert own == [f"0100007F:{port:04X}"]
        with socket.create_server(("127.0.0.1", 0)) as taken:
            assert taken
    finally:
        served.end()


def _listening() -> list[str]:
    from pathlib import Path

    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return [row for row in rows if row.split()[3] == "0A"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com"])
def test_s11_open_to_others_without_a_certificate_it_does_not_start(desk: Desk, host: str):
    api(desk, enabled=True, host=host)
    done = desk.run("start")
    assert (done.returncode, "without a certificate" in done.stderr) == (2, True)


def test_s11_a_certificate_that_is_not_there_or_has_no_key_is_said(desk: Desk, tmp_path: Path):
    api(desk, enabled=True, host="0.0.0.0", certificate=str(tmp_path / "none.pem"), key=str(tmp_path / "none.pem"))
    assert "there is no file" in desk.run("start").stderr
    (tmp_path / "some.pem").write_text("")
    api(desk, enabled=True, certificate=str(tmp_path / "some.pem"))
    assert "belong together" in desk.run("start").stderr


def test_a_port_that_is_taken_is_said_with_what_to_do(desk: Desk):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        api(desk, enabled=True, port=taken.getsockname()[1])
        done = desk.run("start")
    assert (done.returncode, "can't be listened on" in done.stderr) == (2, True)
    assert "Name another port" in done.stderr


def test_a_setting_that_there_is_not_is_named_with_the_nearest(desk: Desk):
    api(desk, enabeld=True)
    assert "did you mean 'enabled'?" in desk.run("plans").stderr
    api(desk, enabled=True)


def test_s11_with_a_certificate_it_is_served_over_tls_under_its_names(desk: Desk, tmp_path: Path):
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", key, "-out", certificate]  # fmt: skip
    subprocess.run(made, check=True, capture_output=True)
    api(desk, enabled=True, host="0.0.0.0", names=["office.example.com"], certificate=str(certificate), key=str(key))
    refused = desk.run("start")
    assert (refused.returncode, "the console has no password" in refused.stderr) == (2, True)
    assert desk.run("console", "--set-password", stdin="too short\n").returncode == 2
    assert desk.run("console", "--set-password", stdin="four words and a fish\n").returncode == 0
    served = Served(desk, "")
    served.begin()
    try:
        port = served.place[1]
        assert served.url.startswith("https://0.0.0.0:")
        context = ssl.create_default_context(cafile=str(certificate))
        assert _status(port, context, f"office.example.com:{port}") == 401
        assert _status(port, context, f"localhost:{port}") == 421  # not among its names
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP/1.1 2")
    finally:
        served.end()


def _status(port: int, context: ssl.SSLContext, host: str) -> int:
    with (
        socket.create_connection(("127.0.0.1", port)) as line,
        context.wrap_socket(line, server_hostname="localhost") as tls,
    ):
        tls.sendall(f"GET /actions/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return int(tls.recv(4096).split()[1])
