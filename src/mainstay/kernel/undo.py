"""Taking a plan back: saga compensation in reverse order of recorded outcome (KERNEL E5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.kernel.state import ENDED, in_flight

if TYPE_CHECKING:
    from mainstay.kernel.state import Plan
    from mainstay.kernel.turn import Turn


def undo_order(plan: Plan) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Give what would be taken back, in order, and what can't be, each with its reason.

    Reads and agents leave nothing to undo and are in neither list. Child plans that had not ended come first: what
    they did last is not older than anything here.
    """
    outcomes = sorted(
        (
            (plan.sequence if slot.children and slot.open else slot.done_at, path, slot)
            for path, slot in plan.slots.items()
            if not path.startswith("~") and (slot.done_at or slot.children)
        ),
        key=lambda outcome: outcome[0],
        reverse=True,
    )
    possible = tuple(path for _, path, slot in outcomes if slot.undo is not None or slot.children)
    impossible = tuple(
        (path, slot.cannot_undo)
        for _, path, slot in outcomes
        if slot.undo is None and slot.cannot_undo and slot.status == "done"
    )
    return possible, impossible


def request_undo(turn: Turn, by: str, reason: str) -> None:
    """Ask for everything to be taken back; it begins when no effect is on its way."""
    turn.add(e.UndoRequested(by, reason))


def begin_undo(turn: Turn) -> None:
    """Start taking back, once it was asked for and nothing is on its way."""
    plan = turn.plan
    if not plan.undo_by or plan.status not in ENDED or in_flight(plan):
        return
    possible, impossible = undo_order(plan)
    turn.add(e.UndoStarted(possible))
    for path, why in impossible:
        turn.add(e.UndoImpossible(path, why))


def finish_undo(turn: Turn) -> None:
    """End the undo when nothing is left to take back."""
    if turn.plan.status == "undoing" and not turn.plan.undo_left:
        turn.add(e.PlanUndone(turn.plan.not_undone))
