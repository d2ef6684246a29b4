"""Every numbered paragraph of the kernel's semantics has tests, and docs/kernel-coverage.md names tests there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "kernel-coverage.md").read_text()
PARAGRAPHS = re.search(r"^    (L1 .*)$", PAGE, re.MULTILINE)[1].split()  # type: ignore[index]


def known_tests() -> dict[str, str]:
    """Give the name of every test, with what its docstring and that of its file say."""
    found: dict[str, str] = {}
    for path in TESTS.rglob("test_*.py"):
        module = ast.parse(path.read_text())
        about = ast.get_docstring(module) or ""
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found[node.name] = f"{about} {ast.get_docstring(node) or ''}"
    return found


THERE = known_tests()


@pytest.mark.parametrize("paragraph", PARAGRAPHS)
def test_every_paragraph_of_the_kernel_has_a_test(paragraph):
    named = re.compile(rf"^test_([a-z]+\d+_)*{paragraph.lower()}_")
    told = re.compile(rf"\b{paragraph}\b")
    assert any(named.match(name) or told.search(says) for name, says in THERE.items())


def test_every_test_the_page_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 50
    assert named - THERE.keys() == set()
