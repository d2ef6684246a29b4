"""Many seeds by the command line: what was played is known seed by seed, and a check that checks nothing is refused."""

import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mainstay.errors import FileError
from mainstay.testing import __main__, many
from mainstay.testing.state import Keeper, State

ROOT = Path(__file__).parents[2]


@pytest.fixture
def played(monkeypatch):
    """The seeds that are played; all of them find nothing, but those of 7."""
    seeds = []

    def run(seed):
        seeds.append(seed)
        return ["it is wrong"] if seed % 7 == 6 else []

    monkeypatch.setattr(many, "run", run)
    return seeds


def ask(*arguments):
    return __main__.main([*map(str, arguments), "--processes", "1"])


def test_a_defect_is_found_and_the_command_that_replays_it_works_from_the_folder_one_is_in(monkeypatch, capsys):
    from mainstay.runtime.settling import Settling

    monkeypatch.setattr(Settling, "settle", lambda *_: None)  # what is uncertain is never settled
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / ".venv/bin/python"))
    assert ask("--seeds", 2) == 1
    said = capsys.readouterr().out
    assert re.search(r"^  \.venv/bin/python -m mainstay\.testing --seed [01] -v$", said, re.MULTILINE)
    assert "nothing moves" in said
    monkeypatch.setattr(sys, "executable", "/else where/python")
    assert many.command("--seed", 1) == "'/else where/python' -m mainstay.testing --seed 1"


def test_seeds_count_as_played_one_by_one_whatever_was_asked_for_before(tmp_path, played, capsys):
    state = tmp_path / "state.json"
    assert ask("--seeds", 3, "--state", state) == 0
    assert ask("--first", 4, "--seeds", 1, "--state", state) == 0
    assert json.loads(state.read_text()) == {"played": [[0, 3], [4, 5]], "found": {}}
    assert ask("--seeds", 6, "--state", state) == 0
    assert played == [0, 1, 2, 4, 3, 5]
    assert "6 seeds played, 0 with findings; 2 of them now" in capsys.readouterr().out
    assert json.loads(state.read_text())["played"] == [[0, 6]]


def test_what_was_found_before_is_said_again_where_it_was_asked_for_and_counts_nowhere_else(tmp_path, played, capsys):
    state = tmp_path / "state.json"
    assert ask("--seeds", 8, "--state", state) == 1
    capsys.readouterr()
    assert ask("--seeds", 8, "--state", state) == 1
    said = capsys.readouterr().out
    assert "seed 6, played earlier: it is wrong\n" in said
    assert "-m mainstay.testing --seed 6 -v\n" in said
    assert "8 seeds played, 1 with findings; 0 of them now" in said
    assert ask("--seeds", 6, "--state", state) == 0
    assert "6 seeds played, 0 with findings" in capsys.readouterr().out


@pytest.mark.parametrize("seed", range(20))
def test_a_state_knows_exactly_what_was_played(seed):
    pick, state = random.Random(seed), State([], {})
    counted = pick.sample(range(30), 20)
    for each in counted:
        state.add(each, [])
    left = list(itertools.chain.from_iterable(state.left(range(5, 28))))
    assert left == [each for each in range(5, 28) if each not in counted]
    assert all(one[1] < other[0] for one, other in itertools.pairwise(state.played))


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"played":[[0,',
        "[]",
        '{"other":1}',
        '{"chunks":[0],"found":{}}',
        '{"played":[[5,3]],"found":{}}',
        '{"played":[[0,3]],"found":{"3":["x"]}}',
    ],
)
def test_a_file_that_is_no_state_is_refused_and_left_as_it_is(tmp_path, content, played, capsys):
    state = tmp_path / "state.json"
    state.write_text(content)
    assert ask("--seeds", 3, "--state", state) == 2
    assert "does not say which seeds were played" in capsys.readouterr().err
    assert played == []
    assert state.read_text() == content


def test_a_place_where_nothing_can_be_kept_is_refused_before_anything_is_played(tmp_path, played, capsys):
    assert ask("--state", tmp_path) == 2
    assert "is not a file. Name one" in capsys.readouterr().err
    assert ask("--state", tmp_path / "none/state.json") == 2
    assert "in a folder that is there" in capsys.readouterr().err
    assert played == []


def test_a_state_is_there_in_whole_when_writing_it_fails(tmp_path):
    keeper = Keeper(str(tmp_path / "state.json"))
    keeper.state.add(1, [])
    keeper.keep()
    keeper.state.add(2, [])
    (tmp_path / "state.json.new").mkdir()
    with pytest.raises(FileError, match="can't be kept"):
        keeper.keep()
    assert json.loads((tmp_path / "state.json").read_text())["played"] == [[1, 2]]


def test_the_time_is_looked_at_before_each_seed_and_what_was_played_counts(tmp_path, monkeypatch, capsys):
    times = itertools.count()
    monkeypatch.setattr(many.time, "monotonic", lambda: float(next(times)))
    monkeypatch.setattr(many, "run", lambda _: [])
    state = tmp_path / "state.json"
    assert ask("--seeds", 20, "--state", state, "--within", 5) == 0
    first = int(re.search(r"^(\d+) of 20 seeds played", capsys.readouterr().out)[1])
    assert 0 < first < 6
    assert json.loads(state.read_text())["played"] == [[0, first]]


def test_a_run_for_which_no_time_was_left_is_no_good_one(tmp_path, played, capsys):
    assert many.simulate(range(3), 1, "", sys.stdout.write, within_s=0) == 2
    said = capsys.readouterr().out
    assert "0 of 3 seeds played, 0 with findings; 0 of them now in 0 s (no more fit into its time)" in said
    assert "Nothing was checked" in said
    state = str(tmp_path / "state.json")
    assert many.simulate(range(3), 1, state, sys.stdout.write) == 0
    assert many.simulate(range(3), 1, state, sys.stdout.write, within_s=0) == 0  # all of them were played
    assert played == [0, 1, 2]


@pytest.mark.parametrize(
    "arguments",
    [
        "--seeds 0",
        "--seeds -1",
        "--seeds 99999999999999999999999",
        "--first -1",
        "--processes 0",
        "--processes -3",
        "--within 0",
        "--within nan",
        "--within soon",
        "--seed 1.5",
        "--every",
        "-v",
        "--coverage --seed 3",
        "--coverage --within 1",
        "--seed 5 --first 3",
        "--seed 5 --state f",
        "--seed 5 --within 1",
        "--seed 5 --every -v",
    ],
)
def test_what_can_not_be_done_or_does_not_go_together_is_refused(arguments, played, capsys):
    with pytest.raises(SystemExit) as ended:
        __main__.main(arguments.split())
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
    assert played == []


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_ends_it_in_a_sentence_that_says_how_to_go_on(tmp_path, processes):
    state = tmp_path / "state.json"
    program = subprocess.Popen(
        [sys.executable, "-m", "mainstay.testing", "--processes", str(processes), "--seeds", "5000", "--state", state],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        while not state.exists() or not json.loads(state.read_text())["played"]:
            assert program.poll() is None
            time.sleep(0.05)
        os.killpg(program.pid, signal.SIGINT)
        said, _ = program.communicate(timeout=60)
    finally:
        program.kill()
    assert program.returncode == 130
    assert "Traceback" not in said
    assert f"--first 0 --seeds 5000 --processes {processes} --state {state}\n" in said
    count = int(re.search(r"(\d+) of 5000 seeds played", said)[1])
    assert sum(behind - first for first, behind in json.loads(state.read_text())["played"]) == count > 0
