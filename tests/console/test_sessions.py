"""Who is let in, for how long, and what their forms can do (SECURITY S3, S4, S7, S8, S14, S17 to S19, S22, S26)."""

from __future__ import annotations

import re
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from http_kit import waits
from markupsafe import escape
from visitor import FORM, Page, Visitor, answers_to, link

from mainstay.console import access, sessions
from mainstay.console.render import HERE

if TYPE_CHECKING:
    from pathlib import Path

    from http_kit import Served

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def visitor(served: Served) -> Visitor:
    return Visitor(served).log_in()


def question(served: Served, own_id: str) -> str:
    """Ask for a mail; gives the question about it."""
    plan = served.post(own_id, wait=0).json["plan"]
    waits(served, own_id)
    return f"{plan}.1"


def test_whoever_is_logged_in_sees_the_inbox_answers_and_sees_it_leave(served: Served, visitor: Visitor):
    asked = question(served, "console-yes")
    before = len(served.mails())
    page = visitor.page("/")
    yes, no = answers_to(page, asked)
    assert ("choice", "approve") in yes.buttons
    assert ("choice", "reject") in no.buttons
    assert visitor.press(yes, ("choice", "approve")).headers["location"] == "/"
    assert "You approved: " in visitor.page("/").text
    assert "You approved: " not in visitor.page("/").text  # said once
    assert served.post("console-yes").json["state"] == "done"
    assert len(served.mails()) == before + 1
    closed = visitor.page(f"/questions/{asked}")
    assert answers_to(closed, asked) == []
    assert "This question is closed: you approved" in closed.text


def test_a_no_wants_a_reason_and_the_history_keeps_it(served: Served, visitor: Visitor):
    asked = question(served, "console-no")
    _, no = answers_to(visitor.page("/"), asked)
    refused = visitor.press(no, ("choice", "reject"), reason=" ")
    assert (refused.status, "wants a word of yours" in refused.text) == (422, True)
    assert visitor.press(no, ("choice", "reject"), reason="Not today, please").status == 303
    assert served.post("console-no").json["state"] == "rejected"
    facts = served.desk.json("show", asked.rpartition(".")[0])["timeline"]
    assert any("Not today, please" in row["what"] for row in facts)


def test_a_question_is_answered_once_and_the_second_is_told_so(served: Served, visitor: Visitor):
    asked, other = question(served, "console-twice"), Visitor(served).log_in()
    yes, _ = answers_to(visitor.page("/"), asked)
    also, _ = answers_to(other.page("/"), asked)
    assert visitor.press(yes, ("choice", "approve")).status == 303
    again = other.press(also, ("choice", "approve"))
    assert (again.status, "closed already" in again.text) == (409, True)


def test_e6_a_yes_binds_what_was_shown_and_not_what_it_became_since(served: Served, visitor: Visitor, tmp_path: Path):
    asked = question(served, "console-changed")
    yes, _ = answers_to(visitor.page("/"), asked)
    bound = [(name, "0" * 64 if name == "bind" else value) for name, value in yes.fields]
    reply = visitor.post(yes.action, [*bound, ("choice", "approve")])
    assert reply.status == 409
    assert answers_to(visitor.page("/"), asked)


def test_s3_s4_a_form_of_another_page_or_another_session_does_nothing(served: Served, visitor: Visitor):
    asked = question(served, "console-forged")
    yes, _ = answers_to(visitor.page("/"), asked)
    fields = [*yes.fields, ("choice", "approve")]
    without = [pair for pair in fields if pair[0] != "csrf"]
    assert visitor.post(yes.action, without).status == 403
    assert visitor.post(yes.action, [*without, ("csrf", "0" * 64)]).status == 403
    other = Visitor(served).log_in()
    assert visitor.post(yes.action, [*without, ("csrf", other.csrf())]).status == 403
    for origin in ("https://evil.com", "null", "http://localhost"):
        assert visitor.post(yes.action, fields, Origin=origin).status == 403
    assert visitor.post(yes.action, fields, Sec_Fetch_Site="cross-site").status == 403
    assert visitor.post(yes.action, fields, Content_Type="text/plain").status == 415
    assert visitor.get(f"/questions/{asked}?choice=approve").status == 200
    assert answers_to(visitor.page("/"), asked)


