"""What was played so far, kept in a file: which seeds, and what they found. On which code is not kept."""

from __future__ import annotations

import os
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator


class State(msgspec.Struct, forbid_unknown_fields=True):
    """Ranges of seeds that were played, each from and up to, without the last, in order; and findings by seed."""

    played: list[tuple[int, int]]
    found: dict[int, list[str]]

    def add(self, seed: int, findings: list[str]) -> None:
        """Count a seed that was not played before."""
        at = bisect_right(self.played, (seed, seed))
        first, behind = seed, seed + 1
        if at < len(self.played) and self.played[at][0] == behind:
            behind = self.played.pop(at)[1]
        if at and self.played[at - 1][1] == first:
            at -= 1
            first = self.played.pop(at)[0]
        self.played.insert(at, (first, behind))
        if findings:
            self.found[seed] = findings

    def left(self, seeds: range) -> Iterator[range]:
        """Give what of these was not played, in order."""
        begin = seeds.start
        for first, behind in self.played:
            if begin < min(first, seeds.stop):
                yield range(begin, min(first, seeds.stop))
            begin = max(begin, behind)
        if begin < seeds.stop:
            yield range(begin, seeds.stop)

    def found_in(self, seeds: range) -> dict[int, list[str]]:
        """Give what was found by these, in order."""
        return {seed: self.found[seed] for seed in sorted(self.found) if seed in seeds}


class Keeper:
    """A file that keeps a state; none is kept where it has no name."""

    def __init__(self, name: str) -> None:
        """Read it where it is there, and write it once: what could not be kept later is refused before the first seed.

        Raises FileError where it is no state, or can't be written.
        """
        self._path = Path(name) if name else None
        self.state = _read(self._path) if self._path is not None else State([], {})
        self.keep()

    def keep(self) -> None:
        """Write it; on return it is on disk, and at every moment it is there in whole, as it is now or as it was.

        Raises FileError.
        """
        if self._path is None:
            return
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            with new.open("wb") as file:
                file.write(msgspec.json.encode(self.state))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise FileError(
                f"What was played can't be kept in {self._path}: {error.strerror}.",
                remedy="Name a file with --state in a folder that is there and can be written in.",
            ) from error


def _read(path: Path) -> State:
    if not path.exists():
        return State([], {})
    if not path.is_file():
        raise FileError(f"{path} is not a file.", remedy="Name one with --state; it is begun where it is not there.")
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
        _check(state)
    except OSError as error:
        raise FileError(
            f"{path} can't be read: {error.strerror}.", remedy="Let it be read, or name another file with --state."
        ) from error
    except ValueError as error:
        raise FileError(
            f"{path} does not say which seeds were played: it is torn, of an older Mainstay, or something else "
            f"({error}).",
            remedy="Name another file with --state, or remove this one: its seeds are played again.",
        ) from error
    return state


def _check(state: State) -> None:
    """Raise ValueError where the ranges are not in order, or something was found by what was not played."""
    ends = [end for one in state.played for end in one]
    if any(one >= other for one, other in pairwise(ends)):
        raise ValueError("its ranges are not in order")
    if not all(any(first <= seed < behind for first, behind in state.played) for seed in state.found):
        raise ValueError("something was found by a seed that was not played")
