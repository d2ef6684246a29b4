"""Seeds that found something once: each with what it found (STYLE, Tests)."""

import pytest

from mainstay.testing.simulate import run

FOUND = {
    30: "an operator who is not told of a question that a failed commit brought to disk has to look for it",
    555: "an answer refused because another tab was quicker is given again when that tab's commit fails",
    332: "a disk that fails again while plans are resumed after a mending leaves the owner standing still",
}


@pytest.mark.parametrize("seed", FOUND)
def test_a_seed_that_found_something_finds_it_no_more(seed):
    assert run(seed) == []
