"""Sums: which of some amounts add up to a target, exactly and without ever trying all sets one by one.

Two searches, both bounded. `subsets` splits at most `POOL_MAX` values into two halves, makes all sums of each (2**11
at most) and looks for pairs of them (Horowitz and Sahni, "Computing Partitions with Applications to the Knapsack
Problem", JACM 21, 1974): 4,096 sums in the worst case, whatever the target. `runs` looks for neighbours only: among n
values there are n * (n - 1) / 2 such runs, found with n look-ups, for at most `RUN_MAX` values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

POOL_MAX = 22  # values that are combined freely
RUN_MAX = 1_000  # values among which neighbours are looked for
FOUND_MAX = 3  # the best set, its rival, and one to spare
PAIRS_MAX = 20_000  # sets that add up; among more the search was cut short
SUM_MAX = 2**61  # minor units; beyond it whole numbers of the machine overflow


class Sums(msgspec.Struct, frozen=True):
    """The sets that add up to a target, as positions; `complete` when the whole search was done."""

    found: tuple[tuple[int, ...], ...]
    complete: bool


def subsets(values: Sequence[int], target: int, most: int) -> Sums:
    """Find up to three sets of 2 to `most` values that add up to the target; small sets first, then early values.

    Values are positive. Only the first `POOL_MAX` values not above the target are looked at; `complete` says whether
    those were all.
    """
    fitting = [at for at, value in enumerate(values) if value <= target]
    pool = fitting[:POOL_MAX]
    if target > SUM_MAX or sum(values[at] for at in pool) > SUM_MAX:
        return Sums((), complete=False)
    if len(pool) < 2 or sum(values[at] for at in pool) < target:  # noqa: PLR2004 - a set
        return Sums((), complete=len(pool) == len(fitting))
    sets, whole = _sets([values[at] for at in pool], target, most)
    found = tuple(tuple(pool[at] for at in positions) for positions in sets)
    return Sums(found, complete=whole and len(pool) == len(fitting))


def runs(values: Sequence[int], target: int) -> tuple[tuple[int, int], ...]:
    """Find up to three runs of neighbours (first, one past the last) that add up to the target. Values are positive."""
    if sum(values[:RUN_MAX]) > SUM_MAX or target > SUM_MAX:
        return ()
    import numpy as np

    ends = np.concatenate([[0], np.cumsum(np.array(values[:RUN_MAX], dtype=np.int64))])
    last = np.searchsorted(ends, ends + target)
    hits = [(int(at), int(end)) for at, end in enumerate(last) if end < len(ends) and ends[end] == ends[at] + target]
    return tuple((first, end) for first, end in hits if end - first > 1)[:FOUND_MAX]


def _sets(values: Sequence[int], target: int, most: int) -> tuple[list[tuple[int, ...]], bool]:
    """Give the best sets that make the target, as positions, and whether all were looked at."""
    import numpy as np

    half = len(values) // 2
    ones, ones_size = _all_sums(values[:half], most)
    twos, twos_size = _all_sums(values[half:], most)
    order = np.argsort(twos, kind="stable")
    ordered = twos[order]
    first = np.searchsorted(ordered, target - ones, side="left")
    count = np.searchsorted(ordered, target - ones, side="right") - first
    hit = np.flatnonzero(count)
    total = np.cumsum(count[hit])
    kept = hit[total <= PAIRS_MAX]
    one = np.repeat(kept, count[kept])
    step = np.arange(len(one)) - np.repeat(np.cumsum(count[kept]) - count[kept], count[kept])
    two = order[np.repeat(first[kept], count[kept]) + step]
    sizes = ones_size[one] + twos_size[two]
    fit = np.flatnonzero((sizes > 1) & (sizes <= most))
    early = -_mirrored(one[fit], half), -_mirrored(two[fit], len(values) - half)
    best = fit[np.lexsort((early[1], early[0], sizes[fit]))][:FOUND_MAX]
    masks = [int(one[at]) | int(two[at]) << half for at in best]
    return [tuple(bit for bit in range(len(values)) if mask >> bit & 1) for mask in masks], len(kept) == len(hit)


def _mirrored(masks: Whole, width: int) -> Whole:
    """Turn the bits of sets around, so that a set with an earlier value is the larger number."""
    turned = masks * 0
    for bit in range(width):
        turned = turned | ((masks >> bit) & 1) << (width - 1 - bit)
    return turned


def _all_sums(values: Sequence[int], most: int) -> tuple[Whole, Whole]:
    """Give the sum and the size of every set; bit n of a position says whether value n is in it.

    A set that is too large has the sum of nothing that is looked for.
    """
    import numpy as np

    sums, sizes = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    for value in values:
        sums = np.concatenate([sums, sums + value])
        sizes = np.concatenate([sizes, sizes + 1])
    return np.where(sizes <= most, sums, -SUM_MAX), sizes
