"""Draws the steps of a plan or a playbook as a graph: from top to bottom, each below all that it needs.

Only places and lines come from here; `templates/graph.html` makes SVG of them. A list of the same stands beside it.
An edge that follows from others is left out, so that what is left can be followed by eye.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstay.kernel.graph import Graph

WIDE, HIGH = 136, 44  # of a step, in points of the drawing
ACROSS, DOWN = 16, 32  # between two of them
LANE = 12  # of an edge that passes by others
MARGIN = 6
STEPS = 200  # of more a drawing shows nothing that can be followed
SWEEPS = 6  # times that rows are put in order by their neighbours
NAME_CHARS = 17
LOOKS = {  # how a step looks, by where it stands
    "done": "done", "skipped": "off", "rejected": "off", "later": "later", "not reached": "off", "taken back": "off",
    "failed": "bad", "stuck": "bad", "uncertain": "bad", "settling": "bad", "asked": "ask", "gated": "ask",
}  # fmt: skip


class Node(NamedTuple):
    """One step, with the upper left corner of its box."""

    name: str
    says: str
    look: str
    x: int
    y: int

    @property
    def short(self) -> str:
        """Its name, as far as it fits into the box."""
        return self.name if len(self.name) <= NAME_CHARS else f"{self.name[: NAME_CHARS - 1]}…"


class Drawing(NamedTuple):
    """All of it; each edge is a path of SVG."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[str, ...]


def drawn(graph: Graph, steps: Iterable[Mapping[str, Any]] = ()) -> Drawing:
    """Draw a graph; `steps` say where each stands, as `Views.show` gives them, nothing for a playbook."""
    stands = {row["step"]: row for row in steps}
    rows = _rows(graph)
    xs, width = _placed(rows)
    middle = width // 2 + MARGIN
    nodes = [
        _node(name, stands.get(name), xs[name] + middle, number)
        for number, row in enumerate(rows)
        for name in row
        if isinstance(name, str)
    ]
    edges = [_path(chain, xs, middle) for chain in _chains(graph, rows)]
    height = len(rows) * HIGH + (len(rows) - 1) * DOWN
    return Drawing(width + 2 * MARGIN, height + 2 * MARGIN, tuple(nodes), tuple(edges))


# A lane is an edge on its way past a row: from, to, the number of the row.
_Lane = tuple[str, str, int]
_Place = str | _Lane


def _node(name: str, row: Mapping[str, Any] | None, middle: int, number: int) -> Node:
    says = "" if row is None else str(row["says"])
    look = "plain" if row is None else LOOKS.get(says, LOOKS.get(row["status"], "run"))
    return Node(name, says, look, middle - WIDE // 2, _top(number))


def _top(number: int) -> int:
    return MARGIN + number * (HIGH + DOWN)


def _direct(graph: Graph) -> list[tuple[str, str]]:
    """Give the edges that don't follow from others."""
    above: dict[str, set[str]] = {}
    for wave in graph.order():
        for name in wave:
            needs = {need.step for need in graph.steps[name].needs}
            above[name] = needs.union(*(above[need] for need in needs))
    return [
        (need, name)
        for name, step in graph.steps.items()
        for need in dict.fromkeys(each.step for each in step.needs)
        if not any(need in above[other.step] for other in step.needs)
    ]


def _rows(graph: Graph) -> list[list[_Place]]:
    """Give what stands in each row, from left to right: steps, and edges that pass by."""
    waves = graph.order()
    row_of = {name: number for number, wave in enumerate(waves) for name in wave}
    rows: list[list[_Place]] = [list(wave) for wave in waves]
    links: dict[_Place, list[_Place]] = {}
    for start, end in _direct(graph):
        chain: list[_Place] = [start, *((start, end, at) for at in range(row_of[start] + 1, row_of[end])), end]
        for lane in chain[1:-1]:
            assert not isinstance(lane, str)
            rows[lane[2]].append(lane)
        for one, other in pairwise(chain):
            links.setdefault(one, []).append(other)
            links.setdefault(other, []).append(one)
    for sweep in range(SWEEPS):
        order = range(1, len(rows)) if sweep % 2 == 0 else range(len(rows) - 2, -1, -1)
        for number in order:
            beside = rows[number - 1 if sweep % 2 == 0 else number + 1]
            _sort(rows[number], beside, links)
    return rows


def _sort(row: list[_Place], beside: Sequence[_Place], links: Mapping[_Place, Sequence[_Place]]) -> None:
    """Put a row in the order of what its places are linked to in the row beside."""
    at = {place: index for index, place in enumerate(beside)}

    def middle(place: _Place) -> float:
        found = [at[other] for other in links.get(place, ()) if other in at]
        return sum(found) / len(found) if found else len(beside) / 2

    row.sort(key=middle)


def _placed(rows: Sequence[Sequence[_Place]]) -> tuple[dict[_Place, int], int]:
    """Give the middle of each place, from the middle of the drawing, and how wide that is."""
    xs: dict[_Place, int] = {}
    width = 0
    for row in rows:
        sizes = [WIDE if isinstance(place, str) else LANE for place in row]
        whole = sum(sizes) + ACROSS * (len(row) - 1)
        left = -whole // 2
        for place, size in zip(row, sizes, strict=True):
            xs[place] = left + size // 2
            left += size + ACROSS
        width = max(width, whole)
    return xs, width


def _chains(graph: Graph, rows: Sequence[Sequence[_Place]]) -> list[list[tuple[_Place, int]]]:
    """Give each edge as the places it goes by, with their rows."""
    row_of = {place: number for number, row in enumerate(rows) for place in row}
    found: list[list[tuple[_Place, int]]] = []
    for start, end in _direct(graph):
        between: list[_Place] = [(start, end, at) for at in range(row_of[start] + 1, row_of[end])]
        found.append([(place, row_of[place]) for place in (start, *between, end)])
    return found


def _path(chain: Sequence[tuple[_Place, int]], xs: Mapping[_Place, int], middle: int) -> str:
    """Draw one edge: from row to row in a curve, past others straight down."""
    (first, row), *rest = chain
    x, y = xs[first] + middle, _top(row) + HIGH
    parts = [f"M{x} {y}"]
    for place, number in rest:
        to_x, to_y = xs[place] + middle, _top(number)
        bend = (to_y - y) // 2
        parts.append(f"C{x} {y + bend} {to_x} {to_y - bend} {to_x} {to_y}")
        x, y = to_x, to_y
        if not isinstance(place, str):
            y += HIGH
            parts.append(f"V{y}")
    return "".join(parts)
