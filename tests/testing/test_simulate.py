"""Whole runs: what must hold after crashes (FAULTS F1), and that a seed is all there is to a run."""

import os
import subprocess
import sys

import pytest
from seeds import some

from mainstay.testing import simulate
from mainstay.testing.simulate import Simulation, run

HEADS = """
from mainstay.testing.simulate import Simulation, deadly_of
for seed in range(5):
    alone = Simulation(seed).play()
    print(alone.head, Simulation(seed, deadly_of(seed, alone.passed), 1).play().head)
"""


@pytest.mark.parametrize("first", some(1, range(0, 40, 10)))  # many more of them: make simulate
def test_f1_plans_end_as_without_a_crash_and_nothing_is_lost_or_done_twice(first):
    assert {seed: found for seed in range(first, first + 10) if (found := run(seed))} == {}


@pytest.mark.parametrize("seed", some(1, [452, 3, 437, 678]))  # throttles; alone; a tool
def test_f1_it_may_die_at_every_single_boundary(seed):
    assert simulate.every(seed) == []


def test_f1_it_dies_where_it_is_told_to():
    passed = Simulation(3, {simulate.NEVER}).play().passed
    assert passed > 50
    for boundary in range(1, passed, 9):
        assert Simulation(3, {boundary}).play().deaths[0].endswith(f"(boundary {boundary})")


def test_a_seed_gives_the_same_history_whatever_the_order_of_hashes():
    def heads(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run([sys.executable, "-c", HEADS], env=environment, check=True, capture_output=True).stdout

    first = heads("1")
    assert len(first.split()) == 10
    assert heads("2") == first


def test_a_run_that_dies_differs_from_one_that_does_not():
    died = Simulation(3, {40}, 0)
    assert died.play().deaths == [died.deaths[0]]
    assert died.lives == 2


def test_another_schedule_is_another_history_of_the_same_plans():
    one, other = simulate.Simulation(5).play(), simulate.Simulation(5, (), 1).play()
    assert one.head != other.head
    assert one.outcome.keys() == other.outcome.keys()
