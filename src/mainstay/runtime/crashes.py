"""Crashes that come again and again: of processes that don't start, and of code that ends the process it runs in.

One crash is an accident, and its job is tried again like any other. A row of them is held back, so that neither the
machine spins nor each plan has to find out by itself (FAULTS F16). Times are seconds since boot.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mainstay.errors import MainstayError, NeedsOperator

MOST_STARTS = 5  # in a row without one that works
MOST_CRASHES = 3  # of one function in a row, with the same input or with as many
HELD_S = 60.0  # then one try is let through
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0


class Starts:
    """Starts in a row that failed."""

    def __init__(self) -> None:
        """Nothing failed yet."""
        self.failed = 0

    @property
    def pause_s(self) -> float:
        """How long to wait before the next start."""
        return min(_FIRST_PAUSE_S * 2 ** (self.failed - 1), _LONGEST_PAUSE_S) if self.failed else 0.0

    def given_up(self, why: str) -> MainstayError | None:
        """Count a failed start; give the error of the jobs that wait once it is one too many."""
        self.failed += 1
        if self.failed < MOST_STARTS:
            return None
        return NeedsOperator(
            f"Worker processes don't start: {self.failed} in a row ended before their first job. {why}".strip(),
            remedy="Run `mainstay doctor`, mend what it names, then try the stuck steps again.",
        )


class _Row(NamedTuple):
    """Crashes of one function in a row: how often with which arguments, when last, and how."""

    counts: dict[int, int]
    last_s: float
    how: str


class Crashes:
    """Functions whose jobs ended their process.

    One that does so with the same arguments again and again is held with these: a poisoned file keeps no other from
    being read. One that does so with several is held altogether.
    """

    def __init__(self) -> None:
        """Nothing crashed yet."""
        self._rows: dict[str, _Row] = {}

    def died(self, entry: str, arguments: bytes, how: str, now_s: float) -> None:
        """A job of this function ended its process."""
        row = self._rows.get(entry)
        counts = row.counts if row is not None else {}
        counts[hash(arguments)] = counts.get(hash(arguments), 0) + 1
        self._rows[entry] = _Row(counts, now_s, how)

    def answered(self, entry: str) -> None:
        """A job of this function came back, with a result or an error."""
        if self._rows:
            self._rows.pop(entry, None)

    def held(self, entry: str, arguments: bytes, now_s: float) -> MainstayError | None:
        """Give the error for a job that is held; None for all others."""
        row = self._rows.get(entry) if self._rows else None
        if row is None or now_s >= row.last_s + HELD_S:
            return None
        same = row.counts.get(hash(arguments), 0) >= MOST_CRASHES
        if not same and len(row.counts) < MOST_CRASHES:
            return None
        with_what = "with the same input" if same else "with different input"
        return NeedsOperator(
            f"{_named(entry)} ended its worker process again and again {with_what} ({row.how}), "
            "and is not run for a minute.",
            remedy="Correct that code or what it is given, then try the stuck steps again.",
        )


def _named(entry: str) -> str:
    """Name a function as the operator's files do: the module's first part may be a version."""
    first, _, rest = entry.partition(".")
    return f"'{rest if rest and re.fullmatch('v[0-9a-f]{8,}', first) else entry}'"
