"""What plans did outside that stands: what a rerun may not do twice unasked (KERNEL P6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Requests

LEFT = "it was left as it is"


def acts(desk: Requests, plan: Plan, paths: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
    """Give what a plan did, at these paths or at all: the operation, and why it can't be undone, or nothing.

    What its child plans did is among it; what was taken back is not, nor what it adopted.
    """
    for path in plan.slots if paths is None else paths:
        slot = plan.slots[path]
        if path.startswith("~") or slot.adopted:
            continue
        for child in slot.children:
            yield from acts(desk, desk.engine.load(child))
        undone = f"~{path}" in plan.slots and plan.slots[f"~{path}"].status == "done"
        if slot.done_at and not undone and not slot.children and (slot.undo is not None or slot.cannot_undo):
            left = path in plan.not_undone or slot.undo is None
            yield slot.operation or plan.step(path).target, (slot.cannot_undo or LEFT) if left else ""
