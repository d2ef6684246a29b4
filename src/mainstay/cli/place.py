"""Which workspace a command works on, and reading it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mainstay.errors import InputError
from mainstay.shown import shown
from mainstay.workspace import CONFIG_NAME, STATE_NAME, Workspace

if TYPE_CHECKING:
    from mainstay.cli.screen import Screen
    from mainstay.views import Views


def workspace_at(folder: Path | None) -> Workspace:
    """Give the named workspace, else the one the current folder is in. Raises InputError when there is none."""
    if folder is None:
        return Workspace.find()
    if not (folder / CONFIG_NAME).is_file() or not (folder / STATE_NAME).is_dir():
        raise InputError(f"{folder} is not a workspace.", remedy=f"Make one with: mainstay init {folder}")
    return Workspace(folder)


def workspace_if_any(folder: Path | None) -> Workspace | None:
    """Give the workspace, or None where none was named and the current folder is in none."""
    here = Path.cwd()
    if folder is None and not any((each / STATE_NAME).is_dir() for each in (here, *here.parents)):
        return None
    return workspace_at(folder)


def left_alone(workspace: Workspace, views: Views) -> list[str]:
    """Name the plans that have work left while nobody works on the workspace."""
    from mainstay.owners import owner_of

    left = views.unfinished()
    return left if left and owner_of(workspace) is None else []


def say_left_alone(count: int) -> str:
    """Say in one line how plans that stand still go on."""
    plans = "1 plan has" if count == 1 else f"{count} plans have"
    return f"{plans} work left and nobody works on it: mainstay start"


def say_left_lying(screen: Screen, workspace: Workspace) -> None:
    """Say which files in watched folders could not be taken in; nothing where there are none."""
    from mainstay.connectors.inbox import left_in

    for path, why in left_in(workspace.root, workspace.state).items():
        screen.say(f"Not taken in: {shown(path)}, {why[:1].lower()}{why[1:]} Correct or remove it.", "yellow")


def views_at(folder: Path | None) -> Views:
    """Open a workspace for reading; close it with `with`."""
    from mainstay.views import Views

    return Views(workspace_at(folder))
