"""What tests of the console share: services over HTTP (http_kit.py), a workspace of everything, one Chromium a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser import opened, visit
from http_kit import new_served
from stocked import new_stocked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_kit import Served
    from playwright.sync_api import Browser, Page
    from stocked import Stocked


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service for a file of tests, in which they do what they like."""
    one = new_served(tmp_path_factory.mktemp("served"))
    yield one
    one.end()


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stocked]:
    """The service in which all screens have something to show; only to be looked at."""
    one = new_stocked(tmp_path_factory.mktemp("stocked"))
    yield one
    one.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium."""
    with opened() as one:
        yield one


@pytest.fixture(scope="module")
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """Somebody who is logged in to `served`."""
    with visit(browser, served) as one:
        yield one
