"""G10: what waits is told at places outside, over real HTTP: little of it, tried again, with links where wanted."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kit import do, plan, run, start
from test_attention_days import HOUR_S, Listener, ask, morning, settings

from mainstay.config import Api, Config, Notify
from mainstay.governance.addresses import check_address, filled_in, host_of
from mainstay.requests.links import LinkError, answer
from mainstay.requests.notify import Message, Ways

needs_apprise = pytest.mark.skipif(
    importlib.util.find_spec("apprise") is None, reason="it is newer than this environment: make setup"
)


class Place:
    """Somewhere that takes messages as ntfy and JSON webhooks do."""

    def __init__(self):
        self.heard, self.status = [], 200
        place = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                place.heard.append((dict(self.headers), body))
                self.send_response(place.status)
                if place.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.at = f"127.0.0.1:{self.server.server_port}"

    @contextmanager
    def listening(self):
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


@pytest.fixture
def place():
    with Place().listening() as one:
        yield one


@needs_apprise
def test_g10_a_phone_is_told_little_is_tried_again_and_its_link_answers_one_question_once(workspace, world, place):
    clock = morning()
    ways = f'[notify.to]\nphone = "ntfy://{place.at}/me"\nlog = "json://{place.at}/log"'
    ways = f'[api]\nnames = ["office.example.com"]\n[notify]\nlinks = ["phone"]\n{ways}'

    async def scenario(owner):
        owner.requests.served_at, owner.requests.is_reached = "https://office.example.com:1", True
        listener = Listener(owner)
        await start(owner, ask())
        place.status = 302
        clock.move(1)
        await listener.look()
        missed = sorted(line for line in listener.shown if "did not reach" in line)
        place.status, before = 200, len(place.heard)
        clock.move(61)
        await listener.look()
        (link,) = [body["message"] for _, body in place.heard[:before] if "/d/" in body.get("message", "")]
        text = link.rpartition("/d/")[2].strip()
        await answer(owner.requests, text, "approve")
        with pytest.raises(LinkError) as used:
            await answer(owner.requests, text, "approve")
        return missed, before, used.value.state, listener.told()

    missed, before, used, told = run(settings(workspace, ways), world, scenario, clock=clock)
    assert [line.partition(":")[0] for line in missed] == [
        f"This did not reach you by {way}" for way in ("log", "phone")
    ]
    assert (before, used, told) == (2, "used", ["asked", "again"]), "a redirection is not followed"
    first = next(body for _, body in place.heard if "topic" in body)
    by_log = next(body for _, body in place.heard if "topic" not in body)
    assert first["title"].startswith("Mainstay: This needs your decision: test, q: ")
    assert "Answer: mainstay decide " in first["message"]
    assert "Shall we?" not in json.dumps(place.heard), "what is asked about stays here"
    assert "http" not in by_log["message"], "only the ways that are named get a link"
    assert [body["topic"] for _, body in place.heard[2:] if "topic" in body] == ["me"]
    assert "apprise" not in sys.modules


@pytest.mark.long
@needs_apprise
def test_g10_the_days_number_holds_for_places_too_and_all_is_said_where_that_is_wanted(workspace, world, place):
    clock = morning()

    async def scenario(owner):
        listener = Listener(owner)
        for _ in range(3):
            await start(owner, ask())
            clock.move(HOUR_S / 4)
            await listener.look()

    ways = f'per_day = 1\n[notify]\nsay = "all"\n[notify.to]\nlog = "json://{place.at}/log"'
    run(settings(workspace, ways), world, scenario, clock=clock)
    assert [body["title"].partition(" Answer")[0] for _, body in place.heard] == [
        "Mainstay: This needs your decision: Shall we?"
    ]


def test_g10_of_what_is_stuck_little_leaves_neither_the_words_nor_the_remedy(workspace, world, tmp_path):
    clock = morning()

    async def scenario(owner):
        listener = Listener(owner)
        sent = []

        async def keep(message, token, by):
            del token, by
            sent.append(message)
            return (), {}

        owner.requests.ways.send = keep
        await start(owner, plan(do("a", "test.refuse", "permanent")))
        clock.move(1)
        await listener.look()
        return sent

    (message,) = run(settings(workspace, ""), world, scenario, clock=clock)
    title, text = message.told("little")
    assert title.startswith("Stuck (test, a, plan ")
    assert ": no." not in title
    assert "mainstay stuck retry" in text
    assert message.told("all") == (message.says, message.text)


def where(desk, way, decision="none", links=("phone", "command")):
    """What a way is told of where it is answered, of a question that no link answers."""
    return Ways(desk, Config(notify=Notify(links=links)), None)._where(
        Message("asked", "Look", 1, decision=decision), way
    )


def test_a_message_names_only_places_that_its_reader_can_open(workspace, world):
    async def scenario(owner):
        desk = owner.requests
        _, standing = await start(owner, ask())
        (decision,) = standing["questions"]
        desk.served_at = "http://localhost:1"
        here = {way: where(desk, way, decision) for way in ("mail", "phone", "command")}
        desk.has_pages = True
        here |= {f"{way} by log-in": where(desk, way, decision, ()) for way in ("mail", "command")}
        desk.has_pages, desk.is_reached = False, True
        links_only = {way: where(desk, way, decision) for way in ("mail", "phone")}, where(desk, "phone", "")
        desk.has_pages = True
        stuck = Ways(desk, Config(), None)._where(Message("stuck", "Stuck", 1, page="stuck"), "mail")
        return here, links_only, (where(desk, "mail", decision), stuck), decision

    here, (links_only, of_none), with_pages, decision = run(workspace, world, scenario)
    assert (here["mail"], here["phone"]) == ("", ""), "nobody elsewhere opens localhost"
    assert here["command"].startswith("Answer here: http://localhost:1/d/"), "a command runs on this machine"
    assert links_only["phone"].startswith("Answer here: ")
    assert (links_only["mail"], of_none) == ("", ""), "no page of the console is served"
    see = f"See it here: http://localhost:1/questions/{decision}\n"
    assert (here["mail by log-in"], here["command by log-in"]) == ("", see)
    assert with_pages == (see, "See it here: http://localhost:1/stuck\n")


@pytest.mark.parametrize(
    ("api", "reached"),
    [
        (Api(), False),
        (Api(host="0.0.0.0"), False),
        (Api(host="::"), False),
        (Api(host="0.0.0.0", names=("office.example.com",)), True),
        (Api(host="192.168.1.5"), True),
        (Api(address="https://office.example.com"), True),
    ],
)
def test_others_reach_a_machine_only_by_what_names_it(api, reached):
    assert api.is_reached is reached


def test_s59_a_secret_in_an_address_is_for_its_host_or_its_service():
    asked: list[tuple[str, str]] = []

    def give(name: str, host: str) -> str:
        asked.append((name, host))
        return "p@ss/word"

    said = [filled_in(one, give) for one in (
        "ntfys://me:secret:pw@ntfy.example.com:8443/topic", "tgram://secret:bot/12345", "ntfys://ntfy.sh/secret:topic",
    )]  # fmt: skip
    assert said[0] == "ntfys://me:p%40ss%2Fword@ntfy.example.com:8443/topic"
    assert asked == [("pw", "ntfy.example.com"), ("bot", "tgram"), ("topic", "ntfy.sh")]
    assert host_of("gotify://secret:host/secret:token") == "gotify"
    for right in (
        "pover://secret:user@secret:token", "json://secret:tok@x.example/x", "ntfys://me@ntfy.sh:8443/x", "json://h:80/x",
        "mailtos://me:secret:pw@x.example:587?to=anna@y.example", "json://x.example:8080/a?to=anna@y.example",
    ):  # fmt: skip
        check_address(right)


@pytest.mark.parametrize(
    "wrong",
    [
        "ntfy.sh/x", "ntfys://", "ntfys://me:word@ntfy.sh/x", "Ntfys://x", "ntfy://a\nb", "", "ntfys://me:wo/rd@ntfy.sh/x",
        "mailto://anna@x.example:wo/rd@x.example", "json://secret:user:word@x.example/x", "ntfys://me:wo?rd@ntfy.sh/x",
        "json://me:word:secret:more@x.example",
    ],
)  # fmt: skip
def test_s55_an_address_that_is_none_or_holds_a_password_is_refused_without_repeating_it(wrong):
    with pytest.raises(ValueError, match="address") as refused:
        check_address(wrong)
    assert "word@" not in str(refused.value)


def test_nothing_that_speaks_to_places_is_loaded_before_it_is_used():
    code = "import sys, mainstay.requests.methods; print([n for n in sys.modules if n in ('apprise', 'requests')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
