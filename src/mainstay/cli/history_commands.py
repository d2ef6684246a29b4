"""`mainstay history`: the history itself, its proof, its size, and the way out and in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, screen_of

app = typer.Typer(no_args_is_help=True, help="Everything that ever happened.", rich_markup_mode=None)


@app.command()
def verify(
    anchor: Annotated[
        str | None, typer.Option(metavar="FILE|FOLDER|LINE", help="Hold it against what you kept outside, mails too.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Who has to have signed that: the key's fingerprint.")
    ] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Check that every record is as it was written."""
    from mainstay.cli import history as records

    return records.verify(screen_of(as_json), workspace, anchor, key)


@app.command()
def anchor(
    file: Annotated[Path | None, typer.Argument(help="Written there, outside the workspace.")] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Give a line to keep outside, to check against; also to the places under [anchor]."""
    from mainstay.cli import history as records

    return records.anchor(screen_of(as_json), workspace, file)


@app.command()
def anchors(as_json: Json = False, workspace: Folder = None) -> int:
    """List when the history was given out to be kept outside, and where."""
    from mainstay.cli import history as records

    return records.anchors(screen_of(as_json), workspace)


@app.command(name="check")
def check_receipt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A receipt: .md or .pdf.")],
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Who has to have signed it: the key's fingerprint.")
    ] = None,
    full: Annotated[Path | None, typer.Option(metavar="FILE", help="The full one, of one without personal.")] = None,
    as_json: Json = False,
) -> int:
    """Check a receipt; needs no workspace."""
    from mainstay.cli import receipts

    return receipts.check(screen_of(as_json), file, key, full)


@app.command()
def release(
    answers: Annotated[
        list[str] | None, typer.Argument(metavar="PLAN/ACTION=ANSWER...", help="happened, did-not-happen or run.")
    ] = None,
    for_all: Annotated[str, typer.Option("--all", metavar="ANSWER", help="For all you name no answer for.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask; where no action needs your word.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Let a copied or restored workspace go on."""
    from mainstay.cli import release as releasing

    return releasing.release(screen_of(as_json), workspace, answers or [], for_all=for_all, yes=yes)


@app.command()
def tail(
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many at most.")] = 20,
    plan: Annotated[str, typer.Option(help="Only of this plan.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show what happened last."""
    from mainstay.cli import history as records

    return records.tail(screen_of(as_json), workspace, count=count, plan=plan)


@app.command()
def size(as_json: Json = False, workspace: Folder = None) -> int:
    """Show what it takes on disk, and what makes it large."""
    from mainstay.cli import upkeep

    return upkeep.size(screen_of(as_json), workspace)


@app.command()
def archive(
    older_than: Annotated[str, typer.Option(metavar="TIME", help="How long ago a plan ended, such as 90d.")] = "365d",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Archive details of plans that ended; they stay readable."""
    from mainstay.cli import upkeep

    return upkeep.archive(screen_of(as_json), workspace, older_than)


@app.command()
def collect(as_json: Json = False, workspace: Folder = None) -> int:
    """Remove stored files that no record names."""
    from mainstay.cli import upkeep

    return upkeep.collect(screen_of(as_json), workspace)


@app.command()
def rebuild(as_json: Json = False, workspace: Folder = None) -> int:
    """Make all lists anew from the records."""
    from mainstay.cli import upkeep

    return upkeep.rebuild(screen_of(as_json), workspace)


@app.command()
def export(
    plan: Annotated[str, typer.Option(help="Only of this plan and its parts.")] = "",
    blobs: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Put stored files there, not inside.")] = None,
    workspace: Folder = None,
) -> int:
    """Write it to stdout for any program to read."""
    from mainstay.cli import upkeep

    return upkeep.export(screen_of(False), workspace, plan=plan, blobs=blobs)


@app.command("import")
def import_history(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made with: mainstay history export")],
    blobs: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where its stored files are.")] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Take a whole history into a new workspace."""
    from mainstay.cli import upkeep

    return upkeep.import_(screen_of(as_json), workspace, file, blobs=blobs)
