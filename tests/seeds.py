"""Tests that try the same in many ways: `make test` takes the first few of them, `make test-long` the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


def some(few: int, ways: Iterable[object]) -> list[object]:
    """Give all ways, those beyond the first few marked as long."""
    return [way if number < few else pytest.param(way, marks=pytest.mark.long) for number, way in enumerate(ways)]


def seeds(few: int, all_of_them: int) -> list[object]:
    """Give seeds from zero on, those beyond the first few marked as long."""
    return some(few, range(all_of_them))
