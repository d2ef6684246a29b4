"""Behind a proxy that encrypts: `[api] address` is the one name it answers to, and what it says is for that name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from http_kit import Served
from test_serving import api, desk, free_port  # noqa: F401 - a fixture
from visitor import FORM, Page

if TYPE_CHECKING:
    from cli_desk import Desk

OFFICE = "office.example.com"


def test_s11_an_address_for_others_needs_a_password_and_no_certificate_of_our_own(desk: Desk):  # noqa: F811
    for settings, says in (
        ({"address": f"https://{OFFICE}"}, "the console has no password"),
        ({"address": f"http://{OFFICE}"}, "is no address of a proxy that encrypts"),
        ({"address": f"https://{OFFICE}/in"}, "is no address of a proxy that encrypts"),
        ({"address": f"https://{OFFICE}:443"}, "is no address of a proxy that encrypts"),  # a browser shows it without
        ({"address": f"https://{OFFICE}:65536"}, "is no address of a proxy that encrypts"),
        ({"address": f"https://{OFFICE}", "host": "0.0.0.0"}, "address is for a proxy on this machine"),
    ):
        api(desk, **settings)
        done = desk.run("start")
        assert (done.returncode, says in " ".join(done.stderr.split())) == (2, True), done.stderr


def test_what_the_proxy_hands_on_is_served_under_that_name_only_and_the_cookie_is_for_tls(desk: Desk):  # noqa: F811
    desk.run("console", "--set-password", stdin="four words that rhyme\n")
    port = free_port()
    api(desk, address=f"https://{OFFICE}", port=port)
    served = Served(desk, "")
    served.process = desk.begun("start")
    line = ""
    while "/login/" not in line:
        line = served.process.stderr.readline()
        assert line
    link = line.strip()
    assert link.startswith(f"https://{OFFICE}/login/")
    served.url = f"http://127.0.0.1:{port}"
    try:
        path = link.removeprefix(f"https://{OFFICE}")
        assert served.send("GET", path).status == 421
        (form,) = Page(served.send("GET", path, Host=OFFICE).text).forms
        given = {"Host": OFFICE, "Content-Type": FORM, "Authorization": None}
        sent = urlencode(form.fields).encode()
        for origin, status in ((f"http://{OFFICE}", 403), ("https://evil.example", 403), (f"https://{OFFICE}", 303)):
            answer = served.send("POST", form.action, sent, **given, Origin=origin)
            assert answer.status == status
        assert answer.headers["set-cookie"].startswith("__Host-")
        assert "Secure" in answer.headers["set-cookie"]
        cookie = answer.headers["set-cookie"].partition(";")[0]
        told = served.send("GET", "/api/openapi.json", Host=OFFICE, Authorization=None, Cookie=cookie).json
        by_command = desk.json("api", "describe")
        for one in (told, by_command):
            assert one["servers"] == [{"url": f"https://{OFFICE}"}]
            assert one["components"]["securitySchemes"]["session"]["name"] == cookie.partition("=")[0]
    finally:
        served.process.send_signal(15)
        served.process.communicate(timeout=30)
