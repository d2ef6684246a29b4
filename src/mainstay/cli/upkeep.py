"""`mainstay history size|archive|collect|rebuild|export|import`: how large it is, its care, and taking it elsewhere."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from rich.table import Table

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.errors import FileError, InputError, MainstayError
from mainstay.values import parse_duration_s, say_count
from mainstay.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.ledger.sizes import Part, Sizes

Row: TypeAlias = dict[str, Any]
_UNITS = ((2**30, "GB"), (2**20, "MB"), (2**10, "KB"))


# --- size


def size(screen: Screen, folder: Path | None) -> int:
    """Show what the history takes on disk, and what makes it large."""
    from mainstay.ledger import keys
    from mainstay.ledger.blobs import FileBlobs
    from mainstay.ledger.reader import SqliteReader
    from mainstay.ledger.sizes import sizes

    workspace = workspace_at(folder)
    held = keys.load(workspace.state)
    with SqliteReader(workspace.ledger, held.database) as reader, screen.err.status("Measuring"):
        found = sizes(reader, workspace.ledger, FileBlobs(workspace.blobs, held.blobs))
    screen.give(found, lambda console: _draw_sizes(found, console))
    return DONE


def _draw_sizes(found: Sizes, console: Console) -> None:
    console.print(text(f"The history takes {say_bytes(found.total)} on disk.", "bold"))
    table = _table("what", "how many", "on disk")
    events = next((part.size for part in found.tables if part.name == "event"), 0)
    rest = found.database + found.waiting - events - found.views - found.free
    for name, count, taken in (
        ("records", f"{found.records:,}", events),
        ("lists made of them", "", found.views),
        ("files and large values", f"{found.blobs.count:,}", found.blobs.size),
        ("archived details", say_count(found.archived_records, "record"), found.segments.size),
        ("free, used again", "", found.free),
        ("the rest", "", max(0, rest)),
    ):
        table.add_row(name, count, say_bytes(taken))
    console.print(table)
    _draw_parts(console, "Details of records, the largest kinds:", found.kinds)
    _draw_parts(console, "By playbook:", found.playbooks)


def _draw_parts(console: Console, headline: str, parts: tuple[Part, ...]) -> None:
    if parts:
        console.print()
        console.print(text(headline))
        table = _table("what", "records", "details")
        for part in parts:
            name = f"{part.name} ({part.plans:,} plan{'s' * (part.plans != 1)})" if part.plans else part.name
            table.add_row(text(name), f"{part.count:,}", say_bytes(part.size))
        console.print(table)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(names):
        table.add_column(name, justify="right" if index else "left")
    return table


def say_bytes(count: int) -> str:
    """Say a size in the unit that fits: "3.2 MB"."""
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return say_count(count, "byte")


# --- care


def archive(screen: Screen, folder: Path | None, older_than: str) -> int:
    """Move the details of plans that ended long ago to the archive; they stay readable."""
    try:
        older_than_s = parse_duration_s(older_than)
    except ValueError as error:
        raise InputError(f"--older-than: {error}.", remedy="Give a time such as 90d or 52w.") from None
    done = _ask_owner(screen, folder, "archive", {"older_than_s": older_than_s}, "Archiving")
    moved, taken = say_bytes(done["body_bytes"]), say_bytes(done["segment_bytes"])
    told = (
        f"The details of {done['plans']:,} plans ({done['events']:,} records, {moved}) are archived in {taken}."
        if done["events"]
        else f"Nothing to archive: no plan ended more than {older_than} ago that is not archived yet."
    )
    return _say(screen, done, told)


def collect(screen: Screen, folder: Path | None) -> int:
    """Remove files that no record names."""
    done = _ask_owner(screen, folder, "collect", {}, "Looking for files that nothing names")
    room = say_bytes(done["stored_bytes"])
    told = (
        f"{done['removed']:,} files that no record names are gone, {room}." if done["removed"] else "Nothing to remove."
    )
    return _say(screen, done, told)


def rebuild(screen: Screen, folder: Path | None) -> int:
    """Make all lists anew from the records."""
    done = _ask_owner(screen, folder, "rebuild", {}, "Making the lists anew")
    return _say(screen, done, f"All lists were made anew from {done['records']:,} records in {done['seconds']:.1f} s.")


def _ask_owner(screen: Screen, folder: Path | None, method: str, params: Row, what: str) -> Row:
    from mainstay.owners import ask_owner
    from mainstay.requests.care import CARE

    workspace = workspace_at(folder)
    with screen.err.status(what) as status:

        def hear(event: Row) -> None:
            if event["kind"] == CARE:
                status.update(text(f"{what}: {event['done']:,} of {event['count']:,}"))

        done = asyncio.run(ask_owner(workspace, method, params, hear))
    return {name: value for name, value in done.items() if name not in ("plan", "left")}


def _say(screen: Screen, done: Row, told: str) -> int:
    screen.give(done, lambda _: None)
    if not screen.as_json:
        screen.say(told)
    return DONE


# --- elsewhere


def export(screen: Screen, folder: Path | None, *, plan: str, blobs: Path | None) -> int:
    """Write the history to stdout, one JSON document on each line."""
    from mainstay.cli.place import views_at
    from mainstay.ledger import keys
    from mainstay.ledger.blobs import FileBlobs
    from mainstay.ledger.exporting import Opened, export

    if sys.stdout.isatty():
        raise InputError("An export is for a file, not for a screen.", remedy="mainstay history export > FILE")
    workspace = workspace_at(folder)
    if plan:
        with views_at(workspace.root) as views:
            plan = views.plan_id(plan)
    held = keys.load(workspace.state)
    opened = Opened(workspace.ledger, held.database, held.people, FileBlobs(workspace.blobs, held.blobs), VERSION)
    with _whole_export(), screen.err.status("Exporting") as status:
        done = export(
            opened,
            sys.stdout.buffer.write,
            plan=plan,
            beside=blobs,
            progress=lambda at, last: status.update(text(f"Exporting: record {at:,} of {last:,}")),
        )
        sys.stdout.buffer.flush()
    screen.err.print(text(f"{done.records:,} records and {done.blobs:,} files are exported. Anybody can read them."))
    if done.missing:
        screen.err.print(text(f"{done.missing:,} files were missing: mainstay history verify names them.", "yellow"))
    return DONE


@contextmanager
def _whole_export() -> Generator[None]:
    """Say of an export that can't be written that it is not whole; whoever reads it may have seen enough."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more when it closes
        where = f" to {error.filename}" if error.filename else ""
        raise MainstayError(
            f"The export can't be written{where}: {error.strerror}. What was written of it is not whole.",
            remedy="Name another file or folder, or make room there.",
        ) from None


