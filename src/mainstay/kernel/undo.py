"""Taking a plan back: saga compensation in reverse order of recorded outcome (KERNEL E5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.slots import put
from mainstay.kernel.state import ENDED, Plan, Slot, in_flight, step_name
from mainstay.kernel.words import say_path
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from mainstay.kernel.turn import Turn


def undo_order(plan: Plan, steps: Container[str] | None = None) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Give what would be taken back, in order, and what can't be, each with its reason; of these steps, or of all.

    `steps` names steps, or single paths: an item of a list, an action of an agent.

    Reads, agents and child plans that did nothing outside leave nothing to undo and are in neither list, nor is what
    was taken back before. A child plan is
    taken back as a whole, in its own order, at the place of its end: after all that was done since, before what was
    done until then, also what was done here or in another child plan while it ran. Child plans that had not ended
    come first, the one begun last before the others.
    """
    outcomes = sorted(
        (
            ((plan.sequence, slot.since) if slot.children and slot.open else (slot.done_at, 0), path, slot)
            for path, slot in plan.slots.items()
            if not path.startswith("~")
            and (slot.done_at or slot.children)
            and "~" + path not in plan.slots
            and path not in plan.not_undone
            and (steps is None or step_name(path) in steps or path in steps)
        ),
        key=lambda outcome: outcome[0],
        reverse=True,
    )
    possible = tuple(path for _, path, slot in outcomes if slot.undo is not None or slot.idle < len(slot.children))
    impossible = tuple(
        (path, slot.cannot_undo)
        for _, path, slot in outcomes
        if slot.undo is None and slot.cannot_undo and slot.done_at
    )
    return possible, impossible


def is_idle(plan: Plan) -> bool:
    """Whether a plan that ended did nothing outside, and nothing of it is under way."""
    return plan.status in ENDED and not in_flight(plan) and undo_order(plan) == ((), ()) and not plan.not_undone


def outcomes(load: Callable[[str], Plan], plan: Plan) -> list[str]:
    """Name all that an undo is about, of child plans too: what it takes back, and what stays (KERNEL E5)."""
    possible, impossible = undo_order(plan)
    children = [load(child) for path in possible for child in plan.slots[path].children]
    here = [f"{plan.id}/{path}" for path in (*possible, *(path for path, _ in impossible))]
    return here + [name for child in children for name in outcomes(load, child)]


def seen_of(names: Iterable[str]) -> str:
    """Name a list that an undo is about, as `outcomes` gives it, whatever its order: a yes to an undo binds that."""
    return digest_of(*(name.encode() for name in sorted(names)))


def request_undo(turn: Turn, by: str, reason: str, steps: tuple[str, ...] = ()) -> None:
    """Ask for everything, or for what these steps did, to be taken back; it begins when no effect is on its way."""
    turn.add(e.UndoRequested(by, reason, steps))


def begin_undo(turn: Turn) -> None:
    """Start taking back, once it was asked for and nothing is on its way."""
    plan = turn.plan
    if not plan.undo_by or plan.status not in ENDED or in_flight(plan):
        return
    possible, impossible = undo_order(plan, plan.undo_steps or None)
    turn.add(e.UndoStarted(possible))
    for path, why in impossible:
        turn.add(e.UndoImpossible(path, why))


def finish_undo(turn: Turn) -> None:
    """End the undo when nothing is left to take back."""
    if turn.plan.status == "undoing" and not turn.plan.undo_left and not turn.plan.closing:
        turn.add(e.PlanUndone(turn.plan.not_undone, stands=turn.plan.stood if turn.plan.undo_steps else ""))


def _undo_step(turn: Turn, command: c.UndoStep) -> None:
    turn.work("~" + command.path, "ready")
    if not command.why and not turn.plan.slots[command.path].children:
        turn.refuse(f"{say_path(command.path)} has no parts of its own: it is taken back by an action")
    turn.add(e.UndoImpossible(command.path, command.why) if command.why else e.StepUndone(command.path, command.left))


# --- folded


def _undo_requested(plan: Plan, fact: e.UndoRequested, at_us: int) -> Plan:
    del at_us
    return replace(plan, undo_by=fact.by, undo_steps=fact.steps)


def _undo_started(plan: Plan, fact: e.UndoStarted, at_us: int) -> Plan:
    return next_undo(replace(plan, status="undoing", stood=plan.status, undo_left=fact.paths), at_us)


def _undo_impossible(plan: Plan, fact: e.UndoImpossible, at_us: int) -> Plan:
    plan = replace(plan, not_undone=(*plan.not_undone, fact.path))
    slot = plan.slots.get("~" + fact.path)
    if slot is not None:
        plan = put(plan, "~" + fact.path, replace(slot, status="skipped", arguments=None))
    return next_undo(drop_undo(plan, fact.path), at_us)


def _step_undone(plan: Plan, fact: e.StepUndone, at_us: int) -> Plan:
    plan = put(plan, "~" + fact.path, replace(plan.slots["~" + fact.path], status="done"))
    plan = replace(plan, not_undone=(*plan.not_undone, *fact.left))
    return next_undo(drop_undo(plan, fact.path), at_us)


def drop_undo(plan: Plan, path: str) -> Plan:
    """Take an outcome off the list of what is left to take back."""
    return replace(plan, undo_left=tuple(name for name in plan.undo_left if name != path))


def next_undo(plan: Plan, at_us: int) -> Plan:
    """Make the next compensation ready: one at a time, in order."""
    if not plan.undo_left or "~" + plan.undo_left[0] in plan.slots:
        return plan
    return put(plan, "~" + plan.undo_left[0], Slot("ready", ready_at_us=at_us))


def _undone(plan: Plan, fact: e.PlanUndone, at_us: int) -> Plan:
    del at_us
    if fact.stands:
        return replace(plan, status=plan.stood, undo_by="", undo_steps=(), paused_at_us=None)
    return replace(plan, status="undone", paused_at_us=None)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.UndoStep: _undo_step,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.UndoRequested: _undo_requested,
    e.UndoStarted: _undo_started,
    e.UndoImpossible: _undo_impossible,
    e.StepUndone: _step_undone,
    e.PlanUndone: _undone,
}
