"""`mainstay start`: the service. It owns the workspace, goes on with plans, keeps times and answers other commands."""

from __future__ import annotations

import asyncio
import functools
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import as_document, text
from mainstay.cli.status import DONE
from mainstay.console.service import beside, check
from mainstay.sentences import say_path

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen
    from mainstay.workspace import Workspace

_QUIET = frozenset({"PlanParked", "PlanApproved"})
_LINES = 10  # of a list that goes well, at most
_STOPS = frozenset(  # what of an item somebody has to know
    {"DecisionAsked", "DecisionRuled", "DecisionExpired", "DecisionVoided", "StepStuck", "StepFailed", "StepRejected"}
    | {"EffectUncertain", "EffectRefused", "EffectAwaited", "AttemptFailed", "UndoImpossible", "EffectUnseen"}
)
_ITEM_ENDS = {"EffectDone": "done", "StepCompleted": "done", "StepSkipped": "left out", "ChildFinished": "done"}


def start(screen: Screen, folder: Path | None, *, link: bool = True) -> int:
    """Serve until SIGINT or SIGTERM; with a `link` that lets into the console, where only the operator looks."""
    workspace = workspace_at(folder)
    check(workspace)
    asyncio.run(_serve(screen, workspace, link=link))
    return DONE


async def _serve(screen: Screen, workspace: Workspace, *, link: bool) -> None:
    from mainstay.owners import serve
    from mainstay.requests.news import NOTICE

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    lists, zone = _Lists(), workspace.config.company.timezone
    opening = screen.err.status("Opening the history")  # after an update its lists are made anew

    def hear(event: dict[str, Any]) -> None:
        opening.stop()
        if event["kind"] == NOTICE:
            screen.err.print(text(f"{_clock(zone)} {event['says']}", "bold"))
        elif event["plan"]:
            _say_event(screen, event, lists, zone)
        else:
            _say_begun(screen, workspace, event["count"])

    def show(made: str) -> None:
        if not link:
            screen.err.print(text("A link for your browser: mainstay console"))
            return
        screen.err.print(text("Open Mainstay in your browser; this link lets you in once, for 15 minutes:"))
        screen.err.print(text(f"  {made}", "cyan"), soft_wrap=True)

    began = time.monotonic()
    with opening:
        await serve(workspace, hear, stop, functools.partial(beside, show=show))
    screen.err.print(text("Stopped. Plans that wait go on at the next start."))
    if screen.as_json:
        document = {"workspace": str(workspace.root), "served_s": round(time.monotonic() - began, 1)}
        sys.stdout.write(as_document(document))


def _say_begun(screen: Screen, workspace: Workspace, count: int) -> None:
    going_on = f", going on with {count} plans" if count > 1 else ", going on with 1 plan" if count else ""
    screen.err.print(text(f"Mainstay works for {workspace.config.company.name} in {workspace.root}{going_on}."))
    screen.err.print(text("Other commands reach it there; Ctrl-C stops it."))
    screen.err.print(text(f"Times: {workspace.config.company.timezone}.", "dim"))


def _clock(zone: str) -> str:
    """Say what time it is for the company."""
    from mainstay.runtime.names import local_time

    return f"{local_time(time.time_ns() // 1000, zone):%H:%M:%S}"


def _say_event(screen: Screen, event: dict[str, Any], lists: _Lists, zone: str) -> None:
    says = lists.says(event) if "/" in event["path"] else event["says"]
    lists.note(event)
    if says and event["kind"] not in _QUIET:
        screen.err.print(text(f"{_clock(zone)} {event['plan']} {says}"))


class _Lists:
    """How far lists are: what stops an item is a line of its own, what is done is told ten times at most."""

    def __init__(self) -> None:
        self._total: dict[tuple[str, str], int] = {}
        self._done: dict[tuple[str, str], set[str]] = {}

    def note(self, event: dict[str, Any]) -> None:
        """Note how long a list is; forget it when its step ended."""
        key = event["plan"], event["path"]
        if event["kind"] == "ItemsFrozen":
            self._total[key] = event["count"]
        elif event["kind"] in ("StepCompleted", "StepFailed", "StepSkipped"):
            self._total.pop(key, None)
            self._done.pop(key, None)

    def says(self, event: dict[str, Any]) -> str:
        """Say what the log tells of an item; empty for what is of no use there."""
        if event["kind"] in _STOPS:
            return event["says"]
        if event["kind"] not in _ITEM_ENDS:
            return ""
        path: str = event["path"]
        key = event["plan"], path.partition("/")[0]
        done, total = self._done.setdefault(key, set()), self._total.get(key, 0)
        if path in done:
            return ""
        done.add(path)
        if total and len(done) % max(1, -(-total // _LINES)) and len(done) != total:
            return ""
        return f"{say_path(key[1])}: {len(done)}" + (f" of {total}" if total else "") + f" {_ITEM_ENDS[event['kind']]}"
