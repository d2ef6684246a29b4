"""Cases that no rule was made for: `benchmarks/flow/apart.py` (requirement G7, SECURITY S69)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "flow"


@pytest.fixture(scope="module")
def figures():
    spec = importlib.util.spec_from_file_location("flow_apart", FOLDER / "apart.py")
    apart = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(apart)
    return apart.figures(apart.Play())


def test_s69_of_cases_set_apart_no_more_are_silent_than_the_page_says(figures):
    last = [row for row in (FOLDER / "README.md").read_text().splitlines() if row.startswith("| ")][-1]
    said = [int(cell) for cell in last.split("|")[2:-1]]
    assert list(figures.values()) == said
