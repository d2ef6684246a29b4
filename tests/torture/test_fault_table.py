"""docs/faults.md has a row for every fault, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from faults import ALL

ROOT = Path(__file__).parents[2]
NUMBERS = [f"F{number}" for number in range(1, 22)]
PLAYED = {f"F{number}" for number in (*range(3, 18), 20)}


def rows(text: str) -> dict[str, list[str]]:
    """Give the cells of each row by its number."""
    found = re.findall(r"^\| (F\d+) \| (.+) \|$", text, re.MULTILINE)
    return {number: rest.split(" | ") for number, rest in found}


TABLE = rows((ROOT / "docs/faults.md").read_text())


def test_every_number_has_one_row():
    assert list(TABLE) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_a_row_says_how_and_what_holds_and_names_tests_that_carry_its_number(number):
    how, holds, tests = TABLE[number]
    assert how
    assert holds
    files = [ROOT / name for name in re.findall(r"`(tests/\S+\.py)`", tests)]
    assert files
    assert all(file.is_file() for file in files), tests
    wanted = re.compile(rf"\b{number}\b|_{number.lower()}\b|_{number.lower()}_|FAULTS? {number}")
    assert any(wanted.search(file.read_text()) for file in files), f"none of them speaks of {number}"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_row_names_what_make_torture_plays_under_its_number(number):
    played = {fault.name for fault in ALL if fault.number == number}
    named = set(re.split(r", ", TABLE[number][2].partition("torture: ")[2].partition(";")[0]))
    assert played <= named, f"not named: {played - named}"
    assert named - {""} <= {fault.name for fault in ALL}
    assert bool(played) == (number in PLAYED)
