"""The programs of `make bench` that measure Mainstay still run, and count what is on disk."""

import json
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import budgets  # noqa: E402 - found through the line above
import console  # noqa: E402
import full  # noqa: E402
import lives  # noqa: E402
import table  # noqa: E402
from turns import Subject, ratio, scratch  # noqa: E402

BEGIN = """
import sys
from turns import Subject, heed_signals, scratch
heed_signals()
with scratch() as folder:
    program = Subject(PROGRAM, folder / "program")
    print(folder, program.process.pid, flush=True)
    with program.ready():
        DOES
"""
MEASURES = ("disk.py", "program.ask('flush', seconds=100)")


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    with Subject("mainstay_steps.py", tmp_path_factory.mktemp("steps")) as program:
        yield program.ready()


@pytest.mark.parametrize("kind", ["plain", "effect", "worker"])
def test_every_step_that_is_counted_is_on_disk(steps, kind):
    answer = steps.ask(kind, concurrency=3, seconds=0.0)
    assert answer["steps"] == answer["on_disk"] == 3 * 10


def test_a_program_that_counted_more_than_is_on_disk_ends_the_run(steps):
    steps._line = lambda: {"steps": 11, "on_disk": 10}
    try:
        with pytest.raises(RuntimeError, match="counted 11 steps, and 10 are on disk"):
            steps.answer()
    finally:
        del steps._line


def test_a_rebuild_counts_only_the_events_that_are_taken(steps):
    steps.ask("plain")
    rebuilt = steps.ask("rebuild")
    assert 0 < rebuilt["taken"] < rebuilt["events"]


@pytest.mark.long
def test_plans_that_wait_do_so_with_the_next_owner_too(tmp_path):
    with lives.begin_filling(tmp_path, 1, 60.0) as fill:
        waited = lives.waiting(tmp_path, fill, idle_s=0.01, rulings=2)
    assert waited["waiting"] == 500, "one lot"
    assert 0 < waited["ruling_p50_ms"] <= waited["ruling_p99_ms"]


def test_all_plans_in_flight_go_on_after_a_kill(tmp_path):
    assert lives.killed(tmp_path, plans=20)["socket_open_s"] > 0


@pytest.mark.parametrize("caps", budgets.CAPS)
def test_budgets_hold_and_settle_what_is_measured(caps, monkeypatch):
    monkeypatch.setattr(budgets, "PAIRS", 500)
    assert budgets.pairs_per_s(budgets.CAPS[caps]) > 0


@pytest.mark.long
def test_the_pages_of_a_past_that_was_told_again_are_measured(tmp_path, monkeypatch, capsys):
    for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    asked = ["--plans", "300", "--events", "3000", "--lines", "50", "--rounds", "1", "--folder", str(tmp_path / "past")]
    monkeypatch.setattr(
        sys, "argv", ["console.py", *asked, "--only", "^(inbox|stuck|books|a plan over|a question, alike)$"]
    )
    console.main()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["screens"] == 5
    assert found["slowest_p50_ms"] > 0


def test_a_ratio_compares_neighbours_in_time():
    assert ratio([10.0, 1.0, 8.0], [1.0, 0.1, 4.0]) == 10.0


def test_the_readme_keeps_the_marks_that_the_table_is_written_between():
    assert table.BETWEEN.search(table.README.read_text())


def results_of(**made):
    window = {"steps_per_s": 1234.5, "p50_ms": 0.5, "p99_ms": 123.4, "cpu_us_per_step": 60.0}
    names = ("plain", "effects", "workers", "langgraph", "dbos", "journal")
    measured = {f"{name}_c{at_once}": window for name in names for at_once in (1, 50, 500)}
    ratios = {f"{a}_c{c}_vs_{b}": 12.34 for a in names[:3] for b in names[3:] for c in (1, 50, 500)}
    steps = {
        "disk": {"fsync_p50_ms": 0.1, "fsync_p99_ms": 0.2},
        "ratios": {**ratios, "rebuild_vs_journal_rows": 2.0},
        "rebuild": {"events_per_s": 300_000.0, "taken_per_s": 100_000.0},
        **measured,
    }
    return {
        "made": {"on": "2026-01-01", "system": "Linux", "python": "3.11", "peers": ["apsw==1", "dbos==2"], **made},
        "steps": steps,
        "steps_slow_disk": None,
        "waiting": {"waiting": 5, "waiter_kb": 0.04, "idle_cpu_percent": 0.02, "ruling_p50_ms": 1.5},
        "killed": {"resume_1000_s": 0.5},
        "growth_events": [window | {"events": 1000}, window | {"events": 10_000, "cpu_us_per_step": 66.0}],
        "growth_plans": [window | {"plans": 1000}, window | {"plans": 10_000}],
    }


def test_the_table_is_written_from_the_results_alone():
    text = table.text(json.loads(json.dumps(results_of())))
    assert "| steps, 50 plans at once | 12.3 | 12.3 | 12.3 | 1,234 | 0.50, 123 | 0.50, 123 |" in text
    assert "goes from 60 to 66 us of processor (+10 %)" in text
    assert "0.04 KB of memory each" in text
    assert not re.search(r"disk of 5 ms", text)


