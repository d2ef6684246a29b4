"""The console in a real Chromium, used as a person does: by keys, in two tabs, without scripts, on a phone."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from browser import log_out_behind, visit
from http_kit import ask, ended
from visitor import Visitor

if TYPE_CHECKING:
    from http_kit import Served
    from playwright.sync_api import Browser, CDPSession, Page


def test_a_card_is_approved_by_keys_alone_and_the_next_one_is_at_hand(served: Served, page: Page):
    first, second = ask(served, "keys-1"), ask(served, "keys-2")
    page.goto(served.url)
    cards = page.locator("article")
    assert cards.count() == 2
    page.keyboard.press("j")
    assert first in page.locator("article:focus").inner_text()
    page.keyboard.press("a")
    page.get_by_role("status").filter(has_text="You approved").wait_for()
    assert ended(served, "keys-1") == "done"
    page.wait_for_function("document.activeElement.closest('article') !== null")
    assert second in page.locator("article:focus").inner_text()
    page.keyboard.press("r")
    page.keyboard.type("a no, by keys")  # letters that are keys elsewhere are text here
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Inbox clear").wait_for()
    assert ended(served, "keys-2") == "rejected"


def test_what_is_answered_in_one_tab_goes_from_the_other_and_what_comes_appears(served: Served, page: Page):
    page.goto(served.url)
    other = page.context.new_page()
    other.goto(served.url)
    other.get_by_role("heading", name="Inbox clear").wait_for()
    subject = ask(served, "two-tabs")
    for tab in (other, page):
        tab.bring_to_front()
        tab.locator("article").filter(has_text=subject).wait_for()
    other.get_by_role("button", name="Approve").click()
    other.get_by_role("heading", name="Inbox clear").wait_for()
    page.bring_to_front()
    page.get_by_role("heading", name="Inbox clear").wait_for()
    other.close()


def test_what_somebody_writes_is_not_taken_away_by_what_comes(served: Served, page: Page):
    ask(served, "writing")
    page.goto(served.url)
    page.locator("article summary").first.click()
    page.locator("textarea").first.fill("Half a sen")
    later = ask(served, "writing-later")
    page.locator("article").filter(has_text=later).wait_for()
    assert page.locator("textarea").first.input_value() == "Half a sen"
    visitor = Visitor(served).log_in()
    for form in visitor.page("/").forms:
        if ("choice", "approve") in form.buttons:
            visitor.press(form, ("choice", "approve"))
    page.get_by_role("heading", name="Inbox clear").wait_for()


def test_without_scripts_everything_can_be_read_and_decided(browser: Browser, served: Served):
    subject = ask(served, "no-scripts")
    with visit(browser, served, java_script_enabled=False) as page:
        page.get_by_role("link", name=subject).click()
        page.get_by_role("heading", name=subject).wait_for()
        page.get_by_text("Reject…").click()
        page.get_by_label("Why not?").fill("Not needed")
        page.get_by_role("button", name="Reject", exact=True).click()
        page.get_by_role("status").filter(has_text="You rejected").wait_for()
        assert ended(served, "no-scripts") == "rejected"
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("heading", name="Log in").wait_for()


@pytest.mark.long
def test_who_was_logged_out_elsewhere_is_asked_to_log_in_and_led_back(browser: Browser, served: Served):
    with visit(browser, served) as page:
        page.goto(f"{served.url}/plans")
        log_out_behind(page)
        page.get_by_role("link", name="Today").click()
        page.get_by_role("heading", name="Log in").wait_for()
        assert page.get_by_text("mainstay console").count()


NOTING = """addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  if (!document.getElementById("gone").hidden) sessionStorage.setItem("gone", "yes");
}).observe(document.getElementById("gone"), { attributes: true, childList: true }));"""


def was_gone(page: Page) -> str | None:
    """Whether any page since `NOTING` said that there is no connection."""
    return page.evaluate("sessionStorage.getItem('gone')")


def test_an_open_page_is_led_to_the_log_in_as_soon_as_its_session_is_ended_elsewhere(browser: Browser, served: Served):
    with visit(browser, served) as page:
        page.add_init_script(NOTING)
        with page.expect_response("**/live?*"):
            page.goto(f"{served.url}/settings")
        visitor = Visitor(served).log_in()
        assert visitor.post("/access/sessions", [("csrf", visitor.csrf()), ("session", "others")]).status == 303
        page.get_by_role("heading", name="Log in").wait_for()
        assert was_gone(page) is None


@pytest.mark.long
def test_a_page_whose_session_is_over_says_nothing_of_a_connection_when_it_listens_again(
    browser: Browser, served: Served
):
    with visit(browser, served) as page:
        page.add_init_script(NOTING)
        page.goto(f"{served.url}/plans")
        log_out_behind(page)
        page.evaluate("dispatchEvent(new Event('pagehide'))")
        page.evaluate("dispatchEvent(new Event('pageshow'))")
        page.get_by_role("heading", name="Log in").wait_for()
        assert was_gone(page) is None


# --- passkeys


def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Put a key into the visitor's pocket."""
    line = page.context.new_cdp_session(page)
    line.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    return line, line.send("WebAuthn.addVirtualAuthenticator", {"options": kind})["authenticatorId"]


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out", exact=True).click()
    page.get_by_role("heading", name="Log in").wait_for()


