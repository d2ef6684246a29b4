"""Where a plan and its work stand, in the operator's words: for what the kernel refuses, and for every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.kernel.state import Duty, PlanStatus, SlotStatus

STATUS: Mapping[PlanStatus, str] = {
    "new": "not there yet",
    "proposed": "waits for your go-ahead",
    "approved": "about to start",
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
    "splitting": "being split up",
    "fanned": "working on its items",
    "waiting": "sleeping",
    "backoff": "waiting to try again",
    "gated": "waiting for its fellow items",
    "asked": "needs your decision",
    "prepared": "approved, about to happen",
    "intended": "happening",
    "uncertain": "may have happened",
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
    "ask": "ask you",
    "wait": "wait",
}


def say_path(path: str) -> str:
    """Name a unit of work: "~book/4" is "undo of book, item 5"."""
    undo = "undo of " if path.startswith("~") else ""
    name, _, index = path.removeprefix("~").partition("/")
    return f"{undo}{name}, item {int(index) + 1}" if index else f"{undo}{name}"
