"""`mainstay plans`, `show`, `cancel` and `undo`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.table import Table

from mainstay.cli.asking import ask, say_standing, status_of
from mainstay.cli.leaving import leaving_of, say_offline
from mainstay.cli.place import left_alone, say_left_alone, views_at, workspace_at
from mainstay.cli.screen import text, when
from mainstay.cli.status import DONE
from mainstay.cli.timeline import draw_plan
from mainstay.errors import InputError
from mainstay.sentences import STATUS

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
NO_PLANS = """No plans yet. See what you can run: mainstay playbook list
Run it:                            mainstay run PLAYBOOK"""
_GOING = frozenset({"approved", "running", "undoing"})
_TAKE_BACK = ("Take this back?", "Nothing was undone", "Add --yes to take back what is listed.")
_END = ("End it, and take back what is on its way?", "It was not ended", "Add --yes to end it.")


def plans(screen: Screen, folder: Path | None, *, open_only: bool, limit: int) -> int:
    """List plans, the newest first."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        found, left = views.plans(limit=limit + 1, open_only=open_only), left_alone(workspace, views)
        offline, clock = views.offline(), views.clock_set()
    is_cut = len(found) > limit
    found = found[:limit]
    for row in found:
        row["stands_still"] = row["plan"] in left
        if row["stands_still"] and row["status"] in _GOING:
            row["says"] = "stands still" if row["says"] == STATUS[row["status"]] else f"{row['says']}; nobody looks"
    none = "No plan is open. All of them: mainstay plans" if open_only else NO_PLANS
    screen.give(found, lambda console: _draw_plans(found, console, workspace.config.company.timezone, none))
    if is_cut:
        only = " --open" if open_only else ""
        screen.say(f"The newest {limit:,}. More of them: mainstay plans{only} --limit {limit * 20}", "dim")
    say_offline(screen, offline)
    if clock:
        screen.say(f"{clock}.", "yellow")
    if left:
        screen.say(say_left_alone(len(left)), "yellow")
    return DONE


def _draw_plans(found: list[Row], console: Console, zone: str, none: str) -> None:
    if not found:
        console.print(none)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("plan", "what", f"begun ({zone})", "where it stands", "needs your decision"):
        table.add_column(name, overflow="fold")
    for row in found:
        cells = (row["plan"], row["title"], when(row["proposed_at"]), row["says"], ", ".join(row["questions"]))
        table.add_row(*(text(cell) for cell in cells))
    console.print(table)


def show(screen: Screen, folder: Path | None, name: str, *, everything: bool) -> int:
    """Show a plan: how far it is, and who did what because of what."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        found = views.show(views.plan_id(name))
        found["leaving"] = leaving_of(workspace, views, found["plan"])
    zone = workspace.config.company.timezone
    screen.give(found, lambda console: draw_plan(found, console, zone, everything=everything))
    return DONE


def cancel(screen: Screen, folder: Path | None, name: str, reason: str) -> int:
    """End a plan now; what it did stays."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        plan = views.plan_id(name)
    standing = ask(screen, workspace, "cancel", {"plan": plan, "reason": reason})
    screen.give(standing, lambda _: say_standing(screen, standing))
    if not screen.as_json:
        back = f" To take that back: mainstay undo {plan}" if standing["undoable"] else ""
        screen.say(f"What it did so far stays.{back}")
    return status_of(standing, wanted=frozenset({"cancelled"}))