def test_s7_no_other_page_reads_what_changes(served: Served, visitor: Visitor):
    assert visitor.get("/live", Origin="https://evil.com").status == 403
    assert visitor.get("/", Origin="null").status == 403


def test_s8_s66_a_token_opens_no_page_and_a_session_no_action(served: Served, visitor: Visitor):
    for path in ("/", "/today", "/plans", "/live"):
        assert served.send("GET", path).status == 401
    assert visitor.get("/actions/x").status == 401
    assert visitor.post("/actions", []).status == 401


def test_s14_the_script_listens_to_no_other_window():
    for file in (HERE / "static").glob("*.js"):
        text = file.read_text()
        for word in (
            '"message"',
            "onmessage",
            "postMessage",
            "eval(",
            "innerHTML",
            "insertAdjacentHTML",
            "document.write",
        ):
            assert word not in text, file.name


def test_s17_a_session_id_that_somebody_set_before_is_not_taken_over(served: Served):
    fixed = Visitor(served)
    first = Visitor(served).log_in()
    name, _, before = first.cookie.partition("=")
    fixed.cookie = f"{name}=chosen-by-somebody-else"
    fixed.log_in()
    assert fixed.cookie.partition("=")[2] not in ("chosen-by-somebody-else", before)
    first.log_in()  # again, in the same browser
    assert first.cookie.partition("=")[2] != before
    old = Visitor(served)
    old.cookie = f"{name}={before}"
    assert old.get("/").status == 401


