"""`mainstay recall` and `hasten`: approved actions that leave at a time, called back before that or let leave now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.asking import ask, say_standing, status_of
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import moment, text, when
from mainstay.cli.status import DONE
from mainstay.kernel.state import step_name
from mainstay.views.cards import CANNOT_UNDO

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.views import Views
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]


def leaving(screen: Screen, folder: Path | None) -> int:
    """List approved actions that leave at a time, and how each is called back."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        rows, zone = leaving_of(workspace, views), views.timezone
    screen.give(rows, lambda console: draw_leaving(rows, console, zone, empty="Nothing waits to leave."))
    return DONE


def leaving_of(workspace: Workspace, views: Views, plan: str = "") -> list[Row]:
    """List what is about to leave, each with what its card said; contracts are read only where there is something."""
    rows = views.leaving(plan)
    if not rows:
        return rows
    from mainstay.app import contracts_to_read

    return views.headed(rows, contracts_to_read(workspace))


def draw_leaving(rows: list[Row], console: Console, zone: str, *, empty: str = "") -> None:
    """Draw what leaves when; nothing where there is nothing, but `empty`."""
    if not rows and empty:
        console.print(empty)
    for row in rows:
        what = f"{row['headline']} ({row['action']}), {row['title']}"
        if row["held"]:
            console.print(text(f"Held: {what}: {row['held']}. It was to leave at {moment(row['leaves_at'], zone)}."))
        else:
            console.print(text(f"Leaves at {moment(row['leaves_at'], zone)}: {what}"))
        if row["cannot_undo"]:
            console.print(text(f"  {CANNOT_UNDO} {row['cannot_undo']}", "yellow"))
        console.print(text(f"  call it back with: {row['recall']}", "cyan"))
        last = f"let the plan go on: {row['release']}" if row["held"] else f"let it leave now:  {row['hasten']}"
        console.print(text(f"  {last}", "cyan"))


def recall(screen: Screen, folder: Path | None, name: str, step: str, *, item: int | None, reason: str) -> int:
    """Call an approved action back before it leaves."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        plan = views.plan_id(name)
    standing = ask(screen, workspace, "recall", {"plan": plan, "step": step, "item": item, "reason": reason})
    screen.give(standing, lambda _: say_standing(screen, standing))
    if not screen.as_json:
        screen.say(f"Called back: {standing['called_back']}. It does not happen, and what needs it is left out.")
    return status_of(standing, wanted=frozenset({"cancelled", "completed"}))


def hasten(screen: Screen, folder: Path | None, name: str, step: str, *, item: int | None, yes: bool) -> int:
    """Let an approved action leave now that waits for its time; what that is is shown first."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        plan, zone = views.plan_id(name), views.timezone
        rows = [
            row
            for row in leaving_of(workspace, views, plan)
            if step_name(row["path"]) == step and item in (None, row["item"])
        ]
    if rows and not yes:
        draw_leaving(rows, screen.err, zone)
        if not screen.agreed("Let it leave now?", "Nothing was changed", "Add --yes to do it."):
            return DONE
    standing = ask(screen, workspace, "hasten", {"plan": plan, "step": step, "item": item})
    screen.give(standing, lambda _: say_standing(screen, standing))
    return status_of(standing)


def say_offline(screen: Screen, offline: Row | None) -> None:
    """Say once for all that waits that there is no network."""
    if offline is not None:
        screen.say(f"No network since {when(offline['since'])[11:]}; {offline['says']}.", "yellow")
