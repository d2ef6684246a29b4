"""`make torture` refuses to check nothing, and tells what held so far when Ctrl-C ends it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faults import ALL, title

TORTURE = Path(__file__).with_name("torture.py")
ROOT = TORTURE.parents[2]


def begun(*arguments):
    return subprocess.Popen(
        [sys.executable, TORTURE, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("arguments", [("f4",), ("F99",), ("F1",), ("no such", "F4"), ("",)])
def test_a_fault_that_is_not_there_is_refused_with_those_that_are(arguments):
    program = begun("--rounds", "1", *arguments)
    said, _ = program.communicate(timeout=60)
    assert program.returncode == 2
    assert f"no fault is called {arguments[0]!r}" in said
    assert all(title(fault) in said for fault in ALL)


@pytest.mark.parametrize("rounds", ["0", "-1"])
def test_no_rounds_are_refused(rounds):
    program = begun("--rounds", rounds)
    said, _ = program.communicate(timeout=60)
    assert program.returncode == 2
    assert "play nothing" in said


@pytest.mark.torture
def test_ctrl_c_ends_it_with_the_table_so_far():
    """A round is over, and the next one is under way."""
    program = begun("--short", "--rounds", "1000", "F11")
    try:
        said = ""
        while "1/1000 F11 two owners: held" not in said:
            line = program.stdout.readline()
            assert line, said
            said += line
        os.killpg(program.pid, signal.SIGINT)
        rest, _ = program.communicate(timeout=90)
    finally:
        program.kill()
    assert program.returncode == 130
    assert "Traceback" not in said + rest
    table = rest.partition("Stopped; so far")[2]
    assert "one at a time; the other is told who" in table
