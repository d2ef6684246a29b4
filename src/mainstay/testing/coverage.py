"""What simulated runs come past: how often every kind of fact was recorded, and every command decided."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, cast, get_args

from mainstay import commands as c
from mainstay import events as e
from mainstay.ledger import database
from mainstay.runtime.stage import Stage
from mainstay.testing.simulate import run

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from mainstay.testing.simulate import Simulation

# How many facts of each kind there are.
KINDS = "SELECT kind, count(*) FROM event GROUP BY kind"
# What simulated runs need not come past. A limit or a budget begins a further stream once it was used two thousand
# times (tests/runtime/test_admission.py, tests/kernel/test_budget.py); the last is told over HTTP
# (tests/console/test_callbacks.py).
EXCEPTED = frozenset({"PlacesKept", "BudgetKept", "CallbackTried"})
ENOUGH = 2000  # seeds, over which nothing else may be missing


class Coverage(NamedTuple):
    """How often each was there, by name, also those that never were."""

    facts: Counter[str]
    commands: Counter[str]

    def missing(self) -> list[str]:
        """Name what never was, but for what is excepted."""
        return [name for counted in self for name, times in counted.items() if not times and name not in EXCEPTED]

    def add(self, other: Coverage) -> None:
        """Count another one too."""
        for own, more in zip(self, other, strict=True):
            own.update(more)


def coverage_of(seeds: Iterable[int]) -> Coverage:
    """Run seeds, and count what they come past."""
    found = nothing()
    with _counting(found.commands):
        for seed in seeds:
            simulations: list[Simulation] = []
            run(seed, simulations.append)
            for simulation in simulations[:2]:  # alone and with crashes; the others only look for an end
                found.facts.update(dict(database.rows(simulation.disk.connection, KINDS)))
    return found


def nothing() -> Coverage:
    """Give the coverage of no seed at all."""
    return Coverage(_names(e.AnyFact), _names(c.PlanCommand))


def table(coverage: Coverage) -> str:
    """Write it as a table."""
    rows = [*coverage.facts.items(), *coverage.commands.items()]
    return "".join(f"{times:9}  {name}\n" for name, times in rows)


def lacking(coverage: Coverage, seeds: int) -> str:
    """Say what was missing over so many seeds."""
    missing = coverage.missing()
    if not missing:
        return "Nothing is missing.\n"
    few = f" Over {ENOUGH} seeds none may be; {seeds} are few." if seeds < ENOUGH else ""
    return f"Missing: {', '.join(missing)}.{few}\n"


@contextmanager
def _counting(commands: Counter[str]) -> Generator[None]:
    """Count all commands that are decided, for as long as this lasts."""
    decide = Stage.decide

    def counted(self: Stage, plan_id: str, command: c.PlanCommand, because: str = "") -> None:
        decide(self, plan_id, command, because)
        commands[type(command).__name__] += 1

    Stage.decide = counted
    try:
        yield
    finally:
        Stage.decide = decide


def _names(union: object) -> Counter[str]:
    return Counter({cast("type", kind).__name__: 0 for kind in get_args(union)})
