"""`make bench`: everything of benchmarks/README.md; writes results.json, then the table of the project's README.

Shorter, to try it: `make bench ARGS="--rounds 1 --seconds 0.5 --waiting 5000 --events 10000 --plans 1000"`. Such a run
prints its table and writes into `build/` alone.

What a part found is kept in `build/bench-parts.json` until all are done: a run that was broken off goes on after the
last part it finished, if it is begun again the same day, from the same commit and with the same arguments.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import table
from lives import begin_filling, killed, lists, waiting
from turns import HERE, ROOT, Subject, at_least, heed_signals, note, ratio, scratch, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from turns import Env

RESULTS = HERE / "results.json"
SHORT_RESULTS = ROOT / "build" / "bench-results.json"
PARTS_DONE, SHORT_PARTS_DONE = ROOT / "build" / "bench-parts.json", ROOT / "build" / "bench-parts-short.json"
# what README and results.json are about, or more of it
WHOLE: dict[str, float] = {"rounds": 5, "seconds": 3.0, "waiting": 100_000, "events": 1_000_000, "plans": 1_000_000}
MAINSTAY, LANGGRAPH, DBOS, JOURNAL, DISK = (
    "mainstay_steps.py", "peer_langgraph.py", "peer_dbos.py", "peer_journal.py", "disk.py",
)  # fmt: skip
# what, program, what it is asked for: neighbours are held against each other
LINES = (
    ("journal", JOURNAL, "plain"),
    ("plain", MAINSTAY, "plain"),
    ("langgraph", LANGGRAPH, "plain"),
    ("effects", MAINSTAY, "effect"),
    ("workers", MAINSTAY, "worker"),
    ("dbos", DBOS, "plain"),
)
OURS, PEERS = ("plain", "effects", "workers"), ("langgraph", "dbos", "journal")
FIGURES = ("steps_per_s", "p50_ms", "p99_ms", "cpu_us_per_step")
AT_ONCE = (1, 50, 500)
FILL_LIMIT_S = 1200.0
KILLS = 3
SMALLEST = 1000  # of a history that grows
GROWTH_WINDOWS = 5
LONGEST_S = 60.0  # of a window: an answer that takes twice as long ends the run

Figures: TypeAlias = dict[str, Any]


def main() -> None:
    wanted = arguments()
    heed_signals()
    results = begun_before(about(wanted))
    if less := shorter(results["made"]):
        note(f"shorter than a whole run ({less}): README.md and results.json will stay as they are")
    with scratch() as folder:
        for name, part in PARTS.items():
            if name not in results:
                note(f"--- {name}")
                results[name] = part(folder, wanted)
                write_whole(parts_done(results["made"]), json.dumps(results))
    finish(results)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    size = at_least(SMALLEST)
    parser.add_argument("--rounds", type=at_least(1))
    parser.add_argument("--seconds", type=at_least(0.1, LONGEST_S, of=float), help="of a window")
    parser.add_argument("--waiting", type=at_least(1), help="plans")
    parser.add_argument("--events", type=size, help="that the history grows to")
    parser.add_argument("--plans", type=size, help="that the history grows to")
    parser.set_defaults(**WHOLE)
    return parser.parse_args(given)


def shorter(made: Figures) -> str:
    """Say what of a run is less than README's table is made of; "" of a whole run."""
    return ", ".join(f"--{name} {made[name]:,} of {whole:,}" for name, whole in WHOLE.items() if made[name] < whole)


def parts_done(made: Figures) -> Path:
    """Where parts are kept; to try a shorter run loses nothing of a whole one that was broken off."""
    return SHORT_PARTS_DONE if shorter(made) else PARTS_DONE


def begun_before(made: Figures) -> Figures:
    """Give what a run of the same kind found before it was broken off."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        found: Figures = json.loads(parts_done(made).read_text())
        if found["made"] == made:
            note(f"going on after {', '.join(name for name in found if name != 'made') or 'nothing'}")
            return found
    return {"made": made}


def finish(results: Figures) -> None:
    """Write README's table and results.json; of a shorter run print the table and leave both as they are."""
    made = results["made"]
    text = json.dumps(results, indent=1) + "\n"
    if less := shorter(made):
        write_whole(SHORT_RESULTS, text)
        print(table.text(results), flush=True)
        note(f"This run was shorter than a whole one ({less}), so README.md and {RESULTS} were not written.")
        note(f"Its figures are in {SHORT_RESULTS}.")
    else:
        write_whole(RESULTS, text)
        table.write(results)
        note(f"{RESULTS} and the README's table are written")
    parts_done(made).unlink(missing_ok=True)


def about(wanted: argparse.Namespace) -> Figures:
    pins = [line.strip() for line in (HERE / "peers.in").read_text().splitlines() if not line.startswith("#")]
    commit = subprocess.run(  # of the code that is measured
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "on": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "peers": pins,
        **vars(wanted),
    }


# --- steps


