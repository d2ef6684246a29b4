"""How the console behaves under a person's hands: on a phone, over a slow line and a cut one, by keys, on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from browser import jumped, steady, tab_to, visit
from http_kit import ask, ended, until
from playwright.sync_api import expect
from screens import PRINTED, SCREENS
from visitor import Visitor

if TYPE_CHECKING:
    from http_kit import Served
    from playwright.sync_api import Browser, Locator, Page, Route
    from stocked import Stocked

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}


def test_on_a_phone_the_answers_stand_side_by_side_and_stay_at_the_bottom_while_a_long_card_is_read(
    browser: Browser, served: Served
):
    text = "\n".join(f"Line {number}" for number in range(80))
    served.post("long", wait=0, arguments={"to": "anna@example.com", "subject": "A long one", "text": text})
    with visit(browser, served, viewport=PHONE) as page:
        page.locator("article").filter(has_text="A long one").wait_for()
        yes, no = page.get_by_role("button", name="Approve"), page.locator("summary", has_text="Reject…")
        for down in (0, 300, 600):
            page.evaluate(f"scrollTo(0, {down})")
            left, right = box(yes), box(no)
            assert left["y"] == right["y"]
            assert left["x"] + left["width"] <= right["x"]
            assert PHONE["height"] - 90 < left["y"] + left["height"] <= PHONE["height"], down
        no.click()
        page.get_by_label("Why not?").fill("Too long")
        page.get_by_role("button", name="Reject", exact=True).click()
        page.get_by_role("heading", name="Inbox clear").wait_for()
    assert ended(served, "long") == "rejected"


def box(of: Locator) -> dict[str, float]:
    found = of.bounding_box()
    assert found is not None
    return dict(found)


@pytest.mark.long
def test_on_a_phone_every_place_is_reached_by_keys_and_the_place_one_is_at_is_seen(browser: Browser, served: Served):
    with visit(browser, served, viewport=PHONE) as page:
        more = page.locator(".more > summary")
        more.focus()
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Budgets").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Budgets").wait_for(state="hidden")
        assert page.evaluate("document.activeElement.textContent") == "More"
        page.keyboard.press("Enter")
        tab_to(page, "Budgets")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Budgets").wait_for()
        assert page.locator(".more > summary").inner_text() == "Budgets"
        page.goto(f"{served.url}/connectors")  # the longest name of them all, beside that of a company
        page.locator(".brand span").evaluate("one => { one.textContent = 'W'.repeat(113); }")
        brand, at = box(page.locator(".brand")), box(page.locator(".more > summary"))
        assert brand["x"] + brand["width"] <= at["x"]
        assert brand["y"] < at["y"] + at["height"] / 2 < brand["y"] + brand["height"]


@pytest.mark.long
def test_what_takes_long_says_so_and_can_not_be_pressed_twice(served: Served, page: Page):
    held: list[Route] = []
    subject = ask(served, "slow-line")
    page.goto(served.url)
    page.route("**/questions/*", lambda route: held.append(route))  # noqa: PLW0108 - it takes no built-in
    card = page.locator("article").filter(has_text=subject)
    card.get_by_role("button", name="Approve").click()
    page.get_by_role("status").filter(has_text="Working on it").wait_for()
    card.get_by_role("button", name="Approve").click()
    page.keyboard.press("Enter")
    held[0].continue_()
    page.get_by_role("status").filter(has_text="You approved").wait_for()
    assert len(held) == 1
    page.get_by_role("status").filter(has_text="Working on it").wait_for(state="hidden")
    page.unroute("**/questions/*")
    assert ended(served, "slow-line") == "done"


@pytest.mark.long
def test_a_form_that_leads_to_another_page_can_not_be_sent_twice_either(served: Served, page: Page):
    page.goto(f"{served.url}/access")
    held: list[Route] = []
    page.route("**/access/password", lambda route: held.append(route))  # noqa: PLW0108 - it takes no built-in
    for label in ("New password", "The new one again"):
        page.get_by_label(label).fill("a long enough one")
    button = page.get_by_role("button", name="Set it")
    button.scroll_into_view_if_needed()
    where = box(button)
    for _ in range(2):  # by hand: a locator would wait for the page to come
        page.mouse.click(where["x"] + 5, where["y"] + 5)
        until(lambda: page.wait_for_timeout(10) or held, "what was sent")
    held[0].continue_()
    page.get_by_text("One is set.").wait_for()
    assert len(held) == 1
    page.unroute("**/access/password")


def test_a_cut_line_is_told_with_its_time_what_was_typed_stays_and_all_goes_on_when_it_is_back(
    browser: Browser, served: Served
):
    subject = ask(served, "cut")
    with visit(browser, served) as page:
        steady(page)
        page.reload()
        card = page.locator("article").filter(has_text=subject)
        card.get_by_text("Reject…").click()
        card.get_by_label("Why not?").fill("Half a sen")
        page.context.set_offline(True)
        page.get_by_role("alert").filter(has_text="No connection to Mainstay since").wait_for()
        card.get_by_role("button", name="Reject", exact=True).click()
        page.get_by_role("status").filter(has_text="it is not known whether this was taken").wait_for()
        assert card.get_by_label("Why not?").input_value() == "Half a sen"
        page.context.set_offline(False)
        page.get_by_role("alert").filter(has_text="No connection").wait_for(state="hidden")
        assert card.get_by_label("Why not?").input_value() == "Half a sen"
        card.get_by_role("button", name="Reject", exact=True).click()
        page.get_by_role("status").filter(has_text="You rejected").wait_for()
    assert ended(served, "cut") == "rejected"


def test_an_answer_of_somebody_between_takes_neither_the_page_nor_what_was_typed(served: Served, page: Page):
    subject = ask(served, "bad-gateway")
    page.set_viewport_size(PHONE)
    page.goto(served.url)
    page.route("**/questions/*", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    card = page.locator("article").filter(has_text=subject)
    card.get_by_text("Reject…").click()
    card.get_by_label("Why not?").fill("Half a sen")
    card.get_by_role("button", name="Reject", exact=True).click()
    told = page.get_by_role("status").filter(has_text="it is not known whether this was taken")
    told.wait_for()
    expect(told).to_be_in_viewport(ratio=1)
    assert card.get_by_label("Why not?").input_value() == "Half a sen"
    page.set_viewport_size(DESK)
    page.unroute("**/questions/*")
    card.get_by_role("button", name="Reject", exact=True).click()
    page.get_by_role("status").filter(has_text="You rejected").wait_for()
    assert ended(served, "bad-gateway") == "rejected"


def test_a_form_that_is_shown_again_by_the_back_button_decides_nothing_more(served: Served, page: Page):
    subject = ask(served, "back-button")
    plan = served.get("/actions/back-button").json["plan"]
    page.goto(f"{served.url}/questions/{plan}.1")
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("status").filter(has_text="You approved").wait_for()
    assert ended(served, "back-button") == "done"
    page.go_back()
    page.get_by_role("heading", name=subject).wait_for()
    page.get_by_text("This question is closed").wait_for()
    assert page.get_by_role("button", name="Approve").count() == 0
    answered = [line for line in served.desk.json("show", plan)["timeline"] if line["what"].startswith("You approved")]
    assert len(answered) == 1


def test_a_card_that_comes_while_one_is_read_moves_nothing(served: Served, browser: Browser):
    ask(served, "read-first")
    with visit(browser, served, viewport=PHONE) as page:
        steady(page)
        page.reload()
        later = ask(served, "came-meanwhile")
        page.locator("article").filter(has_text=later).wait_for()
        assert jumped(page) < 0.02
        for subject in ("About read-first", later):
            page.locator("article").filter(has_text=subject).get_by_role("button", name="Approve").click()
            page.locator("article").filter(has_text=subject).wait_for(state="detached")


def test_a_card_that_comes_before_its_page_listens_is_shown(served: Served, browser: Browser):
    came: list[str] = []

    def later(route: Route) -> None:
        came.append(ask(served, f"came-between-{len(came)}"))
        route.continue_()

    with visit(browser, served) as page:
        page.route("**/live?*", later, times=1)
        page.reload()
        page.get_by_text("About came-between-0").first.wait_for()
        page.locator("article").filter(has_text=came[0]).get_by_role("button", name="Approve").click()
        page.locator("article").filter(has_text=came[0]).wait_for(state="detached")


def test_who_comes_back_to_a_tab_listens_from_what_its_page_was_made_anew_of(served: Served, browser: Browser):
    with visit(browser, served) as page:
        turn(page, away=True)
        before = int(page.evaluate("document.body.dataset.heard"))
        card = page.locator("article").filter(has_text=ask(served, "while-away"))
        with page.expect_request("**/live?*") as listens:
            turn(page, away=False)
        card.wait_for()
        assert int(listens.value.url.partition("heard=")[2]) > before
        card.get_by_role("button", name="Approve").click()
        card.wait_for(state="detached")


def turn(page: Page, *, away: bool) -> None:
    """Put the tab behind another one, or to the front again."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        away,
    )


