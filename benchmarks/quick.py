"""`make bench-quick`: Mainstay, the bare journal and LangGraph in under a minute; the ratios as one line of JSON.

Progress goes to the error output, the JSON is the last line of the output. What each figure is: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from lives import begin_filling, killed, waiting
from turns import Subject, heed_signals, note, ratio, scratch

if TYPE_CHECKING:
    from pathlib import Path

MAINSTAY, LANGGRAPH, JOURNAL, DISK = "mainstay_steps.py", "peer_langgraph.py", "peer_journal.py", "disk.py"
WINDOW_S = 0.5
ROUNDS_S = 20.0  # no further round begins after this
MOST_ROUNDS = 7
LEAST_ROUNDS = 2
FILL_S = 24.0
WAITING = 100_000

# name, program, what it is asked for, so many at once; neighbours are held against each other
WINDOWS = (
    ("c1_journal", JOURNAL, "plain", 1),
    ("c1", MAINSTAY, "plain", 1),
    ("c1_langgraph", LANGGRAPH, "plain", 1),
    ("effects_c50", MAINSTAY, "effect", 50),
    ("c50_langgraph", LANGGRAPH, "plain", 50),
    ("c50", MAINSTAY, "plain", 50),
    ("c50_journal", JOURNAL, "plain", 50),
    ("workers_c50", MAINSTAY, "worker", 50),
)


def main() -> None:
    check_arguments()
    heed_signals()
    with scratch() as folder:
        rates = rounds(folder)
        note("plans that wait, and 1,000 in flight when the process is killed")
        fill = begin_filling(folder / "waiting", WAITING, FILL_S)
        with fill:
            resumed = killed(folder / "killed")
            waited = waiting(folder / "waiting", fill, idle_s=0.5, rulings=0)
        note(f"  {waited['waiting']:,} wait")
    figures = {
        "c1_vs_langgraph": ratio(rates["c1"], rates["c1_langgraph"]),
        "c50_vs_langgraph": ratio(rates["c50"], rates["c50_langgraph"]),
        "effects_c50_vs_langgraph": ratio(rates["effects_c50"], rates["c50_langgraph"]),
        "workers_c50_vs_langgraph": ratio(rates["workers_c50"], rates["c50_langgraph"]),
        "c1_vs_journal": ratio(rates["c1"], rates["c1_journal"]),
        "c50_vs_journal": ratio(rates["c50"], rates["c50_journal"]),
        "waiter_kb": waited["waiter_kb"],
        "resume_1000_s": resumed["resume_1000_s"],
        "rebuild_vs_journal_rows": ratio(rates["rebuild"], rates["rows"]),
    }
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}), flush=True)


def check_arguments() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    unknown = parser.parse_known_args()[1]
    if unknown:
        parser.error(f"it takes no arguments, and was given {' '.join(unknown)}. `make bench` takes some")


def rounds(folder: Path) -> dict[str, list[float]]:
    """Measure all windows round by round, every second time in the other order; gives steps or rows per second."""
    rates: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, list[float]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        programs = {name: stack.enter_context(Subject(name, folder / name)) for name in (MAINSTAY, LANGGRAPH, JOURNAL)}
        disk = stack.enter_context(Subject(DISK, folder / DISK)).ready()
        for program in programs.values():
            program.ready()
        flushed = disk.ask("flush", seconds=0.3)
        note("one fsync takes {fsync_p50_ms:.2f} ms (median), {fsync_p99_ms:.2f} ms (p99)".format(**flushed))
        began = time.monotonic()
        for number in range(MOST_ROUNDS):
            if number >= LEAST_ROUNDS and (time.monotonic() - began) * (number + 1) / number > ROUNDS_S:
                break
            for name, program, kind, concurrency in WINDOWS[:: -1 if number % 2 else 1]:
                answer = programs[program].ask(kind, concurrency=concurrency, seconds=WINDOW_S)
                rates[name].append(answer["steps_per_s"])
                costs[name].append(answer["cpu_us_per_step"])
            rebuilt = programs[MAINSTAY].ask("rebuild", seconds=0.3)
            rates["rebuild"].append(rebuilt["taken_per_s"])
            rates["rebuild_all_read"].append(rebuilt["events_per_s"])
            rates["rows"].append(programs[JOURNAL].ask("rows", seconds=0.5)["rows_per_s"])
            note(f"round {number + 1}: " + ", ".join(f"{name} {rate[-1]:,.0f}" for name, rate in rates.items()))
    note("medians, per second: " + medians(rates))
    note("medians, us of processor per step, less shaken by a busy machine: " + medians(costs))
    return rates


def medians(figures: dict[str, list[float]]) -> str:
    return ", ".join(f"{name} {statistics.median(each):,.0f}" for name, each in figures.items())


if __name__ == "__main__":
    main()
