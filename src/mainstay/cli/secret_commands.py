"""The commands of `mainstay secret`. A value is never an argument: others on the machine can see those."""

from __future__ import annotations

from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, screen_of

app = typer.Typer(no_args_is_help=True, help="Passwords and keys of outside services.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As mainstay.toml names it: smtp for secret:smtp.")]
Host = Annotated[str, typer.Option(metavar="HOST", help="The only host it is sent to.")]


@app.command("set")
def set_secret(
    name: Name,
    host: Host = "",
    connector: Annotated[str, typer.Option(metavar="NAME", help="The only connector that gets it, such as mail.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Keep a new one; asks for it, or reads it from stdin."""
    from mainstay.cli import secret

    return secret.set_new(screen_of(as_json), workspace, name, host, connector)


@app.command("list")
def list_secrets(as_json: Json = False, workspace: Folder = None) -> int:
    """Show all of them, without their values."""
    from mainstay.cli import secret

    return secret.listed(screen_of(as_json), workspace)


@app.command()
def rotate(name: Name, host: Host = "", as_json: Json = False, workspace: Folder = None) -> int:
    """Put a new value in its place; what uses it goes on."""
    from mainstay.cli import secret

    return secret.rotate(screen_of(as_json), workspace, name, host)


@app.command("test")
def try_secret(name: Name, as_json: Json = False, workspace: Folder = None) -> int:
    """Log in with it; sends nothing."""
    from mainstay.cli import secret

    return secret.test(screen_of(as_json), workspace, name)


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask again.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Keep it no longer."""
    from mainstay.cli import secret

    return secret.remove(screen_of(as_json), workspace, name, yes=yes)
