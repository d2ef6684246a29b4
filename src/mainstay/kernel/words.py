"""Where a plan and its work stand, in the operator's words: for what the kernel refuses, and for every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.kernel.state import Duty, PlanStatus, SlotStatus

STATUS: Mapping[PlanStatus, str] = {
    "new": "not there yet",
    "proposed": "waits for your go-ahead",
    "approved": "waits for its turn",
    "running": "running",
    "completed": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
    "undoing": "being undone",
    "undone": "undone",
}
SLOT: Mapping[SlotStatus, str] = {
    "ready": "about to start",
    "running": "working",
    "calling": "waiting for its actions",
    "splitting": "being split up",
    "fanned": "working on its parts",
    "judging": "looking at its round",
    "waiting": "sleeping",
    "backoff": "waiting to try again",
    "gated": "waiting for its fellow items",
    "asked": "needs your decision",
    "prepared": "approved, about to happen",
    "intended": "happening",
    "delayed": "leaves at its time",
    "uncertain": "may have happened",
    "settling": "may have happened, to be looked up",
    "confirming": "happened, being read back",
    "unseen": "happened, not seen yet",
    "stuck": "stuck",
    "done": "done",
    "skipped": "skipped",
    "rejected": "not approved",
    "failed": "failed",
}
DUTY: Mapping[Duty, str] = {
    "list": "go through a list",
    "run": "work something out",
    "effect": "act",
    "undo": "take an action back",
    "child": "run another playbook",
    "end": "work out what the plan ends with",
    "ask": "ask you",
    "wait": "wait",
}


def say_path(path: str) -> str:
    """Name a unit of work: "~book/4" is "undo of book, item 5"; "draft!3" "draft, call 3".

    "each/4#2.pay" is "each, item 5, run 2: pay".
    """
    undo = "undo of " if path.startswith("~") else ""
    return undo + ": ".join(_say_part(part) for part in path.removeprefix("~").split("."))


def _say_part(path: str) -> str:
    path, _, call = path.partition("!")
    path, _, run = path.partition("#")
    name, _, index = path.partition("/")
    said = "its end" if name == "=" else name
    return (
        said
        + (f", item {int(index) + 1}" if index else "")
        + (f", run {run}" if run else "")
        + (f", call {call}" if call else "")
    )
