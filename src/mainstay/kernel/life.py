"""A plan as a whole: proposed, approved, started, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel import gate
from mainstay.kernel.forking import adopt
from mainstay.kernel.rules import number_of
from mainstay.kernel.state import Plan, Slot, step_name
from mainstay.kernel.undo import request_undo
from mainstay.kernel.words import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn


UNDOING = "it is being undone"


# --- decided


def _propose(turn: Turn, command: c.ProposePlan) -> None:
    if turn.plan.status != "new":
        turn.refuse("it exists already")
    turn.add(
        e.PlanProposed(
            command.definition,
            command.playbook,
            command.title,
            command.inputs,
            given=command.given,
            labels=command.labels,
            parent=command.parent,
            expires_at_us=command.expires_at_us,
            keys=command.keys,
            priority=command.priority,
        )
    )


def _approve(turn: Turn, command: c.ApprovePlan) -> None:
    if turn.plan.status != "proposed":
        turn.refuse(f'it stands at "{STATUS[turn.plan.status]}", so there is nothing to approve')
    turn.add(e.PlanApproved(command.by, allowed=command.allowed))
    if not turn.plan.keys:  # else it waits for its places (KERNEL T2)
        turn.add(e.PlanStarted(number_of(turn.plan)))


def _start(turn: Turn, command: c.StartPlan) -> None:
    del command
    if turn.plan.status != "approved" or turn.plan.paused_at_us is not None:
        turn.refuse(f'it stands at "{STATUS[turn.plan.status]}", so it can\'t start')
    turn.add(e.PlanStarted(number_of(turn.plan)))


def _cancel(turn: Turn, command: c.CancelPlan) -> None:
    if turn.plan.status not in ("proposed", "approved", "running"):
        turn.refuse(f'it stands at "{STATUS[turn.plan.status]}", so there is nothing to cancel')
    gate.cancel(turn, command.by, command.reason)


def _undo(turn: Turn, command: c.UndoPlan) -> None:
    if turn.plan.undo_by:
        turn.refuse("it is being undone, or was undone, already")
    if turn.plan.status in ("new", "proposed", "approved"):
        turn.refuse("it has not done anything yet; cancel it instead")
    if turn.plan.status == "running":
        gate.cancel(turn, command.by, command.reason or UNDOING)
    own, steps = f"{turn.plan.id}-", turn.plan.graph.steps
    if unknown := [name for name in command.steps if step_name(name) not in steps and not name.startswith(own)]:
        turn.refuse(f"it has no step {', '.join(unknown)}")
    request_undo(turn, command.by, command.reason, command.steps)


def expire(turn: Turn) -> None:
    """End a plan whose time ran out; ignored when it is not due (KERNEL P5)."""
    expires_at_us = turn.plan.expires_at_us
    if expires_at_us is None or turn.now_us < expires_at_us or turn.plan.paused_at_us is not None:
        return
    if turn.plan.status in ("proposed", "approved", "running"):
        gate.void_questions(turn, "The plan expired.")
        turn.add(e.PlanExpired())


# --- folded


def _proposed(plan: Plan, fact: e.PlanProposed, at_us: int) -> Plan:
    return replace(
        plan,
        status="proposed",
        playbook=fact.playbook,
        title=fact.title,
        inputs=fact.inputs,
        given=fact.given,
        labels=fact.labels,
        parent=fact.parent,
        proposed_at_us=at_us,
        expires_at_us=fact.expires_at_us,
        keys=fact.keys,
        priority=fact.priority,
        left=len(plan.graph.steps),
    )


def _approved(plan: Plan, fact: e.PlanApproved, at_us: int) -> Plan:
    del at_us
    return replace(plan, status="approved", allowed=fact.allowed)


def _started(plan: Plan, fact: e.PlanStarted, at_us: int) -> Plan:
    slots = {name: Slot("ready", ready_at_us=at_us, since=plan.sequence) for name in plan.graph.roots}
    return adopt(replace(plan, status="running", kernel=fact.kernel, slots=slots, live=dict.fromkeys(slots)), at_us)


def _parked(plan: Plan, fact: e.PlanParked, at_us: int) -> Plan:
    del fact, at_us
    return replace(plan, parked=True)


def _failed(plan: Plan, fact: e.PlanFailed, at_us: int) -> Plan:
    del fact, at_us
    return _ended(replace(plan, status="failed"))


def _cancelled(plan: Plan, fact: e.PlanCancelled, at_us: int) -> Plan:
    del fact, at_us
    return _ended(replace(plan, status="cancelled"))


def _expired(plan: Plan, fact: e.PlanExpired, at_us: int) -> Plan:
    del fact, at_us
    return _ended(replace(plan, status="expired"))


def _ended(plan: Plan) -> Plan:
    """Leave only effects on their way: they are followed to their outcome, whatever became of the plan."""
    live = {path: None for path in plan.live if plan.slots[path].status in ("intended", "uncertain")}
    return replace(plan, live=live, doomed=(), batches=(), paused_at_us=None)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.ProposePlan: _propose,
    c.ApprovePlan: _approve,
    c.StartPlan: _start,
    c.CancelPlan: _cancel,
    c.UndoPlan: _undo,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.PlanProposed: _proposed,
    e.PlanApproved: _approved,
    e.PlanStarted: _started,
    e.PlanParked: _parked,
    e.PlanFailed: _failed,
    e.PlanCancelled: _cancelled,
    e.PlanExpired: _expired,
}
