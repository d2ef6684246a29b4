"""`mainstay replay`: whether this release decides what it decided then, and for which records of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.place import views_at
from mainstay.cli.screen import text, when
from mainstay.cli.status import DONE, FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.views import Views

Row: TypeAlias = dict[str, Any]


def replay(screen: Screen, folder: Path | None, name: str) -> int:
    """Decide a plan's history again, and those of its child plans, without doing anything, and compare."""
    with views_at(folder) as views:
        found = list(_replayed(views, views.plan_id(name)))
    parts = found[1:]
    document = found[0] | {"same": all(row["same"] for row in found), "parts": parts}
    screen.give(document, lambda console: _draw_replay(found, console))
    return DONE if document["same"] else FAILED


def _replayed(views: Views, plan: str) -> Iterator[Row]:
    """Replay a plan and its child plans, each with where it differs, or up to where it was held."""
    found = views.replay(plan)
    yield found
    for part in found["parts"]:
        yield from _replayed(views, part)


def _draw_replay(found: list[Row], console: Console) -> None:
    different = next((row for row in found if not row["same"]), None)
    if different is None:
        last, of = max(found, key=lambda row: row["record"]["position"]), found[0]["plan"]
        parts = {1: "", 2: " and its part"}.get(len(found), f" and its {len(found) - 1} parts")
        facts = sum(row["facts"] for row in found)
        console.print(text(f"The same: all {facts} facts of plan {of}{parts} follow again. Nothing was done."))
        place = f"record {last['record']['position']:,} ({when(last['record']['at'])}), {last['digest']}"
        console.print(text(f"Held against the history up to {place}", "dim"), soft_wrap=True)
        return
    record = different["record"]
    console.print(text(f"Not the same. First difference: {different['first_difference']}", "red"))
    console.print(text(f"That is record {record['position']:,} of {when(record['at'])}: {record['what']}"))
    console.print("This release of Mainstay decides differently than the one that ran the plan; what happened stands.")
