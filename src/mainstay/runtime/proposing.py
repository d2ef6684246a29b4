"""What a judge is given of an action, a read, or an action of the past: made in one place, so that all see the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mainstay.kernel.state import is_call
from mainstay.ports import Proposal

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.graph import Step
    from mainstay.kernel.state import Plan
    from mainstay.ports import Flow
    from mainstay.values import EffectClass, Labels, Value


class Place(NamedTuple):
    """Where in a plan something is wanted; `step` is None where its playbook has no such step."""

    plan: str
    playbook: str
    path: str
    step: Step | None
    account: str
    undo_by: str = ""


def place_in(plan: Plan, path: str, account: str) -> Place:
    """Give a place of a plan."""
    return Place(plan.id, plan.playbook, path, plan.step(path), account, plan.undo_by)


def proposed(
    place: Place,
    operation: str,
    effect: EffectClass,
    arguments: Value,
    labels: Labels,
    now_us: int,
    flow: Callable[[], Flow] | None = None,
    reader: str = "",
) -> Proposal:
    """Propose what is wanted there; `reader` is the agent that reads something inside its step."""
    step, undo = place.step, place.path.startswith("~")
    asks = step is not None and not undo and effect != "read"  # a reading is never asked about
    return Proposal(
        plan=place.plan,
        playbook=place.playbook,
        path=place.path,
        operation=operation,
        effect=effect,
        arguments=arguments,
        account=place.account,
        labels=labels,
        gate=step.gate if step is not None and asks else "",
        undo_by=(place.undo_by or "playbook") if undo else "",
        agent=reader or (step.target if step is not None and is_call(place.path) else ""),
        now_us=now_us,
        flow=flow,
    )
