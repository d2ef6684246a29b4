"""What a question is made of and what it leads to, for its card: where it came from, what a no does, what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstay.kernel.graph import Cel
from mainstay.kernel.state import step_name

if TYPE_CHECKING:
    from mainstay import events as e
    from mainstay.kernel.graph import Definition, Step
    from mainstay.kernel.state import Plan

_GRAVE = ("", "read", "reversible", "irreversible", "physical")  # the least first


def labels_of(plan: Plan, asked: e.DecisionAsked) -> list[str]:
    """Name what a question is made of: the labels of its action, or of the steps whose results it shows."""
    ask = plan.step(asked.paths[0]).ask if asked.kind == "ask" else None
    if ask is None:
        return sorted({label for path in asked.paths for label in plan.slots[path].labels})
    parts = [part for part in (*ask.text.parts, ask.show) if isinstance(part, Cel)]
    slots = [plan.slots.get(path.partition(".")[0]) for part in parts for path in part.paths]
    return sorted({label for slot in slots if slot is not None for label in slot.labels})


def rejection_used(plan: Plan, asked: e.DecisionAsked) -> bool:
    """Say whether something in the playbook uses a no to this question."""
    ask = plan.step(asked.paths[0]).ask if asked.kind == "ask" else None
    return ask is not None and ask.rejection_used


def what_follows(plan: Plan, asked: e.DecisionAsked) -> list[dict[str, Any]]:
    """List the actions that come after a question of the playbook: what each can do, and whether it asks again."""
    waiting, found = [step_name(path) for path in asked.paths[:1] if asked.kind == "ask"], dict[str, dict[str, Any]]()
    while waiting:
        for name in plan.graph.dependents[waiting.pop(0)]:
            step = plan.graph.steps[name]
            if name not in found:
                waiting.append(name)
                effect = gravest_of(plan.graph.definition, step)
                found[name] = {"step": name, "does": step.target, "effect": effect, "asks": step.gate}
    ask = plan.step(asked.paths[0]).ask if asked.kind == "ask" else None
    shown = () if ask is None else ask.covers  # the card shows them whole
    return [row for row in found.values() if row["effect"] not in ("", "read") and row["step"] not in shown]


def gravest_of(definition: Definition, step: Step) -> str:
    """Give what a step can do to the world: of a sub-plan, the gravest that its own steps can do."""
    below = definition.playbooks.get(step.target) if step.kind in ("playbook", "repeat") else None
    inner = [gravest_of(below, each) for each in below.steps] if below is not None else []
    return max(step.effect or "", *inner, key=_GRAVE.index) if inner else step.effect or ""
