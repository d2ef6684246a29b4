"""`mainstay playbook weekly`: the reconciliation every week by itself; shown first, on by one yes, off by another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.cli.asking import ask
from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.cli.versions import say_broken
from mainstay.errors import InputError
from mainstay.playbooks import weekly

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen
    from mainstay.workspace import Workspace

_LEFT = f"{weekly.PATH} lies there, and is not active as it stands."


def switch_on(screen: Screen, folder: Path | None, day: str, hour: str, which: str, *, yes: bool) -> int:
    """Show what would run and the file that is written, and let it run after a yes."""
    from mainstay.app import contracts_to_read, versions_to_read
    from mainstay.playbooks.changes import line_diff
    from mainstay.playbooks.explain import explain
    from mainstay.playbooks.versions import OwnPlaybooks

    workspace, wish = workspace_at(folder), weekly.wish_of(day, hour, which)
    standing = _standing(workspace)
    if standing.state in ("on", "gone"):
        raise InputError("It runs every week already.", remedy="Switch it off first: mainstay playbook weekly --off")
    if standing.state != "off":
        raise InputError(_LEFT, remedy=f"Look at it: mainstay diff {weekly.PATH}\nOr remove it, and say it again.")
    content, contracts = weekly.text_of(wish), contracts_to_read(workspace)
    own = OwnPlaybooks(versions_to_read(workspace), workspace.root)
    told = explain(weekly.definition_of(content, workspace.root, contracts, own), contracts)
    lines = line_diff({}, {weekly.PATH: content.encode()}, "nothing", "new")
    if not yes or not screen.as_json:
        screen.err.print(text(told.strip(), lines=True))
        for line in lines:
            screen.err.print(text(line, "green" if line.startswith("+") else ""), soft_wrap=True)
    if not yes and not screen.agreed("Let it run so?", "Nothing was changed", "Add --yes to let it run."):
        return DONE
    done = ask(screen, workspace, "save_playbook", {"name": weekly.NAME, "content": content, "seen": standing.seen})
    weekly.make_folders(workspace.root)
    document = {"path": weekly.PATH, "version": done["activated"][0]["digest"], "diff": lines}
    says = f"{weekly.PATH} is written, and runs by itself while `mainstay start` runs."
    screen.give(document, lambda console: console.print(text(says)))
    return DONE


def switch_off(screen: Screen, folder: Path | None, *, yes: bool) -> int:
    """Take it out of use after a yes."""
    workspace = workspace_at(folder)
    standing = _standing(workspace)
    if standing.active is None:
        raise InputError("It is off already.", remedy="Switch it on: mainstay playbook weekly")
    if not yes and not screen.agreed("Switch it off?", "It goes on", "Add --yes to switch it off."):
        return DONE
    seen = standing.active.digest
    done = ask(screen, workspace, "retire", {"kind": "playbook", "name": weekly.NAME, "seen": seen})
    screen.give(done["retired"], lambda console: console.print(text("It is off; its versions stay.")))
    say_broken(screen, done)
    return DONE


def _standing(workspace: Workspace) -> weekly.Standing:
    from mainstay.app import versions_to_read
    from mainstay.runtime.clock import SystemClock

    zone = workspace.config.company.timezone
    return weekly.standing_of(versions_to_read(workspace), workspace.root, SystemClock().now_us(), zone)
