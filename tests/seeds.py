"""Seeds of tests that try chance again and again: `make test` takes a few of them, `make test-long` the others."""

from __future__ import annotations

import pytest


def seeds(few: int, all_of_them: int) -> list[object]:
    """Give seeds from zero on, those beyond the first few marked as long."""
    return [*range(few), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(few, all_of_them))]
