"""What is said of a request while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstay import events as e

if TYPE_CHECKING:
    from mainstay.events import AnyFact

NOTICE = "Notice"  # a sentence about what stops all plans, or that it ended
TAKEN = "Taken"  # the first thing said of a request: it is on disk
ANSWERED = "Answered"  # all of many answers are on disk, or refused: `done`, `refused`


def say_news(plan_id: str, fact: AnyFact) -> dict[str, Any]:
    """Say what moved: enough for a line of progress, no content."""
    return {
        "plan": plan_id,
        "kind": type(fact).__name__,
        "path": fact.paths[0] if isinstance(fact, e.DecisionAsked) else getattr(fact, "path", ""),
        "count": len(fact.plans) if isinstance(fact, e.ChildrenStarted) else getattr(fact, "count", 0),
    }
