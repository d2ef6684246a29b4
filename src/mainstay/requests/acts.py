"""What plans did outside that stands: what a rerun may not do twice unasked (KERNEL P6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Requests

LEFT = "it was left as it is"


def acts(desk: Requests, plan: Plan, within: Callable[[str], bool] = lambda _: True) -> Iterator[tuple[str, str]]:
    """Give what a plan did, at the paths that are `within`: the operation, and why it can't be undone, or nothing.

    What its child plans did is among it; what was taken back is not, nor what it adopted.
    """
    for path, slot in plan.slots.items():
        if path.startswith("~") or slot.adopted or not within(path):
            continue
        for child in slot.children:
            yield from acts(desk, desk.engine.load(child))
        undone = f"~{path}" in plan.slots and plan.slots[f"~{path}"].status == "done"
        if slot.done_at and not undone and not slot.children and (slot.undo is not None or slot.cannot_undo):
            left = path in plan.not_undone or slot.undo is None
            yield slot.operation or plan.step(path).target, (slot.cannot_undo or LEFT) if left else ""
