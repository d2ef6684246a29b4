"""Finds whose work a question is about: an agent that takes `feedback` can be sent back to it (requirement G2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mainstay.kernel.revising import REVISE
from mainstay.runtime.types import TEXT, list_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.kernel.graph import Step
    from mainstay.playbooks.calls import Call

FEEDBACK = "feedback"  # the argument: a list of what was said, the latest last


def with_revisions(steps: Iterable[Step], calls: Mapping[str, Call | None]) -> tuple[Step, ...]:
    """Give the steps, each question with the one agent whose work it needs at once and that takes `feedback`.

    Items of lists are left out: what their list is made of stays as it was frozen (KERNEL P2), and an answer about one
    item would change what the others were made of.
    """
    named = {step.name: step for step in steps}
    return tuple(replace(step, revises=_made_by(step, named, calls)) for step in named.values())


def _made_by(step: Step, named: Mapping[str, Step], calls: Mapping[str, Call | None]) -> str:
    acts = step.kind == "do" and step.effect != "read"
    own = step.ask is not None and REVISE in step.ask.options
    if step.each is not None or own or not (acts or step.kind == "ask"):
        return ""
    makers = [need.step for need in step.needs if need.kind == "done" and _takes(named[need.step], calls)]
    return makers[0] if len(makers) == 1 else ""


def _takes(step: Step, calls: Mapping[str, Call | None]) -> bool:
    call = calls[step.name]
    if step.kind != "agent" or step.each is not None or call is None or FEEDBACK not in call.arguments:
        return False
    argument = call.arguments[FEEDBACK]
    return argument.type == list_of(TEXT) and not argument.required
