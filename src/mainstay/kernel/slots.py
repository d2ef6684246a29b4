"""Setting slots: what every change of a unit of work does to the plan around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mainstay.kernel.state import (
    END,
    FINAL,
    LIVE,
    Plan,
    Slot,
    SlotStatus,
    caller_of,
    is_call,
    is_item,
    is_open,
    satisfied,
    step_name,
)

if TYPE_CHECKING:
    from mainstay.kernel.graph import Need


def put(plan: Plan, path: str, slot: Slot) -> Plan:
    """Set a slot, and keep `live` and `batches` true to it."""
    slots = {**plan.slots, path: replace(slot, since=plan.sequence)}
    if (slot.status in LIVE) == (path in plan.live):
        plan = replace(plan, slots=slots)
    elif slot.status in LIVE:
        plan = replace(plan, slots=slots, live={**plan.live, path: None})
    else:
        plan = replace(plan, slots=slots, live={name: None for name in plan.live if name != path})
    return _batched(plan, step_name(path)) if is_item(path) else plan


def _batched(plan: Plan, name: str) -> Plan:
    """Note the step while all its items are prepared, or can't be, and some wait for one question."""
    if plan.graph.steps[name].gate != "batch" or plan.status != "running":
        return plan
    items = [plan.slots[f"{name}/{index}"] for index in range(plan.slots[name].count)]
    due = any(slot.status == "gated" for slot in items) and not any(
        slot.status == "ready" or (slot.status == "backoff" and not slot.digest) for slot in items
    )
    if due == (name in plan.batches):
        return plan
    others = tuple(batch for batch in plan.batches if batch != name)
    return replace(plan, batches=(*others, name) if due else others)


def conclude(plan: Plan, path: str, slot: Slot, at_us: int) -> Plan:
    """Set a slot of the plan itself that ended (no compensation), and release what waited for it."""
    assert slot.status in FINAL
    if path in plan.graph.steps:
        return _end_step(plan, path, slot, at_us)
    plan = put(plan, path, slot)
    if is_call(path):
        return _answered(plan, caller_of(path))
    assert is_item(path)
    name = step_name(path)
    parent = plan.slots[name]
    failed = parent.failed_items + (slot.status == "failed")
    return put(plan, name, replace(parent, open=parent.open - 1, failed_items=failed))


def _end_step(plan: Plan, name: str, slot: Slot, at_us: int) -> Plan:
    """End a step: those are ready, or doomed, that waited for nothing else, and after the last one what ends the plan.

    A plan that does not run goes on with nothing.
    """
    slots = {**plan.slots, name: replace(slot, since=plan.sequence)}
    live = {path: None for path in plan.live if path != name}
    doomed, left = plan.doomed, plan.left - 1
    if plan.status == "running":
        for dependent in plan.graph.dependents[name]:
            met = None if dependent in slots else _met(plan.graph.steps[dependent].needs, slots)
            if met:
                slots[dependent] = Slot("ready", ready_at_us=at_us, since=plan.sequence)
                live[dependent] = None
            elif met is not None:
                doomed = (*doomed, dependent)
        if not left and plan.graph.ends:
            slots[END] = Slot("ready", ready_at_us=at_us, since=plan.sequence)
            live[END] = None
    return replace(plan, slots=slots, live=live, doomed=doomed, left=left)


def _met(needs: tuple[Need, ...], slots: dict[str, Slot]) -> bool | None:
    """Whether steps ended as another needs them to; None as long as one of them has not ended."""
    met = True
    for need in needs:
        slot = slots.get(need.step)
        if slot is None or slot.status not in FINAL:
            return None
        met = met and satisfied(slots, need)
    return met


def _answered(plan: Plan, path: str) -> Plan:
    """Let an agent run again once all actions that it waits for have ended."""
    slot = plan.slots[path]
    again = slot.status == "calling" and slot.open == 1 and is_open(plan, path)
    return put(plan, path, replace(slot, open=slot.open - 1, status="running" if again else slot.status))


def did_not_happen(plan: Plan, path: str, slot: Slot, then: SlotStatus, at_us: int) -> Plan:
    """Go on with an effect, unless its plan ended meanwhile: then it never happens."""
    if is_open(plan, path):
        return put(plan, path, replace(slot, status=then))
    return conclude(plan, path, replace(slot, status="failed", arguments=None), at_us)
