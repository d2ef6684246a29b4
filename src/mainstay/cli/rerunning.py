"""`mainstay rerun`: run an ended plan again from a step on; what it did from there is decided one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.asking import ask, say_standing, status_of
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.running import read_files
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
MEANING = {
    "adopt": "it stays and counts, and is not done again",
    "failed": "what is done stays and counts; only what failed is done again",
    "undo": "it is taken back, and done again",
    "again": "it stays, and is done once more",
}


def rerun(
    screen: Screen,
    folder: Path | None,
    name: str,
    inputs: Sequence[str],
    choices: Mapping[str, Sequence[str]],
    given: Row,
    *,
    dry: bool,
    yes: bool,
) -> int:
    """Show what would run again and what the plan did there, ask what becomes of each, and run."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        plan = views.plan(views.plan_id(name))
    files = read_files(plan.graph.definition, inputs, partly=True) if not given["playbook"] else {}
    params: Row = {"plan": plan.id, "inputs": list(inputs), "files": files, "folder": str(Path.cwd()), **given}
    chosen = {step: choice for choice, steps in choices.items() for step in steps}
    if twice := [step for step in chosen if sum(step in steps for steps in choices.values()) > 1]:
        raise InputError(f"Two things are said of '{twice[0]}'.", remedy="Say one of adopt, failed, undo and again.")
    found = ask(screen, workspace, "rerun_preview", params)
    if dry:
        screen.give(found, lambda console: _draw(found, console))
        return DONE
    if screen.interactive and not yes:
        _draw(found, screen.err)
        for row in found["later"]:
            if row["step"] not in chosen and row["actions"]:
                chosen[row["step"]] = _choose(screen, row)
        if not screen.agreed("Run it again so?", "Nothing was begun"):
            return DONE
    standing = ask(screen, workspace, "rerun", {**params, "choices": chosen})
    screen.give(standing, lambda _: _say(screen, standing, found))
    return status_of(standing)


def _say(screen: Screen, standing: Row, found: Row) -> None:
    say_standing(screen, standing)
    if standing["plan"] in {found["plan"], *(row["plan"] for row in found["later"])}:
        screen.err.print(text("Nothing runs again yet: what is taken back first needs you. Then say it once more:"))
        screen.err.print(text(f"  mainstay rerun {found['plan']}", "cyan"))


def _draw(found: Row, console: Console) -> None:
    begin = f"from {found['from']}" if found["from"] else "from the beginning"
    console.print(text(f"{found['title']} ({found['plan']}) again, {begin}", "bold"))
    console.print(text(f"Taken over as it was: {', '.join(found['taken_over']) or 'nothing'}"))
    console.print(text(f"Runs again: {', '.join(found['runs_again']) or 'nothing'}"))
    if found["later"]:
        console.print(text("What it did there already:", "bold"))
    for row in found["later"]:
        if not row["actions"]:
            console.print(text(f"  {row['step']}: done in part; only what failed: --failed {row['step']}"))
            continue
        times = f" ({row['actions']} actions)" if row["actions"] > 1 else ""
        stays = f"; can't be undone: {row['cannot_undo']}" if row["cannot_undo"] else ""
        leaning = ", ".join(one["plan"] for one in row["leaning"])
        leans = f"; an undo would take it from {leaning} too, which took it over" if leaning else ""
        console.print(text(f"  {row['step']}: {row['does']}{times}{stays}{leans}"))


def _choose(screen: Screen, row: Row) -> str:
    options = row["choices"]
    for choice in options:
        screen.err.print(text(f"  {choice}: {MEANING[choice]}", "dim"))
    while True:
        given = (
            screen.err.input(text(f"What becomes of {row['step']} ({', '.join(options)}): ", "bold")).strip().lower()
        )
        found = [choice for choice in options if given and choice.startswith(given)]
        if len(found) == 1:
            return found[0]
