"""What stands behind a question, for its card: who worked it out, how sure they were, and how the last ones ended.

Requirement G3: a person decides well on what will happen, why, how sure that is, and what they said before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.kernel.state import step_name
from mainstay.said import say_sure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay import events as e
    from mainstay.kernel.state import Plan

Row: TypeAlias = dict[str, Any]
LAST = 50  # answers that are looked at
ENOUGH = 5  # of them in a row that were a yes, before a yes is recommended
SURE = 0.9  # confidence of an agent below which nothing is recommended
DECIDABLE = ("ask", "effect", "batch")


def worked_out(plan: Plan, asked: e.DecisionAsked) -> list[Row]:
    """List the agents whose work the question needs at once, or that ask themselves: why they say so, how sure."""
    name = step_name(asked.paths[0])
    step = plan.graph.steps.get(name)
    if step is None:
        return []
    found: list[Row] = []
    for maker in (name, *(need.step for need in step.needs)):
        slot = plan.slots.get(maker)
        if plan.graph.steps[maker].kind != "agent" or slot is None or not (slot.rationale or slot.confidence):
            continue
        row = {"step": maker, "agent": plan.graph.steps[maker].target, "rationale": slot.rationale}
        found.append({**row, "confidence": slot.confidence, "feedback": list(slot.feedback)})
    return found


def answered(answers: Sequence[tuple[str, str]]) -> Row:
    """Count the last answers to questions of this step: by answer, and the latest with its time."""
    counts: dict[str, int] = {}
    for choice, _ in answers:
        counts[choice] = counts.get(choice, 0) + 1
    last = {"choice": answers[0][0], "at": answers[0][1]} if answers else None
    return {"counts": counts, "last": last, "in_a_row": _in_a_row([choice for choice, _ in answers])}


def _in_a_row(choices: Sequence[str]) -> int:
    """Count the latest answers that are alike."""
    return next((at for at, choice in enumerate(choices) if choice != choices[0]), len(choices))


def recommended(asked: e.DecisionAsked, past: Row, makers: Sequence[Row]) -> Row:
    """Say what to do, and why: to approve where all lately were and nobody is unsure, else to look.

    It is a recommendation and nothing more: nothing is ever answered by it.
    """
    if asked.kind not in DECIDABLE or "approve" not in asked.options:
        return {"choice": "", "why": ""}
    unsure = [row for row in makers if row["confidence"] is not None and row["confidence"] < SURE]
    if unsure:
        sure = f"{unsure[0]['agent']} is {say_sure(unsure[0]['confidence'])} sure"
        return {"choice": "look", "why": f"{sure}: look before you say yes."}
    last = past["last"]
    if last is not None and last["choice"] == "approve" and past["in_a_row"] >= ENOUGH:
        return {"choice": "approve", "why": f"You approved the last {past['in_a_row']} questions of this step."}
    if last is not None and last["choice"] == "reject":
        return {"choice": "look", "why": "You rejected the last question of this step."}
    few = "You have not answered a question of this step before." if last is None else "There are few answers so far."
    return {"choice": "look", "why": few}
