"""`mainstay today`: what needs you, what is held and why, what is under way, what is due next, what was spent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.app import caps_of, contracts_to_read, versions_to_read
from mainstay.cli import throttle
from mainstay.cli.leaving import draw_leaving
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import moment, text
from mainstay.cli.status import DONE
from mainstay.playbooks.starting import scheduled
from mainstay.views.today import today

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]


def show(screen: Screen, folder: Path | None) -> int:
    """Show it."""
    workspace, now_us = workspace_at(folder), time.time_ns() // 1000
    contracts = contracts_to_read(workspace)
    caps = caps_of(workspace, contracts)
    starting = list(scheduled(versions_to_read(workspace), workspace.root, contracts))
    with views_at(workspace.root) as views:
        found = today(views, caps, now_us, workspace.config.hours, contracts, starting)
    screen.give(found, lambda console: _draw(found, console, workspace.config.company.timezone))
    return DONE


def _draw(found: Row, console: Console, zone: str) -> None:
    many = "1 question waits" if found["waiting"] == 1 else f"{found['waiting']} questions wait"
    console.print(text(f"{many}: mainstay inbox" if found["waiting"] else "Inbox clear.", "bold"))
    for row in found["stuck"]:
        console.print(text(f"Stuck: {row['title']}: {row['action']} {row['message']}", "yellow"))
    throttle.draw(found["throttled"], console, zone)
    for row in found["paused"]:
        why = f": {row['reason']}" if row["reason"] else ""
        console.print(text(f"{row['title']} is paused since {moment(row['since'], zone)}, by {row['by']}{why}"))
        console.print(text(f"  let it go on: mainstay resume {row['plan']}", "cyan"))
    console.print(text("Running" if found["running"] else "Nothing is under way.", "bold"))
    _draw_plans(found["running"], console)
    if found["scheduled"] or found["put_off"] or found["due"]:
        console.print(text("Due next", "bold"))
    for row in found["scheduled"]:
        console.print(text(f"  {row['playbook']}: runs next on {moment(row['at'], zone)}"))
    for row in found["put_off"]:
        console.print(text(f"  {row['headline']} ({row['decision']}): put off until {moment(row['until'], zone)}"))
    _draw_plans(found["due"], console)
    draw_leaving(found["leaving"], console, zone)
    for row in found["leaving"]:
        if row["hours"]:
            console.print(text(f"  '{row['action']}' waits for its hours: {row['hours']}", "dim"))
    for row in found["budgets"]:
        for limit in row["limits"]:
            console.print(text(f"Spent, {row['name']} ({row['period']}): {limit['says']}"))
    for says in found["wrong"]:
        console.print(text(says, "bold red"))


def _draw_plans(rows: list[Row], console: Console) -> None:
    for row in rows:
        console.print(text(f"  {row['title']} ({row['plan']}): {row['says']}"))