def test_of_too_few_plans_the_table_says_neither_less_than_no_memory_nor_a_growth():
    results = results_of()
    results["waiting"]["waiter_kb"] = -0.28
    del results["growth_events"][1:]
    text = table.text(results)
    assert "wait for an answer: too little memory each to be measured," in text
    assert "At 1,000 events a step costs 60 us of processor." in text


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Files as they are after a whole run, and one that was broken off."""
    for of, name in ((full, "RESULTS"), (full, "SHORT_RESULTS"), (full, "PARTS_DONE"), (full, "SHORT_PARTS_DONE")):
        monkeypatch.setattr(of, name, tmp_path / "build" / f"{name}.json")
    monkeypatch.setattr(table, "README", tmp_path / "README.md")
    table.README.write_text("Fast.\n<!-- written by make bench -->\nbefore\n<!-- end of make bench -->\n")
    (tmp_path / "build").mkdir()
    full.RESULTS.write_text("before")
    full.PARTS_DONE.write_text("of a whole run")
    return tmp_path


@pytest.mark.parametrize("less", ["--rounds 1", "--seconds 0.3", "--waiting 99999", "--events 3000", "--plans 2000"])
def test_a_shorter_run_prints_its_table_and_leaves_the_readme_as_it_is(less, places, capsys):
    full.finish(results_of(**vars(full.arguments(less.split()))))
    told = capsys.readouterr()
    assert "\nbefore\n" in table.README.read_text()
    assert full.RESULTS.read_text() == "before"
    assert full.PARTS_DONE.read_text() == "of a whole run"
    assert "| steps, 50 plans at once | 12.3 |" in told.out
    assert f"shorter than a whole one ({less.split()[0]} " in told.err
    assert json.loads(full.SHORT_RESULTS.read_text())["steps"]


@pytest.mark.parametrize("more", ["", "--rounds 6 --seconds 4 --waiting 200000"])
def test_a_whole_run_or_a_longer_one_writes_the_readme(more, places):
    full.finish(results_of(**vars(full.arguments(more.split()))))
    assert "Fast.\n<!-- written by make bench -->\n| times as fast as" in table.README.read_text()
    assert json.loads(full.RESULTS.read_text())["made"]["rounds"] >= 5
    assert not full.PARTS_DONE.exists()
    assert not full.SHORT_RESULTS.exists()


def test_a_shorter_run_goes_on_where_it_was_and_no_other_one_does(places):
    made = {"on": "2026-01-01", **vars(full.arguments(["--rounds", "1"]))}
    full.parts_done(made).write_text(json.dumps({"made": made, "killed": {"resume_1000_s": 0.5}}))
    assert full.begun_before(made)["killed"] == {"resume_1000_s": 0.5}
    assert full.begun_before(made | {"on": "2026-01-02"}).keys() == {"made"}
    assert full.begun_before(made | vars(full.arguments([]))).keys() == {"made"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("--rounds 0", "--rounds: it takes a whole number, at least 1, and not '0'"),
        ("--rounds 1.5", "--rounds: it takes a whole number"),
        ("--seconds 0", "--seconds: it takes a number, at least 0.1 and at most 60, and not '0'"),
        ("--seconds -1", "and not '-1'"),
        ("--seconds nan", "and not 'nan'"),
        ("--seconds inf", "and not 'inf'"),
        ("--waiting 0", "--waiting: it takes a whole number, at least 1"),
        ("--events 999", "--events: it takes a whole number, at least 1,000"),
        ("--plans 0", "--plans: it takes a whole number, at least 1,000"),
        ("--bogus", "unrecognized arguments: --bogus"),
        ("--round 1", "unrecognized arguments: --round 1"),
    ],
)
def test_a_size_that_measures_nothing_is_refused(asked, said, capsys):
    with pytest.raises(SystemExit) as ended:
        full.arguments(asked.split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("program", "asked", "said"),
    [
        ("quick.py", "--rounds 1 --bogus", "it takes no arguments, and was given --rounds 1 --bogus"),
        ("full.py", "--rounds 0", "--rounds: it takes"),
    ],
)
def test_a_program_refuses_before_it_begins_anything(program, asked, said, tmp_path):
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / program), *asked.split()],
        env={**os.environ, "BENCH_TMP": str(tmp_path / "made")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "made").exists()


def begun(where, program, does):
    """Begin a run; gives it, its folder, and what becomes readable when its program has ended."""
    run = subprocess.Popen(
        [sys.executable, "-c", BEGIN.replace("PROGRAM", repr(program)).replace("DOES", does)],
        env={**os.environ, "BENCH_TMP": str(where), "PYTHONPATH": str(BENCHMARKS)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    folder, pid = run.stdout.readline().decode().split()
    return run, Path(folder), os.pidfd_open(int(pid))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("ready", [True, False])
def test_a_run_that_is_stopped_leaves_no_folder_and_no_process(number, ready, tmp_path):
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(100)\n")
    where = tmp_path / "where"
    run, folder, program = begun(where, *(MEASURES if ready else (str(slow), "pass")))
    assert folder.parent == where
    run.send_signal(number)
    run.communicate(timeout=60)
    assert run.returncode == 128 + number
    assert select.select([program], [], [], 60)[0], "the program goes on"
    assert list(where.iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next_and_a_living_ones_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_TMP", str(tmp_path))
    (tmp_path / "bench-of-somebody").mkdir()
    killed, left, its_program = begun(tmp_path, *MEASURES)
    living, used, other_program = begun(tmp_path, "disk.py", "sys.stdin.readline()")
    killed.kill()
    killed.communicate(timeout=60)
    assert select.select([its_program], [], [], 60)[0], "the program goes on"
    assert left.exists()
    with scratch() as own:
        assert not left.exists()
        assert used.exists()
        assert len(list(tmp_path.iterdir())) == 5, "two folders with their files, and that of somebody"
        assert own.is_dir()
    living.communicate(b"\n", timeout=60)
    assert living.returncode == 0
    assert select.select([other_program], [], [], 60)[0]
    assert [each.name for each in tmp_path.iterdir()] == ["bench-of-somebody"]
