"""Where the process may die: every boundary is counted, and at some of them it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.testing.loop import Crash

if TYPE_CHECKING:
    from collections.abc import Collection


class Boundaries:
    """Counts what is passed over all lives of a run: "before commit", "after call" and so on.

    Once the process died disk and world refuse all that is left of it, until `revive`.
    """

    def __init__(self, deadly: Collection[int] = ()) -> None:
        """Take the numbers of the boundaries at which the process dies, counted from 1."""
        self._deadly = frozenset(deadly)
        self.passed = 0
        self.is_dead = False
        self.deaths: list[str] = []

    def reach(self, name: str) -> None:
        """Come to a boundary; raises Crash where the process dies, and ever after."""
        self.alive()
        self.passed += 1
        if self.passed in self._deadly:
            self.is_dead = True
            self.deaths.append(f"{name} (boundary {self.passed})")
            raise Crash(name)

    def alive(self) -> None:
        """Raise Crash when the process has died."""
        if self.is_dead:
            raise Crash

    def revive(self) -> None:
        """Begin another life."""
        self.is_dead = False
