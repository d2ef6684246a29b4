"""docs/security.md: every number has a test of that number where the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "security.md"
ROW = re.compile(r"\| ([A-Z]\d+(?:, [A-Z]\d+)*) \| .+ \| (.+) \|")
CITED = re.compile(r"`([a-z_/0-9]+\.py)` ([a-z]\d+)")
NUMBERS = (
    {f"S{number}" for number in (*range(22, 31), *range(46, 60), *range(66, 70))}
    | {f"G{number}" for number in (1, 2, 3, *range(5, 11))}
    | {"F18", "F20", "F21", "E1", "E4", "E6", "C5", "K3", "A1", "O11", "O15", "O16"}
)
ROWS = [ROW.fullmatch(line) for line in PAGE.read_text().splitlines() if ROW.fullmatch(line)]


def test_every_number_of_governance_stands_on_the_page():
    listed = [number for row in ROWS if row for number in row[1].split(", ")]
    assert (sorted(NUMBERS - set(listed)), len(listed)) == ([], len(set(listed)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_what_the_page_cites_is_there(row: re.Match[str]):
    cited = CITED.findall(row[2])
    assert cited
    for name, number in cited:
        found = re.findall(r"def (test_\w+)", (TESTS / name).read_text())
        assert any(number in test.split("_") for test in found), f"{name} has no test of {number}"
