"""A real Chromium for tests of the console: one for all tests of a file, a fresh profile for each visitor."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from http_kit import until
from playwright.sync_api import Browser, Page, sync_playwright
from visitor import link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_kit import Served

CHROMIUM = shutil.which("chromium")
WAIT_MS = 30_000
EXPECTED = (
    "status of 401",
    "status of 404",
    "status of 409",
    "status of 422",
    "status of 502",
    "net::ERR_",
)  # what Chromium says of answers that a test asked for
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic")
_AXE = Axe()
_COUNTING = """window.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });"""


@contextmanager
def opened() -> Iterator[Browser]:
    """Start Chromium; without one the tests are left out (scripts/chromium installs it)."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: scripts/chromium")
    arguments = [*QUIET, "--no-first-run", *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, served: Served, **options: Any) -> Iterator[Page]:
    """Log in as a person would, in a profile of its own; afterwards nothing may have gone wrong in any page of it."""
    context = browser.new_context(**options)
    context.set_default_timeout(WAIT_MS)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda told: wrong.append(told.text) if told.type in ("error", "warning") else None)
    try:
        page = context.new_page()
        page.goto(served.url + link(served))
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Inbox", exact=True).wait_for()
        yield page
        left = [one for one in wrong if not any(known in one for known in EXPECTED)]
        assert left == [], left
    finally:
        context.close()


def log_out_behind(page: Page) -> None:
    """Load a page anew, and end its session once it listens: it is told nothing of that."""
    with page.expect_response("**/live?*"):
        page.reload()
    page.context.clear_cookies()


def tab_to(page: Page, says: str) -> None:
    """Press Tab until what has the focus says something."""

    def reached() -> bool:
        page.keyboard.press("Tab")
        return page.evaluate("document.activeElement.textContent") == says

    until(reached, f"the way to {says} by keys")


def unusable(page: Page, *rules: str) -> list[str]:
    """Give what keeps somebody from using a page, as axe-core finds it: by all its rules, or those that are named."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}  # a fifth of its work is to tell what is well
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = _AXE.run(page, options=options).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


def steady(page: Page) -> None:
    """Count from now on how far each page jumps while it is made: see `jumped`."""
    page.add_init_script(_COUNTING)


def jumped(page: Page) -> float:
    """Give how far what is seen jumped since the page was loaded: Chromium's layout shifts, of 1."""
    return page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(window.shifted), 0)))"
    )
