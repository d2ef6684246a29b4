"""The demo's console, as a new user meets it: an address, three questions, a plug to pull, and the way back."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from browser import CHROMIUM, jumped, opened, steady, unusable
from http_kit import WAIT_S, until
from test_every_screen import DESK, MOST_JUMPED, PHONE, photograph

from mainstay import events as e
from mainstay.app import create_workspace
from mainstay.cli.demo_post import Post
from mainstay.cli.demo_stage import Stage, prepare
from mainstay.cli.screen import Screen
from mainstay.console.demo_found import Notes, mails_in, note, noted, settled
from mainstay.errors import MainstayError
from mainstay.values import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from http_kit import Served
    from playwright.sync_api import Page

LOOKS = (("phone", "light", PHONE), ("phone-dark", "dark", PHONE), ("light", "light", DESK), ("dark", "dark", DESK))
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    base = tmp_path_factory.mktemp("stage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(base / "config"))
        patch.setenv("XDG_RUNTIME_DIR", str(base))
        workspace = create_workspace(base / "studio", name="Lindqvist Studio")
        note(workspace.state, Notes())
        with Stage(prepare(workspace), Screen(as_json=True), apart_s=0.0) as one:
            runtime = one.begin(console=True)
            one.ask(runtime)
            yield one


@contextlib.contextmanager
def answering_once(stage: Stage) -> Iterator[threading.Event]:
    """Let the mail server answer the first mail, and keep the next ones without a word until the event is set."""
    server, back, kept = stage._post._server, threading.Event(), list[bytes]()
    keep = server.keep

    def hold(content: bytes) -> None:
        keep(content)
        kept.append(content)
        if len(kept) > 1:
            back.wait(10 * WAIT_S)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "keep", hold)
        yield back


@pytest.fixture(scope="module")
def page(stage: Stage) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: scripts/chromium")
    assert stage.runtime is not None
    link = stage.link(stage.runtime)

    def watch() -> None:
        with contextlib.suppress(MainstayError):  # the test ends it
            assert stage.runtime is not None
            stage.watch(stage.runtime, show=False)

    watching = threading.Thread(target=watch)
    watching.start()
    with opened() as browser:
        page = browser.new_context(viewport=DESK).new_page()
        page.set_default_timeout(WAIT_MS)
        steady(page)
        page.goto(link)
        page.get_by_role("button", name="Log in").click()
        yield page
    assert stage.runtime is not None
    stage.runtime.end()
    watching.join(WAIT_S)
    assert not watching.is_alive()


@pytest.mark.long
def test_the_address_leads_to_what_to_try_and_its_page_is_usable_in_both_themes(page: Page):
    page.get_by_role("heading", name="end at Lindqvist Studio").wait_for()
    assert page.locator(".tour > li").count() == 5
    assert page.get_by_text("waits for you", exact=True).count() == 3
    for name, scheme, size in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        page.reload()
        assert jumped(page) < MOST_JUMPED
        assert unusable(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        photograph(page, f"demo-{name}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESK)
    page.reload()


@pytest.mark.long
def test_a_demo_that_is_over_says_how_one_is_begun_and_not_how_a_company_is(page: Page):
    page.context.set_offline(True)
    line = page.get_by_role("alert").filter(has_text="No connection to Mainstay since")
    line.wait_for()
    assert line.inner_text().endswith("the demo is over; begin it anew: make demo (or: mainstay demo)")
    page.context.set_offline(False)
    line.wait_for(state="hidden")


@pytest.mark.long
def test_s8_nobody_pulls_the_plug_who_is_not_logged_in_or_from_another_page(page: Page):
    place = page.url.removesuffix("/demo")
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{place}/demo", timeout=WAIT_S)
    assert page.request.post(f"{place}/demo/plug", form={"csrf": "guessed"}, headers={"Origin": place}).status == 403
    own = page.locator("input[name=csrf]").first.get_attribute("value")
    assert own
    foreign = {"Origin": "https://evil.example"}
    assert page.request.post(f"{place}/demo/plug", form={"csrf": own}, headers=foreign).status == 403
    assert page.request.get(f"{place}/demo/plug").status in (404, 405)


@pytest.mark.long
def test_a_refund_is_found_approved_seen_and_taken_back_from_the_address_alone(page: Page, stage: Stage):
    order = stage.workspace.root / "outbox/payments/refund-2026-102.txt"
    page.get_by_role("link", name="Pay back what was paid twice").click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("You approved: Pay 620.00 EUR back to Café Solvej ApS").wait_for()
    page.get_by_role("link", name="Demo", exact=True).click()
    page.get_by_role("link", name="undo “Pay back what was paid twice”").wait_for()
    assert page.get_by_text("Now two questions wait for you.").count() == 1
    assert "Pay 620.00 EUR to Café Solvej ApS" in order.read_text()
    page.get_by_role("link", name="undo “Pay back what was paid twice”").click()
    page.get_by_text("Will be taken back, the last one first").wait_for()
    page.get_by_role("button", name="Take back this").click()
    page.get_by_role("heading", name="Pay back what was paid twice").wait_for()
    page.get_by_text("Undone", exact=False).first.wait_for()
    assert not order.exists()


@pytest.mark.long
def test_f1_pulled_while_mails_leave_one_by_one_it_comes_back_and_no_mail_is_there_twice(page: Page, stage: Stage):
    folder = stage.workspace.root / "outbox/mail"
    page.get_by_role("link", name="Demo", exact=True).click()
    page.get_by_role("link", name="Remind of late invoices").click()
    with answering_once(stage) as back:
        page.get_by_role("button", name="Approve").click()
        page.get_by_text("You approved: Send a mail: 8 in one go").wait_for()
        until(lambda: len(mails_in(folder)) > 1, "the mail that is kept and not answered")
        page.get_by_role("button", name="Pull the plug").click()
        page.get_by_text("The plug is pulled").wait_for()
        until(lambda: noted(stage.workspace.state).cuts, "the power cut")
        back.set()
    page.get_by_role("heading", name="The power cut at").wait_for()  # nobody loads the page
    page.get_by_text("8 mails, each of them once").wait_for()
    (cut,) = noted(stage.workspace.state).cuts
    assert (cut.mails - cut.known, cut.busy) == (1, ("Remind of late invoices",))
    assert page.get_by_text("was there, so it was not sent again").count() == 1
    mails = mails_in(folder)
    assert len({one.message_id for one in mails}) == len({one.to for one in mails}) == len(mails) == 8
    photograph(page, "demo-cut-light")


def test_a_mail_that_is_handed_over_twice_lies_there_twice_and_half_a_mail_not_at_all(tmp_path: Path):
    mail = b"To: a@b.example\r\nMessage-ID: <0a1b.plan@studio.example>\r\nSubject: Hello\r\n\r\nHow are you?\r\n..\r\n"
    with Post(tmp_path / "mail") as post:
        for whole in (True, True, False):
            with socket.create_connection(("127.0.0.1", post.port), timeout=WAIT_S) as line:
                for sent in (b"EHLO me", b"MAIL FROM:<me@b.example>", b"RCPT TO:<a@b.example>", b"DATA"):
                    line.sendall(sent + b"\r\n")
                with line.makefile("rb") as reader:
                    assert [reader.readline()[:3] for _ in range(5)] == [b"220", b"250", b"250", b"250", b"354"]
                    line.sendall(mail + b".\r\n" * whole)
                    if whole:
                        assert reader.readline()[:3] == b"250"
    found = sorted((tmp_path / "mail").iterdir())
    assert [one.name for one in found] == ["0a1b-2.eml", "0a1b.eml"]
    assert found[0].read_bytes().endswith(b"How are you?\r\n.\r\n")
    assert [one.message_id for one in mails_in(tmp_path / "mail")] == ["<0a1b.plan@studio.example>"] * 2


def test_a_mail_that_had_not_left_is_said_to_be_sent_only_once_it_was():
    verdict = Verdict("allow", "mails", "")
    made = [
        e.EffectPrepared(f"remind/{at}", "mail.send", 1, "irreversible", {"to": f"{at}@b.example"}, "d", verdict)
        for at in range(2)
    ]
    absent = [e.EffectAbsent(f"remind/{at}", "it is not in the mailbox") for at in range(2)]
    told = settled([*made, *absent, e.EffectDone("remind/0", operation="mail.send")], lambda value: value)
    assert told == [
        "the mail to 0@b.example was not there, so it was sent now",
        "the mail to 1@b.example was not there, so it is sent next",
    ]


def test_nobody_else_sees_the_plug(served: Served):
    from visitor import Visitor

    visitor = Visitor(served).log_in()
    assert "/demo" not in visitor.page("/").links
    assert visitor.get("/demo").status == 404
    assert visitor.post("/demo/plug", [("csrf", visitor.csrf())]).status == 404
