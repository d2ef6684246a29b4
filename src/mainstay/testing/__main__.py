"""`python -m mainstay.testing`: simulate many seeds, or replay one and tell its story."""

from __future__ import annotations

import argparse
import math
import sys

from mainstay.testing.chunks import simulate
from mainstay.testing.coverage import coverage_of, table
from mainstay.testing.simulate import every
from mainstay.testing.story import tell


def main() -> int:
    """Run what the command line asks for; 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m mainstay.testing", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="so many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--processes", type=int, default=2, help="at once")
    parser.add_argument("--within", type=float, default=math.inf, help="no more are begun after so many seconds")
    parser.add_argument("--state", default="", help="a file that remembers what was done, to go on from there")
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--every", action="store_true", help="let it die at each of its boundaries in turn")
    parser.add_argument("--coverage", action="store_true", help="count the kinds of facts and commands they come past")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell every fact of it")
    given = parser.parse_args()
    say = sys.stdout.write
    if given.seed is not None and given.every:
        found = every(given.seed)
        say("".join(f"FOUND {finding}\n" for finding in found) or "Nothing was found.\n")
        return 1 if found else 0
    if given.coverage:
        covered = coverage_of(range(given.first, given.first + given.seeds))
        say(table(covered))
        return 1 if covered.missing() else 0
    if given.seed is not None:
        return tell(given.seed, say, whole=given.verbose)
    seeds = range(given.first, given.first + given.seeds)
    return simulate(seeds, given.processes, given.state, say, given.within)


if __name__ == "__main__":
    sys.exit(main())
