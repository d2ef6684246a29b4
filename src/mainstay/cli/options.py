"""Options that every command takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from mainstay.cli.screen import Screen

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Give one JSON document on stdout.")]
Folder: TypeAlias = Annotated[
    Path | None,
    typer.Option("--workspace", envvar="MAINSTAY_WORKSPACE", metavar="FOLDER", help="Default: here or above."),
]


def screen_of(as_json: bool) -> Screen:
    """Give the two outputs of a command."""
    from mainstay.cli.screen import Screen

    return Screen(as_json=as_json)