def steps(folder: Path, wanted: argparse.Namespace, env: Env | None = None) -> Figures:
    """Measure all engines in turn; gives medians by what is measured and how many at once, and their ratios."""
    seen: dict[str, list[Figures]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        names = {program for _, program, _ in LINES} | {DISK}
        programs = {name: stack.enter_context(Subject(name, folder / name, env=env)) for name in sorted(names)}
        for program in programs.values():
            program.ready()
        for number in range(wanted.rounds):
            seen["disk"].append(programs[DISK].ask("flush", seconds=1.0))
            for at_once in at_once_of(env):
                for name, program, kind in LINES[:: -1 if number % 2 else 1]:
                    answer = programs[program].ask(kind, concurrency=at_once, seconds=wanted.seconds)
                    seen[f"{name}_c{at_once}"].append(answer)
                    note(f"round {number + 1}: {name}, {at_once} at once: {answer['steps_per_s']:,.0f} steps/s")
            seen["rebuild"].append(programs[MAINSTAY].ask("rebuild", seconds=1.0))
            seen["rows"].append(programs[JOURNAL].ask("rows", seconds=1.0))
    return summary(seen, at_once_of(env))


def at_once_of(env: Env | None) -> tuple[int, ...]:
    """So many workflows at a time; the peers' 500 would take too long on a slow disk."""
    return AT_ONCE[:2] if env else AT_ONCE


def summary(seen: dict[str, list[Figures]], at_onces: tuple[int, ...]) -> Figures:
    found: Figures = {"disk": medians(seen["disk"], ("fsync_p50_ms", "fsync_p99_ms")), "ratios": {}}
    for at_once in at_onces:
        for name, _, _ in LINES:
            found[f"{name}_c{at_once}"] = medians(seen[f"{name}_c{at_once}"], FIGURES)
        for ours in OURS:
            for peer in PEERS:
                above, below = (rates(seen[f"{name}_c{at_once}"]) for name in (ours, peer))
                found["ratios"][f"{ours}_c{at_once}_vs_{peer}"] = round(ratio(above, below), 3)
    rebuilt, rows = [each["taken_per_s"] for each in seen["rebuild"]], [each["rows_per_s"] for each in seen["rows"]]
    found["rebuild"] = medians(seen["rebuild"], ("events_per_s", "taken_per_s"))
    found["ratios"]["rebuild_vs_journal_rows"] = round(ratio(rebuilt, rows), 3)
    return found


def medians(answers: list[Figures], names: tuple[str, ...]) -> Figures:
    return {name: round(statistics.median(answer[name] for answer in answers), 3) for name in names}


def rates(answers: list[Figures]) -> list[float]:
    return [answer["steps_per_s"] for answer in answers]


def steps_slow_disk(folder: Path, wanted: argparse.Namespace) -> Figures | None:
    env = slow_disk(folder)
    return steps(folder / "slow", wanted, env) if env else None


def slow_disk(folder: Path) -> Env | None:
    """Build what makes every fsync 5 ms slower; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        note("no C compiler here: the slow disk is left out")
        return None
    built = folder / "slow_disk.so"
    source = HERE / "slow_disk.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", built, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(built)}


# --- lives and growth


def waits(folder: Path, wanted: argparse.Namespace) -> Figures:
    with begin_filling(folder / "waiting", wanted.waiting, FILL_LIMIT_S) as fill:
        found = waiting(folder / "waiting", fill, idle_s=20.0, rulings=300)
    found["lists"] = lists(folder / "waiting")
    note(f"  {found}")
    return found


def kills(folder: Path, _: argparse.Namespace) -> Figures:
    seen = [killed(folder / f"killed-{number}") for number in range(KILLS)]
    note(f"killed with 1,000 plans in flight: {seen}")
    return {"resume_1000_s": round(statistics.median(each["resume_1000_s"] for each in seen), 3)}


def growth(folder: Path, of: str, play: str, until: int) -> list[Figures]:
    """Let a history grow tenfold again and again; gives what a step costs at each size."""
    found: list[Figures] = []
    with Subject(MAINSTAY, folder / f"growth-{of}", limit_s=3600.0).ready() as program:
        size = SMALLEST
        while size <= until:
            grown = program.ask("grow", of=of, play=play, until=size)
            seconds = 0.3 if size < until / 10 else 2.0  # what a window adds must not be more than there is
            windows = [program.ask(play, concurrency=50, seconds=seconds) for _ in range(GROWTH_WINDOWS)]
            found.append({of: grown[of], **medians(windows, FIGURES)})
            note(f"grown: {found[-1]}")
            size *= 10
    return found


PARTS: dict[str, Callable[[Path, argparse.Namespace], Any]] = {
    "steps": lambda folder, wanted: steps(folder / "fast", wanted),
    "steps_slow_disk": steps_slow_disk,
    "waiting": waits,
    "killed": kills,
    "growth_events": lambda folder, wanted: growth(folder, "events", "plain", wanted.events),
    "growth_plans": lambda folder, wanted: growth(folder, "plans", "single", wanted.plans),  # of one step each
}

if __name__ == "__main__":
    main()
