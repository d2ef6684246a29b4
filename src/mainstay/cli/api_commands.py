"""The commands of `mainstay api`: tokens for tools you have already, and links to questions."""

from __future__ import annotations

from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, screen_of

app = typer.Typer(no_args_is_help=True, help="Let tools of yours ask for actions.", rich_markup_mode=None)
token = typer.Typer(no_args_is_help=True, help="What each tool may ask for.", rich_markup_mode=None)
app.add_typer(token, name="token")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The tool's: n8n, for one.")]


@token.command()
def create(
    name: Name,
    allow: Annotated[str, typer.Option(metavar="OPERATIONS", help="What it may ask for: mail.send,files.write")],
    expires: Annotated[str, typer.Option(metavar="TIME", help="It counts so long: 90d. Default: until revoked.")] = "",
    callback: Annotated[str, typer.Option(metavar="URL", help="Where it is told what became of it.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Make a token; it is shown once."""
    from mainstay.cli import api

    asked = {"name": name, "allow": api.listed(allow), "expires": expires, "callback": callback}
    return api.create(screen_of(as_json), workspace, asked)


@token.command("list")
def list_tokens(as_json: Json = False, workspace: Folder = None) -> int:
    """Show all of them, without what they are."""
    from mainstay.cli import api

    return api.tokens(screen_of(as_json), workspace)


@token.command()
def revoke(name: Name, as_json: Json = False, workspace: Folder = None) -> int:
    """Let one count no more, at once."""
    from mainstay.cli import api

    return api.revoke(screen_of(as_json), workspace, name)


@app.command()
def operations(as_json: Json = False, workspace: Folder = None) -> int:
    """Show what a tool may be allowed to ask for, and with which arguments."""
    from mainstay.cli import api

    return api.operations(screen_of(as_json), workspace)


@app.command()
def describe(as_json: Json = False, workspace: Folder = None) -> int:
    """Describe all that is served over HTTP, as OpenAPI 3.1 for programs that read it."""
    from mainstay.cli import api

    del as_json  # it is JSON all the same
    return api.describe(workspace)


@app.command()
def link(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="See: mainstay inbox")],
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="It ends then, or with the question.")] = "1d",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Make a link that answers one question, for a phone."""
    from mainstay.cli import api

    return api.link(screen_of(as_json), workspace, question, lasts)