def undo(screen: Screen, folder: Path | None, name: str, reason: str, *, yes: bool) -> int:
    """Take back what a plan did, after saying what exactly that is."""
    from mainstay.app import contracts_to_read

    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        plan = views.plan_id(name)
        _check_undo(plan, views.plan(plan).status)
        listed = views.undo_list(plan, contracts_to_read(workspace))
        over = views.is_over(plan)
    _draw_undo(listed, screen.err)
    if over and not listed["possible"]:
        screen.give(_nothing_undone(listed), lambda console: console.print("Nothing was undone; all stays as it is."))
        return DONE
    if not yes and not screen.agreed(*(_TAKE_BACK if listed["possible"] else _END)):
        return DONE
    standing = ask(screen, workspace, "undo", {"plan": plan, "reason": reason, "listed": listed["seen"]})
    with views_at(workspace.root) as views:
        last = views.timeline(plan)[-1]["what"]
        stays = views.show(plan)["not_undone"]
    document = standing | {"taken_back": listed["possible"], "left": listed["impossible"], "stays": stays}
    document |= {"leaning": listed["leaning"], "taken_over": listed["taken_over"]}
    screen.give(document, lambda _: say_standing(screen, standing))
    if not screen.as_json:
        screen.say(last)
        _say_stays(screen, stays, listed)
    return status_of(standing, wanted=frozenset({"undone"}))


def _nothing_undone(listed: Row) -> Row:
    """Give the document of an undo that had nothing to do."""
    left: list[Row] = listed["impossible"]
    kept = {name: listed[name] for name in ("plan", "leaning", "taken_over")}
    return kept | {"taken_back": [], "left": left, "stays": left}


def _check_undo(plan: str, status: str) -> None:
    """Refuse before anything is listed what can't be undone now."""
    if status in ("undone", "undoing"):
        raise InputError(f"Plan {plan} is {STATUS[status]} already.", remedy=f"What happened: mainstay show {plan}")
    if status in ("proposed", "approved"):
        raise InputError(f"Plan {plan} has not done anything yet.", remedy=f"End it: mainstay cancel {plan}")


def _say_stays(screen: Screen, stays: list[Row], listed: Row) -> None:
    """Name what is there now, after the undo: each as its card named it."""
    headlines = {row["action"]: row["headline"] for row in [*listed["possible"], *listed["impossible"]]}
    if stays:
        screen.say("Stays, as it was not taken back:", "bold red")
    for row in stays:
        action = row["action"].removeprefix("undo of ")
        screen.say(text(f"  {action}: {headlines[action]}" if action in headlines else f"  {action}"))


def _say_nothing(listed: Row) -> str:
    return "Nothing of it can be taken back." if listed["impossible"] else "It did nothing that could be taken back."


def _draw_taken_over(rows: list[Row], console: Console) -> None:
    """Name what a rerun took over: it was done by another plan, and an undo of this one leaves it there."""
    if rows:
        console.print(text("Stays, as a run before this one did it and this one took it over:", "bold red"))
    for row in rows:
        for one in [*row["possible"], *row["impossible"]]:
            console.print(text(f"  {one['action']}: {one['headline']}"))
        did = f"    Done by {row['title']} ({row['plan']})"
        back = f"to take it back as well: mainstay undo {row['plan']}" if row["possible"] else "it can't be taken back"
        console.print(text(f"{did}; {back}", "dim"))


def _draw_undo(listed: Row, console: Console) -> None:
    console.print(text(f"{listed['title']} ({listed['plan']})", "bold"))
    console.print(text("Will be taken back, the last one first:" if listed["possible"] else _say_nothing(listed)))
    for row in listed["possible"]:
        by = f"  ({row['by']})" if row["by"] else ""
        console.print(text(f"  {row['action']}: {row['headline']}").append_text(text(by, "dim")))
    if listed["impossible"]:
        console.print(text("Can't be taken back, and stays:", "bold red"))
    for row in listed["impossible"]:
        console.print(text(f"  {row['action']}: {row['headline']}"))
    for why, count in Counter(row["why"] for row in listed["impossible"]).items():
        console.print(text(f"  Why ({count}): {why}"))
    _draw_taken_over(listed["taken_over"], console)
    if listed["leaning"]:
        console.print(
            text("Others lean on it: they took over what is taken back here, and stay as they are.", "bold red")
        )
    for row in listed["leaning"]:
        steps = ", ".join(row["steps"])
        console.print(text(f"  {row['title']} ({row['plan']}, {row['says']}) took over {steps}"))
        console.print(text(f"    Look at it first: mainstay show {row['plan']}", "dim"))
