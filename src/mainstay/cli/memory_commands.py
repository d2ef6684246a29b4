"""`mainstay memory`: what was learned from answers."""

from __future__ import annotations

from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, screen_of

app = typer.Typer(no_args_is_help=True, help="What was learned from your answers.", rich_markup_mode=None)


@app.command(name="list")
def list_memory(as_json: Json = False, workspace: Folder = None) -> int:
    """List what was learned from your answers."""
    from mainstay.cli import memory as lessons

    return lessons.remembered(screen_of(as_json), workspace)


@app.command()
def forget(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As the list names them; the beginning will do.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Forget it; nothing that was booked changes."""
    from mainstay.cli import memory as lessons

    return lessons.forget(screen_of(as_json), workspace, ids)
