"""Every screen in a real Chromium: usable by everybody in both themes and on a phone, by keys, without a jump.

`make screenshots` runs these tests too, and keeps what they see in docs/screens.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import jumped, steady, unusable, visit
from pictures import take
from screens import NO_SCREENS, SCREENS
from seeds import some

from mainstay.console import pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page
    from screens import Screen
    from stocked import Stocked

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
THEMES = ("light", "dark")
MOST_JUMPED = 0.02  # of the layout, as Chromium measures it
PICTURES = os.environ.get("MAINSTAY_SCREENS", "")


@pytest.fixture(scope="module")
def page(browser: Browser, stocked: Stocked) -> Iterator[Page]:
    with visit(browser, stocked, viewport=PHONE) as one:
        steady(one)
        yield one


def test_every_page_there_is_stands_in_the_list_of_screens():
    served = {page.path for screens in pages.SCREENS for page in screens if page.method == "GET"}
    listed = {screen.route for screen in SCREENS} - {"/nowhere", "/d/{link}"}
    assert served == listed | NO_SCREENS
    assert len({screen.name for screen in SCREENS}) == len(SCREENS)


@pytest.mark.parametrize("third", some(1, range(3)))
def test_every_screen_is_open_to_everybody_on_a_phone_and_does_not_jump(stocked: Stocked, page: Page, third: int):
    """Every second one in dark colours: both themes of each are looked at by the longer test."""
    wrong: list[str] = []
    for number, screen in enumerate(SCREENS[third::3]):
        page.emulate_media(color_scheme=THEMES[number % 2])
        found = looked_at(stocked, page, screen)
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > PHONE["width"]:
            found.append(f"{wide} px wide")
        if page.locator("h1").count() != 1:
            found.append("not one heading of the page")
        wrong += [f"{screen.name}: {one}" for one in found]
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_every_screen_is_open_to_everybody_at_a_desk_in_both_themes_and_does_not_jump(stocked: Stocked, page: Page):
    wrong: list[str] = []
    for screen in SCREENS:
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="light")
        page.goto(address(stocked, screen))
        found = unusable(page, "color-contrast")
        photograph(page, f"{screen.name}-phone")
        page.set_viewport_size(DESK)
        found += looked_at(stocked, page, screen)
        photograph(page, f"{screen.name}-light")
        page.emulate_media(color_scheme="dark")
        found += unusable(page, "color-contrast")
        photograph(page, f"{screen.name}-dark")
        wrong += [f"{screen.name}: {one}" for one in found]
    assert not wrong, "\n".join(wrong)


def address(stocked: Stocked, screen: Screen) -> str:
    return stocked.url + screen.address.format_map(stocked.names)


def looked_at(stocked: Stocked, page: Page, screen: Screen) -> list[str]:
    """Go to a screen; gives what is wrong with it."""
    page.goto(address(stocked, screen))
    most = jumped(page)
    return [*unusable(page), *([f"jumped by {most:.3f}"] if most >= MOST_JUMPED else [])]


def photograph(page: Page, name: str) -> None:
    if PICTURES:
        take(page, Path(PICTURES) / f"{name}.png")
