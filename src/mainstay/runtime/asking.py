"""Questions of the process: what an `ask` step shows, and the actions that a yes to it covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mainstay import commands as c
from mainstay.contracts import to_plain
from mainstay.runtime.cover import covered_by
from mainstay.runtime.relying import Relying
from mainstay.values import merge_labels, say_total

if TYPE_CHECKING:
    from mainstay.kernel.graph import Step
    from mainstay.kernel.state import Plan
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.cover import Covered
    from mainstay.runtime.names import Names
    from mainstay.runtime.parts import Parts
    from mainstay.runtime.trails import Trails
    from mainstay.values import Labels, Value


def ask(parts: Parts, desk: Desk, trails: Trails, plan: Plan, path: str, step: Step, names: Names) -> None:
    """Ask the question of a step; raises ExpressionError when what it shows can't be worked out."""
    assert step.ask is not None
    card: dict[str, Value] = {"headline": names.value(step.ask.text)}
    if step.ask.show is not None:
        shown = names.value(step.ask.show)
        card["rows" if isinstance(shown, list) else "show"] = shown
    if step.ask.form:
        card["form"] = [
            {"name": field.name, "type": field.type, "label": field.label or field.name, "required": field.required}
            for field in step.ask.form
        ]
    now_us = desk.now_us()
    if not step.ask.covers:
        kept = parts.payloads.keep(card, plan=plan)
        desk.report(plan, path, c.AskStep(now_us=now_us, path=path, card=kept, labels=names.labels))
        return
    covered = covered_by(parts, trails, plan, path, step.ask)
    if covered.grounds:
        desk.spawn(plan, path, _ask_covering(parts, desk, plan, path, card, names.labels, covered))
    else:
        _ask(parts, desk, plan, path, card, names.labels, covered)


async def _ask_covering(
    parts: Parts, desk: Desk, plan: Plan, path: str, card: dict[str, Value], labels: Labels, covered: Covered
) -> None:
    """Ask once it is known what the covered actions rely on: that is held against what is there as they come up."""
    relying = Relying(parts, desk)
    for unit, (operation, typed, account) in covered.grounds.items():
        found = await relying.read(plan.id, operation, typed, account)
        action, about = covered.actions[unit], (to_plain(typed), operation.input)
        covered.actions[unit] = {
            **cast("dict[str, Value]", action),
            "relies": parts.payloads.keep(found, plan=plan, about=about),
        }
    _ask(parts, desk, plan, path, card, labels, covered)


def _ask(
    parts: Parts, desk: Desk, plan: Plan, path: str, card: dict[str, Value], labels: Labels, covered: Covered
) -> None:
    card |= {"covers": covered.rows, "cannot_undo": covered.cannot_undo}
    if covered.amounts:
        card["total"] = say_total(covered.amounts)
    ask = plan.step(path).ask
    if ask is not None and ask.whole:
        card |= _about_whole(covered)
    command = c.AskStep(
        now_us=desk.now_us(),
        path=path,
        card=parts.payloads.keep(card, plan=plan),
        labels=merge_labels(labels, covered.labels),
        covers=covered.paths,
        covered=parts.payloads.keep(covered.actions, plan=plan),
        binds=tuple(covered.binds),
    )
    desk.report(plan, path, command)


def _about_whole(covered: Covered) -> dict[str, Value]:
    """Say what a question is about that stands before all that a plan does."""
    if not covered.rows:
        return {"show": "Nothing of what it may do can be worked out yet. Each action asks you when it comes."}
    what = "this action" if len(covered.rows) == 1 else f"these {len(covered.rows)} actions"
    total = f", {say_total(covered.amounts)} in all" if covered.amounts else ""
    said: dict[str, Value] = {"headline": f"Shall {what} happen{total}?"}
    if covered.left_out:
        said["not shown"] = f"{', '.join(covered.left_out)}: can't be worked out yet, and will ask by itself."
    return said
