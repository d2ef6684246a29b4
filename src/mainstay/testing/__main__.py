"""`python -m mainstay.testing`: simulate many seeds, or replay one and tell its story."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING

from mainstay.errors import MainstayError
from mainstay.testing.status import FOUND, INTERRUPTED, NOT_PLAYED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SEEDS, PROCESSES = 200, 2  # where nothing else is asked for
MOST = 10**9  # seeds: one run of so many takes years
MOST_PROCESSES = 1024
# What goes with what is asked for: a story of one seed, a count of facts, or, without either, many seeds.
GOES_WITH = {
    "seed": ("every", "verbose"),
    "coverage": ("seeds", "first"),
    "": ("seeds", "first", "processes", "within", "state"),
}
STATUS = "Exit status: 0 nothing was found; 1 something was; 2 it was asked wrongly, or nothing was played; 130 Ctrl-C."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; gives the exit status (`STATUS`)."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    if wrong := _clash(given):
        parser.error(wrong)
    try:
        return _run(given, sys.stdout.write)
    except MainstayError as error:
        sys.stderr.write(f"{error.message} {error.remedy}\n")
        return NOT_PLAYED
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. The same command begins again.\n")
        return INTERRUPTED


def _run(given: dict[str, object], say: Callable[[str], object]) -> int:
    from mainstay.testing.coverage import coverage_of, lacking, table
    from mainstay.testing.many import simulate
    from mainstay.testing.simulate import every
    from mainstay.testing.story import tell

    asked = argparse.Namespace(**{"first": 0, "seeds": SEEDS, "processes": PROCESSES, "within": math.inf, **given})
    if "every" in given:
        found = every(asked.seed)
        say("".join(f"FOUND {finding}\n" for finding in found) or "Nothing was found.\n")
        return FOUND if found else 0
    if "seed" in given:
        return tell(asked.seed, say, whole="verbose" in given)
    seeds = range(asked.first, asked.first + asked.seeds)
    if "coverage" in given:
        covered = coverage_of(seeds)
        say(table(covered) + lacking(covered, len(seeds)))
        return FOUND if covered.missing() else 0
    return simulate(seeds, asked.processes, str(given.get("state", "")), say, asked.within)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mainstay.testing",
        description=__doc__,
        epilog=STATUS,
        argument_default=argparse.SUPPRESS,  # what was given is what is there
        allow_abbrev=False,
    )
    parser.add_argument("--seeds", type=_whole(1, MOST), help=f"so many seeds ({SEEDS})")
    parser.add_argument("--first", type=_whole(0, MOST), help="the first of them (0)")
    parser.add_argument("--processes", type=_whole(1, MOST_PROCESSES), help=f"at once ({PROCESSES})")
    parser.add_argument("--within", type=_seconds, help="no seed is begun after so many seconds")
    parser.add_argument("--state", type=_name, help="a file that remembers what was played, to go on from there")
    parser.add_argument("--seed", type=_whole(0, 2 * MOST), help="replay this one")
    parser.add_argument("--every", action="store_true", help="let it die at each of its boundaries in turn")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell every fact of it")
    parser.add_argument("--coverage", action="store_true", help="count the kinds of facts and commands they come past")
    return parser


def _clash(given: dict[str, object]) -> str:
    """Say what of it does not go together; empty where all does."""
    options = {name: "-v" if name == "verbose" else f"--{name}" for name in given}
    asked = "seed" if "seed" in given else "coverage" if "coverage" in given else ""
    alien = [option for name, option in options.items() if name not in (asked, *GOES_WITH[asked])]
    if alien and not asked:
        return f"{' and '.join(alien)} tells of one seed: say which with --seed N"
    if alien:
        return f"{', '.join(alien)} does not go with --{asked}: leave out one or the other"
    if "every" in given and "verbose" in given:
        return "--every tells only what it finds: leave out -v, or --every"
    return ""


def _whole(least: int, most: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return whole


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("name a file")
    return text


if __name__ == "__main__":
    sys.exit(main())
