"""The commands about a workspace itself: copies of it, versions of what it runs, its settings and its health."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, Sure, screen_of

app = typer.Typer(rich_markup_mode=None)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Open it with a passphrase, without any key.")
    ] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Write the whole workspace into one encrypted file."""
    from mainstay.cli import backup as backups

    return backups.backup(screen_of(as_json), workspace, file, by_word=passphrase)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made with: mainstay backup")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    as_json: Json = False,
) -> int:
    """Make a workspace of a backup; nothing is done in it yet."""
    from mainstay.cli import backup as backups

    return backups.restore(screen_of(as_json), file, folder)


@app.command()
def activate(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME ...", help="Without it: all that changed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that changed; the same as no name.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Let changed playbooks, agents and policies run."""
    from mainstay.cli import versions

    return versions.activate(screen_of(as_json), workspace, [] if everything else names or [], yes=yes)


@app.command()
def metrics(
    weeks: Annotated[int, typer.Option(min=1, max=520, metavar="N", help="So many weeks back.")] = 4,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Measure how much of your attention is asked for."""
    from mainstay.cli import metrics as measured

    return measured.show(screen_of(as_json), workspace, weeks)


@app.command()
def diff(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A playbook, agent or policy, or its file.")],
    older: Annotated[str, typer.Argument(metavar="VERSION", help="By default the active one.")] = "",
    newer: Annotated[str, typer.Argument(metavar="VERSION", help="By default the file.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show what differs between versions."""
    from mainstay.cli import versions

    return versions.diff(screen_of(as_json), workspace, name, older, newer)


@app.command()
def revert(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A playbook, agent or policy, or its file.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="By default the one before.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Put an older version back, in the folder too."""
    from mainstay.cli import versions

    return versions.revert(screen_of(as_json), workspace, name, version, yes=yes)


@app.command()
def settings(as_json: Json = False, workspace: Folder = None) -> int:
    """Show what mainstay.toml says, and what it means."""
    from mainstay.cli import settings as config

    return config.show(screen_of(as_json), workspace)


@app.command()
def columns(
    question: Annotated[str, typer.Argument(help="One that proposes lines for mainstay.toml; see: mainstay inbox")],
    row: Annotated[int, typer.Option(min=1, help="Which row of it.")] = 1,
    file: Annotated[Path | None, typer.Option(metavar="FILE|-", help="The lines as you corrected them.")] = None,
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Write how columns are read into mainstay.toml."""
    from mainstay.cli import columns as lines

    return lines.write(screen_of(as_json), workspace, question, row, file, yes=yes)


@app.command()
def doctor(as_json: Json = False, workspace: Folder = None) -> int:
    """Look whether all is in order, and what to do."""
    from mainstay.cli import doctor as surgery

    return surgery.doctor(screen_of(as_json), workspace)


@app.command(name="forget")
def forget_person(
    person: Annotated[str, typer.Argument(help="A name, account, mail address or customer's number.")],
    only: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Of several people, only this one.")] = None,
    keep_files: Annotated[bool, typer.Option("--keep-files", help="Files they stand in stay readable.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask again.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Forget a person for good, after showing what is known."""
    from mainstay.cli import forget as forgetting

    return forgetting.forget(screen_of(as_json), workspace, person, only=only or [], keep_files=keep_files, yes=yes)