def test_s18_the_cookie_is_for_no_script_and_no_other_page_and_no_address_holds_it(served: Served):
    visitor = Visitor(served)
    (form,) = visitor.page(link(served)).forms
    reply = visitor.press(form)
    flags = {part.strip().lower() for part in reply.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= flags
    assert not [flag for flag in flags if flag.startswith("domain")]
    shown = visitor.cookie.partition("=")[2]
    assert shown not in reply.headers["location"]
    assert shown not in visitor.get("/").text


def test_s19_who_logged_out_is_out_on_the_server_and_others_stay(served: Served, visitor: Visitor):
    leaving = Visitor(served).log_in()
    kept, csrf = leaving.cookie, leaving.csrf()
    assert leaving.post("/logout", [("csrf", csrf)]).headers["location"] == "/login"
    assert leaving.cookie == ""
    leaving.cookie = kept
    assert leaving.get("/").status == 401
    assert visitor.get("/").status == 200


def test_s19_nobody_else_logs_one_out(served: Served, visitor: Visitor):
    assert visitor.post("/logout", []).status == 403
    assert visitor.get("/logout").status in (404, 405)
    assert visitor.get("/").status == 200


def test_s26_whatever_only_looks_at_a_link_does_not_use_it_up(served: Served):
    path = link(served)
    for method in ("GET", "HEAD", "GET"):
        reply = served.send(method, path, Authorization=None, Purpose="prefetch")
        assert (reply.status, "set-cookie" in reply.headers) == (200, False)
    (form,) = Visitor(served).page(path).forms
    late = Visitor(served)
    assert Visitor(served).press(form).status == 303
    assert (late.press(form).status, late.cookie) == (410, "")
    assert late.get(path).status == 410


def test_the_command_makes_a_link_that_lets_in(served: Served):
    made = served.desk.json("console", "--print")
    visitor = Visitor(served)
    (form,) = visitor.page(urlsplit(made["url"]).path).forms
    assert (visitor.press(form).status, made["lasts_s"]) == (303, 900)
    nobody = served.desk.elsewhere(served.desk.folder.parent / "other")
    assert served.desk.run("init", nobody.folder, folder=nobody.folder.parent).returncode == 0
    done = nobody.run("console")
    assert (done.returncode, "mainstay start" in done.stderr) == (2, True)


@pytest.mark.parametrize("change", ["x", "late", "other", "cut"])
def test_s23_a_link_that_was_changed_lets_nobody_in(served: Served, change: str):
    end, nonce, mac = link(served).removeprefix("/login/").split(".")
    texts = {
        "x": "x",
        "late": f"ffffffffff.{nonce}.{mac}",
        "other": f"{end}.{nonce[::-1]}.{mac}",
        "cut": f"{end}.{nonce}.",
    }
    visitor = Visitor(served)
    assert visitor.post("/login", [("link", texts[change])]).status == 410
    assert visitor.cookie == ""


@pytest.mark.parametrize(
    "place",
    ["https://evil.com/", "//evil.com", "/\\evil.com", "/login", "javascript:alert(1)", "/x\r\nSet-Cookie: a=b"],
)
def test_nobody_is_led_elsewhere_after_the_log_in(served: Served, place: str):
    visitor = Visitor(served)
    reply = visitor.post("/login", [("link", link(served).removeprefix("/login/")), ("next", place)])
    assert (reply.status, reply.headers["location"]) == (303, "/")


def test_who_is_not_logged_in_is_asked_to_and_led_on_to_where_they_wanted(served: Served, visitor: Visitor):
    stranger = Visitor(served)
    reply = stranger.get("/plans?open=1")
    assert (reply.status, "Log in to " in reply.text) == (401, True)
    assert "mainstay console" in Page(reply.text).text
    mail = stranger.get("/plans", Sec_Fetch_Site="cross-site")  # a link in a mail: the cookie comes with the next one
    assert 'content="0;url=/plans"' in mail.text


def test_s22_the_files_hold_nothing_that_lets_in(served: Served, visitor: Visitor):
    state = served.desk.folder / ".mainstay"
    assert served.desk.run("console", "--set-password", stdin="four words and a fish\n").returncode == 0
    shown = visitor.cookie.partition("=")[2].encode()
    for name in (sessions.NAME, access.NAME):
        content = (state / name).read_bytes()
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o600
        for secret in (shown, b"fish"):
            assert secret not in content


def test_what_two_change_at_once_of_the_ways_in_is_all_kept(tmp_path: Path):
    """A command sets the password while the service keeps passkeys: both in one file."""

    def add(number: int) -> None:
        key = access.Passkey(bytes([number]), b"public", 0, f"key {number}", 0)
        access.change_passkeys(tmp_path, lambda all_: [*all_, key])

    with ThreadPoolExecutor(9) as at_once:
        password = at_once.submit(access.set_password, tmp_path, "four words apart, here")
        list(at_once.map(add, range(60)))
        password.result()
    kept = access.load(tmp_path)
    assert access.is_password(kept.password, "four words apart, here")
    assert sorted(one.id[0] for one in kept.passkeys) == list(range(60))


def test_a_session_ends_when_it_is_not_used_and_at_last_whatever_is_done(tmp_path: Path):
    now = [1_700_000_000_000_000]
    kept = sessions.Sessions(tmp_path, lambda: now[0])
    used, idle = kept.begin("link", "Firefox"), kept.begin("link", "Chromium")
    for _ in range(9):
        now[0] += 3 * DAY_US
        assert kept.find(used) is not None
    assert kept.find(idle) is None
    now[0] += 3 * DAY_US
    assert kept.find(used) is None
    assert kept.all() == []
    again = sessions.Sessions(tmp_path, lambda: now[0])  # why they ended is told also after a restart
    assert ("30 days ago" in again.why_over(used), "not used for 7 days" in again.why_over(idle)) == (True, True)
    here, there = kept.begin("link", "Firefox"), kept.begin("password", "Chromium")
    seen = kept.find(here)
    assert seen is not None
    kept.end_others(seen.session.digest, "password")
    assert (kept.find(there), "password was changed" in kept.why_over(there)) == (None, True)
    assert kept.why_over("a guess").endswith("not known here any more.")


def test_s22_only_who_was_at_the_terminal_just_now_needs_no_old_password(tmp_path: Path):
    now = [1_700_000_000_000_000]
    kept = sessions.Sessions(tmp_path, lambda: now[0])
    begun = [kept.find(kept.begin(how, "Firefox")) for how in ("link", "password", "passkey")]
    assert [one is not None and one.session.is_fresh(now[0]) for one in begun] == [True, False, False]
    now[0] += sessions.FRESH_US
    assert [one is not None and one.session.is_fresh(now[0]) for one in begun] == [False, False, False]


def test_a_restart_logs_nobody_out_and_a_broken_file_everybody(tmp_path: Path):
    now = [1_700_000_000_000_000]
    begun = sessions.Sessions(tmp_path, lambda: now[0]).begin("password", "Firefox")
    assert sessions.Sessions(tmp_path, lambda: now[0]).find(begun) is not None
    (tmp_path / sessions.NAME).write_bytes(b'[{"digest": ')
    assert sessions.Sessions(tmp_path, lambda: now[0]).find(begun) is None


def test_the_css_and_the_script_are_the_same_for_everybody_and_kept_for_ever(served: Served, visitor: Visitor):
    paths = set(re.findall(r'"(/static/[^"]+)"', visitor.get("/").text))
    assert len(paths) == 3
    sizes = 0
    for path in paths:
        reply = served.send("GET", path, Authorization=None, Accept_Encoding="gzip")
        assert (reply.status, "immutable" in reply.headers["cache-control"]) == (200, True)
        sizes += len(reply.body)
    assert sizes < 20_000
    assert served.send("GET", "/static/console.css", Authorization=None).status == 401
    assert served.send("POST", "/login", b"", Authorization=None, Content_Type=FORM).status == 403


# --- what is told while a page is open


def listening(visitor: Visitor, last: str = "") -> socket.socket:
    """Open a stream as a tab does."""
    line = socket.create_connection(visitor.served.place, timeout=30)
    head = ["GET /live HTTP/1.1", f"Host: {visitor.served.host}", f"Cookie: {visitor.cookie}"]
    line.sendall("\r\n".join([*head, *([f"Last-Event-ID: {last}"] if last else []), "", ""]).encode())
    return line


def told(line: socket.socket, wanted: str) -> str:
    """Read until it is told."""
    text = ""
    while wanted not in text:
        part = line.recv(4096)
        assert part, text
        text += part.decode()
    return text


def test_an_open_page_is_told_what_changed_and_one_that_comes_back_what_it_missed(served: Served, visitor: Visitor):
    with listening(visitor) as line:
        told(line, "retry: ")
        plan = question(served, "live").partition(".")[0]
        text = told(line, "inbox")
        assert (f"plan:{plan}" in text, "anna@example.com" in text) == (True, False)  # what changed, not what is in it
        last = re.findall(r"id: (\S+)", text)[-1]
    with listening(visitor, "1.1") as line:
        told(line, "data: all")
    with listening(visitor, last) as line:
        before = told(line, "retry: ")
        question(served, "live-again")
        assert "data: all" not in before + told(line, "inbox")


def test_many_tabs_are_told_alike(served: Served, visitor: Visitor):
    tabs = [listening(visitor) for _ in range(20)]
    for line in tabs:
        told(line, "retry: ")
    question(served, "many-tabs")
    for line in tabs:
        told(line, "inbox")
        line.close()


# --- ways in


def test_s22_a_new_password_needs_the_old_one_or_a_link_and_logs_the_others_out(served: Served):
    by_link, other = Visitor(served).log_in(), Visitor(served).log_in()
    new = [("new", "a horse with no stable"), ("again", "a horse with no stable")]
    assert by_link.post("/access/password", [("csrf", by_link.csrf()), *new]).status == 303
    assert by_link.get("/").status == 200
    asked, sent = other.get("/plans?open=1"), other.post("/stuck", [], Referer=f"{served.url}/stuck?at=a")
    for reply, place in ((asked, "/plans?open=1"), (sent, "/stuck?at=a")):
        assert (reply.status, "the password was changed in another browser" in reply.text) == (401, True)
        assert ("next", place) in Page(reply.text).forms[0].fields
        assert ("Nothing of what you sent was done" in reply.text) == (reply is sent)
    by_word = Visitor(served)
    reply = by_word.post("/login", [("password", "a horse with no stable"), ("next", "/plans")])
    assert (reply.status, reply.headers["location"]) == (303, "/plans")
    csrf, old = ("csrf", by_word.csrf()), ("old", "a horse with no stable")
    weak = [("new", "Password-2026"), ("again", "Password-2026")]
    for fields in ([("old", "a guess of mine"), *new], new, [old, new[0], ("again", "x")], [old, *weak]):
        assert by_word.post("/access/password", [csrf, *fields]).status == 422
    for fields, status in (([], 422), ([("old", "a guess of mine")], 422), ([old], 200)):  # nor a passkey
        assert by_word.post("/access/passkey-options", [csrf, *fields]).status == status
    for path in ("/access", "/login"):
        assert "stable" not in by_word.get(path).text


def test_one_browser_is_logged_out_from_another(served: Served):
    here, there = Visitor(served).log_in(), Visitor(served).log_in()
    others = [form for form in here.page("/access").forms if form.action == "/access/sessions"]
    assert here.press(others[-1], ("session", "others")).status == 303
    assert (here.get("/").status, there.get("/").status) == (200, 401)


def test_s20_thirty_wrong_passwords_are_throttled_and_a_link_still_lets_in(served: Served):
    assert served.desk.run("console", "--set-password", stdin="a horse with no stable\n").returncode == 0
    guesser = Visitor(served)
    answers = [guesser.post("/login", [("password", f"guess {number}")]) for number in range(30)]
    statuses = [reply.status for reply in answers]
    assert set(statuses) == {403, 429}
    assert statuses.count(403) <= 10
    assert int(answers[-1].headers["retry-after"]) > 0
    assert guesser.post("/login", [("password", "a horse with no stable")]).status == 429  # right, and too soon
    assert Visitor(served).log_in().get("/").status == 200


def test_s20_who_waited_may_try_again_and_a_right_one_forgets_the_wrong_ones():
    throttle, now_us = access.Throttle(), 1_700_000_000_000_000
    for _ in range(access.FREE_TRIES - 1):
        throttle.failed(now_us)
        assert throttle.wait_s(now_us) == 0
    waits = []
    for _ in range(20):
        throttle.failed(now_us)
        waits.append(throttle.wait_s(now_us))
        assert throttle.wait_s(now_us + waits[-1] * 1_000_000) == 0
    assert waits == sorted(waits)
    assert waits[-1] == access.MOST_WAIT_S
    throttle.passed()
    assert throttle.wait_s(now_us) == 0


TWO_MAILS = """\
playbook: two-mails
title: "Two mails"
steps:
  one: {do: mail.send, with: {to: ada@example.com, subject: "First", text: "Dear Ada"}}
  two: {do: mail.send, needs: [one], with: {to: bob@example.com, subject: "Then", text: "Dear Bob"}}
"""


def test_e6_of_a_plan_as_a_whole_what_is_left_out_on_the_page_asks_by_itself(served: Served):
    visitor = Visitor(served).log_in()
    (served.desk.folder / "playbooks" / "two-mails.yaml").write_text(TWO_MAILS)
    assert served.desk.run("activate", "--yes").returncode == 0
    (asked,) = served.desk.json("run", "two-mails", "--ask-first", status=3)["questions"]
    page, before = visitor.page(f"/questions/{asked}"), len(served.mails())
    assert "Dear Ada" in page.text
    assert "What you leave out asks by itself when it comes." in page.text
    yes = next(form for form in answers_to(page, asked) if ("choice", "approve") in form.buttons)
    given = [(name, value) for name, value in yes.fields if name != "keep"]
    assert visitor.post(yes.action, [*given, ("keep", "0"), ("choice", "approve")]).status == 303
    assert f"{asked.rpartition('.')[0]}.2" in [one["decision"] for one in served.desk.json("inbox")]
    assert len(served.mails()) == before + 1


# --- what strangers wrote

PLAIN = set(
    "html head meta title link script body a header svg path nav ul li span form input button main p div h1 h2 article"
    " pre dl dt dd ol details summary label textarea footer code section table thead tbody tr th td kbd"
    " dialog select option".split()
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "<img src=https://evil.com/x.png onerror=alert(1)>",
    "[a](javascript:alert(1)) {{7*7}} {% raw %}",
    "</pre></form><form action=https://evil.com><button>Approve</button>",
)


def test_s15_s16_what_a_stranger_wrote_is_text_on_every_page(served: Served):
    visitor = Visitor(served).log_in()
    for number, text in enumerate(HOSTILE):
        served.post(f"hostile-{number}", wait=0, arguments={"to": "eve@example.com", "subject": text, "text": text})
        waits(served, f"hostile-{number}")
    inbox = visitor.page("/")
    paths = [link for link in inbox.links if link.startswith("/questions/") and not link.endswith("/allow")]
    for path in ("/", "/today", "/plans", *paths):
        page = visitor.page(path)
        assert "javascript:" not in "".join(page.links)
        assert {form.action.partition("/")[0] for form in page.forms} == {""}  # to us
        assert page.tags <= PLAIN, path
    refused = visitor.get(f"{paths[0]}/allow")  # no rule helps where a stranger's words decide
    assert refused.status == 422
    assert Page(refused.text).tags <= PLAIN
    shown = visitor.get("/").text
    assert all(str(escape(text)) in shown for text in HOSTILE)
    for form in inbox.forms:  # nothing of it waits for the tests that follow
        if ("choice", "approve") in form.buttons:
            visitor.press(form, ("choice", "approve"))


def test_s30_what_can_not_be_seen_is_written_out_on_the_card(served: Served):
    visitor = Visitor(served).log_in()
    tricky = "invoice\u202efdp.exe \u0430pple\u200b"
    served.post("tricky", wait=0, arguments={"to": "eve@example.com", "subject": tricky, "text": tricky})
    waits(served, "tricky")
    shown = visitor.get("/").text
    assert ("\u202e" in shown, "\u200b" in shown, "&lt;U+202E&gt;" in shown) == (False, False, True)
    assert ("\u0430" in shown, "&lt;U+0430&gt;pple" in shown) == (False, True)


# --- cards are kept as they were drawn, for as long as that is what they are


def test_m7_who_was_forgotten_is_gone_from_the_cards_at_once(served: Served):
    visitor = Visitor(served).log_in()
    served.post("gone", wait=0, arguments={"to": "gone@example.com", "subject": "Hello", "text": "Dear Gone"})
    waits(served, "gone")
    assert "gone@example.com" in visitor.get("/").text
    assert served.desk.run("forget", "gone@example.com", "--yes").returncode == 0
    shown = visitor.get("/").text
    assert ("gone@example.com" in shown, "[forgotten]" in shown) == (False, True)


def test_a_card_shows_what_was_noted_since_it_was_drawn(served: Served):
    visitor = Visitor(served).log_in()
    asked = question(served, "noted")
    assert answers_to(visitor.page("/"), asked)
    assert served.desk.run("note", asked, "Ask Carl first").returncode == 0
    assert "Ask Carl first" in visitor.page("/").text
