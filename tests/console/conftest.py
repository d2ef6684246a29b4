"""Services that are served over HTTP: see http_kit.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from http_kit import new_served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_kit import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = new_served(tmp_path_factory.mktemp("served"))
    yield one
    one.end()
