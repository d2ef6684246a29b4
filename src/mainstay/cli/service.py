"""`mainstay start`: the service. It owns the workspace, goes on with plans, keeps times and answers other commands."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import as_document, text
from mainstay.cli.status import DONE

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen
    from mainstay.workspace import Workspace

_QUIET = frozenset({"PlanParked", "PlanApproved"})


def start(screen: Screen, folder: Path | None) -> int:
    """Serve until SIGINT or SIGTERM."""
    workspace = workspace_at(folder)
    asyncio.run(_serve(screen, workspace))
    return DONE


async def _serve(screen: Screen, workspace: Workspace) -> None:
    from mainstay.owners import serve
    from mainstay.requests import NOTICE

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def hear(event: dict[str, Any]) -> None:
        if event["kind"] == NOTICE:
            screen.err.print(text(f"{time.strftime('%H:%M:%S')} {event['says']}", "bold"))
        elif event["plan"]:
            _say_event(screen, event)
        else:
            _say_begun(screen, workspace, event["count"])

    began = time.monotonic()
    await serve(workspace, hear, stop)
    screen.err.print(text("Stopped. Plans that wait go on at the next start."))
    if screen.as_json:
        document = {"workspace": str(workspace.root), "served_s": round(time.monotonic() - began, 1)}
        sys.stdout.write(as_document(document))


def _say_begun(screen: Screen, workspace: Workspace, count: int) -> None:
    going_on = f", going on with {count} plans" if count > 1 else ", going on with 1 plan" if count else ""
    screen.err.print(text(f"Mainstay works for {workspace.config.company.name} in {workspace.root}{going_on}."))
    screen.err.print(text("Other commands reach it there; Ctrl-C stops it."))


def _say_event(screen: Screen, event: dict[str, Any]) -> None:
    if event["kind"] not in _QUIET and "/" not in event["path"]:
        now = time.strftime("%H:%M:%S")
        screen.err.print(text(f"{now} {event['plan']} {event['says']}"))
