"""Assignment: the best reading of all lines and invoices together, and how much worse the second best is.

Each line takes at most one invoice, each invoice at most one line, so that the sum of the bits is greatest
(`scipy.optimize.linear_sum_assignment`: Jonker and Volgenant 1987, as implemented by Crouse 2016). A pair that is no
edge is worth nothing, which is the same as a "no match" column for every line.

The margin of a pair is what the total loses when that pair is forbidden. Two assignments differ by alternating paths
and cycles, so the loss is the cheapest cycle through the line in the residual graph: node i is a line on its column,
arc i -> j means "i takes j's column", and node T stands for columns nobody has. All cheapest ways are found at once
(Floyd and Warshall; Ahuja, Magnanti and Orlin, Network Flows, 1993, chapters 5 and 12).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Whole = NDArray[np.int64]

STEPS = 2**26  # weights are rounded to steps of 2**-26 bits: their sums are then exact, and equal sums are equal
EXACT_ROWS = 400  # over this many entangled lines margins are only bounded from below


class Placement(msgspec.Struct, frozen=True):
    """A line on an invoice; `rival` is what the line takes in the second best reading, None for no match."""

    row: int
    column: int
    margin: float
    rival: int | None


def assign(edges: Mapping[tuple[int, int], float]) -> list[Placement]:
    """Place rows on columns. `edges` maps (row, column) to its weight above no match, all greater than zero."""
    placements: list[Placement] = []
    for part in _parts(edges):
        placements += _solve(part, edges)
    return sorted(placements, key=lambda placement: placement.row)


def _parts(edges: Mapping[tuple[int, int], float]) -> list[list[tuple[int, int]]]:
    """Split the edges into parts that share neither row nor column, each in order."""
    root: dict[int, int] = {}

    def find(node: int) -> int:
        while root.setdefault(node, node) != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for row, column in sorted(edges):
        root[find(-1 - column)] = find(row)
    parts: dict[int, list[tuple[int, int]]] = {}
    for row, column in sorted(edges):
        parts.setdefault(find(row), []).append((row, column))
    return sorted(parts.values())


def _solve(part: Sequence[tuple[int, int]], edges: Mapping[tuple[int, int], float]) -> list[Placement]:
    import numpy as np

    if len({row for row, _ in part}) > EXACT_ROWS:
        return _solve_wide(part, edges)
    rows = sorted({row for row, _ in part})
    columns = sorted({column for _, column in part})
    row_at = {row: at for at, row in enumerate(rows)}
    column_at = {column: at for at, column in enumerate(columns)}
    weights = np.zeros((len(rows), len(columns)))
    for row, column in part:
        weights[row_at[row], column_at[column]] = round(edges[row, column] * STEPS) / STEPS
    taken = _best(weights)
    margins, rivals = _margins(weights, taken)
    placements: list[Placement] = []
    for at, row in enumerate(rows):
        column, rival = int(taken[at]), int(rivals[at])
        if column >= 0:
            placements.append(
                Placement(row, columns[column], float(margins[at]), None if rival < 0 else columns[rival])
            )
    return placements


def _best(weights: Matrix) -> Whole:
    """Give each row's column in the best assignment, -1 for no match."""
    import numpy as np
    from scipy import optimize

    rows, columns = cast("tuple[Whole, Whole]", optimize.linear_sum_assignment(weights, maximize=True))
    taken = np.full(len(weights), -1, dtype=np.int64)
    taken[rows] = np.where(weights[rows, columns] > 0, columns, -1)
    return taken


