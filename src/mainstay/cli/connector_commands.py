"""`mainstay connectors`: the ways to the world and how they did lately; trying one out."""

from __future__ import annotations

from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, screen_of

app = typer.Typer(
    invoke_without_command=True, help="How connectors and agents did lately, and trying one.", rich_markup_mode=None
)


@app.callback()
def show(context: typer.Context, as_json: Json = False, workspace: Folder = None) -> int:
    """Show connectors, agents and credentials: what went well last, what is held back, what expires."""
    from mainstay.cli import connectors

    return 0 if context.invoked_subcommand else connectors.listed(screen_of(as_json), workspace)


@app.command("test")
def try_out(
    name: Annotated[str, typer.Argument(metavar="CONNECTOR", help="Such as mail.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Try whether one works now: it logs in, and sends nothing."""
    from mainstay.cli import connectors

    return connectors.test(screen_of(as_json), workspace, name)
