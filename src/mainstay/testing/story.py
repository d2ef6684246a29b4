"""The story of one seed: what befell it and what was recorded, as a person can follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.ledger import database
from mainstay.ledger.reader import READ_TAIL, recorded
from mainstay.testing.clock import EPOCH_US
from mainstay.testing.simulate import Simulation, run
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.testing.disk import Disk

_ALL = 1_000_000
_MOST_CHARS = 160


def tell(seed: int, say: Callable[[str], object], *, whole: bool) -> int:
    """Replay a seed and say what was found, with every fact of the run that died if that is wanted; 1 for findings."""
    runs: list[Simulation] = []
    findings = run(seed, runs.append)
    for number, simulation in enumerate(runs):
        died = ", ".join(simulation.deaths) or "nowhere"
        say(f"run {number + 1}: {simulation.lives} lives, died {died}\n")
    if whole:
        told = next((one for one in runs if one.deaths), runs[-1])  # those after it only tell what else may happen
        _tell_facts(told.disk, say)
        for one in told.world.happened:
            say(f"{one.at_s:10.2f}  in the world: {one.operation} for {one.unit} under {one.token[:8]}\n")
    for finding in findings:
        say(f"FOUND {finding}\n")
    say("" if findings else "Nothing was found.\n")
    return 1 if findings else 0


def _tell_facts(disk: Disk, say: Callable[[str], object]) -> None:
    for row in database.rows(disk.connection, READ_TAIL, (0, _ALL)):
        event = recorded(row, disk.segments)
        at_s = (event.recorded_at_us - EPOCH_US) / SECOND_US
        say(f"{at_s:10.2f} {event.position:4} {event.stream}@{event.sequence} {str(event.fact)[:_MOST_CHARS]}\n")
