"""How a plan completes that returns something or has business endings (PLAYBOOKS, `returns` and `end`).

When its last step has ended, such a plan has one more piece of work, at the path `END`: the runtime evaluates the
endings in order and what is returned. Where the ending takes steps back, exactly those are undone first; the plan
then stands as completed, and a later undo takes back the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.slots import put
from mainstay.kernel.state import END, Plan
from mainstay.kernel.undo import undo_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn


# --- decided


def _finish(turn: Turn, command: c.FinishPlan) -> None:
    turn.work(END, "ready")
    possible, impossible = undo_order(turn.plan, command.undo)
    if not possible and not impossible:
        turn.add(e.PlanCompleted(command.output, command.ending, labels=command.labels))
        return
    turn.add(e.EndingReached(command.ending, command.undo, command.output, labels=command.labels))
    turn.add(e.UndoStarted(possible))
    for path, why in impossible:
        turn.add(e.UndoImpossible(path, why))


# --- what follows by itself


def close(turn: Turn) -> None:
    """Complete a plan whose ending has taken back all that it takes back."""
    plan = turn.plan
    if plan.closing and plan.status == "undoing" and not plan.undo_left:
        turn.add(e.PlanCompleted(plan.output, plan.ending, labels=plan.out_labels))


# --- folded


def _reached(plan: Plan, fact: e.EndingReached, at_us: int) -> Plan:
    del at_us
    plan = put(plan, END, replace(plan.slots[END], status="done"))
    return replace(plan, closing=True, output=fact.output, out_labels=fact.labels, ending=fact.ending)


def _completed(plan: Plan, fact: e.PlanCompleted, at_us: int) -> Plan:
    del at_us
    if END in plan.slots:
        plan = put(plan, END, replace(plan.slots[END], status="done"))
    return replace(
        plan,
        status="completed",
        closing=False,
        output=fact.output,
        out_labels=fact.labels,
        ending=fact.ending,
        paused_at_us=None,
    )


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.FinishPlan: _finish,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.EndingReached: _reached,
    e.PlanCompleted: _completed,
}
