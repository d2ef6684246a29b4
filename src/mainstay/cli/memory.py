"""`mainstay memory`: what was learned from your answers, and forgetting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rich.padding import Padding

from mainstay.cli.place import views_at
from mainstay.cli.running import run
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.errors import UnknownNameError
from mainstay.views.lessons import lessons

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
PLAYBOOK = "forget"


def remembered(screen: Screen, folder: Path | None) -> int:
    """List what was learned, and from which answer."""
    with views_at(folder) as views:
        found = views.known()
    screen.give(found, lambda console: _draw(found, console))
    return DONE


def forget(screen: Screen, folder: Path | None, names: Sequence[str]) -> int:
    """Forget records by their ids, or what those begin with."""
    with views_at(folder) as views:
        ids = [row["id"] for pile in views.known().values() for row in pile]
    return run(screen, folder, PLAYBOOK, [f"ids={_whole(name, ids)}" for name in names], dry=False)


def _whole(name: str, ids: Sequence[str]) -> str:
    found = [ident for ident in ids if name and ident.startswith(name)]
    if len(found) != 1:
        what = "More than one thing that was learned begins" if found else "Nothing that was learned begins"
        raise UnknownNameError(f"{what} with '{name}'.", remedy="`mainstay memory list` shows all.")
    return found[0]


def _draw(found: dict[str, list[Row]], console: Console) -> None:
    if not any(found.values()):
        console.print("Nothing was learned yet: what you answer in a run is remembered here.")
        return
    title = ""
    for row in lessons(found):
        if row["pile"] != title:
            title = row["pile"]
            console.print(text(f"{title}:", "bold"))
        console.print(Padding(text(f"{row['short']}  {row['says']}"), (0, 0, 0, 2), expand=False))
        console.print(Padding(text(row["source"], "dim"), (0, 0, 0, 12), expand=False))
    console.print("To forget one: mainstay memory forget ID")
