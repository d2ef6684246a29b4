"""Reruns that lean on what a plan did: they took its outcomes over, and nobody tells them when that is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.kernel.state import step_name
from mainstay.kernel.words import STATUS
from mainstay.ledger import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mainstay.kernel.state import Plan

Rows: TypeAlias = "Callable[[str, Sequence[object]], list[tuple[Any, ...]]]"
Row: TypeAlias = dict[str, Any]


def adopted_steps(plan: Plan) -> set[str]:
    """Name the steps of a rerun of which something was done by a plan before it."""
    return {one.path for one in plan.adopted if one.status in ("done", "partly")}


def leaning(rows: Rows, load: Callable[[str], Plan], plan: Plan, paths: Iterable[str]) -> list[Row]:
    """List the reruns that took over what was done at these paths of a plan, and the reruns of those.

    One that was undone itself leans on nothing any more.
    """
    return list(_leaning(rows, load, plan, {step_name(path) for path in paths}))


def _leaning(rows: Rows, load: Callable[[str], Plan], plan: Plan, names: set[str]) -> Iterator[Row]:
    found = rows(queries.FORKS_OF, (plan.id,)) if names and not plan.parent else []
    for (plan_id,) in found:
        rerun = load(plan_id)
        taken = [one.path for one in rerun.adopted if one.path in names & adopted_steps(rerun)]
        if not taken:
            continue
        if rerun.status != "undone":
            yield {"plan": rerun.id, "title": rerun.title, "says": STATUS[rerun.status], "steps": taken}
        yield from _leaning(rows, load, rerun, set(taken))
