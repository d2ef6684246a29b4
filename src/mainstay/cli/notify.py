"""`mainstay notify`: the ways by which you are told, and a test of each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE, FAILED
from mainstay.owners import ask_owner

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen


def try_ways(screen: Screen, folder: Path | None, ways: list[str]) -> int:
    """Send a word by every way, or by those that are named, and say which took it."""
    asked = ask_owner(workspace_at(folder), "notify_test", {"ways": ways}, lambda _: None)
    told = asyncio.run(asked)
    rows: list[dict[str, Any]] = told["ways"]
    behind: str = told.get("behind", "")  # an owner of an older version does not say
    screen.give({"ways": rows, "behind": behind}, lambda console: _draw(rows, console))
    if behind and not screen.as_json:
        screen.err.print(text(behind, "yellow"))
    return DONE if all(row["taken"] for row in rows) else FAILED


def _draw(rows: list[dict[str, Any]], console: Console) -> None:
    for row in rows:
        if row["taken"]:
            console.print(text(f"{row['way']}: it took the message. Look whether it is there."))
        else:
            console.print(text(f"{row['way']}: {row['why']}", "bold red"))
            if row["remedy"]:
                console.print(text(f"  {row['remedy']}"))
