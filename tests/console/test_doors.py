"""What no request gets past, at the real server, with requests as bytes (SECURITY S1 to S13, S62)."""

from __future__ import annotations

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from http_kit import MAIL, Served

from mainstay.console.demo import screens
from mainstay.console.doors import BODY_BYTES, HEAD_BYTES, TOLD_BYTES
from mainstay.console.pages import OPEN, routes_of

KINDS = (
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", None),
    *("application/json; charset=utf-16", "application/json, text/plain"),
)
TRICKS = (
    *("//actions/x", "/%2e/actions/x", "/actions;x", "/d/../actions/x", "/d/%2e%2e/actions/x", "/D/x", "/d//x", "*"),
    *("/actions/x/", "/./actions/x", "/actions%2fx", "/d/x%00", "/actions\\x", "http://evil.com/actions/x"),
)
FORGED = {
    "X-Forwarded-For": "127.0.0.1",
    "Forwarded": "for=127.0.0.1;host=localhost;proto=https",
    "X-Real-IP": "::1",
    "X-Forwarded-Host": "evil.com",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-User": "operator",
}.items()
BODY = json.dumps({"id": "door", "operation": "mail.send", "arguments": MAIL}).encode()
LINK = "/d/v1.AAAA.BBBB"


def plans(served: Served) -> list[str]:
    return [row["id"] for row in served.desk.json("plans")]


@pytest.mark.parametrize("host", ["evil.com", "localhost.evil.com", "localhost", "127.0.0.1:1", "10.0.0.7:80"])
@pytest.mark.parametrize("path", ["/actions/x", LINK, "/", "/login"])
def test_s1_s62_called_by_another_name_nothing_is_served(served: Served, host: str, path: str):
    assert served.send("GET", path, Host=host).status == 421


@pytest.mark.parametrize("host", ["localhost:8/#@evil", "a b", "", "evil.com@127.0.0.1", "[::1", "127.0.0.1:99999999"])
def test_s2_a_host_that_is_none_is_refused(served: Served, host: str):
    assert served.send("GET", "/actions/x", Host=host).status == 400


def test_s2_two_hosts_are_refused(served: Served):
    twice = f"GET /actions/x HTTP/1.1\r\nHost: {served.host}\r\nHost: evil.com\r\n\r\n"
    assert served.raw(twice.encode()).status == 400


@pytest.mark.parametrize("origin", ["https://evil.com", "http://localhost", "null", "http://127.0.0.1.evil.com"])
@pytest.mark.parametrize("path", ["/actions", LINK, "/login"])
def test_s3_s4_another_page_posts_nothing(served: Served, origin: str, path: str):
    reply = served.send("POST", path, BODY, Origin=origin)
    assert reply.status == 403
    assert not {name for name in reply.headers if name.startswith("access-control")}


def test_s3_a_page_of_another_site_posts_nothing_without_saying_its_origin(served: Served):
    assert served.send("POST", "/actions", BODY, Sec_Fetch_Site="cross-site").status == 403


@pytest.mark.parametrize("kind", KINDS)
def test_s5_s37_what_is_not_sent_as_json_is_no_action(served: Served, kind: str | None):
    before = plans(served)
    assert served.send("POST", "/actions", BODY, Content_Type=kind).status == 415
    assert plans(served) == before


@pytest.mark.parametrize("token", ["", None])
def test_s6_a_browser_that_asks_whether_it_may_is_told_nothing(served: Served, token: str | None):
    reply = served.send(
        "OPTIONS", "/actions", Authorization=token or f"Bearer {served.token}", Origin="https://evil.com",
        Access_Control_Request_Method="POST", Content_Type="application/json",
    )  # fmt: skip
    assert reply.status in (401, 403, 405)
    assert not {name for name in reply.headers if name.startswith("access-control")}


def every_route() -> list[tuple[str, str]]:
    class Nobody:
        requests = None

    routes = routes_of(Nobody(), None, screens(None))  # type: ignore[arg-type]
    return [(method, route.path) for route in routes for method in sorted(route.methods or ())]


@pytest.mark.parametrize(("method", "path"), every_route())
@pytest.mark.parametrize("shown", [None, "Bearer ", "Bearer mst_wrong", "Basic bXN0X3dyb25n", "mst_wrong"])
def test_s8_every_path_is_closed_to_whoever_shows_nothing(served: Served, method: str, path: str, shown: str | None):
    path = re.sub(r"\{\w+\}", "x", path)
    reply = served.send(method, path, BODY if method == "POST" else b"", Authorization=shown)
    if OPEN[0].path.fullmatch(path):
        assert reply.status == (415 if method == "POST" else 403)  # the link itself is no good
    elif any(one.path.fullmatch(path) for one in OPEN):
        assert reply.status == (415 if method == "POST" else 410 if path == "/login/x" else 200)
    else:
        assert reply.status == 401
        both = path.startswith(("/actions", "/api/"))
        assert ("www-authenticate" in reply.headers) == both  # people are shown how to log in


