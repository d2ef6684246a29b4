"""Limits in time for one connector and account: a line at a stated pace, and a breaker that stops after failures.

    closed --FAILURES_TO_OPEN failures in a row--> open --its time is over--> half open --success--> closed
                                                    ^                             |
                                                    `--------- failure -----------'   (waits twice as long)

Both are plain state driven by the time they are given (seconds of a clock that never jumps); they never wait or
call by themselves. A line starts anew with the process; an opening of a breaker outlasts it (governance/outages.py).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

FAILURES_TO_OPEN = 3  # fewer than a step's attempts: one left over outlives the first opening
OPEN_S = 30.0  # the first time; doubles with every failed try, up to OPEN_AT_MOST_S
OPEN_AT_MOST_S = 900.0
TRY_S = 5.0  # until the try of a half open breaker may have ended
BURST_S = 10.0  # so much of the pace may be used at once after a quiet time; so long a kept place stays
WAIT_AT_MOST_S = 30.0  # in the line; beyond that a place is kept and the caller told when to come back
EARLY_S = 1.0  # a kept place may be taken so long before its time

State: TypeAlias = Literal["closed", "open", "half open"]


class Breaker:
    """Counts failures in a row; while open, nobody calls. One caller at a time tries when it is half open."""

    def __init__(self) -> None:
        self.state: State = "closed"
        self.failures = 0  # in a row
        self.until_s = 0.0  # open until then
        self._open_s = OPEN_S

    def admits(self, now_s: float) -> bool:
        """Say whether a call may go out now; the one that is let through half open is the try."""
        if self.state == "closed":
            return True
        if self.state == "half open" or now_s < self.until_s:
            return False
        self.state = "half open"
        return True

    def reopen(self, failures: int, until_s: float, open_s: float) -> None:
        """Go on with an opening of before a restart."""
        self.state, self.failures, self.until_s, self._open_s = "open", failures, until_s, open_s

    @property
    def open_s(self) -> float:
        """The length of the present opening, seconds."""
        return self._open_s

    def wait_s(self, now_s: float) -> float:
        """Give the seconds until it is worth asking again."""
        return self.until_s - now_s if now_s < self.until_s else TRY_S

    def succeeded(self) -> None:
        """The other side answered: forget all failures."""
        self.state, self.failures, self._open_s = "closed", 0, OPEN_S

    def failed(self, now_s: float) -> None:
        """The other side did not answer, or said it can't at the moment."""
        self.failures += 1
        if self.state == "half open":
            self._open_s = min(2 * self._open_s, OPEN_AT_MOST_S)
        if self.state != "open" and (self.state == "half open" or self.failures >= FAILURES_TO_OPEN):
            self.state, self.until_s = "open", now_s + self._open_s

    def withdrawn(self) -> None:
        """A call ended without saying anything about the other side: the try is open to the next one."""
        if self.state == "half open":
            self.state = "open"


class Line:
    """A queue at a pace of so many calls per minute (the generic cell rate algorithm, ITU-T I.371)."""

    def __init__(self, per_minute: int) -> None:
        self._between_s = 60.0 / per_minute
        self._free_at_s = float("-inf")  # when the next place is due at this pace
        self._kept: dict[float, str] = {}  # places of callers who will come back, by their time: the earliest first

    def enter(self, now_s: float, who: str = "") -> float:
        """Take a place and give the seconds to wait for it.

        Over WAIT_AT_MOST_S the place is kept for `who` to come back at that time, and BURST_S longer. Whoever comes
        under that name takes the earliest place kept for it.
        """
        due_s = self._kept_place(now_s, who)
        if due_s is None:
            due_s = max(self._free_at_s, now_s - BURST_S)
            self._free_at_s = due_s + self._between_s
        wait_s = max(0.0, due_s - now_s)
        if wait_s > WAIT_AT_MOST_S:
            self._kept[due_s] = who
        return wait_s

    def _kept_place(self, now_s: float, who: str) -> float | None:
        while self._kept and (first_s := next(iter(self._kept))) < now_s - BURST_S:
            del self._kept[first_s]  # nobody came
        for due_s, name in self._kept.items():
            if due_s > now_s + EARLY_S:
                break
            if name == who:
                del self._kept[due_s]
                return due_s
        return None
