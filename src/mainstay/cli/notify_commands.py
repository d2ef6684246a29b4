"""The commands of `mainstay notify`: how you are told of what waits."""

from __future__ import annotations

from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, screen_of

app = typer.Typer(no_args_is_help=True, help="How you are told unasked of what waits.", rich_markup_mode=None)


@app.callback()
def ways() -> None:
    """Say how you are told; a command of its own stands behind it."""


@app.command("test")
def try_ways(
    way: Annotated[
        list[str] | None, typer.Argument(metavar="[WAY]...", help="As [notify] names them. Default: all of them.")
    ] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Send yourself a word by each way, and see which took it."""
    from mainstay.cli import notify

    return notify.try_ways(screen_of(as_json), workspace, way or [])
