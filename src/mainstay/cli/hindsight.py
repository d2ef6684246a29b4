"""`mainstay playbook try`: what another version would have done with what the last plans were given."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text, when
from mainstay.cli.status import DONE
from mainstay.cli.tryout import STOPPED, STOPS, tell_progress
from mainstay.values import say_count

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]
SHORT = 8  # of a version, as it is shown
SHOWN = 20  # actions of a plan; the document has all


def try_playbook(screen: Screen, folder: Path | None, name: str, version: str, last: int) -> int:
    """Play them, and show what differs."""
    workspace = workspace_at(folder)
    try:
        with screen.err.status("Playing the last plans again, where nothing can leave") as looking:
            tell = partial(tell_progress, screen, looking)
            found = asyncio.run(_until_stopped(workspace, name, version, last, tell))
    except asyncio.CancelledError:
        return STOPPED
    screen.give(found, lambda console: _draw(found, console))
    return DONE


async def _until_stopped(workspace: Workspace, name: str, version: str, last: int, tell: Callable[[str], None]) -> Row:
    from mainstay.hindsight import hindsight

    task = asyncio.current_task()
    assert task is not None
    for stop in STOPS:
        asyncio.get_running_loop().add_signal_handler(stop, task.cancel)
    return await hindsight(workspace, name, version, last, tell)


def _draw(found: Row, console: Console) -> None:
    many = len(found["plans"])
    last = f"its last {many} plans" if many > 1 else "its last plan"
    differs = "would have done otherwise in" if found["differ"] else "would have done the same in"
    of = f"{found['differ']} of {last}" if found["differ"] and many > 1 else last
    console.print(text(f"{found['playbook']} ({found['version'][:SHORT]}) {differs} {of}.", "bold"))
    for row in found["plans"]:
        actions = say_count(row["actions"], "action") if row["actions"] else "it does nothing"
        same = f"the same, {actions}" if row["same"] else "differs"
        ran = f"ran as {row['ran'][:SHORT]}" if row["ran"] else "ran"
        console.print()
        console.print(text(f"{row['plan']}  {when(row['at'])}, {ran}: {same}"))
        if row["problem"]:
            console.print(text(f"  {row['problem']}", "red"))
        for sign, style, found_only in (("-", "red", row["only_before"]), ("+", "green", row["only_now"])):
            for one in found_only[:SHOWN]:
                console.print(text(f"  {sign} {one['headline']}", style))
            if len(found_only) > SHOWN:
                console.print(text(f"  {sign} and {len(found_only) - SHOWN} more", style))
        for line in row["other"]:
            console.print(text(f"  {line}"))
    console.print(
        "\nEach was played by both versions in folders of their own, over empty books; each question got a yes."
    )
    console.print("Nothing was sent, booked or kept.")
