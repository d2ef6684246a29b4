"""`mainstay columns QUESTION`: the lines that a question proposes for mainstay.toml, written after a look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstay.cli.asking import ask
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.policy_saving import read_text
from mainstay.cli.screen import text
from mainstay.cli.status import DONE

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen


def write(screen: Screen, folder: Path | None, name: str, row: int, file: Path | None, *, yes: bool) -> int:
    """Show what changes in mainstay.toml, and write it after a yes."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        decision = views.decision_id(name)
    asked: dict[str, Any] = {"decision": decision, "row": row - 1, "text": None if file is None else read_text(file)}
    told = ask(screen, workspace, "columns", asked)
    for line in told["diff"] if not yes or not screen.as_json else ():
        screen.err.print(text(line, {"+": "green", "-": "red"}.get(line[:1], "")), soft_wrap=True)
    if told["diff"]:
        if not yes and not screen.agreed("Write it?", "Nothing was written", "Add --yes to write it."):
            return DONE
        told = ask(screen, workspace, "columns", asked | {"seen": told["seen"]})
    screen.give(told, lambda console: console.print(text(told["says"])))
    return DONE