def import_(screen: Screen, folder: Path | None, file: Path, *, blobs: Path | None) -> int:
    """Take a whole history into a new workspace; nothing is done in it before the operator says so."""
    from mainstay.app import import_history
    from mainstay.cli.backup import say_forgotten_again
    from mainstay.owners import begin

    workspace = workspace_at(folder)
    with _lines(file) as lines, screen.err.status("Importing") as status:
        done = import_history(
            workspace,
            lines,
            file.name,
            blobs,
            lambda line: status.update(text(f"Importing: line {line:,} is in order")),
        )
    again = asyncio.run(begin(workspace))  # its first owner sees that it is another history, and holds everything
    screen.give(msgspec.structs.asdict(done) | {"forgotten_again": again}, lambda _: None)
    if not screen.as_json:
        screen.say(f"{done.records:,} records and {done.blobs:,} files are imported, all as they were written.", "bold")
        say_forgotten_again(screen, again)
        screen.say("Nothing is done in this workspace yet: what was on its way then may have happened since.")
        screen.say(text("Next: mainstay history release", "cyan"))
    return DONE


@contextmanager
def _lines(file: Path) -> Generator[Any]:
    try:
        with file.open("rb") as opened:
            yield opened
    except OSError as error:
        raise FileError(f"{file} can't be read: {error.strerror}.", remedy="Check its name and folder.") from None
