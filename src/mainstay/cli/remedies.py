"""A remedy for what is stuck, said at a terminal before it is taken: what it is for, and what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.screen import text
from mainstay.requests.stuck import grouped

if TYPE_CHECKING:
    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
MEANING = {
    "retry": "is tried again",
    "skip": "is left out, and its plan goes on",
    "raise": "goes on, and its budget is raised for now by what it takes",
    "wait": "waits until its budget begins anew",
    "undo": "ends its plan, and what the plan did is taken back",
    "happened": "counts as happened",
    "did_not_happen": "counts as not happened, and is tried again",
    "confirmed": "counts as it should be",
    "again": "is read back once more",
}


def to_answer(picked: list[Row], choice: str) -> list[Row]:
    """Give which of some questions are answered: one undo ends the whole plan, so one of each plan is."""
    if choice != "undo":
        return picked
    return list({row["plan"]: row for row in reversed(picked)}.values())[::-1]


def preview(screen: Screen, choice: str, picked: list[Row], changes: Row | None, pinned: Row) -> None:
    """Show what a remedy is for, and what it does to each."""
    for group in grouped(picked):
        screen.err.print(text(f"{group['what']}: {group['says']}", "bold"))
        for row in group["stuck"]:
            screen.err.print(text(f"  {row['decision']}  {row['action']} ({row['title']}, {row['plan']})"))
        for told in dict.fromkeys(row["remedy"] for row in group["stuck"] if row["remedy"]):
            screen.err.print(text(f"  {told}", "yellow"))
    screen.err.print(text(f"Each {MEANING.get(choice, choice)}."))
    for name in (changes or {}) | pinned:
        given = f"the file {pinned[name][0]}" if name in pinned else (changes or {})[name]
        screen.err.print(text(f"  changed for each: {name} = {given}"))


def agreed(screen: Screen, remedy: str = "") -> bool:
    """Ask for a yes to what was previewed."""
    return screen.agreed("Answer all of these so?", "Nothing was answered", remedy)
