"""What `mainstay.testing` offers: its example in docs/testing.md holds, and nothing wrong passes silently."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mainstay import testing

PAGE = (Path(__file__).parents[2] / "docs/testing.md").read_text()
MARKED = re.compile(r"<!-- executed by tests/testing/test_public.py -->\n```python\n(.*?)```", re.DOTALL)
(EXAMPLE,) = MARKED.findall(PAGE)


@pytest.mark.parametrize("name", re.findall(r"^def (test_\w+)\(\)", EXAMPLE, re.MULTILINE))
def test_the_example_of_the_page_holds(name):
    names = {}
    exec(compile(EXAMPLE, "docs/testing.md", "exec"), names)
    names[name]()


def test_the_example_shows_every_public_name_and_what_it_names_is_documented():
    for name in ("run", "every", "Simulation"):
        assert name in EXAMPLE
    assert all(getattr(testing, name).__doc__ for name in testing.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        testing.nothing  # noqa: B018 - that it is asked for is the test


def test_nothing_is_loaded_before_it_is_asked_for():
    code = "import sys, mainstay.testing; sys.exit('mainstay.events' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("seed", [None, "x", "3", 1.5])
@pytest.mark.parametrize("call", ["run", "every", "Simulation"])
def test_what_is_no_seed_is_refused(call, seed):
    with pytest.raises(TypeError, match="A seed is a whole number, not"):
        getattr(testing, call)(seed)


def test_a_number_that_no_seed_or_boundary_has_is_refused():
    with pytest.raises(ValueError, match="A seed is a number from 0, not -1"):
        testing.run(-1)
    with pytest.raises(ValueError, match="A boundary is a number from 1, not 0"):
        testing.Simulation(30, {0})
    with pytest.raises(TypeError, match="A boundary is a whole number"):
        testing.Simulation(30, {"5"})


def test_a_boundary_that_is_never_reached_is_a_finding():
    played = testing.Simulation(3, {5, 10**6}).play()
    assert played.findings == [f"boundary 1000000 was never reached: it ended after {played.passed}"]
