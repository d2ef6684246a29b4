"""`mainstay history verify|tail`: whether the history is as it was written, and what happened last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rich.table import Table

from mainstay.cli.place import views_at
from mainstay.cli.screen import text, when
from mainstay.cli.status import DONE, FAILED

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]


def verify(screen: Screen, folder: Path | None) -> int:
    """Walk the whole history and name the first record that is not as it was written."""
    with views_at(folder) as views, screen.err.status("Reading the history") as status:
        found = views.verify(lambda count: status.update(text(f"{count:,} records are in order so far")))
    screen.give(found, lambda console: _draw_verified(found, console))
    return FAILED if faults(found) else DONE


def faults(found: Row) -> list[tuple[str, str]]:
    """Say what a walk through the history found wrong, and what to do about each; nothing where all is in order."""
    said: list[tuple[str, str]] = []
    if found["bad"] is not None:
        before = f"The {found['records']:,} records before it are as they were written."
        said.append((f"The history is damaged at record {found['bad']:,}: {found['why']}. {before}", _RESTORE))
    elif found["damaged"]:
        told = f"All {found['records']:,} records are as they were written, but other parts of the history's file are"
        said.append((f"{told} damaged on disk: {', '.join(found['damaged'])}.", _RESTORE))
    return said + [(f"Plan {each['plan']}: {each['says']}", each["next"]) for each in found["files"]]


_RESTORE = "Restore the workspace from a backup."


def _draw_verified(found: Row, console: Console) -> None:
    said = faults(found)
    for says, remedy in said:
        console.print(text(says, "bold red"))
        console.print(text(f"Next: {remedy}", "bold"))
    if not said:
        console.print(text(f"All {found['records']:,} records are as they were written."))
        console.print(text(f"Newest: {found['head']}", "dim"))


def tail(screen: Screen, folder: Path | None, *, count: int, plan: str) -> int:
    """Show what happened last, of one plan or of all."""
    with views_at(folder) as views:
        of_plan = views.timeline(views.plan_id(plan), everything=True) if plan else None
        found = views.tail(limit=count) if of_plan is None else of_plan[-count:]
    screen.give(found, lambda console: _draw_tail(found, console))
    return DONE


def _draw_tail(found: list[Row], console: Console) -> None:
    if not found:
        console.print("Nothing has happened yet. Begin with: mainstay run PLAYBOOK")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("when", "plan", "who", "what"):
        table.add_column(name, overflow="fold")
    for event in found:
        plan = event["event"].rpartition("@")[0].removeprefix("plan:")
        table.add_row(*(text(cell) for cell in (when(event["at"]), plan, event["who"], event["what"])))
    console.print(table)
