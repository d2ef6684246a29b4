"""`mainstay throttle`: playbooks whose plans wait because a bound of a policy was reached, and letting them go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.asking import ask
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import moment, text
from mainstay.cli.status import DONE
from mainstay.cli.timeline import draw_bounced
from mainstay.kernel.state import ENDED

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
_DONE = {
    "go-on": "goes on, and is counted anew",
    "undo": "is taken back, as far as it can be: what it did within that time. Its new plans wait",
    "stop": "is stopped: its plans ended, and what they did stays. Its new plans wait",
}


def listed(screen: Screen, folder: Path | None) -> int:
    """Show what waits, why, and the ways on."""
    with views_at(folder) as views:
        rows, zone = views.throttled(), views.timezone
    screen.give(rows, lambda console: draw(rows, console, zone, empty="No throttle holds anything."))
    return DONE


def draw(rows: list[Row], console: Console, zone: str, *, empty: str = "") -> None:
    """Draw the playbooks that wait; nothing where none does, but `empty`."""
    if not rows and empty:
        console.print(empty)
    for row in rows:
        console.print(text(f"Plans of {row['playbook']} wait since {moment(row['at'], zone)}: {row['says']}.", "bold"))
        console.print(text(f"  {row['why']} (rule {row['rule']})"))
        for plan in row["plans"]:
            console.print(text(f"  {plan['plan']}  {plan['title']}: {_say(row, plan)}"))
            draw_bounced(plan["bounced"], console, "    ")
        name = row["playbook"]
        console.print(text(f"  let it go on:            mainstay throttle go-on {name}", "cyan"))
        console.print(text(f"  take back what it did:   mainstay throttle undo {name}", "cyan"))
        console.print(text(f"  end its plans as is:     mainstay throttle stop {name}", "cyan"))


def _say(row: Row, plan: Row) -> str:
    """Say where a plan stands, and what is true of it beside that: one that is over waits for nothing."""
    over = plan["status"] == "undone" or plan["status"] in ENDED
    back = plan["plan"] in row["undone"]
    did = "acted" if plan["acted"] and not back else "" if over else "is taken back" if back else "waits"
    return f"{plan['says']}, {did}" if did and plan["status"] != "undone" else plan["says"]


def answer(screen: Screen, folder: Path | None, way: str, playbook: str, *, yes: bool = False) -> int:
    """Go on, take back, or stop; all of them show the plans first."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        rows, zone = [row for row in views.throttled() if row["playbook"] == playbook], views.timezone
    if rows and not screen.as_json:
        draw(rows, screen.out, zone)
    if rows and not yes and not screen.agreed("Do that?", "Nothing was changed", "Add --yes to do it."):
        return DONE
    told = ask(screen, workspace, "throttle", {"playbook": playbook, "way": way})
    screen.give(told, lambda console: console.print(text(f"{playbook} {_DONE[way]}.")))
    return DONE
