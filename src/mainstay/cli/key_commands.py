"""The commands of `mainstay key`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, screen_of

app = typer.Typer(no_args_is_help=True, help="The key that opens this workspace.", rich_markup_mode=None)


@app.command()
def show(as_json: Json = False, workspace: Folder = None) -> int:
    """Say where the key is kept."""
    from mainstay.cli import key

    return key.show(screen_of(as_json), workspace)


@app.command()
def move(
    way: Annotated[str, typer.Argument(metavar="keyring|file|passphrase")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Keep it elsewhere, or under another passphrase."""
    from mainstay.cli import key

    return key.move(screen_of(as_json), workspace, way)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New, outside the workspace.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Write the key to a file, for your own backup."""
    from mainstay.cli import key

    return key.export(screen_of(as_json), workspace, file)
