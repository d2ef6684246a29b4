"""docs/kernel-coverage.md proves every numbered paragraph, requirement and rule it lists, by tests there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "kernel-coverage.md").read_text()
LISTS = [line.split() for line in re.findall(r"^    (\w.*)$", PAGE, re.MULTILINE)]
PARAGRAPHS, REQUIREMENTS, FORMAT = LISTS
OPEN = "nothing yet: "
# Read as text: to parse all tests takes every run of any test a second.
ABOUT = re.compile(r'"""(.*?)"""', re.DOTALL)
TEST = re.compile(
    r'^ *def (test_\w+)\((?:\n.*?^ *)?[^\n]*\)(?: -> \w+)?:(?:\n+ +"""(.*?)""")?', re.DOTALL | re.MULTILINE
)


def known_tests() -> dict[str, str]:
    """Give the name of every test, with what its docstring and that of its file say."""
    found: dict[str, str] = {}
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text()
        about = ABOUT.match(text)
        for name, says in TEST.findall(text):
            found[name] = f"{about[1] if about else ''} {says}"
    return found


def tables() -> dict[str, list[tuple[str, str]]]:
    """Give the rows under each heading, by the heading's first word: what is said, and what proves it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^\| (.*) \| (.*) \|$", part, re.MULTILINE)
        found[part.split()[0]] = [row for row in rows if set(row[0]) != {"-"} and row[1] != "proved by"]
    return found


THERE = known_tests()
TABLES = tables()


@pytest.mark.parametrize("paragraph", PARAGRAPHS)
def test_every_paragraph_of_the_kernel_has_a_test(paragraph):
    named = re.compile(rf"^test_([a-z]+\d+_)*{paragraph.lower()}_")
    told = re.compile(rf"\b{paragraph}\b")
    assert any(named.match(name) or told.search(says) for name, says in THERE.items())


def test_the_lists_and_the_tables_are_the_same():
    assert [*PARAGRAPHS, *REQUIREMENTS, *FORMAT] == list(TABLES)
    assert {f"K{number}" for number in range(1, 22)} - {"K19"} <= {*REQUIREMENTS}, "K19 comes later"


@pytest.mark.parametrize("name", TABLES)
def test_every_row_names_a_test_or_says_that_there_is_nothing_yet(name):
    assert TABLES[name]
    for says, proof in TABLES[name]:
        assert proof.startswith(OPEN) or re.search(r"`test_\w+`", proof), says


def test_every_test_the_page_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 50
    assert named - THERE.keys() == set()
