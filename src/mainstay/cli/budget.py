"""`mainstay budget`: what is spent, held and left, and raising a budget for this time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.asking import ask
from mainstay.cli.place import caps_in_force, workspace_at
from mainstay.cli.screen import moment, text
from mainstay.cli.status import DONE
from mainstay.errors import InputError
from mainstay.views import Views

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
_WHEN = {"day": "today", "month": "this month", "plan": "a plan"}
_NAMED = 5  # plans that counted, by name
_NONE = """\
No budget is set: as much happens as you approve and your policies allow.
Set one in mainstay.toml, under [budgets], such as: "mail.send" = {per_day = 50}"""


def listed(screen: Screen, folder: Path | None) -> int:
    """Show all budgets in their present periods."""
    workspace = workspace_at(folder)
    caps = caps_in_force(workspace)
    with Views(workspace) as views:
        rows, zone = views.budgets(caps, time.time_ns() // 1000), views.timezone
    screen.give(rows, lambda console: _draw(rows, console, zone))
    return DONE


def raised(screen: Screen, folder: Path | None, name: str, *, today: str, month: str, plan: str) -> int:
    """Raise one budget in its present period."""
    given = [(period, amount) for period, amount in (("day", today), ("month", month), ("plan", plan)) if amount]
    if len(given) != 1:
        raise InputError(
            "Say until when it is raised: today, this month, or for one plan.",
            remedy=f'Such as: mainstay budget raise "{name}" --today 20',
        )
    workspace, (period, amount), whose = workspace_at(folder), given[0], ""
    if period == "plan":
        named, equals, amount = amount.partition("=")
        if not equals:
            raise InputError(f"'{named}' names no plan and amount.", remedy='Such as: --plan k3v9x2m4qa="50.00 EUR"')
        with Views(workspace) as views:
            whose = views.plan_id(named).partition("-")[0]
    params = {"name": name, "period": period, "plan": whose, "amount": amount}
    told = ask(screen, workspace, "raise_budget", params)
    until = {"day": "until midnight", "month": "until the month ends", "plan": f"for plan {whose}"}[period]
    screen.give(told, lambda console: console.print(text(f"Budget '{name}' is raised by {told['by']}, {until}.")))
    if told["leaving_now"]:
        screen.say(f"Of what waited for a budget, as much as fits in left now: {told['leaving_now']}.")
    screen.say("What a budget stopped, and you did not answer, goes on once you say so: mainstay stuck", "dim")
    return DONE


def _draw(rows: list[Row], console: Console, zone: str) -> None:
    if not rows:
        console.print(_NONE)
        return
    before = ""
    for row in rows:
        if row["name"] != before:
            counts = "" if row["counts"] == row["name"] else f" ({row['counts']})"
            console.print(text(f"{row['name']}{counts}", "bold"))
            before = row["name"]
        when = f"plan {row['plan']}" if row["plan"] else _WHEN[row["per"]]
        for limit in row["limits"]:
            console.print(text(f"  {when}: {limit['says']}{_outlook(row, limit, zone)}", _style(row, limit)))
        if row["earlier"]:
            console.print(text(f"    {row['earlier']} of that left before this budget counted it", "dim"))
        for one in row["counted"][:_NAMED]:
            console.print(text(f"    {one['says']}: {one['title']}  mainstay show {one['plan']}", "dim"))
        if len(row["counted"]) > _NAMED:
            more = " and others before" if row["older"] else ""
            console.print(text(f"    and {len(row['counted']) - _NAMED} more{more}: mainstay budget --json", "dim"))
    console.print("To let more be spent this time only: mainstay budget raise NAME --today AMOUNT")


def _outlook(row: Row, limit: Row, zone: str) -> str:
    if limit["used_up"]:
        return f"; used up{', begins anew ' + moment(row['ends_at'], zone) if row['ends_at'] else ''}"
    if limit["runs_out_at"]:
        return f"; at this pace used up by {moment(limit['runs_out_at'], zone)}"
    return ""


def _style(row: Row, limit: Row) -> str:
    return "red" if limit["used_up"] else "yellow" if row["warned"] or limit["runs_out_at"] else ""
