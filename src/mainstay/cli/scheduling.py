"""`mainstay pause`, `resume` and `edit`: when a plan runs, and with what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mainstay.cli.asking import ask, say_standing, status_of
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.running import read_files
from mainstay.errors import InputError
from mainstay.values import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.cli.screen import Screen


def pause(screen: Screen, folder: Path | None, name: str, reason: str) -> int:
    """Begin nothing new in a plan until it is resumed."""
    return _ask(screen, folder, "pause", name, {"reason": reason})


def resume(screen: Screen, folder: Path | None, name: str) -> int:
    """Go on with a paused plan, or give the go-ahead to one that was only proposed."""
    return _ask(screen, folder, "resume", name, {})


def edit(
    screen: Screen, folder: Path | None, name: str, inputs: Sequence[str], *, expires: str, priority: int | None
) -> int:
    """Change a plan that was proposed and has not started."""
    workspace = workspace_at(folder)
    if not (inputs or expires or priority is not None):
        raise InputError("Nothing to change was given.", remedy="Such as: mainstay edit PLAN name=value --expires 3d")
    with views_at(workspace.root) as views:
        plan = views.plan(views.plan_id(name))
    files = read_files(plan.graph.definition, inputs, partly=True)
    params = {"inputs": list(inputs), "files": files, "folder": str(Path.cwd()), "priority": priority}
    return _ask(screen, folder, "edit", name, params | {"expires_s": _seconds(expires)})


def _seconds(expires: str) -> int | None:
    if not expires:
        return None
    try:
        return 0 if expires == "never" else parse_duration_s(expires)
    except ValueError as error:
        raise InputError(f"{error}.", remedy="Or say: --expires never") from None


def _ask(screen: Screen, folder: Path | None, method: str, name: str, params: Mapping[str, object]) -> int:
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        plan = views.plan_id(name)
    standing = ask(screen, workspace, method, {"plan": plan, **params})
    screen.give(standing, lambda _: say_standing(screen, standing))
    return status_of(standing)
