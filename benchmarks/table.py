"""Writes the README's table of speeds from results.json: at the end of `make bench`, or run by itself."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from turns import write_whole

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BETWEEN = re.compile(r"(<!-- written by make bench -->\n).*?(<!-- end of make bench -->)", re.DOTALL)
# the row's words, what is measured, so many at once
ROWS = (
    ("steps, one plan at a time", "plain", 1),
    ("steps, 50 plans at once", "plain", 50),
    ("steps, 500 plans at once", "plain", 500),
    ("actions, intent on disk first, 50 at once", "effects", 50),
    ("steps in worker processes, 50 at once", "workers", 50),
)
SLOW_ROWS = (ROWS[0], ROWS[1], ROWS[3], ROWS[4])


def write(results: dict[str, Any]) -> None:
    """Put the table into the README, between its marks."""
    before = README.read_text()
    after, count = BETWEEN.subn(lambda marks: marks[1] + text(results) + marks[2], before)
    assert count == 1, "README.md has lost the marks of make bench"
    write_whole(README, after)


def text(results: dict[str, Any]) -> str:
    fast, slow = results["steps"], results["steps_slow_disk"]
    lines = [
        "| times as fast as | LangGraph | DBOS | bare journal | Mainstay, per second | p50, p99 ms | LangGraph's |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(row(fast, *each) for each in ROWS),
    ]
    if slow:
        lines += [row(slow, f"disk of 5 ms: {words}", what, at_once) for words, what, at_once in SLOW_ROWS]
    return "\n".join([*lines, "", *paragraph(results), ""])


def row(steps: dict[str, Any], words: str, what: str, at_once: int) -> str:
    ratios = [ratio_text(steps["ratios"][f"{what}_c{at_once}_vs_{peer}"]) for peer in ("langgraph", "dbos", "journal")]
    ours, theirs = steps[f"{what}_c{at_once}"], steps[f"langgraph_c{at_once}"]
    rate = f"{ours['steps_per_s']:,.0f}"
    return f"| {words} | {' | '.join([*ratios, rate, latency(ours), latency(theirs)])} |"


def ratio_text(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"


def latency(figures: dict[str, Any]) -> str:
    return ", ".join(milliseconds(figures[name]) for name in ("p50_ms", "p99_ms"))


def milliseconds(time: float) -> str:
    return f"{time:,.0f}" if time >= 100 else f"{time:.1f}" if time >= 10 else f"{time:.2f}"  # noqa: PLR2004


def paragraph(results: dict[str, Any]) -> list[str]:
    made, fast, waits, killed = results["made"], results["steps"], results["waiting"], results["killed"]
    disk, rebuilt = fast["disk"], fast["ratios"]["rebuild_vs_journal_rows"]
    pins = ", ".join(made["peers"][1:]).replace("==", " ")
    fsync = f"one fsync takes {disk['fsync_p50_ms']:.2f} ms here (p99 {disk['fsync_p99_ms']:.2f})"
    ruled, resumed = waits["ruling_p50_ms"], killed["resume_1000_s"]
    return [
        f"{made['on']}, {made['system']}, Python {made['python']}, {pins}; {fsync}.",
        f"{waits['waiting']:,} plans that wait for an answer: {memory(waits['waiter_kb'])},",
        f"{waits['idle_cpu_percent']:.2f} % of a core, {ruled:.1f} ms (median) from an answer to the next step kept.",
        f"Killed with 1,000 plans in flight: each goes on within {resumed:.2f} s of the next owner's open socket.",
        f"A rebuild goes through {fast['rebuild']['events_per_s']:,.0f} events/s; it takes in",
        f"{ratio_text(rebuilt)} times as many per second as a bare journal writes rows.",
        *grown({of: results[f"growth_{of}"] for of in ("events", "plans")}),
    ]


def memory(each_kb: float) -> str:
    """Say what a difference of two processes shows, which of a few plans is nothing or less."""
    return f"{each_kb:.2f} KB of memory each" if each_kb > 0 else "too little memory each to be measured"


def grown(growth: dict[str, Any]) -> list[str]:
    said: list[str] = []
    for of, sizes in growth.items():
        first, last = sizes[0], sizes[-1]
        if first is last:
            said.append(f"At {first[of]:,} {of} a step costs {first['cpu_us_per_step']:.0f} us of processor.")
            continue
        more = (last["cpu_us_per_step"] / first["cpu_us_per_step"] - 1) * 100
        said.append(
            f"From {first[of]:,} to {last[of]:,} {of} a step's cost goes from {first['cpu_us_per_step']:.0f} to"
            f" {last['cpu_us_per_step']:.0f} us of processor ({more:+.0f} %)."
        )
    return said


if __name__ == "__main__" and "full" not in sys.modules:
    write(json.loads((HERE / "results.json").read_text()))
