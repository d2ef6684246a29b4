"""How much of one thing happens at once: calls of an operation, runs of an agent, work in worker processes (KERNEL P3).

What has no turn is not begun, and holds nothing but its place in line. A turn is given to the highest priority, then
to the plan that had the fewest turns of that line, so that a plan with a long list does not keep out the others. A
turn ends when its work does, also when that parks.

It lives in memory alone: what is under way stands in the plans, and after a start nothing is.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WORKERS = "workers"  # the line for worker processes
WORKERS_AT_ONCE = 32  # jobs that are handed over to them; each of them always has the next one at hand


class _Line:
    """Who has a turn of one thing, and who waits for one."""

    __slots__ = ("busy", "had", "most", "number", "waiting")

    def __init__(self, most: int) -> None:
        self.most = most
        self.busy = 0
        self.number = 0
        self.had: Counter[str] = Counter()  # turns of each plan since somebody began to wait
        self.waiting: dict[str, tuple[int, int]] = {}  # plan: its priority negated, and when it came

    def wait(self, plan: str, priority: int) -> None:
        if plan not in self.waiting:
            self.number += 1
            self.waiting[plan] = -priority, self.number

    def next(self) -> str:
        """Take the next plan out of the line."""
        plan = min(self.waiting, key=lambda name: (self.waiting[name][0], self.had[name], self.waiting[name][1]))
        del self.waiting[plan]
        return plan


class Turns:
    """Gives turns; `wake` lets a plan begin what it waits with."""

    def __init__(
        self,
        limits: Mapping[str, int],
        wake: Callable[[str], None],
        later: Callable[[Callable[[str], None], str], None],
    ) -> None:
        """Take the most of each name; `later` calls a function with a name soon, outside of all else."""
        self._lines = {name: _Line(most) for name, most in {WORKERS: WORKERS_AT_ONCE, **limits}.items()}
        self._wake = wake
        self._later = later
        self.taken: dict[tuple[str, str], tuple[str, ...]] = {}  # by plan and path: of which lines
        self._called = ""  # the plan whose turn it is right now

    def use(self, limits: Mapping[str, int]) -> None:
        """Take other limits from now on; who waits is woken where there is room."""
        for name, most in limits.items():
            self._lines.setdefault(name, _Line(most)).most = most
        for name, line in self._lines.items():
            if name != WORKERS and name not in limits:
                line.most = sys.maxsize
            self._later(self._call_next, name)

    def take(self, plan: str, path: str, names: Sequence[str], priority: int) -> bool:
        """Take one turn of each of these names, or none and wait in line: `wake` is called when it may be tried again.

        Names without a limit cost nothing.
        """
        lines = [self._lines[name] for name in names if name in self._lines]
        for line in lines:
            full = line.busy >= line.most
            if full or (line.waiting and self._called != plan):
                line.wait(plan, priority)
                return False
        for line in lines:
            line.busy += 1
            line.had[plan] += 1
        if lines:
            self.taken[plan, path] = tuple(name for name in names if name in self._lines)
        return True

    def leave(self, plan: str, path: str) -> None:
        """End the turns of a piece of work, if it has any; the next in line is woken soon."""
        for name in self.taken.pop((plan, path), ()):
            line = self._lines[name]
            line.busy -= 1
            if line.waiting:
                self._later(self._call_next, name)
            else:
                line.had.clear()

    def keep(self, busy: Mapping[str, set[str]]) -> None:
        """End the turns of all work but this, after what was derived had to be forgotten."""
        for plan, path in list(self.taken):
            if path not in busy.get(plan, ()):
                self.leave(plan, path)

    def _call_next(self, name: str) -> None:
        line = self._lines[name]
        while line.waiting and line.busy < line.most:
            self._called = line.next()
            try:
                self._wake(self._called)
            finally:
                self._called = ""
