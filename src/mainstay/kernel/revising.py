"""Work sent back to the agent that made it, with a word on what should be different (requirement G2).

    the question is answered "revise" --StepRevised--> the agent's step is ready again, and knows what was said;
                                                      the step that asked is as if it had never begun

Only where nothing else was begun with what the agent made, and nothing of it was ever sent: a token belongs to what
it was made for (KERNEL E2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import events as e
from mainstay.kernel.slots import put
from mainstay.kernel.state import Plan, Question, Slot, has_room

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn

REVISE = "revise"
MOST_REVISIONS = 10  # of one step


def may_revise(plan: Plan, path: str) -> tuple[str, ...]:
    """Give the answer "revise" where a question about this step can have it, to offer it among the others."""
    name = plan.graph.steps[path].revises if path in plan.graph.steps else ""
    if not name or plan.slots[path].attempt or plan.slots[path].generation:
        return ()
    made = plan.slots[name]
    begun = [other for other in plan.graph.dependents[name] if other != path and other in plan.slots]
    if begun or made.status != "done" or made.adopted or len(made.feedback) >= MOST_REVISIONS:
        return ()
    return (REVISE,) if has_room(plan, 2) else ()


def is_revision(plan: Plan, question: Question, choice: str) -> bool:
    """Whether an answer sends the work back: a playbook may have an option of its own by that name."""
    step = plan.graph.steps.get(question.paths[0])
    return choice == REVISE and step is not None and step.revises != ""


# --- decided


def revise(turn: Turn, path: str, said: str) -> None:
    """Let the agent begin anew; raises CommandRefusedError where something was begun with its work meanwhile."""
    if not said.strip():
        turn.refuse("say what should be different")
    if not may_revise(turn.plan, path):
        turn.refuse("something else was begun with it by now, so it can't be made anew; reject it, or edit it")
    turn.add(e.StepRevised(turn.plan.step(path).revises, path, said))


# --- folded


def _revised(plan: Plan, fact: e.StepRevised, at_us: int) -> Plan:
    slots = {path: slot for path, slot in plan.slots.items() if path != fact.because}
    before = plan.slots[fact.path]
    slot = Slot(
        "ready",
        ready_at_us=at_us,
        attempt=before.attempt,
        forgiven=before.attempt,
        arguments=before.arguments,  # it ended, so only those are there that the operator changed
        edited=before.edited,
        journal=before.journal + 1,
        feedback=(*before.feedback, fact.said),
    )
    return put(replace(plan, slots=slots, left=plan.left + 1), fact.path, slot)


DECIDERS: dict[type, Callable[[Turn, Any], None]] = {}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {e.StepRevised: _revised}
