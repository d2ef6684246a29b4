"""`mainstay settings`: what mainstay.toml says, with what each line means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.views.settings import settings

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.views.opening import Row


def show(screen: Screen, folder: Path | None) -> int:
    """Show them; they are changed in the file."""
    found = settings(workspace_at(folder))
    screen.give(found, lambda console: _draw(found, console))
    return DONE


def _draw(found: Row, console: Console) -> None:
    for section in found["sections"]:
        console.print(text(f"{section['title']} [{section['name']}]", "bold"))
        console.print(text(f"  {section['about']}", "dim"))
        for line in section["lines"]:
            means = f"  ({line['means']})" if line["means"] else ""
            console.print(text(f"  {line['name']} = {line['value']}{means}", "green" if line["own"] else ""))
        if not section["lines"]:
            console.print("  none is set")
    console.print(text(f"Change them in {found['file']}; that counts from the next start.", "cyan"))
