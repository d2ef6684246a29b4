"""The programs of `make bench` that measure Mainstay still run, and count what is on disk."""

import json
import re
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import budgets  # noqa: E402 - found through the line above
import console  # noqa: E402
import lives  # noqa: E402
import table  # noqa: E402
from turns import Subject, ratio  # noqa: E402


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


def test_the_table_is_written_from_the_results_alone():
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
    results = {
        "made": {"on": "2026-01-01", "system": "Linux", "python": "3.11", "peers": ["apsw==1", "dbos==2"]},
        "steps": steps,
        "steps_slow_disk": None,
        "waiting": {"waiting": 5, "waiter_kb": 0.04, "idle_cpu_percent": 0.02, "ruling_p50_ms": 1.5},
        "killed": {"resume_1000_s": 0.5},
        "growth_events": [window | {"events": 1000}, window | {"events": 10_000, "cpu_us_per_step": 66.0}],
        "growth_plans": [window | {"plans": 1000}, window | {"plans": 10_000}],
    }
    text = table.text(json.loads(json.dumps(results)))
    assert "| steps, 50 plans at once | 12.3 | 12.3 | 12.3 | 1,234 | 0.50, 123 | 0.50, 123 |" in text
    assert "goes from 60 to 66 us of processor (+10 %)" in text
    assert not re.search(r"disk of 5 ms", text)
