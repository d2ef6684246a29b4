"""The long form: every fault, round after round, each with a seed of its own: `make torture SEED=n ROUNDS=n ARGS=F4`.

Ends with a table of what was injected and what held, also when Ctrl-C ends it, and with status 1 where something did
not; 2 where there is no such fault, or none of them can be played here; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from faults import ALL, Fault, lacks, play, title  # noqa: E402 - found only now
from rig import LONG, SHORT, Size  # noqa: E402
from starter import beforehand  # noqa: E402

if TYPE_CHECKING:
    from types import FrameType

ROUNDS = 5
FAILED, NOT_PLAYED, INTERRUPTED = 1, 2, 130  # exit statuses


class Round(NamedTuple):
    """What came of one round: faults that met work under way, and what did not hold."""

    struck: int
    why: str


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", help="numbers or parts of names; all of them when none is given")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--short", action="store_true", help="as small as in make test")
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error(f"{given.rounds} rounds play nothing: at least 1")
    if unknown := [name for name in given.faults if not any(is_named(fault, name) for fault in ALL)]:
        there = "".join(f"\n  {title(fault)}" for fault in ALL)
        parser.error(f"no fault is called {' or '.join(map(repr, unknown))}. There are:{there}")
    chosen = [fault for fault in ALL if not given.faults or any(is_named(fault, name) for name in given.faults)]
    say(f"seed {given.seed}, {given.rounds} rounds of {len(chosen)} faults")
    found: dict[str, list[Round]] = {title(fault): [] for fault in chosen}
    signal.signal(signal.SIGINT, interrupted)
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        beforehand()  # so owners do not hear Ctrl-C: each round ends its own
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        play_all(chosen, found, given.seed, given.rounds, SHORT if given.short else LONG)
    except KeyboardInterrupt:
        say(f"\nStopped; so far, of seed {given.seed}:")
        return report(chosen, found) or INTERRUPTED
    status = report(chosen, found)
    if not any(found.values()):
        say("None of them can be played on this machine: nothing was checked.")
        return NOT_PLAYED
    return status


def interrupted(number: int, frame: FrameType | None) -> None:
    """End the round, and let nothing interrupt what that puts back in order."""
    del number, frame
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def play_all(chosen: list[Fault], found: dict[str, list[Round]], seed: int, rounds: int, size: Size) -> None:
    """Play rounds of all that this machine lets us play; what came of each is in `found` as soon as it is over."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        os.environ |= {"XDG_CONFIG_HOME": f"{folder}/config", "XDG_RUNTIME_DIR": folder}
        for turn in range(rounds):
            for fault in chosen:
                if not lacks(fault.needs):
                    one(fault, seed + turn, size, f"{turn + 1}/{rounds}", found[title(fault)])


def is_named(fault: Fault, name: str) -> bool:
    return name == fault.number or (bool(name) and not name[1:].isdigit() and name in title(fault))


def one(fault: Fault, seed: int, size: Size, turn: str, found: list[Round]) -> None:
    """Play a round; what came of it is in `found` before it is said."""
    began = time.monotonic()
    try:
        struck = play(fault, seed, size)
    except Exception as error:  # noqa: BLE001 - the others are still to be played
        traceback.print_exc()
        found.append(Round(0, str(error).partition("\n")[0] or type(error).__name__))
        say(f"{turn} {title(fault)}: FAILED; again with: make torture SEED={seed} ROUNDS=1 ARGS='\"{fault.name}\"'")
        return
    found.append(Round(struck, ""))
    say(f"{turn} {title(fault)}: held, struck {struck} times, {time.monotonic() - began:.1f} s")


def report(chosen: list[Fault], found: dict[str, list[Round]]) -> int:
    """Print the table; gives the exit status."""
    say(f"\n{'fault':<42}{'rounds':>7}{'struck':>8}{'held':>6}  what held")
    for fault in chosen:
        rounds = found[title(fault)]
        bad = [one.why for one in rounds if one.why]
        what = lacks(fault.needs) or (f"NOT: {bad[0]}" if bad else fault.holds if rounds else "not played")
        struck = sum(one.struck for one in rounds)
        say(f"{title(fault):<42}{len(rounds):>7}{struck:>8}{len(rounds) - len(bad):>6}  {what}")
    return FAILED if any(one.why for rounds in found.values() for one in rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
