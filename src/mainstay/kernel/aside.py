"""What is said of an open question without answering it: put off until later, noted on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.values import DAY_S, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.state import Plan
    from mainstay.kernel.turn import Turn

MOST_NOTE_CHARS = 2000  # what is longer belongs into a file
LONGEST_S = 366 * DAY_S  # that a question is put off for at once
MOST_ASIDES = 30  # of one question: a plan's history has its end (KERNEL L8)


# --- decided


def _snooze(turn: Turn, command: c.SnoozeQuestion) -> None:
    """Put it off: never beyond the time at which silence means no."""
    due_at_us = _about(turn, command.decision)
    if command.until_us <= turn.now_us:
        turn.refuse("that time is over; name a later one")
    if command.until_us > turn.now_us + LONGEST_S * SECOND_US:
        turn.refuse("a question is put off for a year at most; name an earlier time")
    ends = [at_us for at_us in (due_at_us, turn.plan.expires_at_us) if at_us is not None]
    if ends and command.until_us >= min(ends):
        turn.refuse(f"question {command.decision} has to be answered before that; name an earlier time")
    turn.add(e.DecisionSnoozed(command.decision, command.until_us, command.by))


def _note(turn: Turn, command: c.NoteQuestion) -> None:
    _about(turn, command.decision)
    if not command.text.strip():
        turn.refuse("the note is empty")
    if len(command.text) > MOST_NOTE_CHARS:
        turn.refuse(f"a note has up to {MOST_NOTE_CHARS:,} characters; shorten it, or name a file in it")
    turn.add(e.DecisionNoted(command.decision, command.text, command.by))


def _about(turn: Turn, decision: str) -> int | None:
    """Give when an open question is due; raises CommandRefusedError for one that is not open."""
    question = turn.plan.questions.get(decision)
    if question is None:
        turn.refuse(f"question {decision} is not open: it was answered, has expired, or its plan ended")
    if question.asides >= MOST_ASIDES:
        turn.refuse(f"question {decision} was put off or noted on {MOST_ASIDES} times; answer it")
    return question.due_at_us


# --- folded


def _said(plan: Plan, fact: e.DecisionSnoozed | e.DecisionNoted, at_us: int) -> Plan:
    del at_us
    question = plan.questions[fact.decision]
    question = replace(question, asides=question.asides + 1)
    return replace(plan, questions={**plan.questions, fact.decision: question})


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.SnoozeQuestion: _snooze,
    c.NoteQuestion: _note,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.DecisionSnoozed: _said,
    e.DecisionNoted: _said,
}