def _margins(weights: Matrix, taken: Whole) -> tuple[Matrix, Whole]:
    """Give each row's margin, and the column it takes in the second best reading (-1 for none)."""
    import numpy as np

    count = len(weights)
    own = np.where(taken >= 0, weights[np.arange(count), taken], 0.0)
    free = np.flatnonzero(~np.isin(np.arange(len(weights[0])), taken))
    spares = weights[:, free] if len(free) else np.zeros((count, 1))
    arcs = np.full((count + 1, count + 1), np.inf)
    arcs[:count, :count] = own[:, None] - np.where(taken >= 0, weights[:, taken], 0.0)
    arcs[:count, count] = own - spares.max(axis=1)
    arcs[count, :count] = 0.0
    np.fill_diagonal(arcs, np.inf)
    cycles = arcs[:count] + _cheapest_ways(arcs)[:, :count].T
    through = cycles.argmin(axis=1)
    spare = np.where(spares.max(axis=1) > 0, np.append(free, -1)[spares.argmax(axis=1)], -1)
    rivals = np.where(through == count, spare, np.append(taken, -1)[through])
    return cycles.min(axis=1), np.where(weights[np.arange(count), rivals] > 0, rivals, -1)


def _cheapest_ways(arcs: Matrix) -> Matrix:
    """Give the cheapest way between all nodes; no cycle is below zero, because the assignment is the best one."""
    import numpy as np

    ways = arcs.copy()
    np.fill_diagonal(ways, 0.0)
    for node in range(len(ways)):
        np.minimum(ways, ways[:, node, None] + ways[None, node], out=ways)
    return ways


def _solve_wide(part: Sequence[tuple[int, int]], edges: Mapping[tuple[int, int], float]) -> list[Placement]:
    """Place very many entangled lines: time and memory grow with the edges, not with rows times columns.

    Every row gets a column of its own that means no match, so that all can be placed (Jonker and Volgenant again, on
    a sparse graph). Margins are bounds (see `_bounded`).
    """
    import numpy as np
    from scipy import sparse
    from scipy.sparse import csgraph

    rows = sorted({row for row, _ in part})
    columns = sorted({column for _, column in part})
    row_at = {row: at for at, row in enumerate(rows)}
    column_at = {column: at for at, column in enumerate(columns)}
    own = range(len(rows))
    weights = [round(edges[pair] * STEPS) / STEPS for pair in part]
    most = max(weights) + 1.0
    costs = np.array([*(most - weight for weight in weights), *(most for _ in own)])
    froms = np.array([*(row_at[row] for row, _ in part), *own])
    tos = np.array([*(column_at[column] for _, column in part), *(len(columns) + row for row in own)])
    graph = sparse.csr_matrix((costs, (froms, tos)), shape=(len(rows), len(columns) + len(rows)))
    taken = cast("tuple[Whole, Whole]", csgraph.min_weight_full_bipartite_matching(graph))[1]
    chosen = {(row, columns[int(taken[at])]) for at, row in enumerate(rows) if taken[at] < len(columns)}
    return _bounded(part, edges, chosen)


def _bounded(
    part: Sequence[tuple[int, int]], edges: Mapping[tuple[int, int], float], chosen: set[tuple[int, int]]
) -> list[Placement]:
    """Give the chosen pairs with margins that are never too great.

    Where every row has the column it likes best, no way through the residual graph is below zero: a row that is moved
    loses what the next column is worth less, and so does the row that has that one. Else nothing is known: zero.
    """
    owner = {column: row for row, column in chosen}
    own = {row: edges[row, column] for row, column in chosen}
    rival: dict[int, tuple[float, int]] = {}  # the best other column of a row
    for row, column in part:
        if (row, column) not in chosen:
            weight = edges[row, column]
            rival[row] = max(rival.get(row, (0.0, -1)), (weight, -1 - column))
    loss = {row: own.get(row, 0.0) - rival.get(row, (0.0, -1))[0] for row, _ in part}
    content = min(loss.values()) >= 0
    margin = dict(own)
    for row, column in part if content else ():
        if (row, column) not in chosen and row in own:
            further = loss[owner[column]] if column in owner else 0.0
            margin[row] = min(margin[row], own[row] - edges[row, column] + further)
    placements: list[Placement] = []
    for row, column in sorted(chosen):
        other = rival[row][1] if row in rival else None
        bound = margin[row] if content else 0.0
        placements.append(Placement(row, column, bound, None if other is None else -1 - other))
    return placements