def test_what_is_empty_says_so_and_what_to_do(browser: Browser, served: Served):
    visitor = Visitor(served).log_in()
    assert visitor.get("/inbox").headers["location"] == "/"
    with visit(browser, served) as page:
        for path in ("/", "/stuck", "/books", "/plans?words=nobody"):
            page.goto(served.url + path)
            clear = page.locator("section.clear")
            assert clear.get_by_role("heading").count() == 1, path
            assert clear.get_by_role("link").count() >= 1, path


def test_what_an_agent_found_is_said_in_a_sentence_and_its_reason_once(stocked: Stocked):
    said = Visitor(stocked).log_in().page(f"/questions/{stocked.names['lead']}").text
    assert "May fit, 50% sure. There are no rules that say who fits." in said
    assert said.count("There are no rules that say who fits.") == 1
    assert "confidence" not in said


@pytest.mark.long
def test_on_paper_stands_what_was_found_and_nothing_to_press(browser: Browser, stocked: Stocked):
    with visit(browser, stocked, viewport=DESK) as page:
        page.emulate_media(media="print")
        for screen in (one for one in SCREENS if one.name in PRINTED):
            page.goto(stocked.url + screen.address.format_map(stocked.names))
            pressed = page.locator("button:visible, input:visible, summary:visible, nav:visible, a.button:visible")
            assert pressed.all_inner_texts() == [], screen.name
            assert page.get_by_role("heading", level=1).is_visible()
            assert page.get_by_text("Acme Ltd").first.is_visible()
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            assert page.pdf().startswith(b"%PDF")


