"""Whether a rule of the operator's could keep a question from being asked again: for its card, and to make one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mainstay.kernel.state import Plan

GATE = "playbook"
_FLOW = "flow:"
_UNCOUNTED = ("unknown price", "other currency")


class Always(NamedTuple):
    """Why something is asked whatever the rules say, and what can be done about it."""

    why: str
    next: str = ""


def always_asked(plan: Plan, kind: str, path: str, rule: str, why: str = "") -> Always | None:
    """Say it of a question about a step, asked by a rule that says `why`; None where a rule could let it happen."""
    if kind not in ("effect", "batch"):
        return Always("Only what asks about an action before it happens can be allowed for good.")
    if path.startswith("~"):
        return Always("What an undo asks is asked each time.")
    if plan.step(path).gate:
        return Always(f"It would be asked all the same, by '{GATE}'.", next_of(GATE))
    told = next_of(rule)
    return Always(f"It would be asked all the same, by '{rule}': {why}", told) if told else None


def next_of(rule: str) -> str:
    """Say what can be done where this asks, which no rule of the operator's switches off; empty for any other."""
    if rule == GATE:
        return "The playbook itself wants to ask (gate); change it there, if you want that."
    if rule.startswith(_FLOW):
        return "No rule switches this off: a stranger's words decide nothing (docs/flow.md). Answer it each time."
    return "No rule switches this off: a budget has to count it. Answer it each time." if rule in _UNCOUNTED else ""
