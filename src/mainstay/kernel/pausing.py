"""Pausing a plan, and editing one that has not started (requirement K4).

A paused plan begins nothing new. What is on its way is followed to its outcome; questions can be answered. No time
ends anything: what would have expired meanwhile gets the time back that the plan was paused for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.words import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.state import Plan
    from mainstay.kernel.turn import Turn


# --- decided


def _pause(turn: Turn, command: c.PausePlan) -> None:
    if turn.plan.status not in ("approved", "running", "undoing"):
        turn.refuse(f'it stands at "{STATUS[turn.plan.status]}", so there is nothing to pause')
    if turn.plan.paused_at_us is not None:
        turn.refuse("it is paused already")
    turn.add(e.PlanPaused(command.by, command.reason))


def _resume(turn: Turn, command: c.ResumePlan) -> None:
    if turn.plan.paused_at_us is None:
        turn.refuse(f'it is not paused; it stands at "{STATUS[turn.plan.status]}"')
    turn.add(e.PlanResumed(command.by, max(0, turn.now_us - turn.plan.paused_at_us)))


def _edit(turn: Turn, command: c.EditPlan) -> None:
    if turn.plan.status != "proposed":
        turn.refuse(f'it stands at "{STATUS[turn.plan.status]}"; only what waits for your go-ahead can be edited')
    turn.add(
        e.PlanEdited(
            command.by,
            command.inputs,
            labels=command.labels,
            expires_at_us=command.expires_at_us,
            keys=command.keys,
            priority=command.priority,
        )
    )


# --- folded


def _paused(plan: Plan, fact: e.PlanPaused, at_us: int) -> Plan:
    return replace(plan, paused_at_us=at_us, paused_by=fact.by)


def _resumed(plan: Plan, fact: e.PlanResumed, at_us: int) -> Plan:
    del at_us
    expires_at_us = _later(plan.expires_at_us, fact.paused_us)
    questions = {
        name: replace(question, due_at_us=_later(question.due_at_us, fact.paused_us))
        for name, question in plan.questions.items()
    }
    return replace(plan, paused_at_us=None, expires_at_us=expires_at_us, questions=questions)


def _later(at_us: int | None, by_us: int) -> int | None:
    return None if at_us is None else at_us + by_us


def _edited(plan: Plan, fact: e.PlanEdited, at_us: int) -> Plan:
    del at_us
    return replace(
        plan,
        inputs=fact.inputs,
        labels=fact.labels,
        expires_at_us=fact.expires_at_us,
        keys=fact.keys,
        priority=fact.priority,
    )


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.PausePlan: _pause,
    c.ResumePlan: _resume,
    c.EditPlan: _edit,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.PlanPaused: _paused,
    e.PlanResumed: _resumed,
    e.PlanEdited: _edited,
}