REACHED = """() => {
  const at = document.activeElement, ring = getComputedStyle(at), [where] = at.getClientRects();
  const between = (from, to, most) => (Math.max(from, 0) + Math.min(to, most)) / 2;
  const seen = where && document.elementFromPoint(
    between(where.left, where.right, innerWidth), between(where.top, where.bottom, innerHeight));
  if (at === document.body) return null;
  window.met = window.met || new Set();
  window.times = at === window.last ? window.times + 1 : 0; // a date is several fields, and one element
  const again = window.met.has(at) && (at !== window.last || window.times > 9);
  window.met.add(at);
  window.last = at;
  const labels = [...(at.labels || [])];
  const hidden = !seen || !(at.contains(seen) || seen.contains(at) || labels.some((one) => one.contains(seen)));
  return { again, says: at.outerHTML.slice(0, 120), ring: at.type === "date" || ring.outlineStyle !== "none", hidden };
}"""
TO_REACH = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]):not([type=radio]), select, textarea, summary, [tabindex='0']")]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && !window.met.has(one))
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("dialog:not([open])"))
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.mark.long
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_screen_is_gone_through_by_keys_alone_and_what_has_the_focus_is_seen(
    browser: Browser, stocked: Stocked, size: Any
):
    wrong: list[str] = []
    with visit(browser, stocked, viewport=size) as page:
        for screen in SCREENS:
            page.goto(stocked.url + screen.address.format_map(stocked.names))
            page.evaluate("window.met = new Set()")
            ends = 0  # of the page; it may begin in the midst, where something has the focus by itself
            while ends < 2:
                page.keyboard.press("Tab")
                at = page.evaluate(REACHED)
                if at is None or at["again"]:
                    ends += 1
                    continue
                if not at["ring"] or at["hidden"]:
                    wrong.append(f"{screen.name}: {'no ring' if not at['ring'] else 'behind something'}: {at['says']}")
            wrong += [f"{screen.name}: never reached: {one}" for one in page.evaluate(TO_REACH)]
    assert not wrong, "\n".join(wrong)
