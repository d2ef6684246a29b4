"""`mainstay playbook`: what can be run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, PlaybookName, Sure, screen_of

app = typer.Typer(no_args_is_help=True, help="What can be run.", rich_markup_mode=None)


@app.command(name="list")
def list_playbooks(as_json: Json = False, workspace: Folder = None) -> int:
    """List what can be run."""
    from mainstay.cli import playbooks

    return playbooks.list_all(screen_of(as_json), workspace)


@app.command(name="show")
def show_playbook(name: PlaybookName, as_json: Json = False, workspace: Folder = None) -> int:
    """Show a playbook as it is written."""
    from mainstay.cli import playbooks

    return playbooks.show(screen_of(as_json), workspace, name)


@app.command(name="copy")
def copy_playbook(name: PlaybookName, as_json: Json = False, workspace: Folder = None) -> int:
    """Put one that comes with Mainstay into the workspace."""
    from mainstay.cli import playbooks

    return playbooks.copy(screen_of(as_json), workspace, name)


@app.command()
def explain(name: PlaybookName, as_json: Json = False, workspace: Folder = None) -> int:
    """Tell in plain sentences what a playbook does."""
    from mainstay.cli import playbooks

    return playbooks.explain(screen_of(as_json), workspace, name)


@app.command()
def weekly(
    day: Annotated[str, typer.Option(help="Of the week: MON, TUE, ...")] = "MON",
    hour: Annotated[str, typer.Option(help="Of the day, in your company's time: 0 to 23.")] = "8",
    take_all: Annotated[
        bool, typer.Option("--all", help="All invoices in inbox/invoices count, not the newest list.")
    ] = False,
    off: Annotated[bool, typer.Option("--off", help="Switch it off.")] = False,
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Run the reconciliation every week by itself, over the files in inbox/bank and inbox/invoices."""
    from mainstay.cli import weekly as each_week

    screen = screen_of(as_json)
    if off:
        return each_week.switch_off(screen, workspace, yes=yes)
    return each_week.switch_on(screen, workspace, day, hour, "all" if take_all else "newest", yes=yes)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE|NAME", help="A playbook's YAML file, or its name.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Check a playbook, and name every mistake at its place."""
    from mainstay.cli import playbooks

    return playbooks.check(screen_of(as_json), workspace, file)


@app.command(name="try")
def try_playbook(
    name: PlaybookName,
    version: Annotated[str, typer.Option(help="The beginning of a version; without it what the file says now.")] = "",
    last: Annotated[int, typer.Option(help="How many plans.")] = 5,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Play what the last plans were given by another version, and say what differs; it only looks."""
    from mainstay.cli import hindsight

    return hindsight.try_playbook(screen_of(as_json), workspace, name, version, last)