@pytest.mark.parametrize("path", TRICKS)
def test_s9_a_path_written_another_way_leads_nowhere(served: Served, path: str):
    assert served.send("GET", path, Authorization=None).status in (400, 401)
    assert served.send("GET", path).status in (400, 401, 404)  # a token opens no page


@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Forwarded-Prefix"])
def test_s9_no_header_leads_another_way(served: Served, name: str):
    assert served.send("GET", "/actions/x", Authorization=None, **{name: "/d/x"}).status == 401
    assert served.send("GET", "/nowhere", **{name: "/actions/x"}).status == 401


@pytest.mark.parametrize(("name", "value"), FORGED)
def test_s10_what_a_header_says_of_whom_it_is_for_counts_for_nothing(served: Served, name: str, value: str):
    assert served.send("GET", "/actions/x", Authorization=None, **{name: value}).status == 401
    assert served.send("GET", "/actions/x", **{name: value}).status == 404
    assert served.send("GET", "/actions/x", Host="evil.com", **{"X-Forwarded-Host": served.host}).status == 421


def test_s12_a_request_with_two_lengths_is_refused(served: Served):
    head = f"POST /actions HTTP/1.1\r\nHost: {served.host}\r\nAuthorization: Bearer {served.token}\r\n"
    both = head + "Content-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert served.raw(both.encode() + b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n").status == 400
    twice = head + "Content-Type: application/json\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"
    assert served.raw(twice.encode()).status == 400


def test_s12_large_headers_and_bodies_are_refused(served: Served):
    assert served.send("GET", "/actions/x", X_Large="a" * (HEAD_BYTES + 1)).status == 431
    endless = f"GET / HTTP/1.1\r\nHost: {served.host}\r\nX: ".encode() + b"a" * 10_000_000
    assert served.raw(endless).status in (0, 400, 431)  # 0: cut off before all of it was taken
    reply = served.send("POST", "/actions", b" " * (TOLD_BYTES + 1))
    assert (reply.status, reply.json["error"]["message"]) == (413, "What you send is larger than 8,388,608 bytes.")
    form = {"Authorization": None, "Content_Type": "application/x-www-form-urlencoded"}
    assert served.send("POST", LINK, b" " * (BODY_BYTES + 1), **form).status == 413


def test_s12_a_chunked_body_beyond_what_is_read_is_refused(served: Served):
    assert served.raw(chunked(served) + b"0\r\n\r\n").status == 413  # who sends all of it is told


def chunked(served: Served) -> bytes:
    """Give a request of nine megabytes without its end."""
    head = f"POST /actions HTTP/1.1\r\nHost: {served.host}\r\nAuthorization: Bearer {served.token}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + (b"10000\r\n" + b"a" * 65536 + b"\r\n") * 140


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/actions", "POST"), ("PUT", "/actions", "POST"), ("GET", "/actions", "POST"),
     ("POST", "/actions/x", "GET, HEAD"), ("PATCH", LINK, "GET, HEAD, POST"), ("DELETE", "/login", "GET, HEAD, POST")],
)  # fmt: skip
def test_a_path_says_which_methods_it_takes(served: Served, method: str, path: str, allowed: str):
    reply = served.send(method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allowed)
    assert served.send(method, path, Origin="https://evil.com").status in (403, 405)


def test_s12_who_sends_too_slowly_or_without_end_is_let_go_and_others_are_answered_meanwhile(served: Served):
    head = f"POST /actions HTTP/1.1\r\nHost: {served.host}\r\nAuthorization: Bearer {served.token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with ThreadPoolExecutor(1) as beside, socket.create_connection(served.place) as slow_body:
        endless = beside.submit(served.raw, chunked(served), seconds=60)
        with socket.create_connection(served.place) as slow_head:
            slow_body.sendall(head.encode())
            slow_head.sendall(b"GET /actions/x HTT")
            assert served.get("/actions/x").status == 404
            slow_body.settimeout(60)
            slow_head.settimeout(60)
            assert slow_body.recv(4096).startswith(b"HTTP/1.1 408 ")
            assert slow_head.recv(4096) == b""
        assert endless.result().status in (0, 413)


def test_what_is_no_request_at_all_is_refused_like_any_other(served: Served):
    reply = served.raw(b"GET  HTTP/1.1\r\nHost: " + served.host.encode() + b"\r\n\r\n")
    assert (reply.status, reply.headers["x-frame-options"]) == (400, "DENY")
    assert reply.json["error"]["message"]


def test_s13_s15_no_answer_may_be_framed_run_or_kept(served: Served):
    for path in ("/actions/x", LINK, "/nowhere", "/", "/login"):
        headers = served.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
        assert (headers["cache-control"], "server" in headers) == ("no-store", False)
