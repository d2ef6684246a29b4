"""Cases that no rule was made for: `benchmarks/flow/apart.py` (requirement G7, SECURITY S69)."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "flow"


@pytest.fixture(scope="module")
def apart():
    spec = importlib.util.spec_from_file_location("flow_apart", FOLDER / "apart.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_s69_of_cases_set_apart_as_many_are_silent_and_unasked_as_the_page_says(apart, at):
    page = (FOLDER / "README.md").read_text()
    said = [int(cell) for cell in re.findall(r"\n\| after [^\n]*", page)[at].split("|")[2:-1]]
    assert list(apart.figures(apart.Play(apart.SETS[at])).values()) == said