def test_s21_a_passkey_lets_in_and_what_it_signed_does_so_once_here_and_forward_only(browser: Browser, served: Served):
    with visit(browser, served) as page:
        line, key = authenticator(page)
        page.goto(f"{served.url}/access")
        page.get_by_label("Name of the device").fill("My phone")
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_text("My phone lets you in").wait_for()
        log_out(page)
        with page.expect_request("**/login/passkey") as sent:
            page.get_by_role("button", name="Log in with a passkey").click()
        page.get_by_role("heading", name="Inbox", exact=True).wait_for()
        body = sent.value.post_data
        assert body is not None
        signed = json.loads(parse_qs(body)["passkey"][0])
        assert try_signed(served, signed) == 401  # its challenge was used
        assert try_signed(served, moved(signed, served, origin="https://evil.com")) == 401
        assert try_signed(served, moved(signed, served)) == 401  # a fresh challenge, which it did not sign

        offered = json.loads(Visitor(served).post("/login/passkey-options", []).text)
        assert not offered.get("allowCredentials")  # who is not in is not told which passkeys there are
        log_out(page)
        (held,) = line.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]
        line.send("WebAuthn.removeCredential", {"authenticatorId": key, "credentialId": held["credentialId"]})
        line.send("WebAuthn.addCredential", {"authenticatorId": key, "credential": held | {"signCount": 0}})
        page.get_by_role("button", name="Log in with a passkey").click()  # a copy of the key, which counts behind
        page.get_by_text("does not let in here").wait_for()
        port = served.place[1]
        page.goto(f"http://127.0.0.1:{port}/login")
        page.get_by_role("button", name="Log in with a passkey").click()
        page.get_by_role("alert").filter(has_text=f"Open it as localhost:{port} instead.").wait_for()


def try_signed(served: Served, signed: dict[str, Any]) -> int:
    visitor = Visitor(served)
    reply = visitor.post("/login/passkey", [("passkey", json.dumps(signed))])
    assert visitor.cookie == ""
    return reply.status


def moved(signed: dict[str, Any], served: Served, origin: str = "") -> dict[str, Any]:
    """Give what was signed as if for a challenge that counts, and for another site."""
    challenge = json.loads(Visitor(served).post("/login/passkey-options", []).text)["challenge"]
    text = signed["response"]["clientDataJSON"]
    client = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    client |= {"challenge": challenge} | ({"origin": origin} if origin else {})
    new = base64.urlsafe_b64encode(json.dumps(client).encode()).decode().rstrip("=")
    return signed | {"response": signed["response"] | {"clientDataJSON": new}}


@pytest.mark.long
def test_a_page_says_that_mainstay_is_gone_and_goes_on_by_itself_when_it_is_back(browser: Browser, served: Served):
    with visit(browser, served) as page:
        served.kill()
        page.get_by_text("No connection to Mainstay since").wait_for()
        served.begin()
        page.get_by_text("No connection to Mainstay since").wait_for(state="hidden")
        subject = ask(served, "after-the-restart")
        page.locator("article").filter(has_text=subject).wait_for()
